"""Remodelling: the failing heart stiffens and dilates over the years, faster under pressure, slower under drugs.

    dR/dt = f r (1 + c (P - P0)+) (1 - b beta) (1 - a ras) (1 - n neprilysin) (1 - m mra) (1 - s sglt2)

R is the rise of the filling pressure at a given volume since entry, mmHg, at most `highest`; P is the filling pressure
and P0 its set point at entry; drugs act by their effect today (1 = target dose, fully taken). R acts through pressure:
symptoms, ejection fraction, congestion of the kidney, arrhythmia and admissions follow in the core. f is 1 in heart
failure; in other people it is the square of how far the heart fails by its usual pressure or ejection fraction, so that
a sound heart stays sound for decades and one on the verge comes to fail within years.

Limits: one number for both ventricles, no separate dilatation, dyssynchrony or valve disease; remodelling never
reverses (the core has the effect of drugs on the ejection fraction within months); the same in all types of heart
failure.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from popsim.kernels.numerics.compiling import njit, prange
from popsim.kernels.numerics.scalars import YEARS_PER_DAY, clip, positive
from popsim.kernels.physiology import influences as of
from popsim.kernels.physiology.death import failing
from popsim.kernels.physiology.heart import preserved


class RemodellingParameters(NamedTuple):
    """Constants of this file; units and sources in evidence/remodelling.toml."""

    remodelling_mmhg_year: float
    remodelling_more_per_mmhg: float
    remodelling_highest_mmhg: float
    slowed_by_beta_blockade: float
    slowed_by_ras_inhibition: float
    slowed_by_neprilysin_inhibition: float
    slowed_by_mineralocorticoid_blockade: float
    slowed_by_sglt2_inhibition: float


@njit(forceinline=True)
def left(effect, slowed):
    """Factor of the rate under a drug; effects above 1 slow no more than the target dose."""
    return 1.0 - slowed * clip(effect, 0.0, 1.0)


@njit(parallel=True, single=True)
def advance_day(
    alive, heart_failure, ejection_fraction_percent, filling_pressure_mmhg, baseline_filling_pressure_mmhg,
    remodelling_mmhg, influences, step_days, heart, death, p,
):  # fmt: skip
    """Advance all rows by one step of `step_days`: writes `remodelling_mmhg`, adds it to the filling pressure.

    heart, death: constants of the core by which a heart is said to fail.
    """
    for i in prange(len(alive)):
        before = np.float64(remodelling_mmhg[i])
        own_pressure = np.float64(baseline_filling_pressure_mmhg[i])
        rise = positive(np.float64(filling_pressure_mmhg[i]) - own_pressure)
        fails = failing(own_pressure + before, preserved(np.float64(ejection_fraction_percent[i]), heart), death)
        diseased = 1.0 if np.float64(heart_failure[i]) > 0.5 else fails * fails
        rate = diseased * p.remodelling_mmhg_year * YEARS_PER_DAY * (1.0 + p.remodelling_more_per_mmhg * rise)
        rate *= left(np.float64(influences[of.BETA_BLOCKADE, i]), p.slowed_by_beta_blockade)
        rate *= left(np.float64(influences[of.RAS_INHIBITION, i]), p.slowed_by_ras_inhibition)
        rate *= left(np.float64(influences[of.NEPRILYSIN_INHIBITION, i]), p.slowed_by_neprilysin_inhibition)
        rate *= left(np.float64(influences[of.MINERALOCORTICOID_BLOCKADE, i]), p.slowed_by_mineralocorticoid_blockade)
        rate *= left(np.float64(influences[of.SGLT2_INHIBITION, i]), p.slowed_by_sglt2_inhibition)
        now = clip(before + rate * step_days, 0.0, p.remodelling_highest_mmhg)
        influences[of.FILLING_PRESSURE, i] += now
        remodelling_mmhg[i] = now if np.float64(alive[i]) > 0.5 else before
