"""The day's influences of organ systems and drugs on one another, for some neighbouring rows of a population."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from popsim.errors import InputError, did_you_mean
from popsim.kernels.influences import INFLUENCES

PLACE = {influence.name: place for place, influence in enumerate(INFLUENCES)}


class Influences:
    """Scratch rows that organ systems add to: `influences["systolic_shift_mmhg"]` is an array of one float32 a twin.

    Attributes:
        values: shape (influences, twins), rows in the order of kernels/influences.py.
    """

    def __init__(self, twins: int) -> None:
        self.values: NDArray[np.float32] = np.zeros((len(INFLUENCES), twins), np.float32)

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        if name not in PLACE:
            raise InputError(f"no influence '{name}': {did_you_mean(name, PLACE)}")
        row: NDArray[np.float32] = self.values[PLACE[name]]
        return row

    def clear(self) -> None:
        """Start a new day."""
        self.values[:] = 0.0


def array_of(influences: Influences | None) -> Any:
    """What kernels take: the array, or None."""
    return None if influences is None else influences.values
