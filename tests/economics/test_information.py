"""Value of information against closed forms: a decision between 0 and a normal net benefit."""

from __future__ import annotations

import numpy as np
import pytest
from made_up_draws import decision, measures, parameters, unit_normal_loss
from scipy.stats import norm, rankdata

from popsim.economics.decision import Decision
from popsim.economics.information import (
    ProposedStudy,
    _Regression,
    information,
    perfect_information,
    sample_information,
)
from popsim.errors import InputError


def values(table):
    return {row["known"]: row for row in table.iter_rows(named=True)}


def close(row, true):
    """Within 3.5 of its standard errors: 1 in 2,000 by chance."""
    return abs(row["value"] - true) < 3.5 * row["standard_error"]


def test_linear_normal_decision_in_closed_form():
    """Net benefit 0.5 + a + b / 2 + c / 4: knowing a set of them leaves its standard deviation.

    Parameters come on other scales (lognormal, uniform), as a model would have them.
    """
    random = np.random.default_rng(1)
    x = random.normal(size=(2000, 3))
    benefit = 0.5 + x @ [1.0, 0.5, 0.25]
    chosen = decision(np.column_stack([np.zeros(2000), benefit]))
    draws = parameters(a=np.exp(x[:, 0]), b=x[:, 1], c=norm.cdf(x[:, 2]), nothing=random.normal(size=2000))
    groups = {"a": ["a"], "b": ["b"], "c": ["c"], "a and b": ["a", "b"], "nothing": ["nothing"]}
    table = information(chosen, draws, 1.0, groups)
    found = values(table)
    sds = {"all parameters": np.sqrt(1.3125), "a": 1.0, "b": 0.5, "a and b": np.sqrt(1.25)}
    for name, sd in sds.items():
        assert close(found[name], unit_normal_loss(0.5, sd)), name
    # Worth next to nothing: what luck adds to a maximum keeps it above 0.
    assert found["c"]["value"] < 0.01
    assert found["nothing"]["value"] < 0.01
    assert table["known"][0] == "all parameters"
    assert table["value"].is_sorted(descending=True)
    assert found["all parameters"]["share_of_evpi"] == 1.0
    assert found["a and b"]["parameters"] == 2


def test_many_parameters_in_closed_form():
    """Ten parameters of 10,000 draws: net benefit 0.3 + their weighted sum + noise; knowing them leaves its spread."""
    random = np.random.default_rng(11)
    x, weights = random.normal(size=(10_000, 10)), 1.0 / np.arange(1, 11)
    benefit = 0.3 + x @ weights + random.normal(size=10_000)
    draws = parameters(**{f"p{i}": x[:, i] for i in range(10)})
    groups = {f"first {k}": [f"p{i}" for i in range(k)] for k in (1, 5, 10)}
    found = values(information(decision(np.column_stack([0.0 * benefit, benefit])), draws, 1.0, groups))
    for k in (1, 5, 10):
        row = found[f"first {k}"]
        assert close(row, unit_normal_loss(0.3, np.linalg.norm(weights[:k])))
        assert row["standard_error"] < 0.02


def test_what_three_parameters_do_only_together():
    """a x b x c of 10,000 draws, which shorter products explain nothing of: E|abc| / 2, E|a| = sqrt(2 / pi)."""
    x = np.random.default_rng(12).normal(size=(10_000, 3))
    chosen = decision(np.column_stack([np.zeros(10_000), x.prod(axis=1)]))
    draws = parameters(a=x[:, 0], b=x[:, 1], c=x[:, 2])
    found = values(information(chosen, draws, 1.0, {"all": ["a", "b", "c"]}))
    assert close(found["all"], (2 / np.pi) ** 1.5 / 2)


def test_leaving_out_a_block_is_a_regression_without_it():
    """Sums of products less those of the block give what least squares gives for the other draws."""
    random = np.random.default_rng(13)
    x = random.normal(size=(400, 1))
    benefit = 1e6 + 1e3 * (x + random.normal(size=(400, 1)))
    means = _Regression(x, benefit).means(3)
    kept = np.argsort(np.arange(400) % 20, kind="stable")
    kept = kept[kept % 20 != 3]
    normal = norm.ppf((rankdata(x[:, 0]) - 0.5) / 400)[kept]
    slope, height = np.polyfit(normal, benefit[kept, 0], 1)
    expected = height + slope * normal
    pull = (means[:, 0] - means.mean()) / (expected - expected.mean())
    assert means.mean() == pytest.approx(benefit[kept].mean(), rel=1e-9)
    assert np.ptp(pull) < 1e-5, "a straight line"
    noise = np.sum((benefit[kept, 0] - expected) ** 2) / 378 / 380
    assert pull[0] == pytest.approx(np.sqrt(1 - noise / expected.var(ddof=1)), rel=1e-5)


def test_what_two_parameters_do_only_together():
    """Net benefit a x b: neither alone is worth anything, both are worth E|a b| / 2 = 1 / pi."""
    random = np.random.default_rng(2)
    x = random.normal(size=(2000, 2))
    chosen = decision(np.column_stack([np.zeros(2000), x[:, 0] * x[:, 1]]))
    table = information(chosen, parameters(a=x[:, 0], b=x[:, 1]), 1.0, {"a": ["a"], "both": ["a", "b"]})
    found = values(table)
    assert close(found["both"], 1 / np.pi)
    assert found["a"]["value"] < 0.03


def test_three_strategies():
    """Independent standard normal net benefits: E[max] = 3 / (2 sqrt pi); with one of them known, 1 / sqrt(2 pi)."""
    x = np.random.default_rng(3).normal(size=(4000, 3))
    table = information(decision(x), parameters(x=x[:, 0], y=x[:, 1], z=x[:, 2]), 1.0)
    found = values(table)
    assert close(found["all parameters"], 1.5 / np.sqrt(np.pi))
    for name in "xyz":
        assert close(found[name], 1 / np.sqrt(2 * np.pi)), name


def test_sample_information_in_closed_form():
    """a ~ N(0, 1); a study of n people sees a +- 2 / sqrt n: the posterior mean has variance n / (n + 4)."""
    a = np.random.default_rng(4).normal(size=3000)
    chosen = decision(np.column_stack([np.zeros(3000), 0.3 + a]))
    table = sample_information(chosen, parameters(a=a), 1.0, ProposedStudy("a", 2.0, [1, 10, 100]), seed=7)
    found = values(table)
    for n in (1, 10, 100):
        assert close(found[f"study of {n}"], unit_normal_loss(0.3, np.sqrt(n / (n + 4)))), n
    studies = ["study of 1", "study of 10", "study of 100"]
    assert [known for known in table["known"][::-1] if known in studies] == studies
    assert found["study of 100"]["value"] < found["a, exactly"]["value"] <= found["all parameters"]["value"]
    again = sample_information(chosen, parameters(a=a), 1.0, ProposedStudy("a", 2.0, [10]), seed=7)
    assert values(again)["study of 10"]["value"] == found["study of 10"]["value"]


def noisy(draws: int, replications: int, seed: int):
    """Increments 500 + 800 a + 600 b, each replication with an error of 2000; a and b standard normal."""
    random = np.random.default_rng(seed)
    a, b = random.normal(size=(2, draws))
    benefit = np.zeros((draws, replications, 2))
    benefit[:, :, 1] = (500 + 800 * a + 600 * b)[:, None] + random.normal(0, 2000, (draws, replications))
    return Decision.of(measures(-benefit, np.zeros_like(benefit)), "usual"), parameters(a=a, b=b)


def test_luck_of_replications_has_no_value():
    """Perfect information is worth what it is without luck: the naive value is near twice that."""
    chosen, draws = noisy(3000, 4, seed=5)
    found = values(information(chosen, draws, 20_000.0))
    true = unit_normal_loss(500, 1000)
    assert close(found["all parameters"], true)
    assert found["all parameters"]["luck_removed"]
    naive = unit_normal_loss(500, np.hypot(1000, 1000))
    assert found["all parameters"]["value"] + 4 * found["all parameters"]["standard_error"] < naive
    assert close(found["a"], unit_normal_loss(500, 800))
    assert close(found["b"], unit_normal_loss(500, 600))


def test_one_replication_cannot_tell_luck():
    chosen, draws = noisy(3000, 1, seed=6)
    found = values(information(chosen, draws, 20_000.0))
    assert not found["all parameters"]["luck_removed"]
    assert close(found["all parameters"], unit_normal_loss(500, np.hypot(1000, 2000)))
    assert close(found["a"], unit_normal_loss(500, 800))


def test_partial_is_never_worth_more_than_perfect_information():
    random = np.random.default_rng(7)
    for _ in range(10):
        coin = decision(np.column_stack([np.zeros(60), (random.random(60) < 0.5) - 0.4]))
        table = information(coin, parameters(u=random.lognormal(size=60), v=random.normal(size=60)), 1.0)
        assert table["value"].max() == table["value"][0]
        assert (table["low"] >= 0).all()


def test_parameters_that_never_vary_or_repeat_another():
    random = np.random.default_rng(8)
    a = random.normal(size=300)
    chosen = decision(np.column_stack([np.zeros(300), a]))
    draws = parameters(a=a, copy=2 * a, fixed=np.full(300, 0.3), coin=(a > 0).astype(float))
    groups = {"a": ["a"], "twice": ["a", "copy"], "with fixed": ["a", "fixed"], "fixed": ["fixed"], "coin": ["coin"]}
    found = values(information(chosen, draws, 1.0, groups))
    assert found["fixed"]["value"] == 0.0
    assert found["twice"]["value"] == pytest.approx(found["a"]["value"], rel=0.02)
    assert found["with fixed"]["value"] == pytest.approx(found["a"]["value"], rel=0.02)
    assert found["coin"]["value"] == pytest.approx(found["a"]["value"], rel=0.02), "its sign is all that matters"


def test_nothing_to_decide():
    same = decision(np.zeros((50, 2)))
    table = information(same, parameters(a=np.arange(50.0)), 1.0)
    assert table["value"].to_list() == [0.0, 0.0]
    assert table["share_of_evpi"].to_list() == [None, None]
    with pytest.raises(InputError, match="is the only strategy"):
        information(decision(np.random.default_rng(1).normal(size=(50, 1))), parameters(a=np.arange(50.0)), 1.0)


def test_what_is_refused():
    chosen = decision(np.random.default_rng(9).normal(size=(30, 2)))
    draws = parameters(**{f"p{i}": np.random.default_rng(i).normal(size=30) for i in range(30)})
    with pytest.raises(InputError, match="did you mean 'p1'"):
        information(chosen, draws, 1.0, {"x": ["p1x"]})
    with pytest.raises(InputError, match="30 parameters at once"):
        information(chosen, draws, 1.0, {"all": [f"p{i}" for i in range(30)]})
    with pytest.raises(InputError, match="not known in every draw"):
        information(chosen, draws.head(10), 1.0)
    with pytest.raises(InputError, match="at least one person"):
        sample_information(chosen, draws, 1.0, ProposedStudy("p1", 1.0, [0]), seed=1)
    with pytest.raises(InputError, match="19 parameter draws: needs at least 20"):
        information(decision(np.zeros((19, 2))), parameters(a=np.arange(19.0)), 1.0)


def test_evpi_over_willingness_to_pay_in_closed_form():
    """Extra cost 500, extra QALYs normal of mean 0.03 and sd 0.02: net benefit is normal at every price."""
    gain = np.random.default_rng(21).normal(0.03, 0.02, 4000)
    cost, effect = np.zeros((4000, 2)), np.column_stack([np.zeros(4000), gain])
    cost[:, 1] = 500.0
    chosen = Decision(("usual", "clinic"), np.arange(1, 4001), cost, effect, None)
    grid = [0.0, 10_000.0, 16_667.0, 30_000.0]
    table = perfect_information(chosen, grid)
    assert table["willingness_to_pay"].to_list() == grid
    for price, row in zip(grid, table.iter_rows(named=True), strict=True):
        true = unit_normal_loss(0.03 * price - 500.0, 0.02 * price) if price else 0.0
        assert abs(row["value"] - true) <= 3.5 * row["standard_error"], price
        one = information(chosen, parameters(gain=gain), price)
        assert row["value"] == values(one)["all parameters"]["value"], "as for a single price"
    with pytest.raises(InputError, match="willingness to pay = -1"):
        perfect_information(chosen, [-1.0])


@pytest.mark.parametrize("seed", range(4))
def test_a_strategy_that_a_parameter_leaves_alone_does_not_hide_its_value(seed):
    """Net benefits 0.5 + a + c / 2 and b - 0.3: knowing a is worth the loss of a normal (0.5, 1), whatever b does."""
    a, b, c = np.random.default_rng(seed).normal(size=(3, 300))
    chosen = decision(np.column_stack([np.zeros(300), 0.5 + a + 0.5 * c, b - 0.3]))
    row = values(information(chosen, parameters(a=a, b=b), 1.0))["a"]
    assert close(row, unit_normal_loss(0.5, 1.0))
    assert 0.01 < row["standard_error"] < 0.05
