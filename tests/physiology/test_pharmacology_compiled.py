"""The passes of pharmacology over people on a drug are vectors: packed arithmetic and no calls in their loops."""

from __future__ import annotations

import platform
import re

import numpy as np
import pytest
from drug_people import SeenPharmacology, various
from llvmlite import binding

from popsim.evidence.drugs import load_drugs
from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.physiology import compartments, reactions
from popsim.kernels.physiology import pharmacology as kernel
from popsim.kernels.physiology.drugs import Twins
from popsim.physiology.influences import Influences
from popsim.physiology.pharmacology.drugs import carry_constants, take_constants
from popsim.population.clock import Clock

TWINS = 64
# Fewest packed operations of the loop that has most; well below what they have, as compilers differ.
PASSES = {"take": 12, "carry_one": 50, "carry_two": 100, "delay": 2, "effect": 3, "prepare": 15}


def arguments() -> dict[str, tuple[object, ...]]:
    """Of each pass, for warfarin or digoxin."""
    people, drugs = various(TWINS), {drug.name: drug for drug in load_drugs()}
    work = np.ones(kernel.ROWS * kernel.WIDTH, np.float32)
    twins = Twins(people.person_id, *(people[name] for name in Twins._fields[1:]))
    return {
        "prepare": (twins, work, RandomKey(1), 3, 3.0),
        "take": (work, TWINS, take_constants(drugs["warfarin"])),
        "carry_one": (work, TWINS, 24.0, False, carry_constants(drugs["warfarin"])),
        "carry_two": (work, TWINS, 24.0, False, carry_constants(drugs["digoxin"])),
        "delay": (work, TWINS, 0.4),
        "effect": (work, TWINS, np.empty(TWINS, np.float32), 1.0, 0.5, 1.0),
    }


@pytest.mark.parametrize("name", PASSES)
def test_the_pass_is_vectorised_without_calls(name):
    fresh = njit(getattr(compartments if name.startswith("carry") else kernel, name).py_func, single=True, cache=False)
    fresh(*arguments()[name])
    assembly = "\n".join(fresh.in_single.compiled.inspect_asm().values())
    if platform.machine() not in ("x86_64", "AMD64"):
        assert re.search(r"\bfmul\tv\d+\.4s|\bfmul\.4s", assembly)
        return
    wide = "zmm" if binding.get_host_cpu_features().get("avx512f") else "ymm"
    packed = rf"\bv(?:add|sub|mul|div|min|max)ps\b[^\n]*%{wide}"
    loop = max(re.split(r"^\.?L\w+:", assembly, flags=re.MULTILINE), key=lambda text: len(re.findall(packed, text)))
    assert len(re.findall(packed, loop)) >= PASSES[name]
    assert not re.search(r"^\tcall", loop, flags=re.MULTILINE)


def test_neither_how_many_there_are_nor_who_else_takes_the_drug_makes_a_difference():
    """Chunks, and the people on a drug within them, are ways to calculate only: the same bits in other company."""
    size = 2 * kernel.CHUNK + 77
    rows = np.random.default_rng(4).choice(size, 3 * kernel.CHUNK // 2, replace=False)
    all_of_them, some = various(size), various(size).chosen(np.sort(rows))
    for people in (all_of_them, some):
        system, influences = SeenPharmacology(), Influences(len(people))
        system.initialise(people, influences)
        for day in range(9):
            influences.clear()
            system.advance(people, Clock(day=day), influences)
    for kind in ("real", "code", "count"):
        assert all_of_them.block(kind)[:, np.sort(rows)].tobytes() == some.block(kind).tobytes()
    assert 0 < (some["stopped_drugs"] > 0).mean() < 1


def test_bits_of_reactions_are_told_apart():
    bits = list(reactions.REACTIONS.values())
    assert sum(bits) == 127
    assert sorted(bits) == [1 << n for n in range(7)]
