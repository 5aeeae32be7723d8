"""Two finished runs side by side: what differs in their definitions, and every measure with its difference.

Runs whose people and random numbers are the same (seed, population, regions, cohort, enrolment, draws, replications)
are compared in pairs of replications, so that most of the noise cancels. Others are independent: the variances of both
means add up, and the interval is Welch's (Student's t with Satterthwaite's degrees of freedom).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from popsim.economics.uncertainty import nested_means
from popsim.errors import InputError
from popsim.runs.run import StoredRun
from popsim.statistics import t_quantile
from popsim.studies.prices import money_in_words

SAME_PEOPLE = ("seed", "population", "regions", "enrolment_days", "entry", "draws", "replications")  # of the experiment
DEFINITION = ("experiment", "cohort", "network", "parameters", "data", "code")  # parts of a manifest
KEYS = ("strategy", "measure")
VALUES = (*KEYS, "draw", "replication", "value")


def check_comparable(first: StoredRun, second: StoredRun) -> None:
    """Refuse runs that cannot be compared.

    Raises:
        InputError: they are the same run, or their costs are in different currencies, or of different years.
    """
    if first.folder.resolve() == second.folder.resolve():
        raise InputError(f"{second.folder}: is the same run as {first.folder}; name two runs")
    here, there = money_in_words(first.experiment), money_in_words(second.experiment)
    if here != there:
        raise InputError(f"{second.folder}: its costs are in {there}, must be in {here} as those of {first.folder}")


def not_paired(first: StoredRun, second: StoredRun) -> list[str]:
    """What keeps the runs from having the same people and random numbers; empty where they have them."""
    here, there = first.experiment, second.experiment
    reasons = [key.replace("_", " ") for key in SAME_PEOPLE if getattr(here, key) != getattr(there, key)]
    same_cohort = all(first.manifest[part] == second.manifest[part] for part in ("cohort", "data"))
    return [*reasons, *([] if same_cohort else ["cohort"])]


def matched(first: StoredRun, second: StoredRun) -> dict[str, str]:
    """Name of each strategy of the first run by the second's: those of the same name, else the two comparators."""
    same = {name: name for name in second.strategies if name in first.strategies}
    return same or {second.comparator: first.comparator}


def compared(first: StoredRun, second: StoredRun) -> pl.DataFrame:
    """Every measure of every strategy under both runs.

    Returns:
        strategy, measure, first, second (means), difference (second - first, in pairs over the replications that have
        both) with its Monte Carlo interval low and high; null where a run does not have it, or it cannot be estimated.

    Raises:
        InputError: the runs cannot be compared.
    """
    check_comparable(first, second)
    here = first.frame("measures").select(VALUES)
    there = second.frame("measures").select(VALUES).with_columns(pl.col("strategy").replace(matched(first, second)))
    means = (nested_means(here, KEYS), nested_means(there, KEYS))
    both = means[0].join(means[1], on=KEYS, how="full", coalesce=True, suffix="_second", maintain_order="left_right")
    if not_paired(first, second):
        ends = [_welch(row) for row in both.iter_rows(named=True)]
        differences = both.select(*KEYS, pl.DataFrame(ends, ENDS, orient="row").to_struct("ends")).unnest("ends")
    else:
        pairs = here.join(there, on=[*KEYS, "draw", "replication"], maintain_order="left")
        differences = nested_means(pairs.with_columns(value=pl.col("value_right") - pl.col("value")), KEYS)
    found = differences.select(*KEYS, pl.col("mean").alias("difference"), "low", "high")
    return both.select(*KEYS, first="mean", second="mean_second").join(
        found, on=KEYS, how="left", maintain_order="left"
    )


ENDS = {"mean": pl.Float64, "low": pl.Float64, "high": pl.Float64}


def _welch(row: Mapping[str, Any]) -> tuple[float | None, float | None, float | None]:
    """Difference of two independent means and its interval."""
    if row["mean"] is None or row["mean_second"] is None:
        return None, None, None
    difference = row["mean_second"] - row["mean"]
    errors = [row[f"standard_error{run}"] for run in ("", "_second")]
    if None in errors:
        return difference, None, None
    sizes = [row[f"draws{run}"] if row[f"draws{run}"] > 1 else row[f"replications{run}"] for run in ("", "_second")]
    variance = sum(error**2 for error in errors)
    parts = sum(error**4 / (size - 1) for error, size in zip(errors, sizes, strict=True))
    reach = t_quantile(1.0 + variance**2 / parts) * math.sqrt(variance) if parts else 0.0
    return difference, difference - reach, difference + reach


def changed(first: StoredRun, second: StoredRun) -> pl.DataFrame:
    """What differs between the definitions of two runs: key, first, second (null where a run does not have the key)."""
    here, there = (dict(_leaves(run.manifest)) for run in (first, second))
    keys = [key for key in dict.fromkeys([*here, *there]) if here.get(key) != there.get(key)]
    rows = [(key, here.get(key), there.get(key)) for key in keys]
    return pl.DataFrame(rows, {"key": pl.String, "first": pl.String, "second": pl.String}, orient="row")


def _leaves(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Key and value of all that a run was defined by; members of a list by their name."""
    for part in DEFINITION:
        yield from _within(part, manifest[part])


def _within(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, list) and value and all(isinstance(one, dict) and "name" in one for one in value):
        value = {one["name"]: one for one in value}
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _within(f"{key}.{name}", inner)
    elif value is not None:
        yield key, value if isinstance(value, str) else json.dumps(value)
