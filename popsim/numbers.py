"""The only way from text to a number: what people write by hand or a spreadsheet exports, and nothing else.

Python's `float` also accepts `1_0`, `٣`, `nan` and `infinity`, which are mistakes in a table or on the command line.
"""

from __future__ import annotations

import math
import re

MAX_NUMBER = 64
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_WHOLE = re.compile(r"[+-]?[0-9]+")


def parse_number(text: str) -> float | None:
    """A finite decimal number in ASCII digits, with or without blanks around it; None for any other text."""
    word = text.strip(" \t")
    if len(word) > MAX_NUMBER or not _NUMBER.fullmatch(word):
        return None
    number = float(word)
    return number if math.isfinite(number) else None


def read_number(text: str) -> float:
    """A number, as `parse_number` reads it.

    Raises:
        ValueError: the text is not a number.
    """
    number = parse_number(text)
    if number is None:
        raise ValueError(f"{text!r} is not a number")
    return number


def read_whole(text: str) -> int:
    """A whole number in ASCII digits, with or without a sign.

    Raises:
        ValueError: the text is not a whole number.
    """
    word = text.strip(" \t")
    if len(word) > MAX_NUMBER or not _WHOLE.fullmatch(word):
        raise ValueError(f"{text!r} is not a whole number")
    return int(word)
