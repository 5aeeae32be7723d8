"""Beds after the warm-up of the care network, with the rule by which days are left out."""

from __future__ import annotations

from collections.abc import Sequence

from popsim.analyses.beds import steady_beds
from popsim.reporting.intervals import has_intervals, readable
from popsim.reporting.table_files import tabled
from popsim.reporting.text.formatting import aligned, sharp
from popsim.reporting.text.tables import Lines
from popsim.runs.run import StoredRun

TITLE = "Hospital after the warm-up, people, mean over days"
WORDS = {"census": "there", "queue": "waiting"}


def beds_text(run: StoredRun) -> str:
    """The table as plain text, with its rule; empty where the run keeps no days."""
    found = beds_lines(run)
    return "" if found is None else f"{aligned(found[1])}\n  {found[0]}"


def beds_lines(run: StoredRun) -> tuple[str, Lines] | None:
    """The rule and the lines of the table; None where the run keeps no days, or its network has no hospital."""
    found = steady_beds(run)
    if found is None or found.table.is_empty():
        return None
    table = tabled(TITLE, readable(found.table, run.experiment), mean="people")
    cells = {(row["strategy"], row["setting"], row["kind"]): row for row in table.iter_rows(named=True)}
    titles = {setting.name: setting.title for setting in run.network.settings}
    heading = TITLE + (" (95% Monte Carlo interval)" if has_intervals(run.experiment) else "")
    lines: list[Sequence[str]] = [[heading, *run.strategies.values()]]
    for setting, kind in dict.fromkeys((setting, kind) for _, setting, kind in cells):
        row = (sharp(cells.get((strategy, setting, kind))) for strategy in run.strategies)
        lines.append([f"  {titles[setting]}, {WORDS[kind]}", *row])
    return found.rule, lines
