"""Readmission against histories written and judged by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from histories import CLASSES, History, people
from sksurv.nonparametric import cumulative_incidence_competing_risks

from popsim.outcomes.readmission import cumulative_incidence, index_outcomes, readmission, stays


def outcomes(history: History, follow_up_days: int = 365, entry: dict[int, int] | None = None, **options) -> list:
    """(person, index, outcome, days) of every index discharge."""
    frame = outcome_frame(history, follow_up_days, entry, **options)
    return frame.select("person_id", "index", "outcome", "days_to_outcome").rows()


def outcome_frame(history: History, follow_up_days: int = 365, entry=None, **options) -> pl.DataFrame:
    events = history.events()
    return index_outcomes(stays(events, CLASSES), people(events, follow_up_days, entry), **options)


def test_stays_with_times_cause_and_destination():
    history = History().enter(1).stay(1, 10.25, 14.5).stay(1, 20.9, 21.1, "intensive_care", "renal", "nursing_home")
    rows = stays(history.events(), CLASSES).to_dicts()
    assert rows[0] == {
        "person_id": 1,
        "stay": 0,
        "admit_time_days": 10.25,
        "discharge_time_days": 14.5,
        "length_of_stay_days": 4.25,
        "nights": 4,
        "settings": ["ward"],
        "cause": "heart_failure",
        "destination": "home",
        "died_in_stay": False,
        "planned": False,
    }
    assert rows[1]["stay"] == 1
    assert rows[1]["nights"] == 1
    assert (rows[1]["cause"], rows[1]["destination"]) == ("renal", "nursing_home")


def test_transfer_at_the_same_moment_is_one_admission():
    history = History().enter(1).stay(1, 5.0, 6.5, to="intensive_care").stay(1, 6.5, 8.0, "intensive_care", to="ward")
    history.stay(1, 8.0, 11.0)
    (row,) = stays(history.events(), CLASSES).to_dicts()
    assert (row["admit_time_days"], row["discharge_time_days"]) == (5.0, 11.0)
    assert row["settings"] == ["ward", "intensive_care", "ward"]
    assert outcomes(history)[0] == (1, 0, "readmitted", 5)


def test_transfer_that_waits_a_few_hours_is_one_admission_and_going_home_the_same_day_is_not():
    transfer = History().enter(1).stay(1, 5.0, 6.3, to="general_ward").stay(1, 6.8, 9.0, "general_ward")
    assert len(stays(transfer.events(), CLASSES)) == 1
    too_long = History().enter(1).stay(1, 5.0, 6.3, to="general_ward").stay(1, 7.4, 9.0, "general_ward")
    assert len(stays(too_long.events(), CLASSES)) == 2
    home = History().enter(1).stay(1, 40.0, 41.3, to="home").stay(1, 41.8, 45.0)
    assert len(stays(home.events(), CLASSES)) == 2
    assert outcomes(home)[1] == (1, 1, "readmitted", 0)


def test_the_last_day_of_the_window_counts_and_the_next_does_not():
    """Discharge on day 3 at noon; readmission on calendar day 33 (30 days later) or 34 (31 days later)."""
    for day, outcome, days in ((33.99, "readmitted", 30), (34.0, "neither", 30)):
        history = History().enter(1).stay(1, 1.0, 3.5).stay(1, day, day + 4)
        assert outcomes(history)[1] == (1, 1, outcome, days)


def test_death_on_day_twelve_competes():
    history = History().enter(1).death(1, 12.4).enter(2).stay(2, 10.0, 15.0).death(2, 16.0)
    assert outcomes(history) == [(1, 0, "died", 12), (2, 0, "readmitted", 10), (2, 1, "died", 1)]
    measures = readmission(outcome_frame(history)).row(0, named=True)
    assert measures["index_discharges"] == measures["whole_windows"] == 3
    assert measures["readmitted_proportion"] == pytest.approx(1 / 3)
    assert measures["died_proportion"] == pytest.approx(2 / 3)


def test_overlapping_windows_are_judged_one_by_one():
    """Discharged on days 0, 8 and 22, admitted on days 5, 20 and 45: the window of day 0 holds two admissions."""
    history = History().enter(1).stay(1, 5.0, 8.0).stay(1, 20.0, 22.0).stay(1, 45.0, 50.0)
    frame = outcome_frame(history)
    assert frame["discharge_day"].to_list() == [0, 8, 22, 50]
    assert frame["days_to_outcome"].to_list() == [5, 12, 23, 30]
    assert frame["readmissions"].to_list() == [2, 1, 1, 0]
    measures = readmission(frame).row(0, named=True)
    assert measures["readmitted_proportion"] == 0.75
    assert measures["readmissions_per_index_discharge"] == 1.0


def test_no_new_index_within_the_window():
    """Days 5 and 20 fall within 30 days of the discharge on day 0; day 45 does not, nor does day 82 after day 50."""
    history = History().enter(1).stay(1, 5.0, 8.0).stay(1, 20.0, 22.0).stay(1, 45.0, 50.0).stay(1, 82.0, 83.0)
    frame = outcome_frame(history, no_new_index_in_window=True)
    assert frame["index"].to_list() == [0, 3, 4]
    assert frame["outcome"].to_list() == ["readmitted", "neither", "neither"]


def test_planned_admissions_are_neither_index_nor_readmission():
    history = History().enter(1).stay(1, 5.0, 6.0, cause="planned").stay(1, 20.0, 21.0)
    assert outcomes(history) == [(1, 0, "readmitted", 20), (1, 2, "neither", 30)]


def test_one_cause_ignores_admissions_for_others():
    history = History().enter(1).stay(1, 5.0, 6.0, cause="infection").stay(1, 28.0, 29.0)
    assert outcomes(history, causes=["heart_failure"])[0] == (1, 0, "readmitted", 28)
    assert outcomes(history, causes=["infection"])[:2] == [(1, 0, "readmitted", 5), (1, 1, "neither", 30)]


def test_observation_and_emergency_are_not_admissions():
    history = History().enter(1).stay(1, 5.0, 5.2, "emergency", to="assessment").stay(1, 5.2, 6.0, "assessment")
    assert len(stays(history.events(), CLASSES)) == 0
    assert outcomes(history) == [(1, 0, "neither", 30)]
    (row,) = stays(history.events(), CLASSES, ["observation"]).to_dicts()
    assert (row["admit_time_days"], row["discharge_time_days"]) == (5.2, 6.0)


def test_death_in_hospital_is_no_discharge():
    """The log writes the death before the end of the stay at that moment."""
    history = History().enter(1).stay(1, 5.0, None).death(1, 9.0, "ward").add(1, 9.0, "end", "ward")
    (row,) = stays(history.events(), CLASSES).to_dicts()
    assert row["died_in_stay"]
    assert row["discharge_time_days"] == 9.0
    assert row["destination"] is None
    assert outcomes(history) == [(1, 0, "readmitted", 5)]
    without_end = History().enter(1).stay(1, 5.0, None).death(1, 9.0, "ward")
    assert stays(without_end.events(), CLASSES)["died_in_stay"].to_list() == [True]


def test_a_stay_that_is_still_open_counts_as_readmission_only():
    history = History().enter(1).stay(1, 350.0, 352.0).stay(1, 360.0, None)
    (_, last) = stays(history.events(), CLASSES).to_dicts()
    assert last["discharge_time_days"] is None
    assert last["length_of_stay_days"] is None
    assert outcomes(history) == [(1, 0, "neither", 30), (1, 1, "readmitted", 8)]


def test_the_edges_of_follow_up():
    """Entered on day 100 and followed to day 200: what the simulation goes on to do afterwards is not seen."""
    history = History().enter(1, 100.3)
    history.stay(1, 100.6, 101.0)  # on the day of entry
    history.stay(1, 169.0, 169.5)  # day 199 is day 30 of its window, the last day observed
    history.stay(1, 170.2, 170.4)  # day 200 would be day 30: cut off, but a readmission of the one before
    history.stay(1, 199.9, 200.5)  # admitted on the last day, discharged too late
    history.stay(1, 200.0, 201.0)  # too late
    events = history.events()
    frame = index_outcomes(stays(events, CLASSES), people(events, 100, {1: 100}))
    assert frame.select("index", "outcome", "days_to_outcome", "whole_window").rows() == [
        (0, "readmitted", 0, True),
        (1, "neither", 30, True),
        (2, "readmitted", 1, True),
        (3, "readmitted", 29, False),
    ]


def test_censored_windows_count_only_in_the_cumulative_incidence():
    history = History().enter(1).enter(2, 80).add(2, 85.0, "visit", "clinic")
    events = history.events()
    frame = index_outcomes(stays(events, CLASSES), people(events, 100, {2: 80}))
    assert frame["outcome"].to_list() == ["neither", "neither"], "day 80 + 30 is after day 0 + 100, not after 80 + 100"
    short = index_outcomes(stays(events, CLASSES), people(events, 20, {2: 80}))
    assert short["outcome"].to_list() == ["censored", "censored"]
    assert short["days_to_outcome"].to_list() == [19, 19]
    assert readmission(short).row(0, named=True)["readmitted_proportion"] is None


def test_cumulative_incidence_by_hand():
    """Four discharges: readmitted day 5, died day 10, censored after day 15, readmitted day 20, and one free.

    S(5) = 4/5; at day 10, 4 at risk: death 4/5 * 1/4 = 1/5, S = 3/5; at day 20, 2 at risk: 3/5 * 1/2 = 0.3.
    """
    frame = pl.DataFrame(
        {
            "outcome": ["readmitted", "died", "censored", "readmitted", "neither"],
            "days_to_outcome": [5, 10, 15, 20, 30],
            "whole_window": [True, True, False, True, True],
            "readmissions": [1, 0, 0, 1, 0],
        }
    )
    curve = cumulative_incidence(frame, 30)
    assert curve["readmission_cumulative_incidence"][4] == 0.0
    assert curve["readmission_cumulative_incidence"][5] == pytest.approx(0.2)
    assert curve["readmission_cumulative_incidence"][30] == pytest.approx(0.5)
    assert curve["death_cumulative_incidence"][30] == pytest.approx(0.2)
    assert curve["at_risk"][[10, 15, 16, 20]].to_list() == [4, 3, 2, 2]
    measures = readmission(frame).row(0, named=True)
    assert measures["readmitted_proportion"] == 0.5
    assert measures["readmission_cumulative_incidence"] == pytest.approx(0.5)


def test_cumulative_incidence_matches_scikit_survival():
    """Against sksurv's cumulative_incidence_competing_risks on random follow-up with ties and censoring."""
    random = np.random.default_rng(11)
    days = random.integers(0, 31, 500)
    kind = np.where(days == 30, 0, random.integers(0, 3, 500))
    names = np.array(["censored", "readmitted", "died"])
    frame = pl.DataFrame({"outcome": names[kind], "days_to_outcome": days, "readmissions": 0, "whole_window": True})
    curve = cumulative_incidence(frame, 30)
    times, expected = cumulative_incidence_competing_risks(kind, days.astype(float))
    for column, row in (("readmission_cumulative_incidence", 1), ("death_cumulative_incidence", 2)):
        assert curve[column].to_numpy()[times.astype(int)] == pytest.approx(expected[row], abs=1e-12)


def test_nobody_at_all():
    events = History().add(1, 1.0, "visit", "clinic").events().clear()
    frame = index_outcomes(stays(events, CLASSES), people(events))
    assert readmission(frame).row(0, named=True) == {
        "index_discharges": 0,
        "whole_windows": 0,
        "readmitted_proportion": None,
        "died_proportion": None,
        "readmissions_per_index_discharge": None,
        "readmission_cumulative_incidence": None,
        "death_cumulative_incidence": None,
    }
