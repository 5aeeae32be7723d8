"""An ensemble: a belief about persons as a population of possible states of each (members)."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.arguments import array, whole_number
from popsim.errors import InputError
from popsim.population.columns import DTYPE, Schema
from popsim.population.population import Population
from popsim.statistics import smallest_quantiles, weighted_quantile


class Ensemble:
    """Members of every person as neighbouring rows: those of person n are rows n * members to (n + 1) * members - 1.

    Attributes:
        people: one row per member; physiology advances it like any population.
        members: rows per person.
        bias: lasting error of each sensor in each member, (sensors, rows), float32.
        log_weight: logarithm of each member's weight up to a constant per person, (rows,), float64.
        memory: expected readings of earlier days, (days * sensors, rows), float32; see `Belief`.
    """

    def __init__(
        self,
        people: Population,
        members: int,
        bias: NDArray[np.float32] | None = None,
        log_weight: NDArray[np.float64] | None = None,
        memory: NDArray[np.float32] | None = None,
    ) -> None:
        """Take rows as members.

        Raises:
            InputError: rows are not a multiple of members, members are fewer than two, or an array has another shape.
        """
        rows = len(people)
        self.people, self.members = people, whole_number("members", members, 2, max(2, rows))
        if rows % self.members:
            raise InputError(f"members = {members}: must be 2 or more and divide the {rows} rows")
        none = np.zeros((0, rows), np.float32)
        self.bias = array("bias", none if bias is None else bias, np.float32, (None, rows))
        self.log_weight = array("log_weight", np.zeros(rows) if log_weight is None else log_weight, np.float64, (rows,))
        self.memory = array("memory", none.copy() if memory is None else memory, np.float32, (None, rows))

    @property
    def persons(self) -> int:
        """How many persons the belief is about."""
        return len(self.people) // self.members

    def of(self, name: str) -> NDArray[Any]:
        """A column by person and member, (persons, members); writing to it writes to the members."""
        return self.people[name].reshape(self.persons, self.members)

    def weights(self) -> NDArray[np.float64]:
        """Weights of members, (persons, members); those of a person sum to one."""
        logs = self.log_weight.reshape(self.persons, self.members)
        weights = np.exp(logs - logs.max(axis=1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def mean(self, name: str) -> NDArray[np.float64]:
        """Expected value of a column for each person."""
        return np.asarray((self.weights() * self.of(name)).sum(axis=1))

    def quantile(self, name: str, q: float) -> NDArray[np.float64]:
        """Weighted quantile of a column for each person; see `weighted_quantile`."""
        return weighted_quantile(self.of(name).astype(np.float64), self.weights(), q)

    def repeat(self, values: ArrayLike) -> NDArray[Any]:
        """One value per person, (persons,), as one per member, (rows,)."""
        return np.repeat(np.asarray(values), self.members)

    def chosen(self, persons: NDArray[np.int64]) -> Ensemble:
        """Some persons as an ensemble of their own, a copy."""
        rows = (np.asarray(persons)[:, None] * self.members + np.arange(self.members)).ravel()
        bias, memory = (np.ascontiguousarray(block[:, rows]) for block in (self.bias, self.memory))
        return Ensemble(self.people.chosen(rows), self.members, bias, self.log_weight[rows].copy(), memory)

    def living(self, times: int) -> Ensemble:
        """An ensemble in which each member is `times` neighbouring rows, which share its weight, a copy."""
        rows = np.repeat(np.arange(len(self.people)), times)
        others = (self.bias[:, rows], self.log_weight[rows], self.memory[:, rows])
        return Ensemble(self.people.chosen(rows), self.members * times, *others)

    def copy(self) -> Ensemble:
        """An independent ensemble in the same state."""
        others = (self.bias.copy(), self.log_weight.copy(), self.memory.copy())
        return Ensemble(self.people.copy(), self.members, *others)

    def to_bytes(self) -> bytes:
        """Everything as bytes, in NumPy's own format."""
        arrays: dict[str, Any] = {f"block_{kind}": self.people.block(kind) for kind in DTYPE}
        arrays |= {name: getattr(self, name) for name in ("bias", "log_weight", "memory")}
        arrays |= {"person_id": self.people.person_id, "members": np.array(self.members)}
        arrays["names"] = np.array("\n".join(self.people.schema.columns))
        stream = io.BytesIO()
        np.savez(stream, **arrays)
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, schema: Schema, stored: bytes) -> Ensemble:
        """The ensemble that `to_bytes` wrote.

        Raises:
            InputError: the ensemble was written for other columns.
        """
        with np.load(io.BytesIO(stored)) as arrays:
            if str(arrays["names"]) != "\n".join(schema.columns):
                raise InputError("stored ensemble: was written by a version of popsim with other columns")
            people = Population(schema, arrays["person_id"])
            for kind in DTYPE:
                people.block(kind)[:] = arrays[f"block_{kind}"]
            others = (arrays[name] for name in ("bias", "log_weight", "memory"))
            return cls(people, int(arrays["members"]), *others)


def believed(ensemble: Ensemble, name: str) -> NDArray[np.float64]:
    """Median and 90% interval of a column for each person, (persons, 3): how beliefs are shown."""
    return smallest_quantiles(ensemble.of(name), ensemble.weights(), (0.5, 0.05, 0.95))
