"""Drugs by class and agent, dialysis and lasting states: a few days worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from valued import SETTINGS, make_log

from popsim.care.columns import CARE_COLUMNS
from popsim.economics.clinical import DRUGS, ClinicalValuation
from popsim.economics.valuation import Valuation
from popsim.evidence.parameters import load_parameters
from popsim.kernels.accrual import DailyPrices
from popsim.population.clock import Clock
from popsim.population.columns import Column, Schema
from popsim.population.population import Population
from popsim.simulation.schema import SCHEMA

STATES = (
    Column("dialysis", "code", "1", 0, 1, "made up where no organ system declares it", "physiology"),
    Column("stroke_disability", "real", "1", 0, 1, "made up where no organ system declares it", "physiology"),
)
SCHEMA = Schema([*SCHEMA.columns.values(), *(c for c in STATES if c.name not in SCHEMA)])
PRICES = load_parameters("clinical_prices").with_values(
    {"warfarin_day": 0.5, "apixaban_day": 2.0, "statin_day": 0.25, "iv_iron_mg": 0.125, "dialysis_day": 80.0}
)
LOSSES = load_parameters("clinical_utilities").with_values({"dialysis_loss": 0.125, "stroke_disability_loss": 0.5})


def valued(days: int, **columns: list[float]) -> Population:
    """Three people at home in class II, without anything but what is given, after some days, not discounted."""
    people = Population(SCHEMA, np.arange(3))
    people["alive"] = 1
    people["setting"] = 1
    people["nyha_class"] = 2
    people["age_years"] = 80.0
    for name, values in columns.items():
        people[name] = values
    names = ("nhs_prices", "griffiths_2014", "societal_prices", "gbd_disability")
    valuation = Valuation(
        *(load_parameters(name) for name in names), SETTINGS, 365, discount_rate_costs=0.0, discount_rate_qalys=0.0,
        clinical=ClinicalValuation(PRICES, LOSSES, SCHEMA),
    )  # fmt: skip
    log = make_log(people)
    for day in range(days):
        valuation.accrue(people, Clock(day), log)
    return people


def test_a_drug_costs_what_its_agent_costs_at_its_dose():
    """Four days: warfarin 0.5 x 0.5 = 1.00; apixaban 2 x 1 = 8.00; a statin at 0.5 and 8 mg of iron 4.50."""
    people = valued(
        4, anticoagulant_fraction=[0.5, 1.0, 0.0], anticoagulant_agent=[0, 1, 0], statin_fraction=[0, 0, 0.5],
        iv_iron_mg=[0, 0, 8.0],
    )  # fmt: skip
    assert people["cost_drugs"] == pytest.approx([1.0, 8.0, 4.5], rel=1e-12)


def test_drugs_are_free_on_a_ward_and_dialysis_is_not():
    people = valued(2, statin_fraction=[1.0, 1.0, 0.0], admitted=[0, 1, 1], dialysis=[0, 1, 1])
    assert people["cost_drugs"] == pytest.approx([0.5, 0.0, 0.0], rel=1e-12)
    assert people["cost_clinic"] == pytest.approx([0.0, 160.0, 160.0], rel=1e-12)


def test_lasting_states_take_off_their_share_of_a_day():
    """Class II at home is worth 0.74 a year; dialysis takes 0.125 and half of full disability 0.25."""
    people = valued(10, dialysis=[0, 1, 0], stroke_disability=[0.0, 0.0, 0.5])
    utility = load_parameters("griffiths_2014")["utility_nyha_2"]
    expected = np.array([utility, utility - 0.125, utility - 0.25]) * 10 / 365.25
    assert people["qaly"] == pytest.approx(expected, rel=1e-12)


def test_the_dead_cost_nothing():
    people = valued(3, alive=[0, 0, 0], statin_fraction=[1, 1, 1], dialysis=[1, 1, 1])
    assert not people["cost_drugs"].any() and not people["cost_clinic"].any() and not people["qaly"].any()


def test_every_dose_has_a_price():
    doses = {c.name for c in CARE_COLUMNS if c.name.endswith("_fraction") or c.name == "iv_iron_mg"}
    core = {f"{drug}_fraction" for drug in DailyPrices._fields}
    assert doses - core == {worth.column for worth in DRUGS}
