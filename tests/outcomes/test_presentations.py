"""Presentations by cause, counted by hand."""

import polars as pl
import pytest

from popsim.kernels.codes import CAUSE_NAMES, EVENT_NAMES
from popsim.outcomes.presentations import presentations

PEOPLE = pl.DataFrame(
    {
        "person_id": [7, 8],
        "entry_day": [0, 10],
        "end_day": [365, 375],
        "death_time_days": [None, 192.625],  # half a year after entry
    },
    schema_overrides={"death_time_days": pl.Float64},
)
HAPPENED = [  # person, day, event, cause
    (7, 3.0, "present", "bleeding"),
    (7, 3.1, "arrive", "bleeding"),  # the same one
    (7, 40.0, "present", "arrhythmia"),
    (8, 9.5, "present", "glucose"),  # before follow-up
    (8, 11.0, "present", "renal"),
    (8, 12.0, "present", "infection"),
    (7, 365.5, "present", "renal"),  # after it
]


def test_each_is_counted_once_within_follow_up():
    """Person-years: 365 / 365.25 + 0.5."""
    person, day, event, cause = zip(*HAPPENED, strict=True)
    events = pl.DataFrame(
        {"person_id": person, "time_days": day, "event": event, "cause": cause},
        schema_overrides={"event": pl.Enum(EVENT_NAMES), "cause": pl.Enum(CAUSE_NAMES)},
    )
    table = presentations(events, PEOPLE)
    rate = dict(zip(table["measure"], table["value"], strict=True))
    years = 365 / 365.25 + 0.5
    assert table["weight"].to_list() == pytest.approx([years] * len(table))
    for name in ("arrhythmia", "renal", "bleeding", "infection"):
        assert rate[f"presentations_{name}_per_person_year"] == pytest.approx(1 / years)
    assert rate["presentations_glucose_per_person_year"] == 0.0
    assert rate["adverse_presentations_per_person_year"] == pytest.approx(3 / years)
    assert "presentations_planned_per_person_year" not in rate
