"""The evidence of the page for clinicians: one twin today, two options on it, and what would change the answer.

Everything is computed from the twin's belief when it is asked for; the comparison has the same numbers as `popsim twin
compare` with the same days and willingness to pay. For research, not for care.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from popsim.assimilation.choice import Comparison
from popsim.assimilation.flips import Flip, Question, find_flip
from popsim.assimilation.options import NOTHING, load_options
from popsim.assimilation.reasons import WORDS, described, drivers_of, explain
from popsim.outcomes.explanation import READINGS
from popsim.registry.advice import COMPARED_DAYS, WILLINGNESS_TO_PAY, belief_of_living, last_seen
from popsim.registry.service import TwinRegistry
from popsim.registry.summary import NOTICE, SignalHistory
from popsim.registry.views import summarise

OUTCOMES = {"decompensation": "need urgent care for heart failure", "death": "die",
            "reaction": "have a side effect of a drug"}  # fmt: skip
OLD_DAYS = 30  # a reading that is older is named as old (assumption: a review of a stable patient is monthly)
MAX_FLIPS = 3  # states searched, besides the willingness to pay
ALWAYS = ("extracellular_fluid_excess_l", "gfr_ml_min", "systolic_mmhg")  # where neither drivers nor rules name enough
DIGITS = {"symptom_score": 1, "weight_kg": 1}


class ReadingToday(NamedTuple):
    """A quantity today: the last reading with its age in days and its error (one SD), and the belief (90%)."""

    name: str
    label: str
    unit: str
    digits: int
    last: float | None
    age_days: int | None
    error: float | None
    median: float
    low: float
    high: float


class OutcomePair(NamedTuple):
    """Probability of an outcome under both options, and the difference with its 95% Monte Carlo interval."""

    name: str
    words: str
    chosen: float
    other: float
    difference: float
    low: float
    high: float
    chosen_low: float
    chosen_high: float
    other_low: float
    other_high: float


class FlipTold(NamedTuple):
    """A flip with the words of its state and of the option that it leads to."""

    flip: Flip
    words: str
    unit: str
    digits: int
    leads_to: str


class ClinicalEvidence(NamedTuple):
    """All that the page says, as numbers.

    Attributes:
        twin, day, members, days, willingness_to_pay: of the question.
        known: facts of the record.
        chosen, other: labels of the two options: the recommended one, and no change (or the best other one).
        chosen_is_nothing: whether no change is recommended.
        benefit, low, high: of `chosen` over `other`, GBP, with its 95% Monte Carlo interval.
        probability_best: weight of the members in whom the recommended option is the best.
        sure: whether it differs from the next best by more than chance.
        readings: every quantity that sensors measure.
        outcomes: of both options.
        flips: what would change the answer.
        refusals: reasons against other options.
    """

    twin: str
    day: int
    members: int
    days: int
    willingness_to_pay: float
    known: dict[str, str]
    chosen: str
    other: str
    chosen_is_nothing: bool
    benefit: float
    low: float
    high: float
    probability_best: float
    sure: bool
    readings: tuple[ReadingToday, ...]
    outcomes: tuple[OutcomePair, ...]
    flips: tuple[FlipTold, ...]
    refusals: tuple[str, ...]
    notice: str = NOTICE


def clinical_evidence(
    registry: TwinRegistry,
    twin: str,
    days: int = COMPARED_DAYS,
    willingness_to_pay: float = WILLINGNESS_TO_PAY,
    told: Callable[[], object] = lambda: None,
) -> ClinicalEvidence:
    """The evidence about a twin.

    Args:
        registry: of the twin.
        twin: its id.
        days: horizon of the comparison.
        willingness_to_pay: for a QALY, GBP.
        told: called after each simulation.

    Raises:
        InputError: there is no such twin, or it has died.
    """
    kind, belief = belief_of_living(registry, twin)
    with registry.database.reading() as connection:
        seen = last_seen(connection, twin, kind.vocabulary, belief.ensemble, kind.parameters)
    everything = Question(belief, load_options(), days, seen, willingness_to_pay, kind.parameters)
    compared = everything.ask()
    told()
    best, chosen = int(compared.best[0]), int(compared.recommended[0])
    other = compared.nothing if chosen != compared.nothing else _alternative(compared, best)
    summary, why = summarise(registry, twin), explain(compared)
    kept = [compared.options[place] for place in dict.fromkeys([compared.nothing, chosen, other, best])]
    two = everything._replace(options=[NOTHING if not one.changes else one for one in kept])
    names = {one.name: described(compared, place) for place, one in enumerate(compared.options)}
    flips = [
        _told(find_flip(two, column, step, told), names)
        for column, step in [*_searched(compared, best, other, seen), ("", 100.0)]
    ]
    difference = compared.net_benefit[:, [chosen]] - compared.net_benefit[:, [other]]
    ends = (compared.expected(difference), *compared.interval(difference))
    benefit, low, high = (float(end[0, 0]) for end in ends)
    return ClinicalEvidence(
        twin=twin, day=belief.day, members=kind.members, days=days, willingness_to_pay=willingness_to_pay,
        known=dict(summary.known), chosen=names[compared.options[chosen].name],
        other=names[compared.options[other].name], chosen_is_nothing=chosen == compared.nothing,
        benefit=benefit, low=low, high=high, probability_best=float(compared.probability_best[0, chosen]),
        sure=bool(compared.sure[0]),
        readings=tuple(_reading(signal, summary.day, kind.vocabulary.shown) for signal in summary.signals
                       if signal.belief.days),
        outcomes=tuple(_pair(compared, name, chosen, other) for name in OUTCOMES),
        flips=tuple(flips), refusals=tuple(dict.fromkeys(why.refusals.values())),
    )  # fmt: skip


def _alternative(compared: Comparison, best: int) -> int:
    """The best option that is not doing nothing; doing nothing where no other is allowed."""
    if best != compared.nothing:
        return best
    second = int(compared.runner_up[0])
    return second if second != compared.nothing else compared.nothing


def _searched(compared: Comparison, best: int, other: int, seen: dict[str, np.ndarray]) -> list[tuple[str, float]]:
    """States in which to look for a flip, with the step worth telling: drivers of the choice, then what rules read."""
    rival = other if best != other else int(compared.runner_up[0])
    drivers = [driver.column for driver in drivers_of(compared, best, rival, 0)] if best != rival else []
    ruled = [
        refusal.rule.column for place in range(len(compared.options)) for refusal in compared.reasons_against(place, 0)
    ]
    schema = compared.ensemble.people.schema
    columns = [name for name in dict.fromkeys([*drivers, *(name for name in ruled if name in seen), *ALWAYS])
               if name in schema]  # fmt: skip
    return [(name, 10.0 ** -_digits(name)) for name in columns[:MAX_FLIPS]]


def _digits(column: str) -> int:
    known = WORDS.get(column) or READINGS.get(column)
    return known.digits if known else DIGITS.get(column, 1)


def _told(flip: Flip, names: dict[str, str]) -> FlipTold:
    if not flip.column:
        return FlipTold(flip, "price that a year of full health is worth", "GBP", 0, names.get(flip.answer, ""))
    known = WORDS.get(flip.column) or READINGS.get(flip.column)
    words, unit = (known.words, known.unit) if known else (flip.column.replace("_", " "), "")
    return FlipTold(flip, words, unit, _digits(flip.column), names.get(flip.answer, ""))


def _reading(signal: SignalHistory, day: int, sensors: Sequence[object]) -> ReadingToday:
    used = [one for one in signal.readings if one.used]
    last = used[-1] if used else None
    sensor = next((one for one in sensors if getattr(one, "name", "") == signal.name), None)
    error = None
    if last is not None and sensor is not None:
        share, own = (getattr(sensor, name, 0.0) for name in ("noise_share", "noise_sd"))
        error = float(np.hypot(share * last.value, own))
    believed_now = (signal.belief.median[-1], signal.belief.low[-1], signal.belief.high[-1])
    return ReadingToday(
        signal.name, signal.label, signal.unit, _digits(signal.name), None if last is None else last.value,
        None if last is None else day - int(last.time), error or None, *believed_now,
    )  # fmt: skip


def _pair(compared: Comparison, name: str, chosen: int, other: int) -> OutcomePair:
    chances = compared.chances(name)
    risk, (low, high) = compared.risk(name)[0], compared.interval(chances)
    difference = chances[:, [chosen]] - chances[:, [other]]
    least, most = compared.interval(difference)
    ends = [float(np.clip(end[0, place], 0.0, 1.0)) for place in (chosen, other) for end in (low, high)]
    return OutcomePair(
        name, OUTCOMES[name], float(risk[chosen]), float(risk[other]), float(risk[chosen] - risk[other]),
        float(least[0, 0]), float(most[0, 0]), *ends,
    )  # fmt: skip
