import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import made_up_work
import polars as pl
import pytest
from run_made_up import no_warm_up, run

from popsim.errors import InputError, RunError
from popsim.runs.engine import Engine
from popsim.runs.memory import needed_memory
from popsim.runs.run import StoredRun
from popsim.runs.runner import run_study
from popsim.runs.status import status_of
from popsim.runs.store import UnitStore
from popsim.studies.content import file_hash
from popsim.studies.design import Change, read_study

EXPERIMENT = Path(__file__).parents[2] / "experiments" / "heart_failure_discharge.toml"
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


def imports_numpy(pid):
    """Whether a worker has begun to import libraries, long before it takes work.

    Its command line is read first: until it has one of its own it is a copy of the driver, libraries and all.
    """
    folder = Path(f"/proc/{pid}")
    return "spawn_main" in command_line(folder) and "numpy" in (folder / "maps").read_text()


def gone(pids, seconds=60.0):
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
    assert len(StoredRun.open(folder).events("other", replication=3).collect()) == 5
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["content_hash"] == result.content_hash
    assert manifest["experiment"]["seed"] == 7
    assert len(manifest["units"]) == UNITS
    assert {"popsim", "numba", "polars", "python"} <= manifest["versions"].keys()
    assert {"cohort", "network", "parameters", "engine", "code", "flags"} <= manifest.keys()
    assert manifest["files"][str(experiment_file)] == file_hash(experiment_file)


@pytest.mark.slow
def test_a_finished_run_is_not_run_again(experiment_file, tmp_path):
    first, second = (run(experiment_file, tmp_path / "results", 1) for _ in range(2))
    assert (first.computed, second.computed) == (UNITS, 0)
    assert first.content_hash == second.content_hash
    assert first.tables["summary"].equals(second.tables["summary"])


@pytest.mark.slow
def test_two_workers_and_one_give_the_same_content(experiment_file, tmp_path, undisturbed):
    assert run(experiment_file, tmp_path / "two", 2).content_hash == undisturbed


def test_another_seed_gives_other_content(experiment_file, tmp_path, undisturbed):
    experiment_file.write_text(experiment_file.read_text().replace("seed = 7", "seed = 8"))
    assert run(experiment_file, tmp_path / "results", 1).content_hash != undisturbed


@pytest.mark.slow
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
    assert not list((tmp_path / "results").glob("made_up/*/*.parquet"))
    again = run(experiment_file, tmp_path / "results", 1)
    assert (again.computed, again.content_hash) == (4, undisturbed)


def test_quarantine_says_why_until_the_unit_is_done(experiment_file, tmp_path):
    results, tried = tmp_path / "results", []

    def fails(unit):
        tried.append(unit.name)
        return fails_for_other(unit)

    with pytest.raises(RunError, match="details in"):
        run_study(read_study(experiment_file), results, Engine(1, 1), simulate=fails, warm_up=no_warm_up)
    assert sorted(tried.count(name) for name in set(tried)) == [1, 1, 1, 1, 3, 3, 3, 3]
    files = list((results / "made_up" / "quarantine").iterdir())
    assert len(files) == 4
    record = json.loads(files[0].read_text())
    assert record["key"] == files[0].stem
    assert record["name"].startswith("other, replication ")
    assert record["problem"].startswith("ValueError: no luck (test_runner.py:")
    assert 'raise ValueError("no luck")' in record["traceback"]
    assert (record["tries"], record["versions"].keys() >= {"popsim", "python"}) == (3, True)
    run(experiment_file, results, 1)
    assert not (results / "made_up" / "quarantine").exists()


@pytest.mark.slow
def test_status_says_what_is_done_missing_and_given_up(experiment_file, tmp_path):
    def status():
        found = status_of(read_study(experiment_file), tmp_path)
        return found.total, found.done, found.missing, len(found.quarantined)

    assert status() == (8, 0, 8, 0)
    assert not (tmp_path / "made_up").exists()
    with pytest.raises(RunError):
        run_study(read_study(experiment_file), tmp_path, Engine(1, 1), simulate=fails_for_other, warm_up=no_warm_up)
    assert status() == (8, 4, 0, 4)
    name, problem = status_of(read_study(experiment_file), tmp_path).quarantined[0]
    assert (name, problem.startswith("ValueError: no luck")) == ("other, replication 0", True)
    next((tmp_path / "made_up" / "quarantine").iterdir()).write_text("{")
    finished_units(tmp_path)[0].write_bytes(b"")
    assert status() == (8, 3, 1, 4)
    run(experiment_file, tmp_path, 1)
    assert status() == (8, 8, 0, 0)


@pytest.mark.slow
def test_a_unit_that_hangs_is_given_up_and_the_others_finish(experiment_file, tmp_path):
    experiment_file.write_text(experiment_file.read_text().replace("replications = 4", "replications = 2"))
    study, engine = read_study(experiment_file), Engine(1, 1, deadline=0.5)
    failed = "^1 of 4 units failed 3 times: other, replication 1 .no result within its deadline of 0.5 s"
    with pytest.raises(RunError, match=failed):
        run_study(study, tmp_path, engine, simulate=made_up_work.hangs_once, warm_up=no_warm_up)
    assert len(finished_units(tmp_path)) == 3


@pytest.mark.slow
def test_runs_of_an_experiment_share_their_units(experiment_file, tmp_path):
    text = experiment_file.read_text()

    def computed(old="", new="", end=""):
        experiment_file.write_text(text.replace(old, new, 1) + end)
        return run(experiment_file, tmp_path, 1).computed

    assert computed() == UNITS
    assert computed("replications = 4", "replications = 6") == 4
    assert computed("replications = 4", "replications = 3") == 0
    assert computed("seed = 7", "seed = 7\nwillingness_to_pay = 1.0") == 0
    assert computed(end='[[strategies]]\nname = "third"\n') == 4
    assert computed("seed = 7", 'seed = 7\nstore = "persons"') == UNITS
    assert len({path.resolve() for path in tmp_path.glob("made_up/*/manifest.json")}) == 6


def test_a_unit_that_another_runner_finishes_is_not_computed_again(experiment_file, tmp_path, undisturbed):
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    run(experiment_file, theirs, 1)
    units, calls = read_study(experiment_file).units, []

    def simulate(unit):
        if not calls:
            name = f"made_up/units/{units[5].key}.zip"
            shutil.copy(theirs / name, ours / name)
        calls.append(unit.key)
        return made_up_work.tables(unit)

    result = run_study(read_study(experiment_file), ours, Engine(1, 1), simulate=simulate, warm_up=no_warm_up)
    assert result.content_hash == undisturbed
    assert calls == [unit.key for unit in units if unit != units[5]]


def test_a_second_runner_begins_at_the_other_end(experiment_file, tmp_path, undisturbed):
    calls = []

    def simulate(unit):
        calls.append(unit.key)
        return made_up_work.tables(unit)

    with UnitStore(tmp_path / "made_up").opened():  # somebody else works here
        result = run_study(read_study(experiment_file), tmp_path, Engine(1, 1), simulate=simulate, warm_up=no_warm_up)
    assert result.content_hash == undisturbed
    assert calls == [unit.key for unit in reversed(result.study.units)]


def test_a_flipped_byte_in_any_file_of_the_results_is_made_good(experiment_file, tmp_path, undisturbed):
    result = run(experiment_file, tmp_path / "results", 1)
    tables = {path.name: pl.read_parquet(path) for path in result.folder.glob("*.parquet")}
    for path in (tmp_path / "results").rglob("*.*"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    again = run(experiment_file, tmp_path / "results", 1)
    assert (again.computed, again.content_hash) == (UNITS, undisturbed)
    assert {path.name for path in result.folder.iterdir()} == {*tables, "manifest.json"}
    assert all(pl.read_parquet(result.folder / name).equals(table) for name, table in tables.items())
    assert json.loads((result.folder / "manifest.json").read_text())["content_hash"] == undisturbed


FULL_DISK = """
mount -t tmpfs -o size=48k tmpfs {results} || ulimit -S -f 4
{run} && exit 1
mount -o remount,size=16m {results} || ulimit -S -f unlimited
exec {run}
"""


@pytest.mark.slow
def test_a_full_disk_ends_the_run_and_the_same_command_goes_on_when_there_is_room(
    experiment_file, tmp_path, undisturbed
):
    """On a file system of 48 KiB; where the system lets nobody mount one, with files of 4 KiB at most."""
    (results := tmp_path / "small").mkdir()
    command = f"{sys.executable} {DRIVER} {experiment_file} {results} 1"
    script = FULL_DISK.format(results=results, run=command)
    mountable = subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode == 0
    shell = [*(["unshare", "-rm"] if mountable else []), "bash", "-c", script]
    done = subprocess.run(shell, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, undisturbed), done.stderr
    assert "the same command goes on when there is room" in done.stderr
    assert done.stderr.count("RunError: ") == 1


def test_the_driver_is_killed_and_the_same_command_finishes(experiment_file, tmp_path, undisturbed):
    results = tmp_path / "results"
    process = driver(experiment_file, results, 2, 0.3)
    wait_for_units(results, 1, process)
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


@pytest.mark.slow
@pytest.mark.parametrize("units", [0, 1])
def test_a_stopped_worker_does_not_outlive_its_killed_driver(experiment_file, tmp_path, units):
    """Neither one that works nor one that is still importing what it needs."""
    process = driver(experiment_file, tmp_path, 2, 0.3)
    wait_for_units(tmp_path, units, process)
    while not (workers := children(process.pid)) or not all(imports_numpy(worker) for worker in workers):
        assert process.poll() is None
        time.sleep(0.01)
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    process.kill()
    process.wait()
    left = not gone(workers)
    for worker in workers if left else ():
        os.kill(worker, signal.SIGKILL)
    assert not left


UNGUARDED = """
import sys
sys.path.insert(0, {folder!r})
import run_made_up
run_made_up.run({file!r}, {results!r}, 2)
"""


@pytest.mark.slow
def test_a_script_without_a_main_guard_is_told_so_once(experiment_file, tmp_path):
    """Worker processes import the script, and would begin the same run again."""
    script = tmp_path / "script.py"
    results = tmp_path / "results"
    script.write_text(UNGUARDED.format(folder=str(DRIVER.parent), file=str(experiment_file), results=str(results)))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=300)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"popsim.errors.InputError: {script}: worker processes import this file")
    assert last.endswith("""must be under "if __name__ == '__main__':\"""")
    assert done.stderr.count("Traceback") == 1
    assert not list(results.glob("made_up/units/.*"))


def test_a_worker_is_killed_and_the_run_goes_on(experiment_file, tmp_path, undisturbed):
    results = tmp_path / "results"
    process = driver(experiment_file, results, 2, 0.1)
    wait_for_units(results, 1, process)
    os.kill(children(process.pid)[0], signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out.strip()) == (0, undisturbed), err


@pytest.mark.slow
def test_two_drivers_in_one_folder_do_not_disturb_each_other(experiment_file, tmp_path, undisturbed):
    processes = [driver(experiment_file, tmp_path / "results", 1, 0.05) for _ in range(2)]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out.strip()) == (0, undisturbed), err


def test_progress_counts_units_and_failures(experiment_file, tmp_path):
    seen = []
    with pytest.raises(RunError):
        run_study(
            read_study(experiment_file), tmp_path, Engine(1, 1), lambda *numbers: seen.append(numbers),
            fails_for_other, no_warm_up,
        )  # fmt: skip
    assert (seen[0], seen[-1]) == ((0, 8, 0), (4, 8, 4))
    assert all(total == 8 for _, total, _ in seen)


def test_a_unit_that_does_not_fit_into_memory_is_refused_before_anything_is_done(
    experiment_file, tmp_path, monkeypatch
):
    monkeypatch.setattr("popsim.runs.engine.free_memory", lambda: needed_memory(1000))
    text = experiment_file.read_text()
    experiment_file.write_text(text.replace("population = 50", "population = 2500"))
    say = r"population = 2500: 2,500 twins at a time need .* are free; regions = 3 would fit"
    with pytest.raises(InputError, match=say):
        run(experiment_file, tmp_path / "results", 1)
    assert not (tmp_path / "results").exists()
    experiment_file.write_text(text.replace("population = 50", "population = 2500\nregions = 3"))
    assert run(experiment_file, tmp_path / "results", 1).computed == 3 * UNITS


@pytest.mark.slow
@pytest.mark.parametrize("trial", range(4))
def test_killed_again_and_again_at_random_the_same_command_finishes(experiment_file, tmp_path, trial):
    """Driver or workers, by SIGKILL, at moments drawn from a fixed seed; 40 units."""
    experiment_file.write_text(experiment_file.read_text().replace("replications = 4", "replications = 20"))
    chance, results = random.Random(trial), tmp_path / "results"
    for _ in range(4):
        before = len(finished_units(results))
        process = driver(experiment_file, results, 2, 0.1)
        wait_for_units(results, before + 1, process)
        time.sleep(chance.uniform(0, 0.3))
        workers = children(process.pid)
        victims = [process.pid] if chance.random() < 0.5 else chance.sample(workers, chance.randint(1, len(workers)))
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
        time.sleep(chance.uniform(0, 0.5))
        process.kill()
        process.wait()
        assert gone(workers)
    undisturbed = run(experiment_file, tmp_path / "undisturbed", 1).content_hash
    assert run(experiment_file, results, 2).content_hash == undisturbed
    assert list(results.glob("made_up/units/.*")) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["local", "dask"])
def test_a_stopped_worker_is_replaced_at_the_deadline(experiment_file, tmp_path, undisturbed, kind, monkeypatch):
    monkeypatch.setenv("POPSIM_TEST_MARKS", str(tmp_path))
    engine = Engine(2, 1, kind, deadline=8.0)
    study = read_study(experiment_file)
    result = run_study(study, tmp_path, engine, simulate=made_up_work.stopped_once, warm_up=no_warm_up)
    assert result.content_hash == undisturbed


def test_the_engine_fills_what_is_left_open():
    cores = len(os.sched_getaffinity(0))
    assert Engine.fitting(3, 5, 100, 10) == Engine(3, 5)
    assert Engine.fitting(None, None, 100 * cores, 10) == Engine(cores, 1)
    assert Engine.fitting(None, None, 4, 20) == Engine(1, 1)  # done before a second process has started
    assert Engine.fitting(None, None, 4, 20, days=3650 * cores) == Engine(min(cores, 4), 1)
    assert Engine.fitting(None, None, 1, 10) == Engine(1, 1)  # too few for threads
    assert Engine.fitting(None, None, 1, 25_000 * cores) == Engine(1, cores)
    assert Engine.fitting(None, cores, 100 * cores, 10) == Engine(1, cores)
    assert Engine.fitting(None, None, 100, 10**12).workers == 1  # no memory for two
    assert Engine.fitting(None, 2 * cores, 100, 10) == Engine(1, 2 * cores)


def test_a_run_in_is_work_that_strategies_share():
    """A unit of 200 people: 0.39 s by the constants; 1,200 who live 180 + 730 days first: 1.35 s, shared by three."""
    study = read_study(EXPERIMENT, {"population": Change("--population", 200)})
    cores = len(os.sched_getaffinity(0))
    assert Engine.fitting(None, None, 16, 200) == Engine(1, 1)
    assert Engine.of_study(study, units=16) == Engine(min(2, cores), 1)  # 13.5 s
    assert Engine.fitting(None, None, 1, 10, past=25_000 * cores) == Engine(1, cores)
