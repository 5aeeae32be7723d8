"""Risk-standardised readmission on made-up persons whose risks are known."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from popsim.outcomes.risk_adjustment import logistic
from popsim.outcomes.standardised import hospital_ratios, observed_and_expected, risk_model, shrink, standardised


def persons(
    number: int, seed: int, *, strategy="usual", replication=0, region=0, older=0.0, effect=0.0
) -> pl.DataFrame:
    """People whose risk of readmission rises with age, frailty and NYHA class."""
    random = np.random.default_rng([seed, replication, region])
    age, frailty = random.normal(80 + older, 8, number), random.uniform(0.1, 0.6, number)
    nyha = random.integers(1, 5, number)
    risk = logistic(-1.2 + 0.06 * (age - 80) + 2.0 * (frailty - 0.3) + 0.3 * (nyha == 4) + effect)
    trials = random.integers(0, 4, number)
    readmitted = random.binomial(trials, risk)
    constant = {"baseline_systolic_mmhg": 120.0, "baseline_heart_rate_bpm": 70.0, "baseline_potassium_mmol_l": 4.0,
                "baseline_ejection_fraction_percent": 40.0, "baseline_gfr_ml_min": 60.0, "nt_probnp_pg_ml": 900.0,
                "diabetes": 0, "ckd": 0, "atrial_fibrillation": 0, "copd": 0, "female": 1}  # fmt: skip
    return pl.DataFrame(
        {"strategy": strategy, "draw": 0, "replication": replication, "region": region, "age_years": age.astype("f4"),
         "frailty": frailty.astype("f4"), "nyha_class": nyha.astype("i1"), "index_discharges_30d": trials.astype("i2"),
         "index_readmitted_30d": readmitted.astype("i2")}
    ).with_columns(pl.lit(value).alias(name) for name, value in constant.items())  # fmt: skip


def ratios(table: pl.DataFrame) -> dict[tuple[str, int], float]:
    """Standardised ratio by strategy and replication; the model is fitted to usual care."""
    model = risk_model(table.lazy(), "usual")
    frame = standardised(observed_and_expected(table.lazy(), model), model)
    kept = frame.filter(pl.col("measure") == "readmission_ratio_30d")
    return {
        (strategy, replication): value
        for strategy, replication, value in kept.select("strategy", "replication", "value").rows()
    }


def test_the_comparator_is_as_expected_and_rates_follow_ratios():
    table = persons(2000, 1)
    model = risk_model(table.lazy(), "usual")
    frame = dict(standardised(observed_and_expected(table.lazy(), model), model).select("measure", "value").rows())
    rate = table["index_readmitted_30d"].sum() / table["index_discharges_30d"].sum()
    assert frame["readmission_ratio_30d"] == pytest.approx(1.0, rel=1e-8)
    assert frame["risk_standardised_readmission_30d"] == pytest.approx(rate, rel=1e-8)
    assert model.discharges == table["index_discharges_30d"].sum()
    assert 0.55 < model.c_statistic < 0.75
    assert model.calibration["trials"].sum() == model.discharges


def test_older_people_are_not_worse_care():
    """The other strategy only has people who are 8 years older: its crude rate is higher, its ratio is not.

    Standard error of O/E with 6,000 discharges at 35%: sqrt(0.65 / (6,000 x 0.35)) = 0.018; within 3 of them."""
    table = pl.concat([persons(4000, 1), persons(4000, 2, strategy="other", older=8.0)])
    crude = table.group_by("strategy").agg(pl.col("index_readmitted_30d").sum() / pl.col("index_discharges_30d").sum())
    rate = dict(crude.rows())
    assert rate["other"] > 1.25 * rate["usual"]
    assert ratios(table)["other", 0] == pytest.approx(1.0, abs=0.055)


def test_better_care_is_seen_through_different_people():
    """Log odds lower by 0.4 among older people: ratio of expected risks computed from the true risks."""
    better = persons(4000, 2, strategy="other", older=8.0, effect=-0.4)
    same = persons(4000, 2, strategy="other", older=8.0)
    expected = better["index_readmitted_30d"].sum() / same["index_readmitted_30d"].sum()
    found = ratios(pl.concat([persons(4000, 1), better]))["other", 0]
    assert found == pytest.approx(expected, abs=0.06)  # three standard errors of both counts
    assert found < 0.85


def test_each_replication_has_its_ratio():
    table = pl.concat([persons(500, 1, replication=r) for r in range(3)])
    found = ratios(table)
    assert list(found) == [("usual", r) for r in range(3)]
    assert len(set(found.values())) == 3


def test_shrinking_by_hand():
    """Effects 0 and 1 with variance 0.1: fixed mean 0.5, Q = 10 x 0.5 = 5, between (5 - 1) / (20 - 10) = 0.4; drawn
    towards 0.5 by 0.4 / 0.5. With variance 1 there is no more than error between them: both become the mean."""
    shrunken, mean = shrink(np.array([0.0, 1.0]), np.array([0.1, 0.1]))
    assert mean == pytest.approx(0.5)
    assert shrunken == pytest.approx([0.1, 0.9])
    assert shrink(np.array([0.0, 1.0]), np.array([1.0, 1.0]))[0] == pytest.approx([0.5, 0.5])
    assert shrink(np.array([0.3]), np.array([1.0]))[0] == pytest.approx([0.3])


def test_hospitals_are_ranked_by_their_effect_not_their_patients():
    """Six regions; the second has older people, the last an effect of +0.5 on the log odds, which 2,200 discharges
    show with a standard error of 0.05."""
    table = pl.concat([
        persons(1500, 7, region=region, older=8.0 * (region == 1), effect=0.5 * (region == 5)) for region in range(6)
    ])  # fmt: skip
    model = risk_model(table.lazy(), "usual")
    found = hospital_ratios(table.lazy(), model)
    ratio = found["excess_ratio"]
    assert found["region"].to_list() == list(range(6))
    assert ratio.arg_max() == 5
    assert ratio[5] > 1.15
    assert all(0.85 < value < 1.1 for value in ratio[:5])
    # Shrunken towards the mean, never past it, and the observed is met where nothing is drawn.
    away, drawn = found["effect"] - found["mean_effect"], found["shrunken_effect"] - found["mean_effect"]
    assert (drawn.abs() < away.abs()).all()
    assert (drawn * away >= 0).all()
    fitted = observed_and_expected(
        table.lazy(), model, found.select("strategy", "draw", "replication", "region", "effect")
    )
    assert fitted["expected"].to_list() == pytest.approx(fitted["observed"].to_list(), rel=1e-6)


def test_equal_hospitals_are_average():
    """No true differences: ratios stay closer to 1 than observed / expected does."""
    table = pl.concat([persons(300, 9, region=region) for region in range(8)])
    found = hospital_ratios(table.lazy(), risk_model(table.lazy(), "usual"))
    crude = found["observed"] / found["expected"]
    assert (found["excess_ratio"] - 1).abs().max() < 0.5 * (crude - 1).abs().max()
