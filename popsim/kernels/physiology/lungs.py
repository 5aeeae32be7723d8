"""Lungs: airflow obstruction that worsens by the year, and exacerbations of COPD.

    dF/dt = -(decline with COPD + decline of smokers) 100 / predicted volume;  each exacerbation takes a little more

F is FEV1 in percent of the predicted; ageing alone does not change it, because the predicted value ages too.
Exacerbations begin at a rate exponential in F, lower with inhaled treatment, higher during an infection and when
infections are frequent (season, particles, smoking: the influence `infection_log_rate`). Each person has a lifelong
susceptibility from the exponential distribution with mean 1, so that counts over a period are geometric and past
exacerbations predict future ones. Those known before entry do so too: susceptibility then has its posterior, a gamma
distribution. Severity is drawn at the onset and fades exponentially. An infection that brings somebody to hospital as
an exacerbation is one, as severe as the infection. Lung function recovers more slowly than symptoms: what it lost is
the highest severity so far, fading with a time constant of its own. The hazard of death is exponential in that loss,
and apart from it in the points of FEV1 below mild obstruction, more steeply with COPD than in others.

Limits: only with the diagnosis of COPD (no asthma); inhaled treatment prevents exacerbations and does not affect FEV1
or symptoms; no oxygen, no ventilation, no eosinophils; fibrosis and restriction by congestion stay at their baseline.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from popsim.kernels.codes import CAUSE_RESPIRATORY, STREAM_LUNGS
from popsim.kernels.numerics.compiling import njit, prange
from popsim.kernels.numerics.math import exp
from popsim.kernels.numerics.random import WORD, exponential, uniforms
from popsim.kernels.numerics.scalars import YEARS_PER_DAY, clip, positive
from popsim.kernels.physiology import influences as of
from popsim.kernels.physiology.shocks import shock

MIN_FEV1, MAX_FEV1 = 5.0, 130.0  # percent, as the column's bounds
LIFELONG = WORD  # index of the draw that a person keeps; no step is counted so far


class LungParameters(NamedTuple):
    """Constants of this file; units and sources in evidence/lungs.toml."""

    fev1_predicted_ml: float
    fev1_decline_copd_ml_year: float
    fev1_decline_smoking_ml_year: float
    fev1_lost_per_exacerbation_ml: float
    exacerbations_per_year: float
    exacerbation_reference_fev1_percent: float
    exacerbation_log_per_percent: float
    exacerbation_lowest_fev1_percent: float
    exacerbation_less_with_inhaled: float
    exacerbation_infectious_share: float
    exacerbation_more_in_infection: float
    exacerbation_weakest: float
    exacerbation_presents_per_day: float
    symptom_per_fev1_percent: float
    symptom_exacerbation: float
    filling_pressure_exacerbation_mmhg: float
    heart_rate_exacerbation_bpm: float
    arrhythmia_log_exacerbation: float
    death_log_unrecovered: float
    death_fev1_from_percent: float
    death_log_per_fev1_percent: float
    death_log_more_per_fev1_percent_copd: float


@njit(forceinline=True)
def susceptibility(key, person, before, expected):
    """Lifelong factor of a person's rate of exacerbations; exponential with mean 1.

    After `before` exacerbations (1.0 to 3.0) in the year before entry, where a mean person has `expected`, gamma with
    shape 1 + before and mean (1 + before) / (1 + expected); 0.0: not known.
    """
    u, second, third, fourth = uniforms(key, person, STREAM_LUNGS, LIFELONG)
    found = exponential(u, 1.0)
    found += exponential(second, 1.0) if before > 0.5 else 0.0
    found += exponential(third, 1.0) if before > 1.5 else 0.0
    found += exponential(fourth, 1.0) if before > 2.5 else 0.0
    return found / (1.0 + expected) if before > 0.5 else found


@njit(forceinline=True)
def exacerbation_rate(fev1, inhaled, infection_log_rate, infection, p):
    """Daily rate of exacerbations of a person with COPD and mean susceptibility."""
    lowest = p.exacerbation_lowest_fev1_percent
    obstruction = p.exacerbation_reference_fev1_percent - (fev1 if fev1 > lowest else lowest)
    share = p.exacerbation_infectious_share
    infectious = 1.0 - share + share * exp(clip(infection_log_rate, -3.0, 3.0))
    return (
        p.exacerbations_per_year * YEARS_PER_DAY
        * exp(p.exacerbation_log_per_percent * obstruction)
        * (1.0 - p.exacerbation_less_with_inhaled * clip(inhaled, 0.0, 1.5))
        * infectious
        * (1.0 + p.exacerbation_more_in_infection * infection)
    )  # fmt: skip


@njit(forceinline=True)
def decline(copd, smokes, p):
    """Percent points of FEV1 lost a year beyond ageing."""
    return (p.fev1_decline_copd_ml_year * copd + p.fev1_decline_smoking_ml_year * smokes) * 100.0 / p.fev1_predicted_ml


@njit(parallel=True)
def set_steady_state(baseline_fev1_percent, fev1_percent):
    """The state at entry: FEV1 as measured; what is left of an exacerbation comes on top of steady state."""
    for i in prange(len(baseline_fev1_percent)):
        fev1_percent[i] = np.float64(baseline_fev1_percent[i])


@njit(parallel=True, single=True)
def advance_day(
    person_id, alive, copd, smoking, baseline_fev1_percent, exacerbations_before_entry, infection_severity, acute_cause,
    fev1_percent, exacerbation_severity, unrecovered_lung_function, influences, key, day, step_days, remaining,
    unrecovered_remaining, p,
):  # fmt: skip
    """Advance all rows by one step of `step_days`; `day` counts steps from 0.

    Reads the columns up to `acute_cause`, writes those from `fev1_percent` to
    `unrecovered_lung_function`, adds to `influences`.
    remaining, unrecovered_remaining: shares of an exacerbation's severity, and of the lung function lost, that are left
    after a step.
    """
    years = step_days * YEARS_PER_DAY
    for i in prange(len(person_id)):
        person = person_id[i]
        u_onset, _, _, _ = uniforms(key, person, STREAM_LUNGS, 4 * day)
        lives = np.float64(alive[i]) > 0.5
        has_copd = np.float64(copd[i])
        smokes = 1.0 if np.float64(smoking[i]) == 2.0 else 0.0
        before, infection = np.float64(fev1_percent[i]), np.float64(infection_severity[i])
        flare_before, presented = np.float64(exacerbation_severity[i]), np.float64(acute_cause[i]) == CAUSE_RESPIRATORY
        flares = infection if presented & (infection > flare_before) else flare_before
        rate = has_copd * exacerbation_rate(
            before, np.float64(influences[of.BRONCHODILATION, i]), np.float64(influences[of.INFECTION_LOG_RATE, i]),
            infection, p,
        )  # fmt: skip
        expected = exacerbation_rate(np.float64(baseline_fev1_percent[i]), 0.0, 0.0, 0.0, p) / YEARS_PER_DAY
        known = np.float64(exacerbations_before_entry[i])
        rate = clip(rate * susceptibility(key, person, known, expected), 0.0, 1.0)
        flare, begins = shock(flares, remaining, rate, step_days, u_onset, p.exacerbation_weakest, 1.0)
        lost_before = np.float64(unrecovered_lung_function[i])
        still_lost = lost_before * unrecovered_remaining
        unrecovered = flare if flare > still_lost else still_lost
        scar = begins * p.fev1_lost_per_exacerbation_ml * 100.0 / p.fev1_predicted_ml
        lost = decline(has_copd, smokes, p) * years + scar
        now = clip(before - lost, MIN_FEV1, MAX_FEV1)
        worse = positive(np.float64(baseline_fev1_percent[i]) - now)

        influences[of.RESPIRATORY, i] += p.exacerbation_presents_per_day * flare * flare
        influences[of.SYMPTOM, i] += p.symptom_exacerbation * flare + p.symptom_per_fev1_percent * worse
        influences[of.FILLING_PRESSURE, i] += p.filling_pressure_exacerbation_mmhg * flare
        influences[of.HEART_RATE, i] += p.heart_rate_exacerbation_bpm * flare
        influences[of.ARRHYTHMIA_LOG_RATE, i] += p.arrhythmia_log_exacerbation * flare
        per_percent = p.death_log_per_fev1_percent + p.death_log_more_per_fev1_percent_copd * has_copd
        influences[of.NON_CARDIOVASCULAR_LOG_HAZARD, i] += (
            p.death_log_unrecovered * unrecovered + per_percent * positive(p.death_fev1_from_percent - now)
        )

        fev1_percent[i] = now if lives else before
        exacerbation_severity[i] = flare if lives else flare_before
        unrecovered_lung_function[i] = unrecovered if lives else lost_before
