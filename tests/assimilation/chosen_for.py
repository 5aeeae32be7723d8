"""Beliefs about made-up persons for the tests of the choice of therapy."""

from __future__ import annotations

from functools import cache

import numpy as np

from popsim.assimilation.belief import Belief
from popsim.assimilation.ensemble import Ensemble
from popsim.assimilation.prior import member_ids, members_of
from popsim.definitions.options import DoseChange, TherapyOption
from popsim.evidence.sets import SHIPPED
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology import ClinicalPhysiology
from popsim.population.clock import Clock
from popsim.population.cohort import CohortSource
from popsim.population.population import Population
from popsim.simulation.schema import SCHEMA

TYPICAL = {
    "age_years": 77.0, "dry_weight_kg": 78.0, "baseline_ejection_fraction_percent": 32.0,
    "baseline_systolic_mmhg": 124.0, "baseline_heart_rate_bpm": 74.0, "baseline_gfr_ml_min": 55.0,
    "baseline_potassium_mmol_l": 4.4, "baseline_filling_pressure_mmhg": 15.0, "usual_salt_g_day": 8.0,
    "adherence_trait": 0.85, "life_table_hazard_per_day": 0.045 / 365.25, "beta_blocker_fraction": 0.5,
    "ras_inhibitor_fraction": 0.5, "loop_diuretic_mg_day": 80.0, "last_review_day": -1000.0, "frailty": 0.3, "alive": 1,
    "height_cm": 166.0, "deprivation_quintile": 3, "baseline_hba1c_percent": 5.6, "baseline_albuminuria_mg_g": 30.0,
    "baseline_haemoglobin_g_dl": 12.2, "baseline_fev1_percent": 80.0, "baseline_ldl_mmol_l": 3.1,
}  # fmt: skip
SPREAD = {
    "baseline_ejection_fraction_percent": 3.0, "baseline_systolic_mmhg": 6.0, "baseline_gfr_ml_min": 5.0,
    "baseline_potassium_mmol_l": 0.1, "usual_salt_g_day": 1.0, "baseline_filling_pressure_mmhg": 1.0,
}  # fmt: skip


def on_drugs(key: RandomKey) -> ClinicalPhysiology:
    """The heart-failure core and the drugs."""
    return ClinicalPhysiology(SHIPPED, key=key, organ_systems=("drugs", "diabetes"))


def believed(
    persons: int = 1, members: int = 64, *, seed: int = 7, fluid: float = 0.0, fluid_sd: float = 0.3, **values
):
    """A belief about persons alike, settled, with so much fluid above the set point."""
    rng = np.random.default_rng(seed)
    people = Population(SCHEMA, member_ids(np.arange(persons), members))
    for name, value in (TYPICAL | values).items():
        people[name] = value
    for name, sd in SPREAD.items():
        people[name] += sd * rng.standard_normal(len(people))
    physiology = on_drugs(RandomKey(seed))
    physiology.initialise(people)
    people["extracellular_fluid_excess_l"] = fluid + fluid_sd * rng.standard_normal(len(people))
    return Belief(Ensemble(people, members), physiology, [], key=RandomKey(seed), parameters=SHIPPED)


def overtreated(members: int = 256) -> Belief:
    """A belief about somebody of low pressure who needs no diuretic and has been on 80 mg for a month."""
    belief = believed(
        members=members, loop_diuretic_mg_day=0.0, baseline_systolic_mmhg=98.0, baseline_gfr_ml_min=40.0, fluid_sd=0.0
    )
    belief.ensemble.people["loop_diuretic_mg_day"] = 80.0
    for day in range(1, 31):
        belief.advance(Clock(day))
    return belief


@cache
def metabolisers(members: int = 128) -> Belief:
    """Clinical twins who need a beta-blocker and take none, pulse 62: a poor and a normal metaboliser of CYP2D6."""
    physiology = ClinicalPhysiology(SHIPPED, key=RandomKey(3))
    alike = {
        "age_years": 72.0, "female": 0, "baseline_ejection_fraction_percent": 28.0, "beta_blocker_fraction": 0.0,
        "beta_blocker_agent": 0, "baseline_systolic_mmhg": 125.0, "baseline_heart_rate_bpm": 62.0,
        "atrial_fibrillation": 0, "cyp2d6_inhibitor": 0, "baseline_potassium_mmol_l": 4.4, "baseline_gfr_ml_min": 60.0,
        "adherence_trait": 0.9,
    }  # fmt: skip
    known = {name: np.full(2, value) for name, value in alike.items()} | {"cyp2d6": np.array([1, 3])}
    cohort = CohortSource.read("cohorts/heart_failure_discharge.toml")
    ensemble = members_of(
        cohort,
        known,
        members=members,
        schema=SCHEMA,
        physiology=physiology,
        person_id=np.array([7, 8]),
        key=RandomKey(3),
        parameters=SHIPPED["twinning"],
    )
    return Belief(ensemble, physiology, [], key=RandomKey(3), parameters=SHIPPED)


def discharged(persons: int, members: int) -> Belief:
    """A belief about people of the cohort of whom age, sex and ejection fraction are known."""
    physiology = on_drugs(RandomKey(4))
    cohort = CohortSource.read("cohorts/heart_failure_discharge.toml")
    rng = np.random.default_rng(2)
    known = {
        "age_years": rng.uniform(66, 92, persons),
        "female": rng.integers(0, 2, persons),
        "baseline_ejection_fraction_percent": rng.uniform(20, 60, persons),
    }
    ids = np.arange(persons)
    given = {"physiology": physiology, "person_id": ids, "key": RandomKey(4), "parameters": SHIPPED["twinning"]}
    ensemble = members_of(cohort, known, members=members, schema=SCHEMA, **given)
    order = np.arange(persons)[:, None] * members + rng.permuted(np.tile(np.arange(members), (persons, 1)), axis=1)
    return Belief(
        Ensemble(ensemble.people.chosen(order.ravel()), members), physiology, [], key=RandomKey(4), parameters=SHIPPED
    )


def dose(name: str, drug: str, rungs: int | None = None, share: float | None = None, **keys) -> TherapyOption:
    """An option that changes one dose."""
    return TherapyOption(name=name, changes=(DoseChange(kind="dose", drug=drug, rungs=rungs, share=share),), **keys)
