"""An OMOP CDM folder without identifiers: the tables and columns of the list, with new ids, years and concepts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from popsim.exchange.privacy.calendar import OLDEST
from popsim.exchange.privacy.kept import listed
from popsim.exchange.privacy.values import Values, concept, number, state, whole

PERSON = "person"
KEYS = {  # columns that hold the key of another table under another name
    "preceding_visit_occurrence_id": "visit_occurrence_id",
    "preceding_visit_detail_id": "visit_detail_id",
    "parent_visit_detail_id": "visit_detail_id",
    "visit_detail_parent_id": "visit_detail_id",
    "episode_parent_id": "episode_id",
}
COST_KEYS = {  # table of a cost's event, by its domain
    "Visit": "visit_occurrence_id", "Drug": "drug_exposure_id", "Procedure": "procedure_occurrence_id",
    "Measurement": "measurement_id", "Observation": "observation_id", "Device": "device_exposure_id",
    "Condition": "condition_occurrence_id", "Specimen": "specimen_id",
}  # fmt: skip
WHOLE = re.compile(r"quantity|days_supply|refills|gap_days|.*_count|episode_number")
MONEY_DIGITS = 9  # of an amount: costs exceed a million

type Row = Mapping[str, Any]


@dataclass
class OmopPeople:
    """The persons of one CDM, whose deaths and first days are seen before rows are written."""

    values: Values
    persons: dict[str, dict[str, Any]] = field(default_factory=dict)
    _area: dict[int, tuple[str, str]] = field(default_factory=dict, repr=False)  # state and ZIP by location id

    def see(self, table: str, rows: Iterator[Row]) -> None:
        """Note the dates of persons in a table."""
        dates = [name for name in listed("kept_omop")[table] if name.endswith("_date")]
        for row in rows:
            person = whole(row.get("person_id"))
            for name in dates:
                self.values.calendar.see(person, row.get(name))
            if table == "death":
                self.values.calendar.see_death(person, row.get("death_date"))
            if table == "location" and (key := whole(row.get("location_id"))) is not None:
                self._area[key] = (state(row.get("state")) or "", self.values.zip(_padded(row.get("zip"))) or "")

    def columns(self, table: str, present: Sequence[str]) -> list[str]:
        """The columns of a table that are written."""
        return [name for name in listed("kept_omop")[table] if name in present]

    def written(self, table: str, columns: Sequence[str], row: Row) -> dict[str, Any]:
        """A row as it may leave."""
        person = whole(row.get("person_id"))
        made = {name: self._value(name, row, person) for name in columns}
        if table == PERSON:
            self._describe(row, made)
        return made

    def _describe(self, row: Row, made: Row) -> None:
        state_, zip3 = self._area.get(whole(row.get("location_id")) or -1, ("", ""))
        old = self.values.calendar.old(whole(row.get("person_id")), _padded(row.get("year_of_birth")))
        self.persons[str(made.get("person_id"))] = {
            "birth_year": "90 or older" if old else str(made.get("year_of_birth") or ""),
            "sex": str(made.get("gender_concept_id") or ""),
            "race": str(made.get("race_concept_id") or ""),
            "ethnicity": str(made.get("ethnicity_concept_id") or ""),
            "state": state_,
            "zip3": zip3,
        }

    def _value(self, name: str, row: Row, person: int | None) -> Any:
        value = row.get(name)
        if value is None or value == "":
            return None
        return self.values.count(self._kept(name, value, row, person), f"{_kind(name)} not recognised")

    def _kept(self, name: str, value: Any, row: Row, person: int | None) -> Any:  # noqa: PLR0911 a case for each kind
        match _kind(name):
            case "concept":
                return concept(value)
            case "date":
                return self.values.calendar.written(person, value, whole=True)
            case "year":
                born = self.values.calendar.born(person, _padded(value))
                if born is None and self.values.calendar.old(person, _padded(value)):
                    born = self.values.calendar.died.get(person, self.values.calendar.today.year) - OLDEST
                    born = born if self.values.calendar.mode != "relative" else 2000 - OLDEST
                return born
            case "zip":
                return self.values.zip(_padded(value))
            case "state":
                return state(value)
            case "domain":
                return value if value in COST_KEYS else None
            case "event":
                family = COST_KEYS.get(str(row.get("cost_domain_id")))
                return None if family is None else self._key(family, value)
            case "key":
                return self._key(KEYS.get(name, name), value)
            case "whole":
                found = number(value)
                return None if found is None else int(found) if found == int(found) else found
            case "money":
                found = whole(value)
                if found is not None:
                    return found if abs(found) < 10**MONEY_DIGITS else None
                return number(value)
        return number(value)

    def _key(self, family: str, value: Any) -> int | None:
        found = whole(value)
        return None if found is None else self.values.number_id(family, found)


def _kind(name: str) -> str:
    """What a column holds, by its name, which is one of the list's."""
    if name in ("cost_event_id", "cost_domain_id", "zip", "state", "year_of_birth"):
        return {"cost_event_id": "event", "cost_domain_id": "domain", "year_of_birth": "year"}.get(name, name)
    if name.endswith("concept_id"):
        return "concept"
    if name.endswith("_date"):
        return "date"
    if name.endswith("_id"):
        return "key"
    if name.startswith(("total_", "paid_")) or name == "amount_allowed":
        return "money"
    return "whole" if WHOLE.fullmatch(name) else "number"


def _padded(value: Any) -> str:
    """A ZIP code or year as text; a number has lost the first zeros of a ZIP code."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{int(value):05d}" if value >= 3000 or value < 1000 else f"{int(value)}"
    return str(value or "")
