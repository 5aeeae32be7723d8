"""What a study observes of simulated people: their events, follow-up and times to an endpoint."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.calibration.endpoints import ALL, Endpoint, death_codes
from popsim.care.network import operand
from popsim.definitions.conditions import Condition

type Floats = NDArray[np.float64]
type Flags = NDArray[np.bool_]

DESTINATION = "index_destination"
EVENTS = {"key": pl.Int64, "day": pl.Float64, "cause": pl.String}  # columns of a table of events that are needed


class ObservedArm(NamedTuple):
    """People under one strategy and their events.

    Attributes:
        persons: the run's table, with `key` (unique over all replications) and `followed_days`.
        admissions, urgent_visits: the run's tables after entry, with `key` and `day` since entry.
        index_stays: the admissions at whose door people entered, if they did.
    """

    persons: pl.DataFrame
    admissions: pl.DataFrame
    urgent_visits: pl.DataFrame = pl.DataFrame(schema=EVENTS)
    index_stays: pl.DataFrame = pl.DataFrame(schema=EVENTS)

    def only(self, people: pl.Expr) -> ObservedArm:
        """A subset of the people."""
        persons = self.persons.filter(people)
        keys = persons.select("key")
        return ObservedArm(
            persons,
            *(table.join(keys, on="key", how="semi", maintain_order="left") for table in self[1:]),
        )

    def of_causes(self, causes: Sequence[str], within: float = math.inf, since: float = 0.0) -> pl.DataFrame:
        """Unplanned admissions for some causes (all when empty) from day `since` until day `within`."""
        wanted = ~pl.col("planned") & (pl.col("day") >= since) & (pl.col("day") < within)
        return self.admissions.filter(wanted & of_causes(causes))

    def stays(self, causes: Sequence[str]) -> pl.DataFrame:
        """The stays in hospital of a register: those at whose door people entered; if there are none, later ones."""
        return self.index_stays.filter(of_causes(causes)) if len(self.index_stays) else self.of_causes(causes)

    @property
    def death_day(self) -> Floats:
        """Day of each person's death since entry; infinity while alive."""
        days: Floats = self.persons["death_day"].cast(pl.Float64).fill_null(math.inf).to_numpy()
        return days

    def planned_days(self, within: float = math.inf) -> Floats:
        """Days until the end of each person's follow-up or day `within`, dead or alive."""
        followed: Floats = self.persons["followed_days"].cast(pl.Float64).to_numpy()
        return np.minimum(followed, within)

    def observed_days(self, within: float = math.inf) -> Floats:
        """Days until each person's death, the end of follow-up or day `within`."""
        return np.minimum(self.planned_days(within), self.death_day)

    def per_person(self, table: pl.DataFrame, figure: pl.Expr | None = None) -> Floats:
        """The number of rows of a table, or another figure of them, for each person; 0 without any."""
        found = table.group_by("key").agg((pl.len() if figure is None else figure).alias("figure"))
        joined = self.persons.select("key").join(found, on="key", how="left", maintain_order="left")
        values: Floats = joined["figure"].cast(pl.Float64).fill_null(0.0).to_numpy()
        return values


class Arms(NamedTuple):
    """Two groups of people: those of the target, and those whom a contrast compares them with."""

    own: ObservedArm
    comparator: ObservedArm

    @property
    def treated(self) -> Flags:
        """Of everybody, first the group's own: who belongs to it."""
        return np.repeat([True, False], [len(self.own.persons), len(self.comparator.persons)])


class TimeToEvent(NamedTuple):
    """Days to the first event or to the end of observation, each above 0, and whether the event occurred."""

    days: Floats
    events: Flags


def all_hold(conditions: Sequence[Condition]) -> pl.Expr:
    """Whether persons meet all conditions at entry."""
    return pl.all_horizontal(pl.lit(True), *(_holds(condition) for condition in conditions))


def of_causes(causes: Sequence[str]) -> pl.Expr:
    """Rows of some causes; all of them when there are none."""
    return pl.lit(True) if not causes or ALL in causes else pl.col("cause").cast(pl.String).is_in(list(causes))


def died_of(seen: ObservedArm, deaths: Sequence[str]) -> Floats:
    """Day of each person's death of one of some causes; infinity otherwise."""
    if ALL in deaths:
        return seen.death_day
    counts = np.isin(seen.persons["death_cause"].fill_null(0).to_numpy(), death_codes(deaths))
    return np.where(counts, seen.death_day, math.inf)


def events_of(seen: ObservedArm, endpoint: Endpoint, within: float = math.inf) -> pl.DataFrame:
    """Every event of an endpoint that was observed before day `within`, first and repeated: key, day."""
    key = pl.col("key").cast(pl.Int64)
    ends = pl.DataFrame({"key": seen.persons["key"], "end": seen.observed_days(within)})
    parts = [_at(seen.persons["key"], died_of(seen, endpoint.deaths))]
    parts += [_at(seen.persons["key"], _day(seen, column)) for column in endpoint.kidney]
    if endpoint.admissions:
        table = seen.of_causes(endpoint.admissions)
        parts.append(_at(table["key"], table["day"].to_numpy()))
    if endpoint.urgent:
        table = seen.urgent_visits.filter(of_causes(endpoint.urgent))
        parts.append(_at(table["key"], table["day"].to_numpy()))
    every = pl.concat(parts).join(ends.with_columns(key), on="key", how="left", maintain_order="left")
    return every.filter(pl.col("day") <= pl.col("end")).drop("end").sort("key", "day", maintain_order=True)


def first_event(seen: ObservedArm, endpoint: Endpoint, within: float = math.inf) -> Floats:
    """Day of each person's first observed event; infinity without any."""
    first = events_of(seen, endpoint, within).group_by("key").agg(pl.col("day").min())
    keys = seen.persons.select(pl.col("key").cast(pl.Int64))
    days: Floats = keys.join(first, on="key", how="left", maintain_order="left")["day"].fill_null(math.inf).to_numpy()
    return days


def time_to_event(
    seen: ObservedArm, endpoint: Endpoint, within: float = math.inf, since: float = 0.0
) -> tuple[TimeToEvent, Flags]:
    """Time from day `since` to the first event, or to death or the end of observation without it.

    Returns:
        The times of those still observed and free of the event on day `since`, and who they are.
    """
    first, last = first_event(seen, endpoint, within), seen.observed_days(within)
    events = np.isfinite(first)
    days = np.where(events, first, last)
    at_risk = (days > since) | (since == 0.0)
    return TimeToEvent(np.maximum(days - since, 1e-3)[at_risk], events[at_risk]), at_risk


def _holds(condition: Condition) -> pl.Expr:
    """A condition on persons' baseline, or on where they went after the stay of entry, as an expression."""
    column = pl.col(condition.column)
    if condition.column == DESTINATION:
        return (column.cast(pl.String) == str(condition.equals)).fill_null(False)
    value = operand(condition)
    if condition.at_least is not None:
        return column >= value
    return column < value if condition.below is not None else column == value


def _day(seen: ObservedArm, column: str) -> Floats:
    days: Floats = seen.persons[column].cast(pl.Float64).fill_null(math.inf).to_numpy()
    return days


def _at(keys: pl.Series, days: Floats) -> pl.DataFrame:
    """Events of some people on some days; none where the day is infinite."""
    table = pl.DataFrame({"key": keys.cast(pl.Int64), "day": pl.Series(days, dtype=pl.Float64)})
    return table.filter(pl.col("day").is_finite())
