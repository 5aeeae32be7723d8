"""popsim plan, popsim sensitivity ...: what a run will take, and what its results depend on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from popsim.cli.options import File, changes, once, processes, whole
from popsim.errors import InputError

if TYPE_CHECKING:
    import polars as pl

    from popsim.experiments.design import Study
    from popsim.experiments.engine import Engine
    from popsim.experiments.runner import RunResult

NET_BENEFIT = "net_monetary_benefit"  # as experiments.contrast has it; not imported here, to start at once

sensitivity_app = typer.Typer(help="What the results of an experiment depend on.", no_args_is_help=True)

Names = Annotated[
    list[str] | None,
    typer.Option("--parameter", metavar="NAME", help="set.parameter, or set.parameter=LOW:HIGH; may be repeated."),
]
Outcome = Annotated[str, typer.Option(help="A measure, or net_monetary_benefit.")]
Population = Annotated[int | None, whole("Twins in each replication.")]
Replications = Annotated[int | None, whole("Independent repetitions.")]
Workers = Annotated[int | None, whole("Processes.")]
Out = Annotated[Path, typer.Option(help="Folder for results.")]
Csv = Annotated[Path | None, typer.Option(help="CSV file to write the table to, too.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bar.")]


@contextmanager
def _asked(
    file: Path, population: int | None, replications: int | None, workers: int | None, out: Path, quiet: bool
) -> Iterator[tuple[Study, Engine, Callable[[Study], RunResult]]]:
    """A study, the engine, and what runs variants of the study on it."""
    processes("--workers", workers)
    from popsim.experiments.design import read_study
    from popsim.experiments.engine import Engine
    from popsim.experiments.runner import run_study
    from popsim.reporting.progress import progress_bar

    study = read_study(file, changes(population=population, replications=replications))
    engine = Engine.fitting(workers, None, 1_000_000, study.region_size(0))
    with progress_bar(study.experiment.name, quiet=quiet) as on_progress:
        yield study, engine, lambda variant: run_study(variant, out, engine, on_progress)


def _written(table: pl.DataFrame, csv: Path | None) -> None:
    """Keep a table as CSV if asked for."""
    if csv is not None:
        from popsim.reporting.csv_file import write_csv

        write_csv(table, csv)


def plan(
    file: File,
    precision: Annotated[
        list[str] | None,
        typer.Option(metavar="MEASURE=HALF_WIDTH", help="A wanted precision, like cost_total=20; may be repeated."),
    ] = None,
    population: Population = None,
    replications: Replications = None,
    workers: Workers = None,
    out: Out = Path("results"),
    quiet: Quiet = False,
) -> None:
    """Say what a run will take and how precise it will be, from a small pilot."""
    once("--precision", [text.partition("=")[0] for text in precision or ()])
    with _asked(file, population, replications, workers, out, quiet) as (study, engine, run):
        from popsim.experiments.plan import plan_study
        from popsim.experiments.precision import Wanted
        from popsim.reporting.sensitivity import plan_text

        wanted = [Wanted.read(text, "--precision") for text in precision or ()]
        found = plan_study(study, engine, run, wanted)
    print(plan_text(found, study.experiment, engine))


@sensitivity_app.command("one-way")
def one_way(
    file: File,
    parameter: Names = None,
    outcome: Outcome = NET_BENEFIT,
    population: Population = None,
    replications: Replications = None,
    workers: Workers = None,
    out: Out = Path("results"),
    csv: Csv = None,
    plot: Annotated[Path | None, typer.Option(help="Folder to draw a tornado of each strategy into.")] = None,
    quiet: Quiet = False,
) -> None:
    """One parameter at a time at both ends of its range (a tornado); all uncertain parameters if none is named."""
    with _asked(file, population, replications, workers, out, quiet) as (study, _, run):
        from popsim.experiments.contrast import contrasts
        from popsim.experiments.sensitivity.design import evaluator
        from popsim.experiments.sensitivity.parameters import varied
        from popsim.experiments.sensitivity.ways import one_way as ask
        from popsim.reporting.sensitivity import tornado_text

        parameters, asked = varied(study, parameter or ()), contrasts(study.experiment, outcome)
        table = ask(parameters, asked, evaluator(study, run))
    _written(table, csv)
    print(tornado_text(table, study.experiment, outcome))
    if plot is not None:
        from popsim.reporting.sensitivity import draw_tornados

        for path in draw_tornados(table, study.experiment, outcome, plot):
            print(path)


@sensitivity_app.command("two-way")
def two_way(
    file: File,
    parameter: Names = None,
    points: Annotated[int, whole("Values of each parameter.")] = 5,
    outcome: Outcome = NET_BENEFIT,
    population: Population = None,
    replications: Replications = None,
    workers: Workers = None,
    out: Out = Path("results"),
    csv: Csv = None,
    quiet: Quiet = False,
) -> None:
    """Two parameters over a grid."""
    if len(parameter or ()) != 2 or not 2 <= points <= 100:
        raise InputError("two-way: name two parameters (--parameter A --parameter B) and 2 to 100 --points")
    with _asked(file, population, replications, workers, out, quiet) as (study, _, run):
        from popsim.experiments.contrast import contrasts
        from popsim.experiments.sensitivity.design import evaluator
        from popsim.experiments.sensitivity.parameters import varied
        from popsim.experiments.sensitivity.ways import two_way as ask
        from popsim.reporting.sensitivity import grid_text

        first, second = varied(study, parameter or ())
        table = ask(first, second, points, contrasts(study.experiment, outcome), evaluator(study, run))
    _written(table, csv)
    print(grid_text(table, first, second, study.experiment, outcome))


@sensitivity_app.command("threshold")
def threshold(
    file: File,
    parameter: Names = None,
    outcome: Outcome = NET_BENEFIT,
    target: Annotated[float, typer.Option(help="Value of the outcome to reach.")] = 0.0,
    population: Population = None,
    replications: Replications = None,
    workers: Workers = None,
    out: Out = Path("results"),
    quiet: Quiet = False,
) -> None:
    """The value of a parameter at which each strategy's difference from the comparator reaches a target."""
    if len(parameter or ()) != 1:
        raise InputError("threshold: name one parameter (--parameter NAME or NAME=LOW:HIGH)")
    if not math.isfinite(target):
        raise InputError(f"command line: --target = {target}: must be a finite number")
    with _asked(file, population, replications, workers, out, quiet) as (study, _, run):
        from popsim.experiments.contrast import contrasts
        from popsim.experiments.sensitivity.design import evaluator
        from popsim.experiments.sensitivity.parameters import varied
        from popsim.experiments.sensitivity.threshold import threshold as search
        from popsim.reporting.sensitivity import threshold_text

        (searched,) = varied(study, parameter or ())
        evaluate, asked = evaluator(study, run), contrasts(study.experiment, outcome)
        found = [search(searched, contrast, evaluate, target) for contrast in asked]
    print("\n".join(threshold_text(one, study.experiment, target) for one in found))


@sensitivity_app.command("sobol")
def sobol(
    file: File,
    parameter: Names = None,
    samples: Annotated[int, whole("A power of 2; (parameters + 2) simulations for each.")] = 64,
    outcome: Outcome = NET_BENEFIT,
    population: Population = None,
    replications: Replications = None,
    workers: Workers = None,
    out: Out = Path("results"),
    csv: Csv = None,
    quiet: Quiet = False,
) -> None:
    """Sobol indices: the share of the outcome's variance that each parameter explains, alone and in all."""
    with _asked(file, population, replications, workers, out, quiet) as (study, _, run):
        from popsim.experiments.contrast import contrasts
        from popsim.experiments.sensitivity.design import evaluator
        from popsim.experiments.sensitivity.overall import sobol as ask
        from popsim.experiments.sensitivity.parameters import varied
        from popsim.reporting.sensitivity import sobol_text

        parameters, asked = varied(study, parameter or ()), contrasts(study.experiment, outcome)
        table = ask(study, parameters, samples, asked, evaluator(study, run))
    _written(table, csv)
    print(sobol_text(table, study.experiment, outcome))


@sensitivity_app.command("morris")
def morris(
    file: File,
    parameter: Names = None,
    trajectories: Annotated[int, whole("Random paths; (parameters + 1) simulations for each.")] = 10,
    outcome: Outcome = NET_BENEFIT,
    population: Population = None,
    replications: Replications = None,
    workers: Workers = None,
    out: Out = Path("results"),
    csv: Csv = None,
    quiet: Quiet = False,
) -> None:
    """Morris screening: which parameters matter at all, with few simulations."""
    with _asked(file, population, replications, workers, out, quiet) as (study, _, run):
        from popsim.experiments.contrast import contrasts
        from popsim.experiments.sensitivity.design import evaluator
        from popsim.experiments.sensitivity.overall import morris as ask
        from popsim.experiments.sensitivity.parameters import varied
        from popsim.reporting.sensitivity import morris_text

        parameters, asked = varied(study, parameter or ()), contrasts(study.experiment, outcome)
        table = ask(study, parameters, trajectories, asked, evaluator(study, run))
    _written(table, csv)
    print(morris_text(table, study.experiment, outcome))
