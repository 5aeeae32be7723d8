"""Days out of hospital and at home, counted by hand."""

from __future__ import annotations

import pytest
from histories import CLASSES, History, people

from popsim.outcomes.home_time import INSTITUTIONS, days_in, within_windows
from popsim.outcomes.readmission import stays


def days(history: History, follow_up_days: int = 100, windows: tuple[int, ...] = (30, 90)) -> list[tuple]:
    events = history.events()
    admissions, elsewhere = stays(events, CLASSES), stays(events, CLASSES, INSTITUTIONS)
    return within_windows(admissions, elsewhere, people(events, follow_up_days), windows).rows()


def test_windows_cut_stays_and_lives_off():
    """Person 1: in hospital on days 28 to 33 (2 days within 30, 5 within 90), in a nursing home from day 33 to 43
    (none, 10). Person 2 dies on day 20 after 4 days in hospital: alive 20, out of hospital 16.

    30 days: out of hospital (28 + 16) / 2 = 22, at home the same. 90 days: (85 + 16) / 2 = 50.5; at home 45.5."""
    history = History().enter(1).stay(1, 28.0, 33.0, to="nursing_home").stay(1, 33.0, 43.0, "nursing_home")
    history.enter(2).stay(2, 10.0, 14.0).death(2, 20.0)
    assert days(history) == [(30, 2, 22.0, 22.0), (90, 2, 50.5, 45.5)]


def test_windows_longer_than_follow_up_are_not_known():
    assert days(History().enter(1), 50) == [(30, 1, 30.0, 30.0), (90, 0, None, None)]


def test_a_person_is_in_one_place_at_a_time():
    """A day each in the emergency department (counts as home), on a ward and in a nursing home."""
    history = History().enter(1).stay(1, 5.0, 6.0, "emergency").stay(1, 6.0, 7.0).stay(1, 7.0, 8.0, "nursing_home")
    assert days(history, windows=(30,)) == [(30, 1, 29.0, 28.0)]


def test_days_in_institutions_by_person():
    """Stays that go on past the end of follow-up are cut off at it; nobody else has a row."""
    history = History().enter(1).stay(1, 95.25, None, "nursing_home").enter(2).stay(2, 5.0, 6.5, "nursing_home")
    history.stay(2, 50.0, 51.0, "nursing_home").enter(3)
    events = history.events()
    table = days_in(stays(events, CLASSES, INSTITUTIONS), people(events, 100)).sort("person_id")
    assert table.rows() == [(1, pytest.approx(4.75)), (2, pytest.approx(2.5))]
