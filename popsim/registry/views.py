"""Builds the `TwinSummary` of a twin from its stored data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Set
from typing import Any

import numpy as np
import sqlalchemy as sql
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from popsim.assimilation.ensemble import Ensemble
from popsim.assimilation.sensors import Sensor
from popsim.evidence.sets import Parameters
from popsim.population.genome import CODES, GENES
from popsim.registry import vocabulary as words
from popsim.registry.advance import QUANTILES, filtration
from popsim.registry.record import DIAGNOSES
from popsim.registry.rows import stored_rows
from popsim.registry.service import TwinRegistry
from popsim.registry.stream import StreamRow
from popsim.registry.summary import Band, OptionSummary, ReadingSummary, RiskSummary, SignalHistory, TwinSummary
from popsim.registry.tables import bands, events, forecasts, observations, recommendations, twins
from popsim.registry.vocabulary import Vocabulary

LABELS = {
    "weight_kg": "Weight",
    "systolic_mmhg": "Systolic pressure",
    "heart_rate_bpm": "Heart rate",
    "potassium_mmol_l": "Potassium",
    "gfr_ml_min": "Kidney function (GFR)",
    "nt_probnp_pg_ml": "NT-proBNP",
    "ejection_fraction_percent": "Ejection fraction",
    "filling_pressure_mmhg": "Filling pressure",
    "symptom_score": "Symptoms, 0 to 10",
    "nyha_class": "NYHA class",
    "extracellular_fluid_excess_l": "Excess fluid",
    "infection_severity": "Infection, 0 to 1",
    "exacerbation_severity": "COPD exacerbation, 0 to 1",
    "frailty": "Frailty, 0 to 1",
    "hba1c_percent": "HbA1c",
    "haemoglobin_g_dl": "Haemoglobin",
    "iron_store_mg": "Iron stores",
    "albuminuria_mg_g": "Albumin in the urine",
    "fev1_percent": "FEV1, % of predicted",
}
ACRONYMS = ("ckd", "copd")
PHENOTYPES = {code: f"{name} metaboliser" for name, code in CODES.items()}


def summarise(registry: TwinRegistry, twin: str) -> TwinSummary:
    """The present state of a twin.

    Raises:
        InputError: there is no such twin.
    """
    kind, belief = registry.belief(twin)
    vocabulary = kind.vocabulary
    with registry.database.reading() as connection:
        rows = list(stored_rows(connection, observations, twin, vocabulary))
        classes = [row for row in rows if vocabulary.measurements[row.code].name == words.NYHA]
        happened = [*stored_rows(connection, events, twin, vocabulary), *classes]
        happened.sort(key=lambda row: (row.time, row.code))
        record = connection.execute(sql.select(twins.c.known).where(twins.c.twin == twin)).scalar_one()
        unused = _unused(connection, twin)
        believed = _bands(connection, twin, len(vocabulary.shown))
        ahead = _latest(connection, forecasts, twin)
        advice = _latest(connection, recommendations, twin)
    doses = (vocabulary.medications[row.code].name for row in happened if row.kind == "medication")
    told = {*record.split(), *doses}
    foreseen = {} if ahead is None else ahead[1]["signals"]
    signals = tuple(
        SignalHistory(
            name=sensor.name,
            label=LABELS.get(sensor.name, sensor.name.replace("_", " ")),
            unit=sensor.unit,
            loinc=sensor.loinc,
            belief=_band(believed, index),
            readings=tuple(_readings(rows, sensor, vocabulary, unused, kind.parameters, belief.ensemble)),
            forecast=Band(**{key: tuple(values) for key, values in foreseen.get(sensor.name, {}).items()}),
        )
        for index, sensor in enumerate(vocabulary.shown)
    )
    return TwinSummary(
        twin=twin,
        day=belief.day,
        members=kind.members,
        known=dict(_known(belief.ensemble, vocabulary, told)),
        signals=signals,
        events=tuple((row.day, _event_text(row, vocabulary)) for row in happened),
        **_foreseen(ahead),
        **_advised(advice),
    )


def _unused(connection: Connection, twin: str) -> set[tuple[float, str, float]]:
    wanted = sql.select(observations.c.time, observations.c.code, observations.c.value)
    found = connection.execute(wanted.where(observations.c.twin == twin, observations.c.used.is_(False)))
    return {(time, code, value) for time, code, value in found}


def _bands(connection: Connection, twin: str, quantities: int) -> dict[int, NDArray[np.float32]]:
    """The stored belief about each quantity shown, (quantities, 3), by day."""
    wanted = sql.select(bands.c.day, bands.c.quantiles).where(bands.c.twin == twin).order_by(bands.c.day, bands.c.line)
    shape = (quantities, len(QUANTILES))
    return {day: np.frombuffer(raw, np.float32).reshape(shape) for day, raw in connection.execute(wanted)}


def _band(believed: Mapping[int, NDArray[np.float32]], index: int) -> Band:
    low, median, high = (tuple(float(one[index, q]) for one in believed.values()) for q in range(len(QUANTILES)))
    return Band(tuple(believed), low, median, high)


def _latest(connection: Connection, table: sql.Table, twin: str) -> tuple[int, dict[str, Any]] | None:
    """Day and content of the last forecast or recommendation."""
    wanted = sql.select(table.c.day, table.c.result).where(table.c.twin == twin)
    found = connection.execute(wanted.order_by(table.c.line.desc()).limit(1)).first()
    return None if found is None else (found.day, json.loads(found.result))


def _readings(
    rows: list[StreamRow],
    sensor: Sensor,
    vocabulary: Vocabulary,
    unused: set[tuple[float, str, float]],
    parameters: Parameters,
    ensemble: Ensemble,
) -> Iterator[ReadingSummary]:
    """Readings in the sensor's unit; creatinine is converted to glomerular filtration."""
    for row in rows:
        measure = vocabulary.measurements.get(row.code)
        if measure is not None and measure.name == sensor.name:
            used = (row.time, row.code, row.value) not in unused
            if measure.creatinine:
                yield ReadingSummary(row.time, filtration(ensemble, row.value, parameters), used, "creatinine")
            else:
                yield ReadingSummary(row.time, row.value, used)


def _event_text(row: StreamRow, vocabulary: Vocabulary) -> str:
    if row.kind == "event":
        return words.EVENTS[row.code]
    if row.kind == "observation":
        return f"NYHA class {row.value:g}"
    measure = vocabulary.medications[row.code]
    label = row.code.replace("_", " ") if measure.drug is None else measure.drug.label
    return f"{label} stopped" if row.value == 0.0 else f"{label} {row.value:g} {row.unit}"


def _known(ensemble: Ensemble, vocabulary: Vocabulary, told: Set[str]) -> Iterator[tuple[str, str]]:
    """Facts of the record; a small ensemble may also agree by chance in values that were not recorded."""

    def shared(name: str) -> float | None:
        values = ensemble.of(name)[0]
        return float(values[0]) if np.all(values == values[0]) else None

    def given(name: str) -> float | None:
        return shared(name) if name in told else None

    age, female = given("age_years"), given("female")
    if age is not None:
        yield "Age at the start", f"{age:g} years"
    if female is not None:
        yield "Sex", "female" if female else "male"
    for name in DIAGNOSES:
        if given(name) is not None:
            label = name.upper() if name in ACRONYMS else name.replace("_", " ").capitalize()
            yield label, "yes" if given(name) else "no"
    yield from _doses(vocabulary, shared, given)
    for name in GENES:
        phenotype = given(name)
        if phenotype:
            yield name.upper(), PHENOTYPES[int(phenotype)]


def _doses(
    vocabulary: Vocabulary, shared: Callable[[str], float | None], given: Callable[[str], float | None]
) -> Iterator[tuple[str, str]]:
    """Current drugs; one within a combination that is taken goes without saying."""
    taken = {name: dose for name, one in vocabulary.medications.items() if (dose := given(one.name))}
    combined = {drug.contains for name in taken if (drug := vocabulary.medications[name].drug) is not None}
    for name, dose in taken.items():
        measure = vocabulary.medications[name]
        drug = measure.drug
        if name in combined:
            continue
        if drug is None:
            yield name.replace("_", " ").capitalize(), f"{dose:g} {measure.unit}"
        elif drug.agent_column is None or shared(drug.agent_column) == drug.agent:
            yield drug.label, f"{words.dose_of(measure, dose):g} {measure.unit}"


def _foreseen(ahead: tuple[int, dict[str, Any]] | None) -> dict[str, Any]:
    if ahead is None:
        return {}
    return {"forecast_day": ahead[0], "risks": tuple(RiskSummary(**one) for one in ahead[1]["risks"])}


def _advised(advice: tuple[int, dict[str, Any]] | None) -> dict[str, Any]:
    if advice is None:
        return {}
    day, result = advice
    return {
        "options_day": day,
        "options": tuple(OptionSummary(**one) for one in result["options"]),
        "benefit_unit": result["benefit_unit"],
        "sure": result["sure"],
        "reasons": tuple(result["reasons"]),
    }
