"""Death: survival since entry and mortality at given days.

Time runs from the start of the day of entry. Deaths are by exact time, censoring is at the end of follow-up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

MORTALITY_DAYS = (30, 90, 365)


def survival_times(people: pl.DataFrame) -> pl.DataFrame:
    """person_id, days (from entry to death or the end of follow-up), died; `people` is `follow_up(...)`."""
    until = pl.coalesce("death_time_days", pl.col("end_day").cast(pl.Float64))
    return people.select("person_id", days=until - pl.col("entry_day"), died=pl.col("death_time_days").is_not_null())


def kaplan_meier(days: NDArray[np.float64], died: NDArray[np.bool_]) -> pl.DataFrame:
    """Product-limit estimate with Greenwood's standard error.

    Args:
        days: time to death or censoring; a person censored at a time is still at risk at that time.
        died: whether it was death.

    Returns:
        One row per time of a death: time_days, at_risk, deaths, survival, standard_error.
    """
    order = np.sort(days)
    moments, deaths = np.unique(days[died], return_counts=True)
    at_risk = len(days) - np.searchsorted(order, moments, side="left")
    survival = np.cumprod(1.0 - deaths / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(deaths / (at_risk * (at_risk - deaths)))
        error = np.where(survival > 0.0, survival * np.sqrt(greenwood), 0.0)
    return pl.DataFrame(
        {
            "time_days": moments,
            "at_risk": at_risk,
            "deaths": deaths,
            "survival": survival,
            "standard_error": error,
        }
    )


def mortality(people: pl.DataFrame, days: Sequence[int] = MORTALITY_DAYS) -> pl.DataFrame:
    """Share dead within each number of days since entry, by Kaplan-Meier.

    Args:
        people: `follow_up(...)`.
        days: whole days since the day of entry; a death on day d - 1 is within d days.

    Returns:
        days, mortality, standard_error; null if nobody's follow-up is that long.
    """
    times = survival_times(people)
    curve = kaplan_meier(times["days"].to_numpy(), times["died"].to_numpy())
    longest = int(people.select((pl.col("end_day") - pl.col("entry_day")).max()).item() or 0)
    last = np.searchsorted(curve["time_days"].to_numpy(), np.asarray(days, np.float64), side="left")
    survival = np.concatenate([[1.0], curve["survival"].to_numpy()])
    error = np.concatenate([[0.0], curve["standard_error"].to_numpy()])
    return pl.DataFrame(
        {"days": np.asarray(days, np.int64), "mortality": 1.0 - survival[last], "standard_error": error[last]}
    ).with_columns(pl.when(pl.col("days") <= longest).then(pl.col("mortality", "standard_error")))
