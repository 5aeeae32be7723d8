"""Ages, areas, dates, codes and ids, by the letter of Safe Harbor; risk figures by hand."""

import json
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from popsim.cli import main
from popsim.errors import InputError
from popsim.exchange.privacy import deidentify as module
from popsim.exchange.privacy.calendar import DateMover
from popsim.exchange.privacy.kept import known_code, listed
from popsim.exchange.privacy.risk import class_risk
from popsim.exchange.privacy.values import Values, age, concept, number, zip_areas

TODAY = date(2026, 11, 29)


@pytest.mark.parametrize(
    ("given", "kept"), [(89, 89), (89.0, 89.0), (89.5, 90), (90, 90), (104, 90), (-1, None), ("x", None)]
)
def test_ages_over_89_are_one_class(given, kept):
    assert age(given) == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [(72.5, 72.5), (999_999, 999_999), (1_000_000, None), (6175550142, None), ("78051120", None),
     (27.3185923, 27.3186),
     (True, None), (float("nan"), None), ("12.0", 12.0), ("1e3", 1000.0), ("1_000", None)],
)  # fmt: skip
def test_numbers_with_more_than_six_digits_are_no_measurements(given, kept):
    assert number(given) == kept


def test_the_seventeen_small_areas_and_a_newer_table(tmp_path):
    """The list is that of the guidance of the US Office for Civil Rights (2012)."""
    assert len(listed("zip3")["small"]) == 17
    values = Values(DateMover("year", TODAY), zip_areas(None)[0])
    assert [values.zip(text) for text in ("02139", "03601-1234", "89310", "2139", "SW1A", None)] == [
        "021", "000", "000", None, None, None,
    ]  # fmt: skip
    newer = tmp_path / "zips.csv"
    newer.write_text("zip,population\n02139,15000\n02140,5001\n03601,20000\n")
    values = Values(DateMover("year", TODAY), zip_areas(newer)[0])
    assert [values.zip(text) for text in ("02139", "03601", "10001")] == ["021", "000", "000"]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "zip3,population\n021,many\n", "zip3,population\n21,1\n"])
def test_a_wrong_table_of_areas_is_refused(tmp_path, text):
    path = tmp_path / "z.csv"
    path.write_text(text)
    with pytest.raises(InputError, match="--zip-populations"):
        zip_areas(path)


def test_year_of_birth_is_masked_from_the_year_in_which_somebody_may_be_90():
    years = DateMover("year", TODAY)
    assert (years.born("p", "1937-12-31"), years.born("p", "1936-01-01")) == (1937, None)
    years.see_death("q", "1999-05-01")
    assert years.born("q", "1920-01-01") == 1920  # died at 79
    years.see_death("r", "2011-05-01")
    assert years.born("r", "1920-01-01") is None


def test_dates_before_89_years_ago_do_not_tell_an_age_over_89():
    years = DateMover("year", TODAY)
    assert years.written("p", "1931-03-04") == "1937"
    days = DateMover("relative", TODAY)
    for text in ("1931-03-04", "2026-01-01"):
        days.see("p", text)
    last = date.fromisoformat(days.written("p", "2026-01-01"))
    assert (last - date.fromisoformat(days.written("p", "1931-03-04"))).days / 365.25 < 90


@given(st.lists(st.dates(date(1990, 1, 1), date(2026, 11, 1)), min_size=2, max_size=6))
def test_relative_and_shifted_days_keep_every_interval_and_no_date(dates):
    for mode in ("relative", "shifted"):
        calendar = DateMover(mode, TODAY)
        for day in dates:
            calendar.see("p", day.isoformat())
        written = [date.fromisoformat(calendar.written("p", f"{day.isoformat()}T10:00:00Z")) for day in dates]
        assert [(a - written[0]).days for a in written] == [(a - dates[0]).days for a in dates]
        if mode == "relative":
            assert min(written) == date(2000, 1, 1)
        else:
            assert all(a != b for a, b in zip(dates, written, strict=True))


def test_two_people_and_two_runs_are_shifted_by_different_days():
    moved = set()
    for _ in range(12):
        calendar = DateMover("shifted", TODAY)
        moved |= {calendar.written(person, "2020-06-15") for person in "ab"}
    assert len(moved) > 12  # of 24, from 728 shifts


@pytest.mark.parametrize(
    ("system", "code", "known"),
    [
        ("http://loinc.org", "8867-4", True),
        ("http://loinc.org", "29463-7", True),
        ("http://loinc.org", "8867-5", False),  # wrong check digit
        ("http://snomed.info/sct", "84114007", True),  # heart failure
        ("http://snomed.info/sct", "84114008", False),
        ("http://snomed.info/sct", "6175550142", False),  # a telephone number
        ("http://terminology.hl7.org/CodeSystem/v3-ActCode", "IMP", True),
        ("http://terminology.hl7.org/CodeSystem/v3-ActCode", "SMITH", False),
        ("http://hl7.org/fhir/sid/icd-10-cm", "I50.22", True),
        ("http://hl7.org/fhir/sid/icd-10-cm", "SMITH", False),
        ("http://hospital.example/codes", "A1", False),
    ],
)
def test_codes_of_known_systems_alone_are_kept(system, code, known):
    assert known_code(system, code) is known


def test_omop_concepts_of_a_site_are_zero():
    assert [concept(v) for v in ("3027018", 8507.0, 2_000_000_001, "078051120123", "x")] == [3027018, 8507, 0, 0, None]


ROWS = [  # by hand: classes (F, 021) of 3, (M, 021) of 2, (M, 000) of 1
    {"sex": "F", "zip3": "021", "ill": "a"}, {"sex": "F", "zip3": "021", "ill": "a"},
    {"sex": "F", "zip3": "021", "ill": "b"}, {"sex": "M", "zip3": "021", "ill": "a"},
    {"sex": "M", "zip3": "021", "ill": "a"}, {"sex": "M", "zip3": "000", "ill": "b"},
]  # fmt: skip


def test_k_l_and_t_by_hand():
    """All: a 4/6, b 2/6. Class M, 000: b alone, so t = (4/6 + 4/6) / 2 = 2/3; l = 1."""
    risk = class_risk(ROWS, ["sex", "zip3"], ["ill"], 2)
    assert (risk.people, risk.classes, risk.k, risk.unique, risk.under) == (6, 3, 1, 1, 1)
    assert risk.mean_risk == 0.5 and risk.l_by == {"ill": 1} and risk.t_by["ill"] == pytest.approx(2 / 3)
    whole = class_risk(ROWS, [], ["ill"], 2)
    assert (whole.k, whole.l_by["ill"], whole.t_by["ill"]) == (6, 2, 0.0)
    with pytest.raises(InputError, match="did you mean 'sex'"):
        class_risk(ROWS, ["sec"], [], 2)


def bundle(people=3):
    patients = [{"resourceType": "Patient", "id": f"p{n}", "gender": "male", "birthDate": f"19{20 + 10 * n}-02-03"}
                for n in range(people)]  # fmt: skip
    seen = [{"resourceType": "Observation", "status": "final", "subject": {"reference": f"urn:uuid:{n}"},
             "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
             "effectiveDateTime": f"2020-01-{10 + n}", "valueQuantity": {"value": 70 + n, "code": "/min"}}
            for n in range(people)]  # fmt: skip
    entries = [{"fullUrl": f"urn:uuid:{n}", "resource": one} for n, one in enumerate(patients)]
    return {"resourceType": "Bundle", "type": "collection", "entry": [*entries, *({"resource": one} for one in seen)]}


def test_references_still_lead_to_the_right_person_and_ids_are_new_each_time(tmp_path):
    source = tmp_path / "b.json"
    source.write_text(json.dumps(bundle()))
    ids = []
    for name in ("one.json", "two.json"):
        assert main(["deidentify", str(source), "--out", str(tmp_path / name)]) == 0
        made = [entry["resource"] for entry in json.loads((tmp_path / name).read_text())["entry"]]
        people = {one["id"]: place for place, one in enumerate(made[:3])}
        linked = [people[one["subject"]["reference"].removeprefix("urn:uuid:")] for one in made[3:]]
        assert linked == [0, 1, 2]
        assert [one.get("birthDate") for one in made[:3]] == [None, None, "1940"]
        assert [one["effectiveDateTime"] for one in made[3:]] == ["2020"] * 3
        ids += list(people)
    assert len(set(ids)) == 6


def test_what_is_written_is_sound_fhir(tmp_path):
    fhirkit = pytest.importorskip("fhirkit")
    source, out = tmp_path / "b.json", tmp_path / "o.json"
    source.write_text(json.dumps(bundle()))
    assert main(["deidentify", str(source), "--out", str(out), "--dates", "relative"]) == 0
    assert fhirkit is not None
    made = json.loads(out.read_text())
    assert made["entry"][3]["resource"]["effectiveDateTime"] == "2000-01-01"
    assert made["entry"][2]["resource"]["birthDate"] == "1920"  # 80 years old in the year of the first day


def test_a_failure_halfway_leaves_nothing(tmp_path, monkeypatch, capfd):
    folder = tmp_path / "in"
    folder.mkdir()
    for n in range(3):
        (folder / f"{n}.json").write_text(json.dumps(bundle()))
    calls = []

    def full(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise OSError(28, "No space left on device", "Zebulon.json")
        return real(*arguments)

    real = module.FhirPeople.written
    monkeypatch.setattr(module.FhirPeople, "written", full)
    assert main(["deidentify", str(folder), "--out", str(tmp_path / "out")]) == 2
    said = capfd.readouterr().err
    assert "No space left" in said and "Zebulon" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_the_output_is_for_its_owner_alone(tmp_path):
    source = tmp_path / "b.json"
    source.write_text(json.dumps(bundle()))
    main(["deidentify", str(source), "--out", str(tmp_path / "o.json"), "--report", str(tmp_path / "r.md"),
          "--quasi", "birth_year,sex", "--k", "2", "--expert", "E. Expert", "--lapses", "2029-01-01"])  # fmt: skip
    for name in ("o.json", "r.md"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
    report = (tmp_path / "r.md").read_text()
    assert "| k, people in the smallest class | 1 |" in report and "Lapses on: 2029-01-01" in report
    assert "k of 2 is NOT met" in report and report.count("| left out |") >= 12


def test_omop_people_of_90_or_more_share_a_year_of_birth(tmp_path):
    folder = tmp_path / "cdm"
    folder.mkdir()
    pl.DataFrame(
        {"person_id": [1, 2, 3], "year_of_birth": [1921, 1930, 1980], "gender_concept_id": [8507] * 3}
    ).write_csv(folder / "PERSON.csv")
    assert main(["deidentify", str(folder), "--out", str(tmp_path / "o")]) == 0
    years = pl.read_csv(tmp_path / "o" / "person.csv")["year_of_birth"].to_list()
    assert years == [date.today().year - 90] * 2 + [1980]
