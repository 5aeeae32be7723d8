"""The day of heart failure written by hand for speed: the limit that popsim's own loop is compared with.

The same organ functions in the same order as kernels/physiology/heart_failure.py, but the constants are frozen into the
machine code, the step is a day, and the arrays are whatever the caller has: no population, no columns, no parameters.
A test holds its results to popsim's, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import njit, prange

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
from popsim.kernels.numerics.math import exp
from popsim.kernels.numerics.random import uniforms
from popsim.kernels.numerics.scalars import YEARS_PER_DAY, approach, clip, small_chance
from popsim.kernels.physiology.acute import (
    arrhythmia_hazard,
    chosen_cause,
    death_hazard,
    heart_failure_hazard,
    infection_hazards,
    other_hazard,
    renal_hazard,
)
from popsim.kernels.physiology.fluid import (
    drug_natriuresis,
    fluid_after,
    intravenous_natriuresis,
    kidney_power,
    loop_response,
    retention,
    volume_natriuresis,
)
from popsim.kernels.physiology.heart import (
    ejection_fraction_gain,
    ejection_fraction_target,
    filling_pressure_target,
    heart_rate_target,
    nt_probnp,
    preserved,
    systolic_drugs,
    systolic_target,
)
from popsim.kernels.physiology.heart_failure import HeartFailureConstants
from popsim.kernels.physiology.kidney import chronic_gfr_after, gfr_drugs, gfr_target, potassium_shift, slowness
from popsim.kernels.physiology.shocks import (
    adherence_today,
    arrhythmia_rate,
    infection_rate,
    lapse_rate,
    review_support,
    shock,
)
from popsim.kernels.physiology.symptoms import frailty_after, nyha_class, symptom_target


def compile_fused(constants: HeartFailureConstants) -> Callable[..., None]:
    """The loop for one set of constants; compiled at its first call, never cached: the constants are part of it."""
    shocks, fluid, heart, kidney, symptoms, acute, relax = constants
    step_days = 1.0

    @njit(parallel=True, error_model="numpy")
    def fused(
        entered, person_id, entry_day, age_years, dry_weight, baseline_ejection_fraction, baseline_systolic,
        baseline_filling_pressure, usual_salt, adherence_trait, life_table_hazard, diabetes, atrial_fibrillation, copd,
        alive, care_level, beta_blocker, ras_inhibitor, neprilysin_inhibitor, mra, sglt2_inhibitor, loop_diuretic,
        iv_diuretic, last_review,
        intrinsic_natriuresis, untreated_ejection_fraction, untreated_systolic, untreated_heart_rate,
        untreated_potassium, untreated_gfr, fluid_excess, filling_pressure, weight, ejection_fraction, systolic,
        heart_rate, gfr, potassium,
        natriuretic_peptide, symptom_score, frailty, deconditioning, adherence, infection_severity, adherence_lapse,
        salt_excess, arrhythmia_burden, death_hazard_per_day, nyha, acute_cause, onset, shock_onset,
        seed, replication, step,
    ):  # type: ignore[no-untyped-def]  # fmt: skip
        today = step * step_days
        for i in prange(entered):
            person = person_id[i]
            u_infection, u_lapse, u_salt, u_arrhythmia = uniforms(seed, replication, person, STREAM_SHOCKS, step)
            u_present, u_cause, u_death, _ = uniforms(seed, replication, person, STREAM_EVENTS, step)
            lives = np.float64(alive[i]) > 0.5
            level = np.float64(care_level[i])
            in_hospital = 1.0 if level >= LEVEL_WARD else 0.0
            attended = 1.0 if level >= LEVEL_EMERGENCY else 0.0
            facility = 1.0 if level == LEVEL_FACILITY else 0.0
            has_copd, has_af = np.float64(copd[i]), np.float64(atrial_fibrillation[i])
            years = clip((today - np.float64(entry_day[i])) * YEARS_PER_DAY, 0.0, 100.0)
            age = np.float64(age_years[i]) + years

            # Shocks and what is taken of the drugs.
            frail_before, reserve_lost_before = np.float64(frailty[i]), np.float64(deconditioning[i])
            pressure_before = np.float64(filling_pressure[i])
            own_pressure = np.float64(baseline_filling_pressure[i])
            pressure_rise = pressure_before - own_pressure
            trait = np.float64(adherence_trait[i])
            support = review_support(today - np.float64(last_review[i]), shocks)
            beta_before = np.float64(beta_blocker[i]) * np.float64(adherence[i])
            infection, new_infection = shock(
                np.float64(infection_severity[i]),
                1.0 - (relax.infection_in_hospital if attended > 0.5 else relax.infection),
                infection_rate(has_copd, frail_before, reserve_lost_before, shocks),
                step_days, u_infection, shocks.infection_weakest, 1.0,
            )  # fmt: skip
            lapse, new_lapse = shock(
                np.float64(adherence_lapse[i]),
                1.0 - relax.lapse,
                0.0 if attended > 0.5 else lapse_rate(trait, reserve_lost_before, support, shocks),
                step_days, u_lapse, shocks.lapse_weakest, 1.0,
            )  # fmt: skip
            salt, new_salt = shock(
                np.float64(salt_excess[i]),
                0.0 if attended > 0.5 else 1.0 - relax.salt,
                0.0 if attended > 0.5 else shocks.salt_rate_per_day,
                step_days, u_salt, shocks.salt_least_g_day, shocks.salt_most_g_day,
            )  # fmt: skip
            arrhythmia, new_arrhythmia = shock(
                np.float64(arrhythmia_burden[i]),
                1.0 - (relax.arrhythmia_in_hospital if attended > 0.5 else relax.arrhythmia),
                arrhythmia_rate(has_af, pressure_rise, beta_before, shocks),
                step_days, u_arrhythmia, shocks.arrhythmia_weakest, 1.0,
            )  # fmt: skip
            taken = adherence_today(trait, support, lapse, facility, attended, shocks)
            beta, ras = taken * np.float64(beta_blocker[i]), taken * np.float64(ras_inhibitor[i])
            arni, aldosterone = taken * np.float64(neprilysin_inhibitor[i]), taken * np.float64(mra[i])
            sglt2 = taken * np.float64(sglt2_inhibitor[i])
            loop = loop_response(taken * np.float64(loop_diuretic[i]), fluid)

            # Fluid.
            excess_before, gfr_before = np.float64(fluid_excess[i]), np.float64(gfr[i])
            power = kidney_power(gfr_before, fluid)
            natriuresis = (
                np.float64(intrinsic_natriuresis[i])
                + volume_natriuresis(excess_before, power, fluid)
                + drug_natriuresis(excess_before, power, loop, ras, aldosterone, sglt2, fluid)
                + intravenous_natriuresis(excess_before, power, np.float64(iv_diuretic[i]), fluid)
                - retention(reserve_lost_before, infection, arrhythmia, fluid)
            )
            excess = fluid_after(excess_before, np.float64(usual_salt[i]) + salt, natriuresis, step_days, fluid)

            # Heart and circulation.
            base_ef, own_systolic = np.float64(baseline_ejection_fraction[i]), np.float64(baseline_systolic[i])
            ef_before, systolic_before = np.float64(ejection_fraction[i]), np.float64(systolic[i])
            ef_lost, preserved_ef = base_ef - ef_before, preserved(base_ef, heart)
            pressure = approach(
                pressure_before,
                filling_pressure_target(
                    own_pressure, excess, preserved_ef, systolic_before - own_systolic, ef_lost, arrhythmia, infection,
                    heart,
                ),
                relax.filling_pressure,
            )  # fmt: skip
            gain = ejection_fraction_gain(1.0 - preserved_ef, beta, ras, arni, aldosterone, sglt2, heart)
            ef = approach(
                ef_before,
                ejection_fraction_target(
                    np.float64(untreated_ejection_fraction[i]), gain, pressure_rise, arrhythmia, heart
                ),
                relax.ejection_fraction,
            )
            pressure_drugs = systolic_drugs(beta, ras, arni, aldosterone, sglt2, heart)
            sbp = approach(
                systolic_before,
                systolic_target(
                    np.float64(untreated_systolic[i]),
                    pressure_drugs,
                    excess_before,
                    ef_lost,
                    infection,
                    arrhythmia,
                    heart,
                ),
                relax.systolic,
            )
            rate = approach(
                np.float64(heart_rate[i]),
                heart_rate_target(
                    np.float64(untreated_heart_rate[i]),
                    beta,
                    pressure_rise,
                    excess_before,
                    infection,
                    arrhythmia,
                    heart,
                ),
                relax.heart_rate,
            )

            # Kidney.
            chronic_gfr = chronic_gfr_after(
                np.float64(untreated_gfr[i]), np.float64(diabetes[i]), sglt2, step_days, kidney
            )
            dip = gfr_drugs(ras, aldosterone, sglt2, kidney)
            filtration = approach(
                gfr_before,
                gfr_target(
                    chronic_gfr, dip, pressure_rise, systolic_before, own_systolic, excess_before, infection, kidney
                ),
                relax.gfr,
            )
            slow = slowness(gfr_before, kidney)
            serum_potassium = approach(
                np.float64(potassium[i]),
                clip(
                    np.float64(untreated_potassium[i]) + potassium_shift(slow, loop, ras, aldosterone, kidney),
                    2.5,
                    8.5,
                ),
                relax.potassium,
            )
            peptide = nt_probnp(pressure, ef, slow, age, has_af, heart)

            # Symptoms and reserve.
            score = approach(
                np.float64(symptom_score[i]),
                symptom_target(pressure, ef_before, has_copd, infection, arrhythmia, frail_before, symptoms),
                relax.symptom,
            )
            frail = frailty_after(frail_before, in_hospital, step_days, symptoms)
            reserve_lost = approach(
                reserve_lost_before, in_hospital, relax.deconditioning if in_hospital > 0.5 else relax.reconditioning
            )

            # Acute presentation.
            h_failure = heart_failure_hazard(score, pressure, acute)
            h_infection, h_respiratory = infection_hazards(infection, frail, has_copd, acute)
            h_arrhythmia = arrhythmia_hazard(arrhythmia, acute)
            h_renal = renal_hazard(serum_potassium, sbp, filtration, chronic_gfr - dip, acute)
            h_other = other_hazard(frail, age, reserve_lost, acute)
            total = h_failure + h_infection + h_respiratory + h_arrhythmia + h_renal + h_other
            presents = (u_present < 1.0 - exp(-total * step_days)) & (attended < 0.5)
            cause = chosen_cause(u_cause, h_failure, h_infection, h_arrhythmia, h_renal, h_respiratory, total)

            # Death.
            h_death = death_hazard(
                np.float64(life_table_hazard[i]), age, years, ef, score, infection, arrhythmia, frail, reserve_lost,
                filtration, sbp, serum_potassium, beta, aldosterone, acute,
            )  # fmt: skip
            h_death += acute.death_palliative_per_day if level < LEVEL_COMMUNITY else 0.0
            dies = u_death < small_chance(h_death * step_days)
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

            untreated_gfr[i] = chronic_gfr if lives else np.float64(untreated_gfr[i])
            fluid_excess[i] = excess if lives else excess_before
            filling_pressure[i] = pressure if lives else pressure_before
            weight[i] = np.float64(dry_weight[i]) + excess if lives else np.float64(weight[i])
            ejection_fraction[i] = ef if lives else ef_before
            systolic[i] = sbp if lives else systolic_before
            heart_rate[i] = rate if lives else np.float64(heart_rate[i])
            gfr[i] = filtration if lives else gfr_before
            potassium[i] = serum_potassium if lives else np.float64(potassium[i])
            natriuretic_peptide[i] = peptide if lives else np.float64(natriuretic_peptide[i])
            symptom_score[i] = score if lives else np.float64(symptom_score[i])
            frailty[i] = frail if lives else frail_before
            deconditioning[i] = reserve_lost if lives else reserve_lost_before
            adherence[i] = taken if lives else np.float64(adherence[i])
            infection_severity[i] = infection if lives else np.float64(infection_severity[i])
            adherence_lapse[i] = lapse if lives else np.float64(adherence_lapse[i])
            salt_excess[i] = salt if lives else np.float64(salt_excess[i])
            arrhythmia_burden[i] = arrhythmia if lives else np.float64(arrhythmia_burden[i])
            death_hazard_per_day[i] = h_death if lives else np.float64(death_hazard_per_day[i])
            nyha[i] = nyha_class(score, symptoms) if lives else np.float64(nyha[i])
            acute_cause[i] = cause if lives & presents else 0.0
            onset[i] = bits if lives else 0.0
            shock_onset[i] = shocks_begun if lives else 0.0

    return fused
