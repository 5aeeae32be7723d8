"""A run saved on a day: the same bits as an uninterrupted run, for every strategy; damaged and other files refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from flagship import AS_DESCRIBED as MAIN

import popsim as ps
from popsim.cli import main
from popsim.errors import InputError
from popsim.kernels.care import records
from popsim.population.state import State
from popsim.runs import unit_file
from popsim.runs.run import StoredRun
from popsim.runs.saved import SavedRun, read_state
from popsim.studies.unit import resumed

DAY = 12
SIZE = ["--population", "50", "--draws", "2", "--replications", "1", "--days", "30", "--enrolment-days", "6"]
ALONE = ["--workers", "1", "--threads", "1", "--quiet"]
PATIENT = np.concatenate([np.zeros(1, records.PATIENT)] * 2).dtype  # as tables that have grown have it
POPSIM = Path(sys.executable).parent / "popsim"


def popsim(capsys, *arguments):
    """Exit code and what was printed to standard output and standard error."""
    code = main([str(one) for one in arguments])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    path = folder / "present.popsim"
    assert (
        main(["run", str(MAIN), *SIZE, *ALONE, "--until-day", str(DAY), "--save", str(path), "--out", str(folder)]) == 0
    )
    return path


def contents(run):
    """Content hash of every table of every unit, the event log included."""
    return {(unit["strategy"], unit["draw"]): unit["contents"] for unit in run.manifest["units"]}


def test_every_branch_has_the_bits_of_an_uninterrupted_run(saved, tmp_path, capsys):
    code, out, err = popsim(capsys, "run", "--from", saved, *ALONE, "--out", tmp_path / "branch")
    assert code == 0, err
    branch = StoredRun.open(Path(out.split("  ")[0]))
    assert [*branch.strategies.values()] == [
        "Usual care", f"Early follow-up from day {DAY}", f"Telemonitoring from day {DAY}",
    ]  # fmt: skip
    assert branch.manifest["flags"]["--from"] == str(saved)
    whole = ps.Experiment.read(MAIN).with_(
        population=50, draws=2, replications=1, follow_up_days=30, enrolment_days=6,
        strategies=branch.manifest["experiment"]["strategies"],
    )  # fmt: skip
    assert contents(whole.run(tmp_path / "whole", workers=1, threads=1)) == contents(branch)
    usual = [unit["key"] for unit in branch.manifest["units"] if unit["strategy"] == "usual_care"]
    plain = (
        ps.Experiment.read(MAIN)
        .with_(population=50, draws=2, replications=1, follow_up_days=30, enrolment_days=6)
        ._study.units
    )
    assert usual == [unit.key for unit in plain if unit.strategy.name == "usual_care"]  # the same unit, not a like one


def test_a_saved_run_leaves_nothing_beside_its_file(saved):
    assert list(saved.parent.rglob("*.zip")) == []
    with zipfile.ZipFile(saved) as file:
        assert len(file.namelist()) == 3  # two draws and what the file says


@pytest.mark.parametrize("place", [0, 1000, -200, -5])
def test_a_damaged_file_is_refused(saved, tmp_path, capsys, place):
    content = bytearray(saved.read_bytes())
    content[place] ^= 1
    damaged = tmp_path / "damaged"
    damaged.write_bytes(content)
    code, out, err = popsim(capsys, "run", "--from", damaged, "--out", tmp_path)
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert f"{damaged}: damaged, or not a run saved by 'popsim run --save'" in err


def test_a_file_cut_short_empty_or_absent_is_refused(saved, tmp_path, capsys):
    for name, content in (("cut", saved.read_bytes()[:-100]), ("empty", b""), ("absent", None)):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        code, _, err = popsim(capsys, "run", "--from", path, "--out", tmp_path)
        assert code == 2 and err.count("\n") == 1 and str(path) in err


def changed(saved, path, change):
    """The file with another `saved.json`, sealed again."""
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "saved.json":
                content = json.dumps(json.loads(content) | change).encode()
            new.writestr(zipfile.ZipInfo(name), content)
        new.comment = b"0" * unit_file.SEAL
    unit_file.seal(path)
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"popsim": "0.0.9", "shared": {"code": "x"}}, "was saved by popsim 0.0.9, whose results may differ"),
        ({"shared": {"code": "x"}}, "was saved by other code of popsim, whose results may differ"),
        ({"format": 2}, "whose results may differ: save the run again"),
    ],
)
def test_a_file_of_another_version_is_refused(saved, tmp_path, change, said):
    with pytest.raises(InputError, match=said):
        SavedRun.open(changed(saved, tmp_path / "other", change))


def test_members_that_no_saved_run_has_are_refused(saved, tmp_path):
    path = tmp_path / "more"
    shutil.copy(saved, path)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("model.pickle", b"cos\nsystem\n")
        file.comment = b"0" * unit_file.SEAL
    unit_file.seal(path)
    with pytest.raises(InputError, match="damaged, or not a run saved"):
        SavedRun.open(path)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--population", "60"], "population: not that of the saved run; it was saved with --population 50"),
        (["--days", "40"], "follow up days: not that of the saved run"),
        (["--scenario", "heat_wave"], "data: not that of the saved run"),
        (["--strategy", "coaching"], "strategy 'coaching': "),
    ],
)
def test_another_experiment_is_refused(saved, tmp_path, capsys, flags, said):
    size = [one for pair in zip(SIZE[::2], SIZE[1::2], strict=True) if pair[0] != flags[0] for one in pair]
    code, out, err = popsim(capsys, "run", MAIN, "--from", saved, *size, *flags, "--out", tmp_path)
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert f"{saved}: {said}" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([MAIN, "--until-day", "5"], "--until-day and --save go together"),
        ([MAIN, "--save", "x"], "--until-day and --save go together"),
        ([MAIN, "--strategy", "usual_care"], "only goes with --from or --save"),
        ([], "FILE: an experiment must be named"),
        ([MAIN, "--until-day", "0", "--save", "{folder}/x"], "--until-day = 0: must be between 1 and 546"),
        ([MAIN, "--until-day", "730", "--save", "{folder}/x"], "--until-day = 730: must be between 1 and 546"),
        ([MAIN, "--until-day", "5", "--save", "{folder}"], "must be the path of a file in a folder that exists"),
        ([MAIN, "--until-day", "5", "--save", "{folder}/x", "--strategy", "usual"], "did you mean 'usual_care'"),
        (["--from", "{saved}", "--population", "60"], "--population: goes with --from only where FILE names"),
        (["--from", "{saved}", "--until", "cost_total=5"], "--until cost_total=5: does not go with --from"),
        (["--from", "{saved}", "--until-day", "20", "--save", "{folder}/x"], "does not go with --save"),
    ],
)
def test_what_does_not_go_together_is_refused(saved, tmp_path, capsys, arguments, said):
    given = [str(one).format(folder=tmp_path, saved=saved) for one in arguments]
    code, out, err = popsim(capsys, "run", *given, "--out", tmp_path)
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert said in err


@pytest.mark.parametrize(
    ("name", "kind", "axes", "field"),
    [
        ("patients", PATIENT, 1, "setting"),
        ("patients", PATIENT, 1, "next"),
        ("log", records.LOG, 1, "row"),
        ("bookings", records.BOOKING, 2, "due"),
    ],
)
def test_a_forged_state_is_refused_before_a_kernel_reads_it(saved, name, kind, axes, field):
    """A sound seal says nothing about who wrote a file: every index is checked."""
    opened = SavedRun.open(saved)
    state = read_state(saved, next(iter(opened.keys.values())))
    array = state.take(f"model/care/now/{name}", kind, (None,) * axes)
    array[field].reshape(-1)[0] = np.iinfo(array.dtype[field]).max
    forged = State(state._stored | State.of({f"model/care/now/{name}": array})._stored)
    with pytest.raises(InputError, match=f"saved state: '{name}.{field}' of the care network holds"):
        resumed(opened.branch().units[0], forged)


@pytest.mark.slow
def test_a_killed_process_is_resumed_by_the_same_command(saved, tmp_path):
    """Killed once the state of the first unit is stored; the file is written by the second attempt alone."""
    path = tmp_path / "present.popsim"
    command = [POPSIM, "run", MAIN, *SIZE, *ALONE, "--until-day", str(DAY), "--save", path, "--out", tmp_path]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while first.poll() is None and not list(tmp_path.rglob("units/*.zip")):
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert first.returncode != 0 and not path.exists()
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    one, other = SavedRun.open(saved), SavedRun.open(path)
    assert one.said["units"] == other.said["units"]
    for key in one.keys.values():
        words = [read_state(file, key).frames()["words"]["word"].to_numpy() for file in (saved, path)]
        assert np.array_equal(*words)
