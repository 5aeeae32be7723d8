"""A synthetic population of a finished run as FHIR R4: what a health system would have recorded of it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl

from popsim.definitions.durations import Forever
from popsim.exchange.fhir.writing import people as of_people
from popsim.exchange.fhir.writing.claims import claims
from popsim.exchange.fhir.writing.coding import Json
from popsim.exchange.fhir.writing.conditions import PersonConditions
from popsim.exchange.fhir.writing.contacts import Contacts, contact_at, contacts_of
from popsim.exchange.fhir.writing.encounters import encounters
from popsim.exchange.fhir.writing.folder import BulkFolder, WrittenFolder, check_folder
from popsim.exchange.fhir.writing.genomics import genomics
from popsim.exchange.fhir.writing.identity import key_of, uuids
from popsim.exchange.fhir.writing.medications import medication_requests
from popsim.exchange.fhir.writing.moments import ExportCalendar
from popsim.exchange.fhir.writing.observations import (
    in_specimen,
    inside,
    known,
    observation_lines,
    specimen_lines,
    specimen_of,
    written_signals,
)
from popsim.exchange.fhir.writing.person import ExportedPerson, PopulationExport
from popsim.exchange.fhir.writing.procedures import procedures
from popsim.exchange.fhir.writing.shared import shared_parts
from popsim.exchange.occasions import ACUTE
from popsim.exchange.privacy.gate import unit_to_export
from popsim.exchange.records import ClinicalRecord, OnDay, record
from popsim.outcomes.follow_up import follow_up
from popsim.runs.run import StoredRun
from popsim.studies.design import Unit

PEOPLE_AT_ONCE = 500
# How many ids of a kind are made for everybody at once; who has more gets them alone.
READY = {
    "Condition": 16, "MedicationRequest": 16, "ExplanationOfBenefit": 12, "ResearchSubject": 1, "Provenance": 1,
    "Coverage": 1,
}  # fmt: skip


@dataclass(frozen=True)
class ExportChoices:
    """What to export.

    Attributes:
        strategy, draw, replication, region: of the unit; the comparator and the first draw by default.
        people: number of them, those of the lowest ids; None: all.
        start: date of day 0; the network's own when None, so that weekdays are those of the simulation.
        bundles: whether to write one Bundle for each person, too.
        costs: whether to write Coverage and ExplanationOfBenefit.
    """

    strategy: str = ""
    draw: int | None = None
    replication: int = 0
    region: int = 0
    people: int | None = None
    start: datetime.date | None = None
    bundles: bool = False
    costs: bool = False


def export_population(
    run: StoredRun, out: Path | None = None, choices: ExportChoices = ExportChoices(),
    on_progress: OnDay = lambda done, total, failed: None,
) -> WrittenFolder:  # fmt: skip
    """Simulate a unit of a run again, and write its people as Bulk Data.

    Args:
        run: finished.
        out: folder; by default `fhir/<strategy>` in the run's folder.
        choices: what to export.
        on_progress: called with days simulated, days in all, and 0.

    Raises:
        InputError: there is no such unit, the run cannot be repeated, the folder holds something else, or real people
            would be given away.
    """
    strategy = choices.strategy or run.comparator
    folder = out or run.folder / "fhir" / strategy
    check_folder(folder)
    unit = unit_to_export(run, strategy, choices.draw, choices.replication, choices.region)
    return write_population(unit, folder, choices, on_progress)


def write_population(unit: Unit, folder: Path, choices: ExportChoices, on_progress: OnDay) -> WrittenFolder:
    """Write the people of a unit; see `export_population`."""
    recorded = record(unit, choices.people, costs=choices.costs, on_day=on_progress)
    export = _export_of(unit, choices)
    written = _PopulationWriter(unit, export, recorded, choices)
    with BulkFolder(folder) as bulk:
        return written.write(bulk)


def _export_of(unit: Unit, choices: ExportChoices) -> PopulationExport:
    experiment, network = unit.study.experiment, unit.study.network
    place = (unit.draw, unit.replication, unit.region)
    key = key_of("fhir", experiment.name, *unit.random_key, unit.strategy.name, *place)
    source = f"urn:popsim:run:{unit.study.run_id}"
    nursed = frozenset(
        one.name for one in network.settings if one.setting_class == "community" and not isinstance(one.stay, Forever)
    )
    return PopulationExport(
        key=key,
        calendar=ExportCalendar(choices.start or datetime.date.fromisoformat(network.starts_on)),
        source=source,
        label=f"{experiment.name}-{unit.strategy.name}-{'-'.join(map(str, place))}",
        strategy=unit.strategy.name,
        currency=experiment.currency,
        network=network,
        nursed=nursed,
        shared=shared_parts(key, experiment, network, unit.strategy, source, costs=choices.costs),
    )


class _PopulationWriter:
    """Writes recorded people, some at a time."""

    def __init__(self, unit: Unit, export: PopulationExport, recorded: ClinicalRecord, choices: ExportChoices) -> None:
        self._unit, self._export, self._recorded, self._choices = unit, export, recorded, choices
        experiment, people = unit.study.experiment, recorded.people
        ids = people["person_id"].to_numpy()
        self._follow_up = follow_up(recorded.events, ids, people["entry_day"].to_numpy(), experiment.follow_up_days)
        contacts = contacts_of(
            recorded.events, self._follow_up, unit.study.network, experiment.index_causes, recorded.desks
        )
        self._contacts = _numbered(contacts, export)
        self._patients = uuids(export.key, "Patient", ids, np.zeros(len(ids), np.int64))
        self._readings = self._linked(recorded.readings.filter(pl.col("signal").is_in(written_signals())))
        self._doses, self._states = self._linked(recorded.doses), self._linked(recorded.states)
        self._complications = self._linked(self._happened())

    def write(self, bulk: BulkFolder) -> WrittenFolder:
        """Everything, in the order of the people."""
        shared = [(str(one["resourceType"]), str(one["id"]), _line(one)) for one in self._export.shared.resources]
        for kind, _, line in shared:
            bulk.write(kind, [line])
        size = len(self._patients)
        for first in range(0, size, PEOPLE_AT_ONCE):
            self._write_part(bulk, first, min(first + PEOPLE_AT_ONCE, size), shared)
        last = int(self._follow_up["end_day"].max() or 0)  # type: ignore[arg-type]
        facts = {
            "run": self._unit.study.run_id, "experiment": self._unit.study.experiment.name,
            "strategy": self._unit.strategy.name, "draw": self._unit.draw, "replication": self._unit.replication,
            "region": self._unit.region, "start": self._export.calendar.start.isoformat(), "people": size,
        }  # fmt: skip
        return bulk.finish(self._export.calendar.time(last), self._export.source, facts)

    def _write_part(self, bulk: BulkFolder, first: int, stop: int, shared: Sequence[tuple[str, str, str]]) -> None:
        lines: dict[str, list[str]] = {}
        observed = self._observations(first, stop)
        for place, one in enumerate(self._people(first, stop), start=first):
            mine = [(str(found["resourceType"]), str(found["id"]), _line(found)) for found in self._of(one, place)]
            mine += observed[place - first]
            for kind, _, line in mine:
                lines.setdefault(kind, []).append(line)
            if self._choices.bundles:
                bulk.write_bundle(one.patient, [*shared, *mine])
        for kind, part in lines.items():
            bulk.write(kind, part)

    def _of(self, one: ExportedPerson, place: int) -> Iterator[Json]:
        """Every resource of a person but the readings."""
        export = self._export
        yield of_people.patient(export, one)
        yield of_people.subject(export, one)
        conditions = PersonConditions(export, one)
        yield from encounters(export, one, conditions.reasons)
        yield from conditions.resources
        yield from medication_requests(export, one)
        yield from procedures(export, one)
        mine = [(gene, names[place]) for gene, names in self._recorded.genes.items() if names[place]]
        yield from genomics(export, one, mine)
        if self._choices.costs:
            yield of_people.coverage(export, one)
            yield from claims(export, one, conditions.reasons)
        yield of_people.provenance(export, one)

    def _people(self, first: int, stop: int) -> Iterator[ExportedPerson]:
        """Some of the people, with everything recorded of each."""
        people = self._recorded.people[first:stop]
        windows = self._follow_up[first:stop]
        births = self._export.calendar.birth_dates(
            people["entry_day"].to_numpy().astype(float), people["age_years"].to_numpy().astype(float)
        )
        ids = people["person_id"].to_list()
        contacts = _by(self._contacts.table.filter(pl.col("person_id").is_in(ids)), "person_id")
        parts = [_by(frame.filter(pl.col("person").is_between(first, stop - 1)), "person")
                 for frame in (self._doses, self._states, self._complications, self._recorded.costs)]  # fmt: skip
        entries = self._recorded.events.filter(pl.col("event") == "enter").select("person_id", "time_days")
        entered = dict(entries.iter_rows())
        ready = {
            kind: uuids(self._export.key, kind, np.repeat(np.array(ids), size), np.tile(np.arange(size), len(ids)))
            for kind, size in READY.items()
        }
        rows = zip(people.iter_rows(named=True), windows.iter_rows(named=True), births, strict=True)
        for place, (traits, window, birth) in enumerate(rows, start=first):
            identity = traits["person_id"]
            doses, states, complications, costs = (part.get(place, []) for part in parts)
            yield ExportedPerson(
                export_key=self._export.key,
                person_id=identity,
                patient=self._patients[place],
                birth_date=birth,
                entry=entered[identity],
                end_day=window["end_day"],
                death=window["death_time_days"],
                death_cause=self._recorded.death_causes[place],
                traits=traits,
                contacts=contacts.get(identity, []),
                doses=doses,
                states=states,
                complications=complications,
                costs=costs,
                ready={
                    kind: ready[kind][(place - first) * size : (place - first + 1) * size]
                    for kind, size in READY.items()
                },
            )

    def _observations(self, first: int, stop: int) -> list[list[tuple[str, str, str]]]:
        """Type, id and line of the samples and readings of some people, in the order of time."""
        export = self._export
        readings = self._readings.filter(pl.col("person").is_between(first, stop - 1))
        person = readings["person"].to_numpy()
        number = np.arange(len(person)) - np.searchsorted(person, person, side="left")  # ordered by person
        ids = uuids(export.key, "Observation", self._recorded.people["person_id"].to_numpy()[person], number)
        times = export.calendar.times(readings["time"].to_numpy())
        results = export.calendar.times((readings["time"] + readings["issued"]).to_numpy())
        samples, sample_of = self._samples(readings)
        inner = zip(readings["encounter"].to_list(), sample_of, strict=True)
        snippets = [(inside(one) if one else "") + (in_specimen(other) if other else "") for one, other in inner]
        signal, values = readings["signal"].to_numpy(), readings["value"].to_numpy()
        lines = [""] * len(person)
        for name in readings["signal"].unique().sort().to_list():
            rows = np.flatnonzero(signal == name)
            index = rows.tolist()
            made = observation_lines(
                name,
                [ids[i] for i in index],
                [self._patients[p] for p in person[rows].tolist()],
                [snippets[i] for i in index],
                [times[i] for i in index],
                [known(results[i]) for i in index],
                values[rows],
                export.source,
            )
            for i, line in zip(index, made, strict=True):
                lines[i] = line
        found: list[list[tuple[str, str, str]]] = [[] for _ in range(stop - first)]
        for place, sample, line in samples:
            found[place - first].append(("Specimen", sample, line))
        for who, identity, line in zip((person - first).tolist(), ids, lines, strict=True):
            found[who].append(("Observation", identity, line))
        return found

    def _samples(self, readings: pl.DataFrame) -> tuple[list[tuple[int, str, str]], list[str]]:
        """Person, id and line of every sample that laboratories had, and the id of the sample of each reading."""
        names = {name: specimen_of(name) for name in readings["signal"].unique().to_list()}
        kinds = readings.select("person", "time", kind=pl.col("signal").replace_strict(names, return_dtype=pl.String))
        taken = kinds.drop_nulls().unique(maintain_order=True)
        taken = taken.with_columns(number=pl.int_range(pl.len()).over("person"))
        person = taken["person"].to_numpy()
        who = self._recorded.people["person_id"].to_numpy()[person]
        ids = uuids(self._export.key, "Specimen", who, taken["number"].to_numpy())
        lines = specimen_lines(
            taken["kind"].to_list(),
            ids,
            [self._patients[place] for place in person.tolist()],
            self._export.calendar.times(taken["time"].to_numpy()),
            self._export.source,
        )
        taken = taken.with_columns(id=pl.Series(ids, dtype=pl.String))
        linked = kinds.join(taken, on=["person", "time", "kind"], how="left", maintain_order="left")
        return list(zip(person.tolist(), ids, lines, strict=True)), linked["id"].fill_null("").to_list()

    def _linked(self, frame: pl.DataFrame) -> pl.DataFrame:
        """A frame of things that happened, with the id of the Encounter of each, and whether it is in hospital."""
        ids = self._recorded.people["person_id"].to_numpy()[frame["person"].to_numpy()]
        row = contact_at(self._contacts, ids, frame["time"].to_numpy())
        if "at_home" in frame.columns:
            row = np.where(frame["at_home"].to_numpy(), -1, row)
        table = self._contacts.table
        names, kinds = table["id"].to_list(), table["kind"].to_list()
        acute = {*ACUTE, "ward", "admission"}
        return frame.with_columns(
            encounter=pl.Series([names[i] if i >= 0 else "" for i in row.tolist()], dtype=pl.String),
            inside=pl.Series([i >= 0 and kinds[i] in acute for i in row.tolist()], dtype=pl.Boolean),
        )

    def _happened(self) -> pl.DataFrame:
        """Complications in hospital within follow-up."""
        names = [one.name for one in self._unit.study.network.complications]
        windows = self._follow_up.with_row_index("person").select(
            pl.col("person").cast(pl.Int64), "person_id", "end_day"
        )
        seen = self._recorded.events.filter(pl.col("event") == "complication")
        return (
            seen.join(windows, on="person_id", how="inner", maintain_order="left")
            .filter(pl.col("time_days") < pl.col("end_day"))
            .select(
                "person",
                time="time_days",
                name=pl.col("detail").map_elements(lambda number: names[number], return_dtype=pl.String),
            )
            .sort("person", "time", maintain_order=True)
        )


def _numbered(contacts: Contacts, export: PopulationExport) -> Contacts:
    """Contacts with their number among the person's and the id of the Encounter."""
    table = contacts.table.with_columns(number=pl.int_range(pl.len()).over("person_id"))
    ids = uuids(export.key, "Encounter", table["person_id"].to_numpy(), table["number"].to_numpy())
    return contacts._replace(table=table.with_columns(id=pl.Series(ids, dtype=pl.String)))


def _by(frame: pl.DataFrame, key: str) -> dict[int, list[dict[str, Any]]]:
    """Rows as dictionaries, by person."""
    found: dict[int, list[dict[str, Any]]] = {}
    for row in frame.iter_rows(named=True):
        found.setdefault(row[key], []).append(row)
    return found


def _line(resource: Json) -> str:
    return orjson.dumps(resource).decode()
