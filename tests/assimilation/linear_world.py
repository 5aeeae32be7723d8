"""A linear Gaussian world, in which the Kalman filter is exact: level and slope, the level is measured."""

from __future__ import annotations

import numpy as np

from popsim.assimilation.belief import Belief
from popsim.assimilation.ensemble import Ensemble
from popsim.assimilation.sensors import Sensor
from popsim.evidence.sets import SHIPPED
from popsim.kernels import assimilation as filtering
from popsim.kernels.numerics.random import RandomKey
from popsim.population.columns import Column, Schema
from popsim.population.population import Population

SCHEMA = Schema([Column(name, "real", "1", -1e6, 1e6, name, "physiology") for name in ("level", "slope")])
MOVE = np.array([[1.0, 1.0], [0.0, 0.9]])
NOISE = np.array([0.3, 0.2])  # standard deviations of a day's own change
START_MEAN, START_SD = np.array([1.0, 0.5]), np.array([2.0, 1.0])
READING_SD = 0.8
EXACT = filtering.FilterParameters(
    outlier_from_sd=1e6, resample_below=0.0, rejuvenation=0.0, certain_from_sd=0.0, widening=0.0
)


class Drift:
    """Every member moves by MOVE and own noise."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def advance(self, population, clock):
        state = np.stack([population["level"], population["slope"]]).astype(float)
        state = MOVE @ state + NOISE[:, None] * self.rng.standard_normal(state.shape)
        population["level"], population["slope"] = state


class LinearBelief(Belief):
    """The columns of illness are not there."""

    def advance(self, clock):
        if self.memory_days:
            self._remember()
        self.physiology.advance(self.ensemble.people, clock)
        self.day = clock.day


def believe(persons, members, seed, *, bias_sd=0.0, memory_days=0):
    rng = np.random.default_rng(seed)
    people = Population(SCHEMA, np.arange(persons * members, dtype=np.int64))
    for name, mean, sd in zip(("level", "slope"), START_MEAN, START_SD, strict=True):
        people[name] = mean + sd * rng.standard_normal(persons * members)
    bias = (bias_sd * rng.standard_normal((1, persons * members))).astype(np.float32)
    sensor = Sensor("level", "level", noise_sd=READING_SD, bias_sd=bias_sd)
    belief = LinearBelief(
        Ensemble(people, members, bias), Drift(seed + 1), [sensor], key=RandomKey(seed), estimated=("level", "slope"),
        memory_days=memory_days, parameters=SHIPPED,
    )  # fmt: skip
    belief._constants = EXACT
    return belief


def kalman(readings, late=()):
    """Mean and covariance after every day's reading (NaN: none); the state is augmented for late readings.

    late: (day of reading, day of arrival) pairs; the reading of the first is taken in on the second.
    """
    days = len(readings)
    size = 2 + days  # the levels of all days are kept in the state: a late reading is one of a part of it
    mean, covariance = np.zeros(size), np.zeros((size, size))
    mean[:2], covariance[:2, :2] = START_MEAN, np.diag(START_SD**2)
    arrivals = {day: [day] for day in range(days)}
    for made, arrives in late:
        arrivals[made].remove(made)
        arrivals[arrives].append(made)
    history = []
    for day in range(days):
        move, noise = np.eye(size), np.zeros((size, size))
        move[:2, :2], noise[:2, :2] = MOVE, np.diag(NOISE**2)
        mean, covariance = move @ mean, move @ covariance @ move.T + noise
        copy = np.eye(size)
        copy[2 + day, :] = 0.0
        copy[2 + day, 0] = 1.0
        mean, covariance = copy @ mean, copy @ covariance @ copy.T
        for made in arrivals[day]:
            if np.isnan(readings[made]):
                continue
            h = np.zeros(size)
            h[2 + made] = 1.0
            gain = covariance @ h / (h @ covariance @ h + READING_SD**2)
            mean = mean + gain * (readings[made] - h @ mean)
            covariance = covariance - np.outer(gain, h @ covariance)
        history.append((mean[:2].copy(), covariance[:2, :2].copy()))
    return history
