"""Adverse reactions: those present today, the slow rhythm that they cause, and drugs that people stop."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from popsim.kernels.numerics.compiling import njit, prange
from popsim.kernels.numerics.scalars import ramp
from popsim.kernels.physiology import influences as of
from popsim.kernels.physiology.pharmacology import DOSE, EXPOSURE, LEFT

# Bits of the column `reaction`.
BRADYCARDIA = 1
HYPOTENSION = 2
HYPERKALAEMIA = 4
KIDNEY_INJURY = 8
BLEEDING_RISK = 16
HYPOGLYCAEMIA = 32
INTOLERANCE = 64  # has stopped a drug that is still prescribed
REACTIONS = {
    "bradycardia": BRADYCARDIA,
    "hypotension": HYPOTENSION,
    "hyperkalaemia": HYPERKALAEMIA,
    "kidney_injury": KIDNEY_INJURY,
    "bleeding_risk": BLEEDING_RISK,
    "hypoglycaemia": HYPOGLYCAEMIA,
    "intolerance": INTOLERANCE,
}


class ReactionParameters(NamedTuple):
    """Constants of this file; units and sources in evidence/reactions.toml."""

    bradycardia_below_bpm: float
    hypotension_below_mmhg: float
    hyperkalaemia_from_mmol_l: float
    kidney_injury_share: float
    bleeding_risk_anticoagulation: float
    bleeding_risk_platelet_inhibition: float
    hypoglycaemia_drive: float
    hypoglycaemia_below_percent: float
    slowing_per_bpm: float
    slow_rhythm_per_day: float
    slow_rhythm_from_bpm: float
    slow_rhythm_per_bpm: float
    stopping_with_reaction_per_day: float


@njit(parallel=True, single=True)
def find(
    alive, heart_rate_bpm, systolic_mmhg, potassium_mmol_l, gfr_ml_min, untreated_gfr_ml_min, hba1c_percent,
    stopped_drugs, reaction, influences, p,
):  # fmt: skip
    """Write the bits of today's reactions; add the hazard of syncope by a slow rhythm under drugs that slow the heart.

    The hazard is the square of a ramp in the pulse times the drugs' strength: full beta-blockade counts 1, other drugs
    by their reduction of the pulse.
    """
    for i in prange(len(alive)):
        pulse, before = np.float64(heart_rate_bpm[i]), np.float64(reaction[i])  # read before anything is written
        other = -np.float64(influences[of.HEART_RATE, i]) * p.slowing_per_bpm
        slowing = np.float64(influences[of.BETA_BLOCKADE, i]) + (other if other > 0.0 else 0.0)
        slow = ramp(pulse, p.slow_rhythm_from_bpm, -p.slow_rhythm_per_bpm)
        clots = np.float64(influences[of.ANTICOAGULATION, i])
        thin = clots > p.bleeding_risk_anticoagulation
        both = (clots > 0.5) & (np.float64(influences[of.PLATELET_INHIBITION, i]) > p.bleeding_risk_platelet_inhibition)
        tight = np.float64(hba1c_percent[i]) < p.hypoglycaemia_below_percent
        driven = np.float64(influences[of.HYPOGLYCAEMIC_DRIVE, i]) > p.hypoglycaemia_drive
        injured = np.float64(gfr_ml_min[i]) < p.kidney_injury_share * np.float64(untreated_gfr_ml_min[i])
        bits = float(BRADYCARDIA) if (pulse < p.bradycardia_below_bpm) & (slowing > 0.0) else 0.0
        bits += float(HYPOTENSION) if np.float64(systolic_mmhg[i]) < p.hypotension_below_mmhg else 0.0
        bits += float(HYPERKALAEMIA) if np.float64(potassium_mmol_l[i]) >= p.hyperkalaemia_from_mmol_l else 0.0
        bits += float(KIDNEY_INJURY) if injured else 0.0
        bits += float(BLEEDING_RISK) if thin | both else 0.0
        bits += float(HYPOGLYCAEMIA) if tight & driven else 0.0
        bits += float(INTOLERANCE) if stopped_drugs[i] > 0 else 0.0
        influences[of.SLOW_RHYTHM, i] += p.slow_rhythm_per_day * slowing * slow * slow
        reaction[i] = bits if np.float64(alive[i]) > 0.5 else before


@njit
def resume(dose, agent, own_agent, alive, stopped, bit):
    """Clear bit `bit` of `stopped` in the living to whom the drug is no longer prescribed."""
    for i in range(len(dose)):
        keeps = (dose[i] > np.float32(0.0)) & (agent[i] == own_agent) | (alive[i] == 0)
        stopped[i] = stopped[i] if keeps else stopped[i] & ~(1 << bit)


@njit
def stop(work, who, reaction, stopped, bit, per_day, exponent, implicated, per_day_with_reaction, days):
    """People stop a drug on their own: sets bit `bit` of `stopped`; `who` is on the drug (pharmacology.py).

    Daily hazard: per_day x**exponent (0 to 7), x the exposure, and more with a reaction (of yesterday) among the bits
    `implicated`; `days` is the period of the hazard. All drugs of a day share one exponential variate in LEFT: the drug
    whose hazard exhausts it is stopped, which gives each drug its own hazard and stops at most one a day.
    """
    for k in range(len(who)):
        i = who[k]
        if (work[DOSE + k] > np.float32(0.0)) & (((stopped[i] >> bit) & 1) == 0):
            x = np.float64(work[EXPOSURE + k])
            square = x * x
            strength = (x if exponent & 1 else 1.0) * (square if exponent & 2 else 1.0)
            strength *= square * square if exponent & 4 else 1.0
            hazard = per_day * strength + (per_day_with_reaction if (reaction[i] & implicated) != 0 else 0.0)
            before = np.float64(work[LEFT + i])
            after = before - hazard * days
            work[LEFT + i] = after
            if (before > 0.0) & (after <= 0.0):
                stopped[i] |= 1 << bit
