"""Equity: how outcomes differ between the most and the least deprived, fifth by fifth of area deprivation.

The fifths' own values are measures of every unit, so that regions merge exactly; gaps are taken afterwards.

gap     value of the most deprived fifth (1) less that of the least deprived (5).
slope   slope index of inequality: the fifths' values are regressed, weighted with their numbers, on the middle of the
        range of ranks that each takes up among all people, from 0 (most deprived) to 1 (least deprived); the index is
        the fitted value at rank 0 less that at rank 1, so it has the sign of the gap but uses all fifths and does not
        change because few live in the outermost ones. assumption: recalled from Mackenbach and Kunst, Soc Sci Med
        1997, to be checked.
"""

from __future__ import annotations

import polars as pl

from popsim.outcomes.regions import KEYS, Value

MOST_DEPRIVED, LEAST_DEPRIVED = 1, 5
# measure: the column of the persons table that it is the mean of
BY_PERSON = {
    "readmission_30d_at_entry": "readmitted_30d",
    "mortality": "died",
    "days_alive_out_of_hospital": "days_alive_out_of_hospital",
    "qalys": "qaly",
}
WAIT = "wait_mean_hours"
BY_DEPRIVATION, GAP, SLOPE = "by_deprivation", "gap_deprivation", "slope_deprivation"


def by_deprivation(table: pl.DataFrame, hours: pl.DataFrame) -> dict[str, Value]:
    """Outcomes of each fifth of deprivation: by_deprivation.<measure>.<1..5>, weighted with those who are counted.

    Args:
        table: `persons(...)` with the baseline column deprivation_quintile (0: not known, left out).
        hours: `wait_hours(...)` of wards and intensive care.
    """
    values: dict[str, Value] = {}
    fifth = pl.col("deprivation_quintile")
    people = table.filter(fifth > 0)
    known = people.group_by("deprivation_quintile").agg(
        *(pl.col(column).cast(pl.Float64).mean().alias(measure) for measure, column in BY_PERSON.items()),
        *(pl.col(column).count().alias(f"{measure}_weight") for measure, column in BY_PERSON.items()),
    )
    waited = (
        hours.join(people.select("person_id", "deprivation_quintile"), on="person_id")
        .group_by("deprivation_quintile")
        .agg(pl.col("hours").mean().alias(WAIT), pl.len().alias(f"{WAIT}_weight"))
    )
    for row in known.join(waited, on="deprivation_quintile", how="left").sort(fifth).iter_rows(named=True):
        for measure in (*BY_PERSON, WAIT):
            value = Value(row[measure], row[f"{measure}_weight"] or 0)
            values[f"{BY_DEPRIVATION}.{measure}.{row['deprivation_quintile']}"] = value
    return values


def with_gaps(measures: pl.DataFrame) -> pl.DataFrame:
    """The measures with gap_deprivation.<measure> and slope_deprivation.<measure> below them.

    Args:
        measures: `merge(...)`: strategy, draw, replication, measure, value, weight.

    Returns:
        The same columns; a gap is null where one of the outermost fifths has no value, a slope where fewer than two
        fifths have one. Gaps have no weight.
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
