"""Digital twins of individual people, stored in a file. For research, not for care."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, Self

import polars as pl

from popsim.assimilation.options import load_options
from popsim.errors import DefinitionError, InputError, did_you_mean
from popsim.html import html_table
from popsim.plurals import counted
from popsim.population.cohort import CohortSource
from popsim.registry.advice import COMPARED_DAYS, FORECAST_DAYS, WILLINGNESS_TO_PAY, compare_options, make_forecast
from popsim.registry.privacy import checked_id, shown_path
from popsim.registry.record import Person, person_of, read_record
from popsim.registry.service import MEMBERS, SEED, Report, TwinRegistry
from popsim.registry.stream import Calendar, read_bytes
from popsim.registry.summary import NOTICE, TwinSummary
from popsim.registry.views import summarise
from popsim.registry.vocabulary import Vocabulary, vocabulary_of
from popsim.reporting.pages.twin import write_twin_page
from popsim.reporting.text.twin import summary_text
from popsim.surface.frames import as_requested
from popsim.surface.plots import TwinPlots
from popsim.surface.wording import PlainText, for_python

RECORD, READINGS = Path("record.json"), Path("readings.jsonl")  # names in errors for input from Python


class Twin:
    """One person's digital twin in a registry. For research, not for care.

    Attributes:
        registry: that stores it.
        id: random; it reveals nothing about the person.
    """

    def __init__(self, registry: Registry, twin: str) -> None:
        self.registry, self.id = registry, checked_id(twin)
        self.summary  # noqa: B018 - refuses an id that is not in the registry

    def update(
        self,
        readings: str | Path | pl.DataFrame | Sequence[Mapping[str, Any]],
        *,
        day_zero: date | None = None,
        today: int | None = None,
    ) -> Report:
        """Assimilate readings, medications and events: all of them, or none if one is refused.

        Args:
            readings: a CSV or JSON-lines file, a frame, or rows with time, code, value, unit and kind.
            day_zero: date of the twin's day 0, for readings with dates; it is not stored.
            today: in days since the start; the twin is advanced to it.

        Returns:
            Numbers of readings assimilated, already known, and too late.

        Raises:
            DefinitionError: a reading is refused.
        """
        raw, file = _stream(readings)
        return self.registry.service.update(raw, file, twin=self.id, calendar=Calendar(day_zero, today))

    def forecast(self, days: int = FORECAST_DAYS, *, pandas: bool = False) -> Any:
        """Forecast with unchanged treatment.

        Returns:
            Risks: label, within_days, probability, low, high. `plot.signals()` then shows the course of the measured
            signals.
        """
        make_forecast(self.registry.service, self.id, days)
        fields = ("label", "within_days", "probability", "low", "high")
        rows = [{name: getattr(risk, name) for name in fields} for risk in self.summary.risks]
        return as_requested(pl.DataFrame(rows, schema={name: RISKS[name] for name in fields}), pandas)

    def compare(
        self,
        options: str | Path | None = None,
        *,
        days: int = COMPARED_DAYS,
        willingness_to_pay: float = WILLINGNESS_TO_PAY,
        highest_risk: float | None = None,
        budget: float | None = None,
        pandas: bool = False,
    ) -> Any:
        """Compare treatment options and recommend one; `reasons` then explains it.

        Args:
            options: TOML file of options; the standard ones when None.
            days: to look ahead.
            willingness_to_pay: for a QALY, GBP.
            highest_risk: highest acceptable risk of an adverse reaction, 0 to 1.
            budget: highest extra cost over doing nothing, GBP.
            pandas: whether the table is a pandas one.

        Returns:
            Options, best first: label, benefit, low, high, probability_best, refused, chosen.
        """
        compare_options(
            self.registry.service,
            self.id,
            None if options is None else load_options(options),
            days=days,
            willingness_to_pay=willingness_to_pay,
            highest_risk=highest_risk,
            budget=budget,
        )
        return as_requested(pl.DataFrame([asdict(option) for option in self.summary.options]), pandas)

    @property
    def summary(self) -> TwinSummary:
        """Records, estimates, forecasts and advice, as plain data."""
        return summarise(self.registry.service, self.id)

    @property
    def day(self) -> int:
        """The current day of the twin; day 0 is the start."""
        return self.summary.day

    @property
    def reasons(self) -> PlainText:
        """Reasons for the last recommendation, in clinical terms."""
        return PlainText("\n".join([*self.summary.reasons, NOTICE]))

    @property
    def plot(self) -> TwinPlots:
        """The figures: `twin.plot.signals()`, `twin.plot.risks()`, `twin.plot.options()`."""
        return TwinPlots(self.summary)

    def show(self, path: str | Path | None = None) -> PlainText | Path:
        """The summary as text; or as a page, .html or .png, that only its owner can read."""
        return PlainText(summary_text(self.summary)) if path is None else write_twin_page(self.summary, Path(path))

    def forget(self) -> None:
        """Delete everything about the twin; the audit log keeps only that its id existed."""
        self.registry.service.forget(self.id)

    def __repr__(self) -> str:
        return f"Twin({self.id}, day {self.day}). {NOTICE}"

    def _repr_html_(self) -> str:
        """For notebooks: the record, the current day and the size of the ensemble."""
        summary = self.summary
        rows = [*summary.known.items(), ("Day", summary.day), ("Ensemble members", summary.members)]
        return html_table(f"Twin {self.id}. {NOTICE}", [], rows)

    def __getattr__(self, name: str) -> Any:
        known = [one for one in dir(type(self)) if not one.startswith("_")]
        raise AttributeError(f"a twin has no '{name}', {did_you_mean(name, known)}")


class Registry:
    """Twins of individual people in one file, which only its owner can read. For research, not for care.

        registry = Registry.open("twins.sqlite", create=True, cohort="cohort.toml")
        twin = registry.new({"age_years": 74, "sex": "female"})

    Args:
        path: of the file.
        create: create the file if it does not exist.
        cohort: for everything that a record lacks; a file or a `Cohort`. Only `new` needs it.
        members: of each twin's ensemble.
        seed: first word of the random key.

    Raises:
        InputError: there is no such file, other people may read it, or it is not a registry.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        create: bool = False,
        cohort: str | Path | CohortSource | None = None,
        members: int = MEMBERS,
        seed: int = SEED,
    ) -> None:
        self.service = TwinRegistry(path, create=create)
        self.cohort = cohort if cohort is None or isinstance(cohort, CohortSource) else _cohort(Path(cohort))
        self.members, self.seed = members, seed

    @classmethod
    def open(cls, path: str | Path, **keywords: Any) -> Self:
        """Open a registry; with create=True, create it if it does not exist."""
        return cls(path, **keywords)

    def new(
        self, record: str | Path | Mapping[str, Any], *, genome: str | Path | None = None, id: str | None = None
    ) -> Twin:
        """Make a twin from a record without names.

        Args:
            record: a TOML or JSON file, or the same as a dictionary: age_years, sex, diagnoses, medications ...
            genome: CSV or TSV file of gene and diplotype.
            id: of a made-up person, eight letters and digits: the twin, whose random numbers hang on its id, is then
                the same each time it is made. It is random when None, as it must be for a person who lives.

        Raises:
            InputError: the registry was opened without a cohort, or has a twin of this id.
            DefinitionError: something in the record is refused; what is personal is not repeated.
        """
        if self.cohort is None:
            raise InputError("new: needs a cohort for everything that a record lacks: Registry.open(..., cohort=...)")
        person = _person(record, genome, vocabulary_of(self.service.parameters))
        ids = None if id is None else [id]
        [twin] = self.service.new([person], self.cohort, members=self.members, seed=self.seed, ids=ids)
        return Twin(self, twin)

    def twin(self, twin: str) -> Twin:
        """The twin of this id.

        Raises:
            InputError: there is none.
        """
        return Twin(self, twin)

    def __iter__(self) -> Iterator[Twin]:
        return (Twin(self, twin) for twin in self._ids())

    def __len__(self) -> int:
        return len(self._ids())

    def __repr__(self) -> str:
        return f"Registry({counted(len(self), 'twin')}). {NOTICE}"

    def _repr_html_(self) -> str:
        """For notebooks: the twins and their current days."""
        return html_table(f"Registry of twins. {NOTICE}", ["Twin", "Day"], [(twin.id, twin.day) for twin in self])

    def _ids(self) -> list[str]:
        with self.service.database.reading() as connection:
            return list(self.service.standings(connection))


RISKS = {"label": pl.String, "within_days": pl.Int64, "probability": pl.Float64, "low": pl.Float64, "high": pl.Float64}


def _cohort(path: Path) -> CohortSource:
    """A cohort; errors name the file without its folders, which often contain a name."""
    try:
        return CohortSource.read(path)
    except DefinitionError as error:
        raise DefinitionError(shown_path(error.file), error.key, error.value, error.allowed) from None


def _person(record: str | Path | Mapping[str, Any], genome: str | Path | None, vocabulary: Vocabulary) -> Person:
    genes = None if genome is None else Path(genome)
    if isinstance(record, Mapping):
        return person_of(json.dumps(dict(record), default=str), RECORD, vocabulary, genes)
    return read_record(Path(record), vocabulary, genes)


def _stream(readings: str | Path | pl.DataFrame | Sequence[Mapping[str, Any]]) -> tuple[bytes, Path]:
    """Bytes of a stream, and its name in errors."""
    if isinstance(readings, str | Path):
        return read_bytes(Path(readings)), Path(readings)
    if isinstance(readings, pl.DataFrame):
        return readings.write_ndjson().encode(), READINGS
    if any(not isinstance(row, Mapping) for row in readings):
        raise InputError("readings: must be a file, a polars frame or a list of rows")
    return "".join(f"{json.dumps(row, default=str)}\n" for row in readings).encode(), READINGS


for one in (Twin, Registry):
    for_python(one, registry="path", out="path")
