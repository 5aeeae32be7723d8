"""Hazards of acute presentation by cause, from a twin's state (hazards of death: death.py).

Each cause has a daily hazard; the probability of presenting in a step is 1 - exp(-total step_days), and given that, a
cause is drawn in proportion to its hazard (competing risks with constant hazards within the step).

The hazard of heart failure depends on two things apart: steeply on how far symptoms are from what the person is used to
(the departure from the slow mean of the own score), and little on that mean itself. Persons differ for good in how
readily they present: log-normal factors with mean 1 on heart failure and on all else, of one standard normal trait.
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

# Where base hazards are quoted: a usual score of NYHA class II, and a reduced ejection fraction, percent.
USUAL_SCORE = 2.0
USUAL_EF = 30.0
NORMAL_EF = 50.0


class ClinicalParameters(NamedTuple):
    """Shares of this file that organ systems leave; units and sources in evidence/clinical_twin.toml."""

    other_hazard_share: float
    respiratory_hazard_share: float
    other_death_share: float


class AcuteParameters(NamedTuple):
    """Constants of this file; units and sources in evidence/heart_failure.toml."""

    heart_failure_log_base: float
    heart_failure_log_per_usual: float
    heart_failure_log_per_departure: float
    heart_failure_log_per_ef: float
    heart_failure_log_preserved: float
    heart_failure_log_beta_blocker: float
    heart_failure_log_ras: float
    heart_failure_log_neprilysin: float
    heart_failure_log_mra: float
    heart_failure_log_sglt2: float
    heart_failure_preserved_drug_share: float
    heart_failure_log_propensity_sd: float
    heart_failure_pressure_from_mmhg: float
    heart_failure_pressure_per_mmhg: float
    heart_failure_highest_per_day: float
    other_presentation_log_propensity_sd: float
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


@njit(forceinline=True)
def weakness(ef):
    """Points of ejection fraction below that at which base hazards are quoted; above normal more is no better."""
    return USUAL_EF - (ef if ef < NORMAL_EF else NORMAL_EF)


@njit(forceinline=True)
def log_factor(z, sd):
    """Log of a log-normal factor with mean 1, for a standard normal z."""
    return sd * (z - 0.5 * sd)


@njit(forceinline=True)
def heart_failure_drugs(beta, ras, neprilysin, mra, sglt2, preserved_ef, p):
    """Log of the factor by which drugs lower the hazard of heart failure, beyond what they do to the state.

    With a preserved ejection fraction a share of it, of MRA nothing, of SGLT2 inhibitors all.
    """
    drugs = (
        p.heart_failure_log_beta_blocker * beta
        + p.heart_failure_log_ras * ras
        + p.heart_failure_log_neprilysin * neprilysin
    )
    share = 1.0 - (1.0 - p.heart_failure_preserved_drug_share) * preserved_ef
    return share * drugs + (1.0 - preserved_ef) * p.heart_failure_log_mra * mra + p.heart_failure_log_sglt2 * sglt2


@njit(forceinline=True)
def heart_failure_hazard(score, usual, pressure, ef, preserved_ef, log_ratio, p):
    """Presentations for heart failure a day, only where pressure is high.

    score: of symptoms today; usual: its slow mean; log_ratio: propensity, drugs and the day's influences.
    """
    congested = ramp(pressure, p.heart_failure_pressure_from_mmhg, p.heart_failure_pressure_per_mmhg)
    log_hazard = (
        p.heart_failure_log_base
        + p.heart_failure_log_per_usual * (usual - USUAL_SCORE)
        + p.heart_failure_log_per_departure * (score - usual)
        + p.heart_failure_log_per_ef * weakness(ef)
        - p.heart_failure_log_preserved * preserved_ef
        + log_ratio
    )
    hazard = congested * exp(clip(log_hazard, -30.0, 10.0))
    most = p.heart_failure_highest_per_day
    return hazard if hazard < most else most


@njit(forceinline=True)
def infection_hazards(infection, frailty, copd, p):
    """(infection, exacerbation of COPD) a day, from the square of severity; the second only with COPD."""
    square = infection * infection
    frail = 1.0 + p.infection_hazard_more_per_frailty * frailty
    return p.infection_hazard_per_day * square * frail, p.respiratory_hazard_per_day * square * copd


@njit(forceinline=True)
def arrhythmia_hazard(arrhythmia, p):
    """Presentations for fast arrhythmia a day."""
    return p.arrhythmia_hazard_per_day * arrhythmia * arrhythmia


@njit(forceinline=True)
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


@njit(forceinline=True)
def other_hazard(frailty, age, deconditioning, p):
    """Presentations a day for falls and everything else: more with frailty, age above 60 and loss of reserve."""
    return (
        p.other_hazard_per_day
        * (1.0 + p.other_more_per_frailty * frailty)
        * (1.0 + p.other_more_per_year * positive(age - 60.0))
        * (1.0 + p.other_more_with_deconditioning * deconditioning)
    )


@njit(forceinline=True)
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


@njit(forceinline=True)
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
