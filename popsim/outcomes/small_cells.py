"""Measures that fewer people than a threshold make, which are not shown where people are real.

A share is hidden if its numerator, or what is left of its denominator, is a small count; a rate if its events are; any
measure of fewer people than the threshold; occupancy where few people of the study, and nobody else, are in the beds;
and what would give a hidden one away: the wider or narrower window if the
two differ by a small count, and gaps between fifths of deprivation one of which is hidden. A measure is hidden under
every strategy, so that differences between strategies say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from popsim.outcomes.equity import BY_DEPRIVATION, GAP, SLOPE

SHARES = re.compile(
    r"(readmission_\d+d(_at_entry)?(_index_cause)?|readmission_\d+d_cumulative_incidence(_index_cause)?|mortality(_\d+d)?"
    rf"|{BY_DEPRIVATION}\.(readmission_30d_at_entry|mortality)\.\d)"
)
RATES = re.compile(r"[a-z_]+_per_person(_year)?")
BEDS = r"^(occupancy_[a-z0-9]+|days_over_\d+_percent)\.(.+)$"
IN_PEOPLE = ("occupancy_mean", "occupancy_peak", "occupancy_p50", "occupancy_p90", "occupancy_p95")
OF_PLACES = ("occupancy_", "days_over_", "places.")  # measures whose denominator is places, not people
NESTED = (  # measures of the same people, of which each counts those of the one before and more
    re.compile(r"mortality(?:_(\d+)d)?"),
    re.compile(r"readmission_(\d+)d"),
    re.compile(r"readmission_(\d+)d_index_cause"),
)
FOLLOWS = {  # measures that are worked out from a hidden one, by the prefix of the hidden one's name
    "readmission_{0}d": ("risk_standardised_readmission_{0}d", "readmission_ratio_{0}d"),
}


def hidden_measures(measures: pl.DataFrame, threshold: int, *, study_beds: bool = False) -> set[str]:
    """Names of the measures not to show.

    Args:
        measures: of a run: strategy, draw, replication, measure, value, weight.
        threshold: least number of people or events that is shown; counts are means over draws and replications.
        study_beds: whether nobody else is in the beds of the study's people, so that occupancy counts them.
    """
    if threshold <= 1:
        return set()
    value, weight = pl.col("value"), pl.col("weight")
    counts = (
        measures.filter(value.is_not_null(), weight.is_not_null())
        .group_by("strategy", "measure")
        .agg(number=(value * weight).mean(), of=weight.mean())
        .sort("strategy", "measure")
    )
    hidden = {row["measure"] for row in counts.iter_rows(named=True) if _small(row, threshold)}
    if study_beds:
        hidden |= _little_used(measures, threshold)
    for (_strategy,), rows in counts.group_by("strategy"):
        hidden |= _differing_little(dict(zip(rows["measure"], rows["number"], strict=True)), hidden, threshold)
    fifths = {name.split(".")[1] for name in hidden if name.startswith(f"{BY_DEPRIVATION}.")}
    hidden |= {f"{kind}.{of}" for of in fifths for kind in (GAP, SLOPE)}
    for of in fifths:  # two hidden ones at least, or the whole and the others give it away
        names = [name for name in set(counts["measure"]) if name.startswith(f"{BY_DEPRIVATION}.{of}.")]
        hidden |= set(names) if len(hidden & set(names)) == 1 else set()
    for name in [*hidden]:
        if found := re.fullmatch(r"readmission_(\d+)d", name):
            hidden |= {one.format(found[1]) for ones in FOLLOWS.values() for one in ones}
    return hidden


def masked(frame: pl.DataFrame | pl.LazyFrame, hidden: set[str]) -> pl.LazyFrame:
    """A table with a column `measure`, without the numbers of hidden ones."""
    lazy = frame.lazy()
    schema = lazy.collect_schema()
    if not hidden or "measure" not in schema:
        return lazy
    shown = ~pl.col("measure").cast(pl.String).is_in(list(hidden))
    numbers = [name for name, kind in schema.items() if kind.is_float()]
    return lazy.with_columns(pl.when(shown).then(pl.col(name)).alias(name) for name in numbers)


def note(hidden: Sequence[str] | set[str], threshold: int, people: str = "people or events") -> str:
    """What is hidden, in one line; empty where nothing is."""
    if not hidden:
        return ""
    return f"Real people: {len(hidden)} measures of fewer than {threshold} {people} are hidden (small_cells)."


def _small(row: dict[str, float | str], threshold: int) -> bool:
    number, of, name = float(row["number"]), float(row["of"]), str(row["measure"])
    if 0 < of < threshold and not name.startswith(OF_PLACES):
        return True
    if SHARES.fullmatch(name):
        return 0 < number < threshold or 0 < of - number < threshold
    return bool(RATES.fullmatch(name)) and 0 < number < threshold


def _little_used(measures: pl.DataFrame, threshold: int) -> set[str]:
    """Measures of the beds of settings in which there are few people, even if it is only under one strategy."""
    beds = measures.filter(pl.col("measure").str.contains(BEDS)).with_columns(
        setting=pl.col("measure").str.extract(BEDS, 2), kind=pl.col("measure").str.extract(BEDS, 1)
    )
    people = beds.filter(pl.col("kind").is_in(IN_PEOPLE)).group_by("strategy", "measure", "setting").agg(
        pl.col("value").mean()
    )  # fmt: skip
    few = people.filter((pl.col("value") > 0) & (pl.col("value") < threshold))["setting"].unique()
    return set(beds.filter(pl.col("setting").is_in(few.implode()))["measure"])


def _differing_little(numbers: dict[str, float], hidden: set[str], threshold: int) -> set[str]:
    """Of windows of which one holds the other, those that would tell a small count by their difference."""
    more: set[str] = set()
    for family in NESTED:
        found = [(int(match[1] or 10**6), name) for name in numbers if (match := family.fullmatch(name))]
        shown = [name for _, name in sorted(found) if name not in hidden]
        last: str | None = None
        for name in shown:
            if last is not None and 0 < numbers[name] - numbers[last] < threshold:
                more.add(name)
            else:
                last = name
    for name in [*numbers]:
        narrower = f"{name}_index_cause"
        if {name, narrower} <= set(numbers) - hidden - more and 0 < numbers[name] - numbers[narrower] < threshold:
            more.add(narrower)
    return more
