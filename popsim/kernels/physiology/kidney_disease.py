"""Kidney disease: albuminuria and the loss of filtration it causes, acute kidney injury, uraemia, dialysis.

The core (kernels/physiology/kidney.py) has filtration itself, its loss with age and diabetes, and the effects of SGLT2
inhibitors on that loss and their dip. Here:

    slope = -per_log ln(UACR / reference) (1 - spared SGLT2) + neprilysin + noise    beside the core's own loss

so that nothing is counted twice: at the reference only the core's loss remains. The noise has mean 0: people lose
filtration at different rates; the variance of its logarithm grows by wander squared a year. Albuminuria A relaxes to

    A* = U exp(-drugs + per_mmhg (systolic - own systolic)),    dU/dt = U (growth + per_hba1c (HbA1c - 7)+)

Acute kidney injury begins with a hazard, removes a share of filtration and wanes exponentially. In total it lowers the
logarithm of filtration permanently by scar x severity ** 3, whatever the step, so that most injuries recover and the
worst do not.

Limits: an SGLT2 inhibitor spares the same share at every albuminuria (in EMPA-KIDNEY 76% below 30 mg/g, 28% at the
highest); nobody progresses fast from the start (variance grows with time), so that dialysis within two years is too
rare; no creatinine, no bicarbonate (acidosis is part of the potassium that goes with injury and uraemia); dialysis is
of one kind, permanent and as a daily mean; no dialysis for acute injury and no transplantation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from popsim.kernels.codes import CAUSE_INFARCTION, LEVEL_COMMUNITY, STREAM_METABOLISM
from popsim.kernels.numerics.compiling import njit, prange
from popsim.kernels.numerics.math import exp, log
from popsim.kernels.numerics.random import uniforms
from popsim.kernels.numerics.scalars import (
    REFERENCE_GFR_ML_MIN,
    YEARS_PER_DAY,
    approach,
    clip,
    positive,
    ramp,
    small_chance,
)
from popsim.kernels.physiology import influences as of
from popsim.kernels.physiology.shocks import shock

MIN_ALBUMINURIA, MAX_ALBUMINURIA = 0.5, 20000.0  # mg/g, as the column's bounds


class KidneyDiseaseParameters(NamedTuple):
    """Constants of this file; units and sources in evidence/kidney_disease.toml."""

    albuminuria_ras: float
    albuminuria_neprilysin: float
    albuminuria_mra: float
    albuminuria_sglt2: float
    albuminuria_sglt2_more_with_diabetes: float
    albuminuria_per_mmhg: float
    albuminuria_growth_per_year: float
    albuminuria_growth_per_hba1c: float
    hba1c_harmless_percent: float
    slope_per_log_albuminuria: float
    slope_reference_mg_g: float
    slope_least_mg_g: float
    slope_spared_by_sglt2: float
    slope_neprilysin: float
    slope_wander: float
    injury_rate_per_day: float
    injury_low_pressure_per_day: float
    injury_combination_per_day: float
    injury_low_pressure_from_mmhg: float
    injury_low_pressure_per_mmhg: float
    injury_loop_per_mg_day: float
    injury_deficit_per_day: float
    injury_deficit_from_l: float
    injury_deficit_per_l: float
    injury_infection_per_day: float
    injury_after_infarction: float
    injury_slow_from_ml_min: float
    injury_more_per_ml_min: float
    injury_weakest: float
    injury_gfr_share: float
    injury_scar_share: float
    injury_potassium_mmol_l: float
    injury_retention_l_day: float
    injury_presents_per_day: float
    injury_death_log: float
    uraemia_from_gfr: float
    uraemia_per_gfr: float
    uraemia_symptom: float
    uraemia_presents_per_day: float
    uraemia_death_log: float
    dialysis_below_gfr: float
    dialysis_start_per_day: float
    dialysis_fluid_per_day: float
    dialysis_fluid_most_l_day: float
    dialysis_clearance_ml_min: float
    dialysis_uraemia_left: float
    dialysis_death_log: float
    potassium_slow_kidney_mmol_l: float
    gfr_offset_ml_min: float


@njit(forceinline=True)
def albuminuria_drugs(ras, neprilysin, mra, sglt2, diabetes, p):
    """Log of the factor by which the drugs at work lower albuminuria at steady state (neprilysin inhibition raises)."""
    by_sglt2 = (p.albuminuria_sglt2 + p.albuminuria_sglt2_more_with_diabetes * diabetes) * sglt2
    return p.albuminuria_ras * ras + p.albuminuria_mra * mra + by_sglt2 - p.albuminuria_neprilysin * neprilysin


@njit(forceinline=True)
def albuminuria_slope(albuminuria, log_reference, sglt2, neprilysin, p):
    """Yearly change of filtration beside the core's own, mL/min/1.73 m2: a loss above the reference albuminuria."""
    least = p.slope_least_mg_g
    log_ratio = log(albuminuria if albuminuria > least else least) - log_reference
    loss = p.slope_per_log_albuminuria * log_ratio * (1.0 - p.slope_spared_by_sglt2 * clip(sglt2, 0.0, 1.5))
    return p.slope_neprilysin * neprilysin - loss


@njit(forceinline=True)
def injury_hazard(systolic, own_systolic, excess, infection, gfr, ras, mra, loop_mg, p):
    """Hazard a day of acute kidney injury: low pressure (worse on RAS, MRA and loop diuretic), deficit, infection.

    Low pressure counts below a threshold, or below the own usual pressure where that is lower.
    """
    floor = p.injury_low_pressure_from_mmhg
    floor = own_systolic if own_systolic < floor else floor
    low = ramp(systolic, floor, -p.injury_low_pressure_per_mmhg)
    dry = ramp(-excess, p.injury_deficit_from_l, p.injury_deficit_per_l)
    combination = ras * mra * clip(p.injury_loop_per_mg_day * loop_mg, 0.0, 1.0)
    rate = (
        p.injury_rate_per_day
        + (p.injury_low_pressure_per_day * low + p.injury_combination_per_day * combination) * low
        + p.injury_deficit_per_day * dry * dry
        + p.injury_infection_per_day * infection * infection
    )
    return rate * (1.0 + p.injury_more_per_ml_min * positive(p.injury_slow_from_ml_min - gfr))


@njit(forceinline=True)
def uraemia_beyond_baseline(gfr, baseline_gfr, dialysis, p):
    """Uraemia 0..1 beyond what the twin had at entry; dialysis leaves a share."""
    now = ramp(gfr, p.uraemia_from_gfr, -p.uraemia_per_gfr)
    at_entry = ramp(baseline_gfr, p.uraemia_from_gfr, -p.uraemia_per_gfr)
    left = p.dialysis_uraemia_left if dialysis > 0.5 else 1.0
    return positive(now - at_entry) * left


@njit(forceinline=True)
def slowness_cleared(gfr, p):
    """The amount by which the clearance of dialysis lowers the core's `slowness` at this filtration."""
    low = gfr + p.gfr_offset_ml_min
    clearance = p.dialysis_clearance_ml_min
    return (REFERENCE_GFR_ML_MIN + p.gfr_offset_ml_min) * clearance / (low * (low + clearance))


@njit(parallel=True)
def set_steady_state(
    baseline_albuminuria_mg_g, diabetes, albuminuria_mg_g, untreated_albuminuria_mg_g, kidney_injury_severity, dialysis,
    influences, p,
):  # fmt: skip
    """The state at entry: measured albuminuria is that on entry drugs; no injury, no dialysis."""
    for i in prange(len(baseline_albuminuria_mg_g)):
        lowered = albuminuria_drugs(
            np.float64(influences[of.RAS_INHIBITION, i]), np.float64(influences[of.NEPRILYSIN_INHIBITION, i]),
            np.float64(influences[of.MINERALOCORTICOID_BLOCKADE, i]), np.float64(influences[of.SGLT2_INHIBITION, i]),
            np.float64(diabetes[i]), p,
        )  # fmt: skip
        albuminuria_mg_g[i] = np.float64(baseline_albuminuria_mg_g[i])
        untreated_albuminuria_mg_g[i] = np.float64(baseline_albuminuria_mg_g[i]) * exp(lowered)
        kidney_injury_severity[i] = 0.0
        dialysis[i] = 0


@njit(parallel=True, single=True)
def advance_day(
    person_id, alive, baseline_systolic_mmhg, baseline_gfr_ml_min, diabetes, systolic_mmhg, gfr_ml_min,
    untreated_gfr_ml_min, extracellular_fluid_excess_l, infection_severity, frailty, acute_cause, care_level,
    hba1c_percent, albuminuria_mg_g, untreated_albuminuria_mg_g, kidney_injury_severity, dialysis, influences, key,
    day, step_days, albuminuria_share, injury_share, p,
):  # fmt: skip
    """Advance all rows by one step of `step_days`; `day` counts steps from 0.

    Reads the columns up to `hba1c_percent`, writes those from `albuminuria_mg_g` to `dialysis`, adds to `influences`.
    albuminuria_share, injury_share: part of the way covered in a step (albuminuria to its target, injury to none).
    """
    years = step_days * YEARS_PER_DAY
    per_year = 1.0 / years
    scar_share = p.injury_scar_share * (1.0 - (1.0 - injury_share) * (1.0 - injury_share) * (1.0 - injury_share))
    log_reference = log(p.slope_reference_mg_g)
    wander = p.slope_wander * np.sqrt(12.0 * per_year)  # of a uniform with variance 1/12
    for i in prange(len(person_id)):
        u_injury, u_dialysis, u_wander, _ = uniforms(key, person_id[i], STREAM_METABOLISM, 4 * day)
        lives = np.float64(alive[i]) > 0.5
        ras = np.float64(influences[of.RAS_INHIBITION, i])
        neprilysin = np.float64(influences[of.NEPRILYSIN_INHIBITION, i])
        mra = np.float64(influences[of.MINERALOCORTICOID_BLOCKADE, i])
        sglt2 = np.float64(influences[of.SGLT2_INHIBITION, i])
        loop_mg = np.float64(influences[of.LOOP_DIURETIC, i])
        pressure, own_pressure = np.float64(systolic_mmhg[i]), np.float64(baseline_systolic_mmhg[i])
        filtration, chronic = np.float64(gfr_ml_min[i]), np.float64(untreated_gfr_ml_min[i])
        excess = np.float64(extracellular_fluid_excess_l[i])

        # Albuminuria and the loss of filtration.
        untreated_before, albumin_before = np.float64(untreated_albuminuria_mg_g[i]), np.float64(albuminuria_mg_g[i])
        poor_control = positive(np.float64(hba1c_percent[i]) - p.hba1c_harmless_percent)
        growth = p.albuminuria_growth_per_year + p.albuminuria_growth_per_hba1c * poor_control
        untreated = clip(untreated_before * (1.0 + years * growth), MIN_ALBUMINURIA, 3.0 * MAX_ALBUMINURIA)
        lowered = albuminuria_drugs(ras, neprilysin, mra, sglt2, np.float64(diabetes[i]), p)
        raised = p.albuminuria_per_mmhg * clip(pressure - own_pressure, -60.0, 60.0)
        target = clip(untreated * exp(raised - lowered), MIN_ALBUMINURIA, MAX_ALBUMINURIA)
        albumin = approach(albumin_before, target, albuminuria_share)
        slope = albuminuria_slope(albumin, log_reference, sglt2, neprilysin, p) + wander * chronic * (u_wander - 0.5)

        # Acute injury: begins, wanes, and leaves a scar as it does.
        hazard = injury_hazard(
            pressure, own_pressure, excess, np.float64(infection_severity[i]), filtration, ras, mra, loop_mg, p
        )
        contrast = p.injury_after_infarction if np.float64(acute_cause[i]) == CAUSE_INFARCTION else 0.0
        injury_before = np.float64(kidney_injury_severity[i])
        hurt, _ = shock(
            injury_before, 1.0 - injury_share, hazard * step_days + contrast, 1.0, u_injury, p.injury_weakest, 1.0
        )
        scar = scar_share * injury_before * injury_before * injury_before * chronic

        # Dialysis, once chronic filtration has been below the threshold for a while; fewer of the frail begin.
        dialysed_before = np.float64(dialysis[i])
        needs = (chronic < p.dialysis_below_gfr) & (np.float64(care_level[i]) >= LEVEL_COMMUNITY)
        starts = p.dialysis_start_per_day * (1.0 - np.float64(frailty[i])) if needs else 0.0
        begins = u_dialysis < small_chance(starts * step_days)
        dialysed = 1.0 if begins else dialysed_before
        uraemia = uraemia_beyond_baseline(filtration, np.float64(baseline_gfr_ml_min[i]), dialysed, p)
        removed = dialysed * clip(p.dialysis_fluid_per_day * excess, 0.0, p.dialysis_fluid_most_l_day)
        cleared = dialysed * p.potassium_slow_kidney_mmol_l * slowness_cleared(filtration, p)

        influences[of.NATRIURESIS, i] += removed - p.injury_retention_l_day * hurt
        influences[of.GFR, i] -= p.injury_gfr_share * hurt * chronic
        influences[of.GFR_SLOPE, i] += slope - scar * per_year
        influences[of.POTASSIUM, i] += p.injury_potassium_mmol_l * hurt - cleared
        influences[of.SYMPTOM, i] += p.uraemia_symptom * uraemia
        worse = p.injury_death_log * hurt + p.uraemia_death_log * uraemia + p.dialysis_death_log * dialysed
        of.raise_death(influences, worse, i)
        influences[of.RENAL, i] += p.injury_presents_per_day * hurt * hurt + p.uraemia_presents_per_day * uraemia

        albuminuria_mg_g[i] = albumin if lives else albumin_before
        untreated_albuminuria_mg_g[i] = untreated if lives else untreated_before
        kidney_injury_severity[i] = hurt if lives else injury_before
        dialysis[i] = dialysed if lives else dialysed_before
