"""Philox against its published vectors, its streams against chance, and inverse distribution functions against scipy.

False alarms: keys are fixed, so a test passes or fails for good. Were the keys drawn afresh, a perfect generator would
fail a battery below with probability under 1e-4: each battery compares its smallest p-value with 1e-4 divided by the
number of its tests.
"""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from numba import njit, prange
from scipy import special, stats

from popsim.errors import InputError
from popsim.kernels import codes
from popsim.kernels.numerics import random
from popsim.kernels.numerics.random import (
    RandomKey,
    exponential,
    gamma,
    log_gamma,
    lognormal,
    philox,
    uniform,
    uniforms,
    weibull,
)

FALSE_ALARM = 1e-4
GRID = 2.0**-32
STREAMS = np.array([codes.STREAM_SHOCKS, codes.STREAM_EVENTS, codes.STREAM_SIGNALS, codes.STREAM_CARE_DAY])
KEYS = [RandomKey(1), RandomKey(1, 1), RandomKey(2), RandomKey(20260401, 7), RandomKey(0xFFFFFFFF)]

# Random123 1.14.0, tests/kat_vectors, the three lines "philox4x32 10": counter, key, expected.
KNOWN_ANSWERS = [
    (
        (0x00000000, 0x00000000, 0x00000000, 0x00000000),
        (0x00000000, 0x00000000),
        (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    ),
    (
        (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@njit(parallel=True)
def fill(key, first_person, streams, days, out):
    """Uniforms in the order in which the model draws them: day by day, within a day person by person, all streams."""
    for person in prange(out.shape[1]):
        for day in range(days):
            for s in range(streams.size):
                block = uniforms(key, first_person + person, streams[s], day)
                for lane in range(4):
                    out[day, person, s, lane] = block[lane]


def draw(key, days=50, persons=500, first_person=0):
    out = np.empty((days, persons, STREAMS.size, 4))
    fill(key, first_person, STREAMS, days, out)
    return out


# ---- Philox and the uniforms made from it


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN_ANSWERS)
@pytest.mark.parametrize("function", [philox, philox.py_func], ids=["compiled", "plain"])
def test_philox_gives_the_known_answers_of_random123(function, counter, key, expected):
    assert tuple(int(word) for word in function(*map(np.uint64, counter + key))) == expected


def test_uniforms_are_the_words_of_the_counter_and_key_that_the_position_says():
    """The pi-digits vector reached through the public arguments: person = second and first word, then stream, index."""
    counter, key, expected = KNOWN_ANSWERS[2]
    person = counter[1] << 32 | counter[0]
    # The second word has its top bit set, so as int64 this person is negative; identity is the bit pattern.
    person -= 1 << 64
    block = uniforms(RandomKey(*key), person, counter[2], counter[3])
    assert block == tuple((word + 0.5) / 2**32 for word in expected)
    assert uniform(RandomKey(*key), person, counter[2], counter[3]) == block[0]


def test_a_key_is_made_of_a_user_s_seed_and_replication_or_taken_as_it_is():
    assert RandomKey.of(np.uint32(7)) == RandomKey.of(7, np.int8(0)) == (7, 0)
    assert [type(word) for word in RandomKey.of(np.uint32(7), np.int8(3))] == [int, int]
    assert RandomKey.of(RandomKey(7, 3)) == (7, 3)
    for words, said in (((-1,), "seed = -1"), ((1, 2**32), "replication"), ((RandomKey(7, 3), 1), "must be 0 beside")):
        with pytest.raises(InputError, match=said):
            RandomKey.of(*words)


def test_uniforms_stay_inside_the_open_interval():
    assert random._open_unit(np.uint64(0)) == 2.0**-33
    assert random._open_unit(np.uint64(0xFFFFFFFF)) == 1.0 - 2.0**-33


@pytest.mark.parametrize("place", range(5), ids=["seed", "stream of the key", "person", "stream", "index"])
def test_every_argument_matters_over_all_its_bits(place):
    seen = set()
    widths = [32, 32, 63, 32, 32]
    for bit in range(widths[place]):
        position = [0, 0, 0, 0, 0]
        position[place] = 1 << bit
        seen.add(uniforms(RandomKey(*position[:2]), *position[2:]))
    assert len(seen) == widths[place]


def test_a_bit_of_the_position_flips_half_of_the_bits_of_the_result():
    """Avalanche: 161 one-bit changes, 128 output bits, 20 positions; standard error of the mean fraction 0.0008."""
    rng = np.random.default_rng(1)
    widths = [32, 32, 63, 32, 32]
    flipped = []
    for _ in range(20):
        position = [int(rng.integers(0, 2**31)) for _ in widths]
        before = np.array(uniforms(RandomKey(*position[:2]), *position[2:]))
        for place, width in enumerate(widths):
            for bit in range(width):
                changed = list(position)
                changed[place] ^= 1 << bit
                words = [
                    (block * 2**32).astype(np.uint64)
                    for block in (before, np.array(uniforms(RandomKey(*changed[:2]), *changed[2:])))
                ]
                flipped.append(np.bitwise_count(words[0] ^ words[1]).sum() / 128)
    standard_error = 0.5 / np.sqrt(128 * len(flipped))
    assert abs(np.mean(flipped) - 0.5) < 4 * standard_error


def test_a_person_draws_the_same_in_any_company():
    alone = draw(RandomKey(3, 1), days=5, persons=1, first_person=412)
    together = draw(RandomKey(3, 1), days=5, persons=500, first_person=0)
    assert np.array_equal(alone[:, 0], together[:, 412])


# ---- Uniformity and independence


def chi_square_p(counts):
    return stats.chisquare(np.ravel(counts)).pvalue


def uniformity_p_values(u):
    """Equal frequency of 1000 bins, Kolmogorov-Smirnov, and the frequency of each of the 32 bits."""
    u = u.ravel()
    yield chi_square_p(np.bincount((u * 1000).astype(np.int64), minlength=1000))
    yield stats.kstest(u, "uniform").pvalue
    words = (u * 2**32).astype(np.uint64)
    for bit in range(32):
        ones = int(((words >> np.uint64(bit)) & np.uint64(1)).sum())
        yield 2 * stats.norm.sf(abs(2 * ones - words.size) / np.sqrt(words.size))


def pair_p_values(a, b):
    """Correlation of pairs, and a 16 x 16 table of them.

    For independent uniform a and b, (a - 1/2)(b - 1/2) has mean 0 and variance 1/144.
    """
    a, b = a.ravel(), b.ravel()
    z = 12.0 * np.mean((a - 0.5) * (b - 0.5)) * np.sqrt(a.size)
    yield 2 * stats.norm.sf(abs(z))
    yield chi_square_p(np.bincount((a * 16).astype(np.int64) * 16 + (b * 16).astype(np.int64), minlength=256))


def serial_p_values(u, lags):
    """Correlation at each lag of the sequence as drawn."""
    centred = u.ravel() - 0.5
    for lag in lags:
        products = centred[:-lag] * centred[lag:]
        yield 2 * stats.norm.sf(abs(12.0 * products.mean() * np.sqrt(products.size)))


def independence_p_values(u):
    days, persons, streams, lanes = u.shape
    per_person = streams * lanes
    per_day = persons * per_person
    yield from serial_p_values(u, [*range(1, 4 * per_person + 1), *(per_day + k for k in range(-16, 17)), 2 * per_day])
    for step in (1, 2, 7, 64, 256):
        yield from pair_p_values(u[:, :-step], u[:, step:])  # persons, same day, stream and lane
    for step in (1, 7, 28):
        yield from pair_p_values(u[:-step], u[step:])  # days
    for s in range(streams):
        for t in range(s):
            yield from pair_p_values(u[:, :, s], u[:, :, t])
    for j in range(lanes):
        for k in range(j):
            yield from pair_p_values(u[..., j], u[..., k])
    # Non-overlapping triples of the sequence as drawn, 8 x 8 x 8 cells.
    cells = (u.ravel()[: u.size // 3 * 3].reshape(-1, 3) * 8).astype(np.int64) @ np.array([64, 8, 1])
    yield chi_square_p(np.bincount(cells, minlength=512))
    # Sums over a year of one person's draws, as exposure adds them up: variance as for independent days.
    totals = u.sum(axis=0).ravel()
    z = (totals - days / 2) / np.sqrt(days / 12)
    statistic = np.sum(z**2)
    # Var z**2 = 2 - 1.2 / days for a sum of uniforms (excess kurtosis of one uniform is -1.2).
    yield 2 * stats.norm.sf(abs(statistic - z.size) / np.sqrt((2 - 1.2 / days) * z.size))


def smallest(p_values):
    """Smallest p-value times the number of tests: at most FALSE_ALARM with that probability (Bonferroni)."""
    p = np.fromiter(p_values, dtype=float)
    return p.min() * p.size


@pytest.mark.parametrize("key", KEYS)
def test_draws_are_uniform(key):
    u = draw(key)
    assert smallest(uniformity_p_values(u)) > FALSE_ALARM
    for stream in range(STREAMS.size):
        assert smallest(uniformity_p_values(u[:, :, stream])) > FALSE_ALARM


@pytest.mark.parametrize("key", KEYS)
def test_draws_are_independent_across_persons_days_streams_and_lanes(key):
    assert smallest(independence_p_values(draw(key))) > FALSE_ALARM


def test_replications_and_seeds_are_independent_of_each_other():
    draws = [draw(key, days=20) for key in KEYS]
    pairs = (p for i in range(len(draws)) for j in range(i) for p in pair_p_values(draws[i], draws[j]))
    assert smallest(pairs) > FALSE_ALARM


def test_the_sum_over_persons_has_the_variance_of_independent_persons():
    """Daily means over 500 persons, as outcomes average them, chi-squared with days x 16 degrees of freedom."""
    u = draw(RandomKey(5), days=100)
    z = (u.mean(axis=1) - 0.5) * np.sqrt(12 * u.shape[1])
    p = stats.chi2.sf(np.sum(z**2), z.size)
    assert FALSE_ALARM / 2 < p < 1 - FALSE_ALARM / 2


def weak(words):
    """Uniforms of a generator that is not random enough: a Weyl sequence of a product of the position."""
    return ((words * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)).astype(float) * GRID + GRID / 2


def test_the_batteries_reject_weak_generators():
    shape = (50, 500, 4, 4)
    position = np.arange(np.prod(shape), dtype=np.uint64).reshape(shape)
    assert smallest(independence_p_values(weak(position))) < 1e-12
    ignores_the_stream = np.repeat(draw(RandomKey(1))[:, :, :1], 4, axis=2)
    assert smallest(independence_p_values(ignores_the_stream)) < 1e-12
    biased = draw(RandomKey(1)) ** 1.02
    assert smallest(uniformity_p_values(biased)) < 1e-12


# ---- Inverse distribution functions

TAILS = np.concatenate([(np.arange(50) + 0.5) * GRID, 1.0 - (np.arange(50) + 0.5) * GRID])
PROBABILITIES = np.concatenate(
    [TAILS, (np.random.default_rng(2).integers(0, 2**32, 1000) + 0.5) * GRID, np.linspace(0.001, 0.999, 999)]
)


def relative(values, expected):
    return np.max(np.abs(values / expected - 1.0))


def quantiles(function, *parameters):
    return np.array([function(u, *parameters) for u in PROBABILITIES])


def test_exponential_quantiles():
    u = PROBABILITIES[: TAILS.size + 1000]  # those that `uniforms` gives: 1 - u is exact
    values = np.array([exponential(value, 3.5) for value in u])
    assert relative(values, -3.5 * np.log1p(-u)) < 5e-16


@pytest.mark.parametrize("shape", [0.5, 1.0, 1.7, 8.0])
def test_weibull_quantiles(shape):
    expected = 2.5 * (-np.log1p(-PROBABILITIES)) ** (1.0 / shape)
    assert relative(quantiles(weibull, shape, 2.5), expected) < (4 + 25 / shape) * 2.3e-16


@pytest.mark.parametrize("coefficient_of_variation", [1e-9, 1e-4, 0.1, 1.0, 10.0])
def test_lognormal_quantiles_for_the_mean_and_sd_of_the_variable_itself(coefficient_of_variation):
    """Expected by scipy's parameters s = sd of the log and scale = exp(mean of the log), by the method of moments."""
    mean, sd = 5.0, 5.0 * coefficient_of_variation
    variance = np.log1p((sd / mean) ** 2)
    expected = stats.lognorm.ppf(PROBABILITIES, np.sqrt(variance), scale=mean * np.exp(-variance / 2))
    # the quantile of the normal (1e-11, at most 6.3 in size) times the sd of the log, at most 2.15
    assert relative(quantiles(lognormal, mean, sd), expected) < 1.5e-10


@pytest.mark.parametrize(("mean", "sd"), [(5.0, 3.0), (0.2, 0.2), (30.0, 6.0)])
def test_lognormal_values_have_the_mean_and_sd_asked_for(mean, sd):
    """Moments by the midpoint rule in the normal deviate, whose error is far below 1e-6 at a step of 1/50."""
    z = (np.arange(-300, 300) + 0.5) / 50
    weights = stats.norm.pdf(z) / 50
    values = np.array([lognormal(u, mean, sd) for u in stats.norm.cdf(z)])
    assert weights @ values == pytest.approx(mean, rel=1e-6)
    assert np.sqrt(weights @ (values - mean) ** 2) == pytest.approx(sd, rel=1e-4)


def test_lognormal_without_spread_is_its_mean():
    assert lognormal(0.01, 7.25, 0.0) == 7.25


@pytest.mark.parametrize("shape", [0.04, 0.05, 0.1, 0.3, 0.7, 1.0, 1.5, 2.0, 5.0, 10.0, 37.5, 100.0, 250.0, 500.0, 1e4])
def test_gamma_quantiles(shape):
    """Against scipy's inverse of whichever tail is the smaller (good to about 1e-13)."""
    lower = PROBABILITIES <= 0.5
    expected = np.where(
        lower, special.gammaincinv(shape, PROBABILITIES), special.gammainccinv(shape, 1.0 - PROBABILITIES)
    )
    assert relative(quantiles(gamma, shape, 2.0), 2.0 * expected) < 1e-11


def test_gamma_of_whole_shapes_solves_the_poisson_sum():
    """P(gamma of shape 3 > x) = exp(-x) (1 + x + x**2 / 2), independent of any library's incomplete gamma function."""
    x = quantiles(gamma, 3.0, 1.0)
    upper = np.exp(-x) * (1 + x + x**2 / 2)
    inside = PROBABILITIES > 0.01  # where the sum's rounding does not matter
    assert np.max(np.abs(upper / (1 - PROBABILITIES) - 1)[inside]) < 1e-11


def test_log_gamma():
    a = np.concatenate([np.linspace(0.04, 20, 500), np.logspace(1, 4, 200)])
    expected = special.gammaln(a)
    values = np.array([log_gamma(value) for value in a])
    assert np.max(np.abs(values - expected) / (1 + np.abs(expected))) < 1e-14


@pytest.mark.parametrize(
    ("function", "parameters"),
    [(exponential, (2.0,)), (weibull, (1.5, 2.0)), (lognormal, (5.0, 3.0)), (gamma, (0.3, 1.0)), (gamma, (40.0, 1.0))],
)
def test_quantiles_increase_with_the_probability(function, parameters):
    u = np.sort(np.concatenate([TAILS, np.linspace(0.0005, 0.9995, 3000)]))
    assert np.all(np.diff([function(value, *parameters) for value in u]) > 0.0)


# ---- The same bits compiled or not

VARIATES = [
    (exponential, (2.0,)),
    (weibull, (1.5, 2.0)),
    (lognormal, (5.0, 3.0)),
    (gamma, (0.3, 2.0)),
    (gamma, (7.5, 0.5)),
    (gamma, (300.0, 1.0)),
]


@pytest.mark.parametrize(("function", "parameters"), VARIATES)
def test_variates_compiled_equal_plain_python_bit_for_bit(function, parameters):
    plain = np.array([function.py_func(float(u), *parameters) for u in PROBABILITIES[::5]])
    assert np.array_equal(quantiles(function, *parameters)[::5].view(np.int64), plain.view(np.int64))


def test_uniforms_vectorised_equal_plain_python_bit_for_bit():
    compiled = draw(RandomKey(20260401, 3), days=4, persons=60, first_person=2**33 - 30)
    for day, person, s in np.ndindex(4, 60, STREAMS.size):
        plain = uniforms.py_func(RandomKey(20260401, 3), 2**33 - 30 + person, int(STREAMS[s]), day)
        assert tuple(compiled[day, person, s]) == plain


DIGEST_PROGRAM = """
import hashlib
import numpy as np
from popsim.kernels.numerics import random
from popsim.kernels.numerics.random import RandomKey
values = []
for person in range(300):
    u = random.uniforms(RandomKey(20260401, 3), person * 2**25, 2, person)
    values += [*u, random.uniform(RandomKey(1, 2), person, 3, 4)]
    values += [random.exponential(u[0], 2.0), random.weibull(u[1], 1.5, 2.0)]
    values += [random.lognormal(u[2], 5.0, 3.0), random.gamma(u[3], 0.05 + person, 2.0)]
    values += [random.log_gamma(u[0] + person)]
print(hashlib.sha256(np.array(values, dtype=float).tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_every_way_to_run_gives_the_same_bits():
    """Compiled for this CPU, compiled for the oldest CPU of the architecture, and interpreted."""
    settings = ({}, {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}, {"NUMBA_DISABLE_JIT": "1"})
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST_PROGRAM], env=os.environ | setting, capture_output=True, text=True, check=True
        ).stdout
        for setting in settings
    }
    assert len(digests) == 1
    assert len(digests.pop().strip()) == 64
