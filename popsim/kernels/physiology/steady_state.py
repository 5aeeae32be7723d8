"""The state that the day loop of heart failure (heart_failure.py) starts from: its inverse at the set point."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from popsim.kernels.physiology import influences as of
from popsim.kernels.physiology.fluid import drug_natriuresis, kidney_power, loop_response
from popsim.kernels.physiology.heart import (
    ejection_fraction_gain,
    filling_pressure_target,
    nt_probnp,
    preserved,
    systolic_drugs,
)
from popsim.kernels.physiology.influences import influence_on
from popsim.kernels.physiology.kidney import gfr_drugs, potassium_shift, slowness
from popsim.kernels.physiology.symptoms import nyha_class, symptom_target


@njit(cache=True, parallel=True, error_model="numpy")
def settle(
    baseline_ejection_fraction, baseline_systolic, baseline_heart_rate, baseline_gfr, baseline_potassium,
    baseline_filling_pressure, dry_weight, usual_salt, adherence_trait, age_years, copd, atrial_fibrillation,
    beta_blocker, ras_inhibitor, neprilysin_inhibitor, mra, sglt2_inhibitor, loop_diuretic,
    fluid_excess, frailty, infection_severity, arrhythmia_burden,
    intrinsic_natriuresis, untreated_ejection_fraction, untreated_systolic, untreated_heart_rate, untreated_gfr,
    untreated_potassium, filling_pressure, weight, ejection_fraction, systolic, heart_rate, gfr, potassium,
    natriuretic_peptide, symptom_score, nyha, adherence, death_hazard_per_day, onset, acute_cause, shock_onset,
    fluid, heart, kidney, symptoms, influences,
):  # fmt: skip
    """Work out, for every row, what the twin would be without its drugs, and the state that goes with its fluid.

    The inverse of the day loop at its set point: baseline values are those under the twin's present prescriptions,
    taken as far as its adherence trait goes, or, in the clinical twin, under the influences of its first morning.
    Writes the columns from `intrinsic_natriuresis` on.
    """
    for i in prange(len(age_years)):
        taken = np.float64(adherence_trait[i])
        share = taken if influences is None else 1.0
        beta, ras = share * np.float64(beta_blocker[i]), share * np.float64(ras_inhibitor[i])
        arni, aldosterone = share * np.float64(neprilysin_inhibitor[i]), share * np.float64(mra[i])
        sglt2 = share * np.float64(sglt2_inhibitor[i])
        loop = loop_response(share * np.float64(loop_diuretic[i]), fluid)
        base_ef, base_gfr = np.float64(baseline_ejection_fraction[i]), np.float64(baseline_gfr[i])
        excess, infection, arrhythmia = (
            np.float64(fluid_excess[i]),
            np.float64(infection_severity[i]),
            np.float64(arrhythmia_burden[i]),
        )
        preserved_ef = preserved(base_ef, heart)
        drugs = drug_natriuresis(0.0, kidney_power(base_gfr, fluid), loop, ras, aldosterone, sglt2, fluid)
        drugs += influence_on(influences, of.NATRIURESIS, i)
        intrinsic_natriuresis[i] = np.float64(usual_salt[i]) * fluid.fluid_per_salt_l_per_g - drugs
        gain = ejection_fraction_gain(1.0 - preserved_ef, beta, ras, arni, aldosterone, sglt2, heart)
        gain += influence_on(influences, of.EJECTION_FRACTION, i)
        untreated_ejection_fraction[i] = base_ef - gain
        lowered = systolic_drugs(beta, ras, arni, aldosterone, sglt2, heart)
        lowered -= influence_on(influences, of.SYSTOLIC, i)
        untreated_systolic[i] = np.float64(baseline_systolic[i]) + lowered
        slowed = heart.heart_rate_beta_blocker_bpm * beta
        slowed -= influence_on(influences, of.HEART_RATE, i)
        untreated_heart_rate[i] = np.float64(baseline_heart_rate[i]) + slowed
        dip = gfr_drugs(ras, aldosterone, sglt2, kidney)
        dip -= influence_on(influences, of.GFR, i)
        untreated_gfr[i] = base_gfr + dip
        slow = slowness(base_gfr, kidney)
        shift = potassium_shift(slow, loop, ras, aldosterone, kidney)
        shift += influence_on(influences, of.POTASSIUM, i)
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
