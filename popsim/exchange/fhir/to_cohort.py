"""From persons in FHIR to the draft of a cohort: one row a person as known on day 0, what is missing imputed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.drafting.draft import MIN_KNOWN, MUCH_MISSING, Draft, DraftedColumn
from popsim.evidence.code_systems import load_codes, loinc_of
from popsim.evidence.sets import Parameters
from popsim.exchange.fhir.day_record import RecordOfDay
from popsim.exchange.fhir.facts import ReadTally
from popsim.exchange.fhir.folders import FhirPerson
from popsim.exchange.fhir.refusals import FhirError
from popsim.exchange.fhir.to_twin import day_of
from popsim.kernels.numerics.random import RandomKey
from popsim.learning.imputation import impute
from popsim.plurals import counted
from popsim.population.formulas import FORMULAS
from popsim.population.genome import GENES
from popsim.registry.record import person_of
from popsim.registry.vocabulary import FILTRATION, Vocabulary
from popsim.simulation.schema import SCHEMA

LOOK_BACK_DAYS = 365  # assumption: a reading of the last year tells a person's usual value
# The column that a reading of a signal sets.
COLUMNS = {
    "weight_kg": "dry_weight_kg",
    "systolic_mmhg": "baseline_systolic_mmhg",
    "heart_rate_bpm": "baseline_heart_rate_bpm",
    "potassium_mmol_l": "baseline_potassium_mmol_l",
    FILTRATION: "baseline_gfr_ml_min",
    "hba1c_percent": "baseline_hba1c_percent",
    "haemoglobin_g_dl": "baseline_haemoglobin_g_dl",
    "ejection_fraction_percent": "baseline_ejection_fraction_percent",
    "albuminuria_mg_g": "baseline_albuminuria_mg_g",
    "fev1_percent": "baseline_fev1_percent",
    "filling_pressure_mmhg": "baseline_filling_pressure_mmhg",
    "frailty": "frailty",
}
# Columns whose code 0 says "not known" or "none": what is not told is that.
ZERO_IF_UNKNOWN = ("ethnicity", "infarction_days_before_entry", *GENES)
AGENT = "_agent"  # of a class: without meaning where its dose is 0
NOT_DRAFTED = ("genotype_known",)  # of the care of twins


class FhirCohort(NamedTuple):
    """People from FHIR.

    Attributes:
        draft: of the cohort.
        left_out: number of persons who cannot be in it, by reason.
        outside: number of values outside the bounds of a column, taken as missing, by column.
    """

    draft: Draft
    left_out: Counter[str]
    outside: Counter[str]


def draft_from_fhir(
    persons: Iterable[FhirPerson],
    vocabulary: Vocabulary,
    parameters: Parameters,
    tally: ReadTally,
    key: RandomKey,
    *,
    day_zero: date | None = None,
    look_back_days: int = LOOK_BACK_DAYS,
    bad_as_missing: bool = False,
) -> FhirCohort:
    """People as known on day 0.

    A person who is in several files counts once, as the first of them tells. A diagnosis that is not in a person's
    files is one that the person does not have. If the files tell of any prescription, a drug that is not in them is not
    taken.

    Args:
        day_zero: of all; None: the last day on which something is told of the living person.
        look_back_days: how old a reading may be.
        bad_as_missing: pass over readings that are refused.

    Raises:
        DefinitionError: a value is refused.
    """
    left_out, outside = Counter[str](), Counter[str]()
    rows: list[dict[str, float]] = []
    untold: list[dict[str, float]] = []
    known: set[str] = set()
    for person in persons:
        if person.facts.name and person.facts.name in known:
            left_out["the same person (Patient.identifier) is in a file before"] += 1
            continue
        known.add(person.facts.name)
        try:
            zero = day_of(person.facts, day_zero, person.file)
            building = RecordOfDay(person.facts, vocabulary, tally, person.file, zero, look_back_days, bad_as_missing)
            building.age()
        except FhirError as error:
            left_out[error.allowed.partition(";")[0]] += 1
            continue
        if person.facts.female is None:
            left_out["the sex is neither male nor female"] += 1
            continue
        rows.append(_row(building, person, vocabulary, parameters, outside))
        if not person.facts.drugs_told:
            untold.append(rows[-1])
    draft = Draft(
        len(rows), [f"{counted(count, 'person', 'people')} left out: {why}" for why, count in sorted(left_out.items())]
    )
    if len(untold) < len(rows):  # the files tell of prescriptions: these people have none
        for row in untold:
            row |= {measure.name: 0.0 for measure in vocabulary.medications.values() if SCHEMA[measure.name].settable}
    if rows:
        _complete(draft, rows, key)
    return FhirCohort(draft, left_out, outside)


def _row(
    building: RecordOfDay, person: FhirPerson, vocabulary: Vocabulary, parameters: Parameters, outside: Counter[str]
) -> dict[str, float]:
    """The columns of a person."""
    record = building.record(complete=True)
    read = person_of(json.dumps(record), Path(person.file).with_suffix(".json"), vocabulary)
    row = {name: value for name, value in read.known.items() if name not in building.uncertain}
    row |= dict(person.facts.genes)
    for code, stored, _ in read.measurements:
        measure = vocabulary.measurements[code]
        column, value = COLUMNS.get(measure.name), stored
        if column is None:
            continue
        if measure.creatinine:
            people = {name: np.array([row[name]]) for name in ("age_years", "female")}
            value = float(FORMULAS["ckd_epi_2021"](np.array([stored]), people, parameters)[0])
        if SCHEMA[column].low <= value <= SCHEMA[column].high:
            row[column] = value
        else:
            outside[column] += 1
    settable = {name: value for name, value in row.items() if SCHEMA[name].settable and name not in NOT_DRAFTED}
    return {name: 0.0 for name in ZERO_IF_UNKNOWN if name not in GENES} | settable


def _complete(draft: Draft, rows: Sequence[dict[str, float]], key: RandomKey) -> None:
    """Fill the draft's columns: known values as they are, others imputed."""
    told = {name for row in rows for name in row}
    known: dict[str, NDArray[np.float64]] = {}
    for name in [name for name in SCHEMA.columns if name in told]:
        blank = 0.0 if name in ZERO_IF_UNKNOWN or name.endswith(AGENT) else np.nan
        values = np.array([row.get(name, blank) for row in rows])
        number = int((~np.isnan(values)).sum())
        if name in ZERO_IF_UNKNOWN and not values.any():
            continue
        if number < min(MIN_KNOWN, len(rows)):
            draft.unused[name] = f"only {number} known values"
        else:
            known[name] = values
    for name, values in impute(known, key).items():
        missing = int(np.isnan(known[name]).sum())
        note = "warning: more than half is missing" if missing > MUCH_MISSING * draft.rows else ""
        draft.columns.append(DraftedColumn(name, source_of(name), note, values, missing))


def source_of(column: str) -> str:
    """Which resources and codes a column comes from."""
    signal = next((name for name, target in COLUMNS.items() if target == column), None)
    if signal is not None and signal in load_codes("signals"):
        keys = [signal, "creatinine"] if column == "baseline_gfr_ml_min" else [signal]
        codes = [code for key in keys for code in load_codes("signals")[key].codes.get("loinc", ())]
        return f"Observation, LOINC {', '.join(codes)}: the last by day 0"
    plain = {
        "age_years": "Patient.birthDate", "female": "Patient: sex at birth, else gender",
        "ethnicity": "Patient: race of US Core", "baseline_ldl_mmol_l": "Observation of LDL, without a statin",
        "height_cm": f"Observation, LOINC {loinc_of('height_cm')}",
        "smoking": f"Observation, LOINC {loinc_of('smoking')}",
        "infarction_days_before_entry": "Condition: an infarction in the year before day 0",
    }  # fmt: skip
    if column in plain:
        return plain[column]
    if column in GENES:
        return "Observation of a genotype"
    return "Condition and Procedure; absent if not told" if SCHEMA[column].writer == "cohort" else "prescriptions"
