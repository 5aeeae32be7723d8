"""Treatment options that a file or a notebook may compare for a person: doses, visits, telemonitoring, or no change."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.fields import AS_TUPLE, Identifier, Label, real, whole
from popsim.definitions.indication import Prescriber
from popsim.definitions.interventions import Telemonitoring

Days = Annotated[int, whole(0, 3653)]


class DoseChange(Definition):
    """Another dose of a drug: a number of rungs up (or down) its ladder, or a share of the target dose.

    Attributes:
        drug: a drug, which replaces others of its class; or a class, for the drug of it that the person takes.
        rungs: steps up the ladder of the drug's file from the current dose; negative: down.
        share: of the target dose.
        after_days: after the end of the option's wait.
    """

    kind: Literal["dose"]
    drug: Identifier
    rungs: Annotated[int, whole(-8, 8)] | None = None
    share: Annotated[float, real(0.0, 3.0)] | None = None
    after_days: Days = 0

    @model_validator(mode="after")
    def _one_dose(self) -> Self:
        if (self.rungs is None) == (self.share is None):
            raise ValueError("must have either rungs or share")
        return self


class Visit(Definition):
    """A contact with a clinician: support, diuretic adjusted to fluid status, unsafe drugs reduced.

    Attributes:
        clinician: of the contact; a nurse changes the diuretic alone.
        after_days: after the end of the option's wait.
    """

    kind: Literal["visit"]
    clinician: Prescriber
    after_days: Days = 0


class HomeMonitoring(Definition):
    """Telemonitoring after the end of the option's wait: an alert makes a nurse review the diuretic.

    Attributes:
        programme: as in a strategy, without what its answers are; everybody takes up the offer.
        answered_after_days: from an alert to the nurse's answer.
        after_days: after the end of the option's wait.
    """

    kind: Literal["telemonitoring"]
    programme: Telemonitoring
    answered_after_days: Days = 1
    after_days: Days = 0

    @model_validator(mode="after")
    def _answers_are_its_own(self) -> Self:
        for key in ("answered_by", "answer_after_days", "may_change"):
            if getattr(self.programme, key):
                raise ValueError(f"programme.{key}: leave it out, a nurse reviews the diuretic answered_after_days")
        return self


Change = Annotated[DoseChange | Visit | HomeMonitoring, Field(discriminator="kind")]


class TherapyOption(Definition):
    """One treatment option; without changes, treatment stays as it is.

    Attributes:
        name: key in tables.
        label: name for people; the key in words when empty.
        setting: contact setting of the care network for which the person waits, if any.
        wait_days: until the first change, unless the wait for the setting is given elsewhere.
        changes: what is done, and when.
    """

    name: Identifier
    label: Label = ""
    setting: Identifier | None = None
    wait_days: Days = 0
    changes: Annotated[tuple[Change, ...], AS_TUPLE, Field(max_length=16)] = ()

    @property
    def title(self) -> str:
        """The label, or the name in words."""
        return self.label or self.name.replace("_", " ").capitalize()


class OptionFile(Definition):
    """A file of options, each with a name of its own."""

    options: Annotated[tuple[TherapyOption, ...], AS_TUPLE, Field(min_length=1, max_length=64)]

    @model_validator(mode="after")
    def _names_are_their_own(self) -> Self:
        names = [option.name for option in self.options]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"options: the name '{name}' is used twice, each must be its own")
        return self
