"""Heart failure, day by day: unwraps the population's columns for the compiled kernel and nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from popsim.evidence.parameters import ParameterSet, load_parameters
from popsim.kernels.physiology import heart_failure as kernel
from popsim.kernels.physiology.acute import AcuteParameters, WholeParameters
from popsim.kernels.physiology.fluid import FluidParameters
from popsim.kernels.physiology.heart import HeartParameters
from popsim.kernels.physiology.kidney import KidneyParameters
from popsim.kernels.physiology.shocks import ShockParameters
from popsim.kernels.physiology.steady_state import settle
from popsim.kernels.physiology.symptoms import SymptomParameters
from popsim.physiology.influences import Influences, array_of
from popsim.population.clock import Clock
from popsim.population.population import Population

# The columns in the order of the kernels' arguments.
SETTLE = (
    "baseline_ejection_fraction_percent", "baseline_systolic_mmhg", "baseline_heart_rate_bpm", "baseline_gfr_ml_min",
    "baseline_potassium_mmol_l", "baseline_filling_pressure_mmhg", "dry_weight_kg", "usual_salt_g_day",
    "adherence_trait", "age_years", "copd", "atrial_fibrillation", "beta_blocker_fraction", "ras_inhibitor_fraction",
    "neprilysin_inhibitor_fraction", "mra_fraction", "sglt2_inhibitor_fraction", "loop_diuretic_mg_day",
    "extracellular_fluid_excess_l", "frailty", "infection_severity", "arrhythmia_burden",
    "intrinsic_natriuresis_l_day", "untreated_ejection_fraction_percent", "untreated_systolic_mmhg",
    "untreated_heart_rate_bpm", "untreated_gfr_ml_min", "untreated_potassium_mmol_l", "filling_pressure_mmhg",
    "weight_kg", "ejection_fraction_percent", "systolic_mmhg", "heart_rate_bpm", "gfr_ml_min", "potassium_mmol_l",
    "nt_probnp_pg_ml", "symptom_score", "nyha_class", "adherence", "death_hazard_per_day", "onset", "acute_cause",
    "shock_onset",
)  # fmt: skip
ADVANCE_READS = (
    "entry_day", "age_years", "dry_weight_kg", "baseline_ejection_fraction_percent", "baseline_systolic_mmhg",
    "baseline_filling_pressure_mmhg", "usual_salt_g_day", "adherence_trait", "life_table_hazard_per_day", "diabetes",
    "atrial_fibrillation", "copd", "alive", "care_level", "beta_blocker_fraction", "ras_inhibitor_fraction",
    "neprilysin_inhibitor_fraction", "mra_fraction", "sglt2_inhibitor_fraction", "loop_diuretic_mg_day",
    "iv_diuretic_mg_day", "last_review_day", "intrinsic_natriuresis_l_day", "untreated_ejection_fraction_percent",
    "untreated_systolic_mmhg", "untreated_heart_rate_bpm", "untreated_potassium_mmol_l",
)  # fmt: skip
ADVANCE_WRITES = (
    "untreated_gfr_ml_min", "extracellular_fluid_excess_l", "filling_pressure_mmhg", "weight_kg",
    "ejection_fraction_percent", "systolic_mmhg", "heart_rate_bpm", "gfr_ml_min", "potassium_mmol_l", "nt_probnp_pg_ml",
    "symptom_score", "frailty", "deconditioning", "adherence", "infection_severity", "adherence_lapse",
    "salt_excess_g_day", "arrhythmia_burden", "death_hazard_per_day", "nyha_class", "acute_cause", "onset",
    "shock_onset",
)  # fmt: skip


# Where the clinical twin has the effect of what was taken, and the day loop alone has a dose.
EFFECT_OF_DOSE = {
    "beta_blocker_fraction": "beta_blockade",
    "ras_inhibitor_fraction": "ras_inhibition",
    "neprilysin_inhibitor_fraction": "neprilysin_inhibition",
    "mra_fraction": "mineralocorticoid_blockade",
    "sglt2_inhibitor_fraction": "sglt2_inhibition",
    "loop_diuretic_mg_day": "loop_diuretic_mg",
}


class HeartFailurePhysiology:
    """The heart-failure organ systems of a population: alone, or as the core of the clinical twin.

    Args:
        parameters: constants, by default those of evidence/heart_failure.toml.
        seed, replication: key of the random numbers, 0 .. 2**32 - 1.
        whole: constants of the clinical twin (evidence/clinical_twin.toml); its other organ systems then have their
            turn before, and hand their influences over. None: heart failure alone.
    """

    def __init__(
        self,
        parameters: ParameterSet | None = None,
        *,
        seed: int = 0,
        replication: int = 0,
        whole: ParameterSet | None = None,
    ) -> None:
        self.parameters = load_parameters("heart_failure") if parameters is None else parameters
        self.seed, self.replication = seed, replication
        self._whole = None if whole is None else whole.fill(WholeParameters)
        self._constants: dict[float, kernel.HeartFailureConstants] = {}

    def initialise(self, population: Population, influences: Influences | None = None) -> None:
        """Bring every physiology column into line with the traits, the drugs and what the cohort has set.

        Fills all physiology columns but those in `columns.SET_BY_COHORT`, which it takes as they are.
        """
        constants = self.constants(1.0)
        organs = (constants.fluid, constants.heart, constants.kidney, constants.symptoms)
        settle(*(*_unwrap(population, SETTLE, influences), *organs, array_of(influences, population)))

    def advance(self, population: Population, clock: Clock, influences: Influences | None = None) -> None:
        """Advance the twins whose entry day has come by one step of the clock.

        Valid for steps of up to two days (see kernels/physiology/fluid.py).
        """
        entered = population.entered(clock.time_days)
        columns = (*_unwrap(population, ADVANCE_READS, influences), *_unwrap(population, ADVANCE_WRITES))
        death_cause = None if influences is None else population["death_cause"]
        whole = (array_of(influences, population), death_cause, self._whole)
        time = (self.seed, self.replication, clock.day, clock.step_days)
        kernel.advance_day(*(entered, population.person_id, *columns, *time, *self.constants(clock.step_days), *whole))

    def constants(self, step_days: float) -> kernel.HeartFailureConstants:
        """The kernel's constants for one length of step."""
        if step_days not in self._constants:
            self._constants[step_days] = constants_of(self.parameters, step_days)
        return self._constants[step_days]


def constants_of(parameters: ParameterSet, step_days: float) -> kernel.HeartFailureConstants:
    """Parameters by organ system, and time constants turned into the share covered in one step."""
    shares = (-math.expm1(-step_days / parameters[f"{name}_time_constant_days"]) for name in kernel.Relaxation._fields)
    return kernel.HeartFailureConstants(
        parameters.fill(ShockParameters),
        parameters.fill(FluidParameters),
        parameters.fill(HeartParameters),
        parameters.fill(KidneyParameters),
        parameters.fill(SymptomParameters),
        parameters.fill(AcuteParameters),
        kernel.Relaxation(*shares),
    )


def _unwrap(population: Population, names: Sequence[str], influences: Influences | None = None) -> list[Any]:
    """Columns by name; in the clinical twin the effect of a drug in the place of its dose."""
    if influences is None:
        return [population[name] for name in names]
    effects = EFFECT_OF_DOSE
    return [influences[effects[name]] if name in effects else population[name] for name in names]
