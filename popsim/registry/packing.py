"""Packs beliefs into bytes: the part of an ensemble that belongs to one twin, for ten thousand twins at a time.

The ids of members (they follow from the twin's) and totals (members have no costs) are not stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.assimilation.ensemble import Ensemble
from popsim.assimilation.prior import member_ids
from popsim.errors import InputError
from popsim.evidence.sets import Parameters
from popsim.population.columns import DTYPE, Kind, Schema
from popsim.population.population import Population
from popsim.registry.audit import digest_of
from popsim.registry.vocabulary import Vocabulary, vocabulary_of
from popsim.simulation.schema import SCHEMA

MEMORY_DAYS = 7  # of expected readings, kept for late results; laboratories take one to three days
STORED: tuple[Kind, ...] = ("real", "code", "count")


class BeliefKind(NamedTuple):
    """The kind of a belief; twins of one kind can advance together."""

    seed: int
    members: int
    parameters: Parameters

    @property
    def vocabulary(self) -> Vocabulary:
        """What streams about them may say."""
        return vocabulary_of(self.parameters)

    @property
    def layout(self) -> PackedLayout:
        """The storage layout of these beliefs."""
        vocabulary = self.vocabulary
        names = tuple(sensor.name for sensor in vocabulary.sensors)
        return PackedLayout(SCHEMA, names, self.members, MEMORY_DAYS)


class PackedLayout(NamedTuple):
    """The layout of a twin's bytes: consecutive blocks, each (rows, members).

    Attributes:
        schema: columns of the members.
        sensors: names, in the order of the lasting errors.
        members: per twin.
        memory_days: days of expected readings.
    """

    schema: Schema
    sensors: tuple[str, ...]
    members: int
    memory_days: int

    @property
    def name(self) -> str:
        """A name that changes whenever the layout changes."""
        columns = [f"{column.name}:{column.kind}" for column in self.schema.columns.values()]
        words = [*columns, *self.sensors, str(self.members), str(self.memory_days)]
        return digest_of("\n".join(words).encode())[:16]

    def blocks(self, ensemble: Ensemble) -> list[NDArray[Any]]:
        """The stored arrays in order, each (rows, persons * members)."""
        blocks = (ensemble.people.block(kind) for kind in STORED)
        return [*blocks, ensemble.bias, ensemble.log_weight[None, :], ensemble.memory]

    def sizes(self) -> Iterator[tuple[int, np.dtype[Any]]]:
        """Rows and type of each stored array."""
        for kind in STORED:
            yield len(self.schema.names(kind)), np.dtype(DTYPE[kind])
        yield len(self.sensors), np.dtype(np.float32)
        yield 1, np.dtype(np.float64)
        yield self.memory_rows, np.dtype(np.float32)

    @property
    def memory_rows(self) -> int:
        """Number of rows of expected readings."""
        return self.memory_days * len(self.sensors)

    @property
    def nbytes(self) -> int:
        """Number of bytes per twin."""
        return sum(rows * dtype.itemsize for rows, dtype in self.sizes()) * self.members


def pack(layout: PackedLayout, ensemble: Ensemble) -> list[bytes]:
    """Pack an ensemble into bytes, one element per person."""
    stored = np.empty((ensemble.persons, layout.nbytes), np.uint8)
    start = 0
    for block in layout.blocks(ensemble):
        rows = np.ascontiguousarray(block.reshape(len(block), ensemble.persons, layout.members).transpose(1, 0, 2))
        raw = rows.view(np.uint8).reshape(ensemble.persons, -1)
        stored[:, start : start + raw.shape[1]] = raw
        start += raw.shape[1]
    return [row.tobytes() for row in stored]


def unpack(layout: PackedLayout, numbers: Sequence[int], stored: Sequence[bytes]) -> Ensemble:
    """Unpack the ensemble of the persons with these numbers (`privacy.number_of`).

    Raises:
        InputError: the bytes have another layout.
    """
    persons, members = len(stored), layout.members
    width = layout.nbytes
    if any(len(one) != width for one in stored):
        raise InputError("stored belief: was written by a version of popsim with other columns")
    raw = np.frombuffer(b"".join(stored), np.uint8).reshape(persons, width)
    people = Population(layout.schema, member_ids(np.asarray(numbers, np.int64), members))
    rows = persons * members
    bias = np.empty((len(layout.sensors), rows), np.float32)
    memory = np.empty((layout.memory_rows, rows), np.float32)
    ensemble = Ensemble(people, members, bias, np.empty(rows), memory)
    start = 0
    for block, (height, dtype) in zip(layout.blocks(ensemble), layout.sizes(), strict=True):
        taken = height * members * dtype.itemsize
        part = np.ascontiguousarray(raw[:, start : start + taken]).view(dtype).reshape(persons, height, members)
        block[:] = part.transpose(1, 0, 2).reshape(height, rows)
        start += taken
    return ensemble
