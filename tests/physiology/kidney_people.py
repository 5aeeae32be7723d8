"""Made-up people for the tests of kidney disease and diabetes, and a body of these two around the core."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from people import NO_SHOCKS

from popsim.evidence.sets import SHIPPED, Parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology import HeartFailurePhysiology
from popsim.physiology.influences import Influences
from popsim.physiology.organs.diabetes import Diabetes
from popsim.physiology.organs.kidney_disease import KidneyDisease
from popsim.population.clock import Clock
from popsim.population.population import Population
from popsim.simulation.schema import CLINICAL_SCHEMA

NO_INJURY = {
    f"injury_{cause}_per_day": 0.0 for cause in ("rate", "low_pressure", "combination", "deficit", "infection")
}
NO_WANDER = {"slope_wander": 0.0}
NO_GROWTH = {"albuminuria_growth_per_year": 0.0, "albuminuria_growth_per_hba1c": 0.0}


def sets(**changes: Mapping[str, float]) -> Parameters:
    """All parameter sets, some with values changed: sets(diabetes={"hba1c_floor_percent": 4.5})."""
    return SHIPPED.given({name: SHIPPED[name].with_values(values) for name, values in changes.items()})


QUIET = {"heart_failure": NO_SHOCKS, "kidney_disease": NO_INJURY | NO_WANDER}


def alike(size: int = 1, **values: float | NDArray[np.float64]) -> Population:
    """The same person with kidney disease `size` times, at home, with some columns set."""
    typical = {
        "age_years": 64.0, "dry_weight_kg": 80.0, "baseline_ejection_fraction_percent": 60.0,
        "baseline_systolic_mmhg": 135.0, "baseline_heart_rate_bpm": 70.0, "baseline_gfr_ml_min": 40.0,
        "baseline_potassium_mmol_l": 4.6, "baseline_filling_pressure_mmhg": 10.0, "usual_salt_g_day": 8.0,
        "adherence_trait": 1.0, "life_table_hazard_per_day": 0.015 / 365.25, "last_review_day": -1000.0,
        "frailty": 0.15, "alive": 1, "baseline_albuminuria_mg_g": 300.0, "baseline_hba1c_percent": 6.0,
    }  # fmt: skip
    people = Population(CLINICAL_SCHEMA, np.arange(size))
    for name, value in (typical | values).items():
        people[name] = value
    return people


class Body:
    """Kidney disease, diabetes and the core, with the same drugs every day, by the names of their influences.

    A change of `drugs` (or of the people's columns) works from the next day on.
    """

    def __init__(self, people: Population, parameters: Parameters, step_days: float = 1.0, **drugs: float) -> None:
        self.people, self.drugs, self.clock = people, dict(drugs), Clock(step_days=step_days)
        self.kidney, self.sugar = KidneyDisease(parameters, key=RandomKey(5)), Diabetes(parameters, key=RandomKey(5))
        self.core = HeartFailurePhysiology(
            parameters["heart_failure"], key=RandomKey(5), clinical_constants=parameters["clinical_twin"]
        )
        self.influences = Influences(len(people))
        self._morning()
        for system in (self.kidney, self.sugar, self.core):
            system.initialise(people, self.influences)

    def live(self, days: float) -> Population:
        """Some days; returns the people as they then are (not a copy)."""
        for _ in range(round(days / self.clock.step_days)):
            self._morning()
            for system in (self.kidney, self.sugar, self.core):
                system.advance(self.people, self.clock, self.influences)
            self.clock.tick()
        return self.people

    def _morning(self) -> None:
        self.influences.clear()
        for name, value in self.drugs.items():
            self.influences[name][:] = value
