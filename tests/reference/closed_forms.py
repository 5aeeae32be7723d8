"""Queueing theory in closed form, written here anew from the textbook formulas and from nothing in popsim.

All functions take arrival rates and service means in the same unit of time, and give mean numbers and times in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from scipy.stats import poisson


def figures_of(probability: np.ndarray, arrivals: float, servers: int, mean: float) -> dict[str, float]:
    """What a queue with `servers` shows, from the distribution of the number in it and what arrives and gets in."""
    number = np.arange(len(probability))
    busy = float(np.minimum(number, servers) @ probability)
    waiting = float(np.maximum(number - servers, 0) @ probability)
    blocked = float(probability[-1])
    let_in = arrivals * (1.0 - blocked)
    return {
        "P0": float(probability[0]),
        "Pblock": blocked,
        "Lq": waiting,
        "L": waiting + busy,
        "Wq": waiting / let_in,
        "W": waiting / let_in + mean,
        "lambda_eff": let_in,
        "util": busy / servers,
    }


def birth_death(up: Sequence[float], down: Sequence[float]) -> np.ndarray:
    """Stationary distribution of a birth-death chain: up[n] from n to n + 1, down[n] from n + 1 to n."""
    log_weight = np.concatenate([[0.0], np.cumsum(np.log(up) - np.log(down))])
    weight = np.exp(log_weight - log_weight.max())
    return weight / weight.sum()


def mmck(arrivals: float, mean: float, servers: int, room: int) -> dict[str, float]:
    """M/M/c/K: `room` persons at most, in service and waiting together; the others are lost."""
    down = [min(n + 1, servers) / mean for n in range(room)]
    return figures_of(birth_death([arrivals] * room, down), arrivals, servers, mean)


def erlang_b(load: float, servers: int) -> float:
    """Share lost of M/G/c/c with `load` erlang, by the usual recursion over servers."""
    share = 1.0
    for c in range(1, servers + 1):
        share = load * share / (c + load * share)
    return share


def mmc(arrivals: float, mean: float, servers: int) -> dict[str, float]:
    """M/M/c without limit; `ErlangC` is the probability of waiting."""
    load = arrivals * mean
    busy = load / servers
    lost = erlang_b(load, servers)
    delayed = lost / (1.0 - busy * (1.0 - lost))
    waiting = delayed * busy / (1.0 - busy)
    empty = 1.0 / (
        sum(load**n / math.factorial(n) for n in range(servers))
        + load**servers / math.factorial(servers) / (1.0 - busy)
    )
    return {
        "rho": busy,
        "P0": empty,
        "ErlangC": delayed,
        "Lq": waiting,
        "Wq": waiting / arrivals,
        "W": waiting / arrivals + mean,
        "L": waiting + load,
    }


def mg1(arrivals: float, mean: float, sd: float) -> dict[str, float]:
    """M/G/1 by Pollaczek and Khinchine: Wq = lambda E[S^2] / (2 (1 - rho))."""
    busy = arrivals * mean
    wait = arrivals * (mean * mean + sd * sd) / (2.0 * (1.0 - busy))
    return {"rho": busy, "Wq": wait, "Lq": arrivals * wait, "W": wait + mean, "L": arrivals * (wait + mean)}


def traffic(external: Sequence[float], routing: Sequence[Sequence[float]]) -> np.ndarray:
    """Flow through each station of an open network: flow = external + routing^T flow."""
    matrix = np.array(routing, float)
    return np.linalg.solve(np.eye(len(matrix)) - matrix.T, np.array(external, float))


def jackson(
    external: Sequence[float], routing: Sequence[Sequence[float]], means: Sequence[float], servers: Sequence[int]
) -> list[dict[str, float]]:
    """Open Jackson network: each station is an M/M/c of its own with the flow from the traffic equations.

    `servers` 0 stands for a delay (as many servers as needed).
    """
    stations = []
    for flow, mean, count in zip(traffic(external, routing), means, servers, strict=True):
        figures = mmc(flow, mean, count) if count else {"Lq": 0.0, "Wq": 0.0, "W": mean, "L": flow * mean}
        stations.append({"lam": float(flow)} | figures)
    return stations


def mg_infinity(arrivals: float, mean: float) -> dict[str, float]:
    """M/G/inf: the number present is Poisson, whatever the distribution of the stay."""
    number = poisson(arrivals * mean)
    return {
        "mean": arrivals * mean,
        "P(N>30)": float(number.sf(30)),
        "P(N>35)": float(number.sf(35)),
        "q95": float(number.ppf(0.95)),
        "q99": float(number.ppf(0.99)),
    }


def cobham(arrivals: Sequence[float], mean: float, second_moment: float) -> list[float]:
    """Mean waits per class of M/G/1 with priorities that do not interrupt, first class first (Cobham 1954).

    All classes have the same service time; `second_moment` is E[S^2].
    """
    residual = sum(arrivals) * second_moment / 2.0
    waits = []
    for k in range(len(arrivals)):
        before, with_own = sum(arrivals[:k]) * mean, sum(arrivals[: k + 1]) * mean
        waits.append(residual / ((1.0 - before) * (1.0 - with_own)))
    return waits


def erlang_a(arrivals: float, mean: float, servers: int, patience: float, most: int = 2000) -> dict[str, float]:
    """M/M/c+M: who waits gives up after an exponential time with mean `patience`. `most` cuts the state space."""
    down = [min(n, servers) / mean + max(n - servers, 0) / patience for n in range(1, most + 1)]
    probability = birth_death([arrivals] * most, down)
    figures = figures_of(probability, arrivals, servers, mean)
    number = np.arange(most + 1)
    return {
        "Lq": figures["Lq"],
        "present": float(np.minimum(number, servers) @ probability),
        "ErlangC": float(probability[servers:].sum()),
        "gave_up": figures["Lq"] / patience / arrivals,
    }


def finite_source(people: int, away: float, mean: float, servers: int, room: int) -> dict[str, float]:
    """A closed population that comes back after an exponential time `away`; whoever finds `room` full goes home again.

    `room` counts those in service and waiting. With room = people it is the machine-repair model, with room = servers
    Engset's.
    """
    up = [(people - n) / away for n in range(room)]
    down = [min(n + 1, servers) / mean for n in range(room)]
    probability = birth_death(up, down)
    number = np.arange(room + 1)
    waiting = float(np.maximum(number - servers, 0) @ probability)
    present = float(np.minimum(number, servers) @ probability)
    tries = float((people - number) @ probability) / away
    turned_away = (people - room) / away * float(probability[room])
    return {
        "present": present,
        "Lq": waiting,
        "lam": present / mean,
        "Wq": waiting / (present / mean),
        "Pblock": turned_away / tries,
    }


def markov(states: Sequence[tuple[int, ...]], moves: Callable[..., list[tuple[tuple[int, ...], float]]]) -> np.ndarray:
    """Stationary distribution of a small Markov chain; moves(*state) lists (next state, rate)."""
    place = {state: i for i, state in enumerate(states)}
    generator = np.zeros((len(states), len(states)))
    for state, i in place.items():
        for following, rate in moves(*state):
            generator[i, place[following]] += rate
            generator[i, i] -= rate
    equations = np.vstack([generator.T, np.ones(len(states))])
    return np.linalg.lstsq(equations, np.array([0.0] * len(states) + [1.0]), rcond=None)[0]


def boarding_tandem(
    arrivals: float, means: tuple[float, float], servers: tuple[int, int], room: int, onward: float
) -> dict[str, float]:
    """Two stations, the first with `room` to wait in; a share `onward` goes on to the second.

    Whoever finds the second full keeps the place in the first until a place is free (blocking after service).
    State: waiting for the first, served in the first, boarding in the first, served in the second.
    """
    c1, c2 = servers

    def settle(waiting: int, served: int, boarding: int, second: int) -> tuple[int, int, int, int]:
        if boarding and second < c2:
            boarding, second = boarding - 1, second + 1
        if waiting and served + boarding < c1:
            waiting, served = waiting - 1, served + 1
        return waiting, served, boarding, second

    def moves(waiting: int, served: int, boarding: int, second: int) -> list[tuple[tuple[int, ...], float]]:
        found = []
        if served + boarding < c1:
            found.append(((waiting, served + 1, boarding, second), arrivals))
        elif waiting < room:
            found.append(((waiting + 1, served, boarding, second), arrivals))
        if served:
            found.append((settle(waiting, served - 1, boarding, second), served / means[0] * (1.0 - onward)))
            found.append((settle(waiting, served - 1, boarding + 1, second), served / means[0] * onward))
        if second:
            found.append((settle(waiting, served, boarding, second - 1), second / means[1]))
        return found

    states = [
        (waiting, served, boarding, second)
        for waiting in range(room + 1)
        for served in range(c1 + 1)
        for boarding in range(c1 + 1 - served)
        for second in range(c2 + 1)
        if (not waiting or served + boarding == c1) and (not boarding or second == c2)
    ]
    probability = markov(states, moves)
    waiting, served, boarding, second = np.array(states).T
    lost = float(probability[(served + boarding == c1) & (waiting == room)].sum())
    return {
        "waiting_first": float(waiting @ probability),
        "present_first": float((served + boarding) @ probability),
        "boarding": float(boarding @ probability),
        "present_second": float(second @ probability),
        "Pblock": lost,
    }


def means(states: Sequence[tuple[int, ...]], moves: Callable[..., list[tuple[tuple[int, ...], float]]]) -> np.ndarray:
    """Mean of each component of the state of a small Markov chain."""
    return markov(states, moves) @ np.array(states, float)


def parts(people: int, counts: int) -> list[tuple[int, ...]]:
    """All ways to have up to `people` in `counts` groups."""
    return [state for state in product(range(people + 1), repeat=counts) if sum(state) <= people]


def impatient_residents(
    people: int, away: float, mean: float, servers: int, patience: float, rest: float, room: int
) -> dict[str, float]:
    """A closed population: home, a station with `room` to wait in, and a rest after giving up or being turned away.

    All times are exponential. After the rest they try again. State: at the station, resting.
    """

    def moves(here: int, resting: int) -> list[tuple[tuple[int, ...], float]]:
        home = people - here - resting
        served, waiting = min(here, servers), max(0, here - servers)
        found = [((here - 1, resting), served / mean)] if here else []
        if waiting:
            found.append(((here - 1, resting + 1), waiting / patience))
        if home:
            found.append(((here + 1, resting) if here < servers + room else (here, resting + 1), home / away))
        if resting and here < servers + room:
            found.append(((here + 1, resting - 1), resting / rest))
        return found

    states = [state for state in parts(people, 2) if state[0] <= servers + room]
    probability = markov(states, moves)
    here, resting = np.array(states).T
    waiting = float(probability @ np.maximum(0, here - servers))
    return {
        "present": float(probability @ np.minimum(here, servers)),
        "waiting": waiting,
        "resting": float(probability @ resting),
        "gave_up": waiting / patience,
    }


def retrials(
    arrivals: float, mean: float, servers: int, patience: float, rest: float, again: float, most: tuple[int, int]
) -> dict[str, float]:
    """M/M/c+M with retrials: a share `again` of those who give up comes back after an exponential rest.

    State: at the station, resting; cut off at `most`, where nobody is.
    """

    def moves(here: int, resting: int) -> list[tuple[tuple[int, ...], float]]:
        found = [((here + 1, resting), arrivals)] if here < most[0] else []
        if here:
            found.append(((here - 1, resting), min(here, servers) / mean))
        if here > servers:
            lost = (here - servers) / patience
            found.append(((here - 1, resting), lost * (1.0 - again)))
            found.append(((here - 1, min(resting + 1, most[1])), lost * again))
        if resting and here < most[0]:
            found.append(((here + 1, resting - 1), resting / rest))
        return found

    states = list(product(range(most[0] + 1), range(most[1] + 1)))
    probability = markov(states, moves)
    here, resting = np.array(states).T
    assert probability[(here == most[0]) | (resting == most[1])].sum() < 1e-9
    return {
        "present": float(probability @ np.minimum(here, servers)),
        "waiting": float(probability @ np.maximum(0, here - servers)),
        "resting": float(probability @ resting),
    }


def impatient_boarders(
    people: int, away: float, means_of: tuple[float, float], servers: tuple[int, int], patience: float
) -> dict[str, float]:
    """A closed population: home, an emergency department, a ward. Who waits for the ward keeps the place before it,
    and goes home from there when its patience is at an end. State: waiting, served, boarding, on the ward."""
    first, second = servers

    def settle(waiting: int, served: int, boarding: int, ward: int) -> tuple[int, ...]:
        if boarding and ward < second:
            boarding, ward = boarding - 1, ward + 1
        if waiting and served + boarding < first:
            waiting, served = waiting - 1, served + 1
        return waiting, served, boarding, ward

    def moves(waiting: int, served: int, boarding: int, ward: int) -> list[tuple[tuple[int, ...], float]]:
        found = []
        if home := people - waiting - served - boarding - ward:
            found.append((settle(waiting + 1, served, boarding, ward), home / away))
        if served:
            found.append((settle(waiting, served - 1, boarding + 1, ward), served / means_of[0]))
        if boarding:
            found.append((settle(waiting, served, boarding - 1, ward), boarding / patience))
        if ward:
            found.append((settle(waiting, served, boarding, ward - 1), ward / means_of[1]))
        return found

    states = [
        (waiting, served, boarding, ward)
        for waiting, served, boarding, ward in parts(people, 4)
        if served + boarding <= first
        and ward <= second
        and not (waiting and served + boarding < first)
        and not (boarding and ward < second)
    ]
    waiting, served, boarding, ward = means(states, moves)
    return {"outside": waiting, "present": served + boarding, "boarding": boarding, "ward": ward}


def stranded_boarders(
    people: int, away: float, mean: float, beds: int, patience: float, elsewhere: float
) -> dict[str, float]:
    """A closed population that waits for a ward at home and gives up towards a single place elsewhere.

    Who finds that place taken stays at home for another while. State: waiting at home, on the ward, elsewhere.
    """

    def moves(waiting: int, ward: int, other: int) -> list[tuple[tuple[int, ...], float]]:
        found = []
        if home := people - waiting - ward - other:
            found.append(((waiting, ward + 1, other) if ward < beds else (waiting + 1, ward, other), home / away))
        if ward:
            found.append(((waiting - 1, ward, other) if waiting else (0, ward - 1, other), ward / mean))
        if waiting:
            found.append(((waiting - 1, ward, min(other + 1, 1)), waiting / patience))
        if other:
            found.append(((waiting, ward, 0), other / elsewhere))
        return found

    states = [
        (waiting, ward, other)
        for waiting, ward, other in parts(people, 3)
        if ward <= beds and other <= 1 and not (waiting and ward < beds)
    ]
    waiting, ward, other = means(states, moves)
    return {"waiting": waiting, "ward": ward, "elsewhere": other}
