"""Models in continuous time, individual by individual, from one transition to the next.

A stay in a state ends by the earliest of its transitions. All their times are drawn at the start of the stay, each from
its distribution given that its clock, which shows the time since the start (clock forward) or since the spell began
(clock reset), has come so far without it.

Random numbers: a stay is numbered by how often the person has been in the state before, and each transition has a word
of its own, so an effect on one transition leaves the times of all others as they were (common random numbers).
"""

from __future__ import annotations

import numpy as np

from popsim.kernels.codes import STREAM_EVENT_TIMES
from popsim.kernels.microsimulation import BLOCK, COST, LIFE, OUTCOMES, QALY
from popsim.kernels.numerics.compiling import njit, prange
from popsim.kernels.numerics.math import exp, log
from popsim.kernels.numerics.random import TWO_TO_MINUS_32, WORD, philox
from popsim.kernels.survival import cumulative_hazard, time_at

WORDS = 4  # random words of one Philox block: that many transitions of a state
MAX_STAYS = 1_000_000  # of one person


@njit(forceinline=True)
def _discounted(start, end, start_factor, end_factor, rate):
    """The integral of exp(-rate t) from start to end."""
    return (start_factor - end_factor) / rate if rate > 0.0 else end - start


@njit(forceinline=True)
def _first_point(years, point_years):
    """The first point at or after a time."""
    point = int(years / point_years)
    while point * point_years < years:
        point += 1
    while point > 0 and (point - 1) * point_years >= years:
        point -= 1
    return point


@njit(parallel=True)
def walk_events(
    key, person_id, initial, points, point_years, begin, end, target, family, forward, restarts, parameters, pool,
    reward, one_off, alive, cost_rate, effect_rate, totals, counts, sums, faults,
):  # fmt: skip
    """Simulate everybody's stays in one unit (a strategy in a run).

    Args:
        key: RandomKey.
        person_id: (people,) int64.
        initial: (people,) state at the start, int32.
        points, point_years: the people in each state are counted at points 0 .. `points`, so far apart; the horizon is
            the last point.
        begin, end: (states,) int64, of each state the first transition that leaves it and the one after the last.
        target, family, forward, restarts: (transitions,) int64: state that it leads to, distribution, whether its clock
            runs forward, and whether moving along it resets the clock.
        parameters: (people or 1, transitions, 4) float64: a, b, c of the distribution and a factor of its hazard.
        pool: numbers of splines and piecewise hazards.
        reward: (people or 1, 2, states) cost and utility per year in a state.
        one_off: (people or 1, 2, transitions) cost and QALYs of moving.
        alive: (states,) 1 where people live.
        cost_rate, effect_rate: continuous discount rates per year.
        totals: (OUTCOMES, people) written; or (OUTCOMES, 0) if not needed.
        counts: (blocks, points + 1, states) int32, written: people in each state at each point.
        sums: (blocks, 2, OUTCOMES) written: sums of the people's totals and of their squares.
        faults: (blocks,) written: 1 where somebody had more than `MAX_STAYS` stays.
    """
    people = len(person_id)
    states = len(begin)
    horizon = points * point_years
    last_cost, last_effect = exp(-cost_rate * horizon), exp(-effect_rate * horizon)
    longest = np.full(len(target), np.inf)  # cumulative hazard that nobody reaches before the horizon
    latest = np.full(len(target), np.inf)  # random word, likewise
    if len(parameters) == 1:
        for j in range(len(target)):
            a, b, c, factor = parameters[0, j, 0], parameters[0, j, 1], parameters[0, j, 2], parameters[0, j, 3]
            longest[j] = cumulative_hazard(family[j], a, b, c, pool, horizon)
            latest[j] = 1.0 + (1.0 - exp(-longest[j] * factor)) / TWO_TO_MINUS_32  # the 1 is for rounding
    for block in prange(len(sums)):
        visits = np.empty(states, np.int64)
        total = np.empty(OUTCOMES)
        counts[block] = 0
        sums[block] = 0.0
        faults[block] = 0
        for i in range(block * BLOCK, min((block + 1) * BLOCK, people)):
            person = person_id[i]
            low, high = np.uint64(person & WORD), np.uint64((person >> 32) & WORD)
            row_p, row_r, row_o = min(i, len(parameters) - 1), min(i, len(reward) - 1), min(i, len(one_off) - 1)
            visits[:] = 0
            total[:] = 0.0
            state = np.int64(initial[i])
            now, since = 0.0, 0.0
            cost_factor, effect_factor = 1.0, 1.0
            point, stays = 0, 0
            moving = True
            while moving:
                nearest, chosen = horizon, -1
                words = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
                for j in range(begin[state], end[state]):
                    place = j - begin[state]
                    if place & (WORDS - 1) == 0:
                        stream = np.uint64(STREAM_EVENT_TIMES + begin[state] + place // WORDS)
                        words = philox(
                            low, high, stream, np.uint64(visits[state]), np.uint64(key.seed & WORD),
                            np.uint64(key.stream & WORD),
                        )  # fmt: skip
                    word = words[0]
                    words = words[1], words[2], words[3], words[0]
                    a, b, c, factor = (
                        parameters[row_p, j, 0], parameters[row_p, j, 1], parameters[row_p, j, 2],
                        parameters[row_p, j, 3],
                    )  # fmt: skip
                    if factor > 0.0 and np.float64(word) <= latest[j]:
                        begun = 0.0 if forward[j] else since
                        clock = now - begun
                        more = -log(1.0 - (np.float64(word) + 0.5) * TWO_TO_MINUS_32) / factor
                        if clock > 0.0:
                            more += cumulative_hazard(family[j], a, b, c, pool, clock)
                        if more <= longest[j]:
                            when = max(begun + time_at(family[j], a, b, c, pool, more), now)
                            if when < nearest:
                                nearest, chosen = when, j
                visits[state] += 1
                stays += 1
                next_cost, next_effect = last_cost, last_effect
                if chosen >= 0:
                    next_cost = exp(-cost_rate * nearest)
                    next_effect = next_cost if effect_rate == cost_rate else exp(-effect_rate * nearest)
                total[COST] += reward[row_r, 0, state] * _discounted(now, nearest, cost_factor, next_cost, cost_rate)
                total[QALY] += reward[row_r, 1, state] * _discounted(
                    now, nearest, effect_factor, next_effect, effect_rate
                )
                total[LIFE] += alive[state] * (nearest - now)
                passed = _first_point(nearest, point_years) if chosen >= 0 else points + 1
                if passed > point:
                    counts[block, point, state] += 1
                    if passed <= points:
                        counts[block, passed, state] -= 1
                    point = passed
                now, cost_factor, effect_factor = nearest, next_cost, next_effect
                moving = chosen >= 0 and stays < MAX_STAYS
                if chosen >= 0:
                    total[COST] += one_off[row_o, 0, chosen] * cost_factor
                    total[QALY] += one_off[row_o, 1, chosen] * effect_factor
                    state = target[chosen]
                    since = now if restarts[chosen] else since
                    faults[block] |= 0 if moving else 1
            for outcome in range(OUTCOMES):
                sums[block, 0, outcome] += total[outcome]
                sums[block, 1, outcome] += total[outcome] * total[outcome]
                if totals.shape[1] > 0:
                    totals[outcome, i] = total[outcome]
        for point in range(points):  # from changes to numbers of people
            for state in range(states):
                counts[block, point + 1, state] += counts[block, point, state]
