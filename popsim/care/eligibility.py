"""Eligibility: who is present on a day and meets conditions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from popsim.care.network import operand
from popsim.definitions.conditions import Condition
from popsim.population.population import Population

type Look = Callable[[str, NDArray[np.int64] | slice], NDArray[np.float64]]
"""A column of some rows, as the decision maker observes it."""


def meets(
    population: Population,
    conditions: Sequence[Condition],
    rows: NDArray[np.int64] | slice,
    look: Look | None = None,
) -> NDArray[np.bool_]:
    """Whether all conditions hold in each of these rows; the same rules as in the network (kernels/care/rules.holds).

    Args:
        population, conditions, rows: the rows to test and the conditions.
        look: how columns are observed; without error when None.
    """
    met = np.ones(population.person_id[rows].shape, np.bool_)
    for condition in conditions:
        name, value = condition.column, operand(condition)
        values = population[name][rows].astype(np.float64) if look is None else look(name, rows)
        if condition.at_least is not None:
            met &= values >= value
        elif condition.below is not None:
            met &= values < value
        else:
            met &= values == value
    return met
