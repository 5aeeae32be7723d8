"""Heart failure: binds the compiled kernels to the columns."""

from __future__ import annotations

import math
from functools import cache, partial

from popsim.evidence.parameters import ParameterSet
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.physiology import heart_failure as kernel
from popsim.kernels.physiology.acute import AcuteParameters, ClinicalParameters
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

# The dose that the day loop uses in the model of heart failure alone, where the clinical twin has the drug's effect.
DOSE_OF_EFFECT = {
    "beta_blockade": "beta_blocker_fraction",
    "ras_inhibition": "ras_inhibitor_fraction",
    "neprilysin_inhibition": "neprilysin_inhibitor_fraction",
    "mineralocorticoid_blockade": "mra_fraction",
    "sglt2_inhibition": "sglt2_inhibitor_fraction",
    "loop_diuretic_mg": "loop_diuretic_mg_day",
}
TAKEN = frozenset(parameters_of(kernel.advance_day))
# Columns that `initialise` computes and the day loop reads without changing them.
UNTREATED = frozenset(
    {
        "intrinsic_natriuresis_l_day",
        "untreated_ejection_fraction_percent",
        "untreated_systolic_mmhg",
        "untreated_heart_rate_bpm",
        "untreated_potassium_mmol_l",
    }
)
ORGANS = {
    "shocks": ShockParameters,
    "fluid": FluidParameters,
    "heart": HeartParameters,
    "kidney": KidneyParameters,
    "symptoms": SymptomParameters,
    "acute": AcuteParameters,
}


class HeartFailurePhysiology:
    """The heart-failure organ systems of a population: alone, or as the core of the clinical twin.

    Args:
        parameters: the set heart_failure.
        key: of the random numbers, 0 .. 2**32 - 1.
        whole: constants of the clinical twin (evidence/clinical_twin.toml), whose other organ systems advance before
            this one and pass their influences. None: heart failure alone.
    """

    influences: Influences | None = None

    def __init__(
        self,
        parameters: ParameterSet,
        *,
        key: RandomKey = RandomKey(),
        clinical_constants: ParameterSet | None = None,
    ) -> None:
        time_constants_days = tuple(parameters[f"{name}_time_constant_days"] for name in kernel.Relaxation._fields)
        part = (
            {"death_cause": None, "clinical_constants": None}
            if clinical_constants is None
            else {"clinical_constants": clinical_constants.fill(ClinicalParameters)}
        )
        self._call = Binding(
            *(set_steady_state, kernel.advance_day),
            columns=DOSE_OF_EFFECT if clinical_constants is None else {},
            key=key,
            relaxation=partial(_relaxation, time_constants_days),
            **{name: parameters.fill(kind) for name, kind in ORGANS.items()},
            **part,
        )

    def initialise(self, population: Population, influences: Influences | None = None) -> None:
        """Initialise every physiology column at the steady state for the traits, the drugs and the cohort's values.

        Fills all physiology columns except those in `columns.SET_BY_COHORT`, which do not change.
        """
        self._call(set_steady_state, population, influences)

    def advance(self, population: Population, clock: Clock, influences: Influences | None = None) -> None:
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
