"""Whose costs count: sums by hand, and the components of every perspective add up to its total."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from popsim.economics.columns import COST_NAMES
from popsim.economics.perspectives import PERSPECTIVES, SIGNS, mean_costs, total_cost

ONE_PERSON = dict(zip(COST_NAMES, (100.0, 20.0, 30.0, 40.0, 5.0, 6.0, 7.0, 9.0, 25.0, 8.0, 300.0, 1000.0), strict=True))
CARE = 100.0 + 20.0 + 30.0 + 40.0 + 5.0 + 6.0 + 7.0 + 9.0


@pytest.mark.parametrize(
    ("perspective", "expected"),
    [
        ("health_system", CARE),
        ("payer", CARE - 25.0),  # the patient pays 25 of the price of care
        ("patient", 25.0 + 8.0),
        ("societal", CARE + 8.0 + 300.0 + 1000.0),  # charges only change hands
    ],
)
def test_each_perspective_by_hand(perspective, expected):
    assert pl.DataFrame(ONE_PERSON).select(total_cost(perspective)).item() == expected


def test_payer_and_patient_together_bear_care_and_travel():
    frame = pl.DataFrame(ONE_PERSON)
    both = frame.select(total_cost("payer")).item() + frame.select(total_cost("patient")).item()
    assert both == CARE + 8.0


@pytest.mark.parametrize("perspective", PERSPECTIVES)
def test_components_add_up_to_the_total(perspective):
    """Against the correctly rounded sum (math.fsum): a sum of twelve terms is off by a few units of the last place."""
    random = np.random.default_rng(8)
    frame = pl.DataFrame({name: random.lognormal(5, 2, 2000) for name in COST_NAMES})
    totals = frame.select(total_cost(perspective)).to_series().to_list()
    for row, total in zip(frame.iter_rows(named=True), totals, strict=True):
        counted = [sign * row[name] for name, sign in SIGNS[perspective].items()]
        assert abs(total - math.fsum(counted)) <= 4 * math.ulp(max(map(abs, counted)) * len(counted))


def test_means_of_all_perspectives_and_of_nobody():
    two = pl.concat([pl.DataFrame(ONE_PERSON), pl.DataFrame(dict.fromkeys(COST_NAMES, 0.0))])
    assert dict(mean_costs(two).rows()) == {
        "cost_payer": (CARE - 25.0) / 2,
        "cost_health_system": CARE / 2,
        "cost_societal": (CARE + 1308.0) / 2,
        "cost_patient": 33.0 / 2,
    }
    assert mean_costs(two.clear())["value"].to_list() == [None] * 4


def test_every_component_counts_for_somebody():
    assert {name for signs in SIGNS.values() for name in signs} == set(COST_NAMES)
