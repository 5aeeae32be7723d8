"""Hazards of death by mode: sudden, pump failure, other cardiovascular, non-cardiovascular.

Sudden death and pump failure are deaths of a failing heart: daily base hazards, exponential in the state, and next to
none in a heart that is neither congested nor weak. The others are shares of the life table's hazard, more with illness.
Chronic symptoms (the slow mean of the own score) and their worsening (the departure from it) act apart. Persons differ
for good in their risk of cardiovascular death: a log-normal factor with mean 1, correlated with that of presenting.
Deaths of infarction and stroke come from the vessels, beside these.
"""

from __future__ import annotations

from typing import NamedTuple

from popsim.kernels.codes import (
    DIED_OF_NON_CARDIOVASCULAR,
    DIED_OF_OTHER_CARDIOVASCULAR,
    DIED_OF_PUMP_FAILURE,
    DIED_OF_SUDDEN,
)
from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.math import exp
from popsim.kernels.numerics.scalars import clip, positive, ramp
from popsim.kernels.physiology.acute import USUAL_SCORE, weakness

USUAL_AGE = 70.0  # years; and the frailty at which base hazards are quoted
USUAL_FRAILTY = 0.25


class DeathParameters(NamedTuple):
    """Constants of this file; units and sources in evidence/heart_failure.toml."""

    death_log_propensity_sd: float
    failing_pressure_from_mmhg: float
    failing_pressure_per_mmhg: float
    sudden_log_base: float
    sudden_log_per_ef: float
    sudden_log_preserved: float
    sudden_log_per_usual: float
    sudden_log_per_departure: float
    sudden_log_per_year: float
    sudden_log_low_gfr: float
    sudden_log_potassium: float
    sudden_potassium_from_mmol_l: float
    sudden_log_arrhythmia: float
    sudden_log_beta_blocker: float
    sudden_log_neprilysin: float
    sudden_log_mra: float
    pump_log_base: float
    pump_log_per_ef: float
    pump_log_preserved: float
    pump_log_per_usual: float
    pump_log_per_departure: float
    pump_log_per_year: float
    pump_log_frailty: float
    pump_log_deconditioning: float
    pump_log_low_gfr: float
    pump_log_low_systolic: float
    pump_systolic_from_mmhg: float
    pump_log_arrhythmia: float
    pump_log_beta_blocker: float
    pump_log_ras: float
    pump_log_neprilysin: float
    pump_log_mra: float
    pump_log_sglt2: float
    other_cardiovascular_log_ratio: float
    other_cardiovascular_log_frailty: float
    other_cardiovascular_log_low_gfr: float
    other_cardiovascular_log_per_departure: float
    non_cardiovascular_log_ratio: float
    non_cardiovascular_log_frailty: float
    non_cardiovascular_log_deconditioning: float
    non_cardiovascular_log_infection: float
    non_cardiovascular_log_low_gfr: float
    life_table_log_per_year: float
    death_palliative_per_day: float
    death_highest_per_day: float


@njit(forceinline=True)
def failing(own_pressure, preserved_ef, p):
    """How far the heart fails, 0..1: by its usual filling pressure or by a reduced ejection fraction."""
    congested = ramp(own_pressure, p.failing_pressure_from_mmhg, p.failing_pressure_per_mmhg)
    weak = 1.0 - preserved_ef
    return congested if congested > weak else weak


@njit(forceinline=True)
def sudden_hazard(fails, preserved_ef, ef, usual, departure, age, gfr, potassium, arrhythmia, log_ratio, p):
    """Sudden deaths a day. log_ratio: propensity, drugs and the day's influences."""
    log_hazard = (
        p.sudden_log_base
        + p.sudden_log_per_ef * weakness(ef)
        - p.sudden_log_preserved * preserved_ef
        + p.sudden_log_per_usual * (usual - USUAL_SCORE)
        + p.sudden_log_per_departure * departure
        + p.sudden_log_per_year * (age - USUAL_AGE)
        + p.sudden_log_low_gfr * positive(60.0 - gfr)
        + p.sudden_log_potassium * positive(potassium - p.sudden_potassium_from_mmol_l)
        + p.sudden_log_arrhythmia * arrhythmia
        + log_ratio
    )
    return fails * exp(clip(log_hazard, -30.0, 5.0))


@njit(forceinline=True)
def sudden_drugs(beta, neprilysin, mra, reduced_ef, p):
    """Log of the factor by which drugs lower the hazard of sudden death, beyond what they do to the state."""
    return reduced_ef * (
        p.sudden_log_beta_blocker * beta + p.sudden_log_neprilysin * neprilysin + p.sudden_log_mra * mra
    )


@njit(forceinline=True)
def pump_hazard(
    fails, preserved_ef, ef, usual, departure, age, frailty, deconditioning, gfr, systolic, arrhythmia, log_ratio,
    influence, palliative, p,
):  # fmt: skip
    """Deaths by pump failure a day. log_ratio: propensity and drugs; influence: of the day.

    In palliative care people die at a rate of its own, which an influence lowers but does not raise.
    """
    log_hazard = (
        p.pump_log_base
        + p.pump_log_per_ef * weakness(ef)
        - p.pump_log_preserved * preserved_ef
        + p.pump_log_per_usual * (usual - USUAL_SCORE)
        + p.pump_log_per_departure * departure
        + p.pump_log_per_year * (age - USUAL_AGE)
        + p.pump_log_frailty * (frailty - USUAL_FRAILTY)
        + p.pump_log_deconditioning * deconditioning
        + p.pump_log_low_gfr * positive(60.0 - gfr)
        + p.pump_log_low_systolic * positive(p.pump_systolic_from_mmhg - systolic)
        + p.pump_log_arrhythmia * arrhythmia
        + log_ratio
        + influence
    )
    lowered = influence if influence < 0.0 else 0.0
    ratio = exp(clip(lowered if palliative else log_hazard, -30.0, 5.0))
    return (p.death_palliative_per_day if palliative else fails) * ratio


@njit(forceinline=True)
def pump_drugs(beta, ras, neprilysin, mra, sglt2, reduced_ef, p):
    """Log of the factor by which drugs lower the hazard of death by pump failure, beyond what they do to the state."""
    drugs = (
        p.pump_log_beta_blocker * beta
        + p.pump_log_ras * ras
        + p.pump_log_neprilysin * neprilysin
        + p.pump_log_mra * mra
    )
    return reduced_ef * drugs + p.pump_log_sglt2 * sglt2


@njit(forceinline=True)
def other_cardiovascular_hazard(life_table, years, frailty, departure, gfr, log_ratio, p):
    """Other cardiovascular deaths a day.

    life_table: its hazard at entry for the share of such deaths; frailty: less what the years since entry brought.
    """
    log_hazard = (
        p.other_cardiovascular_log_ratio
        + p.life_table_log_per_year * years
        + p.other_cardiovascular_log_frailty * (frailty - USUAL_FRAILTY)
        + p.other_cardiovascular_log_per_departure * departure
        + p.other_cardiovascular_log_low_gfr * positive(60.0 - gfr)
        + log_ratio
    )
    return life_table * exp(clip(log_hazard, -10.0, 10.0))


@njit(forceinline=True)
def non_cardiovascular_hazard(life_table, years, frailty, deconditioning, infection, gfr, log_ratio, p):
    """Non-cardiovascular deaths a day; life_table and frailty as in `other_cardiovascular_hazard`."""
    log_hazard = (
        p.non_cardiovascular_log_ratio
        + p.life_table_log_per_year * years
        + p.non_cardiovascular_log_frailty * (frailty - USUAL_FRAILTY)
        + p.non_cardiovascular_log_deconditioning * deconditioning
        + p.non_cardiovascular_log_infection * infection
        + p.non_cardiovascular_log_low_gfr * positive(60.0 - gfr)
        + log_ratio
    )
    return life_table * exp(clip(log_hazard, -10.0, 10.0))


@njit(forceinline=True)
def mode_of_death(x, sudden, pump, other_cardiovascular):
    """Code of the mode in whose interval x falls, as a double; beyond all three it is non-cardiovascular."""
    died_of = float(DIED_OF_NON_CARDIOVASCULAR)
    died_of = float(DIED_OF_OTHER_CARDIOVASCULAR) if x < sudden + pump + other_cardiovascular else died_of
    died_of = float(DIED_OF_PUMP_FAILURE) if x < sudden + pump else died_of
    return float(DIED_OF_SUDDEN) if x < sudden else died_of
