"""The record of a person on a day, from facts of FHIR, as a file of the registry's own would hold it."""

from __future__ import annotations

from typing import Any

from popsim.evidence.code_systems import load_codes
from popsim.exchange.fhir.courses import drugs_at
from popsim.exchange.fhir.facts import FactPlace, FhirDiagnosis, FhirFacts, FhirReading, ReadTally
from popsim.exchange.fhir.refusals import refuse
from popsim.exchange.fhir.times import DAY, MONTH
from popsim.exchange.fhir.values import TRAITS, checked_value, plausible, prefers
from popsim.registry.record import DIAGNOSES
from popsim.registry.vocabulary import Vocabulary
from popsim.simulation.schema import SCHEMA
from popsim.units import DAYS_PER_YEAR

INFARCTION, PRIOR_INFARCTION, YEAR_DAYS = "infarction", "prior_infarction", 365
STATIN, CHOLESTEROL = "atorvastatin", "baseline_ldl_mmol_l"
SINCE_INFARCTION = "infarction_days_before_entry"
# assumption: who needs dialysis has chronic kidney disease, who has a stent has coronary disease; twins have both only
# as consequences of what happens to them.
IMPLIED = {"dialysis": "ckd", "coronary_stent": "coronary_disease"}
PAST = {INFARCTION: PRIOR_INFARCTION, "stroke": "prior_stroke"}
HALF_A_YEAR, HALF_A_MONTH = 182.0, 15.0


def diagnosis_of(fact: FhirDiagnosis) -> str:
    """The twin's column that a condition or procedure sets; its key if it sets none."""
    kind, _, key = fact.key.rpartition(".")
    coded = load_codes("procedures" if kind else "diagnoses")[key]
    return IMPLIED.get(coded.column, coded.column or key)


class RecordOfDay:
    """The record of a person on a day.

    Attributes:
        uncertain: columns of drugs that are taken in a dose that is not told.
        later: facts after the day.
    """

    def __init__(
        self, facts: FhirFacts, vocabulary: Vocabulary, tally: ReadTally, file: str, zero: int, look_back: int,
        bad_as_missing: bool,
    ) -> None:  # fmt: skip
        self._facts = plausible(facts, tally, bad_as_missing)
        self._vocabulary, self._tally, self._file = vocabulary, tally, file
        self._zero, self._look_back, self._bad_as_missing = zero, look_back, bad_as_missing
        self.uncertain: set[str] = set()
        self.later = 0
        self._age: float | None = None

    def record(self, complete: bool) -> dict[str, Any]:
        """The record as a file of the registry's own would hold it.

        Raises:
            FhirError: age or sex is missing or out of bounds, or a value is impossible.
        """
        age, female = self.age(), self._facts.female
        if female is None:
            refuse(self._file, "Patient.gender", "must be male or female, or the sex at birth be told in its extension")
        diagnoses, traits = self._diagnoses()
        traits |= self._traits()
        for place in self._facts.gene_places:
            self._take(place, "genes")
        for stay in self._facts.stays:
            if stay.start.day > self._zero:
                self._late(stay.place)
            else:
                self._tally.skip(stay.place, "a contact before day 0: not of a record")
        medications = self._medications()
        if STATIN in (medications or {}) or self._facts.other_statin:
            traits.pop(CHOLESTEROL, None)  # the column is that without a statin
        if complete:
            diagnoses = dict.fromkeys(DIAGNOSES, False) | diagnoses
        record: dict[str, Any] = {
            "age_years": age,
            "sex": "female" if female else "male",
            "diagnoses": diagnoses,
            "traits": traits,
            "measurements": self._measurements(),
        }
        return record if medications is None else record | {"medications": medications}

    def age(self) -> float:
        """Age on the day, in years; from the middle of the year or month of birth where the day is not told.

        Raises:
            FhirError: it is not told, or out of bounds.
        """
        if self._age is not None:
            return self._age
        birth, column = self._facts.birth, SCHEMA["age_years"]
        if birth is None:
            refuse(self._file, "Patient.birthDate", "missing; a twin needs the age")
        middle = {0: HALF_A_YEAR, MONTH: HALF_A_MONTH}.get(birth.precision, 0.0)
        age = round((self._zero - birth.days - middle) / DAYS_PER_YEAR, 2)
        if not column.low <= age <= column.high:
            allowed = f"the age on day 0 must lie between {column.low:g} and {column.high:g} years"
            self._refuse(self._facts.patient, ".birthDate", allowed)
        self._take(self._facts.patient, "age and sex")
        self._age = age
        return age

    def _diagnoses(self) -> tuple[dict[str, bool], dict[str, float]]:
        found: dict[str, bool] = {}
        traits: dict[str, float] = {}
        for one in self._facts.diagnoses:
            start = one.start.day if one.start is not None else 0
            if start > self._zero:
                self._late(one.place)
                continue
            name = diagnosis_of(one)
            if (
                name in (INFARCTION, PRIOR_INFARCTION)
                and one.start is not None
                and one.start.precision >= DAY
                and (self._zero - start <= YEAR_DAYS)
            ):
                since = float(self._zero - start)
                traits[SINCE_INFARCTION] = min(since, traits.get(SINCE_INFARCTION, since))
                self._take(one.place, "diagnoses")
                continue
            name = PAST.get(name, name)
            if name not in DIAGNOSES:
                self._tally.skip(one.place, "a diagnosis or procedure that a twin's record does not hold")
            elif one.end is not None and one.end <= self._zero and not name.startswith("prior_"):
                self._tally.skip(one.place, "over before day 0")
            else:
                found[name] = True
                self._take(one.place, "diagnoses")
        if SINCE_INFARCTION in traits:
            found.setdefault("coronary_disease", True)  # as the cohorts have it
        return found, traits

    def _traits(self) -> dict[str, float]:
        """Height, smoking, cholesterol, ethnic group: the latest that is told by day 0."""
        found: dict[str, tuple[float, float]] = {}
        for trait in self._facts.traits:
            self._newer(found, trait.column, trait.time.days, trait.value, trait.place)
        for reading in self._facts.readings:
            if reading.code in TRAITS:
                measure, value = reading.measure, reading.stored
                if reading.time.day > self._zero:
                    self._late(reading.place)
                elif value is None or not measure.takes(value):  # twins are adults
                    self._tally.skip(reading.place, "out of the bounds of adults")
                else:
                    self._newer(found, measure.name, reading.time.days, value, reading.place)
        return {name: value if SCHEMA[name].kind == "real" else int(value) for name, (_, value) in found.items()}

    def _newer(
        self, found: dict[str, tuple[float, float]], column: str, time: float, value: float, place: FactPlace
    ) -> None:
        if int(time) > self._zero:
            self._late(place)
        elif column in found and found[column][0] > time:
            self._tally.skip(place, "a later one counts")
        else:
            if column in found:
                self._tally.skip(place, "a later one counts")
            else:
                self._take(place, "constant columns")
            found[column] = time, value

    def _measurements(self) -> list[dict[str, Any]]:
        """The last reading of each signal in the days up to day 0."""
        chosen: dict[str, FhirReading] = {}
        for reading in sorted(self._facts.readings, key=lambda one: (one.time.days, one.issued)):
            if reading.code in TRAITS:
                continue
            if reading.time.day > self._zero:
                self._late(reading.place)
            elif reading.time.day < self._zero - self._look_back:
                self._tally.skip(reading.place, f"more than {self._look_back} days before day 0")
            else:
                before = chosen.get(reading.measure.name)
                if before is not None and prefers(before, reading):
                    self._tally.skip(reading.place, "another of the same sample counts")
                    continue
                if before is not None:
                    self._tally.skip(before.place, "a later one counts")
                chosen[reading.measure.name] = reading
        found = []
        for reading in chosen.values():
            value = checked_value(reading, self._tally, self._bad_as_missing)
            if value is not None:
                self._take(reading.place, "readings of day 0")
                found.append({"code": reading.code, "value": value, "unit": reading.measure.unit})
        return found

    def _medications(self) -> dict[str, dict[str, Any]] | None:
        """The drugs taken on day 0; None if nothing is told of any."""
        if not self._facts.drugs_told:
            return None
        current, self.uncertain = drugs_at(self._facts.drugs, self._zero, self._vocabulary, self._tally)
        self.later += sum(1 for drug in self._facts.drugs if drug.start.day > self._zero)
        units = self._vocabulary.medications
        return {name: {"dose": dose, "unit": units[name].unit} for name, dose in current.items()}

    def _late(self, place: FactPlace) -> None:
        self.later += 1
        self._tally.skip(place, "after day 0: for an update")

    def _take(self, place: FactPlace | None, became: str) -> None:
        if place is not None:
            self._tally.take(place, became)

    def _refuse(self, place: FactPlace | None, element: str, allowed: str) -> None:
        file, path = (self._file, "Patient") if place is None else (place.file, place.path)
        refuse(file, path + element, allowed)
