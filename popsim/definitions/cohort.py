"""Cohort files: the study population, with a source for every number.

    name = "heart_failure_discharge"
    size = 10000
    life_table = "us_2019"
    [columns.age_years]
    distribution = "normal"
    mean = 80.7
    sd = 8.5
    bounds = [65.0, 103.0]
    unit = "years"
    source = "..."

Mean and sd are always those of the variable itself, after truncation to `bounds`. The order of the columns numbers
their random streams: add new columns at the end, and nobody's other values change.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.distributions import AnyMarginal, FixedMarginal, SameAs
from popsim.definitions.fields import (
    AS_TUPLE,
    DefinitionPath,
    Identifier,
    Label,
    LifeTableName,
    Number,
    Source,
    Text,
    real,
    whole,
)

MAX_SIZE = 50_000_000
MAX_COLUMNS = 100
SMALL_CELLS = 11  # people; counts of 1 to 10 are hidden: PCORnet's rule, and that of the US Medicare centres (recalled)


class Correlation(Definition):
    """Correlation of two columns on the normal scale of the Gaussian copula."""

    a: Identifier
    b: Identifier
    value: Annotated[float, real(-0.999, 0.999)]
    source: Source


class Filter(Definition):
    """Keeps the rows of a table whose `column` meets the condition; exactly one condition."""

    column: Annotated[str, Field(min_length=1, max_length=200)]
    equals: float | str | None = None
    at_least: float | None = None
    below: float | None = None
    above_column: str | None = None

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        if sum(value is not None for value in (self.equals, self.at_least, self.below, self.above_column)) != 1:
            raise ValueError("give exactly one of equals, at_least, below, above_column")
        return self


class TableColumn(Definition):
    """The source of a column in the table, and its conversion to popsim's unit and codes."""

    from_: Annotated[str, Field(alias="from", min_length=1, max_length=200)]
    unit: Label | None = None
    substance: Label | None = None
    formula: Literal["ckd_epi_2021", "weight_from_bmi", "usual_heart_rate", "usual_systolic"] | None = None
    codes: Annotated[dict[str, Number], Field(max_length=1000)] = Field(default_factory=dict)
    missing: Literal["refuse", "sample"] = "refuse"


class Table(Definition):
    """People from a table. `path` is relative to the cohort file, or inside the Python package `package`.

    Attributes:
        real_people: false where the table's people are made up: then nothing is hidden, and exports are not examined.
        small_cells: least number of people that tables, figures and reports show; fewer are hidden.
    """

    path: Annotated[str, Field(min_length=1, max_length=1000)]
    package: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")] | None = None
    format: Literal["csv", "parquet", "arff"]
    source: Source
    where: Annotated[tuple[Filter, ...], AS_TUPLE, Field(max_length=20)] = ()
    columns: Annotated[dict[Identifier, TableColumn], Field(min_length=1, max_length=MAX_COLUMNS)]
    real_people: bool = True
    small_cells: Annotated[int, whole(1, 1000)] = SMALL_CELLS

    @model_validator(mode="after")
    def _inside_package(self) -> Self:
        if self.package is not None and (self.path.startswith("/") or ".." in self.path.split("/")):
            raise ValueError("path inside a package must not be absolute or contain '..'")
        if "\0" in self.path:
            raise ValueError("path must not contain a zero character")
        return self


class MadeFrom(Definition):
    """The real people to whom a cohort was fitted; the disclosure gate compares with them.

    Attributes:
        cohort: file of the cohort with their table, relative to this one.
        seed: of the lot that held people out.
        held_out: share of them.
    """

    cohort: DefinitionPath
    seed: Annotated[int, whole(0, 2**32 - 1)]
    held_out: Annotated[float, real(0.1, 0.9)]


class CohortDefinition(Definition):
    """A study population: default size, life table, marginals, correlations, perhaps a table of people.

    A file may begin with `inherits`, the path of another cohort file relative to it: that file's keys apply unless this
    one has them, column by column and correlation by correlation. A file's own columns get random streams after the
    inherited ones. A column of the file's table takes the place of an inherited marginal; a column from the table, or
    with a single value, loses its inherited correlations.

    Attributes:
        made_from: the real people to whom it was fitted, as `popsim cohort synthesise` writes it.
    """

    inherits: DefinitionPath | None = None
    name: Identifier
    label: Label = ""
    description: Text
    source: Source
    size: Annotated[int, whole(1, MAX_SIZE)]
    life_table: LifeTableName | None = None
    columns: Annotated[dict[Identifier, AnyMarginal], Field(max_length=MAX_COLUMNS)] = Field(default_factory=dict)
    correlations: Annotated[tuple[Correlation, ...], AS_TUPLE, Field(max_length=2000)] = ()
    table: Table | None = None
    made_from: MadeFrom | None = None

    @property
    def least_count(self) -> int:
        """The least number of people that may be shown of it; 1 where nobody is real."""
        return self.table.small_cells if self.table is not None and self.table.real_people else 1

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.inherits is not None:
            return self  # complete only together with that file (population/cohort.py)
        if not self.columns and self.table is None:
            raise ValueError("give [columns] to sample, a [table] of people, or both")
        seen: set[frozenset[str]] = set()
        for pair in self.correlations:
            for name in (pair.a, pair.b):
                marginal = self.columns.get(name)
                if marginal is None:
                    raise ValueError(f"correlations: '{name}' is not one of the sampled columns of this cohort")
                if isinstance(marginal, FixedMarginal | SameAs):
                    raise ValueError(f"correlations: '{name}' is {marginal.distribution}, it cannot be correlated")
            key = frozenset((pair.a, pair.b))
            if len(key) == 1 or key in seen:
                raise ValueError(
                    f"correlations: the pair '{pair.a}', '{pair.b}' is a column with itself or given twice"
                )
            seen.add(key)
        for name in self.table.columns if self.table else ():
            if (name in self.columns) != (self.table is not None and self.table.columns[name].missing == "sample"):
                raise ValueError(
                    f'table.columns.{name}: a marginal in [columns.{name}] goes with missing = "sample", '
                    "and only with it"
                )
        return self
