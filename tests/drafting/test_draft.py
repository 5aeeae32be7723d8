"""What becomes of the values of a user's table: units, codes, sex, formulas, and everything that is refused."""

from __future__ import annotations

import numpy as np
import pytest

from popsim.drafting.draft import draft_people
from popsim.evidence.sets import SHIPPED
from popsim.kernels.numerics.random import RandomKey


def drafted(tmp_path, text, seed=1):
    path = tmp_path / "mine.csv"
    path.write_text(text, encoding="utf-8")
    return draft_people(path, SHIPPED, RandomKey(seed))


def column(draft, name):
    return next(one for one in draft.columns if one.name == name)


@pytest.mark.parametrize(
    ("header", "words", "name", "expected", "unit"),
    [
        ("weight", [160, 200, 180], "dry_weight_kg", [72.57, 90.72, 81.65], "lb"),
        ("weight", [72, 90, 81], "dry_weight_kg", [72, 90, 81], "kg"),
        ("height", [1.6, 1.8, 1.7], "height_cm", [160, 180, 170], "m"),
        ("height", [63, 71, 67], "height_cm", [160.02, 180.34, 170.18], "in"),
        ("EF", [0.25, 0.6, 0.4], "baseline_ejection_fraction_percent", [25, 60, 40], "share"),
        ("EF", [25, 60, 40], "baseline_ejection_fraction_percent", [25, 60, 40], "%"),
        ("SBP", [16, 17.3, 18], "baseline_systolic_mmhg", [120.01, 129.76, 135.01], "kPa"),
        ("Hb", [120, 135, 140], "baseline_haemoglobin_g_dl", [12, 13.5, 14], "g/L"),
        ("LDL", [100, 120, 90], "baseline_ldl_mmol_l", [2.586, 3.104, 2.328], "mg/dL"),
        ("HbA1c", [42, 53, 64], "baseline_hba1c_percent", [6.0, 7.0, 8.0], "mmol/mol"),
        ("HbA1c", [6, 7, 8], "baseline_hba1c_percent", [6, 7, 8], "%"),
        ("K", [4, 4.5, 5], "baseline_potassium_mmol_l", [4, 4.5, 5], "mmol/L"),
    ],
)
def test_units_that_the_values_tell(tmp_path, header, words, name, expected, unit):
    """Factors: pound and inch are exact; 7.5006 mmHg in 1 kPa; cholesterol 386.65 g/mol; NGSP from IFCC."""
    draft = drafted(tmp_path, "\n".join([f"id,{header}", *(f"{i},{word}" for i, word in enumerate(words))]))
    found = column(draft, name)
    assert found.values == pytest.approx(expected, abs=0.05 if header == "HbA1c" else 0.01)
    assert f"unit {unit}" in found.told
    assert draft.problems == []


def test_units_beside_the_values_and_in_the_name(tmp_path):
    draft = drafted(tmp_path, "id;weight;height (ft);BP\n1;72 kg;5.5;120/80\n2;160 lb;6;135/90\n3;80,5kg;5,75;128/70\n")
    assert column(draft, "dry_weight_kg").values == pytest.approx([72, 72.575, 80.5], abs=0.01)
    assert column(draft, "baseline_systolic_mmhg").values.tolist() == [120, 135, 128]
    assert column(draft, "height_cm").values == pytest.approx([167.64, 182.88, 175.26])
    assert draft.problems == []


def test_filtration_and_weight_are_computed(tmp_path):
    """CKD-EPI 2021 (Inker et al. 2021): 142 min(S/k,1)^a max(S/k,1)^-1.2 0.9938^age (x 1.012 for women)."""
    text = "age,sex,creat,BMI,height\n60,F,88.4,25,160\n70,M,132.6,30,180\n80,F,70.7,28,165\n"
    draft = drafted(tmp_path, text)
    first = 142 * (1.0 / 0.7) ** -1.2 * 0.9938**60 * 1.012
    second = 142 * (1.5 / 0.9) ** -1.2 * 0.9938**70
    assert column(draft, "baseline_gfr_ml_min").values[:2] == pytest.approx([first, second], rel=1e-3)
    assert "umol/L" in column(draft, "baseline_gfr_ml_min").told
    assert column(draft, "dry_weight_kg").values == pytest.approx([64.0, 97.2, 76.23])


@pytest.mark.parametrize(
    ("header", "words", "expected"),
    [
        ("sex", "m f Male FEMALE", [0, 1, 0, 1]),
        ("gender", "1 2 1 2", [0, 1, 0, 1]),
        ("female", "0 1 no yes", [0, 1, 0, 1]),
        ("male", "1 0 yes no", [0, 1, 0, 1]),
        ("sex", "0 1 0 1", [0, 1, 0, 1]),
    ],
)
def test_sex_as_tables_code_it(tmp_path, header, words, expected):
    draft = drafted(tmp_path, "\n".join([f"{header},age", *(f"{word},70" for word in words.split())]))
    assert column(draft, "female").values.tolist() == expected


def test_the_taller_of_0_and_1_are_men(tmp_path):
    random = np.random.default_rng(2)
    rows = [f"{code},{random.normal(176 if code else 162, 6):.0f}" for code in [0, 1] * 30]
    found = column(drafted(tmp_path, "\n".join(["sex,height", *rows])), "female")
    assert found.values.tolist() == [1, 0] * 30
    assert "1 for men, 0 for women, as the mean height tells" in found.told


@pytest.mark.parametrize(
    ("words", "expected", "told"),
    [
        (["yes", "no", "Y", "0"], [1, 0, 1, 0], ""),
        (["1", "2", "2", "1"], [1, 0, 0, 1], "1 for yes, 2 for no"),
        (["x", "", "", "x"], [1, 0, 0, 1], "empty cells (2) are taken as no"),
        (["TRUE", "FALSE", "true", "false"], [1, 0, 1, 0], ""),
    ],
)
def test_conditions(tmp_path, words, expected, told):
    draft = drafted(tmp_path, "\n".join(["age,COPD", *(f"70,{word}" for word in words)]))
    assert column(draft, "copd").values.tolist() == expected
    assert told in column(draft, "copd").told


def test_codes_of_missing_values(tmp_path):
    words = ["130", "999", "NA", "-9", "unknown", ".", "", "120", "125"]
    rows = [
        f"{60 + i},{word},{code}"
        for i, (word, code) in enumerate(zip(words, [0, 1, 9, 0, 1, 0, 1, "?", -9], strict=True))
    ]
    draft = drafted(tmp_path, "\n".join(["age,SBP,DM", *rows]))
    assert column(draft, "baseline_systolic_mmhg").imputed == 6
    assert "-9, 999 taken as missing" in column(draft, "baseline_systolic_mmhg").told
    assert column(draft, "diabetes").imputed == 3
    assert set(column(draft, "baseline_systolic_mmhg").values) <= {130.0, 120.0, 125.0}
    assert draft.problems == []


BAD = """id,dob,discharge_date,sex,EF,K,AF,weight
1,1940-01-01,2020-01-01,m,35,4.5,1,80
2,1950-02-31,2020-01-01,f,40,4.1,0,70
3,2015-01-01,2020-01-01,f,30,4.4,0,65
4,1945-01-01,2020-01-01,q,350,4.2,0,75
5,1942-01-01,2020-01-01,m,25,high,maybe,85
6,1948-01-01,2020-01-01,m,55
7,1948-01-01,2020-01-01,m,0.45,4.9,0,90
"""


def test_all_problems_are_told_at_once_with_row_and_column(tmp_path):
    draft = drafted(tmp_path, BAD)
    assert [(problem.row, problem.column) for problem in draft.problems] == [
        (2, "dob"), (3, "dob"), (4, "sex"), (4, "EF"), (5, "K"), (5, "AF"), (6, ""), (7, "EF"),
    ]  # fmt: skip
    told = {(problem.row, problem.column): problem.why for problem in draft.problems}
    assert "45 % if it is in share" in told[7, "EF"]
    assert "must lie between 18 and 115" in told[3, "dob"]
    assert "has 5 values for 8 columns" in told[6, ""]
    assert all(problem.value is None for problem in draft.problems if problem.column == "dob")
    assert draft.rows == 6  # without the row in which nothing is known


def test_a_column_whose_unit_nothing_tells_is_one_problem(tmp_path):
    draft = drafted(tmp_path, "age,weight,frailty\n70,3,4\n71,4,5\n72,5,6\n")
    assert {(problem.row, problem.column) for problem in draft.problems} == {(0, "frailty"), (0, "weight")}
    assert len(draft.problems) == 2
    assert [one.name for one in draft.columns] == ["age_years"]


def test_birth_without_a_date_of_entry_is_a_problem(tmp_path):
    (problem,) = drafted(tmp_path, "dob,sex\n1940-01-01,m\n1941-01-01,f\n").problems
    assert (problem.row, problem.column) == (0, "dob")
    assert "age needs a date of entry" in problem.why


def test_what_is_measured_on_admission_becomes_the_usual_value(tmp_path):
    found = column(drafted(tmp_path, "age,SBP on admission\n70,140\n71,150\n"), "baseline_systolic_mmhg")
    assert "usual value from that on admission" in found.told
    assert (found.values < [140, 150]).all()


def test_rows_that_repeat_a_person_are_told(tmp_path):
    draft = drafted(tmp_path, "patient_id,age\n1,70\n1,71\n2,80\n")
    assert any("1 rows repeat a value of 'patient_id'" in note for note in draft.notes)


def test_of_two_columns_for_the_same_the_one_with_more_numbers_is_read(tmp_path):
    draft = drafted(tmp_path, "kalium,potassium\nhaemolysed,4.1\nhaemolysed,\nhaemolysed,4.8\n")
    assert column(draft, "baseline_potassium_mmol_l").header == "potassium"
    assert draft.unused == {"kalium": "'potassium' gives the same"}


def test_words_in_german(tmp_path):
    text = "Alter;Geschlecht;Diabetes;Raucher\n70;männlich;ja;nie\n71;weiblich;nein;ehemals\n72;w;k.A.;aktuell\n"
    draft = drafted(tmp_path, text)
    assert column(draft, "female").values.tolist() == [0, 1, 1]
    assert column(draft, "diabetes").values[:2].tolist() == [1, 0]
    assert column(draft, "diabetes").imputed == 1
    assert column(draft, "smoking").values.tolist() == [0, 1, 2]
    assert draft.problems == []


def test_a_value_beyond_the_limit_of_measurement_is_the_limit(tmp_path):
    draft = drafted(tmp_path, "age,eGFR,UACR (mg/g)\n>89,> 90,<3\n71,55,30\n80,\u226560,300\n")
    assert column(draft, "age_years").values.tolist() == [89, 71, 80]
    assert column(draft, "baseline_gfr_ml_min").values.tolist() == [90, 55, 60]
    assert column(draft, "baseline_albuminuria_mg_g").values.tolist() == [3, 30, 300]
    assert "<3 taken as the limit itself (rows: 1)" in column(draft, "baseline_albuminuria_mg_g").told
    assert draft.problems == []


def test_a_legend_in_the_name_of_a_column_says_what_its_codes_mean(tmp_path):
    """2 is the usual code of women, and 1 here; 9 is in no legend."""
    rows = "".join(f"{60 + i};{1 + i % 2};{1 + i % 2}\n" for i in range(8))
    draft = drafted(tmp_path, f"age;Geschlecht (1=w, 2=m);diabetes [1 = no / 2 = yes]\n{rows}70;9;2\n71;3;1\n")
    assert column(draft, "female").values[:4].tolist() == [1, 0, 1, 0]
    assert column(draft, "diabetes").values[:4].tolist() == [0, 1, 0, 1]
    assert [(one.row, one.column, one.value) for one in draft.problems] == [(10, "Geschlecht (1=w, 2=m)", "3")]


def test_a_name_that_comes_twice_is_one_problem_among_others(tmp_path):
    draft = drafted(tmp_path, "age,sex,sex,age\n60,m,m,61\nold,f,f,70\n80,m,m,80\n")
    assert [(one.row, one.column) for one in draft.problems] == [(0, "age (column 4)"), (2, "age")]
    assert "'age' comes twice, with other values" in draft.problems[0].why
    assert draft.unused == {"sex (column 3)": "'sex' gives the same"}
