"""Whatever simulates takes the number of its threads, and of its processes where the work is divided over them."""

import os

import numba
import pytest
from command_tree import TREE
from flagship import AS_DESCRIBED, ROOT

from popsim.cli import main
from popsim.cli.options import StudyOptions
from popsim.physiology import ClinicalPhysiology

MAIN = str(AS_DESCRIBED)
NETWORK = str(ROOT / "experiments/networks/heart_failure_catchment.toml")
SMALL = ["--population", "60", "--days", "20", "--enrolment-days", "5", "--draws", "0", "--replications", "2"]
SIMULATE = {
    "run", "plan", "scenarios", "capacity", "search", "data-value", "validate", "calibrate", "score",
    "learn", "verify", "explain", "bundle", "sensitivity one-way", "sensitivity two-way", "sensitivity threshold",
    "sensitivity sobol", "sensitivity morris", "sensitivity influence",
}  # fmt: skip
OF_TWINS = ("new", "update", "watch", "forecast", "compare", "explain")
OF_MODELS = ("decide", "one-way", "budget", "verify", "report")
ONE_UNIT = {
    "plot", "report", "export fhir", "export omop", *(f"twin {one}" for one in OF_TWINS),
    *(f"model {one}" for one in OF_MODELS),
}  # fmt: skip
NOTHING_IS_SIMULATED = {  # and why
    "new": "writes a file", "examples": "copies files", "status": "counts stored units", "check": "reads definitions",
    "parameters": "reads definitions", "schema": "prints a schema", "pathway show": "draws a definition",
    "cohort from-table": "reads a table", "cohort from-omop": "reads tables",
    "cohort from-fhir": "reads files", "cohort disclosure": "attacks tables", "cohort synthesise": "fits marginals",
    "deidentify": "reads files", "card": "reads results", "dashboard": "starts runs in processes of their own",
    "export excel": "reads a run", "export r": "reads a run", "export twin": "reads the registry",
    "twin page": "starts commands in processes of their own", "twin key": "writes a key",
    "twin encrypt": "writes a file", "twin decrypt": "writes a file", "twin backup": "copies a file",
    "twin restore": "copies a file", "twin migrate": "rewrites a file", "twin exports": "reads the registry",
    "cohort summary": "samples people, whom nobody advances; sampling has no parallel loop",
    "decide": "reads a run", "outcomes": "reads a run", "budget": "reads a run", "subgroups": "reads a run",
    "equity": "reads a run", "compare": "reads two runs",
    "twin show": "reads the registry", "twin forget": "deletes", "twin audit": "reads the log",
}  # fmt: skip


def engine_flags(command):
    return {option.name for option in command.params} & {"workers", "threads"}


@pytest.mark.parametrize("name", TREE)
def test_every_command_that_simulates_takes_workers_and_threads_unless_its_work_is_one_unit(name):
    """A new command belongs to one of the three kinds."""
    reason = getattr(TREE[name].callback, "one_unit", "")
    kinds = {"both": name in SIMULATE, "one": name in ONE_UNIT, "none": name in NOTHING_IS_SIMULATED}
    assert sum(kinds.values()) == 1, name
    assert bool(reason) == kinds["one"]
    expected = {"workers", "threads"} if kinds["both"] else {"threads"} if kinds["one"] else set()
    assert engine_flags(TREE[name]) == expected


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A folder with a finished run."""
    folder = tmp_path_factory.mktemp("results")
    assert main(["run", MAIN, *SMALL, "--out", str(folder), "--quiet"]) == 0
    return folder


@pytest.mark.slow
def test_what_takes_neither_simulates_nothing(results, monkeypatch, tmp_path, capsys):
    def advance(*_):
        raise AssertionError

    monkeypatch.setattr(ClinicalPhysiology, "advance", advance)
    cohort = str(ROOT / "cohorts/heart_failure_discharge.toml")
    run = str(results / "heart_failure_discharge")
    budget = ["--eligible", "100", "--uptake", "0.5"]
    for command in (
        ["status", MAIN, *SMALL, "--out", str(results)], ["check", MAIN], ["parameters", MAIN], ["schema", "cohort"],
        ["pathway", "show", NETWORK, "--out", str(tmp_path / "network.png")], ["cohort", "summary", cohort],
        ["decide", run], ["outcomes", run], ["budget", run, *budget], ["subgroups", run, "--by", "female"],
        ["equity", run, "--by", "female"],
    ):  # fmt: skip
        assert main(command) == 0, (command, capsys.readouterr().err)
    assert main(["explain", run, "--person", "3"]) == 1  # which simulates


SCORE = ["score", MAIN, "--population", "60", "--enrolment-days", "28", "--weeks", "1", "--days", "7", "--members", "4"]
LEARN = ["learn", MAIN, "--population", "300", "--days", "120", "--enrolment-days", "10", "--every", "14"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        pytest.param([*SCORE, "--replications", "2"], id="score"),
        pytest.param([*LEARN, "--replications", "2", "--out", "OUT"], id="learn", marks=pytest.mark.slow),
        pytest.param(["verify", MAIN, "--only", "discounting", "--people", "40"], id="verify", marks=pytest.mark.slow),
        pytest.param(
            ["explain", "RUN", "--person", "3", "--strategy", "early_follow_up", "--against", "usual_care"],
            id="explain", marks=pytest.mark.slow,
        ),
    ],
)  # fmt: skip
def test_the_same_text_on_any_number_of_workers_and_threads(command, results, tmp_path, capsys):
    words = {"OUT": str(tmp_path), "RUN": str(results / "heart_failure_discharge")}
    arguments = [words.get(word, word) for word in command]
    said = []
    for workers, threads in ((1, 1), (2, 2)):
        assert main([*arguments, "--workers", str(workers), "--threads", str(threads)]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]


@pytest.mark.parametrize("command", [["score", MAIN], ["learn", MAIN], ["verify", MAIN], ["explain", "r"],
                                     ["plot", "r"], ["twin", "forecast", "t", "--registry", "r"]])  # fmt: skip
def test_impossible_numbers_are_refused_first(command, capsys):
    flag = "--threads" if command[0] in ("plot", "twin") else "--workers"
    assert main([*command, flag, "0"]) == 2
    assert capsys.readouterr().err == f"popsim: command line: {flag} = 0: must be between 1 and 1024\n"


def test_no_replications_are_refused(capsys):
    for name in ("score", "learn"):
        assert main([name, MAIN, "--replications", "0"]) == 2
        assert "--replications = 0" in capsys.readouterr().err


def test_threads_are_those_asked_for_else_those_that_pay_off(monkeypatch):
    before = numba.get_num_threads()
    monkeypatch.setitem(os.environ, "NUMBA_NUM_THREADS", str(numba.config.NUMBA_NUM_THREADS))
    try:
        StudyOptions(threads=numba.config.NUMBA_NUM_THREADS).use_threads(10)
        assert numba.get_num_threads() == numba.config.NUMBA_NUM_THREADS
        StudyOptions().use_threads(10)
        assert numba.get_num_threads() == 1  # for so few people more would cost time
    finally:
        numba.set_num_threads(before)
