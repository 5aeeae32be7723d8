"""What a twin of the registry is told: its forecast as RiskAssessments, its recommendation as a CDS Hooks card.

The registry holds no date and no identity: the subject is the twin's random id, and times are days unless the date of
day 0 is given. For research, not for care.
"""

from __future__ import annotations

import datetime
from pathlib import Path

import orjson

from popsim.errors import InputError
from popsim.exchange.fhir.writing.coding import AIAST, TERMINOLOGY, Json, hl7, meta, quantity
from popsim.exchange.fhir.writing.identity import key_of, uuid
from popsim.exchange.fhir.writing.shared import software
from popsim.kernels.numerics.random import RandomKey
from popsim.plurals import counted
from popsim.registry.privacy import number_of, write_private
from popsim.registry.summary import OptionSummary, RiskSummary, TwinSummary

TWIN_SYSTEM = "urn:popsim:twin"
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
PERCENT = 100.0
MAX_SUMMARY = 139  # characters of a card's summary: CDS Hooks asks for fewer than 140
MAKE = {"forecast": "'popsim twin forecast'", "recommendation": "'popsim twin compare'"}


def forecast_bundle(summary: TwinSummary, day_zero: datetime.date | None = None) -> Json:
    """The last forecast as a collection: a RiskAssessment for each event, with Device and Provenance.

    Args:
        summary: of the twin.
        day_zero: date of its day 0; None: no date is written.

    Raises:
        InputError: there is no forecast.
    """
    if summary.forecast_day is None or not summary.risks:
        raise InputError(f"twin {summary.twin}: has no forecast; {MAKE['forecast']} makes one")
    key = key_of("twin", summary.twin, summary.forecast_day)
    when = None if day_zero is None else day_zero + datetime.timedelta(days=summary.forecast_day)
    maker = uuid(key, "Device")
    by_event: dict[str, list[RiskSummary]] = {}
    for risk in summary.risks:
        by_event.setdefault(risk.name, []).append(risk)
    risks = [
        _risk_assessment(summary, key, number, found, maker, when) for number, found in enumerate(by_event.values())
    ]
    parts = [*risks, software(maker, ""), _provenance(key, risks, maker, when)]
    entries = [{"fullUrl": f"urn:uuid:{one['id']}", "resource": one} for one in parts]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def card_response(summary: TwinSummary) -> Json:
    """The last recommendation as the response of a CDS Hooks service with one card.

    Raises:
        InputError: there is no recommendation.
    """
    if summary.options_day is None or not summary.options:
        raise InputError(f"twin {summary.twin}: has no recommendation; {MAKE['recommendation']} makes one")
    key = key_of("card", summary.twin, summary.options_day)
    chosen = next((one for one in summary.options if one.chosen), None)
    lead = "No option is better than doing nothing" if chosen is None else chosen.label
    unsure = "" if summary.sure else " (within noise of another option)"
    card: Json = {
        "uuid": uuid(key, "Card", number_of(summary.twin)),
        "summary": _cut(f"Research only: {lead}{unsure}"),
        "indicator": "info",
        "detail": _detail(summary),
        "source": {"label": "popsim digital twin; for research, not for care"},
        "suggestions": [
            {
                "label": one.label,
                "uuid": uuid(key, "Card", number_of(summary.twin), number),
                "isRecommended": one.chosen,
            }
            for number, one in enumerate(summary.options, start=1)
            if not one.refused
        ],
        "selectionBehavior": "at-most-one",
    }
    return {"cards": [card]}


def write_forecast(summary: TwinSummary, path: Path, day_zero: datetime.date | None = None) -> Path:
    """Write `forecast_bundle(...)` to a file that only its owner can read.

    Raises:
        InputError: there is no forecast, or the file cannot be written.
    """
    return _write(forecast_bundle(summary, day_zero), path)


def write_card(summary: TwinSummary, path: Path) -> Path:
    """Write `card_response(...)` to a file that only its owner can read.

    Raises:
        InputError: there is no recommendation, or the file cannot be written.
    """
    return _write(card_response(summary), path)


def _write(content: Json, path: Path) -> Path:
    write_private(path, orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")
    return path


def _risk_assessment(
    summary: TwinSummary, key: RandomKey, number: int, risks: list[RiskSummary], maker: str, when: datetime.date | None
) -> Json:
    members = counted(summary.members, "member")
    found: Json = {
        "resourceType": "RiskAssessment",
        "id": uuid(key, "RiskAssessment", 0, number),
        "meta": meta(None, "", [AIAST]),
        "status": "final",
        "method": {"text": "Simulation of an ensemble of digital twins, assimilated to the person's data"},
        "code": {"text": risks[0].label},
        "subject": {"type": "Patient", "identifier": {"system": TWIN_SYSTEM, "value": summary.twin}},
        "performer": {"reference": f"urn:uuid:{maker}"},
        "prediction": [_prediction(one) for one in risks],
        "note": [{"text": f"{summary.notice} Forecast of day {summary.forecast_day} from {members}."}],
    }
    if when is not None:
        found["occurrenceDateTime"] = when.isoformat()
    return found


def _prediction(risk: RiskSummary) -> Json:
    """Probabilities are percentages, as FHIR R4 asks; times count from the forecast."""
    low, high = risk.low * PERCENT, risk.high * PERCENT
    return {
        "outcome": {"text": risk.label},
        "probabilityDecimal": round(risk.probability * PERCENT, 2),
        "whenRange": {"low": quantity(0, "d"), "high": quantity(risk.within_days, "d")},
        "rationale": f"Within {risk.within_days} days of the forecast; 90% interval {low:.1f} to {high:.1f} per cent",
    }


def _provenance(key: RandomKey, risks: list[Json], maker: str, when: datetime.date | None) -> Json:
    found: Json = {
        "resourceType": "Provenance",
        "id": uuid(key, "Provenance"),
        "meta": meta(None, "", [AIAST]),
        "target": [{"reference": f"urn:uuid:{one['id']}"} for one in risks],
        "activity": {"coding": [{"system": TERMINOLOGY + "v3-DataOperation", "code": "CREATE", "display": "create"}]},
        "agent": [
            {
                "type": hl7("provenance-participant-type", "assembler", "Assembler"),
                "who": {"reference": f"urn:uuid:{maker}"},
            }
        ],
    }
    if when is None:  # a registry knows no date
        return found | {"_recorded": {"extension": [{"url": ABSENT, "valueCode": "masked"}]}}
    return found | {"recorded": f"{when.isoformat()}T00:00:00Z"}


def _detail(summary: TwinSummary) -> str:
    """Markdown: every option with its interval, then the reasons."""
    unit = summary.benefit_unit
    lines = [f"**{summary.notice}** State of day {summary.options_day}.", "", *map(_option_line, summary.options), ""]
    lines += [f"Net benefit beyond doing nothing, in {unit}; 95% Monte Carlo interval.", ""]
    return "\n".join([*lines, *(f"- {reason}" for reason in summary.reasons)])


def _option_line(option: OptionSummary) -> str:
    if option.refused:
        return f"- {option.label}: not allowed, {option.refused}"
    interval = f"{option.benefit:,.0f} ({option.low:,.0f} to {option.high:,.0f})"
    best = f"best in {option.probability_best:.0%}"
    return f"- {option.label}: {interval}, {best}{'; recommended' if option.chosen else ''}"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SUMMARY else f"{text[: MAX_SUMMARY - 3]}..."
