"""The value of data about people: net benefit against data quality, and upper bounds for perfect data.

Every variant of a strategy (sensors with twice the error, readings two days late, ...) is a strategy of one run, so
that all share people and random numbers. The change from the current strategy is, per person, the most that better data
may cost (or the loss from worse data).

Two bounds come from the same people: a strategy that knows the truth about each person (the ceiling), and the best
strategy for each subgroup, learned on other replications than those that evaluate it (see economics/individual.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from popsim.analyses.contrast import NET_BENEFIT, Contrast, estimate
from popsim.analyses.policy_problem import with_experiment
from popsim.definitions.data_value import DataValue
from popsim.definitions.search import Level
from popsim.definitions.strategy import Strategy
from popsim.economics.individual import individualised_care
from popsim.errors import DefinitionError
from popsim.statistics import Estimate
from popsim.studies.design import Change, Study, read_study
from popsim.studies.strategy_values import value_at, with_values

if TYPE_CHECKING:
    from popsim.runs.runner import RunResult

MAX_NAME_LENGTH = 30  # characters of a strategy's name that a variant's begins with

type Run = Callable[[Study], RunResult]


class Point(NamedTuple):
    """A variant of a strategy: one quality of its data at one value.

    Attributes:
        name: of the strategy in the run.
        axis: index of the quality among the axes.
        of: the strategy that is varied.
        value: of the quality.
        own: whether this is the current strategy.
    """

    name: str
    axis: int
    of: str
    value: Level
    own: bool


@dataclass(frozen=True, slots=True)
class DataQuestion:
    """A data-value file with everything that it names read and checked.

    Attributes:
        definition: the file.
        study: of the experiment, with all variants as its strategies.
        points: of all curves, in the order of the axes.
    """

    definition: DataValue
    study: Study
    points: tuple[Point, ...]

    @property
    def titles(self) -> dict[str, str]:
        """Titles of the strategies of the experiment, by name."""
        return {strategy.name: strategy.title for strategy in self.study.experiment.strategies}


class DataValueResult(NamedTuple):
    """The result; net benefit is per person, intervals are 95% over replications (or parameter draws).

    Attributes:
        curve: axis (title), path, strategy, value (as text), own, net_benefit, low, high (over the comparator), change,
            change_low, change_high (over the current strategy, paired; 0 for itself), replications.
        bounds: known (what would be known), strategy (the comparison), value, low, high: for perfect information about
            persons, and for individualised care by each column.
    """

    curve: pl.DataFrame
    bounds: pl.DataFrame


def read_question(path: Path | str, changes: Mapping[str, Change] | None = None) -> DataQuestion:
    """Read a data-value file and its experiment, and check that they fit together.

    Args:
        path: the file.
        changes: values that replace the file's and the experiment's, as for `read_study`.

    Raises:
        DefinitionError: a file is refused, or an axis names a value that a strategy does not have.
    """
    file = Path(path)
    definition = DataValue.read(file)
    keys = ("population", "draws", "replications", "follow_up_days", "enrolment_days")
    own = {key: Change(key, value) for key in keys if (value := getattr(definition, key)) is not None}
    study = read_study(file.parent / definition.experiment, own | dict(changes or {}))
    experiment = study.experiment
    comparator = definition.comparator or experiment.reference
    known = [strategy.name for strategy in experiment.strategies]
    asked = [comparator, *definition.strategies, *([definition.ceiling] if definition.ceiling else [])]
    for name in asked:
        if name not in known:
            raise DefinitionError(file, "strategies", name, known=known)
    strategies = {name: experiment.strategy(name) for name in asked}
    points = []
    for number, axis in enumerate(definition.axes):
        for name in axis.strategies or definition.strategies:
            own = value_at(strategies[name], axis.path, file, "axes")
            for index, value in enumerate(axis.values):
                point = Point(f"{name[:MAX_NAME_LENGTH]}_{number}_{index}", number, name, value, value == own)
                points.append(point._replace(name=name) if point.own else point)
                if not point.own:
                    varied = with_values(strategies[name], {axis.path: value}, file, "axes")
                    strategies[point.name] = _named(varied, point.name, f"{axis.title}: {value}")
    update = {"strategies": tuple(strategies.values()), "comparator": comparator, "scenarios": (), "store": "persons"}
    return DataQuestion(definition, with_experiment(study, experiment.model_copy(update=update)), tuple(points))


def data_value(question: DataQuestion, run: Run) -> DataValueResult:
    """Run all variants, and compute the value of their data.

    Raises:
        InputError: persons do not have a column of `individualise_by`.
        RunError: simulations failed.
    """
    result = run(question.study)
    measures = pl.read_parquet(result.folder / "measures.parquet").with_columns(pl.col("strategy").cast(pl.String))
    persons = pl.scan_parquet(result.folder / "persons.parquet")
    return DataValueResult(_curve(question, measures), _bounds(question, measures, persons))


def _curve(question: DataQuestion, measures: pl.DataFrame) -> pl.DataFrame:
    rows = []
    for point in question.points:
        axis = question.definition.axes[point.axis]
        gain = _net_benefit(question, measures, point.name, question.study.experiment.reference)
        change = Estimate(0.0, 0.0) if point.own else _net_benefit(question, measures, point.name, point.of)
        both = (one for found in (gain, change) for one in (found.value, found.low, found.high))
        rows.append((axis.title, axis.path, point.of, str(point.value), point.own, *both, gain.sample))
    columns = [
        "axis", "path", "strategy", "value", "own", "net_benefit", "low", "high", "change", "change_low", "change_high",
        "replications",
    ]  # fmt: skip
    return pl.DataFrame(rows, columns, orient="row").with_columns(pl.col(pl.Float64).fill_nan(None))


def _bounds(question: DataQuestion, measures: pl.DataFrame, persons: pl.LazyFrame) -> pl.DataFrame:
    """The gain from perfect information about persons, and from care by subgroup."""
    definition, experiment = question.definition, question.study.experiment
    rows: list[tuple[str, str, float | None, float | None, float | None]] = []
    if definition.ceiling:
        for name in definition.strategies:
            gain = _net_benefit(question, measures, definition.ceiling, name)
            rows.append(("the truth about each person", name, gain.value, gain.low, gain.high))
    if definition.individualise_by:
        named = [experiment.reference, *definition.strategies]
        some = persons.filter(pl.col("strategy").cast(pl.String).is_in(named))
        foresight: tuple[str, str, float | None, float | None, float | None] | None = None
        for column in definition.individualise_by:
            care = individualised_care(some, experiment.reference, experiment.willingness_to_pay, [column])
            for row in care.value.iter_rows(named=True):
                found = (row["policy"], "best for everybody", row["mean"], row["low"], row["high"])
                if row["policy"].startswith("best strategy"):
                    rows.append(found)
                else:
                    foresight = found
        rows += [foresight] if foresight else []
    return pl.DataFrame(
        rows,
        {"known": pl.String, "strategy": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64},
        orient="row",
    ).with_columns(pl.col(pl.Float64).fill_nan(None))


def _net_benefit(question: DataQuestion, measures: pl.DataFrame, strategy: str, other: str) -> Estimate:
    """Net benefit of one strategy over another, paired."""
    experiment = question.study.experiment
    values = Contrast(strategy, other, NET_BENEFIT, experiment.willingness_to_pay).values(measures)
    if experiment.draws:  # replications of a draw share its parameters: draws are the independent units
        values = values.group_by("draw", maintain_order=True).agg(pl.col("value").mean())
    return estimate(values["value"])


def _named(strategy: Strategy, name: str, label: str) -> Strategy:
    return strategy.model_copy(update={"name": name, "label": label[:80]})
