"""Fitted survival curves against lifelines, and against closed forms."""

from __future__ import annotations

import lifelines
import numpy as np
import pytest

from popsim.errors import RunError
from popsim.microsimulation.fitting import FAMILIES, fit_survival

TIMES = 2.0 * np.random.default_rng(1).weibull(1.4, 400)
DIED = TIMES < 3.0
YEARS = np.minimum(TIMES, 3.0)
PEERS = {
    "exp": lifelines.ExponentialFitter,
    "weibull": lifelines.WeibullFitter,
    "llogis": lifelines.LogLogisticFitter,
    "lnorm": lifelines.LogNormalFitter,
    "gengamma": lifelines.GeneralizedGammaFitter,
}


@pytest.mark.parametrize("family", PEERS)
def test_likelihood_is_that_of_lifelines(family):
    peer = PEERS[family]().fit(YEARS, DIED)
    found = fit_survival(family, YEARS, DIED)
    assert found.log_likelihood == pytest.approx(peer.log_likelihood_, abs=1e-4)
    at = np.array([0.5, 1.0, 2.5, 6.0])
    assert found.survival.survival(at) == pytest.approx(peer.survival_function_at_times(at).to_numpy(), abs=1e-4)


def test_late_entry():
    late = YEARS > 1.0
    peer = lifelines.WeibullFitter().fit(YEARS[late], DIED[late], entry=np.ones(late.sum()))
    found = fit_survival("weibull", YEARS[late], DIED[late], 1.0)
    assert found.log_likelihood == pytest.approx(peer.log_likelihood_, abs=1e-4)
    assert found.survival.hazard(2.0) == pytest.approx(
        peer.rho_ / peer.lambda_ * (2.0 / peer.lambda_) ** (peer.rho_ - 1.0), rel=1e-3
    )


def test_gompertz_recovers_its_parameters():
    """Exact quantiles of a Gompertz distribution in place of random times: shape 0.09, rate 0.01."""
    shares = (np.arange(2000) + 0.5) / 2000
    years = np.log(1.0 - 0.09 / 0.01 * np.log(1.0 - shares)) / 0.09
    (hazard,) = fit_survival("gompertz", years, np.ones(2000, bool)).survival.hazards
    assert (hazard.a.item(), hazard.b.item()) == pytest.approx((0.09, 0.01), rel=0.02)


def test_best_has_the_lowest_aic():
    found = fit_survival("best", YEARS, DIED)
    assert found.aic == min(fit_survival(family, YEARS, DIED).aic for family in FAMILIES)


def test_a_constant_hazard_needs_no_deaths_and_others_some():
    nobody = np.zeros(50, bool)
    assert fit_survival("exp", np.ones(50), nobody).survival.hazard(5.0) == 0.0
    with pytest.raises(RunError, match="'weibull': 0 deaths"):
        fit_survival("weibull", np.ones(50), nobody)
