"""Hazards of acute presentation by cause, and of death, from a twin's state.

Each cause has a daily hazard; the probability of presenting in a step is 1 - exp(-total step_days), and given that, a
cause is drawn in proportion to its hazard (competing risks with constant hazards within the step).
"""

from __future__ import annotations

from typing import NamedTuple

from popsim.kernels.codes import (
    CAUSE_ARRHYTHMIA,
    CAUSE_BLEEDING,
    CAUSE_FALL,
    CAUSE_GLUCOSE,
    CAUSE_HEART_FAILURE,
    CAUSE_INFARCTION,
    CAUSE_INFECTION,
    CAUSE_OTHER,
    CAUSE_RENAL,
    CAUSE_RESPIRATORY,
    CAUSE_STROKE,
)
from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.math import exp
from popsim.kernels.numerics.scalars import clip, positive, ramp


class ClinicalParameters(NamedTuple):
    """Shares of this file that organ systems leave; units and sources in evidence/clinical_twin.toml."""

    other_hazard_share: float
    respiratory_hazard_share: float
    other_death_share: float


class AcuteParameters(NamedTuple):
    """Constants of this file; units and sources in evidence/heart_failure.toml."""

    heart_failure_certain_score: float
    heart_failure_log_hazard_per_score: float
    heart_failure_pressure_from_mmhg: float
    heart_failure_pressure_per_mmhg: float
    heart_failure_highest_per_day: float
    infection_hazard_per_day: float
    infection_hazard_more_per_frailty: float
    respiratory_hazard_per_day: float
    arrhythmia_hazard_per_day: float
    renal_potassium_from_mmol_l: float
    renal_potassium_per_mmol_l: float
    renal_potassium_per_day: float
    renal_systolic_from_mmhg: float
    renal_systolic_per_mmhg: float
    renal_systolic_per_day: float
    renal_gfr_share: float
    renal_gfr_per_ml_min: float
    renal_gfr_per_day: float
    other_hazard_per_day: float
    other_more_per_frailty: float
    other_more_per_year: float
    other_more_with_deconditioning: float
    death_log_base: float
    death_log_per_age: float
    death_log_per_year: float
    death_log_low_ef: float
    death_log_symptom: float
    death_log_distress: float
    death_distress_from_score: float
    death_log_infection: float
    death_log_arrhythmia: float
    death_log_frailty: float
    death_log_deconditioning: float
    death_log_low_gfr: float
    death_log_low_systolic: float
    death_log_potassium: float
    death_log_beta_blocker: float
    death_log_mra: float
    death_highest_per_day: float
    death_palliative_per_day: float


@njit(cache=True, error_model="numpy", forceinline=True)
def heart_failure_hazard(score, pressure, p):
    """Presentations for heart failure a day: exponential in the symptom score, only where pressure is high."""
    congested = ramp(pressure, p.heart_failure_pressure_from_mmhg, p.heart_failure_pressure_per_mmhg)
    hazard = congested * exp(p.heart_failure_log_hazard_per_score * (score - p.heart_failure_certain_score))
    most = p.heart_failure_highest_per_day
    return hazard if hazard < most else most


@njit(cache=True, error_model="numpy", forceinline=True)
def infection_hazards(infection, frailty, copd, p):
    """(infection, exacerbation of COPD) a day, from the square of severity; the second only with COPD."""
    square = infection * infection
    frail = 1.0 + p.infection_hazard_more_per_frailty * frailty
    return p.infection_hazard_per_day * square * frail, p.respiratory_hazard_per_day * square * copd


@njit(cache=True, error_model="numpy", forceinline=True)
def arrhythmia_hazard(arrhythmia, p):
    """Presentations for fast arrhythmia a day."""
    return p.arrhythmia_hazard_per_day * arrhythmia * arrhythmia


@njit(cache=True, error_model="numpy", forceinline=True)
def renal_hazard(potassium, systolic, gfr, usual_gfr, p):
    """Presentations a day for hyperkalaemia, low pressure or acute kidney injury: the square of a ramp in each.

    usual_gfr: the twin's own filtration on its drugs, without an acute insult.
    """
    high_potassium = ramp(potassium, p.renal_potassium_from_mmol_l, p.renal_potassium_per_mmol_l)
    low_pressure = ramp(systolic, p.renal_systolic_from_mmhg, -p.renal_systolic_per_mmhg)
    collapse = ramp(gfr, p.renal_gfr_share * usual_gfr, -p.renal_gfr_per_ml_min)
    return (
        p.renal_potassium_per_day * high_potassium * high_potassium
        + p.renal_systolic_per_day * low_pressure * low_pressure
        + p.renal_gfr_per_day * collapse * collapse
    )


@njit(cache=True, error_model="numpy", forceinline=True)
def other_hazard(frailty, age, deconditioning, p):
    """Presentations a day for falls and everything else: more with frailty, age above 60 and loss of reserve."""
    return (
        p.other_hazard_per_day
        * (1.0 + p.other_more_per_frailty * frailty)
        * (1.0 + p.other_more_per_year * positive(age - 60.0))
        * (1.0 + p.other_more_with_deconditioning * deconditioning)
    )


@njit(cache=True, error_model="numpy", forceinline=True)
def chosen_cause(u, heart_failure, infection, arrhythmia, renal, respiratory, total):
    """Code of the cause in whose interval u * total falls, as a double; the rest of the total is `other`."""
    x = u * total
    a = heart_failure
    b = a + infection
    c = b + arrhythmia
    d = c + renal
    e = d + respiratory
    cause = float(CAUSE_OTHER)
    cause = float(CAUSE_RESPIRATORY) if x < e else cause
    cause = float(CAUSE_RENAL) if x < d else cause
    cause = float(CAUSE_ARRHYTHMIA) if x < c else cause
    cause = float(CAUSE_INFECTION) if x < b else cause
    return float(CAUSE_HEART_FAILURE) if x < a else cause


@njit(cache=True, error_model="numpy", forceinline=True)
def cause_elsewhere(x, cause, infarction, stroke, bleeding, fall):
    """The cause outside the heart-failure core in whose interval x falls; `cause` where x is below 0."""
    a = infarction
    b = a + stroke
    c = b + bleeding
    d = c + fall
    chosen = float(CAUSE_GLUCOSE)
    chosen = float(CAUSE_FALL) if x < d else chosen
    chosen = float(CAUSE_BLEEDING) if x < c else chosen
    chosen = float(CAUSE_STROKE) if x < b else chosen
    chosen = float(CAUSE_INFARCTION) if x < a else chosen
    return chosen if x >= 0.0 else cause


@njit(cache=True, error_model="numpy", forceinline=True)
def other_death_hazard(life_table, infection, frailty, deconditioning, p, clinical_constants):
    """Daily hazard of non-cardiovascular death: the life table's share, more with illness, frailty and lost reserve."""
    log_ratio = (
        p.death_log_infection * infection
        + p.death_log_frailty * (frailty - 0.3)
        + p.death_log_deconditioning * deconditioning
    )
    return clinical_constants.other_death_share * life_table * exp(clip(log_ratio, -5.0, 8.0))


@njit(cache=True, error_model="numpy", forceinline=True)
def death_hazard(
    life_table, age, years_since_entry, ef, score, infection, arrhythmia, frailty, deconditioning, gfr, systolic,
    potassium, beta, mra, p,
):  # fmt: skip
    """Daily hazard of death: the life table times an exponential of the state, capped.

    The excess of heart failure over the life table shrinks with age (death_log_per_age); beta-blocker and MRA lower it
    beyond what they do to the state (sudden death).
    """
    log_ratio = (
        p.death_log_base
        + p.death_log_per_year * years_since_entry
        - p.death_log_per_age * (age - 75.0)
        + p.death_log_low_ef * positive(50.0 - ef)
        + p.death_log_symptom * (score - 2.0)
        + p.death_log_distress * positive(score - p.death_distress_from_score)
        + p.death_log_infection * infection
        + p.death_log_arrhythmia * arrhythmia
        + p.death_log_frailty * (frailty - 0.3)
        + p.death_log_deconditioning * deconditioning
        + p.death_log_low_gfr * positive(60.0 - gfr)
        + p.death_log_low_systolic * positive(110.0 - systolic)
        + p.death_log_potassium * positive(potassium - 5.5)
        - p.death_log_beta_blocker * beta
        - p.death_log_mra * mra
    )
    hazard = life_table * exp(clip(log_ratio, -10.0, 12.0))
    return hazard if hazard < p.death_highest_per_day else p.death_highest_per_day
