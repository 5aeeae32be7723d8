"""Made-up people for the tests of physiology: plausible ones, extreme ones, and a ward that decongests them."""

from __future__ import annotations

import numpy as np

from popsim.evidence.parameters import ParameterSet, load_parameters
from popsim.kernels.codes import CAUSE_HEART_FAILURE, LEVEL_COMMUNITY, LEVEL_WARD, ONSET_ACUTE, ONSET_DEATH
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology import COLUMNS as PHYSIOLOGY_COLUMNS
from popsim.physiology import HeartFailurePhysiology
from popsim.population.clock import Clock
from popsim.population.columns import Column, Kind, Schema
from popsim.population.population import Population
from popsim.population.traits import COLUMNS as TRAIT_COLUMNS


def _care(name: str, high: float, kind: Kind = "real", low: float = 0.0) -> Column:
    return Column(name, kind, "1", low, high, "a column that physiology reads and care writes", "care")


CARE_COLUMNS = (
    _care("alive", 1, "code"),
    _care("care_level", 4, "code", -1),
    _care("beta_blocker_fraction", 1),
    _care("ras_inhibitor_fraction", 1),
    _care("neprilysin_inhibitor_fraction", 1),
    _care("mra_fraction", 1),
    _care("sglt2_inhibitor_fraction", 1),
    _care("loop_diuretic_mg_day", 1000),
    _care("iv_diuretic_mg_day", 2000),
    _care("last_review_day", 1e6, low=-1000),
)
SCHEMA = Schema((*TRAIT_COLUMNS, *PHYSIOLOGY_COLUMNS, *CARE_COLUMNS))
NO_SHOCKS = {
    "infection_rate_per_day": 0.0,
    "lapse_rate_per_day": 0.0,
    "salt_rate_per_day": 0.0,
    "arrhythmia_rate_per_day": 0.0,
}
NO_AGEING = {"gfr_loss_per_year": 0.0, "gfr_loss_diabetes_per_year": 0.0, "frailty_per_year": 0.0}


def constants(*changes: dict[str, float]) -> ParameterSet:
    """The parameter set with some values changed."""
    together = {name: value for part in changes for name, value in part.items()}
    return load_parameters("heart_failure").with_values(together)


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
    people["alive"] = 1
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


def alike(size: int = 1, **values: float) -> Population:
    """The same typical twin `size` times, with some columns set."""
    people = Population(SCHEMA, np.arange(size))
    typical = {
        "age_years": 77.0, "dry_weight_kg": 78.0, "baseline_ejection_fraction_percent": 32.0,
        "baseline_systolic_mmhg": 124.0, "baseline_heart_rate_bpm": 74.0, "baseline_gfr_ml_min": 55.0,
        "baseline_potassium_mmol_l": 4.4, "baseline_filling_pressure_mmhg": 15.0, "usual_salt_g_day": 8.0,
        "adherence_trait": 0.85, "life_table_hazard_per_day": 0.045 / 365.25, "beta_blocker_fraction": 0.5,
        "ras_inhibitor_fraction": 0.5, "mra_fraction": 0.0, "loop_diuretic_mg_day": 80.0, "last_review_day": -1000.0,
        "frailty": 0.3, "alive": 1,
    }  # fmt: skip
    for name, value in (typical | values).items():
        people[name] = value
    return people


def lived(people: Population, days: int, parameters: ParameterSet, step_days: float = 1.0, **care: float) -> Population:
    """A settled copy of the people after some days under constant care."""
    people = people.copy()
    physiology = HeartFailurePhysiology(parameters, key=RandomKey(5))
    physiology.initialise(people)
    for name, value in care.items():
        people[name] = value
    clock = Clock(step_days=step_days)
    for _ in range(round(days / step_days)):
        physiology.advance(people, clock)
        clock.tick()
    return people


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
