"""Kidney events of four people whose filtration was written by hand."""

from __future__ import annotations

import numpy as np
import polars as pl

from popsim.outcomes.kidney_events import COLUMNS, KidneyEvents
from popsim.population.population import Population
from popsim.simulation.schema import SCHEMA


def test_a_loss_counts_from_its_first_measurement_once_a_second_one_shows_it():
    """Of 80 at entry: 46 is a loss of 42.5%, 38 of 52.5%; a single low measurement between normal ones is none."""
    people = Population(SCHEMA, np.arange(4))
    people["alive"], people["gfr_ml_min"], people["entry_day"] = 1, 80.0, [0, 0, 0, 10]
    events = KidneyEvents(people)
    course = [(28, [46.0, 46.0, 80.0, 30.0]), (56, [38.0, 80.0, 80.0, 30.0]), (84, [38.0, 46.0, 14.0, 30.0])]
    for day, gfr in course:
        people["gfr_ml_min"], people["dialysis"], people["alive"] = gfr, [0, 0, day == 84, 0], [1, 1, 1, day < 56]
        events.measure(people, day)
    found = events.frame()
    assert found.columns == ["person_id", *COLUMNS]
    assert found.row(0)[1:] == (28.0, 56.0, None, None)
    assert found.row(1)[1:] == (None, None, None, None)
    assert found.row(2)[1:] == (None, None, None, 84.0)
    assert found.row(3)[1:] == (None, None, None, None)  # died before the second measurement
    assert found.select(pl.col(*COLUMNS)).dtypes == [pl.Float64] * len(COLUMNS)


def test_two_measurements_less_than_four_weeks_apart_show_no_sustained_loss():
    """Follow-up may end on the day after a measurement: an injury of two days is no loss, dialysis is a failure."""
    people = Population(SCHEMA, np.arange(2))
    people["alive"], people["gfr_ml_min"] = 1, 80.0
    events = KidneyEvents(people)
    people["gfr_ml_min"] = 30.0
    events.measure(people, 364)
    people["dialysis"] = [0, 1]
    events.measure(people, 365)
    found = events.frame()
    assert found.row(0)[1:] == (None, None, None, None)
    assert found.row(1)[1:] == (None, None, None, 365.0)
