"""The event heap against Python's own sort."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from popsim.kernels.care.events import RANK_SHIFT
from popsim.kernels.care.records import EVENT
from popsim.kernels.numerics.heap import pop, push

ROOM = 4096


@njit
def run(times, orders, moves, events, out):
    """Push while `moves` says 1, pop while it says 0, then pop the rest; `out` gets what was popped, as job numbers."""
    size = 0
    pushed = 0
    popped = 0
    for move in moves:
        if move == 1:
            size = push(events, size, times[pushed], orders[pushed], pushed, -pushed)
            pushed += 1
        elif size > 0:
            out[popped] = events[0].patient
            popped += 1
            size = pop(events, size)
    while size > 0:
        out[popped] = events[0].patient
        popped += 1
        size = pop(events, size)
    return popped


def popped_patients(times, orders, moves) -> list[int]:
    out = np.zeros(len(times), np.int64)
    count = run(times, orders, moves, np.zeros(ROOM, EVENT), out)
    return out[:count].tolist()


@pytest.mark.parametrize("seed", range(20))
def test_events_come_out_by_time_and_order(seed):
    draw = np.random.default_rng(seed)
    size = int(draw.integers(1, 2000))
    times = draw.integers(0, max(2, size // 5), size).astype(float)  # many at the same moment
    orders = draw.permutation(size).astype(np.int64)
    patients = popped_patients(times, orders, np.ones(size, np.int64))
    assert patients == sorted(range(size), key=lambda i: (times[i], orders[i]))


@pytest.mark.parametrize("seed", range(20))
def test_pushes_and_pops_in_any_mixture(seed):
    draw = np.random.default_rng(1000 + seed)
    moves = (draw.random(3000) < 0.55).astype(np.int64)
    size = int(moves.sum())
    times = np.round(draw.exponential(10.0, size), 1)
    orders = draw.integers(0, 1 << 60, size)
    waiting: list[int] = []
    expected, pushed = [], 0
    for move in moves:
        if move:
            waiting.append(pushed)
            pushed += 1
        elif waiting:
            first = min(waiting, key=lambda i: (times[i], orders[i]))
            waiting.remove(first)
            expected.append(first)
    expected += sorted(waiting, key=lambda i: (times[i], orders[i]))
    assert popped_patients(times, orders, moves) == expected


def test_what_is_popped_is_what_was_pushed():
    events = np.zeros(8, EVENT)

    @njit
    def one(events):
        size = push(events, 0, 2.5, (3 << RANK_SHIFT) + 7, 11, 13)
        return size, pop(events, size)

    assert one(events) == (1, 0)
    assert events[0].tolist() == (2.5, (3 << RANK_SHIFT) + 7, 11, 13)


def test_rank_comes_before_person_at_one_moment():
    people = np.array([900, 5, 1 << 47, 3], np.int64)
    ranks = np.array([2, 1, 0, 1], np.int64)
    patients = popped_patients(np.full(4, 1.0), (ranks << RANK_SHIFT) | people, np.ones(4, np.int64))
    assert patients == [2, 3, 1, 0]
