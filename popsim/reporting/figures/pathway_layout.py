"""Layout of a care pathway: columns by stage, order by neighbours, curves around boxes.

Plain geometry in inches, origin at the bottom left; nothing here draws.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from popsim.care.network import CareNetwork
from popsim.definitions.network import EXIT, SettingDefinition

BOX_WIDTH, BOX_HEIGHT = 1.9, 0.8
COLUMN_GAP = 1.6
ROW_GAP = 0.75
COMMUNITY, DECISION, EMERGENCY, OBSERVATION, HOSPITAL, DISCHARGE, AFTER = range(7)
STAGE_OF_CLASS = {
    "community": COMMUNITY,
    "outpatient": COMMUNITY,
    "emergency": EMERGENCY,
    "observation": OBSERVATION,
    "inpatient": HOSPITAL,
    "critical": HOSPITAL,
    "facility": AFTER,
    "hospice": AFTER,
}
STAGE_NAMES = {
    "Community": (COMMUNITY,),
    "Front door": (DECISION, EMERGENCY, OBSERVATION),
    "Hospital": (HOSPITAL,),
    "After hospital": (DISCHARGE, AFTER),
}
SWEEPS = 12
BENDS = (0.0, 0.12, -0.12, 0.25, -0.25, 0.4, -0.4, 0.6, -0.6, 0.85, -0.85)
BESIDE = (0.0, 0.12, -0.12, 0.26, -0.26, 0.42, -0.42)  # inches
ALONG = (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82, 0.12, 0.88)

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle: left, bottom, right, top in inches."""

    left: float
    bottom: float
    right: float
    top: float

    @classmethod
    def around(cls, centre: Point, width: float, height: float) -> Box:
        """The rectangle of that size around a point."""
        x, y = centre
        return cls(x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    @property
    def centre(self) -> Point:
        """Its middle."""
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2

    def overlap(self, other: Box) -> float:
        """Area that both cover, square inches."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(width, 0.0) * max(height, 0.0)


@dataclass(frozen=True, slots=True)
class Node:
    """A box to draw: a setting, or the copy of a community setting after hospital (`echo`)."""

    key: str
    setting: SettingDefinition
    echo: bool
    box: Box


@dataclass(frozen=True, slots=True)
class Curve:
    """A quadratic Bezier curve from the edge of one box to the edge of another."""

    start: Point
    middle: Point
    end: Point

    def at(self, t: float | np.ndarray) -> np.ndarray:
        """Points at the parameters t in 0..1."""
        t = np.atleast_1d(np.asarray(t, dtype=float))[:, None]
        start, middle, end = (np.array(p) for p in (self.start, self.middle, self.end))
        return np.asarray((1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end)


@dataclass(frozen=True, slots=True)
class PathwayLayout:
    """Positions of boxes and arrows, in inches.

    Attributes:
        nodes: boxes by key.
        arrows: (source key, target key) of every arrow -> the names of the settings behind them.
        stages: (name, left, right) of every stage that has a box.
        width, height: of the whole, without title and legend.
    """

    nodes: dict[str, Node]
    arrows: dict[tuple[str, str], tuple[str, str]]
    stages: list[tuple[str, float, float]]
    width: float
    height: float


def arrange(network: CareNetwork) -> PathwayLayout:
    """Place every setting in the column of its stage and order the columns so that few arrows cross."""
    stages = {s.name: _stage(network, s) for s in network.settings}
    arrows: dict[tuple[str, str], tuple[str, str]] = {}
    echoes: dict[str, SettingDefinition] = {}
    for source, target in network.graph.edges:
        if target == EXIT:
            continue
        key = target
        if stages[target] == COMMUNITY and stages[source] >= HOSPITAL:
            key = f"{target} after"
            echoes[key] = network[target]
        arrows[source, key] = (source, target)
    stage_of_key = stages | dict.fromkeys(echoes, AFTER)
    used = sorted(set(stage_of_key.values()))
    columns = [[k for k in stage_of_key if stage_of_key[k] == stage] for stage in used]
    _untangle(columns, arrows)
    rows = max(len(column) for column in columns)
    height = max(rows * (BOX_HEIGHT + ROW_GAP) + 0.8, 2.6)
    nodes = {}
    for index, column in enumerate(columns):
        x = 0.45 + BOX_WIDTH / 2 + index * (BOX_WIDTH + COLUMN_GAP)
        pitch = (height - 0.8) / len(column)
        for row, key in enumerate(column):
            y = height - 0.4 - pitch * (row + 0.5)
            setting = echoes.get(key) or network[key]
            tall = BOX_HEIGHT * (0.75 if key in echoes or setting.setting_class == "router" else 1.0)
            nodes[key] = Node(key, setting, key in echoes, Box.around((x, y), BOX_WIDTH, tall))
    width = 1.5 + len(columns) * BOX_WIDTH + (len(columns) - 1) * COLUMN_GAP
    return PathwayLayout(nodes, arrows, _stage_edges(used), width, height)


def curves(layout: PathwayLayout) -> dict[tuple[str, str], Curve]:
    """One curve per arrow: the least bent of those that touch the fewest other boxes."""
    ports = _ports(layout)
    found = {}
    t = np.linspace(0.03, 0.97, 40)
    for arrow in layout.arrows:
        others = [n.box for key, n in layout.nodes.items() if key not in arrow]
        start, end = ports[arrow]
        candidates = [_bent(start, end, bend) for bend in BENDS]
        own = [layout.nodes[key].box for key in arrow]
        cost = [
            _touched(c.at(t), others, layout) + sum(_inside(c.at(t), box) for box in own) + 0.3 * abs(bend)
            for c, bend in zip(candidates, BENDS, strict=True)
        ]
        found[arrow] = candidates[int(np.argmin(cost))]
    return found


def place_label(curve: Curve, size: Point, taken: Iterable[Box], lines: Iterable[np.ndarray], page: Box) -> Box:
    """The position of a label near its curve: on nothing that is taken, and on few points of other arrows.

    Close to the curve first; where there is no room, ever further from its middle, within the page.
    """
    taken, points = list(taken), list(lines)
    best, least = Box.around((0.0, 0.0), *size), np.inf
    for x, y, away in _near(curve):
        box = Box.around((x, y), size[0], size[1])
        covered = sum(box.overlap(other) for other in taken)
        crossed = sum(_inside(p, box) for p in points)
        cost = 100.0 * covered + 0.02 * crossed + away
        if cost < least:
            best, least = box, cost
    return best if not _covers(best, taken) else _free(curve, size, taken, page) or best


def _near(curve: Curve) -> Iterable[tuple[float, float, float]]:
    """Places on and beside a curve, and how far each is from the best."""
    for t in ALONG:
        x, y = curve.at(t)[0]
        for up in BESIDE:
            yield float(x), float(y) + up, abs(up) + 0.3 * abs(t - 0.5)


def _covers(box: Box, taken: Iterable[Box]) -> bool:
    return any(box.overlap(other) > 0.0 for other in taken)


def _free(curve: Curve, size: Point, taken: list[Box], page: Box) -> Box | None:
    """The free place on a page that is nearest to the middle of a curve; None where there is none."""
    middle = curve.at(0.5)[0]
    across = np.arange(page.left + size[0] / 2, page.right - size[0] / 2, 0.1)
    up = np.arange(page.bottom + size[1] / 2, page.top - size[1] / 2, 0.08)
    places = np.array([(x, y) for x in across for y in up])
    if not len(places):
        return None
    for x, y in places[np.argsort(((places - middle) ** 2).sum(axis=1), kind="stable")]:
        box = Box.around((float(x), float(y)), *size)
        if not _covers(box, taken):
            return box
    return None


def _stage(network: CareNetwork, setting: SettingDefinition) -> int:
    """Column of a setting; a router stands before the front door or after hospital, as its neighbours say."""
    if setting.setting_class != "router":
        return STAGE_OF_CLASS[setting.setting_class]
    name, graph = setting.name, network.graph
    before = {graph.nodes[n]["setting"].setting_class for n in graph.predecessors(name)}
    if name == network.definition.entry or before & {"inpatient", "critical"}:
        return DISCHARGE
    leads_to = {graph.nodes[n]["setting"].setting_class for n in graph.successors(name) if n != EXIT}
    return DECISION if leads_to & {"emergency", "observation", "inpatient", "critical"} else EMERGENCY


def _stage_edges(used: list[int]) -> list[tuple[str, float, float]]:
    """(name, left edge, right edge) of every stage in use."""
    edges = []
    for name, members in STAGE_NAMES.items():
        places = [index for index, stage in enumerate(used) if stage in members]
        if places:
            left = 0.45 + places[0] * (BOX_WIDTH + COLUMN_GAP)
            edges.append((name, left, left + BOX_WIDTH + (places[-1] - places[0]) * (BOX_WIDTH + COLUMN_GAP)))
    return edges


def _untangle(columns: list[list[str]], arrows: Iterable[tuple[str, str]]) -> None:
    """Reorder the columns in place by the mean height of their neighbours (barycentre heuristic)."""
    graph: dict[str, dict[str, None]] = {key: {} for column in columns for key in column}
    for a, b in arrows:
        graph.setdefault(a, {})[b] = None
        graph.setdefault(b, {})[a] = None
    height = {key: (row + 0.5) / len(column) for column in columns for row, key in enumerate(column)}
    for sweep in range(SWEEPS):
        for column in columns if sweep % 2 else reversed(columns):
            wanted = {k: np.mean([height[n] for n in graph[k] if n not in column] or [height[k]]) for k in column}
            column.sort(key=wanted.__getitem__)
            height.update({key: (row + 0.5) / len(column) for row, key in enumerate(column)})


def _ports(layout: PathwayLayout) -> dict[tuple[str, str], tuple[Point, Point]]:
    """Start and end of every arrow, spread along the sides of the boxes so that arrows do not share a point."""
    sides: dict[tuple[str, str], list[tuple[float, tuple[str, str], int]]] = {}
    for arrow in layout.arrows:
        a, b = (layout.nodes[key].box for key in arrow)
        if abs(a.centre[0] - b.centre[0]) < 0.01:
            both = ("bottom", "top") if a.centre[1] > b.centre[1] else ("top", "bottom")
            if any(_stands_between(a, n.box, b) for n in layout.nodes.values()):
                both = ("right", "right")
        else:
            both = ("right", "left") if a.centre[0] < b.centre[0] else ("left", "right")
        for end in (0, 1):
            other = (b, a)[end]
            position = other.centre[0] if both[end] in ("top", "bottom") else other.centre[1]
            sides.setdefault((arrow[end], both[end]), []).append((position, arrow, end))
    ports: dict[tuple[str, str], list[Point]] = {arrow: [(0.0, 0.0), (0.0, 0.0)] for arrow in layout.arrows}
    for (key, side), uses in sides.items():
        box = layout.nodes[key].box
        for number, (_, arrow, end) in enumerate(sorted(uses)):
            share = (number + 1) / (len(uses) + 1)
            x = box.left + (0.45 + 0.55 * share) * (box.right - box.left)  # arrivals and exits use the left part
            y = box.bottom + share * (box.top - box.bottom)
            at = {"left": (box.left, y), "right": (box.right, y), "top": (x, box.top), "bottom": (x, box.bottom)}
            ports[arrow][end] = at[side]
    return {arrow: (start, end) for arrow, (start, end) in ports.items()}


def _stands_between(first: Box, box: Box, last: Box) -> bool:
    """Whether a box lies between two others of its column."""
    (x, y), ends = box.centre, sorted((first.centre[1], last.centre[1]))
    return abs(x - first.centre[0]) < 0.01 and ends[0] + 0.01 < y < ends[1] - 0.01


def _bent(start: Point, end: Point, bend: float) -> Curve:
    """A curve whose middle control point lies `bend` x its length to the side of the straight line."""
    (x0, y0), (x1, y1) = start, end
    return Curve(start, ((x0 + x1) / 2 - bend * (y1 - y0), (y0 + y1) / 2 + bend * (x1 - x0)), end)


def _inside(points: np.ndarray, box: Box, margin: float = 0.0) -> int:
    """How many of the points (n, 2) lie in a box."""
    x, y = points[:, 0], points[:, 1]
    within = (x > box.left - margin) & (x < box.right + margin) & (y > box.bottom - margin) & (y < box.top + margin)
    return int(np.count_nonzero(within))


def _touched(points: np.ndarray, boxes: list[Box], layout: PathwayLayout) -> float:
    """How many points of a curve lie in boxes that it should go around, or outside of the drawing."""
    x, y = points[:, 0], points[:, 1]
    outside = (y < 0.1) | (y > layout.height - 0.1) | (x < 0.1) | (x > layout.width - 0.1)
    return sum(_inside(points, box, margin=0.06) for box in boxes) + float(np.count_nonzero(outside))
