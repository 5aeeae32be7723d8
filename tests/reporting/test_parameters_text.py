"""popsim parameters and popsim schema as a user meets them."""

import json
import re
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from popsim.cli import main
from popsim.definitions.calibration import Calibrated
from popsim.definitions.parameter import PROVENANCES, Parameter
from popsim.definitions.writing import KINDS
from popsim.evidence.sets import SHIPPED, records_of
from popsim.studies.design import read_study

ROOT = Path(__file__).parents[2]
MAIN = ROOT / "experiments" / "heart_failure_discharge.toml"
UNCERTAIN = ROOT / "experiments" / "heart_failure_uncertainty.toml"


@pytest.fixture
def printed(capsys):
    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        return code, capsys.readouterr()

    return run


def test_every_parameter_has_one_line(printed):
    code, shown = printed("parameters", UNCERTAIN)
    study = read_study(UNCERTAIN)
    names = {f"{name}.{key}" for name, values in study.parameters.items() for key in values}
    lines = shown.out.splitlines()
    assert code == 0
    assert {line.split()[0] for line in lines[1:-1]} == names
    assert lines[-1] == f"{len(study.uncertain.names)} of {len(names)} parameters are uncertain"


def test_a_line_says_value_unit_interval_distribution_and_sources(printed):
    """By hand: 4.4 to 6.0 about 5.2 is a standard error of 1.6 / 3.92 = 0.408."""
    _, shown = printed("parameters", MAIN, "--uncertain")
    lines = {line.split()[0]: " ".join(line.split()) for line in shown.out.splitlines()[1:-1]}
    assert lines["heart_failure.systolic_neprilysin_mmhg"].startswith(
        "heart_failure.systolic_neprilysin_mmhg 5.2 mmHg 4.4 to 6 normal (mean 5.2, standard error 0.4082) PARAGON-HF"
    )
    assert "; uncertainty: PARAGON-HF, 95% interval" in lines["heart_failure.systolic_neprilysin_mmhg"]
    assert "), correlated Griffiths" in lines["griffiths_2014.utility_nyha_2"]
    assert "heart_failure.fluid_per_salt_l_per_g" not in lines
    assert {*read_study(MAIN).uncertain.names} == {*lines}


SOURCES = {  # of made-up parameters, and the provenance that each says
    "computed: ln 2 of a half-life (seen)": "computed",
    "Smith, J Thorac Dis 2020, Table 2, seen": "read",
    "by definition: reference of the other": "defined",
    "assumption: recalled of a trial, to be checked": "assumed",
}


def test_the_beginning_of_a_source_says_the_provenance():
    found = {source: Parameter(value=1.0, unit="1", source=source).provenance for source in SOURCES}
    assert found == SOURCES


def test_the_parameters_of_the_calibration_are_fitted():
    fitted = Calibrated.read(ROOT / "experiments/calibrated/heart_failure.toml").parameters.keys()
    records = records_of(read_study(MAIN).parameters)
    assert {name for name, record in records.items() if record.provenance == "fitted"} == {*fitted}


def test_provenance_is_counted_by_set_and_in_all(printed, tmp_path):
    """Counts of the sources themselves; recalled figures are named, and decide nothing."""
    code, shown = printed("parameters", MAIN, "--provenance", "--csv", tmp_path / "provenance.csv")
    records = records_of(read_study(MAIN).parameters)
    counts = Counter(record.provenance for record in records.values())
    table = pl.read_csv(tmp_path / "provenance.csv")
    total = table.row(-1, named=True)
    assert code == 0
    assert total["set"] == "all" and total["parameters"] == len(records)
    assert {kind: total[kind] for kind in PROVENANCES} == {kind: counts[kind] for kind in PROVENANCES}
    assert all(table[column][:-1].sum() == total[column] for column in table.columns[1:])
    recalled = [name for name, record in records.items() if "recalled" in record.source]
    assert total["recalled"] == len(recalled) and all(f"\n  {name}\n" in shown.out for name in recalled)
    assert f"{counts['assumed'] / len(records):.0%}" in shown.out.split("share", 1)[1].splitlines()[0]


def test_what_counts_as_read_says_where_it_was_seen():
    """A constant of a shipped set neither computed nor assumed cites what was read, or is listed as recalled."""
    unseen = [
        name
        for name, record in records_of(SHIPPED).items()
        if record.provenance == "read" and not re.search(r"seen|PMC\d+|recalled", record.source)
    ]
    assert unseen == []


def test_schemas_are_printed_and_written(printed, tmp_path):
    code, shown = printed("schema", "cohort")
    assert code == 0
    assert json.loads(shown.out)["title"] == "CohortDefinition"
    code, shown = printed("schema", "all", "--out", tmp_path / "schemas")
    written = sorted((tmp_path / "schemas").iterdir())
    assert shown.out.split() == [str(tmp_path / "schemas" / f"{kind}.schema.json") for kind in KINDS]
    assert all(json.loads(path.read_text())["type"] == "object" for path in written)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["schema", "cohorts"],
            "popsim: schema cohorts: did you mean 'cohort'? (allowed: all, calibrated, calibration, cohort, data",
        ),
        (["schema", "all"], "popsim: schema all: needs --out"),
        (["run", UNCERTAIN, "--draws", 10_000], "popsim: command line: --draws = 10000: must be between 0 and 9999"),
        (["schema", "cohort", "--out", UNCERTAIN], "heart_failure_uncertainty.toml: File exists"),
    ],
)
def test_what_is_refused(printed, arguments, line):
    code, shown = printed(*arguments)
    assert code == 2
    assert line in shown.err
    assert shown.err.count("\n") == 1
