"""The sheet of the workbook that makes the incremental analysis, pair by pair."""

from __future__ import annotations

from typing import Any

from popsim.economics.cost_effectiveness import ROUNDING
from popsim.exchange.tables.book import HEAD_HEIGHT, STEP_ROW, STEPS, DrawPlaces, WorkbookWriter, area, cell
from popsim.exchange.tables.decision_tables import DecisionTables


def write_steps(book: WorkbookWriter, tables: DecisionTables, places: DrawPlaces) -> None:
    """Incremental analysis, pair by pair: who is the same, who is dominated, and the slopes of the frontier."""
    sheet, S = book.add(STEPS), places.S
    blocks = ("same as", "dominated by", "slope from", "slope to", "frontier below")
    start = {name: 8 + number * (S + 1) for number, name in enumerate(blocks)}
    rows = {
        name: [area((STEP_ROW + i, at), (STEP_ROW + i, at + S - 1)) for i in range(S)] for name, at in start.items()
    }
    sheet.write_string(0, 0, "Steps of the incremental analysis: row against column", book.title)
    heads = [
        "Strategy",
        "Status",
        "Strategy before it",
        "Same as",
        "Undominated",
        "Steepest from",
        "Flattest to",
        "Frontier",
    ]
    for column, head in enumerate(heads):
        sheet.write_string(STEP_ROW - 1, column, head, book.head)
    sheet.set_column(0, 1, 30)
    sheet.set_column(2, 7, 14)
    sheet.set_row(STEP_ROW - 1, HEAD_HEIGHT)
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
        return int(
            i != j and not first[i] and not first[j] and cost[j] <= cost[i] and effect[j] >= effect[i] and better
        )

    dominated = [[worse(i, j) for j in every] for i in every]
    free = [int(not first[i] and not any(dominated[i])) for i in every]
    known = [[bool(free[i] and free[j] and effect[i] != effect[j]) for j in every] for i in every]
    slope = [
        [float((cost[i] - cost[j]) / (effect[i] - effect[j])) if known[i][j] else 0.0 for j in every] for i in every
    ]
    back = [[slope[i][j] if known[i][j] and effect[j] < effect[i] else "" for j in every] for i in every]
    ahead = [[slope[i][j] if known[i][j] and effect[j] > effect[i] else "" for j in every] for i in every]
    steep = [max((x for x in row if x != ""), default="") for row in back]
    flat = [min((x for x in row if x != ""), default="") for row in ahead]
    front = [int(bool(free[i]) and (steep[i] == "" or flat[i] == "" or steep[i] <= flat[i])) for i in every]  # type: ignore[operator]
    below = [
        [float(effect[j]) if front[i] and front[j] and effect[j] < effect[i] else "" for j in every] for i in every
    ]
    before = [max((j for j in every if below[i][j] != ""), key=lambda j: effect[j], default=-1) + 1 for i in every]
    status = [status_in_words(row["status"], tables) for row in tables.frontier().iter_rows(named=True)]
    return {
        "same": same, "dominated": dominated, "from": back, "to": ahead, "below": below, "same_as": first, "free": free,
        "steep": steep, "flat": flat, "front": front, "before": before, "status": status,
    }  # fmt: skip


def status_in_words(status: str, tables: DecisionTables) -> str:
    """The status with the title of the strategy that it is the same as."""
    start = "same as "
    return start + tables.run.strategies[status.removeprefix(start)] if status.startswith(start) else status
