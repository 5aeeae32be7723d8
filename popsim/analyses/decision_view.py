"""What the figures of a decision show, of a finished run or of a model of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from popsim.analyses.information import UncertainRun
from popsim.definitions.horizon import horizon_in_words
from popsim.studies.prices import prices_in_words

if TYPE_CHECKING:
    from popsim.runs.run import StoredRun


@dataclass(frozen=True, slots=True)
class DecisionView:
    """A decision to draw.

    Attributes:
        strategies: titles by name.
        comparator: name of one of them.
        measures: strategy, draw, replication, measure, value.
        willingness_to_pay: for a QALY.
        currency: of the costs.
        draws, seed: number of parameter draws, and first word of the random key.
        horizon: how long people are followed, in words.
        prices: currency and years of the prices, in words.
        known: the uncertain parameters.
    """

    strategies: Mapping[str, str]
    comparator: str
    measures: pl.DataFrame
    willingness_to_pay: float
    currency: str
    draws: int
    seed: int
    horizon: str
    prices: str
    known: Callable[[], UncertainRun]

    @classmethod
    def of(cls, shown: StoredRun | DecisionView) -> DecisionView:
        """Of a run; a view as it is."""
        if isinstance(shown, DecisionView):
            return shown
        experiment = shown.experiment
        return cls(
            shown.strategies,
            shown.comparator,
            shown.frame("measures"),
            experiment.willingness_to_pay,
            experiment.currency,
            experiment.draws,
            experiment.seed,
            horizon_in_words(experiment),
            prices_in_words(experiment),
            lambda: UncertainRun.of(shown),
        )
