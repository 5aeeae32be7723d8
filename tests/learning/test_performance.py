"""Figures of performance against popsim.outcomes.scoring, the bootstrap, and planted unfairness."""

import numpy as np
import polars as pl
import pytest
from planted import people
from scipy.special import expit, logit

from popsim.learning.performance import JudgedRisks, calibration_groups, fairness, performance, subgroups, watched_from
from popsim.outcomes import scoring


def test_with_one_row_a_person_they_are_those_of_scoring():
    """Errors differ by the small-sample corrections only: 1% with 900 persons."""
    table = people(900, 5)
    risk, happened = table["true_risk"].to_numpy(), table["admission"].to_numpy()
    found = performance(JudgedRisks.of(risk, happened), 0.3)
    c, slope = scoring.c_statistic(risk, happened), scoring.calibration(risk, happened).slope
    assert found.c_statistic.value == pytest.approx(c.value, abs=1e-12)
    assert found.c_statistic.standard_error == pytest.approx(c.standard_error, rel=0.01)
    assert found.slope.value == pytest.approx(slope.value, abs=1e-6)
    assert found.slope.standard_error == pytest.approx(slope.standard_error, rel=0.15)  # sandwich against information
    assert found.brier.value == pytest.approx(scoring.brier(risk, happened).score, abs=1e-12)
    assert found.false_negatives.value == pytest.approx(happened[risk < 0.3].sum() / happened.sum())


@pytest.mark.slow
def test_errors_are_those_of_a_bootstrap_by_person():
    """300 persons with 3 like rows each and weights; 1000 resamples know a standard error within 2.2%."""
    table = people(300, 6)
    draw = np.random.default_rng(1)
    risk = np.clip(np.repeat(table["true_risk"].to_numpy(), 3) * draw.uniform(0.8, 1.25, 900), 0.0, 0.99)
    happened = np.repeat(table["admission"].to_numpy(), 3).astype(float)
    weight, person = np.repeat(draw.choice([1.0, 5.0], 300), 3), np.repeat(np.arange(300), 3)
    found = performance(JudgedRisks.of(risk, happened, weight, person), 0.3)
    samples = []
    for _ in range(1000):
        rows = (3 * draw.integers(0, 300, 300)[:, np.newaxis] + np.arange(3)).ravel()
        one = performance(JudgedRisks.of(risk[rows], happened[rows], weight[rows], person[rows]), 0.3)
        samples.append([one.ratio.value, one.c_statistic.value, one.brier.value, one.false_negatives.value])
    spread = np.std(samples, axis=0)
    errors = [found.ratio, found.c_statistic, found.brier, found.false_negatives]
    assert [e.standard_error for e in errors] == pytest.approx(spread, rel=0.15)


def test_planted_miscalibration_of_a_group_is_found_and_no_other():
    """Women's log odds are 0.7 higher than foreseen."""
    table, draw = people(8000, 7), np.random.default_rng(2)
    female = draw.integers(0, 2, 8000)
    risk = table["true_risk"].to_numpy()
    happened = draw.random(8000) < np.where(female == 1, expit(logit(risk) + 0.7), risk)
    frame = pl.DataFrame(
        {"female": female, "age_years": draw.uniform(40, 95, 8000), "deprivation_quintile": draw.integers(1, 6, 8000)}
    )
    level = happened.mean() / risk.mean()  # as recalibration in the large would leave it
    judged = JudgedRisks.of(np.minimum(risk * level, 0.99), happened)
    table = fairness(judged, subgroups(frame), watched_from(judged.risk, 0.2))
    assert table["group"].to_list() == [
        "female", "male", "65 to 74", "75 to 84", "85 and above", "below 65", "1 most deprived", "2", "3", "4",
        "5 least deprived",
    ]  # fmt: skip
    assert table.filter("miscalibrated")["group"].to_list() == ["female", "male"]
    of_women = table.row(by_predicate=pl.col("group") == "female", named=True)
    of_men = table.row(by_predicate=pl.col("group") == "male", named=True)
    assert of_women["ratio_low"] > 1.1
    assert of_men["ratio_high"] < 0.9
    assert of_women["false_negatives_low"] < of_women["false_negatives"] < of_women["false_negatives_high"]


@pytest.mark.slow
def test_groups_that_are_treated_alike_are_not_accused():
    """Of 120 tables of right risks, at most 5% accuse a group (11 groups; and 3 standard errors)."""
    accused, draw = 0, np.random.default_rng(3)
    for seed in range(120):
        table = people(1500, 1000 + seed)
        frame = pl.DataFrame(
            {"female": draw.integers(0, 2, 1500), "age_years": draw.uniform(40, 95, 1500),
             "deprivation_quintile": draw.integers(1, 6, 1500)}
        )  # fmt: skip
        judged = JudgedRisks.of(table["true_risk"].to_numpy(), table["admission"].to_numpy())
        accused += fairness(judged, subgroups(frame), 0.3)["miscalibrated"].any()
    assert accused / 120 < 0.05 + 3.0 * np.sqrt(0.05 * 0.95 / 120)


def test_groups_by_risk_are_those_of_scoring_and_take_weights():
    table = people(1000, 9)
    judged = JudgedRisks.of(table["true_risk"].to_numpy(), table["admission"].to_numpy())
    ours, theirs = calibration_groups(judged), scoring.calibration_table(judged.risk, judged.happened > 0)
    assert ours.drop("rows").to_numpy() == pytest.approx(theirs.drop("persons").to_numpy(), abs=1e-12)
    doubled = judged._replace(weight=np.full(1000, 2.0))
    assert calibration_groups(doubled).equals(ours)
    late = judged._replace(weight=np.where(judged.risk > np.median(judged.risk), 9.0, 1.0))
    assert calibration_groups(late)["rows"].to_list()[0] > 400  # the lower half has a tenth of the weight


def test_small_groups_show_no_figures():
    table = people(400, 8)
    frame = pl.DataFrame({"female": [1] * 15 + [0] * 385})
    judged = JudgedRisks.of(table["true_risk"].to_numpy(), table["admission"].to_numpy())
    women = fairness(judged, subgroups(frame), 0.3).row(0, named=True)
    assert (women["group"], women["rows"], women["ratio"], women["miscalibrated"]) == ("female", 15, None, False)
