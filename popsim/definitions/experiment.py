"""Experiments: which cohort, network, strategies, sizes and economics make one study, as a TOML file says it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from popsim.definitions.base import Definition, read
from popsim.definitions.fields import AS_TUPLE, Identifier, Label, Text, real, whole
from popsim.definitions.parameter import ParameterEntry
from popsim.definitions.strategy import Strategy, resolved
from popsim.definitions.uncertainty import ParameterGroups
from popsim.errors import did_you_mean

LARGEST_POPULATION = 20_000_000
MOST_REPLICATIONS = 10_000
MOST_DRAWS = 9_999
MOST_REGIONS = 42  # with the two above, every unit has its own word of the random key
LARGEST_SEED = 2**32 - 1  # one word of the random key
LONGEST_FOLLOW_UP_DAYS = 3653
LONGEST_PATH = 1024


def _checked_path(path: str) -> str:
    """Paths of other definitions; they are only ever read, so `..` and absolute paths are fine."""
    if not path.endswith(".toml") or len(path) > LONGEST_PATH or not path.isprintable():
        raise ValueError(f"must be the path of a .toml file, at most {LONGEST_PATH} printable characters")
    return path


def _checked_currency(code: str) -> str:
    if len(code) != 3 or not (code.isascii() and code.isalpha() and code.isupper()):
        raise ValueError("must be a code of three capital letters, like GBP")
    return code


def _flattened(table: Any) -> Any:
    """Nested tables as dotted names: TOML reads an unquoted `a.b = 1` as `{a: {b: 1}}`. Tables of a parameter stay."""
    if not isinstance(table, Mapping):
        return table
    flat: dict[str, Any] = {}
    for key, value in table.items():
        entry = not isinstance(value, Mapping) or {"value", "uncertainty"} & {*value}
        flat |= {key: value} if entry else {f"{key}.{name}": v for name, v in _flattened(value).items()}
    return flat


Rate = Annotated[float, real(0.0, 1.0)]
Perspective = Literal["payer", "health_system", "societal", "patient"]
DefinitionPath = Annotated[str, AfterValidator(_checked_path)]
PopulationSize = Annotated[int, whole(1, LARGEST_POPULATION)]
Replications = Annotated[int, whole(1, MOST_REPLICATIONS)]
Draws = Annotated[int, whole(0, MOST_DRAWS)]
Regions = Annotated[int, whole(1, MOST_REGIONS)]
Seed = Annotated[int, whole(0, LARGEST_SEED)]
FollowUpDays = Annotated[int, whole(1, LONGEST_FOLLOW_UP_DAYS)]
EnrolmentDays = Annotated[int, whole(0, LONGEST_FOLLOW_UP_DAYS)]


class Cheers(Definition):
    """What a reader must know about the study, under the headings of CHEERS 2022 that a file can answer in words."""

    question: Text = ""
    population: Text = ""
    setting: Text = ""
    comparators: Text = ""
    perspective: Text = ""
    time_horizon: Text = ""
    discount_rate: Text = ""
    outcomes: Text = ""
    valuation: Text = ""
    currency: Text = ""
    rationale: Text = ""
    assumptions: Text = ""
    limitations: Text = ""


class Experiment(Definition):
    """A study: the same simulated people under each strategy, several times.

    Attributes:
        name: names the folder of results.
        cohort, network: definition files, relative to the experiment's file.
        strategies: what is compared, as the file says it; `strategy(name)` has what one inherits.
        comparator: name of the strategy that the others are compared with; the first one when empty.
        population: twins per replication, in all regions together.
        regions: catchments of equal size that share nothing; each has the whole network, scaled to its people.
        draws: parameter draws; 0: every parameter at its own value.
        replications: independent repetitions (of every draw), each with its own people and random numbers, shared by
            the strategies.
        seed: first word of the random key.
        follow_up_days: from each twin's entry.
        enrolment_days: entries are spread over the first so many days.
        perspective: whose costs `cost_total` counts (economics/perspectives.py).
        currency, price_year: what the price set is expressed in.
        discount_rate_costs, discount_rate_qalys: a year, from entry; as the price set says when absent.
        willingness_to_pay: currency per QALY, for net monetary benefit.
        parameters: values that replace those of the parameter sets, by "set.parameter": a number is known for certain,
            a table says value, uncertainty or both.
        parameter_groups: parameters that are uncertain together; a group of a set that shares one of them gives way.
        store: what is kept of every unit: "measures" alone, also "persons" (with admissions and days), also "events".
    """

    name: Identifier
    title: Label = ""
    description: Text = ""
    cohort: DefinitionPath
    network: DefinitionPath
    strategies: Annotated[tuple[Strategy, ...], AS_TUPLE, Field(min_length=1, max_length=64)]
    comparator: str = ""
    population: PopulationSize = 10_000
    regions: Regions = 1
    draws: Draws = 0
    replications: Replications = 10
    seed: Seed = 1
    follow_up_days: FollowUpDays = 365
    enrolment_days: EnrolmentDays = 0
    perspective: Perspective = "health_system"
    currency: Annotated[str, AfterValidator(_checked_currency)] = "GBP"
    price_year: Annotated[int, whole(1950, 2100)] = 2012
    discount_rate_costs: Rate | None = None
    discount_rate_qalys: Rate | None = None
    willingness_to_pay: Annotated[float, real(0.0, 1e9)] = 20_000.0
    parameters: Annotated[dict[str, ParameterEntry], BeforeValidator(_flattened)] = Field(default_factory=dict)
    parameter_groups: ParameterGroups = ()
    store: Literal["measures", "persons", "events"] = "events"
    cheers: Cheers = Cheers()

    @model_validator(mode="after")
    def _strategies_fit_together(self) -> Self:
        names = [strategy.name for strategy in self.strategies]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"strategies: the name '{name}' is used twice, each must be its own")
        if self.comparator and self.comparator not in names:
            raise ValueError(f"comparator = '{self.comparator}': {did_you_mean(self.comparator, names)}")
        for strategy in self.strategies:
            resolved(strategy, self.strategies)
        return self

    @property
    def reference(self) -> str:
        """Name of the comparator."""
        return self.comparator or self.strategies[0].name

    def strategy(self, name: str) -> Strategy:
        """The strategy of that name, with all that it inherits."""
        return resolved(next(strategy for strategy in self.strategies if strategy.name == name), self.strategies)


def read_experiment(path: Path | str) -> Experiment:
    """Read an experiment file.

    Raises:
        DefinitionError: the file or what it says is refused.
    """
    return read(path, Experiment)
