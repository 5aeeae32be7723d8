"""The expectation of a state-transition model told in tables, by multiplying matrices.

Written apart from popsim's own tables and weights: it takes the model's functions and parameters only, and the
conventions of counting (weights of the points) as numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Expectation(NamedTuple):
    cost: float
    qaly: float
    occupancy: np.ndarray  # (points, states)


def expectation(model, strategy, weights, cost_rate, effect_rate):
    """Exact means per person under a strategy of a model without time in state, for cycles of a year."""
    p = model.parameters_of(strategy)
    place = {state: number for number, state in enumerate(model.states)}

    def say(function, cycle):
        return function(p, cycle) if function.__code__.co_argcount == 2 else function(p)

    share = np.zeros(len(place))
    share[0] = 1.0
    cost = qaly = 0.0
    occupancy = []
    for t, weight in enumerate(weights):
        occupancy.append(share)
        cost += weight * (1 + cost_rate) ** -t * sum(share[place[s]] * v for s, v in say(model.costs, t).items())
        qaly += weight * (1 + effect_rate) ** -t * sum(share[place[s]] * v for s, v in say(model.utilities, t).items())
        matrix = np.eye(len(place))
        for origin, row in say(model.transitions, t).items():
            for target, probability in row.items():
                matrix[place[origin], place[target]] = probability
            matrix[place[origin], place[origin]] = 1.0 - sum(float(v) for k, v in row.items() if k != origin)
        share = share @ matrix
    return Expectation(float(cost), float(qaly), np.array(occupancy))
