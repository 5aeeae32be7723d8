"""Clinical risk scores of twins: LACE, HOSPITAL, MAGGIC and GWTG-HF, from their points tables (evidence/scores).

Scores use the true state instead of a clinician's readings, so their performance is an upper bound of that in practice.
evidence/risk_scores.toml has substitutes for items that twins do not have: serum sodium is the same for everybody,
blood urea nitrogen follows from filtration, and nobody is under oncology care or has procedures.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.definitions.score import Range, Score
from popsim.errors import InputError, did_you_mean
from popsim.evidence.parameters import ParameterSet
from popsim.evidence.sets import Parameters
from popsim.outcomes.follow_up import settings_of
from popsim.outcomes.readmission import stays
from popsim.population.population import Population
from popsim.units import DAYS_PER_YEAR, convert

type Floats = NDArray[np.float64]

FOLDER = Path(__file__).parents[1] / "evidence" / "scores"
SCORES = ("lace", "hospital", "maggic", "gwtg_hf")
BLACK = 2  # code of the column ethnicity
SMOKES = 2  # code of the column smoking
MONTHS_PER_YEAR = 12.0
SIX_MONTHS_DAYS, TWELVE_MONTHS_DAYS = 182.0, 365.0  # look-back windows of the scores
SAME_ILLNESS_DAYS = 1.0  # an emergency visit this soon before an admission belongs to it
COMORBIDITIES = ("heart_failure", "copd", "ckd", "diabetes", "prior_infarction", "prior_stroke")
AS_THEY_ARE = (
    "female", "systolic_mmhg", "heart_rate_bpm", "ejection_fraction_percent", "nyha_class", "copd", "diabetes",
)  # fmt: skip


@cache
def score_of(name: str) -> Score:
    """A score by its name.

    Raises:
        InputError: there is no score of that name.
    """
    if name not in SCORES:
        raise InputError(f"no risk score '{name}': {did_you_mean(name, SCORES)}")
    return Score.read(FOLDER / f"{name}.toml")


def points(name: str, known: Mapping[str, Floats]) -> NDArray[np.int64]:
    """Points of each person, (persons,).

    Args:
        name: of the score, one of SCORES.
        known: known values by quantity: `quantities(...)`, or typed in for one patient.

    Raises:
        InputError: there is no such score, or a quantity that it needs is missing.
    """
    score = score_of(name)
    needed = {item.of for item in score.items} | {item.when.of for item in score.items if item.when}
    missing = sorted(needed - set(known))
    if missing:
        raise InputError(f"{score.label}: needs '{missing[0]}'")
    total = np.zeros(np.shape(known[score.items[0].of]), np.int64)
    for item in score.items:
        level = np.searchsorted(np.array(item.bounds), np.asarray(known[item.of], np.float64), side="right")
        total += np.array(item.points)[level] * _within(item.when, known)
    return total


def printed_risk(name: str, total: NDArray[np.int64], within_days: int) -> Floats:
    """The published risk for each sum of points.

    Raises:
        InputError: no risk was published for that time.
    """
    score = score_of(name)
    table = next((risks.by_points for risks in score.risks if risks.within_days == within_days), None)
    if table is None:
        raise InputError(f"{score.label}: no risks were published for {within_days} days")
    return np.asarray(np.array(table)[np.clip(total, 0, len(table) - 1)])


def quantities(population: Population, day: int, past: pl.DataFrame, parameters: Parameters) -> dict[str, Floats]:
    """The quantities that scores use, for every twin, (twins,) each.

    Args:
        population: on that day.
        day: of the simulation, the last one simulated.
        past: `history(...)` up to that day.
        parameters: sets by name.
    """
    constants = parameters["risk_scores"]
    have = {name: np.asarray(population[name], np.float64) for name in population}
    twins = len(population)
    years = np.maximum(day - have["entry_day"], 0.0) / DAYS_PER_YEAR
    age = have["age_years"] + years
    have["prior_infarction"] = np.maximum(have["prior_infarction"], have["infarction_days_before_entry"] > 0.0)
    weights = {name: constants[f"charlson_{name}"] for name in COMORBIDITIES}
    charlson = sum(w * have[name] for name, w in weights.items())
    by_person = pl.DataFrame({"person_id": population.person_id}).join(
        past, on="person_id", how="left", maintain_order="left"
    )
    seen = {name: by_person[name].to_numpy().astype(np.float64) for name in past.columns if name != "person_id"}
    return {
        **{name: have[name] for name in AS_THEY_ARE},
        **seen,
        "age_years": age,
        "charlson": np.asarray(charlson),
        "creatinine_umol_l": creatinine_umol_l(have["gfr_ml_min"], age, have["female"], parameters["inker_2021"]),
        "urea_nitrogen_mg_dl": constants["urea_nitrogen_at_gfr_90_mg_dl"] * 90.0 / have["gfr_ml_min"],
        "sodium_mmol_l": np.full(twins, constants["sodium_mmol_l"]),
        "haemoglobin_g_dl": have["haemoglobin_g_dl"],
        "bmi_kg_m2": have["weight_kg"] / (have["height_cm"] / 100.0) ** 2,
        "smokes": (have["smoking"] == SMOKES).astype(np.float64),
        "black": (have["ethnicity"] == BLACK).astype(np.float64),
        "months_since_diagnosis": constants["months_since_diagnosis"] + MONTHS_PER_YEAR * years,
        "on_beta_blocker": (have["beta_blocker_fraction"] > 0.0).astype(np.float64),
        "on_ras_inhibitor": (have["ras_inhibitor_fraction"] > 0.0).astype(np.float64),
        "oncology": np.zeros(twins),
        "procedure": np.zeros(twins),
    }


def history(
    events: pl.DataFrame, classes: Mapping[str, str], people: Population, day: int, constants: ParameterSet
) -> pl.DataFrame:
    """Every twin's last stay in hospital by the record, at the end of a day.

    For a twin that has not been admitted since entry, it is the stay that ended at entry.

    Args:
        events: `EventLog.frame()`.
        classes: class by name of setting.
        people: the twins.
        day: events after its end are not used.
        constants: the set risk_scores.

    Returns:
        person_id; last_stay_days (nights); last_stay_acute (0 or 1); emergency_visits_6_months and admissions_12_months
        before that stay, without the visits that led to it. In the order of the twins.
    """
    known = events.filter(pl.col("time_days") < day + 1)
    admissions = stays(known, classes).filter(pl.col("discharge_time_days").is_not_null())
    twins = pl.DataFrame({"person_id": people.person_id, "entry": people["entry_day"].astype(np.float64)})
    last = admissions.group_by("person_id", maintain_order=True).last()
    table = twins.join(last, on="person_id", how="left", maintain_order="left").select(
        "person_id",
        "entry",
        since=pl.coalesce("admit_time_days", "entry"),
        first=pl.col("admit_time_days").is_null(),
        last_stay_days=pl.coalesce(pl.col("nights").cast(pl.Float64), pl.lit(constants["index_stay_days"])),
        last_stay_acute=(~pl.col("planned")).fill_null(True).cast(pl.Float64),
    )
    emergency = known.filter(
        (pl.col("event") == "start") & pl.col("setting").is_in(settings_of(events, classes, ["emergency"]).implode())
    )
    visits = _number_before(table, emergency, "time_days", SIX_MONTHS_DAYS, SAME_ILLNESS_DAYS)
    earlier = _number_before(table, admissions, "admit_time_days", TWELVE_MONTHS_DAYS, 0.0)
    entry_counts = (~pl.col("first")) & (pl.col("since") - pl.col("entry") <= TWELVE_MONTHS_DAYS)
    before_entry = pl.when(entry_counts).then(constants["admissions_before_entry"]).otherwise(0.0)
    return table.with_columns(emergency_visits_6_months=visits, earlier=earlier).select(
        "person_id",
        "last_stay_days",
        "last_stay_acute",
        "emergency_visits_6_months",
        admissions_12_months=pl.col("earlier") + before_entry,
    )


def creatinine_umol_l(gfr: Floats, age: Floats, female: Floats, constants: ParameterSet) -> Floats:
    """Serum creatinine at which CKD-EPI 2021 gives a filtration rate (mL/min per 1.73 m2)."""
    is_female = female > 0.5
    threshold = np.where(is_female, constants["threshold_female"], constants["threshold_male"])
    below = np.where(is_female, constants["exponent_below_female"], constants["exponent_below_male"])
    factor = np.where(is_female, constants["factor_female"], 1.0)
    relative = gfr / (constants["scale"] * constants["factor_per_year"] ** age * factor)
    ratio = relative ** np.where(relative < 1.0, 1.0 / constants["exponent_above"], 1.0 / below)
    return convert(ratio * threshold, "mg/dL", "umol/L", "creatinine")


def _within(range_: Range | None, known: Mapping[str, Floats]) -> NDArray[np.bool_] | bool:
    if range_ is None:
        return True
    values = np.asarray(known[range_.of], np.float64)
    return np.asarray((values >= range_.at_least) & (values < range_.below))


def _number_before(table: pl.DataFrame, events: pl.DataFrame, time: str, window: float, gap: float) -> pl.Series:
    """Number of events of each twin within a window before its last stay, and more than a gap before it."""
    before = pl.col("since") - pl.col(time)
    counted = (
        events.select("person_id", time)
        .join(table.select("person_id", "since"), on="person_id")
        .filter((before > gap) & (before <= window))
    )
    number = counted.group_by("person_id").len()
    found = table.join(number, on="person_id", how="left", maintain_order="left")["len"]
    return found.fill_null(0).cast(pl.Float64)
