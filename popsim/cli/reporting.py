"""popsim plot, popsim report: figures and a page of a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.decide import ProposedStudyOption, proposed_study
from popsim.cli.options import FinishedRun, StudyOptions, once, one_unit, opened
from popsim.errors import InputError, did_you_mean

PAGE, COLUMN = "page", "column"
drawing = one_unit("two figures simulate, each one unit, while it is drawn")


@drawing
def plot(
    run: FinishedRun,
    options: StudyOptions,
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this figure; may be repeated.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; by default 'figures' in the run's folder.")
    ] = None,
    file_format: Annotated[str, typer.Option("--format", metavar="FORMAT", help="png, svg or pdf.")] = "png",
    study: ProposedStudyOption = None,
    width: Annotated[str, typer.Option(metavar="WIDTH", help="page, or column: 85 mm, for a journal.")] = "page",
) -> None:
    """Draw every figure that a finished run has data for, and say why the others are missing."""
    from contextlib import nullcontext

    from popsim.reporting.figures import COLUMN_FIGURES, draw_all
    from popsim.reporting.figures.style import FORMATS, column_width, save

    if file_format not in FORMATS:
        raise InputError(f"command line: --format {file_format}: {did_you_mean(file_format, FORMATS)}")
    once("--only", only or ())
    if width not in (PAGE, COLUMN):
        raise InputError(f"command line: --width {width}: {did_you_mean(width, (PAGE, COLUMN))}")
    narrow = width == COLUMN
    wide = [name for name in only or () if narrow and name not in COLUMN_FIGURES]
    if wide:
        raise InputError(
            f"command line: --only {wide[0]}: needs the width of a page; with --width {COLUMN}: "
            f"{', '.join(COLUMN_FIGURES)}"
        )
    proposed = proposed_study(study)
    found = opened(run)
    folder = out or found.folder / "figures"
    _make(folder)
    options.use_threads(found.experiment.population // found.experiment.regions)
    with column_width() if narrow else nullcontext():
        for drawn in draw_all(found, only or (COLUMN_FIGURES if narrow else ()), proposed):
            if drawn.figure is None:
                print(f"{drawn.name}: not drawn: {drawn.problem}")
            else:
                print(save(drawn.figure, folder / f"{drawn.name}.{file_format}"))


@drawing
def report(
    run: FinishedRun,
    options: StudyOptions,
    out: Annotated[
        Path | None,
        typer.Option(help="HTML file; by default 'report.html' (or 'interactive.html') in the run's folder."),
    ] = None,
    interactive: Annotated[
        bool,
        typer.Option("--interactive", help="A page that values the stored draws anew as its reader moves sliders."),
    ] = False,
) -> None:
    """Write one HTML page on a finished run: the answer, tables, figures, methods, parameters and provenance."""
    from popsim.reporting.pages.interactive import write_interactive
    from popsim.reporting.pages.report import write_report

    found = opened(run)
    path = out or found.folder / ("interactive.html" if interactive else "report.html")
    if path.suffix != ".html" or path.is_dir() or not path.parent.is_dir():
        raise InputError(f"--out {path}: must be the path of a .html file in a folder that exists")
    if interactive:
        print(write_interactive(found, path))
        return
    options.use_threads(found.experiment.population // found.experiment.regions)
    print(write_report(found, path))


def _make(folder: Path) -> None:
    """Create a folder.

    Raises:
        InputError: it cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {folder}: cannot be created: {error.strerror}") from None
