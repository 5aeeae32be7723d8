"""The clinical twin advances in blocks of twins: how they are cut makes no difference, and the dead cost nothing."""

from __future__ import annotations

import numpy as np
import pytest
from people import mixed, sets

from popsim.kernels.codes import ONSET_DEATH
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology import clinical
from popsim.physiology.clinical import ClinicalPhysiology
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock
from popsim.population.population import Population

TWINS = 40


def after_days(days: int, dead: slice = slice(0, 0)) -> Population:
    """Twins who enter on several days, some of whom die on the first."""
    people, _ = mixed(TWINS)
    people["entry_day"] = np.arange(TWINS) // 16
    physiology = ClinicalPhysiology(sets(), key=RandomKey(3))
    physiology.initialise(people)
    for day in range(days):
        physiology.advance(people, Clock(day))
        if day == 0:
            people["alive"][dead], people["onset"][dead] = 0, ONSET_DEATH
    return people


@pytest.mark.parametrize("dead", [slice(0, 0), slice(0, 8), slice(0, 16)])
def test_how_twins_are_cut_into_blocks_makes_no_difference(dead, monkeypatch):
    """Among blocks of 8, some are of dead twins alone and are left out; their onsets end on the day after death."""
    whole = after_days(5, dead)
    monkeypatch.setattr(clinical, "BLOCK", 8)
    cut = after_days(5, dead)
    for kind in ("real", "code", "count"):
        assert cut.block(kind).tobytes() == whole.block(kind).tobytes(), kind
    assert not cut["onset"][dead].any()


def test_blocks_of_which_all_are_dead_are_left_out(monkeypatch):
    monkeypatch.setattr(clinical, "BLOCK", 8)
    people, _ = mixed(TWINS)
    people["entry_day"], people["alive"], people["onset"] = 0, 1, 0
    physiology = ClinicalPhysiology(sets(), key=RandomKey(3))
    physiology.initialise(people)
    people["alive"][:16] = people["alive"][32:] = 0
    advanced = []
    monkeypatch.setattr(physiology.core, "advance", lambda block, *_: advanced.append(block.person_id[0]))
    physiology.advance(people, Clock(0))
    assert advanced == people.person_id[[16, 24]].tolist()
    dead = people.chosen(np.arange(3))
    physiology.advance(dead, Clock(1))
    assert physiology.influences.of(dead).shape[1] == len(dead) and not physiology.influences.values.any()


def test_influences_of_all_blocks_share_their_memory(monkeypatch):
    monkeypatch.setattr(clinical, "BLOCK", 16)
    people, _ = mixed(TWINS)
    people["entry_day"], people["alive"] = 0, 1
    physiology, seen = ClinicalPhysiology(sets(), key=RandomKey(3)), []
    physiology.initialise(people)
    core = physiology.core.advance
    monkeypatch.setattr(physiology.core, "advance", lambda *some: (seen.append(some[2]), core(*some)))
    for day in range(2):
        physiology.advance(people, Clock(day))
    full, again, tail = seen[:3]
    assert seen[3:] == seen[:3] and full is again and tail.values.shape[1] == 8
    assert np.shares_memory(full.values, tail.values)
    assert full.values.flags.c_contiguous and tail.values.flags.c_contiguous


def test_the_influences_of_all_blocks_are_kept(monkeypatch):
    """Those of each block are its own, as a physiology that advances it alone has them; nobody else has any."""
    monkeypatch.setattr(clinical, "BLOCK", 16)
    people, _ = mixed(TWINS)
    people["entry_day"], people["alive"] = np.arange(TWINS) // 32, 1
    whole, alone = (ClinicalPhysiology(sets(), key=RandomKey(3)) for _ in range(2))
    whole.initialise(people)
    first, kept = people.copy().chosen(np.arange(16)), Influences(TWINS)
    whole.advance(people, Clock(0), kept)
    alone.advance(first, Clock(0))
    assert kept.values[:, :16].any() and kept.values[:, :16].tobytes() == alone.influences.values.tobytes()
    assert kept.values[:, 16:32].tobytes() == whole.influences.values.tobytes()
    assert not kept.values[:, 32:].any()
