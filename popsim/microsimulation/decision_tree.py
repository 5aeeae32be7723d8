"""Decision trees: chances of what happens next, alone or in front of a model that goes on from their ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from popsim.errors import InputError, shorten
from popsim.microsimulation import tables
from popsim.microsimulation.base import Model, SimulatedUnit, UnitTotals
from popsim.microsimulation.individuals import Individuals
from popsim.microsimulation.tables import TOLERANCE, Function
from popsim.microsimulation.timing import Discounting, Timing

MAX_DEPTH = 100
STEP = " > "  # between the names of a path


@dataclass(frozen=True, slots=True)
class Leaf:
    """The end of a path.

    Attributes:
        cost, qalys, life_years: of everybody who ends here, discounted as the user thinks right.
        state: of the model behind the tree, in which they go on.
    """

    cost: float = 0.0
    qalys: float = 0.0
    life_years: float = 0.0
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Chance:
    """A chance node.

    Attributes:
        branches: {name: (probability, what follows)}; one probability may be None, for the rest.
        cost, qalys, life_years: of everybody who comes here, such as the price of a test.
    """

    branches: Mapping[str, tuple[float | None, Chance | Leaf]]
    cost: float = 0.0
    qalys: float = 0.0
    life_years: float = 0.0


class TreePath(NamedTuple):
    """A way to a leaf: its name, its probability, what it is worth (cost, QALYs, life years), and where it leads."""

    name: str
    probability: float
    worth: tuple[float, float, float]
    state: str | None


@dataclass(frozen=True, kw_only=True)
class DecisionTree(Model):
    """A tree for each strategy, evaluated exactly.

    Attributes:
        tree: a function of the parameters `p`, and of traits of the individuals if it names them, that returns a Chance
            or a Leaf.
        then: a StateTransitionModel that goes on from the leaves, each in its `state`; its life begins when the tree
            ends. The tree's parameters and strategies are used for both, by default those of `then`. States, occupancy,
            timing and discounting are its own; without it, everybody goes from "start" to "end" in one step.
    """

    tree: Function
    then: Model | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)
    strategies: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    states: Sequence[str] = field(init=False, default=())
    dead: Sequence[str] = field(init=False, default=())
    timing: Timing = field(init=False, default=Timing(1))
    discounting: Discounting = field(init=False, default=Discounting(0.0, 0.0))
    always_exact: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if tables.CYCLE in tables.arguments(self.tree, "tree") or tables.TIME in tables.arguments(self.tree, "tree"):
            raise InputError("tree: a tree has no time: leave cycle and time_in_state out")
        if self.then is not None:
            if self.then.always_exact or type(self.then)._evaluate is Model._evaluate:
                raise InputError(f"then: a {type(self.then).__name__}: must be a StateTransitionModel")
            for name in ("states", "dead", "timing", "discounting"):
                object.__setattr__(self, name, getattr(self.then, name))
            for name in ("parameters", "strategies"):
                object.__setattr__(self, name, getattr(self, name) or getattr(self.then, name))
            missing = [name for name in self.then.parameters if name not in self.parameters]
            if missing:
                raise InputError(f"parameters: '{missing[0]}' of the model behind the tree is missing")
        else:
            object.__setattr__(self, "states", ("start", "end"))
        super().__post_init__()

    def _traits(self) -> Sequence[str]:
        behind = self.then._traits() if self.then is not None else ()
        return list(dict.fromkeys([*tables.arguments(self.tree, "tree")[1:], *behind]))

    def _simulate(self, units: object, people: object, totals: object) -> Sequence[UnitTotals]:
        raise AssertionError("always exact")

    def paths(self, p: Any, traits: Mapping[str, Any] | None = None) -> list[TreePath]:
        """All ways through the tree.

        Raises:
            InputError: it is not a tree, or its probabilities are refused.
        """
        return list(walk(tables.call_user(self.tree, "tree", p, traits or {}), "", 1.0, (0.0, 0.0, 0.0), 0))

    def _evaluate(self, units: Sequence[SimulatedUnit], people: Individuals) -> Sequence[UnitTotals]:
        if people.initial.any():
            raise InputError("individuals: state: everybody begins at the root of the tree")
        parts = [(traits, rows if traits else np.arange(len(people)))
                 for traits, rows in tables.groups(people.columns, self._traits())]  # fmt: skip
        return [self._unit(unit, people, parts) for unit in units]

    def _unit(
        self, unit: SimulatedUnit, people: Individuals, parts: Sequence[tuple[Mapping[str, Any], Any]]
    ) -> UnitTotals:
        """One strategy with one draw of the parameters."""
        means, counts = np.zeros(3), np.zeros((self.timing.cycles + 1, len(self.states)))
        own = tables.arguments(self.tree, "tree")[1:]
        for traits, rows in parts:
            for path in self.paths(unit.p, {name: traits[name] for name in own}):
                share = path.probability * len(rows)
                means += share * np.array(path.worth)
                if self.then is None:
                    counts += share * np.array([[1.0, 0.0], [0.0, 1.0]])
                    continue
                if path.state is None:
                    raise InputError(f"tree: '{path.name}': Leaf needs the state in which the model goes on")
                where = tables.state_number(path.state, self._number, f"tree: '{path.name}': state")
                start = people.rows(rows[:1])
                lived = self.then._evaluate([unit], replace(start, initial=np.full(1, where, np.int32)))
                means += share * lived[0].means
                counts += share * lived[0].counts
        return UnitTotals(means / len(people), np.zeros(3), counts)


def walk(node: Any, name: str, probability: float, worth: tuple[float, ...], depth: int) -> Iterator[TreePath]:
    """The paths from a node on.

    Raises:
        InputError: a node is none, a probability is refused, or the tree is endless.
    """
    where = f"tree: '{name}'" if name else "tree"
    if not isinstance(node, Chance | Leaf):
        raise InputError(f"{where}: must be a Chance or a Leaf, not {shorten(node)}")
    if depth > MAX_DEPTH:
        raise InputError(f"tree: deeper than {MAX_DEPTH} chance nodes")
    own = [tables.finite(value, f"{where}: {what}").item() for what, value in
           (("cost", node.cost), ("qalys", node.qalys), ("life_years", node.life_years))]  # fmt: skip
    cost, qalys, life = (before + here for before, here in zip(worth, own, strict=True))
    if isinstance(node, Leaf):
        yield TreePath(name, probability, (cost, qalys, life), node.state)
        return
    for branch, (share, follows) in _whole(node, where).items():
        path = f"{name}{STEP}{branch}" if name else branch
        yield from walk(follows, path, probability * share, (cost, qalys, life), depth + 1)


def _whole(node: Chance, where: str) -> dict[str, tuple[float, Chance | Leaf]]:
    """Its branches with probabilities that add up to 1."""
    if not isinstance(node.branches, Mapping) or not node.branches:
        raise InputError(f"{where}: branches: must be {{name: (probability, what follows)}}")
    for branch, pair in node.branches.items():
        if not (isinstance(pair, tuple) and len(pair) == 2):
            raise InputError(f"{where}: branches of '{branch}': must be (probability, what follows)")
    said = {name: tables.finite(share, f"{where}: probability of '{name}'").item()
            for name, (share, _) in node.branches.items() if share is not None}  # fmt: skip
    total, rest = sum(said.values()), len(node.branches) - len(said)
    if any(share < 0.0 for share in said.values()) or total > 1.0 + TOLERANCE or rest > 1:
        raise InputError(f"{where}: probabilities must be 0 or above, add up to at most 1, and one may be None")
    if rest == 0 and abs(total - 1.0) > TOLERANCE:
        raise InputError(f"{where}: probabilities add up to {total:g}: must be 1, or one of them None for the rest")
    return {name: (said.get(name, max(1.0 - total, 0.0)), follows) for name, (_, follows) in node.branches.items()}
