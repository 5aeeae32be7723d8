"""Environment and lifestyle: season, viruses, fine particles, heat, smoking, alcohol, activity, deprivation.

A day's weather is the same for everybody with the same calendar; its effect on a twin depends on its habits. Rates and
hazards are relative to a reference person (never smoked, middle fifth of deprivation, usual activity, mean particles
and virus activity):

    log rate of infections = log(1 - s + s a) + particles + smoking + deprivation

a is the activity of respiratory viruses (1 = mean of the year), s the share of infections that follow it.

Limits: no cold (see vessels), ozone or pollen, no lag between weather and harm; everybody is outdoors alike; habits
never change: their past effects on pressure, reserve and symptoms are in the measured baseline.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from popsim.kernels.numerics.compiling import njit, prange
from popsim.kernels.numerics.math import log
from popsim.kernels.numerics.scalars import clip, positive
from popsim.kernels.physiology import influences as of

SMOKES = 2.0  # code of the trait
HOTTEST = 25.0  # degrees above the threshold that are counted


class EnvironmentParameters(NamedTuple):
    """Constants of this file; units and sources in evidence/environment.toml."""

    viral_share: float
    particles_reference_ug_m3: float
    infection_log_per_ug_m3: float
    infection_log_smoking: float
    infection_log_per_deprivation_fifth: float
    heat_from_celsius: float
    heat_fluid_l_day_per_degree: float
    heat_systolic_mmhg_per_degree: float
    heat_death_log_per_degree: float
    arrhythmia_log_per_alcohol_g_day: float
    death_log_smoking: float
    activity_reference_met_h_week: float
    activity_most_met_h_week: float
    death_log_per_met_h_week: float


@njit(cache=True, error_model="numpy", forceinline=True)
def heat(temperature, p):
    """Degrees of the day's mean temperature above the threshold."""
    return clip(temperature - p.heat_from_celsius, 0.0, HOTTEST)


@njit(cache=True, error_model="numpy", forceinline=True)
def season_log_rate(virus_activity, pm25, p):
    """Log factor of everybody's rate of infections on the day."""
    share = clip(1.0 - p.viral_share + p.viral_share * positive(virus_activity), 1e-3, 100.0)
    return log(share) + p.infection_log_per_ug_m3 * (pm25 - p.particles_reference_ug_m3)


@njit(cache=True, error_model="numpy")
def set_seasons(virus_activity, pm25_ug_m3, seasons, p):
    """Set the log factor of the rate of infections of every day of a series."""
    for row in range(len(seasons)):
        seasons[row] = season_log_rate(virus_activity[row], pm25_ug_m3[row], p)


@njit(cache=True, parallel=True, error_model="numpy")
def set_steady_state(temperature_at_entry, influences, p):
    """Add the effect of each twin's weather on the day of entry, in which its baseline was measured."""
    for i in prange(len(temperature_at_entry)):
        hot = np.float64(heat(temperature_at_entry[i], p))
        influences[of.NATRIURESIS, i] += p.heat_fluid_l_day_per_degree * hot
        influences[of.SYSTOLIC, i] -= p.heat_systolic_mmhg_per_degree * hot


@njit(cache=True, parallel=True, error_model="numpy", single=True)
def advance_day(
    smoking, alcohol_g_day, activity_met_h_week, deprivation_quintile, influences, temperature_celsius, season, p,
):  # fmt: skip
    """Add the effects of the day's weather on all rows; writes no column.

    `temperature_celsius` and `season` (`set_seasons`) are those of each twin's calendar.
    """
    for i in prange(len(smoking)):
        hot = np.float64(heat(np.float64(temperature_celsius[i]), p))
        smokes = 1.0 if np.float64(smoking[i]) == SMOKES else 0.0
        poorer = 3.0 - np.float64(deprivation_quintile[i])  # fifths below the middle
        moves = np.float64(activity_met_h_week[i])
        moves = moves if moves < p.activity_most_met_h_week else p.activity_most_met_h_week
        influences[of.NATRIURESIS, i] += p.heat_fluid_l_day_per_degree * hot
        influences[of.SYSTOLIC, i] -= p.heat_systolic_mmhg_per_degree * hot
        influences[of.INFECTION_LOG_RATE, i] += (
            np.float64(season[i]) + p.infection_log_smoking * smokes + p.infection_log_per_deprivation_fifth * poorer
        )
        influences[of.ARRHYTHMIA_LOG_RATE, i] += p.arrhythmia_log_per_alcohol_g_day * np.float64(alcohol_g_day[i])
        influences[of.DEATH_LOG_HAZARD, i] += (
            p.heat_death_log_per_degree * hot
            + p.death_log_smoking * smokes
            + p.death_log_per_met_h_week * (p.activity_reference_met_h_week - moves)
        )
