"""Risk models against a planted logistic model, their determinism and how they are kept."""

import numpy as np
import polars as pl
import pytest
from planted import EFFECTS, FEATURES, closed_form_c_statistic, people
from scipy.special import logit
from scipy.stats import chi2
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from popsim.errors import InputError, RunError
from popsim.evidence.sets import SHIPPED
from popsim.learning.evaluation import evaluate
from popsim.learning.performance import JudgedRisks, performance
from popsim.learning.risk_model import RECORD, RiskModel

LEARNING = SHIPPED["learning"]
PLAIN = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)


def judged(model: RiskModel, test: pl.DataFrame) -> JudgedRisks:
    return JudgedRisks.of(model.predict(test), test["admission"].to_numpy())


def test_a_logistic_model_recovers_the_planted_one():
    """Squared errors of the log odds, weighted by p (1 - p), add up to chi-squared of the 4 coefficients (99.9%)."""
    train = people(4000, 1)
    model = RiskModel(PLAIN, parameters=LEARNING, calibrate=False).fit(train, "admission", features=FEATURES)
    truth = train["true_risk"].to_numpy()
    misfit = (truth * (1.0 - truth) * (logit(model.predict(train)) - logit(truth)) ** 2).sum()
    assert misfit < chi2.ppf(0.999, len(EFFECTS) + 1)
    assert misfit > chi2.ppf(0.001, len(EFFECTS) + 1)  # an error of nothing would mean that it was told the truth


@pytest.mark.parametrize("estimator", [None, PLAIN], ids=["default", "logistic"])
def test_discrimination_and_calibration_on_new_people(estimator):
    """c-statistic within 4 standard errors of the closed form for the true risks; the default loses 0.02 at most."""
    test = people(8000, 2)
    model = RiskModel(estimator, parameters=LEARNING).fit(people(6000, 1), "admission", features=FEATURES)
    found = performance(judged(model, test), 0.3)
    lost = 0.02 if estimator is None else 0.003
    exact = closed_form_c_statistic()
    assert exact - lost - 4.0 * found.c_statistic.standard_error < found.c_statistic.value
    assert found.c_statistic.value < exact + 4.0 * found.c_statistic.standard_error
    for estimate in (found.slope, found.ratio):  # their own errors and those of a training table of 6000
        assert abs(estimate.value - 1.0) < 4.0 * 1.6 * estimate.standard_error
    best = float((test["true_risk"] * (1.0 - test["true_risk"])).mean())
    assert best - 4.0 * found.brier.standard_error < found.brier.value < best + 4.0 * found.brier.standard_error


@pytest.mark.slow
def test_the_same_table_gives_the_same_bits_in_any_order():
    train, test = people(1500, 1), people(500, 2)
    first = RiskModel(parameters=LEARNING).fit(train, "admission", features=FEATURES).predict(test)
    again = RiskModel(parameters=LEARNING).fit(train, "admission", features=FEATURES).predict(test)
    turned = RiskModel(parameters=LEARNING).fit(
        train.sample(fraction=1.0, shuffle=True, seed=3), "admission", features=FEATURES
    )
    assert first.tobytes() == again.tobytes() == turned.predict(test).tobytes()


def test_missing_readings_are_taken_as_they_are():
    train = people(3000, 1).with_columns(x0=pl.when(pl.col("x2") > 0.0).then(None).otherwise("x0"))
    risk = RiskModel(parameters=LEARNING).fit(train, "admission", features=("x0", "x1")).predict(train)
    assert np.isfinite(risk).all()
    with pytest.raises(InputError, match="LogisticRegression refuses the table"):
        RiskModel(PLAIN, parameters=LEARNING).fit(train, "admission", features=("x0", "x1"))
    filled = make_pipeline(SimpleImputer(), PLAIN)
    weight = np.where(np.arange(3000) < 1500, 1.0, 2.0)
    half = (
        RiskModel(filled, parameters=LEARNING)
        .fit(train, "admission", features=("x0", "x1"), weight=weight)
        .predict(train)
    )
    assert np.corrcoef(half, risk)[0, 1] > 0.8


def test_weights_count_as_copies_would():
    train = people(2000, 1)
    number = np.random.default_rng(1).integers(0, 4, 2000)
    weighted = RiskModel(PLAIN, parameters=LEARNING, calibrate=False).fit(
        train, "admission", features=FEATURES, weight=number.astype(float)
    )
    copies = RiskModel(PLAIN, parameters=LEARNING, calibrate=False).fit(
        train[np.repeat(np.arange(2000), number).tolist()], "admission", features=FEATURES
    )
    assert weighted.predict(train) == pytest.approx(copies.predict(train), abs=1e-6)


@pytest.mark.parametrize("method", ["logistic", "isotonic"])
def test_recalibration_finds_a_new_level(method):
    """The log odds of everybody have risen by 0.8: the ratio of events to risks comes back to 1 (4 standard errors)."""
    model = RiskModel(PLAIN, parameters=LEARNING).fit(people(6000, 1), "admission", features=FEATURES)
    recent, test = people(6000, 3, level=-0.7), people(6000, 4, level=-0.7)
    assert performance(judged(model, test), 0.3).ratio.value > 1.3
    model.recalibrate(recent, method=method)
    found = performance(judged(model, test), 0.3)
    assert abs(found.ratio.value - 1.0) < 4.0 * 1.42 * found.ratio.standard_error
    assert abs(found.slope.value - 1.0) < 4.0 * 1.42 * found.slope.standard_error


@pytest.mark.parametrize("estimator", [None, PLAIN], ids=["default", "own"])
def test_a_model_is_kept_without_pickles(tmp_path, estimator):
    train, test = people(1500, 1), people(500, 2)
    model = RiskModel(estimator, parameters=LEARNING).fit(train, "admission", features=FEATURES)
    model.save(tmp_path / "model")
    assert {path.name for path in (tmp_path / "model").iterdir()} == {"training.parquet", "model.json"}
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "model").iterdir()} == {0o600}
    assert "person_id" not in pl.read_parquet(tmp_path / "model" / "training.parquet").columns
    again = RiskModel.load(tmp_path / "model", estimator, parameters=LEARNING)
    assert again.predict(test).tobytes() == model.predict(test).tobytes()
    if estimator is not None:
        with pytest.raises(InputError, match="pass the same estimator to load it"):
            RiskModel.load(tmp_path / "model", parameters=LEARNING)
    text = (tmp_path / "model" / RECORD).read_text()
    (tmp_path / "model" / RECORD).write_text(text.replace('"check": [\n  0.', '"check": [\n  0.9'))
    with pytest.raises(RunError, match="predicts other risks"):
        RiskModel.load(tmp_path / "model", estimator, parameters=LEARNING)
    with pytest.raises(InputError, match="holds no risk model"):
        RiskModel.load(tmp_path, parameters=LEARNING)


def test_what_is_refused():
    train = people(500, 1)
    with pytest.raises(InputError, match="did you mean 'admission'"):
        RiskModel(parameters=LEARNING).fit(train, "admision", features=FEATURES)
    with pytest.raises(InputError, match="no column 'x9'"):
        RiskModel(parameters=LEARNING).fit(train, "admission", features=("x9",))
    with pytest.raises(InputError, match="must be 0 or 1"):
        RiskModel(parameters=LEARNING).fit(train, "x0", features=FEATURES)
    with pytest.raises(InputError, match="40 or more must"):
        RiskModel(parameters=LEARNING).fit(train.head(60), "admission", features=FEATURES)
    with pytest.raises(InputError, match="has not been fitted"):
        RiskModel(parameters=LEARNING).predict(train)
    with pytest.raises(InputError, match="holds no numbers"):
        RiskModel(parameters=LEARNING).fit(train.with_columns(x0=pl.lit("a")), "admission", features=FEATURES)


def test_landmarks_over_too_few_days_to_learn_and_to_test_apart_are_refused():
    frame = pl.concat([people(200, 1, day=day) for day in (0, 10, 20)])
    with pytest.raises(InputError, match="landmarks over 20 days: too few to learn from 30 days and test on"):
        evaluate(frame, "admission", {}, horizon_days=30, parameters=LEARNING)
