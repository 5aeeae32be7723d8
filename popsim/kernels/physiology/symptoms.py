"""Symptoms and reserve: symptom score, NYHA class, frailty, deconditioning."""

from __future__ import annotations

from typing import NamedTuple

from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.math import logistic
from popsim.kernels.numerics.scalars import YEARS_PER_DAY, clip, positive


class SymptomParameters(NamedTuple):
    """Constants of this file; units and sources in evidence/heart_failure.toml."""

    symptom_pressure_middle_mmhg: float
    symptom_per_mmhg: float
    symptom_low_ef: float
    symptom_copd: float
    symptom_infection: float
    symptom_arrhythmia: float
    symptom_frailty: float
    nyha_2_from: float
    nyha_3_from: float
    nyha_4_from: float
    nyha_judgement_sd: float
    frailty_per_year: float
    frailty_in_hospital_per_day: float


@njit(forceinline=True)
def symptom_target(pressure, ef, copd, infection, arrhythmia, frailty, p):
    """Steady-state symptom score 0..10: logistic in filling pressure and other causes of breathlessness."""
    drive = (
        p.symptom_per_mmhg * (pressure - p.symptom_pressure_middle_mmhg)
        + p.symptom_low_ef * positive(40.0 - ef)
        + p.symptom_copd * copd
        + p.symptom_infection * infection
        + p.symptom_arrhythmia * arrhythmia
        + p.symptom_frailty * (frailty - 0.3)
    )
    return 10.0 * logistic(drive)


@njit(forceinline=True)
def functional_class(score, judgement, p):
    """NYHA class 1.0..4.0 as it is judged: thresholds of the symptom score, as severe as this person is taken.

    judgement: standard normal, lasting.
    """
    judged = score + p.nyha_judgement_sd * judgement
    second = 1.0 if judged >= p.nyha_2_from else 0.0
    third = 1.0 if judged >= p.nyha_3_from else 0.0
    fourth = 1.0 if judged >= p.nyha_4_from else 0.0
    return 1.0 + second + third + fourth


@njit(forceinline=True)
def frailty_after(frailty, in_hospital, step_days, p):
    """Frailty at the end of the step: a slow drift with age, faster on a ward; never undone."""
    drift = p.frailty_per_year * YEARS_PER_DAY + p.frailty_in_hospital_per_day * in_hospital
    return clip(frailty + step_days * drift * (1.0 - frailty), 0.0, 1.0)


@njit(forceinline=True)
def frailty_beyond_years(frailty, years, p):
    """Frailty less what the years since entry alone have brought (first order in years); a life table has that."""
    return frailty - p.frailty_per_year * years * (1.0 - frailty)
