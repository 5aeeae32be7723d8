"""Trials: variants that an optimiser (optuna's tree-structured Parzen estimator) suggests, with their results.

The same definition gives the same trials on any machine, because the optimiser has its own seed and gets results in a
fixed order. Its state need not be stored: an interrupted search starts again and finds finished simulations in the
store.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from popsim.analyses.policy_problem import Variant
from popsim.definitions.search import Choice, Level, Search
from popsim.evidence.distributions import Floats

if TYPE_CHECKING:
    import optuna

MAX_REPEATED_SUGGESTIONS = 100  # consecutive suggestions that were already tried: the optimiser has converged

type Say = Callable[[str], None]


class TrialOutcome(NamedTuple):
    """The outcome of a variant in each replication (people and random numbers are the same for all variants).

    Attributes:
        gain: (replications,) improvement over the comparator, per person.
        spent: (replications,) spending that counts towards the budget, per person; 0 without one.
    """

    gain: Floats
    spent: Floats


class Evaluate(Protocol):
    """Simulates variants."""

    def __call__(self, variants: Sequence[Variant], repetitions: int) -> list[TrialOutcome]:
        """Outcomes of each variant in the first `repetitions` replications."""


@dataclass(frozen=True, slots=True)
class SearchTrial:
    """A variant that was tried."""

    variant: Variant
    outcome: TrialOutcome

    @property
    def gain(self) -> float:
        """Mean over replications."""
        return float(self.outcome.gain.mean())

    @property
    def spent(self) -> float:
        """Mean over replications."""
        return float(self.outcome.spent.mean())


def try_out(
    search: Search, own: tuple[Level, ...], evaluate: Evaluate, say: Say = lambda text: None
) -> list[SearchTrial]:
    """Try variants until there are enough, or the optimiser has converged.

    Args:
        search: choices, budget and effort.
        own: values of the current strategy: the first trial.
        evaluate: simulates variants.
        say: called with a message for every new best.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(seed=search.seed, multivariate=True, constant_liar=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    space = {choice.path: _distribution(choice) for choice in search.choices}
    tried: dict[tuple[Level, ...], SearchTrial] = {}
    repeats = 0
    pending: dict[tuple[Level, ...], optuna.Trial | None] = {own: None}
    while len(tried) + len(pending) <= search.trials and pending:
        variants = [Variant(len(tried) + place, values) for place, values in enumerate(pending)]
        for variant, outcome in zip(variants, evaluate(variants, search.replications), strict=True):
            trial = tried[variant.values] = SearchTrial(variant, outcome)
            _say_if_best(trial, tried, search, say)
            if (asked := pending[variant.values]) is not None:
                _tell(study, asked, trial, search)
        pending = {}
        while len(pending) < min(search.at_a_time, search.trials - len(tried)) and repeats < MAX_REPEATED_SUGGESTIONS:
            asked = study.ask(space)
            values = tuple(c.levels[asked.params[c.path]] for c in search.choices)
            repeats = repeats + 1 if values in tried or values in pending else 0
            if values in tried:
                _tell(study, asked, tried[values], search)
            elif values in pending:
                study.tell(asked, state=optuna.trial.TrialState.FAIL)
            else:
                pending[values] = asked
    return list(tried.values())


def _distribution(choice: Choice) -> Any:
    """The distribution of a choice's index: ordered for numbers, categorical for options."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    places = range(len(choice.levels))
    return CategoricalDistribution([*places]) if choice.options else IntDistribution(0, len(places) - 1)


def _tell(study: optuna.Study, asked: optuna.Trial, trial: SearchTrial, search: Search) -> None:
    asked.set_constraint("budget", excess(trial.spent, search))
    study.tell(asked, trial.gain)


def excess(spent: float, search: Search) -> float:
    """Spending above the budget; 0 or less for an affordable variant."""
    return spent - search.budget.most if search.budget else 0.0


def affordable(trials: Sequence[SearchTrial], search: Search) -> list[SearchTrial]:
    """Trials within the budget, the best first; of equals, the cheaper one, then the earlier one."""
    found = [trial for trial in trials if excess(trial.spent, search) <= 0.0 and np.isfinite(trial.gain)]
    return sorted(found, key=lambda trial: (-trial.gain, trial.spent, trial.variant.number))


def _say_if_best(trial: SearchTrial, tried: dict[tuple[Level, ...], SearchTrial], search: Search, say: Say) -> None:
    best = affordable(list(tried.values()), search)
    if best and best[0] is trial:
        values = ", ".join(f"{c.title} {v}" for c, v in zip(search.choices, trial.variant.values, strict=True))
        say(f"trial {trial.variant.number}: {trial.gain:+,.4g} ({values})")
