"""Merges the measures of regions into those of the whole population.

Every measure carries its weight: the denominator of a mean, proportion or rate (persons, index discharges,
person-years, waits, capacity), or null for a total, which adds up over regions. Means, proportions and rates of merged
regions are then exact. Not exact are:

- percentiles of waits: the weighted mean of the regions' percentiles;
- occupancy in people, which adds up: exact for the mean, an upper bound for the peak (regions do not peak on the same
  day), an approximation for percentiles;
- Kaplan-Meier and Aalen-Johansen estimates: the weighted means of the regions', exact if nobody is censored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import polars as pl

TOTAL: Final = None  # weight of totals, which add up over regions
KEYS = ("strategy", "draw", "replication", "measure")


class Value(NamedTuple):
    """A measure's value (None if nobody was counted) and its weight (TOTAL for totals)."""

    value: float | None
    weight: float | None


def measure_frame(values: Mapping[str, Value]) -> pl.DataFrame:
    """Measures as a table: measure, value, weight."""
    return pl.DataFrame(
        {
            "measure": list(values),
            "value": [value for value, _ in values.values()],
            "weight": [weight for _, weight in values.values()],
        },
        schema={"measure": pl.String, "value": pl.Float64, "weight": pl.Float64},
    )


def merge(measures: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """Merge the regions: one row per strategy, draw, replication and measure.

    Args:
        measures: strategy, draw, replication, region, measure, value, weight.

    Returns:
        strategy, draw, replication, measure, value, weight (of all regions together), in the order of first
        appearance. With a single region the values are the region's, bit for bit.
    """
    value, weight = pl.col("value"), pl.col("weight")
    known = weight.filter(value.is_not_null()).sum()
    table = (
        measures.lazy()
        .group_by(KEYS, maintain_order=True)
        .agg(
            regions=pl.len(),
            known=value.count(),
            first=value.first(),
            total=value.sum(),
            mean=(value * weight).sum() / known,
            weight=pl.when(weight.count() > 0).then(weight.sum()),
        )
        .collect()
    )
    merged = pl.when(weight.is_null()).then("total").when(pl.col("mean").is_finite()).then("mean")
    return table.select(
        *KEYS,
        pl.when(pl.col("regions") == 1).then("first").when(pl.col("known") > 0).then(merged).alias("value"),
        "weight",
    )
