"""The observation model of care: readings instead of the hidden true state.

A bedside reading is keyed by person, number of the column and day, so repeated readings on a day are equal. Laboratory
results are separate columns, written by `sample_laboratory` each morning. Columns without a signal (doses, recorded
facts) are observed without error.
"""

from __future__ import annotations

import numpy as np

from popsim.kernels import codes as code
from popsim.kernels.care.records import REAL_BLOCK, TODAY
from popsim.kernels.numerics.compiling import njit, prange
from popsim.kernels.numerics.math import inverse_normal
from popsim.kernels.numerics.random import uniform, uniforms

INSIDE, SAMPLE, DELIVER = 1, 2, 4  # what the laboratory does for a person today
MAX_COLUMNS = 1024  # indices of the readings per day; those of lasting biases precede the first day


@njit
def seen_real(world, place, row):
    """A real column as care observes it."""
    truth = np.float64(world.reals[place, row])
    observation = world.observations[place]
    if observation.measured == 0:
        return truth
    if observation.stored >= 0:
        return np.float64(world.reals[observation.stored, row])
    person, today = world.patients[row].person, world.counters[TODAY]
    if observation.row == row and observation.day == today and observation.truth == truth:
        return observation.reading
    number = np.int64(observation.number)
    z = inverse_normal(uniform(world.key, person, code.STREAM_LAB, (today + 1) * MAX_COLUMNS + number))
    b = 0.0 if observation.bias_sd == 0.0 else inverse_normal(uniform(world.key, person, code.STREAM_LAB, number))
    drift = observation.drift_per_day * ((person + today) % np.int64(observation.adjusted_every_days))
    reading = truth * (1.0 + observation.noise_share * z) + observation.noise_sd * z + observation.bias_sd * b + drift
    observation.row, observation.day, observation.truth = row, today, truth
    observation.reading = min(max(reading, observation.low), observation.high)
    return observation.reading


@njit
def seen_code(world, place, row):
    """A class as care observes it, occasionally one too high or too low."""
    truth = np.float64(world.codes[place, row])
    observation = world.code_observations[place]
    if observation.measured == 0:
        return truth
    index = (world.counters[TODAY] + 1) * MAX_COLUMNS + MAX_COLUMNS // 2 + np.int64(observation.number)
    u = uniform(world.key, world.patients[row].person, code.STREAM_LAB, index)
    wrong = -1.0 if u < 0.5 * observation.error else (1.0 if u > 1.0 - 0.5 * observation.error else 0.0)
    return min(max(truth + wrong, observation.low), observation.high)


@njit
def seen(world, block, place, row):
    """A column as care observes it, by its index in a block."""
    if block == REAL_BLOCK:
        return seen_real(world, place, row)
    return seen_code(world, place, row)


@njit
def read_rows(
    today, key, number, person, truth, noise_sd, noise_share, bias_sd, drift, adjusted, low, high, reading,
):  # fmt: skip
    """Bedside readings of one real column for some persons: the same as `seen_real` on that day.

    `number` is that of the column in the schema.
    """
    for i in range(len(truth)):
        index = (today + 1) * MAX_COLUMNS + number
        z = inverse_normal(uniform(key, person[i], code.STREAM_LAB, index))
        b = inverse_normal(uniform(key, person[i], code.STREAM_LAB, number))
        drifted = drift * ((person[i] + today) % adjusted)
        value = np.float64(truth[i]) * (1.0 + noise_share * z) + noise_sd * z + bias_sd * b + drifted
        reading[i] = min(max(value, low), high)


@njit(parallel=True)
def sample_laboratory(
    day, key, word, person, entry_day, alive, care_level, lapse, frailty, truth, pending, stored,
    noise_sd, noise_share, bias_sd, interval, delay, missed, more_in_lapse, more_when_frail,
):  # fmt: skip
    """One morning of one laboratory value, for all rows.

    In hospital a sample is taken every day with a result on the same day. At home a sample is due every `interval`
    days, on days that differ between persons; it is missed more often in a lapse or with frailty, and its result
    arrives after `delay` days. On the day of entry the hospital's result is known.

    Args:
        word: index of the laboratory value among those of a day.
        pending, stored: pending result and last known result, (rows,), written.
        noise_sd, noise_share, bias_sd ... more_when_frail: as in definitions/signal.py.
    """
    rows = len(truth)
    today = np.empty(rows, np.int8)
    for i in prange(rows):
        shifted, lives = np.float64(day + person[i]), alive[i] != 0
        phase = shifted - np.floor(shifted / interval) * interval  # exact, and unlike % vectorised
        inside = (care_level[i] >= code.LEVEL_EMERGENCY) | (np.int64(entry_day[i]) >= day)
        at_home = np.int8(lives & (phase == 0.0)) * SAMPLE + np.int8(lives & (phase == delay)) * DELIVER
        today[i] = INSIDE if inside else at_home
    due = np.flatnonzero(today)
    reading, taken = np.empty(len(due)), np.empty(len(due), np.bool_)
    for j in prange(len(due)):
        i = due[j]
        u, u_missed, _, _ = uniforms(key, person[i], code.STREAM_LAB, (day + 1) * MAX_COLUMNS - 1 - word)
        u_bias, _, _, _ = uniforms(key, person[i], code.STREAM_LAB, MAX_COLUMNS - 1 - word)
        z, b = inverse_normal(u), inverse_normal(u_bias)
        value = np.float64(truth[i]) * (1.0 + noise_share * z) + noise_sd * z + bias_sd * b
        reading[j] = value if value > 0.05 else 0.05
        chance = (
            missed * (1.0 + more_in_lapse * np.float64(lapse[i])) * (1.0 + more_when_frail * np.float64(frailty[i]))
        )
        taken[j] = u_missed >= chance
    for j in range(len(due)):
        i = due[j]
        if today[i] & INSIDE or (today[i] & SAMPLE and taken[j]):
            pending[i] = reading[j]
        if today[i] & (INSIDE | DELIVER):
            stored[i] = pending[i]
