"""Broken files of FHIR are refused in one line with file, path and what is allowed, and nothing of them is taken."""

import copy
import json
import re

import pytest
from made_bundles import (
    DAY_ZERO,
    LOINC,
    PATIENT,
    RXNORM,
    WORDS,
    bundle,
    condition,
    encounter,
    observation,
    patient,
    prescription,
    resources,
    subject,
)

from popsim.cli import main
from popsim.errors import InputError
from popsim.exchange.fhir.facts import ReadTally
from popsim.exchange.fhir.shapes import SHAPES
from popsim.exchange.fhir.stream_lines import stream_lines
from popsim.exchange.fhir.to_twin import new_person, read_one

GOOD = json.dumps(bundle()).encode()
PLACES = {one["id"]: place for place, one in enumerate(resources())}
DEEP = b'{"resourceType": "Patient", "extension": ' + b'[{"extension": ' * 3000 + b"[]" + b"}]" * 3000 + b"}"


def with_value(text):
    """The good Bundle with a number written in another way."""
    return GOOD.replace(b'"value": 4.6', b'"value": ' + text)


def changed(name, *path, value=None, drop=False):
    """The good Bundle with one element of one resource changed."""
    broken = bundle()
    at = broken["entry"][PLACES[name]]["resource"]
    for key in path[:-1]:
        at = at[key]
    if drop:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return broken


def added(*extra):
    return bundle([*resources(), *extra])


def about(whom):
    """The good Bundle with a diagnosis of somebody."""
    return added(condition("x", "38341003", "2020") | {"subject": whom})


def nested(depth):
    inner = patient()
    for _ in range(depth):
        inner = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": inner}]}
    return inner


def shaped(**elements):
    return bundle() | elements


def wrong_types():
    """Every element that is read, with a value of another type."""
    for name in ("p1", "c1", "o3", "o4", "o6", "m1", "e1"):
        resource = resources()[PLACES[name]]
        for path, shape in read_elements(resource, SHAPES[resource["resourceType"]]):
            wrong = {"a": 1} if isinstance(shape, list) else "text" if isinstance(shape, dict) else [["deep"]]
            for value in (wrong, None):
                yield f"{name}.{'.'.join(map(str, path))} = {value}", changed(name, *path, value=value)


def read_elements(value, shape, path=()):
    if isinstance(shape, dict) and isinstance(value, dict):
        for key in value:
            if key in shape:
                yield (*path, key), shape[key]
                yield from read_elements(value[key], shape[key], (*path, key))
    elif isinstance(shape, list):
        for place, part in enumerate(value):
            yield from read_elements(part, shape[0], (*path, place))


BYTES = {
    **{f"cut off at {len(GOOD) * part // 25}": GOOD[: len(GOOD) * part // 25] for part in range(1, 25)},
    "empty": b"",
    "blank": b" \n\t ",
    "UTF-16": GOOD.decode().encode("utf-16"),
    "UTF-16, little end first, without mark": GOOD.decode().encode("utf-16-le"),
    "UTF-16, big end first, without mark": GOOD.decode().encode("utf-16-be"),
    "UTF-32": GOOD.decode().encode("utf-32"),
    "Latin-1": GOOD.replace(b"4711", b"M\xfcller"),
    "a broken letter": GOOD.replace(b"4711", b"\xff\xfe"),
    "half a surrogate": GOOD.replace(b"4711", b"\\ud800"),
    "a NUL": GOOD.replace(b"4711", b"\0"),
    "a line break in a text": GOOD.replace(b"4711", b"47\n11"),
    "two documents": GOOD + GOOD,
    "something after the end": GOOD + b"]",
    "a comma too many": GOOD[:-1] + b",}",
    "single quotes": GOOD.replace(b'"', b"'"),
    "a comment": b"// from a hospital\n" + GOOD,
    "a list": b"[" + GOOD + b"]",
    "a text": b'"resourceType"',
    "a number": b"12 ",
    "true": b"true",
    "null": b"null",
    "XML": b'<?xml version="1.0"?><Patient xmlns="http://hl7.org/fhir"/>',
    "HTML": b"<html><body>http://hl7.org/fhir</body></html>",
    "zip": b"PK\x03\x04" + GOOD,
    "gzip": b"\x1f\x8b\x08" + GOOD,
    "bzip2": b"BZh9" + GOOD,
    "deep": DEEP,
    "deep lists": b'{"resourceType": "Patient", "name": ' + b"[" * 100_000,
    "NaN": with_value(b"NaN"),
    "Infinity": with_value(b"Infinity"),
    "-Infinity": with_value(b"-Infinity"),
    "inf": with_value(b"inf"),
    "too large": with_value(b"1e400"),
    "hexadecimal": with_value(b"0x10"),
    "a leading zero": with_value(b"04.6"),
    "a decimal comma": with_value(b"4,6"),
    "a fraction without digits": with_value(b"4."),
    "hundreds of digits": with_value(b"9" * 400),
}
VERSIONS = {
    "STU3 Condition": changed("c1", "clinicalStatus", value="active"),
    "STU3 assertedDate": changed("c1", "assertedDate", value="2018"),
    "STU3 context": changed("o3", "context", value=subject()),
    "STU3 comment": changed("o3", "comment", value="x"),
    "STU3 animal": changed("p1", "animal", value={}),
    "STU3 reason": changed("e1", "reason", value=[]),
    "STU3 taken": added({"resourceType": "MedicationStatement", "id": "s1", "taken": "y", "subject": subject()}),
    "STU3 notDone": added({"resourceType": "Procedure", "id": "q1", "notDone": True, "subject": subject()}),
    "STU3 ProcedureRequest": added({"resourceType": "ProcedureRequest", "id": "q1"}),
    "DSTU2 MedicationOrder": added({"resourceType": "MedicationOrder", "id": "q1"}),
    "DSTU2 wasNotTaken": added({"resourceType": "MedicationStatement", "id": "s1", "wasNotTaken": False}),
    "STU3 profile": changed("p1", "meta", value={"profile": ["http://hl7.org/fhir/STU3/patient.html"]}),
    "R5 class": changed("e1", "class", value=[{"coding": []}]),
    "R5 actualPeriod": changed("e1", "actualPeriod", value={}),
    "R5 admission": changed("e1", "admission", value={}),
    "R5 medication": changed("m1", "medication", value={"concept": {}}),
    "R5 adherence": added({"resourceType": "MedicationStatement", "id": "s1", "adherence": {}}),
    "R5 occurrenceDateTime": added({"resourceType": "Procedure", "id": "q1", "occurrenceDateTime": "2020"}),
    "R5 triggeredBy": changed("o3", "triggeredBy", value=[]),
    "R5 DeviceUsage": added({"resourceType": "DeviceUsage", "id": "q1"}),
    "R5 issues": shaped(issues={"resourceType": "OperationOutcome"}),
    "R5 profile": changed("p1", "meta", value={"profile": ["http://hl7.org/fhir/5.0/StructureDefinition/Patient"]}),
    "R5 CapabilityStatement": added({"resourceType": "CapabilityStatement", "id": "q1", "fhirVersion": "5.0.0"}),
    "R6 number": added({"resourceType": "CapabilityStatement", "id": "q1", "fhirVersion": "6.0.0-ballot"}),
}
FORMS = {
    "no resourceType": {"type": "collection", "entry": [], "x": "resourceType", "resourceTypes": "Bundle"},
    "resourceType a number": changed("p1", "resourceType", value=7),
    "an unknown resource": changed("p1", "resourceType", value="Pateint"),
    "no resourceType within": changed("p1", "resourceType", drop=True),
    "no type": {key: value for key, value in bundle().items() if key != "type"},
    "an unknown type": shaped(type="everything"),
    "type a list": shaped(type=["collection"]),
    "entry an object": shaped(entry={"resource": patient()}),
    "an entry that is a text": shaped(entry=["Patient/1"]),
    "a resource that is a list": shaped(entry=[{"resource": [patient()]}]),
    "a fullUrl that is a number": shaped(entry=[{"fullUrl": 5, "resource": patient()}]),
    "a request that is a text": shaped(entry=[{"request": "POST", "resource": patient()}]),
    "Bundles in Bundles": nested(6),
    "nobody": bundle([]),
    "no Patient": bundle(resources()[1:]),
    **{
        f"no {key} of {name}": changed(name, key, drop=True)
        for name, keys in {
            "c1": ["subject"],
            "o3": ["status", "code"],
            "m1": ["status", "intent", "subject", "medicationCodeableConcept"],
            "e1": ["status", "class"],
            "p1": ["gender", "birthDate"],
        }.items()
        for key in keys
    },
    "an unknown status": changed("o3", "status", value="done"),
    "an unknown intent": changed("m1", "intent", value="wish"),
    "an unknown gender": changed("p1", "gender", value="f"),
    "gender other": changed("p1", "gender", value="other"),
    "an unknown unit of time": changed("m1", "dosageInstruction", 0, "timing", "repeat", "periodUnit", value="day"),
    "two values": changed("o3", "valueString", value="180 lb"),
    "two times": changed("o3", "effectivePeriod", value={"start": "2024"}),
    "two medications": changed("m1", "medicationReference", value={"reference": "Medication/1"}),
    "two onsets": changed("c1", "onsetAge", value={"value": 60, "unit": "a"}),
    "two ways to be dead": bundle([patient(deceasedBoolean=True, deceasedDateTime="2030-01-01"), *resources()[1:]]),
    "no unit": changed("o3", "valueQuantity", value={"value": 80}),
    "an infinite frequency": changed("m1", "dosageInstruction", 0, "timing", "repeat", "period", value=0),
    "a negative frequency": changed("m1", "dosageInstruction", 0, "timing", "repeat", "frequency", value=-1),
}
PERSONS = {
    "a second Patient": added(patient(id="p2", gender="male")),
    "data of another": added(
        observation("x", "2823-3", 4.0, "mmol/L", "2024-03-01") | {"subject": {"reference": "Patient/p2"}}
    ),
    "data of an unknown": added(
        observation("x", "1-8", 1, "1", "2024-03-01") | {"subject": {"reference": "urn:uuid:9"}}
    ),
    "another, by identifier": about({"reference": "Patient?identifier=http://hospital.example/mrn|4712"}),
    "another, by logical reference": about({"identifier": {"system": "http://hospital.example/mrn", "value": "1"}}),
    "another's claim": added({"resourceType": "Claim", "id": "x", "patient": {"reference": "Patient/p2"}}),
    "one id twice": added(observation("o3", "29463-7", 90, "kg", "2024-03-10")),
    "two Patients of one id": added(patient(gender="male")),
}
IMPOSSIBLE = {
    **{
        f"weight {value} {unit}": changed("o3", "valueQuantity", value={"value": value, "unit": unit})
        for value, unit in ((1e6, "kg"), (-80, "kg"), (0, "kg"), (80, "furlong"), (80, "mmHg"), (80, "kg/d"), (80, "1"))
    },
    **{f"potassium {value}": changed("o5", "valueQuantity", "value", value=value) for value in (0, 46, -4.6, 1e14)},
    **{
        f"potassium in {unit}": changed("o5", "valueQuantity", "code", value=unit)
        for unit in ("%", "mg", "U/L", "mmol")
    },
    **{
        f"pressure {value}": changed("o4", "component", 0, "valueQuantity", "value", value=value)
        for value in (0, 1280, -1)
    },
    **{
        f"height {value} {unit}": added(observation("h", "8302-2", value, unit, "2024-03-01"))
        for value, unit in ((-80, "cm"), (80, "stone of ale"), (80, "kg"))
    },
    "cholesterol without a unit": added(
        observation("h", "2089-1", 3.0, "mmol/L", "2024-03-01") | {"valueQuantity": {"value": 3.0}}
    ),
    **{
        f"an old weight of {value} {unit}, not the last": added(observation("h", "29463-7", value, unit, "2022-01-01"))
        for value, unit in ((-80, "kg"), (80, "stone of ale"))
    },
    "a weight before birth": added(observation("h", "29463-7", 80, "kg", "1930-01-01")),
    "a diagnosis before birth": added(condition("h", "38341003", "1930-01-01")),
    "a class of 7": changed("o6", "valueInteger", value=7),
    "a weight after day 0": changed("o7", "valueQuantity", "value", value=8250),
    "a dose of a hundred tablets a day": changed(
        "m1", "dosageInstruction", 0, "doseAndRate", 0, "doseQuantity", "value", value=1000
    ),
    "a negative dose": changed("m1", "dosageInstruction", 0, "doseAndRate", 0, "doseQuantity", "value", value=-1),
    "born tomorrow": changed("p1", "birthDate", value="2024-03-11"),
    "a child": changed("p1", "birthDate", value="2014-03-10"),
    "too old": changed("p1", "birthDate", value="1900-03-10"),
    "born in 1066": changed("p1", "birthDate", value="1066-10-14"),
    "dead before birth": bundle([patient(deceasedDateTime="1940-01-01"), *resources()[1:]]),
    "dead on day 0": bundle([patient(deceasedDateTime="2024-03-10"), *resources()[1:]]),
    "a stay that ends before it starts": changed("e1", "period", "end", value="2024-03-15T00:00:00+01:00"),
    "a diagnosis over before its onset": changed("c1", "abatementDateTime", value="2017-01-01"),
    "a prescription over before its start": changed(
        "m1", "dosageInstruction", 0, "timing", "repeat", "boundsPeriod", value={"end": "2022-01-01"}
    ),
    **{
        f"the time {text!r}": changed("o3", "effectiveDateTime", value=text)
        for text in (
            "yesterday",
            "2024-13-01",
            "2024-02-30",
            "2024-00-10",
            "10/03/2024",
            "2024-3-1",
            "20240310",
            "0000-01-01",
            "9999-12-31",
            "2024-03-10T08:00",
            "2024-03-10T08:00:00",
            "2024-03-10T25:00:00Z",
            "2024-03-10 08:00:00Z",
            "2024-03-10T08:00:00+25:00",
            "2024-W10-1",
            "",
            "1850-01-01",
        )
    },
    **{
        f"born on {text!r}": changed("p1", "birthDate", value=text)
        for text in ("1950-02-31", "50", "March", "1950-1-1")
    },
    "a time of many digits": changed("o3", "effectiveDateTime", value="2" * 5000),
}
for key in ("a class of 7",):
    del IMPOSSIBLE[key]["entry"][PLACES["o6"]]["resource"]["valueCodeableConcept"]
FILES = {
    **BYTES,
    **{f"version: {name}": one for name, one in VERSIONS.items()},
    **{f"form: {name}": one for name, one in FORMS.items()},
    **{f"person: {name}": one for name, one in PERSONS.items()},
    **{f"impossible: {name}": one for name, one in IMPOSSIBLE.items()},
    **{f"type: {name}": one for name, one in wrong_types()},
}


def as_bytes(content):
    return content if isinstance(content, bytes) else json.dumps(content).encode()


def read_whole(path):
    """All that `twin new` and `twin update` read of a file before anything is written."""
    new_person(path, WORDS, day_zero=DAY_ZERO)
    stream_lines(read_one(path, WORDS, ReadTally()), DAY_ZERO.toordinal(), WORDS, ReadTally())


def test_the_unbroken_file_is_read(tmp_path):
    (tmp_path / "person.json").write_bytes(GOOD)
    read_whole(tmp_path / "person.json")
    (tmp_path / "person.json").write_bytes(b"\xef\xbb\xbf" + GOOD)
    read_whole(tmp_path / "person.json")


def test_there_are_many_broken_files():
    assert len(FILES) >= 400 and len({as_bytes(one) for one in FILES.values()}) >= 400


@pytest.mark.parametrize("name", FILES)
def test_a_broken_file_is_refused_in_one_line(name, tmp_path):
    path = tmp_path / "person.json"
    path.write_bytes(as_bytes(FILES[name]))
    with pytest.raises(InputError) as refused:
        read_whole(path)
    said = str(refused.value)
    assert re.match(r"person\.json: [^:]+: .", said) and "\n" not in said
    for personal in ("4711", "1950", "2024", "0b5c1d3e", PATIENT):
        assert personal not in said


DAY = ("--day-zero", DAY_ZERO.isoformat())
PLAIN = (
    "p1.id = None",
    "born in 1066",
    "UTF-16",
    "cut off at",
    "a second Patient",
    "R5 class",
    "NaN",
    "deep",
    "weight 0 kg",
)


@pytest.mark.parametrize("start", PLAIN)
def test_commands_refuse_it_and_leave_the_registry_as_it_was(start, tmp_path, capsys):
    name = next(key for key in FILES if start in key)
    path, registry = tmp_path / "person.json", tmp_path / "twins.db"
    path.write_bytes(as_bytes(FILES[name]))
    cohort = "cohorts/heart_failure_discharge.toml"
    assert main(["twin", "new", str(path), "--registry", str(registry), "--cohort", cohort, *DAY]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and said.err.startswith("popsim: person.json: ")
    assert not registry.exists()


LINES = {
    "cut off": GOOD[:300],
    "not JSON": b"Patient,female,1950",
    "a second document on the line": b'{"resourceType": "Patient"} {}',
    "NaN": b'{"resourceType": "Observation", "status": "final", "code": {}, "valueQuantity": {"value": NaN}}',
    "another version": b'{"resourceType": "MedicationOrder"}',
    "a wrong type": b'{"resourceType": "Observation", "status": 5, "code": {}}',
    "no resource": b'{"id": "x"}',
    "too long": b'{"resourceType": "Binary", "data": "' + b"A" * (33 * 1024 * 1024) + b'"}',
}


@pytest.mark.parametrize("name", LINES)
def test_a_broken_line_of_bulk_data_is_named(name, tmp_path):
    (tmp_path / "Patient.ndjson").write_text(json.dumps(patient()) + "\n")
    (tmp_path / "Observation.ndjson").write_bytes(b"\n" + LINES[name] + b"\n")
    with pytest.raises(InputError, match=r"^Observation\.ndjson:? ?(line )?:?2: "):
        new_person(tmp_path, WORDS, day_zero=DAY_ZERO)


def test_references_in_a_circle_come_to_an_end(tmp_path):
    a = {"resourceType": "Medication", "id": "a", "ingredient": [{"itemReference": {"reference": "Medication/b"}}] * 2}
    b = {"resourceType": "Medication", "id": "b", "ingredient": [{"itemReference": {"reference": "Medication/a"}}] * 2}
    drug = prescription("x", "0", "", "2024-01-01")
    del drug["medicationCodeableConcept"]
    drug["medicationReference"] = {"reference": "Medication/a"}
    ring = encounter("r1", "IMP", "2024-03-11", "2024-03-12", partOf={"reference": "Encounter/r1"})
    member = observation("h1", "2823-3", 4.4, "mmol/L", "2024-03-10", hasMember=[{"reference": "Observation/h1"}])
    path = tmp_path / "person.json"
    path.write_bytes(as_bytes(added(a, b, drug, ring, member)))
    read_whole(path)


def test_bad_values_can_be_passed_over_and_are_counted(tmp_path):
    path = tmp_path / "person.json"
    path.write_bytes(as_bytes(IMPOSSIBLE["potassium 46"]))
    read = new_person(path, WORDS, day_zero=DAY_ZERO, bad_as_missing=True)
    assert "2823-3" not in {code for code, _, _ in read.person.measurements}
    assert read.tally.passed["Observation", "an impossible value or unit, taken as missing"] == 1


def test_the_strict_check_finds_what_is_not_read(tmp_path):
    pytest.importorskip("fhirkit")
    broken = changed("p1", "photo", value=[{"size": "large"}])
    path = tmp_path / "person.json"
    path.write_bytes(as_bytes(broken))
    read_whole(path)
    with pytest.raises(InputError, match=r"^person\.json: Bundle\.entry\[0\]\.resource\.photo\[0\]\.size: "):
        new_person(path, WORDS, day_zero=DAY_ZERO, strict=True)
    path.write_bytes(as_bytes(copy.deepcopy(bundle())))
    new_person(path, WORDS, day_zero=DAY_ZERO, strict=True)


def test_a_drug_of_no_code_and_an_empty_coding_are_no_fault(tmp_path):
    path = tmp_path / "person.json"
    extra = prescription("x", "999999999", "", "2024-01-01"), observation("y", "9-9", 1, "1", "2024-03-10")
    empty = condition("z", "0", "2020") | {"code": {"coding": [{"system": LOINC}, {"code": RXNORM}]}}
    path.write_bytes(as_bytes(added(*extra, empty)))
    read_whole(path)
