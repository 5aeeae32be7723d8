"""Budget impact against an example worked by hand."""

from __future__ import annotations

import polars as pl
import pytest

from popsim.definitions.base import validate
from popsim.definitions.market import MarketShares
from popsim.economics.budget import budget_impact, budgets_of_adoption, market_impact
from popsim.errors import DefinitionError, InputError

# Cost per person in the first and second year since entry.
SPENDING = {
    "usual": {"ward": (1000.0, 500.0), "drugs": (100.0, 100.0), "out_of_pocket": (40.0, 20.0), "travel": (9.0, 9.0)},
    "new": {"ward": (700.0, 450.0), "drugs": (300.0, 250.0), "out_of_pocket": (40.0, 30.0), "travel": (1.0, 1.0)},
}


def measures(shift: float = 0.0, replications: int = 1) -> pl.DataFrame:
    """Replications differ by `shift` in the ward costs of the new strategy."""
    return pl.DataFrame(
        [
            {
                "strategy": strategy,
                "draw": 0,
                "replication": replication,
                "measure": f"spending_year_{year + 1}.{component}",
                "value": value + (shift * replication if (strategy, component) == ("new", "ward") else 0.0),
            }
            for strategy, components in SPENDING.items()
            for component, values in components.items()
            for year, value in enumerate(values)
            for replication in range(replications)
        ]
        + [{"strategy": "new", "draw": 0, "replication": 0, "measure": "cost_total", "value": 1e9}]
    )


def test_three_years_by_hand():
    """100, 200 and 300 people become eligible, of whom 10%, 50% and 100% take the new strategy.

    A person costs the payer (ward + drugs - own charges) 1060 and 580 under usual care, 960 and 670 under the new:
    -100 in the first year, +90 in the second. Net: 10 x -100; 100 x -100 + 10 x 90; 300 x -100 + 100 x 90.
    """
    table = budget_impact(measures(), "usual", "new", [100, 200, 300], [0.1, 0.5, 1.0])
    total = table.filter(pl.col("component") == "total")
    assert total["year"].to_list() == [1, 2, 3]
    assert total["current_mix"].to_list() == [100 * 1060, 200 * 1060 + 100 * 580, 300 * 1060 + 200 * 580]
    assert total["net"].to_list() == pytest.approx([-1000, -9100, -21000])
    assert total["new_mix"].to_list() == pytest.approx([105_000, 260_900, 413_000])
    third = dict(table.filter(pl.col("year") == 3).select("component", "net").iter_rows())
    assert third == pytest.approx(
        {
            "ward": 300 * -300 + 100 * -50,
            "drugs": 300 * 200 + 100 * 150,
            "out_of_pocket": -(100 * 10),
            "total": -21000,
        }
    )
    for _, year in table.group_by("year"):
        parts = year.filter(pl.col("component") != "total")["net"].sum()
        assert parts == pytest.approx(year.filter(pl.col("component") == "total")["net"].item())


def test_perspectives_count_their_components():
    by_patient = budget_impact(measures(), "usual", "new", [10], [1.0], "patient")
    assert dict(by_patient.select("component", "net").iter_rows()) == {
        "out_of_pocket": 0.0, "travel": -80.0, "total": -80.0,
    }  # fmt: skip
    societal = budget_impact(measures(), "usual", "new", [10], [1.0], "societal")
    assert set(societal["component"]) == {"ward", "drugs", "travel", "total"}


def test_interval_over_replications():
    """Ward costs of the new strategy 700 and 760: net per person -100 and -40, mean -70, t(1) x 30 = 381.2."""
    table = budget_impact(measures(shift=60.0, replications=2), "usual", "new", [1], [1.0])
    total = table.filter(pl.col("component") == "total").row(0, named=True)
    assert total["net"] == pytest.approx(-70)
    assert total["high"] - total["net"] == pytest.approx(12.7062 * 30, rel=1e-4)


@pytest.mark.parametrize(
    ("current", "eligible", "uptake", "says"),
    [
        ("usul", [1], [0.1], "did you mean 'usual'"),
        ("usual", [1, 2], [0.1], "must be the same number"),
        ("usual", [-1], [0.1], "0 or more"),
        ("usual", [1], [1.1], "0 to 1"),
        ("usual", [], [], "1 to 100"),
    ],
)
def test_what_is_refused(current, eligible, uptake, says):
    with pytest.raises(InputError, match=says):
        budget_impact(measures(), current, "new", eligible, uptake)


def test_measures_without_spending_are_refused():
    with pytest.raises(InputError, match="run the experiment again"):
        budget_impact(measures().filter(pl.col("measure") == "cost_total"), "usual", "new", [1], [1.0])


def test_each_strategy_but_the_comparator_has_a_budget():
    table = budgets_of_adoption(measures(), "usual", SPENDING, 100, [0.1, 0.5])
    assert table["strategy"].unique().to_list() == ["new"]
    assert table.drop("strategy").equals(budget_impact(measures(), "usual", "new", [100, 100], [0.1, 0.5]))
    with pytest.raises(InputError, match="only one strategy"):
        budgets_of_adoption(measures(), "usual", ["usual"], 100, [0.1, 0.5])


def market(**changed) -> MarketShares:
    table = {
        "eligible": [100, 200],
        "current": {"usual": [0.9, 0.8], "new": [0.1, 0.2]},
        "new": {"usual": [0.6, 0.3], "new": [0.1, 0.2], "third": [0.3, 0.5]},
    }
    return validate(table | changed, MarketShares, "market.toml")


def with_third() -> pl.DataFrame:
    """A third strategy costs the payer 800 in the first year and 900 in the second."""
    third = {"strategy": "third", "draw": 0, "replication": 0}
    years = [{"measure": f"spending_year_{n}.ward", "value": value} for n, value in ((1, 800.0), (2, 900.0))]
    others = [{"measure": f"spending_year_{n}.{c}", "value": 0.0} for n in (1, 2) for c in ("drugs", "out_of_pocket")]
    return pl.concat([measures(), pl.DataFrame([third | one for one in (*years, *others)])])


def test_market_shares_of_three_strategies_by_hand():
    """Payer's cost of a person: usual 1060 then 580, new 960 then 670, third 800 then 900.

    Those who enter keep their strategy. Year 1, 100 people: 90 usual and 10 new; then 60, 10 and 30 on the third.
    Year 2, 200 more: 160 and 40; then 60, 40 and 100; and those of year 1 in their second year.
    """
    total = market_impact(with_third(), market()).filter(pl.col("component") == "total")
    first_now, first_then = 90 * 1060 + 10 * 960, 60 * 1060 + 10 * 960 + 30 * 800
    second_now = 160 * 1060 + 40 * 960 + 90 * 580 + 10 * 670
    second_then = 60 * 1060 + 40 * 960 + 100 * 800 + 60 * 580 + 10 * 670 + 30 * 900
    assert total["current_mix"].to_list() == pytest.approx([first_now, second_now])
    assert total["new_mix"].to_list() == pytest.approx([first_then, second_then])
    assert total["net"].to_list() == pytest.approx([first_then - first_now, second_then - second_now])


def test_people_who_switch_as_shares_move_by_hand():
    """Of the 100 of year 1, 80 are on usual care and 20 on new in year 2; under the new mix 30, 20 and 50."""
    total = market_impact(with_third(), market(switching=True)).filter(pl.col("component") == "total")
    now = 160 * 1060 + 40 * 960 + 80 * 580 + 20 * 670
    then = 60 * 1060 + 40 * 960 + 100 * 800 + 30 * 580 + 20 * 670 + 50 * 900
    assert total["current_mix"][1] == pytest.approx(now)
    assert total["net"][1] == pytest.approx(then - now)


def test_uptake_of_one_strategy_is_a_market_of_two():
    shares = {"current": {"usual": [1, 1]}, "new": {"usual": [0.9, 0.5], "new": [0.1, 0.5]}}
    of_market, of_uptake = market_impact(measures(), market(**shares)), budget_impact(
        measures(), "usual", "new", [100, 200], [0.1, 0.5]
    )  # fmt: skip
    assert of_market.equals(of_uptake)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"current": {"usual": [0.9, 0.9], "new": [0.1, 0.2]}}, "the shares of year 2 sum to 1.1, must sum to 1"),
        ({"current": {"usual": [1]}}, "current.usual: 1 year, eligible has 2"),
        ({"current": {"usual": [1.5, 1]}}, "must be between 0 and 1"),
        ({"eligible": [-1, 1]}, "must be between 0 and"),
        ({"eligible": []}, "eligible"),
        ({"switch": True}, "did you mean 'switching'"),
    ],
)
def test_markets_that_are_refused(changed, says):
    with pytest.raises(DefinitionError, match=says):
        market(**changed)
