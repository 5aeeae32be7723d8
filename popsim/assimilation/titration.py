"""Titration of one drug by look-ahead: a move now and a second one after the interval between visits.

At a visit the dose may stay, go up a rung of the ladder or down one, and the same again at the next visit: nine plans,
all lived forward on the belief and compared (choice.py). The first move of the recommended plan is made; then, at the
next visit, the choice is made again with what is known then. Two steps, greedy, and open loop: a plan's second move
does not depend on how the person has reacted, but that it is left out in those members in whom a warning of the drug's
file forbids more of the drug by then.

For research, not for care.
"""

from __future__ import annotations

import copy
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from popsim.assimilation.belief import Belief
from popsim.assimilation.choice import Comparison, compare
from popsim.assimilation.options import change_dose, drugs_of
from popsim.definitions.options import DoseChange, TherapyOption
from popsim.errors import InputError
from popsim.population.clock import Clock

MOVES = {0: "stay", 1: "up", -1: "down"}


def plans(drug: str, visit_every_days: int) -> tuple[TherapyOption, ...]:
    """The nine plans for a drug, or a class; staying twice, which changes nothing, is the first."""
    found = []
    for first, second in product(MOVES, MOVES):
        steps = [DoseChange(kind="dose", drug=drug, rungs=first)] if first else []
        if second:
            steps.append(DoseChange(kind="dose", drug=drug, rungs=second, after_days=visit_every_days))
        found.append(TherapyOption(name=f"{MOVES[first]}_then_{MOVES[second]}", changes=tuple(steps)))
    return tuple(found)


def look_ahead(
    belief: Belief, drug: str, *, visit_every_days: int = 14, horizon_days: int = 180, **limits: Any
) -> tuple[Comparison, NDArray[np.int64]]:
    """Compare the plans for a drug from today's dose.

    Args:
        belief: left as it is.
        drug: a drug of the drug files, or a class.
        visit_every_days: between this decision and the next.
        horizon_days: how far to look ahead.
        limits: further arguments of `compare`.

    Returns:
        the comparison, and today's move of each person: 1 a rung up, -1 a rung down, 0 no change.

    Raises:
        InputError: there is no such drug, or the horizon ends before the next visit.
    """
    if visit_every_days < 1 or visit_every_days >= horizon_days:
        raise InputError(f"visit_every_days = {visit_every_days}: must be between 1 and {horizon_days - 1}")
    comparison = compare(belief, plans(drug, visit_every_days), horizon_days, **limits)
    first = np.array([move for move in MOVES for _ in MOVES])
    return comparison, first[comparison.recommended]


def titrate(
    belief: Belief, drug: str, *, visits: int, visit_every_days: int = 14, horizon_days: int = 180, **limits: Any
) -> NDArray[np.float64]:
    """The course of doses that is to be expected: the choice made at each of so many visits, nothing measured between.

    Args:
        belief, drug, visit_every_days, horizon_days, limits: as for `look_ahead`; `seen` is what rules go by at the
            first visit alone.
        visits: how many times the dose is chosen.

    Returns:
        dose after each visit in the unit of the drug's column, (visits, persons).
    """
    imagined = copy.copy(belief)
    imagined.ensemble = belief.ensemble.copy()
    people = imagined.ensemble.people
    doses = np.empty((visits, imagined.ensemble.persons))
    for visit in range(visits):
        _, moves = look_ahead(imagined, drug, visit_every_days=visit_every_days, horizon_days=horizon_days, **limits)
        for move in (1, -1):
            rows = np.flatnonzero(imagined.ensemble.repeat(moves == move))
            change_dose(people, DoseChange(kind="dose", drug=drug, rungs=move), rows, guarded=False)
        doses[visit] = imagined.ensemble.mean(drugs_of(drug)[0].dose_column)
        for _ in range(visit_every_days):
            imagined.advance(Clock(imagined.day + 1))
        limits = {name: value for name, value in limits.items() if name != "seen"}
    return doses
