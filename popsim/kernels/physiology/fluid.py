"""Extracellular fluid: salt in, natriuresis out.

    dE/dt = (usual salt + salt excess) x 0.122 L/g  -  N
    N = intrinsic + volume response(E, GFR) + drugs(doses taken, GFR, E) - retention(deconditioning, shocks)

People without heart failure shed an excess within days, the more so the further their heart is from failing; they come
to fail by a scar or as filling pressure rises over the years. N is never below a floor. Retention stands for
neurohormonal activation: it outlasts a stay in hospital by weeks and comes with infection and fast arrhythmia.

E is extracellular fluid above the twin's own set point in litres of isotonic fluid (140 mmol of sodium a litre, 8.18 g
of salt). `intrinsic` is fixed at the start so that E = 0 is the balance under the twin's usual salt, drugs and
adherence. Explicit Euler step; stable for steps up to about 2 days, as the fastest rate is 0.3 a day.

Limits: water follows salt (no hyponatraemia), no third space, one compartment without refill delay, and the chronic
diuretic response is the net one that is left after the kidney has adapted.
"""

from __future__ import annotations

from typing import NamedTuple

from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.math import exp
from popsim.kernels.numerics.scalars import REFERENCE_GFR_ML_MIN, clip, positive


class FluidParameters(NamedTuple):
    """Constants of this file; units and sources in evidence/heart_failure.toml."""

    fluid_per_salt_l_per_g: float
    lowest_natriuresis_l_day: float
    excess_natriuresis_per_day: float
    excess_natriuresis_half_l: float
    sound_natriuresis_per_day: float
    deficit_retention_per_day: float
    retention_after_hospital_l_day: float
    retention_infection_l_day: float
    retention_arrhythmia_l_day: float
    kidney_half_gfr_ml_min: float
    oral_diuretic_most_l_day: float
    oral_diuretic_half_mg_day: float
    iv_diuretic_most_l_day: float
    iv_diuretic_half_mg_day: float
    iv_diuretic_floor_l: float
    iv_diuretic_reservoir_l: float
    diuretic_resistance_per_l: float
    sglt2_natriuresis_l_day: float
    mra_natriuresis_l_day: float
    ras_natriuresis_l_day: float
    fluid_lowest_l: float
    fluid_highest_l: float


@njit(forceinline=True)
def kidney_power(gfr, p):
    """Response of the kidney relative to a GFR of 60: saturating in GFR (delivery of sodium and of the drug)."""
    half = p.kidney_half_gfr_ml_min
    return gfr / (gfr + half) * ((REFERENCE_GFR_ML_MIN + half) / REFERENCE_GFR_ML_MIN)


@njit(forceinline=True)
def volume_natriuresis(excess, power, p):
    """Change of natriuresis with fluid excess, L/day: the kidney sheds an excess slowly, defends a deficit fast."""
    over = positive(excess)
    under = excess - over
    half = p.excess_natriuresis_half_l
    return p.excess_natriuresis_per_day * power * over * half / (half + over) + p.deficit_retention_per_day * under


@njit(forceinline=True)
def sound_natriuresis(excess, power, sound, step_days, p):
    """Mean over a step of what a sound heart adds to natriuresis, L/day: excess alone fades exponentially.

    sound: 0..1.
    """
    return positive(excess) * (1.0 - exp(-p.sound_natriuresis_per_day * sound * power * step_days)) / step_days


@njit(forceinline=True)
def retention(deconditioning, infection, arrhythmia, p):
    """Natriuresis lost to neurohormonal activation after a stay in hospital and in acute illness, L/day."""
    return (
        p.retention_after_hospital_l_day * deconditioning
        + p.retention_infection_l_day * infection
        + p.retention_arrhythmia_l_day * arrhythmia
    )


@njit(forceinline=True)
def loop_response(dose, p):
    """Share of the maximum effect of an oral loop diuretic at this dose, furosemide equivalents in mg/day."""
    return dose / (dose + p.oral_diuretic_half_mg_day)


@njit(forceinline=True)
def drug_natriuresis(excess, power, loop, ras, mra, sglt2, p):
    """Net natriuresis of the drugs taken today, L/day.

    loop: `loop_response`, which congestion blunts (resistance); ras, mra, sglt2: exposure as a share of target dose.
    """
    oral = p.oral_diuretic_most_l_day * loop / (1.0 + p.diuretic_resistance_per_l * positive(excess))
    through_tubule = power * (oral + p.sglt2_natriuresis_l_day * sglt2)
    return through_tubule + p.mra_natriuresis_l_day * mra + p.ras_natriuresis_l_day * ras


@njit(forceinline=True)
def intravenous_natriuresis(excess, power, dose, p):
    """Natriuresis of intravenous loop diuretic, L/day: Emax in dose (mg/day), less as the reservoir empties.

        most  x  dose / (dose + half)  x  above / (above + reservoir)  /  (1 + resistance x excess)

    above: excess over the floor. The dose of half effect gives the ratio of net loss between the arms of the DOSE trial
    (see the parameter file).
    """
    above = positive(excess + p.iv_diuretic_floor_l)
    resistance = 1.0 + p.diuretic_resistance_per_l * positive(excess)
    numerator = p.iv_diuretic_most_l_day * power * dose * above
    return numerator / ((dose + p.iv_diuretic_half_mg_day) * (above + p.iv_diuretic_reservoir_l) * resistance)


@njit(forceinline=True)
def fluid_after(excess, salt_g_day, natriuresis, step_days, p):
    """Fluid excess at the end of the step, L."""
    low = p.lowest_natriuresis_l_day
    out = natriuresis if natriuresis > low else low
    return clip(excess + step_days * (salt_g_day * p.fluid_per_salt_l_per_g - out), p.fluid_lowest_l, p.fluid_highest_l)
