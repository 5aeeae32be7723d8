"""What the command `popsim sensitivity influence` prints."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from popsim.definitions.parameter import PROVENANCES
from popsim.reporting.table_files import tabled
from popsim.reporting.text.formatting import aligned, rounded


def influence_text(table: pl.DataFrame, outcomes: Sequence[str], top: int) -> str:
    """The most influential parameters with their provenance, and how many are of each."""
    shown = tabled("Influence", table).head(top)
    lines = [["", "value", "low", "high", "provenance", *outcomes]]
    for row in shown.iter_rows(named=True):
        values = (rounded(row[key]) for key in ("value", "low_value", "high_value"))
        changes = (_change(row[name], row[f"{name}_reach"]) for name in outcomes)
        ranged = "" if row["known"] else ", range by --share"
        lines.append([f"{row['parameter']}, {row['unit']}{ranged}", *values, row["provenance"], *changes])
    counts = ", ".join(f"{(shown['provenance'] == kind).sum()} {kind}" for kind in PROVENANCES)
    note = "Change of the outcome from the low to the high end, and its Monte Carlo error (95%), in % of the base case."
    return "\n".join([aligned(lines), f"Of the {len(shown)} most influential of {len(table)}: {counts}.", note])


def _change(change: float | None, reach: float | None) -> str:
    """A share as a percentage, with its Monte Carlo error where several replications show it."""
    if change is None:
        return "not measured"
    error = "" if reach is None else f" +- {100 * reach:.0f}"
    return f"{100 * change:+.0f}{error}%"
