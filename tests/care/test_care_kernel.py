"""What happens to twins in a care network: queues, boarding, overflow, ward rounds, deaths.

The expected order and times are worked out in each test from the rules (a place goes to the first in line the moment
it is free), never from the program.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from small_care import HOME, Life, fixed, network, place

from popsim.errors import RunError
from popsim.kernels.codes import DIED_OF_PUMP_FAILURE, DIED_OF_SUDDEN

BUSY = 12  # twins that come on one day
STAY = 0.15  # days; a dozen take longer than the day


def one_bed(**keys):
    return network(HOME, place("ward", stay=fixed(STAY), **keys), presentation="ward")


def starts_by_hand(arrivals: list[tuple[float, int, int]], stay: float) -> list[int]:
    """Rows in the order in which one bed takes them: lowest level first, then who came first."""
    order, free_at, left = [], 0.0, sorted(arrivals)
    while left:
        now = max(free_at, left[0][0])
        chosen = min((a for a in left if a[0] <= now), key=lambda a: (a[1], a[0]))
        left.remove(chosen)
        order.append(chosen[2])
        free_at = now + stay
    return order


def arrivals_of(life: Life, setting: str) -> list[tuple[float, int]]:
    return [(time, row) for time, row in life.events("arrive", setting=setting).select("time_days", "row").iter_rows()]


def test_first_come_first_served_at_the_moment_the_bed_is_free():
    life = Life(one_bed(), BUSY).live().live(ill=tuple(range(BUSY)), days=3)
    arrived = arrivals_of(life, "ward")
    assert len(arrived) == BUSY
    started = life.events("start", setting="ward")
    assert started["row"].to_list() == [row for _, row in arrived]
    free_at = 0.0
    for (came, _), began in zip(arrived, started["time_days"], strict=True):
        assert began == max(came, free_at)
        free_at = began + STAY
    waited = sum(b - a for b, (a, _) in zip(started["time_days"], arrived, strict=True))
    assert waited > 1.0
    assert life.state("ward")["wait_days"] == pytest.approx(waited)
    assert life.state("ward")["waiting_days"] == pytest.approx(waited)


def test_priority_goes_before_arrival():
    levels = [
        {"level": 1, "when": [{"column": "symptom_score", "at_least": 8.0}]},
        {"level": 3, "when": [{"column": "symptom_score", "at_least": 4.0}]},
        {"level": 5},
    ]
    life = Life(one_bed(discipline="priority", priority=levels), BUSY)
    life.population["symptom_score"] = [9, 1, 5, 8, 0, 4, 7, 2, 3, 10, 6, 1]
    life.live().live(ill=tuple(range(BUSY)), days=3)
    score = life.population["symptom_score"]
    level = np.where(score >= 8, 1, np.where(score >= 4, 3, 5))
    arrived = [(time, int(level[row]), row) for time, row in arrivals_of(life, "ward")]
    expected = starts_by_hand(arrived, STAY)
    assert life.events("start", setting="ward")["row"].to_list() == expected
    assert expected != [row for *_, row in arrived]


def test_a_full_waiting_room_sends_on_to_the_overflow():
    care = network(
        HOME, place("ward", waiting_room=2, overflow="other"), place("other", capacity=50), presentation="ward"
    )
    life = Life(care, 8).live().live(ill=tuple(range(8)))
    blocked = life.events("block", setting="ward")
    came = [row for _, row in arrivals_of(life, "ward")]
    assert blocked["row"].to_list() == came[3:]
    for row in came[3:]:
        assert life.time("start", "other", row) == life.time("block", "ward", row) == life.time("arrive", "ward", row)
    assert [life.where(row) for row in came] == ["ward"] * 3 + ["other"] * 5
    assert life.care.queue[1].tolist() == [0, 2, 0]


def test_who_is_turned_away_without_overflow_stays_at_home_or_is_sent_there():
    care = network(
        HOME, place("emergency", to="ward", capacity=50, **{"class": "emergency"}), place("ward", waiting_room=0),
        presentation="emergency",
    )  # fmt: skip
    life = Life(care, 2).live().live(ill=(0, 1), days=2)
    first, second = (row for _, row in arrivals_of(life, "ward"))
    assert life.where(first) == "ward"
    assert life.story(second)[-4:] == [("arrive", "ward"), ("block", "ward"), ("end", "emergency"), ("start", "home")]
    life = Life(network(HOME, place("ward", waiting_room=0), presentation="ward"), 2).live().live(ill=(0, 1))
    second = arrivals_of(life, "ward")[1][1]
    assert life.story(second)[-2:] == [("arrive", "ward"), ("block", "ward")]
    assert life.where(second) == "home"


def test_who_is_turned_away_at_the_end_of_a_stay_at_home_tries_again_after_another():
    home = {"name": "home", "class": "community", "stay": fixed(1.5), "routes": [{"to": "ward"}]}
    life = Life(network(home, place("ward", waiting_room=0, stay=fixed(4.0))), 2, days=30).live(days=7)
    first, second = (row for _, row in arrivals_of(life, "ward")[:2])
    tries = life.events("arrive", setting="ward", row=second)["time_days"].to_numpy()
    np.testing.assert_allclose(np.diff(tries), 1.5)
    assert len(tries) == 4
    began = life.time("start", "ward", second)
    assert began == tries[-1] > life.time("end", "ward", first)


def boarding_network(**ward):
    emergency = place("emergency", to="ward", stay=fixed(0.01), **{"class": "emergency"})
    return network(HOME, emergency, place("ward", boards=True, stay=fixed(2.0), **ward), presentation="emergency")


def test_boarding_keeps_the_place_in_the_emergency_department():
    life = Life(boarding_network(), 3).live().live(ill=(0, 1, 2), days=8)
    first, second, third = (row for _, row in arrivals_of(life, "emergency"))
    assert life.time("end", "emergency", second) == life.time("start", "ward", second)
    assert life.time("start", "ward", second) == life.time("end", "ward", first)
    assert life.time("start", "emergency", third) == life.time("end", "emergency", second)
    assert life.time("start", "ward", third) == life.time("end", "ward", second)
    assert life.events("end", setting="emergency", row=second)["detail"].to_list() == [2]
    # on the evening of the day: first on the ward, second boarding (waits, and has the emergency place), third outside
    assert life.care.census[1].tolist() == [0, 1, 1]
    assert life.care.queue[1].tolist() == [0, 1, 1]
    assert life.population["care_level"].tolist() == [0, 0, 0]


def test_waiting_without_boarding_frees_the_place():
    emergency = place("emergency", to="ward", stay=fixed(0.01), **{"class": "emergency"})
    care = network(HOME, emergency, place("ward", stay=fixed(2.0)), presentation="emergency")
    life = Life(care, 3).live().live(ill=(0, 1, 2))
    assert life.care.census[1].tolist() == [0, 0, 1]
    assert life.care.queue[1].tolist() == [0, 0, 2]
    assert [life.where(row) for row in range(3)] == ["ward"] * 3
    assert sorted(life.population["care_level"].tolist()) == [0, 0, 3]


def test_a_place_that_waits_for_another_has_no_timer_of_its_own():
    """A stay that would end while the twin already waits elsewhere is not mistaken for the end of its patience."""
    home = {"name": "home", "class": "community", "stay": fixed(3.0), "routes": [{"to": "ward"}]}
    ward = place("ward", boards=True, stay=fixed(10.0))
    life = Life(network(home, ward, presentation="ward"), 2).live().live(ill=(0, 1), days=8)
    assert life.events("renege").height == 0
    assert life.state("ward")["waiting"] == 1


def test_if_free_finds_the_other_ward_and_marks_the_outlier():
    routes = [
        {"to": "cardiology", "if_free": True},
        {"to": "general", "if_free": True, "outlier": True},
        {"to": "cardiology"},
    ]
    emergency = place("emergency", to=routes, capacity=50, stay=fixed(0.01), **{"class": "emergency"})
    care = network(
        HOME, emergency, place("cardiology", capacity=2, stay=fixed(5.0)), place("general", stay=fixed(3.0)),
        presentation="emergency",
    )  # fmt: skip
    life = Life(care, 5).live().live(ill=tuple(range(5)))
    order = [row for _, row in arrivals_of(life, "emergency")]
    starts = life.events("start").filter(~life.events("start")["setting"].is_in(["home", "emergency"]))
    expected = [(order[0], "cardiology", 0), (order[1], "cardiology", 0), (order[2], "general", 1)]
    assert list(starts.select("row", "setting", "detail").iter_rows()) == expected
    assert life.care.queue[1].tolist() == [0, 0, 2, 0]
    # who waits for cardiology gets the next bed there, as no outlier
    life.live(days=6)
    late = life.events("start", setting="cardiology")
    assert late["row"].to_list() == order[:2] + order[3:]
    assert late["detail"].to_list() == [0, 0, 0, 0]


def test_patience_ends_the_wait_and_not_the_stay():
    care = network(
        HOME, place("ward", stay=fixed(4.0), patience=fixed(0.75), gives_up_to="clinic_bed"),
        place("clinic_bed", capacity=9, stay=fixed(0.5)), presentation="ward",
    )  # fmt: skip
    life = Life(care, 3).live().live(ill=(0, 1, 2), days=6)
    first, *others = (row for _, row in arrivals_of(life, "ward"))
    assert life.time("end", "ward", first) == life.time("start", "ward", first) + 4.0
    for row in others:
        came = life.events("arrive", setting="ward", row=row)["time_days"][0]
        assert life.time("renege", "ward", row) == came + 0.75
        assert life.time("start", "clinic_bed", row) == came + 0.75
        assert life.time("start", "home", row) == came + 0.75 + 0.5
    assert life.state("ward")["reneged"] == 2


def ward_rounds(**review):
    dry = {"column": "extracellular_fluid_excess_l", "below": 1.0}
    damp = {"column": "extracellular_fluid_excess_l", "below": 2.0}
    review = {"hour": 10.0, "discharge_when": [dry], "under_pressure": [damp], "at_least_days": 1.0} | review
    return network(HOME, place("ward", review=review), presentation="ward")


def test_the_ward_round_lets_go_who_is_well_at_its_hour_and_nobody_before():
    life = Life(ward_rounds(), 1)
    life.population["extracellular_fluid_excess_l"] = 3.0
    life.live().live(ill=(0,)).live(days=3)
    assert life.where(0) == "ward"
    life.population["extracellular_fluid_excess_l"] = 1.5  # enough under pressure, but nobody waits
    life.live(days=2)
    assert life.where(0) == "ward"
    life.population["extracellular_fluid_excess_l"] = 0.5
    life.live()
    assert life.time("end", "ward", 0) == 7 + 10 / 24
    assert life.events("early").height == 0


def test_nobody_leaves_before_the_least_stay_or_stays_beyond_the_longest():
    life = Life(ward_rounds(at_least_days=3.0, at_most_days=6.0), 2)
    life.population["extracellular_fluid_excess_l"] = [0.0, 0.0]
    life.live().live(ill=(0,), days=10)
    stay = life.time("end", "ward", 0) - life.time("start", "ward", 0)
    assert 3.0 <= stay < 4.0
    life.population["extracellular_fluid_excess_l"] = 9.0
    life.live(ill=(1,), days=10)
    stay = life.time("end", "ward", 1) - life.time("start", "ward", 1)
    assert 6.0 <= stay < 7.0
    assert math.isclose(life.time("end", "ward", 1) % 1.0, 10 / 24)


def test_under_pressure_the_ward_lets_go_early_and_says_so():
    life = Life(ward_rounds(), 2)
    life.population["extracellular_fluid_excess_l"] = 1.5
    life.live().live(ill=(0,), days=4)
    assert life.where(0) == "ward"
    life.live(ill=(1,), days=2)
    came = life.events("arrive", setting="ward", row=1)["time_days"][0]
    round_after = math.floor(came) + 10 / 24 + (1 if came % 1.0 >= 10 / 24 else 0)
    assert life.time("early", "ward", 0) == life.time("end", "ward", 0) == round_after
    assert life.time("start", "ward", 1) == round_after
    story = life.story(0)
    assert story[story.index(("early", "ward")) + 1] == ("end", "ward")


def test_rounds_at_one_moment_go_by_person():
    care = network(
        HOME,
        place("ward", capacity=20, review={"hour": 9.0, "discharge_when": [{"column": "frailty", "below": 2.0}]}),
        presentation="ward",
    )
    life = Life(care, 15).live().live(ill=tuple(range(15)), days=4)
    ends = life.events("end", setting="ward").filter(life.events("end", setting="ward")["time_days"] == 3 + 9 / 24)
    assert ends.height > 2
    persons = (1000 - ends["row"]).to_list()
    assert persons == sorted(persons)


def test_death_frees_the_bed_at_once_and_leaves_the_queue():
    life = Life(network(HOME, place("ward", stay=fixed(30.0)), presentation="ward"), 3)
    life.live().live(ill=(0, 1, 2), days=2)
    first, second, third = (row for _, row in arrivals_of(life, "ward"))
    life.live(die=(second,))
    assert life.state("ward")["waiting"] == 1
    assert life.where(second) is None
    life.live(die=(first,))
    assert life.time("start", "ward", third) == life.events("death", row=first)["time_days"][0]
    assert life.population["alive"].tolist() == [int(row == third) for row in range(3)]
    assert life.story(first)[-2:] == [("death", "ward"), ("end", "ward")]
    assert life.story(second)[-1] == ("death", "ward")


def test_a_death_is_of_what_physiology_says():
    life = Life(network(HOME), 2).live()
    life.population["dies_of"] = [DIED_OF_SUDDEN, DIED_OF_PUMP_FAILURE]
    assert life.live(die=(0,)).population["death_cause"].tolist() == [DIED_OF_SUDDEN, 0]
    assert life.live(die=(1,)).population["death_cause"].tolist() == [DIED_OF_SUDDEN, DIED_OF_PUMP_FAILURE]


def test_who_is_in_hospital_does_not_become_ill_again():
    life = Life(network(HOME, place("ward", stay=fixed(3.0)), presentation="ward"), 1)
    life.live().live(ill=(0,)).live(ill=(0,)).live(ill=(0,))
    assert life.events("present").height == 1


def test_admitted_and_care_level_follow_the_place():
    emergency = place("emergency", to="intensive", stay=fixed(1.0), **{"class": "emergency"})
    intensive = place("intensive", to="ward", stay=fixed(1.0), **{"class": "critical"})
    care = network(HOME, emergency, intensive, place("ward", stay=fixed(1.0)), presentation="emergency")
    life = Life(care, 1).live().live(ill=(0,))
    seen = []
    for _ in range(4):
        seen.append((life.where(0), int(life.population["care_level"][0]), int(life.population["admitted"][0])))
        life.live()
    assert seen == [("emergency", 2, 0), ("intensive", 4, 1), ("ward", 3, 1), ("home", 0, 0)]


def test_the_log_is_in_order_and_stays_do_not_overlap():
    life = Life(boarding_network(capacity=2), 30, days=40).live()
    rng = np.random.default_rng(5)
    for _ in range(30):
        life.live(ill=tuple(rng.choice(30, 3, replace=False)), die=tuple(rng.choice(30, rng.integers(0, 2))))
    frame = life.events()
    assert (np.diff(frame.filter(frame["event"] != "alert")["time_days"].to_numpy()) >= 0).all()
    for row in range(30):
        moves = [e for e, s in life.story(row) if e in ("start", "end")]
        assert all(a != b for a, b in pairwise(moves))
        assert moves[0] == "start"


@pytest.mark.parametrize("weight_kg", [90.0, 85.0])
def test_stays_that_a_factor_makes_next_to_nothing_end_the_run(weight_kg):
    """Stays of a day shrink by exp(10) for each kg above 80 (exp(50) is 5e21): no day would ever end."""
    factor = {"column": "weight_kg", "reference": 80.0, "log_change_per_unit": -10.0}
    again = {"first": 0.999999, "home": 0.000001}
    care = network(
        HOME, place("first", "second", capacity=9, stay_factors=[factor]),
        place("second", again, capacity=9, stay_factors=[factor]), presentation="first",
    )  # fmt: skip
    life = Life(care, 3).live(days=2)
    life.population["weight_kg"] = weight_kg
    with pytest.raises(RunError, match=r"^small.toml: the care network failed on day 2 at '(first|second)': stays and"):
        life.live(ill=(1,))


def test_a_stay_that_factors_lengthen_beyond_all_bounds_does_not_end():
    factor = {"column": "weight_kg", "reference": -1e9, "log_change_per_unit": 10.0}
    care = network(HOME, place("ward", stay_factors=[factor] * 4), presentation="ward")
    life = Life(care, 1).live().live(ill=(0,), days=50)
    assert life.where(0) == "ward"


def test_who_gives_up_and_finds_no_other_place_stays_where_it_is_for_another_stay():
    """The ward never has room; who waits for it at the lodging gives up after 0.25 days, to try again 2 days later."""
    care = network(
        HOME, place("lodging", "ward", stay=fixed(2.0), **{"class": "facility"}),
        place("ward", capacity=0, boards=True, patience=fixed(0.25), gives_up_to="full"),
        place("full", capacity=0, waiting_room=0, patience=fixed(1.0), gives_up_to="home"), presentation="lodging",
    )  # fmt: skip
    life = Life(care, 1).live().live(ill=(0,), days=20)
    tries = life.events("arrive", setting="ward", row=0)["time_days"].to_numpy()
    assert np.allclose(np.diff(tries), 2.25)
    assert len(tries) in (8, 9)
    assert life.where(0) == "lodging"
