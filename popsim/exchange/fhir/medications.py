"""MedicationRequest and MedicationStatement: the twins' drugs, by code or name of a product, with dose and time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from popsim.evidence.code_systems import load_codes
from popsim.exchange.fhir.codings import codings, first_code, meaning, words_of
from popsim.exchange.fhir.doses import PERIOD_DAYS, daily_dose, strength_in
from popsim.exchange.fhir.facts import FactPlace, FhirDrug, FhirFacts, ReadTally
from popsim.exchange.fhir.references import References
from popsim.exchange.fhir.refusals import refuse
from popsim.exchange.fhir.times import DAY, is_open_end, read_time
from popsim.registry.vocabulary import INTRAVENOUS, Vocabulary

ORDERS = ("order", "original-order", "reflex-order", "filler-order", "instance-order")
TAKEN = ("active", "completed", "stopped")
INJECTED = re.compile(r"\b(injection|injectable|intravenous|infusion|prefilled syringe)\b", re.IGNORECASE)
DISGUISES = re.compile(r"\b(ophthalmic|topical|otic|nasal|cream|ointment|gel|eye|rectal)\b", re.IGNORECASE)
MAX_INGREDIENT_DEPTH = 3
# Words of RxNorm's names by which a product without a known code is told; a combination needs all of them.
NAMES: Mapping[str, tuple[str, ...]] = {"hydralazine_nitrate": ("hydralazine", "isosorbide dinitrate"),
                                        "sacubitril_valsartan": ("sacubitril", "valsartan")}  # fmt: skip
NAMELESS = ("iron", "inhaled_therapy", "insulin", INTRAVENOUS)
ONCE_A_DAY = re.compile(r"\b24 ?hr\b|\bextended release\b|\bxr\b|\ber\b", re.IGNORECASE)


STATIN = re.compile(r"statin\b", re.IGNORECASE)

COUNTED = "{dose}/d"  # unit of a drug whose pieces are its doses, as an inhaler's


class Product(NamedTuple):
    """A drug as it is prescribed.

    Attributes:
        drug: in popsim's words.
        strength: of one piece, mg or units; None if it is not known.
        label: code, else words.
        once: whether one piece lasts a day.
    """

    drug: str
    strength: float | None
    label: str
    once: bool


def read_medication(
    resource: dict[str, Any],
    place: FactPlace,
    facts: FhirFacts,
    tally: ReadTally,
    references: References,
    vocabulary: Vocabulary,
) -> None:
    """Add a prescription or a statement.

    Raises:
        FhirError: it ends before it starts.
    """
    concepts = _concepts(resource, references)
    why = _passed_over(resource)
    if why:
        tally.skip(place, why)
        return
    facts.drugs_told = True
    if not concepts:
        tally.skip(place, "refers to a Medication that is not in the file")
        return
    product = next((one for concept in concepts if (one := product_of(concept)) is not None), None)
    if product is None:
        facts.other_statin |= any(STATIN.search(words_of(concept)) is not None for concept in concepts)
        tally.skip(place, "no drug of twins")
        tally.coded(place.kind, first_code(concepts[0]), "not known")
        return
    dosages = resource.get("dosageInstruction" if place.kind == "MedicationRequest" else "dosage", [])
    start_text, end_text = _times(resource, dosages)
    start = None if start_text is None else read_time(start_text)
    if start is None or start.precision < DAY:
        tally.skip(place, "no time given" if start is None else "only the year or month given")
        return
    facts.saw(start)
    end = _end(resource, dosages, start.days, end_text)
    if end is not None and end < start.day:
        refuse(place.file, place.path, "ends before it starts")
    if end is None and resource["status"] in ("stopped", "completed"):
        tally.skip(place, "over, but not told when")
        return
    measure = vocabulary.medications[product.drug]
    usual = 1.0 if product.once or measure.drug is None else float(measure.drug.doses_a_day)
    counted = load_codes("drugs")[product.drug].unit == COUNTED
    dose = daily_dose(dosages, 1.0 if counted else product.strength, usual)
    if product.drug == INTRAVENOUS and not dosages:
        dose = "an injection without a dosage"
    if isinstance(dose, str):
        tally.skip(place, dose)
        return
    if product.drug == INTRAVENOUS and end is None:
        end = start.days + 1.0  # given on its day
    amount, assumed = (None, "") if dose is None else dose
    facts.drugs.append(FhirDrug(start, product.drug, amount, end, assumed, product.label, place))
    tally.coded(place.kind, first_code(concepts[0]), product.drug)


def _passed_over(resource: dict[str, Any]) -> str:
    """Why a prescription does not count; empty if it does."""
    if resource["status"] not in TAKEN:
        return "not taken (status)"
    if resource["resourceType"] == "MedicationRequest":
        told = (
            resource["intent"] == "plan" and resource.get("reportedBoolean") is True
        )  # by the person, as US Core has it
        if resource["intent"] not in ORDERS and not told:
            return "not ordered (intent)"
        if resource.get("doNotPerform") is True:
            return "says what is not to be given"
    return ""


def _concepts(resource: dict[str, Any], references: References) -> list[dict[str, Any]]:
    """What is given: its own code, that of the Medication it refers to, those of its ingredients."""
    if "medicationCodeableConcept" in resource:
        return [resource["medicationCodeableConcept"]]
    found = references.find(resource.get("medicationReference"), resource)
    return [] if found is None else _of_medication(found, resource, references, 0)


def _of_medication(
    medication: Mapping[str, Any], holder: Any, references: References, depth: int
) -> list[dict[str, Any]]:
    listed = medication.get("ingredient")
    concepts = [one for one in [medication.get("code")] if isinstance(one, dict)]
    for one in listed if isinstance(listed, list) and depth < MAX_INGREDIENT_DEPTH else []:
        if isinstance(one, dict) and isinstance(one.get("itemCodeableConcept"), dict):
            concepts.append(one["itemCodeableConcept"])
        elif isinstance(one, dict) and (within := references.find(one.get("itemReference"), holder)) is not None:
            concepts += _of_medication(within, holder, references, depth + 1)
    return concepts


def product_of(concept: dict[str, Any]) -> Product | None:
    """The twin's drug that a concept names, by its code or else by the words of RxNorm's names."""
    words = words_of(concept)
    once = ONCE_A_DAY.search(words) is not None
    key = meaning("drugs", concept)
    if key is not None:
        strengths = load_codes("drugs")[key].strengths
        strength = next((strengths[code] for _, code in codings(concept) if code in strengths), strength_in(words))
        return Product(key, strength, next((code for _, code in codings(concept)), words), once)
    if not words or DISGUISES.search(words):
        return None
    lower = words.lower()
    found = [key for key, names in _names().items() if all(re.search(rf"\b{name}\b", lower) for name in names)]
    drug = max(found, key=lambda one: len(_names()[one]), default=None)
    if drug is None or ("/" in re.sub(r"/\s?(ml|hr|h|actuat)\b", "", lower) and len(_names()[drug]) == 1):
        return None  # none, or one of a combination that twins do not have
    if INJECTED.search(words):
        if drug != "furosemide":
            return Product(drug, None, words, once) if drug == "semaglutide" else None
        return Product(INTRAVENOUS, None, words, False)
    return Product(drug, strength_in(words), words, once)


@cache
def _names() -> dict[str, tuple[str, ...]]:
    return {key: NAMES.get(key, (key,)) for key in load_codes("drugs") if key not in NAMELESS}


def _times(resource: dict[str, Any], dosages: list[dict[str, Any]]) -> tuple[str | None, str | None]:
    """When it began, and when it ended, as written."""
    period = resource.get("effectivePeriod", {})
    bounds = _bounds(dosages)
    if resource["resourceType"] == "MedicationRequest":
        return resource.get("authoredOn") or bounds.get("start"), bounds.get("end")
    start = (
        period.get("start") or resource.get("effectiveDateTime") or bounds.get("start") or resource.get("dateAsserted")
    )
    return start, period.get("end") or bounds.get("end")


def _bounds(dosages: list[dict[str, Any]]) -> dict[str, Any]:
    found = [one.get("timing", {}).get("repeat", {}).get("boundsPeriod") for one in dosages]
    return next((one for one in found if one is not None), {})


def _end(resource: dict[str, Any], dosages: list[dict[str, Any]], start: float, text: str | None) -> float | None:
    """The day on which it ended, in days; None if it is not told."""
    dispense = resource.get("dispenseRequest", {})
    over = resource["status"] in ("stopped", "completed")
    text = text or (dispense.get("validityPeriod", {}).get("end") if over else None)
    if text is not None and not is_open_end(text):
        end = read_time(text)
        return None if end is None or end.precision < DAY else end.days
    lengths = [one.get("timing", {}).get("repeat", {}).get("boundsDuration") for one in dosages]
    supplies = [dispense.get("expectedSupplyDuration")] if over else []
    for length, repeats in [(one, 0.0) for one in lengths] + [
        (one, dispense.get("numberOfRepeatsAllowed", 0)) for one in supplies
    ]:
        unit = None if length is None else PERIOD_DAYS.get(length.get("code", length.get("unit", "d")))
        if unit is not None and "value" in length:
            return start + float(length["value"]) * unit * (1.0 + float(repeats))
    return None
