"""Influences: the effects of organ systems and drugs on one another within a day.

An organ system reads and writes its own columns and adds its effects on other systems to a row of an array of shape
(influences, twins), cleared every morning. Drugs come first; the heart and circulation, which receive all influences,
come last. A shift is added to the target of a variable of the core; a log rate multiplies a rate by its exponential; a
hazard is added to the hazard of presenting with that cause. Zero always means: no influence.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from popsim.kernels.numerics.compiling import njit


class Influence(NamedTuple):
    """One row of the array: its name, unit and meaning."""

    name: str
    unit: str
    meaning: str


INFLUENCES = (
    # Drug effects, written by pharmacology alone: 1 = effect of the target dose, fully taken, in a typical person.
    Influence("beta_blockade", "1", "Effect of beta-blockers."),
    Influence("ras_inhibition", "1", "Effect of ACE inhibitors, angiotensin blockers and the valsartan in an ARNI."),
    Influence("neprilysin_inhibition", "1", "Effect of sacubitril."),
    Influence("mineralocorticoid_blockade", "1", "Effect of mineralocorticoid receptor antagonists."),
    Influence("sglt2_inhibition", "1", "Effect of SGLT2 inhibitors."),
    Influence("loop_diuretic_mg", "mg/d", "Oral loop diuretic that is at work today, furosemide equivalents."),
    Influence("platelet_inhibition", "1", "Share of platelet reactivity that is blocked, 0..1."),
    Influence("anticoagulation", "1", "Effect of anticoagulants; 1 = at INR 2.5 or a full dose of a direct one."),
    Influence("ldl_reduction", "1", "Share of LDL cholesterol taken away, 0..1."),
    Influence("hba1c_reduction", "%", "HbA1c taken away by drugs at steady state, percentage points."),
    Influence("hypoglycaemic_drive", "1", "What drugs that can cause hypoglycaemia do; 1 = usual basal insulin dose."),
    Influence("bronchodilation", "1", "Effect of inhaled treatment; 1 = dual or triple therapy, all taken."),
    # Shifts, added to by any system.
    Influence("natriuresis_shift_l_day", "L/d", "Fluid lost with sodium beyond what the core works out."),
    Influence("filling_pressure_shift_mmhg", "mm[Hg]", "Filling pressure."),
    Influence("ejection_fraction_shift_percent", "%", "Ejection fraction."),
    Influence("systolic_shift_mmhg", "mm[Hg]", "Systolic pressure."),
    Influence("heart_rate_shift_bpm", "/min", "Pulse."),
    Influence("gfr_shift_ml_min", "mL/min/{1.73_m2}", "Filtration, reversibly."),
    Influence("gfr_slope_shift_ml_min_year", "mL/min/{1.73_m2}/a", "Yearly change of filtration, for good."),
    Influence("potassium_shift_mmol_l", "mmol/L", "Serum potassium."),
    Influence("symptom_shift", "1", "Symptom score."),
    # Rates and hazards, added to by any system.
    Influence("infection_log_rate", "1", "Log of the factor of the rate of infections."),
    Influence("arrhythmia_log_rate", "1", "Log of the factor of the rate of fast arrhythmias."),
    Influence("heart_failure_log_hazard", "1", "Log of the factor of the hazard of presenting with heart failure."),
    Influence("other_presentation_log_hazard", "1", "Log of the factor of the hazard of presenting with other causes."),
    Influence("sudden_log_hazard", "1", "Log of the factor of the hazard of sudden death."),
    Influence("pump_log_hazard", "1", "Log of the factor of the hazard of death by pump failure."),
    Influence("other_cardiovascular_log_hazard", "1", "Log of the factor of that of other cardiovascular death."),
    Influence("non_cardiovascular_log_hazard", "1", "Log of the factor of the hazard of non-cardiovascular death."),
    Influence("cardiovascular_death_per_day", "/d", "Hazard of death by infarction or stroke, beside the core's own."),
    Influence("infarction_per_day", "/d", "Hazard of presenting with myocardial infarction."),
    Influence("stroke_per_day", "/d", "Hazard of presenting with stroke."),
    Influence("bleeding_per_day", "/d", "Hazard of presenting with major bleeding."),
    Influence("fall_per_day", "/d", "Hazard of presenting with a fall or delirium."),
    Influence("glucose_per_day", "/d", "Hazard of presenting with hypoglycaemia or severe hyperglycaemia."),
    Influence("respiratory_per_day", "/d", "Hazard of presenting with an exacerbation of COPD, beside the core's own."),
    Influence("renal_per_day", "/d", "Hazard of presenting with a kidney problem, beside the core's own."),
    Influence("slow_rhythm_per_day", "/d", "Hazard of presenting with syncope or a slow rhythm."),
)

(
    BETA_BLOCKADE, RAS_INHIBITION, NEPRILYSIN_INHIBITION, MINERALOCORTICOID_BLOCKADE, SGLT2_INHIBITION,
    LOOP_DIURETIC, PLATELET_INHIBITION, ANTICOAGULATION, LDL_REDUCTION, HBA1C_REDUCTION, HYPOGLYCAEMIC_DRIVE,
    BRONCHODILATION,
    NATRIURESIS, FILLING_PRESSURE, EJECTION_FRACTION, SYSTOLIC, HEART_RATE, GFR, GFR_SLOPE, POTASSIUM, SYMPTOM,
    INFECTION_LOG_RATE, ARRHYTHMIA_LOG_RATE, HEART_FAILURE_LOG_HAZARD, OTHER_PRESENTATION_LOG_HAZARD,
    SUDDEN_LOG_HAZARD, PUMP_LOG_HAZARD, OTHER_CARDIOVASCULAR_LOG_HAZARD, NON_CARDIOVASCULAR_LOG_HAZARD,
    CARDIOVASCULAR_DEATH, INFARCTION, STROKE, BLEEDING, FALL, GLUCOSE, RESPIRATORY, RENAL, SLOW_RHYTHM,
) = range(len(INFLUENCES))  # fmt: skip


@njit(forceinline=True)
def influence_on(influences, influence, i):
    """An influence on a twin."""
    return np.float64(influences[influence, i])


@njit(forceinline=True)
def raise_death(influences, log_ratio, i):
    """Add to the log hazard of every mode of death of a twin."""
    influences[SUDDEN_LOG_HAZARD, i] += log_ratio
    influences[PUMP_LOG_HAZARD, i] += log_ratio
    raise_death_beside_heart_failure(influences, log_ratio, i)


@njit(forceinline=True)
def raise_death_beside_heart_failure(influences, log_ratio, i):
    """Add to the log hazards of other cardiovascular and of non-cardiovascular death of a twin."""
    influences[OTHER_CARDIOVASCULAR_LOG_HAZARD, i] += log_ratio
    influences[NON_CARDIOVASCULAR_LOG_HAZARD, i] += log_ratio
