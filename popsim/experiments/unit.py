"""One piece of work: people are sampled, live through their follow-up under one strategy, and are measured."""

from __future__ import annotations

import polars as pl

from popsim.care.network import CareNetwork
from popsim.experiments.design import PHYSIOLOGY_SET, PRICE_SET, Unit
from popsim.model import PopulationModel
from popsim.population.sampling import sample
from popsim.schema import SCHEMA

WARM_UP_POPULATION = 64
WARM_UP_DAYS = 3


def simulate(unit: Unit) -> dict[str, pl.DataFrame]:
    """The tables of one strategy in one replication: persons, daily, admissions, measures and events."""
    raise NotImplementedError


def build(unit: Unit, population: int | None = None) -> PopulationModel:
    """The model at its start; `population` for another size than the experiment's."""
    study, experiment = unit.study, unit.study.experiment
    size = experiment.population if population is None else population
    people = sample(study.cohort, SCHEMA, size, experiment.seed, unit.replication, experiment.enrolment_days)
    return PopulationModel(
        people,
        CareNetwork(study.network, SCHEMA.columns, study.file),
        unit.strategy,
        seed=experiment.seed,
        replication=unit.replication,
        follow_up_days=experiment.follow_up_days,
        enrolment_days=experiment.enrolment_days,
        parameters=study.parameters[PHYSIOLOGY_SET],
        prices=study.parameters[PRICE_SET],
    )


def warm_up(unit: Unit) -> None:
    """Compile every kernel that the work will use, so that worker processes find them in the cache."""
    model = build(unit, WARM_UP_POPULATION)
    model.run_for(WARM_UP_DAYS)
