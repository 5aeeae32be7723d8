"""The passes of pharmacology over all twins are vectors: packed arithmetic and no calls in their loops."""

from __future__ import annotations

import platform
import re

import numba
import numpy as np
import pytest
from drug_people import SeenPharmacology, various
from llvmlite import binding

from popsim.kernels import pharmacology as kernel
from popsim.kernels import reactions
from popsim.physiology.influences import Influences

TWINS = 64
# Fewest packed operations of the loop that has most; well below what they have, as compilers differ.
PASSES = {"take": 12, "vary": 20, "carry_one": 50, "carry_two": 100, "metabolise": 3, "delay": 2, "prepare": 15}


def arguments() -> dict[str, tuple[object, ...]]:
    """Of each pass, as pharmacology calls it for warfarin or digoxin."""
    people, system = various(TWINS), SeenPharmacology()
    system.initialise(people, Influences(TWINS))
    rows = np.ones((kernel.SCRATCH_ROWS, TWINS), np.float32)
    drugs = {drug.said.name: drug for drug in system.drugs}
    warfarin, digoxin = drugs["warfarin"], drugs["digoxin"]
    agent, dose, stopped = people["anticoagulant_agent"], people["anticoagulant_fraction"], people["stopped_drugs"]
    amounts = (people["alive"], agent, people["dry_weight_kg"], None, people["anticoagulant_central"])
    two = (people["alive"], agent, people["dry_weight_kg"], people["digoxin_peripheral"], people["digoxin_central"])
    days = [people[name] for name in ("entry_day", "age_years", "dry_weight_kg", "gfr_ml_min", "filling_pressure_mmhg",
            "baseline_filling_pressure_mmhg", "adherence", "care_level")]  # fmt: skip
    rest = (rows[kernel.SIZE_WEIGHT], rows, 16, 0.5, True, warfarin.take)
    return {
        "prepare": (people.person_id, *days, rows, 1, 0, 3, 3.0),
        "vary": (people["anticoagulant_handling"], rows[kernel.CAPACITY], 0.35),
        "metabolise": (people["cyp2c9"], people["cyp2d6_inhibitor"], rows[kernel.CAPACITY], warfarin.removed),
        "take": (dose, agent, stopped, rows[kernel.CAPACITY], *rest),
        "carry_one": (*amounts, rows, 0.1, 24.0, None, warfarin.carry),
        "carry_two": (*two, rows, 24.0, None, digoxin.carry),
        "delay": (people["alive"], agent, 0.0, people["anticoagulant_effect_site"], rows[kernel.EXPOSURE], 0.4),
    }


@pytest.mark.parametrize("name", PASSES)
def test_the_pass_is_vectorised_without_calls(name):
    fresh = numba.njit(error_model="numpy")(getattr(kernel, name).py_func)
    fresh(*arguments()[name])
    assembly = "\n".join(fresh.inspect_asm().values())
    if platform.machine() not in ("x86_64", "AMD64"):
        assert re.search(r"\bfmul\tv\d+\.2d|\bfmul\.2d", assembly)
        return
    wide = "zmm" if binding.get_host_cpu_features().get("avx512f") else "ymm"
    packed = rf"\bv(?:add|sub|mul|div|min|max)pd\b[^\n]*%{wide}"
    loop = max(re.split(r"^\.?L\w+:", assembly, flags=re.MULTILINE), key=lambda text: len(re.findall(packed, text)))
    assert len(re.findall(packed, loop)) >= PASSES[name]
    assert not re.search(r"^\tcall", loop, flags=re.MULTILINE)


def test_bits_of_reactions_are_told_apart():
    bits = list(reactions.REACTIONS.values())
    assert sum(bits) == 127
    assert sorted(bits) == [1 << n for n in range(7)]
