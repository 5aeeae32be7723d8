"""The sheets of the workbook that decide: incremental analysis, net benefit, EVPI, and a check of all of them.

Only functions that Excel and LibreOffice share are used, and no array formulas: SUMPRODUCT evaluates its argument cell
by cell in both.
"""

from __future__ import annotations

from typing import Any

from popsim.economics.cost_effectiveness import ROUNDING, verdict
from popsim.exchange.tables.book import (
    BENEFIT,
    CHECK,
    DECISION,
    FIRST,
    HEAD_HEIGHT,
    PRICE,
    STEP_ROW,
    STEPS,
    TABLE,
    DrawPlaces,
    WorkbookWriter,
    area,
    cell,
)
from popsim.exchange.tables.curves import write_benefits, write_curves
from popsim.exchange.tables.decision_tables import DecisionTables
from popsim.exchange.tables.steps import status_in_words, write_steps

NO = "needs at least 2 parameter draws"


def decision_sheets(book: WorkbookWriter, tables: DecisionTables) -> None:
    """All sheets that calculate."""
    places = DrawPlaces(tables)
    _decision(book, tables, places)
    write_steps(book, tables, places)
    if tables.has_curves:
        write_benefits(book, tables, places)
        write_curves(book, tables, places)
    _check(book, tables, places)


def _decision(book: WorkbookWriter, tables: DecisionTables, places: DrawPlaces) -> None:
    sheet, S, currency = book.sheets[DECISION], places.S, tables.run.experiment.currency
    last = TABLE + S - 1
    for column, width in ((0, 40), (1, 16), (2, 16), (3, 30), (4, 16), (5, 16), (6, 18), (7, 18), (8, 18), (9, 18)):
        sheet.set_column(column, column, width)
    sheet.set_column(10, 11, 18)
    sheet.set_row(TABLE - 1, HEAD_HEIGHT)
    sheet.write_string(0, 0, tables.run.experiment.title or tables.run.experiment.name, book.title)
    sheet.write_string(2, 0, f"Willingness to pay for one {tables.unit}, {currency}", book.bold)
    sheet.write_number(2, 1, tables.price, book.change)
    sheet.write_string(2, 2, "change this cell: every result follows", book.plain)
    sheet.data_validation(
        2, 1, 2, 1,
        {"validate": "decimal", "criteria": ">=", "value": 0, "error_message": "Money for one unit: 0 or more."},
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
        put(3, cell(of_steps, 1, STEPS), status_in_words(found["status"], tables), book.plain)
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


def _information(book: WorkbookWriter, tables: DecisionTables, places: DrawPlaces, row: int) -> None:
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
    sheet.write_string(row, 2, "what knowing all parameters would be worth", book.plain)


def _against_comparator(book: WorkbookWriter, tables: DecisionTables, places: DrawPlaces, row: int) -> None:
    """Each strategy against the comparator alone, with the words of the cost-effectiveness plane."""
    sheet, currency = book.sheets[DECISION], tables.run.experiment.currency
    sheet.write_string(row, 0, f"Against {tables.titles[0]}", book.bold)
    sheet.set_row(row + 1, HEAD_HEIGHT)
    for column, head in enumerate(
        ["Strategy", f"Cost difference, {currency}", "Effect difference", "Verdict", "Ratio"]
    ):
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
            f'IF(AND({more}>=0,{gain}<=0),"dominated",IF({gain}>0,"gains health at a cost",'
            '"saves money, loses health"))))'
        )
        sheet.write_formula(at, 3, words, book.plain, verdict(*values))
        ratio = values[0] / values[1] if values[0] * values[1] > 0 else ""
        sheet.write_formula(at, 4, f'=IF({more}*{gain}>0,{more}/{gain},"")', book.money, ratio)


def _difference(own: float, base: float) -> float:
    return 0.0 if abs(own - base) <= ROUNDING * max(abs(own), abs(base)) else float(own - base)


def _check(book: WorkbookWriter, tables: DecisionTables, places: DrawPlaces) -> None:
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
        for place, found in enumerate(tables.curve([tables.price]).iter_rows(named=True)):
            for name, key, at in (("probability", "probability", 9), ("expected loss", "expected_loss", 10)):
                figures.append((tables.titles[place], name, found[key], cell(TABLE + place, at, DECISION)))
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
