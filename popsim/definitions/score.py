"""Clinical risk scores: points for known characteristics of a person, and the risk of each sum of points."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.fields import AS_TUPLE, Identifier, Label, Source, Text, real, whole

Bound = Annotated[float, real(-1e6, 1e6)]
Points = Annotated[int, whole(-100, 100)]
Risk = Annotated[float, real(0.0, 1.0)]


class Range(Definition):
    """Values of one quantity, at_least <= value < below.

    Attributes:
        of: the quantity.
    """

    of: Identifier
    at_least: Bound = -1e6
    below: Bound = 1e6


class ScoreItem(Definition):
    """One line of a points table.

    Attributes:
        of: the quantity; 0 or 1 for yes or no.
        bounds: ascending; the value `bounds[k]` is the first of a new level.
        points: of every level, one more than bounds.
        when: range of a quantity outside which the item does not count.
    """

    of: Identifier
    bounds: Annotated[tuple[Bound, ...], AS_TUPLE, Field(min_length=1)]
    points: Annotated[tuple[Points, ...], AS_TUPLE]
    when: Range | None = None

    @model_validator(mode="after")
    def _levels(self) -> Self:
        if any(low >= high for low, high in pairwise(self.bounds)):
            raise ValueError(f"bounds of {self.of} must rise")
        if len(self.points) != len(self.bounds) + 1:
            raise ValueError(f"points of {self.of} must be one more than its bounds")
        return self


class Risks(Definition):
    """The risk of each sum of points.

    Attributes:
        within_days: the time in which the event happens.
        by_points: of 0 points, 1 point, ...; sums beyond the table have the last risk.
        source: where the table was read.
    """

    within_days: Annotated[int, whole(1, 36525)]
    by_points: Annotated[tuple[Risk, ...], AS_TUPLE, Field(min_length=1)]
    source: Source


class Score(Definition):
    """A risk score.

    Attributes:
        name: of the score; its file is <name>.toml.
        label: name in tables.
        predicts: the event that it was developed for, in words.
        source: where the points were read.
        items: the points table.
        risks: risks by points, where they were printed.
    """

    name: Identifier
    label: Label
    predicts: Text
    source: Source
    items: Annotated[tuple[ScoreItem, ...], AS_TUPLE, Field(min_length=1)]
    risks: Annotated[tuple[Risks, ...], AS_TUPLE] = ()
