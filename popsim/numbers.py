"""The one way from text to a number: what a person writes by hand or a spreadsheet exports, and nothing else.

Python's `float` also takes `1_0`, `٣`, `nan` and `infinity`, which in a table or on the command line are slips.
"""

from __future__ import annotations

import math
import re

LONGEST_NUMBER = 64
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


def parse_number(text: str) -> float | None:
    """A finite decimal number of ASCII digits, blanks around it allowed; None for any other text."""
    word = text.strip(" \t")
    if len(word) > LONGEST_NUMBER or not _NUMBER.fullmatch(word):
        return None
    number = float(word)
    return number if math.isfinite(number) else None
