"""The hash of a user's own objects changes with what they compute, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numba import njit

from popsim.studies.own_code import elsewhere, own_code_hash

SOURCE = """
import math
from pathlib import Path

import numpy as np
from numba import njit

RATE = {rate}
TABLE = np.array([1.0, {entry}])

def inner(x):
    return {inner}

@njit
def kernel(x):
    return RATE * x + TABLE[1]

class Base:
    def share(self):
        return {base}

class Own(Base):
    # Documented.
    size = {size}
    def advance(self, population, clock, influences):
        return [kernel(inner(one)) for one in population]
"""
USUAL = {"rate": 0.5, "entry": 2.0, "inner": "x + 1", "base": 3, "size": 4}


def made(given: float = 1.0, **changes: object):
    """An object of a class that is defined as in a notebook."""
    names: dict[str, object] = {"__name__": "__main__"}
    exec(SOURCE.format(**USUAL | changes), names)
    own = names["Own"]()
    own.given = given
    return own


def test_the_same_code_has_the_same_hash():
    assert own_code_hash(made()) == own_code_hash(made())


@pytest.mark.parametrize(
    "changes",
    [
        {"rate": 0.6},
        {"entry": 2.5},
        {"inner": "x + 2"},
        {"inner": "math.sin(x)"},
        {"base": 5},
        {"size": 6},
        {"given": 2.0},
    ],
)
def test_a_change_anywhere_changes_it(changes):
    assert own_code_hash(made(**changes)) != own_code_hash(made())


def test_an_array_and_a_closure_count():
    def adding(amount):
        @njit
        def added(x):
            return x + amount

        return added

    hashes = {own_code_hash(one) for one in (adding(1), adding(2), np.zeros(3), np.ones(3), np.zeros(4))}
    assert len(hashes) == 5


def test_circles_end():
    own = made()
    own.itself = own
    assert own_code_hash(own)


def test_what_other_processes_can_import():
    class Local:
        pass

    assert not elsewhere(Local())
    assert elsewhere(Path())
