"""Table 1 of real people: nothing in it can be worked out."""

import json

import pytest

from popsim.cli import main
from popsim.exchange.privacy.baseline import safe_summary
from popsim.kernels.numerics.random import RandomKey
from popsim.population.cohort import CohortSource
from popsim.population.sampling import sample
from popsim.simulation.schema import SCHEMA

TEXT = """
inherits = "{root}/cohorts/heart_failure_discharge.toml"
name = "real"
description = "A table of made-up people that are taken to be real."
source = "assumption: made up for a test"
size = {size}
[table]
path = "people.csv"
format = "csv"
source = "assumption: made up for a test"
{more}
[table.columns]
age_years = {{ from = "age" }}
female = {{ from = "female" }}
smoking = {{ from = "smoking" }}
deprivation_quintile = {{ from = "fifth" }}
"""


@pytest.fixture
def cohort(tmp_path, request):
    """60 people: 57 women, 3 men; fifths of 3, 20, 15, 12, 10."""
    fifths = [1] * 3 + [2] * 20 + [3] * 15 + [4] * 12 + [5] * 10
    rows = [f"{60 + n % 30},{int(n >= 3)},{fifths[n]}" for n in range(60)]
    (tmp_path / "people.csv").write_text("age,female,fifth\n" + "\n".join(rows) + "\n")

    def write(more="", size=60):
        text = TEXT.replace('smoking = {{ from = "smoking" }}\n', "")
        path = tmp_path / "real.toml"
        path.write_text(text.format(root=request.config.rootpath, more=more, size=size))
        return path

    return write


def rows_of(path):
    source = CohortSource.read(path)
    people = sample(source, SCHEMA, source.definition.size, RandomKey.of(1))
    return {(row["column"], row["level"]): row for row in safe_summary(people, source).iter_rows(named=True)}


@pytest.mark.parametrize("size", [60, 6000])  # as large as the table, and its people repeated
def test_small_counts_and_what_tells_them_are_hidden(cohort, size):
    rows = rows_of(cohort(size=size))
    assert rows["female", 1.0]["n"] is None and rows["female", 1.0]["share"] is None  # 3 men
    shown = {level: row["n"] for (name, level), row in rows.items() if name == "deprivation_quintile"}
    assert [shown[level] is None for level in (1.0, 2.0, 3.0, 4.0, 5.0)] == [True, False, False, False, True]
    age = rows["age_years", None]
    assert age["low"] is age["high"] is None and age["mean"] is not None and age["median"] is not None


def test_another_threshold_and_made_up_people(cohort):
    assert rows_of(cohort("small_cells = 3"))["female", 1.0]["n"] == 57
    assert rows_of(cohort("real_people = false"))["age_years", None]["low"] == 60.0


def test_no_output_of_the_command_holds_a_hidden_count(cohort, tmp_path, capsys):
    path = cohort()
    files = [str(tmp_path / f"o.{kind}") for kind in ("csv", "json", "xlsx")]
    flags = [word for file in files for word in (f"--{file.rsplit('.')[-1]}", file)]
    assert main(["cohort", "summary", str(path), *flags]) == 0
    line = next(one for one in capsys.readouterr().out.splitlines() if "Female" in one)
    assert "57" not in line and "*" in line
    records = json.loads((tmp_path / "o.json").read_text())["tables"][0]["records"]
    female = next(one for one in records if one["column"] == "female")
    assert female["n"] is female["share"] is None
