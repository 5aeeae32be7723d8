"""Equity: how outcomes differ between fifths of area deprivation.

The values of the fifths are measures of every unit, so that regions merge exactly; gaps are computed afterwards.

gap     value of the most deprived fifth (1) minus that of the least deprived (5).
slope   slope index of inequality: the fifths' values are regressed, weighted with their numbers, on the middle of the
        range of ranks that each takes up among all people, from 0 (most deprived) to 1 (least deprived); the index is
        the fitted value at rank 0 minus that at rank 1: it has the sign of the gap, uses all fifths and depends little
        on small outermost fifths. assumption: recalled from Mackenbach and Kunst, Soc Sci Med 1997, to be checked.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from popsim.outcomes.measure import Better, OutcomeMeasure
from popsim.outcomes.regions import KEYS, Value

MOST_DEPRIVED, LEAST_DEPRIVED = 1, 5
# measure: the column of the persons table whose mean it is
BY_PERSON = {
    "readmission_30d_at_entry": "readmitted_30d",
    "mortality": "died",
    "days_alive_out_of_hospital": "days_alive_out_of_hospital",
    "qalys": "qaly",
}
WAIT = "wait_mean_hours"
BY_DEPRIVATION, GAP, SLOPE = "by_deprivation", "gap_deprivation", "slope_deprivation"

_COMPARED: tuple[tuple[str, str, str, Better], ...] = (
    ("readmission_30d_at_entry", "30-day readmission after entry", "%", "lower"),
    ("mortality", "Died during follow-up", "%", "lower"),
    ("days_alive_out_of_hospital", "Days alive and out of hospital", "days", "higher"),
    ("qalys", "QALYs", "QALYs", "higher"),
    (WAIT, "Wait for a bed, hours", "hours", "lower"),
)
EQUITY = tuple(
    measure
    for name, label, unit, better in _COMPARED
    for points in ["% points" if unit == "%" else unit]
    for measure in (
        OutcomeMeasure(f"{BY_DEPRIVATION}.{name}.*", f"{label}, by fifth of deprivation", unit,
                       "Of one fifth of area deprivation, 1 the most deprived", better, each="fifth"),
        *(
            OutcomeMeasure(f"{stem}.{name}", f"{label}, {words}", points, meaning, short=(
                f"{label}, {points}" if unit == "%" else label))
            for stem, words, meaning in (
                (GAP, "most less least deprived fifth", "The most deprived fifth less the least deprived"),
                (SLOPE, "slope index, most less least deprived", "Slope index of inequality over all fifths"),
            )
        ),
    )
)  # fmt: skip


def by_deprivation(table: pl.DataFrame) -> dict[str, Value]:
    """Outcomes of each fifth of deprivation: by_deprivation.<measure>.<1..5>, weighted with the number of persons.

    Args:
        table: `persons(...)` with the baseline column deprivation_quintile (0: not known, left out).
    """
    columns = {measure: column for measure, column in BY_PERSON.items() if column in table.columns}
    known = (
        table.filter(pl.col("deprivation_quintile") > 0)
        .group_by("deprivation_quintile")
        .agg(
            *(pl.col(column).cast(pl.Float64).mean().alias(measure) for measure, column in columns.items()),
            *(pl.col(column).count().alias(f"{measure}_weight") for measure, column in columns.items()),
        )
    )
    return _by_fifth(known, columns)


def waits_by_deprivation(hours: pl.DataFrame, who: pl.DataFrame) -> dict[str, Value]:
    """Mean wait of each fifth of deprivation: by_deprivation.wait_mean_hours.<1..5>.

    Args:
        hours: `wait_hours(...)` of wards and intensive care.
        who: person_id, deprivation_quintile of every person.
    """
    people = who.select("person_id", "deprivation_quintile").filter(pl.col("deprivation_quintile") > 0)
    waited = (
        people.join(hours.select("person_id", "hours"), on="person_id", how="left")
        .group_by("deprivation_quintile")
        .agg(pl.col("hours").mean().alias(WAIT), pl.col("hours").count().alias(f"{WAIT}_weight"))
    )
    return _by_fifth(waited, [WAIT])


def _by_fifth(known: pl.DataFrame, measures: Iterable[str]) -> dict[str, Value]:
    """One measure per fifth and column."""
    return {
        f"{BY_DEPRIVATION}.{measure}.{row['deprivation_quintile']}": Value(row[measure], row[f"{measure}_weight"])
        for row in known.sort("deprivation_quintile").iter_rows(named=True)
        for measure in measures
    }


def with_gaps(measures: pl.DataFrame) -> pl.DataFrame:
    """The measures, followed by gap_deprivation.<measure> and slope_deprivation.<measure>.

    Args:
        measures: `merge(...)`: strategy, draw, replication, measure, value, weight.

    Returns:
        The same columns; a gap is null if one of the outermost fifths has no value, a slope if fewer than two fifths
        have one. Gaps have no weight.
    """
    place = [name for name in KEYS if name != "measure"]
    parts = pl.col("measure").str.splitn(".", 3).struct.rename_fields(["kind", "of", "fifth"])
    value, weight, fifth = pl.col("value"), pl.col("weight"), pl.col("fifth")
    fifths = (
        measures.filter(pl.col("measure").str.starts_with(f"{BY_DEPRIVATION}."))
        .with_columns(parts.alias("parts"))
        .unnest("parts")
        .with_columns(fifth.cast(pl.Int8))
        .filter(value.is_not_null())
        .sort("fifth", maintain_order=True)
    )
    share = weight / weight.sum().over([*place, "of"])
    rank = share.cum_sum().over([*place, "of"]) - share / 2
    of_rank, of_value = ((part - (part * share).sum().over([*place, "of"])) for part in (pl.col("rank"), value))
    found = (
        fifths.with_columns(share=share, rank=rank)
        .with_columns(up=pl.col("share") * of_rank * of_value, down=pl.col("share") * of_rank**2)
        .group_by([*place, "of"], maintain_order=True)
        .agg(
            (value.filter(fifth == MOST_DEPRIVED).first() - value.filter(fifth == LEAST_DEPRIVED).first()).alias(GAP),
            (-pl.col("up").sum() / pl.col("down").sum()).alias(SLOPE),
        )
        .unpivot([GAP, SLOPE], index=[*place, "of"], variable_name="kind")
        .with_columns(value=pl.when(value.is_finite()).then(value), weight=pl.lit(None, pl.Float64))
        .with_columns(measure=pl.concat_str("kind", pl.lit("."), "of"))
    )
    return pl.concat([measures, found.select(measures.columns)])
