"""One unit of a run: people are sampled, simulated through their follow-up under one strategy, and measured."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.care.network import CareNetwork
from popsim.care.signals import Signals
from popsim.definitions.network import SettingDefinition
from popsim.economics.disability import STANDARD_LIFE_TABLE
from popsim.economics.interim import InterimTotals
from popsim.economics.outcome_valuation import outcome_values, value_measures
from popsim.evidence.sets import INTERVENTION_SET
from popsim.kernels.care.records import UNLIMITED
from popsim.kernels.codes import ALERT, ARRIVE, DEATH, EARLY, END, ENTER, PRESENT, START, VISIT
from popsim.outcomes.alerts import alert_measures
from popsim.outcomes.baseline import at_entry, baseline
from popsim.outcomes.clinical import clinical_start, with_clinical
from popsim.outcomes.discharges import discharges
from popsim.outcomes.follow_up import follow_up
from popsim.outcomes.home_time import INSTITUTIONS
from popsim.outcomes.kidney_events import EVERY_DAYS as KIDNEY_EVERY_DAYS
from popsim.outcomes.kidney_events import KidneyEvents
from popsim.outcomes.measures import measures, waiting
from popsim.outcomes.occupancy import occupancy
from popsim.outcomes.persons import persons
from popsim.outcomes.presentations import presentations
from popsim.outcomes.readmission import stays, with_index_stay
from popsim.outcomes.urgent_visits import index_destinations, urgent_visits
from popsim.population.columns import Schema
from popsim.population.event_log import EventLog
from popsim.population.life_table import LifeTable
from popsim.population.population import Population
from popsim.population.sampling import sample
from popsim.simulation.model import PopulationModel
from popsim.studies.columns import needed_schema
from popsim.studies.content import Tables
from popsim.studies.design import Unit
from popsim.studies.extrapolation import DiscountRates, interim_day, with_later_part
from popsim.studies.intervention_parameters import with_parameters
from popsim.studies.measures import absent_measures, guided_centres
from popsim.studies.parameters import PRICE_SET, discount_steps
from popsim.studies.past import with_a_past
from popsim.studies.recruitment import recruit

MEASURED_EVENTS = (ENTER, ARRIVE, START, END, VISIT, DEATH, EARLY, PRESENT)  # what the outcome measures read
EVENTS_AT_ONCE = 1 << 21  # events that are written from memory, some 100 MB; more of them in pieces
WARM_UP_POPULATION = 64
WARM_UP_DAYS = 3


def simulate(unit: Unit) -> Tables:
    """Simulate one strategy in one region of one replication of one draw.

    Returns:
        persons (a row for each person), daily (a row for each day), admissions (a row for each stay in hospital),
        urgent_visits (a row for each emergency visit without admission), measures (measure, value, weight) and events,
        as far as the experiment stores them; each begins with strategy, draw, replication and region.
    """
    gc.freeze()  # so that the search for what the model leaves behind passes over what was there before it
    try:
        tables = tables_of(_run_to_end(unit), unit)
    finally:
        gc.unfreeze()
    return {name: _labelled(table, unit) for name, table in tables.items()}


def _run_to_end(unit: Unit) -> SimulationOutput:
    experiment = unit.study.experiment
    return run_to_end(
        build(unit),
        experiment.entry_columns,
        interim_day=interim_day(experiment),
        to_death=experiment.follow_up is not None,
    )


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
    capacity: dict[str, NDArray[np.int64]]
    interim: pl.DataFrame | None


def run_to_end(
    model: PopulationModel,
    entry_columns: Sequence[str] = (),
    *,
    interim_day: int | None = None,
    to_death: bool = False,
) -> SimulationOutput:
    """Simulate a model to its end.

    Args:
        model: before its first day.
        entry_columns: of its people, kept at entry beside the baseline.
        interim_day: since entry, at which totals are kept.
        to_death: end early when everybody is dead.
    """
    people = model.population
    observation = Signals(people.schema, key=model.key)
    before = at_entry(people, entry_columns, lambda name: observation.look(people, 0, name, slice(None)))
    clinical, kidney = clinical_start(people), KidneyEvents(people)
    interim = None if interim_day is None else InterimTotals(people, interim_day)
    measured = {*range(KIDNEY_EVERY_DAYS, model.days, KIDNEY_EVERY_DAYS), model.days}
    for day in sorted(measured | (interim.due if interim else set())):
        if to_death and not model.running:
            break
        model.run_for(day - model.clock.day)
        if day in measured:
            kidney.measure(people, day)
        if interim:
            interim.copy(day)
    daily = model.daily_frame()
    capacity = limited_capacities(model.care.capacity[: len(daily)], model.network)
    spending = model.valuation.spending()
    return SimulationOutput(
        people,
        model.events,
        before,
        clinical,
        kidney.frame(),
        daily,
        spending,
        model.network.settings,
        capacity,
        interim.frame() if interim else None,
    )


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
    population, log, before, clinical, kidney, daily, spending, settings, capacity, interim = output
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
    prices = unit.study.parameters_of(unit.draw)[PRICE_SET]
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
        occupancy(daily, settings, capacity),
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
    cohort = study.cohort
    if cohort.parameters is not parameters:
        cohort = replace(cohort, parameters=parameters)
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
    return PopulationModel(
        people,
        CareNetwork(study.network, study.schema.columns, study.file),
        with_parameters(unit.strategy, parameters[INTERVENTION_SET]),
        seed=unit.random_key,
        follow_up_days=experiment.follow_up_days,
        enrolment_days=experiment.enrolment_days,
        parameters=parameters,
        environment_series=study.environment_series,
        organ_systems=study.organ_systems,
        cohort=cohort,
        entrance=entrance,
        discount_steps=discount_steps(experiment),
    )


def warm_up(units: Sequence[Unit]) -> None:
    """Compile every kernel that the units will use, so that worker processes find them in the cache."""
    for unit in {unit.strategy.name: unit for unit in units}.values():
        experiment = unit.study.experiment
        build(unit, WARM_UP_POPULATION).run_for(
            min(WARM_UP_DAYS, experiment.follow_up_days + experiment.enrolment_days)
        )
