"""Patient flow alone: what it counts, and that neither room, nor splitting a run, nor ids of rows change it."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from popsim.care import first_morning, system
from popsim.care.flow import PatientFlow
from popsim.care.network import CareNetwork
from popsim.definitions.base import validate
from popsim.definitions.network import NetworkDefinition
from popsim.errors import InputError, RunError
from popsim.kernels.care.event_loop import MARGIN


def exponential(mean: float) -> dict[str, Any]:
    return {"distribution": "exponential", "mean": mean}


def place(name: str, mean: float, to: Any = "exit", **keys: Any) -> dict[str, Any]:
    return {"name": name, "class": "inpatient", "capacity": 3, "stay": exponential(mean), "routes": [{"to": to}]} | keys


def build(*settings: dict[str, Any], **keys: Any) -> CareNetwork:
    table = {"name": "flow", "settings": list(settings)} | keys
    return CareNetwork(validate(table, NetworkDefinition, "flow.toml"), (), "flow.toml")


def hospital(arrivals: float = 30.0, beds: int = 40) -> CareNetwork:
    """Everything that moves people: residents and external patients, boarding, overflow, patience, feedback."""
    return build(
        place("home", 20.0, "door", **{"class": "community", "capacity": "unlimited"}),
        {"name": "door", "class": "router", "routes": [{"to": {"emergency": 0.8, "ward": 0.2}}]},
        place(
            "emergency", 0.2, {"ward": 0.6, "overflow_ward": 0.4}, capacity=15, waiting_room=10, overflow="left",
            patience=exponential(0.5), gives_up_to="left",
        ),
        {
            "name": "ward", "class": "inpatient", "capacity": beds, "boards": True, "stay": exponential(2.0),
            "discipline": "priority", "priority": [{"level": 2}],
            "routes": [{"to": "exit", "for": "external"}, {"to": "home"}],
        },
        place("overflow_ward", 1.0, "left", capacity=20),
        {"name": "left", "class": "router", "routes": [{"to": "exit", "for": "external"}, {"to": "home"}]},
        entry="home",
        arrivals=[
            {"name": "ambulances", "to": "emergency", "per_day": arrivals, "priority": 1},
            {"name": "referrals", "to": "door", "per_day": arrivals / 3, "priority": 4},
        ],
    )  # fmt: skip


def everything(flow: PatientFlow) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, int]:
    return flow.totals(), flow.daily(), flow.events.frame(), flow.events_processed


def assert_same(first: PatientFlow, second: PatientFlow) -> None:
    one, two = everything(first), everything(second)
    for a, b in zip(one[:3], two[:3], strict=True):
        assert_frame_equal(a, b)
    assert one[3] == two[3] > 0


def test_little_room_that_grows_gives_the_same_as_plenty(monkeypatch):
    flows = []
    for room in (MARGIN + 60, 1 << 17):
        for module in (system, first_morning):
            monkeypatch.setattr(module, "FIRST_ROOM", room)
        monkeypatch.setattr(system, "LOG_A_TWIN", 1)
        flow = PatientFlow(hospital(beds=10), residents=500, days=60, seed=4, keep_log=True)
        sizes = [len(flow._care._arrays.events), len(flow._care._arrays.patients), len(flow.events.records)]
        flow.run(60)
        grown = [len(flow._care._arrays.events), len(flow._care._arrays.patients), len(flow.events.records)]
        if room < 1 << 17:
            assert all(after > before for before, after in zip(sizes, grown, strict=True))
        else:
            assert sizes == grown
        flows.append(flow)
    assert_same(*flows)


def test_a_run_in_pieces_is_the_same_as_at_one_go():
    whole = PatientFlow(hospital(), residents=200, days=40, seed=5, keep_log=True).run(40)
    pieces = PatientFlow(hospital(), residents=200, days=40, seed=5, keep_log=True)
    for days in (1, 2, 0, 7, 20, 10):
        pieces.run(days)
    assert_same(whole, pieces)


def test_seed_and_replication_change_the_run_and_nothing_else_does():
    def totals(**key: int) -> pl.DataFrame:
        return PatientFlow(hospital(), residents=50, days=20, **key).run(20).totals()

    first = totals(seed=1)
    assert_frame_equal(first, totals(seed=1))
    assert not first.equals(totals(seed=2))
    assert not first.equals(totals(seed=1, replication=1))


def test_daily_totals_and_summary_tell_the_same():
    flow = PatientFlow(hospital(), residents=100, days=200, seed=6, keep_log=True).run(200)
    totals, daily, summary = flow.totals(), flow.daily(), flow.summary(0)
    last = daily.filter(pl.col("day") == 199).sort("setting")
    ordered = totals.sort("setting")
    assert (ordered["started"] - ordered["left"]).to_list() == last["present"].to_list()
    assert (daily["peak"] >= daily["present"]).all()
    assert summary["mean_present"].to_list() == pytest.approx((totals["present_days"] / 200).to_list())
    assert set(daily["setting"]) == {"home", "emergency", "ward", "overflow_ward"}
    at_home = last.filter(pl.col("setting") == "home")["present"][0]
    assert at_home == int((flow.population["setting"] == 0).sum())


def test_the_residents_log_adds_up_to_the_totals():
    """Without external patients, starts, refusals and waits can be counted again from the log."""
    care = build(
        place("home", 5.0, "ward", **{"class": "community", "capacity": "unlimited"}),
        place(
            "ward", 2.0, "home", capacity=4, waiting_room=3, patience=exponential(1.5), gives_up_to="home",
            overflow="other",
        ),
        place("other", 1.0, "home", capacity=2),
        entry="home",
    )  # fmt: skip
    flow = PatientFlow(care, residents=20, days=300, seed=8, keep_log=True).run(300)
    log = flow.events.frame()
    for row in flow.totals().iter_rows(named=True):
        here = log.filter(pl.col("setting") == row["setting"])
        counted = {kind: here.filter(pl.col("event") == kind).height for kind in ("start", "end", "block", "renege")}
        assert counted == {
            "start": row["started"], "end": row["left"], "block": row["blocked"], "renege": row["reneged"],
        }  # fmt: skip
        stays = here.filter(pl.col("event").is_in(["start", "end"])).with_columns(
            signed=pl.when(pl.col("event") == "end").then(1.0).otherwise(-1.0) * pl.col("time_days")
        )
        present = stays["signed"].sum() + 300.0 * (row["started"] - row["left"])
        assert present == pytest.approx(row["present_days"])
    assert flow.totals()["blocked"].sum() > 0
    assert flow.totals()["reneged"].sum() > 0


def test_external_priority_orders_the_queue():
    """With 4 of 5 beds' work at level 1, who comes at level 5 waits far longer than who comes at level 1."""
    pre = [place(f"{name}_door", 0.01, "ward", capacity="unlimited") for name in ("urgent", "other")]
    ward = {
        "name": "ward", "class": "inpatient", "capacity": 1, "boards": True, "stay": exponential(0.1),
        "discipline": "priority", "priority": [{"level": 1}], "routes": [{"to": "exit"}],
    }  # fmt: skip
    care = build(
        *pre, ward,
        arrivals=[
            {"name": "urgent", "to": "urgent_door", "per_day": 4.0, "priority": 1},
            {"name": "other", "to": "other_door", "per_day": 4.0, "priority": 5},
        ],
    )  # fmt: skip
    times = PatientFlow(care, days=2000, seed=1).run(2000).totals()
    per_person = (times["present_days"] / times["left"]).to_list()
    assert per_person[1] > 2 * per_person[0] > 0.02


def test_an_unstable_network_stops_before_it_eats_the_memory(monkeypatch):
    monkeypatch.setattr(system, "MAX_ROOM", 20_000)
    flow = PatientFlow(build(place("ward", 5.0), arrivals=[{"name": "a", "to": "ward", "per_day": 5000.0}]), days=50)
    with pytest.raises(RunError, match="is it stable"):
        flow.run(50)


def test_no_arrivals_nobody():
    flow = PatientFlow(build(place("ward", 5.0), arrivals=[{"name": "a", "to": "ward", "per_day": 0.0}]), days=10)
    assert flow.run(10).totals()["started"].to_list() == [0]
    assert flow.daily()["present"].sum() == 0


@pytest.mark.parametrize(
    ("stay", "mean", "sd"),
    [
        ({"distribution": "exponential", "mean": 2.0}, 2.0, 2.0),
        ({"distribution": "lognormal", "mean": 2.0, "sd": 1.5}, 2.0, 1.5),
        ({"distribution": "gamma", "mean": 2.0, "sd": 0.7}, 2.0, 0.7),
        ({"distribution": "uniform", "low": 1.0, "high": 4.0}, 2.5, 3.0 / 12**0.5),
        ({"distribution": "fixed", "value": 1.25}, 1.25, 0.0),
        ({"distribution": "empirical", "values": [1.0, 2.0, 6.0], "weights": [2.0, 1.0, 1.0]}, 2.5, 4.25**0.5),
    ],
    ids=lambda value: value["distribution"] if isinstance(value, dict) else None,
)
def test_stays_have_the_mean_and_spread_of_their_distribution(stay, mean, sd):
    """Stays of 20,000 persons from the log; 4 standard errors of mean and (by the sample's own kurtosis) variance."""
    home = {
        "name": "home", "class": "community", "capacity": "unlimited", "stay": stay, "routes": [{"to": "rest"}],
    }  # fmt: skip
    rest = {"name": "rest", "class": "community", "stay": {"distribution": "forever"}}
    flow = PatientFlow(build(home, rest, entry="home"), residents=20_000, days=400, seed=2, keep_log=True).run(400)
    log = flow.events.frame().filter(pl.col("setting") == "home").sort("person_id", "time_days")
    stays = log.filter(pl.col("event") == "end")["time_days"] - log.filter(pl.col("event") == "start")["time_days"]
    values = stays.to_numpy()
    assert len(values) == 20_000
    assert abs(values.mean() - mean) <= 4 * sd / 20_000**0.5 + 1e-9
    squares = (values - mean) ** 2
    assert abs(squares.mean() - sd * sd) <= 4 * np.std(squares) / 20_000**0.5 + 1e-9


@pytest.mark.parametrize("residents", [0, 50])
def test_somebody_missing_is_noticed_the_same_day(residents):
    flow = PatientFlow(hospital(), residents=residents, days=30, seed=1).run(3)
    flow._care.states["left"][0] += 1
    with pytest.raises(RunError, match="1 persons are unaccounted for on day 3"):
        flow.run(20)


def test_residents_are_there_when_day_0_begins():
    home = place("home", 1e3, "ward", **{"class": "community", "capacity": "unlimited"})
    flow = PatientFlow(build(home, place("ward", 1.0, "home"), entry="home"), residents=20, days=3, keep_log=True).run(
        1
    )
    entered = flow.events.frame().filter(pl.col("event") == "enter")
    assert entered["time_days"].to_list() == [0.0] * 20
    assert flow.totals()["present_days"].sum() + flow.totals()["waiting_days"].sum() == pytest.approx(20.0)


@pytest.mark.parametrize("days", [300, 0, 1])
def test_a_run_beyond_its_days_is_refused_before_anything_happens(days):
    flow = PatientFlow(hospital(), days=300, seed=1).run(days)
    before = everything(flow)
    with pytest.raises(
        InputError, match=rf"^run\(1000\) ends on day {days + 1000}: this PatientFlow is for days = 300"
    ):
        flow.run(1000)
    for a, b in zip(everything(flow)[:3], before[:3], strict=True):
        assert_frame_equal(a, b)
    assert flow.run(300 - days).day == 300


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("days", 0), ("days", -1), ("days", 1.5), ("days", True), ("days", "9"), ("days", 10**12), ("residents", -1),
        ("residents", 2.0), ("residents", 10**12), ("seed", -1), ("seed", 2**32), ("seed", None), ("replication", -1),
        ("replication", 2**40), ("strategy", "usual_care"), ("strategy", {}), ("network", "ward.toml"),
    ],
)  # fmt: skip
def test_arguments_out_of_bounds_are_refused(argument, value):
    keys = {"network": hospital()} | {argument: value}
    with pytest.raises(InputError, match=f"^{argument} = .*: must be a [^\n]*$"):
        PatientFlow(keys.pop("network"), **keys)


@pytest.mark.parametrize("days", [-1, 1.5, None, "3", True, 10**12])
def test_days_to_run_are_a_whole_number(days):
    with pytest.raises(InputError, match=r"^days = .*: must be a whole number"):
        PatientFlow(hospital(), days=5).run(days)


def test_whole_numbers_of_numpy_are_whole_numbers():
    flow = PatientFlow(hospital(), residents=np.int32(5), days=np.int64(9), seed=np.uint32(1), replication=np.int8(0))
    assert_same(flow.run(np.int16(9)), PatientFlow(hospital(), residents=5, days=9, seed=1).run(9))
