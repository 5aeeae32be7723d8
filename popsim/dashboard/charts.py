"""Charts as SVG within the page: drawn in milliseconds, with text that scales, and no picture files.

Colours, dashes and markers are those of all figures of popsim. Every chart has a sentence for those who cannot see it,
and the page shows the same numbers as a table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from popsim.reporting.figures.style import COLOURS, INK, QUIET

WIDTH = 640.0
GRID = "#dddddd"
DASHES = ("", "9 4", "2 3", "9 4 2 4", "14 4", "5 3 2 3 2 3")
LEFT, RIGHT, TOP, BOTTOM = 62.0, 14.0, 10.0, 40.0
FONT = 12.0


class Line(NamedTuple):
    """One line of a chart.

    Attributes:
        label: what it is.
        x, y: points; None is a gap.
        look: place in the order of looks; the comparator is 0.
        low, high: of a band around it; empty: none.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float | None]
    look: int
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()


class PlottedInterval(NamedTuple):
    """A row of a chart of intervals: label, point, ends, and the place of its look."""

    label: str
    mean: float | None
    low: float | None
    high: float | None
    look: int
    words: str


def lines_chart(
    lines: Sequence[Line], x_label: str, y_label: str, words: str, *, height: float = 260.0,
    y_from: float | None = None, y_to: float | None = None, at: float | None = None, limit: float | None = None,
    shaded_to: float | None = None,
) -> str:  # fmt: skip
    """Lines with bands.

    Args:
        lines: what is drawn.
        x_label, y_label: of the axes, with units.
        words: for those who cannot see it.
        height: of the drawing, whose width is WIDTH.
        y_from, y_to: ends of the axis, if they are given.
        at: x of a dotted vertical line.
        limit: y of a dashed horizontal line.
        shaded_to: x up to which the ground is shaded.
    """
    xs = [x for line in lines for x in line.x] or [0.0, 1.0]
    ys = [y for line in lines for part in (line.y, line.low, line.high) for y in part if y is not None]
    ys += [0.0] if limit is None else [limit, 0.0]
    x_axis = _Axis.over(min(xs), max(xs), LEFT, WIDTH - RIGHT)
    if all(float(x).is_integer() for x in xs):
        x_axis = x_axis._replace(step=float(math.ceil(x_axis.step)))  # of days or comparisons there are no parts
    y_axis = _Axis.over(
        min(ys) if y_from is None else y_from, max(ys) if y_to is None else y_to, height - BOTTOM, TOP,
        round_out=y_to is None,
    )  # fmt: skip
    parts = [_open(height, words)]
    if shaded_to is not None and shaded_to > x_axis.low:
        parts.append(_rect(x_axis(x_axis.low), TOP, x_axis(min(shaded_to, x_axis.high)), height - BOTTOM, "#eeeeee"))
    parts += [_grid(x_axis, y_axis, height), _axis_labels(x_label, y_label, height)]
    if limit is not None:
        parts.append(_rule(x_axis.start, y_axis(limit), x_axis.end, y_axis(limit), "#b2182b", "8 3"))
    if at is not None and x_axis.low <= at <= x_axis.high:
        parts.append(_rule(x_axis(at), TOP, x_axis(at), height - BOTTOM, INK, "2 3"))
    for line in lines:
        colour = COLOURS[line.look % len(COLOURS)]
        if line.low and line.high:
            parts.append(_band(line, x_axis, y_axis, colour))
        dash = DASHES[line.look % len(DASHES)]
        for run in _runs(line.x, line.y):
            points = " ".join(f"{x_axis(x):.1f},{y_axis(y):.1f}" for x, y in run)
            parts.append(
                f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.2"'
                f"{f' stroke-dasharray={chr(34)}{dash}{chr(34)}' if dash else ''}/>"
            )
            if len(run) == 1:
                parts.append(_mark(x_axis(run[0][0]), y_axis(run[0][1]), line.look))
    return "".join([*parts, "</svg>", legend([(line.label, line.look) for line in lines])])


def intervals_chart(rows: Sequence[PlottedInterval], x_label: str, words: str, zero: bool = False) -> str:
    """A point with its interval in every row, and its number at the right.

    Args:
        rows: from the top.
        x_label: with its unit.
        words: for those who cannot see it.
        zero: whether the axis shows 0 with a line.
    """
    known = [value for row in rows for value in (row.mean, row.low, row.high) if value is not None]
    known += [0.0] if zero else []
    height = TOP + 30.0 * len(rows) + BOTTOM
    left, right = 190.0, WIDTH - 170.0
    axis = _Axis.over(min(known, default=0.0), max(known, default=1.0), left, right)
    parts = [_open(height, words)]
    for tick in axis.ticks:
        parts.append(_rule(axis(tick), TOP, axis(tick), height - BOTTOM, GRID))
        parts.append(_text(axis(tick), height - BOTTOM + 15, axis.words(tick)))
    if zero:
        parts.append(_rule(axis(0.0), TOP, axis(0.0), height - BOTTOM, QUIET))
    parts.append(_text((left + right) / 2, height - 8, x_label))
    for number, row in enumerate(rows):
        y = TOP + 30.0 * number + 15.0
        colour = COLOURS[row.look % len(COLOURS)]
        parts.append(_text(left - 12, y + 4, _cut(row.label, 27), "end"))
        if row.low is not None and row.high is not None:
            parts.append(_rule(axis(row.low), y, axis(row.high), y, colour, width=2.6))
            parts += [_rule(axis(end), y - 5, axis(end), y + 5, colour, width=2.0) for end in (row.low, row.high)]
        if row.mean is not None:
            parts.append(_mark(axis(row.mean), y, row.look))
        parts.append(_text(WIDTH, y + 4, row.words, "end"))
    return "".join([*parts, "</svg>"])


def cloud_chart(
    clouds: Mapping[str, tuple[Sequence[float], Sequence[float], int]],
    slope: float,
    x_label: str,
    y_label: str,
    words: str,
) -> str:
    """Points of each strategy, their mean, and the line through the origin on which a gain costs the threshold.

    Args:
        clouds: x, y and look by label.
        slope: y for one unit of x.
        x_label, y_label: of the axes, with units.
        words: for those who cannot see it.
    """
    height = 320.0
    xs = [0.0, *(x for one in clouds.values() for x in one[0])]
    ys = [0.0, *(y for one in clouds.values() for y in one[1])]
    x_axis = _Axis.over(min(xs), max(xs), LEFT, WIDTH - RIGHT)
    y_axis = _Axis.over(min(ys), max(ys), height - BOTTOM, TOP)
    parts = [_open(height, words), _grid(x_axis, y_axis, height), _axis_labels(x_label, y_label, height)]
    parts.append(_rule(x_axis(0.0), TOP, x_axis(0.0), height - BOTTOM, QUIET))
    parts.append(_rule(x_axis.start, y_axis(0.0), x_axis.end, y_axis(0.0), QUIET))
    ends = [(x, slope * x) for x in (x_axis.low, x_axis.high)]
    if slope > 0.0:
        ends = [(min(max(y, y_axis.low), y_axis.high) / slope, min(max(y, y_axis.low), y_axis.high)) for _, y in ends]
    (x0, y0), (x1, y1) = ends
    parts.append(_rule(x_axis(x0), y_axis(y0), x_axis(x1), y_axis(y1), QUIET, "6 4", 1.4))
    for x, y, look in clouds.values():
        colour = COLOURS[look % len(COLOURS)]
        parts += [
            f'<circle cx="{x_axis(a):.1f}" cy="{y_axis(b):.1f}" r="2.2" fill="{colour}" fill-opacity=".4"/>'
            for a, b in zip(x, y, strict=True)
        ]
        if len(x):
            parts.append(_mark(x_axis(sum(x) / len(x)), y_axis(sum(y) / len(y)), look, 7.0))
    return "".join([*parts, "</svg>", legend([(label, one[2]) for label, one in clouds.items()])])


def legend(items: Sequence[tuple[str, int]]) -> str:
    """The looks of lines with their labels, below a chart."""
    parts = []
    for label, look in items:
        colour, dash = COLOURS[look % len(COLOURS)], DASHES[look % len(DASHES)]
        parts.append(
            f'<li><svg viewBox="0 0 34 12" width="34" height="12" aria-hidden="true">'
            f"{_rule(0, 6, 34, 6, colour, dash, 2.2)}{_mark(17, 6, look, 4.0)}</svg> {escape(label)}</li>"
        )
    return f'<ul class="legend">{"".join(parts)}</ul>'


class _Axis(NamedTuple):
    """From numbers to places in the drawing."""

    low: float
    high: float
    start: float
    end: float
    step: float

    @classmethod
    def over(cls, low: float, high: float, start: float, end: float, *, round_out: bool = True) -> _Axis:
        if high - low <= 1e-12 * max(abs(high), abs(low), 1e-12):
            low, high = low - max(abs(low) * 0.1, 0.5), high + max(abs(high) * 0.1, 0.5)
        rough = (high - low) / 5.0
        size = 10.0 ** math.floor(math.log10(rough))
        step = next(size * nice for nice in (1.0, 2.0, 2.5, 5.0, 10.0) if size * nice >= rough * 0.999)
        if round_out:
            low, high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
        return cls(low, high, start, end, step)

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        first = math.ceil(self.low / self.step - 1e-9)
        last = math.floor(self.high / self.step + 1e-9)
        return [number * self.step for number in range(first, last + 1)]

    def words(self, value: float) -> str:
        digits = max(0, -math.floor(math.log10(self.step) + 1e-9))
        digits += 0 if abs(self.step * 10**digits - round(self.step * 10**digits)) < 1e-6 else 1
        return f"{value:,.{digits}f}" if abs(value) > self.step * 1e-6 else "0"


def _open(height: float, words: str) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img" aria-label="{escape(words)}" '
        f'font-size="{FONT}">'
    )


def _grid(x_axis: _Axis, y_axis: _Axis, height: float) -> str:
    parts = []
    for tick in y_axis.ticks:
        parts.append(_rule(x_axis.start, y_axis(tick), x_axis.end, y_axis(tick), GRID))
        parts.append(_text(x_axis.start - 6, y_axis(tick) + 4, y_axis.words(tick), "end"))
    for tick in x_axis.ticks:
        parts.append(_rule(x_axis(tick), TOP, x_axis(tick), height - BOTTOM, GRID))
        parts.append(_text(x_axis(tick), height - BOTTOM + 15, x_axis.words(tick)))
    return "".join(parts)


def _axis_labels(x_label: str, y_label: str, height: float) -> str:
    middle = (height - BOTTOM + TOP) / 2
    across = _text((LEFT + WIDTH - RIGHT) / 2, height - 7, x_label)
    return across + f'<g transform="rotate(-90 12 {middle:.1f})">{_text(12, middle, y_label)}</g>'


def _band(line: Line, x_axis: _Axis, y_axis: _Axis, colour: str) -> str:
    both = [(x, a, b) for x, a, b in zip(line.x, line.low, line.high, strict=True) if a is not None and b is not None]
    if len(both) < 2:
        return "".join(_rule(x_axis(x), y_axis(a), x_axis(x), y_axis(b), colour, width=2.0) for x, a, b in both)
    there = [f"{x_axis(x):.1f},{_kept(y_axis(a), y_axis):.1f}" for x, a, _ in both]
    back = [f"{x_axis(x):.1f},{_kept(y_axis(b), y_axis):.1f}" for x, _, b in reversed(both)]
    return f'<polygon points="{" ".join(there + back)}" fill="{colour}" fill-opacity=".16"/>'


def _kept(y: float, axis: _Axis) -> float:
    return min(max(y, axis.end), axis.start)


def _runs(xs: Sequence[float], ys: Sequence[float | None]) -> list[list[tuple[float, float]]]:
    """Points without the gaps."""
    runs: list[list[tuple[float, float]]] = [[]]
    for x, y in zip(xs, ys, strict=True):
        if y is None:
            runs.append([])
        else:
            runs[-1].append((x, y))
    return [run for run in runs if run]


def _mark(x: float, y: float, look: int, size: float = 5.0) -> str:
    """A circle, square, triangle or diamond."""
    colour = COLOURS[look % len(COLOURS)]
    tall = 1.2 * size
    shapes = (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size}"',
        f'<rect x="{x - size * 0.85:.1f}" y="{y - size * 0.85:.1f}" width="{size * 1.7:.1f}" height="{size * 1.7:.1f}"',
        f'<path d="M{x:.1f} {y - size:.1f}l{size:.1f} {1.8 * size:.1f}h{-2 * size:.1f}z"',
        f'<path d="M{x:.1f} {y - tall:.1f}l{size:.1f} {tall:.1f}l{-size:.1f} {tall:.1f}l{-size:.1f} {-tall:.1f}z"',
    )
    return f'{shapes[look % len(shapes)]} fill="{colour}" stroke="#fff" stroke-width="1"/>'


def _rule(x0: float, y0: float, x1: float, y1: float, colour: str, dash: str = "", width: float = 1.0) -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    ends = f'x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"{dashes}/>'


def _rect(x0: float, y0: float, x1: float, y1: float, colour: str) -> str:
    return f'<rect x="{x0:.1f}" y="{y0:.1f}" width="{x1 - x0:.1f}" height="{y1 - y0:.1f}" fill="{colour}"/>'


def _text(x: float, y: float, words: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{INK}">{escape(words)}</text>'


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"
