"""What moves through the care network by day: flows, people there, queues, and where the bottlenecks are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import polars as pl

from popsim.care.network import CareNetwork
from popsim.definitions.experiment import ExperimentDefinition
from popsim.reporting.figures.flows import ARRIVAL_EVENTS, shortest_way

WINDOW_DAYS = 7  # up to the day that is shown: noise of single days is evened out
CROWDED, FULL = 0.85, 0.95  # of the places taken; the first as in measures of crowding


class DailyFlows(NamedTuple):
    """Moves and arrivals of study patients by day, of one comparison under one strategy.

    Attributes:
        moves: day, source, target, people.
        arrivals: day, setting, people.
        presenting: day, people.
    """

    moves: pl.DataFrame
    arrivals: pl.DataFrame
    presenting: pl.DataFrame

    @classmethod
    def of(cls, events: list[pl.DataFrame]) -> DailyFlows:
        """From the events of every region."""
        parts = [_counted(frame.lazy()) for frame in events]
        moves, arrivals, presenting = (pl.concat(frames) for frames in zip(*parts, strict=True))
        return cls(
            moves.group_by("day", "source", "target").agg(pl.col("people").sum()),
            arrivals.group_by("day", "setting").agg(pl.col("people").sum()),
            presenting.group_by("day").agg(pl.col("people").sum()),
        )


class SettingDay(NamedTuple):
    """One setting on a day, a mean over a week and over replications; None where it is not counted or not limited.

    Attributes:
        there, waiting: people.
        places: beds, or None where unlimited.
        arriving: study patients a day.
        slots: of a contact setting, on a day on which it is open.
    """

    there: float | None
    waiting: float | None
    places: float | None
    arriving: float
    slots: float | None = None

    @property
    def share(self) -> float | None:
        """Of the places that are taken."""
        return None if not self.places or self.there is None else self.there / self.places

    @property
    def state(self) -> str:
        """In a word: "free", "crowded", "full", or "" where places are not limited."""
        if self.share is None:
            return ""
        return "full" if self.share >= FULL else "crowded" if self.share >= CROWDED else "free"


class NetworkDay(NamedTuple):
    """The network on a day.

    Attributes:
        day: of the simulation.
        arrows: study patients a day by source and target.
        settings: by name.
        presenting: study patients a day who become acutely unwell.
    """

    day: int
    arrows: Mapping[tuple[str, str], float]
    settings: Mapping[str, SettingDay]
    presenting: float

    @property
    def bottlenecks(self) -> list[str]:
        """Settings that are full, or that somebody waits for, the longest queue first."""
        found = [(one.waiting or 0.0, name) for name, one in self.settings.items() if _stuck(one)]
        return [name for _, name in sorted(found, reverse=True)]

    def plain(self) -> list[Any]:
        """As JSON has it."""
        return [self.day, [[*ends, people] for ends, people in self.arrows.items()], self.settings, self.presenting]

    @classmethod
    def of_plain(cls, said: list[Any]) -> NetworkDay:
        """What `plain` made, read back from JSON."""
        day, arrows, settings, presenting = said
        ways = {(source, target): people for source, target, people in arrows}
        return cls(day, ways, {name: SettingDay(*one) for name, one in settings.items()}, presenting)


def network_day(
    network: CareNetwork,
    flows: DailyFlows | None,
    daily: pl.DataFrame,
    places: Mapping[str, float],
    slots: Mapping[str, float],
    day: int,
) -> NetworkDay:
    """The network on a day, as a mean over the week that ends on it.

    Args:
        network: for the people of the run.
        flows: None where the run keeps no events.
        daily: days of the units of one strategy.
        places: limited capacity by setting.
        slots: a day of each contact setting.
        day: of the simulation.
    """
    week = pl.col("day").is_between(day - WINDOW_DAYS + 1, day)
    days = min(WINDOW_DAYS, day + 1)
    arrows: dict[tuple[str, str], float] = {}
    arriving: dict[str, float] = {}
    presenting = 0.0
    if flows is not None:
        start = network.definition.presentation
        moves = flows.moves.filter(week).group_by("source", "target").agg(pl.col("people").sum())
        for source, target, people in moves.iter_rows():
            way = shortest_way(network, source, target) or (shortest_way(network, start, target) if start else [])
            for arrow in way:
                arrows[arrow] = arrows.get(arrow, 0.0) + people / days
        came = flows.arrivals.filter(week).group_by("setting").agg(pl.col("people").sum())
        arriving = {name: people / days for name, people in came.iter_rows()}
        presenting = float(flows.presenting.filter(week)["people"].sum()) / days
    means = _means(daily, week)
    settings = {
        one.name: SettingDay(
            means.get(f"census_{one.name}"), means.get(f"queue_{one.name}"), places.get(one.name),
            arriving.get(one.name, 0.0), slots.get(one.name),
        )
        for one in network.settings
        if one.setting_class != "router"
    }  # fmt: skip
    return NetworkDay(day, arrows, settings, presenting)


def places_of(measures: pl.DataFrame, strategy: str) -> dict[str, float]:
    """Mean number of places of every limited setting under a strategy."""
    mine = measures.filter(pl.col("strategy").cast(pl.String) == strategy, pl.col("measure").str.starts_with("places."))
    means = mine.group_by("measure").agg(pl.col("value").mean())
    return {name.removeprefix("places."): value for name, value in means.iter_rows() if value is not None}


def slots_of(network: CareNetwork, experiment: ExperimentDefinition, strategy: str) -> dict[str, float]:
    """Slots a day of every contact setting under a strategy, for the people of the run.

    Args:
        network: as its file has it, not scaled.
        experiment: of the run.
        strategy: its name.
    """
    said = experiment.capacity | experiment.strategy(strategy).capacity
    people = network.definition.reference_population
    factor = 1.0 if people is None else experiment.population / people
    contacts = [one for one in network.settings if one.slots_per_day is not None]
    return {one.name: factor * said.get(one.name, one.slots_per_day or 0) for one in contacts}


def last_day(daily: pl.DataFrame) -> int:
    """The last day of the simulation; 0 where no day is there."""
    return 0 if daily.is_empty() else int(daily["day"].max() or 0)  # type: ignore[arg-type]


def _stuck(one: SettingDay) -> bool:
    limited = one.places is not None
    return limited and (one.state == "full" or (one.waiting or 0.0) >= 1.0)


def _means(daily: pl.DataFrame, week: pl.Expr) -> dict[str, float]:
    """Mean over the week and over replications of every count, in all regions together."""
    if daily.is_empty():
        return {}
    columns = [name for name in daily.columns if name.startswith(("census_", "queue_"))]
    by_day = daily.filter(week).group_by("draw", "replication", "day").agg(pl.col(columns).sum())
    return {
        name: value
        for name, value in by_day.select(pl.col(columns).mean()).row(0, named=True).items()
        if value is not None
    }


def _counted(log: pl.LazyFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Moves, arrivals and presentations by day of one region."""
    frame = (
        log.select("person_id", "event", "setting", "time_days")
        .filter(pl.col("event").is_in([*ARRIVAL_EVENTS, "present"]))
        .with_columns(pl.col("setting", "event").cast(pl.String), day=pl.col("time_days").floor().cast(pl.Int64))
        .collect()
    )
    coming = frame.filter(pl.col("event") != "present")
    pairs = (
        coming.filter(pl.col("event") == "start")
        .sort("person_id", maintain_order=True)
        .with_columns(before=pl.col("setting").shift(1).over("person_id"))
        .filter(pl.col("before").is_not_null())
    )
    return (
        pairs.group_by("day", source="before", target="setting").agg(people=pl.len()),
        coming.group_by("day", "setting").agg(people=pl.len()),
        frame.filter(pl.col("event") == "present").group_by("day").agg(people=pl.len()),
    )
