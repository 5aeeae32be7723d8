"""What the command `popsim data-value` prints and draws."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from popsim.analyses.data_value import DataQuestion, DataValueResult
from popsim.plurals import counted
from popsim.registry.summary import NOTICE
from popsim.reporting.table_files import tabled
from popsim.reporting.text.formatting import aligned, in_columns, with_interval


def data_value_text(result: DataValueResult, question: DataQuestion) -> str:
    """Every curve, and what perfect information and individualised care would add."""
    experiment, titles = question.study.experiment, question.titles
    replications = counted(result.curve["replications"][0], "replication")
    size = f"{counted(experiment.population, 'person', 'people')}, {replications}"
    currency = experiment.currency
    tabled("Net benefit by quality of the data", result.curve, change=currency)
    head = (
        f"{question.definition.title or question.definition.name}: {size}.\n"
        f"Net benefit over {titles[experiment.reference]}, {experiment.currency} per person (95% interval)."
    )
    lines = [["Quality of the data", "net benefit", "change from current"]]
    for (axis, strategy), part in result.curve.group_by("axis", "strategy", maintain_order=True):
        lines.append([f"{axis}, {titles[str(strategy)]}"])
        for row in part.iter_rows(named=True):
            change = in_columns(row, "change")
            lines.append(
                [
                    f"  {row['value']}",
                    with_interval(row["net_benefit"], row["low"], row["high"]),
                    "current" if row["own"] else change,
                ]
            )
    parts = [head, aligned(lines)]
    if len(result.bounds):
        tabled("What would be known", result.bounds, value=currency)
        parts.append(_bounds(result.bounds, titles, experiment.currency))
    return "\n\n".join([*parts, NOTICE])


def draw_data_value(result: DataValueResult, question: DataQuestion, folder: Path) -> Path:
    """The curves as a PNG file in a folder that exists."""
    from popsim.reporting.figures.data_value import data_value_curves  # noqa: PLC0415 only this needs matplotlib
    from popsim.reporting.figures.style import save  # noqa: PLC0415

    experiment, titles = question.study.experiment, question.titles
    figure = data_value_curves(
        result.curve,
        titles=titles,
        unit=f"Net benefit, {experiment.currency} per person",
        against=titles[experiment.reference],
        title=question.definition.title or question.definition.name,
    )
    return save(figure, folder / "data_value.png")


def _bounds(bounds: pl.DataFrame, titles: dict[str, str], currency: str) -> str:
    lines = [[f"What would be known, {currency} per person", "over", "value (95%)"]]
    for row in bounds.iter_rows(named=True):
        over = titles.get(row["strategy"], row["strategy"])
        lines.append([f"  {row['known']}", over, with_interval(row["value"], row["low"], row["high"])])
    note = "Perfect foresight includes chance events of each person: no rule and no data can reach it."
    return f"{aligned(lines)}\n{note}"
