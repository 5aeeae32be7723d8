"""Who is there on a day, and of whom conditions hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from popsim.care.network import operand
from popsim.definitions.network import Condition
from popsim.population.population import Population

type Look = Callable[[str, NDArray[np.int64] | slice], NDArray[np.float64]]
"""A column of some rows as whoever decides sees it."""


def meets(
    population: Population,
    conditions: Sequence[Condition],
    rows: NDArray[np.int64] | slice,
    look: Look | None = None,
) -> NDArray[np.bool_]:
    """Whether all conditions hold in each of some rows; the same rules as in the network (kernels/care_rules.holds).

    Args:
        population, conditions, rows: who is asked for what.
        look: how the columns are seen; as they are when None.
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
