"""The day's influences of organ systems and drugs on one another, for some neighbouring rows of a population."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.errors import InputError, did_you_mean
from popsim.kernels.physiology.influences import INFLUENCES
from popsim.population.population import Population

PLACE = {influence.name: index for index, influence in enumerate(INFLUENCES)}


class Influences:
    """Daily sums of effects on organ systems: `influences["systolic_shift_mmhg"]` has one float32 per twin.

    Args:
        twins: their number.
        memory: numbers to begin in instead of new ones, at least one for each influence and twin.

    Attributes:
        values: shape (influences, twins), rows in the order of kernels/physiology/influences.py.
    """

    def __init__(self, twins: int, memory: NDArray[np.float32] | None = None) -> None:
        size = len(INFLUENCES) * twins
        used = np.zeros(size, np.float32) if memory is None else memory[:size]
        self.values: NDArray[np.float32] = used.reshape(len(INFLUENCES), twins)

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        if name not in PLACE:
            raise InputError(f"no influence '{name}': {did_you_mean(name, PLACE)}")
        row: NDArray[np.float32] = self.values[PLACE[name]]
        return row

    def __setitem__(self, name: str, values: ArrayLike) -> None:
        self[name][:] = values

    def of(self, population: Population) -> NDArray[np.float32]:
        """The influences as an array for a kernel.

        Raises:
            InputError: they are for another number of twins.
        """
        if self.values.shape[1] != len(population):
            raise InputError(f"influences: are for {self.values.shape[1]} twins, must be for {len(population)}")
        return self.values

    def clear(self) -> None:
        """Start a new day."""
        self.values[:] = 0.0
