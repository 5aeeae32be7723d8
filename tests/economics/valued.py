"""A small population with the columns that valuation reads and writes."""

from __future__ import annotations

import numpy as np

from popsim.economics.columns import VALUATION_COLUMNS
from popsim.economics.prices import PricedSetting
from popsim.economics.valuation import Valuation
from popsim.evidence.parameters import load_parameters
from popsim.population.columns import Column, Schema
from popsim.population.event_log import EventLog
from popsim.population.population import Population

SETTINGS = (
    PricedSetting("acute_need", "router"),
    PricedSetting("home", "community"),
    PricedSetting("home_care", "community"),
    PricedSetting("heart_failure_clinic", "outpatient", "specialist"),
    PricedSetting("general_practice", "outpatient", "general_practitioner"),
    PricedSetting("telemonitoring_desk", "outpatient", "nurse"),
    PricedSetting("emergency_department", "emergency"),
    PricedSetting("ward", "inpatient"),
    PricedSetting("intensive_care", "critical"),
    PricedSetting("nursing_home", "facility"),
)
PLACE = {setting.name: place for place, setting in enumerate(SETTINGS)}
CODES = ("alive", "setting", "admitted", "nyha_class", "telemonitored", "female")
REALS = (
    "beta_blocker_fraction",
    "ras_inhibitor_fraction",
    "neprilysin_inhibitor_fraction",
    "mra_fraction",
    "sglt2_inhibitor_fraction",
    "loop_diuretic_mg_day",
)


def make_population(twins: int) -> Population:
    """Everyone alive at home in class II without drugs, entered on day 0."""
    columns = [Column("entry_day", "count", "day", 0, 1e6, "entry", "cohort")]
    columns += [Column(name, "code", "1", -1, 100, name, "care") for name in CODES]
    columns += [Column(name, "real", "1", 0, 1000, name, "care") for name in REALS]
    columns += [Column("age_years", "real", "a", 18, 115, "age", "cohort")]
    population = Population(Schema([*columns, *VALUATION_COLUMNS]), np.arange(twins) + 100)
    population["alive"] = 1
    population["setting"] = PLACE["home"]
    population["nyha_class"] = 2
    population["age_years"] = 75.0
    return population


def make_valuation(follow_up_days: int = 365, **options: float) -> Valuation:
    names = ("nhs_prices", "griffiths_2014", "societal_prices", "gbd_disability")
    return Valuation(*(load_parameters(name) for name in names), SETTINGS, follow_up_days, **options)


def make_log(population: Population) -> EventLog:
    return EventLog([setting.name for setting in SETTINGS], population.person_id)


def write(log: EventLog, time: float, row: int, kind: int, setting: str | None = None) -> None:
    """Append one event."""
    log.ensure_room(1)
    place = -1 if setting is None else PLACE[setting]
    for field, value in {"time": time, "row": row, "kind": kind, "setting": place}.items():
        log.records[field][log.size] = value
    log.size += 1
