"""The elements of FHIR R4 that are read here, with their types; a resource of another form is refused with its path.

Only these elements are checked: what is passed over may hold anything. `strict.py` checks a whole resource. Types and
required values are those of https://hl7.org/fhir/R4/resourcelist.html.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from popsim.exchange.fhir.refusals import refuse
from popsim.exchange.fhir.times import TIME_FORM, YEARS, is_open_end, read_time

type Shape = Callable[[Any], str | None] | Mapping[str, "Shape"] | Sequence["Shape"]

LARGEST_NUMBER = 1e15  # assumption: no reading of medicine comes near it


class ShapeError(Exception):
    """A value has the wrong form; `path` grows on the way out."""

    def __init__(self, allowed: str, value: Any = None) -> None:
        self.allowed, self.value, self.path = allowed, value, ""


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) else "must be a text"


def _boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _number(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "must be a number"
    return None if abs(value) <= LARGEST_NUMBER else f"must be a number of at most {LARGEST_NUMBER:g}"


def _positive(value: Any) -> str | None:
    return _number(value) or (None if value > 0 else "must be above 0")


def _time(value: Any) -> str | None:
    if not isinstance(value, str):
        return f"must be a text: {TIME_FORM}"
    return None if read_time(value) is not None else f"{TIME_FORM}, of the years {YEARS[0]} to {YEARS[1]}"


def _end(value: Any) -> str | None:
    return None if isinstance(value, str) and is_open_end(value) else _time(value)


def _one_of(words: str) -> Callable[[Any], str | None]:
    allowed, told = frozenset(words.split()), f"allowed: {', '.join(words.split())}"
    return lambda value: None if isinstance(value, str) and value in allowed else told


CODING: Shape = {"system": _text, "code": _text, "display": _text}
CONCEPT: Shape = {"coding": [CODING], "text": _text}
IDENTIFIER: Shape = {"system": _text, "value": _text}
REFERENCE: Shape = {"reference": _text, "type": _text, "identifier": IDENTIFIER}
PERIOD: Shape = {"start": _time, "end": _end}
QUANTITY: Shape = {
    "value": _number, "unit": _text, "system": _text, "code": _text, "comparator": _one_of("< <= >= >"),
}  # fmt: skip
RANGE: Shape = {"low": QUANTITY, "high": QUANTITY}
TIMING: Shape = {
    "event": [_time],
    "repeat": {
        "frequency": _positive, "period": _positive, "periodUnit": _one_of("s min h d wk mo a"),
        "boundsPeriod": PERIOD, "boundsDuration": QUANTITY, "dayOfWeek": [_one_of("mon tue wed thu fri sat sun")],
        "timeOfDay": [_text], "when": [_text],
    },
    "code": CONCEPT,
}  # fmt: skip
DOSAGE: Shape = {
    "sequence": _number, "text": _text, "timing": TIMING, "asNeededBoolean": _boolean, "route": CONCEPT,
    "doseAndRate": [{"doseQuantity": QUANTITY, "doseRange": RANGE}],
}  # fmt: skip
EXTENSION: Shape = {
    "url": _text, "valueCode": _text, "valueCoding": CODING, "valueString": _text,
    "extension": [{"url": _text, "valueCoding": CODING, "valueString": _text, "valueCode": _text}],
}  # fmt: skip
VALUES: Mapping[str, Shape] = {
    "valueQuantity": QUANTITY, "valueCodeableConcept": CONCEPT, "valueString": _text, "valueInteger": _number,
    "valueBoolean": _boolean, "dataAbsentReason": CONCEPT,
}  # fmt: skip
STATEMENT_STATUS = "active completed entered-in-error intended stopped on-hold unknown not-taken"
EVENT_STATUS = "preparation in-progress not-done on-hold stopped completed entered-in-error unknown"

SHAPES: Mapping[str, Shape] = {
    "Patient": {
        "id": _text, "gender": _one_of("male female other unknown"), "birthDate": _time, "deceasedBoolean": _boolean,
        "deceasedDateTime": _time, "extension": [EXTENSION], "identifier": [IDENTIFIER],
    },
    "Encounter": {
        "id": _text, "class": CODING, "type": [CONCEPT], "subject": REFERENCE, "period": PERIOD,
        "status": _one_of("planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown"),
        "reasonCode": [CONCEPT], "reasonReference": [REFERENCE], "priority": CONCEPT, "partOf": REFERENCE,
        "diagnosis": [{"condition": REFERENCE, "rank": _positive, "use": CONCEPT}],
        "hospitalization": {"dischargeDisposition": CONCEPT, "admitSource": CONCEPT, "reAdmission": CONCEPT},
    },
    "Condition": {
        "id": _text, "clinicalStatus": CONCEPT, "verificationStatus": CONCEPT, "category": [CONCEPT], "code": CONCEPT,
        "subject": REFERENCE, "onsetDateTime": _time, "onsetPeriod": PERIOD, "onsetAge": QUANTITY,
        "abatementDateTime": _end, "abatementPeriod": PERIOD, "abatementBoolean": _boolean, "recordedDate": _time,
    },
    "Observation": {
        "id": _text, "code": CONCEPT, "subject": REFERENCE, "effectiveDateTime": _time, "effectivePeriod": PERIOD,
        "effectiveInstant": _time, "effectiveTiming": TIMING, "issued": _time, "hasMember": [REFERENCE],
        "status": _one_of("registered preliminary final amended corrected cancelled entered-in-error unknown"),
        "component": [{"code": CONCEPT, **VALUES}], **VALUES,
    },
    "MedicationRequest": {
        "id": _text, "subject": REFERENCE, "medicationCodeableConcept": CONCEPT, "medicationReference": REFERENCE,
        "status": _one_of("active on-hold cancelled completed entered-in-error stopped draft unknown"),
        "intent": _one_of("proposal plan order original-order reflex-order filler-order instance-order option"),
        "doNotPerform": _boolean, "reportedBoolean": _boolean, "authoredOn": _time, "dosageInstruction": [DOSAGE],
        "dispenseRequest": {
            "validityPeriod": PERIOD, "expectedSupplyDuration": QUANTITY, "numberOfRepeatsAllowed": _number,
        },
    },
    "MedicationStatement": {
        "id": _text, "subject": REFERENCE, "medicationCodeableConcept": CONCEPT, "medicationReference": REFERENCE,
        "status": _one_of(STATEMENT_STATUS), "effectiveDateTime": _time, "effectivePeriod": PERIOD,
        "dateAsserted": _time, "dosage": [DOSAGE],
    },
    "Medication": {"id": _text, "code": CONCEPT, "ingredient": [{"itemCodeableConcept": CONCEPT,
                                                                 "itemReference": REFERENCE}]},
    "Procedure": {
        "id": _text, "status": _one_of(EVENT_STATUS), "code": CONCEPT, "subject": REFERENCE,
        "performedDateTime": _time, "performedPeriod": PERIOD,
    },
}  # fmt: skip
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "Patient": (),
    "Encounter": ("status", "class"),
    "Condition": ("subject",),
    "Observation": ("status", "code"),
    "MedicationRequest": ("status", "intent", "subject"),
    "MedicationStatement": ("status", "subject"),
    "Medication": (),
    "Procedure": ("status", "subject"),
}
# Elements of one name with several types: only one may be there.
CHOICES = {
    "Patient": ("deceased",), "Condition": ("onset", "abatement"), "Observation": ("value", "effective"),
    "MedicationRequest": ("medication",), "MedicationStatement": ("medication", "effective"),
    "Procedure": ("performed",),
}  # fmt: skip
NEEDS_MEDICATION = ("MedicationRequest", "MedicationStatement")


def check_shape(resource: Mapping[str, Any], file: str, path: str) -> None:
    """Refuse a resource that is read here and has not the form of R4.

    Raises:
        FhirError: an element is missing, of another type, or a code that R4 does not allow.
    """
    kind = resource["resourceType"]
    try:
        _check(resource, SHAPES[kind])
    except ShapeError as error:
        refuse(file, path + error.path, error.allowed, error.value)
    for name in REQUIRED[kind]:
        if name not in resource:
            refuse(file, f"{path}.{name}", "missing, R4 requires it")
    for name in CHOICES.get(kind, ()):
        given = [key for key in resource if key.startswith(name) and key[len(name) : len(name) + 1].isupper()]
        if len(given) > 1:
            refuse(file, f"{path}.{given[1]}", f"only one of {name}[x] may be there")
        if not given and kind in NEEDS_MEDICATION and name == "medication":
            refuse(file, f"{path}.medication[x]", "missing, R4 requires it")


def _check(value: Any, shape: Any) -> None:
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            raise ShapeError("must be an object", value)
        for key, part in value.items():
            within = shape.get(key)
            if within is not None and not (within is _text and type(part) is str):  # most are texts
                try:
                    _check(part, within)
                except ShapeError as error:
                    error.path = f".{key}{error.path}"
                    raise
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise ShapeError("must be a list", value)
        within = shape[0]
        for place, part in enumerate(value):
            try:
                _check(part, within)
            except ShapeError as error:
                error.path = f"[{place}]{error.path}"
                raise
    elif (allowed := shape(value)) is not None:
        raise ShapeError(allowed, value)
