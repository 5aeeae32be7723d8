"""The race of the best variants on new replications, and the evaluation of its winner on further ones.

The lead of the best of many trials is partly noise. The finalists therefore run again on common new replications;
variants that are clearly behind drop out, and the effort goes to close ones. As the winner's lead is again partly
noise, replications that had no part in choosing it give its value.

The probability that the leader is the best is at least 1 - sum of P(finalist k is better), by Bonferroni's bound; each
term is the tail of Student's t for the paired difference over the replications that both have. Repeated looks make them
slightly overconfident.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from popsim.analyses.policy_problem import Variant
from popsim.definitions.search import Search
from popsim.search.trials import Evaluate, SearchTrial, TrialOutcome, excess
from popsim.statistics import Estimate

DROP_CONFIDENCE = 0.95  # confidence, over all finalists together, at which a variant that is behind drops out
SAME = 1e-9  # relative: smaller differences are rounding


@dataclass(frozen=True, slots=True)
class Runner:
    """A finalist after the race.

    Attributes:
        variant: the finalist.
        gain: over the comparator, in the race alone.
        ahead: paired difference from the winner, negative if behind; None for the winner.
        may_be_better: probability that it is better than the winner; 0 for the winner.
        spent: mean over all replications so far.
    """

    variant: Variant
    gain: Estimate
    ahead: Estimate | None
    may_be_better: float
    spent: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gain of the winner, on replications that had no part in choosing it.

    Attributes:
        winner: the variant.
        best_probability: lower bound of the probability that it is the best finalist.
        gain: of the winner over the comparator.
        before: gain of the current strategy over the comparator, on the same replications.
        improvement: of the winner over the current strategy, paired.
        spent: by the winner.
    """

    winner: Variant
    best_probability: float
    gain: Estimate
    before: Estimate
    improvement: Estimate
    spent: Estimate


def race(finalists: Sequence[SearchTrial], search: Search, evaluate: Evaluate) -> tuple[list[Runner], int]:
    """Run the finalists on new replications until one is left, or for as many as the search allows.

    Args:
        finalists: two or more; they already have the first `search.replications` replications.
        search: budget and effort.
        evaluate: simulates variants.

    Returns:
        All finalists, the winner first, then by gain; and the number of replications used so far.
    """
    begin = repetitions = search.replications
    end = begin + search.race
    seen: dict[int, TrialOutcome] = {}
    running = [trial.variant for trial in finalists]
    while repetitions < end and (len(running) > 1 or repetitions == begin):
        repetitions = min(repetitions + search.replications, end)
        seen |= {v.number: o for v, o in zip(running, evaluate(running, repetitions), strict=True)}
        running = _still_open(running, seen, begin, search, len(finalists))
    return _standings([trial.variant for trial in finalists], running, seen, begin, search), repetitions


def evaluate_winner(
    winner: Variant, own: Variant, chance: float, repetitions: int, search: Search, evaluate: Evaluate
) -> Verdict:
    """Evaluate the winner on new replications.

    Args:
        winner: of the race.
        own: the current strategy.
        chance: probability that the winner is the best.
        repetitions: number of replications used so far.
        search: effort.
        evaluate: simulates variants.
    """
    asked = [own] if winner == own else [winner, own]
    outcomes = evaluate(asked, repetitions + search.judged)
    best, before = outcomes[0], outcomes[-1]
    return Verdict(
        winner,
        chance,
        Estimate.of(best.gain[repetitions:]),
        Estimate.of(before.gain[repetitions:]),
        Estimate.of(best.gain[repetitions:] - before.gain[repetitions:]),
        Estimate.of(best.spent[repetitions:]),
    )


def best_probability(runners: Sequence[Runner]) -> float:
    """Lower bound of the probability that the first is the best of all."""
    return max(0.0, 1.0 - sum(runner.may_be_better for runner in runners[1:]))


def _still_open(
    running: list[Variant], seen: dict[int, TrialOutcome], begin: int, search: Search, finalists: int
) -> list[Variant]:
    """The variants that may still be the best."""
    leader = _leader(running, seen, begin, search)
    least = (1.0 - DROP_CONFIDENCE) / max(finalists - 1, 1)
    return [
        v
        for v in running
        if v == leader
        or (_better(seen[v.number], seen[leader.number], begin) > least and _can_pay(seen[v.number], search))
    ]


def _leader(running: Sequence[Variant], seen: dict[int, TrialOutcome], begin: int, search: Search) -> Variant:
    """The variant within the budget (or any, if none is) with the best mean in the race; of equals, the cheaper one."""
    able = [v for v in running if _can_pay(seen[v.number], search)] or running

    def rank(variant: Variant) -> tuple[float, float, int]:
        outcome = seen[variant.number]
        return -float(outcome.gain[begin:].mean()), float(outcome.spent.mean()), variant.number

    return min(able, key=rank)


def _can_pay(outcome: TrialOutcome, search: Search) -> bool:
    return excess(float(outcome.spent.mean()), search) <= 0.0


def _standings(
    finalists: Sequence[Variant], running: Sequence[Variant], seen: dict[int, TrialOutcome], begin: int, search: Search
) -> list[Runner]:
    winner = _leader(running, seen, begin, search)
    best = seen[winner.number]
    found = []
    for variant in finalists:
        outcome = seen[variant.number]
        both = len(outcome.gain)  # a variant that dropped out has fewer replications than the winner
        ahead = None if variant == winner else Estimate.of((outcome.gain - best.gain[:both])[begin:])
        able = _can_pay(outcome, search)
        chance = _better(outcome, best, begin) if variant != winner and able else 0.0
        found.append(Runner(variant, Estimate.of(outcome.gain[begin:]), ahead, chance, float(outcome.spent.mean())))
    return sorted(found, key=lambda runner: (runner.variant != winner, -runner.gain.value, runner.variant.number))


def _better(one: TrialOutcome, other: TrialOutcome, begin: int) -> float:
    """Probability that one is better than the other, from paired differences over the replications that both have."""
    both = min(len(one.gain), len(other.gain))
    ahead = Estimate.of(one.gain[begin:both] - other.gain[begin:both])
    size = max(float(np.abs(one.gain[begin:both]).max()), float(np.abs(other.gain[begin:both]).max()))
    if ahead.standard_error <= SAME * size:  # a constant difference; 0 where a choice does not matter
        return float(ahead.value > SAME * size)
    return float(stdtr(both - begin - 1, ahead.value / ahead.standard_error))
