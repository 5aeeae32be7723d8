"""The roster: which agent stands behind which row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from popsim.errors import InputError
from popsim.twin import PatientTwin

if TYPE_CHECKING:
    from popsim.model import PopulationModel


class Roster:
    """Who stands behind a key: at most one handle for a twin, made on demand, kept as long as the model."""

    def __init__(self, model: PopulationModel, agent_class: type[PatientTwin]) -> None:
        """Refuse a class that is no twin, or in which a column would be hidden by an attribute of the same name.

        Raises:
            InputError: either of these.
        """
        if not (isinstance(agent_class, type) and issubclass(agent_class, PatientTwin)):
            raise InputError(f"agent_class: must be a subclass of PatientTwin, not {agent_class!r}")
        hidden = [name for name in model.population if hasattr(agent_class, name)]
        if hidden:
            raise InputError(f"agent_class: {agent_class.__name__}.{hidden[0]} hides the column of that name")
        self.model = model
        self.agent_class = agent_class
        self.twins = len(model.population)
        self.handles: dict[int, PatientTwin] = {}
        self.others: dict[int, Any] = {}  # a user's own agents of another kind, while they are registered
        self.departures = 0  # how many of those have been deregistered

    def handle(self, key: int) -> Any:
        """The agent with this key."""
        found = self.handles.get(key)
        if found is not None:
            return found
        return self.agent_class(self.model, key) if key < self.twins else self.others[key]

    def claim(self, twin: PatientTwin) -> None:
        """Keep a handle that is being made.

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

    def enrol(self, other: Any) -> None:
        """Take in an agent of another kind; it has its `unique_id`."""
        self.others[self.key(other)] = other

    def dismiss(self, other: Any) -> None:
        """Forget an agent of another kind; it leaves every set."""
        if self.others.pop(self.key(other), None) is not None:
            self.departures += 1

    def key(self, agent: Any) -> int:
        """The key of an agent of this model.

        Raises:
            InputError: it belongs to no model or to another one.
        """
        if getattr(agent, "model", None) is not self.model or agent.unique_id is None:
            raise InputError(f"{agent!r} is not an agent of this model")
        return int(agent.unique_id) - 1

    def array(self, name: str) -> NDArray[Any] | None:
        """Values of an attribute that lives in an array with one element per twin; None for any other attribute."""
        population = self.model.population
        if name in population.schema:
            return population[name]
        if name == "person_id":
            return population.person_id
        return None
