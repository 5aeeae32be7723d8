"""FHIR R4 in: the same facts give the same twin in every form of document, of reference and of resource."""

import copy
import json

import pytest
from made_bundles import (
    DAY_ZERO,
    LOINC,
    PATIENT,
    RECORD,
    SNOMED,
    STREAM,
    WORDS,
    bundle,
    coded,
    concept,
    condition,
    encounter,
    lines_of,
    new,
    observation,
    patient,
    prescription,
    quantity,
    resources,
    subject,
    told,
    written,
)

from popsim.cli import main
from popsim.errors import InputError
from popsim.exchange.fhir.documents import is_fhir, load_document
from popsim.exchange.fhir.facts import ReadTally
from popsim.exchange.fhir.genomics import phenotype_of, read_genes
from popsim.exchange.fhir.reading import read_persons
from popsim.exchange.fhir.times import read_time
from popsim.exchange.fhir.to_twin import new_person, read_one, update_twin
from popsim.population.cohort import CohortSource
from popsim.registry.record import person_of
from popsim.registry.service import TwinRegistry
from popsim.registry.stream import Calendar

COHORT = "cohorts/heart_failure_discharge.toml"


def facts_of(person):
    """A person without the order in which measurements were told."""
    return dict(person.known), sorted(person.measurements)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The person of popsim's own record."""
    return facts_of(person_of(RECORD, tmp_path_factory.mktemp("own") / "record.toml", WORDS))


KINDS = ("transaction", "batch", "collection", "searchset", "history", "document", "message", "batch-response")


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_of_bundle_tells_what_popsims_own_record_tells(kind, own, tmp_path):
    assert facts_of(new(written(tmp_path, bundle(kind=kind))).person) == own


def test_bulk_data_tells_the_same(own, tmp_path):
    for resource in resources():
        with (tmp_path / f"{resource['resourceType']}.000.ndjson").open("a") as lines:
            lines.write(json.dumps(resource).replace(PATIENT, "Patient/p1") + "\n")
    (tmp_path / "log.ndjson").write_text("{}\n")
    assert facts_of(new(tmp_path).person) == own
    whole = b"".join(path.read_bytes() for path in sorted(tmp_path.glob("[A-Z]*.ndjson")))
    (tmp_path / "all.ndjson").write_bytes(whole)
    assert facts_of(new(tmp_path / "all.ndjson").person) == own


@pytest.mark.slow
def test_the_same_facts_give_the_same_twin(tmp_path):
    """Bit for bit, through the commands: record and stream in popsim's own form, and one Bundle."""
    path, kept = written(tmp_path, bundle()), {}
    (tmp_path / "record.toml").write_text(RECORD)
    (tmp_path / "week.csv").write_text(STREAM)
    zero = ("--day-zero", DAY_ZERO.isoformat())
    for name, record, stream, more in (("own", "record.toml", "week.csv", ()), ("fhir", path.name, path.name, zero)):
        where = ["--registry", str(tmp_path / f"{name}.db")]
        made = ["twin", "new", str(tmp_path / record), *where, "--cohort", COHORT, "--members", "24", *more]
        assert main([*made, "--id", "test0000"]) == 0
        assert main(["twin", "update", str(tmp_path / stream), *where, "--twin", "test0000", *more]) == 0
        _, belief = TwinRegistry(tmp_path / f"{name}.db").belief("test0000")
        kept[name] = belief.day, belief.ensemble.to_bytes()
    assert kept["own"] == kept["fhir"]


REFERENCES = {
    "urn": {"reference": PATIENT},
    "urn in capitals": {"reference": PATIENT.upper()},
    "relative": {"reference": "Patient/p1"},
    "absolute": {"reference": "https://server.example/fhir/Patient/p1"},
    "versioned": {"reference": "Patient/p1/_history/3"},
    "conditional": {"reference": "Patient?identifier=http://hospital.example/mrn|4711"},
    "conditional, absolute": {"reference": "https://s.example/Patient?identifier=http%3A%2F%2Fhospital.example%2Fmrn%7C4711"},
    "conditional by id": {"reference": "Patient?_id=p1"},
    "logical": {"identifier": {"system": "http://hospital.example/mrn", "value": "4711"}, "type": "Patient"},
}  # fmt: skip


@pytest.mark.parametrize("form", REFERENCES)
def test_references_of_every_form_are_resolved(form, tmp_path):
    reading = observation("x", "2823-3", 4.4, "mmol/L", "2024-03-10") | {"subject": REFERENCES[form]}
    assert told(tmp_path, reading).person.measurements == (("2823-3", 4.4, "mmol/L"),)


PASSED = {
    "entered in error": observation("x", "2823-3", 4, "mmol/L", "2024-03-10", status="entered-in-error"),
    "preliminary": observation("x", "2823-3", 4, "mmol/L", "2024-03-10", status="preliminary"),
    "below the limit": observation("x", "33762-6", 5, "pg/mL", "2024-03-10",
                                   valueQuantity=quantity(5, "pg/mL") | {"comparator": "<"}),
    "no day": observation("x", "2823-3", 4, "mmol/L", "2024-03"),
    "no time": {k: v for k, v in observation("x", "2823-3", 4, "mmol/L", "").items() if k != "effectiveDateTime"},
    "absent": {k: v for k, v in observation("x", "2823-3", 4, "mmol/L", "2024-03-10").items() if k != "valueQuantity"}
    | {"dataAbsentReason": {"text": "lost"}},
    "no signal": observation("x", "2947-0", 140, "mmol/L", "2024-03-10"),
    "refuted": condition("x", "38341003", "2020", verificationStatus=concept("http://x", "refuted")),
    "provisional": condition("x", "38341003", "2020", verificationStatus=concept("http://x", "provisional")),
    "resolved": condition("x", "38341003", "2020", abatementDateTime="2022-01-01"),
    "no diagnosis": condition("x", "444814009", "2020"),
    "planned": prescription("x", "313988", "furosemide 40 MG", "2024-01-01", intent="proposal"),
    "not to be given": prescription("x", "313988", "furosemide 40 MG", "2024-01-01", doNotPerform=True),
    "cancelled": encounter("x", "IMP", "2024-03-10", "2024-03-11", status="cancelled"),
    "a claim": {"resourceType": "Claim", "id": "x", "patient": subject()},
    "a relative's": {"resourceType": "FamilyMemberHistory", "id": "x", "patient": subject()},
    "of a group": observation("x", "2823-3", 4, "mmol/L", "2024-03-10", subject={"reference": "Group/1"}),
}  # fmt: skip


@pytest.mark.parametrize("name", PASSED)
def test_what_does_not_count_is_passed_over_and_counted(name, tmp_path):
    alone, with_it = told(tmp_path), told(tmp_path, PASSED[name])
    assert facts_of(with_it.person)[1] == [] and with_it.person.known.get("hypertension") is None
    assert sum(with_it.tally.passed.values()) == sum(alone.tally.passed.values()) + 1
    assert with_it.tally.resources == alone.tally.resources + 1


def test_every_resource_is_counted(tmp_path):
    genotype = coded("g", "84413-4", {"text": "CYP2C19 *2/*2"}, "2020")
    medication = {"resourceType": "Medication", "id": "f"}
    listed = [*resources(), genotype, medication, PASSED["a claim"], PASSED["refuted"] | {"id": "r"}]
    path = written(tmp_path, bundle(listed))
    for tally in (new(path).tally, lines_of(path)[1]):
        counted = [kind for counts in (tally.taken, tally.passed) for kind, _ in counts.elements()]
        for kind in {one["resourceType"] for one in listed}:
            assert counted.count(kind) >= sum(one["resourceType"] == kind for one in listed), kind


def test_a_history_has_the_newest_version_and_no_deleted_resource(tmp_path):
    newer = observation("x", "2823-3", 5.0, "mmol/L", "2024-03-10", meta={"versionId": "10"})
    older = observation("x", "2823-3", 4.0, "mmol/L", "2024-03-10", meta={"versionId": "9"})
    gone = observation("y", "718-7", 12, "g/dL", "2024-03-10")
    whole = bundle([patient(), older, newer, gone], "history")
    whole["entry"].insert(1, {"fullUrl": "urn:uuid:y", "request": {"method": "DELETE", "url": "Observation/y"}})
    assert new(written(tmp_path, whole)).person.measurements == (("2823-3", 5.0, "mmol/L"),)


def test_a_panel_may_hold_its_members_within_itself(tmp_path):
    member = observation("m", "6298-4", 4.2, "mmol/L", "2024-03-10")
    del member["effectiveDateTime"]
    panel = observation("x", "24320-4", 0, "", "2024-03-10", contained=[member], hasMember=[{"reference": "#m"}])
    del panel["valueQuantity"]
    assert told(tmp_path, panel).person.measurements == (("6298-4", 4.2, "mmol/L"),)


def test_a_filtration_counts_and_not_the_creatinine_of_its_sample(tmp_path):
    both = [observation("a", "33914-3", 55, "mL/min", "2024-03-10T08:00:00Z"),
            observation("b", "38483-4", 1.2, "mg/dL", "2024-03-10T08:00:00Z")]  # fmt: skip
    assert told(tmp_path, *both).person.measurements == (("33914-3", 55.0, "mL/min/{1.73_m2}"),)
    assert told(tmp_path, *both[::-1]).person.measurements == (("33914-3", 55.0, "mL/min/{1.73_m2}"),)


def test_readings_are_of_day_zero_within_the_look_back(tmp_path):
    old = observation("x", "2823-3", 4.4, "mmol/L", "2024-02-01")
    assert told(tmp_path, old).person.measurements == ()
    assert told(tmp_path, old, look_back_days=60).person.measurements == (("2823-3", 4.4, "mmol/L"),)


def test_history_of_an_infarction_and_what_procedures_imply(tmp_path):
    recent = told(tmp_path, condition("x", "22298006", "2023-12-31")).person.known
    assert recent["infarction_days_before_entry"] == 70.0
    old = told(tmp_path, condition("x", "22298006", "2019-12-31")).person.known
    assert old["prior_infarction"] == 1.0 and "infarction_days_before_entry" not in old
    done = [
        {"resourceType": "Procedure", "id": code, "status": "completed", "subject": subject(),
         "code": concept(SNOMED, code), "performedDateTime": "2020-01-01"}
        for code in ("415070008", "265764009")
    ]  # fmt: skip
    known = told(tmp_path, *done).person.known
    assert (known["coronary_disease"], known["ckd"]) == (1.0, 1.0)


def test_a_complete_file_says_what_a_person_has_not(tmp_path):
    assert "copd" not in told(tmp_path).person.known
    assert told(tmp_path, complete=True).person.known["copd"] == 0.0


def test_day_zero_is_the_last_event_of_the_living_person(tmp_path):
    path = written(tmp_path, bundle())
    read = new_person(path, WORDS)
    assert read.later == 0 and read.person.known["age_years"] == pytest.approx(74.03, abs=0.01)  # the 22nd of March
    dead = bundle([patient(deceasedDateTime="2024-03-21"), *resources()[1:]])
    assert new_person(written(tmp_path, dead), WORDS).died == 2  # days after the reading of the 19th


def test_emergency_visits_moves_and_death_become_events(tmp_path):
    stays = [
        encounter("a", "EMER", "2024-03-12T01:00:00Z", "2024-03-12T04:00:00Z", "88805009"),
        encounter("b", "IMP", "2024-03-12T04:00:00Z", "2024-03-14T10:00:00Z"),
        encounter("c", "IMP", "2024-03-14T10:00:00Z", "2024-03-15T10:00:00Z"),  # another hospital
        encounter("d", "IMP", "2024-03-13T00:00:00Z", "2024-03-14T00:00:00Z", partOf={"reference": "Encounter/b"}),
        encounter("e", "EMER", "2024-03-20T01:00:00Z", "2024-03-20T04:00:00Z"),
        encounter("f", "IMP", "2024-03-25", "2024-03-27", priority=concept("http://x", "EL")),
    ]
    dead = patient(deceasedDateTime="2024-04-01T00:00:00Z")
    lines, _ = lines_of(written(tmp_path, bundle([dead, *stays])))
    events = sorted((line["time"], line["code"]) for line in lines)
    assert events == [
        (2.041667, "heart_failure"), (2.166667, "admitted"), (5.416667, "discharged"), (10.041667, "other"),
        (15.0, "admitted"), (17.0, "discharged"), (22.0, "died"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("system", "code", "event"),
    [
        ("http://terminology.hl7.org/CodeSystem/discharge-disposition", "exp", "died"),
        ("https://www.nubc.org/CodeSystem/PatDischargeStatus", "20", "died"),
        ("https://www.nubc.org/CodeSystem/PatDischargeStatus", "01", "discharged"),
    ],
)
def test_a_stay_can_end_in_death(system, code, event, tmp_path):
    left = {"hospitalization": {"dischargeDisposition": concept(system, code)}}
    stay = encounter("a", "IMP", "2024-03-12T04:00:00Z", "2024-03-14T10:00:00Z", "88805009", **left)
    lines, _ = lines_of(written(tmp_path, bundle([patient(), stay])))
    assert max(lines, key=lambda line: line["time"])["code"] == event


def test_clocks_that_are_set_back_end_no_stay_before_its_start(tmp_path):
    night = encounter("a", "EMER", "2022-11-06T01:52:06-04:00", "2022-11-06T01:07:06-05:00")
    read_one(written(tmp_path, bundle([patient(), night])), WORDS, ReadTally())


@pytest.mark.parametrize(
    ("value", "gene", "column"),
    [("CYP2C19 *2/*2", "HGNC:2621", ("cyp2c19", 1.0)), ("*1/*17", "HGNC:2621", ("cyp2c19", 4.0)),
     ("CYP2D6 *4/*4", "HGNC:2625", ("cyp2d6", 1.0)), ("CYP2C9 *1/*3", "2623", ("cyp2c9", 2.0))],
)  # fmt: skip
def test_genotypes_of_the_genomics_guide_are_read(value, gene, column, tmp_path):
    studied = {
        "code": concept(LOINC, "48018-6"),
        "valueCodeableConcept": concept("http://www.genenames.org/geneId", gene),
    }
    if not gene.startswith("HGNC"):
        studied["valueCodeableConcept"]["coding"][0]["display"] = "CYP2C9"
    found = coded("g", "84413-4", {"text": value}, "2020") | {"component": [studied]}
    known = told(tmp_path, found).person.known
    assert known[column[0]] == column[1] and known["genotype_known"] == 1.0


def test_vkorc1_is_read_as_cpic_writes_it():
    """-1639G>A is rs9923231 C>T on the other strand (CPIC's allele definitions)."""
    pair = "rs9923231 reference (C)/rs9923231 variant (T)"
    assert phenotype_of("vkorc1", pair) == phenotype_of("vkorc1", "G/A") == phenotype_of("vkorc1", "-1639 GA") == 2.0
    assert phenotype_of("cyp2d6", "*36/*36", "Poor Metabolizer") == 1.0
    assert phenotype_of("cyp2c19", "*2/*3 OR *2/*2") == 1.0 and phenotype_of("cyp2c19", "*1/*2 OR *1/*1") is None


def test_tables_of_pharmcat_are_read(tmp_path):
    path = tmp_path / "report.tsv"
    path.write_text(
        "PharmCAT 3.0.0\nGene\tSource Diplotype\tPhenotype\tActivity Score\n"
        "CYP2C19\t*1/*2\tIntermediate Metabolizer\tn/a\nCYP2D6\t*36/*4\tPoor Metabolizer\t0\n"
        "DPYD\tReference/Reference\tNormal Metabolizer\t2\nVKORC1\trs9923231 variant (T)/rs9923231 variant (T)\tn/a\t\n"
        "SLCO1B1\t*14/*99\tn/a\t\n"
    )
    genes, tally = read_genes(path)
    assert genes == {"cyp2c19": 2.0, "cyp2d6": 1.0, "vkorc1": 1.0, "genotype_known": 1.0}
    assert sum(tally.passed.values()) == 2
    path.write_text("Sample ID\tGene\tSource Diplotype\nA\tCYP2C19\t*1/*2\nB\tCYP2C9\t*1/*2\n")
    with pytest.raises(InputError, match="another person"):
        read_genes(path)


@pytest.mark.parametrize(
    ("text", "precision"),
    [("2024", 0), ("2024-03", 1), ("2024-03-10", 2), ("2024-03-10T08:00:00.123Z", 3), ("2024-03-10T23:59:60+14:00", 3),
     ("2024-3-10", None), ("2024-02-30", None), ("2024-03-10T08:00:00", None), ("1700-01-01", None)],
)  # fmt: skip
def test_times_are_those_of_fhir(text, precision):
    found = read_time(text)
    assert (None if found is None else found.precision) == precision


def test_own_files_are_not_taken_for_fhir(tmp_path):
    (tmp_path / "record.json").write_text('{"age_years": 70, "sex": "male"}')
    (tmp_path / "stream.jsonl").write_text('{"time": 1, "code": "reviewed", "kind": "event"}\n')
    assert not is_fhir(tmp_path / "record.json") and not is_fhir(tmp_path / "stream.jsonl")
    assert not is_fhir(tmp_path / "record.toml")


def test_a_document_of_several_persons_is_of_several(tmp_path):
    other = json.loads(json.dumps(resources()).replace(PATIENT, "urn:uuid:2").replace('"p1"', '"p2"'))
    for place, one in enumerate(other[1:]):
        one["id"] = f"second{place}"
    whole = bundle([*resources(), *other])
    whole["entry"][len(resources())]["fullUrl"] = "urn:uuid:2"
    persons = read_persons(load_document(written(tmp_path, whole)), WORDS, ReadTally(), one=False)
    assert len(persons) == 2 and len(persons[0].readings) == len(persons[1].readings)
    with pytest.raises(InputError, match="second person"):
        new(written(tmp_path, whole))


def test_an_update_is_all_or_nothing_and_says_where_it_fails(tmp_path):
    registry = TwinRegistry(tmp_path / "twins.db", create=True)
    person = new(written(tmp_path, bundle())).person
    registry.new([person], CohortSource.read(COHORT), members=24, ids=["test0000"])
    before = (tmp_path / "twins.db").read_bytes()
    dead = copy.deepcopy(bundle([patient(deceasedDateTime="2024-03-15"), *resources()[1:]]))
    path = written(tmp_path, dead, "test0000.json")
    options = {"twin": "test0000", "calendar": Calendar(DAY_ZERO)}
    with pytest.raises(
        InputError, match=r"^test0000\.json: Bundle\.entry\[16\]\.resource\.valueQuantity: the person died on day 5"
    ):
        update_twin(registry, path, WORDS, **options)
    with pytest.raises(InputError, match="--day-zero"):
        update_twin(registry, path, WORDS, twin="test0000", calendar=Calendar())
    with pytest.raises(InputError, match="--twin"):
        update_twin(registry, path, WORDS, twin=None, calendar=Calendar(DAY_ZERO))
    assert (tmp_path / "twins.db").read_bytes() == before
    report, tally = update_twin(registry, path, WORDS, bad_as_missing=True, **options)
    assert report.days == {"test0000": 5} and tally.passed["Encounter", "contradicts something else"] >= 1


def test_a_folder_is_watched_for_fhir(tmp_path, capsys):
    registry = TwinRegistry(tmp_path / "twins.db", create=True)
    folder = tmp_path / "incoming"
    folder.mkdir()
    person = new(written(tmp_path, bundle([patient()]))).person
    registry.new([person], CohortSource.read(COHORT), members=24, ids=["test0000"])
    written(folder, observation("o", "2823-3", 4.9, "mmol/L", "2024-03-11"), "test0000.json")
    (folder / "test0000").mkdir()
    line = json.dumps(observation("o", "2823-3", 4.1, "mmol/L", "2024-03-12"))
    (folder / "test0000" / "Observation.ndjson").write_text(line + "\n")
    written(folder, bundle(), "unknown.json")
    zero = ["--day-zero", DAY_ZERO.isoformat()]
    assert main(["twin", "watch", str(folder), "--once", "--registry", str(tmp_path / "twins.db"), *zero]) == 0
    said = capsys.readouterr()
    assert said.out.count("1 assimilated") == 2 and "test0000 is at day 2" in said.out
    assert (
        said.err
        == "popsim: unknown.json: document: does not name the twin; give its id: --twin, or as the name of the file\n"
    )


def test_nothing_personal_is_printed(tmp_path, capsys):
    marked = patient(
        name=[{"family": "Canaryname", "given": ["Canary"]}],
        telecom=[{"value": "555-0199"}],
        address=[{"line": ["1 Canary Street"], "postalCode": "99501"}],
        photo=[{"title": "canary.jpg"}],
    )
    noted = observation("o", "2823-3", 4.9, "mmol/L", "2024-03-11", note=[{"text": "Canarynote"}])
    path = written(tmp_path, bundle([marked, noted, *resources()[1:]]))
    where = ["--registry", str(tmp_path / "twins.db"), "--day-zero", DAY_ZERO.isoformat()]
    assert main(["twin", "new", str(path), "--cohort", COHORT, "--members", "24", "--id", "test0000", *where]) == 0
    assert main(["twin", "update", str(path), "--twin", "test0000", *where]) == 0
    said = capsys.readouterr()
    kept = (tmp_path / "twins.db").read_bytes()
    for canary in ("Canary", "555-0199", "99501", "4711", "1950-03-10", "2024-03", PATIENT[9:]):
        assert canary not in said.out + said.err
        assert canary.encode() not in kept
