"""Hazards of presenting for each member, from the functions that the day loop uses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from popsim.evidence.parameters import ParameterSet
from popsim.evidence.sets import Parameters
from popsim.kernels import assimilation as filtering
from popsim.kernels import codes as code
from popsim.kernels.physiology.acute import AcuteParameters, log_factor
from popsim.kernels.physiology.heart import HeartParameters
from popsim.kernels.physiology.kidney import KidneyParameters
from popsim.physiology.binding import Binding
from popsim.physiology.influences import Influences
from popsim.population.population import Population


def hazards_of_presenting(
    influence_on: Influences, people: Population, parameters: Parameters, today: int
) -> NDArray[np.float64]:
    """Daily hazards of presenting by cause, (6, rows), of the day just simulated.

    Row k is cause k + 1 (kernels/codes.py): heart failure, infection, arrhythmia, renal, respiratory, and any other.

    Args:
        influence_on: the day's influences of organ systems and drugs on these people.
        people: at the end of the day.
        parameters: sets by name.
        today: days since the start, for the age.
    """
    hazards = _of_the_core(influence_on, people, parameters["heart_failure"], today)
    clinical_constants = parameters["clinical_twin"]
    respiratory, other = code.CAUSE_RESPIRATORY - 1, code.CAUSE_OTHER - 1
    hazards[respiratory] *= clinical_constants["respiratory_hazard_share"]
    hazards[other] *= clinical_constants["other_hazard_share"]
    sd = parameters["heart_failure"]["other_presentation_log_propensity_sd"]
    own_factor = np.exp(log_factor(people["presentation_propensity"], sd))
    hazards[code.CAUSE_ARRHYTHMIA - 1] += own_factor * influence_on["slow_rhythm_per_day"]
    hazards[code.CAUSE_RENAL - 1] += own_factor * influence_on["renal_per_day"]
    hazards[respiratory] += own_factor * influence_on["respiratory_per_day"]
    for name in ("infarction", "stroke", "bleeding", "fall", "glucose"):
        hazards[other] += own_factor * influence_on[f"{name}_per_day"]
    hazards[0] *= np.exp(influence_on["heart_failure_log_hazard"])
    hazards[1:] *= np.exp(influence_on["other_presentation_log_hazard"])
    return hazards


def _of_the_core(
    influence_on: Influences, people: Population, parameters: ParameterSet, day: float
) -> NDArray[np.float64]:
    """Those of the heart-failure core, as the causes of codes.CAUSE_* less one."""
    hazards, kernel = np.empty((filtering.CAUSES, len(people))), filtering.presentation_hazards
    kinds = {"heart": HeartParameters, "kidney": KidneyParameters, "acute": AcuteParameters}
    constants: dict[str, Any] = {name: parameters.fill(kind) for name, kind in kinds.items()}
    Binding(kernel, day=day, hazards=hazards, **constants)(kernel, people, influence_on)
    return hazards
