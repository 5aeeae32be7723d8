"""popsim verify."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import File, whole
from popsim.errors import InputError


def verify(
    file: File,
    only: Annotated[str, typer.Option(metavar="TEXT", help="Only checks whose area or title contains it.")] = "",
    people: Annotated[int, whole("Twins in each run.")] = 240,
    csv: Annotated[Path | None, typer.Option(help="CSV file to write the findings to, too.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar, and only what fails.")] = False,
) -> None:
    """Check an experiment as a reviewer would: extremes, signs, sums, symmetries. Exit code 1 if a check fails."""
    if not 20 <= people <= 100_000:
        raise InputError(f"--people {people}: must be between 20 and 100000")
    from popsim.experiments.design import read_study
    from popsim.reporting.csv_file import write_csv
    from popsim.reporting.progress import progress_bar
    from popsim.reporting.verification import findings_frame, findings_text
    from popsim.verification.suite import failed
    from popsim.verification.suite import verify as check_all

    study = read_study(file)
    with progress_bar(study.experiment.name, quiet=quiet) as on_progress:
        findings = check_all(study, only, people, on_progress)
    if csv is not None:
        write_csv(findings_frame(findings), csv)
    print(findings_text(findings, failures_only=quiet))
    if failed(findings):
        raise typer.Exit(1)
