"""What a device, a laboratory or a judge shows of a column, as exports write it down."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from popsim.care.signals import Signals
from popsim.kernels.care.observation import MAX_COLUMNS
from popsim.kernels.codes import STREAM_LAB
from popsim.kernels.numerics.sampling import keyed
from popsim.population.population import Population


def observed(
    signals: Signals, population: Population, day: int, name: str, rows: NDArray[np.int64] | slice
) -> NDArray[np.float64]:
    """A column as care observes it on a day: as `Signals.look`, and classes with the error of those who judge them.

    The random numbers of classes are those of kernels/care/observation.py.
    """
    values = signals.look(population, day, name, rows)
    signal = next((one for one in signals.signals if one.measures == name), None)
    column = population.schema[name]
    if signal is None or column.kind != "code" or signal.error == 0.0:
        return values
    index = (day + 1) * MAX_COLUMNS + MAX_COLUMNS // 2 + population.schema.number(name)
    u = keyed(signals.key, population.person_id[rows], STREAM_LAB, index)
    wrong = (u > 1.0 - 0.5 * signal.error).astype(float) - (u < 0.5 * signal.error)
    return np.asarray(np.clip(values + wrong, column.low, column.high))
