"""popsim bundle: all that a reviewer needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import ENGINE, FinishedRun, StudyOptions, opened, study_options, whole
from popsim.plurals import counted


@study_options(*ENGINE, "quiet")
def bundle(
    run: FinishedRun,
    options: StudyOptions,
    out: Annotated[
        Path | None, typer.Option(help="New folder or .zip file; by default '<experiment>_bundle.zip' here.")
    ] = None,
    people: Annotated[int, whole("Twins in each run of the verification.")] = 240,
    verify: Annotated[bool, typer.Option("--verify/--no-verify", help="Make the checks of popsim verify.")] = True,
    with_table: Annotated[
        bool, typer.Option("--with-table", help="Put the cohort's table of people into it: only if you may.")
    ] = False,
) -> None:
    """Write a reviewer's bundle of a finished run: inputs, environment, source, results, report, one command."""
    from popsim.reporting.bundle.inputs import refuse_what_cannot_be_handed_on
    from popsim.reporting.bundle.reduced import MAX_SECONDS
    from popsim.reporting.bundle.word import need_docx
    from popsim.reporting.bundle.writing import check_target, write_bundle
    from popsim.reporting.text.progress import progress_bar
    from popsim.runs.engine import Engine
    from popsim.verification.checking import Finding
    from popsim.verification.suite import failed
    from popsim.verification.suite import verify as check_all

    found = opened(run)
    path = out or Path(f"{found.experiment.name}_bundle.zip")
    check_target(path)
    need_docx()
    refuse_what_cannot_be_handed_on(found, with_table=with_table)
    findings: list[Finding] = []
    if verify:
        with progress_bar("verification", quiet=options.quiet) as on_progress:
            findings = check_all(found.study, "", people, on_progress, options.workers, options.threads)
        print(f"verification: {counted(len(findings), 'check')}, {failed(findings)} fail")
    experiment = found.experiment
    engine = Engine.fitting(options.workers, options.threads, 4, experiment.population, experiment.follow_up_days)
    with progress_bar("reduced run", quiet=options.quiet) as on_progress:
        made = write_bundle(found, path, findings, engine, on_progress, with_table=with_table)
    late = "" if made.reduced.seconds <= MAX_SECONDS else f", more than {MAX_SECONDS:,.0f} s"
    print(f"reduced run: {made.reduced.content_hash} in {made.reduced.seconds:,.0f} s{late}")
    print(f"{made.path}: {counted(made.files, 'file')}")
