"""Alerts counted by hand: false ones, ignored ones, what they missed, and the desk's contacts."""

import polars as pl
import pytest

from popsim.kernels.codes import CAUSE_NAMES, EVENT_NAMES
from popsim.outcomes.alerts import alert_measures

PEOPLE = pl.DataFrame(
    {
        "person_id": [7, 8, 9],
        "entry_day": [0, 10, 0],
        "end_day": [365, 375, 365],
        "death_time_days": [None, 192.625, None],  # half a year after entry
    },
    schema_overrides={"death_time_days": pl.Float64},
)
HAPPENED = [  # person, day, event, setting, cause, detail
    (7, 20.0, "alert", "desk", "none", 8),  # true: presents on day 34
    (7, 34.0, "present", "home", "heart_failure", 0),
    (7, 50.0, "alert", "desk", "none", 8),  # false: presents with something else
    (7, 55.0, "present", "home", "infection", 0),
    (7, 355.0, "alert", "desk", "none", 8),  # not judged: the 14 days are not over
    (8, 9.0, "alert", "desk", "none", 1),  # before follow-up
    (8, 40.0, "alert", "desk", "none", 8 | 16),  # false, and ignored
    (8, 190.0, "alert", "desk", "none", 1),  # dies
    (9, 30.0, "present", "home", "heart_failure", 0),  # unforeseen
    (9, 31.0, "alert", "desk", "none", 2),  # false
    (7, 20.4, "visit", "desk", "none", 1),
    (9, 31.4, "visit", "desk", "none", 1),
    (9, 33.0, "visit", "clinic", "none", 1),
]


def test_alerts_are_judged_by_what_follows():
    person, day, event, setting, cause, detail = zip(*HAPPENED, strict=True)
    events = pl.DataFrame(
        {
            "time_days": day, "person_id": person, "event": event, "setting": setting, "cause": cause, "detail": detail,
        },
        schema_overrides={
            "event": pl.Enum(EVENT_NAMES), "cause": pl.Enum(CAUSE_NAMES), "detail": pl.Int8,
            "setting": pl.Enum(["desk", "clinic", "home"]),
        },
    ).sort("time_days")  # fmt: skip
    table = alert_measures(events, PEOPLE, {"desk"}, days=400)
    value = dict(zip(table["measure"], table["value"], strict=True))
    weight = dict(zip(table["measure"], table["weight"], strict=True))
    years = 2 * 365 / 365.25 + 0.5
    assert value == pytest.approx(
        {
            "alerts_per_person_year": 6 / years,
            "alerts_false_share": 3 / 5,
            "alerts_ignored_share": 1 / 6,
            "heart_failure_unforeseen_share": 1 / 2,
            "desk_visits_per_person_year": 2 / years,
            "desk_visits_per_day": 2 / 400,
        }
    )
    assert weight["alerts_false_share"] == 5
    assert weight["desk_visits_per_day"] is None


def test_without_alerts_nothing_can_be_false():
    events = pl.DataFrame(
        {"time_days": [3.0], "person_id": [7], "event": ["present"], "setting": ["home"], "cause": ["heart_failure"],
         "detail": [0]},
        schema_overrides={"event": pl.Enum(EVENT_NAMES), "cause": pl.Enum(CAUSE_NAMES), "detail": pl.Int8},
    )  # fmt: skip
    table = alert_measures(events, PEOPLE, {"desk"}, days=400)
    value = dict(zip(table["measure"], table["value"], strict=True))
    assert value["alerts_per_person_year"] == 0.0
    assert value["alerts_false_share"] is None
    assert value["heart_failure_unforeseen_share"] == 1.0
