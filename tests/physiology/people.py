"""Made-up people for the tests of physiology: plausible ones, extreme ones, what treats them, and their bodies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from popsim.definitions.calibration import Calibrated
from popsim.evidence.sets import SHIPPED, Parameters
from popsim.kernels.codes import CAUSE_HEART_FAILURE, LEVEL_COMMUNITY, LEVEL_WARD, ONSET_ACUTE, ONSET_DEATH
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.physiology import (
    ageing,
    blood,
    convalescence,
    diabetes,
    environment,
    heart_failure,
    kidney_disease,
    lungs,
    remodelling,
    vessels,
)
from popsim.physiology import ClinicalPhysiology
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock
from popsim.population.population import Population
from popsim.simulation.schema import SCHEMA

CALIBRATION = Path(__file__).parents[2] / "experiments/calibrated/heart_failure.toml"
DOSES = {
    "beta_blockade": "beta_blocker_fraction",
    "ras_inhibition": "ras_inhibitor_fraction",
    "neprilysin_inhibition": "neprilysin_inhibitor_fraction",
    "mineralocorticoid_blockade": "mra_fraction",
    "sglt2_inhibition": "sglt2_inhibitor_fraction",
    "loop_diuretic_mg": "loop_diuretic_mg_day",
}
DAYS_OF_ORGANS = (
    *(environment, vessels, kidney_disease, diabetes, lungs, blood, ageing, remodelling, convalescence, heart_failure),
)
NO_SHOCKS = {
    "infection_rate_per_day": 0.0,
    "lapse_rate_per_day": 0.0,
    "salt_rate_per_day": 0.0,
    "arrhythmia_rate_per_day": 0.0,
}
NO_AGEING = {"gfr_loss_per_year": 0.0, "gfr_loss_diabetes_per_year": 0.0, "frailty_per_year": 0.0}


def sets(base: Parameters = SHIPPED, **changes: Mapping[str, float]) -> Parameters:
    """All parameter sets, some with values changed: sets(lungs={"exacerbations_per_year": 0.0})."""
    return base.given({name: base[name].with_values(values) for name, values in changes.items()})


def _calibrated() -> Parameters:
    """All parameter sets at the posterior means of the shipped calibration, which the experiments run with."""
    return SHIPPED.with_values({name: one.value for name, one in Calibrated.read(CALIBRATION).parameters.items()})


CALIBRATED = _calibrated()


def discharged(size: int, seed: int = 1) -> Population:
    """People of about 77 after a heart-failure admission, half with a reduced ejection fraction."""
    random = np.random.default_rng(seed)

    def normal(mean: float, sd: float, low: float, high: float):
        return np.clip(random.normal(mean, sd, size), low, high)

    people = Population(SCHEMA, np.arange(size))
    reduced = random.random(size) < 0.5
    people["age_years"] = normal(77, 10, 40, 100)
    people["dry_weight_kg"] = normal(78, 16, 40, 160)
    people["baseline_ejection_fraction_percent"] = np.where(reduced, normal(30, 7, 12, 42), normal(55, 7, 43, 75))
    people["baseline_systolic_mmhg"] = normal(127, 17, 90, 180)
    people["baseline_heart_rate_bpm"] = normal(74, 11, 50, 110)
    people["baseline_gfr_ml_min"] = normal(56, 20, 15, 110)
    people["baseline_potassium_mmol_l"] = normal(4.4, 0.4, 3.4, 5.5)
    people["baseline_filling_pressure_mmhg"] = normal(15, 2.5, 8, 22)
    people["usual_salt_g_day"] = normal(8, 2, 3, 15)
    people["adherence_trait"] = random.beta(8, 2, size)
    people["life_table_hazard_per_day"] = 0.045 * np.exp(0.1 * (people["age_years"] - 77)) / 365.25
    for name, share in (("diabetes", 0.4), ("atrial_fibrillation", 0.4), ("copd", 0.25)):
        people[name] = random.random(size) < share
    people["beta_blocker_fraction"] = random.random(size)
    people["ras_inhibitor_fraction"] = random.random(size)
    people["mra_fraction"] = np.where(random.random(size) < 0.4, 0.5, 0.0)
    people["sglt2_inhibitor_fraction"] = np.where(random.random(size) < 0.2, 1.0, 0.0)
    people["loop_diuretic_mg_day"] = random.choice([20.0, 40.0, 80.0, 160.0], size)
    people["last_review_day"] = -1000.0
    people["frailty"] = random.beta(3, 6, size)
    people["deconditioning"] = 0.7
    people["extracellular_fluid_excess_l"] = random.normal(1, 1, size)
    people["alive"] = people["heart_failure"] = 1
    for name, share in (("hypertension", 0.76), ("coronary_disease", 0.52), ("iron_deficiency", 0.5)):
        people[name] = random.random(size) < share
    people["prior_infarction"] = people["coronary_disease"] * (random.random(size) < 0.5)
    people["prior_stroke"] = random.random(size) < 0.15
    people["height_cm"] = normal(166, 9.5, 135, 205)
    people["smoking"] = random.choice(3, size, p=[0.42, 0.47, 0.11])
    people["alcohol_g_day"] = random.choice([0.0, 5.0, 15.0, 40.0], size, p=[0.45, 0.3, 0.19, 0.06])
    people["activity_met_h_week"] = np.clip(random.lognormal(1.8, 0.75, size), 0, 80)
    people["deprivation_quintile"] = random.integers(1, 6, size)
    people["baseline_ldl_mmol_l"] = normal(3.1, 0.9, 0.8, 8)
    people["baseline_albuminuria_mg_g"] = np.clip(random.lognormal(3.5, 1.4, size), 2, 4000)
    people["baseline_hba1c_percent"] = np.where(people["diabetes"] == 1, normal(7.3, 1.1, 5.5, 13), 5.6)
    people["baseline_haemoglobin_g_dl"] = normal(12.2, 1.8, 7, 18)
    people["baseline_fev1_percent"] = np.where(people["copd"] == 1, normal(55, 15, 20, 90), normal(86, 15, 50, 125))
    return people


def extreme(size: int, seed: int = 2) -> Population:
    """People whose traits, drugs, care and shocks lie anywhere within the declared bounds, often at a bound."""
    random = np.random.default_rng(seed)
    people = Population(SCHEMA, np.arange(size))
    for name, column in SCHEMA.columns.items():
        inside = random.uniform(column.low, column.high, size)
        corner = np.where(random.random(size) < 0.5, column.low, column.high)
        people[name] = np.where(random.random(size) < 0.5, corner, inside)
    people["entry_day"] = 0
    people["alive"] = 1
    return people


def mixed(twins: int, seed: int = 4) -> tuple[Population, Influences]:
    """Extreme people, some dead, with any influences of drugs."""
    people, influences, random = extreme(twins, seed), Influences(twins), np.random.default_rng(seed)
    people["alive"] = random.random(twins) < 0.9
    influences.values[:12] = random.uniform(0, 1.5, (12, twins))
    return people, influences


TYPICAL = {
    "age_years": 77.0, "dry_weight_kg": 78.0, "baseline_ejection_fraction_percent": 32.0,
    "baseline_systolic_mmhg": 124.0, "baseline_heart_rate_bpm": 74.0, "baseline_gfr_ml_min": 55.0,
    "baseline_potassium_mmol_l": 4.4, "baseline_filling_pressure_mmhg": 15.0, "usual_salt_g_day": 8.0,
    "adherence_trait": 0.85, "life_table_hazard_per_day": 0.045 / 365.25, "beta_blocker_fraction": 0.5,
    "ras_inhibitor_fraction": 0.5, "mra_fraction": 0.0, "loop_diuretic_mg_day": 80.0, "last_review_day": -1000.0,
    "frailty": 0.3, "alive": 1, "heart_failure": 1,
    "height_cm": 166.0, "deprivation_quintile": 3, "activity_met_h_week": 8.0,
    "baseline_ldl_mmol_l": 3.1, "baseline_albuminuria_mg_g": 30.0, "baseline_hba1c_percent": 5.6,
    "baseline_haemoglobin_g_dl": 12.2, "baseline_fev1_percent": 80.0,
}  # fmt: skip


def alike(size: int = 1, **values: float | NDArray[Any]) -> Population:
    """The same typical twin `size` times, with some columns set."""
    people = Population(SCHEMA, np.arange(size))
    for name, value in (TYPICAL | values).items():
        people[name] = value
    return people


class Doses:
    """Stands in for pharmacology: a drug acts by the share of its dose that was taken on the day before."""

    def initialise(self, people: Population, influences: Influences) -> None:
        for effect, dose in DOSES.items():
            influences[effect] = people["adherence_trait"] * people[dose]

    def advance(self, people: Population, clock: Clock, influences: Influences) -> None:
        for effect, dose in DOSES.items():
            influences[effect] = people["adherence"] * people[dose]


def core(parameters: Parameters = SHIPPED, key: RandomKey = RandomKey()) -> ClinicalPhysiology:
    """The heart-failure core without other organ systems, on drugs that act by their doses."""
    return ClinicalPhysiology(parameters, key=key, organ_systems=(), own=(Doses(),))


def lived(people: Population, days: int, parameters: Parameters, step_days: float = 1.0, **care: float) -> Population:
    """A settled copy of the people after some days of the core under constant care."""
    people, physiology = people.copy(), core(parameters, RandomKey(5))
    physiology.initialise(people)
    for name, value in care.items():
        people[name] = value
    clock = Clock(step_days=step_days)
    for _ in range(round(days / step_days)):
        physiology.advance(people, clock)
        clock.tick()
    return people


class Body:
    """Some organ systems with people, and the same influences of drugs and others every day, by their names.

    A change of `drugs` (or of the people's columns) works from the next day on.

    Attributes:
        influences: of the last day.
    """

    def __init__(
        self, people: Population, *systems: Any, step_days: float = 1.0, **drugs: float | NDArray[Any]
    ) -> None:
        self.people, self.systems, self.drugs = people, list(systems), dict(drugs)
        self.clock, self.influences = Clock(step_days=step_days), Influences(len(people))
        self._morning()
        for system in systems:
            system.initialise(people, self.influences)

    def live(self, days: float = 1.0) -> Population:
        """Some days; returns the people as they then are (not a copy)."""
        for _ in range(round(days / self.clock.step_days)):
            self._morning()
            for system in self.systems:
                system.advance(self.people, self.clock, self.influences)
            self.clock.tick()
        return self.people

    def _morning(self) -> None:
        self.influences.clear()
        for name, value in self.drugs.items():
            self.influences[name] = value


class Ward:
    """Stands in for care: admits whoever presents, gives intravenous diuretic, discharges the decongested.

    Every eight weeks the wet get half as much again of their oral diuretic, as they would at visits.
    """

    def __init__(self, people: Population) -> None:
        self.people = people
        self.since = np.full(len(people), -1)
        self.cause = np.zeros(len(people), int)
        self.died = np.full(len(people), 10**6)
        self.admissions: list[tuple[int, int, int]] = []  # row, day, cause
        self.stays: list[tuple[int, int]] = []  # row, days in a stay for heart failure

    def treat(self, day: int) -> None:
        people, since = self.people, self.since
        alive, excess = people["alive"], people["extracellular_fluid_excess_l"]
        dies = (people["onset"] & ONSET_DEATH > 0) & (alive == 1)
        alive[dies], self.died[dies], since[dies] = 0, day, -1
        people["death_cause"][dies] = people["dies_of"][dies]
        comes = (people["onset"] & ONSET_ACUTE > 0) & (alive == 1)
        since[comes], self.cause[comes] = day, people["acute_cause"][comes]
        self.admissions += [(int(row), day, int(people["acute_cause"][row])) for row in np.flatnonzero(comes)]
        inside, stay = since >= 0, day - since
        failing = self.cause == CAUSE_HEART_FAILURE
        goes = inside & (np.where(failing, excess < 0.8, stay >= 4) | (stay >= 10))
        self.stays += [(int(row), int(stay[row])) for row in np.flatnonzero(goes & failing)]
        since[goes] = -1
        inside = since >= 0
        if day % 56 == 14:
            dose = people["loop_diuretic_mg_day"]
            people["loop_diuretic_mg_day"] = np.where(excess > 1.5, np.clip(1.5 * dose, 40, 240), dose)
            people["last_review_day"] = day
        people["care_level"] = np.where(inside, LEVEL_WARD, LEVEL_COMMUNITY)
        people["iv_diuretic_mg_day"] = np.where(inside & failing, 120.0, 0.0)
