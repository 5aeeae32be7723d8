"""The compiled day loops of all organ systems do what their Python source says, and as vectors."""

from __future__ import annotations

import ast
import inspect
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from llvmlite import binding
from people import DAYS_OF_ORGANS, mixed
from slow_cases import with_slow

from popsim.evidence.sets import SHIPPED
from popsim.kernels.codes import CAUSE_BLEEDING, CAUSE_FALL, CAUSE_INFARCTION, CAUSE_STROKE
from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology import HeartFailurePhysiology
from popsim.physiology.clinical import ORGAN_SYSTEMS
from popsim.physiology.influences import PLACE, Influences
from popsim.physiology.organs.heart_failure import TAKEN, UNTREATED
from popsim.population.clock import Clock
from popsim.population.population import Population
from popsim.simulation.schema import SCHEMA

TWINS = 300
DAYS = 5
HERE = Path(__file__).parent


class Packed(NamedTuple):
    """The fewest packed operations of a day loop's main block, and the most scalar ones."""

    least: int
    scalar: int = 0


KERNELS = {module.__name__.rpartition(".")[2]: module for module in DAYS_OF_ORGANS}
LOOPS = {
    "environment": Packed(5),
    "vessels": Packed(150, 9),
    "kidney_disease": Packed(150),
    "diabetes": Packed(100),
    "lungs": Packed(100),
    "blood": Packed(40),
    "ageing": Packed(60),
    "remodelling": Packed(15),
    "convalescence": Packed(30),
    "heart_failure": Packed(500, 9),
}
KINDS = {name: ORGAN_SYSTEMS.get(name, HeartFailurePhysiology) for name in LOOPS}
WRITTEN = [column.name for name in LOOPS if name != "heart_failure" for column in ORGAN_SYSTEMS[name].columns]
OF_CORE = {name for name in TAKEN & SCHEMA.columns.keys() if SCHEMA[name].writer == "physiology"} - UNTREATED


def lived(days: int) -> tuple[Population, Influences]:
    """Extreme twins at all levels of care after some days, on any drugs; on the first some are acutely ill."""
    people, influences = mixed(TWINS)
    random = np.random.default_rng(21)
    systems = [kind(SHIPPED, key=RandomKey(12, 3)) for kind in KINDS.values()]
    people["entry_day"] = -random.uniform(0, 3000, TWINS)
    for system in systems:
        system.initialise(people, influences)
    people["care_level"] = np.arange(TWINS) % 5
    people["untreated_gfr_ml_min"] = random.uniform(4, 60, TWINS)
    people["exacerbation_severity"] = people["kidney_injury_severity"] = np.linspace(0, 1, TWINS)
    people["acute_cause"] = random.choice([0, CAUSE_INFARCTION, CAUSE_STROKE, CAUSE_BLEEDING, CAUSE_FALL], TWINS)
    for day in range(days):
        influences.values[12:] = 0.0
        for system in systems:
            system.advance(people, Clock(day=day), influences)
    return people, influences


def test_compiled_equals_plain_python_to_the_last_bit(tmp_path):
    """Plain Python runs every function uncompiled, in a process of its own with numba switched off."""
    out = tmp_path / "plain.npz"
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
    subprocess.run([sys.executable, __file__, str(out)], check=True, env=environment, timeout=120)
    plain, (people, influences), (start, _) = np.load(out), lived(DAYS), lived(0)
    for kind in ("real", "code"):
        assert plain[kind].tobytes() == people.block(kind).tobytes()
    assert plain["influences"].tobytes() == influences.values.tobytes()
    assert {name for name in WRITTEN if (people[name] == mixed(TWINS)[0][name]).all()} == set()
    assert {name for name in OF_CORE if (people[name] == start[name]).all()} == set()
    assert {name for name in UNTREATED if people[name].tobytes() != start[name].tobytes()} == set()
    of_others = {"slow_rhythm_per_day"}
    assert {name for name, place in PLACE.items() if not influences.values[place].any()} == of_others


def packed_loop(assembly: str) -> list[str]:
    """Instructions of the block that has most arithmetic on the widest vectors of single numbers of this CPU."""
    wide = "zmm" if binding.get_host_cpu_features().get("avx512f") else "ymm"
    blocks = re.split(r"^\.?L\w+:", assembly, flags=re.MULTILINE)
    pattern = rf"\bv(?:add|sub|mul|div|min|max)ps\b[^\n]*%{wide}"
    best = max(blocks, key=lambda block: len(re.findall(pattern, block)))
    return [line.strip() for line in best.splitlines() if line.startswith("\t")]


@pytest.mark.parametrize("name", with_slow(LOOPS, lambda name: name not in ("blood", "heart_failure")))
def test_each_day_loop_is_one_vectorised_block_without_calls(name, monkeypatch):
    """All of the loop's work, several twins at a time, in one block; compiled again, as numba keeps no assembly."""
    kernel, (least, most) = KERNELS[name], LOOPS[name]
    fresh = njit(kernel.advance_day.py_func, parallel=True, single=True, cache=False)
    monkeypatch.setattr(kernel, "advance_day", fresh)
    people, influences = mixed(TWINS)
    KINDS[name](SHIPPED).advance(people, Clock(), influences)
    assembly = "\n".join(fresh.in_single.compiled.inspect_asm().values())
    if platform.machine() not in ("x86_64", "AMD64"):
        assert re.search(r"\bfmul\tv\d+\.4s|\bfmul\.4s", assembly)
        return
    loop = packed_loop(assembly)
    assert len([line for line in loop if re.match(r"v(add|sub|mul|div|min|max)ps\b.*%[yz]mm", line)]) > least
    assert len([line for line in loop if re.match(r"v?(add|sub|mul|div|min|max)s[ds]\b", line)]) <= most
    assert not [line for line in loop if line.startswith("call")]


@pytest.mark.parametrize("name", LOOPS)
def test_no_day_loop_reads_a_code_on_condition(name):
    """Processors with AVX2 but not AVX-512 have no masked load of bytes: one conditional read makes the loop scalar."""
    codes = {column.name for column in SCHEMA.columns.values() if column.kind == "code"}
    loop = ast.parse(inspect.getsource(KERNELS[name].advance_day.py_func))
    conditional = [part for node in ast.walk(loop) if isinstance(node, ast.IfExp) for part in (node.body, node.orelse)]
    conditional += [part for node in ast.walk(loop) if isinstance(node, ast.BoolOp) for part in node.values[1:]]
    read = [node for part in conditional for node in ast.walk(part) if isinstance(node, ast.Subscript)]
    assert [ast.unparse(node) for node in read if ast.unparse(node.value) in codes] == []


def test_lungs_blood_and_ageing_take_no_more_than_twenty_four_bytes_a_twin():
    columns = [column for name in ("lungs", "blood", "ageing") for column in ORGAN_SYSTEMS[name].columns]
    assert sum({"real": 4, "code": 1}[column.kind] for column in columns) <= 24


if __name__ == "__main__":
    twins, day = lived(DAYS)
    np.savez(sys.argv[1], real=twins.block("real"), code=twins.block("code"), influences=day.values)
