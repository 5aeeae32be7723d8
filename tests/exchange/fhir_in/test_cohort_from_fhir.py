"""popsim cohort from-fhir: Bundles and Bulk Data become a cohort that samples, with a codebook."""

import io
import json
import re
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from made_bundles import PATIENT, bundle, observation, prescription, resources, written
from made_bundles import patient as patient_of_record

from popsim.cli import main
from popsim.exchange.fhir.codebook import SMALL
from popsim.kernels.numerics.random import RandomKey
from popsim.population.cohort import CohortSource
from popsim.population.sampling import sample
from popsim.simulation.schema import SCHEMA

PEOPLE = 14
SHARED = Path(__file__).parents[4] / "shared" / "data" / "fhir"


def patient(**other):
    """Somebody else than who differs in any of these."""
    return patient_of_record(identifier=[{"system": "http://hospital.example/mrn", "value": repr(other)}], **other)


def persons():
    """People of ages 60 to 73, of whom every second has a potassium and all have the made-up person's diagnoses."""
    for number in range(PEOPLE):
        own = [patient(birthDate=f"{1964 - number}-03-22"), *resources()[1:]]
        own += [observation("k", "2823-3", 4.0 + 0.05 * number, "mmol/L", "2024-03-21")] if number % 2 else []
        own = [one for one in own if one["id"] not in ("o5", "o9")]
        yield json.loads(json.dumps(own).replace(PATIENT, f"urn:uuid:{number}").replace('"p1"', f'"p{number}"'))


def bundles(folder):
    for number, own in enumerate(persons()):
        whole = bundle(own, "collection")
        whole["entry"][0]["fullUrl"] = f"urn:uuid:{number}"
        written(folder, whole, f"{number}.json")


def bulk(folder):
    for number, own in enumerate(persons()):
        for one in json.loads(json.dumps(own).replace(f'"urn:uuid:{number}"', f'"Patient/p{number}"')):
            one["id"] = f"p{number}" if one["resourceType"] == "Patient" else f"{one['id']}-{number}"
            with (folder / f"{one['resourceType']}.000.ndjson").open("a") as lines:
                lines.write(json.dumps(one) + "\n")


@pytest.fixture(scope="module")
def drafted(tmp_path_factory):
    """A folder of Bundles with some that cannot be in a cohort, and what the command wrote and said."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("out") / "mine.toml"
    bundles(source)
    written(source, bundle([patient(birthDate="2015-01-01")]), "child.json")
    written(source, bundle([patient(gender="unknown"), *resources()[1:]]), "unknown.json")
    written(source, {"resourceType": "Organization", "id": "1"}, "hospital.json")
    said = io.StringIO()
    with redirect_stdout(said):
        assert main(["cohort", "from-fhir", str(source), "--out", str(out)]) == 0
    return out, said.getvalue()


def test_folders_become_a_cohort_that_samples(drafted):
    out, said = drafted
    assert f"{PEOPLE} people\n" in said and "7 of 14 missing (50.0%), imputed" in said
    people = pl.read_csv(out.with_name("mine_people.csv"))
    assert people.height == PEOPLE
    # Born on the 22nd of March, which is the day of the last event: whole years.
    np.testing.assert_allclose(sorted(people["age_years"]), np.arange(60, 60 + PEOPLE), atol=0.02)
    assert set(people["heart_failure"]) == {1} and set(people["copd"]) == {0}
    assert set(people["loop_diuretic_mg_day"]) == {80.0}  # the dose of the 14th of March holds on the 22nd
    known = 4.0 + 0.05 * np.arange(1, PEOPLE, 2)
    assert {round(value, 3) for value in people["baseline_potassium_mmol_l"]} <= {round(value, 3) for value in known}
    assert len(sample(CohortSource.read(out), SCHEMA, PEOPLE, RandomKey.of(1))) == PEOPLE


def test_bulk_data_tells_the_same(drafted, tmp_path):
    bulk(tmp_path)
    assert main(["cohort", "from-fhir", str(tmp_path), "--out", str(tmp_path / "bulk.toml")]) == 0
    told, own = (pl.read_csv(path).sort("age_years") for path in (
        tmp_path / "bulk_people.csv", drafted[0].with_name("mine_people.csv")))  # fmt: skip
    given = [name for name in own.columns if name != "baseline_potassium_mmol_l"]  # imputed in another order of people
    assert told.select(given).equals(own.select(given))


def test_the_codebook_says_what_became_of_what_and_shows_no_small_number(drafted):
    out, said = drafted
    text = out.with_name("mine_codebook.md").read_text()
    assert "| Observation | LOINC | 29463-7 | Body weight | 30 |" in text  # two each of 14 and of one left out
    source = "Observation, LOINC 2823-3, 6298-4: the last by day 0"
    assert f"| baseline_potassium_mmol_l | mmol/L | {source} | under 11 |" in text
    assert "| Condition | SNOMED CT | 88805009 | Heart failure | 15 |" in text
    cells = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    numbers = [cell for row in cells for cell in (row[0], *row[3:]) if re.fullmatch(r"\d+", cell)]
    assert numbers and all(int(number) == 0 or int(number) >= SMALL for number in numbers)
    for personal in ("4711", "1964-03-22", "2024-03", "urn:uuid"):
        assert personal not in text + said + out.read_text()


def test_who_cannot_be_in_a_cohort_is_left_out_and_counted(drafted):
    assert "1 person left out: the sex is neither male nor female" in drafted[1]
    assert "1 person left out: nothing in it has a day" in drafted[1]


def test_a_broken_bundle_refuses_the_folder_or_is_passed_over(tmp_path, capsys):
    for name in ("a", "b"):
        written(tmp_path, bundle([patient(id=name), *resources()[1:4]]), f"{name}.json")
    (tmp_path / "broken.json").write_text('{"resourceType": "Bundle"')
    command = ["cohort", "from-fhir", str(tmp_path), "--out", str(tmp_path / "out.toml")]
    assert main(command) == 2
    assert "broken.json: line 1, column " in capsys.readouterr().err
    assert not (tmp_path / "out.toml").exists() and not (tmp_path / "out_people.csv").exists()
    assert main([*command, "--bad-as-missing"]) == 0
    assert "not JSON: the file is cut off: 1" in capsys.readouterr().out
    assert main(command) == 2 and "exists already" in capsys.readouterr().err


def test_the_drugs_of_one_tell_that_others_take_none(tmp_path):
    own = bundle([patient(id="a"), prescription("m", "313988", "furosemide 40 MG", "2024-01-01"),
                  observation("o", "29463-7", 80, "kg", "2024-03-01")])  # fmt: skip
    other = bundle([patient(id="b"), observation("o", "29463-7", 90, "kg", "2024-03-01")])
    written(tmp_path, own, "a.json")
    written(tmp_path, other, "b.json")
    assert main(["cohort", "from-fhir", str(tmp_path), "--out", str(tmp_path / "out.toml")]) == 0
    assert list(pl.read_csv(tmp_path / "out_people.csv")["loop_diuretic_mg_day"]) == [40.0, 0.0]


@pytest.mark.skipif(not SHARED.exists(), reason="files of other makers are not here")
@pytest.mark.parametrize(("folder", "people"), [("synthea", 10), ("bulk", 10)])
def test_files_of_other_makers_become_cohorts(folder, people, tmp_path):
    assert main(["cohort", "from-fhir", str(SHARED / folder), "--out", str(tmp_path / "out.toml")]) == 0
    assert pl.read_csv(tmp_path / "out_people.csv").height == people
