"""popsim run, popsim status, popsim check."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from popsim.cli.options import (
    SIZES,
    File,
    StudyOptions,
    check_engine,
    once,
    prints_tables,
    study_options,
    warn,
    whole,
)
from popsim.errors import InputError
from popsim.plurals import counted

if TYPE_CHECKING:
    from popsim.runs.engine import Engine
    from popsim.studies.design import Study

PRESENT = "A run saved at a day, and its branches"
Scenario = Annotated[str | None, typer.Option(help="Name of one of the experiment's scenarios.")]


@prints_tables
@study_options()
def run(
    options: StudyOptions,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="An experiment; may be left out with --from.")
    ] = None,
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
    until_day: Annotated[
        int | None, whole("Stop on the morning of this day of the simulation; goes with --save.", panel=PRESENT)
    ] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Save all units on that day.", rich_help_panel=PRESENT)
    ] = None,
    present: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="Go on from a saved run.", rich_help_panel=PRESENT),
    ] = None,
    strategy: Annotated[
        list[str] | None,
        typer.Option(
            help="With --save: the one under which people live until then, instead of the comparator. With --from: "
            "go on with this one, and the comparator, instead of all; may be repeated.",
            rich_help_panel=PRESENT,
        ),
    ] = None,
) -> None:
    """Run an experiment; print and store its results. The same command resumes an interrupted run.

    With --until-day and --save it stops there and writes a file; with --from, futures go on from that file.
    """
    check_engine(engine, address, deadline)
    names = list(strategy or ())
    _check_present(file, options, until_day, save, present, names, until)
    if save is not None and file is not None and until_day is not None:
        _save(options, file, scenario, until_day, save, names, Engines(engine, address, deadline))
        return
    simulate = None
    if present is not None:
        from popsim.runs.saved import SavedRun

        saved = SavedRun.open(present)
        study = saved.branch(options.study(file, scenario) if file else None, names, None if file else scenario)
        simulate = saved.go_on
    else:
        assert file is not None
        study = options.study(file, scenario)
    from popsim.analyses.precision import TargetPrecision
    from popsim.analyses.until import run_until
    from popsim.reporting.text.tables import run_text
    from popsim.studies.warnings import design_warnings

    warn(design_warnings(study.experiment, study.sampling))
    chosen = Engines(engine, address, deadline).of(options, study)
    if until:
        wanted = TargetPrecision.read(until, "--until")
        result = run_until(study, wanted, lambda longer: options.run(longer, engine=chosen), most)
    else:
        result = options.run(study, engine=chosen, simulate=simulate)
    options.show(run_text(result))
    print(f"{result.folder}  content hash {result.content_hash[:16]}")


class Engines(NamedTuple):
    """How the work is distributed, as the command line says it."""

    kind: str
    address: str
    deadline: float | None

    def of(self, options: StudyOptions, study: Study) -> Engine:
        """The engine of a study."""
        return replace(options.engine(study), kind=self.kind, address=self.address, deadline=self.deadline)


def _check_present(
    file: Path | None,
    options: StudyOptions,
    until_day: int | None,
    save: Path | None,
    present: Path | None,
    names: list[str],
    until: str,
) -> None:
    """Refuse options of a saved run that do not go together."""
    once("--strategy", names)
    say = "command line: "
    if (until_day is None) != (save is None):
        raise InputError(f"{say}--until-day and --save go together: the day, and the file to write")
    if present is not None and save is not None:
        raise InputError(f"{say}--from {present}: does not go with --save: save the run on a later day from its start")
    if until and (present is not None or save is not None):
        raise InputError(f"{say}--until {until}: does not go with {'--from' if save is None else '--save'}")
    if names and present is None and save is None:
        raise InputError(f"{say}--strategy {names[0]}: only goes with --from or --save")
    if save is not None and len(names) > 1:
        raise InputError(f"{say}--strategy {names[1]}: people live under one strategy until the day of --save")
    if file is None and present is None:
        raise InputError(f"{say}FILE: an experiment must be named, except with --from")
    if file is None and (changed := options.changes()):
        flag = next(iter(changed.values())).flag
        raise InputError(f"{say}{flag}: goes with --from only where FILE names the experiment")


def _save(
    options: StudyOptions, file: Path, scenario: str | None, day: int, path: Path, names: list[str], engines: Engines
) -> None:
    """Simulate until a day and write the file."""
    study = options.study(file, scenario)
    import polars as pl

    from popsim.reporting.table_files import tabled
    from popsim.reporting.text.progress import progress_bar
    from popsim.runs.saved import save_run

    with progress_bar(study.experiment.name, quiet=options.quiet) as on_progress:
        units = save_run(study, "".join(names), day, path, options.out, engines.of(options, study), on_progress)
    size = path.stat().st_size / 1e6
    tabled("Saved run", pl.DataFrame([{"file": str(path), "day": day, "units": units, "megabytes": size}]))
    there = f"{counted(units, 'unit')} on the morning of day {day}, {size:.1f} MB"
    print(f"{path}: {there}; 'popsim run --from {path}' goes on")


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
    units = counted(found.total, "unit")
    print(f"{found.done} of {units} done, {found.missing} missing, {len(found.quarantined)} given up")
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
