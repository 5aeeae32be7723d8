"""A drawing of a care network for planners: settings by stage, arrows with who takes them."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch
from matplotlib.path import Path as Outline

from popsim.care.network import CareNetwork
from popsim.care.network_graph import Link
from popsim.definitions.network import EXIT, SettingDefinition
from popsim.reporting.figures import pathway_layout as layouts
from popsim.reporting.figures.pathway_layout import Box, Curve, Node, PathwayLayout, Point
from popsim.reporting.figures.pathway_words import a_day, arrow_lines, box_lines

COLOURS = {  # fill by class of setting; Okabe and Ito's hues, lightened so that black text reads well
    "community": "#cfe8d5",
    "outpatient": "#d6e6f5",
    "router": "#eeeeee",
    "emergency": "#f9d5c2",
    "observation": "#fbe6c4",
    "inpatient": "#f5e9a8",
    "critical": "#f3c6d3",
    "facility": "#e0d4ee",
    "hospice": "#d9d2c9",
}
CLASS_WORDS = {
    "community": "at home",
    "outpatient": "contact (visit, call)",
    "router": "decision",
    "emergency": "emergency",
    "observation": "observation",
    "inpatient": "ward",
    "critical": "intensive care",
    "facility": "facility",
    "hospice": "hospice",
}
INK, GREY, OTHERS, UNUSED = "#222222", "#666666", "#0072b2", "#bbbbbb"
LINE_WIDTH, MAX_FLOW_WIDTH = 1.1, 5.0  # points; the widest arrow has both
ARROW_SIZE, LABEL_SIZE, BOX_SIZE = 11, 7.8, 9.5
LABEL_WIDTH = 26  # characters
DOTS_PER_INCH = 110
TITLE_HEIGHT, LEGEND_HEIGHT = 1.2, 0.75
DASHED, DOTTED = (0, (5, 2.5)), (0, (1.2, 1.8))


@dataclass(frozen=True, slots=True)
class Flows:
    """What moves through a network in a run, in people a day.

    Attributes:
        arrows: by source and target setting.
        settings: people who come to each setting (or are seen there).
        presenting: people who become acutely unwell.
        title, note: of the drawing.
    """

    arrows: Mapping[tuple[str, str], float]
    settings: Mapping[str, float]
    presenting: float
    title: str
    note: str


def draw(network: CareNetwork, path: Path | str) -> Path:
    """Draw a care network as a PNG.

    Boxes are settings with their capacity (or slots a day) and stays, coloured by class and placed by stage from left
    to right; arrows carry the share or the condition of those who take them. Dashed: patients wait in their current
    bed (boarding). Dotted: turned away, or reneging. Blue: external patients.

    Returns:
        The path written.
    """
    figure = pathway_figure(network)
    path = Path(path)
    figure.savefig(path, dpi=DOTS_PER_INCH, format="png", metadata={"Software": "popsim"})
    return path


def label_boxes(network: CareNetwork) -> tuple[list[Box], list[Box]]:
    """Rectangles (inches) of the settings and of the labels in the drawing, for checking that none overlap."""
    drawing = _Drawing(network)
    drawing.draw()
    return [n.box for n in drawing.layout.nodes.values()], drawing.labels


def pathway_figure(network: CareNetwork, flows: Flows | None = None) -> Figure:
    """The figure of `draw`; with flows, the width and label of an arrow show the flow along it."""
    drawing = _Drawing(network, flows)
    drawing.draw()
    return drawing.figure


class _Drawing:
    """One drawing under construction: the axes' units are inches."""

    def __init__(self, network: CareNetwork, flows: Flows | None = None) -> None:
        self.network, self.flows = network, flows
        self.layout: PathwayLayout = layouts.arrange(network)
        self.labels: list[Box] = []
        self.page = Box(0.05, 0.05, self.layout.width - 0.05, self.layout.height + 0.1)
        width, height = max(self.layout.width, 7.0), self.layout.height + TITLE_HEIGHT + LEGEND_HEIGHT
        self.figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor="white")
        self.canvas = FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_axes((0.0, 0.0, 1.0, 1.0))
        self.axes.set_xlim(0.0, width)
        self.axes.set_ylim(-LEGEND_HEIGHT, self.layout.height + TITLE_HEIGHT)
        self.axes.axis("off")

    def draw(self) -> None:
        """Boxes, then arrows, then labels where there is room left, then title and legend."""
        self._title()
        self._stages()
        for node in self.layout.nodes.values():
            self._box(node)
        stubs = self._stubs()
        curves = layouts.curves(self.layout)
        points = {arrow: curve.at(np.linspace(0.05, 0.95, 30)) for arrow, curve in curves.items()}
        for arrow, curve in curves.items():
            self._arrow(arrow, curve)
        taken = [n.box for n in self.layout.nodes.values()] + stubs
        for arrow in sorted(curves, key=lambda a: -len(self._lines(a))):
            others = [p for other, p in points.items() if other != arrow]
            self._label(self._lines(arrow), curves[arrow], taken, others, self._links(arrow))
        self._legend()

    def _links(self, arrow: tuple[str, str]) -> tuple[Link, ...]:
        links: tuple[Link, ...] = self.network.graph.edges[self.layout.arrows[arrow]]["links"]
        return links

    def _flow(self, arrow: tuple[str, str]) -> float:
        """People a day along an arrow; 0 without flows."""
        return 0.0 if self.flows is None else self.flows.arrows.get(self.layout.arrows[arrow], 0.0)

    def _lines(self, arrow: tuple[str, str]) -> list[str]:
        if self.flows is not None:
            return [a_day(self._flow(arrow))] if self._flow(arrow) else []
        return arrow_lines(self.network, self.layout.arrows[arrow][0], self._links(arrow))

    def _title(self) -> None:
        definition = self.network.definition
        top = self.layout.height + TITLE_HEIGHT
        if self.flows is not None:
            self.axes.text(0.45, top - 0.3, self.flows.title, fontsize=14, weight="bold", color=INK)
            self.axes.text(0.45, top - 0.58, self.flows.note, fontsize=9, color=GREY)
            return
        self.axes.text(
            0.45, top - 0.3, definition.name.replace("_", " ").capitalize(), fontsize=14, weight="bold", color=INK
        )
        people = "" if definition.reference_population is None else f"{definition.reference_population:,} twins. "
        self.axes.text(0.45, top - 0.58, people + " ".join(definition.description.split()), fontsize=9, color=GREY)

    def _stages(self) -> None:
        """Names of the stages above their columns, with a rule below."""
        y = self.layout.height + 0.15
        for name, left, right in self.layout.stages:
            self.axes.text(left, y + 0.08, name, fontsize=10.5, weight="bold", color=GREY)
            self.axes.plot([left, right], [y, y], color=GREY, linewidth=0.8)

    def _box(self, node: Node) -> None:
        box, setting = node.box, node.setting
        self.axes.add_patch(
            FancyBboxPatch(
                (box.left, box.bottom),
                box.right - box.left,
                box.top - box.bottom,
                boxstyle="round,pad=0,rounding_size=0.1",
                facecolor=COLOURS[setting.setting_class],
                edgecolor=GREY,
                linewidth=0.9,
                linestyle=DOTTED if node.echo else "solid",
                zorder=3,
            )
        )
        lines = ["as on the left"] if node.echo else box_lines(setting)
        if self.flows is not None and not node.echo and self.flows.settings.get(setting.name):
            lines = [*lines[:1], f"{a_day(self.flows.settings[setting.name])} of the study"]
        title = textwrap.wrap(setting.title, 22)
        rows = len(title) + len(lines)
        x, _ = box.centre
        pitch = min(0.19, (box.top - box.bottom - 0.1) / rows)
        y = box.centre[1] + pitch * (rows - 1) / 2
        for number, line in enumerate([*title, *lines]):
            bold = number < len(title)
            self.axes.text(
                x,
                y - number * pitch,
                line,
                ha="center",
                va="center",
                fontsize=BOX_SIZE if bold else 8.2,
                weight="bold" if bold else "normal",
                color=INK,
                zorder=4,
            )

    def _arrow(self, arrow: tuple[str, str], curve: Curve) -> None:
        links = self._links(arrow)
        target = self.layout.nodes[arrow[1]].setting
        source = self.layout.nodes[arrow[0]].setting
        dash: object = "solid"
        if all(link.kind != "route" for link in links):
            dash = DOTTED
        elif target.boards and source.is_stay_setting:
            dash = DASHED
        self._line(
            Outline([curve.start, curve.middle, curve.end], [Outline.MOVETO, Outline.CURVE3, Outline.CURVE3]),
            self._colour(arrow, links),
            dash,
            self._width(arrow),
        )

    def _colour(self, arrow: tuple[str, str], links: tuple[Link, ...]) -> str:
        if self.flows is not None and not self._flow(arrow):
            return UNUSED
        return INK if any(link.twins for link in links) else OTHERS

    def _width(self, arrow: tuple[str, str]) -> float:
        """Points; the area of a stroke would mislead, so the width grows with the square root of the flow."""
        if self.flows is None:
            return LINE_WIDTH
        most = max(self.flows.arrows.values(), default=0.0)
        return LINE_WIDTH + MAX_FLOW_WIDTH * math.sqrt(self._flow(arrow) / most) if self._flow(arrow) else 0.6

    def _line(self, outline: Outline, colour: str, dash: object, width: float = LINE_WIDTH) -> None:
        self.axes.add_patch(
            FancyArrowPatch(
                path=outline,
                arrowstyle="-|>",
                mutation_scale=ARROW_SIZE + 2.0 * (width - LINE_WIDTH),
                linewidth=width,
                linestyle=dash,
                color=colour,
                alpha=0.85,
                zorder=2,
            )
        )

    def _label(
        self, lines: list[str], curve: Curve, taken: list[Box], others: list[np.ndarray], links: tuple[Link, ...]
    ) -> None:
        if not lines:
            return
        text = "\n".join(part for line in lines for part in textwrap.wrap(line, LABEL_WIDTH))
        colour = INK if any(link.twins for link in links) else OTHERS
        drawn = self.axes.text(
            0.0, 0.0, text, fontsize=LABEL_SIZE, ha="center", va="center", color=colour, linespacing=1.1, zorder=6
        )
        extent = drawn.get_window_extent(self.canvas.get_renderer())  # type: ignore[no-untyped-call]
        size = (extent.width / DOTS_PER_INCH + 0.06, extent.height / DOTS_PER_INCH + 0.04)
        box = layouts.place_label(curve, size, taken, others, self.page)
        if not box.overlap(_around(curve.at(np.linspace(0.0, 1.0, 60)))):
            self._leader(box, curve)
        drawn.set_position(box.centre)
        drawn.set_bbox({"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.8})
        taken.append(box)
        self.labels.append(box)

    def _leader(self, box: Box, curve: Curve) -> None:
        """A thin line from a label that stands apart to the middle of its arrow."""
        x, y = curve.at(0.5)[0]
        edge = (min(max(x, box.left), box.right), min(max(y, box.bottom), box.top))
        self.axes.plot([edge[0], x], [edge[1], y], color=GREY, linewidth=0.6, zorder=2.5)

    def _stubs(self) -> list[Box]:
        """Short arrows with a label: external arrivals and twins' entry come in above, exits go out below a box."""
        texts: dict[str, list[tuple[str, str]]] = {}
        for source in self.network.arrivals:
            words = source.name.replace("_", " ")
            texts.setdefault(source.to, []).append((f"{words} {source.per_day:g}/day", OTHERS))
        definition = self.network.definition
        if definition.entry is not None:
            texts.setdefault(definition.entry, []).append(("twins enter here", INK))
        if definition.presentation is not None:
            many = f": {a_day(self.flows.presenting)}" if self.flows else ""
            texts.setdefault(definition.presentation, []).append((f"twins who become\nacutely unwell{many}", INK))
        taken = [self._stub(self.layout.nodes[name].box, arriving, True) for name, arriving in texts.items()]
        for name in self.network.graph.predecessors(EXIT) if EXIT in self.network.graph else ():
            lines = arrow_lines(self.network, name, self.network.graph.edges[name, EXIT]["links"])
            words = "leave" + (" (" + ", ".join(lines) + ")" if lines else "")
            taken.append(self._stub(self.layout.nodes[name].box, [(words, OTHERS)], False))
        return taken

    def _stub(self, box: Box, texts: list[tuple[str, str]], arriving: bool) -> Box:
        """One short vertical arrow at the left of a box's top (arriving) or bottom (leaving) with its words."""
        x = box.left + 0.25
        edge, away = (box.top, box.top + 0.3) if arriving else (box.bottom, box.bottom - 0.3)
        ends: tuple[Point, Point] = ((x, away), (x, edge)) if arriving else ((x, edge), (x, away))
        self._line(Outline(list(ends), [Outline.MOVETO, Outline.LINETO]), texts[0][1], "solid")
        text = "\n".join(words for words, _ in texts)
        drawn = self.axes.text(
            x + 0.1,
            (edge + away) / 2,
            text,
            fontsize=LABEL_SIZE,
            ha="left",
            va="center",
            color=texts[0][1],
            zorder=6,
        )
        extent = drawn.get_window_extent(self.canvas.get_renderer())  # type: ignore[no-untyped-call]
        wide, high = extent.width / DOTS_PER_INCH, extent.height / DOTS_PER_INCH
        words_box = Box.around((x + 0.1 + wide / 2, (edge + away) / 2), wide, high)
        self.labels.append(words_box)
        return Box(x - 0.08, words_box.bottom, words_box.right + 0.03, words_box.top)

    def _legend(self) -> None:
        used = dict.fromkeys(_in_order(self.network.settings))
        handles: list[Patch | Line2D] = [
            Patch(facecolor=COLOURS[c], edgecolor=GREY, label=CLASS_WORDS[c]) for c in used
        ]
        handles += [
            Line2D([], [], color=INK, label="goes to"),
            Line2D([], [], color=INK, linestyle=DASHED, label="waits in the current bed (boarding)"),
            Line2D([], [], color=INK, linestyle=DOTTED, label="turned away or gives up waiting"),
            Line2D([], [], color=OTHERS, label="external patients"),
        ]
        columns = max(int(self.axes.get_xlim()[1] / 2.3), 3)
        self.axes.legend(
            handles=handles, loc="lower left", ncols=columns, fontsize=8.5, frameon=False, borderaxespad=0.6
        )


def _around(points: np.ndarray) -> Box:
    """The rectangle around points (n, 2), a little wider than they are."""
    (left, bottom), (right, top) = points.min(axis=0), points.max(axis=0)
    return Box(left - 0.15, bottom - 0.3, right + 0.15, top + 0.3)


def _in_order(settings: tuple[SettingDefinition, ...]) -> list[str]:
    """Classes in use, in the order of the colours."""
    present = {s.setting_class for s in settings}
    return [c for c in COLOURS if c in present]
