"""One export, and one of its people: ids and what the resources of a person have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from popsim.definitions.network import NetworkDefinition
from popsim.exchange.fhir.writing.identity import uuids
from popsim.exchange.fhir.writing.moments import ExportCalendar
from popsim.exchange.fhir.writing.shared import SharedParts
from popsim.kernels.numerics.random import RandomKey

BLOCK = 32  # ids made at once


@dataclass(frozen=True)
class PopulationExport:
    """What all resources of an export share.

    Attributes:
        key: of the ids.
        calendar: of the dates.
        source: URI of the run, for meta.source.
        label: of the experiment and strategy, for identifiers.
        strategy: name of the arm.
        currency: of costs, ISO 4217.
        network: of the settings.
        nursed: settings at home where nurses come.
        shared: resources that all share.
    """

    key: RandomKey
    calendar: ExportCalendar
    source: str
    label: str
    strategy: str
    currency: str
    network: NetworkDefinition
    nursed: frozenset[str]
    shared: SharedParts


@dataclass(frozen=True)
class ExportedPerson:
    """One person.

    Attributes:
        export_key: of the ids.
        person_id: popsim's.
        patient: id of the Patient.
        birth_date: FHIR date.
        entry: time of entry; end_day: first day that is not observed.
        death: time of death within follow-up, None if alive.
        death_cause: name of DEATH_CAUSE_NAMES, empty if alive.
        traits: columns on the first day.
        contacts: rows of `Contacts.table`, with ids in `id`; doses, states, complications, costs: rows recorded.
        ready: the first ids of kinds of resource, made for many people at once.
    """

    export_key: RandomKey
    person_id: int
    patient: str
    birth_date: str
    entry: float
    end_day: int
    death: float | None
    death_cause: str
    traits: dict[str, Any]
    contacts: list[dict[str, Any]]
    doses: list[dict[str, Any]] = field(default_factory=list)
    states: list[dict[str, Any]] = field(default_factory=list)
    complications: list[dict[str, Any]] = field(default_factory=list)
    costs: list[dict[str, Any]] = field(default_factory=list)
    ready: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    _ids: dict[tuple[str, int], list[str]] = field(default_factory=dict, repr=False)

    def id(self, kind: str, index: int = 0) -> str:
        """The id of one of the person's resources of a kind."""
        if index < len(self.ready.get(kind, ())):
            return self.ready[kind][index]
        block = (kind, index // BLOCK)
        if block not in self._ids:
            numbers = np.arange(BLOCK) + index // BLOCK * BLOCK
            self._ids[block] = uuids(self.export_key, kind, np.full(BLOCK, self.person_id), numbers)
        return self._ids[block][index % BLOCK]

    @property
    def last(self) -> float:
        """Until when the person is observed."""
        return float(self.end_day) if self.death is None else self.death
