"""Trials: variants that an optimiser (optuna's tree-structured Parzen estimator) suggests, and what became of them.

The same definition gives the same trials, whatever the machine: the optimiser has a seed of its own and is told results
in a fixed order. So nothing of it need be kept: a search that was killed is asked again, and finds in the store what it
has simulated before.
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

SETTLED = 100  # suggestions in a row that have been tried already: the optimiser has nothing else in mind

type Say = Callable[[str], None]


class TrialOutcome(NamedTuple):
    """What a variant does, for each piece of luck (people and random numbers, the same for all variants).

    Attributes:
        gain: (luck,) how much better than the comparator it is, per person.
        spent: (luck,) what counts to the budget, per person; 0 without one.
    """

    gain: Floats
    spent: Floats


class Evaluate(Protocol):
    """What the variants are tried with."""

    def __call__(self, variants: Sequence[Variant], luck: int) -> list[TrialOutcome]:
        """Outcomes of each variant under the first `luck` pieces of luck."""


@dataclass(frozen=True, slots=True)
class SearchTrial:
    """A variant that was tried."""

    variant: Variant
    outcome: TrialOutcome

    @property
    def gain(self) -> float:
        """Mean over luck."""
        return float(self.outcome.gain.mean())

    @property
    def spent(self) -> float:
        """Mean over luck."""
        return float(self.outcome.spent.mean())


def try_out(
    search: Search, own: tuple[Level, ...], evaluate: Evaluate, say: Say = lambda text: None
) -> list[SearchTrial]:
    """Try variants until there are as many as wanted, or the optimiser has no other in mind.

    Args:
        search: choices, budget and effort.
        own: values of the strategy as it stands: the first trial.
        evaluate: what the variants are tried with.
        say: told of every new best.
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
        while len(pending) < min(search.at_a_time, search.trials - len(tried)) and repeats < SETTLED:
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
    """The place of a level among the levels: numbers are ordered, options are not."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    places = range(len(choice.levels))
    return CategoricalDistribution([*places]) if choice.options else IntDistribution(0, len(places) - 1)


def _tell(study: optuna.Study, asked: optuna.Trial, trial: SearchTrial, search: Search) -> None:
    asked.set_constraint("budget", excess(trial.spent, search))
    study.tell(asked, trial.gain)


def excess(spent: float, search: Search) -> float:
    """How far beyond the budget; at most 0 for what can be afforded."""
    return spent - search.budget.most if search.budget else 0.0


def affordable(trials: Sequence[SearchTrial], search: Search) -> list[SearchTrial]:
    """Trials within the budget, the best first; of equals, who spends less, then who was first."""
    found = [trial for trial in trials if excess(trial.spent, search) <= 0.0 and np.isfinite(trial.gain)]
    return sorted(found, key=lambda trial: (-trial.gain, trial.spent, trial.variant.number))


def _say_if_best(trial: SearchTrial, tried: dict[tuple[Level, ...], SearchTrial], search: Search, say: Say) -> None:
    best = affordable(list(tried.values()), search)
    if best and best[0] is trial:
        values = ", ".join(f"{c.title} {v}" for c, v in zip(search.choices, trial.variant.values, strict=True))
        say(f"trial {trial.variant.number}: {trial.gain:+,.4g} ({values})")
