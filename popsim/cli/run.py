"""popsim run, popsim status, popsim check."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import SIZES, File, StudyOptions, check_engine, prints_tables, study_options, whole
from popsim.errors import InputError

Scenario = Annotated[str | None, typer.Option(help="Name of one of the experiment's scenarios.")]


@prints_tables
@study_options()
def run(
    file: File,
    options: StudyOptions,
    scenario: Scenario = None,
    until: Annotated[
        str,
        typer.Option(
            metavar="MEASURE=HALF_WIDTH", help="Add replications until the 95% interval of a difference is this narrow."
        ),
    ] = "",
    most: Annotated[int | None, whole("Number of replications, or draws, at which --until gives up.")] = None,
    engine: Annotated[str, typer.Option(help="local: processes of this machine; dask: a Dask cluster.")] = "local",
    address: Annotated[str, typer.Option(help="Dask scheduler, tcp://host:port; by default a local cluster.")] = "",
    deadline: Annotated[float | None, typer.Option(help="Seconds after which a unit is given up and retried.")] = None,
) -> None:
    """Run an experiment; print and store its results. The same command resumes an interrupted run."""
    check_engine(engine, address, deadline)
    study = options.study(file, scenario)
    from popsim.analyses.precision import TargetPrecision
    from popsim.analyses.until import run_until
    from popsim.reporting.text.tables import run_text
    from popsim.studies.warnings import design_warnings

    for doubt in design_warnings(study.experiment, study.sampling):
        print(f"popsim: warning: {doubt}", file=sys.stderr)
    chosen = replace(options.engine(study), kind=engine, address=address, deadline=deadline)
    if until:
        wanted = TargetPrecision.read(until, "--until")
        result = run_until(study, wanted, lambda longer: options.run(longer, engine=chosen), most)
    else:
        result = options.run(study, engine=chosen)
    options.show(run_text(result))
    print(f"{result.folder}  content hash {result.content_hash[:16]}")


@prints_tables
@study_options(*SIZES, "out")
def status(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="An experiment, with the flags of its run; or the folder of a run.")
    ],
    options: StudyOptions,
    scenario: Scenario = None,
) -> None:
    """Show how much of a run is done, missing or given up; exit code 1 unless all of it is done.

    Without flags, the newest run of the experiment is shown, whatever flags it had: finished, interrupted or at work.
    """
    import polars as pl

    from popsim.reporting.table_files import tabled
    from popsim.runs.run import described
    from popsim.runs.status import status_of, status_of_newest

    study = None if file.is_dir() else options.study(file, scenario)
    newest = None if study and study.flags else status_of_newest(options.out / study.experiment.name if study else file)
    if newest:
        folder, flags, found = newest
        if folder != file:
            print(f"popsim: {described(folder, flags)}", file=sys.stderr)
    elif study:
        found = status_of(study, options.out)
    else:
        raise InputError(f"{file}: no run was begun in it; name an experiment, or the folder of a run")
    counts = {"units": found.total, "done": found.done, "missing": found.missing, "given_up": len(found.quarantined)}
    tabled("Status", pl.DataFrame([counts]))
    print(f"{found.done} of {found.total} units done, {found.missing} missing, {len(found.quarantined)} given up")
    for name, problem in found.quarantined:
        print(f"  {name}: {problem}")
    if found.quarantined:
        tabled("Given up", pl.DataFrame(found.quarantined, ["unit", "problem"], orient="row"))
    if found.done < found.total:
        raise typer.Exit(1)


def check(file: File) -> None:
    """Check a file of any kind (experiment, cohort, care network, parameters ...) and every file it refers to."""
    from popsim.definitions.base import read_toml

    read_toml(file)  # refuses what is not TOML before the engine is loaded
    from popsim.verification.definition_check import check_file

    print(f"{file}: {check_file(file)}")
