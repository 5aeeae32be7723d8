"""The value of data, as TOML files define it: which qualities of a strategy's data are varied, and how."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.experiment import Draws, EnrolmentDays, PopulationSize, Replications
from popsim.definitions.fields import AS_TUPLE, DefinitionPath, Identifier, Label, Text
from popsim.definitions.horizon import FollowUpDays
from popsim.definitions.search import Level, StrategyPath

MAX_VALUES = 16


class Axis(Definition):
    """One quality of the data (or of their use) that is varied while the others stay as in the strategy.

    Attributes:
        path: of the value in the strategies, as in a search.
        label: name in tables and plots, with its unit.
        values: to try, the best data first.
        strategies: those to vary; all of the file's when empty.
    """

    path: StrategyPath
    label: Label = ""
    values: Annotated[tuple[Level, ...], AS_TUPLE, Field(min_length=2, max_length=MAX_VALUES)]
    strategies: Annotated[tuple[Identifier, ...], AS_TUPLE] = ()

    @property
    def title(self) -> str:
        """The label, or the end of the path in words."""
        return self.label or self.path.rpartition(".")[2].replace("_", " ")

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({str(value) for value in self.values}) < len(self.values):
            raise ValueError(f"axes: the values of {self.path} must differ")
        return self


class DataValue(Definition):
    """How the value of some strategies depends on the quality of the data that they act on.

    Attributes:
        name: names the folder of results.
        experiment: its file, relative to this one.
        comparator: strategy of the experiment that acts on none of these data; the experiment's comparator when None.
        strategies: strategies whose data are varied.
        ceiling: strategy that knows the truth about each person, or None: its gain over the others is the value of
            perfect information about persons.
        axes: the qualities to vary, one at a time.
        individualise_by: columns at entry that could decide who gets which strategy, each on its own.
        population, draws, replications, follow_up_days, enrolment_days: the experiment's when None.
    """

    name: Identifier
    title: Label = ""
    description: Text = ""
    experiment: DefinitionPath
    comparator: Identifier | None = None
    strategies: Annotated[tuple[Identifier, ...], AS_TUPLE, Field(min_length=1, max_length=8)]
    ceiling: Identifier | None = None
    axes: Annotated[tuple[Axis, ...], AS_TUPLE, Field(min_length=1, max_length=16)]
    individualise_by: Annotated[tuple[Identifier, ...], AS_TUPLE, Field(max_length=8)] = ()
    population: PopulationSize | None = None
    draws: Draws | None = None
    replications: Replications | None = None
    follow_up_days: FollowUpDays | None = None
    enrolment_days: EnrolmentDays | None = None

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        names = [name for name in (self.comparator, *self.strategies, self.ceiling) if name is not None]
        paths = [axis.path for axis in self.axes]
        for kind, words in (("strategies", names), ("axes", paths)):
            twice = sorted({word for word in words if words.count(word) > 1})
            if twice:
                raise ValueError(f"{kind}: '{twice[0]}' is named twice (comparator and ceiling must be others)")
        for axis in self.axes:
            wrong = sorted({*axis.strategies} - {*self.strategies})
            if wrong:
                raise ValueError(f"axes.{axis.path}.strategies: '{wrong[0]}' is not among strategies")
        return self
