"""What would change the choice: values of a person's state found by simulating again, and proven on both sides.

A regression (reasons.py) says where to look. Here a state is set to another value in every member (shifted, so that the
belief keeps its spread), the options are simulated again with the same random numbers, and the value at which another
option is recommended is bracketed. A flip is only told with two simulations, one on each side, whose answers differ.
For research, not for care.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.assimilation.belief import Belief
from popsim.assimilation.choice import Comparison, compare
from popsim.assimilation.ensemble import believed
from popsim.definitions.options import TherapyOption
from popsim.evidence.sets import Parameters

REACH_SD = 4.0  # a search ends so many standard deviations of the belief from its median,
MIN_REACH = 0.3  # or at this share of the median, whichever is further (assumption: wider than a reading is wrong)
MAX_HALVINGS = 7


class Flip(NamedTuple):
    """A value of a state that changes the recommendation.

    Attributes:
        column: of the members; empty: the willingness to pay.
        now: median of the belief, or the last reading where rules use it.
        this_side, other_side: values on both sides of the threshold, each simulated; the first keeps the answer. None
            where no value that was tried changes it.
        answer: name of the option recommended on the other side; empty where nothing changes.
        tried: lowest and highest value that was simulated.
        simulations: how many were made.
    """

    column: str
    now: float
    this_side: float | None
    other_side: float | None
    answer: str
    tried: tuple[float, float]
    simulations: int


class Question(NamedTuple):
    """What was asked of a belief about one person; `ask` answers it for other values.

    Attributes:
        belief: about one person.
        options: compared, doing nothing among them.
        days: horizon.
        seen: last readings, which rules use.
        willingness_to_pay: for a QALY.
        parameters: sets by name.
    """

    belief: Belief
    options: Sequence[TherapyOption]
    days: int
    seen: Mapping[str, NDArray[np.float64]]
    willingness_to_pay: float
    parameters: Parameters

    def ask(self, column: str = "", value: float | None = None) -> Comparison:
        """The comparison, with a state of the person at another value (the willingness to pay where `column` is "")."""
        belief, seen, price = self.belief, dict(self.seen), self.willingness_to_pay
        if column and value is not None:
            shift = value - self.now(column)
            belief = with_shift(belief, column, shift)
            if column in seen:
                seen[column] = np.array([value])
        elif value is not None:
            price = value
        return compare(belief, self.options, self.days, seen=seen, willingness_to_pay=price, parameters=self.parameters)

    def now(self, column: str) -> float:
        """The value that the answer rests on today: the last reading, or what is believed."""
        if not column:
            return self.willingness_to_pay
        if column in self.seen:
            return float(self.seen[column][0])
        return float(believed(self.belief.ensemble, column)[0, 0])

    def answer(self, column: str = "", value: float | None = None) -> str:
        """The name of the recommended option."""
        asked = self.ask(column, value)
        return asked.options[int(asked.recommended[0])].name


def with_shift(belief: Belief, column: str, shift: float) -> Belief:
    """A copy of a belief in which a column of every member is higher by so much, within the column's bounds."""
    changed = copy.copy(belief)
    changed.ensemble = belief.ensemble.copy()
    values, bounds = changed.ensemble.people[column], belief.ensemble.people.schema[column]
    changed.ensemble.people[column] = np.clip(values.astype(np.float64) + shift, bounds.low, bounds.high)
    return changed


def find_flip(question: Question, column: str, step: float, told: Callable[[], object] = lambda: None) -> Flip:
    """The nearest value, below or above today's, at which another option is recommended.

    Args:
        question: what was asked.
        column: of the members; "": the willingness to pay.
        step: the smallest difference that is worth telling, in the column's unit.
        told: called after each simulation.
    """
    count, cache = 0, {}

    def answer(value: float) -> str:
        nonlocal count
        if value not in cache:
            cache[value] = question.answer(column, value)
            count += 1
            told()
        return cache[value]

    now = question.now(column)
    low, high = _range(question, column, now)
    today = answer(now)
    found = []
    for end in (low, high):
        if answer(end) == today:
            continue
        near, far = now, end
        for _ in range(MAX_HALVINGS):
            if abs(far - near) <= step:
                break
            middle = _rounded((near + far) / 2.0, step)
            if middle in (near, far):
                break
            near, far = (middle, far) if answer(middle) == today else (near, middle)
        found.append((abs(far - now), near, far))
    if not found:
        return Flip(column, now, None, None, "", (low, high), count)
    _, near, far = min(found)
    return Flip(column, now, near, far, answer(far), (low, high), count)


def _range(question: Question, column: str, now: float) -> tuple[float, float]:
    """How far to look on both sides of today's value."""
    if not column:
        return 0.0, 5.0 * now
    ensemble = question.belief.ensemble
    sd = float(np.sqrt(np.cov(ensemble.of(column)[0].astype(np.float64), aweights=ensemble.weights()[0])))
    reach = max(REACH_SD * sd, MIN_REACH * abs(now))
    bounds = ensemble.people.schema[column]
    return max(now - reach, bounds.low), min(now + reach, bounds.high)


def _rounded(value: float, step: float) -> float:
    """A value at a multiple of a step."""
    return round(value / step) * step
