"""Sequential runs: add replications, or draws, to an experiment until a target precision is reached."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from popsim.analyses.contrast import Contrast, contrasts
from popsim.analyses.precision import Noise, TargetPrecision
from popsim.definitions.experiment import MAX_DRAWS, MAX_REPLICATIONS
from popsim.studies.design import Study

if TYPE_CHECKING:
    from popsim.runs.runner import RunResult

MIN_REPETITIONS = 6  # minimum number of replications, or draws, to estimate their spread
MAX_GROWTH = 4  # maximum factor per step: early estimates of noise are themselves noisy


def run_until(
    study: Study,
    target_precision: TargetPrecision,
    run: Callable[[Study], RunResult],
    max_repetitions: int | None = None,
) -> RunResult:
    """Run with more and more replications (draws, if the experiment has any), until the interval is narrow enough.

    Finished units are not computed again. Sequential stopping makes the last interval slightly too narrow; the more
    replications it takes, the less.

    Args:
        study: to start with; it gets at least LEAST replications, or draws.
        wanted: a measure, and the half-width of the 95% interval of its paired difference, for every strategy.
        run: runs a study.
        most: maximum number of replications, or draws; the largest that an experiment can have when None.

    Returns:
        The last run; its interval is too wide still if `max_repetitions` was reached.

    Raises:
        InputError: the experiment has a single strategy, or no such measure.
    """
    asked = contrasts(study, target_precision.measure)
    key = "draws" if study.experiment.draws else "replications"
    limit = max_repetitions or (MAX_DRAWS if key == "draws" else MAX_REPLICATIONS)
    least = min(max(MIN_REPETITIONS, getattr(study.experiment, key)), limit)
    study = replace(study, experiment=study.experiment.model_copy(update={key: least}))
    while True:
        result = run(study)
        count: int = getattr(study.experiment, key)
        more = min(_needed(study, asked, target_precision, pl.read_parquet(result.folder / "measures.parquet")), limit)
        if more <= count:
            return result
        more = min(more, MAX_GROWTH * count)
        study = replace(study, experiment=study.experiment.model_copy(update={key: more}))


def _needed(study: Study, asked: Sequence[Contrast], target_precision: TargetPrecision, measures: pl.DataFrame) -> int:
    """Replications or draws after which the interval of every strategy should be narrow enough."""
    experiment = study.experiment
    size, draws, replications = experiment.population, experiment.draws, experiment.replications
    needed = 0
    for contrast in asked:
        noise = Noise.of(_as_replications(contrast.values(measures), draws), size)
        if noise.half_width(size, 0, draws or replications) <= target_precision.half_width:
            continue
        needed = max(needed, noise.replications_for(target_precision.half_width, size))
    return needed


def _as_replications(values: pl.DataFrame, draws: int) -> pl.DataFrame:
    """Values that are independent: with draws, the mean of each draw."""
    if not draws:
        return values
    means = values.group_by("draw", maintain_order=True).agg(pl.col("value").mean())
    return means.select(draw=pl.lit(0), replication=pl.col("draw"), value="value")
