"""Heart failure: binds the compiled kernels to the columns."""

from __future__ import annotations

import math
from functools import cache, partial

from popsim.evidence.sets import Parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.physiology import heart_failure as kernel
from popsim.kernels.physiology.acute import AcuteParameters, ClinicalParameters
from popsim.kernels.physiology.death import DeathParameters
from popsim.kernels.physiology.fluid import FluidParameters
from popsim.kernels.physiology.heart import HeartParameters
from popsim.kernels.physiology.kidney import KidneyParameters
from popsim.kernels.physiology.shocks import ShockParameters
from popsim.kernels.physiology.steady_state import set_steady_state
from popsim.kernels.physiology.symptoms import SymptomParameters
from popsim.physiology.binding import Binding, parameters_of
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock
from popsim.population.population import Population

TAKEN = frozenset(parameters_of(kernel.advance_day))
# Columns that `initialise` computes and the day loop reads without changing them.
UNTREATED = frozenset(
    {
        "intrinsic_natriuresis_l_day",
        "untreated_ejection_fraction_percent",
        "untreated_systolic_mmhg",
        "untreated_heart_rate_bpm",
        "untreated_potassium_mmol_l",
        "presentation_propensity",
        "death_propensity",
        "peptide_residual",
        "class_judgement",
    }
)
ORGANS = {
    "shocks": ShockParameters,
    "fluid": FluidParameters,
    "heart": HeartParameters,
    "kidney": KidneyParameters,
    "symptoms": SymptomParameters,
    "acute": AcuteParameters,
    "death": DeathParameters,
}


class HeartFailurePhysiology:
    """Heart failure: the core of the twin, which takes in the influences of the organ systems that advance before it.

    Args:
        parameters: all sets, of which it takes heart_failure and clinical_twin.
        key: of the random numbers, 0 .. 2**32 - 1.
    """

    def __init__(self, parameters: Parameters, *, key: RandomKey = RandomKey()) -> None:
        own = parameters["heart_failure"]
        time_constants_days = tuple(own[f"{name}_time_constant_days"] for name in kernel.Relaxation._fields)
        self._call = Binding(
            *(set_steady_state, kernel.advance_day),
            key=key,
            relaxation=partial(_relaxation, time_constants_days),
            own_share=math.sqrt(1.0 - own["propensity_correlation"] ** 2),
            shared=own["propensity_correlation"],
            clinical_constants=parameters["clinical_twin"].fill(ClinicalParameters),
            **{name: own.fill(kind) for name, kind in ORGANS.items()},
        )

    def initialise(self, population: Population, influences: Influences) -> None:
        """Initialise every physiology column at the steady state for the traits, the drugs and the cohort's values.

        Fills all physiology columns except those in `columns.SET_BY_COHORT`, which do not change.
        """
        self._call(set_steady_state, population, influences)

    def advance(self, population: Population, clock: Clock, influences: Influences) -> None:
        """Advance the twins that have entered by one step of the clock.

        Valid for steps of up to two days (see kernels/physiology/fluid.py).
        """
        people = population.part(0, population.entered(clock.time_days))
        self._call(kernel.advance_day, people, influences, clock)


def _relaxation(time_constants_days: tuple[float, ...], _: Population, clock: Clock) -> kernel.Relaxation:
    return relaxation_of(time_constants_days, clock.step_days)


@cache
def relaxation_of(time_constants_days: tuple[float, ...], step_days: float) -> kernel.Relaxation:
    """The share of the distance to its target that each relaxing variable covers in a step."""
    return kernel.Relaxation(*(-math.expm1(-step_days / constant) for constant in time_constants_days))
