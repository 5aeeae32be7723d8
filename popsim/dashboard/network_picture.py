"""The care network of a day as a drawing within the page: flows, people there, queues and bottlenecks."""

from __future__ import annotations

import math
import textwrap
from html import escape

from popsim.care.network import CareNetwork
from popsim.dashboard.daily_flows import NetworkDay, SettingDay
from popsim.definitions.network import EXIT
from popsim.plurals import counted
from popsim.reporting.figures.pathway import INK, MAX_FLOW_WIDTH, UNUSED
from popsim.reporting.figures.pathway_layout import Box, Curve, Node, PathwayLayout, arrange, curves, place_label
from popsim.reporting.figures.pathway_words import a_day

SCALE = 72.0  # of an inch of the layout
HEAD = 34.0  # above, for the names of the stages
FILLS = {"free": "#dcecf7", "crowded": "#f6d9a8", "full": "#f0b49a", "": "#f2f2f2"}  # lightened Okabe and Ito
WORDS = {
    "free": "places are free",
    "crowded": "more than 85% taken",
    "full": "full: 95% and more taken",
    "": "no limit",
}
SMALL, TEXT, BOLD = 10.5, 11.5, 12.5
LETTERS = 19  # of a line in a box


class NetworkPicture:
    """The drawing of one network; the layout is made once.

    Args:
        network: for the people of the run.
    """

    def __init__(self, network: CareNetwork) -> None:
        self.network = network
        self.layout: PathwayLayout = arrange(network)
        self._curves = curves(self.layout)
        self._height = self.layout.height
        self._bottom = min(node.box.bottom for node in self.layout.nodes.values()) - 0.15
        self._page = Box(0.05, self._bottom, self.layout.width - 0.05, self._height)

    def svg(self, today: NetworkDay, words: str) -> str:
        """The drawing of a day.

        Args:
            today: flows and queues.
            words: what it shows, for those who cannot see it.
        """
        width, height = self.layout.width * SCALE, (self._height - self._bottom) * SCALE + HEAD
        parts = [
            f'<svg class="network" viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(words)}" '
            f'style="width:100%;min-width:56rem">',
            f'<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" '
            f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z" fill="{INK}"/></marker>'
            f'<marker id="tip-unused" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z" fill="{UNUSED}"/></marker></defs>',
        ]
        for name, left, right in self.layout.stages:
            parts.append(_text(left * SCALE, 16, name, BOLD, "start", "bold", "#595959"))
            parts.append(f'<line x1="{left * SCALE:.1f}" x2="{right * SCALE:.1f}" y1="22" y2="22" stroke="#9a9a9a"/>')
        most = max(today.arrows.values(), default=0.0)
        labels, taken = [], [node.box for node in self.layout.nodes.values()]
        for arrow, curve in self._curves.items():
            flow = today.arrows.get(self.layout.arrows[arrow], 0.0)
            parts.append(self._arrow(curve, flow, most))
            if flow:
                labels.append(self._label(curve, flow, taken))
        parts += [self._box(node, today) for node in self.layout.nodes.values()]
        return "".join([*parts, *labels, "</svg>"])

    def _y(self, y: float) -> float:
        """Height in the drawing, whose origin is at the top."""
        return (self._height - y) * SCALE + HEAD

    def _arrow(self, curve: Curve, flow: float, most: float) -> str:
        ends = [f"{x * SCALE:.1f} {self._y(y):.1f}" for x, y in (curve.start, curve.middle, curve.end)]
        width = 1.0 + MAX_FLOW_WIDTH * math.sqrt(flow / most) if flow else 0.8
        colour, tip = (INK, "tip") if flow else (UNUSED, "tip-unused")
        return (
            f'<path d="M{ends[0]}Q{ends[1]} {ends[2]}" fill="none" stroke="{colour}" stroke-width="{width:.1f}" '
            f'stroke-opacity=".8" marker-end="url(#{tip})"/>'
        )

    def _label(self, curve: Curve, flow: float, taken: list[Box]) -> str:
        """The flow along an arrow, where boxes and other labels leave room."""
        words = a_day(flow)
        wide = 6.0 * len(words) + 6.0
        place = place_label(curve, (wide / SCALE, 15.0 / SCALE), taken, (), self._page)
        taken.append(place)
        x, y = place.centre
        box = (
            f'<rect x="{x * SCALE - wide / 2:.1f}" y="{self._y(y) - 7.5:.1f}" width="{wide:.1f}" height="15" rx="3" '
            f'fill="#fff" fill-opacity=".9"/>'
        )
        return box + _text(x * SCALE, self._y(y) + 3.5, words, SMALL)

    def _box(self, node: Node, today: NetworkDay) -> str:
        box, setting = node.box, node.setting
        found = today.settings.get(setting.name)
        state = found.state if found is not None and not node.echo else ""
        stuck = setting.name in today.bottlenecks and not node.echo
        edge, thick = ("#a03000", 3.0) if stuck else ("#595959", 1.0)
        left, top = box.left * SCALE, self._y(box.top)
        wide, high = (box.right - box.left) * SCALE, (box.top - box.bottom) * SCALE
        lines = textwrap.wrap(setting.title, LETTERS)
        rows = [(line, TEXT, "bold") for line in lines]
        rows += [(line, SMALL, "normal") for line in (["as on the left"] if node.echo else _lines(found))]
        pitch = min(14.0, (high - 4.0) / max(len(rows), 1))
        x, y = left + wide / 2, top + high / 2 - pitch * (len(rows) - 1) / 2 + 4.0
        texts = [
            _text(x, y + number * pitch, words, size, "middle", weight)
            for number, (words, size, weight) in enumerate(rows)
        ]
        return (
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{high:.1f}" rx="7" fill="{FILLS[state]}" '
            f'stroke="{edge}" stroke-width="{thick}"/>{"".join(texts)}'
        )


def people_in_words(found: SettingDay) -> str:
    """How many are there, of how many places; how many are seen, of how many slots."""
    if found.slots is not None:
        return f"{a_day(found.arriving)} of {counted(round(found.slots), 'slot')}"
    if found.there is None:
        return ""
    if found.places:
        return f"{found.there:,.0f} of {counted(round(found.places), 'place')}"
    return f"{found.there:,.0f} people"


def network_rows(network: CareNetwork, today: NetworkDay) -> list[list[str]]:
    """The same as a table: setting, people there, waiting, arriving, state."""
    rows = []
    for setting in network.settings:
        found = today.settings.get(setting.name)
        if found is None or setting.name == EXIT:
            continue
        waiting = "" if found.waiting is None else f"{found.waiting:,.1f}"
        state = "bottleneck" if setting.name in today.bottlenecks else WORDS[found.state]
        rows.append([setting.title, people_in_words(found), waiting, a_day(found.arriving), state])
    return rows


def _lines(found: SettingDay | None) -> list[str]:
    """The lines below a setting's name."""
    if found is None:
        return []
    lines = [people_in_words(found)]
    if found.waiting is not None and found.waiting >= 0.05:
        lines.append(f"{found.waiting:,.1f} waiting")
    elif found.arriving and found.slots is None:
        lines.append(f"{a_day(found.arriving)} come")
    return [line for line in lines if line]


def _text(
    x: float, y: float, words: str, size: float, anchor: str = "middle", weight: str = "normal", colour: str = INK
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
        f'fill="{colour}">{escape(words)}</text>'
    )
