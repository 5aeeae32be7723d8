"""Condition and Procedure: what a person has, or had."""

from __future__ import annotations

from typing import Any

from popsim.evidence.code_systems import load_codes
from popsim.exchange.fhir.codings import first_code, has_code, meaning
from popsim.exchange.fhir.facts import FactPlace, FhirDiagnosis, FhirFacts, ReadTally
from popsim.exchange.fhir.refusals import refuse
from popsim.exchange.fhir.times import DAY, MONTH, FhirTime, is_open_end, precedes, read_time
from popsim.units import DAYS_PER_YEAR

# https://hl7.org/fhir/R4/valueset-condition-ver-status.html
DOUBTFUL = ("unconfirmed", "provisional", "differential")
WITHDRAWN = ("refuted", "entered-in-error")
HISTORY = "prior_infarction"
ONSETS = {"onsetDateTime", "onsetPeriod", "onsetAge"}
ENDED = ("inactive", "remission", "resolved")


def read_condition(resource: dict[str, Any], place: FactPlace, facts: FhirFacts, tally: ReadTally) -> None:
    """Add the diagnosis that a Condition tells.

    Raises:
        FhirError: it ends before it begins.
    """
    concept, verified = resource.get("code"), resource.get("verificationStatus")
    start, end = _onset(resource, facts), _abatement(resource)
    if start is not None and start.days > 0.0 and start.precision >= DAY:
        facts.saw(start)
    if has_code(verified, *WITHDRAWN):
        tally.skip(place, "refuted or entered in error")
        return
    if has_code(verified, *DOUBTFUL):
        tally.skip(place, "not confirmed")
        return
    if start is not None and end is not None and precedes(end, start):
        refuse(place.file, f"{place.path}.abatement[x]", "is before the onset")
    key = meaning("diagnoses", concept)
    if key is None:
        tally.skip(place, "no diagnosis of twins")
        tally.coded("Condition", first_code(concept), "not known")
        return
    if key == HISTORY and not ONSETS & resource.keys() and start is not None:
        start = start._replace(precision=min(start.precision, MONTH))  # recorded then, as what was long before
    ended = end.days if end is not None else None
    if ended is None and (has_code(resource.get("clinicalStatus"), *ENDED) or resource.get("abatementBoolean") is True):
        ended = start.days if start is not None else 0.0  # over, but not told when
    facts.diagnoses.append(FhirDiagnosis(start, key, ended, place))
    tally.coded("Condition", first_code(concept), load_codes("diagnoses")[key].label)


def read_procedure(resource: dict[str, Any], place: FactPlace, facts: FhirFacts, tally: ReadTally) -> None:
    """Add what a Procedure tells of a person: a revascularised heart is diseased, kidneys on dialysis are, too.

    Raises:
        FhirError: it ends before it starts.
    """
    key = meaning("procedures", resource.get("code"))
    period = resource.get("performedPeriod", {})
    text = resource.get("performedDateTime") or period.get("start") or period.get("end")
    time = None if text is None or is_open_end(text) else read_time(text)
    if "start" in period and "end" in period and not is_open_end(period["end"]):
        first, last = read_time(period["start"]), read_time(period["end"])
        if first is not None and last is not None and precedes(last, first):
            refuse(place.file, f"{place.path}.performedPeriod.end", "is before performedPeriod.start")
    if time is not None and time.precision >= DAY:
        facts.saw(time)
    if resource["status"] not in ("completed", "in-progress", "stopped"):
        tally.skip(place, "not done (status)")
    elif key is None:
        tally.skip(place, "no procedure of twins")
        tally.coded("Procedure", first_code(resource.get("code")), "not known")
    else:
        facts.diagnoses.append(FhirDiagnosis(time, f"procedure.{key}", None, place))
        tally.coded("Procedure", first_code(resource.get("code")), load_codes("procedures")[key].label)


def _onset(resource: dict[str, Any], facts: FhirFacts) -> FhirTime | None:
    text = resource.get("onsetDateTime") or resource.get("onsetPeriod", {}).get("start")
    if text is not None:
        return read_time(text)
    age = resource.get("onsetAge", {})
    if facts.birth is not None and "value" in age and age.get("code", age.get("unit")) in ("a", "years", "yr"):
        return FhirTime(facts.birth.days + age["value"] * DAYS_PER_YEAR, 0)
    return read_time(resource["recordedDate"]) if "recordedDate" in resource else None


def _abatement(resource: dict[str, Any]) -> FhirTime | None:
    text = resource.get("abatementDateTime") or resource.get("abatementPeriod", {}).get("end")
    return None if text is None or is_open_end(text) else read_time(text)
