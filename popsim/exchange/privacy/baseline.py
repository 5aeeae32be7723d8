"""Table 1 of real people: small counts hidden, no extremes, and quartiles of as many people as may be shown."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.exchange.privacy.cells import Cells, suppress
from popsim.population.cohort import CohortSource
from popsim.population.population import Population
from popsim.population.summary import summary
from popsim.population.table_import import read_people

FEW_LEVELS = 10  # different values of a column whose mean and quartiles would tell the counts
QUARTERS = 4
DIGITS = 3  # significant, of means and quartiles: a quartile is one person's value
MOMENTS = ("mean", "sd", "median", "q1", "q3", "low", "high")
EXTREMES = ("low", "high")


def safe_summary(population: Population, cohort: CohortSource) -> pl.DataFrame:
    """`summary`, in which nothing is shown that fewer people than the cohort's `small_cells` make.

    Judged are the people sampled and, for columns of the table, its rows: a cohort larger than its table repeats them,
    and a share tells the count. Columns that are sampled from published figures are judged as if they were the
    people's. A hidden level hides a second one, by the audit of `cells`.
    """
    table, least = summary(population, cohort), cohort.definition.least_count
    definition = cohort.definition.table
    if least <= 1 or definition is None:
        return table
    real = read_people(definition, population.schema, cohort.path, cohort.parameters).values
    rows = []
    for (name,), part in table.group_by("column", maintain_order=True):
        found = part.to_dicts()
        people = [population[str(name)].astype(np.float64)]
        if str(name) in real:
            people.append(real[str(name)][~np.isnan(real[str(name)])])
        _hide(found, people, least)
        rows += found
    return pl.DataFrame(rows, schema=table.schema)


def _hide(rows: list[dict[str, object]], people: list[NDArray[np.float64]], least: int) -> None:
    """Hide what is too small in the rows of one column."""
    fewest = min(map(len, people))
    if rows[0]["level"] is not None:
        levels = np.unique(np.concatenate([*people, [float(str(row["level"])) for row in rows]]))
        hidden = np.full(len(levels), fewest < least)
        for values in people:
            counts = np.array([np.count_nonzero(values == level) for level in levels])
            hidden |= suppress(Cells.of_table(counts), least)[: len(levels)]
        for row in rows:
            if hidden[np.searchsorted(levels, float(str(row["level"])))]:
                row["n"] = row["share"] = None
        return
    few = any(len(np.unique(values)) <= FEW_LEVELS and _small(values, least) for values in people)
    for key in MOMENTS:
        value = row_value = rows[0][key]
        if few or fewest < least or key in EXTREMES or (key in ("q1", "median", "q3") and fewest < QUARTERS * least):
            row_value = None
        elif isinstance(value, float):
            row_value = float(f"{value:.{DIGITS}g}")
        rows[0][key] = row_value


def _small(values: NDArray[np.float64], least: int) -> bool:
    """Whether a value is that of few people."""
    counts = np.unique(values, return_counts=True)[1]
    return bool((counts < least).any())
