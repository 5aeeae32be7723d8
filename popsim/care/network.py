"""The care network: a definition, checked as a whole and held as a graph.

    definition (the file) -> CareNetwork (checked) -> compiled network (arrays for the kernel)

A network is immutable; `scaled` and `with_capacity` return new, checked ones.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from popsim.arguments import is_whole
from popsim.care import network_checks as checks
from popsim.care.network_graph import graph_of
from popsim.definitions.arrivals import ArrivalSource, CensusRow, read_census, scaled_census
from popsim.definitions.base import validate
from popsim.definitions.conditions import Condition
from popsim.definitions.network import MAX_CAPACITY, UNLIMITED, NetworkDefinition, SettingDefinition
from popsim.definitions.rota import Rota
from popsim.errors import DefinitionError, InputError, did_you_mean
from popsim.html import html_table
from popsim.kernels.codes import CAUSE_NAMES

if TYPE_CHECKING:
    import networkx as nx

MADE_IN_PYTHON = "care network made in Python"
SCALED = ("capacity", "slots_per_day", "waiting_room")  # numbers of a setting for the reference population


class CareNetwork:
    """A checked care network.

    Args:
        definition: from a file or a notebook.
        known_columns: names of columns that conditions may test; None: the caller checks them.
        file: named in errors.

    Raises:
        DefinitionError: the first check that fails.
    """

    def __init__(
        self, definition: NetworkDefinition, known_columns: Collection[str] | None = None, file: object = "care network"
    ) -> None:
        self.definition = definition
        self.file = file
        self._known_columns = known_columns
        checks.sound(definition, known_columns, file)
        self._index = {setting.name: i for i, setting in enumerate(definition.settings)}

    @cached_property
    def graph(self) -> nx.DiGraph:
        """Settings as nodes (`setting`), links between them as edges (`links`)."""
        return graph_of(self.definition)

    @classmethod
    def read(cls, path: Path | str, known_columns: Collection[str] | None = None) -> Self:
        """Read a network file; `known_columns` as above.

        Raises:
            DefinitionError: the file, a value in it or the network as a whole is refused.
        """
        return cls(NetworkDefinition.read(path), known_columns, path)

    @classmethod
    def of(cls, **keywords: Any) -> Self:
        """A network from the keys of a network file, as keywords.

            CareNetwork.of(name="ward", settings=[{"name": "ward", "class": "inpatient", "capacity": 20, ...}])

        Args:
            keywords: name, settings, arrivals, entry, presentation ...

        Raises:
            DefinitionError: a key is unknown, a value is refused, or the network as a whole is.
        """
        return cls(validate(keywords, NetworkDefinition, MADE_IN_PYTHON), None, MADE_IN_PYTHON)

    def check_columns(self, known: Collection[str]) -> None:
        """Refuse conditions that test other columns than these.

        Raises:
            DefinitionError: the first unknown column.
        """
        checks.columns(self.definition, known, self.file)

    def _repr_html_(self) -> str:
        """For notebooks: every setting with its class and its capacity."""
        rows = [
            (s.title, s.setting_class, s.capacity if s.slots_per_day is None else f"{s.slots_per_day} a day")
            for s in self.settings
        ]
        return html_table(f"Care network '{self.definition.name}'", ["Setting", "Class", "Places or slots"], rows)

    @property
    def settings(self) -> tuple[SettingDefinition, ...]:
        """All settings, routers included, in the order of the file."""
        return self.definition.settings

    @property
    def arrivals(self) -> tuple[ArrivalSource, ...]:
        """Sources of external patients, in the order of the file."""
        return self.definition.arrivals

    def __getitem__(self, name: str) -> SettingDefinition:
        return self.settings[self.index(name)]

    def __iter__(self) -> Iterator[SettingDefinition]:
        return iter(self.settings)

    def __len__(self) -> int:
        return len(self.settings)

    def __repr__(self) -> str:
        return f"CareNetwork({self.definition.name}: {len(self)} settings, {self.graph.number_of_edges()} links)"

    def index(self, name: str) -> int:
        """Index of a setting in `settings`.

        Raises:
            InputError: no setting has that name.
        """
        if name not in self._index:
            raise InputError(f"no setting '{name}' in {self.file}: {did_you_mean(name, self._index)}")
        return self._index[name]

    def class_index(self, name: str | None) -> int:
        """Number of a class of patients; 0 for none."""
        return 0 if name is None else 1 + [one.name for one in self.definition.classes].index(name)

    @property
    def is_limited(self) -> bool:
        """Whether a limited capacity, slots, a waiting room or external arrivals fit one number of twins only."""
        numbers = [getattr(setting, field) for setting in self.settings for field in SCALED]
        return bool(self.arrivals or self.definition.census) or any(
            number not in (None, UNLIMITED, 0) for number in numbers
        )

    def scaled(self, population: int) -> CareNetwork:
        """The network scaled to a number of twins.

        Capacities, slots a day, finite waiting rooms and external arrivals are multiplied by
        population / reference_population; whole numbers are rounded half up, and those of at least 1 stay at least 1.
        A network without a reference population is returned unchanged.

        Raises:
            InputError: the population is not positive.
            DefinitionError: a scaled number is out of range.
        """
        if population < 1:
            raise InputError(f"population = {population}: must be at least 1 to scale {self.file}")
        reference = self.definition.reference_population
        if reference is None or reference == population:
            return self
        factor = population / reference
        return self._replaced(
            reference_population=population,
            settings=tuple(self._resized(s, factor) for s in self.settings),
            arrivals=tuple(self._busier(a, factor) for a in self.arrivals),
            census=scaled_census(self.definition.census, factor),
        )

    def with_capacity(
        self, capacity: Mapping[str, int], file: object | None = None, rotas: Mapping[str, Rota] | None = None
    ) -> CareNetwork:
        """The network with other capacities (or slots a day) in the named settings.

        The numbers are for the reference population: change capacities first, scale afterwards. `file` is where the
        numbers come from, for errors; by default the network's file. `rotas` replace those of some of the settings.

        Raises:
            DefinitionError: an unknown setting, a router, a number out of range, or settings that nobody can leave.
        """
        where = self.file if file is None else file
        for name, number in capacity.items():
            if name not in self._index:
                raise DefinitionError(where, f"capacity.{name}", number, "unknown setting, " + self._suggestion(name))
            if self[name].setting_class == "router":
                raise DefinitionError(where, f"capacity.{name}", number, "a router has no capacity")
            if not is_whole(number) or not 0 <= number <= MAX_CAPACITY:
                raise DefinitionError(
                    where, f"capacity.{name}", number, f"must be a whole number between 0 and {MAX_CAPACITY}"
                )
        settings = list(self.settings)
        for name, number in capacity.items():
            field = "slots_per_day" if self[name].setting_class == "outpatient" else "capacity"
            rota = {"rota": rotas[name]} if rotas and name in rotas else {}
            settings[self.index(name)] = self[name].changed({field: int(number), **rota}, where)
        return self._replaced(settings=tuple(settings))

    def with_census(self, path: Path | str) -> CareNetwork:
        """The network with the external patients of a CSV in it on the first morning.

        The CSV has a row for each group of patients: setting, number, days (how long already) and, if needed, state
        (present or waiting), class and priority. Numbers are for the reference population.

        Raises:
            DefinitionError: the file or the network with it is refused.
        """
        return self._replaced(census=tuple(validate(row, CensusRow, path) for row in read_census(Path(path))))

    def _suggestion(self, name: str) -> str:
        return did_you_mean(name, [s.name for s in self.settings if s.setting_class != "router"])

    def _resized(self, setting: SettingDefinition, factor: float) -> SettingDefinition:
        key = f"settings.{setting.name}"
        changes: dict[str, Any] = {}
        for field in SCALED:
            number = getattr(setting, field)
            if number is not None and number != UNLIMITED:
                changes[field] = checks.within(_scaled(number, factor), MAX_CAPACITY, f"{key}.{field}", self.file)
        if setting.rota:
            shifts = [shift.model_copy(update={"capacity": _scaled(shift.capacity, factor)}) for shift in setting.rota]
            changes["rota"] = tuple(shifts)
        return setting.model_copy(update=changes)

    def _busier(self, source: ArrivalSource, factor: float) -> ArrivalSource:
        rate = checks.within(source.per_day * factor, 1e6, f"arrivals.{source.name}.per_day", self.file)
        return source.model_copy(update={"per_day": rate})

    def _replaced(self, **changes: object) -> CareNetwork:
        return CareNetwork(self.definition.model_copy(update=changes), self._known_columns, self.file)


def operand(condition: Condition) -> float:
    """The number with which a condition compares its column; names of causes become codes."""
    for value in (condition.at_least, condition.below, condition.equals):
        if value is not None:
            return float(CAUSE_NAMES.index(value)) if isinstance(value, str) else value
    raise AssertionError("a condition holds exactly one value")


def _scaled(number: int, factor: float) -> int:
    """`number` x `factor`, rounded half up, but at least 1 if it was at least 1."""
    return max(math.floor(number * factor + 0.5), min(number, 1))
