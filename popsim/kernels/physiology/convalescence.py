"""Convalescence: the weeks after a stay in hospital, and the care of a nursing facility.

Beyond what residual congestion, lost reserve and lapses do (heart_failure.py), the log hazard t days after discharge is
raised by

    early exp(-t / early days) + late exp(-t / late days),

with amplitudes of its own for presenting with heart failure, presenting with another cause, and death. After a stay for
another cause than heart failure, the amplitudes of heart failure count by a share. In a nursing facility the food has
less salt and is never salty, and staff who see a person every day change the hazards of presentation.

Limits: a second stay begins the weeks anew and does not add to those of the first; death is raised alike in every mode;
the move from a facility to home is no discharge.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from popsim.kernels.codes import CAUSE_HEART_FAILURE, LEVEL_EMERGENCY, LEVEL_FACILITY, LEVEL_WARD
from popsim.kernels.numerics.compiling import njit, prange
from popsim.kernels.numerics.math import exp
from popsim.kernels.physiology import influences as of

LONG_AGO = 3650.0  # days since a discharge whose weeks are over


class ConvalescenceParameters(NamedTuple):
    """Constants of this file; units and sources in evidence/convalescence.toml."""

    early_days: float
    late_days: float
    heart_failure_early: float
    heart_failure_late: float
    heart_failure_share_after_other: float
    other_early: float
    other_late: float
    death_early: float
    death_late: float
    facility_salt_share: float
    facility_heart_failure: float
    facility_other: float


@njit(forceinline=True)
def raised(early, late, soon, later):
    """Log hazard: amplitudes early and late times what is left of them."""
    return early * soon + late * later


@njit(parallel=True, single=True)
def advance_day(
    alive, care_level, presenting_cause, acute_cause, usual_salt_g_day, salt_excess_g_day, days_since_discharge,
    discharge_cause, step_days, fluid_per_salt_l_per_g, p, influences,
):  # fmt: skip
    """Count the days since the last discharge, and add their influences."""
    for i in prange(len(alive)):
        lives, level = np.float64(alive[i]) > 0.5, np.float64(care_level[i])
        inside = level >= LEVEL_WARD
        days_before, cause_before = np.float64(days_since_discharge[i]), np.float64(discharge_cause[i])
        later = days_before + step_days
        days = 0.0 if inside else (later if later < LONG_AGO else LONG_AGO)
        seen, began = np.float64(presenting_cause[i]), np.float64(acute_cause[i])
        cause = seen if seen > 0.5 else began
        cause = cause if (level >= LEVEL_EMERGENCY) & (cause > 0.5) else cause_before
        away = 0.0 if inside else 1.0
        soon, weeks = away * exp(-days / p.early_days), away * exp(-days / p.late_days)
        share = 1.0 if cause == CAUSE_HEART_FAILURE else p.heart_failure_share_after_other
        facility = 1.0 if level == LEVEL_FACILITY else 0.0
        less_salt = p.facility_salt_share * np.float64(usual_salt_g_day[i]) + np.float64(salt_excess_g_day[i])
        influences[of.NATRIURESIS, i] += facility * fluid_per_salt_l_per_g * less_salt
        influences[of.HEART_FAILURE_LOG_HAZARD, i] += (
            share * raised(p.heart_failure_early, p.heart_failure_late, soon, weeks)
            + facility * p.facility_heart_failure
        )
        influences[of.OTHER_PRESENTATION_LOG_HAZARD, i] += (
            raised(p.other_early, p.other_late, soon, weeks) + facility * p.facility_other
        )
        of.raise_death(influences, raised(p.death_early, p.death_late, soon, weeks), i)
        days_since_discharge[i] = days if lives else days_before
        discharge_cause[i] = cause if lives else cause_before
