"""The baseline table of a cohort ("Table 1") for the terminal."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator

import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from popsim.exchange.privacy.baseline import safe_summary
from popsim.population.cohort import CohortSource
from popsim.population.population import Population
from popsim.population.sampling import LIFE_TABLE_COLUMN
from popsim.reporting.labels import code_label
from popsim.reporting.table_files import tabled
from popsim.units import DAYS_PER_YEAR

MIN_WIDTH, MAX_WIDTH = 100, 140
HIDDEN = "*"


def render_cohort_summary(cohort: CohortSource, population: Population) -> str:
    """Table 1 as text: mean (SD) and median [quartiles], or n (%), of every column that the cohort gives."""
    table = Table(
        title=escape(f"{cohort.definition.label or cohort.name}: {len(population):,} people at entry"),
        caption=escape(f"mean (SD) and median [quartiles], or n (%){hidden_words(cohort)}"),
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("")
    table.add_column("unit")
    table.add_column("mean (SD) or n (%)", justify="right")
    table.add_column(escape("median [quartiles]"), justify="right")
    table.add_column("from")
    for cells in baseline_lines(tabled("Baseline", safe_summary(population, cohort))):
        table.add_row(*(escape(cell) for cell in cells))
    text = io.StringIO()
    width = min(max(shutil.get_terminal_size((MAX_WIDTH, 40)).columns, MIN_WIDTH), MAX_WIDTH)
    Console(file=text, width=width).print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def hidden_words(cohort: CohortSource) -> str:
    """What a hidden cell means, where people are real."""
    least = cohort.definition.least_count
    return f"; {HIDDEN}: hidden, real people of whom fewer than {least} could be counted" if least > 1 else ""


def baseline_lines(frame: pl.DataFrame) -> Iterator[tuple[str, ...]]:
    """The cells of each line; the levels of a column stand under its name."""
    for (name,), part in frame.group_by("column", maintain_order=True):
        rows = part.to_dicts()
        first = rows[0]
        unit = "" if first["unit"] == "1" else first["unit"]
        if first["level"] is None:
            yield _sentence(first["meaning"]), *_continuous(str(name), unit, first), first["origin"]
        elif len(rows) == 1 and first["meaning"].startswith("1 "):
            yield _condition(first["meaning"]), unit, _count(first), "", first["origin"]
        else:
            yield _sentence(first["meaning"]), unit, "", "", first["origin"]
            for row in rows:
                yield f"  {code_label(str(name), row['level'])}", "", _count(row), "", ""


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _condition(meaning: str) -> str:
    """What 1 stands for: "Female sex" from "1 for female sex, 0 for male"."""
    return _sentence(re.sub(r"^1 (with|for|if) (a |an |the )?", "", meaning).split(",")[0])


def _continuous(name: str, unit: str, row: dict[str, float]) -> tuple[str, str, str]:
    """Unit, mean (SD), median [quartiles]; a daily hazard is shown per year."""
    if row["mean"] is None:
        return unit, HIDDEN, HIDDEN
    scale = 1.0
    if name == LIFE_TABLE_COLUMN:
        unit, scale = "1/year", DAYS_PER_YEAR
    mean, sd = scale * row["mean"], scale * row["sd"]
    digits = 0 if max(abs(mean), sd) >= 1000 else 1 if max(abs(mean), sd) >= 10 else 2 if max(abs(mean), sd) >= 1 else 3
    if sd == 0:
        return unit, f"{mean:.{digits}f} (all)", ""
    if row["median"] is None:
        return unit, f"{mean:.{digits}f} ({sd:.{digits}f})", HIDDEN
    median, q1, q3 = (scale * row[key] for key in ("median", "q1", "q3"))
    return unit, f"{mean:.{digits}f} ({sd:.{digits}f})", f"{median:.{digits}f} [{q1:.{digits}f}, {q3:.{digits}f}]"


def _count(row: dict[str, float]) -> str:
    return HIDDEN if row["n"] is None else f"{row['n']:,} ({100 * row['share']:.1f})"
