"""popsim verify."""

from __future__ import annotations

from typing import Annotated

import typer

from popsim.cli.options import ENGINE, File, StudyOptions, prints_tables, study_options, whole


@prints_tables
@study_options("seed", "days", "enrolment_days", *ENGINE, "quiet")
def verify(
    file: File,
    options: StudyOptions,
    only: Annotated[str, typer.Option(metavar="TEXT", help="Only checks whose area or title contains this text.")] = "",
    people: Annotated[int, whole("Twins in each run.", "--people", "--population")] = 240,
) -> None:
    """Verify an experiment as a reviewer would: extremes, signs, sums, symmetries. Exit code 1 if a check fails."""
    from popsim.reporting.text.progress import progress_bar
    from popsim.reporting.text.verification import findings_text
    from popsim.verification.suite import failed
    from popsim.verification.suite import verify as check_all

    study = options.study(file)
    with progress_bar(study.experiment.name, quiet=options.quiet) as on_progress:
        findings = check_all(study, only, people, on_progress, options.workers, options.threads)
    print(findings_text(findings, failures_only=options.quiet))
    if failed(findings):
        raise typer.Exit(1)
