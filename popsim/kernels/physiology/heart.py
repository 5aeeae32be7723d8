"""The heart and the circulation: filling pressure, ejection fraction, systolic pressure, heart rate, NT-proBNP.

Every variable relaxes towards a target: the sum of the twin's own value and of deviations of fluid, drugs and shocks
from the set point, so that the set point is a steady state. Drug effects are linear in exposure (share of the target
dose times adherence). Daily means: no beats, no posture.
"""

from __future__ import annotations

from typing import NamedTuple

from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.math import exp
from popsim.kernels.numerics.scalars import clip, positive, ramp


class HeartParameters(NamedTuple):
    """Constants of this file; units and sources in evidence/heart_failure.toml."""

    preserved_ef_from_percent: float
    preserved_ef_per_percent: float
    stiffness_reduced_mmhg_per_l: float
    stiffness_preserved_mmhg_per_l: float
    stiffness_curvature_per_l: float
    pressure_per_systolic: float
    pressure_per_ef_lost_mmhg: float
    pressure_arrhythmia_mmhg: float
    pressure_infection_mmhg: float
    ef_beta_blocker_percent: float
    ef_ras_percent: float
    ef_neprilysin_percent: float
    ef_mra_percent: float
    ef_sglt2_percent: float
    ef_lost_per_mmhg: float
    ef_lost_arrhythmia_percent: float
    systolic_beta_blocker_mmhg: float
    systolic_ras_mmhg: float
    systolic_neprilysin_mmhg: float
    systolic_mra_mmhg: float
    systolic_sglt2_mmhg: float
    systolic_per_excess_mmhg_per_l: float
    systolic_per_deficit_mmhg_per_l: float
    systolic_infection_mmhg: float
    systolic_arrhythmia_mmhg: float
    systolic_per_ef_mmhg: float
    heart_rate_beta_blocker_bpm: float
    heart_rate_infection_bpm: float
    heart_rate_arrhythmia_bpm: float
    heart_rate_per_mmhg: float
    heart_rate_per_deficit_bpm_per_l: float
    nt_probnp_at_reference_pg_ml: float
    nt_probnp_log_per_mmhg: float
    nt_probnp_log_more_per_mmhg_below: float
    nt_probnp_normal_pressure_mmhg: float
    nt_probnp_log_per_ef: float
    nt_probnp_log_slow_kidney: float
    nt_probnp_log_per_year: float
    nt_probnp_log_atrial_fibrillation: float
    nt_probnp_log_per_bmi: float
    nt_probnp_log_residual_sd: float


@njit(forceinline=True)
def preserved(baseline_ef, p):
    """0 for a reduced, 1 for a preserved ejection fraction, a ramp between."""
    return ramp(baseline_ef, p.preserved_ef_from_percent, p.preserved_ef_per_percent)


@njit(forceinline=True)
def filling_pressure_target(baseline, excess, preserved_ef, systolic_rise, ef_lost, arrhythmia, infection, p):
    """Left-sided filling pressure, mmHg: the twin's own, and a convex rise with fluid that a stiff chamber steepens.

    systolic_rise: mmHg above, ef_lost: points below the value at entry; arrhythmia, infection: 0..1.
    """
    stiffness = p.stiffness_reduced_mmhg_per_l + preserved_ef * (
        p.stiffness_preserved_mmhg_per_l - p.stiffness_reduced_mmhg_per_l
    )
    fluid = stiffness * excess * (1.0 + p.stiffness_curvature_per_l * positive(excess))
    load = p.pressure_per_systolic * systolic_rise + p.pressure_per_ef_lost_mmhg * ef_lost
    shocks = p.pressure_arrhythmia_mmhg * arrhythmia + p.pressure_infection_mmhg * infection
    return clip(baseline + fluid + load + shocks, 3.0, 45.0)


@njit(forceinline=True)
def ejection_fraction_gain(reduced_ef, beta, ras, neprilysin, mra, sglt2, p):
    """Points of ejection fraction gained by reverse remodelling under the drugs; none with a preserved one."""
    return reduced_ef * (
        p.ef_beta_blocker_percent * beta
        + p.ef_ras_percent * ras
        + p.ef_neprilysin_percent * neprilysin
        + p.ef_mra_percent * mra
        + p.ef_sglt2_percent * sglt2
    )


@njit(forceinline=True)
def ejection_fraction_target(untreated, gain, pressure_rise, arrhythmia, p):
    """Ejection fraction to which the ventricle remodels, percent: less with congestion and fast arrhythmia."""
    lost = p.ef_lost_per_mmhg * clip(pressure_rise, 0.0, 20.0) + p.ef_lost_arrhythmia_percent * arrhythmia
    return clip(untreated + gain - lost, 8.0, 78.0)


@njit(forceinline=True)
def systolic_drugs(beta, ras, neprilysin, mra, sglt2, p):
    """Fall of systolic pressure by the drugs taken, mmHg."""
    return (
        p.systolic_beta_blocker_mmhg * beta
        + p.systolic_ras_mmhg * ras
        + p.systolic_neprilysin_mmhg * neprilysin
        + p.systolic_mra_mmhg * mra
        + p.systolic_sglt2_mmhg * sglt2
    )


@njit(forceinline=True)
def systolic_target(untreated, drugs, excess, ef_lost, infection, arrhythmia, p):
    """Systolic pressure, mmHg: rises with fluid, falls with a deficit, infection, fast arrhythmia, a failing pump."""
    over = clip(excess, 0.0, 8.0)
    under = positive(-excess)
    volume = p.systolic_per_excess_mmhg_per_l * over - p.systolic_per_deficit_mmhg_per_l * under
    shocks = p.systolic_infection_mmhg * infection + p.systolic_arrhythmia_mmhg * arrhythmia
    return clip(untreated - drugs + volume - shocks - p.systolic_per_ef_mmhg * ef_lost, 50.0, 230.0)


@njit(forceinline=True)
def heart_rate_target(untreated, beta, pressure_rise, excess, infection, arrhythmia, p):
    """Resting heart rate, beats a minute: slower on a beta-blocker, faster with congestion, deficit and shocks."""
    strain = p.heart_rate_per_mmhg * clip(pressure_rise, 0.0, 25.0)
    strain += p.heart_rate_per_deficit_bpm_per_l * positive(-excess)
    shocks = p.heart_rate_infection_bpm * infection + p.heart_rate_arrhythmia_bpm * arrhythmia
    return clip(untreated - p.heart_rate_beta_blocker_bpm * beta + strain + shocks, 35.0, 190.0)


@njit(forceinline=True)
def nt_probnp(pressure, ef, slow, age, atrial_fibrillation, bmi, residual, p):
    """NT-proBNP in blood, pg/mL: log-linear in wall stress, clearance and build, with a lasting residual of the person.

    The reference is a person of 64 at 15 mmHg, EF 30%, GFR 70, BMI 28 and residual 0. The level falls faster with
    pressure where it is near normal. slow: `kidney.slowness`, which is 0.875 at a GFR of 70; residual: standard normal.
    """
    slope = (
        p.nt_probnp_log_per_mmhg * (pressure - 15.0)
        - p.nt_probnp_log_more_per_mmhg_below * positive(p.nt_probnp_normal_pressure_mmhg - pressure)
        - p.nt_probnp_log_per_ef * (ef - 30.0)
        + p.nt_probnp_log_slow_kidney * (slow - 0.875)
        + p.nt_probnp_log_per_year * (age - 64.0)
        + p.nt_probnp_log_atrial_fibrillation * atrial_fibrillation
        - p.nt_probnp_log_per_bmi * (bmi - 28.0)
        + p.nt_probnp_log_residual_sd * residual
    )
    return clip(p.nt_probnp_at_reference_pg_ml * exp(slope), 5.0, 70000.0)


@njit(forceinline=True)
def body_mass_index(weight_kg, height_cm):
    """kg/m2, within the range over which natriuretic peptides are known to follow it."""
    height_m = 0.01 * height_cm
    return clip(weight_kg / (height_m * height_m + 1e-6), 18.0, 45.0)
