"""Titration of one drug by look-ahead: two moves of the dose, one now and one at the next visit.

Nine plans (stay, up or down a rung, twice) are simulated on the belief and compared (choice.py); only the first move of
the recommended plan is made. Plans are open loop: the second move does not depend on the response to the first, except
that members skip it if a warning of the drug's file then forbids a higher dose. For research, not for care.
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
    """The nine plans for a drug or a class; the first, staying twice, changes nothing."""
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
        belief: not changed.
        drug: a drug of the drug files, or a class.
        visit_every_days: between this decision and the next.
        horizon_days: length of the simulation.
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
    """The expected course of doses: the choice is repeated at each visit, without readings in between.

    Args:
        belief, drug, visit_every_days, horizon_days, limits: as for `look_ahead`; rules use `seen` at the first visit
            only.
        visits: number of choices.

    Returns:
        dose after each visit in the unit of the drug's column, (visits, persons).
    """
    simulated = copy.copy(belief)
    simulated.ensemble = belief.ensemble.copy()
    people = simulated.ensemble.people
    doses = np.empty((visits, simulated.ensemble.persons))
    for visit in range(visits):
        _, moves = look_ahead(simulated, drug, visit_every_days=visit_every_days, horizon_days=horizon_days, **limits)
        for move in (1, -1):
            rows = np.flatnonzero(simulated.ensemble.repeat(moves == move))
            change_dose(people, DoseChange(kind="dose", drug=drug, rungs=move), rows, guarded=False)
        doses[visit] = simulated.ensemble.mean(drugs_of(drug)[0].dose_column)
        for _ in range(visit_every_days):
            simulated.advance(Clock(simulated.day + 1))
        limits = {name: value for name, value in limits.items() if name != "seen"}
    return doses
