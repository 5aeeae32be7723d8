"""Diabetes: HbA1c follows mean glucose with the lag of the red cell; hypoglycaemia and hyperglycaemia.

Glycaemia is expressed as the HbA1c that it would lead to, percent:

    g = floor + (u - floor) exp(-reduction / scale) (1 + stress infection)
    dH/dt = (g - H) / tau,    du/dt = progression, with diabetes

u is the untreated glycaemia; drugs reduce the part above the floor multiplicatively, so that they do little where there
is little to reduce. Mean glucose is 28.7 g - 46.7 mg/dL (ADAG).

Limits: type 2 only; a day has one mean glucose; no change of weight (what a drug does through weight is in its effect);
anaemia, transfusion and uraemia do not distort the measurement; progression does not depend on age.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from popsim.kernels.numerics.compiling import njit, prange
from popsim.kernels.numerics.math import exp
from popsim.kernels.numerics.scalars import YEARS_PER_DAY, approach, clip, positive
from popsim.kernels.physiology import influences as of

MIN_HBA1C, MAX_HBA1C, MAX_UNTREATED = 3.5, 20.0, 60.0  # percent, as the columns' bounds


class DiabetesParameters(NamedTuple):
    """Constants of this file; units and sources in evidence/diabetes.toml."""

    hba1c_floor_percent: float
    hba1c_drug_scale_percent: float
    hba1c_stress_infection: float
    hba1c_progression_percent_year: float
    hypoglycaemia_per_day: float
    hypoglycaemia_hba1c_percent: float
    hypoglycaemia_log_per_percent: float
    hypoglycaemia_gfr_ml_min: float
    hypoglycaemia_log_per_ml_min: float
    hypoglycaemia_lowest_gfr_ml_min: float
    hypoglycaemia_more_per_year: float
    hypoglycaemia_more_per_frailty: float
    hyperglycaemia_per_day: float
    hyperglycaemia_hba1c_percent: float
    hyperglycaemia_log_per_percent: float
    infection_hba1c_percent: float
    infection_log_per_percent: float


@njit(forceinline=True)
def glycaemia(untreated, reduction, infection, p):
    """Today's glycaemia as the HbA1c (%) that it leads to; below the floor, drugs and stress have no effect."""
    above = untreated - p.hba1c_floor_percent
    treated = positive(above) * exp(-positive(reduction) / p.hba1c_drug_scale_percent)
    stressed = treated * (1.0 + p.hba1c_stress_infection * infection)
    return p.hba1c_floor_percent + (stressed if above > 0.0 else above)


@njit(forceinline=True)
def untreated_of(measured, reduction, p):
    """The untreated HbA1c (%) of a person with `measured` on drugs with `reduction`: the inverse of `glycaemia`."""
    above = measured - p.hba1c_floor_percent
    scaled = positive(above) * exp(positive(reduction) / p.hba1c_drug_scale_percent)
    return p.hba1c_floor_percent + (scaled if above > 0.0 else above)


@njit(forceinline=True)
def hypoglycaemia_hazard(drive, hba1c, gfr, age, frailty, p):
    """Daily rate of hospital contacts for hypoglycaemia under drugs that cause it, by HbA1c, GFR, age and frailty."""
    lowest = p.hypoglycaemia_lowest_gfr_ml_min
    slow = p.hypoglycaemia_gfr_ml_min - (gfr if gfr > lowest else lowest)
    tight = positive(p.hypoglycaemia_hba1c_percent - hba1c)
    log_ratio = p.hypoglycaemia_log_per_ml_min * slow + p.hypoglycaemia_log_per_percent * tight
    frail = 1.0 + p.hypoglycaemia_more_per_frailty * (frailty - 0.3)
    return (
        p.hypoglycaemia_per_day
        * drive
        * exp(log_ratio)
        * (1.0 + p.hypoglycaemia_more_per_year * positive(age - 75.0))
        * frail
    )


@njit(forceinline=True)
def hyperglycaemia_hazard(glycaemia_percent, diabetes, p):
    """Presentations a day with severe hyperglycaemia: exponential in today's glycaemia."""
    log_ratio = p.hyperglycaemia_log_per_percent * (glycaemia_percent - p.hyperglycaemia_hba1c_percent)
    return p.hyperglycaemia_per_day * diabetes * exp(clip(log_ratio, -10.0, 6.0))


@njit(parallel=True)
def set_steady_state(baseline_hba1c_percent, hba1c_percent, untreated_hba1c_percent, influences, p):
    """The state at entry: the measured HbA1c is that on entry drugs."""
    for i in prange(len(baseline_hba1c_percent)):
        measured = np.float64(baseline_hba1c_percent[i])
        reduction = np.float64(influences[of.HBA1C_REDUCTION, i])
        hba1c_percent[i] = measured
        untreated_hba1c_percent[i] = clip(untreated_of(measured, reduction, p), MIN_HBA1C, MAX_UNTREATED)


@njit(parallel=True, single=True)
def advance_day(
    entry_day, age_years, alive, diabetes, gfr_ml_min, infection_severity, frailty, hba1c_percent,
    untreated_hba1c_percent, influences, time_days, step_days, hba1c_share, p,
):  # fmt: skip
    """Advance all rows by one step of `step_days`, from day `time_days` on.

    Reads the columns up to `frailty`, writes `hba1c_percent` and `untreated_hba1c_percent` and adds to `influences`.
    hba1c_share: part of the way to its target that HbA1c covers in a step.
    """
    for i in prange(len(age_years)):
        lives = np.float64(alive[i]) > 0.5
        has_diabetes = np.float64(diabetes[i])
        age = np.float64(age_years[i]) + clip((time_days - np.float64(entry_day[i])) * YEARS_PER_DAY, 0.0, 100.0)
        before, untreated_before = np.float64(hba1c_percent[i]), np.float64(untreated_hba1c_percent[i])
        worse = p.hba1c_progression_percent_year * has_diabetes * step_days * YEARS_PER_DAY
        untreated = clip(untreated_before + worse, MIN_HBA1C, MAX_UNTREATED)
        sugar = glycaemia(
            untreated, np.float64(influences[of.HBA1C_REDUCTION, i]), np.float64(infection_severity[i]), p
        )
        sugar = clip(sugar, MIN_HBA1C, MAX_HBA1C)
        now = approach(before, sugar, hba1c_share)
        too_low = hypoglycaemia_hazard(
            np.float64(influences[of.HYPOGLYCAEMIC_DRIVE, i]),
            now,
            np.float64(gfr_ml_min[i]),
            age,
            np.float64(frailty[i]),
            p,
        )
        too_high = hyperglycaemia_hazard(sugar, has_diabetes, p)

        influences[of.GLUCOSE, i] += too_low + too_high
        influences[of.INFECTION_LOG_RATE, i] += p.infection_log_per_percent * positive(now - p.infection_hba1c_percent)

        hba1c_percent[i] = now if lives else before
        untreated_hba1c_percent[i] = untreated if lives else untreated_before
