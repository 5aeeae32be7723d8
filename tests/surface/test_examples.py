"""What is shipped, a study of one's own to start from, and a wheel in an empty folder elsewhere."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import popsim as ps
from popsim.cli import main
from popsim.surface.examples import FOLDER, START, new_study

ROOT = Path(__file__).parents[2]


def test_all_experiments_and_cohorts_are_shipped():
    for folder in ("experiments", "cohorts"):
        files = {path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.toml")}
        assert files == {path.relative_to(FOLDER) for path in (FOLDER / folder).rglob("*.toml")}
    listed = ps.examples()
    assert {one.kind for one in listed} == {"experiment", "trial", "cohort", "care network", "notebook"}
    assert all(one.title and one.path.is_file() for one in listed)


def test_an_example_by_its_name():
    assert ps.example("heart_failure_discharge").read_text(encoding="utf-8").startswith("# Early follow-up")
    assert ps.example("heart_failure_discharge", "cohort").parent.name == "cohorts"
    assert ps.example("dapa_hf").is_file()
    with pytest.raises(ps.InputError, match="did you mean 'twin_guided'"):
        ps.example("twin_guidd")


def test_a_study_to_start_from_is_sound_and_commented(tmp_path, capsys):
    folder = tmp_path / "My study"
    assert main(["new", str(folder)]) == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted(START)
    commented = ("experiment.toml", "cohort.toml", "network.toml")
    assert all((folder / name).read_text(encoding="utf-8").count("#") > 3 for name in commented)
    assert main(["check", str(folder / "experiment.toml")]) == 0
    assert "experiment 'my_study' is sound" in capsys.readouterr().out
    assert ps.Experiment.read(folder / "experiment.toml").cohort.path == folder / "cohort.toml"


@pytest.mark.parametrize("name", ["123", "--", "_"])
def test_a_folder_whose_name_names_nothing_is_refused(tmp_path, name):
    with pytest.raises(ps.InputError, match="must begin with a letter"):
        new_study(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_nothing_that_is_there_is_overwritten(tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    assert main(["new", str(tmp_path / "mine")]) == 2
    assert "exists already" in capsys.readouterr().err


def test_examples_are_listed(capsys):
    assert main(["examples"]) == 0
    assert "experiments/heart_failure_discharge.toml" in capsys.readouterr().out


@pytest.mark.slow
def test_a_wheel_works_in_an_empty_folder(tmp_path):
    """Unpacked alone, with the dependencies of this interpreter and nothing of the checkout in reach."""
    pytest.importorskip("setuptools")
    source = tmp_path / "source"  # a copy: a build leaves a folder behind
    source.mkdir()
    for name in ("popsim", "cohorts", "experiments"):
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = [
        "-m",
        "pip",
        "wheel",
        str(source),
        "--no-deps",
        "--no-build-isolation",
        "-q",
        "-w",
        str(tmp_path / "wheel"),
    ]
    subprocess.run([sys.executable, *build], check=True)
    [wheel] = (tmp_path / "wheel").glob("*.whl")
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"PYTHONPATH": str(site)}

    def popsim(*words: str) -> str:
        command = [sys.executable, "-m", "popsim.cli", *words]
        done = subprocess.run(command, cwd=empty, env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    assert str(site) in popsim("examples") and str(ROOT) not in popsim("examples")
    popsim("new", "my_study")
    sizes = ["--population", "30", "--draws", "0", "--replications", "2", "--days", "10", "--enrolment-days", "0"]
    assert "content hash" in popsim("run", "my_study/experiment.toml", *sizes, "--workers", "1")
    assert "30 people" in popsim("outcomes", "my_study/experiment.toml")
    code = "import popsim as ps; print(ps.Experiment.read(ps.example('heart_failure_discharge')), ps.__file__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=empty, env=environment, capture_output=True, text=True,
                          check=True)  # fmt: skip
    assert str(site) in done.stdout
