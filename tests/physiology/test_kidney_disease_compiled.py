"""The compiled loops of kidney disease and diabetes do what their Python source says, and as vectors."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from kidney_people import sets
from test_heart_failure_compiled import packed_loop

from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.physiology import diabetes as sugar_kernel
from popsim.kernels.physiology import kidney_disease as kidney_kernel
from popsim.physiology.influences import Influences
from popsim.physiology.organs import diabetes, kidney_disease
from popsim.population.clock import Clock
from popsim.population.population import Population
from popsim.simulation.schema import CLINICAL_SCHEMA

TWINS = 150
DAYS = 6
HERE = Path(__file__).parent
WRITTEN = [column.name for module in (kidney_disease, diabetes) for column in module.COLUMNS]


def mixed() -> tuple[Population, Influences]:
    """Twins anywhere within the bounds of their columns, often at a bound, some dead, with any influences of drugs."""
    random = np.random.default_rng(4)
    people = Population(CLINICAL_SCHEMA, np.arange(TWINS))
    for name, column in CLINICAL_SCHEMA.columns.items():
        corner = np.where(random.random(TWINS) < 0.5, column.low, column.high)
        people[name] = np.where(random.random(TWINS) < 0.3, corner, random.uniform(column.low, column.high, TWINS))
    people["entry_day"] = 0
    people["alive"] = random.random(TWINS) < 0.9
    people["untreated_gfr_ml_min"] = random.uniform(4, 60, TWINS)
    influences = Influences(TWINS)
    influences.values[:12] = random.uniform(0, 1.5, (12, TWINS))
    influences["loop_diuretic_mg"][:] = random.choice([0.0, 40.0, 200.0], TWINS)
    return people, influences


def advanced() -> tuple[Population, Influences]:
    people, influences = mixed()
    systems = [system(sets(), key=RandomKey(12, 3)) for system in (kidney_disease.KidneyDisease, diabetes.Diabetes)]
    for system in systems:
        system.initialise(people, influences)
    people["kidney_injury_severity"] = np.linspace(0, 1, TWINS)
    for day in range(DAYS):
        influences.values[12:] = 0.0
        for system in systems:
            system.advance(people, Clock(day=day), influences)
    return people, influences


def test_compiled_equals_plain_python_to_the_last_bit(tmp_path):
    """Plain Python runs every function uncompiled, in a process of its own with numba switched off."""
    out = tmp_path / "plain.npz"
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parents[1]}"}
    subprocess.run([sys.executable, __file__, str(out)], check=True, env=environment, timeout=120)
    plain, (people, influences), (start, _) = np.load(out), advanced(), mixed()
    for kind in ("real", "code"):
        assert plain[kind].tobytes() == people.block(kind).tobytes()
    assert plain["influences"].tobytes() == influences.values.tobytes()
    for name in WRITTEN:
        assert (people[name] != start[name]).any(), name
    assert (influences.values[12:] != 0).any(axis=1).sum() == 9  # seven of the kidney's, two of diabetes


@pytest.mark.parametrize(
    ("module", "system", "least"),
    [
        (kidney_kernel, kidney_disease.KidneyDisease, 150),
        (sugar_kernel, diabetes.Diabetes, 100),
    ],
)
def test_each_day_loop_is_one_vectorised_block_without_calls(module, system, least, monkeypatch):
    """All of the loop's work, several twins at a time: packed operations, no scalar ones and no call in one block."""
    fresh = numba.njit(parallel=True, error_model="numpy")(module.advance_day.py_func)
    monkeypatch.setattr(module, "advance_day", fresh)
    people, influences = mixed()
    system(sets()).advance(people, Clock(), influences)
    assembly = "\n".join(fresh.inspect_asm().values())
    if platform.machine() not in ("x86_64", "AMD64"):
        assert re.search(r"\bfmul\tv\d+\.2d|\bfmul\.2d", assembly)
        return
    loop = packed_loop(assembly)
    assert len([line for line in loop if re.match(r"v(add|sub|mul|div|min|max)pd\b.*%[yz]mm", line)]) > least
    assert not [line for line in loop if re.match(r"v?(add|sub|mul|div|min|max)sd\b", line)]
    assert not [line for line in loop if line.startswith("call")]


if __name__ == "__main__":
    twins, day = advanced()
    np.savez(sys.argv[1], real=twins.block("real"), code=twins.block("code"), influences=day.values)
