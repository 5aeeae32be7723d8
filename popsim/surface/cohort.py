"""A cohort to sample people from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from popsim.definitions.base import validate
from popsim.definitions.cohort import CohortDefinition
from popsim.exchange.privacy.baseline import safe_summary
from popsim.kernels.numerics.random import RandomKey
from popsim.population.cohort import CohortSource
from popsim.population.columns import Column, Schema
from popsim.population.population import Population
from popsim.population.sampling import sample
from popsim.simulation.schema import SCHEMA
from popsim.surface.frames import as_requested
from popsim.surface.wording import for_python

MADE_IN_PYTHON = "cohort made in Python"


class Cohort(CohortSource):
    """A study population to sample from: `Cohort.read("cohort.toml")`, or `Cohort.of(name=..., columns=...)`.

    Attributes:
        definition: the content of the file.
        path: the cohort's file; tables are found relative to it.
    """

    @classmethod
    def of(cls, *, folder: Path | str = ".", **keywords: Any) -> Self:
        """A cohort from the keys of a cohort file, as keywords.

        Args:
            folder: to which the path of a table of people is relative.
            keywords: name, columns, correlations, size, life_table, table ...

        Raises:
            DefinitionError: a key is unknown or a value is refused.
        """
        path = Path(folder) / f"{keywords.get('name', 'cohort')}.toml"
        cohort = cls(validate(keywords, CohortDefinition, MADE_IN_PYTHON), path)
        cohort.input_files()
        return cohort

    def sample(
        self, size: int | None = None, *, seed: int, replication: int = 0, enrolment_days: int = 0,
        columns: Iterable[Column] = (),
    ) -> Population:  # fmt: skip
        """People of this cohort, ready for a `PopulationModel`.

        Args:
            size: how many; the cohort's own size when None.
            seed, replication: key of the random numbers; the replication is its stream.
            enrolment_days: days over which entries are spread.
            columns: of your own organ systems, in addition to the model's.

        Raises:
            DefinitionError: the cohort is refused.
            InputError: a number is out of bounds.
        """
        schema = SCHEMA
        schema = Schema((*schema.columns.values(), *columns)) if columns else schema
        people, key = self.definition.size if size is None else size, RandomKey.of(seed, replication)
        return sample(self, schema, people, key, enrolment_days)

    def summary(self, size: int | None = None, *, seed: int = 1, pandas: bool = False) -> Any:
        """The baseline table of people sampled from this cohort, as a frame."""
        return as_requested(safe_summary(self.sample(size, seed=seed), self), pandas)

    def __repr__(self) -> str:
        return f"Cohort({self.name}: {len(self.definition.columns)} columns)"


for_python(Cohort)
