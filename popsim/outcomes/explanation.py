"""Why a twin fell ill or died: the state, drugs, shocks and delays that led there, in clinical words.

Uses a twin's diary (diary.py) with the functions and constants of the kernels. Litres of fluid and factors of a hazard
are computed term by term, the twin's other values held fixed. Interacting terms do not add up exactly; the rest is
named.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from popsim.evidence.parameters import ParameterSet
from popsim.kernels import codes as code
from popsim.kernels.physiology.acute import weakness
from popsim.kernels.physiology.fluid import FluidParameters, drug_natriuresis, kidney_power, loop_response

WINDOW_DAYS = 30  # how far back to search for a cause; changes words only
MIN_LITRES = 0.1  # smaller parts of a gain of fluid are not named
MIN_FACTOR = 1.15  # smaller factors of a hazard are not named


class Reading(NamedTuple):
    """How to show a column: label, unit, decimals, and the reference value (a column, or its own first day)."""

    words: str
    unit: str
    digits: int
    usual: str = ""


READINGS: dict[str, Reading] = {
    "filling_pressure_mmhg": Reading("filling pressure", "mmHg", 0, "baseline_filling_pressure_mmhg"),
    "extracellular_fluid_excess_l": Reading("fluid above the set point", "L", 1),
    "symptom_score": Reading("symptoms (0 to 10)", "", 1),
    "systolic_mmhg": Reading("systolic pressure", "mmHg", 0, "baseline_systolic_mmhg"),
    "heart_rate_bpm": Reading("pulse", "/min", 0, "baseline_heart_rate_bpm"),
    "gfr_ml_min": Reading("kidney filtration", "mL/min", 0, "baseline_gfr_ml_min"),
    "potassium_mmol_l": Reading("potassium", "mmol/L", 1, "baseline_potassium_mmol_l"),
    "ejection_fraction_percent": Reading("ejection fraction", "%", 0, "baseline_ejection_fraction_percent"),
    "infection_severity": Reading("infection (0 to 1)", "", 2),
    "arrhythmia_burden": Reading("fast arrhythmia (0 to 1)", "", 2),
    "deconditioning": Reading("reserve lost in hospital (0 to 1)", "", 2),
    "frailty": Reading("frailty (0 to 1)", "", 2),
    "adherence": Reading("share of doses taken", "", 2, "adherence_trait"),
    "loop_diuretic_mg_day": Reading("loop diuretic", "mg/day", 0),
    "mra_fraction": Reading("MRA, share of target", "", 2),
    "ras_inhibitor_fraction": Reading("ACE inhibitor or ARB, share of target", "", 2),
    "beta_blocker_fraction": Reading("beta-blocker, share of target", "", 2),
    "anticoagulant_fraction": Reading("anticoagulant, share of target", "", 2),
    "antiplatelet_fraction": Reading("antiplatelet, share of target", "", 2),
    "insulin_fraction": Reading("insulin, share of usual", "", 2),
    "fev1_percent": Reading("FEV1, % of predicted", "", 0, "baseline_fev1_percent"),
    "hba1c_percent": Reading("HbA1c", "%", 1, "baseline_hba1c_percent"),
    "haemoglobin_g_dl": Reading("haemoglobin", "g/dL", 1, "baseline_haemoglobin_g_dl"),
}
# How a person died, in words, and the name that constants of the mode begin with.
MODES: dict[int, tuple[str, str]] = {
    code.DIED_OF_SUDDEN: ("died suddenly", "sudden"),
    code.DIED_OF_PUMP_FAILURE: ("died of pump failure", "pump"),
    code.DIED_OF_OTHER_CARDIOVASCULAR: ("died of another cardiovascular cause", "other_cardiovascular"),
    code.DIED_OF_NON_CARDIOVASCULAR: ("died of a non-cardiovascular cause", "non_cardiovascular"),
}
OF_CAUSE: dict[int, tuple[str, ...]] = {
    code.CAUSE_HEART_FAILURE: ("filling_pressure_mmhg", "extracellular_fluid_excess_l", "symptom_score", "gfr_ml_min"),
    code.CAUSE_INFECTION: ("infection_severity", "frailty", "deconditioning", "fev1_percent"),
    code.CAUSE_ARRHYTHMIA: ("arrhythmia_burden", "heart_rate_bpm", "filling_pressure_mmhg", "beta_blocker_fraction"),
    code.CAUSE_RENAL: ("potassium_mmol_l", "systolic_mmhg", "gfr_ml_min", "mra_fraction", "ras_inhibitor_fraction"),
    code.CAUSE_RESPIRATORY: ("infection_severity", "fev1_percent", "deconditioning"),
    code.CAUSE_OTHER: ("frailty", "deconditioning"),
    code.CAUSE_INFARCTION: ("systolic_mmhg", "antiplatelet_fraction", "haemoglobin_g_dl"),
    code.CAUSE_STROKE: ("systolic_mmhg", "arrhythmia_burden", "anticoagulant_fraction"),
    code.CAUSE_BLEEDING: ("anticoagulant_fraction", "antiplatelet_fraction", "gfr_ml_min", "haemoglobin_g_dl"),
    code.CAUSE_FALL: ("frailty", "systolic_mmhg", "deconditioning", "haemoglobin_g_dl"),
    code.CAUSE_GLUCOSE: ("hba1c_percent", "insulin_fraction", "gfr_ml_min"),
}


def why_ill(diary: pl.DataFrame, day: int, cause: int, constants: ParameterSet) -> list[str]:
    """Sentences on what led to an acute illness on a day: the state compared with the usual state, then its origin.

    Args:
        diary: the twin's, from its first day (diary.py).
        day: of the illness.
        cause: CAUSE_*.
        constants: the heart-failure set of the run.
    """
    before = diary.filter((pl.col("day") <= day) & (pl.col("day") > day - WINDOW_DAYS))
    if before.is_empty():
        return []
    today = before.row(-1, named=True)
    said = [_reading(name, today, diary) for name in OF_CAUSE.get(cause, ()) if name in today]
    lines = [f"state: {', '.join(text for text in said if text)}"] if any(said) else []
    if cause == code.CAUSE_HEART_FAILURE:
        lines += _fluid(before, constants)
    return [*lines, *_shocks(before)]


def why_dead(diary: pl.DataFrame, day: int, constants: ParameterSet) -> list[str]:
    """Sentences on how a twin died, and what raised the hazard of that mode above the first day's, term by term."""
    rows = diary.filter(pl.col("day") <= day)
    if rows.is_empty():
        return []
    first, last = rows.row(0, named=True), rows.row(-1, named=True)
    died, mode = MODES[last["death_cause"]]
    now, then = _death_terms(last, mode, constants), _death_terms(first, mode, constants)
    factors = {words: math.exp(now[words] - then[words]) for words in now}
    named = sorted(((f, words) for words, f in factors.items() if f >= MIN_FACTOR), reverse=True)
    hazard = f"hazard of death {last['death_hazard_per_day'] * 100:.2g}% a day"
    terms = ", ".join(f"{words} x{f:.2g}" for f, words in named)
    said = f"{hazard}; that of this mode is higher than on the first day by {terms}" if terms else hazard
    return [died, said, *_shocks(rows.tail(WINDOW_DAYS))]


def _reading(name: str, today: Mapping[str, Any], diary: pl.DataFrame) -> str:
    """A value compared with the twin's usual value; empty if both are zero."""
    reading = READINGS[name]
    value = today[name]
    usual = today[reading.usual] if reading.usual in today else diary[name][0]
    if round(value, reading.digits) == 0.0 and round(usual, reading.digits) == 0.0:
        return ""
    unit = f" {reading.unit}" if reading.unit else ""
    compared = "usually" if reading.usual in today else "on the first day"
    return f"{reading.words} {value:.{reading.digits}f}{unit} ({compared} {usual:.{reading.digits}f})"


def _fluid(before: pl.DataFrame, constants: ParameterSet) -> list[str]:
    """The sources of the fluid gained since its last minimum, in litres."""
    excess = before["extracellular_fluid_excess_l"].to_numpy().astype(float)
    start = int(np.argmin(excess))
    gained = excess[-1] - excess[start]
    rising = before.slice(start + 1)
    if gained < MIN_LITRES or rising.is_empty():
        return []
    parts: dict[str, float] = {}
    for day in rising.iter_rows(named=True):
        for words, litres in _fluid_of_day(day, constants).items():
            parts[words] = parts.get(words, 0.0) + litres
    named = sorted(((litres, words) for words, litres in parts.items() if litres >= MIN_LITRES), reverse=True)
    rest = gained - sum(litres for litres, _ in named)
    terms = [f"{words} {litres:.1f} L" for litres, words in named]
    terms += [f"shed or held by the kidneys otherwise {rest:+.1f} L"] if abs(rest) >= MIN_LITRES else []
    return [f"fluid gained since day {before['day'][start]}: {gained:.1f} L ({', '.join(terms)})"]


def _fluid_of_day(day: Mapping[str, Any], constants: ParameterSet) -> dict[str, float]:
    """Litres that each source added in one day, the others held fixed (kernels/physiology/fluid.py)."""
    p = constants.fill(FluidParameters)
    excess, power = day["extracellular_fluid_excess_l"], kidney_power(day["gfr_ml_min"], p)

    def shed(taken: float) -> float:
        ras, mra, sglt2 = (taken * day[f"{name}_fraction"] for name in ("ras_inhibitor", "mra", "sglt2_inhibitor"))
        loop = loop_response(taken * day["loop_diuretic_mg_day"], p)
        return float(drug_natriuresis(excess, power, loop, ras, mra, sglt2, p))

    missed = max(day["adherence_trait"] - day["adherence"], 0.0)
    return {
        "doses missed": shed(day["adherence"] + missed) - shed(day["adherence"]),
        "salty food": p.fluid_per_salt_l_per_g * day["salt_excess_g_day"],
        "infection": p.retention_infection_l_day * day["infection_severity"],
        "fast arrhythmia": p.retention_arrhythmia_l_day * day["arrhythmia_burden"],
        "the weeks after hospital": p.retention_after_hospital_l_day * day["deconditioning"],
    }


def _death_terms(day: Mapping[str, Any], mode: str, p: ParameterSet) -> dict[str, float]:
    """State-dependent terms of the log hazard of a mode of death (kernels/physiology/death.py)."""
    state = {
        "long-standing symptoms": ("per_usual", day["usual_symptom_score"]),
        "symptoms beyond the usual": ("per_departure", day["symptom_score"] - day["usual_symptom_score"]),
        "low ejection fraction": ("per_ef", weakness(day["ejection_fraction_percent"])),
        "infection": ("infection", day["infection_severity"]),
        "fast arrhythmia": ("arrhythmia", day["arrhythmia_burden"]),
        "frailty": ("frailty", day["frailty"]),
        "reserve lost in hospital": ("deconditioning", day["deconditioning"]),
        "kidney failure": ("low_gfr", max(60.0 - day["gfr_ml_min"], 0.0)),
        "low pressure": ("low_systolic", max(p["pump_systolic_from_mmhg"] - day["systolic_mmhg"], 0.0)),
        "high potassium": ("potassium", max(day["potassium_mmol_l"] - p["sudden_potassium_from_mmol_l"], 0.0)),
    }
    of_mode = {words: (f"{mode}_log_{name}", value) for words, (name, value) in state.items()}
    return {words: p[name] * value for words, (name, value) in of_mode.items() if name in p}


def _shocks(before: pl.DataFrame) -> list[str]:
    """The shocks that began in the window, with their size on the first day."""
    found: Sequence[tuple[int, str, str, str]] = (
        (code.SHOCK_INFECTION, "infection_severity", "infection", "severity {:.2f}"),
        (code.SHOCK_LAPSE, "adherence_lapse", "lapse of adherence", "{:.0%} of usual doses missed"),
        (code.SHOCK_SALT, "salt_excess_g_day", "salty diet", "{:.0f} g/day more salt"),
        (code.SHOCK_ARRHYTHMIA, "arrhythmia_burden", "fast arrhythmia", "burden {:.2f}"),
    )
    said = []
    for bit, column, words, size in found:
        for day, bits, value in before.select("day", "shock_onset", column).iter_rows():
            if bits & bit:
                said.append((day, f"{words} on day {day} ({size.format(value)})"))
    return [f"before it: {', '.join(text for _, text in sorted(said))}"] if said else []
