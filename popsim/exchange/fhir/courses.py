"""The course of a person's drugs from prescriptions that follow, replace and join one another.

Twins take one drug of a class at a time: the last that was prescribed. Two products of one drug that begin on the same
day, as tablets of two strengths, are one dose. A dose above the highest that the twin knows is taken as that; one many
times as high is a typing error.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from popsim.exchange.fhir.facts import FactPlace, FhirDrug, ReadTally
from popsim.exchange.fhir.refusals import refuse
from popsim.registry.vocabulary import Vocabulary

MANY_TIMES = 6.0  # assumption: doctors go to twice or four times a trial's target, a slip of the decimal point to ten
LATER = "a later prescription of its class counts"
NO_DOSE = "no dose told"


class FhirDoseChange(NamedTuple):
    """A dose from a moment on.

    Attributes:
        time: in days; dose: a day, in the unit of the drug's file, 0 at its end; None if it is not told.
    """

    time: float
    drug: str
    dose: float | None
    place: FactPlace


def drugs_at(
    drugs: Sequence[FhirDrug], zero: int, vocabulary: Vocabulary, tally: ReadTally
) -> tuple[dict[str, float], set[str]]:
    """The doses on a day by drug, and the columns of drugs that are taken in a dose that is not told.

    Raises:
        FhirError: a dose is impossible.
    """
    by_class: defaultdict[str, list[FhirDrug]] = defaultdict(list)
    for drug in sorted(drugs, key=lambda one: one.start.days):
        if drug.start.day > zero:
            tally.skip(drug.place, "after day 0: for an update")
        elif drug.end is not None and int(drug.end) <= zero:
            tally.skip(drug.place, "over before day 0")
        else:
            by_class[vocabulary.medications[drug.drug].name].append(drug)
    doses: dict[str, float] = {}
    uncertain: set[str] = set()
    for column, listed in by_class.items():
        *_, (current, dose) = _joined(listed, vocabulary, tally)
        if dose is None:
            tally.skip(current.place, NO_DOSE)
            agent = vocabulary.medications[current.drug].drug
            uncertain |= {column} | ({agent.agent_column} if agent is not None and agent.agent_column else set())
        else:
            tally.take(current.place, _became(current))
            doses[current.drug] = dose
    return doses, uncertain


def drug_course(drugs: Sequence[FhirDrug], zero: int, vocabulary: Vocabulary, tally: ReadTally) -> list[FhirDoseChange]:
    """Every change of a dose on a day or after.

    Raises:
        FhirError: a dose is impossible.
    """
    by_class: defaultdict[str, list[FhirDrug]] = defaultdict(list)
    for drug in sorted(drugs, key=lambda one: one.start.days):
        if drug.end is not None and int(drug.end) < zero:
            tally.skip(drug.place, "before day 0")
        else:
            by_class[vocabulary.medications[drug.drug].name].append(drug)
    changes: list[FhirDoseChange] = []
    for listed in by_class.values():
        course = _joined(listed, vocabulary, tally)
        for number, (drug, dose) in enumerate(course):
            follows = course[number + 1][0].start.days if number + 1 < len(course) else float("inf")
            if drug.start.day < zero:
                if drug.end is None or drug.end >= follows:
                    tally.skip(drug.place, "before day 0")
            elif dose is None:
                tally.skip(drug.place, NO_DOSE)
                continue
            else:
                tally.take(drug.place, _became(drug))
                changes.append(FhirDoseChange(drug.start.days, drug.drug, dose, drug.place))
            if drug.end is not None and drug.end < follows:
                if drug.start.day < zero:
                    tally.take(drug.place, "ends of drugs")
                changes.append(FhirDoseChange(max(drug.end, drug.start.days + 1e-4), drug.drug, 0.0, drug.place))
    return changes


def _joined(drugs: Sequence[FhirDrug], vocabulary: Vocabulary, tally: ReadTally) -> list[tuple[FhirDrug, float | None]]:
    """Prescriptions of one class in order of time, with their doses; those that begin together are one."""
    course: list[tuple[FhirDrug, float | None]] = []
    products: set[str] = set()
    for drug in drugs:
        dose = _possible(drug, vocabulary)
        if not course or course[-1][0].start.day != drug.start.day:
            course.append((drug, dose))
            products = {drug.product}
            continue
        before, known = course[-1]
        joins = before.drug == drug.drug and drug.product not in products and known is not None and dose is not None
        products = products | {drug.product} if joins else {drug.product}
        total = known + dose if joins and known is not None and dose is not None else dose
        highest = vocabulary.medications[drug.drug].high
        course[-1] = drug, None if total is None else min(total, highest)
        tally.skip(before.place, "joined with another of the same day" if joins else LATER)
    return course


def _possible(drug: FhirDrug, vocabulary: Vocabulary) -> float | None:
    """The dose as the twin holds it.

    Raises:
        FhirError: it is impossible.
    """
    if drug.dose is None:
        return None
    measure = vocabulary.medications[drug.drug]
    dose = measure.in_unit(drug.dose, measure.unit)
    if dose is None or not 0.0 <= dose <= MANY_TIMES * measure.high:
        allowed = f"the daily dose must be between 0 and {MANY_TIMES * measure.high:g} {measure.unit}"
        refuse(drug.place.file, drug.place.path, allowed, drug.dose)
    return min(dose, measure.high)


def _became(drug: FhirDrug) -> str:
    return f"drugs ({drug.assumed})" if drug.assumed else "drugs"
