"""A small evaluator of spreadsheet formulas, for these tests alone: it checks the workbook without a spreadsheet."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
from openpyxl.utils import column_index_from_string

TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+\.?\d*(?:E[+-]?\d+)?)|(?P<text>"[^"]*")
    |(?P<reference>(?:'[^']+'!)?\$?[A-Z]+\$?\d+(?::\$?[A-Z]+\$?\d+)?)(?![A-Za-z_(])|(?P<name>[A-Za-z_]+)
    |(?P<sign><=|>=|<>|[-+*/&=<>(),]))""",
    re.VERBOSE,
)
REFERENCE = re.compile(r"(?:'([^']+)'!)?\$?([A-Z]+)\$?(\d+)(?::\$?([A-Z]+)\$?(\d+))?")
BINDING = {"=": 1, "<>": 1, "<": 1, ">": 1, "<=": 1, ">=": 1, "&": 2, "+": 3, "-": 3, "*": 4, "/": 4}


def _compared(sign: str) -> Callable[[Any, Any], Any]:
    compare = {
        "=": operator.eq,
        "<>": operator.ne,
        "<": operator.lt,
        ">": operator.gt,
        "<=": operator.le,
        ">=": operator.ge,
    }

    def one(a: Any, b: Any) -> bool:
        if isinstance(a, str) != isinstance(b, str):  # a text is above every number
            a, b = float(isinstance(a, str)), float(isinstance(b, str))
        return bool(compare[sign](a, b))

    return lambda a, b: np.vectorize(one, otypes=[bool])(a, b) if np.ndim(a) or np.ndim(b) else one(a, b)


DO: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "&": lambda a, b: f"{a}{b}", **{sign: _compared(sign) for sign in ("=", "<>", "<", ">", "<=", ">=")},
}  # fmt: skip


class Sheets:
    """The workbook at a path, evaluated from its formulas alone: stored values of formulas are never read.

    Args:
        path: of the workbook.
        changed: values typed into cells, by sheet and cell.
    """

    def __init__(self, path: Path, changed: Mapping[tuple[str, str], float] | None = None) -> None:
        book = openpyxl.load_workbook(path)
        self._cells = {sheet.title: {c.coordinate: c.value for r in sheet.iter_rows() for c in r} for sheet in book}
        for (sheet, cell), value in (changed or {}).items():
            self._cells[sheet][cell] = value
        self._names = {name: one.attr_text for name, one in book.defined_names.items()}
        self._values: dict[tuple[str, str], Any] = {}

    def value(self, sheet: str, cell: str) -> Any:
        """The value of a cell."""
        at = (sheet, cell)
        if at not in self._values:
            said = self._cells[sheet].get(cell)
            is_formula = isinstance(said, str) and said.startswith("=") and not said.startswith("=1+1")
            self._values[at] = _Parser(self, sheet, said[1:]).all() if is_formula else said
        return self._values[at]

    def named(self, name: str) -> Any:
        """The value of a named cell."""
        return self.reference("", self._names[name])

    def reference(self, sheet: str, text: str) -> Any:
        """The value of a cell, or the values of a rectangle."""
        found = REFERENCE.fullmatch(text)
        assert found, text
        where, left, top, right, bottom = found.groups()
        if right is None:
            return self.value(where or sheet, f"{left}{top}")
        first, last = column_index_from_string(left), column_index_from_string(right)
        letters = [openpyxl.utils.get_column_letter(column) for column in range(first, last + 1)]
        rows = [[self.value(where or sheet, f"{c}{r}") for c in letters] for r in range(int(top), int(bottom) + 1)]
        plain = all(isinstance(one, int | float) for row in rows for one in row)
        return np.array(rows, dtype=float if plain else object)


class _Parser:
    """Evaluates a formula as it reads it; the branch of an IF that is not taken is read without effect."""

    def __init__(self, sheets: Sheets, sheet: str, text: str) -> None:
        self._sheets, self._sheet, self._at = sheets, sheet, 0
        self._tokens: list[tuple[str, str]] = []
        place = 0
        while place < len(text.rstrip()):
            found = TOKEN.match(text, place)
            assert found, text[place:]
            self._tokens.append((str(found.lastgroup), found[found.lastgroup]))
            place = found.end()
        self._off = 0  # above 0 in a branch that is not taken

    def all(self) -> Any:
        value = self._expression(0)
        assert self._at == len(self._tokens), self._tokens[self._at :]
        return value

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _take(self, wanted: str = "") -> tuple[str, str]:
        token = self._tokens[self._at]
        assert wanted in ("", token[1]), (wanted, token)
        self._at += 1
        return token

    def _expression(self, least: int) -> Any:
        left = self._operand()
        while BINDING.get(self._peek(), 0) > least:
            sign = self._take()[1]
            right = self._expression(BINDING[sign])
            left = 0.0 if self._off else DO[sign](left, right)
        return left

    def _operand(self) -> Any:
        kind, text = self._take()
        if kind in ("number", "text"):
            return float(text) if kind == "number" else text[1:-1]
        if text == "-":
            return 0.0 - self._expression(3) * 1.0
        if text == "(":
            value = self._expression(0)
            self._take(")")
            return value
        if kind == "name" and self._peek() == "(":
            return self._call(text)
        if self._off:
            return 0.0
        return self._sheets.reference(self._sheet, text) if kind == "reference" else self._sheets.named(text)

    def _call(self, name: str) -> Any:
        self._take("(")
        if name == "IF":
            return self._if()
        if name == "ROW":
            _, reference = self._take()
            self._take(")")
            top, bottom = (int(found) for found in re.findall(r"\d+", reference))
            return np.arange(top, bottom + 1, dtype=float)[:, np.newaxis]
        values = [self._expression(0)]
        while self._peek() == ",":
            self._take()
            values.append(self._expression(0))
        self._take(")")
        return 0.0 if self._off else FUNCTIONS[name](*values)

    def _if(self) -> Any:
        holds = self._expression(0)
        results = []
        for taken in (bool(holds), not bool(holds)):
            self._take(",")
            self._off += not taken
            results.append(self._expression(0))
            self._off -= not taken
        self._take(")")
        return results[0] if holds else results[1]


def _numbers(*values: Any) -> list[float]:
    """Numbers among values; text in ranges is passed over, as spreadsheets do."""
    return [
        float(one) for value in values for one in np.ravel(np.asarray(value, object)) if isinstance(one, int | float)
    ]


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "ABS": np.abs,
    "AND": lambda *values: all(np.all(value) for value in values),
    "OR": lambda *values: any(np.any(value) for value in values),
    "AVERAGE": lambda *values: float(np.mean(_numbers(*values))),
    "COUNT": lambda *values: len(_numbers(*values)),
    "INDEX": lambda values, place: np.ravel(values)[int(place) - 1],
    "MATCH": lambda wanted, values, _: 1 + [one == wanted for one in np.ravel(values)].index(True),
    "MAX": lambda *values: max(_numbers(*values)),
    "MIN": lambda *values: min(_numbers(*values)),
    "SUM": lambda *values: sum(_numbers(*values)),
    "SUMPRODUCT": lambda values: float(np.sum(values)),
}
