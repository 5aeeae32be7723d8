"""Several runs side by side: from different experiments, or from one experiment at several values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl

from popsim.definitions.experiment import ExperimentDefinition
from popsim.errors import InputError, did_you_mean
from popsim.reporting.figures.outcomes import MAIN_MEASURES
from popsim.studies.measures import check_measures, measures_of
from popsim.surface.experiment import Experiment
from popsim.surface.frames import as_requested, listed
from popsim.surface.run import Run

ESTIMATE = ("mean", "low", "high")


def compare(
    *runs: Run,
    measures: str | Iterable[str] = MAIN_MEASURES,
    labels: Sequence[str] | None = None,
    pandas: bool = False,
) -> Any:
    """The main measures of several runs, perhaps of different experiments, side by side.

    Args:
        runs: finished ones.
        measures: names of measures.
        labels: of the runs; their experiments' titles when None, with the run's id where two are alike.
        pandas: whether the table is a pandas one.

    Returns:
        run (the label), strategy, and for each measure its mean, <measure>_low and <measure>_high.

    Raises:
        InputError: there is no run, no such measure, or there are more or fewer labels than runs.
    """
    if not runs:
        raise InputError("compare: needs at least one run")
    names = _labels(runs) if labels is None else list(labels)
    if len(names) != len(runs):
        raise InputError(f"labels: {len(names)} for {len(runs)} runs, must be one for each")
    wanted = listed(measures)
    tables = [run.summary() for run in runs]
    check_measures(wanted, [one for table in tables for one in table["measure"].unique()])
    columns = [
        pl.col(end).filter(pl.col("measure") == measure).first().alias(f"{measure}{suffix}")
        for measure in wanted
        for end, suffix in zip(ESTIMATE, ("", "_low", "_high"), strict=True)
    ]
    rows = [
        table.group_by("strategy", maintain_order=True).agg(columns).select(pl.lit(name).alias("run"), pl.all())
        for name, table in zip(names, tables, strict=True)
    ]
    return as_requested(pl.concat(rows), pandas)


def sweep(
    experiment: Experiment,
    values: Mapping[str, Iterable[Any]],
    *,
    measures: str | Iterable[str] = MAIN_MEASURES,
    out: str | Path = "results",
    workers: int | None = None,
    threads: int | None = None,
    progress: bool | None = None,
    pandas: bool = False,
) -> Any:
    """An experiment at several values of one or more parameters: every combination, on the same random streams.

    Args:
        experiment: its other values stay.
        values: by parameter ("nhs_prices.inpatient_day") or key of the experiment ("follow_up_days").
        measures: names of measures.
        out, workers, threads, progress: as for `Experiment.run`.
        pandas: whether the table is a pandas one.

    Returns:
        A column for each of `values`, strategy, measure, mean, low, high.

    Raises:
        InputError: a name, a value or a measure is refused, if possible before anything is simulated.
    """
    keys, levels = list(values), [list(level) for level in values.values()]
    if not keys or not all(levels):
        raise InputError("sweep: needs at least one parameter, and at least one value of each")
    for key in keys:
        if "." not in key and key not in ExperimentDefinition.model_fields:
            known = [*ExperimentDefinition.model_fields, *experiment.parameters()["parameter"]]
            raise InputError(f"sweep: '{key}': {did_you_mean(key, known)}")
    points = list(product(*levels))
    variants = [experiment.with_(**_changes(keys, point), store="measures") for point in points]
    for variant in variants:
        check_measures(listed(measures), measures_of(variant._study))
    rows = []
    for point, variant in zip(points, variants, strict=True):
        summary = variant.run(out, workers=workers, threads=threads, progress=progress).summary(measures)
        at = [_shown(value).alias(key) for key, value in zip(keys, point, strict=True)]
        rows.append(summary.select(*at, "strategy", "measure", *ESTIMATE))
    return as_requested(pl.concat(rows, how="vertical_relaxed"), pandas)


def _changes(keys: Sequence[str], point: Sequence[Any]) -> dict[str, Any]:
    """One point, as arguments of `Experiment.with_`."""
    said = dict(zip(keys, point, strict=True))
    parameters = {key: value for key, value in said.items() if "." in key}
    others = {key: value for key, value in said.items() if "." not in key}
    return others | ({"parameters": parameters} if parameters else {})


def _shown(value: Any) -> pl.Expr:
    """A value as a cell: numbers unchanged, all else as text."""
    return pl.lit(value if isinstance(value, int | float | str) else str(value))


def _labels(runs: Sequence[Run]) -> list[str]:
    """Titles of the runs' experiments, with the run's id where two are alike."""
    titles = [run.experiment.title or run.experiment.name for run in runs]
    return [
        title if titles.count(title) == 1 else f"{title} ({run.manifest['run_id']})"
        for title, run in zip(titles, runs, strict=True)
    ]
