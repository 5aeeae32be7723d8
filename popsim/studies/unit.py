"""One unit of a run: people are sampled, simulated through their follow-up under one strategy, and measured."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.care.entrance import Entrance
from popsim.care.network import CareNetwork
from popsim.care.signals import Signals
from popsim.definitions.network import SettingDefinition
from popsim.economics.disability import STANDARD_LIFE_TABLE
from popsim.economics.interim import InterimTotals
from popsim.economics.outcome_valuation import outcome_values, value_measures
from popsim.evidence.sets import INTERVENTION_SET
from popsim.kernels.care.records import UNLIMITED
from popsim.kernels.codes import ALERT, ARRIVE, DEATH, EARLY, END, ENTER, ENTERED_AT_HOME, PRESENT, START, VISIT
from popsim.outcomes.alerts import alert_measures
from popsim.outcomes.baseline import at_entry, baseline
from popsim.outcomes.clinical import clinical_start, with_clinical
from popsim.outcomes.discharges import discharges
from popsim.outcomes.follow_up import follow_up
from popsim.outcomes.home_time import INSTITUTIONS
from popsim.outcomes.kidney_events import EVERY_DAYS as KIDNEY_EVERY_DAYS
from popsim.outcomes.kidney_events import KidneyEvents
from popsim.outcomes.measures import measures, waiting
from popsim.outcomes.occupancy import PLACES, occupancy
from popsim.outcomes.persons import persons
from popsim.outcomes.presentations import presentations
from popsim.outcomes.readmission import stays, with_index_stay
from popsim.outcomes.urgent_visits import index_destinations, urgent_visits
from popsim.population.cohort import CohortSource
from popsim.population.columns import Schema
from popsim.population.event_log import EventLog
from popsim.population.life_table import LifeTable
from popsim.population.population import Population
from popsim.population.sampling import sample
from popsim.population.state import NamedArrays, State, within
from popsim.simulation.model import PopulationModel
from popsim.studies.columns import needed_schema
from popsim.studies.content import Tables
from popsim.studies.design import Unit
from popsim.studies.extrapolation import DiscountRates, interim_day, with_later_part
from popsim.studies.intervention_parameters import with_parameters
from popsim.studies.measures import absent_measures, guided_centres
from popsim.studies.parameters import discount_steps
from popsim.studies.past import with_a_past
from popsim.studies.recruitment import recruit

MEASURED_EVENTS = (ENTER, ARRIVE, START, END, VISIT, DEATH, EARLY, PRESENT)  # what the outcome measures read
EVENTS_AT_ONCE = 1 << 21  # events that are written from memory, some 100 MB; more of them in pieces
WARM_UP_POPULATION = 64
WARM_UP_DAYS = 3
WATCHED_DAYS = 10  # between two looks of who watches a unit

type Watch = Callable[[Unit, Simulation], None]


def simulate(unit: Unit, state: State | None = None, watch: Watch | None = None) -> Tables:
    """Simulate one strategy in one region of one replication of one draw.

    Args:
        unit: of the study.
        state: from which it goes on; from its first day when None.
        watch: called every few days with the simulation, which it must not change.

    Returns:
        persons (a row for each person), daily (a row for each day), admissions (a row for each stay in hospital),
        urgent_visits (a row for each emergency visit without admission), measures (measure, value, weight) and events,
        as far as the experiment stores them; each begins with strategy, draw, replication and region.
    """
    gc.freeze()  # so that the search for what the model leaves behind passes over what was there before it
    try:
        simulation = begun(unit) if state is None else resumed(unit, state)
        if watch is not None:
            for day in range(simulation.model.clock.day + WATCHED_DAYS, simulation.model.days, WATCHED_DAYS):
                simulation.run_until(day)
                watch(unit, simulation)
        simulation.run_until(simulation.model.days)
        output = simulation.output()
        del simulation
        tables = tables_of(output, unit)
    finally:
        gc.unfreeze()
    return {name: _labelled(table, unit) for name, table in tables.items()}


def simulate_until(unit: Unit, day: int) -> State:
    """Simulate a unit until the morning of a day; every column is kept, whichever strategy goes on."""
    simulation = begun(unit, unit.study.schema)
    simulation.run_until(day)
    return State.of(simulation.state())


class SimulationOutput(NamedTuple):
    """The output of a simulated model: all that is measured, without the memory of the network and the agents."""

    population: Population
    events: EventLog
    at_entry: pl.DataFrame
    clinical: pl.DataFrame
    kidney: pl.DataFrame
    daily: pl.DataFrame
    spending: pl.DataFrame
    settings: tuple[SettingDefinition, ...]
    interim: pl.DataFrame | None


class Simulation:
    """A model, and what is measured of its people on the way.

    Args:
        model: on its first day.
        entry_columns: columns that are kept as they are at entry, beside the baseline.
        interim_day: since entry, at which totals are kept.
        to_death: end early when everybody is dead.
    """

    def __init__(
        self,
        model: PopulationModel,
        entry_columns: Sequence[str] = (),
        *,
        interim_day: int | None = None,
        to_death: bool = False,
    ) -> None:
        self.model, people, self._to_death = model, model.population, to_death
        look = partial(Signals(people.schema, key=model.key).look, people, 0)
        self._before = at_entry(people, entry_columns, lambda name: look(name, slice(None)))
        self._clinical, self._kidney = clinical_start(people), KidneyEvents(people)
        self._interim = None if interim_day is None else InterimTotals(people, interim_day)

    def run_until(self, day: int) -> None:
        """Simulate until the morning of a day."""
        model, interim = self.model, self._interim
        measured = {*range(KIDNEY_EVERY_DAYS, model.days, KIDNEY_EVERY_DAYS), model.days}
        for stop in sorted(measured | (interim.due if interim else set()) | {day}):
            if not model.clock.day < stop <= day or (self._to_death and not model.running):
                continue
            model.run_for(stop - model.clock.day)
            if stop in measured:
                self._kidney.measure(model.population, stop)
            if interim:
                interim.copy(stop)

    def output(self) -> SimulationOutput:
        """What was measured, once the simulation has ended."""
        model, interim = self.model, self._interim
        daily = model.daily_frame()
        limited = limited_capacities(model.care.capacity[: len(daily)], model.network)
        daily = daily.with_columns(**{f"{PLACES}{name}": places.astype(np.int32) for name, places in limited.items()})
        measured = (self._before, self._clinical, self._kidney.frame(), daily, model.valuation.spending())
        totals = interim.frame() if interim else None
        return SimulationOutput(model.population, model.events, *measured, model.network.settings, totals)

    def state(self) -> NamedArrays:
        """Everything to go on from."""
        entry = {name: column.to_numpy() for name, column in self._at_entry.items()}
        kept = within("model", self.model.state()) | within("kidney", self._kidney.state()) | within("entry", entry)
        return kept | within("interim", self._interim.state() if self._interim else {})

    def restore(self, state: State) -> None:
        """Go on from a state.

        Raises:
            InputError: the state is of another simulation, or it is damaged.
        """
        self.model.restore(state.part("model"))
        self._kidney.restore(state.part("kidney"))
        if self._interim:
            self._interim.restore(state.part("interim"))
        entry, twins = state.part("entry"), (len(self.model.population),)
        kept = [pl.Series(name, entry.take(name, one.to_numpy().dtype, twins)) for name, one in self._at_entry.items()]
        self._before, self._clinical = (
            frame.with_columns([one for one in kept if one.name in frame.columns])
            for frame in (self._before, self._clinical)
        )

    @property
    def _at_entry(self) -> dict[str, pl.Series]:
        """Every column kept from the first morning."""
        return {one.name: one for frame in (self._before, self._clinical) for one in frame if one.name != "person_id"}


def begun(unit: Unit, schema: Schema | None = None) -> Simulation:
    """The simulation of a unit on its first day; `schema` as for `build`."""
    return _simulation(unit, build(unit, schema=schema))


def resumed(unit: Unit, state: State) -> Simulation:
    """The simulation of a unit that goes on from a state.

    Raises:
        InputError: the state is of another unit, or it is damaged.
    """
    stored = state.part("model").part("people")
    people = Population(needed_schema(unit.study, unit.strategy), stored.take("person_id", np.int64, (None,)))
    people.restore(stored)
    lived = Entrance(ENTERED_AT_HOME, np.zeros(len(people), np.int8))  # nothing of them is initialised
    simulation = _simulation(unit, _model(unit, people, lived))
    simulation.restore(state)
    return simulation


def _simulation(unit: Unit, model: PopulationModel) -> Simulation:
    experiment = unit.study.experiment
    return Simulation(
        model,
        experiment.entry_columns,
        interim_day=interim_day(experiment),
        to_death=experiment.follow_up is not None,
    )


def run_to_end(model: PopulationModel, entry_columns: Sequence[str] = ()) -> SimulationOutput:
    """Simulate a model to its end, and keep some columns of its people at entry beside the baseline."""
    simulation = Simulation(model, entry_columns)
    simulation.run_until(model.days)
    return simulation.output()


def limited_capacities(capacity: NDArray[np.int64], network: CareNetwork) -> dict[str, NDArray[np.int64]]:
    """Capacity on each day, of the settings with a limited one.

    Args:
        capacity: (days, settings), `CareSystem.capacity`.
        network: its settings in their order.
    """
    limited = (capacity < UNLIMITED).all(axis=0)
    return {setting.name: capacity[:, i] for i, setting in enumerate(network.settings) if limited[i]}


def tables_of(output: SimulationOutput, unit: Unit) -> Tables:
    """The results of one simulation of the model."""
    gc.collect()  # the model is large and has circular references
    population, log, before, clinical, kidney, daily, spending, settings, interim = output
    centres = guided_centres(unit.study.experiment)
    events = log.frame(kinds=(*MEASURED_EVENTS, *((ALERT,) if centres else ())))
    classes = {setting.name: setting.setting_class for setting in settings}
    days = unit.study.experiment.follow_up_days
    people = follow_up(events, population.person_id, population["entry_day"], days)
    who = baseline(population, before)
    waited = waiting(events, classes, who)  # first, because its sorting needs most memory
    admissions = stays(events, classes)
    elsewhere = stays(events, classes, INSTITUTIONS)
    after = discharges(admissions, people, unit.study.experiment.index_causes)
    prices = unit.study.parameters_of(unit.draw).care_prices
    rate = prices["discount_rate_qalys"]
    of_costs, of_health = discount_steps(unit.study.experiment)
    totals = outcome_values(population.frame(), people, unit.study.experiment.perspective, rate, of_health)
    if interim is not None:
        rates = DiscountRates((prices["discount_rate_costs"], of_costs), (rate, of_health))
        general = unit.study.cohort.life_table or LifeTable.read(STANDARD_LIFE_TABLE)
        twins = pl.DataFrame({name: population[name] for name in ("age_years", "female")})
        totals = with_later_part(totals, interim, people, twins, unit.study.experiment, general, rates)
    table = persons(events, admissions, people, classes, totals, who, after, elsewhere)
    table = with_clinical(table, population, clinical)
    for part in (kidney, index_destinations(events, classes)):
        table = table.join(part, on="person_id", how="left", maintain_order="left")
    urgent = urgent_visits(events, classes)
    absent = absent_measures(unit.study.experiment)
    presented = [presentations(events, people).filter(~pl.col("measure").is_in(absent))]
    if centres:
        presented.append(alert_measures(events, people, centres, len(daily)))
    del events, who
    values = [
        measures(admissions, people, table, after, elsewhere),
        waited,
        value_measures(table, spending),
        occupancy(daily, settings),
        *presented,
    ]
    tables: dict[str, pl.DataFrame | pl.LazyFrame] = {"measures": pl.concat(values)}
    if unit.study.experiment.store != "measures":
        admitted = with_index_stay(admissions, people)
        tables |= {"persons": table, "daily": daily, "admissions": admitted, "urgent_visits": urgent}
    if unit.study.experiment.store == "events":
        tables |= {"events": log.frame() if len(log) <= EVENTS_AT_ONCE else log.lazy()}
    return tables


def _labelled(table: pl.DataFrame | pl.LazyFrame, unit: Unit) -> pl.DataFrame | pl.LazyFrame:
    """The table with columns that identify the unit, so that tables of many units can be concatenated."""
    strategy = pl.lit(unit.strategy.name).alias("strategy")  # not an enum: other runs share the unit
    place = {"draw": unit.draw, "replication": unit.replication, "region": unit.region}
    return table.select(strategy, *(pl.lit(number, pl.Int32).alias(name) for name, number in place.items()), pl.all())


def build(unit: Unit, population: int | None = None, schema: Schema | None = None) -> PopulationModel:
    """The model at its start; `population` replaces the experiment's size, `schema` the columns that the unit needs."""
    study, experiment = unit.study, unit.study.experiment
    schema = schema or needed_schema(study, unit.strategy)
    size = study.region_size(unit.region) if population is None else population
    parameters = study.parameters_of(unit.draw)
    cohort = _cohort(unit)
    who, entrance = (cohort, schema), None
    if experiment.entry != "as_described":
        place = (unit.draw, unit.replication, unit.region)
        people, entrance = with_a_past(study, parameters, cohort, size, place, unit.random_key, schema)
    elif experiment.trial is None:
        people = sample(*who, size, unit.random_key, experiment.enrolment_days)
    else:
        people = recruit(
            experiment.trial, *who, study.build_physiology(parameters, unit.random_key), size, unit.random_key
        )
    return _model(unit, people, entrance)


def _model(unit: Unit, people: Population, entrance: Entrance | None) -> PopulationModel:
    """The model of these people under a unit's strategy."""
    study, experiment = unit.study, unit.study.experiment
    parameters = study.parameters_of(unit.draw)
    return PopulationModel(
        people,
        CareNetwork(study.network, study.schema.columns, study.file),
        with_parameters(unit.strategy, parameters[INTERVENTION_SET]),
        seed=unit.random_key,
        follow_up_days=experiment.follow_up_days,
        enrolment_days=experiment.enrolment_days,
        parameters=parameters,
        environment_series=study.environment_series,
        utility_norms=study.utility_norms,
        organ_systems=study.organ_systems,
        cohort=_cohort(unit),
        entrance=entrance,
        discount_steps=discount_steps(experiment),
    )


def _cohort(unit: Unit) -> CohortSource:
    """The cohort with the parameters of the unit's draw."""
    parameters = unit.study.parameters_of(unit.draw)
    same = unit.study.cohort.parameters is parameters
    return unit.study.cohort if same else replace(unit.study.cohort, parameters=parameters)


def warm_up(units: Sequence[Unit], population: int | None = WARM_UP_POPULATION) -> None:
    """Compile every kernel that the units will use, so that worker processes find them in the cache.

    Args:
        units: of a study.
        population: of the models that are tried; None: that of the units, whose past this process then has ready.
    """
    for unit in {unit.strategy.name: unit for unit in units}.values():
        experiment = unit.study.experiment
        build(unit, population).run_for(min(WARM_UP_DAYS, experiment.follow_up_days + experiment.enrolment_days))
