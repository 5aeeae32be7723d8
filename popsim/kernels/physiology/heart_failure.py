"""One day of heart failure in every twin: the fused loop over its organ systems (initial state: steady_state.py).

Within a step, the chain shocks -> adherence -> fluid -> filling pressure -> symptoms -> presentation and death is
evaluated in order; every other coupling (congestion -> kidney, ejection fraction, pulse; pressure -> kidney ...) uses
the value at the start of the step.

All columns are float32 or int8 and are read as `np.float64(column[i])`, which is a single number where the kernel is
compiled in single precision (compiling.py) and a double otherwise.

Each twin uses two blocks of random numbers a step: STREAM_SHOCKS (infection, lapse, salt, arrhythmia) and STREAM_EVENTS
(presents, cause, dies), index = step.

There is no branch on data in the loop: a twin that is dead keeps its values by selection.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from popsim.kernels.codes import (
    LEVEL_COMMUNITY,
    LEVEL_EMERGENCY,
    LEVEL_FACILITY,
    LEVEL_WARD,
    ONSET_ACUTE,
    ONSET_DEATH,
    ONSET_SHOCK,
    SHOCK_ARRHYTHMIA,
    SHOCK_INFECTION,
    SHOCK_LAPSE,
    SHOCK_SALT,
    STREAM_EVENTS,
    STREAM_SHOCKS,
)
from popsim.kernels.numerics.compiling import njit, prange
from popsim.kernels.numerics.math import exp
from popsim.kernels.numerics.random import uniforms
from popsim.kernels.numerics.scalars import YEARS_PER_DAY, approach, clip, small_chance
from popsim.kernels.physiology import influences as of
from popsim.kernels.physiology.acute import (
    arrhythmia_hazard,
    cause_elsewhere,
    chosen_cause,
    heart_failure_drugs,
    heart_failure_hazard,
    infection_hazards,
    log_factor,
    other_hazard,
    renal_hazard,
)
from popsim.kernels.physiology.death import (
    failing,
    mode_of_death,
    non_cardiovascular_hazard,
    other_cardiovascular_hazard,
    pump_drugs,
    pump_hazard,
    sudden_drugs,
    sudden_hazard,
)
from popsim.kernels.physiology.fluid import (
    drug_natriuresis,
    fluid_after,
    intravenous_natriuresis,
    kidney_power,
    loop_response,
    retention,
    sound_natriuresis,
    volume_natriuresis,
)
from popsim.kernels.physiology.heart import (
    body_mass_index,
    ejection_fraction_gain,
    ejection_fraction_target,
    filling_pressure_target,
    heart_rate_target,
    nt_probnp,
    preserved,
    systolic_drugs,
    systolic_target,
)
from popsim.kernels.physiology.influences import influence_on
from popsim.kernels.physiology.kidney import (
    chronic_gfr_after,
    gfr_drugs,
    gfr_target,
    potassium_shift,
    slowness,
)
from popsim.kernels.physiology.shocks import (
    adherence_today,
    arrhythmia_rate,
    infection_rate,
    lapse_rate,
    review_support,
    shock,
)
from popsim.kernels.physiology.symptoms import frailty_after, frailty_beyond_years, functional_class, symptom_target


class Relaxation(NamedTuple):
    """Share of the distance to its target that each variable covers in a step: 1 - exp(-step / time constant)."""

    infection: float
    infection_in_hospital: float
    lapse: float
    salt: float
    arrhythmia: float
    arrhythmia_in_hospital: float
    filling_pressure: float
    ejection_fraction: float
    systolic: float
    heart_rate: float
    gfr: float
    potassium: float
    symptom: float
    usual_symptom: float
    deconditioning: float
    reconditioning: float


@njit(parallel=True, single=True)
def advance_day(
    person_id, entry_day, age_years, dry_weight_kg, height_cm, baseline_ejection_fraction_percent,
    baseline_systolic_mmhg, baseline_filling_pressure_mmhg, usual_salt_g_day, adherence_trait,
    life_table_hazard_per_day, heart_failure, diabetes, atrial_fibrillation, copd, alive, care_level, beta_blockade,
    ras_inhibition, neprilysin_inhibition, mineralocorticoid_blockade, sglt2_inhibition, loop_diuretic_mg,
    iv_diuretic_mg_day, last_review_day, intrinsic_natriuresis_l_day, untreated_ejection_fraction_percent,
    untreated_systolic_mmhg, untreated_heart_rate_bpm, untreated_potassium_mmol_l, presentation_propensity,
    death_propensity, peptide_residual, class_judgement, untreated_gfr_ml_min, extracellular_fluid_excess_l,
    filling_pressure_mmhg, weight_kg, ejection_fraction_percent, systolic_mmhg, heart_rate_bpm, gfr_ml_min,
    potassium_mmol_l, nt_probnp_pg_ml, symptom_score, usual_symptom_score, frailty, deconditioning, adherence,
    infection_severity, adherence_lapse, salt_excess_g_day, arrhythmia_burden, death_hazard_per_day, nyha_class,
    acute_cause, dies_of, onset, shock_onset, key, day, step_days, shocks, fluid, heart, kidney, symptoms, acute, death,
    relaxation, influences, clinical_constants, shared, own_share,
):  # fmt: skip
    """Advance all rows by one step of `step_days`; `day` counts steps from 0.

    Reads the columns up to `class_judgement`, writes those from `untreated_gfr_ml_min` to `shock_onset`.

    `influences` are the day's (influences.py), written before by the organ systems that advance before this one, with
    the effects of drugs (`beta_blockade` to `loop_diuretic_mg`) among them. `shared` is the correlation of the
    propensities of death and of presentation, `own_share` the root of 1 - its square.
    """
    today = np.float64(day * step_days)
    for i in prange(len(person_id)):
        person = person_id[i]
        u_infection, u_lapse, u_salt, u_arrhythmia = uniforms(key, person, STREAM_SHOCKS, day)
        u_present, u_cause, u_death, u_died_of = uniforms(key, person, STREAM_EVENTS, day)
        lives = np.float64(alive[i]) > 0.5
        level, class_before = np.float64(care_level[i]), np.float64(nyha_class[i])  # read on all days, see vessels.py
        in_hospital = 1.0 if level >= LEVEL_WARD else 0.0
        attended = 1.0 if level >= LEVEL_EMERGENCY else 0.0
        facility = 1.0 if level == LEVEL_FACILITY else 0.0
        has_copd, has_af = np.float64(copd[i]), np.float64(atrial_fibrillation[i])
        years = clip((today - np.float64(entry_day[i])) * YEARS_PER_DAY, 0.0, 100.0)
        age = np.float64(age_years[i]) + years

        # Shocks and adherence.
        frail_before, reserve_lost_before = np.float64(frailty[i]), np.float64(deconditioning[i])
        pressure_before, ef_before = np.float64(filling_pressure_mmhg[i]), np.float64(ejection_fraction_percent[i])
        own_pressure = np.float64(baseline_filling_pressure_mmhg[i])
        pressure_rise = pressure_before - own_pressure
        trait = np.float64(adherence_trait[i])
        support = review_support(today - np.float64(last_review_day[i]), shocks)
        beta_before = np.float64(beta_blockade[i]) * np.float64(adherence[i])
        infection, new_infection = shock(
            np.float64(infection_severity[i]),
            1.0 - (relaxation.infection_in_hospital if attended > 0.5 else relaxation.infection),
            infection_rate(has_copd, frail_before, reserve_lost_before, shocks)
            * exp(influence_on(influences, of.INFECTION_LOG_RATE, i)),
            step_days, u_infection, shocks.infection_weakest, 1.0,
        )  # fmt: skip
        lapse, new_lapse = shock(
            np.float64(adherence_lapse[i]),
            1.0 - relaxation.lapse,
            0.0 if attended > 0.5 else lapse_rate(trait, reserve_lost_before, support, shocks),
            step_days, u_lapse, shocks.lapse_weakest, 1.0,
        )  # fmt: skip
        salt, new_salt = shock(
            np.float64(salt_excess_g_day[i]),
            0.0 if attended > 0.5 else 1.0 - relaxation.salt,
            0.0 if attended > 0.5 else shocks.salt_rate_per_day,
            step_days, u_salt, shocks.salt_least_g_day, shocks.salt_most_g_day,
        )  # fmt: skip
        arrhythmia, new_arrhythmia = shock(
            np.float64(arrhythmia_burden[i]),
            1.0 - (relaxation.arrhythmia_in_hospital if attended > 0.5 else relaxation.arrhythmia),
            arrhythmia_rate(has_af, pressure_rise, beta_before, shocks)
            * exp(influence_on(influences, of.ARRHYTHMIA_LOG_RATE, i)),
            step_days, u_arrhythmia, shocks.arrhythmia_weakest, 1.0,
        )  # fmt: skip
        taken = adherence_today(trait, support, lapse, facility, attended, shocks)
        beta, ras = np.float64(beta_blockade[i]), np.float64(ras_inhibition[i])
        arni, aldosterone = np.float64(neprilysin_inhibition[i]), np.float64(mineralocorticoid_blockade[i])
        sglt2 = np.float64(sglt2_inhibition[i])
        loop = loop_response(np.float64(loop_diuretic_mg[i]), fluid)

        # Fluid.
        excess_before, gfr_before = np.float64(extracellular_fluid_excess_l[i]), np.float64(gfr_ml_min[i])
        power = kidney_power(gfr_before, fluid)
        strained = own_pressure + influence_on(influences, of.FILLING_PRESSURE, i)
        sound = (1.0 - np.float64(heart_failure[i])) * (1.0 - failing(strained, preserved(ef_before, heart), death))
        natriuresis = (
            np.float64(intrinsic_natriuresis_l_day[i])
            + volume_natriuresis(excess_before, power, fluid)
            + sound_natriuresis(excess_before, power, sound, step_days, fluid)
            + drug_natriuresis(excess_before, power, loop, ras, aldosterone, sglt2, fluid)
            + intravenous_natriuresis(excess_before, power, np.float64(iv_diuretic_mg_day[i]), fluid)
            - retention(reserve_lost_before, infection, arrhythmia, fluid)
            + influence_on(influences, of.NATRIURESIS, i)
        )
        excess = fluid_after(excess_before, np.float64(usual_salt_g_day[i]) + salt, natriuresis, step_days, fluid)

        # Heart and circulation.
        base_ef, own_systolic = np.float64(baseline_ejection_fraction_percent[i]), np.float64(baseline_systolic_mmhg[i])
        systolic_before = np.float64(systolic_mmhg[i])
        ef_lost, preserved_ef = base_ef - ef_before, preserved(base_ef, heart)
        pressure = approach(
            pressure_before,
            filling_pressure_target(
                strained, excess, preserved_ef, systolic_before - own_systolic, ef_lost, arrhythmia, infection, heart
            ),
            relaxation.filling_pressure,
        )
        gain = ejection_fraction_gain(1.0 - preserved_ef, beta, ras, arni, aldosterone, sglt2, heart)
        ef = approach(
            ef_before,
            ejection_fraction_target(
                np.float64(untreated_ejection_fraction_percent[i]) + influence_on(influences, of.EJECTION_FRACTION, i),
                gain, pressure_rise, arrhythmia, heart,
            ),
            relaxation.ejection_fraction,
        )  # fmt: skip
        pressure_drugs = systolic_drugs(beta, ras, arni, aldosterone, sglt2, heart)
        sbp = approach(
            systolic_before,
            systolic_target(
                np.float64(untreated_systolic_mmhg[i]) + influence_on(influences, of.SYSTOLIC, i), pressure_drugs,
                excess_before, ef_lost, infection, arrhythmia, heart,
            ),
            relaxation.systolic,
        )  # fmt: skip
        rate = approach(
            np.float64(heart_rate_bpm[i]),
            heart_rate_target(
                np.float64(untreated_heart_rate_bpm[i]) + influence_on(influences, of.HEART_RATE, i), beta,
                pressure_rise, excess_before, infection, arrhythmia, heart,
            ),
            relaxation.heart_rate,
        )  # fmt: skip

        # Kidney.
        chronic_gfr = chronic_gfr_after(
            np.float64(untreated_gfr_ml_min[i]), np.float64(diabetes[i]), sglt2, step_days, kidney
        )
        slope = influence_on(influences, of.GFR_SLOPE, i) * step_days * YEARS_PER_DAY
        chronic_gfr = clip(chronic_gfr + slope, 5.0, 170.0)
        dip = gfr_drugs(ras, aldosterone, sglt2, kidney) - influence_on(influences, of.GFR, i)
        filtration = approach(
            gfr_before,
            gfr_target(
                chronic_gfr, dip, pressure_rise, systolic_before, own_systolic, excess_before, infection, kidney
            ),
            relaxation.gfr,
        )
        slow = slowness(gfr_before, kidney)
        serum_potassium = approach(
            np.float64(potassium_mmol_l[i]),
            clip(
                np.float64(untreated_potassium_mmol_l[i])
                + potassium_shift(slow, loop, ras, aldosterone, kidney)
                + influence_on(influences, of.POTASSIUM, i),
                2.5, 8.5,
            ),
            relaxation.potassium,
        )  # fmt: skip
        bmi = body_mass_index(np.float64(dry_weight_kg[i]), np.float64(height_cm[i]))
        peptide = nt_probnp(pressure, ef, slow, age, has_af, bmi, np.float64(peptide_residual[i]), heart)

        # Symptoms and reserve.
        score = approach(
            np.float64(symptom_score[i]),
            clip(
                symptom_target(pressure, ef_before, has_copd, infection, arrhythmia, frail_before, symptoms)
                + influence_on(influences, of.SYMPTOM, i),
                0.0,
                10.0,
            ),
            relaxation.symptom,
        )
        usual = approach(np.float64(usual_symptom_score[i]), score, relaxation.usual_symptom)
        departure = score - usual
        frail = frailty_after(frail_before, in_hospital, step_days, symptoms)
        reserve_lost = approach(
            reserve_lost_before,
            in_hospital,
            relaxation.deconditioning if in_hospital > 0.5 else relaxation.reconditioning,
        )

        # Acute presentation.
        propensity = np.float64(presentation_propensity[i])
        others = exp(
            log_factor(propensity, acute.other_presentation_log_propensity_sd)
            + influence_on(influences, of.OTHER_PRESENTATION_LOG_HAZARD, i)
        )
        drugs = heart_failure_drugs(beta, ras, arni, aldosterone, sglt2, preserved_ef, acute)
        own_ratio = log_factor(propensity, acute.heart_failure_log_propensity_sd) - drugs
        h_failure = heart_failure_hazard(
            score, usual, pressure, ef, preserved_ef,
            own_ratio + influence_on(influences, of.HEART_FAILURE_LOG_HAZARD, i), acute,
        )  # fmt: skip
        h_failure /= others  # hazards are relative to this person's factor of other causes
        h_infection, h_respiratory = infection_hazards(infection, frail, has_copd, acute)
        h_arrhythmia = arrhythmia_hazard(arrhythmia, acute) + influence_on(influences, of.SLOW_RHYTHM, i)
        h_renal = renal_hazard(serum_potassium, sbp, filtration, chronic_gfr - dip, acute)
        h_renal += influence_on(influences, of.RENAL, i)
        h_respiratory *= clinical_constants.respiratory_hazard_share
        h_respiratory += influence_on(influences, of.RESPIRATORY, i)
        h_other = other_hazard(frail, age, reserve_lost, acute) * clinical_constants.other_hazard_share
        h_infarction, h_stroke = influence_on(influences, of.INFARCTION, i), influence_on(influences, of.STROKE, i)
        h_bleeding, h_fall = influence_on(influences, of.BLEEDING, i), influence_on(influences, of.FALL, i)
        h_glucose = influence_on(influences, of.GLUCOSE, i)
        elsewhere = h_infarction + h_stroke + h_bleeding + h_fall + h_glucose
        total = h_failure + h_infection + h_respiratory + h_arrhythmia + h_renal + h_other + elsewhere
        presents = (u_present < 1.0 - exp(-others * total * step_days)) & (attended < 0.5)
        cause = chosen_cause(u_cause, h_failure, h_infection, h_arrhythmia, h_renal, h_respiratory, total)
        cause = cause_elsewhere(
            u_cause * total - (total - elsewhere), cause, h_infarction, h_stroke, h_bleeding, h_fall
        )

        # Death.
        preserved_now, life_table = preserved(ef, heart), np.float64(life_table_hazard_per_day[i])
        fails = failing(strained, preserved_now, death)
        z_death = shared * propensity + own_share * np.float64(death_propensity[i])
        fate, reduced_ef = log_factor(z_death, death.death_log_propensity_sd), 1.0 - preserved_ef
        h_sudden = sudden_hazard(
            fails, preserved_now, ef, usual, departure, age, filtration, serum_potassium, arrhythmia,
            fate - sudden_drugs(beta, arni, aldosterone, reduced_ef, death)
            + influence_on(influences, of.SUDDEN_LOG_HAZARD, i), death,
        )  # fmt: skip
        h_pump = pump_hazard(
            fails, preserved_now, ef, usual, departure, age, frail, reserve_lost, filtration, sbp, arrhythmia,
            fate - pump_drugs(beta, ras, arni, aldosterone, sglt2, reduced_ef, death),
            influence_on(influences, of.PUMP_LOG_HAZARD, i), level < LEVEL_COMMUNITY, death,
        )  # fmt: skip
        acquired = frailty_beyond_years(frail, years, symptoms)
        h_vascular = other_cardiovascular_hazard(
            (1.0 - clinical_constants.other_death_share) * life_table, years, acquired, departure, filtration,
            fate + influence_on(influences, of.OTHER_CARDIOVASCULAR_LOG_HAZARD, i), death,
        )  # fmt: skip
        h_rest = non_cardiovascular_hazard(
            clinical_constants.other_death_share * life_table, years, acquired, reserve_lost, infection, filtration,
            influence_on(influences, of.NON_CARDIOVASCULAR_LOG_HAZARD, i), death,
        )  # fmt: skip
        h_event, h_core = influence_on(influences, of.CARDIOVASCULAR_DEATH, i), h_sudden + h_pump + h_vascular + h_rest
        h_death = h_event + (h_core if h_core < death.death_highest_per_day else death.death_highest_per_day)
        dies = u_death < small_chance(h_death * step_days)
        died_of = mode_of_death(u_died_of * (h_core + h_event), h_sudden, h_pump, h_vascular + h_event)
        shocks_begun = (
            new_infection * SHOCK_INFECTION
            + new_lapse * SHOCK_LAPSE
            + new_salt * SHOCK_SALT
            + new_arrhythmia * SHOCK_ARRHYTHMIA
        )
        bits = (
            (float(ONSET_DEATH) if dies else 0.0)
            + (float(ONSET_ACUTE) if presents else 0.0)
            + (float(ONSET_SHOCK) if shocks_begun > 0.5 else 0.0)
        )

        untreated_gfr_ml_min[i] = chronic_gfr if lives else np.float64(untreated_gfr_ml_min[i])
        extracellular_fluid_excess_l[i] = excess if lives else excess_before
        filling_pressure_mmhg[i] = pressure if lives else pressure_before
        weight_kg[i] = np.float64(dry_weight_kg[i]) + excess if lives else np.float64(weight_kg[i])
        ejection_fraction_percent[i] = ef if lives else ef_before
        systolic_mmhg[i] = sbp if lives else systolic_before
        heart_rate_bpm[i] = rate if lives else np.float64(heart_rate_bpm[i])
        gfr_ml_min[i] = filtration if lives else gfr_before
        potassium_mmol_l[i] = serum_potassium if lives else np.float64(potassium_mmol_l[i])
        nt_probnp_pg_ml[i] = peptide if lives else np.float64(nt_probnp_pg_ml[i])
        symptom_score[i] = score if lives else np.float64(symptom_score[i])
        usual_symptom_score[i] = usual if lives else np.float64(usual_symptom_score[i])
        frailty[i] = frail if lives else frail_before
        deconditioning[i] = reserve_lost if lives else reserve_lost_before
        adherence[i] = taken if lives else np.float64(adherence[i])
        infection_severity[i] = infection if lives else np.float64(infection_severity[i])
        adherence_lapse[i] = lapse if lives else np.float64(adherence_lapse[i])
        salt_excess_g_day[i] = salt if lives else np.float64(salt_excess_g_day[i])
        arrhythmia_burden[i] = arrhythmia if lives else np.float64(arrhythmia_burden[i])
        death_hazard_per_day[i] = clip(h_death, 0.0, 1.0) if lives else np.float64(death_hazard_per_day[i])
        judged = functional_class(score, np.float64(class_judgement[i]), symptoms)
        nyha_class[i] = judged if lives else class_before
        acute_cause[i] = cause if lives & presents else 0.0
        onset[i] = bits if lives else 0.0
        shock_onset[i] = shocks_begun if lives else 0.0
        dies_of[i] = died_of if lives & dies else 0.0
