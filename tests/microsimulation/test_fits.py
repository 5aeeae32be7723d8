"""Fits of lifelines and tables of flexsurv as distributions with parameter draws."""

from __future__ import annotations

import lifelines
import numpy as np
import polars as pl
import pytest
from lifelines.datasets import load_rossi

from popsim.errors import InputError
from popsim.microsimulation import Discounting, FittedSurvival, Survival, TimeToEventModel, Timing

WEEK = 1 / 52
TIMES = np.array([1.0, 7.0, 29.0, 40.0, 52.0])
ARRESTS = load_rossi()
PIECES = lifelines.PiecewiseExponentialFitter([10, 30])
SPLINE = lifelines.SplineFitter(np.array([5.0, 20.0, 50.0]))
# As `coef` and `vcov` of R give them: logarithms of shape and scale, and an effect on log scale and on log shape.
TABLE = pl.DataFrame(
    {
        "name": ["shape", "scale", "age", "shape(arm)"],
        "estimate": [0.3, 2.0, -0.02, 0.1],
        "shape": [0.010, 0.002, 0.0, 0.001],
        "scale": [0.002, 0.040, -0.0005, 0.0],
        "age": [0.0, -0.0005, 0.0001, 0.0],
        "shape(arm)": [0.001, 0.0, 0.0, 0.020],
    }
)
FIT = FittedSurvival.from_flexsurv("os", "weibull", TABLE)


def at_estimates(fit, **traits):
    model = dict(fit.added_to({}))
    return fit(type("P", (), model), **traits)


@pytest.mark.parametrize(
    "fitter",
    [
        lifelines.ExponentialFitter(), lifelines.WeibullFitter(), lifelines.LogNormalFitter(),
        lifelines.LogLogisticFitter(), lifelines.GeneralizedGammaFitter(), PIECES, SPLINE,
    ],
    ids=lambda fitter: type(fitter).__name__,
)  # fmt: skip
def test_survival_of_lifelines(fitter):
    fitter.fit(ARRESTS.week, ARRESTS.arrest)
    ours = at_estimates(FittedSurvival.from_lifelines("arrest", fitter, WEEK))
    theirs = fitter.survival_function_at_times(TIMES)
    assert ours.survival(TIMES * WEEK) == pytest.approx(theirs.to_numpy(), rel=1e-6)
    assert ours.survival(ours.quantile([0.1, 0.5])) == pytest.approx([0.9, 0.5])


@pytest.mark.parametrize(
    "fitter",
    [lifelines.WeibullAFTFitter(), lifelines.LogNormalAFTFitter(), lifelines.LogLogisticAFTFitter()],
    ids=lambda fitter: type(fitter).__name__,
)
def test_regressions_of_lifelines(fitter):
    columns = ["week", "arrest", "age", "prio"]
    fitter.fit(ARRESTS[columns], "week", "arrest", ancillary=ARRESTS[["fin"]])
    ours = at_estimates(
        FittedSurvival.from_lifelines("arrest", fitter, WEEK), age=np.array([20, 40]), prio=np.array([3, 0]), fin=1
    )
    people = ARRESTS[columns].iloc[:2].assign(age=[20, 40], prio=[3, 0], fin=1)
    theirs = fitter.predict_survival_function(people, times=[30.0])
    assert ours.survival(30 * WEEK) == pytest.approx(theirs.to_numpy()[0], rel=1e-6)


def test_covariance_of_the_logarithm():
    """The delta method: the standard error of log rate is that of lifelines' lambda over lambda."""
    fitter = lifelines.ExponentialFitter().fit(ARRESTS.week, ARRESTS.arrest)
    fit = FittedSurvival.from_lifelines("arrest", fitter)
    assert fit.estimates == pytest.approx([-np.log(fitter.lambda_)])
    events = ARRESTS.arrest.sum()  # of an exponential time, the variance of the log rate is one over the events
    assert fit.covariance[0, 0] == pytest.approx(1 / events, rel=1e-3)
    parameters = fit.added_to({"cost": 5.0})
    assert dict(parameters) == {"cost": 5.0, "arrest_rate": fit.estimates[0]}


def test_a_table_of_flexsurv():
    """Weibull with shape exp(0.3 + 0.1 arm) and scale exp(2 - 0.02 age)."""
    ours = at_estimates(FIT, age=np.array([50.0, 60.0]), arm=np.array([0, 1]))
    exact = Survival.weibull(np.exp([0.3, 0.4]), np.exp([1.0, 0.8]))
    assert ours.survival(2.0) == pytest.approx(exact.survival(2.0))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Survival.exponential(0.3), lambda: Survival.weibull(1.7, 4.0), lambda: Survival.weibull_ph(1.7, 0.2),
        lambda: Survival.gompertz(-0.1, 0.2), lambda: Survival.log_logistic(1.7, 4.0), lambda: Survival.gamma(2.5, 0.8),
        lambda: Survival.log_normal(0.5, 0.8), lambda: Survival.generalised_gamma(0.5, 0.8, -0.7),
        lambda: Survival.piecewise_exponential([0.0, 1.0, 4.0], [0.3, 0.1, 0.5]),
        lambda: Survival.royston_parmar((-1.5, 0.9, 0.06, -0.09), (-1.0, 0.3, 1.2, 2.5), "odds"),
    ],
)  # fmt: skip
def test_units_of_time(make):
    months, years = make(), make().in_years(1 / 12)
    assert years.survival(TIMES / 12) == pytest.approx(months.survival(TIMES), rel=1e-9)
    assert 0.5 * years.hazard(TIMES / 12) == pytest.approx(6.0 * months.hazard(TIMES), rel=1e-9)


@pytest.mark.slow
def test_draws_come_from_the_covariance():
    """Means within 4 standard errors, and covariances within 4 of theirs (normal: (v v' + c**2) / n)."""
    model = TimeToEventModel(
        states=["alive", "dead"], dead=["dead"], timing=Timing(20), discounting=Discounting(0.0, 0.0),
        parameters=FIT.added_to({"cost": 100.0}), strategies={"a": {}},
        transitions=lambda p, age, arm: {"alive": {"dead": FIT(p, age=age, arm=arm)}},
        costs=lambda p: {"alive": p.cost}, utilities=lambda p: {"alive": 0.8},
    )  # fmt: skip
    people = {"age": np.repeat([50.0, 60.0], 50), "arm": np.repeat([0, 1], 50)}
    result = model.run(people, seed=1, draws=2000)
    values = result.draws.drop("draw").to_numpy()
    assert result.draws.columns == ["draw", "os_shape", "os_scale", "os_age", "os_shape_arm"]
    exact = TABLE[:, 2:].to_numpy()
    assert (np.abs(values.mean(axis=0) - TABLE["estimate"].to_numpy()) < 4 * np.sqrt(np.diag(exact) / 2000)).all()
    error = np.sqrt((np.outer(np.diag(exact), np.diag(exact)) + exact**2) / 2000)
    assert (np.abs(np.cov(values.T) - exact) < 4 * error).all()
    assert np.corrcoef(values[:, 1] + 55 * values[:, 2], result.means[0, :, 2])[0, 1] > 0.8


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FittedSurvival.from_flexsurv("os", "weibul", TABLE), "distribution: did you mean 'weibull'"),
        (lambda: FittedSurvival.from_flexsurv("os", "gompertz", TABLE), "no coefficient 'rate'"),
        (lambda: FittedSurvival.from_flexsurv("os", "weibull", TABLE[:3]), "a column of covariances for each row"),
        (lambda: FittedSurvival.from_lifelines("os", lifelines.KaplanMeierFitter()), "is not fitted"),
        (lambda: FIT.added_to(FIT.added_to({})), "a parameter 'os_age' already"),
        (lambda: at_estimates(FIT, age=50), "needs the trait 'arm'"),
        (lambda: at_estimates(FIT, age=50, arm=0, sex=1), "unknown trait 'sex'"),
        (lambda: FittedSurvival("a", "exp", ["rate"], np.ones(1), -np.ones((1, 1))), "eigenvalues is negative"),
        (
            lambda: FittedSurvival("a", "weibull", ["shape", "scale"], np.ones(2), np.array([[1, 2], [2, 1]])),
            "negative",
        ),
        (lambda: FittedSurvival("a", "weibull", ["shape", "scale"], np.ones(2), np.array([[1, 0.5], [0, 1]])), "symm"),
        (lambda: FittedSurvival.from_flexsurv("os", "weibull", "fit.csv"), "must be a polars DataFrame"),
        (lambda: FittedSurvival("a", "exp", ["rate"], np.ones(1), np.ones((2, 1))), "row and column of the covariance"),
    ],
)
def test_refused(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
