"""The lines of a twin's stream from facts of FHIR: readings, doses and events of day 0 and after."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from popsim.exchange.fhir.courses import drug_course
from popsim.exchange.fhir.facts import FactPlace, FhirFacts, FhirReading, ReadTally
from popsim.exchange.fhir.stays import BEFORE_DAY_ZERO, events_of
from popsim.exchange.fhir.values import TRAITS, checked_value, plausible, prefers
from popsim.registry.vocabulary import Vocabulary

CONSTANT = "constant in a twin: for its record of day 0"
READINGS = "readings"


class StreamLine(NamedTuple):
    """A line of a stream, the fact that it comes from, and as what that was counted."""

    text: str
    place: FactPlace
    became: str = ""


def stream_lines(
    facts: FhirFacts, zero: int, vocabulary: Vocabulary, tally: ReadTally, bad_as_missing: bool = False
) -> list[StreamLine]:
    """What a stream of the registry's own would hold.

    Args:
        zero: day 0, a proleptic ordinal.

    Raises:
        FhirError: a value is impossible.
    """
    facts = plausible(facts, tally, bad_as_missing)
    for place in [one.place for one in facts.diagnoses] + [one.place for one in facts.traits] + facts.gene_places:
        tally.skip(place, CONSTANT)
    if facts.patient is not None:
        tally.skip(facts.patient, CONSTANT)
    lines = [*_readings(facts, zero, tally, bad_as_missing)]
    for change in drug_course(facts.drugs, zero, vocabulary, tally):
        unit = vocabulary.medications[change.drug].unit
        fields = {"code": change.drug, "value": change.dose, "unit": unit, "kind": "medication"}
        lines.append(_line(change.time - zero, fields, change.place, "drugs"))
    for event in events_of(facts, zero, tally):
        lines.append(_line(event.time - zero, {"code": event.code, "kind": "event"}, event.place, "events"))
    return lines


def _line(days: float, fields: Mapping[str, object], place: FactPlace, became: str) -> StreamLine:
    return StreamLine(json.dumps({"time": round(days, 6), **fields}), place, became)


def _readings(facts: FhirFacts, zero: int, tally: ReadTally, bad_as_missing: bool) -> list[StreamLine]:
    """One reading of each quantity at a time: that which was made known last.

    Of day 0 the last of all is told, at its beginning, as the record of a new twin tells it: it counts once.
    """
    chosen: dict[tuple[str, float], FhirReading] = {}
    for reading in sorted(facts.readings, key=lambda one: (one.time.days, one.issued)):
        if reading.code in TRAITS:
            tally.skip(reading.place, CONSTANT)
        elif reading.time.day < zero:
            tally.skip(reading.place, BEFORE_DAY_ZERO)
        else:
            time = float(zero) if reading.time.day == zero else reading.time.days
            key = reading.measure.name, time
            before = chosen.get(key)
            stays = before is not None and prefers(before, reading)
            if before is not None:
                tally.skip(reading.place if stays else before.place, "another of the same time counts")
            if not stays:
                chosen[key] = reading
    lines = []
    for (_, time), reading in chosen.items():
        value = checked_value(reading, tally, bad_as_missing)
        if value is not None:
            tally.take(reading.place, READINGS)
            fields = {"code": reading.code, "value": value, "unit": reading.measure.unit}
            lines.append(_line(time - zero, fields, reading.place, READINGS))
    return lines
