"""The laboratory's mornings: the kernel against its rules written out for one person at a time, bit for bit."""

from __future__ import annotations

import numpy as np

from popsim.kernels import codes as code
from popsim.kernels.care.observation import MAX_COLUMNS, sample_laboratory
from popsim.kernels.numerics.math import inverse_normal
from popsim.kernels.numerics.random import RandomKey, uniforms

KEY, ROWS, WORD = RandomKey(3, 4), 400, 1
NOISE_SD, NOISE_SHARE, BIAS_SD = 0.1, 0.02, 0.05
INTERVAL, DELAY, MISSED, IN_LAPSE, WHEN_FRAIL = 7, 2, 0.2, 0.5, 0.7


def one_morning(day, person, entry_day, alive, level, lapse, frailty, truth, pending, stored):
    """Pending and stored result of one person after this morning."""
    u, u_missed, _, _ = uniforms(KEY, person, code.STREAM_LAB, (day + 1) * MAX_COLUMNS - 1 - WORD)
    z, b = inverse_normal(u), inverse_normal(uniforms(KEY, person, code.STREAM_LAB, MAX_COLUMNS - 1 - WORD)[0])
    reading = np.float32(max(float(truth) * (1.0 + NOISE_SHARE * z) + NOISE_SD * z + BIAS_SD * b, 0.05))
    if level >= code.LEVEL_EMERGENCY or entry_day >= day:
        return reading, reading
    if not alive:
        return pending, stored
    phase = (day + person) % INTERVAL
    chance = MISSED * (1.0 + IN_LAPSE * float(lapse)) * (1.0 + WHEN_FRAIL * float(frailty))
    pending = reading if phase == 0 and u_missed >= chance else pending
    return pending, pending if phase == DELAY else stored


def test_only_what_is_due_changes():
    draw = np.random.default_rng(1)
    person = draw.permutation(10**6)[:ROWS]
    entry_day = np.sort(draw.integers(0, 12, ROWS)).astype(np.int32)
    alive = draw.integers(0, 2, ROWS).astype(np.int8)
    lapse, frailty, truth = draw.uniform(0.0, 5.0, (3, ROWS)).astype(np.float32)
    pending, stored = np.full(ROWS, -1, np.float32), np.full(ROWS, -2, np.float32)
    plain = pending.copy(), stored.copy()
    figures = (NOISE_SD, NOISE_SHARE, BIAS_SD, INTERVAL, DELAY, MISSED, IN_LAPSE, WHEN_FRAIL)
    for day in range(10):
        level = (draw.random(ROWS) < 0.1).astype(np.int8) * code.LEVEL_EMERGENCY
        before = (entry_day, alive, level, lapse, frailty, truth)
        sample_laboratory(day, KEY, WORD, person, *before, pending, stored, *figures)
        for i in range(ROWS):
            plain[0][i], plain[1][i] = one_morning(
                day, int(person[i]), *(column[i] for column in before), plain[0][i], plain[1][i]
            )
        np.testing.assert_array_equal(pending, plain[0])
        np.testing.assert_array_equal(stored, plain[1])
    assert len(np.unique(stored)) > ROWS / 2
