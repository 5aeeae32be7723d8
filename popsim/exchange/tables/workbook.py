"""A run as a workbook with live formulas: change the willingness to pay in one cell and every result follows.

    Read me            what the workbook is, of which run, and what each sheet holds
    Decision           the threshold's cell; incremental analysis, net benefit, probability of being best, EVPI
    Acceptability      probability of being best and EVPI over a grid of thresholds, with charts
    Inputs             id, value, unit, distribution, bounds and source of all that the run was made from
    Draws              cost and effect of every strategy in every draw: all formulas begin here
    Parameter draws    the uncertain parameters in every draw
    As simulated       costs and effects with their Monte Carlo noise
    Steps, Net benefit, Best    where the formulas take their steps
    Check              popsim's own numbers beside the workbook's

Every formula carries the number that popsim computed, for readers that do not calculate. The same run gives the same
bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from popsim.errors import InputError
from popsim.exchange.tables.book import DRAWS, WorkbookWriter, write_draws
from popsim.exchange.tables.decision_tables import DecisionTables, created_at
from popsim.exchange.tables.inputs import input_table
from popsim.exchange.tables.sheets import decision_sheets
from popsim.plurals import counted

MAX_ROWS = 1_048_576 - 10  # of a sheet
MAX_PARAMETER_CELLS = 1_000_000
SIMULATED, PARAMETERS, INPUTS = "As simulated", "Parameter draws", "Inputs"
INPUT_HEADS = {
    "id": ("Id", 44), "value": ("Value", 13), "text": ("Text", 24), "unit": ("Unit", 16),
    "distribution": ("Distribution", 34), "low": ("95% from", 11), "high": ("95% to", 11),
    "min": ("Lowest allowed", 13), "max": ("Highest allowed", 13), "provenance": ("Provenance", 12),
    "source": ("Source", 90),
}  # fmt: skip


def write_workbook(tables: DecisionTables, path: Path) -> Path:
    """Write the workbook.

    Raises:
        InputError: the file cannot be written, or there are more draws than rows of a sheet.
    """
    if len(tables.decision.draws) > MAX_ROWS:
        raise InputError(f"{len(tables.decision.draws):,} draws: a sheet holds {MAX_ROWS:,}; use 'popsim export r'")
    temporary = path.with_name(f".tmp-{path.name}")
    try:
        _write(tables, temporary)
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"--out {path}: cannot be written: {error.strerror or error}") from None
    finally:
        temporary.unlink(missing_ok=True)
    return path


def write_inputs_workbook(table: pl.DataFrame, path: Path, created: datetime) -> Path:
    """The input table alone as a workbook of one sheet."""
    with WorkbookWriter.opened(path, created) as book:
        _inputs(book, table)
    return path


def _write(tables: DecisionTables, path: Path) -> None:
    run = tables.run
    with WorkbookWriter.opened(path, created_at(run), f"Run {run.manifest['run_id']}") as book:
        for name in ("Read me", "Decision", *(("Acceptability",) if tables.has_curves else ()), INPUTS, DRAWS):
            book.add(name)
        _inputs(book, input_table(run))
        write_draws(book, DRAWS, tables, tables.decision)
        parameters = _parameter_draws(book, tables)
        write_draws(book, SIMULATED, tables, tables.simulated)
        decision_sheets(book, tables)
        _read_me(book, tables, parameters)


def _inputs(book: WorkbookWriter, table: pl.DataFrame) -> None:
    sheet = book.add(INPUTS)
    for column, (head, width) in enumerate(INPUT_HEADS.values()):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, head, book.head)
    _rows(sheet, table.select(*INPUT_HEADS).iter_rows(), 1)
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, len(table), len(INPUT_HEADS) - 1)


def _rows(sheet: Any, rows: Iterable[Sequence[object]], first: int) -> None:
    """Cells as numbers or text, blank where nothing is known."""
    for row, cells in enumerate(rows, first):
        for column, cell in enumerate(cells):
            if isinstance(cell, int | float):
                sheet.write_number(row, column, cell)
            elif cell is not None:
                sheet.write_string(row, column, str(cell))


def _parameter_draws(book: WorkbookWriter, tables: DecisionTables) -> str:
    """The sheet of parameter draws; returns what is to be said about it."""
    frame = tables.parameter_draws
    if frame is None:
        return "none: the run has no parameter draws"
    if frame.height * frame.width > MAX_PARAMETER_CELLS:
        return f"left out: {frame.height * frame.width:,} cells; 'popsim export r' writes parameters.csv"
    sheet = book.add(PARAMETERS)
    sheet.set_column(0, 0, 8)
    sheet.set_column(1, frame.width - 1, 18)
    for column, name in enumerate(frame.columns):
        sheet.write_string(0, column, name, book.head)
    _rows(sheet, frame.iter_rows(), 1)
    sheet.freeze_panes(1, 1)
    return "the uncertain parameters in every draw"


def _read_me(book: WorkbookWriter, tables: DecisionTables, parameters: str) -> None:
    run, sheet = tables.run, book.sheets["Read me"]
    experiment = run.experiment
    curves = tables.note or "probability of being best and EVPI over a grid of thresholds; change the step"
    lines = [
        ("Change this", "The willingness to pay, in the yellow cell of the sheet Decision. All results follow."),
        ("Run", run.manifest["run_id"]),
        ("Content hash", run.manifest.get("content_hash", "")),
        ("Written by", f"popsim {run.manifest.get('versions', {}).get('popsim', '')}".strip()),
        ("Costs and effects", f"{experiment.currency} and {tables.effect} per person; more effect is better "
         f"(one unit: {tables.unit})"),
        ("Size", f"{experiment.population:,} simulated people, {counted(tables.drawn, "parameter draw")}, "
         f"{counted(experiment.replications, 'replication')}"),
        ("Comparator", run.strategies[run.comparator]),
        ("Sheet Decision", "incremental analysis, net benefit, probability of being best, expected loss, EVPI"),
        ("Sheet Acceptability", curves),
        ("Sheet Inputs", "id, value, unit, distribution, bounds and source of every parameter, and of the experiment, "
         "cohort and care network"),
        ("Sheet Draws", "mean cost and effect of every strategy in every draw, Monte Carlo noise removed: all formulas "
         "begin here"),
        ("Sheet Parameter draws", parameters),
        ("Sheet As simulated", "the same with their Monte Carlo noise; their means are the same"),
        ("Sheets Steps, Net benefit, Best", "where the formulas take their steps"),
        ("Sheet Check", "popsim's own numbers beside the workbook's"),
        ("Dominated", "another strategy costs no more and gives no less"),
        ("Extendedly dominated", "each unit that it gives over a cheaper strategy costs more than a dearer one asks"),
        ("ICER", "cost step / effect step from the strategy before it on the frontier"),
        ("EVPI", "what knowing all parameters would be worth, per person"),
    ]  # fmt: skip
    sheet.set_column(0, 0, 32)
    sheet.set_column(1, 1, 100, book.wrap)
    sheet.write_string(0, 0, experiment.title or experiment.name, book.title)
    for row, (head, text) in enumerate(lines, 2):
        sheet.write_string(row, 0, head, book.bold)
        sheet.write_string(row, 1, text, book.wrap)
    sheet.activate()
