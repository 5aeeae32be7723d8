"""The columns that physiology writes: the daily state of a twin, and its acute presentations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from popsim.population.columns import Column, Kind

NYHA = {1: "NYHA class I", 2: "NYHA class II", 3: "NYHA class III", 4: "NYHA class IV"}


def _own(
    name: str, kind: Kind, unit: str, low: float, high: float, meaning: str,
    codes: Mapping[int, str] | None = None,
) -> Column:  # fmt: skip
    """A column that `initialise` computes as the steady state for the values that the cohort sets."""
    return Column(name, kind, unit, low, high, meaning, "physiology", codes=codes or {})


def _set(
    name: str, unit: str, low: float, high: float, meaning: str, at_entry: float | Literal["required"] = 0.0
) -> Column:
    """A column that the cohort sets and `initialise` does not change."""
    return Column(name, "real", unit, low, high, meaning, "physiology", at_entry=at_entry)


COLUMNS: tuple[Column, ...] = (
    _set("extracellular_fluid_excess_l", "L", -5, 25, "Extracellular fluid above the twin's own set point."),
    _own("filling_pressure_mmhg", "real", "mm[Hg]", 2, 45, "Left-sided filling pressure, daily mean."),
    _own("weight_kg", "real", "kg", 20, 275, "Body weight: dry weight and fluid excess."),
    _own("ejection_fraction_percent", "real", "%", 5, 80, "Left ventricular ejection fraction."),
    _own("systolic_mmhg", "real", "mm[Hg]", 40, 240, "Systolic blood pressure at rest."),
    _own("heart_rate_bpm", "real", "/min", 30, 200, "Resting heart rate."),
    _own("gfr_ml_min", "real", "mL/min/{1.73_m2}", 2, 160, "Glomerular filtration rate."),
    _own("potassium_mmol_l", "real", "mmol/L", 2, 9, "Serum potassium."),
    _own("nt_probnp_pg_ml", "real", "pg/mL", 5, 70000, "N-terminal pro-B-type natriuretic peptide in blood."),
    _own("symptom_score", "real", "1", 0, 10, "Breathlessness and fatigue, 0 none to 10 at rest."),
    _set("frailty", "1", 0, 1, "Frailty as a share of possible deficits.", "required"),
    _set("deconditioning", "1", 0, 1, "Loss of reserve after a stay in hospital, 1 the most."),
    _own("adherence", "real", "1", 0, 1, "Share of prescribed doses taken today."),
    _set("infection_severity", "1", 0, 1, "Severity of the present infection, 0 none."),
    _set("adherence_lapse", "1", 0, 1, "Share of usual doses missed in the present lapse."),
    _set("salt_excess_g_day", "g/d", 0, 20, "Salt eaten above the usual intake."),
    _set("arrhythmia_burden", "1", 0, 1, "Burden of fast arrhythmia, 0 none."),
    _own("death_hazard_per_day", "real", "/d", 0, 1, "Today's hazard of death."),
    _own("intrinsic_natriuresis_l_day", "real", "L/d", -10, 10, "Natriuresis at the set point without drugs."),
    _own("untreated_ejection_fraction_percent", "real", "%", -30, 80, "Ejection fraction without its drugs."),
    _own("untreated_systolic_mmhg", "real", "mm[Hg]", 40, 260, "Usual systolic pressure without its drugs."),
    _own("untreated_heart_rate_bpm", "real", "/min", 30, 200, "Usual heart rate without its drugs."),
    _own("untreated_gfr_ml_min", "real", "mL/min/{1.73_m2}", 2, 170, "Usual filtration without drugs; falls with age."),
    _own("untreated_potassium_mmol_l", "real", "mmol/L", -10, 9, "Usual potassium less the part of drugs and kidney."),
    _own("usual_symptom_score", "real", "1", 0, 10, "Slow mean of the own symptom score, over some three months."),
    _own("presentation_propensity", "real", "1", -7, 7, "How readily the person presents acutely; standard normal."),
    _own("death_propensity", "real", "1", -7, 7, "Risk of cardiovascular death beside the state; standard normal."),
    _own("peptide_residual", "real", "1", -7, 7, "Natriuretic peptide beside the state; standard normal."),
    _own("class_judgement", "real", "1", -7, 7, "How severe symptoms are taken for; standard normal."),
    _own("nyha_class", "code", "1", 1, 4, "New York Heart Association class, as it is judged.", NYHA),
    _own("acute_cause", "code", "1", 0, 12, "Why the twin becomes acutely unwell today (CAUSE_*), 0 if it does not."),
    _own("dies_of", "code", "1", 0, 5, "What the twin dies of today (DIED_OF_*), 0 if it does not."),
    _own("onset", "code", "1", 0, 7, "What begins today: bits ONSET_*."),
    _own("shock_onset", "code", "1", 0, 15, "Shocks that begin today: bits SHOCK_*."),
)

SET_BY_COHORT = tuple(column.name for column in COLUMNS if column.settable)
