"""One day of heart failure in every twin: the fused loop over all organ systems, and the state it starts from.

Within a step, the chain shocks -> adherence -> fluid -> filling pressure -> symptoms -> presentation and death is
followed through; every other coupling (congestion -> kidney, ejection fraction, pulse; pressure -> kidney ...) takes
the value at the start of the step.

All columns are float32 or int8 and are read as doubles: `np.float64(column[i])`, because in compiled code
`float(column[i])` would stay a float32.

Each twin uses two blocks of random numbers a step: STREAM_SHOCKS (infection, lapse, salt, arrhythmia) and STREAM_EVENTS
(presents, cause, dies), index = step.

There is no branch on data in the loop: a twin that is dead keeps its values by selection.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, prange

from popsim.kernels.acute import (
    AcuteParameters,
    arrhythmia_hazard,
    chosen_cause,
    death_hazard,
    heart_failure_hazard,
    infection_hazards,
    other_hazard,
    renal_hazard,
)
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
from popsim.kernels.fluid import (
    FluidParameters,
    drug_natriuresis,
    fluid_after,
    intravenous_natriuresis,
    kidney_power,
    loop_response,
    retention,
    volume_natriuresis,
)
from popsim.kernels.heart import (
    HeartParameters,
    ejection_fraction_gain,
    ejection_fraction_target,
    filling_pressure_target,
    heart_rate_target,
    nt_probnp,
    preserved,
    systolic_drugs,
    systolic_target,
)
from popsim.kernels.kidney import KidneyParameters, chronic_gfr_after, gfr_drugs, gfr_target, potassium_shift, slowness
from popsim.kernels.math import exp
from popsim.kernels.random import uniforms
from popsim.kernels.scalars import YEARS_PER_DAY, approach, clip, small_chance
from popsim.kernels.shocks import (
    ShockParameters,
    adherence_today,
    arrhythmia_rate,
    infection_rate,
    lapse_rate,
    review_support,
    shock,
)
from popsim.kernels.symptoms import SymptomParameters, frailty_after, nyha_class, symptom_target


class Relaxation(NamedTuple):
    """Share of its way to the target that each variable covers in one step: 1 - exp(-step / time constant)."""

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
    deconditioning: float
    reconditioning: float


class HeartFailureConstants(NamedTuple):
    """All constants of the loop by organ system, in the order in which the kernels take them.

    Unpacked at the call: numba passes a NamedTuple into a parallel loop only where it is itself an argument.
    """

    shocks: ShockParameters
    fluid: FluidParameters
    heart: HeartParameters
    kidney: KidneyParameters
    symptoms: SymptomParameters
    acute: AcuteParameters
    relaxation: Relaxation


@njit(cache=True, parallel=True, error_model="numpy")
def settle(
    baseline_ejection_fraction, baseline_systolic, baseline_heart_rate, baseline_gfr, baseline_potassium,
    baseline_filling_pressure, dry_weight, usual_salt, adherence_trait, age_years, copd, atrial_fibrillation,
    beta_blocker, ras_inhibitor, neprilysin_inhibitor, mra, sglt2_inhibitor, loop_diuretic,
    fluid_excess, frailty, infection_severity, arrhythmia_burden,
    intrinsic_natriuresis, untreated_ejection_fraction, untreated_systolic, untreated_heart_rate, untreated_gfr,
    untreated_potassium, filling_pressure, weight, ejection_fraction, systolic, heart_rate, gfr, potassium,
    natriuretic_peptide, symptom_score, nyha, adherence, death_hazard_per_day, onset, acute_cause, shock_onset,
    fluid, heart, kidney, symptoms,
):  # fmt: skip
    """Work out, for every row, what the twin would be without its drugs, and the state that goes with its fluid.

    The inverse of the day loop at its set point: baseline values are those under the twin's present prescriptions,
    taken as far as its adherence trait goes. Writes the columns from `intrinsic_natriuresis` on.
    """
    for i in prange(len(age_years)):
        taken = np.float64(adherence_trait[i])
        beta, ras = taken * np.float64(beta_blocker[i]), taken * np.float64(ras_inhibitor[i])
        arni, aldosterone = taken * np.float64(neprilysin_inhibitor[i]), taken * np.float64(mra[i])
        sglt2 = taken * np.float64(sglt2_inhibitor[i])
        loop = loop_response(taken * np.float64(loop_diuretic[i]), fluid)
        base_ef, base_gfr = np.float64(baseline_ejection_fraction[i]), np.float64(baseline_gfr[i])
        excess, infection, arrhythmia = (
            np.float64(fluid_excess[i]),
            np.float64(infection_severity[i]),
            np.float64(arrhythmia_burden[i]),
        )
        preserved_ef = preserved(base_ef, heart)
        drugs = drug_natriuresis(0.0, kidney_power(base_gfr, fluid), loop, ras, aldosterone, sglt2, fluid)
        intrinsic_natriuresis[i] = np.float64(usual_salt[i]) * fluid.fluid_per_salt_l_per_g - drugs
        gain = ejection_fraction_gain(1.0 - preserved_ef, beta, ras, arni, aldosterone, sglt2, heart)
        untreated_ejection_fraction[i] = base_ef - gain
        untreated_systolic[i] = np.float64(baseline_systolic[i]) + systolic_drugs(
            beta, ras, arni, aldosterone, sglt2, heart
        )
        untreated_heart_rate[i] = np.float64(baseline_heart_rate[i]) + heart.heart_rate_beta_blocker_bpm * beta
        untreated_gfr[i] = base_gfr + gfr_drugs(ras, aldosterone, sglt2, kidney)
        slow = slowness(base_gfr, kidney)
        shift = potassium_shift(slow, loop, ras, aldosterone, kidney)
        untreated_potassium[i] = np.float64(baseline_potassium[i]) - shift
        pressure = filling_pressure_target(
            np.float64(baseline_filling_pressure[i]), excess, preserved_ef, 0.0, 0.0, arrhythmia, infection, heart
        )
        score = symptom_target(
            pressure, base_ef, np.float64(copd[i]), infection, arrhythmia, np.float64(frailty[i]), symptoms
        )
        filling_pressure[i] = pressure
        weight[i] = np.float64(dry_weight[i]) + excess
        ejection_fraction[i] = base_ef
        systolic[i] = np.float64(baseline_systolic[i])
        heart_rate[i] = np.float64(baseline_heart_rate[i])
        gfr[i] = base_gfr
        potassium[i] = np.float64(baseline_potassium[i])
        natriuretic_peptide[i] = nt_probnp(
            pressure, base_ef, slow, np.float64(age_years[i]), np.float64(atrial_fibrillation[i]), heart
        )
        symptom_score[i] = score
        nyha[i] = nyha_class(score, symptoms)
        adherence[i] = taken
        death_hazard_per_day[i] = 0.0
        onset[i] = 0
        acute_cause[i] = 0
        shock_onset[i] = 0


@njit(cache=True, parallel=True, error_model="numpy")
def advance_day(
    entered, person_id, entry_day, age_years, dry_weight, baseline_ejection_fraction, baseline_systolic,
    baseline_filling_pressure, usual_salt, adherence_trait, life_table_hazard, diabetes, atrial_fibrillation, copd,
    alive, care_level, beta_blocker, ras_inhibitor, neprilysin_inhibitor, mra, sglt2_inhibitor, loop_diuretic,
    iv_diuretic, last_review,
    intrinsic_natriuresis, untreated_ejection_fraction, untreated_systolic, untreated_heart_rate, untreated_potassium,
    untreated_gfr, fluid_excess, filling_pressure, weight, ejection_fraction, systolic, heart_rate, gfr, potassium,
    natriuretic_peptide, symptom_score, frailty, deconditioning, adherence, infection_severity, adherence_lapse,
    salt_excess, arrhythmia_burden, death_hazard_per_day, nyha, acute_cause, onset, shock_onset,
    seed, replication, step, step_days, shocks, fluid, heart, kidney, symptoms, acute, relax,
):  # fmt: skip
    """Advance rows [0, entered) by one step of `step_days`; `step` counts steps from 0.

    Reads the columns up to `untreated_potassium`, writes those from `untreated_gfr` to `shock_onset`.
    """
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
                np.float64(untreated_systolic[i]), pressure_drugs, excess_before, ef_lost, infection, arrhythmia, heart
            ),
            relax.systolic,
        )
        rate = approach(
            np.float64(heart_rate[i]),
            heart_rate_target(
                np.float64(untreated_heart_rate[i]), beta, pressure_rise, excess_before, infection, arrhythmia, heart
            ),
            relax.heart_rate,
        )

        # Kidney.
        chronic_gfr = chronic_gfr_after(np.float64(untreated_gfr[i]), np.float64(diabetes[i]), sglt2, step_days, kidney)
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
