"""Blood: haemoglobin follows kidney, iron and inflammation with the lag of the red cell; iron is counted in milligrams.

    H* = H0 - c (1/G - 1/G0) - inflammation + a (f(S) - f(S0)),   f(S) = S / (S + half)
    dH/dt = (H* - H) / tau
    dS/dt = absorbed + given - lost - k w dH/dt

H is haemoglobin, G filtration, S the iron that marrow can draw on, w weight; zero marks entry. Red cells are made of
iron and give it back: k is Ganzoni's 2.4 mg of iron a kg and g/dL. Absorption falls as stores fill (hepcidin) and
balances losses at the entry store. Bleeding removes haemoglobin with its iron; in hospital, blood is transfused below a
threshold. Iron beyond the bounds of the columns (not reached by people) is lost.

Limits: no ferritin or transferrin as measured, no erythropoietin treatment, no haemolysis; inflammation is the present
infection only; antithrombotic drugs act through bleeding, not through occult loss; no reaction to infused iron.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from popsim.kernels.codes import CAUSE_BLEEDING, LEVEL_EMERGENCY
from popsim.kernels.numerics.compiling import njit, prange
from popsim.kernels.numerics.scalars import clip, positive
from popsim.kernels.physiology import influences as of

MIN_HAEMOGLOBIN, MAX_HAEMOGLOBIN, MAX_STORE = 3.0, 22.0, 20000.0  # as the columns' bounds


class BloodParameters(NamedTuple):
    """Constants of this file; units and sources in evidence/blood.toml."""

    iron_per_kg_g_dl_mg: float
    iron_store_replete_mg: float
    iron_store_deficient_mg: float
    iron_store_half_mg: float
    iron_lost_mg_day: float
    iron_absorbed_less_per_mg: float
    iron_absorbed_most_mg_day: float
    haemoglobin_per_iron_g_dl: float
    haemoglobin_kidney_ml_min: float
    haemoglobin_lowest_gfr_ml_min: float
    haemoglobin_highest_gfr_ml_min: float
    haemoglobin_infection_g_dl: float
    bleed_g_dl: float
    transfusion_below_g_dl: float
    symptom_per_g_dl: float
    symptom_iron: float
    heart_rate_per_g_dl: float
    death_log_per_g_dl: float
    death_reference_g_dl: float


@njit(forceinline=True)
def entry_store(deficient, p):
    """Iron in the store at entry, mg, by whether iron deficiency was found."""
    return p.iron_store_deficient_mg if deficient > 0.5 else p.iron_store_replete_mg


@njit(forceinline=True)
def supply(store, p):
    """Iron supply of marrow and muscle, 0..1."""
    return store / (store + p.iron_store_half_mg)


@njit(forceinline=True)
def absorbed(store, store_at_entry, p):
    """Iron absorbed from food, mg a day: balances losses at the entry store, less as the store fills."""
    wanted = p.iron_lost_mg_day + p.iron_absorbed_less_per_mg * (store_at_entry - store)
    return clip(wanted, 0.0, p.iron_absorbed_most_mg_day)


@njit(forceinline=True)
def haemoglobin_target(baseline, gfr, baseline_gfr, infection, store, store_at_entry, p):
    """Haemoglobin at steady state, g/dL."""
    low, high = p.haemoglobin_lowest_gfr_ml_min, p.haemoglobin_highest_gfr_ml_min
    kidney = p.haemoglobin_kidney_ml_min * (1.0 / clip(gfr, low, high) - 1.0 / clip(baseline_gfr, low, high))
    iron = p.haemoglobin_per_iron_g_dl * (supply(store, p) - supply(store_at_entry, p))
    target = baseline - kidney + iron - p.haemoglobin_infection_g_dl * infection
    return clip(target, MIN_HAEMOGLOBIN, MAX_HAEMOGLOBIN)


@njit(parallel=True)
def set_steady_state(baseline_haemoglobin_g_dl, iron_deficiency, haemoglobin_g_dl, iron_store_mg, p):
    """The state at entry: haemoglobin as measured, the store by the diagnosis."""
    for i in prange(len(baseline_haemoglobin_g_dl)):
        haemoglobin_g_dl[i] = np.float64(baseline_haemoglobin_g_dl[i])
        iron_store_mg[i] = entry_store(np.float64(iron_deficiency[i]), p)


@njit(parallel=True, single=True)
def advance_day(
    alive, baseline_haemoglobin_g_dl, iron_deficiency, dry_weight_kg, baseline_gfr_ml_min, gfr_ml_min,
    infection_severity, acute_cause, care_level, iv_iron_mg, haemoglobin_g_dl, iron_store_mg, influences, step_days,
    haemoglobin_share, p,
):  # fmt: skip
    """Advance all rows by one step of `step_days`.

    Reads the columns up to `iv_iron_mg` (on the day), writes `haemoglobin_g_dl` and `iron_store_mg`, adds to
    `influences`. haemoglobin_share: part of the way to its target that haemoglobin covers in a step.
    """
    for i in prange(len(alive)):
        lives = np.float64(alive[i]) > 0.5
        attended = np.float64(care_level[i]) >= LEVEL_EMERGENCY
        base = np.float64(baseline_haemoglobin_g_dl[i])
        iron_per_g_dl = p.iron_per_kg_g_dl_mg * np.float64(dry_weight_kg[i])
        before, store_before = np.float64(haemoglobin_g_dl[i]), np.float64(iron_store_mg[i])
        own_store = entry_store(np.float64(iron_deficiency[i]), p)

        # Blood lost yesterday, and given.
        bled = np.float64(acute_cause[i]) == CAUSE_BLEEDING
        left = clip(before - (p.bleed_g_dl if bled else 0.0), MIN_HAEMOGLOBIN, MAX_HAEMOGLOBIN)
        given = p.transfusion_below_g_dl if attended & (left < p.transfusion_below_g_dl) else left

        # Absorption and loss of iron; then red cells take iron from the store or return it.
        uptake = step_days * (absorbed(store_before, own_store, p) + np.float64(iv_iron_mg[i]))
        store = positive(store_before + uptake - step_days * p.iron_lost_mg_day)
        target = haemoglobin_target(
            base, np.float64(gfr_ml_min[i]), np.float64(baseline_gfr_ml_min[i]), np.float64(infection_severity[i]),
            store_before, own_store, p,
        )  # fmt: skip
        rise = haemoglobin_share * (target - given)
        possible = store / iron_per_g_dl
        rise = rise if rise < possible else possible
        now = np.float64(clip(given + rise, MIN_HAEMOGLOBIN, MAX_HAEMOGLOBIN))
        store = clip(store - iron_per_g_dl * (now - given), 0.0, MAX_STORE)

        gained = now - base
        fed = supply(store, p) - supply(own_store, p)
        influences[of.SYMPTOM, i] -= p.symptom_per_g_dl * gained + p.symptom_iron * fed
        influences[of.HEART_RATE, i] -= p.heart_rate_per_g_dl * gained
        of.raise_death(influences, p.death_log_per_g_dl * (p.death_reference_g_dl - now), i)

        haemoglobin_g_dl[i] = now if lives else before
        iron_store_mg[i] = store if lives else store_before
