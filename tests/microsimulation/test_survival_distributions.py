"""Survival distributions against scipy.stats, closed forms and numeric integration."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, special, stats

from popsim.errors import InputError
from popsim.microsimulation import Survival
from popsim.population.life_table import LifeTable

TABLE = "us_2019"
TIMES = np.array([1e-3, 0.1, 0.5, 1.0, 2.0, 5.0, 20.0])
SHARES = np.array([1e-9, 1e-4, 0.1, 0.5, 0.9, 0.999])
KNOTS = (-1.0, 0.3, 1.2, 2.5)
GAMMA = (-1.5, 0.9, 0.06, -0.09)


def prentice(mu, sigma, q):
    """Generalised gamma of scipy with the parameters of flexsurv (Jackson 2016, section 3.1)."""
    return stats.gengamma(1 / q**2, q / sigma, scale=np.exp(mu) * (q * q) ** (sigma / q))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Survival.exponential(0.3), stats.expon(scale=1 / 0.3)),
        (Survival.weibull(1.7, 4.0), stats.weibull_min(1.7, scale=4.0)),
        (Survival.weibull(0.6, 4.0), stats.weibull_min(0.6, scale=4.0)),
        (Survival.weibull_ph(1.7, 0.2), stats.weibull_min(1.7, scale=0.2 ** (-1 / 1.7))),
        (Survival.log_logistic(1.7, 4.0), stats.fisk(1.7, scale=4.0)),
        (Survival.log_normal(0.5, 0.8), stats.lognorm(0.8, scale=np.exp(0.5))),
        (Survival.gamma(2.5, 0.8), stats.gamma(2.5, scale=1 / 0.8)),
        (Survival.gamma(0.3, 0.8), stats.gamma(0.3, scale=1 / 0.8)),
        (Survival.gompertz(0.1, 0.2), stats.gompertz(2.0, scale=10.0)),
        *(
            (Survival.generalised_gamma(0.5, 0.8, q), prentice(0.5, 0.8, q))
            for q in (2.0, 0.7, 0.05, -0.05, -0.7, -2.0)
        ),
        (Survival.royston_parmar((-1.7 * np.log(4), 1.7), (0, 1)), stats.weibull_min(1.7, scale=4.0)),
        (Survival.royston_parmar((-1.7 * np.log(4), 1.7), (0, 1), "odds"), stats.fisk(1.7, scale=4.0)),
        (Survival.royston_parmar((-0.5 / 0.8, 1 / 0.8), (0, 1), "normal"), stats.lognorm(0.8, scale=np.exp(0.5))),
        (Survival.piecewise_exponential([0.0, 1.0, 3.0], [0.3, 0.3, 0.3]), stats.expon(scale=1 / 0.3)),
    ],
)
def test_as_scipy(ours, theirs):
    cumulative, hazard = -theirs.logsf(TIMES), np.exp(theirs.logpdf(TIMES) - theirs.logsf(TIMES))
    some = cumulative > 1e-12  # below this, scipy's own logarithm of nearly 1 has no digits
    assert ours.cumulative_hazard(TIMES)[some] == pytest.approx(cumulative[some], rel=1e-9)
    assert ours.hazard(TIMES)[some] == pytest.approx(hazard[some], rel=1e-9)
    assert ours.survival(TIMES) == pytest.approx(theirs.sf(TIMES), rel=1e-9)
    assert ours.quantile(SHARES) == pytest.approx(theirs.ppf(SHARES), rel=1e-8)
    later = ours.quantile(0.5, survived_to=TIMES)
    assert ours.cumulative_hazard(later) - ours.cumulative_hazard(TIMES) == pytest.approx(np.log(2), rel=1e-9)


@pytest.mark.parametrize("scale", ["hazard", "odds", "normal"])
def test_splines(scale):
    """The formula of Royston and Parmar (2002), section 2.2; the hazard by numeric integration."""
    ours = Survival.royston_parmar(GAMMA, KNOTS, scale)
    x = np.log(TIMES)
    first, *inner, last = KNOTS
    value = GAMMA[0] + GAMMA[1] * x
    for coefficient, knot in zip(GAMMA[2:], inner, strict=True):
        weight = (last - knot) / (last - first)
        cubes = [np.maximum(x - k, 0.0) ** 3 for k in (knot, first, last)]
        value = value + coefficient * (cubes[0] - weight * cubes[1] - (1 - weight) * cubes[2])
    survival = {"hazard": np.exp(-np.exp(value)), "odds": special.expit(-value), "normal": stats.norm.sf(value)}[scale]
    assert ours.survival(TIMES) == pytest.approx(survival, rel=1e-11)
    area, _ = integrate.quad(lambda t: ours.hazard(t).item(), 0.5, 20.0, points=np.exp(KNOTS))
    assert area == pytest.approx(np.log(survival[2] / survival[-1]), rel=1e-6)
    assert ours.survival(ours.quantile(SHARES)) == pytest.approx(1 - SHARES, rel=1e-9)


def test_generalised_gamma_near_the_log_normal():
    """Where |Q| is below 0.01, within 1e-6 of the incomplete gamma function; log-normal at 0."""
    log_t = np.linspace(-2.5, 3.5, 61)
    w = (log_t - 0.5) / 0.8
    q = 0.0099
    exact = special.gammaincc(q**-2, q**-2 * np.exp(q * w))
    assert Survival.generalised_gamma(0.5, 0.8, q).survival(np.exp(log_t)) == pytest.approx(exact, abs=1e-6)
    mirrored = special.gammainc(q**-2, q**-2 * np.exp(-q * w))
    assert Survival.generalised_gamma(0.5, 0.8, -q).survival(np.exp(log_t)) == pytest.approx(mirrored, abs=1e-6)
    assert Survival.generalised_gamma(0.5, 0.8, 0.0).survival(np.exp(log_t)) == pytest.approx(
        stats.norm.sf(w), rel=1e-9
    )


def test_a_share_never_has_the_event():
    """Gompertz with a negative shape: exp(rate / shape) are cured."""
    cured = np.exp(0.2 / -0.25)
    ours = Survival.gompertz(-0.25, 0.2)
    assert ours.survival(1e3) == pytest.approx(cured)
    assert np.isinf(ours.quantile([0.99 - cured + 0.02, 1 - cured + 1e-9])).all()
    assert np.isfinite(ours.quantile(1 - cured - 1e-6)).all()
    assert np.isinf(Survival.piecewise_exponential([0.0, 2.0], [0.3, 0.0]).quantile(0.9)).all()
    assert np.isinf(Survival.exponential(0.0).quantile(0.5)).all()


def test_far_tails():
    """Log-normal and gamma by mpmath at 30 digits: -log S of 50 standard deviations, and of x = 5000 with shape 2.5."""
    assert Survival.log_normal(0.0, 0.1).cumulative_hazard(np.exp(5.0)) == pytest.approx(1254.8313611394, rel=1e-12)
    assert Survival.gamma(2.5, 1.0).cumulative_hazard(5000.0) == pytest.approx(4987.5085930984, rel=1e-8)
    assert Survival.gamma(2.5, 1.0).quantile(0.5, survived_to=5000.0) == pytest.approx(5000.693355, abs=1e-4)


def test_life_table():
    """As the table's own closed forms, by age and sex."""
    table = LifeTable.read(TABLE)
    ages, women = np.array([40.0, 67.5, 99.9]), np.array([1, 0, 1])
    ours = Survival.life_table(table, ages, women)
    pairs = list(zip(ages, women, strict=True))
    for years in (0.3, 7.7, 30.0):
        exact = [table.survival(age, years, bool(woman)) for age, woman in pairs]
        assert ours.survival(years) == pytest.approx(exact, rel=1e-12)
    median = ours.quantile(0.5)
    assert [table.survival(a, t, bool(w)) for (a, w), t in zip(pairs, median, strict=True)] == pytest.approx([0.5] * 3)


def test_relative_survival():
    """Hazards of a sum add, and a hazard ratio multiplies them."""
    excess, background = Survival.weibull(0.8, 9.0), Survival.life_table(TABLE, 70.0, 1.0)
    both = 0.5 * excess + background
    assert both.survival(4.0) == pytest.approx(excess.survival(4.0) ** 0.5 * background.survival(4.0))
    assert both.hazard(4.0) == pytest.approx(0.5 * excess.hazard(4.0) + background.hazard(4.0))
    assert both.survival(both.quantile([0.1, 0.9], survived_to=2.0)) / both.survival(2.0) == pytest.approx([0.9, 0.1])
    assert (np.array([1.0, 2.0]) * excess).hazard(1.0) == pytest.approx(np.array([1, 2]) * excess.hazard(1.0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Survival.exponential(-1), "exponential: rate = -1: must be finite numbers, 0 or more"),
        (lambda: Survival.weibull(0, 1), "weibull: shape = 0: must be above 0"),
        (lambda: Survival.weibull(1, "a"), "weibull: scale = 'a': must be finite numbers"),
        (lambda: Survival.log_normal(np.nan, 1), "log_normal: meanlog = nan"),
        (lambda: Survival.gamma(1e6, 1), "between 0.04 and 10000"),
        (lambda: Survival.generalised_gamma(0, 1, 9), "q = 9: must be finite numbers between -5 and 5"),
        (lambda: Survival.royston_parmar((0, 1), (1, 0)), "2 knots in ascending order"),
        (lambda: Survival.royston_parmar((0, 1, 2), (0, 1)), "as many values of gamma"),
        (lambda: Survival.royston_parmar((0, 1), (0, 1), "odd"), "did you mean 'odds'"),
        (lambda: Survival.royston_parmar((0, 1, 1), (0, 1, 2)), "cumulative hazard falls"),
        (lambda: Survival.royston_parmar((0, 1, [1, 2]), (0, 1, 2)), "only gamma0 and gamma1"),
        (lambda: Survival.piecewise_exponential([1, 2], [1, 1]), "must ascend from 0"),
        (lambda: Survival.life_table(TABLE, -1, 0), "age = -1"),
        (lambda: -1 * Survival.exponential(1), "hazard ratio = -1"),
        (lambda: Survival.exponential(1).quantile(1.0), "p = 1.0"),
        (lambda: Survival.exponential(1).survival(-1.0), "t = -1.0"),
        (lambda: Survival.exponential(1).hazard(np.nan), "t = nan"),
        (lambda: Survival.exponential(1) + 0.1, "only a Survival can be added"),
    ],
)
def test_refused(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
