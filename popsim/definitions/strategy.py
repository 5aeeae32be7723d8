"""Strategies: alternative ways of caring for the same people, as an experiment file defines them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.fields import AS_TUPLE, Identifier, Label, Text, whole
from popsim.definitions.guidance import Guidance
from popsim.definitions.interventions import (
    Capacity,
    Cost,
    FollowUp,
    Intervention,
    PolicyIntervention,
    Programme,
    Telemonitoring,
)
from popsim.errors import did_you_mean

MAX_CAPACITY = 10_000_000
OWN = ("name", "label", "description", "inherits")  # keys that no strategy inherits


class Strategy(Definition):
    """One way of caring for the cohort.

    `follow_up`, `telemonitoring`, `capacity` and `cost_per_person` are short forms of interventions in force from the
    first day to the last; `composed` has all of them in one form.

    Attributes:
        name: key in files, frames and folders.
        label: name in tables.
        description: what is done.
        inherits: name of the strategy that provides everything that this one does not set; a set value may be empty
            (`follow_up = []`, and in Python telemonitoring=None, guidance=None).
        follow_up: contacts booked after every discharge.
        telemonitoring: the programme, or None.
        guidance: how alerts of telemonitoring are raised instead of by its limits, or None.
        capacity: beds or slots a day that replace the network's, by setting (for its reference population).
        cost_per_person: programme cost once at entry, in the experiment's currency.
        drugs_not_started: classes of drugs that clinicians do not start or raise (the study drug of a trial, a drug of
            later years); they still reduce and stop them.
        interventions: the parts of the strategy; their order counts where they conflict.
    """

    name: Identifier
    label: Label = ""
    description: Text = ""
    inherits: Identifier | None = None
    follow_up: Annotated[tuple[FollowUp, ...], AS_TUPLE, Field(max_length=16)] = ()
    telemonitoring: Telemonitoring | None = None
    guidance: Guidance | None = None
    capacity: dict[Identifier, Annotated[int, whole(1, MAX_CAPACITY)]] = Field(default_factory=dict)
    cost_per_person: Cost = 0.0
    drugs_not_started: Annotated[tuple[Identifier, ...], AS_TUPLE, Field(max_length=32)] = ()
    interventions: Annotated[tuple[Intervention, ...], AS_TUPLE, Field(max_length=64)] = ()

    @property
    def title(self) -> str:
        """The label, or the name in words."""
        return self.label or self.name.replace("_", " ").capitalize()

    @property
    def composed(self) -> tuple[Intervention, ...]:
        """All parts as interventions: the short forms first, named after their keys."""
        short: list[Intervention] = [
            Capacity(name=setting, kind="capacity", setting=setting, places=places)
            for setting, places in self.capacity.items()
        ]
        if self.follow_up or self.telemonitoring:
            short.append(
                PolicyIntervention(
                    name="follow_up", kind="policy", follow_up=self.follow_up, telemonitoring=self.telemonitoring
                )
            )
        if self.cost_per_person:
            short.append(Programme(name="cost_per_person", kind="programme", cost_once=self.cost_per_person))
        return (*short, *self.interventions)

    def inheriting(self, parent: Strategy) -> Strategy:
        """This strategy with everything that it does not set taken from a fully resolved parent.

        Settings of `capacity` and `interventions` are merged one by one: the parent's first, those of the same name
        replaced in position.
        """
        values: dict[str, Any] = {key: getattr(parent, key) for key in type(self).model_fields}
        values |= {key: getattr(self, key) for key in self._set}
        values["capacity"] = parent.capacity | self.capacity
        values["interventions"] = _replaced(parent.interventions, self.interventions)
        own = {key: getattr(self, key) for key in OWN} | {"inherits": None}
        return self.model_copy(update=values | own)

    @property
    def _set(self) -> list[str]:
        """Keys that a file or a notebook has set, in the order of the definition."""
        return [key for key in type(self).model_fields if key in self.model_fields_set]

    @model_serializer(mode="wrap")
    def _kept_to_what_is_set(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write only the keys that an inheriting strategy sets; otherwise it would inherit nothing when read again."""
        table: dict[str, Any] = serialize(self)
        if self.inherits is None:
            return table
        empty = {
            "follow_up": [],
            "capacity": {},
            "cost_per_person": 0.0,
            "interventions": [],
            "drugs_not_started": [],
            "telemonitoring": None,
            "guidance": None,
        }
        return {key: table.get(key, empty.get(key, "")) for key in self._set}

    @model_validator(mode="after")
    def _names_are_their_own(self) -> Self:
        names = [intervention.name for intervention in self.interventions]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"interventions: the name '{name}' is used twice, each must be its own")
        return self


def resolved(strategy: Strategy, strategies: Sequence[Strategy]) -> Strategy:
    """A strategy with everything that it inherits, from the oldest ancestor down, and without `inherits`.

    Raises:
        ValueError: an ancestor is not among the strategies, or a strategy is its own ancestor.
    """
    known = {one.name: one for one in strategies}
    line = [strategy]
    while (parent := line[-1].inherits) is not None:
        where = f"strategies.{line[-1].name}.inherits = '{parent}'"
        if parent not in known:
            raise ValueError(f"{where}: {did_you_mean(parent, known)}")
        if known[parent] in line:
            raise ValueError(f"{where}: a strategy cannot inherit from itself ({_cycle(line, parent)})")
        line.append(known[parent])
    found = line.pop()
    while line:
        found = line.pop().inheriting(found)
    return found


def _cycle(line: Sequence[Strategy], last: str) -> str:
    return " <- ".join([*(strategy.name for strategy in line), last])


def _replaced(parents: Sequence[Intervention], own: Sequence[Intervention]) -> tuple[Intervention, ...]:
    """The parent's interventions with those of the same name replaced, then the child's other ones."""
    changed: dict[str, Intervention] = {one.name: one for one in own}
    inherited = {one.name: changed.get(one.name, one) for one in parents}
    return tuple((inherited | changed).values())
