"""A test bench: a small copy of an experiment that is run repeatedly with changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import polars as pl

from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.network import NetworkDefinition
from popsim.definitions.strategy import Strategy
from popsim.evidence.draws import UncertainParameters
from popsim.population.population import Population
from popsim.studies.content import Tables
from popsim.studies.design import Study, Unit
from popsim.studies.unit import build, run_to_end, tables_of

PEOPLE = 240
MAX_DAYS = 365
MAX_ENROLMENT_DAYS = 60
IMMORTAL = dict.fromkeys(
    (
        "heart_failure.death_highest_per_day",
        "heart_failure.death_palliative_per_day",
        "vessels.infarction_dead_before_hospital",
        "vessels.infarction_early_death_per_day",
        "vessels.stroke_dead_before_hospital",
        "vessels.stroke_early_death",
    ),
    0.0,
)


class Observation:
    """The results of one run of one strategy.

    Attributes:
        unit: the simulated unit.
        population: twins at the end.
        start: baseline of the twins, before anything happened.
        tables: persons, daily, admissions, measures, events.
    """

    def __init__(self, unit: Unit, start: pl.DataFrame, population: Population, tables: Tables) -> None:
        self.unit, self.start, self.population = unit, start, population
        self.tables = {name: table.lazy().collect() for name, table in tables.items()}

    @property
    def persons(self) -> pl.DataFrame:
        """One row per person, ordered by person."""
        return self.tables["persons"].sort("person_id")

    @property
    def events(self) -> pl.DataFrame:
        """The event log, in its order."""
        return self.tables["events"]

    @property
    def daily(self) -> pl.DataFrame:
        """One row per day."""
        return self.tables["daily"]

    @property
    def admissions(self) -> pl.DataFrame:
        """One row per hospital stay."""
        return self.tables["admissions"]

    @cached_property
    def measures(self) -> dict[str, float]:
        """Value by name of measure; those without a value are left out."""
        rows = self.tables["measures"].select("measure", "value").drop_nulls().iter_rows()
        return dict(rows)

    def history(self) -> pl.DataFrame:
        """The health history of everybody: equal histories mean equal courses."""
        return self.persons.select(
            "person_id", "died", "death_day", "qaly", "life_days", "admissions", "bed_days", "ed_attendances", "visits",
            "hospital_days",
        )  # fmt: skip


class ModelBench:
    """Runs small variants of a study in this process, each only once.

    Args:
        study: the experiment; it is reduced to `people` and a year, without draws and regions.
        people: twins in each run.
    """

    def __init__(self, study: Study, people: int = PEOPLE) -> None:
        experiment = study.experiment
        self.full = study
        small = experiment.model_copy(
            update={
                "population": min(people, experiment.population),
                "replications": 1,
                "draws": 0,
                "regions": 1,
                "store": "events",
                "follow_up_days": min(MAX_DAYS, experiment.follow_up_days),
                "entry": "as_described",
                "run_in_days": 0,
                "enrolment_days": min(MAX_ENROLMENT_DAYS, experiment.enrolment_days),
            }
        )
        self.study = replace(study, experiment=small)
        self._seen: dict[str, Observation] = {}

    @property
    def experiment(self) -> ExperimentDefinition:
        """The small experiment."""
        return self.study.experiment

    def larger(self, times: int) -> ModelBench:
        """The same with more people (at most as many as the experiment has), to show rare events."""
        return ModelBench(self.full, times * self.experiment.population)

    @property
    def base(self) -> Strategy:
        """The comparator."""
        return self.strategy(self.experiment.reference)

    @property
    def others(self) -> tuple[Strategy, ...]:
        """Every other strategy."""
        return tuple(s for s in self.strategies if s.name != self.experiment.reference)

    @property
    def strategies(self) -> tuple[Strategy, ...]:
        """All strategies, with what they inherit."""
        return tuple(self.strategy(s.name) for s in self.experiment.strategies)

    def strategy(self, name: str) -> Strategy:
        """A strategy, with what it inherits."""
        return self.experiment.strategy(name)

    @property
    def uncertain(self) -> UncertainParameters:
        """The parameters that differ between draws."""
        assert isinstance(
            self.study.uncertain, UncertainParameters
        )  # otherwise the study is a design, not an experiment
        return self.study.uncertain

    @property
    def closed(self) -> NetworkDefinition:
        """The network without external patients."""
        return self.study.network.model_copy(update={"arrivals": (), "census": (), "warm_up_days": 0})

    def run(
        self,
        strategy: Strategy | None = None,
        parameters: Mapping[str, float] | None = None,
        network: NetworkDefinition | None = None,
        replication: int = 0,
        **experiment: Any,
    ) -> Observation:
        """Simulate one strategy (the comparator if None) with other parameters, network or experiment fields."""
        study = _with_values(self.study, parameters or {})
        fields = {**experiment, "store": "events"}
        study = replace(study, experiment=study.experiment.model_copy(update=fields), network=network or study.network)
        chosen = strategy or self.base
        unit = Unit(study, chosen, 0, replication, 0, "")
        key = repr((chosen.model_dump(), sorted((parameters or {}).items()), sorted(experiment.items()),
                    replication, None if network is None else network.table()))  # fmt: skip
        if key not in self._seen:
            self._seen[key] = self._simulated_unit(unit)
        return self._seen[key]

    def immortal(
        self, strategy: Strategy | None = None, parameters: Mapping[str, float] | None = None, **experiment: Any
    ) -> Observation:
        """As `run`, with every hazard of death 0 and complications of which nobody dies."""
        harmless = [one.model_copy(update={"fatality": 0.0}) for one in self.study.network.complications]
        network = self.study.network.model_copy(update={"complications": tuple(harmless)})
        return self.run(strategy, IMMORTAL | dict(parameters or {}), network, **experiment)

    @staticmethod
    def _simulated_unit(unit: Unit) -> Observation:
        model = build(unit)
        start = model.population.copy().frame()
        lives = run_to_end(model)
        return Observation(unit, start, lives.population, tables_of(lives, unit))

    def drawn(self, draws: int, strategies: Sequence[Strategy] = ()) -> pl.DataFrame:
        """Measures of strategies (all if none is named) over parameter draws 1 to `draws`, or in the base case."""
        frames = []
        for draw in range(1, draws + 1) if draws else (0,):
            for strategy in strategies or self.strategies:
                key = f"draw {draw} of {strategy!r}"
                if key not in self._seen:
                    self._seen[key] = self._simulated_unit(Unit(self.study, strategy, draw, 0, 0, ""))
                values = self._seen[key].tables["measures"].select("measure", "value")
                frames.append(values.with_columns(strategy=pl.lit(strategy.name), draw=draw, replication=0))
        return pl.concat(frames)

    def prices(self) -> dict[str, float]:
        """Every price (a parameter in the experiment's currency, in any set) by its dotted name."""
        return {
            f"{name}.{key}": values[key]
            for name, values in self.study.parameters.items()
            for key in values
            if values.of(key).unit.startswith((self.experiment.currency, "currency"))
        }

    def discounted(self, costs: float = 0.0, qalys: float = 0.0) -> dict[str, float]:
        """Discount rates per year, by their dotted names."""
        care = self.study.parameters.valuation.care
        return {f"{care}.discount_rate_costs": costs, f"{care}.discount_rate_qalys": qalys}

    def utilities(self) -> dict[str, float]:
        """Every utility (not the decrements) by its dotted name."""
        values = self.study.parameters.utilities
        return {f"{values.name}.{name}": values[name] for name in values if name.startswith("utility_")}

    def decrements(self) -> dict[str, float]:
        """Every decrement of utility, in hospital or of a lasting state, by its dotted name."""
        values = self.study.parameters.utilities
        losses = self.study.parameters["clinical_utilities"]
        return {f"{values.name}.{name}": values[name] for name in values if "decrement" in name} | {
            f"clinical_utilities.{name}": losses[name] for name in losses
        }


def _with_values(study: Study, values: Mapping[str, float]) -> Study:
    """The study with other values of some parameters, by dotted name."""
    return replace(study, parameters=study.parameters.with_values(values))
