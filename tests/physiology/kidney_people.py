"""Made-up people for the tests of kidney disease and diabetes, and a body of these two around the core."""

from __future__ import annotations

from typing import Any

import people
from numpy.typing import NDArray
from people import NO_SHOCKS

from popsim.evidence.sets import Parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology import HeartFailurePhysiology
from popsim.physiology.organs.diabetes import Diabetes
from popsim.physiology.organs.kidney_disease import KidneyDisease
from popsim.population.population import Population

NO_INJURY = {
    f"injury_{cause}_per_day": 0.0 for cause in ("rate", "low_pressure", "combination", "deficit", "infection")
}
NO_WANDER = {"slope_wander": 0.0}
NO_GROWTH = {"albuminuria_growth_per_year": 0.0, "albuminuria_growth_per_hba1c": 0.0}
QUIET = {"heart_failure": NO_SHOCKS, "kidney_disease": NO_INJURY | NO_WANDER}
TYPICAL = {
    "age_years": 64.0, "dry_weight_kg": 80.0, "baseline_ejection_fraction_percent": 60.0,
    "baseline_systolic_mmhg": 135.0, "baseline_heart_rate_bpm": 70.0, "baseline_gfr_ml_min": 40.0,
    "baseline_potassium_mmol_l": 4.6, "baseline_filling_pressure_mmhg": 10.0, "adherence_trait": 1.0,
    "life_table_hazard_per_day": 0.015 / 365.25, "frailty": 0.15, "baseline_albuminuria_mg_g": 300.0,
    "baseline_hba1c_percent": 6.0,
}  # fmt: skip


def alike(size: int = 1, **values: float | NDArray[Any]) -> Population:
    """The same person with kidney disease `size` times, at home, with some columns set."""
    return people.alike(size, **(TYPICAL | values))


class Body(people.Body):
    """Kidney disease, diabetes and the core."""

    def __init__(self, people: Population, parameters: Parameters, step_days: float = 1.0, **drugs: float) -> None:
        kinds = KidneyDisease, Diabetes, HeartFailurePhysiology
        self.kidney, self.sugar, self.core = (kind(parameters, key=RandomKey(5)) for kind in kinds)
        super().__init__(people, self.kidney, self.sugar, self.core, step_days=step_days, **drugs)
