"""The tables that a run's measures are summed up in, while it is under way and once it is finished."""

from __future__ import annotations

from typing import NamedTuple, Self

import polars as pl

from popsim.definitions.experiment import ExperimentDefinition
from popsim.economics.cost_effectiveness import comparisons, strategy_means


class RunTables(NamedTuple):
    """Means of every strategy; against the comparator, differences and what a QALY costs. Fields are names of files.

    The last two have no rows where nothing can be compared.
    """

    summary: pl.DataFrame
    comparisons: pl.DataFrame
    cost_effectiveness: pl.DataFrame

    @classmethod
    def of(cls, measures: pl.DataFrame, experiment: ExperimentDefinition) -> Self:
        """The tables of measures of all units, or of some of them."""
        both = comparisons(measures, experiment.reference, experiment.willingness_to_pay)
        return cls(strategy_means(measures), *both)
