"""Parameter values that are chosen instead of drawn, run as if they were draws.

Every row of a design is a draw with chosen values, but all rows share people and random numbers, so that a difference
between two rows is the effect of the parameters. Rows are units like any others: stored, found again by their content,
distributed over workers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.analyses.sensitivity.parameters import Varied
from popsim.errors import InputError
from popsim.evidence.draws import DesignedParameters
from popsim.studies.design import Study

if TYPE_CHECKING:
    from popsim.runs.runner import RunResult

type Evaluate = Callable[[Sequence[str], NDArray[np.float64]], pl.DataFrame]
"""From names and values[row, parameter] to measures (strategy, draw, replication, measure, value), draw = row + 1."""


def designed(study: Study, names: Sequence[str], values: NDArray[np.float64]) -> Study:
    """The study with rows of chosen values as its draws; other parameters keep their base-case values.

    Raises:
        InputError: a value is outside its parameter's bounds.
    """
    for name, column in zip(names, values.T, strict=True):
        set_name, _, key = name.partition(".")
        record = study.parameters[set_name].of(key)
        wrong = column[(column < record.low) | (column > record.high)]
        if len(wrong):
            raise InputError(f"{name} = {wrong[0]:g}: must lie between {record.low:g} and {record.high:g}")
    experiment = study.experiment.model_copy(update={"draws": len(values), "store": "measures"})
    return replace(study, experiment=experiment, uncertain=DesignedParameters(tuple(names), values))


def one_at_a_time(parameters: Sequence[Varied]) -> NDArray[np.float64]:
    """A design: the base case, then each parameter in turn at the low and at the high end of its range."""
    design = np.tile([parameter.value for parameter in parameters], (1 + 2 * len(parameters), 1))
    for index, parameter in enumerate(parameters):
        design[1 + 2 * index : 3 + 2 * index, index] = parameter.low, parameter.high
    return design


def evaluator(study: Study, run: Callable[[Study], RunResult]) -> Evaluate:
    """A function that evaluates a design by running the study."""

    def evaluate(names: Sequence[str], values: NDArray[np.float64]) -> pl.DataFrame:
        result = run(designed(study, names, values))
        return pl.read_parquet(result.folder / "measures.parquet").with_columns(pl.col("strategy").cast(pl.String))

    return evaluate
