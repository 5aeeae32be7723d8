"""Contacts with care as events of a twin: why the person came, when admitted, discharged, reviewed, and when dead.

Stays that overlap or touch are one: a move between wards or hospitals. A stay that began before day 0 and lasts begins
on day 0. An emergency visit on the day of an admission is part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from popsim.exchange.fhir.encounters import EMERGENCY, OTHER_CAUSE, STAY, VISIT
from popsim.exchange.fhir.facts import FactPlace, FhirFacts, FhirStay, ReadTally
from popsim.exchange.fhir.times import TIME, FhirTime
from popsim.registry.vocabulary import ADMITTED, DIED, DISCHARGED, PRESENTATIONS, REVIEWED

BEFORE_DAY_ZERO = "before day 0"
LATE_ON_THE_DAY = 0.9999  # of a death whose time of day is not told: what else is told of the day came before


class FhirEvent(NamedTuple):
    """An event of the registry, at a time in days."""

    time: float
    code: str
    place: FactPlace


def events_of(facts: FhirFacts, zero: int, tally: ReadTally) -> list[FhirEvent]:
    """What happened on a day or after."""
    died = _death(facts)
    stays = merged_stays([one for one in facts.stays if one.setting == STAY], tally)
    found = _admissions(stays, zero, died, tally) + _presentations(facts.stays, zero, tally)
    for visit in (one for one in facts.stays if one.setting == VISIT):
        if visit.start.day < zero:
            tally.skip(visit.place, BEFORE_DAY_ZERO)
        elif any(_within(visit.start.days, stay) for stay in stays):
            tally.skip(visit.place, "a visit during a stay")
        else:
            tally.take(visit.place, "visits")
            found.append(FhirEvent(visit.start.days, REVIEWED, visit.place))
    if died is not None and died.time >= zero:
        tally.take(died.place, "deaths")
        found.append(died)
    return found


def merged_stays(stays: Sequence[FhirStay], tally: ReadTally) -> list[FhirStay]:
    """Stays in order of time, those that overlap or touch as one."""
    merged: list[FhirStay] = []
    for stay in sorted(stays, key=lambda one: one.start.days):
        last = merged[-1] if merged else None
        if last is None or not (last.end is None or stay.start.days <= last.end.days):
            merged.append(stay)
            continue
        end = None if last.end is None or stay.end is None else max(last.end, stay.end)
        merged[-1] = last._replace(end=end, cause=last.cause or stay.cause, died=last.died or stay.died)
        tally.skip(stay.place, "part of a stay that is counted")
    return merged


def _within(time: float, stay: FhirStay) -> bool:
    return stay.start.days <= time and (stay.end is None or time < stay.end.days)


def _death(facts: FhirFacts) -> FhirEvent | None:
    """When the person died: as the Patient tells, else at the end of a stay that ended so."""
    stay = next((one for one in facts.stays if one.died), None)
    if facts.died is not None and facts.patient is not None:
        return FhirEvent(_late(facts.died), DIED, facts.patient)
    return None if stay is None or stay.end is None else FhirEvent(_late(stay.end), DIED, stay.place)


def _late(time: FhirTime) -> float:
    return time.days if time.precision == TIME else time.day + LATE_ON_THE_DAY


def _admissions(stays: Sequence[FhirStay], zero: int, died: FhirEvent | None, tally: ReadTally) -> list[FhirEvent]:
    found: list[FhirEvent] = []
    for stay in stays:
        if stay.end is not None and stay.end.day < zero:
            tally.skip(stay.place, BEFORE_DAY_ZERO)
            continue
        tally.take(stay.place, "stays")
        if stay.start.day >= zero:
            found.append(FhirEvent(stay.start.days, ADMITTED, stay.place))
        elif stay.end is None or stay.end.day > zero:
            found.append(FhirEvent(float(zero), ADMITTED, stay.place))
        if stay.end is not None and not (died is not None and stay.end.days >= died.time):
            found.append(FhirEvent(stay.end.days, DISCHARGED, stay.place))
    return found


def _presentations(stays: Sequence[FhirStay], zero: int, tally: ReadTally) -> list[FhirEvent]:
    """Why the person came to hospital, once a day: a named cause before an unnamed one, a stay before a visit."""
    by_day: dict[int, FhirStay] = {}
    for stay in stays:
        if stay.setting == EMERGENCY and stay.start.day < zero:
            tally.skip(stay.place, BEFORE_DAY_ZERO)
        elif stay.start.day >= zero and stay.setting != VISIT:
            before = by_day.get(stay.start.day)
            if stay.cause and (before is None or _rank(stay) < _rank(before)):
                by_day[stay.start.day] = stay
            if stay.setting == EMERGENCY:
                tally.take(stay.place, "emergency visits")
    return [
        FhirEvent(stay.start.days, stay.cause, stay.place) for stay in by_day.values() if stay.cause in PRESENTATIONS
    ]


def _rank(stay: FhirStay) -> tuple[bool, bool]:
    return stay.cause == OTHER_CAUSE, stay.setting != STAY
