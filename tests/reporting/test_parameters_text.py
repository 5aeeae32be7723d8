"""popsim parameters and popsim schema as a user meets them."""

import json
from pathlib import Path

import pytest

from popsim.cli import main
from popsim.definitions.writing import KINDS
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
