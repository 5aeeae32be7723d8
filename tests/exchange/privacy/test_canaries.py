"""Each of the 18 kinds of identifiers, planted wherever it could be: none leaves by output, message or file name."""

import csv
import json
import logging

import polars as pl
import pytest
from canaries import CANARIES, found_in

from popsim.cli import main

C = CANARIES
TEXTS = list(C.values())


def patient(number="p1"):
    return {
        "resourceType": "Patient",
        "id": C["record"],
        "meta": {"source": C["url"], "tag": [{"system": C["url"], "code": C["code"], "display": C["name"]}]},
        "text": {"status": "generated", "div": f"<div>{' '.join(TEXTS)}</div>"},
        "contained": [{"resourceType": "RelatedPerson", "id": C["account"], "name": [{"text": C["name"]}]}],
        "extension": [
            {"url": C["url"], "valueString": C["name"]},
            {
                "url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
                "extension": [
                    {"url": "ombCategory", "valueCoding": {"system": "urn:oid:2.16.840.1.113883.6.238",
                                                           "code": C["code"], "display": C["name"]}},
                    {"url": "text", "valueString": C["name"]},
                ],
            },
        ],
        "identifier": [{"system": C["url"], "value": text} for text in TEXTS],
        "name": [{"family": C["name"], "given": [C["name"]]}],
        "telecom": [{"system": "phone", "value": C["telephone"]}, {"system": "email", "value": C["email"]}],
        "gender": C["name"],
        "birthDate": C["day"],
        "address": [{"line": [C["street"]], "city": C["city"], "state": C["city"], "postalCode": C["zip"],
                     "country": C["name"], "extension": [{"url": C["url"], "valueDecimal": 42.3601}]}],
        "photo": [{"contentType": "image/png", "data": C["photo"]}],
        "contact": [{"name": {"text": C["name"]}}],
        "maritalStatus": {"text": C["name"]},
        C["name"]: C["name"],
    }  # fmt: skip


def observation():
    return {
        "resourceType": "Observation",
        "id": C["code"],
        "status": "final",
        "code": {
            "text": C["name"],
            "coding": [
                {"system": "http://loinc.org", "code": "8867-4", "display": C["name"]},
                *({"system": system, "code": text, "display": text}
                  for text in TEXTS
                  for system in (C["url"], "http://loinc.org", "http://snomed.info/sct",
                                 "http://hl7.org/fhir/sid/icd-10-cm", "http://www.nlm.nih.gov/research/umls/rxnorm",
                                 "http://terminology.hl7.org/CodeSystem/v3-ActCode")),
            ],
        },
        "subject": {"reference": f"Patient/{C['record']}", "display": C["name"],
                    "identifier": {"system": C["url"], "value": C["social_security"]}},
        "performer": [{"reference": f"Practitioner?identifier={C['account']}", "display": C["name"]}],
        "focus": [{"reference": f"{C['url']}/Patient/{C['code']}"}],
        "encounter": {"reference": f"Encounter/{C['account']}"},
        "effectiveDateTime": f"{C['day']}T08:15:00+02:00",
        "issued": f"{C['day']}T08:15:00.000+02:00",
        "valueQuantity": {"value": 72, "unit": C["name"], "code": "/min", "system": C["url"]},
        "valueString": C["email"],
        "note": [{"text": " ".join(TEXTS), "authorString": C["name"]}],
        "device": {"display": C["device"]},
        "component": [
            {"code": {"text": C["name"]}, "valueString": C["ip"]},
            {"valueInteger": 6175550142},
            {"valueQuantity": {"value": 78051120, "unit": "/min"}},
        ],
        "_status": {"extension": [{"url": C["url"], "valueString": C["name"]}]},
    }  # fmt: skip


def medication():
    return {
        "resourceType": "MedicationRequest",
        "id": "m1",
        "status": "active",
        "intent": "order",
        "contained": [{"resourceType": "Medication", "id": C["account"], "code": {"text": C["name"]},
                       "batch": {"lotNumber": C["device"]}},
                      {"resourceType": "Practitioner", "id": C["licence"], "name": [{"text": C["name"]}]}],
        "medicationReference": {"reference": f"#{C['account']}"},
        "reasonReference": [{"reference": f"#{C['licence']}"}],
        "subject": {"reference": f"{C['url']}/Patient/{C['record']}"},
        "dosageInstruction": [{"text": C["name"], "patientInstruction": C["street"],
                               "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": C["name"]}}}],
        "note": [{"text": C["telephone"]}],
    }  # fmt: skip


def other_types():
    return [
        {"resourceType": kind, "id": C["code"], "description": " ".join(TEXTS)}
        for kind in ("Device", "DocumentReference", "Media", "Practitioner", "Binary", "Organization", C["name"])
    ]


def everything_in(folder):
    """All text below a folder, names of files included."""
    parts = []
    for path in sorted(folder.rglob("*")):
        parts.append(path.name)
        if path.is_file():
            if path.suffix == ".parquet":
                frame = pl.read_parquet(path)
                parts += [" ".join(frame.columns), frame.write_csv()]
            else:
                parts.append(path.read_text(encoding="utf-8"))
    return "\n".join(parts)


@pytest.fixture
def inside(tmp_path):
    """Folders for input and output; the input's path has canaries too."""
    source = tmp_path / f"{C['name']} {C['social_security']}"
    source.mkdir()
    out = tmp_path / "safe"
    out.mkdir()
    return source, out


def clean(capfd, caplog, out):
    said = capfd.readouterr()
    assert "Traceback" not in said.err
    assert found_in(said.out + said.err + caplog.text + everything_in(out)) == []


@pytest.mark.parametrize("dates", ["year", "relative", "shifted"])
def test_nothing_leaves_a_bundle(inside, capfd, caplog, dates):
    caplog.set_level(logging.DEBUG)
    source, out = inside
    resources = [patient(), observation(), medication(), *other_types()]
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "id": C["code"],
        "identifier": {"value": C["record"]},
        "link": [{"relation": "self", "url": C["url"]}],
        "entry": [
            {"fullUrl": f"{C['url']}/{place}", "resource": one, "request": {"method": "POST", "url": C["url"]}}
            for place, one in enumerate(resources)
        ],
    }
    (source / f"{C['name']}.json").write_text(json.dumps(bundle))
    (source / f"{C['name']}.txt").write_text(" ".join(TEXTS))
    report = out / "report.md"
    assert main(["deidentify", str(source), "--out", str(out / "o"), "--dates", dates, "--report", str(report)]) == 0
    made = json.loads(next((out / "o").glob("*.json")).read_text())
    kinds = [entry["resource"]["resourceType"] for entry in made["entry"]]
    assert kinds == ["Patient", "Observation", "MedicationRequest"]
    seen, pulse, drug = (entry["resource"] for entry in made["entry"])
    assert pulse["code"] == {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}
    assert pulse["subject"]["reference"] == drug["subject"]["reference"] == f"urn:uuid:{seen['id']}"
    assert pulse["valueQuantity"] == {
        "value": 72, "unit": "/min", "code": "/min", "system": "http://unitsofmeasure.org"
    }  # fmt: skip
    assert drug["medicationReference"]["reference"] == f"#{drug['contained'][0]['id']}"
    assert seen["address"] == [{"postalCode": "021"}]
    clean(capfd, caplog, out)


@pytest.mark.parametrize("dates", ["year", "relative", "shifted"])
def test_nothing_leaves_ndjson_or_single_resources(inside, capfd, caplog, dates):
    source, out = inside
    lines = [patient(), observation(), medication(), *other_types()]
    (source / f"{C['record']}.ndjson").write_text("\n".join(map(json.dumps, lines)))
    assert main(["deidentify", str(source), "--out", str(out / "o"), "--dates", dates]) == 0
    assert {path.name for path in (out / "o").iterdir()} == {
        "Patient.000.ndjson", "Observation.000.ndjson", "MedicationRequest.000.ndjson"
    }  # fmt: skip
    single = source / f"{C['name']}.json"
    single.write_text(json.dumps(observation()))
    assert main(["deidentify", str(single), "--out", str(out / "one.json"), "--dates", dates]) == 0
    clean(capfd, caplog, out)


OMOP = {
    "PERSON": [
        {"person_id": 88172364, "gender_concept_id": 8507, "year_of_birth": 1987, "month_of_birth": 6,
         "day_of_birth": 23, "birth_datetime": C["day"], "race_concept_id": 0, "ethnicity_concept_id": 0,
         "location_id": 7731902,
         "provider_id": 5, "care_site_id": 6, "person_source_value": C["record"], "gender_source_value": C["name"],
         C["name"]: C["name"]},
        {"person_id": 2, "gender_concept_id": 6175550142, "year_of_birth": 1925, "month_of_birth": 6,
         "day_of_birth": 23},
    ],
    "location": [{"location_id": 7731902, "address_1": C["street"], "city": C["city"], "state": "MA", "zip": C["zip"],
                  "location_source_value": C["code"], "latitude": 42.36, "longitude": -71.09}],
    "measurement": [{"measurement_id": 99912345, "person_id": 88172364, "measurement_concept_id": 3027018,
                     "measurement_date": C["day"], "measurement_datetime": C["day"], "measurement_time": "06-23",
                     "value_as_number": 72.5, "measurement_source_value": C["name"], "value_source_value": C["email"],
                     "unit_source_value": C["ip"], "unit_concept_id": 8541},
                    {"measurement_id": 2, "person_id": 2, "measurement_concept_id": 3027018,
                     "measurement_date": C["day_in_words"], "value_as_number": 78051120}],
    "observation": [{"observation_id": 1, "person_id": 88172364, "observation_concept_id": 3027018,
                     "observation_date": C["day"], "value_as_string": text} for text in TEXTS],
    "device_exposure": [{"device_exposure_id": 1, "person_id": 2, "device_concept_id": 4,
                         "device_exposure_start_date": C["day"], "unique_device_id": C["device"],
                         "production_id": C["vehicle"]}],
    "note": [{"note_id": 1, "person_id": 2, "note_text": " ".join(TEXTS)}],
    "provider": [{"provider_id": 5, "provider_name": C["name"], "npi": C["licence"]}],
    "concept": [{"concept_id": 2000000001, "concept_name": C["name"]}],
    "cdm_source": [{"cdm_source_name": C["name"]}],
    C["name"]: [{"person_id": 1, C["name"]: C["name"]}],
}  # fmt: skip


@pytest.mark.parametrize("dates", ["year", "relative", "shifted"])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_nothing_leaves_an_omop_folder(inside, capfd, caplog, dates, kind):
    source, out = inside
    for name, rows in OMOP.items():
        frame = pl.DataFrame(rows, infer_schema_length=None)
        frame.write_csv(source / f"{name}.csv") if kind == "csv" else frame.write_parquet(source / f"{name}.parquet")
    report = out / "report.md"
    arguments = ["--out", str(out / "o"), "--dates", dates, "--report", str(report), "--quasi", "birth_year,zip3"]
    assert main(["deidentify", str(source), *arguments]) == 0
    clean(capfd, caplog, out)
    read = pl.read_csv if kind == "csv" else pl.read_parquet
    people = read(out / "o" / f"person.{kind}")
    measured = read(out / "o" / f"measurement.{kind}")
    assert people["person_id"][0] == measured["person_id"][0] != 88172364
    assert people["location_id"][0] == read(out / "o" / f"location.{kind}")["location_id"][0]
    assert str(read(out / "o" / f"location.{kind}")["zip"][0]).zfill(3) == "021"
    assert measured["value_as_number"].to_list() == [72.5, None]
    assert people["gender_concept_id"].to_list() == [8507, 0]


KEEP = f"""
[columns.patient]
from = "{C["record"]}"
kind = "person"
[columns.age]
from = "{C["name"]} age"
kind = "age"
[columns.sex]
kind = "category"
values = ["F", "M"]
[columns.admitted]
kind = "date"
[columns.born]
kind = "birth"
[columns.zip3]
from = "zip"
kind = "zip"
[columns.systolic]
kind = "number"
"""


def table(path):
    headings = [C["record"], f"{C['name']} age", "sex", "admitted", "born", "zip", "systolic", C["name"], "notes"]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(headings)
        writer.writerow([C["record"], 97, "F", C["day"], "1925-06-23", C["zip"], 142, C["name"], " ".join(TEXTS)])
        for text in TEXTS:  # in the columns that are kept
            writer.writerow([text] * len(headings))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("dates", ["year", "relative", "shifted"])
def test_nothing_leaves_a_table(inside, capfd, caplog, dates, ending):
    source, out = inside
    path, keep = source / f"{C['name']}.csv", source / "keep.toml"
    table(path)
    keep.write_text(KEEP)
    report = out / "report.md"
    target = out / f"o.{ending}"
    arguments = ["--out", str(target), "--keep", str(keep), "--dates", dates, "--report", str(report),
                 "--quasi", "age,sex", "--sensitive", "systolic"]  # fmt: skip
    assert main(["deidentify", str(path), *arguments]) == 0
    clean(capfd, caplog, out)
    made = pl.read_csv(target, infer_schema=False) if ending == "csv" else pl.read_parquet(target)
    first = made.row(0, named=True)
    assert (str(first["age"]), first["sex"], first["born"], str(first["systolic"])) == ("90", "F", "90 or older", "142")
    assert first["zip3"] == "021"
    assert made["sex"].drop_nulls().to_list() == ["F"]


BAD = {
    "cut off": ("x.json", '{"resourceType": "Patient", "name": [{"family": "Zebulon Quillfeather"'),
    "not FHIR": ("x.json", json.dumps({C["name"]: C["record"]})),
    "type is a name": ("x.json", json.dumps({"resourceType": C["name"]})),
    "deep": ("x.json", '{"resourceType":"Patient","a":' + "[" * 200 + '"Zebulon Quillfeather"' + "]" * 200 + "}"),
    "deepest": ("x.json", "[" * 100_000),
    "not UTF-8": ("x.ndjson", b'{"resourceType":"Patient","name":"Zebulon \xff Quillfeather"}'),
    "entry is no list": ("x.json", json.dumps({"resourceType": "Bundle", "entry": C["name"]})),
    "line is no object": ("x.ndjson", f'"{C["name"]}"\n'),
    "no headings": ("person.csv", ""),
    "uneven": ("person.csv", f"person_id\n1,{C['name']}\n"),
    "no column": ("person.csv", f"{C['name']}\n{C['record']}\n"),
    "no parquet": ("person.parquet", C["name"]),
    "another kind": ("x.docx", C["name"]),
    "archive": ("x.zip", C["name"]),
}


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("folder", [True, False])
def test_a_bad_file_is_refused_in_one_line_without_its_words(inside, capfd, caplog, what, folder):
    source, out = inside
    name, content = BAD[what]
    path = source / f"{C['name']} {name}" if not name.startswith("person") else source / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    ending = "" if folder else path.suffix
    code = main(["deidentify", str(source if folder else path), "--out", str(out / f"o{ending}")])
    said = capfd.readouterr()
    assert code == 2 and len(said.err.strip().splitlines()) == 1
    assert found_in(said.err + said.out + caplog.text) == []
    assert list(out.iterdir()) == []


@pytest.mark.slow
def test_options_and_targets_are_refused_without_naming_the_input(inside, capfd):
    source, out = inside
    (source / "a.json").write_text(json.dumps(patient()))
    (out / "there").write_text("kept")
    keep = source / "keep.toml"
    keep.write_text(KEEP)
    bad = source / "bad.toml"
    for arguments in (
        [str(source), "--out", str(out / "there")],
        [str(source), "--out", str(source)],
        [str(source), "--out", str(source / "inner")],
        [str(source / "a.json"), "--out", str(out / "o.ndjson")],
        [str(source / "none.json"), "--out", str(out / "o.json")],
        [str(source), "--out", str(out / "none" / "o")],
        [str(source), "--out", str(out / "o"), "--dates", "weeks"],
        [str(source), "--out", str(out / "o"), "--keep", str(keep)],
        [str(source), "--out", str(out / "o"), "--zip-populations", str(source / "a.json")],
        [str(source), "--out", str(out / "o"), "--report", str(out / "there")],
        [str(source), "--out", str(out / "o"), "--quasi", "age"],
        [str(source), "--out", str(out / "o"), "--expert", "E", "--lapses", "2030-01-01"],
    ):
        assert main(["deidentify", *arguments]) == 2, arguments
        said = capfd.readouterr().err
        assert len(said.strip().splitlines()) == 1 and C["social_security"] not in said.replace(str(out), ""), said
    path = source / "t.csv"
    table(path)
    for text in ("", "x = 1", f'[columns."{C["name"]}"]\nkind = "age"', f'[columns.a]\nkind = "{C["name"]}"',
                 f'[columns.a]\nfrom = "{C["email"]}"\nkind = "age"', '[columns.sex]\nkind = "category"',
                 '[columns.a]\nkind = "age"\nfrom = 3'):  # fmt: skip
        bad.write_text(text)
        assert main(["deidentify", str(path), "--out", str(out / "o.csv"), "--keep", str(bad)]) == 2
        said = capfd.readouterr().err
        assert len(said.strip().splitlines()) == 1 and C["email"] not in said
    assert [one.name for one in out.iterdir()] == ["there"] and (out / "there").read_text() == "kept"
