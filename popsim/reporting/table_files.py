"""Tables of a command as files, from the very frames that its text is made of: CSV, JSON or an Excel workbook.

A text hands every frame that it shows to `tabled`, which gives it back; where a command `collects` tables, they are
kept until it ends. In files, strategies, settings and levels bear their labels, and measures their label and unit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from polars import selectors

from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.network import NetworkDefinition
from popsim.errors import InputError
from popsim.exchange.tables.csv_file import write_csv
from popsim.reporting.labels import code_label, codes_of, level_label
from popsim.studies.content import combined_hash
from popsim.studies.measures import measure_of
from popsim.studies.prices import money_in_words

if TYPE_CHECKING:
    from popsim.analyses.decision_view import StudyFacts

STANDARD_OUTPUT = "-"
MAX_SHEET_NAME = 31
NOT_IN_SHEET_NAMES = re.compile(r"[\[\]:*?/\\'|]+")
MONEY = re.compile("(parameter_)?(cost|icer|net_monetary_benefit|net_benefit|expected_loss)(_|$)")  # columns
ADDED = ("label", "unit")  # of a measure
STRATEGIES = ("strategy", "comparator", "against")  # columns that hold names of strategies


@dataclass(frozen=True, slots=True)
class NamedTable:
    """A table of a command.

    Attributes:
        title: what it shows.
        frame: its rows.
        units: of its columns, by name, where they have one.
    """

    title: str
    frame: pl.DataFrame
    units: Mapping[str, str]

    @property
    def headings(self) -> dict[str, str]:
        """Name of each column with its unit."""
        return {name: f"{name}, {self.units[name]}" if name in self.units else name for name in self.frame.columns}


@dataclass(slots=True)
class Collection:
    """The tables of a command, and what they are of.

    Attributes:
        command: as it was typed.
        tables: in the order of the text.
        strategies, settings: titles by name.
        hashes: content hash of each run, by its id.
        seed: of the first study.
        money: currency and year of the amounts of the first study.
    """

    command: str
    tables: list[NamedTable] = field(default_factory=list)
    strategies: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    seed: int | None = None
    money: str = ""

    @property
    def head(self) -> dict[str, Any]:
        """Command, version, seed and content hash: of the run, or of all runs together; None where nothing was run."""
        hashes = list(self.hashes.values())
        content = combined_hash(self.hashes) if len(hashes) > 1 else next(iter(hashes), None)
        return {"command": self.command, "popsim": version("popsim"), "seed": self.seed, "content_hash": content}


_COLLECTION: ContextVar[Collection | None] = ContextVar("collection", default=None)


@contextmanager
def collects(command: str) -> Iterator[Collection]:
    """Keep every table that is shown."""
    collection = Collection(command)
    token = _COLLECTION.set(collection)
    try:
        yield collection
    finally:
        _COLLECTION.reset(token)


def tabled(title: str, frame: pl.DataFrame, **units: str) -> pl.DataFrame:
    """The frame, which is kept for the command's files.

    Args:
        title: what it shows.
        frame: what a text shows.
        units: of columns.
    """
    collection = _COLLECTION.get()
    if collection is not None:
        collection.tables.append(NamedTable(title, frame, units))
    return frame


def tables_are_of(
    experiment: ExperimentDefinition, network: NetworkDefinition, run_id: str = "", content_hash: str = ""
) -> None:
    """Note the study, and the run if there is one, that the tables of the command are of."""
    collection = _COLLECTION.get()
    if collection is None:
        return
    collection.strategies |= {strategy.name: strategy.title for strategy in experiment.strategies}
    collection.settings |= {setting.name: setting.title for setting in network.settings}
    collection.seed = experiment.seed if collection.seed is None else collection.seed
    collection.money = collection.money or money_in_words(experiment)
    if run_id and content_hash:
        collection.hashes[run_id] = content_hash


def tables_are_of_model(facts: StudyFacts) -> None:
    """Note the model of one's own that the tables of the command are of."""
    collection = _COLLECTION.get()
    if collection is not None:
        collection.strategies |= facts.strategies
        collection.seed, collection.money = facts.seed, facts.currency


def write_tables(collection: Collection, csv: Path | None, json_path: Path | None, xlsx: Path | None) -> list[Path]:
    """Write the tables of a command; returns the files.

    Args:
        collection: of the command.
        csv: for the first table; the others stand beside it as <stem>_<title>.csv.
        json_path: for all tables; "-" is the standard output.
        xlsx: for all tables, a sheet each.

    Raises:
        InputError: the command showed no table, or a file cannot be written.
    """
    tables = [_labelled(table, collection) for table in collection.tables]
    if not tables:
        raise InputError("command line: --csv, --json, --xlsx: there is no table to write")
    titles = _unique([table.title for table in tables])
    names = [re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_") for title in titles]
    written = []
    if csv is not None:
        for place, (name, table) in enumerate(zip(names, tables, strict=True)):
            path = csv if place == 0 else csv.with_name(f"{csv.stem}_{name}.csv")
            written.append(write_csv(_flat(table.frame).rename(table.headings), path))
    try:
        if json_path is not None:
            text = as_json(collection)
            if str(json_path) == STANDARD_OUTPUT:
                print(text)
            else:
                json_path.write_text(text + "\n", encoding="utf-8")
                written.append(json_path)
        if xlsx is not None:
            _write_workbook(tables, collection.head, xlsx)
            written.append(xlsx)
    except OSError as error:
        raise InputError(f"{error.filename or xlsx}: cannot be written: {error.strerror}") from None
    return written


def as_json(collection: Collection) -> str:
    """The head and every table, each with its units and a record for each row."""
    tables = [_records(_labelled(table, collection)) for table in collection.tables]
    return json.dumps({"head": collection.head, "tables": tables}, indent=2, ensure_ascii=False, allow_nan=False)


def _records(table: NamedTable) -> dict[str, Any]:
    rows = [{name: _plain(value) for name, value in row.items()} for row in table.frame.iter_rows(named=True)]
    return {"title": table.title, "units": dict(table.units), "records": rows}


def _plain(value: Any) -> Any:
    """A value that JSON has."""
    return value if value is None or isinstance(value, bool | int | float | str | list) else str(value)


def _write_workbook(tables: list[NamedTable], head: Mapping[str, Any], path: Path) -> None:
    """One sheet for each table; text that begins like a formula stays text."""
    from xlsxwriter import Workbook  # noqa: PLC0415 only this needs it
    from xlsxwriter.exceptions import FileCreateError  # noqa: PLC0415

    options = {"strings_to_formulas": False, "strings_to_urls": False}
    try:
        with Workbook(path, options) as book:
            book.set_properties({"comments": "\n".join(f"{name}: {value}" for name, value in head.items())})
            names = _unique(
                [NOT_IN_SHEET_NAMES.sub(" ", table.title)[: MAX_SHEET_NAME - 3].strip() for table in tables]
            )
            for name, table in zip(names, tables, strict=True):
                _flat(table.frame).rename(table.headings).write_excel(
                    book, name, autofilter=False, header_format={"bold": True}, float_precision=6, freeze_panes=(1, 0)
                )
    except FileCreateError as error:
        raise OSError(None, str(error.args[0]), str(path)) from None


def _unique(names: list[str]) -> list[str]:
    """Names of which no two are alike in any case: the second of a kind gets a 2."""
    taken: list[str] = []
    for name in names:
        same = sum(one.lower() == name.lower() for one in names[: len(taken)])
        taken.append(f"{name} {same + 1}".strip() if same else name)
    return taken


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Lists as one text."""
    lists = [name for name, kind in frame.schema.items() if kind.is_nested()]
    return frame.with_columns(pl.col(name).cast(pl.List(pl.String)).list.join("; ") for name in lists)


def _labelled(table: NamedTable, collection: Collection) -> NamedTable:
    """The table with labels instead of names and codes; numbers that are not finite are unknown."""
    floats = selectors.float()
    frame = table.frame.with_columns(
        pl.col(pl.Categorical, pl.Enum).cast(pl.String), pl.when(floats.is_finite()).then(floats)
    )
    titles = {**dict.fromkeys(STRATEGIES, collection.strategies), "setting": collection.settings}
    known = [(name, titles[name]) for name in titles if frame.schema.get(name) == pl.String]
    frame = frame.with_columns(pl.col(name).replace(labels) for name, labels in known)
    if "measure" in frame.columns:
        frame = _with_measure_labels(frame, collection)
    grouping = next((name for name in ("subgroup", "column") if {name, "level"} <= set(frame.columns)), None)
    if grouping:
        levels = [_level(column, level) for column, level in frame.select(grouping, "level").iter_rows()]
        frame = frame.with_columns(pl.Series("level", levels, pl.String))
    codes = {name: found for name in frame.columns if (found := codes_of(name)) and set(frame[name]) <= {*found, None}}
    columns = (pl.col(name).replace_strict(labels, return_dtype=pl.String) for name, labels in codes.items())
    money = {name: collection.money for name in frame.select(selectors.numeric()).columns if MONEY.match(name)}
    units = {name: unit for name, unit in {**money, **table.units}.items() if unit and name in frame.columns}
    return NamedTable(table.title, frame.with_columns(columns), units)


def _with_measure_labels(frame: pl.DataFrame, collection: Collection) -> pl.DataFrame:
    """Label and unit of each measure beside its name, where it is declared."""
    names = frame["measure"].to_list()
    declared = {name: _declared(name, collection) for name in set(names)}
    place = frame.columns.index("measure") + 1
    columns = frame.drop(ADDED, strict=False).get_columns()
    label, unit = (pl.Series(head, [declared[name][i] for name in names], pl.String) for i, head in enumerate(ADDED))
    return pl.DataFrame([*columns[:place], label, unit, *columns[place:]])


def _declared(name: str, collection: Collection) -> tuple[str, str | None]:
    try:
        measure = measure_of(name)
    except InputError:
        return name.replace("_", " "), None
    unit = "share" if measure.unit.startswith("%") else measure.unit.format(currency=collection.money)
    member = collection.settings.get(measure.member(name), measure.member(name)) if measure.each else ""
    return f"{measure.label}: {member}" if member else measure.label, unit


def _level(column: str, level: str | float | None) -> str | None:
    """The label of a level: a number is a code of a column, null where the row is of no level."""
    return code_label(column, level) if isinstance(level, float) else level and level_label(column, level)
