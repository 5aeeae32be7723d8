"""Telemonitoring: the kernel is its own Python source, signals have the stated errors, alerts keep their distance."""

from types import SimpleNamespace

import numpy as np
import pytest

from popsim.care.columns import MONITORING_COLUMNS
from popsim.care.monitoring import Monitoring, Rules
from popsim.definitions.interventions import Telemonitoring
from popsim.evidence.sets import SHIPPED
from popsim.kernels.care import monitoring as kernel
from popsim.kernels.codes import ALERT_IGNORED, LEVEL_COMMUNITY, LEVEL_WARD
from popsim.kernels.numerics.random import RandomKey
from popsim.population.clock import Clock
from popsim.population.columns import Column, Schema
from popsim.population.population import Population

TELE = Telemonitoring(
    desk="desk", uptake=1.0, duration_days=180, weight_gain_kg=2.0, systolic_low_mmhg=90.0, systolic_high_mmhg=180.0,
    heart_rate_low_bpm=45.0, heart_rate_high_bpm=120.0, days_between_alerts=3, cost_per_day=5.0,
)  # fmt: skip
OTHERS = [
    Column("entry_day", "count", "day", 0, 1e6, "entry", "cohort"),
    *(Column(name, "code", "1", -1, 4, name, "care") for name in ("alive", "telemonitored", "care_level")),
    *(
        Column(name, "real", "1", 0, 400, name, "physiology")
        for name in ("weight_kg", "systolic_mmhg", "heart_rate_bpm", "filling_pressure_mmhg")
    ),
]


def steady(size: int) -> Population:
    people = Population(Schema([*OTHERS, *MONITORING_COLUMNS]), np.arange(size))
    people["alive"] = people["telemonitored"] = 1
    people["care_level"] = LEVEL_COMMUNITY
    people["weight_kg"], people["systolic_mmhg"], people["heart_rate_bpm"] = 80.0, 130.0, 70.0
    people["last_alert_day"] = -1000
    return people


def days(people: Population, first: int, last: int, programme: Telemonitoring = TELE) -> np.ndarray:
    """Alert bits, shape (days, twins)."""
    monitoring = Monitoring(programme, key=RandomKey(3), signals=SHIPPED["home_signals"])
    raised = []
    for day in range(first, last):
        monitoring.observe(people, Clock(day))
        raised.append(people["alert"].copy())
    return np.array(raised)


def test_signals_are_the_truth_with_the_stated_error():
    people = steady(40_000)
    days(people, 1, 2)
    # Evidence file: standard deviations 0.4 kg, 8 mmHg, 5 bpm. The sample sd of n values has a standard error of
    # sd / sqrt(2 n), the mean one of sd / sqrt(n); four of them allowed.
    for name, truth, sd in (("weight_kg", 80, 0.4), ("systolic_mmhg", 130, 8.0), ("heart_rate_bpm", 70, 5.0)):
        measured = people[f"measured_{name}"].astype(float)
        assert measured.mean() == pytest.approx(truth, abs=4 * sd / np.sqrt(len(people)))
        assert measured.std() == pytest.approx(sd, abs=4 * sd / np.sqrt(2 * len(people)))


def test_a_gain_raises_the_weight_alert_and_a_steady_person_seldom_does():
    people = steady(5_000)
    quiet = days(people, 1, 20)
    assert (quiet & kernel.ALERT_WEIGHT).astype(bool).mean() < 1e-3
    people["weight_kg"] += 3.0
    assert (days(people, 20, 21)[0] & kernel.ALERT_WEIGHT).astype(bool).mean() > 0.95


def test_an_implanted_sensor_raises_alerts_outside_its_limits_only_where_there_is_one():
    """Readings 25 and 15 with an error of 1.5 mmHg, limits 8 and 20: more than three errors from each."""
    people = steady(4_000)
    people["filling_pressure_mmhg"][:2_000], people["filling_pressure_mmhg"][2_000:] = 25.0, 15.0
    assert not (days(people, 1, 4) & kernel.ALERT_FILLING).any() and not people["measured_filling_pressure_mmhg"].any()
    sensor = TELE.model_copy(update={"filling_pressure_low_mmhg": 8.0, "filling_pressure_high_mmhg": 20.0})
    raised = (days(people, 4, 5, sensor)[0] & kernel.ALERT_FILLING) != 0
    assert raised[:2_000].mean() > 0.99 and raised[2_000:].mean() < 0.01
    read = people["measured_filling_pressure_mmhg"][:2_000]
    assert read.mean() == pytest.approx(25.0, abs=4 * 1.5 / np.sqrt(2_000))
    assert read.std() == pytest.approx(1.5, abs=4 * 1.5 / np.sqrt(2 * 2_000))


def test_alerts_keep_their_distance():
    people = steady(200)
    people["systolic_mmhg"] = 60.0
    raised = days(people, 1, 31) != 0
    gaps = [np.diff(np.flatnonzero(raised[:, i])) for i in range(200)]
    assert min(gap.min() for gap in gaps) == TELE.days_between_alerts


@pytest.mark.parametrize(("column", "value"), [("alive", 0), ("telemonitored", 0), ("care_level", LEVEL_WARD)])
def test_nothing_is_measured_of_the_dead_the_unmonitored_and_those_in_hospital(column, value):
    people = steady(50)
    people[column] = value
    assert not days(people, 1, 5).any()
    assert not people["measured_weight_kg"].any()


def test_no_programme_does_nothing():
    people = steady(20)
    Monitoring(None, key=RandomKey(1), signals=SHIPPED["home_signals"]).observe(people, Clock(4))
    assert not people["measured_weight_kg"].any()


def test_compiled_equals_python():
    rules = Rules(0.4, 8.0, 5.0, 1.5, 0.1, 2.0, 90.0, 180.0, 45.0, 120.0, 3.0, 2.0, 0.2, 45.0, 90.0)
    draw = np.random.default_rng(1)
    size = 300
    base = SimpleNamespace(
        person=np.arange(size),
        ints=draw.integers(0, 2, (3, size)).astype(np.int8),
        reals=draw.uniform(40, 190, (4, size)).astype(np.float32),
    )
    results = []
    for run in (kernel.measure_day, kernel.measure_day.py_func):
        written = [np.zeros(size, np.float32) for _ in range(6)]
        alert, read = np.zeros(size, np.int8), np.zeros(size, np.int8)
        run(size, 9, RandomKey(5), base.person, rules, *base.ints, *base.reals, *written, alert, read)
        results.append((*written, alert, read))
    for compiled, plain in zip(*results, strict=True):
        assert np.array_equal(compiled, plain)
    assert results[0][-2].any()
    assert results[0][-1].any()


def test_rules_change_on_their_day():
    """A pressure of 130 mmHg with an error of 8 mmHg is never above 200, nearly always above 90; none from day 6 on."""
    people = steady(200)
    high = {"weight_gain_kg": 20.0, "systolic_low_mmhg": 60.0, "systolic_high_mmhg": 200.0, "days_between_alerts": 1}
    low = TELE.model_copy(update=high | {"systolic_low_mmhg": 40.0, "systolic_high_mmhg": 90.0})
    monitoring = Monitoring(
        TELE.model_copy(update=high), key=RandomKey(3), signals=SHIPPED["home_signals"], later={4: low, 6: None}
    )
    raised = []
    for day in range(1, 8):
        people["alert"] = 0
        monitoring.observe(people, Clock(day))
        raised.append(float((people["alert"] > 0).mean()))
    assert raised == [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]


def readings(people: Population, last: int, **changes) -> np.ndarray:
    """Measured weight of days 1 .. last - 1, shape (days, twins); NaN where nothing came."""
    monitoring = Monitoring(TELE.model_copy(update=changes), key=RandomKey(3), signals=SHIPPED["home_signals"])
    seen = []
    for day in range(1, last):
        people["measured_weight_kg"] = 0.0
        people["weight_kg"] = 80.0 + 0.1 * day
        monitoring.observe(people, Clock(day))
        came = people["measured_weight_kg"] > 0.0
        seen.append(np.where(came, people["measured_weight_kg"], np.nan))
    return np.array(seen)


def test_worse_devices_err_more():
    people = steady(20_000)
    # 0.4 kg x 2.5; four standard errors of a standard deviation, sd / sqrt(2 n).
    error = readings(people, 2, signal_error_factor=2.5)[0] - 80.1
    assert error.std() == pytest.approx(1.0, abs=4 / np.sqrt(2 * 20_000))


def test_people_measure_on_days_of_their_own_and_forget_some():
    seen = ~np.isnan(readings(steady(700), 15, measured_every_days=7))
    assert (seen.sum(axis=0) == 2).all()
    assert (seen.sum(axis=1) == 100).all()
    kept = ~np.isnan(readings(steady(5_000), 11, missed_share=0.3))
    # Share of 50,000 draws; four standard errors, sqrt(p (1 - p) / n).
    assert kept.mean() == pytest.approx(0.7, abs=4 * np.sqrt(0.21 / 50_000))


def test_late_readings_are_those_of_their_day():
    """Three days late: the same readings as at once, three rows further down; none in the first three."""
    at_once, late = readings(steady(50), 12), readings(steady(50), 12, delay_days=3)
    assert np.isnan(late[:3]).all()
    assert np.array_equal(late[3:], at_once[:-3])


def test_a_desk_that_hears_the_same_person_again_acts_less():
    """Fatigue 0.4, memory 30 days: the first alert is acted on, the second, 3 days on, with chance 0.6^exp(-0.1)."""
    people = steady(20_000)
    people["systolic_mmhg"] = 60.0
    raised = days(people, 1, 5, TELE.model_copy(update={"alert_fatigue": 0.4}))
    first, second = raised[0], raised[3]
    assert (first == kernel.ALERT_PRESSURE).mean() > 0.999
    again = (first > 0) & (second > 0)
    expected = 0.6 ** np.exp(-3 / 30)
    acted = (second[again] & ALERT_IGNORED) == 0
    assert acted.mean() == pytest.approx(expected, abs=4 * np.sqrt(0.25 / again.sum()))
