"""What a calibration file and the targets it names may say; one simulation of the clinical twin from end to end."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from popsim.calibration.problem import Studies, problem_of, read_files
from popsim.calibration.sources import SEVERITY, read_source
from popsim.cli import main
from popsim.definitions.base import validate
from popsim.definitions.calibration import Calibration
from popsim.errors import DefinitionError, InputError
from popsim.runs.engine import Engine
from popsim.runs.runner import run_study
from popsim.statistics import Estimate

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
SHIPPED = EXPERIMENTS / "calibration" / "heart_failure.toml"
DISCHARGE = EXPERIMENTS / "targets" / "discharge.toml"
SHARE = {"name": "clinical_twin.other_death_share", "prior": {"distribution": "beta", "standard_error": 0.1}}


def simulate_nothing(study):
    raise AssertionError("simulated before everything was checked")


def read(run=simulate_nothing, targets=(DISCHARGE,), **said):
    calibration = validate({"name": "toy", "parameters": [SHARE]} | said, Calibration, "toy.toml")
    return problem_of(calibration, Path("toy.toml"), targets, run)


@pytest.mark.slow
def test_the_shipped_calibration_is_sound_and_says_nothing_twice():
    problem = problem_of(Calibration.read(SHIPPED), SHIPPED, (), simulate_nothing)
    sources = problem.simulate.sources
    uses = {target.name: target.use for source in sources for target in source.targets}
    assert sorted(problem.objectives.names) == sorted(uses)
    assert {name for name, use in uses.items() if use == "calibrate"} == {*problem.calibration.fitted}
    assert {*uses.values()} == {"calibrate", "baseline"}
    assert [source.name for source in sources] == [Path(path).stem for path in problem.calibration.targets]
    dig = next(source.targets for source in sources if source.name == "dig_preserved")
    assert [target.name.removeprefix("dig_preserved_") for target in dig] == [
        "death_placebo", "cv_death_placebo", "hf_admission_placebo", "nyha_iii_iv"
    ]  # fmt: skip


def test_a_severity_concerns_its_own_source_alone(monkeypatch):
    """Two sources at two points: each is simulated with all parameters, its own severity and the seed of the stream."""
    sources = tuple(replace(read_source(DISCHARGE), name=name) for name in ("a", "b"))
    asked = {}

    def figures(source, run, names, values):
        asked[source.name] = (names, values.tolist(), source.study.experiment.seed)
        return [[Estimate(row[1], 0.1)] for row in values]

    monkeypatch.setattr("popsim.calibration.problem.figures", figures)
    values = np.array([[0.1, 2.0, -1.0], [0.3, 0.0, 4.0]])
    found = Studies(sources, None)(("set.key", "severity.a", "severity.b"), values, 3)
    seed = sources[0].study.experiment.seed + 3
    assert asked["a"] == (["set.key", SEVERITY], [[0.1, 2.0], [0.3, 0.0]], seed)
    assert asked["b"] == (["set.key", SEVERITY], [[0.1, -1.0], [0.3, 4.0]], seed)
    np.testing.assert_array_equal(found.values, values[:, 1:])


def test_all_that_is_for_calibration_is_fitted_when_nothing_is_named():
    names = read().objectives.names
    assert "readmission_30d" in names
    assert "discharged_to_hospice" not in names  # is there to validate


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (
            {"fitted": ["discharged_to_hospice"]},
            "fitted = 'discharged_to_hospice': has use = 'validate', must be 'calibrate'",
        ),
        ({"fitted": ["readmission_3d"]}, "fitted = 'readmission_3d': did you mean 'readmission_30d'"),
        (
            {"targets": (EXPERIMENTS / "trials" / "best.toml",)},
            "targets: none has use = 'calibrate': leave this file",
        ),
        ({"targets": (DISCHARGE, DISCHARGE)}, "targets.readmission_30d: the name is used in two files"),
        ({"targets": ()}, "targets: must name at least one file"),
        ({"targets": (EXPERIMENTS / "targets" / "discharged.toml",)}, "discharged.toml: file: no such file"),
    ],
)
def test_what_is_refused(said, problem):
    with pytest.raises(DefinitionError) as refused:
        read(**said)
    assert problem in str(refused.value)


def test_one_calibration_file_is_needed_and_flags_replace_its_numbers():
    calibration, file, targets = read_files([DISCHARGE, SHIPPED], {"people": 300, "points": None})
    points = Calibration.read(SHIPPED).points
    assert (calibration.people, calibration.points, file, targets) == (300, points, SHIPPED, [DISCHARGE])
    with pytest.raises(InputError, match="0 calibration files named: name one"):
        read_files([DISCHARGE], {})
    with pytest.raises(DefinitionError, match=r"points = 8: must be more than twice the \d+ parameters"):
        read_files([SHIPPED], {"points": 8})


def test_the_command_line_refuses_in_one_line(capsys, tmp_path):
    file = tmp_path / "wrong.toml"
    file.write_text(
        SHIPPED.read_text().replace("non_cardiovascular_log_ratio", "non_cardiovascular_log_rato"), encoding="utf-8"
    )
    assert main(["calibrate", str(file), str(DISCHARGE), "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "heart_failure.non_cardiovascular_log_rato" in error or "fitted" in error
    assert [*tmp_path.iterdir()] == [file]


@pytest.mark.slow
def test_the_clinical_twin_is_simulated_at_points_that_share_their_luck(tmp_path):
    def run(study):
        return run_study(study, tmp_path, Engine(1, 1))

    problem = read(run, people=100, fitted=["mortality_180d", "readmission_30d"])
    values = np.array([[0.7], [0.7], [0.3]])
    first, again = (problem.simulate(problem.priors.names, values[: 3 - luck], luck) for luck in (0, 1))
    assert first.values.shape == (3, 2)
    np.testing.assert_array_equal(first.values[0], first.values[1])
    assert (first.values[:2] != again.values).any()
    share = first.values[:, 0]
    np.testing.assert_allclose(first.errors[:, 0], np.sqrt(share * (1 - share) / 100))
