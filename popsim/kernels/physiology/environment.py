"""Environment and lifestyle: season, viruses, fine particles, heat, smoking, alcohol, activity, deprivation.

A day's weather is the same for everybody with the same calendar; its effect on a twin depends on its habits. Rates and
hazards are relative to a reference person (never smoked, middle fifth of deprivation, usual activity, mean particles
and virus activity):

    log rate of infections = log(1 - s + s a) + particles + smoking + deprivation

a is the activity of respiratory viruses (1 = mean of the year), s the share of infections that follow it. Beside
infections, the hazard of heart failure follows the season as a cosine.

Limits: no cold (see vessels), ozone or pollen, no lag between weather and harm; everybody is outdoors alike; habits
never change: their past effects on pressure, reserve and symptoms are in the measured baseline.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.kernels.numerics.compiling import njit, prange
from popsim.kernels.numerics.math import log
from popsim.kernels.numerics.scalars import clip, positive
from popsim.kernels.physiology import influences as of

SMOKES = 2.0  # code of the trait
HOTTEST = 25.0  # degrees above the threshold that are counted


class Weather(NamedTuple):
    """Effects of one day, one number for each calendar.

    Attributes:
        heat: degrees above the threshold.
        season: log factor of infections.
        winter: the season of heart failure, 1 at its peak and -1 half a year later.
    """

    heat: NDArray[np.float32]
    season: NDArray[np.float32]
    winter: NDArray[np.float32]


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
    heart_failure_log_season: float
    death_log_smoking: float
    activity_reference_met_h_week: float
    activity_most_met_h_week: float
    death_log_per_met_h_week: float


@njit(forceinline=True)
def heat(temperature, p):
    """Degrees of the day's mean temperature above the threshold."""
    return clip(temperature - p.heat_from_celsius, 0.0, HOTTEST)


@njit(forceinline=True)
def season_log_rate(virus_activity, pm25, p):
    """Log factor of everybody's rate of infections on the day."""
    share = clip(1.0 - p.viral_share + p.viral_share * positive(virus_activity), 1e-3, 100.0)
    return log(share) + p.infection_log_per_ug_m3 * (pm25 - p.particles_reference_ug_m3)


@njit
def effects_of_days(temperature_celsius, pm25_ug_m3, virus_activity, heat_of_day, season_of_day, p):
    """Write the degrees of heat and the log factor of infections of every day of a series."""
    for day in range(len(temperature_celsius)):
        heat_of_day[day] = heat(temperature_celsius[day], p)
        season_of_day[day] = season_log_rate(virus_activity[day], pm25_ug_m3[day], p)


@njit(parallel=True)
def set_steady_state(heat_at_entry, influences, p):
    """Add the effect of each twin's weather on the day of entry, in which its baseline was measured."""
    for i in prange(len(heat_at_entry)):
        hot = np.float64(heat_at_entry[i])
        influences[of.NATRIURESIS, i] += p.heat_fluid_l_day_per_degree * hot
        influences[of.SYSTOLIC, i] -= p.heat_systolic_mmhg_per_degree * hot


@njit(parallel=True, single=True)
def advance_day(
    smoking, alcohol_g_day, activity_met_h_week, deprivation_quintile, calendar_shift_days, influences, weather,
    latest_calendar, p,
):  # fmt: skip
    """Add the effects of the day's weather on all rows; writes no column.

    The weather is by calendar, from `latest_calendar` days behind the simulation's to as many ahead.
    """
    for i in prange(len(smoking)):
        calendar = calendar_shift_days[i] + latest_calendar
        hot = np.float64(weather.heat[calendar])
        smokes = 1.0 if np.float64(smoking[i]) == SMOKES else 0.0
        poorer = 3.0 - np.float64(deprivation_quintile[i])  # fifths below the middle
        moves = np.float64(activity_met_h_week[i])
        moves = moves if moves < p.activity_most_met_h_week else p.activity_most_met_h_week
        influences[of.NATRIURESIS, i] += p.heat_fluid_l_day_per_degree * hot
        influences[of.SYSTOLIC, i] -= p.heat_systolic_mmhg_per_degree * hot
        influences[of.INFECTION_LOG_RATE, i] += (
            np.float64(weather.season[calendar])
            + p.infection_log_smoking * smokes
            + p.infection_log_per_deprivation_fifth * poorer
        )
        influences[of.HEART_FAILURE_LOG_HAZARD, i] += p.heart_failure_log_season * np.float64(weather.winter[calendar])
        influences[of.ARRHYTHMIA_LOG_RATE, i] += p.arrhythmia_log_per_alcohol_g_day * np.float64(alcohol_g_day[i])
        habits = p.death_log_smoking * smokes + p.death_log_per_met_h_week * (p.activity_reference_met_h_week - moves)
        of.raise_death(influences, habits + p.heat_death_log_per_degree * hot, i)
