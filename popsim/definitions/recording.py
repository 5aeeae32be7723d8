"""What is written into a person's record, where and how often, of what devices show; and what is usual."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.fields import AS_TUPLE, Identifier, Number, Source, whole

OccasionName = Literal["entry", "acute", "ward", "contact", "specialist"]


class Recording(Definition):
    """When one quantity is read and written down.

    Attributes:
        signal: column of the true state; what is written is the reading of its device (evidence/devices).
        at: occasions: the first day of follow-up; arrival in acute care; each day in hospital; any visit in person; a
            visit to a specialist.
        every_days: least time between two readings of a person.
        only_with: columns one of which must be 1, as a diagnosis; empty: anybody.
        source: of all these.
    """

    signal: Identifier
    at: Annotated[tuple[OccasionName, ...], AS_TUPLE, Field(min_length=1)]
    every_days: Annotated[int, whole(0, 3653)]
    only_with: Annotated[tuple[Identifier, ...], AS_TUPLE] = ()
    source: Source


class UsualRange(Definition):
    """The usual range of a quantity, in the unit of its column, by which a reading is low, normal or high."""

    signal: Identifier
    low: Number | None = None
    high: Number | None = None
    source: Source


class RecordingFile(Definition):
    """Everything that is written down, beside laboratory results and home readings, which have their own times."""

    recorded: Annotated[tuple[Recording, ...], AS_TUPLE, Field(min_length=1, max_length=100)]
    usual: Annotated[tuple[UsualRange, ...], AS_TUPLE, Field(max_length=100)] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for key, ones in (("recorded", self.recorded), ("usual", self.usual)):
            names = [one.signal for one in ones]
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{key}: '{twice[0]}' is there twice")
        return self
