"""The table of `popsim validate` as text."""

from __future__ import annotations

from typing import Any

import polars as pl

from popsim.calibration.validation import coverage
from popsim.reporting.text.formatting import aligned, rounded, with_interval

USES = {"calibrate": "fitted", "validate": "not fitted", "context": "context"}


def validation_text(table: pl.DataFrame) -> str:
    """Every target, by file, and coverage separately for fitted targets and the others."""
    lines: list[list[str]] = [["", "published (95%)", "simulated (95%)", "distance, SE", "", ""]]
    for (source,), rows in table.group_by("source", maintain_order=True):
        lines.append([str(source)])
        lines += [_line(row) for row in rows.iter_rows(named=True)]
    judged = [
        f"{USES[row['use']]}: {row['inside']} of {row['targets']} targets inside ({row['share'] * 100:.0f}%)"
        for row in coverage(table).iter_rows(named=True)
    ]
    rule = "inside: within 1.96 standard errors of the difference; context: the source is too weak to judge by"
    return "\n".join([aligned(lines), "", *judged, rule])


def _line(row: dict[str, Any]) -> list[str]:
    percent = row["unit"] == "proportion"
    factor, unit = (100.0, "%") if percent else (1.0, row["unit"])

    def shown(kind: str) -> str:
        numbers = [row[kind], row[f"{kind}_low"], row[f"{kind}_high"]]
        value, low, high = (None if number is None else number * factor for number in numbers)
        return with_interval(value, low, high)

    verdict = {True: "inside", False: "OUTSIDE", None: ""}[row["inside"]]
    name = row["target"].replace("_", " ")
    distance = rounded(row["distance"], 2, signed=True)
    return [f"  {name}, {unit}", shown("published"), shown("simulated"), distance, verdict, USES[row["use"]]]
