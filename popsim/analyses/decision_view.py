"""What texts, figures and pages of a decision show, of a finished run or of a model of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.horizon import DiscountRate, FollowUp, horizon_in_words
from popsim.studies.prices import prices_in_words
from popsim.units import DAYS_PER_YEAR

if TYPE_CHECKING:
    from popsim.analyses.information import UncertainRun
    from popsim.runs.run import StoredRun


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFacts:
    """A study in the words of its tables.

    Attributes:
        title: of the study.
        strategies: titles by name.
        comparator: name of one of them.
        willingness_to_pay: for a QALY.
        currency: of the costs.
        people: simulated.
        draws, replications, regions: number of parameter draws (0: base case alone), of replications, of catchments.
        exact: expected values, which no chance moves.
        batches: whether replications are batches of one simulation's people.
        seed: first word of the random key.
        horizon: how long people are followed, in words.
        years: how long they are followed at most.
        prices: currency and years of the prices, in words.
        perspective: whose costs count, in words; empty: as the model has it.
        discount_rate_costs: a year.
        follow_up: "lifetime", or None where the horizon is a number of years.
        again: what repeats the study with another value of a flag; None where only the experiment is known.
    """

    title: str
    strategies: Mapping[str, str]
    comparator: str
    willingness_to_pay: float
    currency: str
    people: int
    draws: int
    replications: int
    seed: int
    horizon: str
    years: float
    prices: str
    regions: int = 1
    exact: bool = False
    batches: bool = False
    perspective: str = ""
    discount_rate_costs: DiscountRate = 0.0
    follow_up: FollowUp = None
    again: Callable[[str, object], str] | None = None

    @classmethod
    def of(cls, shown: ExperimentDefinition | StudyFacts) -> StudyFacts:
        """Of an experiment; facts as they are."""
        return shown if isinstance(shown, StudyFacts) else StudyFacts(**_facts(shown))


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionView(StudyFacts):
    """A decision to show.

    Attributes:
        measures: strategy, draw, replication, measure, value.
        differences: `paired_differences` of the measures; None where the study does not have them.
        known: the uncertain parameters.
        reference_people: whom the figures of a region are about.
    """

    measures: pl.DataFrame
    differences: pl.DataFrame | None
    known: Callable[[str], UncertainRun]
    reference_people: int

    @classmethod
    def of_run(cls, run: StoredRun | DecisionView) -> DecisionView:
        """Of a run; a view as it is."""
        if isinstance(run, DecisionView):
            return run
        return cls(
            **_facts(run.experiment) | {"again": run.again},
            measures=run.frame("measures"),
            differences=run.frame("comparisons") if "comparisons" in run.tables else None,
            known=lambda effect: _uncertain(run, effect),
            reference_people=run.network.reference_population or run.experiment.population,
        )


def _uncertain(run: StoredRun, effect: str) -> UncertainRun:
    from popsim.analyses.information import UncertainRun  # noqa: PLC0415 takes a second, and light commands need none

    return UncertainRun.of(run, effect)


def _facts(experiment: ExperimentDefinition) -> dict[str, Any]:
    return {
        "title": experiment.title or experiment.name,
        "strategies": {strategy.name: strategy.title for strategy in experiment.strategies},
        "comparator": experiment.reference,
        "willingness_to_pay": experiment.willingness_to_pay,
        "currency": experiment.currency,
        "people": experiment.population,
        "draws": experiment.draws,
        "replications": experiment.replications,
        "regions": experiment.regions,
        "seed": experiment.seed,
        "horizon": horizon_in_words(experiment),
        "years": experiment.follow_up_days / DAYS_PER_YEAR,
        "prices": prices_in_words(experiment),
        "perspective": experiment.perspective.replace("_", " "),
        "discount_rate_costs": experiment.discount_rate_costs or 0.0,
        "follow_up": experiment.follow_up,
    }
