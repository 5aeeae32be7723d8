"""Which days of a run count for its beds: those after the warm-up of its care network, under every strategy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.care.warm_up import BATCH_DAYS, MIN_BATCHES, warm_up_batches
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.network import NetworkDefinition
from popsim.outcomes.follow_up import HOSPITAL
from popsim.outcomes.occupancy import occupancy

DAILY = "daily"  # the table of a run that keeps days
KINDS = ("census", "queue")
UNIT = ("strategy", "draw", "replication", "region")


class WarmUpRule(NamedTuple):
    """The first days of a run, which its beds leave out: how many, and the rule in words."""

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
        return WarmUpRule(0, "Occupancy is of all days: the network begins with patients.")
    all_days = "Occupancy is of all days, though the network begins empty"
    begin_in_use = "warm_up_days or a census in the network's file begins it in use."
    if daily is None:
        return WarmUpRule(0, f'{all_days}: store = "measures" keeps none to find a warm-up; {begin_in_use}')
    days, least = experiment.enrolment_days + experiment.follow_up_days, MIN_BATCHES * BATCH_DAYS
    if days < least:
        return WarmUpRule(0, f"{all_days}: {days} are too few to find a warm-up, it takes {least}; {begin_in_use}")
    first = _first_steady_day(daily.filter(pl.col("strategy") == experiment.reference), hospital_columns(network))
    under = experiment.strategy(experiment.reference).title.lower()
    return WarmUpRule(
        first,
        f"Occupancy leaves out the first {first} of {days} days, the warm-up, under every strategy: MSER-5 on all who "
        f"are in hospital or wait for it under {under}.",
    )


def begins_empty(experiment: ExperimentDefinition, network: NetworkDefinition) -> bool:
    """Whether a care network begins without other patients."""
    lived = experiment.entry == "home" and experiment.trial is None and experiment.run_in_days > 0
    return not (lived or network.census or network.warm_up_days)


def without_warm_up(
    measures: pl.LazyFrame, daily: pl.LazyFrame, network: NetworkDefinition, first: int
) -> pl.LazyFrame:
    """The measures of units, those of occupancy over the days from `first` on.

    Args:
        measures: strategy, draw, replication, region, measure, value, weight.
        daily: of the same units, by day.
        network: whose settings it has.
        first: the first day that counts.
    """
    counted = daily.filter(pl.col("day") >= first).collect().partition_by(UNIT, as_dict=True, maintain_order=True)
    parts = [
        occupancy(days, network.settings).select(
            *(pl.lit(one).alias(name) for name, one in zip(UNIT, unit, strict=True)), pl.all()
        )
        for unit, days in counted.items()
    ]
    types = dict(zip(UNIT, daily.select(UNIT).collect_schema().dtypes(), strict=True))
    later = pl.concat(parts).cast(types).lazy()  # type: ignore[arg-type]
    new = {name: pl.coalesce(f"{name}_right", name) for name in ("value", "weight")}
    joined = measures.join(later, on=[*UNIT, "measure"], how="left", maintain_order="left")
    return joined.with_columns(**new).select(*UNIT, "measure", "value", "weight")


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
