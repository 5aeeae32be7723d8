import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import made_up_work
import polars as pl
import pytest
from run_made_up import no_warm_up, run

from popsim.errors import RunError
from popsim.experiments.content import file_hash
from popsim.experiments.design import read_study
from popsim.experiments.engine import Engine
from popsim.experiments.run import Run
from popsim.experiments.runner import run_study

DRIVER = Path(__file__).with_name("run_made_up.py")
UNITS = 8


def fails_for_other(unit):
    if unit.strategy.name == "other":
        raise ValueError("no luck")
    return made_up_work.tables(unit)


def driver(file, results, workers, delay):
    """The same run as `run`, as a process of its own group."""
    environment = os.environ | {"POPSIM_TEST_DELAY": str(delay)}
    command = [sys.executable, DRIVER, file, results, str(workers)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            start_new_session=True, text=True)  # fmt: skip


def finished_units(results):
    return list(results.glob("made_up/units/*.zip"))


def wait_for_units(results, count, process):
    deadline = time.monotonic() + 60
    while len(finished_units(results)) < count:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def children(pid):
    """Processes whose parent this is."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = status.read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(text.rpartition(")")[2].split()[1]) == pid and "resource_tracker" not in command_line(status.parent):
            found.append(int(status.parent.name))
    return found


def command_line(folder):
    try:
        return (folder / "cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def gone(pids, seconds=5.0):
    deadline = time.monotonic() + seconds
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.fixture
def undisturbed(experiment_file, tmp_path):
    """Content hash of the whole run, in this process."""
    return run(experiment_file, tmp_path / "undisturbed", 1).content_hash


def test_everything_is_readable_in_one_line(experiment_file, tmp_path):
    result = run(experiment_file, tmp_path / "results", 1)
    folder = tmp_path / "results" / "made_up" / result.study.run_id
    assert result.folder == folder
    assert result.computed == UNITS
    rows = {"persons": 400, "daily": 24, "admissions": 16, "measures": 16, "summary": 4, "comparisons": 2}
    rows["cost_effectiveness"] = 1
    assert {name: len(pl.read_parquet(folder / f"{name}.parquet")) for name in rows} == rows
    assert len(Run.open(folder).events("other", replication=3).collect()) == 5
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["content_hash"] == result.content_hash
    assert manifest["experiment"]["seed"] == 7
    assert len(manifest["units"]) == UNITS
    assert {"popsim", "numba", "polars", "python"} <= manifest["versions"].keys()
    assert {"cohort", "network", "parameters", "engine", "code", "flags"} <= manifest.keys()
    assert manifest["files"][str(experiment_file)] == file_hash(experiment_file)


def test_a_finished_run_is_not_run_again(experiment_file, tmp_path):
    first, second = (run(experiment_file, tmp_path / "results", 1) for _ in range(2))
    assert (first.computed, second.computed) == (UNITS, 0)
    assert first.content_hash == second.content_hash
    assert first.tables["summary"].equals(second.tables["summary"])


def test_two_workers_and_one_give_the_same_content(experiment_file, tmp_path, undisturbed):
    assert run(experiment_file, tmp_path / "two", 2).content_hash == undisturbed


def test_another_seed_gives_other_content(experiment_file, tmp_path, undisturbed):
    experiment_file.write_text(experiment_file.read_text().replace("seed = 7", "seed = 8"))
    assert run(experiment_file, tmp_path / "results", 1).content_hash != undisturbed


def test_a_flipped_bit_is_found_and_the_unit_redone(experiment_file, tmp_path, undisturbed):
    run(experiment_file, tmp_path / "results", 1)
    path = sorted(finished_units(tmp_path / "results"))[3]
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    again = run(experiment_file, tmp_path / "results", 1)
    assert (again.computed, again.content_hash) == (1, undisturbed)


def test_failed_units_are_named_and_the_others_kept(experiment_file, tmp_path, undisturbed):
    study, engine = read_study(experiment_file), Engine(1, 1)
    with pytest.raises(RunError, match=r"^4 of 8 units failed 3 times: other, replication \d \(Val.*no luck .* 1 more"):
        run_study(study, tmp_path / "results", engine, simulate=fails_for_other, warm_up=no_warm_up)
    assert len(finished_units(tmp_path / "results")) == UNITS - 4
    assert not list((tmp_path / "results").glob("made_up/*/manifest.json"))
    again = run(experiment_file, tmp_path / "results", 1)
    assert (again.computed, again.content_hash) == (4, undisturbed)


@pytest.mark.parametrize("trial", range(2))
def test_the_driver_is_killed_and_the_same_command_finishes(experiment_file, tmp_path, undisturbed, trial):
    results = tmp_path / "results"
    process = driver(experiment_file, results, 2, 0.1)
    wait_for_units(results, 1, process)
    time.sleep(random.Random(trial).uniform(0, 0.2))
    workers = children(process.pid)
    process.kill()
    process.wait()
    assert 1 <= len(workers) <= 2
    assert gone(workers)
    assert 1 <= len(finished_units(results)) < UNITS
    again = run(experiment_file, results, 1)
    assert again.content_hash == undisturbed
    assert again.computed < UNITS
    assert list(results.glob("made_up/units/.*")) == []


def test_a_worker_is_killed_and_the_run_goes_on(experiment_file, tmp_path, undisturbed):
    results = tmp_path / "results"
    process = driver(experiment_file, results, 2, 0.1)
    wait_for_units(results, 1, process)
    os.kill(children(process.pid)[0], signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out.strip()) == (0, undisturbed), err


def test_two_drivers_in_one_folder_do_not_disturb_each_other(experiment_file, tmp_path, undisturbed):
    processes = [driver(experiment_file, tmp_path / "results", 1, 0.05) for _ in range(2)]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out.strip()) == (0, undisturbed), err


def test_the_engine_fills_what_is_left_open():
    cores = len(os.sched_getaffinity(0))
    assert Engine.fitting(3, 5, 100, 10) == Engine(3, 5)
    assert Engine.fitting(None, None, 100, 10) == Engine(cores, 1)
    assert Engine.fitting(None, None, 1, 10) == Engine(1, cores)
    assert Engine.fitting(None, cores, 100, 10) == Engine(1, cores)
    assert Engine.fitting(None, None, 100, 10**12).workers == 1  # no memory for two
