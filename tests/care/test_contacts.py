"""Contact settings: slots, opening hours, weekends, lists that run over, bookings that lapse or are missed.

Day 0 is a Monday. A contact within n days is booked for n // 2 days after entry (the other half is slack).
"""

from __future__ import annotations

import math

import pytest
from small_care import HOME, Life, clinic, fixed, network, place

from popsim.definitions.interventions import FollowUp, Telemonitoring
from popsim.definitions.strategy import Strategy
from popsim.errors import DefinitionError

TUESDAY, THURSDAY, SATURDAY, MONDAY = 1, 3, 5, 7
OPENS, CLOSES = 9 / 24, 17 / 24


def on_call(*settings, **keys):
    """Who becomes ill is put on the clinic's list at once."""
    call = {"name": "call", "class": "router", "routes": [{"to": "clinic"}]}
    return network(HOME, call, clinic(**keys), *settings, presentation="call")


def visits(life: Life) -> list[tuple[int, float, int]]:
    """(day, hour, row) of every visit."""
    rows = life.events("visit").select("time_days", "row").iter_rows()
    return [(math.floor(t), round(t % 1.0 * 24, 9), row) for t, row in rows]


def booked(life: Life) -> list[int]:
    return life.events("book")["row"].to_list()


def test_a_day_has_its_slots_evenly_from_opening_to_closing():
    life = Life(network(HOME, clinic(slots_per_day=4)), 10, follow_up_days=2).live(days=6)
    assert [(day, hour) for day, hour, _ in visits(life)] == [
        (1, 9.0), (1, 11.0), (1, 13.0), (1, 15.0), (2, 9.0), (2, 11.0), (2, 13.0), (2, 15.0), (3, 9.0), (3, 11.0),
    ]  # fmt: skip


def test_the_list_is_served_in_its_order_and_what_is_left_goes_first_the_next_day():
    life = Life(network(HOME, clinic(slots_per_day=3)), 8, follow_up_days=2).live()
    first_day = booked(life)
    assert len(first_day) == 8
    life.live(days=4)
    assert [row for *_, row in visits(life)] == first_day
    assert [day for day, *_ in visits(life)] == [1, 1, 1, 2, 2, 2, 3, 3]


def test_left_over_bookings_go_before_those_made_for_that_day():
    """Four enter on Monday for two slots on Tuesday; on Tuesday two more enter, who are booked for Wednesday."""
    life = Life(network(HOME, clinic(slots_per_day=2)), 6, follow_up_days=2)
    life.population["entry_day"] = [0, 0, 0, 0, 1, 1]
    life.live(days=6)
    assert set(booked(life)[4:]) == {4, 5}
    assert [row for *_, row in visits(life)] == booked(life)
    assert [day for day, *_ in visits(life)] == [1, 1, 2, 2, 3, 3]


def test_nobody_is_seen_at_the_weekend_unless_it_is_open_then():
    life = Life(on_call(), 2).live(days=SATURDAY).live(ill=(0, 1), days=5)
    assert [(day, hour) for day, hour, _ in visits(life)] == [(MONDAY, 9.0), (MONDAY, 13.0)]
    life = Life(on_call(weekdays_only=False), 2).live(days=SATURDAY).live(ill=(0, 1), days=5)
    assert next(day for day, *_ in visits(life)) in (SATURDAY, SATURDAY + 1)


def test_a_booking_while_the_clinic_is_open_is_seen_the_same_day_and_after_hours_the_next():
    life = Life(on_call(slots_per_day=40), 12).live().live(ill=tuple(range(12)), days=3)
    seen = {row: day + hour / 24 for day, hour, row in visits(life)}
    times = dict(life.events("book").select("row", "time_days").iter_rows())
    assert len(times) == 12
    during = [row for row, time in times.items() if OPENS < time - 1 < CLOSES - 0.1]
    before = [row for row, time in times.items() if time - 1 < OPENS]
    late = [row for row, time in times.items() if time - 1 >= CLOSES]
    assert during and before and late
    for row in during:
        assert times[row] - 1e-8 <= seen[row] <= times[row] + 8 / 24 / 40 * len(during)
    for row in before:
        assert OPENS <= seen[row] - 1 < OPENS + 8 / 24 / 40 * 12
    for row in late:
        assert OPENS <= seen[row] - 2 < OPENS + 8 / 24 / 40 * 12


def test_bookings_lapse_when_they_have_waited_too_long():
    life = Life(network(HOME, clinic(slots_per_day=1, lapses_after_days=3.0)), 6, follow_up_days=2).live(days=12)
    assert [day for day, *_ in visits(life)] == [1, 2, 3, 4]  # due on day 1, and three days later at the latest
    order = booked(life)
    assert life.events("miss")["row"].to_list() == order[4:]
    assert life.state("clinic")["entered"] == 4


def test_in_hospital_and_dead_miss_their_booking_and_cost_no_slot():
    care = network(HOME, place("ward", stay=fixed(5.0)), clinic(slots_per_day=2), presentation="ward")
    life = Life(care, 4, follow_up_days=6).live()
    order = booked(life)
    life.live(ill=(order[0],), die=(order[1],), days=4)
    assert life.events("miss")["row"].to_list() == order[:2]
    assert [(day, row) for day, _, row in visits(life)] == [(THURSDAY, order[2]), (THURSDAY, order[3])]
    # on going home the contact is booked again
    life.live(days=8)
    assert life.events("book", row=order[0]).height == 2
    assert life.story(order[0])[-1] == ("visit", "clinic")


def test_an_earlier_booking_stands_and_a_later_one_gives_way():
    care = on_call(slots_per_day=9)
    life = Life(care, 2, follow_up_days=20).live()  # both are booked for day 10
    life.live(days=2).live(ill=(0,), days=12)
    assert [(day, row) for day, _, row in visits(life)] in ([(3, 0), (10, 1)], [(4, 0), (10, 1)])


@pytest.mark.parametrize(("every", "expected"), [(14, [1, 15, 29, 43]), (28, [1, 29])])
def test_regular_reviews_come_so_many_days_after_each_other(every, expected):
    """Also if the next is due later than a booking lapses, which counts from the day that is due."""
    plan = FollowUp(setting="clinic", within_days=2, every_days=every)
    care = network(HOME, clinic(slots_per_day=9, lapses_after_days=20.0))
    life = Life(care, 2, strategy=Strategy(name="plan", follow_up=(plan,)))
    life.live(days=50)
    assert [day for day, _, row in visits(life) if row == 0] == expected


def test_a_visit_can_send_to_hospital():
    ill = {"to": "ward", "when": [{"column": "symptom_score", "at_least": 8.0}]}
    care = network(HOME, place("ward", stay=fixed(3.0)), clinic(routes=[ill, {"to": "stay"}]))
    life = Life(care, 2, follow_up_days=2)
    life.population["symptom_score"] = [9.0, 1.0]
    life.live(days=2)
    assert life.where(0) == "ward"
    assert life.where(1) == "home"
    assert life.time("visit", "clinic", 0) == life.time("arrive", "ward", 0)


def test_first_priority_level_is_seen_first():
    levels = [{"level": 1, "when": [{"column": "symptom_score", "at_least": 6.0}]}, {"level": 2}]
    life = Life(network(HOME, clinic(discipline="priority", priority=levels)), 4, follow_up_days=2)
    life.population["symptom_score"] = [1.0, 9.0, 2.0, 3.0]
    life.live(days=4)
    order = [row for row in booked(life) if row != 1]
    assert [row for *_, row in visits(life)] == [1, *order]


def test_a_stay_that_ends_in_a_contact_goes_on():
    home = {"name": "home", "class": "community", "stay": fixed(7.0), "routes": [{"to": "clinic"}]}
    life = Life(network(home, clinic()), 1, days=40).live(days=31)
    times = life.events("book")["time_days"].to_numpy()
    assert (times[1:] - times[:-1]).tolist() == pytest.approx([7.0] * 3)
    assert len(visits(life)) == 4


def test_external_patients_have_no_bookings():
    with pytest.raises(DefinitionError, match="contact settings see twins only"):
        network(HOME, clinic(), arrivals=[{"name": "others", "to": "clinic", "per_day": 3.0}])


def test_an_alert_books_the_desk_for_the_same_day():
    tele = Telemonitoring(
        desk="clinic", uptake=1.0, duration_days=30, weight_gain_kg=2.0, systolic_low_mmhg=90.0,
        systolic_high_mmhg=180.0, heart_rate_low_bpm=45.0, heart_rate_high_bpm=110.0, days_between_alerts=7,
        cost_per_day=0.0,
    )  # fmt: skip
    strategy = Strategy(name="tele", telemonitoring=tele)
    life = Life(network(HOME, clinic()), 3, strategy=strategy).live()
    assert life.population["telemonitored"].tolist() == [1, 1, 1]
    life.population["alert"][1] = 1
    life.live()
    assert [(day, hour, row) for day, hour, row in visits(life)] == [(TUESDAY, 9.0, 1)]
    assert life.events("alert").select("time_days", "row", "detail").rows() == [(1.0, 1, 1)]
    life.population["alert"] = 0
    life.live(days=30)
    assert life.population["telemonitored"].tolist() == [0, 0, 0]


@pytest.mark.parametrize("by", ["route", "patience", "overflow"])
def test_who_is_sent_from_hospital_to_a_contact_goes_home_with_a_booking(by):
    if by == "route":
        ward = place("ward", to="clinic", stay=fixed(0.5))
    elif by == "patience":
        ward = place("ward", stay=fixed(9.0), patience=fixed(0.5), gives_up_to="clinic")
    else:
        ward = place("ward", stay=fixed(9.0), waiting_room=0, overflow="clinic")
    life = Life(network(HOME, ward, clinic(), presentation="ward"), 2).live().live(ill=(0, 1), days=6)
    last = life.events("arrive", setting="ward")["row"][-1]
    assert life.where(last) == "home"
    assert [row for *_, row in visits(life)][-1] == last
