"""Decisions whose answer is known in closed form, as tables of measures and as draws."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import norm

from popsim.economics.decision import Decision

NAMES = ("usual", "clinic", "calls", "both", "none")


def decision(benefit: NDArray[np.float64]) -> Decision:
    """(D, S) net benefit, all of it effect, without luck."""
    draws = np.arange(1, len(benefit) + 1)
    return Decision(NAMES[: benefit.shape[1]], draws, np.zeros_like(benefit), benefit, None)


def parameters(**columns: NDArray[np.float64]) -> pl.DataFrame:
    return pl.DataFrame({"draw": np.arange(1, len(next(iter(columns.values()))) + 1), **columns})


def measures(cost: NDArray[np.float64], qalys: NDArray[np.float64], first_draw: int = 1) -> pl.DataFrame:
    """(D, R, S) costs and QALYs as strategy, draw, replication, measure, value."""
    draw, replication, strategy = np.indices(cost.shape).reshape(3, -1)
    names = np.array(NAMES[: cost.shape[2]])
    tables = [
        pl.DataFrame(
            {
                "strategy": names[strategy],
                "draw": draw + first_draw,
                "replication": replication,
                "measure": [measure] * cost.size,
                "value": values.ravel(),
            }
        )
        for measure, values in (("cost_total", cost), ("qalys", qalys))
    ]
    return pl.concat(tables).with_columns(pl.col("strategy").cast(pl.Enum(NAMES)))  # as runs have it


def unit_normal_loss(mean: float, sd: float) -> float:
    """E[max(0, x)] - max(0, E[x]) for a normal x: the value of knowing it before choosing between it and 0."""
    return float(sd * norm.pdf(mean / sd) - abs(mean) * norm.cdf(-abs(mean) / sd))
