"""The real people behind a cohort: who they are for, and which of them are held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.definitions.cohort import CohortDefinition
from popsim.errors import DefinitionError
from popsim.exchange.privacy.disclosure import MAX_PEOPLE, STREAM
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.sampling import keyed
from popsim.population.cohort import CohortSource
from popsim.population.sampling import sample, table_rows
from popsim.population.table_import import read_people
from popsim.simulation.schema import SCHEMA

HELD_OUT = 0.5  # share of people; assumption: halves tell most, as both sets bear on every attack alike
SPLIT = 9  # stream of the lot that holds people out


@dataclass(frozen=True)
class RealPeople:
    """Real people and the synthetic ones made from them.

    Attributes:
        train: those whom the synthetic people were made from.
        control: those held out.
        synthetic: as the cohort samples them, with the same columns.
        copied: whether synthetic people are copies of rows.
    """

    train: pl.DataFrame
    control: pl.DataFrame
    synthetic: pl.DataFrame
    copied: bool


def is_of_real_people(definition: CohortDefinition) -> bool:
    """Whether a cohort's people are, or were made from, real ones."""
    table = definition.table
    return definition.made_from is not None or (table is not None and table.real_people)


def split(people: pl.DataFrame, seed: int, held_out: float = HELD_OUT) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Train and control: who is held out depends on the row and the key alone, before anything is fitted."""
    order = np.argsort(keyed(RandomKey(seed, STREAM), np.arange(len(people), dtype=np.int64), SPLIT), kind="stable")
    out = round(held_out * len(people))
    return people[np.sort(order[out:]).tolist()], people[np.sort(order[:out]).tolist()]


def table_people(cohort: CohortSource) -> pl.DataFrame:
    """The people of a cohort's table, in popsim's units and codes.

    Raises:
        DefinitionError: the cohort has no table, or the table is refused.
    """
    if cohort.definition.table is None:
        raise DefinitionError(cohort.path, "table", None, "missing: the cohort has no table of people")
    return pl.DataFrame(read_people(cohort.definition.table, SCHEMA, cohort.path, cohort.parameters).values)


def real_people(cohort: CohortSource, size: int, seed: int) -> RealPeople | None:
    """The real people behind a cohort, and `size` synthetic ones (at most `MAX_PEOPLE`); None if nobody is real.

    Where people are copied from a table, the copies are of those who are not held out, as if the table had been theirs.

    Raises:
        DefinitionError: the cohort, the one that it was made from, or a table is refused or missing.
    """
    definition, size = cohort.definition, min(size, MAX_PEOPLE)
    if not is_of_real_people(definition):
        return None
    if definition.made_from is None:
        people = table_people(cohort)
        train, control = split(people, seed)
        rows = table_rows(len(train), np.arange(min(size, len(train)), dtype=np.int64), RandomKey.of(seed))
        return RealPeople(train, control, train[rows.tolist()], copied=True)
    origin = CohortSource.read(cohort.path.parent / definition.made_from.cohort)
    train, control = split(table_people(origin), definition.made_from.seed, definition.made_from.held_out)
    population = sample(cohort, SCHEMA, size, RandomKey.of(seed))
    made: dict[str, NDArray[np.float64]] = {name: population[name].astype(np.float64) for name in train.columns}
    return RealPeople(train, control, pl.DataFrame(made), copied=False)
