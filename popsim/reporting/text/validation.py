"""The tables of `popsim validate` as text."""

from __future__ import annotations

from typing import Any

import polars as pl

from popsim.calibration.validation import by_drug_class, by_stratum, coverage
from popsim.reporting.table_files import tabled
from popsim.reporting.text.formatting import aligned, rounded, with_interval

USES = {"calibrate": "fitted", "validate": "not fitted", "baseline": "baseline", "context": "context"}


def validation_text(table: pl.DataFrame) -> str:
    """Every target, by file; coverage separately for fitted targets and the others; those by stratum and drug class."""
    lines: list[list[str]] = [["", "published (95%)", "simulated (95%)", "distance, SE", "", ""]]
    for (source,), rows in table.group_by("source", maintain_order=True):
        severity = rows["severity"][0]
        note = "" if severity is None else f" (severity {severity:+.1f} mmHg, from its baseline table)"
        lines.append([str(source) + note])
        lines += [_line(row) for row in rows.iter_rows(named=True)]
    tabled("Targets", table)
    judged = [_coverage(row) for row in tabled("Coverage", coverage(table)).iter_rows(named=True)]
    missing = [
        f"not measured: {row['target'].replace('_', ' ')} ({row['not_measured']})"
        for row in table.filter(pl.col("not_measured").is_not_null()).iter_rows(named=True)
    ]
    rule = (
        "inside: within 1.96 standard errors of the difference, those of both figures and tau together; context: the "
        "source is too weak to judge by"
    )
    level = table.filter(pl.col("tau") > 0.0)
    shown = "; ".join(
        f"{name} {part['tau'].to_numpy().min():.3f} to {part['tau'].to_numpy().max():.3f}"
        for name, part in (("levels", level.filter(pl.col("unit") != "ratio")), ("ratios", level.filter(unit="ratio")))
        if len(part)
    )
    tau = f"tau (differences between studies, learned in the calibration): {shown or 'none'}"
    return "\n".join([aligned(lines), "", *judged, *missing, rule, tau, *_strata(table), *_classes(table)])


def _coverage(row: dict[str, Any]) -> str:
    """How many targets of a use are inside, and how many are not measured."""
    share = f" ({row['share'] * 100:.0f}%)" if row["targets"] else ""
    missing = f", {row['not_measured']} not measured" if row["not_measured"] else ""
    return f"{USES[row['use']]}: {row['inside']} of {row['targets']} targets inside{share}{missing}"


def _strata(table: pl.DataFrame) -> list[str]:
    """Figures that were not fitted, by stratum."""
    lines = [["Not fitted, by stratum", "studies", "inside", "", "levels", "median |log ratio|", "largest factor"]]
    strata = tabled("Strata", by_stratum(table))
    for row in strata.iter_rows(named=True):
        counts = [str(row["studies"]), f"{row['inside']} of {row['targets']}", f"{(row['share'] or 0.0) * 100:.0f}%"]
        levels = [str(row["levels"]), rounded(row["median_log_ratio"], 2), rounded(row["largest_factor"], 3)]
        lines.append([f"  {row['stratum'].replace('_', ' ')}", *counts, *levels])
    return ["", aligned(lines)] if strata["targets"].sum() else []


def _classes(table: pl.DataFrame) -> list[str]:
    """Pooled hazard ratios by drug class."""
    lines = [["Log hazard ratio, simulated minus published", "pooled (95%)", "targets"]]
    for row in tabled("Drug classes", by_drug_class(table)).iter_rows(named=True):
        pooled = with_interval(row["difference"], row["low"], row["high"])
        lines.append([f"  {row['drug_class'].replace('_', ' ')}", pooled, str(row["targets"])])
    return ["", aligned(lines)] if len(lines) > 1 else []


def _line(row: dict[str, Any]) -> list[str]:
    percent = row["unit"] == "proportion"
    factor, unit = (100.0, "%") if percent else (1.0, row["unit"])

    def shown(kind: str) -> str:
        numbers = [row[kind], row[f"{kind}_low"], row[f"{kind}_high"]]
        value, low, high = (None if number is None else number * factor for number in numbers)
        return with_interval(value, low, high)

    verdict = "not measured" if row["not_measured"] else {True: "inside", False: "OUTSIDE", None: ""}[row["inside"]]
    name = row["target"].replace("_", " ")
    distance = rounded(row["distance"], 2, signed=True)
    return [f"  {name}, {unit}", shown("published"), shown("simulated"), distance, verdict, USES[row["use"]]]
