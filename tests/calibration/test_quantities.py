"""What targets measure, on a handful of people whose year was written by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from popsim.calibration.endpoints import ENDPOINTS
from popsim.calibration.observed import Arms, ObservedArm, time_to_event
from popsim.calibration.quantities import QUANTITIES, measure
from popsim.definitions.base import validate
from popsim.definitions.target import Target
from popsim.errors import DefinitionError
from popsim.kernels.codes import DIED_OF_NON_CARDIOVASCULAR, DIED_OF_PUMP_FAILURE

YEAR = 365.25
PERSONS = pl.DataFrame(
    {
        "key": [0, 1, 2, 3],
        "died": [False, True, True, False],
        "death_day": [None, 100.0, 300.0, None],
        "death_cause": [0, DIED_OF_PUMP_FAILURE, DIED_OF_NON_CARDIOVASCULAR, 0],
        "followed_days": [YEAR, YEAR, 250.0, YEAR],  # the death of person 2 comes after the end of its follow-up
        "chronic_gfr_slope_ml_min_year": [-1.0, None, -3.0, -5.0],
        "baseline_ejection_fraction_percent": [30.0, 35.0, 55.0, 60.0],
    }
)
ADMISSIONS = pl.DataFrame(
    {
        "key": [0, 0, 1, 3, 3],
        "day": [10.0, 200.0, 90.0, 20.0, 40.0],
        "cause": ["infection", "heart_failure", "heart_failure", "other", "heart_failure"],
        "planned": [False, False, False, True, False],
        "died_in_stay": [False, False, True, False, False],
        "length_of_stay_days": [4.0, 6.0, 10.0, 1.0, 2.0],
        "destination": ["home", "nursing_facility", None, "home", "home"],
    },
    schema_overrides={"destination": pl.String},
)
SEEN = ObservedArm(PERSONS, ADMISSIONS)


def target(quantity: str, **more: object) -> Target:
    said = {"name": "x", "value": 0.5, "size": 100, "unit": "proportion", "use": "validate", "source": "made by hand"}
    return validate(said | {"quantity": quantity, "provenance": "computed"} | more, Target, "test")


@pytest.mark.parametrize(
    ("quantity", "more", "expected"),
    [
        ("mortality", {"days": 200}, 1 / 4),
        ("mortality", {"days": 365}, 2 / 4),
        ("admitted", {"days": 30}, 1 / 4),  # the planned admission of person 3 on day 20 does not count
        ("admitted", {"days": 365, "causes": ["heart_failure"]}, 3 / 4),
        ("dead_or_admitted", {"days": 150, "causes": ["heart_failure"]}, 2 / 4),
        ("share_of_first_admissions", {"days": 365, "causes": ["heart_failure"]}, 2 / 3),
        ("in_hospital_mortality", {"causes": ["heart_failure"]}, 1 / 3),
        ("discharged_to", {"causes": ["heart_failure"], "destinations": ["home"]}, 1 / 2),
        ("proportion", {"endpoint": "death"}, 1 / 4),
        ("proportion", {"endpoint": "cardiovascular_death_or_heart_failure_hospitalisation"}, 3 / 4),
    ],
)
def test_shares(quantity, more, expected):
    assert measure(target(quantity, **more), Arms(SEEN, SEEN)).value == pytest.approx(expected)


@pytest.mark.parametrize(
    ("quantity", "more", "expected"),
    [
        ("length_of_stay_median", {"causes": ["heart_failure"]}, 6.0),
        ("length_of_stay_mean", {}, 22.0 / 4.0),
        ("median_survival", {}, float("nan")),  # half are alive at the end
        ("gfr_slope", {}, -3.0),
    ],
)
def test_figures(quantity, more, expected):
    assert measure(target(quantity, **more), Arms(SEEN, SEEN)).value == pytest.approx(expected, nan_ok=True)


def test_the_rate_of_admissions_counts_the_days_that_people_lived():
    """Two for heart failure within 100 days (days 90 and 40); persons lived 100 days each: 200 per 400 days."""
    found = measure(target("admission_rate", days=100, causes=["heart_failure"]), Arms(SEEN, SEEN))
    assert found.value == pytest.approx(100.0 * 2 / (400 / YEAR))


def test_time_to_event_ends_with_death_or_the_end_of_follow_up():
    (days, events), _ = time_to_event(SEEN, ENDPOINTS["heart_failure_hospitalisation"])
    assert days.tolist() == [200.0, 90.0, 250.0, 40.0] and events.tolist() == [True, True, False, True]
    (days, events), _ = time_to_event(SEEN, ENDPOINTS["cardiovascular_death"])
    assert days.tolist() == [YEAR, 100.0, 250.0, YEAR] and events.tolist() == [False, True, False, False]


def test_two_identical_arms_have_a_hazard_ratio_of_one():
    many = ObservedArm(
        pl.concat([PERSONS.with_columns(key=pl.col("key") + 4 * i) for i in range(25)]),
        pl.concat([ADMISSIONS.with_columns(key=pl.col("key") + 4 * i) for i in range(25)]),
    )
    wanted = target("hazard_ratio", endpoint="death_or_hospitalisation", unit="ratio", size=None, low=0.4, high=0.6)
    assert measure(wanted, Arms(many, many)).value == pytest.approx(1.0, abs=1e-6)


def test_the_jackknife_of_a_mean_is_its_standard_error():
    """Of 20 groups of one stay each the delete-group jackknife is exactly sd / sqrt(n)."""
    random = np.random.default_rng(2)
    stays = random.gamma(2.0, 3.0, 20)
    persons = pl.DataFrame({"key": np.arange(20), "followed_days": np.full(20, 365.0)})
    admissions = pl.DataFrame(
        {"key": np.arange(20), "cause": ["other"] * 20, "planned": [False] * 20, "day": [1.0] * 20, "length_of_stay_days": stays}
    )
    seen = ObservedArm(persons, admissions)
    found = measure(target("length_of_stay_mean"), Arms(seen, seen))
    assert found.standard_error == pytest.approx(stays.std(ddof=1) / np.sqrt(20))


def test_every_quantity_says_what_its_arguments_are_for():
    for name, quantity in QUANTITIES.items():
        for argument in quantity.needs:
            assert f"`{argument}`" in quantity.meaning, name


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"size": None}, "exactly one"),
        ({"low": 0.4, "high": 0.6}, "exactly one"),
        ({"value": 1.2}, "above 0 and below 1"),
        ({"size": None, "low": 0.6, "high": 0.7}, "must lie between"),
        ({"provenance": "recalled"}, "must be context"),
        ({"unit": "ratio"}, "only goes with a proportion"),
    ],
)
def test_a_target_without_sense_is_refused(said, problem):
    with pytest.raises(DefinitionError, match=problem):
        target("mortality", days=30, **said)


def test_errors_are_those_of_the_published_sample():
    """Binomial on the log odds: 1 / sqrt(n p (1 - p)); of a hazard ratio: the log interval over 3.92."""
    assert target("mortality", days=30, value=0.2, size=100).error_on_scale == pytest.approx(0.25)
    ratio = target("hazard_ratio", endpoint="death", unit="ratio", size=None, value=0.8, low=0.64, high=1.0)
    assert ratio.error_on_scale == pytest.approx(np.log(1.0 / 0.64) / 3.919928, rel=1e-6)
    assert ratio.interval[0] == pytest.approx(0.64, rel=1e-9)
