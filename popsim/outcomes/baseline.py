"""Baseline characteristics: the columns that describe a person before anything has been simulated.

The table of persons holds them under the names of the population's columns, for risk adjustment, subgroups and equity.
`nyha_class`, `nt_probnp_pg_ml` and `frailty` change during the run, so they are copied at the start, as are further
columns that a study wants to know at entry; all others are constant traits, which are read at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.population.baseline import BASELINE
from popsim.population.population import Population

SEEN = "seen_"  # before the name of a column: as care observes it

type Look = Callable[[str], NDArray[np.float64]]


def at_entry(population: Population, more: Collection[str] = (), look: Look | None = None) -> pl.DataFrame:
    """A copy of the baseline columns that change during the run, with person_id.

    Args:
        population: initialised, before its first day.
        more: further columns; with SEEN before the name of a column, what care observes of it.
        look: observes a column.
    """
    further = {
        name: population[name].copy() if look is None or name in population else look(name.removeprefix(SEEN))
        for name in more
        if name not in BASELINE
    }
    changing = [name for name in BASELINE if name in population and population.schema[name].writer != "cohort"]
    return pl.DataFrame(
        {"person_id": population.person_id} | {name: population[name].copy() for name in changing} | further
    )


def baseline(population: Population, changing: pl.DataFrame) -> pl.DataFrame:
    """person_id, BASELINE and the further columns at entry of every person, in the order of the population's rows.

    Args:
        population: at any time.
        changing: `at_entry(population)`, taken before the first day.
    """
    constant = [name for name in BASELINE if name in population and name not in changing.columns]
    names = [name for name in BASELINE if name in population]
    further = [name for name in changing.columns[1:] if name not in BASELINE]
    return changing.hstack(population.frame().select(constant)).select("person_id", *names, *further)
