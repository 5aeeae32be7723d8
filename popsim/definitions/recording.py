"""What is written into a person's records, where and how often, of what devices show."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.fields import AS_TUPLE, Identifier, Source, whole

Occasion = Literal[
    "entry", "emergency", "ward", "ward_day", "general_practitioner", "specialist", "nurse", "other_clinician"
]


class Recording(Definition):
    """When one quantity is measured and written down.

    Attributes:
        measures: column of the true state; what is written is the reading of its device (evidence/devices).
        at: occasions: the person's entry; arrival in an emergency department or assessment unit; arrival on a ward;
            each further day on a ward; contacts by the clinician whom the person sees.
        every_days: least time between two readings of a person.
        only_with: column that must be 1, as a diagnosis.
        source: of all these.
    """

    measures: Identifier
    at: Annotated[tuple[Occasion, ...], AS_TUPLE, Field(min_length=1)]
    every_days: Annotated[int, whole(0, 3653)] = 0
    only_with: Identifier | None = None
    source: Source


class RecordingFile(Definition):
    """All quantities that are written down, beside laboratory results and home readings, which have their own times."""

    recorded: Annotated[tuple[Recording, ...], AS_TUPLE, Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [one.measures for one in self.recorded]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"recorded: '{twice[0]}' is there twice")
        return self
