"""Kinds of field that several definitions share: bounded numbers, identifiers, short texts and lists.

pydantic's own messages name its types; these say what is allowed ("must be between 0 and 1").
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator

IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,40}")
LONGEST_LABEL = 80
LONGEST_TEXT = 4000


def real(low: float, high: float) -> BeforeValidator:
    """A number in [low, high]; whole numbers are taken as numbers, booleans and text are not."""

    def check(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"must be a number between {low:g} and {high:g}")
        if not low <= value <= high:  # false for NaN
            raise ValueError(f"must be between {low:g} and {high:g}")
        return float(value)

    return BeforeValidator(check)


def whole(low: int, high: int) -> BeforeValidator:
    """A whole number in [low, high]; neither a float nor a boolean."""

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"must be a whole number between {low} and {high}")
        if not low <= value <= high:
            raise ValueError(f"must be between {low} and {high}")
        return value

    return BeforeValidator(check)


def text(longest: int) -> BeforeValidator:
    """Printable text of at most `longest` characters (line breaks allowed)."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError("must be text")
        if len(value) > longest:
            raise ValueError(f"must be at most {longest} characters long")
        if not all(c.isprintable() or c == "\n" for c in value):
            raise ValueError("must be printable text")
        return value

    return BeforeValidator(check)


def _identifier(value: object) -> str:
    if not isinstance(value, str) or not IDENTIFIER.fullmatch(value):
        raise ValueError("must be a name of lower-case letters, digits and _ (at most 41), beginning with a letter")
    return value


def _tuple(value: object) -> object:
    if isinstance(value, list):
        return tuple(value)
    if not isinstance(value, tuple):
        raise ValueError("must be a list")
    return value


AS_TUPLE = BeforeValidator(_tuple)
"""For `Annotated[tuple[X, ...], AS_TUPLE]`: a TOML or JSON list becomes a tuple, nothing else does."""

Identifier = Annotated[str, BeforeValidator(_identifier)]
Label = Annotated[str, text(LONGEST_LABEL)]
Text = Annotated[str, text(LONGEST_TEXT)]
