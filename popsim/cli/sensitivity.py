"""popsim plan, popsim sensitivity ...: the effort and precision of a run, and what its results depend on."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from popsim.cli.options import File, StudyOptions, once, prints_tables, study_options, whole
from popsim.errors import InputError

if TYPE_CHECKING:
    from popsim.analyses.contrast import Contrast
    from popsim.analyses.sensitivity.design import Evaluate
    from popsim.analyses.sensitivity.parameters import Varied
    from popsim.studies.design import Study

NET_BENEFIT = "net_monetary_benefit"  # the same as in analyses.contrast, which is slow to import

sensitivity_app = typer.Typer(help="What the results of an experiment depend on.", no_args_is_help=True)

Names = Annotated[
    list[str] | None,
    typer.Option("--parameter", metavar="NAME", help="set.parameter, or set.parameter=LOW:HIGH; may be repeated."),
]
Outcome = Annotated[str, typer.Option(help="A measure, or net_monetary_benefit.")]


def _asked(
    file: Path, options: StudyOptions, parameter: list[str] | None, outcome: str, *, ratio: bool = False
) -> tuple[Study, tuple[Varied, ...], tuple[Contrast, ...], Evaluate]:
    """The study, what is varied in it, which differences are looked at, and what simulates them."""
    from popsim.analyses.contrast import contrasts
    from popsim.analyses.sensitivity.design import evaluator
    from popsim.analyses.sensitivity.parameters import varied

    study = options.study(file)
    return study, varied(study, parameter or ()), contrasts(study, outcome, ratio=ratio), evaluator(study, options.run)


@prints_tables
@study_options()
def plan(
    file: File,
    options: StudyOptions,
    precision: Annotated[
        list[str] | None,
        typer.Option(metavar="MEASURE=HALF_WIDTH", help="Target precision, like cost_total=20; may be repeated."),
    ] = None,
) -> None:
    """Estimate from a small pilot how long a run will take and how precise it will be."""
    once("--precision", [text.partition("=")[0] for text in precision or ()])
    from popsim.analyses.plan import plan_study
    from popsim.analyses.precision import TargetPrecision
    from popsim.reporting.text.sensitivity import plan_text

    study = options.study(file)
    engine = options.engine(study)
    wanted = [TargetPrecision.read(text, "--precision") for text in precision or ()]
    found = plan_study(study, engine, lambda pilot: options.run(pilot, engine=engine), wanted)
    print(plan_text(found, study.experiment, engine))


@sensitivity_app.command("one-way")
@prints_tables
@study_options()
def one_way(
    file: File,
    options: StudyOptions,
    parameter: Names = None,
    outcome: Annotated[str, typer.Option(help="A measure, net_monetary_benefit, or icer.")] = NET_BENEFIT,
    plot: Annotated[Path | None, typer.Option(help="Folder for a tornado diagram of each strategy.")] = None,
) -> None:
    """One-way (tornado): each parameter at both ends of its range; all uncertain parameters if none is named."""
    from popsim.analyses.sensitivity.ways import one_way as ask
    from popsim.reporting.text.sensitivity import draw_tornados, tornado_text

    study, parameters, asked, evaluate = _asked(file, options, parameter, outcome, ratio=True)
    table = ask(parameters, asked, evaluate)
    print(tornado_text(table, study.experiment, outcome))
    for path in draw_tornados(table, study.experiment, outcome, plot) if plot is not None else ():
        print(path)


@sensitivity_app.command("two-way")
@prints_tables
@study_options()
def two_way(
    file: File,
    options: StudyOptions,
    parameter: Names = None,
    points: Annotated[int, whole("Values of each parameter.")] = 5,
    outcome: Outcome = NET_BENEFIT,
) -> None:
    """Two-way: two parameters over a grid."""
    if len(parameter or ()) != 2 or not 2 <= points <= 100:
        raise InputError("two-way: name two parameters (--parameter A --parameter B) and 2 to 100 --points")
    from popsim.analyses.sensitivity.ways import two_way as ask
    from popsim.reporting.text.sensitivity import grid_text

    study, (first, second), asked, evaluate = _asked(file, options, parameter, outcome)
    table = ask(first, second, points, asked, evaluate)
    print(grid_text(table, first, second, study.experiment, outcome))


@sensitivity_app.command("threshold")
@prints_tables
@study_options()
def threshold(
    file: File,
    options: StudyOptions,
    parameter: Names = None,
    outcome: Outcome = NET_BENEFIT,
    target: Annotated[float, typer.Option(help="Value of the outcome to reach.")] = 0.0,
) -> None:
    """Threshold: the parameter value at which each strategy's difference from the comparator reaches a target."""
    if len(parameter or ()) != 1:
        raise InputError("threshold: name one parameter (--parameter NAME or NAME=LOW:HIGH)")
    if not math.isfinite(target):
        raise InputError(f"command line: --target = {target}: must be a finite number")
    from popsim.analyses.sensitivity.threshold import threshold as search
    from popsim.reporting.text.sensitivity import thresholds_text

    study, (searched,), asked, evaluate = _asked(file, options, parameter, outcome)
    found = [search(searched, contrast, evaluate, target) for contrast in asked]
    print(thresholds_text(found, study.experiment, target))


@sensitivity_app.command("sobol")
@prints_tables
@study_options()
def sobol(
    file: File,
    options: StudyOptions,
    parameter: Names = None,
    samples: Annotated[int, whole("A power of 2; each takes (parameters + 2) simulations.")] = 64,
    outcome: Outcome = NET_BENEFIT,
) -> None:
    """Sobol indices: the share of the outcome's variance that each parameter explains, alone and in total."""
    from popsim.analyses.sensitivity.overall import sobol as ask
    from popsim.reporting.text.sensitivity import sobol_text

    study, parameters, asked, evaluate = _asked(file, options, parameter, outcome)
    table = ask(study, parameters, samples, asked, evaluate)
    print(sobol_text(table, study.experiment, outcome))


@sensitivity_app.command("morris")
@prints_tables
@study_options()
def morris(
    file: File,
    options: StudyOptions,
    parameter: Names = None,
    trajectories: Annotated[int, whole("Random trajectories; each takes (parameters + 1) simulations.")] = 10,
    outcome: Outcome = NET_BENEFIT,
) -> None:
    """Morris screening: which parameters matter at all, with few simulations."""
    from popsim.analyses.sensitivity.overall import morris as ask
    from popsim.reporting.text.sensitivity import morris_text

    study, parameters, asked, evaluate = _asked(file, options, parameter, outcome)
    table = ask(study, parameters, trajectories, asked, evaluate)
    print(morris_text(table, study.experiment, outcome))


@sensitivity_app.command("influence")
@prints_tables
@study_options()
def influence(
    file: File,
    options: StudyOptions,
    parameter: Names = None,
    outcome: Annotated[list[str] | None, typer.Option(metavar="MEASURE", help="A measure; may be repeated.")] = None,
    share: Annotated[
        float, typer.Option(help="Move parameters without uncertainty by this share of their value.")
    ] = 0.2,
    top: Annotated[int, whole("Number of parameters to show.")] = 20,
) -> None:
    """Which constants the outcomes of usual care depend on most: each is moved alone; all if none is named.

    A parameter moves over the 95% interval of its distribution, or by a share of its value where none is known. Without
    --outcome: 30-day readmission, one-year mortality and heart-failure admissions.
    """
    if not 0.0 < share <= 1.0:
        raise InputError(f"command line: --share = {share}: must be above 0 and at most 1")
    from popsim.analyses.sensitivity.design import evaluator
    from popsim.analyses.sensitivity.influence import OUTCOMES, movable, usual_care
    from popsim.analyses.sensitivity.influence import influence as ask
    from popsim.reporting.text.influence import influence_text

    once("--outcome", outcome or ())
    outcomes = outcome or OUTCOMES
    study = usual_care(options.study(file), outcomes)
    table = ask(study, movable(study, parameter or (), share), outcomes, evaluator(study, options.run))
    print(influence_text(table, outcomes, top))
