"""Ageing: falls, fractures and delirium. Frailty itself is a column of the core.

Falls that lead to hospital have a hazard exponential in age, frailty, low pressure, delirium, an unhealed fracture,
stroke, alcohol and deprivation. Some of them cause a fracture, which heals at a constant rate. Delirium begins far more
often in hospital than at home, with rates that rise with age, frailty and infection, and clears at a constant rate.
Both add to symptoms and to the hazards of falls and death. Most people with delirium at home present on that day.

Limits: no dementia, vision or bone density; falls without hospital contact are not counted; polypharmacy acts only
through low pressure; surgery for a fracture is in its hazard of death.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from popsim.kernels.codes import CAUSE_FALL, LEVEL_EMERGENCY, STREAM_LUNGS
from popsim.kernels.numerics.compiling import njit, prange
from popsim.kernels.numerics.math import exp
from popsim.kernels.numerics.random import uniforms
from popsim.kernels.numerics.scalars import YEARS_PER_DAY, clip, ramp, small_chance
from popsim.kernels.physiology import influences as of

USUAL_FRAILTY = 0.3  # where hazards are quoted


class AgeingParameters(NamedTuple):
    """Constants of this file; units and sources in evidence/ageing.toml."""

    falls_per_year: float
    fall_reference_age: float
    fall_log_per_year: float
    fall_log_per_frailty: float
    fall_low_pressure_from_mmhg: float
    fall_low_pressure_per_mmhg: float
    fall_log_low_pressure: float
    fall_log_delirium: float
    fall_log_fracture: float
    fall_log_stroke: float
    fall_log_per_alcohol_g_day: float
    fall_log_per_deprivation_fifth: float
    fracture_share: float
    fracture_heals_per_day: float
    fracture_symptom: float
    fracture_death_log: float
    delirium_in_hospital_per_day: float
    delirium_at_home_per_day: float
    delirium_log_per_year: float
    delirium_log_per_frailty: float
    delirium_log_infection: float
    delirium_clears_per_day: float
    delirium_symptom: float
    delirium_death_log: float
    delirium_presents: float


@njit(forceinline=True)
def fall_hazard(age, frailty, systolic, delirium, fracture, disability, alcohol, deprivation, p):
    """Daily rate of falls that lead to hospital."""
    low = ramp(systolic, p.fall_low_pressure_from_mmhg, -p.fall_low_pressure_per_mmhg)
    log_ratio = (
        p.fall_log_per_year * (age - p.fall_reference_age)
        + p.fall_log_per_frailty * (frailty - USUAL_FRAILTY)
        + p.fall_log_low_pressure * low
        + p.fall_log_delirium * delirium
        + p.fall_log_fracture * fracture
        + p.fall_log_stroke * disability
        + p.fall_log_per_alcohol_g_day * clip(alcohol, 0.0, 60.0)
        + p.fall_log_per_deprivation_fifth * (3.0 - deprivation)
    )
    return p.falls_per_year * YEARS_PER_DAY * exp(clip(log_ratio, -6.0, 4.0))


@njit(forceinline=True)
def delirium_rate(age, frailty, infection, attended, p):
    """Onsets of delirium a day; attended: 1.0 in an emergency department or hospital."""
    log_ratio = (
        p.delirium_log_per_year * (age - p.fall_reference_age)
        + p.delirium_log_per_frailty * (frailty - USUAL_FRAILTY)
        + p.delirium_log_infection * infection
    )
    base = p.delirium_in_hospital_per_day if attended > 0.5 else p.delirium_at_home_per_day
    return base * exp(clip(log_ratio, -6.0, 4.0))


@njit(parallel=True)
def set_steady_state(delirium, fracture):
    """The state at entry: neither delirium nor fracture."""
    for i in prange(len(delirium)):
        delirium[i] = 0
        fracture[i] = 0


@njit(parallel=True, single=True)
def advance_day(
    person_id, entry_day, age_years, alive, alcohol_g_day, deprivation_quintile, systolic_mmhg, frailty,
    infection_severity, stroke_disability, acute_cause, care_level, delirium, fracture, influences, key,
    day, step_days, p,
):  # fmt: skip
    """Advance all rows by one step of `step_days`; `day` counts steps from 0.

    Reads the columns up to `care_level`, writes `delirium` and `fracture` and adds to `influences`.
    """
    today = np.float64(day * step_days)
    for i in prange(len(person_id)):
        u_delirium, u_clears, u_fracture, u_heals = uniforms(key, person_id[i], STREAM_LUNGS, 4 * day + 1)
        lives = np.float64(alive[i]) > 0.5
        age = np.float64(age_years[i]) + clip((today - np.float64(entry_day[i])) * YEARS_PER_DAY, 0.0, 100.0)
        frail = np.float64(frailty[i])
        attended = 1.0 if np.float64(care_level[i]) >= LEVEL_EMERGENCY else 0.0
        delirious_before, broken_before = np.float64(delirium[i]), np.float64(fracture[i])

        onset = delirium_rate(age, frail, np.float64(infection_severity[i]), attended, p)
        begins = 1.0 if u_delirium < small_chance(onset * step_days) else 0.0
        stays = 0.0 if u_clears < small_chance(p.delirium_clears_per_day * step_days) else 1.0
        delirious = np.float64(stays if delirious_before > 0.5 else begins)
        fell = np.float64(acute_cause[i]) == CAUSE_FALL
        breaks = 1.0 if fell & (u_fracture < p.fracture_share) else 0.0
        mends = 0.0 if u_heals < small_chance(p.fracture_heals_per_day * step_days) else 1.0
        broken = mends if broken_before > 0.5 else breaks
        broken = np.float64(1.0 if breaks > 0.5 else broken)

        falls = fall_hazard(
            age, frail, np.float64(systolic_mmhg[i]), delirious, broken, np.float64(stroke_disability[i]),
            np.float64(alcohol_g_day[i]), np.float64(deprivation_quintile[i]), p,
        )  # fmt: skip
        taken_ill = (1.0 - delirious_before) * delirious * (1.0 - attended)
        influences[of.FALL, i] += falls + p.delirium_presents * taken_ill / step_days
        influences[of.SYMPTOM, i] += p.delirium_symptom * delirious + p.fracture_symptom * broken
        influences[of.NON_CARDIOVASCULAR_LOG_HAZARD, i] += (
            p.delirium_death_log * delirious + p.fracture_death_log * broken
        )

        delirium[i] = delirious if lives else delirious_before
        fracture[i] = broken if lives else broken_before
