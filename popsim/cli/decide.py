"""popsim decide, popsim subgroups, popsim equity."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from popsim.cli.options import FinishedRun, once, opened, prints_tables, whole
from popsim.errors import InputError
from popsim.numbers import read_number, read_whole

if TYPE_CHECKING:
    from popsim.economics.information import ProposedStudy
    from popsim.runs.run import StoredRun

Price = Annotated[
    float | None,
    typer.Option("--willingness-to-pay", metavar="MONEY", help="For one unit of effect; by default the experiment's."),
]

By = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN,...",
        help="Columns that describe people at entry; bands like age_years=65/75, otherwise quartiles.",
    ),
]
ProposedStudyOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME=SD:PEOPLE/...",
        help="Value of studies that observe a parameter with this standard deviation, by number of people.",
    ),
]
GROUPINGS = ("deprivation_quintile", "ethnicity", "female", "age_years")


@prints_tables
def decide(
    run: FinishedRun,
    effect: Annotated[str, typer.Option(metavar="MEASURE", help="Measure of health effect.")] = "qalys",
    willingness_to_pay: Price = None,
    people: Annotated[int, whole("People whom the decision affects each year.")] = 0,
    years: Annotated[int, whole("Years for which the decision stands.")] = 1,
    top: Annotated[int, whole("Number of parameters to show.")] = 10,
    study: ProposedStudyOption = None,
) -> None:
    """Print which strategy to choose, how certain that is, and the value of further information."""
    from popsim.reporting.text.decision import decision_text

    for flag, number in (("--willingness-to-pay", willingness_to_pay), ("--top", top)):
        if number is not None and not 0 <= number < math.inf:
            raise InputError(f"command line: {flag} = {number}: must be 0 or more")
    print(decision_text(_compared(run), effect, willingness_to_pay, people, years, top, proposed_study(study)))


@prints_tables
def subgroups(
    run: FinishedRun,
    by: By = None,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="LEVEL=SHARE,...",
            help="Shares of the levels of one column in the population that the decision is for; by default the run's.",
        ),
    ] = None,
) -> None:
    """Print effects by subgroup, who gains and who loses health, and the value of individualised care."""
    from popsim.reporting.text.subgroups import subgroups_text

    shares, (columns, cuts) = _by_level("--weights", weights), groupings(by or "female,deprivation_quintile")
    if shares and len(columns) > 1:
        raise InputError("command line: --weights: name exactly one column with --by")
    print(subgroups_text(_compared(run), columns, cuts, shares))


@prints_tables
def equity(
    run: FinishedRun,
    by: By = None,
    lifetime: Annotated[
        str | None, typer.Option(metavar="LEVEL=QALYS,...", help="Lifetime health at each level of one column.")
    ] = None,
    opportunity_cost: Annotated[
        str | None,
        typer.Option(metavar="LEVEL=SHARE,...", help="Who bears the opportunity cost; by default everybody equally."),
    ] = None,
) -> None:
    """Print who gains health and who bears the cost, with equity-weighted net benefit."""
    from popsim.reporting.text.subgroups import equity_text

    given = (_by_level("--lifetime", lifetime), _by_level("--opportunity-cost", opportunity_cost))
    print(equity_text(_compared(run), *groupings(by or ",".join(GROUPINGS)), *given))


def _compared(path: Path) -> StoredRun:
    """The finished run, if it compares strategies.

    Raises:
        InputError: there is no finished run, or it has only one strategy.
    """
    run = opened(path)
    if len(run.strategies) < 2:
        raise InputError(f"{path}: the run has only one strategy, so there is nothing to compare")
    return run


def _by_level(flag: str, text: str | None) -> dict[str, float] | None:
    """Numbers by level: "1=62,2=65"."""
    if text is None:
        return None
    try:
        pairs = [(level.strip(), read_number(n)) for level, _, n in (p.partition("=") for p in text.split(","))]
    except ValueError:
        raise InputError(f"command line: {flag} {text}: must be like 1=62.1,2=65.3") from None
    for level, number in pairs:
        if number < 0:
            raise InputError(f"command line: {flag} {text}: level {level} = {number}: must be 0 or more")
    once(flag, [level for level, _ in pairs])
    return dict(pairs)


def proposed_study(text: str | None) -> ProposedStudy | None:
    """The study that `--study` names, if it is given."""
    if text is None:
        return None
    from popsim.economics.information import ProposedStudy

    return ProposedStudy(*study_of(text))


def study_of(text: str) -> tuple[str, float, list[int]]:
    """Parameter, standard deviation and sizes of a study: "prices.ward=200:50/100" is "prices.ward", 200, [50, 100].

    Raises:
        InputError: the text has another form.
    """
    name, _, rest = text.partition("=")
    deviation, _, sizes = rest.partition(":")
    try:
        study = name.strip(), read_number(deviation), [read_whole(size) for size in sizes.split("/")]
        if study[1] > 0 and min(study[2]) > 0:
            return study
        raise ValueError
    except ValueError:
        raise InputError(f"command line: --study {text}: must be like nhs_prices.inpatient_day=200:50/100") from None


def groupings(text: str) -> tuple[list[str], dict[str, list[float]]]:
    """Columns and where to cut them: "female,age_years=65/75" is ["female", "age_years"], {"age_years": [65, 75]}.

    Raises:
        InputError: the text has another form.
    """
    names, cuts = [], {}
    for part in text.split(","):
        name, cut, ends = part.strip().partition("=")
        if cut:
            try:
                cuts[name] = [read_number(end) for end in ends.split("/")]
                if len(set(cuts[name])) < len(cuts[name]):
                    raise ValueError
            except ValueError:
                raise InputError(
                    f"command line: --by {part}: must be a column, or one with bands like age_years=65/75"
                ) from None
        names.append(name)
    once("--by", names)
    return names, cuts
