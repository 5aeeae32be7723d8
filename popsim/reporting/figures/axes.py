"""Figures on axes of the reader's own, or on a figure that a notebook shows."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from popsim.errors import InputError, shorten

MAKE_FIGURE: ContextVar[Callable[..., Figure]] = ContextVar("MAKE_FIGURE", default=Figure)


class BorrowedFigure(Figure):
    """Stands in for a figure while it is drawn: its subplots are the caller's axes.

    A single panel has the title; notes below a figure are left out.
    """

    def __init__(self, given: list[Axes]) -> None:
        super().__init__()
        self._given = given

    def subplots(self, nrows: int = 1, ncols: int = 1, **how: Any) -> Any:
        """The given axes in the requested layout.

        Raises:
            InputError: there are more or fewer of them than panels.
        """
        panels = nrows * ncols
        if len(self._given) != panels:
            need = f"{panels} panels: ax=figure.subplots({nrows}, {ncols})" if panels > 1 else "one panel"
            raise InputError(f"ax: {len(self._given)} axes, this figure has {need}")
        first = self._given[0]
        for axis in self._given[1:]:
            if how.get("sharex") and not first.get_shared_x_axes().joined(first, axis):
                axis.sharex(first)
            if how.get("sharey") and not first.get_shared_y_axes().joined(first, axis):
                axis.sharey(first)
        if panels == 1:
            first.set_title(self.get_suptitle())
        axes: NDArray[Any] = np.array(self._given, object).reshape(nrows, ncols)
        if not how.get("squeeze", True):
            return axes
        return axes.item() if panels == 1 else axes.squeeze()

    def legend(self, *args: Any, **how: Any) -> Any:
        """A legend within the last panel."""
        return self._given[-1].legend(*args, **how | {"loc": "best"})


def on_axes(draw: Callable[[], Figure], ax: Any = None) -> Any:
    """Draw a figure on axes.

    Args:
        draw: makes the figure.
        ax: an Axes, or as many as the figure has panels; a new pyplot figure, which a notebook shows, when None.

    Returns:
        The Axes; an array of them where the figure has several panels.

    Raises:
        InputError: `ax` is not axes, or not as many as the figure needs.
    """
    from matplotlib import pyplot  # noqa: PLC0415 - chooses a backend, so only when somebody draws

    # Made before `draw` sets a style for a while: a backend that is loaded then would forget how it is to be used.
    sheet = pyplot.figure() if ax is None else BorrowedFigure(_checked(ax))

    def make(figsize: Any, layout: str, facecolor: str) -> Figure:
        sheet.set_size_inches(*figsize)
        sheet.set(layout_engine=layout, facecolor=facecolor)
        return sheet

    token = MAKE_FIGURE.set(make)
    try:
        figure = draw()
    except BaseException:
        if ax is None:
            pyplot.close(sheet)
        raise
    finally:
        MAKE_FIGURE.reset(token)
    if figure is not sheet:  # its scale is its own: shown as a picture
        axis = make(figure.get_size_inches(), "constrained", "white").subplots()
        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
        axis.imshow(np.asarray(canvas.buffer_rgba()))
        axis.set_axis_off()
        return axis
    axes = figure.axes if ax is None else _checked(ax)
    return axes[0] if len(axes) == 1 else np.array(axes, object)


def _checked(ax: Any) -> list[Axes]:
    axes: list[Any] = np.atleast_1d(np.asarray(ax, object)).ravel().tolist()
    for axis in axes:
        if not isinstance(axis, Axes):
            raise InputError(f"ax = {shorten(axis)}: must be matplotlib axes")
    return axes
