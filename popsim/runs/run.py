"""A finished run, opened again: its experiment, its tables, and its units to inspect or to simulate again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import polars as pl

from popsim.definitions.base import validate
from popsim.definitions.cohort import SMALL_CELLS, CohortDefinition
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.network import NetworkDefinition
from popsim.economics.subgroups import Cuts, levels
from popsim.errors import InputError, RunError, did_you_mean
from popsim.html import html_table
from popsim.outcomes.small_cells import hidden_measures, masked
from popsim.physiology.factory import split
from popsim.physiology.own import Own, title
from popsim.plurals import counted
from popsim.population.cohort import CohortSource
from popsim.population.columns import Schema
from popsim.runs.store import MANIFEST, RunStore, followed, records
from popsim.studies.design import Study, Unit, resolve
from popsim.studies.organ_systems import own_organ_systems_of, schema_of
from popsim.studies.prices import prices_in_words

if TYPE_CHECKING:
    from popsim.studies.design import Study, Unit

SHOWN = {  # measure: label, factor and digits in a notebook
    "readmission_30d": ("30-day readmission, %", 100.0, 1),
    "mortality": ("Died in follow-up, %", 100.0, 1),
    "bed_days": ("Bed-days per person", 1.0, 2),
    "cost_total": ("Cost per person, {currency}", 1.0, 0),
    "qalys": ("QALYs per person in follow-up", 1.0, 3),
}


def described(folder: Path, flags: Mapping[str, object]) -> str:
    """A run's folder, and the flags that replaced values of the experiment's file."""
    said = " ".join(f"{flag} {value}" for flag, value in flags.items())
    return f"{folder}{f' ({said})' if said else ''}"


@dataclass(frozen=True)
class StoredRun:
    """A finished run.

    Attributes:
        folder: results/<experiment>/<run id>.
        manifest: what was run, with what, and the content hash of the results.
        organ_systems: a user's own that were made in Python, to simulate a unit again.
    """

    folder: Path
    manifest: Mapping[str, Any]
    organ_systems: tuple[Own, ...] = ()

    @classmethod
    def open(cls, path: Path | str, results: Path | str = "results", organ_systems: Sequence[Own] = ()) -> Self:
        """Open a run by its folder, or the newest of an experiment by the experiment's folder or its TOML file.

        Every table is checked against its hash first.

        Args:
            path: results/<experiment>/<run id>, results/<experiment>, or an experiment file whose results are under
                `results`, whatever the flags of the run.
            results: folder of all results.
            organ_systems: a user's own that were made in Python, for a run that had them.

        Raises:
            InputError: there is no finished run, or it was altered.
            DefinitionError: the experiment file is refused.
        """
        path = followed(Path(path))
        folder = Path(results) / ExperimentDefinition.read(path).name if path.suffix == ".toml" else path
        if not folder.is_dir() and folder == path:
            raise InputError(f"{path}: no such folder; name the folder of a run, results/<experiment>/<run id>")
        if not (folder / MANIFEST).is_file():
            finished = records(folder, MANIFEST)
            if not finished:
                where = "it" if folder == path else folder
                say = "'popsim run' makes one, and resumes an interrupted one; or name the folder of a run"
                raise InputError(f"{path}: no finished run in {where}; {say}")
            folder = finished[-1].parent
        return cls(folder, RunStore(folder).read_manifest(), split(tuple(organ_systems))[1])

    @property
    def described(self) -> str:
        """The run's folder, and the flags that replaced values of the experiment's file."""
        return described(self.folder, self.manifest["flags"])

    @cached_property
    def experiment(self) -> ExperimentDefinition:
        """The experiment as it was run, flags of the command line included."""
        return validate(self.manifest["experiment"], ExperimentDefinition, self.folder / MANIFEST)

    @cached_property
    def network(self) -> NetworkDefinition:
        """The care network."""
        return validate(self.manifest["network"], NetworkDefinition, self.folder / MANIFEST)

    @cached_property
    def cohort(self) -> CohortSource:
        """The cohort; a table of people is looked for at its original path."""
        definition = validate(self.manifest["cohort"], CohortDefinition, self.folder / MANIFEST)
        return CohortSource(definition, self.experiment_file.parent / self.experiment.cohort)

    @property
    def experiment_file(self) -> Path:
        """The file of the experiment, as the run found it."""
        return Path(next(iter(self.manifest["files"])))

    def again(self, flag: str, value: object) -> str:
        """The command that repeats the run with another value of a flag."""
        flags = {**self.manifest["flags"], flag: value}
        file = next(iter(self.manifest.get("files", ())), "...")
        return " ".join(["popsim run", str(file), *(f"{name} {number}" for name, number in flags.items())])

    @property
    def schema(self) -> Schema:
        """The columns of a twin.

        Raises:
            DefinitionError: the file of an organ system is missing or refused.
        """
        own = own_organ_systems_of(self.experiment, self.experiment_file)
        return schema_of((*own, *self.organ_systems))

    @cached_property
    def study(self) -> Study:
        """The study, to simulate a unit again.

        Raises:
            InputError: popsim, its evidence or the data have changed since, so that results would differ; or the run
                had organ systems made in Python, which are not given.
        """
        made = self.manifest.get("own_organ_systems", [])
        if made != [title(one) for one in self.organ_systems]:
            give = f"open it with organ_systems=[{', '.join(made)}]" if made else "open it without organ_systems"
            raise InputError(f"{self.folder}: was run with other organ systems made in Python: {give}")
        file = self.experiment_file
        study = resolve(self.experiment, self.cohort, self.network, file, self.manifest["flags"], self.organ_systems)
        if study.run_id != self.manifest["run_id"]:
            raise InputError(f"{self.folder}: popsim or its inputs have changed since this run: run it again")
        return study

    @property
    def strategies(self) -> dict[str, str]:
        """Title by name of every strategy, in the order of the experiment."""
        return {strategy.name: strategy.title for strategy in self.experiment.strategies}

    @property
    def comparator(self) -> str:
        """Name of the strategy that the others are compared with."""
        return self.experiment.reference

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables of the whole run."""
        return tuple(sorted(self.manifest["tables"]))

    def table(self, name: str) -> pl.LazyFrame:
        """A lazy table of the whole run; the column `strategy` has plain strings.

        Raises:
            InputError: the run has no such table.
        """
        if name not in self.tables:
            raise InputError(f"{self.folder}: no table '{name}', {did_you_mean(name, self.tables)}")
        frame = masked(pl.scan_parquet(self.folder / f"{name}.parquet"), self.hidden_measures)
        named = [column for column in ("strategy", "comparator") if column in frame.collect_schema()]
        return frame.with_columns(pl.col(named).cast(pl.String))

    @cached_property
    def hidden_measures(self) -> set[str]:
        """Measures of so few real people that no table shows them (outcomes/small_cells.py)."""
        if self.least_count <= 1:
            return set()
        measures = pl.read_parquet(self.folder / "measures.parquet")
        return hidden_measures(measures, self.least_count, study_beds=self.network.study_beds)

    @cached_property
    def least_count(self) -> int:
        """The least number of people that may be shown; 1 where nobody is real."""
        table = self.manifest.get("cohort", {}).get("table") or {}
        return table.get("small_cells", SMALL_CELLS) if table and table.get("real_people", True) else 1

    def refuse_single_persons(self, what: str) -> None:
        """Refuse to show one person's course where people are real.

        Raises:
            InputError: they are.
        """
        if self.least_count > 1:
            say = "shows one person, and people of this run are real (small_cells = 1 in the cohort's table allows it)"
            raise InputError(f"{self.folder}: {what} {say}")

    def refuse_small_counts(self, counts: Iterable[float], what: str) -> None:
        """Refuse to show counts of real people of whom there are fewer than may be shown.

        Raises:
            InputError: one is.
        """
        if any(0.0 < count < self.least_count for count in counts):
            say = f"counts of fewer than {self.least_count} people, and they are real"
            raise InputError(f"{self.folder}: {what}: {say}")

    def refuse_small_groups(self, persons: pl.LazyFrame, by: Sequence[str], cuts: Cuts | None = None) -> None:
        """Refuse to group real people so that a group is smaller than may be shown.

        Raises:
            InputError: a group is; it names the column.
        """
        if self.least_count <= 1:
            return
        for column in by:
            label = levels(persons.with_columns(pl.col("strategy").cast(pl.String)), column, self.comparator, cuts)
            units = ["strategy", "draw", "replication", "region"]
            sizes = persons.group_by(*units, label.alias("level")).len().group_by("level").agg(pl.col("len").max())
            if (sizes.select((pl.col("len") < self.least_count).any())).collect().item():
                say = f"a group has fewer than {self.least_count} people, and they are real: name wider bands, or none"
                raise InputError(f"{self.folder}: column '{column}': {say}")

    def frame(self, name: str) -> pl.DataFrame:
        """A table of the whole run in memory.

        Raises:
            InputError: the run has no such table.
        """
        return self.table(name).collect()

    def rows_of(
        self, table: str, strategy: str, draw: int | None = None, replication: int = 0, region: int = 0
    ) -> pl.DataFrame:
        """The rows of a table that are of one unit; `draw` is the run's first when None.

        Raises:
            InputError: the run has no such unit or table.
        """
        named = zip(
            ("strategy", "draw", "replication", "region"), self._place(strategy, draw, replication, region), strict=True
        )
        return self.table(table).filter(*(pl.col(name) == value for name, value in named)).collect()

    def events(self, strategy: str, draw: int | None = None, replication: int = 0, region: int = 0) -> pl.LazyFrame:
        """The lazy event log of one unit; `draw` is the run's first when None.

        Raises:
            InputError: the run has no such unit, or it keeps no events.
            RunError: the file of the unit is damaged or missing.
        """
        if self.experiment.store != "events":
            raise InputError(f"{self.folder}: keeps no events (the experiment's store is '{self.experiment.store}')")
        place = self._place(strategy, draw, replication, region)
        units = self.manifest["units"]
        unit = next(u for u in units if (u["strategy"], u["draw"], u["replication"], u["region"]) == place)
        store = RunStore(self.folder).units
        record = store.finished(unit["key"])
        if record is None or record.contents != unit["contents"]:
            raise RunError(f"{store.path(unit['key'])}: damaged or missing; 'popsim run' makes it again")
        return store.scan("events", [unit["key"]])

    def unit(self, strategy: str, draw: int | None = None, replication: int = 0, region: int = 0) -> Unit:
        """One unit, for `studies.unit.build`: the same seed gives the same results, bit by bit.

        Raises:
            InputError: the run has no such unit, or its results cannot be reproduced.
        """
        place = self._place(strategy, draw, replication, region)
        return next(u for u in self.study.units if (u.strategy.name, u.draw, u.replication, u.region) == place)

    def _place(self, strategy: str, draw: int | None, replication: int, region: int) -> tuple[str, int, int, int]:
        """The identity of a unit, checked."""
        if strategy not in self.strategies:
            raise InputError(f"{self.folder}: no strategy '{strategy}', {did_you_mean(strategy, self.strategies)}")
        draws = self.experiment.draws
        draw = min(draws, 1) if draw is None else draw
        for name, number, low, high in (
            ("draw", draw, min(draws, 1), draws),
            ("replication", replication, 0, self.experiment.replications - 1),
            ("region", region, 0, self.experiment.regions - 1),
        ):
            if not low <= number <= high:
                raise InputError(f"{self.folder}: {name} = {number}: the run has {low} to {high}")
        return strategy, draw, replication, region

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.folder)!r})"

    def _repr_html_(self) -> str:
        """For notebooks: the experiment, and the main results."""
        experiment = self.experiment
        sizes = f"{experiment.population:,} people, {counted(experiment.replications, 'replication')}"
        if experiment.draws:
            sizes += f", {counted(experiment.draws, 'parameter draw')}"
        summary = {(row["strategy"], row["measure"]): row for row in self.frame("summary").iter_rows(named=True)}
        rows = []
        for measure, (label, factor, digits) in SHOWN.items():
            cells = [summary.get((name, measure)) for name in self.strategies]
            if any(cell is not None for cell in cells):
                texts = [_estimate(cell, factor, digits) for cell in cells]
                rows.append([label.format(currency=experiment.currency), *texts])
        caption = (
            f"{experiment.title or experiment.name}: {sizes}; mean (95% interval). Run {self.manifest['run_id']}. "
            f"Costs are in {prices_in_words(experiment)}."
        )
        return html_table(caption, ["", *self.strategies.values()], rows)


def _estimate(cell: Mapping[str, float | None] | None, factor: float, digits: int) -> str:
    """A mean with its interval, if there are several replications."""
    if cell is None or cell["mean"] is None:
        return "n/a"
    mean, low, high = cell["mean"], cell["low"], cell["high"]
    if low is None or high is None:
        return f"{mean * factor:,.{digits}f}"
    return f"{mean * factor:,.{digits}f} ({low * factor:,.{digits}f} to {high * factor:,.{digits}f})"
