"""One person of an OMOP CDM as the record from which a twin is made, and as a stream that updates it.

Day 0 is a date that the user gives each time; it is not kept. Errors name neither the person nor a date or value of
theirs.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from popsim.errors import DefinitionError, InputError
from popsim.evidence.code_systems import load_codes
from popsim.exchange.omop.cdm_files import CdmReader, open_cdm
from popsim.exchange.omop.facts import CdmFacts, age_at, read_facts
from popsim.exchange.omop.people import EVENTS_BEFORE, GRACE_DAYS
from popsim.exchange.records import DIAGNOSES
from popsim.registry.privacy import shown_path
from popsim.registry.stream import COLUMNS
from popsim.registry.vocabulary import ADMITTED, DIED, DISCHARGED, INTRAVENOUS, PRESENTATIONS, Vocabulary
from popsim.simulation.schema import SCHEMA

LOOK_BACK_DAYS = 30  # assumption: an older reading is no reading of day 0; the same as for other records
MAX_PERSON = 20  # digits of an id
PRESENT_TIME, ADMIT_TIME, READ_TIME, DISCHARGE_TIME, DEATH_TIME = (
    0.3,
    0.4,
    0.5,
    0.8,
    0.95,
)  # within a day without a clock


type Counts = Counter[tuple[str, str]]  # records, by table and what became of them
NO_VALUE = "a value that twins do not take"


def record_of_person(path: Path, person: str, day_zero: date, vocabulary: Vocabulary) -> tuple[str, Counts]:
    """The record of a person at day 0, as JSON of `popsim.registry.record`; what was understood and passed over.

    Args:
        path: the source.
        person: person_id.
        day_zero: date of day 0.
        vocabulary: of twins.

    Raises:
        DefinitionError: the source is refused; nothing personal is repeated.
        InputError: there is no such person, or the record lacks the age or the sex.
    """
    facts = _facts(path, person)
    one = facts.people.row(0, named=True)
    if one["sex"] is None:
        raise InputError(f"{shown_path(path)}: person.gender_concept_id: must be 8507 (male) or 8532 (female)")
    if one["death"] is not None and one["death"] <= day_zero:
        raise InputError("--day-zero: the person had died by then")
    age = facts.people.select(age=age_at(pl.col("born"), day_zero)).item()
    record: dict[str, Any] = {"age_years": _age(float(age)), "sex": one["sex"]}
    record["diagnoses"] = _diagnoses(facts, day_zero)
    record["measurements"] = _measurements(facts, day_zero, vocabulary)
    if not facts.drugs.is_empty():
        record["medications"] = _medications(facts, day_zero, vocabulary)
    return json.dumps(record), facts.counts


def stream_of_person(path: Path, person: str, day_zero: date, vocabulary: Vocabulary) -> tuple[bytes, Counts]:
    """What is recorded of a person after day 0, as the CSV of `popsim.registry.stream`; what was understood, and not.

    Args, Raises: as for `record_of_person`.
    """
    facts = _facts(path, person)
    rows: list[tuple[str, ...]] = _readings(facts, day_zero, vocabulary)
    rows += [*_doses(facts, day_zero, vocabulary), *_events(facts, day_zero)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS[:5])
    rows.sort(key=lambda row: (float(row[0]), row[4], row[1]))
    writer.writerows(rows)
    return text.getvalue().encode(), facts.counts


def _facts(path: Path, person: str) -> CdmFacts:
    shown = shown_path(path)
    if not (person.isascii() and person.isdigit() and len(person) <= MAX_PERSON):
        raise InputError(
            "--person: must be the person_id of one person, a whole number; - reads it from standard input"
        )
    with open_cdm(path, shown) as cdm:
        _check_person(cdm, person, shown)
        return read_facts(cdm, person)


def _check_person(cdm: CdmReader, person: str, shown: str) -> None:
    number = int((cdm.table("person")["person_id"] == person).sum())
    if number != 1:
        why = "there is none of this id" if number == 0 else "is there twice"
        raise DefinitionError(shown, "person.person_id", None, why)


def _age(age: float) -> float:
    column = SCHEMA["age_years"]
    if not column.low <= age <= column.high:
        raise InputError(f"--day-zero: the age would not lie between {column.low:g} and {column.high:g} years")
    return round(age, 2)


def _diagnoses(facts: CdmFacts, day_zero: date) -> dict[str, bool]:
    """Diagnoses recorded until day 0; one that is not recorded stays open."""
    table = load_codes("diagnoses")
    had = facts.conditions.filter(pl.col("day") <= day_zero)["key"].unique().to_list()
    named = {table[key].column for key in had} | {EVENTS_BEFORE[key] for key in had if key in EVENTS_BEFORE}
    return {name: True for name in DIAGNOSES if name in named}


def _code(key: str, vocabulary: Vocabulary) -> str | None:
    """The code under which a stream takes a quantity; None where twins take none."""
    codes = load_codes("signals")[key].codes.get("loinc", ())
    return next((code for code in codes if code in vocabulary.measurements), None)


def _possible(key: str, value: float, vocabulary: Vocabulary) -> tuple[str, float, str] | None:
    """Code, value and unit as a stream takes them; None where twins take no such value."""
    code = _code(key, vocabulary)
    if code is None:
        return None
    measure = vocabulary.measurements[code]
    unit = load_codes("signals")[key].unit or measure.unit
    stored = measure.in_unit(value, unit)
    return (code, value, unit) if stored is not None and measure.takes(stored) else None


def _measurements(facts: CdmFacts, day_zero: date, vocabulary: Vocabulary) -> list[dict[str, Any]]:
    """The last reading of each quantity within LOOK_BACK_DAYS before day 0."""
    since = day_zero - timedelta(days=LOOK_BACK_DAYS)
    recent = facts.readings.filter(pl.col("day").is_between(since, day_zero))
    found: dict[str, dict[str, Any]] = {}
    for key, value in recent.select("key", "value").iter_rows():  # in order of time: the last that is possible stays
        if (reading := _possible(key, value, vocabulary)) is not None:
            found[reading[0]] = {"code": reading[0], "value": float(f"{reading[1]:.6g}"), "unit": reading[2]}
        else:
            facts.counts["measurement", NO_VALUE] += 1
    return list(found.values())


def _medications(facts: CdmFacts, day_zero: date, vocabulary: Vocabulary) -> dict[str, dict[str, Any]]:
    """Drugs taken on day 0, one of a class, the last that was prescribed; without a dose: half the target."""
    grace = pl.col("end") + pl.duration(days=GRACE_DAYS)
    taken = facts.drugs.filter((pl.col("start") <= day_zero) & (grace >= day_zero))
    chosen: dict[str, tuple[str, dict[str, Any]]] = {}
    for key, dose in taken.select("key", "dose").iter_rows():
        measure = vocabulary.medications.get(key)
        if measure is not None and key != INTRAVENOUS:
            chosen[measure.name] = key, {"dose": _dose(dose, key, vocabulary), "unit": measure.unit}
    return dict(chosen.values())


def _dose(dose: float | None, key: str, vocabulary: Vocabulary) -> float:
    """A daily dose within the bounds of the drug."""
    measure = vocabulary.medications[key]
    usual = 0.5 * measure.drug.target_dose.value if measure.drug is not None else measure.low
    return min(max(usual if dose is None else float(f"{dose:.4g}"), measure.low), measure.high)


def _day(day: date, day_zero: date) -> int:
    return (day - day_zero).days


def _readings(facts: CdmFacts, day_zero: date, vocabulary: Vocabulary) -> list[tuple[str, ...]]:
    rows = []
    later = facts.readings.filter(pl.col("day") > day_zero)
    for key, day, value in later.select("key", "day", "value").iter_rows():
        if (reading := _possible(key, value, vocabulary)) is not None:
            rows.append(
                (f"{_day(day, day_zero) + READ_TIME:g}", reading[0], f"{reading[1]:.9g}", reading[2], "observation")
            )
        else:
            facts.counts["measurement", NO_VALUE] += 1
    return list(dict.fromkeys(rows))


def _doses(facts: CdmFacts, day_zero: date, vocabulary: Vocabulary) -> list[tuple[str, ...]]:
    """Changes of dose after day 0: what is prescribed, and its stop where nothing follows within GRACE_DAYS."""
    rows: list[tuple[str, ...]] = []
    for key in facts.drugs["key"].unique(maintain_order=True).to_list():
        measure = vocabulary.medications.get(key)
        if measure is None or key == INTRAVENOUS:
            continue
        before: float | None = None
        courses = facts.drugs.filter(pl.col("key") == key).select("start", "end", "dose").rows()
        for place, (start, end, amount) in enumerate(courses):
            dose = _dose(amount, key, vocabulary)
            if start > day_zero and dose != before:
                rows.append((f"{_day(start, day_zero)}", key, f"{dose:.6g}", measure.unit, "medication"))
            before = dose
            follows = courses[place + 1][0] if place + 1 < len(courses) else None
            last = facts.periods["end"].max()
            runs_out = end + timedelta(days=GRACE_DAYS)
            known = isinstance(last, date) and runs_out < last
            if end > day_zero and known and (follows is None or follows > runs_out):
                rows.append((f"{_day(end, day_zero) + 1}", key, "0", measure.unit, "medication"))
                before = 0.0
    return rows


def _events(facts: CdmFacts, day_zero: date) -> list[tuple[str, ...]]:
    """Presentations with their cause, admissions, discharges and death after day 0."""
    rows: list[tuple[str, ...]] = []

    def add(day: date, time: float, code: str) -> None:
        if day > day_zero:
            rows.append((f"{_day(day, day_zero) + time:g}", code, "", "", "event"))

    table, death = load_codes("diagnoses"), facts.people["death"][0]
    causes = dict(
        facts.conditions.filter(pl.col("visit").is_not_null()).select("visit", "key").filter(
            pl.col("key").is_in([key for key, one in table.items() if one.cause in PRESENTATIONS])
        ).iter_rows()
    )  # fmt: skip
    for visit, kind, start, end in facts.visits.select("visit", "kind", "start", "end").iter_rows():
        if kind == "other":
            continue
        if (cause := causes.get(visit)) is not None:
            add(start, PRESENT_TIME, table[cause].cause)
        if kind == "hospital":
            add(start, ADMIT_TIME, ADMITTED)
            if end != death:
                add(end, DISCHARGE_TIME, DISCHARGED)
    if death is not None:
        add(death, DEATH_TIME, DIED)
    return list(dict.fromkeys(rows))
