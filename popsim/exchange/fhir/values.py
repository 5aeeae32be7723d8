"""Readings in the registry's units and within its bounds."""

from __future__ import annotations

from dataclasses import replace

from popsim.errors import InputError
from popsim.exchange.fhir.facts import FactPlace, FhirFacts, FhirReading, ReadTally
from popsim.exchange.fhir.refusals import refuse
from popsim.exchange.fhir.times import LENGTHS, FhirTime
from popsim.registry.vocabulary import Measure, Vocabulary
from popsim.units import convert

# Quantities that are constant columns of a twin, by the code of their readings: unit of the column, and substance.
TRAIT_MEASURES = {"trait.height_cm": ("cm", None), "trait.baseline_ldl_mmol_l": ("mmol/L", "cholesterol")}
IMPOSSIBLE = "an impossible value or unit, taken as missing"


def checked_value(reading: FhirReading, measure: Measure, tally: ReadTally, bad_as_missing: bool) -> float | None:
    """The value as the registry stores it; None if it is refused and passed over.

    Raises:
        FhirError: the unit cannot be converted, or the value lies outside the registry's bounds.
    """
    stored = measure.in_unit(reading.value, reading.unit)
    if stored is not None and measure.takes(stored):
        return stored
    if bad_as_missing:
        tally.skip(reading.place, IMPOSSIBLE)
        return None
    place: FactPlace = reading.place
    if stored is None:
        refuse(place.file, f"{place.path}.code", f"the unit; allowed: {', '.join(measure.units())}")
    refuse(place.file, f"{place.path}.value", measure.allowed, reading.value)


def plausible(facts: FhirFacts, vocabulary: Vocabulary, tally: ReadTally, bad_as_missing: bool) -> FhirFacts:
    """The facts without those that cannot be: readings in units of something else or below 0, and times before birth.

    Raises:
        FhirError: there is one, and it is not to be passed over.
    """

    def possible(place: FactPlace, time: FhirTime | None) -> bool:
        early = facts.birth is not None and time is not None and _ends_before(time, facts.birth)
        return not (early and _impossible(place, "time", "must not lie before birthDate"))

    def _impossible(place: FactPlace, element: str, allowed: str, value: float | None = None) -> bool:
        if not bad_as_missing:
            refuse(place.file, f"{place.path}.{element}", allowed, value)
        tally.skip(place, IMPOSSIBLE)
        return True

    def measured(reading: FhirReading) -> bool:
        if _in_unit(reading, vocabulary) is None:
            return not _impossible(reading.place, "code", f"the unit; allowed: {_units(reading, vocabulary)}")
        below = reading.value < 0.0
        return not (below and _impossible(reading.place, "value", "must not be below 0", reading.value))

    return replace(
        facts,
        readings=[one for one in facts.readings if possible(one.place, one.time) and measured(one)],
        traits=[one for one in facts.traits if possible(one.place, one.time)],
        diagnoses=[one for one in facts.diagnoses if possible(one.place, one.start)],
        drugs=[one for one in facts.drugs if possible(one.place, one.start)],
        stays=[one for one in facts.stays if possible(one.place, one.start)],
    )


def _ends_before(time: FhirTime, birth: FhirTime) -> bool:
    """Whether a time that is told surely lies before a birth: by more than a day, because clocks differ by place."""
    return time.days > 0.0 and time.days + LENGTHS[time.precision] + 1.0 <= birth.day


def _in_unit(reading: FhirReading, vocabulary: Vocabulary) -> float | None:
    """The value in the unit of its column or signal; None if the unit cannot be converted."""
    if reading.code in TRAIT_MEASURES:
        return trait_value(reading)
    return vocabulary.measurements[reading.code].in_unit(reading.value, reading.unit)


def _units(reading: FhirReading, vocabulary: Vocabulary) -> str:
    if reading.code in TRAIT_MEASURES:
        return f"{TRAIT_MEASURES[reading.code][0]}, or one that can be converted to it"
    return ", ".join(vocabulary.measurements[reading.code].units())


def trait_value(reading: FhirReading) -> float | None:
    """The value of a constant column, in the column's unit; None if the unit cannot be converted."""
    unit, substance = TRAIT_MEASURES[reading.code]
    try:
        return float(convert(reading.value, reading.unit, unit, substance))
    except InputError:
        return None


def prefers(before: FhirReading, after: FhirReading, vocabulary: Vocabulary) -> bool:
    """Whether the first of two readings of one quantity, made known in this order, holds at their time.

    A filtration holds against the creatinine of the same sample, from which it was computed.
    """
    computed = not vocabulary.measurements[before.code].creatinine and vocabulary.measurements[after.code].creatinine
    return before.time.days == after.time.days and computed
