"""popsim cohort from-table: from a register to a cohort that samples, in one command."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from popsim.cli import main
from popsim.kernels.numerics.random import RandomKey
from popsim.population.cohort import CohortSource
from popsim.population.sampling import sample
from popsim.simulation.schema import SCHEMA

HEADER = "MRN;Patient name;DOB;Discharge date;Sex;LVEF;SBP;K;Creatinine;Weight (lb);Height;AF;DM;NYHA;NT-proBNP;Remark"
ROWS = [
    "17;Müller;03.04.1940;12.01.2020;m;0,35;130;4,5;110;160;1,72;1;yes;2;1000;a",
    "18;Jones;13.04.1950;14.01.2020;f;0,45;140;4,9;95;150;1,62;0;no;2;900;",
    "19;Smith;23.11.1945;18.01.2020;f;NA;128;;150;140;1,60;0;no;3;;b",
    "20;Brown;01.04.1938;12.02.2020;m;0,25;999;5,1;180;190;1,80;1;yes;3;;",
    "21;Wood;03.09.1942;12.03.2020;m;0,55;118;4,2;88;175;1,75;9;yes;2;;",
    "22;Hill;03.04.1948;22.01.2020;f;0,30;;4,4;77;155;1,58;0;no;2;;",
]


@pytest.fixture
def register(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_bytes("\r\n".join([HEADER, *ROWS]).encode("cp1252"))
    return path


def test_a_register_becomes_a_cohort_that_samples(register, capsys):
    assert main(["cohort", "from-table", str(register)]) == 0
    said = capsys.readouterr().out
    assert "Windows-1252, columns separated by semicolons, decimal comma" in said
    assert "1 of 6 missing (16.7%), imputed" in said
    assert "read at entry and not in the table, taken from 'heart_failure_discharge':\n" in said
    assert "    baseline_filling_pressure_mmhg: normal mean 15 SD 3 mmHg\n" in said
    assert "    copd: yes with probability 0.182\n" in said
    assert "not copied: MRN, Patient name (it identifies a person)" in said
    file = register.with_suffix(".toml")
    assert main(["check", str(file)]) == 0
    people = sample(CohortSource.read(file), SCHEMA, 6, RandomKey(4))
    assert sorted(people["height_cm"].round(0).tolist()) == [158, 160, 162, 172, 175, 180]
    assert sorted(people["dry_weight_kg"].tolist()) == pytest.approx([63.5, 68.0, 70.3, 72.6, 79.4, 86.2], abs=0.05)
    assert people["female"].sum() == 3
    tall = people["height_cm"] == 180
    assert people["age_years"][tall] == pytest.approx([81.9])
    assert people["baseline_ejection_fraction_percent"][tall] == [25.0]
    assert np.ptp(people["baseline_filling_pressure_mmhg"]) > 0  # drawn from the inherited cohort


def test_nothing_that_identifies_a_person_is_copied(register):
    assert main(["cohort", "from-table", str(register)]) == 0
    files = [path for path in register.parent.iterdir() if path != register]
    assert sorted(path.name for path in files) == ["mine.toml", "mine_people.csv"]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    for personal in ("Müller", "Jones", "1940", "03.04", "12.01.2020", "Remark;"):
        assert personal not in text, personal
    assert "17" not in pl.read_csv(register.with_name("mine_people.csv")).columns


def test_files_that_exist_are_kept(register, capsys):
    file = register.with_suffix(".toml")
    file.write_text("mine", encoding="utf-8")
    assert main(["cohort", "from-table", str(register)]) == 2
    assert "--force" in capsys.readouterr().err
    assert file.read_text(encoding="utf-8") == "mine"
    assert main(["cohort", "from-table", str(register), "--force"]) == 0
    assert file.read_text(encoding="utf-8") != "mine"
    assert main(["cohort", "from-table", str(register), "--out", str(register)]) == 2


def test_refused_values_are_listed_and_nothing_is_written(register, capsys):
    bad = ROWS[0].replace("0,35", "0,95").replace("4,5", "45"), "23;X;01.01.1941"
    register.write_bytes("\r\n".join([HEADER, *ROWS[1:], *bad]).encode("cp1252"))
    assert main(["cohort", "from-table", str(register)]) == 2
    said = capsys.readouterr()
    assert "row 6, column LVEF" in said.out
    assert "row 6, column K" in said.out
    assert "row 7: the row has 3 values for 16 columns" in said.out
    assert said.err.count("\n") == 1
    assert not register.with_suffix(".toml").exists()
    assert main(["cohort", "from-table", str(register), "--bad-as-missing"]) == 0
    assert len(pl.read_csv(register.with_name("mine_people.csv"))) == 6


def test_a_table_without_a_known_column_is_refused(tmp_path, capsys):
    path = tmp_path / "mine.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    assert main(["cohort", "from-table", str(path)]) == 2
    assert "none of its columns is known" in capsys.readouterr().err
    assert main(["cohort", "from-table", str(tmp_path / "none.csv")]) == 2
    path.write_text("age,sex\n", encoding="utf-8")
    assert main(["cohort", "from-table", str(path)]) == 2
    assert "no row below the names" in capsys.readouterr().err


def test_the_seed_settles_what_is_imputed(register):
    tables = []
    for seed in ("1", "1", "2", "3"):
        assert main(["cohort", "from-table", str(register), "--force", "--seed", seed]) == 0
        tables.append(register.with_name("mine_people.csv").read_text(encoding="utf-8"))
    assert tables[0] == tables[1]
    assert len(set(tables)) > 1


def test_rows_with_the_same_refused_value_are_on_one_line(tmp_path, capsys):
    path = tmp_path / "mine.csv"
    words = ["yes", "oui", "oui", "no", "oui", "no"]
    path.write_text("age,diabetes\n" + "".join(f"7{i},{word}\n" for i, word in enumerate(words)), encoding="utf-8")
    assert main(["cohort", "from-table", str(path)]) == 2
    assert "rows 2-3, 5, column diabetes = 'oui': must be yes, no or 0, 1\n" in capsys.readouterr().out
