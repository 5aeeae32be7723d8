"""Checks at entry: impossible values are refused before the first day is simulated."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from popsim.errors import InputError
from popsim.population.columns import Column
from popsim.population.population import Population
from popsim.units import canonical


def refuse_impossible(population: Population, columns: Iterable[Column]) -> None:
    """Refuse a population with values outside the bounds of their column; 0 often means that nobody set the value.

    Raises:
        InputError: names every such column, the number of rows and the first of them.
    """
    problems = []
    for column in columns:
        values = population[column.name]
        bad = ~((values >= column.low) & (values <= column.high))  # true for NaN
        if bad.any():
            row = int(np.argmax(bad))
            limits = f"must be {column.low:g} to {column.high:g} {canonical(column.unit)}".removesuffix(" 1")
            problems.append(f"{column.name} = {values[row]:g} in {bad.sum()} of {len(bad)} rows, {limits} (row {row})")
    if problems:
        raise InputError(f"population: {'; '.join(problems)}")
