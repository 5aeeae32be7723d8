"""Policy searches in TOML files: the choices within a strategy, the budget, and the search effort."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.experiment import PopulationSize, Seed
from popsim.definitions.fields import AS_TUPLE, DefinitionPath, Identifier, Label, Text, real, whole
from popsim.definitions.interventions import Cost

MAX_CHOICES = 20
MAX_LEVELS = 10_000
MAX_TRIALS = 10_000
MAX_VALUE = 1e9
ROUNDING = 1e-9  # of a step
DECIMALS = 12  # of a value, so that 0.1 + 2 x 0.1 is 0.3

Level = bool | int | float | str
Number = Annotated[int | float, Field(ge=-MAX_VALUE, le=MAX_VALUE)]
Measure = Annotated[str, Field(min_length=1, max_length=120)]


def _checked_path(path: str) -> str:
    if not path or len(path) > 200 or not all(part.isidentifier() for part in path.split(".")):
        raise ValueError("must be keys of a strategy joined by dots, like telemonitoring.uptake")
    return path


StrategyPath = Annotated[str, AfterValidator(_checked_path)]


class Choice(Definition):
    """One choice: a number between two bounds in steps, or one of several options.

    Attributes:
        path: of the value in the strategy, keys joined by dots; items of lists by their name, setting or column
            (interventions.sensors.eligible.nt_probnp_pg_ml.at_least).
        label: name in tables.
        low, high, step: of a number; whole where the value must be whole.
        options: values of anything else.
        price: of one unit, once for every person of the cohort: added to the strategy's cost_per_person, for costs that
            the simulation does not charge itself (nurses who are on duty whether or not anybody calls).
    """

    path: StrategyPath
    label: Label = ""
    low: Number | None = None
    high: Number | None = None
    step: Number | None = None
    options: Annotated[tuple[Level, ...], AS_TUPLE, Field(max_length=MAX_LEVELS)] = ()
    price: Cost = 0.0

    @property
    def title(self) -> str:
        """The label, or the end of the path in words."""
        return self.label or self.path.rpartition(".")[2].replace("_", " ")

    @property
    def levels(self) -> tuple[Level, ...]:
        """Every possible value."""
        if self.options:
            return self.options
        assert self.low is not None and self.high is not None and self.step is not None  # as validated
        return tuple(round(self.low + self.step * place, DECIMALS) for place in range(self._steps + 1))

    @property
    def _steps(self) -> int:
        assert self.low is not None and self.high is not None and self.step is not None
        return math.floor((self.high - self.low) / self.step + ROUNDING)

    @model_validator(mode="after")
    def _numbers_or_options(self) -> Self:
        numbers = (self.low, self.high, self.step)
        if self.options:
            if any(number is not None for number in numbers):
                raise ValueError(f"the choice of {self.path} must have either options or low, high and step")
            if len({(type(one), one) for one in self.options}) < max(2, len(self.options)):
                raise ValueError(f"the choice of {self.path} must have two options or more, each its own")
            if self.price and any(isinstance(one, str | bool) for one in self.options):
                raise ValueError(f"the choice of {self.path}: only numbers have a price")
            return self
        if self.low is None or self.high is None or self.step is None:
            raise ValueError(f"the choice of {self.path} must have low, high and step, or options")
        if self.step <= 0.0 or self.high - self.low < self.step:
            raise ValueError(f"the choice of {self.path}: step must be above 0, and high at least a step above low")
        if self._steps >= MAX_LEVELS:
            raise ValueError(f"the choice of {self.path} has more than {MAX_LEVELS} values")
        return self


class Budget(Definition):
    """The maximum spending of a strategy.

    Attributes:
        measures: costs per person that count, added up (cost_telemonitoring, cost_programme, ...).
        most: maximum of their mean, in the experiment's currency.
    """

    measures: Annotated[tuple[Measure, ...], AS_TUPLE, Field(min_length=1, max_length=16)]
    most: Annotated[float, real(0.0, MAX_VALUE)]


class Search(Definition):
    """A search for the best variant of one strategy of an experiment.

    Attributes:
        name: names the folder of results.
        experiment: its file, relative to this one. Every variant is compared with its comparator; with parameter draws,
            each independent repetition is a draw, else a replication.
        strategy: the strategy to vary.
        choices: the values to choose.
        objective: maximise net_benefit or qalys, or minimise cost (cost_total) or readmissions (within 30 days of the
            discharge at entry).
        budget: its maximum spending, or None.
        population: twins in each replication; the experiment's when None.
        trials: variants to try.
        at_a_time: variants suggested before the results of any of them are known; another number is another search.
        replications: of every variant during the search.
        finalists: best variants that race on new replications; the current strategy is always one of them.
        race: maximum number of replications in the race, in which variants that are clearly behind drop out.
        judged: further independent replications, for the winner alone.
        seed: of the optimiser; people and random numbers use the experiment's.
    """

    name: Identifier
    title: Label = ""
    description: Text = ""
    experiment: DefinitionPath
    strategy: Identifier
    choices: Annotated[tuple[Choice, ...], AS_TUPLE, Field(min_length=1, max_length=MAX_CHOICES)]
    objective: Literal["net_benefit", "qalys", "cost", "readmissions"] = "net_benefit"
    budget: Budget | None = None
    population: PopulationSize | None = None
    trials: Annotated[int, whole(2, MAX_TRIALS)] = 40
    at_a_time: Annotated[int, whole(1, 64)] = 4
    replications: Annotated[int, whole(2, 1000)] = 4
    finalists: Annotated[int, whole(2, 32)] = 5
    race: Annotated[int, whole(2, 1000)] = 16
    judged: Annotated[int, whole(2, 1000)] = 16
    seed: Seed = 1

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        paths = [choice.path for choice in self.choices]
        twice = sorted({path for path in paths if paths.count(path) > 1})
        if twice:
            raise ValueError(f"choices: '{twice[0]}' is chosen twice")
        return self
