"""Files of indications: which drugs clinicians start and titrate up, for whom, and which clinicians do."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.conditions import Condition
from popsim.definitions.fields import AS_TUPLE, Identifier, Source, real, whole

Prescriber = Literal["general_practitioner", "specialist", "nurse"]


class AlsoSet(Definition):
    """A code that changes with the start of a drug, e.g. the agent of a class that it must not be combined with."""

    column: Identifier
    code: Annotated[int, whole(0, 100)]


class Indication(Definition):
    """Starts the drugs of a class and raises them up the ladder of the drug's file, in people who meet all conditions.

    Attributes:
        drug_class: as in the drug files.
        when: conditions on what clinicians know; contraindications are in the drug's own file.
        raised_by: clinicians who start and raise it. Every clinician may reduce or stop it.
        starts_at: first dose as a share of the target; the lowest of the ladder when None.
        up_to: share of the target up to which it is raised.
        raised: false for a drug that is started and then left at its dose.
        also_sets: a code that changes at the start.
    """

    drug_class: Identifier
    when: Annotated[tuple[Condition, ...], AS_TUPLE, Field(min_length=1, max_length=8)]
    raised_by: Annotated[tuple[Prescriber, ...], AS_TUPLE, Field(min_length=1)]
    starts_at: Annotated[float, real(0.01, 3.0)] | None = None
    up_to: Annotated[float, real(0.01, 3.0)] = 1.0
    raised: bool = True
    also_sets: AlsoSet | None = None
    source: Source

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.starts_at is not None and self.starts_at > self.up_to:
            raise ValueError(f"starts_at = {self.starts_at:g} must be at most up_to ({self.up_to:g})")
        return self


class Indications(Definition):
    """All indications, the most important drug first: it is started first, and reduced last."""

    indications: Annotated[tuple[Indication, ...], AS_TUPLE, Field(min_length=1, max_length=64)]
