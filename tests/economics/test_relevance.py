"""Which parameters can matter, against what each price is said to pay for in economics/perspectives.py."""

from __future__ import annotations

import pytest

from popsim.economics.columns import COST_NAMES
from popsim.economics.prices import PricedSetting
from popsim.economics.relevance import COMPONENTS_OF_DAY, components_of, without_influence
from popsim.evidence.sets import SHIPPED as SETS
from popsim.kernels.accrual import DailyPrices

SETTINGS = (
    PricedSetting("home", "community"),
    PricedSetting("emergency_department", "emergency"),
    PricedSetting("cardiology_ward", "inpatient"),
    PricedSetting("general_practice", "outpatient", "general_practitioner"),
)
NAMES = [
    "nhs_prices.inpatient_day", "nhs_prices.critical_day", "nhs_prices.general_practitioner_visit",
    "nhs_prices.telemonitoring_day", "nhs_prices.mra_day", "nhs_prices.discount_rate_qalys",
    "societal_prices.visit_travel", "societal_prices.informal_care_hour", "societal_prices.retirement_age",
    "griffiths_2014.utility_nyha_2", "gbd_disability.disability_nyha_2", "heart_failure.anything", "made.up",
    "interventions.nurse.home.cost_once", "interventions.nurse.home.uptake",
]  # fmt: skip


def components(name):
    set_name, _, key = name.partition(".")
    return components_of(set_name, key, SETS["nhs_prices"], SETS["societal_prices"], SETTINGS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nhs_prices.inpatient_day", {"cost_ward"}),
        ("nhs_prices.critical_day", set()),  # the network has no intensive care
        ("nhs_prices.emergency_attendance", {"cost_emergency"}),
        ("nhs_prices.general_practitioner_visit", {"cost_community"}),
        ("nhs_prices.telemonitoring_day", {"cost_telemonitoring"}),
        ("societal_prices.visit_travel", {"cost_travel"}),
        ("societal_prices.informal_care_hour", {"cost_informal_care"}),
        ("societal_prices.employed_share", {"cost_productivity"}),
        ("societal_prices.retirement_age", {"cost_productivity"}),
    ],
)
def test_components_of_a_price(name, expected):
    assert components(name) == expected


def test_every_component_of_a_day_is_known():
    assert set(COMPONENTS_OF_DAY) == set(DailyPrices._fields)
    assert {one for names in COMPONENTS_OF_DAY.values() for one in names} <= set(COST_NAMES)


@pytest.mark.parametrize(
    ("perspective", "effect", "matter"),
    [
        ("health_system", "qalys", [0, 2, 3, 4, 5, 9, 11, 12, 13, 14]),
        ("health_system", "dalys", [0, 2, 3, 4, 5, 10, 11, 12, 13, 14]),
        ("health_system", "mortality", [0, 2, 3, 4, 11, 12, 13, 14]),
        ("societal", "qalys", [0, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14]),
        ("patient", "qalys", [5, 6, 9, 11, 12, 14]),
    ],
)
def test_what_can_matter(perspective, effect, matter):
    idle = without_influence(NAMES, SETS, SETTINGS, perspective, effect)
    assert [name for name in NAMES if name not in idle] == [NAMES[place] for place in matter]
