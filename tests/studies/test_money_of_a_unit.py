"""Money of one piece of work: perspectives change totals and nothing else; undiscounted spending is cost."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from flagship import NO_PAST

from popsim.economics.columns import COST_NAMES
from popsim.economics.perspectives import PERSPECTIVES, total_cost
from popsim.studies.design import Change, read_study
from popsim.studies.unit import simulate

MAIN = Path(__file__).parents[2] / "experiments" / "heart_failure_discharge.toml"
SMALL = {"population": 80, "draws": 0, "replications": 1, "follow_up_days": 400, "enrolment_days": 10} | NO_PAST


def tables(**changes):
    """Of the last strategy: telemonitoring."""
    study = read_study(MAIN, {key: Change(f"--{key}", value) for key, value in (SMALL | changes).items()})
    return simulate(study.units[-1])


@pytest.fixture(scope="module")
def usual():
    return tables()


def values(found):
    return dict(found["measures"].select("measure", "value").iter_rows())


@pytest.mark.parametrize("perspective", PERSPECTIVES)
def test_a_perspective_changes_the_total_and_nothing_else(usual, perspective):
    found = tables(perspective=perspective)
    ours, theirs = values(found), values(usual)
    assert ours.pop("cost_total") == ours[f"cost_{perspective}"]
    theirs.pop("cost_total")
    assert ours == theirs
    persons = found["persons"]
    assert persons["cost_total"].to_list() == persons.select(total_cost(perspective)).to_series().to_list()


def test_spending_without_discounting_is_cost_without_discounting(usual):
    """Sums in another order: equal to 1e-9. With discounting at 3.5% a year costs are up to 4% less."""
    found = values(tables(discount_rate_costs=0.0))
    discounted = values(usual)
    for name in COST_NAMES:
        component = name.removeprefix("cost_")
        spent = found[f"spending_year_1.{component}"] + found[f"spending_year_2.{component}"]
        assert spent == pytest.approx(found[name], rel=1e-9), name
        assert discounted[f"spending_year_1.{component}"] == found[f"spending_year_1.{component}"]
        assert 0.96 * spent <= discounted[name] <= spent
    assert found["spending_year_2.ward"] < found["spending_year_1.ward"]  # 35 days against 365


def test_dalys_of_persons(usual):
    persons = usual["persons"]
    assert (persons["life_years_lost"] > 0).to_list() == persons["died"].to_list()
    assert persons["disability_years"].min() >= 0.0
    assert values(usual)["dalys"] == pytest.approx(persons["daly"].mean(), rel=1e-12)
    weighed = persons.select((pl.col("disability_years") * 365.25 <= 0.179 * pl.col("life_days") + 1e-9).all()).item()
    assert weighed, "no day weighs more than severe heart failure"
