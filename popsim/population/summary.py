"""Table 1: the baseline characteristics of a population."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.definitions.distributions import Bernoulli, Categorical, SameAs
from popsim.population.cohort import CohortSource
from popsim.population.population import Population
from popsim.population.sampling import LIFE_TABLE_COLUMN
from popsim.units import canonical

FRAME_SCHEMA: dict[str, Any] = {
    "column": pl.String, "meaning": pl.String, "unit": pl.String, "level": pl.Float64, "n": pl.Int64,
    "share": pl.Float64, "mean": pl.Float64, "sd": pl.Float64, "median": pl.Float64, "q1": pl.Float64,
    "q3": pl.Float64, "low": pl.Float64, "high": pl.Float64, "origin": pl.String, "source": pl.String,
}  # fmt: skip


def summary(population: Population, cohort: CohortSource) -> pl.DataFrame:
    """One row per continuous column that the cohort gives, and one per level of the others.

    Columns of the frame: column, meaning, unit; for levels `level`, `n` and `share` (0..1; for a 0/1 column only level
    1); else `n` (people), mean, sd (n - 1), median, q1, q3, low, high; origin (sampled, table, copied, life table) and
    source from the cohort file.
    """
    table = cohort.definition.table
    given = [*cohort.definition.columns, *(table.columns if table is not None else ())]
    if cohort.life_table is not None:
        given.append(LIFE_TABLE_COLUMN)
    in_order = [name for name in population.schema.columns if name in given]
    rows = [row for name in in_order for row in _rows(name, population, cohort)]
    return pl.DataFrame(rows, schema=FRAME_SCHEMA)


def _rows(name: str, population: Population, cohort: CohortSource) -> Iterator[dict[str, Any]]:
    column, values = population.schema[name], population[name].astype(np.float64)
    marginal = cohort.definition.columns.get(name)
    origin, source = _origin(name, cohort)
    common = {"column": name, "meaning": column.meaning.rstrip("."), "unit": canonical(column.unit)}
    common |= {"origin": origin, "source": source}
    if column.kind == "code" or isinstance(marginal, Bernoulli | Categorical):
        levels = [1.0] if (column.low, column.high) == (0, 1) and column.kind == "code" else np.unique(values)
        for level in levels:
            count = int(np.count_nonzero(values == level))
            yield common | {"level": float(level), "n": count, "share": count / len(values)}
    else:
        yield common | {"n": len(values)} | _moments(values)


def _moments(values: NDArray[np.float64]) -> dict[str, float]:
    q1, median, q3 = np.percentile(values, [25, 50, 75])
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return {
        "mean": float(np.mean(values)), "sd": sd, "median": float(median), "q1": float(q1), "q3": float(q3),
        "low": float(np.min(values)), "high": float(np.max(values)),
    }  # fmt: skip


def _origin(name: str, cohort: CohortSource) -> tuple[str, str]:
    """The origin of a column's values: a keyword, and the source given in the file."""
    definition = cohort.definition
    if definition.table is not None and name in definition.table.columns:
        return "table", definition.table.source
    if name in definition.columns:
        marginal = definition.columns[name]
        return ("copied" if isinstance(marginal, SameAs) else "sampled"), marginal.source
    return "life table", cohort.life_table.source if cohort.life_table is not None else ""
