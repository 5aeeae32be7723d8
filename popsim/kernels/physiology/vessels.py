"""Vessels: one day of hypertension, coronary disease, atrial fibrillation, stroke and bleeding; the fused loop.

The core draws presentations from the hazards given here; yesterday's acute cause changes the state. A hazard is split:
the share that dies before hospital goes to sudden death, the rest to presentations. The core has ventricular arrhythmia
and the chronic excess of cardiac death.

Deviations from the reference person (75 years, 125 mmHg, LDL 3 mmol/L, HbA1c 6.4%, GFR 60 or more, never smoked) are
computed once for infarction, stroke and bleeding. Stiffening raises systolic pressure by a constant amount a year.
"""

from __future__ import annotations

import numpy as np

from popsim.kernels.codes import CAUSE_BLEEDING, CAUSE_INFARCTION, CAUSE_STROKE, STREAM_VESSELS
from popsim.kernels.numerics.compiling import njit, prange
from popsim.kernels.numerics.random import uniforms
from popsim.kernels.numerics.scalars import REFERENCE_GFR_ML_MIN, YEARS_PER_DAY, clip, positive, small_chance
from popsim.kernels.physiology import influences as of
from popsim.kernels.physiology.coronary import (
    LONG_AGO_DAYS,
    MAX_SCAR_PERCENT,
    infarction_hazard,
    infarction_risk,
    intervention_rate,
    recency,
    scar,
)
from popsim.kernels.physiology.stroke import bleeding_hazard, disability_after, fibrillation_rate, stroke_hazard

REFERENCE_AGE_YEARS = 75.0
REFERENCE_SYSTOLIC_MMHG = 125.0
REFERENCE_LDL_MMOL_L = 3.0
REFERENCE_HBA1C_PERCENT = 6.4


@njit(parallel=True)
def set_steady_state(
    atrial_fibrillation, infarction_days_before_entry, infarct_scar_percent, days_since_infarction,
    has_atrial_fibrillation, stroke_disability, has_bled,
):  # fmt: skip
    """The state at entry from the traits, without new events; the baseline holds without influences.

    The scar of an infarction before entry is part of the baseline ejection fraction.
    """
    for i in prange(len(infarct_scar_percent)):
        before = np.float64(infarction_days_before_entry[i])
        infarct_scar_percent[i] = 0.0
        days_since_infarction[i] = before if before > 0.0 else LONG_AGO_DAYS
        has_atrial_fibrillation[i] = atrial_fibrillation[i]
        stroke_disability[i] = 0.0
        has_bled[i] = 0


@njit(parallel=True, single=True)
def advance_day(
    person_id, entry_day, age_years, alive, care_level, acute_cause, smoking, alcohol_g_day, hypertension, diabetes,
    coronary_disease, prior_infarction, prior_stroke, atrial_fibrillation, baseline_ldl_mmol_l,
    baseline_filling_pressure_mmhg, systolic_mmhg, gfr_ml_min, hba1c_percent, filling_pressure_mmhg,
    ejection_fraction_percent, infarct_scar_percent, days_since_infarction, coronary_stent, has_atrial_fibrillation,
    stroke_disability, has_bled, influences, key, day, step_days, stiffening_mmhg_year,
    stiffening_hypertension_mmhg_year, fibrillation_log_rate, coronary, stroke,
):  # fmt: skip
    """Advance all rows by one step of `step_days`; `day` counts steps from 0.

    Reads the columns up to `ejection_fraction_percent`, writes those from `infarct_scar_percent` to `has_bled`, adds to
    `influences`. stiffening_mmhg_year, stiffening_hypertension_mmhg_year: of everybody, and more with hypertension;
    fibrillation_log_rate: log of the factor by which atrial fibrillation raises the core's rate of fast arrhythmias.
    """
    today = np.float64(day * step_days)
    for i in prange(len(person_id)):
        u_event, u_stent, u_fibrillation, _ = uniforms(key, person_id[i], STREAM_VESSELS, 4 * day)
        lives = np.float64(alive[i]) > 0.5
        level = np.float64(care_level[i])
        happened = np.float64(acute_cause[i])
        infarcted, struck = happened == CAUSE_INFARCTION, happened == CAUSE_STROKE
        years = clip((today - np.float64(entry_day[i])) * YEARS_PER_DAY, 0.0, 100.0)
        older = np.float64(age_years[i]) + years - REFERENCE_AGE_YEARS
        has_hypertension, has_diabetes = np.float64(hypertension[i]), np.float64(diabetes[i])
        stopped = 1.0 if np.float64(smoking[i]) == 1.0 else 0.0
        smokes = 1.0 if np.float64(smoking[i]) > 1.5 else 0.0
        # Read whatever follows: AVX2 has no masked load of bytes, so a conditional one would stop vectorisation.
        coronary_before = np.float64(coronary_disease[i])
        infarction_before, stroke_before = np.float64(prior_infarction[i]), np.float64(prior_stroke[i])
        inhibition = clip(np.float64(influences[of.PLATELET_INHIBITION, i]), 0.0, 1.0)
        anticoagulation = np.float64(influences[of.ANTICOAGULATION, i])
        untreated_ldl, lowered = (
            np.float64(baseline_ldl_mmol_l[i]),
            clip(np.float64(influences[of.LDL_REDUCTION, i]), 0.0, 1.0),
        )
        lipid = untreated_ldl * (1.0 - lowered) - REFERENCE_LDL_MMOL_L
        sugar = np.float64(hba1c_percent[i]) - REFERENCE_HBA1C_PERCENT
        sbp, filtration = np.float64(systolic_mmhg[i]), np.float64(gfr_ml_min[i])
        pressure = clip(sbp - REFERENCE_SYSTOLIC_MMHG, -50.0, 75.0)
        slow = positive(REFERENCE_GFR_ML_MIN - filtration)

        # Coronary disease: scar of yesterday's infarction, stent, next infarction.
        scar_before, since_before = np.float64(infarct_scar_percent[i]), np.float64(days_since_infarction[i])
        stent_before = np.float64(coronary_stent[i])
        scarred = clip(scar_before + (scar(u_event, coronary) if infarcted else 0.0), 0.0, MAX_SCAR_PERCENT)
        since = 0.0 if infarcted else clip(since_before + step_days, 0.0, LONG_AGO_DAYS)
        bare = 0.0 if infarcted else stent_before
        sets_stent = u_stent < small_chance(intervention_rate(since, bare, level, coronary) * step_days)
        stented = 1.0 if sets_stent else bare
        recent = recency(since)
        had_infarction = 1.0 if scarred > 0.0 else infarction_before
        has_coronary = 1.0 if scarred > 0.0 else coronary_before
        risk = infarction_risk(
            older, lipid, sugar, pressure, slow, stopped, smokes, has_coronary, had_infarction, coronary
        )
        h_infarction = infarction_hazard(risk, recent, stented, inhibition, coronary)
        early = coronary.infarction_early_death_per_day if since < coronary.infarction_early_days else 0.0

        # Atrial fibrillation and stroke.
        fibrillates_before, disability_before = np.float64(has_atrial_fibrillation[i]), np.float64(stroke_disability[i])
        pressure_rise = np.float64(filling_pressure_mmhg[i]) - np.float64(baseline_filling_pressure_mmhg[i])
        onset_rate = fibrillation_rate(
            older, pressure_rise, np.float64(ejection_fraction_percent[i]), has_hypertension, stroke
        )  # fmt: skip
        begins = u_fibrillation < small_chance(onset_rate * step_days)
        fibrillates = 1.0 if begins else fibrillates_before
        disabled = disability_after(disability_before, u_event, stroke) if struck else disability_before
        had_stroke = 1.0 if disabled > 0.0 else stroke_before
        h_stroke = stroke_hazard(
            fibrillates, older, pressure, lipid, sugar, stopped, smokes, has_hypertension, has_diabetes, had_stroke,
            anticoagulation, inhibition, stroke,
        )  # fmt: skip
        # The probability of dying in the first days applies in the step after the stroke, whatever its length.
        struck_down = stroke.stroke_early_death / step_days if struck else 0.0

        # Bleeding.
        bled_before = np.float64(has_bled[i])
        bled = 1.0 if happened == CAUSE_BLEEDING else bled_before
        h_bleeding = bleeding_hazard(
            older, sbp, slow, np.float64(alcohol_g_day[i]), bled, anticoagulation, inhibition, stroke
        )  # fmt: skip

        influences[of.SYSTOLIC, i] += years * (
            stiffening_mmhg_year + stiffening_hypertension_mmhg_year * has_hypertension
        )
        influences[of.EJECTION_FRACTION, i] -= scarred
        influences[of.FILLING_PRESSURE, i] += coronary.ischaemia_pressure_mmhg * recent
        influences[of.SYMPTOM, i] += coronary.ischaemia_symptom * recent + stroke.disability_symptom * disabled
        influences[of.ARRHYTHMIA_LOG_RATE, i] += fibrillation_log_rate * (
            fibrillates - np.float64(atrial_fibrillation[i])
        )
        of.raise_death_beside_heart_failure(influences, stroke.disability_death_log * disabled, i)
        influences[of.CARDIOVASCULAR_DEATH, i] += (
            coronary.infarction_dead_before_hospital * h_infarction
            + stroke.stroke_dead_before_hospital * h_stroke
            + early
            + struck_down
        )
        influences[of.INFARCTION, i] += (1.0 - coronary.infarction_dead_before_hospital) * h_infarction
        influences[of.STROKE, i] += (1.0 - stroke.stroke_dead_before_hospital) * h_stroke
        influences[of.BLEEDING, i] += h_bleeding
        influences[of.FALL, i] += stroke.disability_fall_per_day * disabled

        infarct_scar_percent[i] = scarred if lives else scar_before
        days_since_infarction[i] = since if lives else since_before
        coronary_stent[i] = stented if lives else stent_before
        has_atrial_fibrillation[i] = fibrillates if lives else fibrillates_before
        stroke_disability[i] = disabled if lives else disability_before
        has_bled[i] = bled if lives else bled_before
