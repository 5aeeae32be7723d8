"""Outcomes of physiology: cause of death and decline of glomerular filtration."""

from __future__ import annotations

import polars as pl

from popsim.population.population import Population
from popsim.units import DAYS_PER_YEAR

GFR = "untreated_gfr_ml_min"  # without the reversible effect of drugs, for a chronic slope
MIN_DAYS = 90.0  # a slope over less is not informative


def clinical_start(population: Population) -> pl.DataFrame:
    """The values to keep from the first morning."""
    return pl.DataFrame({"person_id": population.person_id, "gfr_at_entry": population[GFR].copy()})


def with_clinical(persons: pl.DataFrame, population: Population, start: pl.DataFrame) -> pl.DataFrame:
    """The persons table with death_cause (DIED_OF_*) and chronic_gfr_slope_ml_min_year (null if observed too briefly).

    Args:
        persons: one row per person, with life_days.
        population: at the end.
        start: `clinical_start` of its first morning.
    """
    end = population.frame().select("person_id", "death_cause", gfr_at_end=GFR)
    years = pl.col("life_days") / DAYS_PER_YEAR
    slope = (pl.col("gfr_at_end").cast(pl.Float64) - pl.col("gfr_at_entry")) / years
    joined = persons.join(start, on="person_id", how="left", maintain_order="left").join(
        end, on="person_id", how="left", maintain_order="left"
    )
    seen = pl.when(pl.col("life_days") >= MIN_DAYS).then(slope)
    return joined.with_columns(chronic_gfr_slope_ml_min_year=seen).drop("gfr_at_entry", "gfr_at_end")
