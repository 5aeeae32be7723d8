"""A cohort: its definition, its file and the input files that it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from pathlib import Path
from typing import Any, Self

from popsim.definitions.base import validate
from popsim.definitions.cohort import CohortDefinition, Correlation
from popsim.definitions.distributions import AnyMarginal, FixedMarginal, SameAs
from popsim.definitions.inheritance import lineage
from popsim.definitions.money import OF_COUNTRY, PriceCountry
from popsim.errors import DefinitionError
from popsim.evidence.sets import ENGLAND, SHIPPED, Parameters
from popsim.html import html_table
from popsim.population.life_table import FOLDER as LIFE_TABLE_FOLDER
from popsim.population.life_table import OF_COUNTRIES, LifeTable, life_table_path
from popsim.population.table_import import table_path


@dataclass(frozen=True)
class CohortSource:
    """A study population to sample from.

    Attributes:
        definition: what the file says.
        path: the cohort file, relative to which tables are found.
        parameters: of the formulas that compute columns of its table.
    """

    definition: CohortDefinition
    path: Path
    parameters: Parameters = field(default=SHIPPED, compare=False, repr=False)

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """Read and check a cohort file.

        Raises:
            DefinitionError: the file, or the life table or table that it names, is refused.
        """
        line = lineage(path)
        for file, table in reversed(line):
            validate(table, CohortDefinition, file)
        merged = reduce(_merged, (table for _, table in line)) | {"inherits": None}
        cohort = cls(validate(merged, CohortDefinition, path), Path(path))
        cohort.input_files()
        return cohort

    def with_columns(self, columns: Mapping[str, AnyMarginal], correlations: Sequence[Correlation] = ()) -> Self:
        """A copy of the cohort with some marginals and correlations replaced.

        A column with a single possible value loses its correlations.

        Raises:
            DefinitionError: the marginals and the correlations do not fit together.
        """
        new = {_pair(one.model_dump()) for one in correlations}
        one_valued = {name for name, marginal in columns.items() if isinstance(marginal, FixedMarginal | SameAs)}
        kept = [
            one
            for one in self.definition.correlations
            if _pair(one.model_dump()) not in new and not {one.a, one.b} & one_valued
        ]
        changes = {"columns": dict(self.definition.columns) | dict(columns), "correlations": (*kept, *correlations)}
        return replace(self, definition=validate(dict(self.definition) | changes, CohortDefinition, self.path))

    def of_country(self, country: PriceCountry) -> Self:
        """A copy with the life table of a country, where the file leaves the table to the prices of the experiment."""
        if self.definition.life_table != OF_COUNTRY:
            return self
        return replace(self, definition=self.definition.model_copy(update={"life_table": OF_COUNTRIES[country]}))

    def _repr_html_(self) -> str:
        """For notebooks: every sampled column with its source."""
        columns = self.definition.columns
        rows = [(name, marginal.distribution, marginal.source) for name, marginal in columns.items()]
        return html_table(f"Cohort '{self.name}'", ["Column", "Distribution", "Source"], rows)

    @property
    def name(self) -> str:
        """The cohort's name."""
        return self.definition.name

    @cached_property
    def life_table(self) -> LifeTable | None:
        """The life table named in the file."""
        name = self._life_table_name
        try:
            return None if name is None else LifeTable.read(name, self._life_table_folder(name))
        except DefinitionError as error:
            raise DefinitionError(self.path, "life_table", name, error.allowed) from None

    @property
    def _life_table_name(self) -> str | None:
        """As in the file; of the usual country where no experiment has chosen one."""
        name = self.definition.life_table
        return OF_COUNTRIES[ENGLAND] if name == OF_COUNTRY else name

    def _life_table_folder(self, name: str) -> Path:
        """A user's own table lies beside the cohort's file."""
        return self.path.parent if name.endswith(".csv") else LIFE_TABLE_FOLDER

    def input_files(self) -> list[Path]:
        """Every input file of the sampled people: the cohort file, its life table, its table of people."""
        files = [self.path]
        if (name := self._life_table_name) is not None:
            files.append(life_table_path(name, self._life_table_folder(name)))
        if self.definition.table is not None:
            files.append(table_path(self.definition.table, self.path))
        return files


def _merged(base: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    """What an inherited cohort file says with what its heir says; columns and correlations are replaced one by one.

    An inherited marginal gives way to a column of the heir's table, and inherited correlations to a column that the
    heir takes from its table or gives a single value.
    """
    own, columns = table.get("correlations", []), table.get("columns", {})
    known = {name for name, one in table.get("table", {}).get("columns", {}).items() if one.get("missing") != "sample"}
    one_valued = {name for name, one in columns.items() if one.get("distribution") in ("fixed", "same_as")}
    replaced = {_pair(one) for one in own}
    kept = [
        one
        for one in base.get("correlations", [])
        if (pair := _pair(one)) not in replaced and not pair & (known | one_valued)
    ]
    inherited = {name: one for name, one in base.get("columns", {}).items() if name not in known}
    return base | table | {"columns": inherited | columns, "correlations": kept + own}


def _pair(correlation: dict[str, Any]) -> frozenset[str]:
    """The two columns of a correlation, in any order."""
    return frozenset((correlation["a"], correlation["b"]))
