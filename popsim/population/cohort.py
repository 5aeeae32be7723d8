"""A cohort: its definition, the file it came from and the inputs it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from popsim.definitions.base import validate
from popsim.definitions.cohort import CohortDefinition, Correlation
from popsim.definitions.distributions import AnyMarginal, FixedMarginal, SameAs
from popsim.definitions.texts import read_toml
from popsim.errors import DefinitionError
from popsim.html import html_table
from popsim.population.life_table import FOLDER as LIFE_TABLE_FOLDER
from popsim.population.life_table import LifeTable
from popsim.population.table_import import table_path


@dataclass(frozen=True)
class CohortSource:
    """A study population to sample from; `path` is the cohort file, relative to which tables are found."""

    definition: CohortDefinition
    path: Path

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """Read and check a cohort file.

        Raises:
            DefinitionError: the file, or the life table or table that it names, is refused.
        """
        cohort = cls(validate(_with_inherited(Path(path)), CohortDefinition, path), Path(path))
        cohort.input_files()
        return cohort

    def with_columns(self, columns: Mapping[str, AnyMarginal], correlations: Sequence[Correlation] = ()) -> Self:
        """The cohort with other marginals and correlations, by name; the rest as it is.

        What can have one value only loses its correlations.

        Raises:
            DefinitionError: the two do not go together.
        """
        new = {_pair(one.model_dump()) for one in correlations}
        one_valued = {name for name, marginal in columns.items() if isinstance(marginal, FixedMarginal | SameAs)}
        kept = [
            one
            for one in self.definition.correlations
            if _pair(one.model_dump()) not in new and not {one.a, one.b} & one_valued
        ]
        changes = {"columns": dict(self.definition.columns) | dict(columns), "correlations": (*kept, *correlations)}
        return type(self)(validate(dict(self.definition) | changes, CohortDefinition, self.path), self.path)

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
        name = self.definition.life_table
        try:
            return None if name is None else LifeTable.read(name)
        except DefinitionError as error:
            raise DefinitionError(self.path, "life_table", name, error.allowed) from None

    def input_files(self) -> list[Path]:
        """Every file on which sampled people depend: the cohort file, its life table, its table of people."""
        files = [self.path]
        if self.life_table is not None:
            files.append(LIFE_TABLE_FOLDER / f"life_table_{self.definition.life_table}.csv")
        if self.definition.table is not None:
            files.append(table_path(self.definition.table, self.path))
        return files


def _with_inherited(path: Path, heirs: tuple[Path, ...] = ()) -> dict[str, Any]:
    """What a cohort file says, after what the one that it inherits says.

    Raises:
        DefinitionError: a file cannot be read, or inherits itself.
    """
    table = read_toml(path)
    if "inherits" not in table:
        return table
    inherits = validate(table, CohortDefinition, path).inherits
    del table["inherits"]
    base_path = path.parent / str(inherits)
    if base_path.resolve() in (path.resolve(), *heirs):
        raise DefinitionError(path, "inherits", inherits, "must not lead back to the file itself")
    base = _with_inherited(base_path, (path.resolve(), *heirs))
    validate(base, CohortDefinition, base_path)
    merged = base | table
    merged["columns"] = base.get("columns", {}) | table.get("columns", {})
    own = table.get("correlations", [])
    replaced = {_pair(one) for one in own}
    merged["correlations"] = [one for one in base.get("correlations", []) if _pair(one) not in replaced] + own
    return merged


def _pair(correlation: dict[str, Any]) -> frozenset[str]:
    """The two columns of a correlation, whichever comes first."""
    return frozenset((correlation["a"], correlation["b"]))
