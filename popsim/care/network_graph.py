"""A care network as a directed graph: settings are nodes, links between them are edges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import networkx as nx

from popsim.definitions.distributions import Forever
from popsim.definitions.network import EXIT, STAY, NetworkDefinition, SettingDefinition


@dataclass(frozen=True, slots=True)
class Link:
    """A link from one setting to another.

    Attributes:
        kind: `route` (on leaving), `overflow` (blocked) or `gives_up` (reneging).
        route: index of the route in the setting's list, -1 for the other kinds.
        probability: routing probability within the route.
        twins, external: who can take it.
    """

    kind: Literal["route", "overflow", "gives_up"]
    route: int
    probability: float
    twins: bool
    external: bool


def graph_of(definition: NetworkDefinition) -> nx.DiGraph:
    """Settings as nodes (`setting`), links between them as edges (`links`); `exit` is a node if it is used.

    Every node is added before any edge: networkx would invent the nodes of a dangling edge.
    """
    graph = nx.DiGraph(name=definition.name)
    for setting in definition.settings:
        graph.add_node(setting.name, setting=setting)
    graph.add_node(EXIT, setting=None)
    for setting in definition.settings:
        for target, link in _links(setting):
            known = graph.get_edge_data(setting.name, target, {"links": ()})["links"]
            graph.add_edge(setting.name, target, links=(*known, link))
    if graph.in_degree(EXIT) == 0:
        graph.remove_node(EXIT)
    return graph


def _links(setting: SettingDefinition) -> Iterator[tuple[str, Link]]:
    """Every link out of a setting. External patients have no columns and never take a conditional route."""
    twins, external = not isinstance(setting.stay, Forever), True
    for number, route in enumerate(setting.routes):
        for_twins = twins and route.applies_to != "external"
        for_external = external and route.applies_to != "twins" and not route.when
        for target, probability in route.targets:
            if target != STAY and probability > 0.0:
                yield target, Link("route", number, probability, for_twins, for_external)
        if route.always:
            twins, external = twins and not for_twins, external and not for_external
    if setting.overflow is not None:
        yield setting.overflow, Link("overflow", -1, 1.0, True, True)
    if setting.gives_up_to is not None:
        yield setting.gives_up_to, Link("gives_up", -1, 1.0, True, True)
