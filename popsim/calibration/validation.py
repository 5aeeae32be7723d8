"""Validation: every target's simulated figure against the published one, both with intervals, and how many agree.

A figure is inside when its distance from the published one is within 1.96 standard errors of both together, on the
scale on which errors are nearly normal (log odds of proportions, logarithms of ratios, rates and times).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl

from popsim.calibration.sources import Run, Source, figures
from popsim.definitions.target import Target, error_on_scale, off_scale, on_scale
from popsim.errors import DefinitionError
from popsim.statistics import Z_95, Estimate


def validated(sources: Sequence[Source], run: Run) -> pl.DataFrame:
    """One row per target, in the order of the files.

    Returns:
        source, target, quantity, unit, use, provenance, published, published_low, published_high, simulated,
        simulated_low, simulated_high (null where nothing could be counted), distance (in standard errors of both
        together), inside (null for context).

    Raises:
        DefinitionError: two targets have the same name.
    """
    seen: dict[str, Source] = {}
    for source in sources:
        for target in source.targets:
            if target.name in seen:
                where = f"targets.{target.name}"
                raise DefinitionError(source.file, where, None, f"the name is used in {seen[target.name].file} too")
            seen[target.name] = source
    rows = []
    for source in sources:
        (found,) = figures(source, run)
        rows += [_row(source, target, one) for target, one in zip(source.targets, found, strict=True)]
    return pl.DataFrame(rows, infer_schema_length=None)


def coverage(table: pl.DataFrame) -> pl.DataFrame:
    """Number of targets inside, by use: use, targets, inside, share; those of context are not counted."""
    judged = table.filter(pl.col("inside").is_not_null())
    return judged.group_by("use", maintain_order=True).agg(
        targets=pl.len(), inside=pl.col("inside").sum(), share=pl.col("inside").mean()
    )


def _row(source: Source, target: Target, found: Estimate) -> dict[str, object]:
    low, high = target.interval
    row: dict[str, object] = {
        "source": source.title, "target": target.name, "quantity": target.quantity, "unit": target.unit,
        "use": target.use, "provenance": target.provenance, "published": target.value, "published_low": low,
        "published_high": high,
    }  # fmt: skip
    value = found.value
    known = math.isfinite(value) and (target.scale == "identity" or value > 0.0)
    known &= target.scale != "logit" or value < 1.0
    empty = {"simulated": None, "simulated_low": None, "simulated_high": None, "distance": None}
    if not known:
        return row | empty | {"inside": None if target.use == "context" else False}
    middle, error = on_scale(value, target.scale), error_on_scale(found.standard_error, value, target.scale)
    distance = (middle - on_scale(target.value, target.scale)) / math.hypot(error, target.error_on_scale)
    return row | {
        "simulated": value,
        "simulated_low": off_scale(middle - Z_95 * error, target.scale),
        "simulated_high": off_scale(middle + Z_95 * error, target.scale),
        "distance": distance,
        "inside": None if target.use == "context" else abs(distance) < Z_95,
    }
