"""Field types that definitions share: bounded numbers, identifiers, short texts and lists.

pydantic's own messages name its types; these say what is allowed ("must be between 0 and 1"), also in the JSON Schema.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from popsim.arguments import is_real, is_whole
from popsim.units import is_unit

IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,40}")
MAX_PATH_LENGTH = 1024
MAX_LABEL_LENGTH = 80
MAX_TEXT_LENGTH = 4000
MIN_SOURCE_LENGTH = 8
SUM_TOLERANCE = 1e-9
MAX_VALUE = 1e12


@dataclass(frozen=True, slots=True)
class Checked:
    """A check that runs before pydantic's own, and its JSON Schema."""

    check: Callable[[object], object]
    shown: tuple[tuple[str, float | str], ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(schema) | dict(self.shown)


def real(low: float, high: float) -> Checked:
    """A number in [low, high]; whole numbers are taken as numbers, booleans and text are not."""

    def check(value: object) -> float:
        if not is_real(value):
            raise ValueError(f"must be a number between {low:g} and {high:g}")
        if not low <= value <= high:  # false for NaN
            raise ValueError(f"must be between {low:g} and {high:g}{_as_share(value, low, high)}")
        return float(value)

    return Checked(check, (("minimum", low), ("maximum", high)))


def _as_share(value: float, low: float, high: float) -> str:
    """A hint for users who wrote a share in per cent."""
    return f", did you mean {value / 100.0:g}?" if (low, high) == (0.0, 1.0) and 1.0 < value <= 100.0 else ""


def whole(low: int, high: int) -> Checked:
    """A whole number in [low, high]; neither a float nor a boolean."""

    def check(value: object) -> int:
        if not is_whole(value):
            raise ValueError(f"must be a whole number between {low} and {high}")
        if not low <= value <= high:
            raise ValueError(f"must be between {low} and {high}")
        return int(value)

    return Checked(check, (("minimum", low), ("maximum", high)))


def text(longest: int) -> Checked:
    """Printable text of at most `longest` characters (line breaks allowed)."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError("must be text")
        if len(value) > longest:
            raise ValueError(f"must be at most {longest} characters long")
        if not value.replace("\n", "").isprintable():
            raise ValueError("must be printable text")
        return value

    return Checked(check, (("maxLength", longest),))


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
"""For `Annotated[tuple[X, ...], AS_TUPLE]`: a TOML or JSON list becomes a tuple; nothing else does."""

Number = Annotated[float, real(-MAX_VALUE, MAX_VALUE)]
Positive = Annotated[float, real(1e-12, MAX_VALUE)]
Identifier = Annotated[str, Checked(_identifier, (("pattern", f"^{IDENTIFIER.pattern}$"),))]
Label = Annotated[str, text(MAX_LABEL_LENGTH)]
Text = Annotated[str, text(MAX_TEXT_LENGTH)]


def _telling(value: object) -> object:
    if isinstance(value, str) and len(value.strip()) < MIN_SOURCE_LENGTH:
        raise ValueError('must say where the numbers come from, or "assumption: the reasoning"')
    return value


Source = Annotated[str, Checked(_telling, (("minLength", MIN_SOURCE_LENGTH),)), text(MAX_TEXT_LENGTH)]
"""Source of numbers: never an empty text."""


def _known_unit(value: object) -> object:
    if isinstance(value, str) and not is_unit(value):
        raise ValueError("unknown unit: must be made of those in popsim/units.py, like mmHg/L, 1/year or GBP/day")
    return value


Unit = Annotated[str, Checked(_known_unit, (("maxLength", MAX_LABEL_LENGTH),)), text(MAX_LABEL_LENGTH)]


def check_weights(weights: Sequence[float], values: Sequence[float]) -> None:
    """Check weights of listed values: none at all, or one for each and not all 0.

    Raises:
        ValueError: they do not fit.
    """
    if weights and len(weights) != len(values):
        raise ValueError(f"{len(weights)} weights for {len(values)} values: must be one for each")
    if weights and sum(weights) <= 0.0:
        raise ValueError("weights must not all be 0")


def check_moments(mean: float, sd: float, bounds: tuple[float, float] | None) -> None:
    """Refuse a mean or sd that no distribution between the bounds can have."""
    if bounds is None:
        return
    low, high = bounds
    if not low < mean < high:
        raise ValueError(f"mean {mean} must lie inside the bounds [{low}, {high}], low first")
    largest = ((mean - low) * (high - mean)) ** 0.5
    if sd >= largest:
        raise ValueError(f"sd {sd} is impossible: with this mean and these bounds it is below {largest:.6g}")


def check_rising(values: tuple[float, ...], name: str) -> None:
    """Refuse values that do not rise strictly."""
    if any(above <= below for below, above in pairwise(values)):
        raise ValueError(f"{name} must rise strictly")


def check_sum(shares: tuple[float, ...], name: str) -> None:
    """Refuse shares that do not sum to 1."""
    total = sum(shares)
    if abs(total - 1) > SUM_TOLERANCE:
        raise ValueError(f"{name} must sum to 1, they sum to {total:.12g}")


def _checked_path(path: str) -> str:
    """Paths of other definitions; they are only ever read, so `..` and absolute paths are fine."""
    if not path.endswith(".toml") or len(path) > MAX_PATH_LENGTH or not path.isprintable():
        raise ValueError(f"must be the path of a .toml file, at most {MAX_PATH_LENGTH} printable characters")
    return path


DefinitionPath = Annotated[str, AfterValidator(_checked_path)]


def _checked_table_path(path: str) -> str:
    if not path.endswith(".csv") or len(path) > MAX_PATH_LENGTH or not path.isprintable():
        raise ValueError(f"must be the path of a .csv file, at most {MAX_PATH_LENGTH} printable characters")
    return path


TablePath = Annotated[str, AfterValidator(_checked_table_path)]


def _life_table_name(value: object) -> object:
    if not isinstance(value, str) or not (IDENTIFIER.fullmatch(value) or value.endswith(".csv")):
        raise ValueError('must be a name like "us_2019", "country", or the path of a .csv file')
    return value


LifeTableName = Annotated[str, Checked(_life_table_name, (("maxLength", MAX_PATH_LENGTH),))]


def currency_code(code: str) -> str:
    """The code of a currency, like GBP.

    Raises:
        ValueError: it is none.
    """
    if len(code) != 3 or not (code.isascii() and code.isalpha() and code.isupper()):
        raise ValueError("must be a code of three capital letters, like GBP")
    return code
