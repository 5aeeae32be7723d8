"""A policy search: trials, a race of the best, and a verdict on new replications.

A variant is the strategy with other values. It is simulated as a strategy of the experiment beside the comparator, so
that all share people and random numbers, and every finished unit is in the sealed store of runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from popsim.analyses.contrast import NET_BENEFIT, Contrast
from popsim.analyses.policy_problem import PolicyProblem, Variant, with_experiment
from popsim.definitions.search import Search
from popsim.definitions.strategy import Strategy
from popsim.economics.cost_effectiveness import QALYS, TOTAL_COST
from popsim.errors import InputError
from popsim.evidence.distributions import Floats
from popsim.search.race import Runner, Verdict, best_probability, evaluate_winner, race
from popsim.search.trials import Evaluate, Say, SearchTrial, TrialOutcome, affordable, try_out
from popsim.studies.design import Study
from popsim.studies.measures import measure_of

if TYPE_CHECKING:
    from popsim.runs.runner import RunResult

OBJECTIVES = {  # measure
    "net_benefit": NET_BENEFIT,
    "qalys": QALYS,
    "cost": TOTAL_COST,
    "readmissions": "readmission_30d_at_entry",
}

type Run = Callable[[Study], RunResult]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The result of a search.

    Attributes:
        problem: the problem.
        trials: of all variants.
        runners: the finalists after the race, the winner first.
        verdict: on new replications.
        strategy: the winner, to be used in an experiment.
    """

    problem: PolicyProblem
    trials: Sequence[SearchTrial]
    runners: Sequence[Runner]
    verdict: Verdict
    strategy: Strategy


def evaluator(problem: PolicyProblem, run: Run) -> Evaluate:
    """A function that simulates variants, as strategies of the experiment."""
    search, experiment = problem.search, problem.experiment
    comparator = experiment.strategy(experiment.reference)
    measure = OBJECTIVES[search.objective]
    sign = measure_of(measure).sign
    pieces = "draws" if experiment.draws else "replications"

    def evaluate(variants: Sequence[Variant], repetitions: int) -> list[TrialOutcome]:
        strategies = [problem.strategy(variant) for variant in variants]
        sizes = {"draws": 0, "replications": 1} | {pieces: repetitions}
        varied = experiment.model_copy(update={"strategies": (comparator, *strategies), **sizes})
        result = run(with_experiment(problem.study, varied))
        measures = pl.read_parquet(result.folder / "measures.parquet").with_columns(pl.col("strategy").cast(pl.String))
        outcomes = []
        for strategy in strategies:
            contrast = Contrast(strategy.name, comparator.name, measure, experiment.willingness_to_pay)
            gain = sign * contrast.values(measures)["value"].to_numpy()
            if len(gain) < repetitions or not np.isfinite(gain).all():
                raise InputError(f"{search.name}: {measure} cannot be measured in every replication: add people")
            outcomes.append(TrialOutcome(gain, _spent(measures, strategy.name, search, repetitions)))
        return outcomes

    return evaluate


def search_policy(problem: PolicyProblem, evaluate: Evaluate, say: Say = lambda text: None) -> SearchResult:
    """Search, race and evaluate.

    Raises:
        InputError: no variant is within the budget.
        RunError: simulations failed.
    """
    search = problem.search
    trials = try_out(search, problem.own, evaluate, say)
    ranked = affordable(trials, search)
    if not ranked:
        assert search.budget is not None  # otherwise all are affordable
        least = min(trial.spent for trial in trials)
        raise InputError(
            f"{problem.file}: budget.most = {search.budget.most:g}: no variant is within it; the cheapest of "
            f"{len(trials)} spends {least:,.4g}"
        )
    finalists = list({trial.variant: trial for trial in (*ranked[: search.finalists], trials[0])}.values())
    runners, repetitions = race(finalists, search, evaluate)
    winner = runners[0].variant
    verdict = evaluate_winner(winner, trials[0].variant, best_probability(runners), repetitions, search, evaluate)
    label = problem.experiment.strategy(search.strategy).title
    named = {"name": search.strategy, "label": f"{label}, best found"[:80]}
    return SearchResult(problem, trials, runners, verdict, problem.strategy(winner).model_copy(update=named))


def _spent(measures: pl.DataFrame, strategy: str, search: Search, repetitions: int) -> Floats:
    """Spending that counts towards the budget, for each replication."""
    if search.budget is None:
        return np.zeros(repetitions)
    wide = measures.filter(pl.col("strategy") == strategy, pl.col("measure").is_in(search.budget.measures))
    sums = wide.group_by("draw", "replication").agg(pl.col("value").sum()).sort("draw", "replication")
    return sums["value"].to_numpy()
