"""Deterministic sensitivity: one parameter at a time (a tornado) and two at a time (a table)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import polars as pl

from popsim.analyses.contrast import A_RATIO, UNCLEAR, Contrast, at_draw, estimate, shift
from popsim.analyses.sensitivity.design import Evaluate, one_at_a_time
from popsim.analyses.sensitivity.parameters import Varied
from popsim.economics.cost_effectiveness import ROUNDING
from popsim.economics.outcome_valuation import ICER
from popsim.statistics import Estimate


def one_way(parameters: Sequence[Varied], contrasts: Sequence[Contrast], evaluate: Evaluate) -> pl.DataFrame:
    """Each parameter at both ends of its range, the others in the base case.

    Returns:
        A row for each contrast and parameter, widest swing first: strategy, parameter, unit, low_value, high_value,
        outcome_low, outcome_high, base (the contrast at either end and in the base case), low_error,
        high_error (Monte Carlo standard errors of the change from the base), low_reach, high_reach (half-widths of the
        95% intervals of that change), swing (outcome_high - outcome_low),
        swing_error, swing_reach (half-width of its 95% interval), told (whether the swing is larger than that; null
        if unknown). Swings that may be noise come after all others. For an ICER also base_verdict, low_verdict and
        high_verdict, where the differences lie on the cost-effectiveness plane; its figures are null where they are in
        another quadrant than the base case, and such a swing comes first, because it is the largest there is.
    """
    measures = evaluate([p.name for p in parameters], one_at_a_time(parameters))
    tables = []
    for contrast in contrasts:
        values = contrast.values(measures)
        base = at_draw(values, 1)
        centre = estimate(base["value"]).value
        verdicts = contrast.verdicts(measures) if contrast.outcome == ICER else {}
        rows = []
        for index, parameter in enumerate(parameters):
            said = {"base": 1, "low": 2 + 2 * index, "high": 3 + 2 * index}
            own = {f"{end}_verdict": verdicts[draw] for end, draw in said.items()} if verdicts else {}
            low, high = at_draw(values, 2 + 2 * index), at_draw(values, 3 + 2 * index)
            below, above, swing = (_rounded(shift(*ends), centre) for ends in ((low, base), (high, base), (high, low)))
            rows.append(
                {
                    "strategy": contrast.strategy,
                    "parameter": parameter.name,
                    "unit": parameter.unit,
                    "low_value": parameter.low,
                    "high_value": parameter.high,
                    "outcome_low": centre + below.value,
                    "outcome_high": centre + above.value,
                    "base": centre,
                    "low_error": below.standard_error,
                    "high_error": above.standard_error,
                    "low_reach": below.reach,
                    "high_reach": above.reach,
                    "swing": swing.value,
                    "swing_error": swing.standard_error,
                    "swing_reach": swing.reach,
                    "told": _told(swing, list(own.values())),
                    **own,
                }
            )
        lucky = ~pl.col("told").fill_null(True)
        table = pl.DataFrame(rows, schema_overrides={"told": pl.Boolean}).with_columns(
            pl.col(pl.Float64).fill_nan(None)
        )
        tables.append(table.sort(lucky, -pl.col("swing").abs(), maintain_order=True))
    return pl.concat(tables)


def _rounded(change: Estimate, base: float) -> Estimate:
    """The change, or exactly 0 where it is no more than rounding of the base case."""
    nothing = max(abs(change.value), change.standard_error) <= ROUNDING * abs(base)
    return Estimate(0.0, 0.0, change.sample) if nothing else change


def _told(swing: Estimate, verdicts: Sequence[str]) -> bool | None:
    """Whether a swing is larger than its Monte Carlo error; None if there is none. To another quadrant, it is."""
    if UNCLEAR in verdicts:
        return False
    if set(verdicts) - {A_RATIO}:
        return True
    return None if math.isnan(swing.reach) else abs(swing.value) > swing.reach or swing.reach == 0.0


def two_way(
    first: Varied, second: Varied, points: int, contrasts: Sequence[Contrast], evaluate: Evaluate
) -> pl.DataFrame:
    """Two parameters over a grid of `points` equal steps of their ranges.

    Returns:
        strategy, first_value, second_value, outcome (the contrast), standard_error (Monte Carlo).
    """
    axes = (np.linspace(p.low, p.high, points) for p in (first, second))
    design = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)
    measures = evaluate([first.name, second.name], design)
    rows = []
    for contrast in contrasts:
        values = contrast.values(measures)
        for row, point in enumerate(design.tolist(), start=1):
            found = estimate(at_draw(values, row)["value"])
            rows.append((contrast.strategy, *point, found.value, found.standard_error))
    columns = ["strategy", "first_value", "second_value", "outcome", "standard_error"]
    return pl.DataFrame(rows, columns, orient="row").with_columns(pl.col(pl.Float64).fill_nan(None))
