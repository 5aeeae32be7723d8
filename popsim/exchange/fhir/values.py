"""Readings in the registry's units and within its bounds."""

from __future__ import annotations

from popsim.exchange.fhir.facts import FactPlace, FhirReading, ReadTally
from popsim.exchange.fhir.refusals import refuse
from popsim.registry.vocabulary import Measure, Vocabulary

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


def prefers(before: FhirReading, after: FhirReading, vocabulary: Vocabulary) -> bool:
    """Whether the first of two readings of one quantity, made known in this order, holds at their time.

    A filtration holds against the creatinine of the same sample, from which it was computed.
    """
    computed = not vocabulary.measurements[before.code].creatinine and vocabulary.measurements[after.code].creatinine
    return before.time.days == after.time.days and computed
