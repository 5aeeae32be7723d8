"""Readings in the registry's units and within its bounds."""

from __future__ import annotations

from dataclasses import replace

from popsim.errors import InputError
from popsim.exchange.fhir.facts import FactPlace, FhirFacts, FhirReading, ReadTally
from popsim.exchange.fhir.refusals import refuse
from popsim.exchange.fhir.times import LENGTHS, FhirTime
from popsim.registry.vocabulary import Measure
from popsim.simulation.schema import SCHEMA
from popsim.units import convert

# Signals that are constant columns of a twin.
TRAITS = {
    key: Measure(name, SCHEMA[name].unit, SCHEMA[name].low, SCHEMA[name].high, substance)
    for key, name, substance in (
        ("height_cm", "height_cm", None), ("ldl_mmol_l", "baseline_ldl_mmol_l", "cholesterol"),
        ("smoking", "smoking", None),
    )
}  # fmt: skip
IMPOSSIBLE = "an impossible value or unit, taken as missing"


def stored_value(code: str, measure: Measure, value: float, unit: str) -> float | None:
    """A value in the unit of its measure, that of a trait not rounded; None if the unit cannot be converted."""
    if code not in TRAITS:
        return measure.in_unit(value, unit)
    try:
        return float(convert(value, unit, measure.unit, measure.substance))
    except InputError:
        return None


def checked_value(reading: FhirReading, tally: ReadTally, bad_as_missing: bool) -> float | None:
    """The value as the registry stores it; None if it is refused and passed over.

    Raises:
        FhirError: the value lies outside the registry's bounds.
    """
    if reading.stored is not None and reading.measure.takes(reading.stored):
        return reading.stored
    if not bad_as_missing:
        refuse(reading.place.file, f"{reading.place.path}.value", reading.measure.allowed, reading.value)
    tally.skip(reading.place, IMPOSSIBLE)
    return None


def plausible(facts: FhirFacts, tally: ReadTally, bad_as_missing: bool) -> FhirFacts:
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
        if reading.stored is None:
            allowed = f"the unit; allowed: {', '.join(reading.measure.units())}"
            return not _impossible(reading.place, "code", allowed)
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


def prefers(before: FhirReading, after: FhirReading) -> bool:
    """Whether the first of two readings of one quantity, made known in this order, holds at their time.

    A filtration holds against the creatinine of the same sample, from which it was computed.
    """
    computed = not before.measure.creatinine and after.measure.creatinine
    return before.time.days == after.time.days and computed
