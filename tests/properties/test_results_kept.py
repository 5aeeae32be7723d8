"""What every shipped experiment computes, kept as the hash of its results at a small size.

A change that should only move code leaves every hash as it is. One that moves results is told in CHANGELOG, and
`python tests/properties/test_results_kept.py` writes the new hashes.
"""

import sys
import tomllib
from pathlib import Path

import pytest
import tomli_w
from slow_cases import with_slow

from popsim.runs.engine import Engine
from popsim.runs.runner import run_study
from popsim.studies.design import Change, read_study

FOLDER = Path(__file__).parents[2] / "experiments"
KEPT = Path(__file__).with_name("kept_results.toml")
SIZE = {"population": Change("--population", 30), "replications": Change("--replications", 1)}
SHORT = {"follow_up_days": Change("--days", 20), "enrolment_days": Change("--enrolment-days", 5)}


def files() -> dict[str, Path]:
    """Every shipped experiment and trial by its name."""
    return {path.stem: path for path in sorted([*FOLDER.glob("*.toml"), *FOLDER.glob("trials/*.toml")])}


def results(path: Path, out: Path) -> str:
    """The content hash of an experiment of thirty people; trials are followed as long as their protocol asks."""
    changes = SIZE if path.parent.name == "trials" else SIZE | SHORT
    study = read_study(path, changes)
    if study.experiment.draws:
        study = read_study(path, changes | {"draws": Change("--draws", 2)})
    return run_study(study, out, Engine(workers=1, threads=1)).content_hash


@pytest.mark.parametrize("name", with_slow(files(), lambda name: name not in ("heart_failure_discharge", "merit_hf")))
def test_results_are_those_that_were_kept(name, tmp_path):
    kept = tomllib.loads(KEPT.read_text(encoding="utf-8"))
    assert results(files()[name], tmp_path) == kept[name]


def test_every_experiment_is_kept():
    assert tomllib.loads(KEPT.read_text(encoding="utf-8")).keys() == files().keys()


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as out:
        found = {name: results(path, Path(out) / name) for name, path in files().items()}
    KEPT.write_text(tomli_w.dumps(found), encoding="utf-8")
    sys.stdout.write(KEPT.read_text(encoding="utf-8"))
