"""Landmarks of a whole simulation: what care observes is recorded while the model advances."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import polars as pl

from popsim.learning.features import Record
from popsim.outcomes.scores import history, points, quantities
from popsim.runs.engine import Engine
from popsim.runs.spread import spread
from popsim.simulation.model import PopulationModel
from popsim.studies.design import Unit
from popsim.studies.unit import build, warm_up

DAY_AFTER_DISCHARGE = 1.0


def record_of(model: PopulationModel) -> Record:
    """The record from which a model's features are computed."""
    classes = dict(zip(model.events.setting_names, (label.kind for label in model.setting_labels), strict=True))
    return Record(model.events, classes, key=model.key)


def collect(model: PopulationModel, horizon_days: int, every_days: int | None = None) -> pl.DataFrame:
    """Simulate a model to its end and collect landmarks whose horizon is complete.

    Args:
        model: at its start.
        horizon_days: within which outcomes count.
        every_days: days between landmarks of everybody; None: a landmark on the morning after each discharge (also from
            the stay that led into the study).

    Returns:
        Rows of `Record.features(...)` with outcomes, ordered by day and row of the population; score_lace: LACE points
        (of the last stay).
    """
    record = record_of(model)
    classes = record.classes
    found = []
    while model.running and model.clock.day < model.days:
        model.step()
        day = model.clock.day
        if day + horizon_days > model.days or (every_days is not None and day % every_days):
            continue
        frame = record.features(model.population, day)
        if every_days is None:
            frame = frame.filter(pl.col("days_since_discharge") == DAY_AFTER_DISCHARGE)
        if len(frame):
            people, parameters = model.population, model.parameters
            past = history(model.events.frame(), classes, people, day - 1, parameters["risk_scores"])
            lace = points("lace", quantities(people, day - 1, past, parameters))
            scores = pl.DataFrame({"person_id": model.population.person_id, "score_lace": lace})
            found.append(frame.join(scores, on="person_id", how="left", maintain_order="left"))
    if not found:
        return record.with_outcomes(record.features(model.population, 0), horizon_days, 0)
    return record.with_outcomes(pl.concat(found), horizon_days, model.clock.day)


def collect_units(units: Sequence[Unit], horizon_days: int, every_days: int | None, engine: Engine) -> pl.DataFrame:
    """The landmarks of the people of several replications, whose ids are made distinct, ordered by day.

    Args:
        units: one of each replication.
        horizon_days, every_days: as for `collect`.
        engine: the processes over which the units are spread.
    """
    frames = spread(engine, partial(_of_unit, horizon_days, every_days), units, warm_up=partial(warm_up, units[:1]))
    return pl.concat(frames).sort("day", maintain_order=True)


def _of_unit(horizon_days: int, every_days: int | None, unit: Unit) -> pl.DataFrame:
    first_id = unit.replication * unit.study.experiment.population
    model = build(unit, schema=unit.study.schema)
    return collect(model, horizon_days, every_days).with_columns(person_id=pl.col("person_id") + first_id)
