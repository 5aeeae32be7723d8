"""Coronary disease: infarctions, their scars, and stents.

Risk is log-linear in deviations from a reference person, plus an effect of the time since an infarction. With d days
since the last infarction and P the blocked share of platelet reactivity:

    recent = (1 - d / 365)^4, 0 after a year
    hazard = rate exp(risk) ((1 + more recent) (1 - e P) + stent more_s recent (1 - P / P_cover)+)

so that a new stent needs platelet inhibition, and an old one does not.

Limits: one kind of infarction (no type 2, no unstable angina); scars do not depend on reperfusion; no bypass surgery,
no planned intervention; every risk factor multiplies, whatever the others are; aspirin is in the rate, not a drug.
"""

from __future__ import annotations

from typing import NamedTuple

from popsim.kernels.codes import LEVEL_CRITICAL, LEVEL_WARD
from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.math import exp
from popsim.kernels.numerics.scalars import clip, positive

RECENT_DAYS = 365.0  # days for which an infarction counts as recent
LONG_AGO_DAYS = 366.0  # days since an infarction are counted up to here; also: never had one
MAX_SCAR_PERCENT = 40.0  # as the column's bound


class CoronaryParameters(NamedTuple):
    """Constants of this file; units and sources in evidence/vessels.toml."""

    infarction_per_day: float
    infarction_log_coronary_disease: float
    infarction_log_prior: float
    infarction_log_per_year: float
    infarction_log_per_ldl: float
    infarction_log_per_hba1c: float
    infarction_log_per_mmhg: float
    infarction_log_per_gfr: float
    infarction_log_smokes: float
    infarction_log_stopped: float
    infarction_more_when_recent: float
    infarction_less_per_platelet_inhibition: float
    infarction_dead_before_hospital: float
    infarction_early_death_per_day: float
    infarction_early_days: float
    stent_more_when_recent: float
    stent_covering_inhibition: float
    intervention_days: float
    intervention_ward_per_day: float
    intervention_critical_per_day: float
    scar_least_percent: float
    scar_most_percent: float
    ischaemia_pressure_mmhg: float
    ischaemia_symptom: float


@njit(forceinline=True)
def recency(days_since):
    """1 on the day of an infarction, falling as a fourth power to 0 after a year; its mean over that year is 1/5."""
    left = positive(1.0 - days_since / RECENT_DAYS)
    return left * left * left * left


@njit(forceinline=True)
def infarction_risk(older, lipid, sugar, pressure, slow, stopped, smokes, coronary_disease, had_one, p):
    """Log of the ratio of a twin's chronic rate of infarction to the reference person's.

    older: years, lipid: mmol/L of LDL, sugar: % of HbA1c, pressure: mmHg, all above the reference; slow: mL/min/1.73 m2
    of filtration below 60; the rest 0.0 or 1.0.
    """
    risk = (
        p.infarction_log_coronary_disease * coronary_disease
        + p.infarction_log_prior * had_one
        + p.infarction_log_per_year * older
        + p.infarction_log_per_ldl * lipid
        + p.infarction_log_per_hba1c * sugar
        + p.infarction_log_per_mmhg * pressure
        + p.infarction_log_per_gfr * slow
        + p.infarction_log_smokes * smokes
        + p.infarction_log_stopped * stopped
    )
    return clip(risk, -6.0, 5.0)


@njit(forceinline=True)
def infarction_hazard(risk, recent, stent, inhibition, p):
    """Hazard a day of an infarction, whether or not hospital is reached.

    risk: of `infarction_risk`; recent: of `recency`; stent: 1.0 if one was set for the last infarction; inhibition:
    share of platelet reactivity blocked, 0..1.
    """
    spared = 1.0 - p.infarction_less_per_platelet_inhibition * inhibition
    bare = stent * positive(1.0 - inhibition / p.stent_covering_inhibition)
    factor = (1.0 + p.infarction_more_when_recent * recent) * spared + p.stent_more_when_recent * recent * bare
    return p.infarction_per_day * exp(risk) * factor


@njit(forceinline=True)
def intervention_rate(days_since, stent, level, p):
    """Rate a day at which a stent is set: soon after an infarction, in hospital, once."""
    rate = p.intervention_critical_per_day if level >= LEVEL_CRITICAL else p.intervention_ward_per_day
    wanted = (days_since < p.intervention_days) & (level >= LEVEL_WARD) & (stent < 0.5)
    return rate if wanted else 0.0


@njit(forceinline=True)
def scar(u, p):
    """Points of ejection fraction permanently lost to an infarction; u uniform on (0, 1): most are small."""
    return p.scar_least_percent + (p.scar_most_percent - p.scar_least_percent) * u * u
