"""Initialisation at steady state: the inverse of the day loop of heart failure (heart_failure.py) at the set point."""

from __future__ import annotations

import numpy as np

from popsim.kernels.codes import STREAM_PROPENSITY
from popsim.kernels.numerics.compiling import njit, prange
from popsim.kernels.numerics.math import inverse_normal
from popsim.kernels.numerics.random import uniforms
from popsim.kernels.physiology import influences as of
from popsim.kernels.physiology.fluid import drug_natriuresis, kidney_power, loop_response
from popsim.kernels.physiology.heart import (
    body_mass_index,
    ejection_fraction_gain,
    filling_pressure_target,
    nt_probnp,
    preserved,
    systolic_drugs,
)
from popsim.kernels.physiology.influences import influence_on
from popsim.kernels.physiology.kidney import gfr_drugs, potassium_shift, slowness
from popsim.kernels.physiology.symptoms import functional_class, symptom_target


@njit(parallel=True)
def set_steady_state(
    person_id, height_cm, baseline_ejection_fraction_percent, baseline_systolic_mmhg, baseline_heart_rate_bpm,
    baseline_gfr_ml_min, baseline_potassium_mmol_l, baseline_filling_pressure_mmhg, dry_weight_kg, usual_salt_g_day,
    adherence_trait, age_years, copd, atrial_fibrillation, beta_blockade, ras_inhibition, neprilysin_inhibition,
    mineralocorticoid_blockade, sglt2_inhibition, loop_diuretic_mg, extracellular_fluid_excess_l, frailty,
    infection_severity, arrhythmia_burden, intrinsic_natriuresis_l_day, untreated_ejection_fraction_percent,
    untreated_systolic_mmhg, untreated_heart_rate_bpm, untreated_gfr_ml_min, untreated_potassium_mmol_l,
    filling_pressure_mmhg, weight_kg, ejection_fraction_percent, systolic_mmhg, heart_rate_bpm, gfr_ml_min,
    potassium_mmol_l, nt_probnp_pg_ml, symptom_score, nyha_class, adherence, death_hazard_per_day, onset, acute_cause,
    shock_onset, dies_of, usual_symptom_score, presentation_propensity, death_propensity, peptide_residual,
    class_judgement, key, fluid, heart, kidney, symptoms, influences,
):  # fmt: skip
    """Compute, for every row, the untreated values of the twin and the steady state for its fluid excess.

    The inverse of the day loop at its set point: baseline values hold under the influences of the twin's first morning.
    The usual symptom score is that at the set point, without the fluid excess and shocks of the first morning. Writes
    the columns from `intrinsic_natriuresis_l_day` on.
    """
    for i in prange(len(age_years)):
        u_presentation, u_death, u_peptide, u_class = uniforms(key, person_id[i], STREAM_PROPENSITY, 0)
        residual, judgement = inverse_normal(u_peptide), inverse_normal(u_class)
        beta, ras = np.float64(beta_blockade[i]), np.float64(ras_inhibition[i])
        arni, aldosterone = np.float64(neprilysin_inhibition[i]), np.float64(mineralocorticoid_blockade[i])
        sglt2 = np.float64(sglt2_inhibition[i])
        loop = loop_response(np.float64(loop_diuretic_mg[i]), fluid)
        base_ef, base_gfr = np.float64(baseline_ejection_fraction_percent[i]), np.float64(baseline_gfr_ml_min[i])
        excess, infection, arrhythmia = (
            np.float64(extracellular_fluid_excess_l[i]),
            np.float64(infection_severity[i]),
            np.float64(arrhythmia_burden[i]),
        )
        preserved_ef = preserved(base_ef, heart)
        drugs = drug_natriuresis(0.0, kidney_power(base_gfr, fluid), loop, ras, aldosterone, sglt2, fluid)
        drugs += influence_on(influences, of.NATRIURESIS, i)
        intrinsic_natriuresis_l_day[i] = np.float64(usual_salt_g_day[i]) * fluid.fluid_per_salt_l_per_g - drugs
        gain = ejection_fraction_gain(1.0 - preserved_ef, beta, ras, arni, aldosterone, sglt2, heart)
        gain += influence_on(influences, of.EJECTION_FRACTION, i)
        untreated_ejection_fraction_percent[i] = base_ef - gain
        lowered = systolic_drugs(beta, ras, arni, aldosterone, sglt2, heart)
        lowered -= influence_on(influences, of.SYSTOLIC, i)
        untreated_systolic_mmhg[i] = np.float64(baseline_systolic_mmhg[i]) + lowered
        slowed = heart.heart_rate_beta_blocker_bpm * beta
        slowed -= influence_on(influences, of.HEART_RATE, i)
        untreated_heart_rate_bpm[i] = np.float64(baseline_heart_rate_bpm[i]) + slowed
        dip = gfr_drugs(ras, aldosterone, sglt2, kidney)
        dip -= influence_on(influences, of.GFR, i)
        untreated_gfr_ml_min[i] = base_gfr + dip
        slow = slowness(base_gfr, kidney)
        shift = potassium_shift(slow, loop, ras, aldosterone, kidney)
        shift += influence_on(influences, of.POTASSIUM, i)
        untreated_potassium_mmol_l[i] = np.float64(baseline_potassium_mmol_l[i]) - shift
        pressure = filling_pressure_target(
            np.float64(baseline_filling_pressure_mmhg[i]), excess, preserved_ef, 0.0, 0.0, arrhythmia, infection, heart
        )
        score = symptom_target(
            pressure, base_ef, np.float64(copd[i]), infection, arrhythmia, np.float64(frailty[i]), symptoms
        )
        usual_symptom_score[i] = symptom_target(
            np.float64(baseline_filling_pressure_mmhg[i]), base_ef, np.float64(copd[i]), 0.0, 0.0,
            np.float64(frailty[i]), symptoms,
        )  # fmt: skip
        presentation_propensity[i] = inverse_normal(u_presentation)
        death_propensity[i] = inverse_normal(u_death)
        peptide_residual[i] = residual
        class_judgement[i] = judgement
        filling_pressure_mmhg[i] = pressure
        weight_kg[i] = np.float64(dry_weight_kg[i]) + excess
        ejection_fraction_percent[i] = base_ef
        systolic_mmhg[i] = np.float64(baseline_systolic_mmhg[i])
        heart_rate_bpm[i] = np.float64(baseline_heart_rate_bpm[i])
        gfr_ml_min[i] = base_gfr
        potassium_mmol_l[i] = np.float64(baseline_potassium_mmol_l[i])
        bmi = body_mass_index(np.float64(dry_weight_kg[i]), np.float64(height_cm[i]))
        nt_probnp_pg_ml[i] = nt_probnp(
            pressure, base_ef, slow, np.float64(age_years[i]), np.float64(atrial_fibrillation[i]), bmi, residual, heart
        )
        symptom_score[i] = score
        nyha_class[i] = functional_class(score, judgement, symptoms)
        adherence[i] = np.float64(adherence_trait[i])
        death_hazard_per_day[i] = 0.0
        onset[i] = 0
        acute_cause[i] = 0
        shock_onset[i] = 0
        dies_of[i] = 0
