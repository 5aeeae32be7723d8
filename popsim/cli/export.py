"""popsim export ...: a finished run for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import FinishedRun, opened
from popsim.errors import InputError

export_app = typer.Typer(help="Write a finished run for other programs.", no_args_is_help=True)

Effect = Annotated[str, typer.Option(metavar="MEASURE", help="Measure of health effect.")]


@export_app.command("excel")
def export_excel(
    run: FinishedRun,
    out: Annotated[
        Path | None, typer.Option(help="Workbook; by default '<experiment>.xlsx' in the run's folder.")
    ] = None,
    effect: Effect = "qalys",
) -> None:
    """Write inputs, draws and results with live formulas: change the willingness to pay in one cell."""
    from popsim.exchange.tables.decision_tables import DecisionTables
    from popsim.exchange.tables.workbook import write_workbook

    found = opened(run)
    path = out or found.folder / f"{found.experiment.name}.xlsx"
    if path.suffix != ".xlsx" or path.is_dir() or not path.parent.is_dir():
        raise InputError(f"--out {path}: must be the path of a .xlsx file in a folder that exists")
    tables = DecisionTables.of(found, effect)
    print(write_workbook(tables, path))
    if tables.note:
        print(tables.note)


@export_app.command("r")
def export_r(
    run: FinishedRun,
    out: Annotated[Path | None, typer.Option(help="Folder; by default 'r' in the run's folder.")] = None,
    effect: Effect = "qalys",
) -> None:
    """Write the draws for BCEA, dampack, hesim and SAVI, and a load.R that reads them in base R."""
    from popsim.exchange.tables.decision_tables import DecisionTables
    from popsim.exchange.tables.r_files import write_r_files

    found = opened(run)
    folder = out or found.folder / "r"
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--out {folder}: is a file; must be a folder")
    tables = DecisionTables.of(found, effect)
    for path in write_r_files(tables, folder):
        print(path)
    if tables.note:
        print(tables.note)
