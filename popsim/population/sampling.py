"""Samples a population from a cohort: a person depends only on the random key and the person's id.

Each column has its own random stream (its position in the cohort file), so that adding a person, or a column at the end
of the file, changes nobody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from popsim.arguments import MAX_DAYS, whole_number
from popsim.definitions.cohort import MAX_SIZE
from popsim.definitions.distributions import AnyMarginal, SameAs
from popsim.errors import DefinitionError, did_you_mean
from popsim.kernels.codes import STREAM_COHORT
from popsim.kernels.numerics.distributions import VALUE, quantiles
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.sampling import correlate, keyed
from popsim.population.cohort import CohortSource
from popsim.population.columns import Column, Schema
from popsim.population.copula import cholesky_factor
from popsim.population.genome import sample_genes
from popsim.population.pieces import completed, outline_of, support
from popsim.population.population import Population
from popsim.population.table_import import People, read_people
from popsim.units import canonical

# The last streams of the cohort's range do not belong to columns.
STREAM_TABLE_ORDER = STREAM_COHORT + 61
STREAM_TABLE_ROW = STREAM_COHORT + 62
STREAM_ENTRY = STREAM_COHORT + 63

# People sampled at a time: keeps the working arrays (columns x block) in a few MB.
BLOCK = 16_384
SEVERITY = "baseline_filling_pressure_mmhg"
LIFE_TABLE_COLUMN = "life_table_hazard_per_day"


@dataclass(frozen=True)
class SamplingPlan:
    """A cohort checked against the columns of a population, ready to sample.

    Attributes:
        outlines: of the distribution of each sampled column (pieces.py).
        stream: its random stream.
        copied: columns that start as the same value as another.
        correlated: names of the correlated columns, in the order of `cholesky`.
        people: the table of people, if the cohort has one.
    """

    cohort: CohortSource
    schema: Schema
    outlines: dict[str, NDArray[Any]]
    stream: dict[str, int]
    copied: dict[str, str]
    correlated: tuple[str, ...]
    cholesky: NDArray[np.float64]
    people: People | None


def plan(cohort: CohortSource, schema: Schema) -> SamplingPlan:
    """Check a cohort against the columns of a population, before anybody is sampled.

    Raises:
        DefinitionError: unknown column, wrong unit, values outside a column's bounds, impossible correlations, a table
            with impossible values; in one line.
    """
    definition, file = cohort.definition, cohort.path
    outlines: dict[str, NDArray[Any]] = {}
    copied: dict[str, str] = {}
    for name, marginal in definition.columns.items():
        column = _known_column(name, schema, file)
        if canonical(marginal.unit) != canonical(column.unit):
            raise DefinitionError(file, f"columns.{name}.unit", marginal.unit, f"must be '{canonical(column.unit)}'")
        if isinstance(marginal, SameAs):
            copied[name] = _copy_source(name, marginal, cohort, schema)
        else:
            outlines[name] = _checked_outline(column, marginal, file)
    _check_life_table(cohort, schema)
    _check_complete(cohort, schema)
    paired = {name for pair in definition.correlations for name in (pair.a, pair.b)}
    correlated = tuple(name for name in definition.columns if name in paired)
    people = None
    if definition.table is not None:
        for name in definition.table.columns:
            _known_column(name, schema, file, "table.columns")
        people = read_people(definition.table, schema, file, cohort.parameters)
    return SamplingPlan(
        cohort=cohort,
        schema=schema,
        outlines=outlines,
        stream={name: STREAM_COHORT + place for place, name in enumerate(definition.columns)},
        copied=copied,
        correlated=correlated,
        cholesky=cholesky_factor(correlated, definition.correlations, file),
        people=people,
    )


def sample(cohort: CohortSource, schema: Schema, size: int, key: RandomKey, enrolment_days: int = 0) -> Population:
    """Sample `size` people (ids 0..size-1) who enter on days 0..enrolment_days-1; all on day 0 if that is 0.

    Rows are sorted by entry day, then person id. Columns that the cohort gives are set; genes that it does not give are
    drawn by ancestry (genome.py); others have the default of their column (`Column.at_entry`), and columns that their
    writers compute are 0 until then.

    Raises:
        DefinitionError: see `plan`.
        InputError: size or enrolment_days is not a whole number within its bounds.
    """
    size = whole_number("population size", size, 1, MAX_SIZE)
    enrolment_days = whole_number("enrolment_days", enrolment_days, 0, MAX_DAYS)
    ready = plan(cohort, schema)
    entry_day, person_id = _entries(size, key, enrolment_days)
    population = Population(schema, person_id)
    for name, value in stated(cohort, schema).items():
        population[name] = value
    if "entry_day" in schema:
        population["entry_day"] = entry_day
    pieces = {name: completed(outline) for name, outline in ready.outlines.items()}
    for start in range(0, size, BLOCK):
        rows = slice(start, min(start + BLOCK, size))
        for name, values in _sampled(ready, pieces, person_id[rows], key).items():
            population[name][rows] = values
    if ready.people is not None:
        _set_people(ready.people, population, key)
    for name, origin in ready.copied.items():
        population[name] = population[origin]
    _shift_severity(cohort, population)
    _set_life_table(cohort, population)
    sample_genes(population, given(cohort), key)
    return population


def _shift_severity(cohort: CohortSource, population: Population) -> None:
    """Make everybody as much more severely ill as the study's people are, within the bounds of the column."""
    shift = cohort.parameters["clinical_twin"]["severity_mmhg"]
    if shift and SEVERITY in population.schema:
        column = population.schema[SEVERITY]
        population[SEVERITY] = np.clip(population[SEVERITY] + shift, column.low, column.high)


def _entries(size: int, key: RandomKey, enrolment_days: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Entry day and id of each row, sorted by both."""
    person_id = np.arange(size, dtype=np.int64)
    day = (keyed(key, person_id, STREAM_ENTRY) * enrolment_days).astype(np.int32)
    order = np.argsort(day, kind="stable")
    return day[order], person_id[order]


def _sampled(
    ready: SamplingPlan, pieces: dict[str, NDArray[Any]], person_id: NDArray[np.int64], key: RandomKey
) -> dict[str, NDArray[np.float64]]:
    """Values of every sampled column for these people."""
    joint = np.empty((len(ready.correlated), len(person_id)))
    for place, name in enumerate(ready.correlated):
        joint[place] = keyed(key, person_id, ready.stream[name])
    correlate(ready.cholesky, joint)
    values: dict[str, NDArray[np.float64]] = {}
    for name, its_pieces in pieces.items():
        if name in ready.correlated:
            uniforms = joint[ready.correlated.index(name)]
        else:
            uniforms = keyed(key, person_id, ready.stream[name])
        values[name] = np.empty(len(person_id))
        quantiles(its_pieces, uniforms, values[name])
    return values


def _set_people(people: People, population: Population, key: RandomKey) -> None:
    """Set each person to a row of the table; missing values of the table stay as sampled."""
    row = table_rows(len(people), population.person_id, key)
    for name, values in people.values.items():
        given = values[row]
        known = ~np.isnan(given)
        population[name][known] = given[known]


def table_rows(rows: int, person_id: NDArray[np.int64], key: RandomKey) -> NDArray[np.int64]:
    """The row of the table for each person.

    The first people are the rows, once each, in an order shuffled by the seed (so that a small population is not a
    biased part of the table); further people are drawn from all rows with replacement.
    """
    shuffled = np.argsort(keyed(key, np.arange(rows, dtype=np.int64), STREAM_TABLE_ORDER), kind="stable")
    drawn = (keyed(key, person_id, STREAM_TABLE_ROW) * rows).astype(np.int64)
    return np.asarray(np.where(person_id < rows, shuffled[np.minimum(person_id, rows - 1)], drawn))


def _set_life_table(cohort: CohortSource, population: Population) -> None:
    if cohort.life_table is not None and LIFE_TABLE_COLUMN in population.schema:
        population[LIFE_TABLE_COLUMN] = cohort.life_table.hazard_per_day(population["age_years"], population["female"])


def _check_life_table(cohort: CohortSource, schema: Schema) -> None:
    """Check that the hazard comes from exactly one source: a named life table or a column of the file."""
    if LIFE_TABLE_COLUMN not in schema:
        return
    found = given(cohort)
    if (cohort.life_table is not None) == (LIFE_TABLE_COLUMN in found):
        allowed = f"give either a life table or a column {LIFE_TABLE_COLUMN}"
        raise DefinitionError(cohort.path, "life_table", cohort.definition.life_table, allowed)
    for name in ("age_years", "female"):
        if cohort.life_table is not None and name not in found:
            raise DefinitionError(cohort.path, f"columns.{name}", None, "missing, the life table needs it")


def given(cohort: CohortSource) -> set[str]:
    """Names of all columns that the cohort file gives."""
    table = cohort.definition.table
    return set(cohort.definition.columns) | (set(table.columns) if table is not None else set())


def stated(cohort: CohortSource, schema: Schema) -> dict[str, float]:
    """Columns that the cohort may give but does not, with their default values."""
    left = [column for name, column in schema.columns.items() if name not in given(cohort)]
    return {column.name: column.at_entry for column in left if isinstance(column.at_entry, int | float)}


def missing(cohort: CohortSource, schema: Schema) -> list[str]:
    """Columns that the cohort must give but does not."""
    known = given(cohort) | {"entry_day", LIFE_TABLE_COLUMN}  # which sampling sets
    return [name for name, column in schema.columns.items() if column.required and name not in known]


def _check_complete(cohort: CohortSource, schema: Schema) -> None:
    """Refuse a cohort that lacks required columns: they would be 0 in every twin."""
    if left_out := missing(cohort, schema):
        how = (
            "give each in [columns.NAME] or from the table, or take over those of a cohort that has them: "
            'inherits = "heart_failure_discharge.toml" (popsim examples says where it is)'
        )
        raise DefinitionError(cohort.path, "columns", None, f"missing: {', '.join(left_out)}; {how}")


def _known_column(name: str, schema: Schema, file: object, where: str = "columns") -> Column:
    if name == "entry_day":
        raise DefinitionError(file, f"{where}.entry_day", None, "follows from the experiment's enrolment, leave it out")
    if name not in schema or not schema[name].settable:
        what = "unknown column" if name not in schema else f"is worked out by {schema[name].writer} at entry"
        settable = [known for known, column in schema.columns.items() if column.settable]
        raise DefinitionError(file, f"{where}.{name}", None, f"{what}, {did_you_mean(name, settable)}")
    return schema[name]


def _checked_outline(column: Column, marginal: AnyMarginal, file: object) -> NDArray[Any]:
    """The outline of a marginal whose values all lie within the column's bounds (whole numbers for a code)."""
    key = f"columns.{column.name}"
    try:
        outline = outline_of(marginal)
    except ValueError as error:
        raise DefinitionError(file, key, None, str(error)) from None
    low, high = support(outline)
    if low < column.low or high > column.high:
        shown: Any = [low, high] if low != high else low
        limits = f"[{column.low:g}, {column.high:g}] {canonical(column.unit)}"
        allowed = f"values can lie outside {limits}, within which the column is kept: set bounds"
        raise DefinitionError(file, key, shown, allowed)
    if column.kind in ("code", "count") and not _whole(outline):
        raise DefinitionError(file, key, marginal.distribution, "this column holds whole numbers: use fixed, bernoulli,"
                              " categorical or empirical with whole values")  # fmt: skip
    return outline


def _whole(pieces: NDArray[Any]) -> bool:
    """Whether only whole numbers can be drawn."""
    return bool(np.all(pieces["kind"] == VALUE) and np.all(pieces["a"] == np.floor(pieces["a"])))


def _copy_source(name: str, marginal: SameAs, cohort: CohortSource, schema: Schema) -> str:
    """The column that a `same_as` copies; it must be given in this cohort, not be a copy, and have the same unit."""
    origin, key = marginal.column, f"columns.{name}.column"
    source = cohort.definition.columns.get(origin)
    sources = [known for known in given(cohort) if not isinstance(cohort.definition.columns.get(known), SameAs)]
    if origin not in sources or isinstance(source, SameAs):
        raise DefinitionError(cohort.path, key, origin, known=sources)
    column, target = schema[origin], schema[name]
    if canonical(column.unit) != canonical(target.unit):
        raise DefinitionError(cohort.path, key, origin, f"is in '{column.unit}', not '{target.unit}'")
    return origin
