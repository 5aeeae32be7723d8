"""Use of care, counted by hand."""

from __future__ import annotations

import polars as pl
import pytest
from histories import CLASSES, History, people

from popsim.outcomes.discharges import discharges
from popsim.outcomes.follow_up import person_years
from popsim.outcomes.home_time import INSTITUTIONS
from popsim.outcomes.persons import persons as persons_table
from popsim.outcomes.readmission import stays
from popsim.outcomes.utilisation import attendances, contact_waits, hospital_use, utilisation, visits, wait_hours, waits


def test_hospital_use_is_cut_off_at_the_end_of_follow_up():
    history = History().enter(1).stay(1, 10.25, 14.5).stay(1, 98.5, 104.0, cause="infection").stay(1, 101.0, 102.0)
    history.enter(2).stay(2, 50.0, 51.5, cause="planned").enter(3).stay(3, 99.5, None)
    events = history.events()
    use = hospital_use(stays(events, CLASSES), people(events, 100)).sort("person_id")
    assert use.to_dict(as_series=False) == {
        "person_id": [1, 2, 3],
        "admissions": [2, 1, 1],
        "heart_failure_admissions": [1, 0, 1],
        "planned_admissions": [0, 1, 0],
        "bed_days": [4 + 2, 1, 1],
        "hospital_days": [4.25 + 1.5, 1.5, 0.5],
    }


def test_emergency_attendances_with_and_without_a_bed():
    history = History().enter(1)
    history.stay(1, 5.0, 5.3, "emergency", to="ward").stay(1, 5.3, 8.0)
    history.stay(1, 20.0, 20.3, "emergency", to="home")
    history.stay(1, 30.0, 30.3, "emergency", to="assessment").stay(1, 30.3, 30.9, "assessment")
    history.enter(2).stay(2, 3.0, None, "emergency").death(2, 3.2, "emergency").add(2, 3.2, "end", "emergency")
    events = history.events()
    table = attendances(events, people(events), CLASSES).sort("person_id")
    assert table["ed_attendances"].to_list() == [3, 1]
    assert table["ed_only"].to_list() == [1, 0]


def test_waits_are_from_asking_to_getting_the_bed():
    """Waits of 1, 2, ..., 20 hours on one ward: mean and median 10.5, 95th centile 19.05 (linear, as numpy's)."""
    history = History()
    for person in range(1, 21):
        history.stay(person, person + person / 24, person + 2.0, asked=float(person))
    history.add(21, 3.0, "arrive", "ward").add(21, 3.4, "renege", "ward")
    history.add(21, 9.0, "arrive", "ward").add(21, 9.0, "start", "intensive_care")
    ward, critical = waits(wait_hours(history.events(), CLASSES)).sort("starts", descending=True).to_dicts()[1:]
    assert ward["setting"] == "ward"
    assert ward["starts"] == 20
    assert ward["mean_hours"] == pytest.approx(10.5)
    assert ward["median_hours"] == pytest.approx(10.5)
    assert ward["p95_hours"] == pytest.approx(19.05)
    assert ward["share_over_12_hours"] == pytest.approx(8 / 20)
    assert (critical["starts"], critical["mean_hours"]) == (1, 0.0)


def test_time_in_the_emergency_department_is_from_asking_to_leaving():
    """1 comes on day 2, is seen 3 h later and leaves 2 h after that: 5 h. 2 is seen at once and leaves after 1 h. 3 is
    still there. Two known times: median 3, 90th centile 1 + 0.9 x 4 = 4.6, one of two over 4 h."""
    history = History().stay(1, 2 + 3 / 24, 2 + 5 / 24, "emergency", asked=2.0).stay(2, 3.0, 3 + 1 / 24, "emergency")
    history.stay(3, 4.0, None, "emergency", asked=3.5).stay(1, 2 + 5 / 24, 4.0)
    hours = wait_hours(history.events(), CLASSES, ["emergency"])
    assert hours["hours"].to_list() == pytest.approx([3, 0, 12])
    row, every = waits(hours, "until_left_hours").to_dicts()
    assert row["starts"] == every["starts"] == 2
    assert row["median_hours"] == pytest.approx(3.0)
    assert row["p90_hours"] == pytest.approx(4.6)
    assert row["share_over_4_hours"] == 0.5


def test_waits_of_a_second_stay_are_its_own():
    history = History().stay(1, 5.5, 8.0, asked=5.0).stay(1, 20.25, 21.0, asked=20.0)
    every = waits(wait_hours(history.events(), CLASSES)).to_dicts()[-1]
    assert every["setting"] is None
    assert every["mean_hours"] == pytest.approx((12 + 6) / 2)


def test_everything_in_one_row():
    """Person 1 is followed for 100 days, person 2 dies after 50: 150 / 365.25 person-years."""
    history = History().enter(1).stay(1, 10.0, 14.0).add(1, 13.0, "early", "ward")
    history.add(1, 20.0, "visit", "clinic").add(1, 120.0, "visit", "clinic").stay(1, 30.0, 30.2, "emergency")
    history.enter(2).stay(2, 20.0, 22.0, cause="renal").death(2, 50.0)
    events = history.events()
    persons = people(events, 100)
    years = 150 / 365.25
    assert person_years(persons) == pytest.approx(years)
    admissions = stays(events, CLASSES)
    totals = pl.DataFrame({"person_id": [1, 2], "qaly": 0.0, "life_days": 0.0, "cost_ward": 0.0})
    elsewhere = stays(events, CLASSES, INSTITUTIONS)
    who, after = totals.select("person_id"), discharges(admissions, persons, ["heart_failure"])
    table = persons_table(events, admissions, persons, CLASSES, totals, who, after, elsewhere)
    row = utilisation(table, admissions, persons).row(0, named=True)
    assert row == pytest.approx(
        {
            "person_years": years,
            "admissions_per_person_year": 2 / years,
            "heart_failure_admissions_per_person_year": 1 / years,
            "bed_days_per_person": 3.0,
            "hospital_days_per_person": 3.0,
            "mean_length_of_stay_days": 3.0,
            "ed_attendances_per_person_year": 1 / years,
            "visits_per_person_year": 1 / years,
            "early_discharges_per_admission": 0.5,
        }
    )
    assert visits(events, persons).rows() == [("clinic", 1, pytest.approx(1 / years))]


def test_waits_for_contacts_are_from_booking_to_contact():
    """Person 1 waits 3 and 5 days for the clinic and a day at home, person 2 misses the clinic, then waits a day."""
    history = History()
    for person, day, event, setting in (
        (1, 1.0, "book", "clinic"), (1, 4.0, "visit", "clinic"), (1, 10.0, "book", "clinic"), (1, 11.0, "book", "home"),
        (1, 12.0, "visit", "home"), (1, 15.0, "visit", "clinic"), (2, 1.0, "book", "clinic"),
        (2, 9.0, "miss", "clinic"), (2, 20.0, "book", "clinic"), (2, 21.0, "visit", "clinic"),
        (3, 30.0, "visit", "home"),
    ):  # fmt: skip
        history.add(person, day, event, setting)
    assert contact_waits(history.events()) == {"clinic": 3.0, "home": 1.0}
