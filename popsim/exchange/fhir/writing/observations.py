"""Observations: readings of devices, laboratories and clinicians as NDJSON lines, by templates.

Vital signs, laboratory results and the rest follow the profiles of US Core. A blood pressure has both components;
popsim has no model of diastolic pressure, so that one says why it has no value instead of an invented one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from popsim.definitions.recording import UsualRange
from popsim.evidence.code_systems import load_codes
from popsim.exchange.fhir.writing.coding import LOINC, Json, coding, concept, hl7, meta, quantity
from popsim.exchange.occasions import recording

NYHA = "nyha_class"
PLACE = "\x00"  # of what differs between lines
CATEGORY = {
    "vital-signs": "Vital Signs", "laboratory": "Laboratory", "imaging": "Imaging", "procedure": "Procedure",
    "survey": "Survey", "exam": "Exam",
}  # fmt: skip
# Category and profile of US Core by signal; a laboratory's by its device.
KINDS = {
    "systolic_mmhg": ("vital-signs", "us-core-blood-pressure"),
    "heart_rate_bpm": ("vital-signs", "us-core-heart-rate"),
    "weight_kg": ("vital-signs", "us-core-body-weight"),
    "height_cm": ("vital-signs", "us-core-body-height"),
    "nyha_class": ("survey", "us-core-simple-observation"),
    "ejection_fraction_percent": ("imaging", "us-core-observation-clinical-result"),
    "fev1_percent": ("procedure", "us-core-observation-clinical-result"),
    "filling_pressure_mmhg": ("procedure", "us-core-observation-clinical-result"),
}
URINE = ("albuminuria_mg_g",)  # of the laboratory's signals; the others are measured in blood
LABORATORY = ("laboratory", "us-core-observation-lab")
DIGITS = {
    "systolic_mmhg": 0, "heart_rate_bpm": 0, "weight_kg": 1, "height_cm": 0, "potassium_mmol_l": 1, "gfr_ml_min": 0,
    "nt_probnp_pg_ml": 0, "hba1c_percent": 1, "haemoglobin_g_dl": 1, "ejection_fraction_percent": 0,
    "filling_pressure_mmhg": 1, "albuminuria_mg_g": 1, "fev1_percent": 0,
}  # fmt: skip
NOT_MODELLED = "unsupported"  # data-absent-reason: the source system cannot supply it


class Template(NamedTuple):
    """An Observation of one signal.

    Attributes:
        line: with six places: id, patient, encounter, time, issued, value.
        digits: of the value.
        usual: range for the interpretation; None: no interpretation.
    """

    line: str
    digits: int
    usual: UsualRange | None


def written_signals() -> tuple[str, ...]:
    """Signals that have a confirmed code, and are written."""
    return tuple(name for name in (*DIGITS, NYHA) if "loinc" in load_codes("signals")[name].codes)


@cache
def template_of(signal: str, source: str) -> Template:
    """The template of a signal; `source` is the run."""
    category, profile = KINDS.get(signal, LABORATORY)
    panel = signal == "systolic_mmhg"
    head: Json = {
        "resourceType": "Observation",
        "meta": meta(profile, source),
        "status": "final",
        "category": [hl7("observation-category", category, CATEGORY[category])],
        "code": _code("blood_pressure_panel" if panel else signal),
    }
    usual = next((one for one in recording().usual if one.signal == signal), None)
    unit = load_codes("signals")[signal].unit
    if signal == NYHA:
        value, digits = f',"valueCodeableConcept":{PLACE}', 0
    elif panel:
        absent = {"code": _code("diastolic_mmhg"), "dataAbsentReason": hl7("data-absent-reason", NOT_MODELLED)}
        parts = [{"code": _code(signal), "valueQuantity": quantity(0, unit)}, absent]
        value, digits = f',"component":{_text(parts)}'.replace('"value":0,', f'"value":{PLACE},'), DIGITS[signal]
    else:
        number = f',"valueQuantity":{_text(quantity(0, unit))}'.replace('"value":0,', f'"value":{PLACE},')
        value, digits = number + (_usual_text(usual, unit) if usual else ""), DIGITS[signal]
    line = (
        f'{_text(head)[:-1]},"id":"{PLACE}","subject":{{"reference":"Patient/{PLACE}"}}{PLACE}'
        f',"effectiveDateTime":"{PLACE}"{PLACE}{value}{PLACE}}}'
    )
    return Template(line.replace("%", "%%").replace(PLACE, "%s"), digits, usual)


def observation_lines(
    signal: str,
    ids: Sequence[str],
    patients: Sequence[str],
    encounters: Sequence[str],
    times: Sequence[str],
    issued: Sequence[str],
    values: NDArray[np.float64],
    source: str,
) -> list[str]:
    """One line for each reading of a signal.

    Args:
        signal: its name.
        ids, patients: ids of the Observations and of the Patients.
        encounters: `inside(...)` of the Encounter, empty for a reading outside any.
        times: dateTimes.
        issued: `known(...)` of the result's dateTime, or empty.
        values: in the unit of the signal.
        source: of the run.
    """
    template = template_of(signal, source)
    rounded = np.round(values, template.digits)
    if signal == NYHA:
        texts = [_classes()[int(value)] for value in rounded.tolist()]
    elif template.digits:
        texts = [f"{value:.{template.digits}f}" for value in rounded.tolist()]
    else:
        texts = [str(value) for value in rounded.astype(np.int64).tolist()]
    judged = _interpretations(template.usual, rounded)
    line = template.line
    return [line % row for row in zip(ids, patients, encounters, times, issued, texts, judged, strict=True)]


def inside(encounter: str) -> str:
    """The reference to an Encounter within a line."""
    return f',"encounter":{{"reference":"Encounter/{encounter}"}}'


def known(time: str) -> str:
    """The time of a result within a line."""
    return f',"issued":"{time}"'


def specimen_of(signal: str) -> str | None:
    """What a signal is measured in, a key of the table of codes; None outside the laboratory."""
    return None if signal in KINDS else "urine" if signal in URINE else "blood"


def in_specimen(identity: str) -> str:
    """The reference to a Specimen within a line."""
    return f',"specimen":{{"reference":"Specimen/{identity}"}}'


def specimen_lines(
    kinds: Sequence[str], ids: Sequence[str], patients: Sequence[str], times: Sequence[str], source: str
) -> list[str]:
    """One line for each sample, of US Core's profile.

    Args:
        kinds: keys of the table of codes.
        ids, patients, times, source: as in `observation_lines`.
    """
    words = {
        kind: f'{_text({"resourceType": "Specimen", "meta": meta("us-core-specimen", source)})[:-1]},"type":'
        f"{_text(concept(load_codes('specimens')[kind], ('snomed',)))}"
        for kind in dict.fromkeys(kinds)
    }
    return [
        f'{words[kind]},"id":"{identity}","subject":{{"reference":"Patient/{patient}"}}'
        f',"collection":{{"collectedDateTime":"{time}"}}}}'
        for kind, identity, patient, time in zip(kinds, ids, patients, times, strict=True)
    ]


def _text(value: object) -> str:
    return orjson.dumps(value).decode()


def _code(signal: str) -> Json:
    """The LOINC code of a signal, with its words."""
    coded = load_codes("signals")[signal]
    return {"coding": [{"system": LOINC, "code": coded.code("loinc"), "display": coded.label}], "text": coded.label}


def _usual_text(usual: UsualRange, unit: str) -> str:
    limits = (("low", usual.low), ("high", usual.high))
    ends = {name: quantity(value, unit) for name, value in limits if value is not None}
    return f',"referenceRange":[{_text(ends)}]'


@cache
def _classes() -> tuple[str, ...]:
    """The New York Heart Association classes as concepts; there is no class 0."""
    words = ("I", "II", "III", "IV")
    answers = [(word, load_codes("answers")[f"nyha_{word.lower()}"]) for word in words]
    concepts = [{"coding": [coding(one, "loinc", one.label)], "text": f"NYHA class {word}"} for word, one in answers]
    return ("", *map(_text, concepts))


def _interpretations(usual: UsualRange | None, values: NDArray[np.float64]) -> list[str]:
    """Low, normal or high, as the end of each line."""
    if usual is None:
        return [""] * len(values)
    low = values < (-np.inf if usual.low is None else usual.low)
    high = values > (np.inf if usual.high is None else usual.high)
    words = (("N", "Normal"), ("L", "Low"), ("H", "High"))
    texts = [f',"interpretation":{_text([hl7("v3-ObservationInterpretation", *one)])}' for one in words]
    return [texts[which] for which in np.where(low, 1, np.where(high, 2, 0)).tolist()]
