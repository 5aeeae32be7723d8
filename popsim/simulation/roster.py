"""The roster: the agents by key."""

from __future__ import annotations

import inspect
from collections import Counter
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from popsim.errors import InputError, did_you_mean, nearest
from popsim.simulation.protocols import TwinModel
from popsim.simulation.twin import HOOKS, PatientTwin


class Roster:
    """The agent of each key: at most one handle per twin, made on demand and kept as long as the model."""

    def __init__(self, model: TwinModel, agent_class: type[PatientTwin]) -> None:
        """Refuse a class that is not a twin, that hides a column, or whose hooks cannot be called.

        Raises:
            InputError: any of these.
        """
        if not (isinstance(agent_class, type) and issubclass(agent_class, PatientTwin)):
            raise InputError(f"agent_class: must be a subclass of PatientTwin, not {agent_class!r}")
        hidden = [name for name in model.population if hasattr(agent_class, name)]
        if hidden:
            raise InputError(f"agent_class: {agent_class.__name__}.{hidden[0]} hides the column of that name")
        _check_hooks(agent_class)
        self.model = model
        self.agent_class = agent_class
        self.own_names: set[str] = set()  # a user's own attributes that do not resemble a column
        self.twins = len(model.population)
        self.handles: dict[int, PatientTwin] = {}
        self.others: dict[int, Any] = {}  # a user's own agents of another kind, while registered
        self.departures = 0  # number of those that have been deregistered

    def handle(self, key: int) -> Any:
        """The agent with this key."""
        found = self.handles.get(key)
        if found is not None:
            return found
        return self.agent_class(self.model, key) if key < self.twins else self.others[key]

    def claim(self, twin: PatientTwin) -> None:
        """Register a handle that is being made.

        Raises:
            InputError: the row does not exist or has a handle, or the class is not the model's.
        """
        key = twin.row
        if type(twin) is not self.agent_class:
            raise InputError(f"twins of this model are {self.agent_class.__name__}, not {type(twin).__name__}")
        if not 0 <= key < self.twins:
            raise InputError(f"no twin in row {key}: rows are 0 to {self.twins - 1}")
        if key in self.handles:
            raise InputError(f"row {key} has its twin: take it from model.agents instead of making another")
        self.handles[key] = twin

    def check_name(self, name: str) -> None:
        """Refuse a new attribute of a twin if it is a mistyped column name.

        The first words of a column's name (`systolic`, `nyha`) count as its name.

        Raises:
            InputError: it resembles a column.
        """
        if name in self.own_names or name.startswith("_"):
            return
        if near := nearest(name, self._short_names):
            known = self._short_names[near]
            raise InputError(f"a twin has no '{name}': did you mean '{known}'? (declare your own in the twins' class)")
        self.own_names.add(name)

    @cached_property
    def _short_names(self) -> dict[str, str]:
        """Columns by their names and by their unique first words."""
        columns = list(self.model.population)
        beginnings = [
            ("_".join(words[:i]), name) for name in columns if (words := name.split("_")) for i in range(1, len(words))
        ]
        shared = Counter(short for short, _ in beginnings)
        return {short: name for short, name in beginnings if shared[short] == 1} | {name: name for name in columns}

    def enrol(self, other: Any) -> None:
        """Register an agent of another kind under its `unique_id`."""
        self.others[self.key(other)] = other

    def dismiss(self, other: Any) -> None:
        """Deregister an agent of another kind; it leaves every set."""
        if self.others.pop(self.key(other), None) is not None:
            self.departures += 1

    def key(self, agent: Any) -> int:
        """The key of an agent of this model.

        Raises:
            InputError: it belongs to another model or to none.
        """
        if getattr(agent, "model", None) is not self.model or agent.unique_id is None:
            raise InputError(f"{agent!r} is not an agent of this model")
        return int(agent.unique_id) - 1

    def array(self, name: str) -> NDArray[Any] | None:
        """Values of an attribute stored in an array with one element per twin; None for any other attribute."""
        population = self.model.population
        if name in population.schema:
            return population[name]
        if name == "person_id":
            return population.person_id
        return None


def _check_hooks(agent_class: type[PatientTwin]) -> None:
    """Refuse a method that looks like a hook but is not one, and a hook that cannot be called.

    Raises:
        InputError: either of these.
    """
    for name in dir(agent_class):
        where = f"agent_class: {agent_class.__name__}.{name}"
        if name.startswith("on_") and name not in HOOKS:
            raise InputError(f"{where}: there is no such hook, {did_you_mean(name, HOOKS)}")
        if name in HOOKS:
            wanted = tuple(inspect.signature(getattr(PatientTwin, name)).parameters)
            try:
                inspect.signature(getattr(agent_class, name)).bind(*wanted)
            except TypeError:
                raise InputError(f"{where}: must be a method that takes ({', '.join(wanted)})") from None
