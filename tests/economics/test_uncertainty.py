"""Monte Carlo error and parameter uncertainty: worked by hand, and recovered from data of known components."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import stats

from popsim.economics.cost_effectiveness import cost_effectiveness, cost_per_effect, paired_differences, strategy_means
from popsim.economics.uncertainty import nested, nested_means, without_noise


def by_draw(*draws: list[float | None], first: int = 1) -> pl.DataFrame:
    """Values of replications, a list for each draw."""
    rows = [(first + d, r, value) for d, values in enumerate(draws) for r, value in enumerate(values)]
    return pl.DataFrame(rows, schema={"draw": pl.Int64, "replication": pl.Int64, "value": pl.Float64}, orient="row")


def test_balanced_by_hand():
    """Mean square within 2, between 32: (32 - 2) / 2 = 15. The draws' means 2, 6, 10 have standard error 4 / sqrt 3."""
    (row,) = nested_means(by_draw([1.0, 3.0], [5.0, 7.0], [9.0, 11.0]), []).to_dicts()
    assert (row["replications"], row["draws"], row["mean"]) == (6, 3, 6.0)
    assert row["replication_sd"] == pytest.approx(np.sqrt(2))
    assert row["parameter_sd"] == pytest.approx(np.sqrt(15))
    assert row["standard_error"] == pytest.approx(4 / np.sqrt(3))
    assert row["high"] == pytest.approx(6 + stats.t.ppf(0.975, 2) * 4 / np.sqrt(3))
    assert row["parameter_low"] is None, "three draws cannot show a 2.5% quantile"


def test_balanced_against_scipys_analysis_of_variance():
    values = np.random.default_rng(4).normal(size=(6, 4)) + np.arange(6)[:, None]
    (row,) = nested_means(by_draw(*values.tolist()), []).to_dicts()
    within = row["replication_sd"] ** 2
    f = stats.f_oneway(*values).statistic
    assert (within + 4 * row["parameter_sd"] ** 2) / within == pytest.approx(f)


def test_unbalanced_by_hand():
    """Within: 8 / 2 = 4. Means 3 and 7 with variance 8, of which luck is 4 x (1/3 + 1) / 2 = 8/3."""
    (row,) = nested_means(by_draw([1.0, 3.0, 5.0], [7.0]), []).to_dicts()
    assert row["mean"] == 5.0, "each draw counts once"
    assert row["parameter_sd"] == pytest.approx(np.sqrt(16 / 3))


def test_what_cannot_be_told_is_null():
    (single,) = nested_means(by_draw([1.0], [2.0], [4.0]), []).to_dicts()
    assert single["standard_error"] == pytest.approx(np.std([1, 2, 4], ddof=1) / np.sqrt(3))
    assert single["replication_sd"] is single["parameter_sd"] is single["parameter_low"] is None
    (alone,) = nested_means(by_draw([1.0, 2.0, 4.0], first=0), []).to_dicts()
    assert (alone["draws"], alone["parameter_sd"]) == (0, None)
    assert alone["standard_error"] == pytest.approx(single["standard_error"])
    (one_draw,) = nested_means(by_draw([1.0, 2.0, 4.0]), []).to_dicts()
    assert (one_draw["draws"], one_draw["parameter_sd"]) == (1, None)
    (nobody,) = nested_means(by_draw([None, None], [None]), []).to_dicts()
    assert nobody["mean"] is nobody["standard_error"] is nobody["low"] is nobody["parameter_sd"] is None
    (gap,) = nested_means(by_draw([1.0, None], [5.0, 7.0], [None]), []).to_dicts()
    assert (gap["replications"], gap["draws"], gap["mean"]) == (3, 2, 3.5)
    assert len(nested_means(by_draw().with_columns(strategy=pl.lit("a")), ["strategy"])) == 0


def test_parameters_that_do_no_more_than_luck():
    """Means 5, 5.5, 5 with a spread of 0.08 where luck alone makes 23: how much parameters do cannot be told."""
    (row,) = nested_means(by_draw([0.0, 10.0], [1.0, 10.0], [10.0, 0.0]), []).to_dicts()
    assert row["parameter_sd"] is row["parameter_low"] is None
    assert row["standard_error"] == pytest.approx(np.std([5, 5.5, 5], ddof=1) / np.sqrt(3))
    parts = nested(np.array([1, 1, 2, 2]), np.array([[0.0], [10.0], [1.0], [10.0]]))
    assert parts.parameter_covariance is None
    (same,) = nested_means(by_draw(*[[3.0, 3.0]] * 40), []).to_dicts()
    assert (same["parameter_sd"], same["parameter_low"]) == (0.0, 3.0), "without luck it is known to be nothing"


PARAMETER_SD, REPLICATION_SD, TRUE_MEAN = 3.0, 2.0, 50.0


def simulated(sets: int, draws: int, replications: int, seed: int) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    shape = (sets, draws, replications)
    values = (
        TRUE_MEAN + PARAMETER_SD * random.normal(size=(sets, draws, 1)) + REPLICATION_SD * random.normal(size=shape)
    )
    place = np.indices(shape).reshape(3, -1)
    return pl.DataFrame({"set": place[0], "draw": place[1] + 1, "replication": place[2], "value": values.ravel()})


def test_components_are_unbiased_and_the_interval_covers():
    """3,000 studies of 20 draws x 3 replications: within 3 standard errors of what was put in."""
    found = nested_means(simulated(3000, 20, 3, seed=5), ["set"])
    for name, true in (("parameter_sd", PARAMETER_SD), ("replication_sd", REPLICATION_SD)):
        variance = found[name].to_numpy() ** 2
        assert abs(variance.mean() - true**2) < 3 * variance.std() / np.sqrt(3000), name
    expected_error = np.sqrt(PARAMETER_SD**2 / 20 + REPLICATION_SD**2 / 60)
    assert np.sqrt((found["standard_error"] ** 2).mean()) == pytest.approx(expected_error, rel=0.02)
    covered = ((found["low"] <= TRUE_MEAN) & (found["high"] >= TRUE_MEAN)).mean()
    assert abs(covered - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 3000)


def test_the_parameter_interval_leaves_luck_out():
    """Ends at -1.96 and 1.96 standard deviations of the parameters, not of the noisier draws' means.

    The mean over 200 studies of 400 draws; the standard error is taken from the studies.
    """
    found = nested_means(simulated(200, 400, 2, seed=6), ["set"])
    for name, end in (("parameter_low", -1.96), ("parameter_high", 1.96)):
        values = found[name].to_numpy()
        bias = values.mean() - (TRUE_MEAN + end * PARAMETER_SD)
        # The quantile of a finite sample leans outwards by O(1/400) of a standard deviation.
        assert abs(bias) < 3 * values.std() / np.sqrt(200) + 0.01 * PARAMETER_SD
    raw = np.sqrt(PARAMETER_SD**2 + REPLICATION_SD**2 / 2)
    assert raw > 1.1 * PARAMETER_SD, "or the test would prove nothing"


def test_without_noise_gives_the_covariance_less_the_noise():
    random = np.random.default_rng(7)
    means = random.normal(size=(500, 3)) @ np.array([[2.0, 1.0, 0.0], [0.0, 1.0, 3.0], [1.0, 0.0, 1.0]])
    noise = np.array([[0.5, 0.2, 0.0], [0.2, 0.5, 0.1], [0.0, 0.1, 0.3]])
    result = without_noise(means, noise)
    np.testing.assert_allclose(np.cov(result.T), np.cov(means.T) - noise, atol=1e-10)
    np.testing.assert_allclose(result.mean(axis=0), means.mean(axis=0))
    mix = np.array([[1.0, 0.0, 4.0], [0.0, 1e4, 0.0], [2.0, 0.0, 1.0]])
    np.testing.assert_allclose(without_noise(means @ mix, mix.T @ noise @ mix), result @ mix, rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(without_noise(means, 1e3 * noise), np.tile(means.mean(axis=0), (500, 1)), atol=1e-9)
    constant = np.column_stack([means[:, 0], np.full(500, 7.0)])
    np.testing.assert_array_equal(without_noise(constant, np.zeros((2, 2)))[:, 1], 7.0)


def test_nested_by_hand():
    parts = nested(np.array([2, 1, 2, 1]), np.array([[5.0], [1.0], [7.0], [3.0]]))
    assert parts.draws.tolist() == [1, 2]
    assert parts.means.tolist() == [[2.0], [6.0]]
    assert parts.noise is not None
    assert parts.noise.item() == pytest.approx(1.0)
    assert parts.parameter_covariance is not None
    assert parts.parameter_covariance.item() == pytest.approx(8.0 - 1.0)
    assert nested(np.array([1, 2]), np.zeros((2, 1))).parameter_covariance is None


def study(draws: int, replications: int, seed: int = 9) -> pl.DataFrame:
    """Costs 200 +- 60 more for 0.02 +- 0.004 QALYs and 0.1 +- 0.02 fewer admissions, with noise of a replication."""
    random = np.random.default_rng(seed)
    rows = []
    for draw in range(1, draws + 1):
        cost, qaly, admissions = random.normal([200, 0.02, -0.1], [60, 0.004, 0.02])
        for replication in range(replications):
            shared, own = random.normal(0, 300), random.normal(0, [30, 0.002, 0.01])
            values = {
                "usual": (5000 + shared, 0.6, 1.5),
                "clinic": (5000 + shared + cost + own[0], 0.6 + qaly + own[1], 1.5 + admissions + own[2]),
            }
            for name, three in values.items():
                measured = zip(("cost_total", "qalys", "admissions_per_person"), three, strict=True)
                rows += [(name, draw, replication, measure, value) for measure, value in measured]
    schema = ["strategy", "draw", "replication", "measure", "value"]
    names = pl.Enum(["usual", "clinic"])  # as runs have it
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.col("strategy").cast(names))


def test_every_table_of_a_study_carries_both():
    measures = study(100, 4)
    differences = paired_differences(measures, "usual").filter(pl.col("measure") == "cost_total").to_dicts()[0]
    # The standard error of a standard deviation from 100 draws is 7%.
    assert differences["parameter_sd"] == pytest.approx(60, rel=0.22)
    assert differences["replication_sd"] == pytest.approx(30, rel=0.13)
    assert differences["high"] - differences["low"] < 0.3 * (
        differences["parameter_high"] - differences["parameter_low"]
    )
    assert {"parameter_low", "standard_error"} < set(strategy_means(measures).columns)
    (row,) = cost_effectiveness(measures, "usual", 20_000.0).to_dicts()
    assert (row["draws"], row["replications"]) == (100, 400)
    spread = np.sqrt(60**2 + (20_000 * 0.004) ** 2)
    assert row["net_monetary_benefit_parameter_sd"] == pytest.approx(spread, rel=0.22)
    assert row["net_monetary_benefit_parameter_low"] < row["net_monetary_benefit_low"] < row["net_monetary_benefit"]
    assert row["icer_interval"] == row["parameter_icer_interval"] == "bounded"
    assert row["parameter_icer_low"] < row["icer_low"] < row["icer_per_qaly"] < row["icer_high"]


def test_one_replication_for_each_draw_tells_no_parameter_uncertainty():
    (row,) = cost_effectiveness(study(50, 1), "usual", 20_000.0).to_dicts()
    assert row["icer_interval"] == "bounded"
    assert row["parameter_icer_interval"] == "none"
    assert row["net_monetary_benefit_parameter_sd"] is row["parameter_icer_low"] is None


def test_the_parameter_interval_of_a_ratio_is_where_net_benefit_may_be_zero():
    """By its definition, at an end r the mean of (cost - r x effect) lies 1.96 parameter standard deviations from 0."""
    measures = study(80, 3)
    (row,) = cost_effectiveness(measures, "usual", 20_000.0).to_dicts()
    for end in (row["parameter_icer_low"], row["parameter_icer_high"]):
        (at_end,) = cost_effectiveness(measures, "usual", end).to_dicts()
        share = at_end["net_monetary_benefit"] / at_end["net_monetary_benefit_parameter_sd"]
        assert abs(share) == pytest.approx(1.96, rel=0.01)


def test_cost_per_effect_has_one_sign():
    """A harm counts as what is avoided: admissions fall by 0.1 at a cost of 200, about 2,000 for each one avoided."""
    table = cost_per_effect(study(100, 4), "usual")
    assert table["effect"].to_list() == ["qalys", "admissions_per_person"]
    qalys, admissions = table.to_dicts()
    assert admissions["unit"] == "admission avoided"
    assert admissions["effect_difference"] == pytest.approx(0.1, rel=0.1)
    assert admissions["verdict"] == qalys["verdict"] == "gains health at a cost"
    assert admissions["icer_low"] < admissions["icer"] < admissions["icer_high"]
    assert admissions["icer"] == pytest.approx(2000, rel=0.15)
    worse = cost_per_effect(study(100, 4), "clinic")
    assert worse["verdict"].to_list() == ["saves money, loses health"] * 2


def test_means_on_a_line_keep_what_noise_across_it_cannot_explain():
    """Means (x, x / 1000) with noise of sd 0.1 in both columns: beside a spread of 1, nearly all of it is signal."""
    x = np.random.default_rng(4).normal(size=200)
    means, noise = np.column_stack([x, 1e-3 * x]), 0.01 * np.eye(2)
    result = without_noise(means, noise)
    # In the noise's metric the line's variance is that of x (1 + 1e-6), of which both columns' noise is 0.02.
    share = 2 * 0.01 / (x.var(ddof=1) * (1 + 1e-6))
    np.testing.assert_allclose(result[:, 0] - x.mean(), np.sqrt(1 - share) * (x - x.mean()), rtol=1e-7)
    np.testing.assert_allclose(result[:, 1], result[:, 0] / 1000, atol=1e-12)
    along = without_noise(np.column_stack([x, x]), np.full((2, 2), 0.01))  # noise along the line alone
    np.testing.assert_allclose(along[:, 0] - x.mean(), np.sqrt(1 - 0.01 / x.var(ddof=1)) * (x - x.mean()), rtol=1e-6)
