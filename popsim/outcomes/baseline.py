"""Baseline characteristics: the columns that describe a person before anything has been simulated.

The table of persons holds them under the names of the population's columns, for risk adjustment, subgroups and equity.
`nyha_class`, `nt_probnp_pg_ml` and `frailty` change during the run, so they are copied at the start; all others are
constant traits, which are read at the end.
"""

from __future__ import annotations

import polars as pl

from popsim.population.baseline import BASELINE
from popsim.population.population import Population


def at_entry(population: Population) -> pl.DataFrame:
    """A copy of the baseline columns that change during the run, with person_id.

    Args:
        population: initialised, before its first day.
    """
    changing = [name for name in BASELINE if name in population and population.schema[name].writer != "cohort"]
    return pl.DataFrame({"person_id": population.person_id} | {name: population[name].copy() for name in changing})


def baseline(population: Population, changing: pl.DataFrame) -> pl.DataFrame:
    """person_id and BASELINE of every person, in the order of the population's rows.

    Args:
        population: at any time.
        changing: `at_entry(population)`, taken before the first day.
    """
    constant = [name for name in BASELINE if name in population and name not in changing.columns]
    names = [name for name in BASELINE if name in population]
    return changing.hstack(population.frame().select(constant)).select("person_id", *names)
