"""Diabetes: the lag of HbA1c, what drugs take, hypoglycaemia by kidney function, hyperglycaemia."""

from __future__ import annotations

import numpy as np
import pytest
from kidney_people import QUIET, Body, alike
from people import sets

from popsim.kernels.physiology import diabetes as kernel
from popsim.physiology.organs.diabetes import COLUMNS, average_glucose_mg_dl

NO_PROGRESS = {"hba1c_progression_percent_year": 0.0}


def body_of(people, progress=False, **drugs):
    parameters = sets(heart_failure=QUIET["heart_failure"], diabetes={} if progress else NO_PROGRESS)
    body = Body(people, parameters, **drugs)
    body.core.advance = body.kidney.advance = lambda *_: None  # only sugar moves
    return body


def constants():
    return body_of(alike()).sugar._call.given["p"]


def test_what_is_measured_at_entry_is_what_the_entry_drugs_leave():
    measured = np.array([4.6, 5.0, 5.7, 7.2, 9.0, 12.5])
    people = alike(len(measured), baseline_hba1c_percent=measured, diabetes=1)
    body = body_of(people, hba1c_reduction=1.7)
    assert (people["untreated_hba1c_percent"] >= people["hba1c_percent"]).all()
    body.live(2000)
    np.testing.assert_allclose(people["hba1c_percent"], measured, rtol=1e-5)


def test_hba1c_follows_with_the_lag_of_the_red_cell():
    """Closed form: H(t) = g + (H0 - g) exp(-t / 40 d); half of the way after 28 d."""
    people = alike(1, baseline_hba1c_percent=8.5, diabetes=1)
    body = body_of(people)
    body.drugs["hba1c_reduction"] = 1.0
    goal = 5.0 + 3.5 * np.exp(-1.0 / 3.0)
    for day in (1, 28, 90, 365):
        body.live(day - body.clock.time_days)
        assert people["hba1c_percent"][0] == pytest.approx(goal + (8.5 - goal) * np.exp(-day / 40), abs=1e-5)


def test_a_drug_takes_what_it_is_said_to_take_from_a_usual_baseline_and_little_from_healthy_people():
    taken = []
    for start in (5.4, 6.5, 8.5, 10.5):
        people = alike(1, baseline_hba1c_percent=start, diabetes=1)
        body = body_of(people)
        body.drugs["hba1c_reduction"] = 1.0
        taken.append(start - float(body.live(1000)["hba1c_percent"][0]))
    assert taken[0] < 0.12
    assert taken[2] == pytest.approx(1.0, abs=0.02)
    assert (np.diff(taken) > 0).all()


def test_more_drug_is_a_lower_hba1c():
    ends = []
    for reduction in (0.0, 0.5, 1.0, 2.0, 5.0):
        body = body_of(alike(1, baseline_hba1c_percent=9.0, diabetes=1))
        body.drugs["hba1c_reduction"] = reduction
        ends.append(float(body.live(400)["hba1c_percent"][0]))
    assert (np.diff(ends) < 0).all()
    assert ends[-1] > 5.0


def test_diabetes_progresses_and_others_do_not():
    """1.4 mmol/mol a year (Donnelly 2018) is 0.128%; the lag shifts the line by 40 d."""
    people = alike(2, baseline_hba1c_percent=7.0, diabetes=np.array([1, 0]))
    body_of(people, progress=True).live(3652)
    rise = people["hba1c_percent"] - 7.0
    assert rise[0] == pytest.approx(1.4 / 10.93 * (10 - 40 / 365.25), rel=0.01)
    assert rise[1] == 0


def test_infection_raises_sugar_while_it_lasts():
    people = alike(1, baseline_hba1c_percent=8.0, diabetes=1)
    body = body_of(people)
    people["infection_severity"] = 1.0
    body.live(10)
    raised = float(people["hba1c_percent"][0])
    assert raised == pytest.approx(8.0 + 0.3 * 3.0 * (1 - np.exp(-10 / 40)), rel=1e-4)
    people["infection_severity"] = 0.0
    assert float(body.live(300)["hba1c_percent"][0]) == pytest.approx(8.0, abs=1e-3)


def test_average_glucose_is_that_of_the_adag_study():
    """Table of the paper: 126, 154, 183, 212 and 240 mg/dL at 6 to 10% (Nathan 2008, PMC2742903)."""
    glucose = average_glucose_mg_dl([6, 7, 8, 9, 10], sets()["diabetes"])
    np.testing.assert_allclose(glucose, [126, 154, 183, 212, 240], atol=0.7)


def test_hypoglycaemia_by_kidney_function_as_in_ontario():
    """Hodge 2017: 82, 122, 235, 379, 596 and 785 hospital contacts per 10,000 person-years by stage (ours in the middle
    of each; within 35% at the ends, 10% between), in users of any glucose-lowering drug: 1 / 2.5 of a dose of insulin.
    """
    stages, published = (95.0, 75.0, 52.5, 37.5, 22.5, 10.0), (82, 122, 235, 379, 596, 785)
    ours = [1e4 * 365.25 * kernel.hypoglycaemia_hazard.py_func(0.4, 7.5, gfr, 75.0, 0.3, constants()) for gfr in stages]
    np.testing.assert_allclose(ours[1:5], published[1:5], rtol=0.1)
    np.testing.assert_allclose(ours[::5], published[::5], rtol=0.35)


def test_hypoglycaemia_needs_a_drug_and_comes_sooner_to_the_tightly_treated_old_and_frail():
    usual = {"drive": 1.0, "hba1c": 7.5, "gfr": 60.0, "age": 75.0, "frailty": 0.3}

    def hazard(**changes):
        return kernel.hypoglycaemia_hazard.py_func(*(usual | changes).values(), constants())

    assert hazard(drive=0.0) == 0
    for changes in ({"drive": 1.5}, {"hba1c": 6.0}, {"gfr": 40.0}, {"age": 85.0}, {"frailty": 0.5}):
        assert hazard(**changes) > 1.1 * hazard(), changes
    # Lipska 2013: 1.25 times as often below 6% (taken as 5.7) as at 7 to 7.9%.
    assert hazard(hba1c=5.7) / hazard() == pytest.approx(1.25, abs=0.01)


def test_what_sugar_does_to_the_rest_of_the_body():
    """Hazard of presenting, and infections: 1.64 times as often at 11.3 as at 6% (Mor 2017); none when healthy."""
    people = alike(4, baseline_hba1c_percent=np.array([5.5, 6.0, 11.3, 11.3]), diabetes=np.array([0, 1, 1, 1]))
    body = body_of(people)
    body.live(1)
    infections = body.influences["infection_log_rate"]
    assert infections[0] == 0
    assert np.exp(infections[2] - infections[1]) == pytest.approx(1.64, abs=0.01)
    glucose = body.influences["glucose_per_day"]
    assert glucose[0] == 0
    assert 0 < glucose[1] < glucose[2]


def test_extremes_stay_in_bounds():
    people = alike(6, baseline_hba1c_percent=np.array([4.0, 15.0, 4.0, 15.0, 15.0, 5.0]), diabetes=1, age_years=115.0)
    body = body_of(people, progress=True, hba1c_reduction=12.0, hypoglycaemic_drive=5.0)
    people["infection_severity"] = 1.0
    body.live(400)
    body.drugs = {}
    body.live(4000)
    for column in COLUMNS:
        assert (people[column.name] >= column.low).all()
        assert (people[column.name] <= column.high).all()
    assert np.isfinite(body.influences.values).all()


def test_half_the_step_changes_hba1c_by_less_than_a_hundredth_of_a_percent():
    ends = []
    for step_days in (1.0, 0.5):
        parameters = sets(**QUIET)
        body = Body(alike(1, baseline_hba1c_percent=9.0, diabetes=1), parameters, step_days=step_days)
        body.drugs["hba1c_reduction"] = 1.5
        ends.append(float(body.live(90)["hba1c_percent"][0]))
    assert ends[0] == pytest.approx(ends[1], abs=0.01)


def test_the_dead_stay_as_they_were():
    people = alike(2, alive=np.array([1, 0]), baseline_hba1c_percent=9.0, diabetes=1)
    body = body_of(people)
    body.drugs["hba1c_reduction"] = 1.5
    body.live(30)
    assert people["hba1c_percent"][0] < 8.8
    assert people["hba1c_percent"][1] == 9.0
