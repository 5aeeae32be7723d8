"""Tables of counts with small cells hidden, and the audit that nobody can work out a hidden one.

A table of counts is published with its totals, so a single hidden cell of a line is the total less the others: further
cells are hidden (secondary suppression) until linear programming finds, for every hidden count, a range that says no
more than that the count is small. Rates, and tables that share cells, are further linear equations and bounds.

Limits: an attacker is assumed to know that counts are whole and not negative, the totals, and the rule, but no person.
Two extracts of a growing register differ by few people: compare both in one `Cells`, or do not publish both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_array

from popsim.definitions.cohort import SMALL_CELLS
from popsim.errors import InputError

THRESHOLD = SMALL_CELLS  # people; the least count that is shown
EXACT = 1.0 - 1e-6  # a range narrower than this has one whole number in it
MAX_CELLS = 20_000  # beyond which the audit would take minutes


@dataclass(frozen=True)
class Cells:
    """Counts, and what is known of their sums.

    Attributes:
        counts: of people, one for each cell, totals included.
        equations: each a mapping from cell to coefficient, whose products with the counts sum to 0; a total is the sum
            of its parts: {part: 1, other: 1, total: -1}.
        bounds: least and largest count of a cell that something else published gives away, such as a rate.
    """

    counts: NDArray[np.int64]
    equations: Sequence[Mapping[int, float]] = ()
    bounds: Mapping[int, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the counts against the equations.

        Raises:
            InputError: a count is negative, or a total is not the sum of its parts.
        """
        if len(self.counts) > MAX_CELLS:
            raise InputError(f"small cells: {len(self.counts)} cells, at most {MAX_CELLS} can be audited")
        if len(self.counts) and self.counts.min() < 0:
            raise InputError("small cells: a count is negative")
        for equation in self.equations:
            if abs(sum(weight * self.counts[cell] for cell, weight in equation.items())) > 1e-6:
                raise InputError("small cells: a total is not the sum of its parts")

    @classmethod
    def of_table(cls, counts: NDArray[np.int64]) -> Self:
        """A table of any number of dimensions with all its margins: cells first (in C order), then the margins."""
        shape = counts.shape
        with_totals = np.zeros([length + 1 for length in shape], np.int64)
        for chosen in product(*([slice(0, length), slice(length, None)] for length in shape)):
            axes = tuple(axis for axis, part in enumerate(chosen) if part.start)
            with_totals[chosen] = counts.sum(axis=axes, keepdims=True)
        place = np.arange(with_totals.size).reshape(with_totals.shape)
        equations = []
        for axis in range(len(shape)):
            lines = np.moveaxis(place, axis, -1).reshape(-1, shape[axis] + 1)
            equations += [{**dict.fromkeys(line[:-1].tolist(), 1.0), int(line[-1]): -1.0} for line in lines]
        return cls(with_totals.ravel(), equations)

    def with_rate(self, part: int, whole: int, digits: int) -> Self:
        """The same cells where `part` / `whole` is also published, in percent with so many decimals."""
        half = 0.5 * 10.0**-digits
        share = round(100.0 * self.counts[part] / max(self.counts[whole], 1), digits)
        low, high = ((share + side) / 100.0 * self.counts[whole] for side in (-half, half))
        return replace(self, bounds={**self.bounds, part: (max(low, 0.0), high)})


def suppress(cells: Cells, threshold: int = THRESHOLD) -> NDArray[np.bool_]:
    """Which cells to hide: those of 1 to `threshold` - 1 people, and as few others as the greedy search finds.

    Afterwards no hidden cell is determined by what is shown (`recoverable` finds none), and what is shown does not add
    up to fewer than `threshold` hidden people in any line.

    Raises:
        InputError: a rate that is published gives a small count away; leave it out.
    """
    primary = (cells.counts > 0) & (cells.counts < threshold)
    hidden = primary.copy()
    if not primary.any():
        return hidden
    while True:
        _complete_lines(cells, hidden, threshold)
        exposed = _exposed(cells, hidden, primary, threshold)
        if exposed is None:
            return hidden
        candidates = _nearby(cells, hidden, exposed)
        if not candidates:
            raise InputError("small cells: a published rate gives a count away; leave the rate out")
        hidden[min(candidates, key=lambda cell: (cells.counts[cell] == 0, cells.counts[cell], cell))] = True


def recoverable(cells: Cells, hidden: NDArray[np.bool_]) -> list[int]:
    """The hidden cells whose count follows from what is shown."""
    return _System.of(cells, hidden).narrow(dict.fromkeys(np.flatnonzero(hidden).tolist(), EXACT))


def ranges(cells: Cells, hidden: NDArray[np.bool_]) -> dict[int, tuple[float, float]]:
    """The least and largest count that each hidden cell can have, by what is shown; infinite if nothing bounds it."""
    system = _System.of(cells, hidden)
    return {cell: system.range(cell) for cell in np.flatnonzero(hidden).tolist()}


def _complete_lines(cells: Cells, hidden: NDArray[np.bool_], threshold: int) -> None:
    """Hide more of each line until it has no single hidden cell, nor few hidden people in all."""
    changed = True
    while changed:
        changed = False
        for equation in cells.equations:
            parts = [cell for cell in equation if hidden[cell]]
            if not parts or (any(equation[cell] < 0 for cell in parts) and len(parts) > 1):
                continue
            together = sum(int(cells.counts[cell]) for cell in parts)
            if len(parts) > 1 and together >= threshold:
                continue
            shown = [cell for cell in equation if not hidden[cell]]
            if shown:
                best = min(shown, key=lambda cell: (cells.counts[cell] == 0, cells.counts[cell], cell))
                hidden[best] = changed = True


def _exposed(cells: Cells, hidden: NDArray[np.bool_], primary: NDArray[np.bool_], threshold: int) -> int | None:
    """A hidden cell of which what is shown says too much; None if there is none.

    Of a small cell everything between 1 and `threshold` - 1 must remain possible in width: the rule alone says as much.
    """
    wide = {cell: threshold - 2 if primary[cell] else EXACT for cell in np.flatnonzero(hidden).tolist()}
    return next(iter(_System.of(cells, hidden).narrow(wide, first=True)), None)


def _nearby(cells: Cells, hidden: NDArray[np.bool_], cell: int) -> list[int]:
    """Cells still shown in the lines of a cell, else in the lines of hidden cells, else anywhere."""
    own = [equation for equation in cells.equations if cell in equation]
    others = [equation for equation in cells.equations if any(hidden[part] for part in equation)]
    for equations in (own, others, cells.equations):
        if found := sorted({part for equation in equations for part in equation if not hidden[part]}):
            return found
    return []


@dataclass(frozen=True)
class _System:
    """The hidden cells as unknowns: matrix @ unknowns = right, within bounds."""

    place: dict[int, int]
    matrix: csr_array
    right: NDArray[np.float64]
    bounds: list[tuple[float, float | None]]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, cells: Cells, hidden: NDArray[np.bool_]) -> _System:
        place = {cell: number for number, cell in enumerate(np.flatnonzero(hidden).tolist())}
        rows: list[tuple[int, int, float]] = []
        right: list[float] = []
        for equation in cells.equations:
            unknown = {cell: weight for cell, weight in equation.items() if hidden[cell]}
            if unknown:
                rows += [(len(right), place[cell], weight) for cell, weight in unknown.items()]
                right.append(-sum(w * cells.counts[c] for c, w in equation.items() if not hidden[c]))
        row, column, weight = zip(*rows, strict=True) if rows else ((), (), ())
        matrix = csr_array((weight, (row, column)), shape=(len(right), len(place)))
        bounds: list[tuple[float, float | None]] = [cells.bounds.get(cell, (0.0, None)) for cell in place]
        return cls(place, matrix, np.asarray(right, np.float64), bounds, cells.counts[hidden])

    def range(self, cell: int) -> tuple[float, float]:
        """Least and largest whole value of an unknown."""
        low, high = (self._end(cell, sign)[0] for sign in (1.0, -1.0))
        return float(np.ceil(low - 1e-6)) if np.isfinite(low) else low, float(np.floor(high + 1e-6)) if np.isfinite(
            high
        ) else high

    def narrow(self, wide: Mapping[int, float], first: bool = False) -> list[int]:
        """The unknowns whose range is narrower than asked; only the first of them if one is enough.

        Every solution on the way bounds the ranges of all unknowns from inside, so that few have to be worked out.
        """
        least, most = self.counts.astype(np.float64).copy(), self.counts.astype(np.float64).copy()
        found = []
        for cell, width in wide.items():
            place = self.place[cell]
            for sign in (1.0, -1.0):
                if most[place] - least[place] >= width:
                    break
                end, solution = self._end(cell, sign)
                least, most = np.fmin(least, solution), np.fmax(most, solution)
                least[place], most[place] = min(least[place], end), max(most[place], end)
            low, high = np.ceil(least[place] - 1e-6), np.floor(most[place] + 1e-6)
            if high - low < width:
                found.append(cell)
                if first:
                    break
        return found

    def _end(self, cell: int, sign: float) -> tuple[float, NDArray[np.float64]]:
        """The least (sign 1) or largest (-1) value of an unknown, and a solution that has it."""
        cost = np.zeros(len(self.place))
        cost[self.place[cell]] = sign
        some = len(self.right) > 0
        found = linprog(
            cost,
            A_eq=self.matrix if some else None,
            b_eq=self.right if some else None,
            bounds=self.bounds,
            method="highs",
        )
        if found.status == 0:
            return float(sign * found.fun), np.asarray(found.x)
        return sign * -np.inf, self.counts.astype(np.float64)
