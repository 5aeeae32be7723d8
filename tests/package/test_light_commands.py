"""Commands that only read files load neither the model nor the compiler of its kernels."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXPERIMENT = "experiments/heart_failure_discharge.toml"
MODEL = {"mesa", "pandas", "numba", "llvmlite", "networkx", "popsim.simulation.model"}
ANALYSES = {"matplotlib", "sklearn", "sqlalchemy", "heormodel", "SALib", "lifelines", "emcee", "optuna", "distributed"}
NUMBERS = {"scipy", "polars"}  # fits and draws of parameters take the first, tables the second

SCRIPT = """
import sys
{}
print(*sys.modules, file=sys.stderr)
"""
COMMAND = "from popsim.cli import main; main({!r})"


def loaded(statement):
    """Names of all modules that a process has loaded after a statement."""
    command = [sys.executable, "-c", SCRIPT.format(statement)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statement", "never"),
    [
        (COMMAND.format(["--help"]), {*MODEL, *ANALYSES, *NUMBERS, "numpy", "pydantic"}),
        (COMMAND.format(["schema", "experiment"]), {*MODEL, *ANALYSES, *NUMBERS}),
        (COMMAND.format(["check", EXPERIMENT]), {*MODEL, *ANALYSES, "scipy", "popsim.economics.cost_effectiveness"}),
        (COMMAND.format(["check", "experiments/networks/heart_failure_catchment.toml"]), {*MODEL, *ANALYSES, "scipy"}),
        (COMMAND.format(["status", EXPERIMENT, "--out", "no-such-folder"]), {*MODEL, *ANALYSES, "scipy"}),
        ("import popsim.runs.status", {*MODEL, *ANALYSES, "scipy"}),
        ("import popsim.simulation.schema, popsim.kernels.care.records", {*MODEL, *ANALYSES, "scipy"}),
    ],
    ids=["help", "schema", "check", "check a network", "status", "status of a folder", "kernels' constants"],
)
def test_what_a_light_command_may_not_load(statement, never):
    assert never & loaded(statement) == set()
