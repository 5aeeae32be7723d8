"""The layout that the design promises: imports go downwards, and each outside library has one door."""

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_MODULE_LINES = 400  # lines; a module that needs more tells more than one story


def test_import_contracts_hold():
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_modules_are_short():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "popsim").rglob("*.py")}
    assert len(lengths) > 20
    assert {path.name: n for path, n in lengths.items() if n >= MAX_MODULE_LINES} == {}


def test_classes_have_names_of_their_own():
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "popsim").rglob("*.py"))
    names = Counter(node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    assert [name for name, times in names.items() if times > 1] == []


def test_no_escape_hatches():
    sources = {path: path.read_text(encoding="utf-8") for path in (ROOT / "popsim").rglob("*.py")}
    for forbidden in ("pickle", "eval(", "exec(", "import yaml", "import *", "fastmath=True", "np.random."):
        assert [path.name for path, text in sources.items() if forbidden in text] == [], forbidden


# Who may take parameters as shipped: what a user calls without an experiment, and who tells what the evidence says.
TAKES_SHIPPED = {
    "verification/definition_check.py",  # checks the file of a set
    "calibration/problem.py",  # priors are those of the evidence
    "care/flow.py",
    "cli/learn.py",  # from a table of the user's
    "cli/twin.py",
    "dashboard/levers.py",  # bounds and units of prices as the evidence has them
    "learning/loop.py",  # these three are called by users, with parameters by everybody else
    "learning/risk_model.py",
    "outcomes/kidney_failure.py",
    "population/cohort.py",
    "registry/service.py",
    "reporting/cautions.py",  # sources as the evidence has them
    "reporting/pages/report.py",  # unit and source as the evidence has them
    "simulation/model.py",
    "studies/parameters.py",
    "studies/prices.py",  # the year of prices as printed
}


@pytest.mark.slow
def test_nobody_fetches_a_parameter_set_by_itself():
    """They are handed on from the study, or from what a user calls, to the last who needs one."""
    found = set()
    for path in (ROOT / "popsim").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = {one.name for one in node.names} if isinstance(node, ast.ImportFrom) else set()
            called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            if names & {"load_parameters", "SHIPPED"} or called == "Parameters":
                found.add(path.relative_to(ROOT / "popsim").as_posix())
    assert {name for name in found if not name.startswith("evidence/")} == TAKES_SHIPPED
