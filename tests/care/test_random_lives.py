"""Twins with random illness and death in random networks: nobody is lost, the dead stay away, beds do not leak."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from small_care import HOME, Life, clinic, fixed, network, place

DAYS = 15


@some.composite
def hospitals(draw: Any) -> Any:
    """Emergency department, two wards (one may have rounds), a nursing home, a clinic, external patients."""
    stay = some.sampled_from([0.2, 0.5, 1.0, 3.0])
    wards = [{"to": "first", "if_free": True}, {"to": "second", "if_free": True, "outlier": True}]
    routes = [{"to": {"home": 0.1, "nursing": 0.1, "clinic": 0.1, "first": 0.7}, "for": "twins"}, {"to": "first"}]
    emergency = place(
        "emergency", wards * draw(some.booleans()) + routes, capacity=draw(some.integers(1, 3)), stay=fixed(0.1),
        **{"class": "emergency"},
    )  # fmt: skip
    if draw(some.booleans()):
        emergency |= {"patience": fixed(draw(stay)), "gives_up_to": "left"}
    away = [{"to": "exit", "for": "external"}, {"to": {"home": 0.8, "nursing": 0.2}}]
    onward = [away[0], {"to": {"home": 0.7, "second": 0.3}}]
    first = place("first", onward, capacity=draw(some.integers(1, 4)), boards=draw(some.booleans()))
    if draw(some.booleans()):
        dry = {"column": "extracellular_fluid_excess_l", "below": 1.0}
        damp = {"column": "extracellular_fluid_excess_l", "below": 2.0}
        review = {"hour": 10.0, "discharge_when": [dry], "under_pressure": [damp], "at_most_days": 6.0}
        del first["stay"]
        first |= {"review": review, "stay_external": fixed(draw(stay))}
    if draw(some.booleans()):
        first |= {"waiting_room": draw(some.integers(0, 2)), "overflow": "second"}
    nursing = place("nursing", "home", capacity=draw(some.integers(1, 2)), stay=fixed(4.0), **{"class": "facility"})
    nursing |= {"boards": draw(some.booleans()), "waiting_room": draw(some.integers(0, 3))}
    slots = draw(some.integers(0, 3))
    return network(
        HOME, emergency, first, place("second", "left", capacity=2, stay=fixed(draw(stay))), nursing,
        {"name": "left", "class": "router", "routes": [{"to": "exit", "for": "external"}, {"to": "home"}]},
        clinic(slots_per_day=slots, routes=[{"to": {"stay": 0.8, "emergency": 0.2}}]),
        presentation="emergency",
        arrivals=[{"name": "others", "to": "emergency", "per_day": draw(some.floats(0.0, 6.0))}],
    )  # fmt: skip


@pytest.mark.slow
@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(care=hospitals(), twins=some.integers(1, 25), seed=some.integers(0, 10_000))
def test_nobody_is_lost(care: Any, twins: int, seed: int) -> None:
    life = Life(care, twins, days=DAYS, seed=seed, follow_up_days=4)
    draw = np.random.default_rng(seed)
    life.population["entry_day"] = np.sort(draw.integers(0, 5, twins))
    dead: set[int] = set()
    for day in range(DAYS):
        life.population["extracellular_fluid_excess_l"] = draw.uniform(0.0, 3.0, twins)
        entered = np.flatnonzero(life.population["entry_day"] < day)
        ill = tuple(int(row) for row in entered if draw.random() < 0.3)
        die = tuple(int(row) for row in entered if draw.random() < 0.04)
        life.live(ill=ill, die=die)  # raises when a person is unaccounted for
        dead |= set(die)
        alive = life.population["alive"] == 1
        assert set(np.flatnonzero(~alive & (life.population["entry_day"] <= day))) == dead
        assert (life.population["setting"][alive] >= 0).all()
        here = life.population["setting"]
        for number, setting in enumerate(care.settings):
            state = life.care.states[number]
            if setting.is_stay_setting and setting.capacity != "unlimited":
                assert 0 <= state["present"] <= setting.capacity
                assert state["waiting"] == 0 or state["present"] == setting.capacity
            if not setting.is_stay_setting:
                assert not (here == number).any()
    log = life.events()
    for row in dead:
        after = log.filter(pl.col("row") == row)["event"].to_list()
        assert set(after[after.index("death") + 1 :]) <= {"end", "miss"}
    visited = log.filter(pl.col("event") == "visit")
    per_day = visited.group_by(pl.col("time_days").floor()).len()["len"]
    assert per_day.max() is None or per_day.max() <= care["clinic"].slots_per_day
    assert (visited["time_days"].floor() % 7 < 5).all()
