"""Taking turns, and the table that shows the result.

Machines are shared and change speed while one looks on. So candidates take turns (A B A B ...), every figure is shown
as minimum, median and maximum of its turns, and what counts is the ratio of medians within one run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.table import Table

type Candidate = Callable[[], float]  # one turn; returns the figure


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one candidate's turns."""

    name: str
    figures: tuple[float, ...]
    note: str = ""

    @property
    def median(self) -> float:
        return median(self.figures)


def alternate(candidates: Mapping[str, Candidate], turns: int) -> list[Row]:
    """Let the candidates take turns; whatever must be compiled or built has been, before this is called."""
    figures: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(turns):
        for name, candidate in candidates.items():
            figures[name].append(candidate())
    return [Row(name, tuple(values)) for name, values in figures.items()]


@dataclass(frozen=True, slots=True)
class Section:
    """One question of the benchmark with the figures that answer it.

    Attributes:
        title: what was measured.
        unit: of the figures.
        rows: the first is what the others are compared with.
        notes: what else should be known, a line each.
        scale: figures are divided by it.
        digits: shown after the point.
    """

    title: str
    unit: str
    rows: Sequence[Row]
    notes: Sequence[str] = ()
    scale: float = 1.0
    digits: int = 2


def show(section: Section, console: Console) -> None:
    """Print a section as a table: figures, and the first row's median over each median."""
    table = Table(title=section.title, title_justify="left", title_style="bold")
    table.add_column(section.unit)
    for name in ("min", "median", "max", "ratio", "turns"):
        table.add_column(name, justify="right")
    if any(row.note for row in section.rows):
        table.add_column("")
    first = section.rows[0].median
    for row in section.rows:
        least_median_most = (min(row.figures), row.median, max(row.figures))
        shown = [f"{value / section.scale:,.{section.digits}f}" for value in least_median_most]
        cells = [row.name, *shown, f"{first / row.median:,.3g}" if row.median else "", str(len(row.figures))]
        table.add_row(*cells, *([row.note] if len(table.columns) > len(cells) else []))
    console.print(table)
    for note in section.notes:
        console.print(f"  {note}", highlight=False, soft_wrap=True)
    console.print()
