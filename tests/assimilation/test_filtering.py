"""The filters against exact ones: Kalman's on a linear world, Bayes' on counts, and what each step must keep."""

from __future__ import annotations

import numpy as np
import pytest
from linear_world import EXACT, READING_SD, LinearBelief, believe, kalman
from numba import set_num_threads

from popsim.assimilation.ensemble import Ensemble
from popsim.assimilation.sensors import Sensor
from popsim.errors import InputError
from popsim.evidence.sets import SHIPPED
from popsim.kernels import assimilation as filtering
from popsim.kernels.numerics.random import RandomKey
from popsim.population.clock import Clock
from popsim.population.columns import Column, Schema
from popsim.population.population import Population

READINGS = np.array([1.4, 2.9, np.nan, 4.1, 3.2, 5.0, np.nan, 4.4, 5.5, 5.9])


def run(belief, readings, late=()):
    """Every person gets the same readings; returns mean and covariance of each person on the last day."""
    waiting = dict(late)
    for day, reading in enumerate(readings):
        belief.advance(Clock(day + 1))
        if day not in waiting:
            belief.assimilate(np.full((1, belief.ensemble.persons), reading))
        for made, arrives in late:
            if arrives == day:
                belief.assimilate(np.full((1, belief.ensemble.persons), readings[made]), days_ago=day - made)
    levels, slopes = belief.ensemble.of("level").astype(float), belief.ensemble.of("slope").astype(float)
    means = np.stack([levels.mean(axis=1), slopes.mean(axis=1)], axis=1)
    centred = np.stack([levels, slopes]) - means.T[:, :, None]
    return means, np.einsum("apm,bpm->pab", centred, centred) / (belief.ensemble.members - 1)


def test_the_ensemble_filter_is_the_kalman_filter_and_errs_as_one_over_the_root_of_members():
    """Exact mean and covariance from the Kalman filter above; 400 independent ensembles of each size.

    The root mean square error of the mean over ensembles is some c / sqrt(M); its own standard error over 400
    ensembles is 1 / sqrt(800) = 3.5%, so that a ratio between sizes has 5%: within four of those (20%) of the root of
    the ratio of sizes. The average over ensembles lies within 4 standard errors plus a bias of order 1 / M.
    """
    exact_mean, exact_covariance = kalman(READINGS)[-1]
    error = {}
    for members in (50, 200, 800):
        means, covariances = run(believe(400, members, seed=members), READINGS)
        error[members] = np.sqrt(((means - exact_mean) ** 2).mean(axis=0))
        standard_error = means.std(axis=0) / np.sqrt(400)
        assert (np.abs(means.mean(axis=0) - exact_mean) < 4 * standard_error + 2 / members).all()
        spread = covariances.std(axis=0) / np.sqrt(400)
        bias = np.abs(covariances.mean(axis=0) - exact_covariance)
        assert (bias < 4 * spread + 4 * np.abs(exact_covariance).max() / members).all()
    for few, many in ((50, 200), (200, 800)):
        assert error[few] / error[many] == pytest.approx(2.0, rel=0.2)


def test_a_late_reading_counts_as_if_it_had_been_known_when_it_was_made():
    late = ((3, 5), (7, 9))
    exact_mean, exact_covariance = kalman(READINGS, late)[-1]
    means, covariances = run(believe(400, 800, seed=5, memory_days=3), READINGS, late)
    assert (np.abs(means.mean(axis=0) - exact_mean) < 4 * means.std(axis=0) / 20 + 2 / 800).all()
    bias = np.abs(covariances.mean(axis=0) - exact_covariance)
    assert (bias < 4 * covariances.std(axis=0) / 20 + 4 * np.abs(exact_covariance).max() / 800).all()


def test_a_lasting_error_is_told_from_the_state_as_far_as_the_kalman_filter_can():
    """Closed form: a single reading of level + bias shares its surprise in proportion to the two variances."""
    belief = believe(200, 1000, seed=8, bias_sd=1.5)
    belief.assimilate(np.full((1, 200), 4.0))
    total = 4.0 + 1.5**2 + READING_SD**2
    shift = 4.0 - 1.0
    bias = belief.ensemble.bias.reshape(200, 1000).mean(axis=1)
    assert bias.mean() == pytest.approx(shift * 1.5**2 / total, abs=4 * bias.std() / np.sqrt(200) + 0.01)
    level = belief.ensemble.mean("level")
    assert level.mean() == pytest.approx(1.0 + shift * 4.0 / total, abs=4 * level.std() / np.sqrt(200) + 0.01)


def test_what_is_skewed_follows_a_reading_by_its_logarithm():
    """A peptide 1000 exp(0.8 level): a straight line through it takes members below 0, its logarithm is exact."""
    level = np.random.default_rng(6).normal(1.0, 1.0, 400)
    schema = Schema(
        [
            Column("level", "real", "1", -1e6, 1e6, "", "physiology"),
            Column("peptide", "real", "1", 5, 1e6, "", "physiology"),
        ]
    )
    people = Population(schema, np.arange(400, dtype=np.int64))
    people["level"], people["peptide"] = level, 1000.0 * np.exp(0.8 * level)
    sensors = [Sensor("level", "level", noise_sd=0.5), Sensor("peptide", "peptide", noise_share=0.25, logarithmic=True)]
    ensemble = Ensemble(people, 400, np.zeros((2, 400), np.float32))
    belief = LinearBelief(ensemble, None, sensors, key=RandomKey(1), estimated=("level", "peptide"), parameters=SHIPPED)
    belief._constants = EXACT
    belief.assimilate(np.array([[-2.0], [np.nan]]))
    shown = people["level"].astype(float)
    # Kalman: the mean moves by the gain v / (v + 0.25) of the surprise.
    gain = level.var(ddof=1) / (level.var(ddof=1) + 0.25)
    assert shown.mean() == pytest.approx(level.mean() + gain * (-2.0 - level.mean()), abs=1e-4)
    np.testing.assert_allclose(people["peptide"], 1000.0 * np.exp(0.8 * shown), rtol=1e-4)
    assert people["peptide"].min() > 5.0


def test_one_wrong_reading_moves_a_belief_no_more_than_the_bound_does():
    belief, bounded = believe(1, 500, seed=3), believe(1, 500, seed=3)
    for one in (belief, bounded):
        one._constants = one._constants._replace(outlier_from_sd=3.0)
    before, sd = belief.ensemble.mean("level")[0], belief.ensemble.of("level").std()
    belief.assimilate(np.array([[1e5]]))
    bounded.assimilate(np.array([[1e9]]))
    moved = belief.ensemble.mean("level")[0] - before
    assert 0 < moved < 3.0 * sd
    assert bounded.ensemble.mean("level")[0] - before < moved


def test_no_reading_changes_nothing():
    belief = believe(5, 20, seed=1)
    before = belief.ensemble.people.block("real").copy()
    belief.assimilate(np.full((1, 5), np.nan))
    assert (belief.ensemble.people.block("real") == before).all()


def test_same_bits_for_one_thread_and_two():
    blocks = []
    for threads in (1, 2):
        set_num_threads(threads)
        belief = believe(64, 32, seed=2, bias_sd=0.5, memory_days=2)
        run(belief, READINGS, late=((3, 5),))
        belief.weigh(-np.abs(belief.ensemble.people["level"].astype(float)))
        blocks.append(belief.ensemble.people.block("real").copy())
    set_num_threads(2)
    assert blocks[0].tobytes() == blocks[1].tobytes()


def test_compiled_equals_plain_python():
    """`regress_update`, `inherit` and `rejuvenate`, to rounding of sums (1e-6 of float32 values)."""
    rng = np.random.default_rng(4)
    weight = rng.dirichlet(np.ones(16))
    seen, moved, own = rng.normal(size=16), rng.normal(size=16), np.empty(16)
    mean, variance = filtering.moments.py_func(seen, weight)
    assert filtering.moments(seen, weight) == pytest.approx((mean, variance), rel=1e-12)
    update = (seen, mean, variance, moved, 0.4, 0.7, weight, 12.0, own)
    for function, args in (
        (filtering.regress_update, (False, False, *update, -2.0, 2.0, EXACT)),
        (filtering.regress_update, (True, True, *update, 0.1, 20.0, EXACT)),
        (filtering.inherit, (rng.integers(0, 16, 16),)),
        (filtering.rejuvenate, (False, False, rng.integers(0, 16, 16), rng.integers(0, 16, 16), 0.1, -2.0, 2.0)),
        (filtering.rejuvenate, (True, False, rng.integers(0, 16, 16), rng.integers(0, 16, 16), 0.1, 0.1, 20.0)),
    ):
        start = 0.5 * seen + rng.normal(size=16)
        start = (np.exp(start) if args[0] is True else start).astype(np.float32)
        compiled, plain = start.copy(), start.copy()
        function(compiled, *args)
        function.py_func(plain, *args)
        assert (compiled != start).any()
        np.testing.assert_allclose(compiled, plain, rtol=1e-6)


def test_who_has_no_shock_gets_none_from_a_reading_or_from_others():
    """Three in four have none; a reading that goes with it moves those who have it, and rejuvenation too."""
    rng = np.random.default_rng(4)
    has = np.arange(64) % 4 == 0
    start = np.where(has, rng.uniform(0.2, 0.8, 64), 0.0).astype(np.float32)
    seen = start + 0.1 * rng.normal(size=64)
    moved = np.full(64, 0.1)
    even, own = np.full(64, 1 / 64), np.empty(64)
    mean, variance = filtering.moments(seen, even)
    read, moved_on = start.copy(), start.copy()
    filtering.regress_update(read, False, True, seen, mean, variance, moved, 0.1, 0.5, even, 63.0, own, 0.0, 1.0, EXACT)
    filtering.rejuvenate(moved_on, False, True, rng.integers(0, 64, 64), rng.integers(0, 64, 64), 0.3, 0.0, 1.0)
    for after in (read, moved_on):
        assert (after[~has] == 0.0).all()
        assert (after[has] != start[has]).all()


def test_weights_are_bayes_rule_for_counts():
    """Gamma prior, Poisson counts: the posterior is Gamma(3 + 14, 1 + 5), mean 17/6, variance 17/36.

    Importance sampling of 4,000 members with weights of effective size above 1,000: standard error of the mean below
    sqrt(17/36/1000) = 0.022, over 50 persons 0.0031; bias of order 1/1000.
    """
    belief = believe(50, 4000, seed=6)
    rates = np.random.default_rng(7).gamma(3.0, 1.0, 50 * 4000)
    belief.ensemble.people["level"] = rates
    for count in (2, 4, 3, 1, 4):
        belief.weigh(count * np.log(rates) - rates)
    assert belief.ensemble.mean("level").mean() == pytest.approx(17 / 6, abs=4 * 0.0031 + 0.001)


def test_resampling_is_systematic_and_rejuvenation_keeps_mean_and_spread():
    """Copies of each member are its weight times the members, rounded down or up; moments within 4 standard errors.

    After rejuvenation mean and variance are those before in expectation: 400 persons of 250 members.
    """
    belief = believe(400, 250, seed=9)
    likelihood = -0.5 * (belief.ensemble.people["level"].astype(float) - 3.0) ** 2
    weights = np.exp(likelihood).reshape(400, 250)
    weights /= weights.sum(axis=1, keepdims=True)
    before = belief.ensemble.of("level").astype(float)
    mean = (weights * before).sum(axis=1)
    variance = (weights * (before - mean[:, None]) ** 2).sum(axis=1)
    belief._constants = belief._constants._replace(resample_below=1.0)
    exact = believe(400, 250, seed=9)
    exact._constants = exact._constants._replace(resample_below=1.0)
    exact.weigh(likelihood)
    copies = np.array([[np.sum(after == one) for one in rows] for after, rows in
                       zip(exact.ensemble.of("level")[:3], before[:3].astype(np.float32), strict=True)])  # fmt: skip
    assert (np.abs(copies - 250 * weights[:3]) < 1 + 1e-9).all()
    assert (exact.ensemble.log_weight == 0).all()
    belief._constants = belief._constants._replace(rejuvenation=0.3)
    belief.weigh(likelihood)
    after = belief.ensemble.of("level").astype(float)
    change = after.mean(axis=1) - mean
    assert np.abs(change.mean()) < 4 * change.std() / 20
    wider = after.var(axis=1) / variance
    assert wider.mean() == pytest.approx(1.0, abs=4 * wider.std() / 20 + 1 / 250)


@pytest.mark.parametrize(
    ("readings", "days_ago", "said"),
    [
        (np.zeros((2, 3)), 0, "shape"),
        (np.array([[1.0, np.inf, 2.0]]), 0, "finite"),
        (np.zeros((1, 3)), 1, "between 0 and 0"),
    ],
)
def test_readings_that_cannot_be_taken_are_refused(readings, days_ago, said):
    with pytest.raises(InputError, match=said):
        believe(3, 10, seed=1).assimilate(readings, days_ago)


def test_an_impossible_event_is_refused():
    belief = believe(2, 10, seed=1)
    with pytest.raises(InputError, match="at least one member"):
        belief.weigh(np.full(20, -np.inf))
