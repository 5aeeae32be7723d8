"""A user's table: a CSV file in any usual encoding, with any usual separator and decimal mark, or a workbook."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from popsim.definitions.base import read_bytes
from popsim.drafting.workbook import OLD_WORKBOOK, WORKBOOK, sheet_text
from popsim.errors import DefinitionError
from popsim.numbers import parse_number
from popsim.population.csv_table import MAX_BYTES, SEPARATORS, CsvTable, parse_csv

_COMMA, _POINT = re.compile(r"[+-]?[0-9]+,([0-9]+)"), re.compile(r"[+-]?[0-9]+\.[0-9]+")
_SEPARATOR_LINE = re.compile(r"sep=[,;\t|]\s*\n", re.IGNORECASE)  # which some spreadsheets write first
_MAYBE_THOUSANDS = re.compile(r"[.,][0-9]{3}\b")
_BOTH_MARKS = re.compile(r"[+-]?[0-9]{1,3}(?:(?:\.[0-9]{3})+,|(?:,[0-9]{3})+\.)[0-9]+")  # so one marks thousands
_BLANK_THOUSANDS = re.compile(r"(?<=[0-9])['\u2019 \u00a0\u202f](?=[0-9]{3}(?![0-9]))")
_TITLE = re.compile(r"[^,;\t|]*[,;\t|\s]*")  # a line with nothing but a first value
THOUSANDS = 3  # digits behind a comma that may mark thousands


def read_any_table(path: Path, sheet: str = "") -> tuple[CsvTable, list[str]]:
    """The table in a CSV file or a workbook, and how it was read, in words.

    Args:
        path: of the file.
        sheet: of a workbook; by default its first.

    Raises:
        DefinitionError: the file cannot be read, or holds no table.
    """
    content = read_bytes(path, MAX_BYTES)
    if content.startswith((WORKBOOK, OLD_WORKBOOK)):
        text, how = sheet_text(path, content, sheet)
    elif sheet:
        raise DefinitionError(path, "sheet", sheet, "the file is no workbook")
    else:
        text, encoding = decoded(content)
        how = [encoding]
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _SEPARATOR_LINE.sub("", text) if _SEPARATOR_LINE.match(text) else text
    title = _title(text)
    table = parse_csv(text[len(title) :], path, numbered=True)
    table = replace(table, decimal_comma=_decimal_comma(table))
    mark = "comma" if table.decimal_comma else "point"
    notes = (
        how
        if content.startswith(WORKBOOK)
        else [f"{how[0]}, columns separated by {SEPARATORS[table.separator]}, decimal {mark}"]
    )
    if title.strip():
        notes.append(f"lines above the names of the columns, left out: {title.count('\n')}")
    return table, notes


def _title(text: str) -> str:
    """The lines above the table, which have nothing but a first value where the table has several."""
    lines = text.splitlines(keepends=True)
    first = next((number for number, line in enumerate(lines) if not _TITLE.fullmatch(line)), 0)
    return "".join(lines[:first])


def number_parser(table: CsvTable) -> Callable[[str], float | None]:
    """Reads numbers with the table's decimal mark, or with the other where it cannot stand for thousands."""

    def number(word: str) -> float | None:
        word = _BLANK_THOUSANDS.sub("", word)
        if _BOTH_MARKS.fullmatch(word):
            thousands = min(".,", key=word.index)
            return parse_number(word.replace(thousands, "").replace(",", "."))
        found = table.number(word)
        if found is not None or _MAYBE_THOUSANDS.search(word):
            return found
        return parse_number(word if table.decimal_comma else word.replace(",", "."))

    return number


def decoded(content: bytes) -> tuple[str, str]:
    """The text, and the name of its encoding."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace"), "UTF-16"
    if content.startswith(codecs.BOM_UTF8):
        return content.decode("utf-8-sig", errors="replace"), "UTF-8 with a byte order mark"
    for place, name in ((1, "utf-16-le"), (0, "utf-16-be")):  # ASCII text in UTF-16 has every other byte zero
        if content[place::2] and content[place::2].count(0) > 0.8 * len(content[place::2]):
            return content.decode(name, errors="replace"), "UTF-16"
    for name, shown in (("utf-8", "UTF-8"), ("cp1252", "Windows-1252")):
        try:
            return content.decode(name), "ASCII" if content.isascii() else shown
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1"), "Latin-1"


def _decimal_comma(table: CsvTable) -> bool:
    """Whether a comma is the decimal mark; between commas as separators, numbers with one stand in quotation marks."""
    if table.decimal_comma or table.separator != ",":
        return table.decimal_comma
    words = [word for values in table.frame for word in values.to_list() if word]
    digits = [len(found[1]) for word in words if "," in word and (found := _COMMA.fullmatch(word))]
    return any(count != THOUSANDS for count in digits) and not any(_POINT.fullmatch(word) for word in words)
