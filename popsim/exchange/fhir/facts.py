"""What is read of a person in FHIR, before it is a twin or a row of a cohort: facts with their time and their place.

Times are days since the first day of the year 1 (`times.py`). They exist in memory only: what is written has days since
the twin's day 0.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from popsim.exchange.fhir.times import FhirTime
from popsim.registry.vocabulary import Measure

BEFORE = -1e9  # days: the time of what began at some time in the past


class FactPlace(NamedTuple):
    """Where a fact stands: the resource's type, the file as it may be shown, the path in it."""

    kind: str
    file: str
    path: str


class FhirReading(NamedTuple):
    """A measured value.

    Attributes:
        code: LOINC, or the key of a constant column (`values.TRAITS`).
        measure: what the code means.
        value: as written.
        stored: in the unit of the measure; None if its unit cannot be converted.
        issued: when it was made known, in days; tells which of two values of one time holds.
        place: of the value.
    """

    time: FhirTime
    code: str
    measure: Measure
    value: float
    stored: float | None
    issued: float
    place: FactPlace


class FhirTrait(NamedTuple):
    """A constant column of the twin, as told at a time."""

    time: FhirTime
    column: str
    value: float
    place: FactPlace


class FhirDiagnosis(NamedTuple):
    """A condition by popsim's key.

    Attributes:
        start: None if it is not told when it began.
        end: in days; None while it lasts.
    """

    start: FhirTime | None
    key: str
    end: float | None
    place: FactPlace


class FhirDrug(NamedTuple):
    """A prescription.

    Attributes:
        start, end: in days; end is None while it lasts.
        drug: in popsim's words.
        dose: a day, in the unit of the drug's file; None if it is not told.
        assumed: how the dose was found, if it is not told in numbers.
        product: code or text of what was prescribed: two products of one drug at a time add up.
    """

    start: FhirTime
    drug: str
    dose: float | None
    end: float | None
    assumed: str
    product: str
    place: FactPlace


class FhirStay(NamedTuple):
    """A contact with care.

    Attributes:
        setting: "stay", "emergency" or "visit".
        end: None while it lasts.
        cause: why the person came, in the words of the registry's events; empty if planned or not told.
        died: whether the person was discharged dead.
    """

    start: FhirTime
    end: FhirTime | None
    setting: str
    cause: str
    died: bool
    place: FactPlace


@dataclass
class FhirFacts:
    """What is told of one person.

    Attributes:
        name: by which the same person is known in other files; empty without one. It is never written.
        female: None if it is not told.
        died: None if it is not told.
        genes: phenotype columns by gene; gene_places: of what tells them.
        drugs_told: whether there was any prescription, known or not.
        other_statin: whether a statin was prescribed that twins do not have.
    """

    name: str = field(default="", repr=False)
    birth: FhirTime | None = None
    female: bool | None = None
    died: FhirTime | None = None
    patient: FactPlace | None = None
    readings: list[FhirReading] = field(default_factory=list)
    traits: list[FhirTrait] = field(default_factory=list)
    diagnoses: list[FhirDiagnosis] = field(default_factory=list)
    drugs: list[FhirDrug] = field(default_factory=list)
    stays: list[FhirStay] = field(default_factory=list)
    genes: dict[str, float] = field(default_factory=dict)
    gene_places: list[FactPlace] = field(default_factory=list)
    drugs_told: bool = False
    other_statin: bool = False
    newest: float = BEFORE

    def saw(self, time: FhirTime) -> None:
        """Note when something was told of the person."""
        self.newest = max(self.newest, time.days)


@dataclass
class ReadTally:
    """What became of all that was read.

    Attributes:
        resources: in the document.
        taken: facts that were used, by resource type and what they became.
        passed: what was not used, by resource type and why.
        codes: of a cohort's codebook: (type, system, code, what it became or why not) to times; None: not kept.
    """

    resources: int = 0
    taken: Counter[tuple[str, str]] = field(default_factory=Counter)
    passed: Counter[tuple[str, str]] = field(default_factory=Counter)
    codes: Counter[tuple[str, str, str, str]] | None = None

    def take(self, place: FactPlace, became: str) -> None:
        """Count a fact that was used."""
        self.taken[place.kind, became] += 1

    def skip(self, place: FactPlace, why: str) -> None:
        """Count what was passed over."""
        self.passed[place.kind, why] += 1

    def coded(self, kind: str, code: tuple[str, str] | None, became: str) -> None:
        """Count a code for the codebook."""
        if self.codes is not None and code is not None:
            self.codes[kind, *code, became] += 1

    def add(self, other: ReadTally) -> None:
        """Add what became of another document."""
        self.resources += other.resources
        self.taken.update(other.taken)
        self.passed.update(other.passed)
        if self.codes is not None and other.codes is not None:
            self.codes.update(other.codes)
