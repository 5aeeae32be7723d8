"""A run as it stands: units are read from the store as they arrive, and every comparison that is whole counts.

A comparison is one replication of one draw under every strategy, in all regions: strategies are only compared where
they met the same people and random numbers.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import polars as pl

from popsim.care.network import CareNetwork
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.network import NetworkDefinition
from popsim.economics.cost_effectiveness import paired_differences
from popsim.errors import InputError
from popsim.outcomes.equity import with_gaps
from popsim.outcomes.regions import merge
from popsim.outcomes.small_cells import hidden_measures, masked
from popsim.runs import unit_file
from popsim.runs.run import StoredRun
from popsim.runs.store import MANIFEST, RunStore, UnitStore
from popsim.runs.tables import RunTables
from popsim.runs.warm_up import ADMISSIONS, DAILY, WarmUpRule, after_warm_up, keeps_waits, waits_after, warm_up_of
from popsim.studies.design import Study

type Days = tuple[pl.LazyFrame | None, pl.LazyFrame | None]  # daily and admissions

ENOUGH = 2  # comparisons of a run with which its first look is no longer shown: the fewest with an interval
NEWS = 50  # assumption: 2% more units hardly move a figure, and 6,000 units take seconds to combine
NO_DAYS: Days = (None, None)
KEPT_EVENTS = 4  # units whose events are kept in memory


class UnitPlace(NamedTuple):
    """A unit of a run, by its key."""

    key: str
    strategy: str
    draw: int
    replication: int
    region: int

    @property
    def comparison(self) -> tuple[int, int]:
        """The comparison that it is part of."""
        return self.draw, self.replication


@dataclass
class LiveRun:
    """A run of which some units may still be missing.

    Attributes:
        folder: results/<experiment>/<run id>.
        experiment: as it is run.
        network: its care network.
        units: all units, in the order in which they are computed.
        least_count: the least number of people that may be shown; 1 where nobody is real.
        look: the same experiment with few people, which is run first.
    """

    folder: Path
    experiment: ExperimentDefinition
    network: NetworkDefinition
    units: tuple[UnitPlace, ...]
    least_count: int = 1
    look: LiveRun | None = None
    _tables: dict[str, dict[str, pl.DataFrame]] = field(default_factory=dict, repr=False)
    _events: dict[str, pl.DataFrame] = field(default_factory=dict, repr=False)
    _waits: dict[tuple[str, int], pl.DataFrame] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def of_study(cls, study: Study, results: Path) -> LiveRun:
        """The run of a study, begun or not."""
        units = tuple(UnitPlace(u.key, u.strategy.name, u.draw, u.replication, u.region) for u in study.units)
        least = study.cohort.definition.least_count
        return cls(results / study.experiment.name / study.run_id, study.experiment, study.network, units, least)

    @classmethod
    def of_finished(cls, run: StoredRun) -> LiveRun:
        """A finished run."""
        named = ("key", "strategy", "draw", "replication", "region")
        units = tuple(UnitPlace(*(unit[name] for name in named)) for unit in run.manifest["units"])
        return cls(run.folder, run.experiment, run.network, units, run.least_count)

    @cached_property
    def store(self) -> UnitStore:
        """The units of the experiment."""
        return RunStore(self.folder).units

    @property
    def strategies(self) -> dict[str, str]:
        """Title by name of every strategy."""
        return {strategy.name: strategy.title for strategy in self.experiment.strategies}

    @property
    def is_finished(self) -> bool:
        """Whether its results have been combined."""
        return (self.folder / MANIFEST).is_file()

    @cached_property
    def finished(self) -> StoredRun:
        """The run, once it is finished.

        Raises:
            InputError: it is not, or it was altered.
        """
        return StoredRun.open(self.folder)

    @property
    def scaled_network(self) -> CareNetwork:
        """The care network for the people of this run."""
        return CareNetwork(self.network, None, self.folder).scaled(self.experiment.population)

    def refresh(self) -> int:
        """Read the units that have arrived; returns how many are there."""
        if self.is_finished:
            return len(self.units)
        with self._lock:
            for unit in self.units:
                if unit.key not in self._tables and self.store.path(unit.key).exists():
                    tables = dict(_tables(self.store.path(unit.key)))
                    if "measures" in tables:
                        self._tables[unit.key] = tables
            return len(self._tables)

    @property
    def shows_look(self) -> bool:
        """Whether its first look tells more than it does."""
        if self.look is None or self.is_finished or not self.look.there:
            return False
        whole = len(self.whole)
        return whole < min(ENOUGH, self.comparisons) and (whole == 0 or len(self.look.whole) > whole)

    @property
    def problems(self) -> list[str]:
        """Units that were given up."""
        return [_named(unit) for unit in self.units if self.store.quarantined(unit.key).exists()]

    @property
    def there(self) -> list[UnitPlace]:
        """Units that have been read."""
        return [unit for unit in self.units if self.is_finished or unit.key in self._tables]

    @property
    def whole(self) -> list[tuple[int, int]]:
        """Comparisons of which every unit is there, in order."""
        if self.is_finished:
            return list(dict.fromkeys(unit.comparison for unit in self.units))
        missing = {unit.comparison for unit in self.units if unit.key not in self._tables}
        return list(dict.fromkeys(unit.comparison for unit in self.units if unit.comparison not in missing))

    @property
    def comparisons(self) -> int:
        """Number of comparisons of the run."""
        return len({unit.comparison for unit in self.units})

    @property
    def so_far(self) -> ExperimentDefinition:
        """The experiment with as many draws and replications as there are whole comparisons."""
        whole = self.whole
        if not whole or self.is_finished:
            return self.experiment
        draws = len({draw for draw, _ in whole})
        replications = max(replication for _, replication in whole) + 1
        said = {"draws": draws, "replications": replications} if self.experiment.draws else {"replications": len(whole)}
        return self.experiment.model_copy(update=said)

    def measures(self) -> pl.DataFrame:
        """Measures of the whole comparisons, as in a finished run.

        Raises:
            InputError: there is none yet.
        """
        if self.is_finished:
            return self.finished.frame("measures")
        whole = set(self.whole)
        return self._measures([unit for unit in self.units if unit.comparison in whole])

    def tables(self, measures: pl.DataFrame) -> RunTables:
        """The tables of its measures; of a finished run those that it has stored."""
        if self.is_finished and set(RunTables._fields) <= set(self.finished.tables):
            return RunTables(*map(self.finished.frame, RunTables._fields))
        return RunTables.of(measures, self.experiment)

    def first_measures(self) -> pl.DataFrame:
        """Measures of the units that are there, before a comparison is whole."""
        return self._measures(self.there)

    def _measures(self, units: list[UnitPlace]) -> pl.DataFrame:
        frames = [self._tables[unit.key]["measures"] for unit in units if unit.key in self._tables]
        if not frames:
            raise InputError(f"{self.folder}: no comparison is finished yet")
        daily, admissions = self._days_of(units)
        first = warm_up_of(self.experiment, self.network, daily, admissions).days
        with_events = units if first and keeps_waits(self.experiment) else ()
        waits = [self._waits_after(one.key, first) for one in with_events if one.key in self._tables]
        found = with_gaps(merge(after_warm_up(pl.concat(frames).lazy(), daily, waits, self.network, first)))
        hidden = hidden_measures(found, self.least_count, study_beds=self.network.study_beds)
        return masked(found, hidden).collect()

    def _waits_after(self, key: str, first: int) -> pl.DataFrame:
        """Measures of a unit's waits from a day on; its events are read once."""
        if (key, first) not in self._waits:
            self._waits[key, first] = waits_after(self.store, key, self.network, first)
        return self._waits[key, first]

    @property
    def warm_up(self) -> WarmUpRule:
        """The days that occupancy leaves out in its measures, by the rule of a finished run."""
        if self.is_finished:
            run = self.finished
            kept = DAILY in run.tables
            days: Days = (run.table(DAILY), run.table(ADMISSIONS)) if kept else NO_DAYS
        else:
            whole = set(self.whole)
            days = self._days_of([unit for unit in self.there if not whole or unit.comparison in whole])
        return warm_up_of(self.experiment, self.network, *days)

    def _days_of(self, units: list[UnitPlace]) -> Days:
        """Days and admissions of units; None where the run keeps none, or none is there under the comparator."""
        there = [unit for unit in units if DAILY in self._tables.get(unit.key, {})]
        if not any(unit.strategy == self.experiment.reference for unit in there):
            return NO_DAYS
        tables = [self._tables[unit.key] for unit in there]
        return pl.concat([one[DAILY] for one in tables]).lazy(), pl.concat([one[ADMISSIONS] for one in tables]).lazy()

    def daily(self, strategy: str) -> pl.DataFrame:
        """The days of the units of a strategy that are there; none where they would count few people, who are real."""
        if self.least_count > 1 and self.network.study_beds:
            return pl.DataFrame()
        if self.is_finished:
            run = self.finished
            return (
                run.table(DAILY).filter(pl.col("strategy") == strategy).collect()
                if DAILY in run.tables
                else pl.DataFrame()
            )
        frames = [
            self._tables[unit.key][DAILY]
            for unit in self.there
            if unit.strategy == strategy and DAILY in self._tables[unit.key]
        ]
        return pl.concat(frames) if frames else pl.DataFrame()

    def events(self, strategy: str) -> list[pl.DataFrame]:
        """The events of the first comparison under a strategy, a frame for each region that is there.

        There are none where people are real: what moves in a week is few people.
        """
        if self.experiment.store != "events" or self.least_count > 1:
            return []
        first = next((unit.comparison for unit in self.there if unit.strategy == strategy), None)
        units = [unit for unit in self.there if unit.strategy == strategy and unit.comparison == first]
        return [self._events_of(unit.key) for unit in units]

    def _events_of(self, key: str) -> pl.DataFrame:
        if key not in self._events:
            if len(self._events) >= KEPT_EVENTS:
                self._events.pop(next(iter(self._events)))
            self._events[key] = pl.read_parquet(io.BytesIO(unit_file.read_table(self.store.path(key), "events")))
        return self._events[key]

    def history(self, measure: str, most: int = 60) -> pl.DataFrame:
        """How the difference from the comparator and its interval have become what they are, comparison by comparison.

        Args:
            measure: its name.
            most: number of points.

        Returns:
            strategy, comparisons (so many counted), mean, low, high.
        """
        whole = self.whole
        if not whole:
            return pl.DataFrame()
        counts = sorted({max(1, round(len(whole) * (number + 1) / most)) for number in range(most)})
        pair = ["draw", "replication"]
        place = (
            pl.DataFrame(whole, pair, orient="row").with_row_index("place").with_columns(pl.col(pair).cast(pl.Int64))
        )
        every = self.measures().filter(pl.col("measure") == measure).with_columns(pl.col(pair).cast(pl.Int64))
        every = every.join(place, on=pair, maintain_order="left")
        parts = []
        for count in counts:
            means = paired_differences(every.filter(pl.col("place") < count).drop("place"), self.experiment.reference)
            parts.append(means.select("strategy", pl.lit(count).alias("comparisons"), "mean", "low", "high"))
        return pl.concat(parts)


def is_news(before: tuple[int, ...], there: tuple[int, ...]) -> bool:
    """Whether so much has arrived that the page is worth drawing again: a first unit, or 1 in `NEWS` more."""
    return len(before) != len(there) or any(
        now - then >= max(1, then // NEWS) for then, now in zip(before, there, strict=True)
    )


def _tables(path: Path) -> Iterator[tuple[str, pl.DataFrame]]:
    """Measures, days and admissions of a unit; a damaged file has none. Bytes are checked once the run is finished."""
    for name in ("measures", DAILY, ADMISSIONS):
        with suppress(*unit_file.DAMAGE):  # also if the experiment keeps no such table
            yield name, pl.read_parquet(io.BytesIO(unit_file.read_table(path, name)))


def _named(unit: UnitPlace) -> str:
    return f"{unit.strategy}, draw {unit.draw}, replication {unit.replication}"
