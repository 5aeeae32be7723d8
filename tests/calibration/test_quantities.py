"""What targets measure, on a handful of people whose year was written by hand."""

from __future__ import annotations

import math

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
        "index_discharge_day": [0.0, 0.0, 0.0, 0.0],
        "index_destination": ["home", "nursing_facility", "home", "home"],
        "kidney_loss_40_day": [None, None, None, 56.0],
        "kidney_loss_50_day": [None, None, None, 84.0],
        "kidney_failure_day": [None, None, None, None],
    },
    schema_overrides={"kidney_failure_day": pl.Float64},
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
URGENT_VISITS = pl.DataFrame({"key": [2, 3, 0], "day": [260.0, 30.0, 50.0], "cause": ["heart_failure"] * 2 + ["other"]})
SEEN = ObservedArm(PERSONS, ADMISSIONS, URGENT_VISITS)  # the first visit comes after the end of follow-up


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


def test_the_rate_of_admissions_ends_with_follow_up():
    """Person 2 is followed for 250 days: of its admissions on days 240 and 260 the first counts."""
    more = ADMISSIONS.head(2).with_columns(key=pl.lit(2), day=pl.Series([240.0, 260.0]))
    seen = SEEN._replace(admissions=pl.concat([ADMISSIONS, more], how="vertical_relaxed"))
    found = measure(target("admission_rate", days=365), Arms(seen, seen))
    assert found.value == pytest.approx(100.0 * 5 / ((365.0 + 100.0 + 250.0 + 365.0) / YEAR))


def test_time_to_event_ends_with_death_or_the_end_of_follow_up():
    (days, events), _ = time_to_event(SEEN, ENDPOINTS["heart_failure_hospitalisation"])
    assert days.tolist() == [200.0, 90.0, 250.0, 40.0] and events.tolist() == [True, True, False, True]
    (days, events), _ = time_to_event(SEEN, ENDPOINTS["cardiovascular_death"])
    assert days.tolist() == [YEAR, 100.0, 250.0, YEAR] and events.tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("quantity", "more", "expected"),
    [
        ("admitted", {"days": 365, "times": 2}, 1 / 4),
        ("recurrence", {"days": 365}, 1 / 3),  # of persons 0, 1 and 3 one is admitted twice
        ("share_of_admissions", {"causes": ["heart_failure"], "days": 365}, 3 / 4),
        ("share_of_deaths", {"deaths": ["pump_failure"], "days": 365}, 1 / 2),
        ("share_of_deaths", {"deaths": ["cardiovascular"], "days": 200}, None),  # all of them: no estimate
        ("proportion", {"endpoint": "pump_failure_death"}, 1 / 4),
        ("proportion", {"endpoint": "worsening_heart_failure"}, 3 / 4),
        ("proportion", {"endpoint": "urgent_heart_failure_visit"}, 1 / 4),
        ("proportion", {"endpoint": "kidney_composite_50_or_cardiovascular_death"}, 2 / 4),
        ("proportion", {"endpoint": "kidney_loss_40", "days": 100}, 1 / 4),
        ("kaplan_meier", {"endpoint": "death", "days": 200}, 1 / 4),
        # 3 events; person 2 is censored on day 250 before that of day 200 leaves no one else
        ("kaplan_meier", {"endpoint": "heart_failure_hospitalisation", "days": 365}, 1 - 3 / 4 * 2 / 3 * 1 / 2),
        ("cumulative_incidence", {"endpoint": "kidney_loss_40", "days": 365}, 1 / 4),
        ("index_discharged_to", {"destinations": ["nursing_facility"]}, 1 / 4),
        ("baseline_share", {"group": [{"column": "baseline_ejection_fraction_percent", "below": 50.0}]}, 2 / 4),
        # after every later stay for heart failure: of person 0 on day 206, of person 3 on day 42; nobody comes back
        ("readmitted_or_dead", {"index_causes": ["heart_failure"], "days": 30}, None),
        # after entry: person 0 on day 10, person 3 on day 40, person 1 on day 90
        ("readmitted", {"days": 60}, 2 / 4),
        ("readmitted", {"days": 90, "causes": ["heart_failure"]}, 2 / 4),
        ("readmitted_or_dead", {"days": 100, "causes": ["infection"]}, 2 / 4),
        ("readmission_incidence", {"days": 60}, 2 / 4),
        ("dead_after_discharge", {"days": 120}, 1 / 4),
        ("share_of_readmissions", {"days": 90, "causes": ["heart_failure"]}, 2 / 3),
        ("share_of_readmissions_by_day", {"days": 90, "by_day": 30}, 1 / 3),
        ("readmitted", {"days": 200, "index_causes": ["infection"], "causes": ["any"]}, 1.0),
        ("share_of_days_lost", {"days": 100}, (10.0 + 4.0 + 3.0) / 400.0),
        ("share_of_days_lost", {"days": 100, "causes": ["heart_failure"]}, (10.0 + 2.0) / 400.0),
    ],
)
def test_shares_of_windows_causes_and_groups(quantity, more, expected):
    found = measure(target(quantity, **more), Arms(SEEN, SEEN)).value
    assert found == pytest.approx(math.nan if expected is None else expected, nan_ok=True)


@pytest.mark.parametrize(
    ("quantity", "more", "expected"),
    [
        ("days_to_readmission_median", {"days": 90, "unit": "days"}, 40.0),
        ("days_to_readmission_upper_quartile", {"days": 90, "unit": "days"}, 65.0),
        ("days_alive_out_of_hospital", {"days": 100, "unit": "days"}, 100.0 - 17.0 / 4.0),
        ("restricted_mean_days", {"endpoint": "death", "days": 200, "unit": "days"}, 175.0),
        ("mean_cumulative_count", {"endpoint": "heart_failure_hospitalisation", "days": 200, "unit": "per person"},
         3 / 4),
        ("total_rate", {"endpoint": "death", "unit": "per person-year"}, 1.0 / ((2 * YEAR + 100 + 250) / YEAR)),
        # death of the heart and admissions: days 90, 100, 200 and 40
        ("total_rate", {"endpoint": "cardiovascular_death_or_heart_failure_hospitalisation",
                        "unit": "per 1000 person-years"}, 1000 * 4 / ((2 * YEAR + 100 + 250) / YEAR)),
        # from day 91 person 1 lives 9 days more; one admission
        ("admission_rate", {"days": 250, "from_day": 91, "unit": "per 100 person-years"},
         100.0 / ((3 * 159 + 9) / YEAR)),
        # free of an admission for heart failure on day 50: persons 0, 1 and 2, for 150, 40 and 200 days
        ("rate", {"endpoint": "heart_failure_hospitalisation", "from_day": 50, "unit": "per 100 person-years"},
         100.0 * 2 / (390 / YEAR)),
        ("baseline_median", {"column": "baseline_ejection_fraction_percent", "unit": "%"}, 45.0),
        ("baseline_mean", {"column": "baseline_ejection_fraction_percent", "transform": "log", "unit": "log %"},
         np.log([30.0, 35.0, 55.0, 60.0]).mean()),
    ],
)  # fmt: skip
def test_figures_of_windows_and_columns(quantity, more, expected):
    wanted = target(quantity, **({"size": None, "standard_error": 0.1} | more))
    assert measure(wanted, Arms(SEEN, SEEN)).value == pytest.approx(expected)


def test_readmission_after_the_stay_of_entry_counts_from_its_end():
    """Persons 0 and 3 leave on day 5 and are back 5 and 35 days later; 1 dies in the stay, 2 is not back."""
    persons = PERSONS.with_columns(index_discharge_day=pl.Series([5.0, None, 5.0, 5.0]))
    stays = pl.DataFrame(
        {"key": [0, 1, 2, 3], "day": [0.0] * 4, "cause": ["heart_failure"] * 4, "planned": [False] * 4,
         "died_in_stay": [False, True, False, False], "length_of_stay_days": [5.5, 2.0, 5.2, 5.0],
         "destination": ["home"] * 4}
    )  # fmt: skip
    seen = SEEN._replace(persons=persons, index_stays=stays)
    assert measure(target("readmitted", days=30), Arms(seen, seen)).value == pytest.approx(1 / 3)
    assert measure(target("readmitted", days=35), Arms(seen, seen)).value == pytest.approx(2 / 3)
    assert measure(target("in_hospital_mortality", causes=["heart_failure"]), Arms(seen, seen)).value == 1 / 4
    assert measure(target("length_of_stay_mean"), Arms(seen, seen)).value == pytest.approx(4.425)


def test_a_contrast_is_the_difference_or_ratio_of_two_shares_with_the_error_of_both():
    """Of 4 arms' worth of people: 2/4 dead against 1/4; error of the difference sqrt(.5 x .5 / 4 + .25 x .75 / 4)."""
    other = SEEN._replace(persons=PERSONS.with_columns(death_day=pl.Series([None, 100.0, None, None])))
    said = {"days": 365, "size": None, "standard_error": 0.1, "arm": "drug"}
    found = measure(target("mortality", **said, contrast="difference"), Arms(SEEN, other))
    assert found.value == 0.25
    assert found.standard_error == pytest.approx(np.sqrt(0.25 / 4 + 0.25 * 0.75 / 4))
    ratio = target("mortality", **said, contrast="ratio", unit="ratio")
    assert measure(ratio, Arms(SEEN, other)).value == pytest.approx(2.0)
    odds = target("mortality", **said, contrast="odds_ratio", unit="ratio")
    assert measure(odds, Arms(SEEN, other)).value == pytest.approx(3.0)
    assert target("mortality", **(said | {"value": -0.1}), contrast="difference").scale == "identity"


def test_repeated_events_count_the_deaths_of_the_endpoint():
    """Total events per person-time of an arm with twice the events: 4 against 2, in the same person-time."""
    alive = PERSONS.with_columns(death_cause=pl.lit(0))
    own, other = (many(ObservedArm(persons, ADMISSIONS)) for persons in (PERSONS, alive))
    said = {"endpoint": "cardiovascular_death_or_heart_failure_hospitalisation", "unit": "ratio", "size": None}
    for quantity in ("total_rate_ratio", "negative_binomial_rate_ratio"):
        found = measure(target(quantity, **said, low=0.4, high=0.6), Arms(own, other))
        assert found.value == pytest.approx(4 / 3, rel=0.02), quantity


def many(seen: ObservedArm) -> ObservedArm:
    return ObservedArm(
        *(
            pl.concat([table.with_columns(key=pl.col("key") + 4 * i) for i in range(25)])
            for table in (seen.persons, seen.admissions)
        )
    )


def test_two_identical_arms_have_ratios_of_one():
    said = {"endpoint": "death_or_hospitalisation", "unit": "ratio", "size": None, "low": 0.4, "high": 0.6}
    for quantity in ("hazard_ratio", "win_ratio", "total_rate_ratio", "negative_binomial_rate_ratio"):
        found = measure(target(quantity, **said), Arms(many(SEEN), many(SEEN)))
        assert found.value == pytest.approx(1.0, abs=1e-6), quantity


def test_gradients_of_a_column_at_entry_are_those_of_their_regressions():
    """Death of persons 1 and 2 of ejection fractions 35 and 55 of 30 to 60: symmetric, so that the odds ratio is 1."""
    said = {"endpoint": "death", "column": "baseline_ejection_fraction_percent", "unit": "ratio", "size": None,
            "low": 0.4, "high": 0.6}  # fmt: skip
    persons = PERSONS.with_columns(followed_days=pl.lit(YEAR))
    seen = many(SEEN._replace(persons=persons))
    assert measure(target("odds_ratio_per_unit", days=365, **said), Arms(seen, seen)).value == pytest.approx(1.0)
    found = measure(target("hazard_ratio_per_unit", per=10.0, **said), Arms(seen, seen))
    one = measure(target("hazard_ratio_per_unit", **said), Arms(seen, seen))
    assert found.value == pytest.approx(one.value**10) and one.value != 1.0


def test_the_jackknife_of_a_mean_is_its_standard_error():
    """Of 20 groups of one stay each the delete-group jackknife is exactly sd / sqrt(n)."""
    random = np.random.default_rng(2)
    stays = random.gamma(2.0, 3.0, 20)
    persons = pl.DataFrame({"key": np.arange(20), "followed_days": np.full(20, 365.0)})
    admissions = pl.DataFrame(
        {
            "key": np.arange(20),
            "cause": ["other"] * 20,
            "planned": [False] * 20,
            "day": [1.0] * 20,
            "length_of_stay_days": stays,
        }
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
        ({"unit": "ratio"}, "only goes with unit"),
        ({"events": 30, "size": 100}, "its numbers give 0.3"),
        ({"events": 30, "size": None, "person_years": 100.0}, "goes with size"),
        ({"days": 30, "from_day": 30}, "must be below days"),
        ({"contrast": "ratio"}, "must be 'ratio'"),
        ({"reference_group": [{"column": "age_years", "below": 75.0}]}, "only goes with group"),
    ],
)
def test_a_target_without_sense_is_refused(said, problem):
    with pytest.raises(DefinitionError, match=problem):
        target("mortality", **({"days": 30} | said))


def test_the_value_may_be_that_of_its_numbers():
    assert target("mortality", days=30, value=None, events=25, size=100).value == 0.25
    said = {"unit": "per 1000 person-years", "size": None, "endpoint": "death", "value": None, "events": 40}
    found = target("rate", person_years=2000.0, **said)
    assert found.value == pytest.approx(20.0) and found.error_on_scale == pytest.approx(1 / np.sqrt(40))
    with pytest.raises(DefinitionError, match="value: must be given, or events with size"):
        target("rate", **said)


def test_errors_are_those_of_the_published_sample():
    """Binomial on the log odds: 1 / sqrt(n p (1 - p)); of a hazard ratio: the log interval over 3.92."""
    assert target("mortality", days=30, value=0.2, size=100).error_on_scale == pytest.approx(0.25)
    assert target("mortality", days=30, value=0.2, size=None, events=20).error_on_scale == pytest.approx(0.25)
    ratio = target("hazard_ratio", endpoint="death", unit="ratio", size=None, value=0.8, low=0.64, high=1.0)
    assert ratio.error_on_scale == pytest.approx(np.log(1.0 / 0.64) / 3.919928, rel=1e-6)
    assert ratio.interval[0] == pytest.approx(0.64, rel=1e-9)
