"""Observation: readings of the twins' signals, height, smoking, cholesterol, genes; alone, in panels, in components.

A reading below or above the limit of a method, without a value, not final, or without its day is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from popsim.evidence.code_systems import load_codes
from popsim.exchange.fhir.codings import codings, first_code, meaning
from popsim.exchange.fhir.facts import FactPlace, FhirFacts, FhirReading, FhirTrait, ReadTally
from popsim.exchange.fhir.genomics import is_gene, read_gene
from popsim.exchange.fhir.refusals import refuse
from popsim.exchange.fhir.times import DAY, FhirTime, read_time
from popsim.exchange.fhir.values import TRAITS, stored_value
from popsim.registry.vocabulary import Measure, Vocabulary

FINAL = ("final", "amended", "corrected")
NO_SIGNAL = "no signal of twins"
UCUM = "http://unitsofmeasure.org"
# Unit of a filtration that some write although its code says "per 1.73 m2": that is what is meant.
FLOWS = {"mL/min": "mL/min/{1.73_m2}", "ml/min": "mL/min/{1.73_m2}", "mL/min/1.73": "mL/min/{1.73_m2}"}
SCORES = ("{score}", "{nominal}", "(score)", "score")
# Values of the twin's columns, by key of the table of answers.
SMOKING = {"never_smoked": 0.0, "stopped_smoking": 1.0, "smokes": 2.0}
NYHA_CLASSES = {"nyha_i": 1.0, "nyha_ii": 2.0, "nyha_iii": 3.0, "nyha_iv": 4.0}
ROMAN = {"I": 1.0, "II": 2.0, "III": 3.0, "IV": 4.0, "1": 1.0, "2": 2.0, "3": 3.0, "4": 4.0}


type SignalCodes = Mapping[tuple[str, str], SignalCode]


class SignalCode(NamedTuple):
    """What a code measures.

    Attributes:
        code: by which the registry knows it, or the key of a trait.
        measure: of the code.
        unit: that the code implies, where the reading names none.
        label: in words.
    """

    code: str
    measure: Measure
    unit: str
    label: str


def signal_codes(vocabulary: Vocabulary) -> SignalCodes:
    """What is read, by (code system, code)."""
    measures, by_name = dict(vocabulary.measurements) | TRAITS, {key: key for key in TRAITS}
    for code, measure in vocabulary.measurements.items():
        by_name.setdefault("creatinine" if measure.creatinine else measure.name, code)
    found: dict[tuple[str, str], SignalCode] = {}
    for key, coded in load_codes("signals").items():
        for system, codes in coded.codes.items():
            for code in codes:
                known = code if code in vocabulary.measurements else by_name.get(key)
                if known is not None:
                    unit = coded.units.get(code, coded.unit)
                    found[system, code] = SignalCode(known, measures[known], unit, coded.label)
    for code, measure in vocabulary.measurements.items():
        found.setdefault(("loinc", code), SignalCode(code, measure, measure.only or measure.unit, measure.name))
    return found


def read_observation(
    resource: dict[str, Any], place: FactPlace, facts: FhirFacts, tally: ReadTally, known: SignalCodes
) -> None:
    """Add the readings of an Observation and its components.

    Args:
        known: what is read, as `signal_codes` gives it.

    Raises:
        FhirError: a value has the wrong form.
    """
    if resource["status"] not in FINAL:
        tally.skip(place, "not final (status)")
        return
    own = _known(resource["code"], known)
    parts = [
        (number, part, code)
        for number, part in enumerate(resource.get("component", ()))
        if (code := _known(part.get("code"), known)) is not None
    ]
    gene = is_gene(resource)
    time = effective(resource)
    if time is not None and time.precision >= DAY:
        facts.saw(time)
    if own is None and not parts and not gene:
        tally.skip(place, NO_SIGNAL)
        tally.coded("Observation", first_code(resource["code"]), "not known")
    elif gene:
        read_gene(resource, place, facts, tally)
    elif time is None:
        tally.skip(place, "no time given")
    elif time.precision < DAY:
        tally.skip(place, "only the year or month given")
    else:
        issued = read_time(resource["issued"]) if "issued" in resource else None
        moment = 0.0 if issued is None else issued.days
        if own is not None:
            _reading(resource, own, (time, moment), place, facts, tally)
        for number, part, code in parts:
            where = place._replace(path=f"{place.path}.component[{number}]")
            _reading(part, code, (time, moment), where, facts, tally)


def effective(resource: dict[str, Any]) -> FhirTime | None:
    """When it was observed: the beginning, if that took a while."""
    text = resource.get("effectiveDateTime") or resource.get("effectiveInstant")
    if text is None:
        period = resource.get("effectivePeriod", {})
        text = period.get("start") or period.get("end")
    if text is None:
        text = next(iter(resource.get("effectiveTiming", {}).get("event", ())), None)
    return None if text is None else read_time(text)


def _known(concept: Any, known: SignalCodes) -> SignalCode | None:
    for coding in codings(concept):
        if (found := known.get(coding)) is not None:
            return found
    return None


def _reading(
    part: dict[str, Any], signal: SignalCode, when: tuple[FhirTime, float], place: FactPlace, facts: FhirFacts,
    tally: ReadTally,
) -> None:  # fmt: skip
    """Add one value: of an Observation, or of its component."""
    label = first_code(part.get("code"))
    if signal.code == "smoking":
        smoking = SMOKING.get(meaning("answers", part.get("valueCodeableConcept")) or "")
        if smoking is None:
            tally.skip(place, "a smoking status that is not known")
        else:
            facts.traits.append(FhirTrait(when[0], "smoking", smoking, place))
            tally.coded("Observation", label, signal.label)
        return
    value, unit, why = _value(part, signal, place)
    if why:
        tally.skip(place, why)
        tally.coded("Observation", label, why)
        return
    where = place._replace(path=f"{place.path}.{'valueQuantity' if 'valueQuantity' in part else 'value[x]'}")
    stored = stored_value(signal.code, signal.measure, value, unit)
    facts.readings.append(FhirReading(when[0], signal.code, signal.measure, value, stored, when[1], where))
    tally.coded("Observation", label, signal.label)


def _value(part: dict[str, Any], signal: SignalCode, place: FactPlace) -> tuple[float, str, str]:
    """Value and unit, and why there is none."""
    quantity = part.get("valueQuantity")
    if quantity is not None:
        if "comparator" in quantity:
            return 0.0, "", "below or above the limit of the method"
        if "value" not in quantity:
            return 0.0, "", "no value given"
        unit = quantity.get("code") if quantity.get("system", UCUM) == UCUM else None
        unit = unit or quantity.get("unit") or ""
        if signal.unit == "mL/min/{1.73_m2}":
            unit = FLOWS.get(unit, unit)
        if not unit:
            refuse(place.file, f"{place.path}.valueQuantity.code", f"missing; the unit, as in {signal.unit or '1'}")
        return float(quantity["value"]), "1" if unit in SCORES else unit, ""
    if "valueInteger" in part:
        return float(part["valueInteger"]), signal.unit or "1", ""
    concept = part.get("valueCodeableConcept")
    if concept is not None and not signal.unit:
        return _class_of(concept)
    return (
        0.0,
        "",
        "no value given" if "dataAbsentReason" in part or not _has_value(part) else "the value is no quantity",
    )


def _has_value(part: dict[str, Any]) -> bool:
    return any(key.startswith("value") for key in part)


def _class_of(concept: dict[str, Any]) -> tuple[float, str, str]:
    """The New York Heart Association class that a concept names."""
    words = concept.get("text", "").replace("NYHA", "").replace("Class", "").replace("class", "").split()
    told = ROMAN.get(words[0]) if len(words) == 1 else None
    number = NYHA_CLASSES.get(meaning("answers", concept) or "", told)
    return (0.0, "", "a class that is not known") if number is None else (number, "1", "")
