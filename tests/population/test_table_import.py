"""A cohort from a table: units, codes, filters, formulas, missing values, and refusals by row and column."""

from __future__ import annotations

import csv
import importlib.resources
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from cohorts import PERSON, SOURCE, cohort, schema
from popsim.errors import DefinitionError
from popsim.evidence.parameters import load_parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.population import table_import
from popsim.population.cohort import CohortSource
from popsim.population.formulas import ckd_epi_2021
from popsim.population.sampling import plan, sample, table_rows
from popsim.simulation.schema import SCHEMA

COLUMNS = schema(*PERSON)
AGE_AND_SEX = {
    "age_years": {"from": "age", "unit": "years"},
    "female": {"from": "sex", "codes": {"F": 1.0, "M": 0.0}},
}
CSV = "id,age,sex,weight,creatinine,k,ward\n1,50,M,154.3,1.0,4.0,A\n2,70,M,200,1.5,,B\n3,65,F,140,2.0,5.1,A\n"


def people(tmp_path: Path, columns: dict[str, Any], text: str = CSV, **keys: Any) -> CohortSource:
    """A cohort from a CSV of this text."""
    (tmp_path / "people.csv").write_text(text)
    marginals = keys.pop("marginals", {})
    table = {"path": "people.csv", "format": "csv", "source": SOURCE, "columns": columns} | keys
    return cohort(marginals, path=tmp_path / "cohort.toml", table=table)


def values(source: CohortSource, name: str) -> list[float]:
    read = plan(source, COLUMNS).people
    assert read is not None
    return list(read.values[name])


@pytest.mark.parametrize(
    ("creatinine", "age", "female", "expected"),
    [(1.0, 50, 0, 91.691), (1.0, 50, 1, 68.633), (0.8, 30, 1, 101.589), (1.5, 70, 0, 49.774), (2.0, 65, 1, 27.214)],
)
def test_ckd_epi_2021(creatinine: float, age: float, female: int, expected: float) -> None:
    """Check values computed elsewhere from the published equation, printed with three decimals."""
    who = {"age_years": np.array([age]), "female": np.array([float(female)])}
    gfr = ckd_epi_2021(np.array([creatinine]), who, load_parameters("inker_2021"))
    assert float(gfr[0]) == pytest.approx(expected, abs=6e-4)


def test_units_codes_and_formulas(tmp_path: Path) -> None:
    columns = AGE_AND_SEX | {
        "baseline_gfr_ml_min": {"from": "creatinine", "formula": "ckd_epi_2021"},
        "dry_weight_kg": {"from": "weight", "unit": "lb"},
    }
    source = people(tmp_path, columns)
    assert values(source, "female") == [0, 0, 1]
    assert values(source, "dry_weight_kg") == pytest.approx([154.3 * 0.45359237, 200 * 0.45359237, 140 * 0.45359237])
    # The check values of the equation; creatinine in mg/dL by default.
    assert values(source, "baseline_gfr_ml_min") == pytest.approx([91.691, 49.774, 27.214], abs=6e-4)


def test_creatinine_in_other_units_gives_the_same_kidney(tmp_path: Path) -> None:
    text = "age,sex,creatinine\n70,M,132.6\n"  # 1.5 mg/dL x 88.4
    formula = {"from": "creatinine", "formula": "ckd_epi_2021", "unit": "umol/L"}
    source = people(tmp_path, AGE_AND_SEX | {"baseline_gfr_ml_min": formula}, text)
    assert values(source, "baseline_gfr_ml_min") == pytest.approx([49.774], rel=1e-3)


def test_numeric_codes_may_be_words_of_numbers(tmp_path: Path) -> None:
    recoded = {"female": {"from": "sex", "codes": {"1": 0.0, "2": 1.0}}}
    frame = pl.DataFrame({"sex": [1.0, 2.0, 2.0]})
    frame.write_parquet(tmp_path / "people.parquet")
    source = people(tmp_path, recoded, path="people.parquet", format="parquet")
    assert values(source, "female") == [0, 1, 1]


def test_filters_keep_rows_and_row_numbers(tmp_path: Path) -> None:
    by_word = people(tmp_path, AGE_AND_SEX, where=[{"column": "ward", "equals": "A"}])
    assert values(by_word, "age_years") == [50, 65]
    read = plan(by_word, COLUMNS).people
    assert read is not None and list(read.row_number) == [1, 3]
    for condition, kept in [
        ({"column": "age", "at_least": 65.0}, [70, 65]),
        ({"column": "age", "below": 65.0}, [50]),
        ({"column": "id", "equals": 2.0}, [70]),
        ({"column": "weight", "above_column": "age"}, [50, 70, 65]),
        ({"column": "k", "at_least": 0.0}, [50, 65]),  # a missing value fulfils nothing
    ]:
        assert values(people(tmp_path, AGE_AND_SEX, where=[condition]), "age_years") == kept


def test_missing_is_sampled_from_the_marginal_where_the_file_says_so(tmp_path: Path) -> None:
    column = {"baseline_potassium_mmol_l": {"from": "k", "missing": "sample"}}
    marginal = {"distribution": "uniform", "low": 3.5, "high": 3.6, "unit": "mmol/L"}
    source = people(tmp_path, AGE_AND_SEX | column, marginals={"baseline_potassium_mmol_l": marginal})
    population = sample(source, COLUMNS, 3, RandomKey(1))
    by_age = dict(zip(population["age_years"], population["baseline_potassium_mmol_l"], strict=True))
    assert by_age[50.0] == pytest.approx(4.0) and by_age[65.0] == pytest.approx(5.1)
    assert 3.5 <= by_age[70.0] <= 3.6


@pytest.mark.parametrize(
    ("columns", "text", "message"),
    [
        ({"age_years": {"from": "age"}}, "age\n70\n170\n", "row 2, column age = '170': impossible, age_years must lie"),
        ({"age_years": {"from": "age"}}, "age\n70\n-1\n", "row 2, column age = '-1': impossible"),
        ({"age_years": {"from": "age"}}, "id,age\n1,70\n2,\n", "row 2, column age: missing, give missing = \"sample\""),
        ({"age_years": {"from": "age"}}, "id,age\n1,NA\n2,70\n", "row 1, column age: missing"),
        ({"age_years": {"from": "age"}}, "age\n70\nold\n", "row 2, column age = 'old': not a number"),
        ({"age_years": {"from": "age"}}, "age\n70\ninf\n", "row 2, column age = 'inf': not a number"),
        ({"female": {"from": "sex"}}, "sex\n1\n0.5\n", "row 2, column sex = '0.5': must be a whole number"),
        ({"female": {"from": "sex", "codes": {"F": 1.0}}}, "sex\nF\nX\n", "row 2, column sex = 'X': not in codes, all"),
        ({"dry_weight_kg": {"from": "w", "unit": "lb"}}, "w\n150\n999\n", r"row 2, column w = '999': .*here 453\.139"),
        ({"age_years": {"from": "aeg"}}, "age\n70\n", "table.columns.age_years.from = 'aeg': .*did you mean 'age'"),
        ({"age_yeasr": {"from": "age"}}, "age\n70\n", "table.columns.age_yeasr: unknown column, did you mean 'age_y"),
        ({"dry_weight_kg": {"from": "w", "unit": "lbx"}}, "w\n150\n", "unit = 'lbx': unknown unit"),
        ({"dry_weight_kg": {"from": "w", "unit": "mmHg"}}, "w\n150\n", "unit = 'mmHg': .*cannot be turned"),
        (
            {"baseline_gfr_ml_min": {"from": "c", "formula": "ckd_epi_2021"}}, "c\n1\n",
            "formula = 'ckd_epi_2021': needs age_years",
        ),
        (
            AGE_AND_SEX | {"dry_weight_kg": {"from": "c", "formula": "ckd_epi_2021"}}, "c,age,sex\n1,70,M\n",
            "gives mL/min/1.73m2, the column is in kg",
        ),
        (
            AGE_AND_SEX | {"baseline_gfr_ml_min": {"from": "c", "formula": "ckd_epi_2021"}},
            "c,age,sex\n1,70,M\n-1,70,M\n",
            "row 2, column c = '-1': no baseline_gfr_ml_min follows",
        ),
        (
            AGE_AND_SEX | {"baseline_gfr_ml_min": {"from": "c", "formula": "ckd_epi_2021"}}, "c,age,sex\n0,70,M\n",
            "row 1, column c = '0': impossible",
        ),
        ({"age_years": {"from": "age"}}, "age\n", "no row of the table is left"),
        ({"age_years": {"from": "age"}}, "age,b\n1,2,3\n", "not a readable csv table"),
        ({"age_years": {"from": "age"}}, "", "not a readable csv table"),
    ],
)  # fmt: skip
def test_refused_in_one_line(tmp_path: Path, columns: dict[str, Any], text: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=message) as refused:
        plan(people(tmp_path, columns, text), COLUMNS)
    assert "\n" not in str(refused.value)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = "age,sex\n70,F\nold,X\n8_1.5,M\n-3,F\n" + "0,F\n" * 20
    with pytest.raises(DefinitionError) as refused:
        plan(people(tmp_path, AGE_AND_SEX, text), COLUMNS)
    said = str(refused.value)
    for part in (
        "people.csv: row 2, column age = 'old': not a number",
        "row 2, column sex = 'X': not in codes, allowed: F, M",
        "row 3, column age = '8_1.5': not a number",
        "row 4, column age = '-3': impossible",
        "and 14 more",
    ):
        assert part in said
    assert said.count("; row ") == 9
    assert "\n" not in said


@pytest.mark.parametrize("text", ["age;sex\n70,5;F\n 81,25 ;M\n", "age\tsex\n70.5\tF\n81.25\tM\n"])
def test_other_separators_and_a_decimal_comma(tmp_path: Path, text: str) -> None:
    assert values(people(tmp_path, AGE_AND_SEX, text), "age_years") == [70.5, 81.25]


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"people\.csv: header: .*used twice: 'age'"):
        plan(people(tmp_path, AGE_AND_SEX, "age,age,sex\n72,30,M\n"), COLUMNS)


def test_a_filter_reads_numbers_as_the_columns_do(tmp_path: Path) -> None:
    text = "age,sex,stay\n70,F,1_0\n80,M,3\n"
    with pytest.raises(DefinitionError, match="row 1, column stay = '1_0': not a number"):
        plan(people(tmp_path, AGE_AND_SEX, text, where=[{"column": "stay", "at_least": 2.0}]), COLUMNS)


def test_how_many_are_sampled_is_known(tmp_path: Path) -> None:
    columns = AGE_AND_SEX | {"baseline_potassium_mmol_l": {"from": "k", "unit": "mmol/L", "missing": "sample"}}
    marginal = {"distribution": "fixed", "value": 4.2, "unit": "mmol/L"}
    read = plan(people(tmp_path, columns, marginals={"baseline_potassium_mmol_l": marginal}), COLUMNS).people
    assert read is not None
    assert read.lacking == {"baseline_potassium_mmol_l": 1}


def test_where_column_must_exist(tmp_path: Path) -> None:
    for condition, key in [
        ({"column": "wrad", "equals": "A"}, "table.where.0.column = 'wrad'"),
        ({"column": "age", "above_column": "wrad"}, "table.where.0.above_column = 'wrad'"),
    ]:
        with pytest.raises(DefinitionError, match=f"{key}.*did you mean 'ward'"):
            plan(people(tmp_path, AGE_AND_SEX, where=[condition]), COLUMNS)


def test_missing_file_and_missing_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DefinitionError, match=r"table.path = 'gone\.csv': no such file"):
        plan(people(tmp_path, AGE_AND_SEX, path="gone.csv"), COLUMNS)
    monkeypatch.setattr(table_import.importlib.util, "find_spec", lambda name: None)
    advice = r"table\.package = 'sksurv': is not installed: pip install 'popsim\[data\]'"
    with pytest.raises(DefinitionError, match=advice):
        CohortSource.read("cohorts/whas500_heart_failure.toml")


def test_lists_in_a_parquet_are_refused(tmp_path: Path) -> None:
    pl.DataFrame({"age": [[70.0], [80.0]]}).write_parquet(tmp_path / "people.parquet")
    columns = {"age_years": {"from": "age"}}
    with pytest.raises(DefinitionError, match=r"row 1, column age = .*not a number"):
        plan(people(tmp_path, columns, path="people.parquet", format="parquet"), COLUMNS)
    with pytest.raises(DefinitionError, match=r"table\.where\.0\.column = 'age': holds no single values"):
        condition = {"column": "age", "below": 3.0}
        plan(people(tmp_path, columns, path="people.parquet", format="parquet", where=[condition]), COLUMNS)


def test_a_formula_whose_needs_are_missing_is_refused(tmp_path: Path) -> None:
    marginal = {"distribution": "fixed", "value": 70.0, "unit": "years"}
    columns = AGE_AND_SEX | {
        "age_years": {"from": "age", "missing": "sample"},
        "baseline_gfr_ml_min": {"from": "c", "formula": "ckd_epi_2021"},
    }
    source = people(tmp_path, columns, "c,age,sex\n1,70,M\n1.2,,M\n", marginals={"age_years": marginal})
    with pytest.raises(DefinitionError, match=r"row 2, column c = '1\.2': no baseline_gfr_ml_min follows"):
        plan(source, COLUMNS)


def test_damaged_arff_and_parquet_are_refused(tmp_path: Path) -> None:
    for kind in ("arff", "parquet"):
        (tmp_path / f"bad.{kind}").write_bytes(b"\x00nonsense")
        with pytest.raises(DefinitionError, match=f"not a readable {kind} table"):
            plan(people(tmp_path, AGE_AND_SEX, path=f"bad.{kind}", format=kind), COLUMNS)


def test_first_people_are_the_rows_once_each_then_a_bootstrap() -> None:
    few = table_rows(50, np.arange(20, dtype=np.int64), key=RandomKey(3))
    many = table_rows(50, np.arange(50_000, dtype=np.int64), key=RandomKey(3))
    assert np.array_equal(few, many[:20])
    assert sorted(many[:50]) == list(range(50)) and not np.array_equal(many[:50], np.arange(50))
    counts = np.bincount(many[50:], minlength=50)
    # Chi-square with 49 degrees of freedom; exceeded by chance once in 1000 seeds.
    assert ((counts - 999) ** 2 / 999).sum() < 85.4


def whas500() -> list[dict[str, str]]:
    """The packaged table read by hand, to compare with."""
    text = (importlib.resources.files("sksurv") / "datasets" / "data" / "whas500.arff").read_text().lower()
    names = [line.split()[1] for line in text.splitlines() if line.startswith("@attribute")]
    return list(csv.DictReader(text.split("@data\n")[1].splitlines(), fieldnames=names))


def test_whas500_counts() -> None:
    """500 patients; 155 with heart failure; 22 of those died in hospital (their follow-up is their stay)."""
    rows = whas500()
    failing = [row for row in rows if row["chf"] == "1"]
    died = [row for row in failing if float(row["lenfol"]) <= float(row["los"])]
    assert (len(rows), len(failing), len(died)) == (500, 155, 22)
    read = plan(CohortSource.read("cohorts/whas500_heart_failure.toml"), SCHEMA).people
    assert read is not None and len(read) == 155 - 22


def test_whas500_people_are_the_patients() -> None:
    source = CohortSource.read("cohorts/whas500_heart_failure.toml")
    rows = whas500()
    read = plan(source, SCHEMA).people
    assert read is not None
    for place, number in enumerate(read.row_number):
        row = rows[number - 1]
        assert row["chf"] == "1"
        assert read.values["age_years"][place] == float(row["age"])
        assert read.values["female"][place] == float(row["gender"])
        assert read.values["atrial_fibrillation"][place] == float(row["afb"])
        height = 1.59 if row["gender"] == "1" else 1.74
        assert read.values["dry_weight_kg"][place] == pytest.approx(float(row["bmi"]) * height**2)
        assert read.values["baseline_heart_rate_bpm"][place] == pytest.approx(75 + 0.4 * (float(row["hr"]) - 95.4))
    everybody = sample(source, SCHEMA, len(read), RandomKey(1))
    assert sorted(everybody["age_years"]) == sorted(read.values["age_years"].astype(np.float32))
    assert everybody["frailty"].std() > 0.05


def test_admission_means_are_those_of_the_table() -> None:
    failing = [row for row in whas500() if row["chf"] == "1"]
    constants = load_parameters("admission_vital_signs")
    for column, parameter in (("hr", "heart_rate_admission_mean"), ("sysbp", "systolic_admission_mean")):
        assert np.mean([float(row[column]) for row in failing]) == pytest.approx(constants[parameter], abs=0.05)
