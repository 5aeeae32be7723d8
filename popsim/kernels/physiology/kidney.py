"""The kidney: filtration and potassium.

Filtration relaxes within days towards the twin's own chronic value, lowered by venous congestion, low pressure,
infection and a fluid deficit and dipped by SGLT2 and RAS inhibitors; the chronic value falls slowly with age and faster
with diabetes. Limits: no creatinine kinetics (true filtration, not what a laboratory would report during a change).
"""

from __future__ import annotations

from typing import NamedTuple

from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.scalars import REFERENCE_GFR_ML_MIN, YEARS_PER_DAY, clip, positive


class KidneyParameters(NamedTuple):
    """Constants of this file; units and sources in evidence/heart_failure.toml."""

    gfr_loss_per_year: float
    gfr_loss_diabetes_per_year: float
    gfr_loss_spared_by_sglt2: float
    gfr_dip_sglt2_ml_min: float
    gfr_dip_ras_ml_min: float
    gfr_dip_mra_ml_min: float
    gfr_lost_per_mmhg: float
    gfr_lost_per_low_systolic: float
    gfr_low_systolic_mmhg: float
    gfr_lost_infection: float
    gfr_lost_per_deficit_l: float
    gfr_offset_ml_min: float
    potassium_slow_kidney_mmol_l: float
    potassium_mra_mmol_l: float
    potassium_ras_mmol_l: float
    potassium_loop_mmol_l: float


@njit(forceinline=True)
def chronic_gfr_after(chronic, diabetes, sglt2, step_days, p):
    """The twin's own filtration without drugs and congestion at the end of the step, mL/min/1.73 m2."""
    loss = (p.gfr_loss_per_year + p.gfr_loss_diabetes_per_year * diabetes) * YEARS_PER_DAY
    return clip(chronic - step_days * loss * (1.0 - p.gfr_loss_spared_by_sglt2 * sglt2), 5.0, 170.0)


@njit(forceinline=True)
def gfr_drugs(ras, mra, sglt2, p):
    """Haemodynamic dip of filtration on the drugs taken, mL/min/1.73 m2."""
    return p.gfr_dip_ras_ml_min * ras + p.gfr_dip_mra_ml_min * mra + p.gfr_dip_sglt2_ml_min * sglt2


@njit(forceinline=True)
def gfr_target(chronic, drugs, pressure_rise, systolic, baseline_systolic, excess, infection, p):
    """Filtration, mL/min/1.73 m2: congestion, pressure below 100 (or the own), infection and deficit cost a share."""
    floor = p.gfr_low_systolic_mmhg
    floor = baseline_systolic if baseline_systolic < floor else floor
    lost = (
        p.gfr_lost_per_mmhg * clip(pressure_rise, 0.0, 25.0)
        + p.gfr_lost_per_low_systolic * positive(floor - systolic)
        + p.gfr_lost_infection * infection
        + p.gfr_lost_per_deficit_l * positive(-excess)
    )
    return clip((chronic - drugs) * (1.0 - clip(lost, 0.0, 0.8)), 4.0, 160.0)


@njit(forceinline=True)
def slowness(gfr, p):
    """Accumulation at low filtration, relative to a GFR of 60: grows as 1 / (GFR + offset)."""
    return (REFERENCE_GFR_ML_MIN + p.gfr_offset_ml_min) / (gfr + p.gfr_offset_ml_min)


@njit(forceinline=True)
def potassium_shift(slow, loop, ras, mra, p):
    """Rise of serum potassium by kidney and drugs, mmol/L; the part of the MRA grows with `slowness`.

    loop: response to the loop diuretic, 0..1.
    """
    return (
        slow * (p.potassium_slow_kidney_mmol_l + p.potassium_mra_mmol_l * mra)
        + p.potassium_ras_mmol_l * ras
        - p.potassium_loop_mmol_l * loop
    )
