"""Written by a command and read by another: the people who come back are those who were simulated."""

from __future__ import annotations

import datetime
import json

import numpy as np
import polars as pl
import pytest

from popsim.cli import main
from popsim.evidence.drugs import load_drugs
from popsim.exchange.fhir.writing.observations import DIGITS
from popsim.exchange.records import DIAGNOSES, record
from popsim.simulation.schema import SCHEMA
from popsim.studies.unit import build

START, DAY = datetime.date(2023, 1, 2), 25
READ = {  # signal: the column of a cohort that its last reading sets
    "weight_kg": "dry_weight_kg", "systolic_mmhg": "baseline_systolic_mmhg",
    "heart_rate_bpm": "baseline_heart_rate_bpm", "potassium_mmol_l": "baseline_potassium_mmol_l",
    "gfr_ml_min": "baseline_gfr_ml_min", "haemoglobin_g_dl": "baseline_haemoglobin_g_dl",
    "ejection_fraction_percent": "baseline_ejection_fraction_percent", "height_cm": "height_cm",
}  # fmt: skip
DOSES = sorted({drug.dose_column for drug in load_drugs()})


@pytest.fixture(scope="module")
def unit(run):
    return run.unit("usual")


@pytest.fixture(scope="module")
def lived(unit):
    """Columns of everybody after their day of entry and after DAY, by person; of the simulation itself."""
    model = build(unit, schema=unit.study.schema)
    people, found = model.population, {"entry": {}, DAY: {}}
    for day in range(DAY + 1):
        model.run_for(1)
        frame = people.frame().with_columns(pl.Series("person_id", people.person_id))
        for row in frame.iter_rows(named=True):
            if row["entry_day"] == day:
                found["entry"][row["person_id"]] = row
            if day == DAY and row["alive"]:
                found[DAY][row["person_id"]] = row
    assert len(found["entry"]) == len(people) > len(found[DAY]) > 100
    return found


@pytest.fixture(scope="module")
def happened(run):
    """Causes of acute care by DAY, as (person, cause)."""
    log = run.events("usual").filter(pl.col("time_days") < DAY + 1, pl.col("event") != "enter").collect()
    return set(log.select("person_id", pl.col("cause").cast(pl.String)).iter_rows())


def since_entry(person, happened):
    """A person with the diagnoses made since entry: the columns say what they came with."""
    fresh = {"coronary_disease"} if person["coronary_stent"] else set()
    fresh |= {"atrial_fibrillation"} if person["has_atrial_fibrillation"] else set()
    fresh |= {"ckd"} if person["dialysis"] else set()
    fresh |= {"coronary_disease"} if (person["person_id"], "infarction") in happened else set()
    fresh |= {"prior_stroke"} if (person["person_id"], "stroke") in happened else set()
    ras = person["ras_inhibitor_fraction"]
    within = person["neprilysin_inhibitor_fraction"]  # valsartan within the combination is read as the same share
    return person | dict.fromkeys(fresh, 1) | {"ras_inhibitor_fraction": within or ras}


@pytest.fixture(scope="module")
def fhir(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("fhir") / "bulk"
    assert main(["export", "fhir", str(run.folder), "--out", str(out), "--start", str(START), "--bundles"]) == 0
    return out


@pytest.fixture(scope="module")
def omop(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("omop") / "cdm.sqlite"
    command = ["export", "omop", str(run.folder), "--out", str(out), "--start", str(START), "--format", "sqlite"]
    assert main(command) == 0
    return out


def same_people(table, people):
    """Sex, diagnoses and doses of a cohort's table are those of people, in their order."""
    assert len(table) == len(people)
    for name in ("female", *DIAGNOSES):
        assert table[name].cast(pl.Int64).to_list() == [int(one[name]) for one in people], name
    for name in DOSES:
        if name in table.columns:
            own = [float(one[name]) for one in people]
            assert table[name].cast(pl.Float64).to_list() == pytest.approx(own, rel=2e-3, abs=1e-6), name


def test_a_cohort_from_the_fhir_export_has_the_people_of_the_run(unit, lived, happened, fhir, tmp_path, capsys):
    out = tmp_path / "back.toml"
    zero = str(START + datetime.timedelta(days=DAY))
    assert main(["cohort", "from-fhir", str(fhir), "--out", str(out), "--day-zero", zero]) == 0
    told = capsys.readouterr().out
    assert "the same person (Patient.identifier) is in a file before" in told  # as Bundle and as Bulk Data
    table = pl.read_csv(tmp_path / "back_people.csv")
    order = [json.loads(one.read_text()) for one in sorted((fhir / "bundles").iterdir())]
    patients = [one["resource"] for bundle in order for one in bundle["entry"] if "birthDate" in one["resource"]]
    ids = [int(one["identifier"][0]["value"].rpartition("-")[2]) for one in patients]
    people = [since_entry(lived[DAY][person], happened) for person in ids if person in lived[DAY]]
    same_people(table, people)
    ages = np.array([one["age_years"] + (DAY - one["entry_day"]) / 365.25 for one in people])
    assert np.abs(table["age_years"].to_numpy() - ages).max() < 0.02
    recorded = record(unit)
    known = recorded.readings.filter(pl.col("time") < DAY + 1)
    last = known.group_by("person", "signal", maintain_order=True).last()
    number = {person: place for place, person in enumerate(recorded.people["person_id"].to_list())}
    for signal, column in READ.items():
        values = dict(last.filter(pl.col("signal") == signal).select("person", "value").iter_rows())
        own = [round(values[number[one["person_id"]]], DIGITS[signal]) for one in people]
        low, high = SCHEMA[column].low, SCHEMA[column].high  # a value outside is told, and imputed
        pairs = [(back, mine) for back, mine in zip(table[column], own, strict=True) if low <= mine <= high]
        assert len(pairs) >= 0.95 * len(own), signal
        assert [back for back, _ in pairs] == pytest.approx(
            [mine for _, mine in pairs], abs=0.51 * 10.0 ** -DIGITS[signal]
        ), signal


@pytest.mark.slow
def test_a_cohort_from_the_omop_export_has_the_people_of_the_run(lived, omop, tmp_path):
    out = tmp_path / "back.toml"
    command = ["cohort", "from-omop", str(omop), "--index", "heart_failure", "--at", "condition", "--out", str(out)]
    assert main(command) == 0
    table = pl.read_csv(tmp_path / "back_people.csv")
    people = [lived["entry"][person] for person in sorted(lived["entry"])]
    same_people(table, people)
    ages = np.array([one["age_years"] for one in people])
    assert np.abs(table["age_years"].to_numpy() - ages).max() < 0.02


def shown(capsys, registry):
    capsys.readouterr()
    assert main(["twin", "show", "aaaaaaa1", "--registry", str(registry), "--json", "-"]) == 0
    return json.loads(capsys.readouterr().out)


def same_twin(said, person):
    """What a twin is known to be is what the person was on the day of entry."""
    known = dict(said["known"])
    assert float(known.pop("Age at the start").split()[0]) == pytest.approx(person["age_years"], abs=0.02)
    assert known.pop("Sex") == ("female" if person["female"] else "male")
    drugs = {drug.label: drug for drug in load_drugs()}
    taken = {name: known.pop(name) for name in list(known) if name in drugs}
    for label, drug in drugs.items():
        mine = person[drug.dose_column] * (drug.agent_column is None or person[drug.agent_column] == drug.agent)
        dose = float(mine) / drug.column_at_target * drug.target_dose.value
        if label in taken:
            assert float(taken[label].split()[0]) == pytest.approx(dose, rel=2e-3), label
        elif not any(other.contains == drug.name for other in drugs.values()):
            assert dose == pytest.approx(0.0, abs=1e-6), label
    told = {name.lower().replace(" ", "_") for name, word in known.items() if word == "yes"}
    assert told == {name for name in DIAGNOSES if person[name]}
    assert sum(bool(one["readings"]) for one in said["signals"]) >= 8


@pytest.mark.parametrize("place", [0, 40])
def test_a_twin_from_the_fhir_export_is_the_person(lived, fhir, tmp_path, capsys, place, request):
    file = sorted((fhir / "bundles").iterdir())[place]
    bundle = json.loads(file.read_text())
    patient = next(one["resource"] for one in bundle["entry"] if "birthDate" in one["resource"])
    person = lived["entry"][int(patient["identifier"][0]["value"].rpartition("-")[2])]
    zero = START + datetime.timedelta(days=int(person["entry_day"]))
    registry = tmp_path / "twins.db"
    cohort = request.config.rootpath / "cohorts" / "heart_failure_discharge.toml"
    command = ["twin", "new", str(file), "--registry", str(registry), "--cohort", str(cohort), "--members", "20"]
    assert main([*command, "--id", "aaaaaaa1", "--complete", "--day-zero", str(zero)]) == 0
    same_twin(shown(capsys, registry), person)


def test_a_twin_from_the_omop_export_is_the_person(lived, omop, tmp_path, capsys, request):
    person = lived["entry"][3]
    zero = START + datetime.timedelta(days=int(person["entry_day"]))
    registry = tmp_path / "twins.db"
    cohort = request.config.rootpath / "cohorts" / "heart_failure_discharge.toml"
    command = ["twin", "new", str(omop), "--registry", str(registry), "--cohort", str(cohort), "--members", "20"]
    assert main([*command, "--id", "aaaaaaa1", "--person", "4", "--day-zero", str(zero)]) == 0
    same_twin(shown(capsys, registry), person)
