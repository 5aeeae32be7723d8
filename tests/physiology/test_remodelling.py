"""Remodelling: closed forms of its pace, what drives and slows it, and its bound."""

from __future__ import annotations

import numpy as np
import pytest
from organ_people import alike
from people import Body, sets

from popsim.kernels.physiology.influences import FILLING_PRESSURE
from popsim.physiology.organs.remodelling import Remodelling

PACE = {"remodelling_mmhg_year": 2.0, "remodelling_more_per_mmhg": 0.05, "remodelling_highest_mmhg": 15.0}


def gained(days, *, pressure=12.0, usual=12.0, step_days=1.0, drugs=None, person=None, **parameters):
    """mmHg after some days at a filling pressure whose set point is `usual`, with effects of drugs."""
    people = alike(1, filling_pressure_mmhg=pressure, baseline_filling_pressure_mmhg=usual, **(person or {}))
    organ = Body(people, Remodelling(sets(remodelling=PACE | parameters)), step_days=step_days, **(drugs or {}))
    organ.live(days)
    assert organ.influences.values[FILLING_PRESSURE, 0] == pytest.approx(people["remodelling_mmhg"][0])
    return float(people["remodelling_mmhg"][0])


def test_without_drugs_or_congestion_it_is_so_much_a_year():
    """Sums of 365 float32 numbers: relative error below 1e-5."""
    assert gained(365) == pytest.approx(2.0 * 365 / 365.25, rel=1e-5)


def test_pressure_drives_and_drugs_slow_it():
    assert gained(100, pressure=22.0) / gained(100) == pytest.approx(1.5, rel=1e-4)
    assert gained(100, pressure=5.0) == gained(100)
    slowed = {"slowed_by_beta_blockade": 0.35, "slowed_by_mineralocorticoid_blockade": 0.3}
    both = gained(100, drugs={"beta_blockade": 1.0, "mineralocorticoid_blockade": 0.5}, **slowed)
    assert both / gained(100) == pytest.approx(0.65 * 0.85, rel=1e-4)
    assert gained(100, drugs={"beta_blockade": 3.0}) == gained(100, drugs={"beta_blockade": 1.0})


def test_without_heart_failure_it_goes_by_the_square_of_how_far_the_heart_fails():
    """A usual pressure of 9 mmHg is sound, 11 is half way to 13, where a heart fails in full; a tenth of a year."""
    sound = {"heart_failure": 0, "ejection_fraction_percent": 60.0}
    slow = {"remodelling_mmhg_year": 0.01, "remodelling_more_per_mmhg": 0.0}
    whole = gained(36, pressure=9.0, **slow)
    assert gained(36, pressure=9.0, usual=9.0, person=sound, **slow) == 0.0
    assert gained(36, pressure=11.0, usual=11.0, person=sound, **slow) / whole == pytest.approx(0.25, rel=2e-3)
    assert gained(36, pressure=13.0, usual=13.0, person=sound, **slow) / whole == pytest.approx(1.0, rel=1e-4)
    scarred = sound | {"ejection_fraction_percent": 30.0}
    assert gained(36, pressure=9.0, usual=9.0, person=scarred, **slow) / whole == pytest.approx(1.0, rel=1e-4)


def test_it_ends_at_its_bound_and_halving_the_step_changes_nothing_to_speak_of():
    assert gained(400, pressure=45.0, remodelling_mmhg_year=10.0) == 15.0
    assert gained(100, step_days=0.5) == pytest.approx(gained(100), rel=1e-4)


def test_the_dead_stay_as_they_were():
    people = alike(2, filling_pressure_mmhg=20.0, baseline_filling_pressure_mmhg=12.0)
    people["alive"] = np.array([1, 0])
    Body(people, Remodelling(sets(remodelling=PACE))).live(10)
    assert people["remodelling_mmhg"][0] > 0
    assert people["remodelling_mmhg"][1] == 0
