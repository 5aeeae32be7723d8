"""The compiled loop of the vessels does what its Python source says, and as vectors."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
from test_heart_failure_compiled import packed_loop
from vessel_people import Day, reference

from popsim.kernels.codes import CAUSE_BLEEDING, CAUSE_INFARCTION, CAUSE_STROKE
from popsim.kernels.physiology import vessels as kernel
from popsim.physiology.binding import parameters_of
from popsim.physiology.organs.vessels import COLUMNS
from popsim.population.population import Population
from popsim.simulation.schema import CLINICAL_SCHEMA

TWINS = 300
HERE = Path(__file__).parent


def mixed() -> Population:
    """Random twins between the bounds of what is read, some dead, most with something that happened yesterday."""
    random = np.random.default_rng(21)
    people = reference(TWINS)
    read = set(parameters_of(kernel.advance_day)) - {"entry_day"} - {column.name for column in COLUMNS}
    for name, column in CLINICAL_SCHEMA.columns.items():
        if name in read:
            values = random.uniform(column.low, column.high, TWINS)
            people[name] = np.round(values) if column.kind == "code" else values
    people["entry_day"] = -random.uniform(0, 3000, TWINS)
    people["acute_cause"] = random.choice([0, CAUSE_INFARCTION, CAUSE_STROKE, CAUSE_BLEEDING], TWINS)
    people["alive"][::7] = 0
    return people


def lived() -> tuple[Population, np.ndarray]:
    people = mixed()
    effects = np.random.default_rng(22).random((3, TWINS))
    day = Day(people, seed=12, anticoagulation=3 * effects[0], platelet_inhibition=effects[1], ldl_reduction=effects[2])
    return people, day.live(5).values


def test_compiled_equals_plain_python_to_the_last_bit(tmp_path):
    """Plain Python runs every function uncompiled, in a process of its own with numba switched off."""
    out = tmp_path / "plain.npz"
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
    subprocess.run([sys.executable, __file__, str(out)], check=True, env=environment, timeout=120)
    plain, (people, influences), start = np.load(out), lived(), mixed()
    assert plain["influences"].tobytes() == influences.tobytes()
    for kind in ("real", "code"):
        assert plain[kind].tobytes() == people.block(kind).tobytes()
    for name in (column.name for column in COLUMNS):
        assert (people[name] != start[name]).any(), name


def fresh_assembly() -> str:
    """Machine code of the loop; compiled again, as numba keeps none for what it takes from its cache."""
    fresh = numba.njit(parallel=True, error_model="numpy")(kernel.advance_day.py_func)
    day = Day(mixed())
    fresh(*day.systems[0]._call.arguments(kernel.advance_day, day.people, day.influences))
    return "\n".join(fresh.inspect_asm().values())


def test_the_loop_is_one_vectorised_block_without_calls():
    """All the loop's work, several twins at a time: hundreds of packed operations and no call in one block."""
    if platform.machine() not in ("x86_64", "AMD64"):
        assert re.search(r"\bfmul\tv\d+\.2d|\bfmul\.2d", fresh_assembly())
        return
    loop = packed_loop(fresh_assembly())
    packed = [line for line in loop if re.match(r"v(add|sub|mul|div|min|max)pd\b.*%[yz]mm", line)]
    scalar = [line for line in loop if re.match(r"v?(add|sub|mul|div|min|max)sd\b", line)]
    assert len(packed) > 150
    assert len(scalar) < 10
    assert not [line for line in loop if line.startswith("call")]


if __name__ == "__main__":
    living, scratch = lived()
    np.savez(sys.argv[1], real=living.block("real"), code=living.block("code"), influences=scratch)
