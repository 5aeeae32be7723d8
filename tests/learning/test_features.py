"""Features are what care can see, and nothing of the future; outcomes are what the log tells."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from flagship import NO_PAST

from popsim.analyses.landmarks import collect, record_of
from popsim.care.signals import STATE, hidden
from popsim.kernels.codes import CAUSE_HEART_FAILURE, CAUSE_INFECTION, CAUSE_PLANNED, DEATH, END, ENTER, PRESENT, START
from popsim.learning.features import (
    AUDITED,
    FROM_THE_LOG,
    KEYS,
    OUTCOMES,
    Landmarks,
    Record,
    bedside_signals,
    predictors,
)
from popsim.population.event_log import EventLog
from popsim.simulation.schema import SCHEMA
from popsim.studies.design import Change, read_study
from popsim.studies.unit import build

EXPERIMENT = Path(__file__).parents[2] / "experiments" / "heart_failure_discharge.toml"
SIZE, DAYS, ENROLMENT = 150, 70, 10
OF_THE_LOG_OR_THE_CLOCK = 13  # predictors that are no column: FROM_THE_LOG, and age, entry and review as times


def model(strategy: str = "telemonitoring"):
    flags = {"population": SIZE, "draws": 0, "replications": 1, "follow_up_days": DAYS, "enrolment_days": ENROLMENT}
    flags |= NO_PAST
    study = read_study(EXPERIMENT, {key: Change(f"--{key}", value) for key, value in flags.items()})
    return build(next(unit for unit in study.units if unit.strategy.name == strategy), schema=study.schema)


@pytest.fixture(scope="module")
def halfway():
    """A model on the morning of day 40, its features of that morning, and the state it was in."""
    living = model()
    living.run_for(40)
    record = record_of(living)
    return living, record, living.population.copy(), record.features(living.population, 40)


def test_no_feature_is_a_part_of_the_hidden_state(halfway):
    """Every column that a predictor is named after is seen by the signals that care acts on, in either twin."""
    _, _, population, frame = halfway
    # `days_since_discharge` is counted from the log, though a column has that name.
    named = [name for name in predictors(frame) if name in SCHEMA and name not in FROM_THE_LOG]
    assert len(predictors(frame)) == len(set(predictors(frame))) == len(named) + OF_THE_LOG_OR_THE_CLOCK
    assert [name for name in named if hidden(name, SCHEMA)] == []
    of_clinical = [signal.measures for signal in bedside_signals(SCHEMA)]
    assert [name for name in of_clinical if hidden(name, SCHEMA)] == []
    # What physiology writes is never copied: readings differ from the truth, also where the twin has no laboratory.
    read = [name for name in named if name in STATE]
    assert len(read) >= 10
    later = model()
    later.run_for(60)  # when somebody who was seen has an infection
    ill = later.population, record_of(later).features(later.population, 60)
    for name in read:
        population, frame = ill if name == "infection_severity" else halfway[2:]
        truth = pl.DataFrame({"person_id": population.person_id, "truth": population[name].astype(np.float64)})
        inside = pl.col("seen").is_between(SCHEMA[name].low + 1e-3, SCHEMA[name].high - 1e-3)
        both = frame.select("person_id", seen=name).join(truth, on="person_id").filter(inside)
        assert len(both) and (both["seen"] - both["truth"]).abs().min() > 0.0, name


def test_readings_that_nobody_made_are_missing(halfway):
    living, _, population, frame = halfway
    rows = pl.DataFrame({"person_id": population.person_id}).with_row_index("row").join(frame, on="person_id")
    row = rows["row"].to_numpy()
    seen = (population["last_review_day"][row] >= 39) | (rows["days_since_discharge"].to_numpy() <= 1)
    monitored = population["telemonitored"][row] == 1
    assert 0 < seen.sum() < len(row) and 0 < monitored.sum() < len(row)
    assert (~np.isnan(rows["nt_probnp_pg_ml"].to_numpy()) == seen).all()
    at_home = monitored & (population["measured_weight_kg"][row] > 0) & ~seen
    weight = rows["weight_kg"].to_numpy()
    assert (weight[at_home] == population["measured_weight_kg"][row][at_home]).all()
    assert np.isnan(weight[~seen & ~monitored]).all()
    assert living.clock.day == 40


def test_the_future_changes_nothing(halfway):
    """The same state with a log that goes on for 25 days: the same features, bit for bit."""
    living, record, population, frame = halfway
    ahead = model()
    ahead.run_for(65)
    longer = record_of(ahead)
    assert len(longer.events) > len(record.events)
    assert longer.features(population, 40).equals(frame)
    assert living.population.person_id.tolist() == ahead.population.person_id.tolist()


@pytest.mark.slow
def test_a_second_run_gives_the_same_landmarks():
    one, two = (collect(model(), 30) for _ in range(2))
    assert one.equals(two) and len(one) > SIZE / 2


def log_of(*events) -> EventLog:
    """Two twins (person 100 and 101); settings ward, home, emergency."""
    log = EventLog(("ward", "home", "emergency"), np.array([100, 101]))
    log.ensure_room(len(events))
    for time, row, kind, setting, cause, detail in events:
        record = log.records[log.size]
        record["time"], record["row"], record["kind"] = time, row, kind
        record["setting"], record["cause"], record["detail"] = setting, cause, detail
        log.size += 1
    return log


WARD, HOME = 0, 1
STORY = (
    (0.0, 0, ENTER, HOME, 0, 0), (0.0, 1, ENTER, HOME, 0, 0),
    (4.5, 0, PRESENT, -1, CAUSE_HEART_FAILURE, 0), (5.0, 0, START, WARD, CAUSE_HEART_FAILURE, 0),
    (8.25, 0, END, WARD, CAUSE_HEART_FAILURE, HOME),
    (12.0, 1, START, WARD, CAUSE_PLANNED, 0), (13.0, 1, END, WARD, CAUSE_PLANNED, HOME),
    (20.0, 0, START, WARD, CAUSE_INFECTION, 0), (22.0, 0, END, WARD, CAUSE_INFECTION, HOME),
    (31.0, 1, DEATH, HOME, 0, 0),
)  # fmt: skip
CLASSES = {"ward": "inpatient", "home": "community", "emergency": "emergency"}


def keys(day: int) -> pl.DataFrame:
    return pl.DataFrame({"person_id": [100, 101], "day": pl.Series([day, day], dtype=pl.Int32)})


def test_outcomes_are_those_of_the_story():
    record = Record(log_of(*STORY), CLASSES)
    early = record.with_outcomes(keys(1), 30, 60)
    assert early.select("person_id", *OUTCOMES).rows() == [(100, 1, 1, 1, 0), (101, 0, 0, 0, 0)]  # 31.0 is day 30 after
    assert early["admission_day"].to_list() == [5.0, None]
    later = record.with_outcomes(keys(9), 30, 60)
    assert later.select("person_id", *OUTCOMES).rows() == [(100, 1, 0, 0, 0), (101, 0, 0, 0, 1)]
    assert later["death_day"].to_list() == [None, 31.0]
    assert len(record.with_outcomes(keys(31), 30, 60)) == 0  # not lived through
    waiting = Landmarks(record, 30)
    for day in (1, 9):
        waiting.add(keys(day))
    assert waiting.complete(30) is None
    assert waiting.complete(31).equals(early)
    assert waiting.complete(60).equals(later)
    assert waiting.complete(99) is None


def test_features_of_the_log_are_those_of_the_story(halfway):
    _, _, population, _ = halfway
    two = population.chosen(np.array([0, 1]))
    two.person_id[:] = [100, 101]
    two["entry_day"], two["alive"], two["admitted"], two["care_level"] = 0, 1, 0, 0
    frame = Record(log_of(*STORY), CLASSES).features(two, 21)
    assert frame["days_since_discharge"].to_list() == [13.0, 8.0]  # the stay that began on day 20 has not ended
    assert frame["last_stay_days"].to_list() == [3.25, 1.0]
    assert frame["last_stay_heart_failure"].to_list() == [1.0, 0.0]
    assert frame["admissions_6_months"].to_list() == [2.0, 1.0]
    assert frame["hf_admissions_6_months"].to_list() == [1.0, 0.0]
    assert frame["presentations_6_months"].to_list() == [1.0, 0.0]
    assert set(frame.columns) == {*KEYS, *AUDITED, *predictors(frame)}


@pytest.mark.slow
def test_clinical_twins_have_results_of_the_laboratory():
    flags = {"population": 60, "draws": 0, "replications": 1, "follow_up_days": 40, "enrolment_days": 5} | NO_PAST
    path = EXPERIMENT.with_name("heart_failure_discharge.toml")
    study = read_study(path, {key: Change(f"--{key}", value) for key, value in flags.items()})
    living = build(study.units[0], schema=study.schema)
    living.run_for(20)
    frame = record_of(living).features(living.population, 20)
    assert [name for name in predictors(frame) if hidden(name, SCHEMA)] == []
    assert not frame["potassium_mmol_l"].is_nan().any()
    assert {"has_diabetes"}.isdisjoint(frame.columns) and "hba1c_percent" in frame.columns
