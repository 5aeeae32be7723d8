"""Going on until a precision is met: more replications, or more draws, of the same experiment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from popsim.analyses.contrast import Contrast, contrasts
from popsim.analyses.precision import Noise, Wanted
from popsim.definitions.experiment import MAX_DRAWS, MAX_REPLICATIONS
from popsim.studies.design import Study

if TYPE_CHECKING:
    from popsim.runs.runner import RunResult

LEAST = 6  # replications, or draws, before their spread is believed
MAX_GROWTH = 4  # times as many in one go: early estimates of noise are themselves noisy


def run_until(study: Study, wanted: Wanted, run: Callable[[Study], RunResult], most: int | None = None) -> RunResult:
    """Run, and run on with more replications (more draws, if the experiment has any), until the interval is narrow.

    What is already there is not computed again. Looking at the data to decide when to stop makes the last interval a
    little too narrow; the more replications it takes, the less.

    Args:
        study: where to begin; with at least LEAST replications, or draws.
        wanted: a measure, and half the width of the 95% interval of its paired difference, for every strategy.
        run: runs a study.
        most: replications, or draws, at which to give up; as many as an experiment can have when None.

    Returns:
        The last run; its interval is too wide still if `most` was reached.

    Raises:
        InputError: the experiment has a single strategy, or no such measure.
    """
    asked = contrasts(study, wanted.measure)
    key = "draws" if study.experiment.draws else "replications"
    limit = most or (MAX_DRAWS if key == "draws" else MAX_REPLICATIONS)
    least = min(max(LEAST, getattr(study.experiment, key)), limit)
    study = replace(study, experiment=study.experiment.model_copy(update={key: least}))
    while True:
        result = run(study)
        count: int = getattr(study.experiment, key)
        more = min(_needed(study, asked, wanted, pl.read_parquet(result.folder / "measures.parquet")), limit)
        if more <= count:
            return result
        more = min(more, MAX_GROWTH * count)
        study = replace(study, experiment=study.experiment.model_copy(update={key: more}))


def _needed(study: Study, asked: Sequence[Contrast], wanted: Wanted, measures: pl.DataFrame) -> int:
    """Replications or draws after which the interval of every strategy should be narrow enough."""
    experiment = study.experiment
    size, draws, replications = experiment.population, experiment.draws, experiment.replications
    needed = 0
    for contrast in asked:
        noise = Noise.of(_as_replications(contrast.values(measures), draws), size)
        if noise.half_width(size, 0, draws or replications) <= wanted.half_width:
            continue
        needed = max(needed, noise.replications_for(wanted.half_width, size))
    return needed


def _as_replications(values: pl.DataFrame, draws: int) -> pl.DataFrame:
    """With draws, each draw's mean is one independent value of the overall mean."""
    if not draws:
        return values
    means = values.group_by("draw", maintain_order=True).agg(pl.col("value").mean())
    return means.select(draw=pl.lit(0), replication=pl.col("draw"), value="value")
