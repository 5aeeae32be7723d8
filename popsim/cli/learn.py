"""popsim learn: train and evaluate a risk model, on a simulation or on a table."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from popsim.cli.options import ENGINE, StudyOptions, changes, prints_tables, study_options, whole
from popsim.errors import InputError, did_you_mean
from popsim.plurals import counted

if TYPE_CHECKING:
    from popsim.definitions.experiment import ExperimentDefinition
    from popsim.learning.evaluation import Evaluation
    from popsim.runs.engine import Engine
    from popsim.studies.design import Study, Unit

MAX_HORIZON = 365  # days


@prints_tables
@study_options("population", "replications", "seed", "days", "enrolment_days", *ENGINE, "out")
def learn(
    options: StudyOptions,
    experiment: Annotated[
        Path | None, typer.Argument(metavar="EXPERIMENT", help="A TOML file; or use --table.")
    ] = None,
    table: Annotated[Path | None, typer.Option(help="Learn from this CSV or Parquet table instead.")] = None,
    outcome: Annotated[
        str,
        typer.Option(help="admission, hf_admission, hf_presentation or death; with --table: a column."),
    ] = "admission",
    strategy: Annotated[str, typer.Option(help="Strategy of the experiment; by default the comparator.")] = "",
    horizon: Annotated[int, whole("Days within which the outcome counts.")] = 30,
    every: Annotated[int | None, whole("Days between landmarks; by default one after each discharge.")] = None,
    person: Annotated[str, typer.Option(help="With --table: column that identifies the person.")] = "",
    day: Annotated[
        str, typer.Option(help="With --table: column with the day of the landmark, for a split by time.")
    ] = "",
    by: Annotated[str, typer.Option(help="With --table: columns that define subgroups, separated by commas.")] = "",
    model: Annotated[Path | None, typer.Option(help="Folder for the fitted model and its table.")] = None,
) -> None:
    """Train a risk model and evaluate it on other people at later times, by subgroup and against LACE.

    For research, not for care.
    """
    if (experiment is None) == (table is None):
        raise InputError("popsim learn: name an experiment, or --table FILE")
    if not 1 <= horizon <= MAX_HORIZON:
        raise InputError(f"command line: --horizon = {horizon}: must be between 1 and {MAX_HORIZON}")
    if every is not None and every < 1:
        raise InputError(f"command line: --every = {every}: must be 1 or more")
    from popsim.learning.card import card, write_card
    from popsim.reporting.text.learning import evaluation_text
    from popsim.studies.content import code_hash

    notes: tuple[str, ...] = ()
    if table is not None:
        found, source, notes = _from_table(table, outcome, person, day, by, horizon)
        name = table.stem
    else:
        from popsim.studies.design import read_study

        flags = changes(replications=1) | options.changes() | changes(draws=0, regions=1)
        study = read_study(Path(str(experiment)), flags)
        units = _units(study, strategy)
        found, source = _from_model(units, options.engine(study, len(units)), outcome, horizon, every)
        name = f"{study.experiment.name}_{units[0].strategy.name}"
    folder = options.out / "learn" / f"{name}_{outcome}"
    title = f"Risk of '{outcome}': {name}"
    write_card({**card(found, title, source, [*notes, *_scored(found)]), "code": code_hash()}, folder)
    if model is not None:
        found.model.save(model)
    print(evaluation_text(found, title, notes))
    print(folder / "model_card.md")


def _units(study: Study, strategy: str) -> list[Unit]:
    """The units to simulate: the replications of the strategy."""
    names = [one.name for one in study.experiment.strategies]
    wanted = strategy or study.experiment.reference
    if wanted not in names:
        raise InputError(f"command line: --strategy = '{wanted}': {did_you_mean(wanted, names)}")
    return [unit for unit in study.units if unit.strategy.name == wanted]


def _from_model(
    units: list[Unit], engine: Engine, outcome: str, horizon: int, every: int | None
) -> tuple[Evaluation, dict[str, str]]:
    """Simulate, collect landmarks and evaluate."""
    from popsim.analyses.landmarks import collect_units
    from popsim.definitions.horizon import horizon_in_words
    from popsim.learning.evaluation import evaluate
    from popsim.learning.features import OUTCOMES
    from popsim.learning.performance import subgroups

    if outcome not in OUTCOMES:
        raise InputError(f"command line: --outcome = '{outcome}': {did_you_mean(outcome, OUTCOMES)}")
    study, strategy = units[0].study, units[0].strategy.name
    experiment, learning = study.experiment, study.parameters_of(0)["learning"]
    refuse_too_few_days(experiment, horizon, every, learning["training_share"])
    frame = collect_units(units, horizon, every, engine)
    replications = f"{counted(len(units), 'replication')}, " if len(units) > 1 else ""
    source = {
        "Simulation": f"{experiment.population:,} twins of {experiment.name}, strategy {strategy}, "
        f"{replications}{horizon_in_words(experiment)}, seed {experiment.seed}",
        "Landmarks": "the morning after each discharge" if every is None else f"everybody at home, every {every} days",
        "Outcome": f"{outcome} within {horizon} days of the landmark",
        "What is predicted from": "what care observes: diagnoses, doses, the event log, readings with their errors; "
        "deprivation and ethnicity are audited, not predicted from",
    }
    scores = {"LACE": "score_lace"}
    return evaluate(frame, outcome, subgroups(frame), horizon_days=horizon, scores=scores, parameters=learning), source


def refuse_too_few_days(experiment: ExperimentDefinition, horizon: int, every: int | None, share: float) -> None:
    """Refuse a horizon that leaves no landmark to learn from: its outcome must be known before the test begins.

    Args:
        experiment: to be simulated.
        horizon: days within which the outcome counts.
        every: days between landmarks; None: one after each discharge.
        share: of the landmarks' time that is for learning.

    Raises:
        InputError: it does; the message says which horizon and which days would do if landmarks were even over time.
    """
    days = experiment.enrolment_days + experiment.follow_up_days
    first, last = every or 1, days - horizon
    is_one_day = every is not None and first <= last < 2 * every  # then people alone are kept apart
    if is_one_day or last >= first + horizon:
        return
    enough = horizon + math.ceil((first + horizon) / share) - experiment.enrolment_days
    shorter = math.floor((share * days - first) / (1.0 + share))
    advice = f"--days must be {enough} or more" + (f", or --horizon {shorter} or less" if shorter >= 1 else "")
    raise InputError(
        f"command line: --horizon = {horizon}: leaves no landmark to learn from in {days} simulated days, because the "
        f"{horizon} days of those for learning end before the test begins: {advice}"
    )


def _from_table(
    path: Path, outcome: str, person: str, day: str, by: str, horizon: int
) -> tuple[Evaluation, dict[str, str], tuple[str, ...]]:
    """Read a user's table and evaluate."""
    from popsim.evidence.sets import SHIPPED
    from popsim.learning.evaluation import evaluate
    from popsim.learning.table import read_table

    asked = [name.strip() for name in by.split(",") if name.strip()]
    read = read_table(path, outcome, person=person or None, day=day or None, by=asked)
    learning = SHIPPED["learning"]
    found = evaluate(
        read.frame, outcome, read.groups, horizon_days=horizon, features=read.features, parameters=learning
    )
    split = "person and time" if day else "person"
    return found, {"Table": f"{path.name}, {len(read.frame):,} rows", "Split": f"by {split}"}, read.notes


def _scored(found: Evaluation) -> list[str]:
    """A caveat on the score that the model is compared with."""
    if not found.against:
        return []
    return ["LACE is computed from the twins' true record; it was made for the day of discharge."]
