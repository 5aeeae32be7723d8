"""Beds of a finished run without the warm-up of its care network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.care.warm_up import BATCH_DAYS, MIN_BATCHES, warm_up_batches
from popsim.economics.uncertainty import nested_means
from popsim.outcomes.follow_up import HOSPITAL

if TYPE_CHECKING:
    from popsim.runs.run import StoredRun

UNIT = ("strategy", "draw", "replication", "day")
KINDS = ("census", "queue")
DAILY = "daily"  # the table of a run that keeps days


class SteadyBeds(NamedTuple):
    """Beds after the warm-up.

    Attributes:
        table: strategy, setting, kind (census: people there at the end of a day; queue: people waiting for it) and the
            columns of `nested_means` of the mean over the days that count.
        rule: how many days are left out, and why.
    """

    table: pl.DataFrame
    rule: str


def steady_beds(run: StoredRun) -> SteadyBeds | None:
    """Mean census and queue of the hospital's settings, without the warm-up; None where the run keeps no days, or few
    people, who are real, are in beds of their own.

    The warm-up is the same for all strategies and settings: MSER-5 on all who are in the hospital or wait for it, under
    the comparator, on average over draws and replications. A network that begins with patients has none.
    """
    if DAILY not in run.tables:
        return None
    names = [one.name for one in run.network.settings if one.setting_class in HOSPITAL]
    columns = [f"{kind}_{name}" for kind in KINDS for name in names]
    first, rule = _first_day(run, columns)
    long = (
        run.table(DAILY)
        .filter(pl.col("day") >= first)
        .group_by(*UNIT)
        .agg(pl.col(columns).sum())  # over regions
        .group_by(*UNIT[:-1])
        .agg(pl.col(columns).mean())
        .collect()
        .sort(UNIT[:-1])
        .unpivot(on=columns, index=UNIT[:-1], variable_name="column")
    )
    kinds = long.with_columns(
        kind=pl.col("column").str.extract(r"^([a-z]+)_"), setting=pl.col("column").str.extract(r"^[a-z]+_(.*)$")
    ).drop("column")
    if run.network.study_beds and ((kinds["value"] > 0) & (kinds["value"] < run.least_count)).any():
        return None
    return SteadyBeds(nested_means(kinds, ["strategy", "setting", "kind"]), rule)


def warm_up_days(run: StoredRun, columns: Sequence[str]) -> int:
    """Days until the sum of columns of the daily table is steady under the comparator, by MSER-5."""
    daily = (
        run.table(DAILY)
        .filter(pl.col("strategy") == run.comparator)
        .group_by(*UNIT)
        .agg(pl.sum_horizontal(columns).sum().alias("people"))
        .group_by("day")
        .agg(pl.col("people").mean())
        .sort("day")
        .collect()
    )
    people: NDArray[np.float64] = daily["people"].to_numpy().astype(np.float64)
    whole = len(people) // BATCH_DAYS * BATCH_DAYS
    return BATCH_DAYS * warm_up_batches(people[:whole].reshape(-1, BATCH_DAYS).mean(axis=1))


def begins_empty(run: StoredRun) -> bool:
    """Whether a run's care network begins without other patients."""
    lived = run.experiment.entry == "home" and run.experiment.trial is None and run.experiment.run_in_days > 0
    return not (lived or run.network.census or run.network.warm_up_days)


def _first_day(run: StoredRun, columns: Sequence[str]) -> tuple[int, str]:
    """The first day that counts, and the rule in words."""
    if not begins_empty(run):
        return 0, "No day is left out: the network begins with patients."
    days = run.experiment.enrolment_days + run.experiment.follow_up_days
    if days < MIN_BATCHES * BATCH_DAYS:
        return 0, (
            f"No day is left out, though the network begins empty: {days} days are too few to find a warm-up, it takes "
            f"{MIN_BATCHES * BATCH_DAYS}; warm_up_days or a census in the network's file begins it in use."
        )
    first = warm_up_days(run, columns)
    under = run.strategies[run.comparator].lower()
    return first, (
        f"The first {first} of {days} days are left out as warm-up under every strategy: MSER-5 on all who are in "
        f"hospital or wait for it under {under}."
    )
