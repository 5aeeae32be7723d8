"""Global sensitivity: Sobol indices and Morris screening over the distributions of all parameters, with SALib.

Both vary the parameters over their distributions. Indices are those of the independent parts: the variation that a
parameter of a correlated group (or of shares that sum to 1) shares with members named before it counts as theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.analyses.contrast import Contrast
from popsim.analyses.sensitivity.design import Evaluate
from popsim.analyses.sensitivity.parameters import Varied
from popsim.errors import InputError
from popsim.evidence.draws import UncertainParameters
from popsim.studies.design import Study

EDGE = 1e-3  # designs touch 0 and 1, where many distributions are infinite: quantiles are limited to EDGE and 1 - EDGE


def sobol(
    study: Study, parameters: Sequence[Varied], samples: int, contrasts: Sequence[Contrast], evaluate: Evaluate
) -> pl.DataFrame:
    """First-order and total Sobol indices (Saltelli's design: samples x (parameters + 2) rows).

    Args:
        study: gives the distributions and the seed.
        parameters: what to vary; all of them uncertain.
        samples: a power of 2.
        contrasts: outcomes to explain.
        evaluate: runs designs.

    Returns:
        strategy, parameter, first_order, first_order_reach, total, total_reach: shares of the outcome's variance and
        half-widths of their 95% intervals (bootstrap). All rows share random numbers, so that noise has no share.

    Raises:
        InputError: samples is not a power of 2, or there are fewer than two parameters.
    """
    from SALib.analyze import sobol as analysis  # noqa: PLC0415
    from SALib.sample import sobol as design  # noqa: PLC0415

    if samples < 2 or samples & (samples - 1):
        raise InputError(f"samples = {samples}: must be a power of 2, 2 or more")
    problem = _problem(parameters)
    points = design.sample(problem, samples, calc_second_order=False, seed=study.experiment.seed)
    rows: list[dict[str, Any]] = []
    for strategy, values in _outcomes(study, parameters, points, contrasts, evaluate):
        found = analysis.analyze(problem, values, calc_second_order=False, seed=study.experiment.seed)
        rows += [
            {
                "strategy": strategy,
                "parameter": parameter.name,
                "first_order": float(found["S1"][index]),
                "first_order_reach": float(found["S1_conf"][index]),
                "total": float(found["ST"][index]),
                "total_reach": float(found["ST_conf"][index]),
            }
            for index, parameter in enumerate(parameters)
        ]
    return pl.DataFrame(rows)


def morris(
    study: Study, parameters: Sequence[Varied], trajectories: int, contrasts: Sequence[Contrast], evaluate: Evaluate
) -> pl.DataFrame:
    """Morris screening: elementary effects along random trajectories (trajectories x (parameters + 1) rows).

    Returns:
        strategy, parameter, mean_effect, mean_absolute_effect, mean_absolute_effect_reach (half-width of its 95%
        interval), spread (standard deviation of the effects: interaction or curvature); effects are changes of the
        outcome over the whole range of the parameter.

    Raises:
        InputError: fewer than two trajectories or parameters.
    """
    from SALib.analyze import morris as analysis  # noqa: PLC0415
    from SALib.sample import morris as design  # noqa: PLC0415

    if trajectories < 2:
        raise InputError(f"trajectories = {trajectories}: must be 2 or more")
    problem = _problem(parameters)
    points = design.sample(problem, trajectories, seed=study.experiment.seed)
    rows: list[dict[str, Any]] = []
    for strategy, values in _outcomes(study, parameters, points, contrasts, evaluate):
        found = analysis.analyze(problem, points, values, seed=study.experiment.seed)
        rows += [
            {
                "strategy": strategy,
                "parameter": parameter.name,
                "mean_effect": float(found["mu"][index]),
                "mean_absolute_effect": float(found["mu_star"][index]),
                "mean_absolute_effect_reach": float(found["mu_star_conf"][index]),
                "spread": float(found["sigma"][index]),
            }
            for index, parameter in enumerate(parameters)
        ]
    return pl.DataFrame(rows)


def _problem(parameters: Sequence[Varied]) -> dict[str, Any]:
    """The unit cube: each parameter by its quantile."""
    if len(parameters) < 2:
        raise InputError("global sensitivity needs at least two uncertain parameters")
    names = [parameter.name for parameter in parameters]
    return {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}


def _outcomes(
    study: Study,
    parameters: Sequence[Varied],
    points: NDArray[np.float64],
    contrasts: Sequence[Contrast],
    evaluate: Evaluate,
) -> list[tuple[str, NDArray[np.float64]]]:
    """Each contrast's mean over replications at every point of the unit cube."""
    uncertain, names = study.uncertain, [parameter.name for parameter in parameters]
    assert isinstance(uncertain, UncertainParameters)  # else the study is a design itself
    for name in names:
        if name not in uncertain.distributions:
            raise InputError(f"parameter '{name}': global sensitivity needs its distribution")
    columns = [uncertain.names.index(name) for name in names]
    probabilities = np.full((len(points), len(uncertain.names)), 0.5)
    probabilities[:, columns] = EDGE + (1.0 - 2.0 * EDGE) * points
    design = uncertain.values_at(probabilities)[:, columns]
    measures = evaluate(names, design)
    found = []
    for contrast in contrasts:
        means = contrast.values(measures).group_by("draw").agg(pl.col("value").mean()).sort("draw")
        found.append((contrast.strategy, means["value"].to_numpy()))
    return found
