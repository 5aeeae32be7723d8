"""Capacities and policies that come into force, and go out of it, on a day of the simulation."""

import math

import numpy as np
import pytest
from small_care import HOME, Life, clinic, fixed, network, place

from popsim.care.flow import PatientFlow
from popsim.care.network import CareNetwork
from popsim.care.policy import networks_by_day, switch_days, telemonitoring_by_day
from popsim.definitions.base import validate
from popsim.definitions.network import NetworkDefinition
from popsim.definitions.strategy import Strategy
from popsim.errors import DefinitionError

PROGRAMME = {
    "desk": "clinic", "uptake": 1.0, "duration_days": 300, "weight_gain_kg": 2.0, "systolic_low_mmhg": 90.0,
    "systolic_high_mmhg": 180.0, "heart_rate_low_bpm": 45.0, "heart_rate_high_bpm": 110.0, "days_between_alerts": 7,
    "cost_per_day": 2.0,
}  # fmt: skip
PLAN = {"setting": "clinic", "within_days": 14}


def strategy(*interventions, **keys):
    return validate({"name": "dated", "interventions": list(interventions), **keys}, Strategy, "made_up.toml")


def capacity(setting, places, from_day=0, until_day=None, name=None):
    table = {"name": name or f"{setting}_{places}", "kind": "capacity", "setting": setting, "places": places}
    return table | {"from_day": from_day} | ({"until_day": until_day} if until_day else {})


def policy(name="service", **keys):
    return {"name": name, "kind": "policy", **keys}


def ward_of(places):
    return network(HOME, place("ward", capacity=places, stay=fixed(10.0)), presentation="ward")


def test_more_places_go_to_those_who_wait_at_once():
    """Six ask on day 1 for one place, for ten days each; from day 4 there are three places, from day 5 on four."""
    life = Life(ward_of(1), 6, strategy=strategy(capacity("ward", 3, 4), capacity("ward", 4, 5)))
    life.live().live(ill=tuple(range(6)), days=6)
    order = life.events("arrive", setting="ward")["row"].to_list()
    starts = life.events("start", setting="ward").select("row", "time_days").rows()
    assert [row for row, _ in starts] == order[:4]
    assert [time for _, time in starts[1:]] == [4.0, 4.0, 5.0]
    assert 1.0 <= starts[0][1] < 2.0
    assert life.care.capacity[:, life.care.settings.index("ward")].tolist() == [1] * 4 + [3] + [4] * 55


def test_with_fewer_places_nobody_is_sent_away_and_nobody_comes_until_there_is_room():
    """Four in three places on day 1; with one place from day 3 the fourth starts when the last of the three leaves."""
    life = Life(ward_of(3), 4, strategy=strategy(capacity("ward", 1, 3))).live().live(ill=(0, 1, 2, 3), days=11)
    starts = life.events("start", setting="ward").select("row", "time_days").rows()
    ends = life.events("end", setting="ward").select("row", "time_days").rows()
    assert [row for row, _ in starts[:3]] == [row for row, _ in ends[:3]]
    assert [end - start for (_, start), (_, end) in zip(starts, ends, strict=False)] == pytest.approx([10.0] * 3)
    assert len(starts) == 4
    assert starts[3][1] == ends[2][1]


def test_a_capacity_ends_and_of_two_in_force_the_later_in_the_list_counts():
    one = strategy(capacity("ward", 5, 2, 8), capacity("ward", 7, 4, 6), capacity={"ward": 2})
    found = networks_by_day(ward_of(1), one)
    assert {day: care["ward"].capacity for day, care in found.items()} == {0: 2, 2: 5, 4: 7, 6: 5, 8: 2}
    assert switch_days(one) == (2, 4, 6, 8)


def test_places_that_nobody_could_ever_enter_are_refused_as_the_strategys():
    with pytest.raises(DefinitionError) as caught:
        networks_by_day(ward_of(1), strategy(capacity("ward", 0, from_day=9)))
    message = "small.toml: strategies.dated, from day 9: settings.ward.capacity = 0: nobody can ever enter"
    assert str(caught.value).startswith(message)


def test_slots_of_a_clinic_change_on_the_day():
    care = network(HOME, clinic(slots_per_day=1))
    plan = PLAN | {"within_days": 2}
    life = Life(care, 9, strategy=strategy(capacity("clinic", 3, 2), follow_up=[plan]))
    life.live(days=5)
    assert [math.floor(day) for day in life.events("visit")["time_days"]] == [1, 2, 2, 2, 3, 3, 3, 4, 4]


def test_queues_before_and_after_follow_erlang():
    """M/M/c with c = 5 until day 1500 and c = 6 from then on: mean number waiting by Erlang's C formula (closed form).

    The days around the switch are left out; the error is that of 12 independent runs, four of them allowed.
    """
    arrivals, mean, switch, days = 4.0, 1.0, 1500, 3000
    stay = {"distribution": "exponential", "mean": mean}
    ward = {"name": "ward", "class": "inpatient", "capacity": 5, "stay": stay, "routes": [{"to": "exit"}]}
    source = {"name": "others", "to": "ward", "per_day": arrivals}
    table = {"name": "queue", "settings": [ward], "arrivals": [source]}
    care = CareNetwork(validate(table, NetworkDefinition, "queue.toml"), (), "queue.toml")
    waiting = []
    for seed in range(12):
        flow = PatientFlow(care, days=days, seed=seed, strategy=strategy(capacity("ward", 6, switch)))
        before, totals = [], [flow.run(100).totals()["waiting_days"][0]]
        for more in (switch - 100, 100, days - switch - 100):
            totals.append(flow.run(more).totals()["waiting_days"][0])
            before.append((totals[-1] - totals[-2]) / more)
        waiting.append((before[0], before[2]))
    for found, servers in zip(np.array(waiting).T, (5, 6), strict=True):
        load = arrivals * mean
        term = load**servers / math.factorial(servers) * servers / (servers - load)
        all_busy = term / (sum(load**k / math.factorial(k) for k in range(servers)) + term)
        expected = all_busy * load / (servers - load)
        assert abs(found.mean() - expected) < 4 * found.std(ddof=1) / math.sqrt(len(found))


def test_a_switch_that_changes_nothing_changes_no_bit():
    lives = [
        Life(ward_of(2), 8, strategy=one).live().live(ill=tuple(range(8)), days=30)
        for one in (strategy(), strategy(capacity("ward", 2, 7), policy(from_day=9, eligible=[])))
    ]
    logs = [life.care.events.records[: len(life.care.events)].tobytes() for life in lives]
    assert len(logs[0]) > 0
    assert logs[0] == logs[1]


def test_follow_up_is_booked_for_those_discharged_while_it_is_in_force():
    care = network(HOME, clinic(slots_per_day=9))
    dated = strategy(policy(follow_up=[PLAN], from_day=2, until_day=4))
    life = Life(care, 6, strategy=dated)
    life.population["entry_day"] = [0, 1, 2, 3, 4, 5]
    life.live(days=8)
    assert sorted(life.events("book")["row"].to_list()) == [2, 3]


def test_follow_up_is_booked_for_those_eligible():
    dated = strategy(
        policy("old", follow_up=[PLAN], eligible=[{"column": "age_years", "at_least": 75}]),
        policy("ill", follow_up=[PLAN], eligible=[{"column": "age_years", "below": 60}]),
    )
    life = Life(network(HOME, clinic(slots_per_day=9)), 3, strategy=dated)
    life.population["age_years"] = [80, 70, 50]
    life.live(days=2)
    assert sorted(life.events("book")["row"].to_list()) == [0, 2]


def test_telemonitoring_begins_for_all_at_home_on_its_day_and_ends_for_all():
    """Row 1 is in hospital on day 3, so it gets it at discharge on day 5; row 2 enters on day 6; row 3 is too young."""
    old = [{"column": "age_years", "at_least": 75}]
    dated = strategy(policy(telemonitoring=PROGRAMME, from_day=3, until_day=9, eligible=old))
    care = network(HOME, place("ward", capacity=9, stay=fixed(3.0)), clinic(), presentation="ward")
    life = Life(care, 4, strategy=dated)
    life.population["entry_day"] = [0, 0, 6, 6]
    life.population["age_years"] = [80, 80, 80, 60]
    monitored = []
    life.live()
    for day in range(1, 11):
        life.live(ill=(1,) if day == 1 else ())
        monitored.append(life.population["telemonitored"].tolist())
    back = math.floor(life.time("end", "ward", 1))
    assert back in (4, 5)
    expected = [[day >= 3, day >= back, day >= 6, False] if day < 9 else [False] * 4 for day in range(1, 11)]
    assert monitored == expected


def test_the_last_programme_in_force_counts():
    dated = strategy(
        policy("later", telemonitoring=PROGRAMME | {"cost_per_day": 3.0}, from_day=5, until_day=8),
        telemonitoring=PROGRAMME,
    )
    costs = {day: one.cost_per_day if one else None for day, one in telemonitoring_by_day(dated).items()}
    assert costs == {0: 2.0, 5: 3.0, 8: 2.0}
