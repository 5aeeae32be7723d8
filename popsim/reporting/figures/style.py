"""The style of all figures: colours that everybody can distinguish, each with a line, a marker and a hatch.

Colours: Okabe and Ito's palette for colour-blind readers, without its yellow, which is too pale for lines on white.
"""

from __future__ import annotations

import math
import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import AutoLocator, MaxNLocator
from numpy.typing import ArrayLike

from popsim.errors import InputError
from popsim.reporting.figures.axes import MAKE_FIGURE

COLOURS = ("#333333", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
LINES: tuple[Any, ...] = (
    "solid", (0, (6, 2)), (0, (1.2, 1.4)), (0, (6, 2, 1.2, 2)), (0, (10, 2)), (0, (3, 1.5, 1, 1.5, 1, 1.5)),
)  # fmt: skip
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
HATCHES = ("", "//", "..", "\\\\", "--", "xx", "||", "++")  # two strokes a cell: calm, and told apart in grey
INK, QUIET, RULE = "#222222", "#595959", "#9a9a9a"
METADATA: dict[str, dict[str, str | None]] = {  # without times: the same figure gives the same bytes
    "png": {"Software": "popsim"},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}
FORMATS = tuple(METADATA)
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.7,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "hatch.linewidth": 0.5,
    "lines.linewidth": 1.6,
    "text.parse_math": False,  # two dollar signs in a label are money, not a formula
    "pdf.fonttype": 42,  # whole TrueType fonts: text stays text, and editors can change it
    "svg.fonttype": "path",  # looks the same where the font is missing
    "svg.hashsalt": "popsim",  # the same figure gives the same file
}
IN_COLUMN: Any = {
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "lines.linewidth": 1.2,
}
LOG_STEPS = (  # ticks of a logarithmic axis between two powers of ten, from few to many
    (1.0,), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0), tuple(step / 10.0 for step in range(10, 100)),
)  # fmt: skip
COLUMN_INCHES = 85.0 / 25.4  # one column of a journal
COLUMN: ContextVar[bool] = ContextVar("COLUMN", default=False)
DOTS_PER_INCH = 150
CHARACTERS_PER_INCH = 15.5  # of a note, at its size
BOLD = 0.62  # of the characters of a note: a title at the size of a note
COLUMN_TICKS = 5  # intervals between the numbers below an axis, at most
NUMBER_CHARACTERS = 8  # that ticks of numbers and the name of their axis take
MIN_CHARACTERS = 24  # of a line of a label
MAX_VECTOR_POINTS = 2000  # a larger cloud goes into a vector file as an image


@dataclass(frozen=True, slots=True)
class Look:
    """How one strategy (or component) is drawn in every figure."""

    colour: str
    line: Any
    marker: str
    hatch: str


def look(index: int) -> Look:
    """The look of the item at this position; all four cycles have different lengths."""
    return Look(
        COLOURS[index % len(COLOURS)], LINES[index % len(LINES)],
        MARKERS[index % len(MARKERS)], HATCHES[index % len(HATCHES)],
    )  # fmt: skip


def looks(names: Iterable[str], first: str = "") -> dict[str, Look]:
    """A look for each name; the comparator (`first`) is the dark, solid one."""
    names = list(names)
    ordered = sorted(names, key=lambda name: (name != first, names.index(name)))
    return {name: look(index) for index, name in enumerate(ordered)}


def band(axis: Axes, x: ArrayLike, low: ArrayLike, high: ArrayLike, look: Look) -> None:
    """A band in the look of a line: its edges have the line's dashes, so that bands over each other are told apart."""
    axis.fill_between(x, low, high, color=look.colour, alpha=0.12, lw=0)
    for edge in (low, high):
        axis.plot(x, edge, color=look.colour, ls=look.line, lw=0.6, alpha=0.8)


def styled[**P](draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Make a function draw its figure in popsim's style, whatever the reader's own settings."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with in_style():
            figure = draw(*args, **kwargs)
            if COLUMN.get():
                _break_labels(figure)
            return figure

    return drawn


def blank(width: float, height: float, title: str, note: str = "") -> Figure:
    """An empty figure; within `column_width` 85 mm wide, with a smaller title and note in more lines.

    Args:
        width, height: inches.
        title: what is shown, in one line.
        note: how to read it, below the axes.
    """
    sizes, narrow = (12.0, 8.0), COLUMN.get()
    if narrow:
        width, height, sizes = COLUMN_INCHES, max(0.62 * height, 2.6), (8.5, 6.0)
        height += 0.095 * len(textwrap.wrap(note, int(width * CHARACTERS_PER_INCH * 8.0 / sizes[1])))
    figure = MAKE_FIGURE.get()(figsize=(width, height), layout="constrained", facecolor="white")
    title = "\n".join(textwrap.wrap(title, int(width * CHARACTERS_PER_INCH * BOLD * 12.0 / sizes[0])))
    figure.suptitle(title, x=0.01, ha="left", fontsize=sizes[0], weight="bold", color=INK)
    if note:
        text = "\n".join(textwrap.wrap(note, int(width * CHARACTERS_PER_INCH * 8.0 / sizes[1])))
        figure.supxlabel(text, x=0.01, ha="left", fontsize=sizes[1], color=QUIET)
    return figure


def _break_labels(figure: Figure) -> None:
    """Break labels of axes that are longer than the figure, and keep the numbers of an axis apart."""
    characters = int(COLUMN_INCHES * CHARACTERS_PER_INCH * 8.0 / IN_COLUMN["axes.labelsize"])
    for axis in figure.axes:
        if isinstance(axis.xaxis.get_major_locator(), AutoLocator):
            axis.xaxis.set_major_locator(MaxNLocator(COLUMN_TICKS, steps=[1, 2, 2.5, 4, 5, 10]))
        beside = max((len(tick.get_text()) for tick in axis.get_yticklabels()), default=0)  # none yet where numbers
        space = characters - max(beside, NUMBER_CHARACTERS)
        axis.set_xlabel(textwrap.fill(axis.get_xlabel(), max(space, MIN_CHARACTERS)))


@contextmanager
def column_width() -> Iterator[None]:
    """Within it, figures are drawn for one column of a journal: 85 mm wide, no letter below 6 points."""
    token = COLUMN.set(True)
    try:
        yield
    finally:
        COLUMN.reset(token)


@contextmanager
def in_style() -> Iterator[None]:
    """popsim's style, without warnings: a missing letter or labels without room are visible in the figure."""
    with rc_context(STYLE | (IN_COLUMN if COLUMN.get() else {})), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph|constrained_layout not applied", UserWarning)
        yield


def save(figure: Figure, path: Path | str) -> Path:
    """Write a figure as PNG, SVG or PDF, by the path's ending; the same figure gives the same bytes.

    Raises:
        InputError: the name has another ending, or the file cannot be written.
    """
    path = Path(path)
    kind = path.suffix.removeprefix(".")
    if kind not in FORMATS:
        raise InputError(f"{path}: the name of a figure must end in .{', .'.join(FORMATS)}")
    try:
        with in_style():
            figure.savefig(path, dpi=DOTS_PER_INCH, format=kind, metadata=METADATA[kind])
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    return path


def described(figure: Figure) -> str:
    """A description of a figure, for those who cannot see it: its label, or its title and note."""
    words = str(figure.get_label()) or f"{figure.get_suptitle()}. {figure.get_supxlabel()}"
    return " ".join(words.split())


def log_ticks(axis: Any) -> None:
    """Ticks of a logarithmic axis at 1, 2 and 5 times powers of ten, as plain numbers; none in between.

    There are more of them where these would be one or none, and fewer on an axis over more than three powers of ten.
    """
    low, high = sorted(axis.get_view_interval())
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    shown: list[float] = []
    for steps in LOG_STEPS[1 if math.log10(high / low) <= 3.0 else 0 :]:
        ticks = [step * 10.0**power for power in range(first, last + 1) for step in steps]
        shown = [tick for tick in ticks if low <= tick <= high]
        if len(shown) > 1:
            break
    axis.set_ticks(shown, labels=[f"{tick:,.0f}" if tick >= 1.0 else f"{tick:g}" for tick in shown])
    axis.set_ticks([], minor=True)


def legend_above(axis: Axes) -> None:
    """A legend above the axes, one entry a line: for labels too long to lie between the lines."""
    axis.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.3)


def zero_lines(axis: Axes) -> None:
    """Thin lines through the origin."""
    axis.axhline(0, color=RULE, lw=0.9, zorder=1)
    axis.axvline(0, color=RULE, lw=0.9, zorder=1)
