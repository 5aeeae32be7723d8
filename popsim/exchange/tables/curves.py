"""The sheets that need parameter draws: net benefit draw by draw, acceptability and EVPI by threshold."""

from __future__ import annotations

from typing import Any

import numpy as np

from popsim.economics.cost_effectiveness import ROUNDING
from popsim.exchange.tables.book import (
    BENEFIT,
    BEST,
    CURVE,
    DECISION,
    FIRST,
    GRID,
    HEAD_HEIGHT,
    PRICE,
    STEPS_TO_PRICE,
    TABLE,
    DrawPlaces,
    WorkbookWriter,
    area,
    cell,
    values_at,
)
from popsim.exchange.tables.decision_tables import DecisionTables

USUAL_STEP = 5000.0  # where the experiment's own threshold is 0


def write_benefits(book: WorkbookWriter, tables: DecisionTables, places: DrawPlaces) -> None:
    """Net benefit of each draw at the threshold; who is best, ties shared."""
    sheet, S = book.add(BENEFIT), places.S
    price = tables.price
    benefit = tables.decision.net_monetary_benefit(price)
    rounding = ROUNDING * float((price * np.abs(tables.decision.effect) + np.abs(tables.decision.cost)).max())
    best = benefit.max(axis=1)
    wins = benefit >= best[:, None] - rounding
    sheet.set_column(0, 4 + 2 * S, 16)
    sheet.set_row(FIRST - 1, HEAD_HEIGHT)
    sheet.write_string(0, 0, f"Net monetary benefit, {tables.run.experiment.currency}", book.title)
    sheet.write_string(1, 0, "Rounding")
    largest = f"SUMPRODUCT(MAX({PRICE}*ABS({places.all_effects})+ABS({places.all_costs})))"
    sheet.write_formula(1, 1, f"={ROUNDING:.0E}*{largest}", book.plain, rounding)
    heads = ["Draw", *tables.titles, "Highest", "Strategies that have it", "Largest difference from the comparator"]
    for column, head in enumerate([*heads, *(f"Best: {title}" for title in tables.titles)]):
        sheet.write_string(FIRST - 1, column, head, book.head)
    for draw in range(places.D):
        row = FIRST + draw

        def put(column: int, formula: str, value: Any, row: int = row) -> None:
            sheet.write_formula(row, column, f"={formula}", book.cents, value)

        sheet.write_number(row, 0, int(tables.decision.draws[draw]))
        every = area((row, 1), (row, S))
        highest, base, edge = cell(row, 1 + S), cell(row, 1), f"{cell(row, 1 + S)}-{cell(1, 1)}"
        for place in range(S):
            cost, effect = cell(row, 1 + place, "Draws"), cell(row, 1 + S + place, "Draws")
            put(1 + place, f"{PRICE}*{effect}-{cost}", benefit[draw, place])
            won = f"IF({cell(row, 1 + place)}>={edge},1/{cell(row, 2 + S)},0)"
            put(4 + S + place, won, wins[draw, place] / wins[draw].sum())
        put(1 + S, f"MAX({every})", best[draw])
        put(2 + S, f"SUMPRODUCT(--({every}>={edge}))", int(wins[draw].sum()))
        away = max(best[draw] - benefit[draw, 0], benefit[draw, 0] - benefit[draw].min())
        put(3 + S, f"MAX({highest}-{base},{base}-MIN({every}))", away)
    sheet.freeze_panes(FIRST, 1)


def write_curves(book: WorkbookWriter, tables: DecisionTables, places: DrawPlaces) -> None:
    """Acceptability curves and EVPI over a grid of thresholds, whose step is a cell, with charts."""
    sheet, S = book.sheets[CURVE], places.S
    step = tables.price / STEPS_TO_PRICE or USUAL_STEP
    prices = [step * number for number in range(GRID)]
    _highest(book, tables, places, prices)
    top = 4  # row of the heads
    sheet.set_column(0, S + 2, 20)
    sheet.write_string(0, 0, "Probability of being best, by willingness to pay", book.title)
    sheet.write_string(2, 0, "Step of the grid", book.bold)
    sheet.write_number(2, 1, step, book.change)
    sheet.write_string(2, 2, "change this cell: the curves follow", book.plain)
    sheet.set_row(top, HEAD_HEIGHT)
    currency = tables.run.experiment.currency
    evpi_head = [f"EVPI per person, {currency}"] if tables.has_information else []
    for column, head in enumerate([f"Willingness to pay, {currency}", *tables.titles, "Best on average", *evpi_head]):
        sheet.write_string(top, column, head, book.head)
    curve = tables.curve(prices)["probability"].to_numpy().reshape(GRID, S)
    values = tables.information(prices) if tables.has_information else []
    means = tables.decision.cost.mean(axis=0), tables.decision.effect.mean(axis=0)
    titles = area((TABLE, 0), (TABLE + S - 1, 0), DECISION)
    cost, effect = (area((TABLE, what), (TABLE + S - 1, what), DECISION) for what in (1, 2))
    for number, price in enumerate(prices):
        row = top + 1 + number
        at = cell(row, 0)
        sheet.write_formula(row, 0, f"={number}*{cell(2, 1)}", book.money, price)
        best, ties = places.column(BEST, number), places.column(BEST, GRID + number)
        for place in range(S):
            wins = f"({at}*{places.effects(place)}-{places.costs(place)}>={best}-{cell(1, number, BEST)})"
            formula = f"=SUMPRODUCT({wins}/{ties})/{places.D}"
            sheet.write_formula(row, 1 + place, formula, book.share, curve[number, place])
        benefits = price * means[1] - means[0]
        highest = f"SUMPRODUCT(MAX({at}*{effect}-{cost}))"
        which = f"SUMPRODUCT(MAX(({at}*{effect}-{cost}={highest})*({S + 1}-{_numbers(places)})))"
        sheet.write_formula(
            row, 1 + S, f"=INDEX({titles},{S + 1}-{which})", book.plain, tables.titles[int(benefits.argmax())]
        )
        if values:
            gain = f"AVERAGE({best})-{highest}"
            edge = f"{ROUNDING:.0E}*{cell(1, GRID + number, BEST)}"
            sheet.write_formula(row, 2 + S, f"=IF({gain}>{edge},{gain},0)", book.cents, values[number])
    _charts(book, tables, top, S)
    sheet.freeze_panes(top + 1, 1)


def _numbers(places: DrawPlaces) -> str:
    """1, 2, ... S, downwards, for SUMPRODUCT."""
    return f"ROW({area((0, 0), (places.S - 1, 0))})"


def _highest(book: WorkbookWriter, tables: DecisionTables, places: DrawPlaces, prices: list[float]) -> None:
    """The highest net benefit of each draw at each threshold of the grid, and how many strategies have it."""
    sheet, S = book.add(BEST), places.S
    sheet.set_column(0, 2 * GRID - 1, 14)
    best = values_at(prices, tables)
    used = tables.decision
    for number, price in enumerate(prices):
        at = cell(5 + number, 0, CURVE)
        benefit = used.net_monetary_benefit(price)
        rounding = ROUNDING * float((price * np.abs(used.effect) + np.abs(used.cost)).max())
        ties = (benefit >= best[:, [number]] - rounding).sum(axis=1)
        sheet.write_formula(0, number, f"={at}", book.head, price)
        sheet.write_formula(0, GRID + number, f"={at}", book.head, price)
        scale = f"SUMPRODUCT(MAX({at}*ABS({places.all_effects})+ABS({places.all_costs})))"
        sheet.write_formula(1, number, f"={ROUNDING:.0E}*{scale}", book.plain, rounding)
        apart = ",".join(
            f"SUMPRODUCT(MAX(ABS({at}*({places.effects(s)}-{places.effects(0)})-({places.costs(s)}-{places.costs(0)}))))"
            for s in range(1, S)
        )
        largest = float(np.abs(benefit - benefit[:, [0]]).max())
        sheet.write_formula(1, GRID + number, f"=MAX({apart})", book.plain, largest)
        edge = f"{{0}}-{cell(1, number)}"
        for draw in range(places.D):
            row = FIRST + draw
            costs, effects = places.row(draw)
            sheet.write_formula(
                row, number, f"=SUMPRODUCT(MAX({at}*{effects}-{costs}))", book.cents, best[draw, number]
            )
            tied = f"SUMPRODUCT(--({at}*{effects}-{costs}>={edge.format(cell(row, number))}))"
            sheet.write_formula(row, GRID + number, f"={tied}", book.plain, int(ties[draw]))
    sheet.write_string(2, 0, "Highest net benefit at each threshold (above: threshold, rounding)", book.bold)
    sheet.write_string(2, GRID, "Strategies that have it (above: largest difference from the comparator)", book.bold)
    sheet.freeze_panes(FIRST, 0)


def _charts(book: WorkbookWriter, tables: DecisionTables, top: int, S: int) -> None:
    """Acceptability curves, and EVPI below them."""
    sheet, currency = book.sheets[CURVE], tables.run.experiment.currency
    groups = [("Probability of being best", "0%", list(range(1, S + 1)), "A28")]
    if tables.has_information:
        groups.append((f"EVPI per person, {currency}", "#,##0", [S + 2], "A50"))
    dashes = ("solid", "dash", "round_dot", "long_dash", "dash_dot", "square_dot")
    for title, form, columns, where in groups:
        chart = book.workbook.add_chart({"type": "scatter", "subtype": "straight"})
        for number, column in enumerate(columns):
            chart.add_series(
                {
                    "name": [CURVE, top, column],
                    "categories": [CURVE, top + 1, 0, top + GRID, 0],
                    "values": [CURVE, top + 1, column, top + GRID, column],
                    "line": {"width": 2.0, "dash_type": dashes[number % len(dashes)]},
                }
            )
        chart.set_title({"name": title, "name_font": {"size": 12}})
        chart.set_x_axis({"name": f"Willingness to pay, {currency}", "min": 0, "num_format": "#,##0"})
        chart.set_y_axis({"min": 0, "num_format": form} | ({"max": 1} if form == "0%" else {}))
        chart.set_legend({"position": "bottom"})
        chart.set_size({"width": 760, "height": 400})
        sheet.insert_chart(where, chart, {"description": title})
