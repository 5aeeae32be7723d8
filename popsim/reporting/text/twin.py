"""A twin for the terminal: records, estimates, forecasts, options and reasons."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from popsim.plurals import counted
from popsim.registry.audit import Entry
from popsim.registry.exports import IndexedExport
from popsim.registry.service import Report
from popsim.registry.summary import NOTICE, SignalHistory, TwinSummary
from popsim.reporting.table_files import tabled

MIN_WIDTH, MAX_WIDTH = 100, 140
EVENTS_SHOWN = 10


class Interval(NamedTuple):
    """A number of a table with its interval: one cell of a text, three columns of a file."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{_number(self.value)} ({_number(self.low)} to {_number(self.high)})"


type Cell = str | Interval


def summary_text(summary: TwinSummary) -> str:
    """Everything about a twin except its course by day."""
    parts = [
        f"Twin {summary.twin}, day {summary.day}, {counted(summary.members, 'member')}",
        _table("Known", ("", ""), summary.known.items(), ("what", "value")),
        _table(
            "Believed, with 90% intervals",
            ("", "", "today", "last reading", "readings"),
            (_signal(signal) for signal in summary.signals),
            ("signal", "unit"),
        ),
    ]
    if summary.events:
        latest = summary.events[-EVENTS_SHOWN:]
        parts.append(_table("What happened", ("day", ""), ((str(day), told) for day, told in latest), ("event",)))
    if summary.risks:
        parts.append(risks_text(summary))
    if summary.options:
        parts.append(options_text(summary))
    return _joined(parts)


def forecast_text(summary: TwinSummary) -> str:
    """Risks and the course of the measured signals."""
    ahead = [signal for signal in summary.signals if signal.forecast.days]
    chosen = (7, 30, 90)
    rows = []
    for signal in ahead:
        band, cells = signal.forecast, list[Cell]()
        for days in chosen:
            place = next((p for p, day in enumerate(band.days) if day == (summary.forecast_day or 0) + days), None)
            cells.append("" if place is None else Interval(band.median[place], band.low[place], band.high[place]))
        rows.append((signal.label, _unit(signal), *cells))
    head = ("", "", *(f"in {days} days" for days in chosen))
    return _joined([risks_text(summary), _table("Course, with 90% intervals", head, rows, ("signal", "unit"))])


def risks_text(summary: TwinSummary) -> str:
    """Risks by horizon."""
    horizons = sorted({risk.within_days for risk in summary.risks})
    names = dict.fromkeys(risk.name for risk in summary.risks)
    found = {(risk.name, risk.within_days): risk for risk in summary.risks}
    rows = []
    for name in names:
        risks = [found.get((name, days)) for days in horizons]
        label = next(risk.label for risk in risks if risk is not None)
        cells: list[Cell] = [
            "" if r is None else Interval(100 * r.probability, 100 * r.low, 100 * r.high) for r in risks
        ]
        rows.append((label, *cells))
    head = ("%", *(f"within {days} days" for days in horizons))
    return _table(f"Risks from day {summary.forecast_day}", head, rows)


def options_text(summary: TwinSummary) -> str:
    """Options compared, and why."""
    rows = []
    for option in summary.options:
        chosen = "recommended" if option.chosen else option.refused
        benefit = Interval(option.benefit, option.low, option.high)
        rows.append((option.label, benefit, f"{100 * option.probability_best:.0f}%", chosen))
    head = ("", f"net benefit, {summary.benefit_unit}", "best", "")
    return _joined(
        [_table(f"Options on day {summary.options_day}", head, rows, ("option", "verdict")), reasons_text(summary)],
        notice=False,
    )


def reasons_text(summary: TwinSummary) -> str:
    """Reasons for the recommendation, one a line."""
    sure = [] if summary.sure else ["Not sure: the best options are within noise of one another."]
    return "\n".join([*sure, *summary.reasons])


def report_text(name: str, report: Report) -> str:
    """What an update did, in one line."""
    whose = ", ".join(f"{twin} is at day {day}" for twin, day in report.days.items())
    if len(report.days) > 3:
        whose = f"{len(report.days):,} twins"
    parts = [f"{report.taken:,} assimilated", f"{report.known:,} known already"]
    if report.unused:
        parts.append(f"{report.unused:,} too late (kept, not used)")
    if report.unfinished:
        parts.append("an unfinished last line left out")
    return f"{name}: {'; '.join(parts)}; {whose or 'it names no twin'}"


def audit_text(entries: Sequence[Entry], head: str) -> str:
    """Lines of the audit log, and the hash of the last of all."""
    rows = []
    for one in entries:
        tables = ", ".join(part.partition(":")[0] for part in one.digests.split())
        read = ", ".join(
            f"{what} {file[:8]}" for what, file in zip(one.read.split(", "), one.files.split(), strict=False)
        )
        rows.append((str(one.number), one.twin, one.action, one.program, read, tables, one.hash[:16]))
    columns = ("line", "twin", "action", "by", "read", "wrote", "hash")
    return _joined([_table("Audit log", columns, rows), f"Head: {head or 'none'}"])


def exports_text(found: Sequence[IndexedExport]) -> str:
    """Files that hold something about a twin; empty if there are none."""
    rows = [(one.what, str(one.day), str(one.line), one.digest) for one in found]
    return _joined([_table("Files with something about it", ("what", "day", "line", "SHA-256"), rows)]) if rows else ""


def _signal(signal: SignalHistory) -> tuple[Cell, ...]:
    band, readings = signal.belief, signal.readings
    last = readings[-1].in_words() if readings else ""
    today = Interval(band.median[-1], band.low[-1], band.high[-1]) if band.days else ""
    return signal.label, _unit(signal), today, last, str(len(readings) or "")


def _unit(signal: SignalHistory) -> str:
    return "" if signal.unit == "1" else signal.unit


def _number(value: float) -> str:
    """Three significant figures, without an exponent."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 else "0"


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[Cell]], blank: Sequence[str] = ()) -> str:
    """A table as text, kept for files, in which the columns with a blank head have the names `blank`."""
    lines, names = list(rows), iter(blank)
    _file(title, [name or next(names) for name in head], lines)
    table = Table(title=escape(title), title_justify="left", show_header=any(head))
    for name in head:
        table.add_column(escape(name))
    for cells in lines:
        table.add_row(*(escape(str(cell)) for cell in cells))
    text = io.StringIO()
    width = min(max(shutil.get_terminal_size((MAX_WIDTH, 40)).columns, MIN_WIDTH), MAX_WIDTH)
    Console(file=text, width=width).print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def _file(title: str, head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Keep a table for files."""
    columns: dict[str, list[object]] = {}
    for place, name in enumerate(head):
        cells = [row[place] for row in rows]
        if any(isinstance(cell, Interval) for cell in cells):
            for part in Interval._fields:
                label = name if part == "value" else f"{name}, {part}"
                columns[label] = [getattr(cell, part, None) for cell in cells]
        else:
            columns[name] = list(cells)
    tabled(title, pl.DataFrame(columns))


def _joined(parts: Iterable[str], *, notice: bool = True) -> str:
    return "\n\n".join([*(part for part in parts if part), *([NOTICE] if notice else [])])
