"""Sets of twins that behave like Mesa's AgentSet and make handles only on demand.

A set is an array of keys. A key is `unique_id` - 1: for a twin its row, for any other agent that a user registers a
number from the population's size on. Reading, aggregating, sorting or grouping by a column uses the column's array;
everything else gets handles from the roster (roster.py).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Any, Literal, Self

import numpy as np
from mesa.agent import AgentSet
from mesa.agentset import GroupBy
from numpy.typing import NDArray

from popsim.simulation.roster import Roster
from popsim.simulation.twin import checked

Keys = NDArray[np.int64]


class TwinSet(AgentSet):  # type: ignore[misc]  # Mesa carries no types
    """An ordered set of twins with the whole interface of `mesa.AgentSet`.

    Differences from Mesa: a withdrawn twin stays in sets made earlier (in Mesa only while something else refers to it);
    an agent of another kind leaves every set when it is deregistered (in Mesa when nothing refers to it); indexing
    gives no deprecation warning, as for Mesa's own `model.agents`.
    """

    def __init__(self, roster: Roster, keys: Keys, random: Random) -> None:
        self.roster = roster
        self.random = random
        self._order = keys
        self._appended: list[int] = []
        self._members: NDArray[np.bool_] | None = None  # by key; made on demand
        self._holes = False  # whether _order holds keys that are no longer members
        self._departures = roster.departures  # departures reflected in _order

    # Storage.

    @property
    def keys(self) -> Keys:
        """Keys of the members in order. Do not write to it: copies of the set share it."""
        if self._holes:
            self._order, self._holes = self._order[self._mask()[self._order]], False
        if self._appended:
            self._order, self._appended = np.append(self._order, self._appended), []
        if self._departures != self.roster.departures:
            self._departures = self.roster.departures
            gone = [key for key in self._order[self._order >= self.roster.twins] if key not in self.roster.others]
            if gone:
                self._replace(self._order[~np.isin(self._order, gone)])
        return self._order

    def _mask(self) -> NDArray[np.bool_]:
        if self._members is None:
            self._members = np.zeros(max(self.roster.twins, int(self._order.max(initial=0)) + 1), np.bool_)
            self._members[self._order] = True
        return self._members

    def _replace(self, keys: Keys) -> Self:
        self._order, self._appended, self._members, self._holes = keys, [], None, False
        return self

    def _like(self, keys: Keys) -> TwinSet:
        return TwinSet(self.roster, keys, self.random)

    def _update(self, agents: Iterable[Any]) -> Self:
        keys = dict.fromkeys(map(self.roster.key, agents))
        return self._replace(np.fromiter(keys, np.int64, len(keys)))

    def _from_iterable(self, agents: Iterable[Any]) -> TwinSet:  # what |, &, - and ^ of sets call
        return self._like(np.empty(0, np.int64))._update(agents)

    @property
    def _agents(self) -> dict[Any, None]:
        """The members in Mesa's internal form, for code that uses it."""
        return dict.fromkeys(self)

    def __getstate__(self) -> dict[str, Any]:
        return {"roster": self.roster, "keys": self.keys, "random": self.random}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["roster"], state["keys"], state["random"])  # type: ignore[misc]

    # As a collection.

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[Any]:
        return map(self.roster.handle, self.keys.tolist())

    def __contains__(self, agent: object) -> bool:
        if getattr(agent, "model", None) is not self.roster.model:
            return False
        return self.has(self.roster.key(agent))

    def has(self, key: int) -> bool:
        """Whether the agent with this key is a member."""
        mask = self._mask()
        return key < len(mask) and bool(mask[key])

    def __getitem__(self, item: int | slice) -> Any:
        """The agent at an index, or the list of agents in a slice."""
        if isinstance(item, slice):
            return [self.roster.handle(key) for key in self.keys[item].tolist()]
        return self.roster.handle(int(self.keys[operator.index(item)]))

    def __repr__(self) -> str:
        return f"<TwinSet of {len(self)}>"

    def to_list(self) -> list[Any]:
        """All members as a list."""
        return list(self)

    def copy(self) -> TwinSet:
        """An independent set with the same members in the same order."""
        return self._like(self.keys)

    __copy__ = copy

    def add(self, agent: Any) -> None:
        """Add an agent of this model at the end, unless it is a member already.

        Raises:
            InputError: the agent is not of this model.
        """
        key = self.roster.key(agent)
        if self.has(key):
            return
        if self._holes:
            self._replace(self.keys)
        mask = self._mask()
        if key >= len(mask):
            mask = np.append(mask, np.zeros(max(key + 1 - len(mask), len(mask) // 8), np.bool_))
        mask[key] = True
        self._members = mask
        self._appended.append(key)

    def discard(self, agent: Any) -> None:
        """Remove an agent, if it is a member."""
        if agent in self:
            self.remove(agent)

    def remove(self, agent: Any) -> None:
        """Remove an agent.

        Raises:
            KeyError: it is not a member.
        """
        if agent not in self:
            raise KeyError(agent)
        if self._appended:
            _ = self.keys  # update the order first, so that one mask describes it
        self._mask()[self.roster.key(agent)] = False
        self._holes = True

    def clear(self) -> None:
        """Remove all members."""
        self._replace(np.empty(0, np.int64))

    # Choosing and ordering.

    def select(
        self,
        filter_func: Callable[[Any], bool] | None = None,
        at_most: int | float = float("inf"),
        inplace: bool = False,
        agent_type: type | None = None,
    ) -> TwinSet:
        """Members that pass the filter and have the type; at most this many (a fraction if a float up to 1.0)."""
        keys = self.keys
        if at_most <= 1.0 and isinstance(at_most, float):
            at_most = int(len(keys) * at_most)
        if agent_type is not None:
            keys = keys[self._of_type(keys, agent_type)]
        if filter_func is not None:
            chosen: list[int] = []
            for key in keys.tolist():
                if len(chosen) >= at_most:
                    break
                if filter_func(self.roster.handle(key)):
                    chosen.append(key)
            keys = np.array(chosen, np.int64)
        elif at_most < len(keys):
            keys = keys[: max(math.ceil(at_most), 0)]
        return self._replace(keys) if inplace else self._like(keys)

    def _of_type(self, keys: Keys, agent_type: type) -> NDArray[np.bool_]:
        matches = np.full(len(keys), issubclass(self.roster.agent_class, agent_type))
        for place in np.flatnonzero(keys >= self.roster.twins).tolist():
            matches[place] = isinstance(self.roster.handle(int(keys[place])), agent_type)
        return matches

    def shuffle(self, inplace: bool = False) -> TwinSet:
        """The members in random order, by the set's `random` (Mesa's generator, not popsim's streams)."""
        keys = np.array(self._shuffled(), np.int64)
        return self._replace(keys) if inplace else self._like(keys)

    def _shuffled(self) -> list[int]:
        keys: list[int] = self.keys.tolist()
        self.random.shuffle(keys)
        return keys

    def sort(self, key: Callable[[Any], Any] | str, ascending: bool = False, inplace: bool = False) -> TwinSet:
        """The members sorted by an attribute or a function; the sort is stable."""
        values = self._values(key) if isinstance(key, str) else None
        if values is not None:
            order = np.argsort(values if ascending else -values, kind="stable")
        else:
            of = operator.attrgetter(key) if isinstance(key, str) else key
            ranks = [of(agent) for agent in self]
            order = np.array(sorted(range(len(ranks)), key=ranks.__getitem__, reverse=not ascending), np.int64)
        keys = self.keys[order]
        return self._replace(keys) if inplace else self._like(keys)

    def groupby(
        self, by: Callable[[Any], Any] | str, result_type: Literal["agentset", "list"] = "agentset"
    ) -> TwinGroups:
        """Members grouped by an attribute or a function, groups in order of first appearance."""
        keys = self.keys
        values = None if callable(by) else self._values(by)
        if values is not None:
            groups = _split(keys, values)
        else:
            of = by if callable(by) else operator.attrgetter(by)
            gathered: dict[Any, list[int]] = {}
            for key in keys.tolist():
                gathered.setdefault(of(self.roster.handle(key)), []).append(key)
            groups = {name: np.array(group, np.int64) for name, group in gathered.items()}
        sets = {name: self._like(group) for name, group in groups.items()}
        return TwinGroups(sets if result_type == "agentset" else {name: list(group) for name, group in sets.items()})

    # Reading and writing attributes.

    def _values(self, name: str) -> NDArray[Any] | None:
        """Attribute of each member as int64 or float64, if it is stored in an array; else None."""
        array, keys = self.roster.array(name), self.keys
        if name == "unique_id":
            return keys + 1
        if array is None or bool((keys >= self.roster.twins).any()):
            return None
        chosen = array[keys]
        return chosen.astype(np.float64 if chosen.dtype.kind == "f" else np.int64, copy=False)

    def get(
        self,
        attr_names: str | list[str],
        handle_missing: Literal["error", "default"] = "error",
        default_value: Any = None,
    ) -> list[Any]:
        """Value of an attribute of each member, or for a list of names a list of values of each member."""
        if handle_missing not in {"error", "default"}:
            raise ValueError(f"Unknown handle_missing option: {handle_missing}, should be one of 'error' or 'default'")
        default = (default_value,) if handle_missing == "default" else ()
        if isinstance(attr_names, str):
            return self._get(attr_names, default)
        if not attr_names:
            return [[] for _ in range(len(self))]
        return [list(row) for row in zip(*(self._get(name, default) for name in attr_names), strict=True)]

    def _get(self, name: str, default: tuple[Any, ...]) -> list[Any]:
        values = self._values(name)
        if values is not None:
            return list(values.tolist())
        return [getattr(agent, name, *default) for agent in self]

    def agg(self, attribute: str, func: Callable[..., Any] | Iterable[Callable[..., Any]]) -> Any:
        """One or several functions of the members' values of an attribute.

        A NumPy function of a column gets the array; any other function gets a list, as in Mesa.
        """
        if callable(func):
            return self._agg(attribute, func)
        return [self._agg(attribute, one) for one in func]

    def _agg(self, attribute: str, func: Callable[..., Any]) -> Any:
        values = self._values(attribute) if _of_numpy(func) else None
        return func(self.get(attribute) if values is None else values)

    def set(self, attr_name: str, value: Any) -> Self:
        """Give all members the same value of an attribute.

        Raises:
            InputError: the attribute is a column that cannot hold the value.
        """
        schema, keys = self.roster.model.population.schema, self.keys
        if attr_name in schema and not bool((keys >= self.roster.twins).any()):
            self.roster.model.population[attr_name][keys] = checked(schema[attr_name], value)
        else:
            for agent in self:
                setattr(agent, attr_name, value)
        return self

    # Calling.

    def do(self, method: str | Callable[..., Any], *args: Any, **kwargs: Any) -> Self:
        """Call a method, or a function of the agent, for each member; members removed meanwhile are skipped."""
        for _ in self._called(self.keys.tolist(), method, args, kwargs):
            pass
        return self

    def shuffle_do(self, method: str | Callable[..., Any], *args: Any, **kwargs: Any) -> Self:
        """Like `do`, in random order (Mesa's generator); the set keeps its order."""
        for _ in self._called(self._shuffled(), method, args, kwargs):
            pass
        return self

    def map(self, method: str | Callable[..., Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Like `do`, and return the results."""
        return list(self._called(self.keys.tolist(), method, args, kwargs))

    def _called(
        self, keys: list[int], method: str | Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Iterator[Any]:
        for key in keys:
            if self.has(key):
                agent = self.roster.handle(key)
                if callable(method):
                    yield method(agent, *args, **kwargs)
                else:
                    yield getattr(agent, method)(*args, **kwargs)


class TwinGroups(GroupBy):  # type: ignore[misc]  # Mesa carries no types
    """Groups of twins by name, with the interface of Mesa's GroupBy; aggregates columns without making handles."""

    def agg(self, attr_name: str, func: Callable[..., Any]) -> dict[Any, Any]:
        """A function of the members' values of an attribute, for each group."""
        return {
            name: group.agg(attr_name, func)
            if isinstance(group, TwinSet)
            else func([getattr(agent, attr_name) for agent in group])
            for name, group in self.groups.items()
        }


def _split(keys: Keys, values: NDArray[Any]) -> dict[Any, Keys]:
    """Keys by value; values in order of first appearance, keys of one value in their order."""
    names, first, group = np.unique(values, return_index=True, return_inverse=True)
    ends = np.cumsum(np.bincount(group, minlength=len(names)))
    by_group = np.split(keys[np.argsort(group, kind="stable")], ends[:-1])
    return {names[g].item(): by_group[g] for g in np.argsort(first).tolist()}


def _of_numpy(func: Callable[..., Any]) -> bool:
    """Whether a function is NumPy's own and accepts an array instead of a list."""
    module = getattr(func, "__module__", None) or ""
    return module.partition(".")[0] == "numpy" or isinstance(func, np.ufunc)
