"""Exogenous shocks (infection, lapse of adherence, salty diet, fast arrhythmia) and adherence to drugs.

A shock of each kind begins with a rate that depends on the twin's state; its strength decays exponentially. One
uniform serves both the onset and the strength: given u < p, u / p is uniform on (0, 1).
"""

from __future__ import annotations

from typing import NamedTuple

from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.scalars import clip, positive, small_chance


class ShockParameters(NamedTuple):
    """Constants of this file; units and sources in evidence/heart_failure.toml."""

    infection_rate_per_day: float
    infection_more_with_copd: float
    infection_more_per_frailty: float
    infection_more_with_deconditioning: float
    infection_weakest: float
    lapse_rate_per_day: float
    lapse_more_per_missing_adherence: float
    lapse_more_with_deconditioning: float
    lapse_less_with_support: float
    lapse_weakest: float
    salt_rate_per_day: float
    salt_least_g_day: float
    salt_most_g_day: float
    arrhythmia_rate_per_day: float
    arrhythmia_more_with_atrial_fibrillation: float
    arrhythmia_more_per_mmhg: float
    arrhythmia_less_with_beta_blocker: float
    arrhythmia_weakest: float
    support_share: float
    support_fading_per_day: float
    facility_adherence: float


@njit(forceinline=True)
def shock(level, remaining, rate, step_days, u, weakest, strongest):
    """(strength today, 1.0 if a new shock begins today).

    level: strength yesterday, of which the share `remaining` is left. A new shock begins with probability
    1 - exp(-rate step_days); its strength is weakest + (strongest - weakest) v**2 with v uniform, so that most are
    mild, and the stronger of old and new counts.
    """
    p = small_chance(rate * step_days)
    began = u < p
    v = u / (p if p > 1e-300 else 1.0)
    strength = weakest + (strongest - weakest) * v * v
    left = level * remaining
    new = strength if strength > left else left
    return (new if began else left), (1.0 if began else 0.0)


@njit(forceinline=True)
def infection_rate(copd, frailty, deconditioning, p):
    """Daily rate of infections: a basic rate, higher with COPD, frailty (from 0) and reserve lost in hospital."""
    return (
        p.infection_rate_per_day
        * (1.0 + p.infection_more_with_copd * copd)
        * (1.0 + p.infection_more_per_frailty * frailty)
        * (1.0 + p.infection_more_with_deconditioning * deconditioning)
    )


@njit(forceinline=True)
def lapse_rate(adherence_trait, deconditioning, support, p):
    """Daily rate of lapses: higher with low usual adherence and after hospital, lower soon after a review."""
    return (
        p.lapse_rate_per_day
        * (1.0 + p.lapse_more_per_missing_adherence * (1.0 - adherence_trait))
        * (1.0 + p.lapse_more_with_deconditioning * deconditioning)
        * (1.0 - p.lapse_less_with_support * support)
    )


@njit(forceinline=True)
def arrhythmia_rate(atrial_fibrillation, pressure_rise, beta_blockade, p):
    """Daily rate of fast arrhythmias: higher with atrial fibrillation and congestion, lower on a beta-blocker.

    pressure_rise: filling pressure above the twin's own, mmHg, counted from 0 to 20.
    """
    return (
        p.arrhythmia_rate_per_day
        * (1.0 + p.arrhythmia_more_with_atrial_fibrillation * atrial_fibrillation)
        * (1.0 + p.arrhythmia_more_per_mmhg * clip(pressure_rise, 0.0, 20.0))
        * (1.0 - p.arrhythmia_less_with_beta_blocker * beta_blockade)
    )


@njit(forceinline=True)
def review_support(days_since_review, p):
    """Remaining adherence support of the last review: 1 on its day, fading as a squared ramp to 0."""
    left = positive(1.0 - p.support_fading_per_day * positive(days_since_review))
    return left * left


@njit(forceinline=True)
def adherence_today(trait, support, lapse, in_facility, in_hospital, p):
    """Share of the prescribed doses taken: the trait, raised by support, cut by a lapse; 1 where staff give the drugs.

    in_facility, in_hospital: 0.0 or 1.0.
    """
    usual = trait + (1.0 - trait) * p.support_share * support
    alone = usual * (1.0 - lapse)
    cared = p.facility_adherence if in_facility > 0.5 else alone
    return 1.0 if in_hospital > 0.5 else clip(cared, 0.0, 1.0)
