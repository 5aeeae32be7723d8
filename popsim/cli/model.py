"""popsim model ...: a model of one's own, from the Python file that makes it, through the doors of an experiment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from popsim.cli.budget import MixNow, MixToCome, Switching, market_shares, numbers
from popsim.cli.decide import Price, ProposedStudyOption, proposed_study
from popsim.cli.options import StudyOptions, one_unit, prints_tables, whole
from popsim.errors import InputError

if TYPE_CHECKING:
    from popsim.surface.model_analysis import ModelAnalysis

NET_BENEFIT = "net_monetary_benefit"  # the same as in analyses.contrast, which is slow to import
SIZES = ("replications", "draws", "seed")
MANY = 10_000  # individuals where they are a table
WHY = "the individuals of a model are rows of one table, which a compiled loop walks in blocks"
simulating = one_unit(WHY, *SIZES)

model_app = typer.Typer(
    help="A model of your own: a Python file that makes a popsim.ModelAnalysis. The file is run.", no_args_is_help=True
)
ModelFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="A Python file with a line like study = ModelAnalysis.")
]
Which = Annotated[str, typer.Option("--study", metavar="NAME", help="Of the analyses, where the file makes several.")]
Eligible = Annotated[
    str, typer.Option(metavar="N[,N...]", help="Newly eligible people: one number for every year, or one for each.")
]
Uptake = Annotated[str, typer.Option(metavar="SHARE[,SHARE...]", help="Share on the new strategy, year by year.")]


def _analysis(file: Path, name: str, options: StudyOptions) -> ModelAnalysis:
    """The analysis, with what flags change."""
    from dataclasses import replace

    from popsim.reporting.table_files import tables_are_of_model
    from popsim.surface.model_file import load_analysis

    given = {key: value for key in SIZES if (value := getattr(options, key)) is not None}
    study = replace(load_analysis(file, name), **given)
    options.use_threads(study.individuals if isinstance(study.individuals, int) else MANY)
    tables_are_of_model(study.view)
    return study


@model_app.command("decide")
@prints_tables
@simulating
def model_decide(
    file: ModelFile,
    options: StudyOptions,
    study: Which = "",
    effect: Annotated[str, typer.Option(metavar="MEASURE", help="qalys or life_years.")] = "qalys",
    willingness_to_pay: Price = None,
    people: Annotated[int, whole("People whom the decision affects each year.")] = 0,
    years: Annotated[int, whole("Years for which the decision stands.")] = 1,
    top: Annotated[int, whole("Number of parameters to show.")] = 10,
    evsi: ProposedStudyOption = None,
) -> None:
    """Print which strategy to choose, how certain that is, and the value of further information."""
    from popsim.reporting.text.decision import decision_text

    view = _analysis(file, study, options).view
    print(decision_text(view, effect, willingness_to_pay, people, years, top, proposed_study(evsi)))


@model_app.command("one-way")
@prints_tables
@simulating
def model_one_way(
    file: ModelFile,
    options: StudyOptions,
    study: Which = "",
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", metavar="NAME", help="NAME, or NAME=LOW:HIGH; may be repeated."),
    ] = None,
    outcome: Annotated[str, typer.Option(help="A measure, net_monetary_benefit, or icer.")] = NET_BENEFIT,
    plot: Annotated[Path | None, typer.Option(help="Folder for a tornado diagram of each strategy.")] = None,
) -> None:
    """One-way (tornado): each parameter at both ends of its range; all uncertain parameters if none is named."""
    from popsim.reporting.text.sensitivity import draw_tornados, tornado_text

    found = _analysis(file, study, options)
    table, facts = found.one_way(parameter or (), outcome=outcome), found.base_view
    print(tornado_text(table, facts, outcome))
    for path in draw_tornados(table, facts, outcome, plot) if plot is not None else ():
        print(path)


@model_app.command("budget")
@prints_tables
@simulating
def model_budget(
    file: ModelFile,
    options: StudyOptions,
    eligible: Eligible,
    uptake: Uptake = "",
    study: Which = "",
    strategy: Annotated[str, typer.Option(metavar="NAME", help="The new strategy; by default each in turn.")] = "",
    current: MixNow = None,
    new: MixToCome = None,
    switching: Switching = False,
) -> None:
    """Print the budget impact of each strategy, or of a new mix of several, year by year, undiscounted."""
    from popsim.reporting.text.budget import budget_text, market_text

    if current or new or switching:
        if uptake or strategy:
            raise InputError("command line: --current and --new name shares themselves: leave out --uptake, --strategy")
        found = _analysis(file, study, options)
        market = market_shares(eligible, current, new, switching, found.model.strategies)
        print(market_text(found.budget_view(len(market.eligible)), market, "payer"))
        return
    if not uptake:
        raise InputError("command line: budget needs --uptake, or --current and --new")
    people, shares = numbers("--eligible", eligible), numbers("--uptake", uptake)
    print(budget_text(_analysis(file, study, options).budget_view(len(shares)), people, shares, strategy, "payer"))


@model_app.command("verify")
@prints_tables
@simulating
def model_verify(file: ModelFile, options: StudyOptions, study: Which = "") -> None:
    """Check the model as a reviewer would: the same seed, sums, extremes. Exit code 1 if a check fails."""
    from popsim.reporting.text.verification import findings_text
    from popsim.surface.model_checks import findings
    from popsim.verification.suite import failed

    found = findings(_analysis(file, study, options))
    print(findings_text(found))
    if failed(found):
        raise typer.Exit(1)


@model_app.command("report")
@simulating
def model_report(
    file: ModelFile,
    options: StudyOptions,
    study: Which = "",
    eligible: Eligible = "",
    uptake: Uptake = "",
    out: Annotated[Path | None, typer.Option(help="HTML file; by default FILE with the ending .html.")] = None,
) -> None:
    """Write one HTML page: the answer, tables, figures, methods, checks, parameters and provenance."""
    from popsim.reporting.pages.model import write_model_report
    from popsim.surface.model_report import report_of

    path = out or file.with_suffix(".html")
    if path.suffix != ".html" or path.is_dir() or not path.parent.is_dir():
        raise InputError(f"--out {path}: must be the path of a .html file in a folder that exists")
    if bool(eligible) != bool(uptake):
        raise InputError("command line: --eligible and --uptake go together")
    people = numbers("--eligible", eligible) if eligible else []
    shares = numbers("--uptake", uptake) if uptake else []
    found = _analysis(file, study, options)
    budget = found.budget(people[0] if len(people) == 1 else people, shares) if people else None
    print(write_model_report(report_of(found, budget, file), path))
