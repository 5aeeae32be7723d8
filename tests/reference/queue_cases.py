"""Queues with known answers: what is simulated, and the figures it must show.

The numbers were entered from a table of closed forms worked out elsewhere, in double precision: M/M/c and M/M/c/K from
the birth-death balance, M/G/1 from Pollaczek and Khinchine, loss from Erlang's recursion, the tandem from Jackson's
theorem, M/G/inf from the Poisson distribution. `closed_forms.py` computes them a second time, and a test compares.

Times are in days, rates per day. Figures: rho and util = share of servers busy; P0 = nobody there; ErlangC = all
servers busy, which is what an arriving person finds (Poisson arrivals see time averages); Lq, L = mean number waiting,
in all; Wq, W = mean wait, wait and service; Pblock = share turned away; lambda_eff = per day let in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


def exponential(mean: float) -> dict[str, Any]:
    return {"distribution": "exponential", "mean": mean}


@dataclass(frozen=True)
class Case:
    """One queue: arrivals a day, a setting (or several in a row), days to simulate, figures to show.

    `days` makes the standard error of each figure less than 1% of it, except for `rare` ones, which take the longer
    runs. `unmeasurable` names figures that no run can show: states rarer than one day in 10^11.
    """

    name: str
    arrivals: float
    stay: dict[str, Any]
    servers: int | str
    days: int
    figures: dict[str, float] = field(default_factory=dict)
    room: int | None = None
    stations: int = 1
    rare: tuple[str, ...] = ()
    unmeasurable: tuple[str, ...] = ()


QUEUES = (
    Case(
        "MM1 0.5", 0.5, exponential(1.0), 1, 1_200_000,
        {"rho": 0.5, "P0": 0.5, "ErlangC": 0.5, "Lq": 0.5, "Wq": 1.0, "W": 2.0, "L": 1.0},
    ),
    Case(
        "MM1 0.9", 0.9, exponential(1.0), 1, 8_000_000,
        {"rho": 0.9, "P0": 0.1, "ErlangC": 0.9, "Lq": 8.1, "Wq": 9.0, "W": 10.0, "L": 9.0},
    ),
    Case(
        "MM2", 1.5, exponential(1.0), 2, 1_000_000,
        {
            "rho": 0.75, "P0": 0.14285714285714285, "ErlangC": 0.6428571428571428, "Lq": 1.9285714285714284,
            "Wq": 1.2857142857142856, "W": 2.2857142857142856, "L": 3.4285714285714284,
        },
    ),
    Case(
        "MM3", 2.0, exponential(1.0), 3, 1_000_000,
        {
            "rho": 0.6666666666666666, "P0": 0.1111111111111111, "ErlangC": 0.44444444444444436,
            "Lq": 0.8888888888888886, "Wq": 0.4444444444444443, "W": 1.4444444444444442, "L": 2.8888888888888884,
        },
    ),
    Case(
        "MM10", 8.0, exponential(1.0), 10, 1_000_000,
        {
            "rho": 0.8, "P0": 0.00027657168567369396, "ErlangC": 0.4091801507964435, "Lq": 1.6367206031857744,
            "Wq": 0.2045900753982218, "W": 1.2045900753982217, "L": 9.636720603185774,
        },
        rare=("P0",),
    ),
    Case(
        "ward of 30 beds", 5.0, exponential(5.4), 30, 6_000_000,
        {
            "rho": 0.9, "P0": 1.4326643012699799e-12, "ErlangC": 0.4714083699469892, "Lq": 4.242675329522904,
            "Wq": 0.8485350659045808, "W": 6.248535065904581, "L": 31.242675329522903,
        },
        unmeasurable=("P0",),
    ),
    Case("Erlang B 2, 3", 2.0, exponential(1.0), 3, 100_000, {"Pblock": 0.2105263157894737}, room=0),
    Case("Erlang B 5, 5", 5.0, exponential(1.0), 5, 100_000, {"Pblock": 0.2848678213309025}, room=0),
    Case("Erlang B 10, 10", 10.0, exponential(1.0), 10, 100_000, {"Pblock": 0.21458234310734736}, room=0),
    Case("Erlang B 18, 20", 18.0, exponential(1.0), 20, 100_000, {"Pblock": 0.10921284587252249}, room=0),
    Case("Erlang B 27, 30", 27.0, exponential(1.0), 30, 100_000, {"Pblock": 0.08187976133503765}, room=0),
    Case("Erlang B 27, 35", 27.0, exponential(1.0), 35, 200_000, {"Pblock": 0.02412805361707374}, room=0),
    Case("Erlang B 90, 100", 90.0, exponential(1.0), 100, 100_000, {"Pblock": 0.026957380464359214}, room=0),
    Case(
        "MM1/5", 1.0, exponential(1.0), 1, 400_000,
        {
            "P0": 0.16666666666666666, "Pblock": 0.16666666666666666, "Lq": 1.6666666666666665, "L": 2.5,
            "Wq": 1.9999999999999998, "W": 3.0, "lambda_eff": 0.8333333333333334, "util": 0.8333333333333334,
        },
        room=4,
    ),
    Case(
        "MM2/4", 1.5, exponential(1.0), 2, 400_000,
        {
            "P0": 0.19601837672281777, "Pblock": 0.12404287901990811, "Lq": 0.4134762633996937,
            "L": 1.7274119448698315, "Wq": 0.31468531468531463, "W": 1.3146853146853146,
            "lambda_eff": 1.313935681470138, "util": 0.656967840735069,
        },
        room=2,
    ),
    Case(
        "MM30/30 ward", 5.0, exponential(5.4), 30, 600_000,
        {
            "P0": 2.4884202008209102e-12, "Pblock": 0.08187976133503767, "Lq": 0.0, "L": 24.78924644395399, "Wq": 0.0,
            "W": 5.400000000000001, "lambda_eff": 4.590601193324812, "util": 0.8263082147984662,
        },
        room=0,
        unmeasurable=("P0",),
    ),
    Case(
        "MD1", 0.8, {"distribution": "fixed", "value": 1.0}, 1, 1_500_000,
        {"rho": 0.8, "Wq": 2.0, "Lq": 1.6, "W": 3.0, "L": 2.4},
    ),
    Case(
        "MM1 as MG1", 0.8, {"distribution": "gamma", "mean": 1.0, "sd": 1.0}, 1, 2_500_000,
        {"rho": 0.8, "Wq": 4.0, "Lq": 3.2, "W": 5.0, "L": 4.0},
    ),
    Case(
        "ME2/1", 0.8, {"distribution": "gamma", "mean": 1.0, "sd": 0.5**0.5}, 1, 2_000_000,
        {"rho": 0.8, "Wq": 3.0, "Lq": 2.4, "W": 4.0, "L": 3.2},
    ),
    Case(
        "Jackson tandem", 0.7, exponential(1.0), 1, 2_500_000,
        {
            "lam 1": 0.7, "lam 2": 0.7, "L 1": 2.333333333333333, "L 2": 2.333333333333333, "Lq 1": 1.633333333333333,
            "Lq 2": 1.633333333333333, "W 1": 3.333333333333333, "W 2": 3.333333333333333, "Ltot": 4.666666666666666,
            "Wtot": 6.666666666666666,
        },
        stations=2,
    ),
    Case(
        "MGinf beds", 5.0, {"distribution": "lognormal", "mean": 5.4, "sd": 2.7}, "unlimited", 1_500_000,
        {
            "mean": 27.0, "P(N>30)": 0.24468993784930615, "P(N>35)": 0.055883046007647236, "q95": 36.0, "q99": 40.0,
        },
    ),
)  # fmt: skip
