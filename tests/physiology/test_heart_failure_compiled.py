"""The compiled day loop does what its Python source says, and as vectors."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
from llvmlite import binding
from people import SCHEMA, discharged, extreme

from popsim.evidence.sets import SHIPPED
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.physiology import heart_failure as kernel
from popsim.physiology import HeartFailurePhysiology
from popsim.physiology.organs.heart_failure import TAKEN, UNTREATED
from popsim.population.clock import Clock
from popsim.population.population import Population

TWINS = 120
DAYS = 4
HERE = Path(__file__).parent


def mixed() -> Population:
    """Plausible and extreme twins at different levels of care, some dead."""
    people = extreme(2 * TWINS)
    people.block("real")[:, ::2] = discharged(TWINS).block("real")
    people.block("code")[:, ::2] = discharged(TWINS).block("code")
    people["care_level"] = np.arange(2 * TWINS) % 5
    people["alive"][::7] = 0
    return people


def advanced(step_days: float = 1.0) -> Population:
    people = mixed()
    physiology = HeartFailurePhysiology(SHIPPED["heart_failure"], key=RandomKey(12, 3))
    physiology.initialise(people)
    for day in range(DAYS):
        physiology.advance(people, Clock(day=day, step_days=step_days))
    return people


def test_compiled_equals_plain_python_to_the_last_bit(tmp_path):
    """Plain Python runs every function uncompiled, in a process of its own with numba switched off."""
    out = tmp_path / "plain.npz"
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
    subprocess.run([sys.executable, __file__, str(out)], check=True, env=environment, timeout=120)
    plain, compiled, start = np.load(out), advanced(), mixed()
    HeartFailurePhysiology(SHIPPED["heart_failure"], key=RandomKey(12, 3)).initialise(start)
    written = {name for name in TAKEN & SCHEMA.columns.keys() if SCHEMA[name].writer == "physiology"} - UNTREATED
    for kind in ("real", "code"):
        assert plain[kind].tobytes() == compiled.block(kind).tobytes()
        assert (compiled.block(kind) != start.block(kind)).any()
    for name in written:
        assert (compiled[name] != start[name]).any(), name
    for name in UNTREATED:
        assert compiled[name].tobytes() == start[name].tobytes(), name


def fresh_assembly() -> str:
    """Machine code of the day loop; compiled again, as numba keeps none for what it takes from its cache."""
    fresh = numba.njit(parallel=True, error_model="numpy")(kernel.advance_day.py_func)
    fresh(
        *HeartFailurePhysiology(SHIPPED["heart_failure"], key=RandomKey(1))._call.arguments(kernel.advance_day, mixed())
    )
    return "\n".join(fresh.inspect_asm().values())


def packed_loop(assembly: str) -> list[str]:
    """Instructions of the block that has most arithmetic on the widest vectors of doubles of this CPU."""
    wide = "zmm" if binding.get_host_cpu_features().get("avx512f") else "ymm"
    blocks = re.split(r"^\.?L\w+:", assembly, flags=re.MULTILINE)
    pattern = rf"\bv(?:add|sub|mul|div|min|max)pd\b[^\n]*%{wide}"
    best = max(blocks, key=lambda block: len(re.findall(pattern, block)))
    return [line.strip() for line in best.splitlines() if line.startswith("\t")]


def test_the_day_loop_is_one_vectorised_block_without_calls():
    """All the loop's work, several twins at a time: hundreds of packed operations and no call in one block."""
    if platform.machine() not in ("x86_64", "AMD64"):
        assert re.search(r"\bfmul\tv\d+\.2d|\bfmul\.2d", fresh_assembly())
        return
    loop = packed_loop(fresh_assembly())
    packed = [line for line in loop if re.match(r"v(add|sub|mul|div|min|max)pd\b.*%[yz]mm", line)]
    scalar = [line for line in loop if re.match(r"v?(add|sub|mul|div|min|max)sd\b", line)]
    assert len(packed) > 500
    assert len(scalar) < 10
    assert not [line for line in loop if line.startswith("call")]


if __name__ == "__main__":
    result = advanced()
    np.savez(sys.argv[1], real=result.block("real"), code=result.block("code"))
