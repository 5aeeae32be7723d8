"""The compiled loops of the smaller organ systems do what their Python source says, and as vectors."""

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
from organ_people import mixed, sets
from test_heart_failure_compiled import packed_loop

from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.physiology import ageing as ageing_kernel
from popsim.kernels.physiology import blood as blood_kernel
from popsim.kernels.physiology import environment as environment_kernel
from popsim.kernels.physiology import lungs as lungs_kernel
from popsim.kernels.physiology import remodelling as remodelling_kernel
from popsim.physiology.influences import Influences
from popsim.physiology.organs import ageing, blood, environment, lungs, remodelling
from popsim.population.clock import Clock
from popsim.population.population import Population

TWINS = 150
DAYS = 6
HERE = Path(__file__).parent
SYSTEMS = (environment.Environment, lungs.Lungs, blood.Blood, ageing.Ageing, remodelling.Remodelling)
WRITTEN = [column.name for module in (lungs, blood, ageing, remodelling) for column in module.COLUMNS]
# Heat falls on no day of January: natriuresis and pressure stay 0 here.
ACTED_ON = (
    "filling_pressure_shift_mmhg", "heart_rate_shift_bpm", "symptom_shift", "infection_log_rate",
    "arrhythmia_log_rate", "death_log_hazard", "fall_per_day", "respiratory_per_day",
)  # fmt: skip


def advanced() -> tuple[Population, Influences]:
    people, influences = mixed(TWINS)
    systems = [system(sets(), key=RandomKey(12, 3)) for system in SYSTEMS]
    for system in systems:
        system.initialise(people, influences)
    people["exacerbation_severity"] = np.linspace(0, 1, TWINS)
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
    plain, (people, influences), (start, _) = np.load(out), advanced(), mixed(TWINS)
    for kind in ("real", "code"):
        assert plain[kind].tobytes() == people.block(kind).tobytes()
    assert plain["influences"].tobytes() == influences.values.tobytes()
    for name in WRITTEN:
        assert (people[name] != start[name]).any(), name
    for name in ACTED_ON:
        assert (influences[name] != 0).any(), name


@pytest.mark.parametrize(
    ("module", "system", "least"),
    [
        (environment_kernel, environment.Environment, 5),
        (lungs_kernel, lungs.Lungs, 100),
        (blood_kernel, blood.Blood, 40),
        (ageing_kernel, ageing.Ageing, 60),
        (remodelling_kernel, remodelling.Remodelling, 15),
    ],
)
def test_each_day_loop_is_one_vectorised_block_without_calls(module, system, least, monkeypatch):
    """All of the loop's work, several twins at a time: packed operations, no scalar ones and no call in one block."""
    fresh = numba.njit(parallel=True, error_model="numpy")(module.advance_day.py_func)
    monkeypatch.setattr(module, "advance_day", fresh)
    people, influences = mixed(TWINS)
    system(sets()).advance(people, Clock(), influences)
    assembly = "\n".join(fresh.inspect_asm().values())
    if platform.machine() not in ("x86_64", "AMD64"):
        assert re.search(r"\bfmul\tv\d+\.2d|\bfmul\.2d", assembly)
        return
    loop = packed_loop(assembly)
    assert len([line for line in loop if re.match(r"v(add|sub|mul|div|min|max)pd\b.*%[yz]mm", line)]) > least
    assert not [line for line in loop if re.match(r"v?(add|sub|mul|div|min|max)sd\b", line)]
    assert not [line for line in loop if line.startswith("call")]


def test_together_they_take_no_more_than_twenty_bytes_a_twin():
    columns = (*lungs.COLUMNS, *blood.COLUMNS, *ageing.COLUMNS)
    assert sum({"real": 4, "code": 1}[column.kind] for column in columns) <= 20


if __name__ == "__main__":
    twins, day = advanced()
    np.savez(sys.argv[1], real=twins.block("real"), code=twins.block("code"), influences=day.values)
