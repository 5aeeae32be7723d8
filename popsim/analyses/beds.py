"""Beds of a finished run without the warm-up of its care network."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from popsim.economics.uncertainty import nested_means
from popsim.runs.warm_up import ADMISSIONS, DAILY, hospital_columns, warm_up_of

if TYPE_CHECKING:
    from popsim.runs.run import StoredRun

UNIT = ("strategy", "draw", "replication", "day")


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

    The days that count are those of the measures of occupancy (`runs.warm_up`).
    """
    if DAILY not in run.tables:
        return None
    columns = hospital_columns(run.network)
    first, rule = warm_up_of(run.experiment, run.network, run.table(DAILY), run.table(ADMISSIONS))
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
