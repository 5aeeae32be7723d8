"""Cox models of scikit-survival as distributions: its own predictions, and a baseline by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from sksurv.datasets import load_whas500
from sksurv.linear_model import CoxnetSurvivalAnalysis, CoxPHSurvivalAnalysis

from popsim.errors import InputError
from popsim.microsimulation import Discounting, FittedSurvival, TimeToEventModel, Timing

COLUMNS = ["age", "bmi", "sysbp"]
PEOPLE, DIED = load_whas500()
PEOPLE = PEOPLE[COLUMNS].astype(float)
DAY = 1 / 365.25


def at(fit, **traits):
    return fit(SimpleNamespace(**dict(fit.added_to({}))), **traits)


def by_hand(**changes):
    """Events at 1, 2 and 4 months, cumulative hazard 0.1, 0.3 and 0.4; log hazard ratio 0.5 per unit of x."""
    step = SimpleNamespace(x=np.array([1.0, 2.0, 3.0, 4.0]), y=np.array([0.1, 0.3, 0.3, 0.4]))
    return SimpleNamespace(**{"coef_": np.array([0.5]), "cum_baseline_hazard_": step} | changes)


@pytest.mark.parametrize("kind", ["cox", "coxnet"])
def test_survival_is_what_scikit_survival_predicts(kind):
    if kind == "cox":
        fitter, alpha = CoxPHSurvivalAnalysis().fit(PEOPLE, DIED), {}
    else:
        fitter = CoxnetSurvivalAnalysis(l1_ratio=0.9, n_alphas=20, fit_baseline_model=True).fit(PEOPLE, DIED)
        alpha = {"alpha": float(fitter.alphas_[10])}
    fit = FittedSurvival.from_scikit_survival("os", fitter, years_per_unit=DAY, **alpha)
    two = PEOPLE.iloc[:2]
    ours = at(fit, **{name: two[name].to_numpy() for name in COLUMNS})
    theirs = fitter.predict_survival_function(two, **alpha)
    for time in theirs[0].x[np.flatnonzero(np.diff(theirs[0].y))[[5, 40, 100]] + 1]:  # times of events
        assert ours.survival(time * DAY) == pytest.approx([one(time) for one in theirs], rel=1e-9)


def test_the_baseline_between_and_after_events():
    fit = FittedSurvival.from_scikit_survival("os", by_hand(), covariates=["x"], years_per_unit=1 / 12)
    ratio = np.exp(0.5 * 2.0)
    months = np.array([0.5, 1.5, 3.0, 4.0, 6.0])
    baseline = np.array([0.05, 0.2, 0.35, 0.4, 0.4 + 2 * 0.3 / 3])  # after month 4: 0.3 in the 3 months since month 1
    assert at(fit, x=2.0).cumulative_hazard(months / 12) == pytest.approx(ratio * baseline)


def test_draws_have_the_covariance_that_is_given():
    fitter = by_hand(coef_=np.array([0.5, -0.2]))
    covariance = np.array([[0.04, 0.01], [0.01, 0.09]])
    fit = FittedSurvival.from_scikit_survival("os", fitter, covariates=["x", "z"], covariance=covariance)
    model = TimeToEventModel(
        states=["alive", "dead"], dead=["dead"], timing=Timing(10), discounting=Discounting(0.0, 0.0),
        parameters=fit.added_to({}), strategies={"all": {}}, costs=lambda p: {}, utilities=lambda p: {},
        transitions=lambda p: {"alive": {"dead": fit(p, x=1.0, z=0.0)}},
    )  # fmt: skip
    draws = model.parameter_draws(4000, 1)
    assert draws.columns == ["draw", "os_x", "os_z"]  # the baseline is certain
    found = np.cov(draws.drop("draw").to_numpy().T)
    assert found == pytest.approx(covariance, abs=4 * 0.09 * (2 / 4000) ** 0.5)
    certain = FittedSurvival.from_scikit_survival("os", fitter, covariates=["x", "z"]).added_to({})
    assert not certain.groups and all(certain.of(name).uncertainty is None for name in certain)


@pytest.mark.parametrize(
    ("fitter", "keywords", "say"),
    [
        (object(), {}, "object is no fitted Cox model"),
        (by_hand(), {}, "0 names for 1 coefficients"),
        (by_hand(), {"covariates": ["x"], "covariance": np.eye(2)}, "must be 1 x 1"),
        (CoxnetSurvivalAnalysis().fit(PEOPLE, DIED), {}, "fit_baseline_model=True"),
    ],
)
def test_what_is_no_fit_is_refused(fitter, keywords, say):
    with pytest.raises(InputError, match=say):
        FittedSurvival.from_scikit_survival("os", fitter, **keywords)
