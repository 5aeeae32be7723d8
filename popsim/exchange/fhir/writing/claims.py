"""ExplanationOfBenefits: what each contact cost the payer, and each month's drugs, devices and programmes.

Costs are popsim's own, not discounted, booked to the contact of the day; what belongs to no contact goes to the month.
They add up to the costs of the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from popsim.economics.columns import COST_COLUMNS
from popsim.exchange.fhir.writing.coding import Json, hl7, meta, reference
from popsim.exchange.fhir.writing.contacts import ADMISSION
from popsim.exchange.fhir.writing.person import ExportedPerson, PopulationExport
from popsim.exchange.records import BY_CONTACT, MONTH_DAYS

WORDS = {column.name: column.meaning.removeprefix("Discounted cost of ").capitalize() for column in COST_COLUMNS}
# Kinds of contact that a component may belong to, the likeliest first.
KINDS = {
    "cost_ward": (ADMISSION,),
    "cost_emergency": ("emergency", "observation"),
    "cost_clinic": ("outpatient", "telehealth", ADMISSION),
    "cost_community": ("outpatient", "telehealth", "facility", "hospice", "community"),
}
TYPES = {"pharmacy": "Pharmacy", "institutional": "Institutional", "professional": "Professional"}
INSTITUTIONAL = (ADMISSION, "emergency", "observation", "facility", "hospice")
CENTS = 2


def claims(export: PopulationExport, one: ExportedPerson, conditions: dict[int, str]) -> Iterator[Json]:
    """The ExplanationOfBenefits of a person, contacts first.

    Args:
        export, one: the export and the person.
        conditions: id of the Condition for which care was sought, by the contact's row.
    """
    bills: dict[tuple[str, int], dict[str, float]] = {}
    for cost in one.costs:
        bill = _bill_of(cost, one)
        of_bill = bills.setdefault(bill, {})
        of_bill[cost["component"]] = of_bill.get(cost["component"], 0.0) + cost["amount"]
    by_row = {contact["row"]: contact for contact in one.contacts}
    for number, ((kind, key), items) in enumerate(sorted(bills.items())):
        if kind == "contact":
            contact = by_row[key]
            start, end = contact["start"], contact["end"]
            category = "institutional" if contact["kind"] in INSTITUTIONAL else "professional"
        else:
            contact, category = None, "pharmacy"
            start, end = float(key), min(float(key + MONTH_DAYS), one.last)
        found = _claim(export, one, number, category, items, (start, one.last if end is None else end))
        if contact is not None:
            found["item"] = [item | {"encounter": [reference("Encounter", contact["id"])]} for item in found["item"]]
            if contact["row"] in conditions:
                about = {"sequence": 1, "diagnosisReference": reference("Condition", conditions[contact["row"]])}
                found["diagnosis"] = [about]
        yield found


def _bill_of(cost: dict[str, Any], one: ExportedPerson) -> tuple[str, int]:
    """The contact of the day to which a cost belongs, else the month."""
    day, component = int(cost["day"]), cost["component"]
    if component in BY_CONTACT:
        for kind in KINDS[component]:
            touching = [contact for contact in one.contacts if contact["kind"] == kind and _touches(contact, day)]
            if touching:
                return "contact", touching[-1]["row"]
    since = day - int(one.entry)
    return "month", int(one.entry) + since // MONTH_DAYS * MONTH_DAYS


def _touches(contact: dict[str, Any], day: int) -> bool:
    end = contact["end"]
    return bool(int(contact["start"]) <= day and (end is None or int(end) >= day))


def _claim(
    export: PopulationExport, one: ExportedPerson, number: int, category: str, items: dict[str, float],
    ends: tuple[float, float],
) -> Json:  # fmt: skip
    start, end = (export.calendar.time(time) for time in ends)
    lines: list[Json] = [
        {
            "sequence": place,
            "productOrService": {"text": WORDS[name]},
            "servicedPeriod": {"start": start, "end": end},
            "net": _money(amount, export.currency),
        }
        for place, (name, amount) in enumerate(sorted(items.items()), start=1)
    ]
    total = round(sum(line["net"]["value"] for line in lines), CENTS)
    return {
        "resourceType": "ExplanationOfBenefit",
        "id": one.id("ExplanationOfBenefit", number),
        "meta": meta(None, export.source),
        "status": "active",
        "type": hl7("claim-type", category, TYPES[category]),
        "use": "claim",
        "patient": reference("Patient", one.patient),
        "billablePeriod": {"start": start, "end": end},
        "created": end,
        "insurer": reference("Organization", export.shared.payer),
        "provider": reference("Organization", export.shared.organization),
        "outcome": "complete",
        "insurance": [{"focal": True, "coverage": reference("Coverage", one.id("Coverage"))}],
        "item": lines,
        "total": [
            {
                "category": hl7("adjudication", "benefit", "Benefit Amount"),
                "amount": _money(total, export.currency),
            }
        ],
    }


def _money(amount: float, currency: str) -> Json:
    return {"value": round(amount, CENTS), "currency": currency}
