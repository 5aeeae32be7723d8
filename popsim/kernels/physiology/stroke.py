"""Atrial fibrillation, stroke and major bleeding, and the effects of anticoagulants on stroke and bleeding.

    stroke   = AF rate_a exp(risk of CHA2DS2-VASc) (1 - e A) + rate_o exp(risk of vessels) (1 - e' P)
    bleeding = rate_b exp(HAS-BLED, a A + b (A - range)+ + c P)

A is the effect of anticoagulants (1 = at INR 2.5 or a full dose of a direct one, about 1.33 at INR 3), P the share of
platelet reactivity blocked. A stroke leaves a permanent disability, which starts at 0 even after a stroke before entry,
because the baseline includes that one's effects.

Limits: ischaemic and haemorrhagic strokes are not distinguished, so that anticoagulants cause none; atrial fibrillation
is permanent; disability does not recover; bleeding is of one kind, and its deaths are in the core's hazard of death.
"""

from __future__ import annotations

from typing import NamedTuple

from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.math import exp
from popsim.kernels.numerics.scalars import clip, positive


class StrokeParameters(NamedTuple):
    """Constants of this file; units and sources in evidence/vessels.toml."""

    fibrillation_per_day: float
    fibrillation_more_per_year: float
    fibrillation_more_per_mmhg: float
    fibrillation_more_per_ef: float
    fibrillation_more_with_hypertension: float
    stroke_fibrillation_per_day: float
    stroke_fibrillation_log_per_year: float
    stroke_fibrillation_log_hypertension: float
    stroke_fibrillation_log_diabetes: float
    stroke_fibrillation_log_prior: float
    stroke_less_per_anticoagulation: float
    stroke_per_day: float
    stroke_log_per_year: float
    stroke_log_per_mmhg: float
    stroke_log_per_ldl: float
    stroke_log_per_hba1c: float
    stroke_log_smokes: float
    stroke_log_stopped: float
    stroke_log_prior: float
    stroke_less_per_platelet_inhibition: float
    stroke_dead_before_hospital: float
    stroke_early_death: float
    disability_least: float
    disability_symptom: float
    disability_fall_per_day: float
    disability_death_log: float
    bleeding_per_day: float
    bleeding_log_per_year: float
    bleeding_log_per_gfr: float
    bleeding_log_per_mmhg: float
    bleeding_pressure_from_mmhg: float
    bleeding_log_per_alcohol_g: float
    bleeding_log_prior: float
    bleeding_log_per_anticoagulation: float
    bleeding_range: float
    bleeding_log_per_anticoagulation_above_range: float
    bleeding_log_per_platelet_inhibition: float


@njit(forceinline=True)
def fibrillation_rate(older, pressure_rise, ef, hypertension, p):
    """Daily rate of onset of atrial fibrillation in people without it.

    older: years above the reference; pressure_rise: filling pressure above the twin's own, mmHg; ef: percent.
    """
    return (
        p.fibrillation_per_day
        * positive(1.0 + p.fibrillation_more_per_year * older)
        * (1.0 + p.fibrillation_more_per_mmhg * clip(pressure_rise, 0.0, 20.0))
        * (1.0 + p.fibrillation_more_per_ef * positive(50.0 - ef))
        * (1.0 + p.fibrillation_more_with_hypertension * hypertension)
    )


@njit(forceinline=True)
def stroke_hazard(
    fibrillation, older, pressure, lipid, sugar, stopped, smokes, hypertension, diabetes, had_one, anticoagulation,
    inhibition, p,
):  # fmt: skip
    """Hazard a day of a stroke, whether or not hospital is reached; departures as in coronary.infarction_risk."""
    of_heart = (
        p.stroke_fibrillation_log_per_year * older
        + p.stroke_fibrillation_log_hypertension * hypertension
        + p.stroke_fibrillation_log_diabetes * diabetes
        + p.stroke_fibrillation_log_prior * had_one
    )
    of_vessels = (
        p.stroke_log_per_year * older
        + p.stroke_log_per_mmhg * pressure
        + p.stroke_log_per_ldl * lipid
        + p.stroke_log_per_hba1c * sugar
        + p.stroke_log_smokes * smokes
        + p.stroke_log_stopped * stopped
        + p.stroke_log_prior * had_one
    )
    clots = 1.0 - p.stroke_less_per_anticoagulation * clip(anticoagulation, 0.0, 1.0)
    spared = 1.0 - p.stroke_less_per_platelet_inhibition * inhibition
    return (
        fibrillation * p.stroke_fibrillation_per_day * exp(clip(of_heart, -6.0, 5.0)) * clots
        + p.stroke_per_day * exp(clip(of_vessels, -6.0, 5.0)) * spared
    )


@njit(forceinline=True)
def bleeding_hazard(older, systolic, slow, alcohol, had_one, anticoagulation, inhibition, p):
    """Hazard a day of major bleeding; alcohol in g a day, counted to 60, and effects of anticoagulants to 4."""
    at_work = clip(anticoagulation, 0.0, 4.0)
    risk = (
        p.bleeding_log_per_year * older
        + p.bleeding_log_per_gfr * slow
        + p.bleeding_log_per_mmhg * clip(systolic - p.bleeding_pressure_from_mmhg, 0.0, 60.0)
        + p.bleeding_log_per_alcohol_g * clip(alcohol, 0.0, 60.0)
        + p.bleeding_log_prior * had_one
        + p.bleeding_log_per_anticoagulation * at_work
        + p.bleeding_log_per_anticoagulation_above_range * positive(at_work - p.bleeding_range)
        + p.bleeding_log_per_platelet_inhibition * inhibition
    )
    return p.bleeding_per_day * exp(clip(risk, -6.0, 6.0))


@njit(forceinline=True)
def disability_after(before, u, p):
    """Disability 0..1 after another stroke, which removes a (mostly small) share of the remaining ability."""
    taken = p.disability_least + (1.0 - p.disability_least) * u * u
    return before + (1.0 - before) * taken
