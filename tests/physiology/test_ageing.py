"""Ageing: how often people fall and are delirious, what makes them, and what fractures and delirium leave."""

from __future__ import annotations

import numpy as np
import pytest
from organ_people import alike
from people import Body, mixed, sets

from popsim.kernels.codes import CAUSE_FALL, CAUSE_OTHER, LEVEL_EMERGENCY, LEVEL_WARD
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.physiology import ageing as kernel
from popsim.physiology.organs.ageing import COLUMNS, Ageing

NO_DELIRIUM = {"delirium_in_hospital_per_day": 0.0, "delirium_at_home_per_day": 0.0}


def organ(people, step_days=1.0, **changes):
    return Body(people, Ageing(sets(ageing=changes), key=RandomKey(5)), step_days=step_days)


def constants():
    return sets()["ageing"].fill(kernel.AgeingParameters)


def fall_hazard(**changes):
    usual = {
        "age": 77.0, "frailty": 0.3, "systolic": 125.0, "delirium": 0.0, "fracture": 0.0, "disability": 0.0,
        "alcohol": 0.0, "deprivation": 3.0,
    }  # fmt: skip
    return kernel.fall_hazard.py_func(*(usual | changes).values(), constants())


def test_falls_that_bring_people_to_hospital_are_as_many_as_published():
    """68.8 (57.8 to 79.8) per 1,000 from 65 and 82.1 from 75 to 84 in 2010 (Shankar, United States)."""
    ages = np.arange(75, 85)
    assert 1000 * 365.25 * np.mean([fall_hazard(age=age) for age in ages]) == pytest.approx(82.1, rel=0.1)
    assert 57.8 < 1000 * 365.25 * np.mean([fall_hazard(age=age) for age in np.arange(65, 85)]) < 79.8


def test_presentations_with_a_fall_or_delirium_are_five_to_ten_in_a_hundred_person_years():
    people = alike(3000, frailty=np.random.default_rng(1).beta(3, 7, 3000))
    held, hazard = organ(people), 0.0
    for _ in range(365):
        held.live(1)
        hazard += held.influences["fall_per_day"].mean(dtype=float)
    assert 0.05 < hazard < 0.10


def test_what_makes_people_fall():
    for more in (
        {"age": 87.0}, {"frailty": 0.5}, {"systolic": 95.0}, {"delirium": 1.0}, {"fracture": 1.0}, {"disability": 0.5},
        {"alcohol": 40.0}, {"deprivation": 1.0},
    ):  # fmt: skip
        assert fall_hazard(**more) > 1.05 * fall_hazard(), more
    assert fall_hazard(systolic=160.0) == fall_hazard()
    # Kojima 2015: odds ratio 1.84 of frail against robust people, taken as a quarter of the index.
    assert fall_hazard(frailty=0.4) / fall_hazard(frailty=0.15) == pytest.approx(1.84, rel=0.02)


def test_a_third_of_falls_break_a_bone_and_other_illness_none():
    """Isolated fractures in 269 of 733 falls (Bell 2000); tolerance 4 standard errors."""
    size = 4000
    people = alike(size, acute_cause=np.where(np.arange(size) < size // 2, CAUSE_FALL, CAUSE_OTHER))
    organ(people, **NO_DELIRIUM).live(1)
    share, n = 269 / 733, size // 2
    assert people["fracture"][:n].mean() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / n))
    assert people["fracture"][n:].sum() == 0


def test_fractures_heal_and_delirium_clears_at_constant_rates():
    """Closed form exp(-rate t) of those who have it; tolerance 4 standard errors."""
    size = 4000
    people = alike(size)
    held = organ(people, **NO_DELIRIUM)
    people["fracture"], people["delirium"] = 1, 1
    for day in (5, 40):
        held.live(day - held.clock.time_days)
        for name, rate in (("fracture", 0.0167), ("delirium", 0.14)):
            left = np.exp(-rate * day)
            assert people[name].mean() == pytest.approx(left, abs=4 * np.sqrt(left * (1 - left) / size) + 1e-3)


def test_delirium_in_hospital_is_as_frequent_as_published():
    """New delirium in 3 to 29% of admissions of medical inpatients (Siddiqi 2006): a week on a ward; little at home."""
    size = 4000
    people = alike(size, care_level=np.where(np.arange(size) < size // 2, LEVEL_WARD, 0))
    held = organ(people, delirium_clears_per_day=0.0)
    held.live(7)
    ward, home = people["delirium"][: size // 2].mean(), people["delirium"][size // 2 :].mean()
    expected = 1 - np.exp(-0.03 * 7)
    assert ward == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / (size // 2)))
    assert 0.03 < ward < 0.29
    assert home < 0.01


def test_delirium_comes_sooner_to_the_old_the_frail_and_the_infected():
    usual = {"age": 77.0, "frailty": 0.3, "infection": 0.0, "attended": 1.0}

    def rate(**changes):
        return kernel.delirium_rate.py_func(*(usual | changes).values(), constants())

    for more in ({"age": 87.0}, {"frailty": 0.5}, {"infection": 0.5}):
        assert rate(**more) > 1.2 * rate(), more
    assert rate(attended=0.0) < 0.01 * rate()


def test_what_fractures_and_delirium_do():
    people = alike(3, care_level=LEVEL_EMERGENCY)
    held = organ(people, fracture_heals_per_day=0.0, delirium_clears_per_day=0.0, **NO_DELIRIUM)
    people["fracture"], people["delirium"] = np.array([0, 1, 0]), np.array([0, 0, 1])
    held.live(1)
    for name in ("symptom_shift", "non_cardiovascular_log_hazard"):
        assert held.influences[name][0] == 0
        assert (held.influences[name][1:] > 0).all()
    falls = held.influences["fall_per_day"]
    assert falls[0] < falls[1] < falls[2]


def test_at_entry_nobody_feels_anything():
    held = organ(alike(10, acute_cause=0))
    assert (held.influences.values == 0).all()
    held.live(1)
    assert (held.influences["symptom_shift"] == 0).all()


def test_extremes_stay_in_bounds():
    people, _ = mixed(300)
    held = organ(people)
    people["acute_cause"] = CAUSE_FALL
    held.live(200)
    for column in COLUMNS:
        assert (people[column.name] >= column.low).all()
        assert (people[column.name] <= column.high).all()
    assert np.isfinite(held.influences.values).all()
    assert held.influences["fall_per_day"].max() < 0.2


def test_half_the_step_changes_delirium_by_less_than_a_tenth():
    """Prevalence on a ward after a fortnight, 6,000 people: within 10% and 3 standard errors of the difference."""
    shares = []
    for step_days in (1.0, 0.5):
        people = alike(6000, care_level=LEVEL_WARD)
        shares.append(organ(people, step_days).live(14)["delirium"].mean())
    error = np.sqrt(2 * (1 - shares[0]) / (6000 * shares[0]))
    assert shares[1] == pytest.approx(shares[0], rel=0.1 + 3 * error)


def test_the_dead_stay_as_they_were():
    people = alike(400, alive=np.arange(400) % 2, care_level=LEVEL_WARD)
    held = organ(people)
    people["fracture"] = 1
    held.live(60)
    dead = people["alive"] == 0
    assert (people["fracture"][dead] == 1).all()
    assert (people["delirium"][dead] == 0).all()
    assert people["fracture"][~dead].mean() < 0.6
