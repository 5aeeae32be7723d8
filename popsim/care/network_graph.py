"""A care network as a directed graph: settings are nodes, links between them are edges.

Checks walk through the links themselves; networkx, which is slow to import, is for those who draw or analyse the graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from popsim.definitions.durations import Forever
from popsim.definitions.network import (
    BACK_TO_FACILITY,
    BACK_TO_WARD,
    EXIT,
    STAY,
    NetworkDefinition,
    Route,
    SettingDefinition,
)

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True, slots=True)
class Link:
    """A link from one setting to another.

    Attributes:
        kind: `route` (on leaving), `overflow` (blocked), `gives_up` (reneging) or `escalation`.
        route: index of the route in the setting's list, -1 for the other kinds.
        probability: routing probability within the route.
        twins, external: who can take it.
    """

    kind: Literal["route", "overflow", "gives_up", "escalation"]
    route: int
    probability: float
    twins: bool
    external: bool


type Links = dict[str, dict[str, tuple[Link, ...]]]  # by setting and target, `exit` included


def links_of(definition: NetworkDefinition) -> Links:
    """Every link of a network."""
    found: Links = {}
    for setting in definition.settings:
        out = found[setting.name] = {}
        for target, link in _links(setting, definition):
            out[target] = (*out.get(target, ()), link)
    return {**found, EXIT: {}}


def graph_of(definition: NetworkDefinition) -> nx.DiGraph:
    """Settings as nodes (`setting`), links between them as edges (`links`); `exit` is a node if it is used.

    Every node is added before any edge: networkx would invent the nodes of a dangling edge.
    """
    import networkx as nx  # noqa: PLC0415

    graph = nx.DiGraph(name=definition.name)
    for setting in definition.settings:
        graph.add_node(setting.name, setting=setting)
    graph.add_node(EXIT, setting=None)
    for source, targets in links_of(definition).items():
        graph.add_edges_from((source, target, {"links": links}) for target, links in targets.items())
    if graph.in_degree(EXIT) == 0:
        graph.remove_node(EXIT)
    return graph


def _links(setting: SettingDefinition, definition: NetworkDefinition) -> Iterator[tuple[str, Link]]:
    """Every link out of a setting."""
    twins = not isinstance(setting.stay, Forever)
    yield from _routes(setting.routes, definition, twins=twins)
    for one in setting.classes:
        yield from _routes(one.routes, definition, twins=twins or one.stay is not None)
    if setting.overflow is not None:
        yield setting.overflow, Link("overflow", -1, 1.0, True, True)
    if setting.gives_up_to is not None:
        yield setting.gives_up_to, Link("gives_up", -1, 1.0, True, True)
    if setting.escalation is not None:
        yield setting.escalation.to, Link("escalation", -1, 1.0, True, True)


def _routes(routes: Sequence[Route], definition: NetworkDefinition, *, twins: bool) -> Iterator[tuple[str, Link]]:
    """The links of a list of routes. External patients have no columns and never take a conditional route."""
    external = True
    for number, route in enumerate(routes):
        for_twins = twins and route.applies_to != "external"
        for_external = external and route.applies_to != "twins" and not route.when
        for target, probability in route.targets:
            if target != STAY and probability > 0.0:
                for node in _ways_back(target, definition):
                    yield node, Link("route", number, probability, for_twins, for_external)
        if route.always:
            twins, external = twins and not for_twins, external and not for_external


def _ways_back(target: str, definition: NetworkDefinition) -> list[str]:
    """The settings that a target of a route stands for."""
    classes = {BACK_TO_WARD: "inpatient", BACK_TO_FACILITY: "facility"}
    if target not in classes:
        return [target]
    return [setting.name for setting in definition.settings if setting.setting_class == classes[target]]
