"""The sheets of the workbook that calculate: from the draws to the decision, by plain formulas.

Only functions that Excel and LibreOffice share are used, and no array formulas: SUMPRODUCT evaluates its argument cell
by cell in both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from popsim.economics.cost_effectiveness import ROUNDING, verdict
from popsim.economics.decision import Decision
from popsim.exchange.tables.decision_tables import DecisionTables

DRAWS, DECISION, STEPS, BENEFIT, BEST, CURVE, CHECK = (
    "Draws", "Decision", "Steps", "Net benefit", "Best", "Acceptability", "Check",
)  # fmt: skip
PRICE = "willingness_to_pay"  # the name of the threshold's cell
FIRST = 3  # row of the first draw, from 0
TABLE = 6  # row of the first strategy of the decision
GRID = 21  # thresholds of the curves
STEPS_TO_PRICE = 5  # steps of the grid from 0 to the experiment's threshold
NO = "needs at least 2 parameter draws"


class Book:
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
        self.plain = workbook.add_format({})
        self.change = workbook.add_format({"num_format": "#,##0", "bg_color": "#FFF2CC", "border": 1, "bold": True})

    @classmethod
    @contextmanager
    def opened(cls, path: Path, created: datetime, comments: str = "") -> Iterator[Book]:
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


def write_draws(book: Book, name: str, tables: DecisionTables, decision: Decision) -> None:
    """A sheet of draws: costs of all strategies, then effects."""
    sheet, titles = book.add(name), tables.titles
    count = len(titles)
    sheet.write_string(0, 0, "Mean per person in every draw" if name == DRAWS else "With Monte Carlo noise", book.title)
    sheet.write_string(1, 1, f"Cost, {tables.run.experiment.currency}", book.bold)
    sheet.write_string(1, 1 + count, f"Effect: {tables.effect}", book.bold)
    sheet.set_column(0, 2 * count, 18)
    for column, head in enumerate(["Draw", *titles, *titles]):
        sheet.write_string(FIRST - 1, column, head, book.head)
    for row, (draw, cost, effect) in enumerate(zip(decision.draws, decision.cost, decision.effect, strict=True), FIRST):
        sheet.write_number(row, 0, int(draw))
        for column in range(count):
            sheet.write_number(row, 1 + column, cost[column], book.cents)
            sheet.write_number(row, 1 + count + column, effect[column], book.health)
    sheet.freeze_panes(FIRST, 1)


class Places:
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


def decision_sheets(book: Book, tables: DecisionTables) -> None:
    """All sheets that calculate."""
    from popsim.exchange.tables.curves import write_benefits, write_curves  # noqa: PLC0415 they are built on this

    places = Places(tables)
    _decision(book, tables, places)
    _steps(book, tables, places)
    if tables.has_curves:
        write_benefits(book, tables, places)
        write_curves(book, tables, places)
    _check(book, tables, places)


def _decision(book: Book, tables: DecisionTables, places: Places) -> None:
    sheet, S, currency = book.sheets[DECISION], places.S, tables.run.experiment.currency
    last = TABLE + S - 1
    sheet.set_column(0, 0, 40)
    sheet.set_column(1, 11, 15)
    sheet.write_string(0, 0, tables.run.experiment.title or tables.run.experiment.name, book.title)
    sheet.write_string(2, 0, f"Willingness to pay for one {tables.unit}, {currency}", book.bold)
    sheet.write_number(2, 1, tables.price, book.change)
    sheet.write_string(2, 2, "change this cell: every result follows")
    sheet.data_validation(
        2, 1, 2, 1,
        {"validate": "decimal", "criteria": ">=", "value": 0, "error_message": "Money for one unit of effect: 0 or more."},
    )  # fmt: skip
    book.workbook.define_name(PRICE, f"={cell(2, 1, DECISION)}")
    heads = [
        "Strategy", f"Mean cost, {currency}", f"Mean effect, {tables.effect}", "Status", f"Cost step, {currency}",
        "Effect step", f"ICER, {currency} per {tables.unit}", f"Net monetary benefit, {currency}",
        "Net benefit over the comparator", "Probability of being best", f"Expected loss, {currency}", "Best on average",
    ]  # fmt: skip
    for column, head in enumerate(heads):
        sheet.write_string(TABLE - 1, column, head, book.head)
    frontier, benefits = list(tables.frontier().iter_rows(named=True)), tables.benefits(tables.price)
    sure = list(tables.curve([tables.price]).iter_rows(named=True)) if tables.has_curves else None
    for place, (title, found) in enumerate(zip(tables.titles, frontier, strict=True)):
        row, of_steps = TABLE + place, STEP_ROW + place

        def put(column: int, formula: str, value: Any, form: Any, row: int = row) -> None:
            sheet.write_formula(row, column, f"={formula}", form, "" if value is None else value)

        sheet.write_string(row, 0, title)
        put(1, f"AVERAGE({places.costs(place)})", found["cost"], book.cents)
        put(2, f"AVERAGE({places.effects(place)})", found["effect"], book.health)
        put(3, cell(of_steps, 1, STEPS), _status(found["status"], tables), book.plain)
        before = cell(of_steps, 2, STEPS)
        for column, key, form in ((1, "cost_step", book.cents), (2, "effect_step", book.health)):
            all_means = area((TABLE, column), (last, column))
            step = f'IF({before}=0,"",{cell(row, column)}-INDEX({all_means},{before}))'
            put(3 + column, step, found[key], form)
        put(6, f'IF({before}=0,"",{cell(row, 4)}/{cell(row, 5)})', found["icer"], book.money)
        put(7, f"{PRICE}*{cell(row, 2)}-{cell(row, 1)}", benefits[place], book.cents)
        put(8, f"{cell(row, 7)}-{cell(TABLE, 7)}", benefits[place] - benefits[0], book.cents)
        if sure is None:
            for column in (9, 10, 11):
                sheet.write_string(row, column, NO if column == 9 else "")
            continue
        put(9, f"AVERAGE({places.column(BENEFIT, 4 + S + place)})", sure[place]["probability"], book.share)
        best, own = places.column(BENEFIT, 1 + S), places.column(BENEFIT, 1 + place)
        put(10, f"AVERAGE({best})-AVERAGE({own})", sure[place]["expected_loss"], book.cents)
        highest = area((TABLE, 7), (last, 7))
        put(11, f'IF({cell(row, 7)}=MAX({highest}),"yes","")', "yes" if sure[place]["optimal"] else "", book.plain)
    _information(book, tables, places, last + 2)
    _against_comparator(book, tables, places, last + 5)
    sheet.freeze_panes(TABLE, 1)


def _information(book: Book, tables: DecisionTables, places: Places, row: int) -> None:
    """EVPI per person at the threshold: 0 where it is mere rounding."""
    sheet = book.sheets[DECISION]
    sheet.write_string(row, 0, f"EVPI per person, {tables.run.experiment.currency}", book.bold)
    if not tables.has_information:
        sheet.write_string(row, 1, tables.note or NO)
        return
    S = places.S
    means = area((TABLE, 7), (TABLE + S - 1, 7))
    gain = f"AVERAGE({places.column(BENEFIT, 1 + S)})-MAX({means})"
    largest = f"MAX({places.column(BENEFIT, 3 + S)})"
    (value,) = tables.information([tables.price])
    sheet.write_formula(row, 1, f"=IF({gain}>{ROUNDING:.0E}*{largest},{gain},0)", book.cents, value)
    sheet.write_string(row, 2, "what knowing all parameters would be worth")


def _against_comparator(book: Book, tables: DecisionTables, places: Places, row: int) -> None:
    """Each strategy against the comparator alone, with the words of the cost-effectiveness plane."""
    sheet, currency = book.sheets[DECISION], tables.run.experiment.currency
    sheet.write_string(row, 0, f"Against {tables.titles[0]}", book.bold)
    for column, head in enumerate(["Strategy", f"Cost difference, {currency}", "Effect difference", "Verdict", "Ratio"]):
        sheet.write_string(row + 1, column, head, book.head)
    cost, effect = tables.decision.cost.mean(axis=0), tables.decision.effect.mean(axis=0)
    for place in range(1, places.S):
        at, of = row + 1 + place, TABLE + place
        sheet.write_string(at, 0, tables.titles[place])
        values = []
        for column, means, form in ((1, cost, book.cents), (2, effect, book.health)):
            own, base = cell(of, column), cell(TABLE, column)
            rounding = f"{ROUNDING:.0E}*MAX(ABS({own}),ABS({base}))"
            values.append(_difference(means[place], means[0]))
            sheet.write_formula(
                at, column, f"=IF(ABS({own}-{base})<={rounding},0,{own}-{base})", form, values[-1]
            )  # fmt: skip
        more, gain = cell(at, 1), cell(at, 2)
        words = (
            f'=IF(AND({more}=0,{gain}=0),"no difference",IF(AND({more}<=0,{gain}>=0),"dominant",'
            f'IF(AND({more}>=0,{gain}<=0),"dominated",IF({gain}>0,"gains health at a cost","saves money, loses health"))))'
        )
        sheet.write_formula(at, 3, words, book.plain, verdict(*values))
        ratio = values[0] / values[1] if values[0] * values[1] > 0 else ""
        sheet.write_formula(at, 4, f'=IF({more}*{gain}>0,{more}/{gain},"")', book.money, ratio)


def _difference(own: float, base: float) -> float:
    return 0.0 if abs(own - base) <= ROUNDING * max(abs(own), abs(base)) else float(own - base)


def _status(status: str, tables: DecisionTables) -> str:
    """The status with the title of the strategy that it is the same as."""
    start = "same as "
    return start + tables.run.strategies[status.removeprefix(start)] if status.startswith(start) else status


STEP_ROW = 3  # row of the first strategy on the sheet of steps


def _steps(book: Book, tables: DecisionTables, places: Places) -> None:
    """Incremental analysis, pair by pair: who is the same, who is dominated, and the slopes that decide the frontier."""
    sheet, S = book.add(STEPS), places.S
    blocks = ("same as", "dominated by", "slope from", "slope to", "frontier below")
    start = {name: 8 + number * (S + 1) for number, name in enumerate(blocks)}
    rows = {name: [area((STEP_ROW + i, at), (STEP_ROW + i, at + S - 1)) for i in range(S)] for name, at in start.items()}
    sheet.write_string(0, 0, "Steps of the incremental analysis: row against column", book.title)
    heads = ["Strategy", "Status", "Strategy before it", "Same as", "Undominated", "Steepest from", "Flattest to", "Frontier"]
    for column, head in enumerate(heads):
        sheet.write_string(STEP_ROW - 1, column, head, book.head)
    sheet.set_column(0, 1, 30)
    sheet.set_column(2, 7, 12)
    for name, at in start.items():
        sheet.write_string(1, at, name, book.bold)
        for j in range(S):
            sheet.write_string(STEP_ROW - 1, at + j, tables.titles[j], book.head)
    found = _step_values(tables)
    for i in range(S):
        row = STEP_ROW + i
        same, free, steep, flat, front = (cell(row, column) for column in (3, 4, 5, 6, 7))
        ci, ei = places.mean(i, 1), places.mean(i, 2)

        def put(column: int, formula: str, value: Any, row: int = row) -> None:
            sheet.write_formula(row, column, f"={formula}", book.plain, value)

        sheet.write_string(row, 0, tables.titles[i])
        for j in range(S):
            cj, ej = places.mean(j, 1), places.mean(j, 2)
            same_j, free_j, front_j = (cell(STEP_ROW + j, column) for column in (3, 4, 7))
            alike = [
                f"SUMPRODUCT(--(ABS({a}-{b})>{ROUNDING:.0E}*ABS({b})))=0"
                for a, b in ((places.costs(i), places.costs(j)), (places.effects(i), places.effects(j)))
            ]
            put(start["same as"] + j, f"IF(AND({','.join(alike)}),1,0)" if j < i else "0", found["same"][i][j])
            better = "" if j < i else f",OR({cj}<{ci},{ej}>{ei})"
            worse = f"IF(AND({same}=0,{same_j}=0,{cj}<={ci},{ej}>={ei}{better}),1,0)" if i != j else "0"
            put(start["dominated by"] + j, worse, found["dominated"][i][j])
            slope, both = f"({ci}-{cj})/({ei}-{ej})", f"{free}=1,{free_j}=1"
            put(start["slope from"] + j, f'IF(AND({both},{ej}<{ei}),{slope},"")', found["from"][i][j])
            put(start["slope to"] + j, f'IF(AND({both},{ej}>{ei}),{slope},"")', found["to"][i][j])
            put(start["frontier below"] + j, f'IF(AND({front}=1,{front_j}=1,{ej}<{ei}),{ej},"")', found["below"][i][j])
        here = {name: rows[name][i] for name in blocks}
        titles = area((STEP_ROW, 0), (STEP_ROW + S - 1, 0))
        words = (
            f'IF({same}>0,"same as "&INDEX({titles},{same}),IF({free}=0,"dominated",'
            f'IF({front}=0,"extendedly dominated","on the frontier")))'
        )
        put(1, words, found["status"][i])
        low = here["frontier below"]
        put(2, f"IF(COUNT({low})=0,0,MATCH(MAX({low}),{low},0))", found["before"][i])
        put(3, f"IF(SUM({here['same as']})=0,0,MATCH(1,{here['same as']},0))", found["same_as"][i])
        put(4, f"IF(AND({same}=0,SUM({here['dominated by']})=0),1,0)", found["free"][i])
        put(5, f'IF(COUNT({here["slope from"]})=0,"",MAX({here["slope from"]}))', found["steep"][i])
        put(6, f'IF(COUNT({here["slope to"]})=0,"",MIN({here["slope to"]}))', found["flat"][i])
        put(7, f'IF({free}=0,0,IF({steep}="",1,IF({flat}="",1,IF({steep}<={flat},1,0))))', found["front"][i])
    sheet.freeze_panes(STEP_ROW, 1)


def _step_values(tables: DecisionTables) -> dict[str, Any]:
    """What the formulas of the steps give, for readers that do not calculate."""
    cost, effect = tables.decision.cost.mean(axis=0), tables.decision.effect.mean(axis=0)
    names, same_as = list(tables.strategies), tables.decision.same_as
    every = range(len(names))
    first = [names.index(same_as[name]) + 1 if name in same_as else 0 for name in names]
    same = [[int(j < i and tables.decision._alike(i, j)) for j in every] for i in every]

    def worse(i: int, j: int) -> int:
        better = j < i or cost[j] < cost[i] or effect[j] > effect[i]
        return int(i != j and not first[i] and not first[j] and cost[j] <= cost[i] and effect[j] >= effect[i] and better)

    dominated = [[worse(i, j) for j in every] for i in every]
    free = [int(not first[i] and not any(dominated[i])) for i in every]
    known = [[bool(free[i] and free[j] and effect[i] != effect[j]) for j in every] for i in every]
    slope = [[float((cost[i] - cost[j]) / (effect[i] - effect[j])) if known[i][j] else 0.0 for j in every] for i in every]
    back = [[slope[i][j] if known[i][j] and effect[j] < effect[i] else "" for j in every] for i in every]
    ahead = [[slope[i][j] if known[i][j] and effect[j] > effect[i] else "" for j in every] for i in every]
    steep = [max((x for x in row if x != ""), default="") for row in back]  # type: ignore[type-var]
    flat = [min((x for x in row if x != ""), default="") for row in ahead]  # type: ignore[type-var]
    front = [int(bool(free[i]) and (steep[i] == "" or flat[i] == "" or steep[i] <= flat[i])) for i in every]  # type: ignore[operator]
    below = [[float(effect[j]) if front[i] and front[j] and effect[j] < effect[i] else "" for j in every] for i in every]
    before = [max((j for j in every if below[i][j] != ""), key=lambda j: effect[j], default=-1) + 1 for i in every]
    status = [_status(row["status"], tables) for row in tables.frontier().iter_rows(named=True)]
    return {
        "same": same, "dominated": dominated, "from": back, "to": ahead, "below": below, "same_as": first, "free": free,
        "steep": steep, "flat": flat, "front": front, "before": before, "status": status,
    }  # fmt: skip


def _check(book: Book, tables: DecisionTables, places: Places) -> None:
    """popsim's own numbers at its threshold beside what the workbook calculates."""
    sheet, S = book.add(CHECK), places.S
    sheet.set_column(0, 1, 34)
    sheet.set_column(2, 4, 18)
    sheet.write_string(0, 0, "popsim's numbers and the workbook's", book.title)
    sheet.write_string(1, 0, f"at a willingness to pay of {tables.price:,.10g}")
    for column, head in enumerate(["Strategy", "Figure", "popsim", "Workbook", ""]):
        sheet.write_string(FIRST - 1, column, head, book.head)
    frontier, benefits = list(tables.frontier().iter_rows(named=True)), tables.benefits(tables.price)
    figures: list[tuple[str, str, Any, str]] = []
    for place, (title, found) in enumerate(zip(tables.titles, frontier, strict=True)):
        numbers: list[tuple[str, Any, int]] = [
            ("mean cost", found["cost"], 1),
            ("mean effect", found["effect"], 2),
            ("ICER", found["icer"], 6),
            ("net monetary benefit", benefits[place], 7),
        ]
        figures += [(title, name, value, cell(TABLE + place, at, DECISION)) for name, value, at in numbers]
    if tables.has_curves:
        for place, row in enumerate(tables.curve([tables.price]).iter_rows(named=True)):
            for name, key, at in (("probability", "probability", 9), ("expected loss", "expected_loss", 10)):
                figures.append((tables.titles[place], name, row[key], cell(TABLE + place, at, DECISION)))
    if tables.has_information:
        (value,) = tables.information([tables.price])
        figures.append(("all", "EVPI", value, cell(TABLE + S + 1, 1, DECISION)))
    for row, (title, name, value, where) in enumerate(figures, FIRST):
        sheet.write_string(row, 0, title)
        sheet.write_string(row, 1, name)
        if value is None:
            sheet.write_string(row, 2, "")
        else:
            sheet.write_number(row, 2, value)
        sheet.write_formula(row, 3, f"={where}", book.plain, "" if value is None else value)
        here, there, scale = cell(row, 3), cell(row, 2), cell(TABLE, 1, DECISION)
        off = f"ABS({here}-{there})<={ROUNDING:.0E}*MAX(1,ABS({there}),ABS({scale}))"
        verdict_of = f'IF({there}="",IF({here}="","agrees","DIFFERS"),IF({off},"agrees","DIFFERS"))'
        changed = f'IF({PRICE}<>{tables.price!r},"threshold changed",{verdict_of})'
        sheet.write_formula(row, 4, f"={changed}", book.plain, "agrees")


def values_at(prices: Sequence[float], tables: DecisionTables) -> NDArray[np.float64]:
    """(D, G) highest net benefit of each draw at each price."""
    return np.stack([tables.decision.net_monetary_benefit(price).max(axis=1) for price in prices], axis=1)
