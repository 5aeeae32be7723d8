"""Which days of a run count for beds and waits: those after the warm-up of its network, under every strategy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.care.warm_up import BATCH_DAYS, MIN_BATCHES, warm_up_batches
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.network import NetworkDefinition
from popsim.outcomes.follow_up import HOSPITAL
from popsim.outcomes.measures import waiting
from popsim.outcomes.occupancy import occupancy
from popsim.outcomes.utilisation import OF_WAITS

DAILY = "daily"  # the table of a run that keeps days
KINDS = ("census", "queue")
UNIT = ("strategy", "draw", "replication", "region")
ASKED = ("person_id", "setting", "event", "time_days")  # columns of events that waits are of


class WarmUpRule(NamedTuple):
    """The first days of a run, which its beds and waits leave out: how many, and the rule in words."""

    days: int
    rule: str


def hospital_columns(network: NetworkDefinition) -> list[str]:
    """Columns of the daily table: people in each setting of the hospital, and waiting for it."""
    names = [one.name for one in network.settings if one.setting_class in HOSPITAL]
    return [f"{kind}_{name}" for kind in KINDS for name in names]


def warm_up_of(experiment: ExperimentDefinition, network: NetworkDefinition, daily: pl.LazyFrame | None) -> WarmUpRule:
    """The warm-up of a run by MSER-5, on all who are in the hospital or wait for it under the comparator.

    Args:
        experiment: as it was run.
        network: its care network; one that begins with patients has no warm-up.
        daily: the daily table of all units, or None where the run keeps no days.
    """
    if not begins_empty(experiment, network):
        return WarmUpRule(0, "Occupancy and waits are of all days: the network begins with patients.")
    all_days = "Occupancy and waits are of all days, though the network begins empty"
    begin_in_use = "warm_up_days or a census in the network's file begins it in use."
    if daily is None:
        return WarmUpRule(0, f'{all_days}: store = "measures" keeps none to find a warm-up; {begin_in_use}')
    days, least = experiment.enrolment_days + experiment.follow_up_days, MIN_BATCHES * BATCH_DAYS
    if days < least:
        return WarmUpRule(0, f"{all_days}: {days} are too few to find a warm-up, it takes {least}; {begin_in_use}")
    first = _first_steady_day(daily.filter(pl.col("strategy") == experiment.reference), hospital_columns(network))
    under = experiment.strategy(experiment.reference).title.lower()
    kept = experiment.store == "events"
    return WarmUpRule(
        first,
        f"{'Occupancy and waits leave' if kept else 'Occupancy leaves'} out the first {first} of {days} days, the "
        f"warm-up, under every strategy: MSER-5 on all who are in hospital or wait for it under {under}."
        + ("" if kept else f' Waits are of all days: store = "{experiment.store}" keeps none of them.'),
    )


def begins_empty(experiment: ExperimentDefinition, network: NetworkDefinition) -> bool:
    """Whether a care network begins without other patients."""
    lived = experiment.entry == "home" and experiment.trial is None and experiment.run_in_days > 0
    return not (lived or network.census or network.warm_up_days)


def beds_after(daily: pl.LazyFrame, network: NetworkDefinition, first: int) -> pl.DataFrame:
    """Measures of occupancy over the days from `first` on, of every unit of a daily table, with the unit's columns."""
    counted = daily.filter(pl.col("day") >= first).collect().partition_by(UNIT, as_dict=True, maintain_order=True)
    return pl.concat(_of_unit(unit, occupancy(days, network.settings)) for unit, days in counted.items())


def waits_after(
    units: Iterable[tuple[pl.LazyFrame, pl.LazyFrame]], network: NetworkDefinition, first: int
) -> pl.DataFrame:
    """Measures of the waits that began on day `first` or later, of every unit, with the unit's columns.

    Args:
        units: the events and the persons of each.
        network: whose settings they have.
        first: the first day that counts.
    """
    classes = {one.name: str(one.setting_class) for one in network.settings}
    parts = []
    for events, persons in units:
        who = persons.select(*UNIT, "person_id", "deprivation_quintile").collect()
        found = waiting(events.select(ASKED).collect(), classes, who, first)
        parts.append(_of_unit(who.row(0)[: len(UNIT)], found))
    return pl.concat(parts)


def with_later(measures: pl.LazyFrame, beds: pl.DataFrame, waits: pl.DataFrame | None) -> pl.LazyFrame:
    """The measures of units, those of beds and waits after the warm-up.

    Args:
        measures: strategy, draw, replication, region, measure, value, weight.
        beds: `beds_after(...)` of the same units.
        waits: `waits_after(...)` of the same units, without measures of a setting that nobody asked for later; None:
            waits stay as they are.
    """
    types = measures.collect_schema()
    later = pl.concat([beds] if waits is None else [beds, waits]).with_columns(later=True)
    later = later.cast({name: types[name] for name in UNIT})
    joined = measures.join(later.lazy(), on=[*UNIT, "measure"], how="left", maintain_order="left")
    of_later = pl.col("later").is_not_null()
    if waits is not None:
        joined = joined.filter(of_later | ~pl.col("measure").str.contains(OF_WAITS))
    values = (pl.when(of_later).then(f"{name}_right").otherwise(name).alias(name) for name in ("value", "weight"))
    return joined.select(*UNIT, "measure", *values)


def _of_unit(unit: Iterable[object], measures: pl.DataFrame) -> pl.DataFrame:
    """The measures with the columns of their unit."""
    return measures.select(*(pl.lit(one).alias(name) for name, one in zip(UNIT, unit, strict=True)), pl.all())


def _first_steady_day(daily: pl.LazyFrame, columns: list[str]) -> int:
    """Days until the sum of columns is steady, on average over draws and replications."""
    people: NDArray[np.float64] = (
        daily.group_by("draw", "replication", "day")
        .agg(pl.sum_horizontal(columns).sum().alias("people"))  # over regions
        .group_by("day")
        .agg(pl.col("people").mean())
        .sort("day")
        .collect()["people"]
        .to_numpy()
        .astype(np.float64)
    )
    whole = len(people) // BATCH_DAYS * BATCH_DAYS
    return BATCH_DAYS * warm_up_batches(people[:whole].reshape(-1, BATCH_DAYS).mean(axis=1))
