"""State-transition models, individual by individual: two loops over people, cycle by cycle.

`walk_tables` reads what happens from tables (probabilities by cycle and time in state, rewards by state); it is
compiled once for all models. `compile_walk` builds the loop around a user's own scalar functions; it is compiled for
each model.

Both go through the people in blocks of `BLOCK`, all cycles of a block before the next: a block's columns stay in the
nearest cache, and the innermost loop runs over its people without branches, so that it vectorises. Sums are taken per
block; the caller adds the blocks in their order, so the bits do not depend on the number of threads.

Points and cycles: with T cycles there are T + 1 points in time, 0 .. T. Everybody is in a state at every point; cycle t
takes them from point t to t + 1. A state is rewarded at points, a transition at the point where the new state is first
held.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core.errors import NumbaError

from popsim.kernels.codes import STREAM_TRANSITIONS
from popsim.kernels.numerics.compiling import njit, prange
from popsim.kernels.numerics.random import TWO_TO_MINUS_32, WORD, RandomKey, philox

BLOCK = 512  # people; their columns (about 24 KB) fit a first-level cache of 32 KB
WORDS = 4  # random words of one Philox block: that many cycles of one person
OUTCOMES = 3  # cost, QALYs, life years
COST, QALY, LIFE = range(OUTCOMES)
NO_STATE, BACK_FROM_DEATH, WORTH_OF_THE_DEAD = 1, 2, 4  # impossible results of a user's functions


@njit(parallel=True)
def walk_tables(
    keys, person_id, initial, cycles, origin, target, restarts, first, last, stays_first, stays_last, reward, one_off,
    totals, counts, sums,
):  # fmt: skip
    """Simulate everybody's transitions by tables, in several units (a strategy in a run) at once.

    A person in state `origin[a]` moves along arc a when the cycle's random word w, an unsigned number of 32 bits, has
    first <= w <= last; at most one arc of a state holds w, and outside all of them the person stays, which is a range
    of words too. No word can be the half-open interval's end 2**32, hence the closed form; what has no probability has
    first = 1, last = 0.

    Args:
        keys: (units, 2) int64, seed and stream of their random keys.
        person_id: (people,) int64.
        initial: (people,) state at point 0, int32.
        cycles: T.
        origin, target: (arcs,) int32, the states that an arc joins.
        restarts: (arcs,) 1 where moving along the arc sets time in state back to 0.
        first, last: (units, T or 1, times, arcs) uint32; the third axis is time in state in cycles, its last entry for
            that and longer. Arcs from the same state follow each other.
        stays_first, stays_last: (units, T or 1, times, states) uint32, the words of those who stay.
        reward: (units, OUTCOMES, T + 1, times, states), what a person in a state at a point is worth, weighted and
            discounted; times as above, but not necessarily as many.
        one_off: (units, 2, T + 1, times, arcs) cost and QALYs of moving along an arc, by the point of arrival,
            discounted, and by the time in the state that was left.
        totals: (units, OUTCOMES, people) written; or (units, OUTCOMES, 0) if not needed.
        counts: (units, blocks, T + 1, states) int32, written: people in each state at each point.
        sums: (units, blocks, 2, OUTCOMES) written: sums of the people's totals and of their squares.
    """
    people = len(person_id)
    units, blocks = sums.shape[:2]
    states = reward.shape[4]
    moves_by_time, rewards_by_time, one_off_by_time = first.shape[2] > 1, reward.shape[3] > 1, one_off.shape[3] > 1
    begin, end = _arcs_by_state(states, origin)
    kept = totals.shape[2] > 0
    for task in prange(units * blocks):
        unit = task // blocks
        block = task - unit * blocks
        start = block * BLOCK
        size = min(BLOCK, people - start)
        state = np.empty((2, BLOCK), np.int32)
        words = np.empty((WORDS, BLOCK), np.uint32)
        since = np.zeros(BLOCK, np.int32)
        left = np.zeros(BLOCK, np.int32)
        moving = np.empty(BLOCK, np.int32)
        total = np.zeros((OUTCOMES, BLOCK))
        for j in range(size):
            state[0, j] = initial[start + j]
        for point in range(cycles + 1):
            now = point & 1
            if point > 0:
                _draw(RandomKey(keys[unit, 0], keys[unit, 1]), person_id, start, size, point - 1, words)
                row = min(point - 1, first.shape[1] - 1)
                word = words[(point - 1) & (WORDS - 1)]
                low, high = first[unit, row], last[unit, row]
                if one_off_by_time:
                    left[:] = since
                if moves_by_time:
                    _move_by_time(
                        size, begin, end, target, restarts, low, high, stays_first[unit, row], stays_last[unit, row],
                        word, since, state[1 - now], state[now], moving,
                    )  # fmt: skip
                else:
                    _move(size, origin, target, low[0], high[0], word, state[1 - now], state[now])
                    if rewards_by_time or one_off_by_time:
                        _pass_time(size, origin, target, restarts, since, state[1 - now], state[now])
                _reward_arcs(size, origin, target, one_off[unit, :, point], left, state[1 - now], state[now], total)
            if rewards_by_time:
                _reward_by_time(size, reward[unit, :, point], since, state[now], total)
            else:
                _reward_states(size, reward[unit, :, point, 0], state[now], total)
            for s in range(states):
                here = 0
                for j in range(size):
                    here += 1 if state[now, j] == s else 0
                counts[unit, block, point, s] = here
        _sum_up(size, total, sums[unit, block])
        if kept:
            for outcome in range(OUTCOMES):
                for j in range(size):
                    totals[unit, outcome, start + j] = total[outcome, j]


@njit(forceinline=True)
def _sum_up(size, total, sums):
    """Sums of a block's totals and of their squares."""
    for outcome in range(OUTCOMES):
        added = 0.0
        squares = 0.0
        for j in range(size):
            added += total[outcome, j]
            squares += total[outcome, j] * total[outcome, j]
        sums[0, outcome] = added
        sums[1, outcome] = squares


@njit(forceinline=True)
def _draw(key, person_id, start, size, cycle, words):
    """Random words of the people of a block for the cycle and the three after it, where a new Philox block begins."""
    if cycle & (WORDS - 1) == 0:
        stream = np.uint64(STREAM_TRANSITIONS)
        index = np.uint64(cycle // WORDS)
        key_0, key_1 = np.uint64(key.seed & WORD), np.uint64(key.stream & WORD)
        for j in range(size):
            person = person_id[start + j]
            low, high = np.uint64(person & WORD), np.uint64((person >> 32) & WORD)
            x0, x1, x2, x3 = philox(low, high, stream, index, key_0, key_1)
            words[0, j] = np.uint32(x0)
            words[1, j] = np.uint32(x1)
            words[2, j] = np.uint32(x2)
            words[3, j] = np.uint32(x3)


@njit(forceinline=True)
def _move(size, origin, target, first, last, word, before, after):
    """The states after a cycle."""
    for j in range(size):
        after[j] = before[j]
    for a in range(len(origin)):
        leaves, goes, least, most = origin[a], target[a], first[a], last[a]
        for j in range(size):
            moves = (before[j] == leaves) & (word[j] >= least) & (word[j] <= most)
            after[j] = goes if moves else after[j]


@njit
def _arcs_by_state(states, origin):
    """Of each state, the first arc that leaves it and the one after the last."""
    begin, end = np.zeros(states, np.int64), np.zeros(states, np.int64)
    for a in range(len(origin)):
        begin[origin[a]] = a if end[origin[a]] == 0 else begin[origin[a]]
        end[origin[a]] = a + 1
    return begin, end


@njit(forceinline=True)
def _move_by_time(
    size, begin, end, target, restarts, first, last, stays_first, stays_last, word, since, before, after, moving,
):  # fmt: skip
    """The states after a cycle and the time in them, where probabilities depend on it.

    Table entries are looked up person by person, so everybody looks up whether they stay, without branches, and only
    those who move look up where to.
    """
    longest = len(first) - 1
    others = (end - begin).max() - 1  # as many looks for everybody: a loop of another length for each is mispredicted
    movers = 0
    for j in range(size):
        after[j] = before[j]
    for j in range(size):
        k, state = np.uint32(min(since[j], longest)), np.uint32(before[j])
        moving[movers] = j
        movers += 1 if (word[j] < stays_first[k, state]) | (word[j] > stays_last[k, state]) else 0
    for i in range(movers):
        j = np.uint32(moving[i])
        k, state = np.uint32(min(since[j], longest)), np.uint32(before[j])
        arc = end[state] - 1  # it holds the word of those who move if no other does
        for m in range(others):
            a = min(begin[state] + m, end[state] - 1)
            arc = a if (word[j] >= first[k, a]) & (word[j] <= last[k, a]) else arc
        after[j] = target[arc]
        since[j] = -1 if restarts[arc] != 0 else since[j]
    for j in range(size):
        since[j] += 1


@njit(forceinline=True)
def _pass_time(size, origin, target, restarts, since, before, after):
    """The time in state after a cycle."""
    for j in range(size):
        since[j] += 1
    for a in range(len(origin)):
        if restarts[a] != 0:
            for j in range(size):
                moved = (before[j] == origin[a]) & (after[j] == target[a])
                since[j] = 0 if moved else since[j]


@njit(forceinline=True)
def _reward_arcs(size, origin, target, one_off, left, before, after, total):
    """Add the one-off rewards of transitions, by time in the state that was left if they depend on it."""
    longest = one_off.shape[1] - 1
    for a in range(len(origin)):
        if longest > 0 or one_off[COST, 0, a] != 0.0 or one_off[QALY, 0, a] != 0.0:
            for j in range(size):
                moved = (before[j] == origin[a]) & (after[j] == target[a])
                k = np.uint32(min(left[j], longest))
                total[COST, j] += one_off[COST, k, a] if moved else 0.0
                total[QALY, j] += one_off[QALY, k, a] if moved else 0.0


@njit(forceinline=True)
def _reward_states(size, reward, state, total):
    """Add the rewards of the states."""
    for s in range(reward.shape[1]):
        cost, qaly, life = reward[COST, s], reward[QALY, s], reward[LIFE, s]
        if cost != 0.0 or qaly != 0.0 or life != 0.0:
            for j in range(size):
                here = state[j] == s
                total[COST, j] += cost if here else 0.0
                total[QALY, j] += qaly if here else 0.0
                total[LIFE, j] += life if here else 0.0


@njit(forceinline=True)
def _reward_by_time(size, reward, since, state, total):
    """Add the rewards of the states by time in state."""
    longest = reward.shape[1] - 1
    for j in range(size):
        k = np.uint32(min(since[j], longest))
        here = np.uint32(state[j])
        total[COST, j] += reward[COST, k, here]
        total[QALY, j] += reward[QALY, k, here]
        total[LIFE, j] += reward[LIFE, k, here]


CompilationError = NumbaError  # what numba cannot compile


def compile_scalar(function: Callable[..., Any]) -> Callable[..., Any]:
    """A user's scalar function, compiled if necessary, so that it is inlined into the loop."""
    if hasattr(function, "py_func"):
        return function
    return njit(forceinline=True)(function)


@njit(forceinline=True)
def nothing_happens(state, new_state, time_in_state, cycle, p, x):
    """One-off cost and QALYs of a transition where the model has none."""
    return 0.0, 0.0


@njit(forceinline=True)
def _traits_0(traits, row):
    return (0.0,)


@njit(forceinline=True)
def _traits_1(traits, row):
    return (traits[0, row],)


@njit(forceinline=True)
def _traits_2(traits, row):
    return traits[0, row], traits[1, row]


@njit(forceinline=True)
def _traits_3(traits, row):
    return traits[0, row], traits[1, row], traits[2, row]


@njit(forceinline=True)
def _traits_4(traits, row):
    return traits[0, row], traits[1, row], traits[2, row], traits[3, row]


@njit(forceinline=True)
def _traits_5(traits, row):
    return traits[0, row], traits[1, row], traits[2, row], traits[3, row], traits[4, row]


@njit(forceinline=True)
def _traits_6(traits, row):
    return traits[0, row], traits[1, row], traits[2, row], traits[3, row], traits[4, row], traits[5, row]


_TRAITS = (_traits_0, _traits_1, _traits_2, _traits_3, _traits_4, _traits_5, _traits_6)
MAX_TRAITS = len(_TRAITS) - 1


def compile_walk(
    next_state: Callable[..., Any],
    rewards: Callable[..., Any],
    one_off: Callable[..., Any],
    traits_type: type[tuple[Any, ...]],
    spells: bool,
) -> Callable[..., None]:
    """The walk of `walk_tables` for a model whose transitions and rewards are functions.

    Args:
        next_state: (state, time_in_state, cycle, u, p, x) -> state at the next point.
        rewards: (state, time_in_state, cycle, p, x) -> cost and utility per year of being in the state at a point.
        one_off: (state, new_state, time_in_state, cycle, p, x) -> cost and QALYs of a transition; called every cycle,
            also where the state stays.
        traits_type: NamedTuple that x is, of floats, at least one and at most MOST_TRAITS fields.
        spells: whether time in state runs on over moves between states of the same spell.

    Returns:
        A function like `walk_tables`, of one unit (arrays without the first axis, one key), that takes, instead of the
        tables, the number of states, p (a NamedTuple of floats), traits ((fields, people) float64), spell ((states,)
        int32), alive (bit s is 1 where state s is alive), weight ((OUTCOMES, T + 1) of a year in a state) and arrival
        ((2, T + 1) discount factors of one-offs); and, after the sums, faults ((blocks,) int64, written: NO_STATE,
        BACK_FROM_DEATH, WORTH_OF_THE_DEAD, added up). Whom `next_state` gives no state stays where they are.
    """
    pick = _TRAITS[len(traits_type._fields)]

    @njit(cache=False, parallel=True)  # a model of the user's own
    def walk(
        key, person_id, initial, cycles, states, p, traits, spell, alive, weight, arrival, totals, counts, sums,
        faults,
    ):  # fmt: skip
        people = len(person_id)
        kept = totals.shape[1] > 0
        for block in prange(len(sums)):
            start = block * BLOCK
            size = min(BLOCK, people - start)
            state = np.empty(BLOCK, np.int64)
            words = np.empty((WORDS, BLOCK), np.uint32)
            since = np.zeros(BLOCK, np.int64)
            total = np.zeros((OUTCOMES, BLOCK))
            fault = 0
            for j in range(size):
                state[j] = initial[start + j]
            for point in range(cycles + 1):
                cycle = point - 1
                if point > 0:
                    _draw(key, person_id, start, size, cycle, words)
                    word = words[cycle & (WORDS - 1)]
                    for j in range(size):
                        x = traits_type(*pick(traits, start + j))
                        before = state[j]
                        said = next_state(before, since[j], cycle, (word[j] + 0.5) * TWO_TO_MINUS_32, p, x)
                        new = np.int64(said)
                        after = new if (new >= 0) & (new < states) else before
                        was, lives = (alive >> before) & 1, (alive >> after) & 1
                        cost, qaly = one_off(before, after, since[j], cycle, p, x)
                        fault |= NO_STATE if after != said else 0
                        fault |= BACK_FROM_DEATH if (was == 0) & (lives == 1) else 0
                        fault |= WORTH_OF_THE_DEAD if (was == 0) & ((cost != 0.0) | (qaly != 0.0)) else 0
                        total[COST, j] += cost * arrival[COST, point]
                        total[QALY, j] += qaly * arrival[QALY, point]
                        goes_on = spell[after] == spell[before] if spells else after == before
                        since[j] = since[j] + 1 if goes_on else 0
                        state[j] = after
                for j in range(size):
                    x = traits_type(*pick(traits, start + j))
                    cost, utility = rewards(state[j], since[j], point, p, x)
                    lives = (alive >> state[j]) & 1
                    fault |= WORTH_OF_THE_DEAD if (lives == 0) & ((cost != 0.0) | (utility != 0.0)) else 0
                    total[COST, j] += cost * weight[COST, point]
                    total[QALY, j] += utility * weight[QALY, point]
                    total[LIFE, j] += weight[LIFE, point] * float(lives)
                for s in range(states):
                    here = 0
                    for j in range(size):
                        here += 1 if state[j] == s else 0
                    counts[block, point, s] = here
            _sum_up(size, total, sums[block])
            faults[block] = fault
            if kept:
                for outcome in range(OUTCOMES):
                    for j in range(size):
                        totals[outcome, start + j] = total[outcome, j]

    return walk
