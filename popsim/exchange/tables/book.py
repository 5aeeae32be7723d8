"""A workbook being written: sheets, formats, addresses of cells, and where the draws and the decision are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from popsim.economics.decision import Decision
from popsim.exchange.tables.decision_tables import DecisionTables

DRAWS, DECISION, STEPS, BENEFIT, BEST, CURVE, CHECK = (
    "Draws", "Decision", "Steps", "Net benefit", "Best", "Acceptability", "Check",
)  # fmt: skip
PRICE = "willingness_to_pay"  # the name of the threshold's cell
FIRST = 3  # row of the first draw, from 0
TABLE = 6  # row of the first strategy of the decision
HEAD_HEIGHT = 46  # points: three lines of headings
GRID = 21  # thresholds of the curves
STEPS_TO_PRICE = 5  # steps of the grid from 0 to the experiment's threshold
STEP_ROW = 3  # row of the first strategy on the sheet of steps


class WorkbookWriter:
    """A workbook being written, with its formats."""

    def __init__(self, workbook: Any) -> None:
        self.workbook = workbook
        self.sheets: dict[str, Any] = {}
        grey, rule = "#F2F2F2", {"bottom": 1}
        self.title = workbook.add_format({"bold": True, "font_size": 14})
        self.head = workbook.add_format({"bold": True, "bg_color": grey, "text_wrap": True, "valign": "top", **rule})
        self.bold = workbook.add_format({"bold": True, "valign": "top"})
        self.wrap = workbook.add_format({"text_wrap": True, "valign": "top"})
        self.money = workbook.add_format({"num_format": "#,##0"})
        self.cents = workbook.add_format({"num_format": "#,##0.00"})
        self.health = workbook.add_format({"num_format": "0.0000"})
        self.share = workbook.add_format({"num_format": "0.0%"})
        self.plain = workbook.add_format({"indent": 1})
        self.change = workbook.add_format({"num_format": "#,##0", "bg_color": "#FFF2CC", "border": 1, "bold": True})

    @classmethod
    @contextmanager
    def opened(cls, path: Path, created: datetime, comments: str = "") -> Iterator[WorkbookWriter]:
        """A workbook at a path; `created` is its date, so that the same content has the same bytes."""
        from xlsxwriter import Workbook  # noqa: PLC0415 only this needs it
        from xlsxwriter.exceptions import FileCreateError  # noqa: PLC0415

        options = {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
        try:
            with Workbook(path, options) as workbook:
                workbook.set_properties({"created": created, "comments": comments})
                workbook.set_calc_mode("auto")
                yield cls(workbook)
        except FileCreateError as error:
            raise OSError(None, str(error.args[0]), str(path)) from None

    def add(self, name: str) -> Any:
        """The sheet of that name, made if it is not there."""
        if name not in self.sheets:
            sheet = self.sheets[name] = self.workbook.add_worksheet(name)
            sheet.set_landscape()
            sheet.set_paper(9)  # A4
            sheet.fit_to_pages(1, 0)
        return self.sheets[name]


def letters(column: int) -> str:
    """The name of a column, from 0."""
    name = ""
    while column >= 0:
        column, digit = divmod(column, 26)
        name, column = chr(65 + digit) + name, column - 1
    return name


def cell(row: int, column: int, sheet: str = "") -> str:
    """The address of a cell, from 0, absolute."""
    return f"{_of(sheet)}${letters(column)}${row + 1}"


def area(first: tuple[int, int], last: tuple[int, int], sheet: str = "") -> str:
    """The address of a rectangle, absolute."""
    return f"{_of(sheet)}{cell(*first)}:{cell(*last)}"


def _of(sheet: str) -> str:
    return f"'{sheet}'!" if sheet else ""


def write_draws(book: WorkbookWriter, name: str, tables: DecisionTables, decision: Decision) -> None:
    """A sheet of draws: costs of all strategies, then effects."""
    sheet, titles = book.add(name), tables.titles
    count = len(titles)
    sheet.write_string(0, 0, "Mean per person in every draw" if name == DRAWS else "With Monte Carlo noise", book.title)
    sheet.write_string(1, 1, f"Cost, {tables.run.experiment.currency}", book.bold)
    sheet.write_string(1, 1 + count, f"Effect: {tables.effect}", book.bold)
    sheet.set_column(0, 2 * count, 18)
    sheet.set_row(FIRST - 1, HEAD_HEIGHT)
    for column, head in enumerate(["Draw", *titles, *titles]):
        sheet.write_string(FIRST - 1, column, head, book.head)
    for row, (draw, cost, effect) in enumerate(zip(decision.draws, decision.cost, decision.effect, strict=True), FIRST):
        sheet.write_number(row, 0, int(draw))
        for column in range(count):
            sheet.write_number(row, 1 + column, cost[column], book.cents)
            sheet.write_number(row, 1 + count + column, effect[column], book.health)
    sheet.freeze_panes(FIRST, 1)


class DrawPlaces:
    """Where things are: `S` strategies, `D` draws."""

    def __init__(self, tables: DecisionTables) -> None:
        self.S, self.D = len(tables.strategies), len(tables.decision.draws)
        self.last = FIRST + self.D - 1

    def column(self, sheet: str, column: int) -> str:
        """All draws of a column."""
        return area((FIRST, column), (self.last, column), sheet)

    def costs(self, strategy: int) -> str:
        """The draws of a strategy's cost."""
        return self.column(DRAWS, 1 + strategy)

    def effects(self, strategy: int) -> str:
        """The draws of a strategy's effect."""
        return self.column(DRAWS, 1 + self.S + strategy)

    @property
    def all_costs(self) -> str:
        """The draws of all costs."""
        return area((FIRST, 1), (self.last, self.S), DRAWS)

    @property
    def all_effects(self) -> str:
        """The draws of all effects."""
        return area((FIRST, 1 + self.S), (self.last, 2 * self.S), DRAWS)

    def row(self, draw: int) -> tuple[str, str]:
        """The costs and the effects of a draw."""
        row = FIRST + draw
        return area((row, 1), (row, self.S), DRAWS), area((row, 1 + self.S), (row, 2 * self.S), DRAWS)

    def mean(self, strategy: int, what: int) -> str:
        """A strategy's mean cost (1) or effect (2)."""
        return cell(TABLE + strategy, what, DECISION)


def values_at(prices: Sequence[float], tables: DecisionTables) -> NDArray[np.float64]:
    """(D, G) highest net benefit of each draw at each price."""
    return np.stack([tables.decision.net_monetary_benefit(price).max(axis=1) for price in prices], axis=1)
