"""Hazards of presenting for each member, from the functions that the day loop uses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from popsim.evidence.parameters import ParameterSet
from popsim.kernels import assimilation as filtering
from popsim.kernels.physiology.acute import AcuteParameters
from popsim.kernels.physiology.heart import HeartParameters
from popsim.physiology.binding import Binding
from popsim.population.population import Population


def presentation_hazards(people: Population, parameters: ParameterSet, day: float = 0.0) -> NDArray[np.float64]:
    """Daily hazards of presenting, (6, rows): heart failure, infection, arrhythmia, renal, respiratory, other.

    Row k is cause k + 1 (kernels/codes.py). Causes that only other organ systems add (infarction,
    stroke, bleeding, falls, glucose, slow rhythm) are not included.

    Args:
        people: with the columns of heart failure.
        parameters: the set heart_failure.
        day: days since the start, for the age.
    """
    acute, heart = parameters.fill(AcuteParameters), parameters.fill(HeartParameters)
    hazards = np.empty((filtering.CAUSES, len(people)))
    kernel = filtering.presentation_hazards
    Binding(kernel, day=day, heart=heart, acute=acute, hazards=hazards)(kernel, people)
    return hazards
