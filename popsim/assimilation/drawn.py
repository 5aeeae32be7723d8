"""Members of a belief under several draws of the parameters: what is not known of physiology widens a forecast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.assimilation.ensemble import Ensemble
from popsim.assimilation.predicted_care import PredictedCare
from popsim.evidence.draws import uncertain_parameters
from popsim.evidence.sets import Parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology import Physiology, build_physiology
from popsim.population.columns import Schema
from popsim.population.population import Population

# What the set point of a person follows from, beside the parameters.
SET_POINT = (
    "intrinsic_natriuresis_l_day", "untreated_ejection_fraction_percent", "untreated_systolic_mmhg",
    "untreated_heart_rate_bpm", "untreated_gfr_ml_min", "untreated_potassium_mmol_l",
)  # fmt: skip


class ParameterDraw(NamedTuple):
    """A draw of the parameters, and the physiology with it."""

    physiology: Physiology
    parameters: Parameters


class Lives(NamedTuple):
    """The members who live under one draw: their rows among all, copies of them, and their care."""

    rows: NDArray[np.int64]
    people: Population
    care: PredictedCare
    draw: ParameterDraw


def parameter_draws(
    parameters: Parameters, schema: Schema, *, key: RandomKey, number: int
) -> tuple[ParameterDraw, ...]:
    """Draws of all uncertain parameters, keyed by the seed; all twins of a seed share them.

    Args:
        parameters: sets with their distributions.
        schema: columns of the members.
        key: of the random numbers.
        number: of draws.

    Raises:
        DefinitionError: a distribution is not sound.
    """
    uncertain = uncertain_parameters(parameters, (), "parameters")
    drawn = []
    for values in uncertain.draw(key.seed, range(1, number + 1)).tolist():
        sets = parameters.with_values(dict(zip(uncertain.names, values, strict=True)))
        drawn.append(ParameterDraw(build_physiology(schema, sets, key=key), sets))
    return tuple(drawn)


def lives_of(
    ensemble: Ensemble, physiology: Physiology, draws: Sequence[ParameterDraw], lives_per_member: int = 1
) -> list[Lives]:
    """Copies of the members of each person, dealt out to the draws in turn.

    The belief has found each member's set point with the belief's own parameters: under a draw the member keeps it.

    Args:
        ensemble: not changed.
        physiology: of the belief.
        draws: at least one.
        lives_per_member: neighbouring rows that are one member and live under the same draw.
    """
    members = ensemble.members // lives_per_member
    draws = draws[:members]
    member, lives = np.arange(len(ensemble.people)) // lives_per_member % members, []
    for index, draw in enumerate(draws):
        rows = np.flatnonzero(member % len(draws) == index)
        people = ensemble.people.chosen(rows)
        if draw.physiology is not physiology:
            _keep_set_point(people, physiology, draw.physiology)
        lives.append(Lives(rows, people, PredictedCare(people, draw.parameters), draw))
    return lives


def of_all(lives: Sequence[Lives], what: Callable[..., NDArray[Any]], *arguments: object) -> NDArray[Any]:
    """Values of all members in their order, (..., rows), from `what(those of a draw, *arguments)`."""
    parts = [what(one, *arguments) for one in lives]
    whole = np.empty((*parts[0].shape[:-1], sum(len(one.rows) for one in lives)), parts[0].dtype)
    for one, values in zip(lives, parts, strict=True):
        whole[..., one.rows] = values
    return whole


def column_of(lives: Lives, name: str) -> NDArray[Any]:
    """A column of the members under one draw."""
    return lives.people[name]


def _keep_set_point(people: Population, believed: Physiology, drawn: Physiology) -> None:
    """Change the intercepts by as much as the set point's would under the drawn parameters."""
    before, after = people.copy(), people.copy()
    believed.initialise(before)
    drawn.initialise(after)
    for name in SET_POINT:
        column = people.schema[name]
        people[name] = np.clip(people[name] + (after[name] - before[name]), column.low, column.high)
