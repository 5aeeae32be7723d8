"""The command line as a user meets it: what is printed, exit codes, Ctrl-C, pipes."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import polars as pl
import pytest
import typer
from flagship import AS_DESCRIBED as MAIN
from flagship import ROOT
from slow_cases import with_slow

from popsim.cli import app, main
from popsim.cli.describing import SCHEMA_KINDS
from popsim.cli.learn import _units
from popsim.cli.options import StudyOptions
from popsim.definitions.writing import KINDS
from popsim.reporting.text.compiling import NOTICE
from popsim.runs.run import StoredRun
from popsim.studies.design import read_study

POPSIM = Path(sys.executable).parent / "popsim"
SMALL = ["--population", "60", "--draws", "0", "--replications", "2", "--days", "20", "--enrolment-days", "5"]
HEAVY = ("numba", "numpy", "polars", "mesa", "matplotlib", "pydantic", "networkx", "scipy")


def process(*arguments, **options):
    return subprocess.run([POPSIM, *arguments], capture_output=True, text=True, check=False, **options)


def content_hash(out):
    return out.splitlines()[-1].rpartition("content hash ")[2]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A small run of the main experiment: its folder of results and what was printed."""
    results = tmp_path_factory.mktemp("results")
    done = process("run", MAIN, *SMALL, "--out", results, "--workers", "1", "--threads", "1")
    assert done.returncode == 0, done.stderr
    assert done.stderr.replace(f"{NOTICE}\n", "") == ""  # no progress bar in a pipe
    return results, done.stdout


def test_help_imports_nothing_heavy():
    code = f"import sys, popsim.cli as c; c.main(['--help']); print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "0.1.0\n"


@pytest.mark.parametrize(
    ("file", "what"),
    [
        ("experiments/heart_failure_discharge.toml", "experiment 'heart_failure_discharge' is sound"),
        ("experiments/networks/heart_failure_catchment.toml", "care network 'heart_failure_catchment' is sound"),
        ("cohorts/heart_failure_discharge.toml", "cohort 'heart_failure_discharge' is sound"),
        ("popsim/evidence/nhs_prices.toml", "parameter set 'nhs_prices' is sound"),
    ],
)
def test_check(capsys, file, what):
    assert main(["check", str(ROOT / file)]) == 0
    assert what in capsys.readouterr().out


def test_every_shipped_definition_is_sound(capsys):
    kinds = ("networks", "calibration", "calibrated", "targets", "trials")
    folders = (
        "experiments",
        "cohorts",
        "popsim/evidence",
        "popsim/evidence/devices",
        "popsim/evidence/scores",
        *(f"experiments/{kind}" for kind in kinds),
    )
    files = [path for folder in folders for path in (ROOT / folder).glob("*.toml")]
    assert len(files) >= 5
    assert {path.name: main(["check", str(path)]) for path in files} == {path.name: 0 for path in files}


def test_a_run_prints_what_the_issue_asks_for(finished):
    _, out = finished
    for title in ("Usual care", "Early follow-up", "Telemonitoring"):
        assert title in "\n".join(out.splitlines()[:8])
    for row in (
        "30-day readmission, all causes, %", "30-day readmission, index condition, %", "Admissions per person-year",
        "Died during follow-up, %", "Bed-days per person", "Occupancy, people, mean", "Occupancy, people, peak day",
        "Cost per person, GBP", "Wards and intensive care", "Total", "QALYs", "Difference from usual care",
        "Incremental cost per QALY", "Net benefit at 20,000 per QALY",
    ):  # fmt: skip
        assert row in out
    assert " nan" not in out.lower()


def test_a_run_leaves_everything_readable(finished):
    results, out = finished
    folder = Path(out.splitlines()[-1].split()[0])
    assert folder.parent == results / "heart_failure_discharge"
    persons = pl.read_parquet(folder / "persons.parquet")
    assert persons.height == 60 * 3 * 2
    assert persons.group_by("strategy", "replication").len()["len"].to_list() == [60] * 6
    assert pl.read_parquet(folder / "daily.parquet").height == 25 * 3 * 2
    events = StoredRun.open(folder).events("usual_care").collect()
    assert events.filter(pl.col("event") == "enter").height == 60
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["content_hash"].startswith(content_hash(out))
    assert manifest["experiment"]["population"] == 60


@pytest.mark.slow
def test_explain_names_people_and_what_parted_their_lives(finished):
    results, _ = finished
    folder = results / "heart_failure_discharge"
    both = (pl.col("replication") == 0) & (pl.col("strategy").cast(pl.String) != "telemonitoring")
    persons = pl.read_parquet(next(folder.rglob("persons.parquet"))).filter(both)
    visits = persons.group_by("person_id").agg(pl.col("visits").n_unique())
    apart = str(visits.filter(pl.col("visits") > 1)["person_id"].min())
    options = ("--person", apart, "--strategy", "early_follow_up")
    assert "Day" in process("explain", folder, *options).stdout
    assert "First differences\n" in process("explain", folder, *options, "--against", "usual_care").stdout
    refused = process("explain", folder, "--person", "1000000")
    assert refused.returncode == 2 and "no person 1000000" in refused.stderr


@pytest.mark.slow
def test_the_same_command_again_finds_everything_done(finished):
    results, out = finished
    before = {path: path.stat().st_mtime_ns for path in results.rglob("units/*")}
    again = process("run", MAIN, *SMALL, "--out", results)
    assert (again.returncode, again.stdout) == (0, out)
    assert {path: path.stat().st_mtime_ns for path in results.rglob("units/*")} == before


@pytest.mark.parametrize(
    ("workers", "threads"), [pytest.param(*one, marks=pytest.mark.slow) for one in ((1, 2), (2, 1))] + [(2, 2)]
)
def test_the_same_bits_on_any_number_of_workers_and_threads(finished, tmp_path, workers, threads):
    _, out = finished
    engine = ["--workers", str(workers), "--threads", str(threads)]
    done = process("run", MAIN, *SMALL, "--out", tmp_path, "--quiet", *engine)
    assert done.returncode == 0, done.stderr
    assert content_hash(done.stdout) == content_hash(out)
    assert (len(done.stdout.splitlines()), done.stderr) == (1, "")  # quiet


def test_status_of_a_finished_run_and_of_one_that_was_not_begun(finished, capsys, tmp_path):
    results, _ = finished
    assert main(["status", str(MAIN), *SMALL, "--out", str(results)]) == 0
    assert capsys.readouterr().out == "6 of 6 units done, 0 missing, 0 given up\n"
    assert main(["status", str(MAIN), *SMALL, "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().out == "0 of 6 units done, 6 missing, 0 given up\n"


@pytest.mark.slow
def test_status_of_a_run_by_its_folder_and_of_the_newest_run_of_a_file(finished, capsys):
    results, out = finished
    folder = out.splitlines()[-1].split()[0]
    assert main(["status", folder]) == 0
    assert capsys.readouterr() == ("6 of 6 units done, 0 missing, 0 given up\n", "")
    assert main(["status", str(MAIN), "--out", str(results)]) == 0
    said = capsys.readouterr()
    assert said.out == "6 of 6 units done, 0 missing, 0 given up\n"
    assert said.err == f"popsim: {folder} (--population 60 --replications 2 --draws 0 --days 20 --enrolment-days 5)\n"


@pytest.mark.parametrize(
    "command",
    with_slow([["outcomes"], ["explain"], ["decide"], ["report"], ["plot", "--only", "costs"]], ["outcomes"].__ne__),
    ids=lambda one: one[0],
)
def test_what_reads_a_run_finds_it_by_the_experiments_file_and_says_which(finished, capsys, monkeypatch, command):
    results, out = finished
    monkeypatch.chdir(results.parent)
    Path("results").unlink(missing_ok=True)
    Path("results").symlink_to(results)
    assert main([command[0], str(MAIN), *command[1:]]) == 0
    assert f"{Path(out.split()[-4]).name} (--population 60 --replications 2 --draws 0" in capsys.readouterr().err


@pytest.mark.slow
def test_every_command_that_simulates_has_the_flags_of_a_study():
    """What a command cannot use is left out on purpose."""
    shared = {one.name for one in fields(StudyOptions)}
    sizes = {"population", "replications", "draws", "regions", "seed", "days", "enrolment_days"}
    without = {
        ("status",): {"workers", "threads", "quiet"},
        ("search",): {"replications"},  # the file's, for each of its stages
        ("validate",): {"draws", "regions", "days", "enrolment_days"},  # a target has a horizon
        ("calibrate",): sizes - {"seed"},  # of its own: --people
        ("verify",): shared - {"seed", "days", "enrolment_days", "workers", "threads", "quiet"},
        ("learn",): {"draws", "regions", "quiet"},
        ("score",): shared - {"population", "replications", "seed", "enrolment_days", "workers", "threads"},
    }
    alike = ["run", "plan", "scenarios", "capacity", "data-value"]
    alike += [f"sensitivity {one}" for one in ("one-way", "two-way", "threshold", "sobol", "morris")]
    for path in [*without, *(tuple(name.split()) for name in alike)]:
        command = typer.main.get_command(app)
        for name in path:
            command = command.commands[name]
        assert shared - {one.name for one in command.params} - without.get(path, set()) == set(), path


@pytest.mark.parametrize(
    ("command", "say"),
    [
        (["sensitivity", "one-way", str(MAIN), "--threads", "0"], "--threads = 0: must be between 1 and 1024"),
        (["scenarios", str(MAIN), "--workers", "2000"], "--workers = 2000: must be between 1 and 1024"),
        (["verify", str(MAIN), "--days", "0"], "command line: --days = 0: must be between"),
        (["data-value", str(ROOT / "experiments/data_value/home_readings.toml"), "--population", "0"],
         "--population = 0: must be"),
        (["validate", "--population", "-5", str(ROOT / "experiments/targets/discharge.toml")],
         "command line: --population = -5: must be"),
    ],
)  # fmt: skip
def test_a_flag_of_a_study_that_cannot_be_is_refused_by_every_command(capsys, monkeypatch, command, say):
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    assert main(command) == 2
    assert say in capsys.readouterr().err


def test_parameters_are_found_by_a_part_of_their_name_and_kept_as_a_table(capsys, tmp_path):
    assert main(["parameters", str(MAIN), "--match", "NHS_prices.in", "--csv", str(tmp_path / "p.csv")]) == 0
    _, *lines, _ = capsys.readouterr().out.splitlines()
    assert lines and all(line.startswith("nhs_prices.in") for line in lines)
    table = pl.read_csv(tmp_path / "p.csv")
    assert table.columns[:5] == ["parameter", "value", "unit", "low", "high"]
    assert table["parameter"].to_list() == [line.split()[0] for line in lines]
    assert main(["parameters", str(MAIN), "--match", "nothing"]) == 2
    assert "--match nothing: no parameter name contains it; sets: " in capsys.readouterr().err


def test_the_kinds_that_the_help_of_schema_names_are_all_kinds():
    assert set(KINDS) == set(SCHEMA_KINDS)


@pytest.mark.slow
def test_an_experiment_without_a_comparator_is_compared_with_its_first_strategy_by_every_command(capsys, tmp_path):
    text = MAIN.read_text()
    text = "\n".join(line for line in text.splitlines() if not line.startswith("comparator"))
    (tmp_path / "none.toml").write_text(text)
    study = read_study(tmp_path / "none.toml")
    assert study.experiment.comparator == "" and _units(study, "")[0].strategy.name == "usual_care"
    command = ["score", str(tmp_path / "none.toml"), "--population", "20", "--members", "8", "--enrolment-days", "30"]
    main(command)  # too few to judge, perhaps
    assert "--strategy" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "say"),
    [
        (["--engine", "dsk"], "command line: --engine = 'dsk': did you mean 'dask'?"),
        (["--address", "tcp://h:1"], "--address = 'tcp://h:1': only goes with --engine dask"),
        (["--deadline", "0"], "command line: --deadline = 0: must be above 0"),
        (["--deadline", "nan"], "command line: --deadline = nan: must be above 0"),
    ],
)
def test_an_engine_that_there_is_not_is_refused(capsys, tmp_path, options, say):
    assert main(["run", str(MAIN), "--out", str(tmp_path / "results"), *options]) == 2
    assert say in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


def test_progress_only_on_a_terminal(finished):
    results, out = finished
    ours, theirs = pty.openpty()
    command = [POPSIM, "run", MAIN, *SMALL, "--out", results]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, text=True) as running:
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += (part := os.read(ours, 65536))
            except OSError:  # the other end is closed
                break
            if not part:
                break
        assert running.stdout.read() == out
    os.close(ours)
    assert b"6/6" in shown


@pytest.mark.slow
def test_a_reader_that_leaves_early_gets_no_complaint(finished):
    results, _ = finished
    command = [POPSIM, "run", MAIN, *SMALL, "--out", results]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        running.stdout.close()
        err = running.stderr.read()
    assert err == ""
    assert running.returncode == 141  # 128 + SIGPIPE


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--version"], ["schema", "experiment"]], ids=["short", "long"])
@pytest.mark.parametrize(
    ("redirected", "say"), [("> /dev/full", "No space left on device"), (">&-", "Bad file descriptor")]
)
def test_output_that_cannot_be_written_is_one_line(arguments, redirected, say):
    command = f"{POPSIM} {' '.join(arguments)} {redirected}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("popsim: ") and say in done.stderr


@pytest.mark.parametrize("redirected", ["2>&-", "2> /dev/full", "<&- >&- 2>&-"])
def test_a_complaint_that_nobody_can_hear_is_no_crash(redirected):
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = f"{POPSIM} check nothing.toml {redirected}"
    done = subprocess.run(command, shell=True, capture_output=True, check=False, env=buffered)
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"")


@pytest.mark.slow
@pytest.mark.parametrize(
    "encoding", ["ascii", *(pytest.param(one, marks=pytest.mark.slow) for one in ("latin-1", "cp1252"))]
)
def test_a_label_that_the_terminal_cannot_show_is_escaped(tmp_path, encoding):
    text = MAIN.read_text().replace('label = "Usual care"', 'label = "Soins \u00e9 \U0001f3e5"')
    (tmp_path / "accents.toml").write_text(text)
    command = [POPSIM, "run", tmp_path / "accents.toml", *SMALL[:6], "--days", "5", "--out", tmp_path, "--workers", "1"]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    shown = "Soins \u00e9".encode(encoding, "backslashreplace")
    assert shown in done.stdout and b"content hash" in done.stdout.splitlines()[-1]


def test_errors_of_tables_are_one_line(monkeypatch, capsys):
    """What Polars raises, and its panic, which is no `Exception`."""
    panic = pl.exceptions.PanicException
    for error in (pl.exceptions.ComputeError("parquet: \n no"), panic("index out of bounds"), OSError(28, "No room")):

        def fails(*_, error=error, **__):
            raise error

        monkeypatch.setattr("popsim.verification.definition_check.check_file", fails)
        assert main(["check", str(MAIN)]) == 1
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and "internal error" not in said


def descendants(pid):
    """Processes below a process, by the kernel's own list."""
    found = [int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()]
    return found + [below for child in found for below in descendants(child)]


@pytest.mark.parametrize(("workers", "whole_group"), [("1", False), ("2", True)], ids=["driver only", "whole group"])
def test_ctrl_c_ends_within_seconds_and_the_same_command_goes_on(tmp_path, workers, whole_group):
    size = ["--population", "2000", "--draws", "0", "--replications", "60", "--days", "40", "--enrolment-days", "5"]
    command = [POPSIM, "run", MAIN, *size, "--out", tmp_path, "--workers", workers]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True)  # fmt: skip
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("*/units/*.zip")):
        assert running.poll() is None, running.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    below = descendants(running.pid)
    began = time.monotonic()
    if whole_group:
        os.killpg(running.pid, signal.SIGINT)
    else:
        running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, "")
    assert err == "popsim: interrupted; the same command goes on from here\n"
    assert len(below) >= int(workers) - 1
    while any(Path(f"/proc/{pid}").exists() for pid in below):
        assert time.monotonic() - began < 60, "processes are left behind"
        time.sleep(0.02)


def test_pathway_show(tmp_path):
    out = tmp_path / "network.png"
    assert main(["pathway", "show", str(ROOT / "experiments/networks/minimal_ward.toml"), "--out", str(out)]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")


def test_cohort_summary(capsys):
    cohort = str(ROOT / "cohorts" / "heart_failure_discharge.toml")
    assert main(["cohort", "summary", cohort, "--size", "500", "--seed", "3"]) == 0
    out = capsys.readouterr().out
    assert "Age" in out
    assert "500" in out
