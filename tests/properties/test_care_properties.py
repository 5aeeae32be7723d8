"""Random small networks: nobody is lost, no queue stands beside a free place, every count agrees with the log."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as some

from popsim.care.flow import PatientFlow
from popsim.care.network import CareNetwork
from popsim.definitions.base import validate
from popsim.definitions.network import NetworkDefinition
from popsim.errors import DefinitionError

DAYS = 12

durations = some.one_of(
    some.builds(lambda mean: {"distribution": "exponential", "mean": mean}, some.floats(0.05, 4.0)),
    some.builds(lambda value: {"distribution": "fixed", "value": value}, some.sampled_from([0.25, 0.5, 1.0, 2.0])),
    some.builds(lambda low: {"distribution": "uniform", "low": low, "high": low + 1.0}, some.floats(0.01, 2.0)),
    some.builds(lambda m: {"distribution": "empirical", "values": [m, 2 * m]}, some.sampled_from([0.5, 1.0])),
)


@some.composite
def networks(draw: Any) -> dict[str, Any]:
    """Home, two to five places in any connection, one way home for residents and out for others from each."""
    names = [f"place_{i}" for i in range(draw(some.integers(2, 5)))]
    listed: list[dict[str, Any]] = [
        {
            "name": "home", "class": "community", "stay": draw(durations),
            "routes": [{"to": draw(some.sampled_from(names))}],
        },
        {"name": "way_out", "class": "router", "routes": [{"to": "exit", "for": "external"}, {"to": "home"}]},
    ]  # fmt: skip
    for i, name in enumerate(names):
        setting: dict[str, Any] = {"name": name, "class": draw(some.sampled_from(["inpatient", "emergency"]))}
        setting["capacity"] = draw(some.integers(1, 4))
        setting["stay"] = draw(durations)
        setting["boards"] = draw(some.booleans())
        others = [other for other in names if other != name]
        if draw(some.booleans()):
            setting["waiting_room"] = draw(some.integers(0, 3))
            if i + 1 < len(names) and draw(some.booleans()):
                setting["overflow"] = names[i + 1]
        if draw(some.booleans()):
            setting |= {"patience": draw(durations), "gives_up_to": "way_out"}
        if draw(some.booleans()):
            setting |= {"discipline": "priority", "priority": [{"level": draw(some.integers(1, 5))}]}
        routes: list[dict[str, Any]] = []
        if draw(some.booleans()):
            routes.append({"to": draw(some.sampled_from(others)), "if_free": True, "outlier": True})
        onward = draw(some.floats(0.0, 0.9))
        routes.append({"to": {draw(some.sampled_from(others)): onward, "way_out": 1.0 - onward}})
        listed.append(setting | {"routes": routes})
    arrivals = [
        {"name": f"source_{i}", "to": draw(some.sampled_from(names)), "per_day": rate, "priority": i + 1}
        for i, rate in enumerate(draw(some.lists(some.floats(0.0, 8.0), max_size=3)))
    ]
    return {"name": "random", "entry": "home", "settings": listed, "arrivals": arrivals}


def build(table: dict[str, Any]) -> CareNetwork:
    try:
        return CareNetwork(validate(table, NetworkDefinition, "random.toml"), (), "random.toml")
    except DefinitionError:  # circles of boarding, or a place that nobody reaches
        assume(False)
        raise


@pytest.mark.slow
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(table=networks(), residents=some.integers(0, 30), seed=some.integers(0, 2**31))
def test_nobody_is_lost_and_every_count_agrees(table: dict[str, Any], residents: int, seed: int) -> None:
    care = build(table)
    flow = PatientFlow(care, residents=residents, days=DAYS, seed=seed, keep_log=True)
    for _ in range(DAYS):
        flow.run(1)  # raises when a person is unaccounted for on that day
        totals, daily = flow.totals(), flow.daily().filter(pl.col("day") == flow.day - 1)
        assert (totals["started"] - totals["left"] - daily["present"].cast(pl.Int64) == 0).all()
        limits = {s.name: s for s in care.settings if s.is_stay_setting}
        for row in daily.iter_rows(named=True):
            place = limits[row["setting"]]
            capacity = np.inf if place.capacity == "unlimited" else place.capacity
            assert row["present"] <= row["peak"] <= capacity
            assert 0 <= row["waiting"] <= (np.inf if place.waiting_room == "unlimited" else place.waiting_room)
            assert row["waiting"] == 0 or row["present"] == capacity
    assert (totals.select(pl.exclude("setting")).min_horizontal() >= 0).all()
    assert (totals["wait_days"] <= totals["waiting_days"] + 1e-9).all()
    assert np.isin(flow.population["alive"], 1).all()
    check_log(flow, care)


def check_log(flow: PatientFlow, care: CareNetwork) -> None:
    """Played back, the log never puts a person in two places and ends where the population says they are."""
    log = flow.events.frame()
    times = log["time_days"].to_numpy()
    assert (np.diff(times) >= 0).all()
    here: dict[int, str | None] = {}
    for person, event, setting in log.select("person_id", "event", "setting").iter_rows():
        if event == "start":
            assert here.get(person) is None
            here[person] = setting
        elif event == "end":
            assert here[person] == setting
            here[person] = None
    for row, person in enumerate(flow.population.person_id):
        number = int(flow.population["setting"][row])
        assert number >= 0
        place = here.get(int(person))
        boards = place is not None and place != care.settings[number].name
        assert not boards
