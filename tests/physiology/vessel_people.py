"""Made-up people for the tests of the vessels, and days of these alone or with the core."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from kidney_people import alike
from people import Body

from popsim.evidence.sets import SHIPPED, Parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology import HeartFailurePhysiology
from popsim.physiology.influences import Influences
from popsim.physiology.organs.vessels import Vessels
from popsim.population.population import Population
from popsim.population.sampling import CohortSource, sample
from popsim.simulation.schema import SCHEMA

PER_100_YEARS = 100 * 365.25
COHORT = Path(__file__).parents[2] / "cohorts/heart_failure_discharge.toml"
MEASURED = {
    "systolic_mmhg": "baseline_systolic_mmhg", "gfr_ml_min": "baseline_gfr_ml_min",
    "hba1c_percent": "baseline_hba1c_percent", "filling_pressure_mmhg": "baseline_filling_pressure_mmhg",
    "ejection_fraction_percent": "baseline_ejection_fraction_percent",
}  # fmt: skip


def reference(size: int = 1, **values) -> Population:
    """People of 75 at the reference of all risks: 125 mmHg, LDL 3 mmol/L, HbA1c 6.4%, GFR 60, never smoked."""
    usual = {
        "age_years": 75.0, "baseline_systolic_mmhg": 125.0, "baseline_gfr_ml_min": 60.0,
        "baseline_hba1c_percent": 6.4, "baseline_ldl_mmol_l": 3.0,
    }  # fmt: skip
    return as_measured(alike(size, **(usual | values)), **values)


def as_measured(people: Population, **values) -> Population:
    """The same people with today's state at its baseline, but for what is given."""
    for now, entry in MEASURED.items():
        people[now] = values.get(now, people[entry])
    return people


def discharged(size: int, seed: int = 3) -> Population:
    """People of the cohort heart_failure_discharge, in their state at entry."""
    people = as_measured(sample(CohortSource.read(COHORT), SCHEMA, size, RandomKey(seed)))
    people["alive"], people["entry_day"] = 1, 0
    return people


def usual_drugs(people: Population, seed: int = 4) -> dict[str, np.ndarray]:
    """Effects of what such people take: anticoagulants in 60% of atrial fibrillation, clopidogrel in 40% of coronary
    disease, a statin in 65% of it and 35% of the others. Assumption, to which the rates are calibrated."""
    random = np.random.default_rng(seed)
    fibrillates, coronary = people["atrial_fibrillation"] == 1, people["coronary_disease"] == 1
    draws = random.random((3, len(people)))
    return {
        "anticoagulation": np.where(fibrillates & (draws[0] < 0.6), 0.85, 0.0),
        "platelet_inhibition": np.where(coronary & (draws[1] < 0.4), 0.42, 0.0),
        "ldl_reduction": np.where(draws[2] < np.where(coronary, 0.65, 0.35), 0.4, 0.0),
    }


class Day(Body):
    """The vessels alone: people whose state is held but for what the vessels write (see `with_core`)."""

    def __init__(
        self, people: Population, parameters: Parameters = SHIPPED, step_days: float = 1.0, seed: int = 5, **drugs
    ) -> None:
        super().__init__(people, Vessels(parameters, key=RandomKey(seed)), step_days=step_days, **drugs)

    def live(self, days: float = 1.0) -> Influences:
        """Some days; returns the influences of the last."""
        super().live(days)
        return self.influences


def with_core(people: Population, parameters: Parameters) -> Body:
    """The vessels and the core around them."""
    return Body(people, *(kind(parameters, key=RandomKey(5)) for kind in (Vessels, HeartFailurePhysiology)))
