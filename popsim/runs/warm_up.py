"""Which days of a run count for beds and waits: those after the warm-up of its network, under every strategy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
from popsim.runs.store import UnitStore

DAILY, ADMISSIONS = "daily", "admissions"  # tables of a run that keeps persons
KINDS = ("census", "queue")
UNIT = ("strategy", "draw", "replication", "region")
ASKED = ("person_id", "setting", "event", "time_days")  # columns of events that waits are of


class WarmUpRule(NamedTuple):
    """The first days of a run, which its beds and waits leave out: how many, and the rule in words."""

    days: int
    rule: str


def hospital_columns(network: NetworkDefinition, kinds: Sequence[str] = KINDS) -> list[str]:
    """Columns of the daily table: people in each setting of the hospital, and waiting for it."""
    names = [one.name for one in network.settings if one.setting_class in HOSPITAL]
    return [f"{kind}_{name}" for kind in kinds for name in names]


def warm_up_of(
    experiment: ExperimentDefinition,
    network: NetworkDefinition,
    daily: pl.LazyFrame | None,
    admissions: pl.LazyFrame | None,
) -> WarmUpRule:
    """The warm-up of a run by MSER-5, on the hospital's other patients under the comparator.

    The people of the study do not count: that their number rises while they enter, and falls later, is no warm-up.

    Args:
        experiment: as it was run.
        network: its care network; one that begins with patients has no warm-up.
        daily, admissions: tables of all units, or None where the run keeps none.
    """
    if network.study_beds:
        return WarmUpRule(0, "Occupancy and waits are of all days: there are no patients but the people of the study.")
    if not begins_empty(experiment, network):
        return WarmUpRule(0, "Occupancy and waits are of all days: the network begins with patients.")
    all_days = "Occupancy and waits are of all days, though the network begins empty"
    begin_in_use = "warm_up_days or a census in the network's file begins it in use."
    if daily is None or admissions is None:
        return WarmUpRule(0, f'{all_days}: store = "measures" keeps none to find a warm-up; {begin_in_use}')
    days, least = experiment.enrolment_days + experiment.follow_up_days, MIN_BATCHES * BATCH_DAYS
    if days < least:
        return WarmUpRule(0, f"{all_days}: {days} are too few to find a warm-up, it takes {least}; {begin_in_use}")
    usual = pl.col("strategy") == experiment.reference
    first = _first_steady_day(daily.filter(usual), admissions.filter(usual), hospital_columns(network, ("census",)))
    under = experiment.strategy(experiment.reference).title.lower()
    kept = keeps_waits(experiment)
    return WarmUpRule(
        first,
        f"{'Occupancy and waits leave' if kept else 'Occupancy leaves'} out the first {first} of {days} days, the "
        f"warm-up, under every strategy: MSER-5 on the hospital's other patients under {under}."
        + ("" if kept else f' Waits are of all days: store = "{experiment.store}" keeps none of them.'),
    )


def begins_empty(experiment: ExperimentDefinition, network: NetworkDefinition) -> bool:
    """Whether a care network begins without other patients."""
    lived = experiment.entry == "home" and experiment.trial is None and experiment.run_in_days > 0
    return not (lived or network.census or network.warm_up_days)


def after_warm_up(
    measures: pl.LazyFrame,
    daily: pl.LazyFrame | None,
    waits: Sequence[pl.DataFrame],
    network: NetworkDefinition,
    first: int,
) -> pl.LazyFrame:
    """The measures of units, those of beds and waits over the days from `first` on.

    Args:
        measures: strategy, draw, replication, region, measure, value, weight.
        daily: of the same units; none where the run keeps none, and then there is no warm-up.
        waits: `waits_after(...)` of each of these units. A setting that nobody asked for from `first` on has no
            measures of waits; empty where the run keeps no events: waits stay as they are.
        network: whose settings they have.
        first: the first day that counts.
    """
    if daily is None or first == 0:
        return measures
    later = pl.concat([_beds(daily, network, first), *waits])
    types = measures.collect_schema()
    later = later.with_columns(later=True).cast({name: types[name] for name in UNIT})
    joined = measures.join(later.lazy(), on=[*UNIT, "measure"], how="left", maintain_order="left")
    of_later = pl.col("later").is_not_null()
    if waits:
        joined = joined.filter(of_later | ~pl.col("measure").str.contains(OF_WAITS))
    values = (pl.when(of_later).then(f"{name}_right").otherwise(name).alias(name) for name in ("value", "weight"))
    return joined.select(*UNIT, "measure", *values)


def keeps_waits(experiment: ExperimentDefinition) -> bool:
    """Whether a run keeps the events that `waits_after` reads."""
    return experiment.store == "events"


def waits_after(store: UnitStore, key: str, network: NetworkDefinition, first: int) -> pl.DataFrame:
    """Measures of the waits of a finished unit that began on day `first` or later, with the unit's columns."""
    classes = {one.name: str(one.setting_class) for one in network.settings}
    who = store.scan("persons", [key]).select(*UNIT, "person_id", "deprivation_quintile").collect()
    events = store.scan("events", [key]).select(ASKED).collect()
    return _of_unit(who.row(0)[: len(UNIT)], waiting(events, classes, who, first))


def _beds(daily: pl.LazyFrame, network: NetworkDefinition, first: int) -> pl.DataFrame:
    """Measures of occupancy of every unit, with the unit's columns."""
    counted = daily.filter(pl.col("day") >= first).collect().partition_by(UNIT, as_dict=True, maintain_order=True)
    return pl.concat(_of_unit(unit, occupancy(days, network.settings)) for unit, days in counted.items())


def _of_unit(unit: Iterable[object], measures: pl.DataFrame) -> pl.DataFrame:
    """The measures with the columns of their unit."""
    return measures.select(*(pl.lit(one).alias(name) for name, one in zip(UNIT, unit, strict=True)), pl.all())


def _first_steady_day(daily: pl.LazyFrame, admissions: pl.LazyFrame, columns: list[str]) -> int:
    """Days until the number of patients outside the study is steady, on average over draws and replications.

    Args:
        daily: of one strategy, in all units.
        admissions: of the same units; those who are in hospital at the end of a day are taken off the columns' sum.
        columns: people there, by setting.
    """
    people = daily.group_by("day").agg(pl.sum_horizontal(columns).sum().alias("people")).sort("day").collect()
    runs, days = daily.select("draw", "replication").unique().collect().height, len(people)
    moves = admissions.select("admit_time_days", "discharge_time_days").collect()
    came, went = (
        np.bincount(one.drop_nulls().floor().clip(0, days).cast(pl.Int64), minlength=days + 1) for one in moves
    )
    others: NDArray[np.float64] = (people["people"].to_numpy() - np.cumsum(came - went)[:days]) / runs
    whole = len(others) // BATCH_DAYS * BATCH_DAYS
    return BATCH_DAYS * warm_up_batches(others[:whole].reshape(-1, BATCH_DAYS).mean(axis=1))
