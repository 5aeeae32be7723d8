"""Every random draw of care: what indexes it changes at each use, so that no event repeats the draw of another."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

import popsim
from popsim.kernels.care.observation import MAX_COLUMNS
from popsim.simulation.schema import SCHEMA

PACKAGE = Path(popsim.__file__).parent
DRAWING = {"uniform", "uniforms", "keyed"}

# Function that draws: how its draws of one person and stream may repeat.
EACH = "each use draws anew"
ENTRY = "once in a life, on entry"
READING = "whoever looks twice on a day reads the same; lasting errors of a device come before day 0"
TRAIT = "a lasting trait: one answer for life"
DECLARED = {
    "kernels.care.patient_flow.request": EACH,  # patience
    "kernels.care.rules.stay_days": EACH,
    "kernels.care.hospital.transfer_delay": EACH,
    "kernels.care.hospital.await_complication": EACH,
    "kernels.care.hospital.complicate": EACH,
    "kernels.care.hospital.await_escalation": EACH,
    "kernels.care.external_patients.seat": ENTRY,
    "kernels.care.rules.choose_route": EACH,
    "kernels.care.external_patients.schedule_arrival": EACH,
    "kernels.care.event_loop.bring_in": EACH,  # when on its day somebody becomes ill or dies
    "kernels.care.event_loop.open_day": ENTRY,
    "kernels.care.clinic.book_follow_ups": EACH,
    "kernels.care.monitoring.measure_day": EACH,
    "care.monitoring._tire": EACH,
    "kernels.care.observation.seen_real": READING,
    "kernels.care.observation.seen_code": READING,
    "kernels.care.observation.read_rows": READING,
    "kernels.care.observation.sample_laboratory": READING,
    "kernels.care.clinic.offer_telemonitoring": TRAIT,
    "care.interventions._takes_up": TRAIT,
    "care.interventions._drawn": TRAIT,  # in each year of treatment
    "care.genetic_testing._uniform": TRAIT,
}


def functions_that_draw() -> set[str]:
    """Functions of care, compiled or not, that call a function which draws."""
    files = [*(PACKAGE / "kernels" / "care").glob("*.py"), PACKAGE / "kernels" / "charges.py"]
    found = set()
    for file in [*files, *(PACKAGE / "care").glob("*.py")]:
        for function in ast.walk(ast.parse(file.read_text())):
            if isinstance(function, ast.FunctionDef):
                calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
                if any(getattr(call, "id", getattr(call, "attr", None)) in DRAWING for call in calls):
                    module = ".".join(file.relative_to(PACKAGE).with_suffix("").parts)
                    found.add(f"{module}.{function.name}")
    return found


@pytest.fixture(scope="module")
def drawn() -> dict[str, dict[tuple[int, int], list[tuple[int, int]]]]:
    """(index, day) of every draw, by function and (stream, person), in a catchment where everything happens again."""
    script = Path(__file__).with_name("interpreted_care.py")
    command = [sys.executable, "-W", "ignore", str(script)]
    done = subprocess.run(command, env=os.environ | {"NUMBA_DISABLE_JIT": "1"}, capture_output=True, check=True)
    found: dict[str, dict[tuple[int, int], list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    for caller, stream, person, index, day in json.loads(done.stdout):
        found[caller][stream, person].append((index, day))
    return found


def test_every_function_of_care_that_draws_is_declared():
    assert functions_that_draw() == set(DECLARED)


@pytest.mark.slow
def test_every_draw_happens(drawn):
    assert {caller for caller in drawn if caller in functions_that_draw()} == set(DECLARED)


@pytest.mark.parametrize("caller", [name for name, how in DECLARED.items() if how in (EACH, ENTRY)])
def test_no_draw_is_used_twice(drawn, caller):
    for key, draws in drawn[caller].items():
        indices = [index for index, _ in draws]
        assert len(set(indices)) == len(indices), f"stream, person = {key}"
    most = max(len(draws) for draws in drawn[caller].values())
    assert most == 1 if DECLARED[caller] == ENTRY else most >= 2, "nobody lived through it twice"


@pytest.mark.parametrize("caller", [name for name, how in DECLARED.items() if how == READING])
def test_readings_of_two_days_are_drawn_apart(drawn, caller):
    for draws in drawn[caller].values():
        days = defaultdict(set)
        for index, day in draws:
            days[index].add(day)
        assert all(len(on) == 1 for index, on in days.items() if index >= MAX_COLUMNS)
        assert len({index // MAX_COLUMNS for index, _ in draws}) > 1, "nobody looked on two days"


@pytest.mark.parametrize("caller", [name for name, how in DECLARED.items() if how == TRAIT])
def test_a_trait_is_one_draw(drawn, caller):
    words = {name: 2 if name == "care.genetic_testing._uniform" else 1 for name in DECLARED}  # uptake, sensitivity
    assert all(len({index for index, _ in draws}) <= words[caller] for draws in drawn[caller].values())


def test_no_two_functions_share_a_draw(drawn):
    """But for traits and readings, that several look at."""
    users = defaultdict(set)
    for caller, by_person in drawn.items():
        if DECLARED.get(caller) in (EACH, ENTRY):
            for (stream, person), draws in by_person.items():
                for index, _ in draws:
                    users[stream, person, index].add(caller)
    assert all(len(callers) == 1 for callers in users.values())


def test_readings_of_numbers_and_of_classes_have_room_for_their_indices():
    """STREAM_LAB: numbers from 0, classes from the middle, laboratory values from the end of the indices of a day."""
    assert len(SCHEMA.names("real")) < MAX_COLUMNS // 2
    assert len(SCHEMA.names("code")) < MAX_COLUMNS // 2 - 16
