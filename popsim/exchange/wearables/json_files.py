"""JSON of devices: data points of Open mHealth (openmhealth/schemas), and the files of a Fitbit account.

An Open mHealth point is a body with or without its header, alone, in a list, one a line, or under `data`, `body`,
`data_points` or `dataPoints`. A time frame counts by its date_time, or by the start of its interval. Points that are a
statistic other than the average or median are passed over.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from popsim.exchange.wearables import quantities as q
from popsim.exchange.wearables.readings import MAX_READINGS, DeviceFile, DeviceReading, Refuser, local_moment

OPEN_MHEALTH = {
    "body_weight": q.WEIGHT, "systolic_blood_pressure": q.SYSTOLIC, "diastolic_blood_pressure": q.DIASTOLIC,
    "heart_rate": q.PULSE, "oxygen_saturation": q.OXYGEN, "step_count": q.STEPS,
}  # fmt: skip
LISTS = ("data", "body", "data_points", "dataPoints")
CENTRES = (None, "average", "mean", "median")
FITBIT_TIME = ("%m/%d/%y %H:%M:%S", "%m/%d/%y")
NO_CONFIDENCE = "which the device itself did not trust"
NOT_KNOWN = "of a kind that is not read"
NO_TIME, NO_NUMBER = "without a time", "without a number or unit"
MAX_DEPTH = 4


def is_device_json(text: str) -> bool:
    """Whether a text begins like JSON of a device."""
    start = text[:4000]
    marks = ("effective_time_frame", '"schema_id"', '"dateTime"', '"logId"')
    return start.lstrip()[:1] in ("{", "[") and any(mark in start for mark in marks)


def read_device_json(text: str, file: object) -> DeviceFile:
    """The readings in a text.

    Raises:
        DefinitionError: it is not JSON, or has too many readings.
    """
    refuser, passed = Refuser(file), Counter[str]()
    readings: list[DeviceReading] = []
    fitbit = False
    for point in _points(text, refuser):
        of_fitbit = "dateTime" in point or "logId" in point
        fitbit = fitbit or of_fitbit
        readings += _fitbit(point, passed) if of_fitbit else _open_mhealth(point, passed)
        if len(readings) > MAX_READINGS:
            refuser.refuse("file", f"has more than {MAX_READINGS:,} readings; divide it")
    return DeviceFile("a file of a Fitbit account" if fitbit else "Open mHealth", readings, passed)


def _points(text: str, refuser: Refuser) -> Iterator[dict[str, Any]]:
    """Data points, however they are wrapped."""
    try:
        yield from _unwrapped(json.loads(text), 0)
        return
    except RecursionError:
        refuser.refuse("file", "nested too deeply")
    except ValueError as error:
        whole = error
    if "\n" not in text.strip():
        refuser.refuse("file", "is not valid JSON", getattr(whole, "lineno", None))
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                point = json.loads(line)
            except (ValueError, RecursionError):
                refuser.refuse("line", "is not valid JSON", number if number > 1 else getattr(whole, "lineno", 1))
            yield from _unwrapped(point, 0)


def _unwrapped(found: Any, depth: int) -> Iterator[dict[str, Any]]:
    if depth > MAX_DEPTH:
        return
    if isinstance(found, list):
        for one in found:
            yield from _unwrapped(one, depth + 1)
    elif isinstance(found, dict):
        if isinstance(found.get("body"), dict):  # with its header
            yield found["body"]
            return
        inner = next((found[key] for key in LISTS if isinstance(found.get(key), list)), None)
        if inner is None:
            yield found
        else:
            yield from _unwrapped(inner, depth + 1)


def _open_mhealth(body: dict[str, Any], passed: Counter[str]) -> Iterator[DeviceReading]:
    values = [(quantity, body[key]) for key, quantity in OPEN_MHEALTH.items() if key in body]
    if not values:
        passed[NOT_KNOWN] += 1
        return
    if body.get("descriptive_statistic") not in CENTRES:
        passed["that are the extreme of a period"] += 1
        return
    stamp = _frame(body.get("effective_time_frame"))
    resting = body.get("temporal_relationship_to_physical_activity") == "at rest"
    active = body.get("temporal_relationship_to_physical_activity") in ("active", "during exercise", "after exercise")
    for quantity, value in values:
        if quantity == q.PULSE and active:
            passed["of the heart rate in exercise"] += 1
        elif stamp is None:
            passed[NO_TIME] += 1
        elif (number := _number(value, quantity)) is None:
            passed[NO_NUMBER] += 1
        else:
            yield DeviceReading(q.RESTING if quantity == q.PULSE and resting else quantity, *stamp, *number)


def _frame(frame: Any) -> tuple[datetime, int | None] | None:
    """The moment of a time frame."""
    if not isinstance(frame, dict):
        return None
    interval = frame.get("time_interval")
    text = frame.get("date_time")
    if text is None and isinstance(interval, dict):
        text = interval.get("start_date_time", interval.get("end_date_time"))
    return local_moment(text) if isinstance(text, str) else None


def _number(value: Any, quantity: str) -> tuple[float, str] | None:
    """Value and unit; a bare number is in the usual unit, but a weight has none."""
    if isinstance(value, dict):
        number, unit = value.get("value"), value.get("unit")
        known = q.unit_of(unit) if isinstance(unit, str) else None
    else:
        number, known = value, q.DEFAULT_UNITS.get(quantity)
    if isinstance(number, bool) or not isinstance(number, int | float) or known is None:
        return None
    return float(number), known


def _fitbit(point: dict[str, Any], passed: Counter[str]) -> Iterator[DeviceReading]:
    """One entry of a file of heart rates, resting heart rates or weights; the unit of a weight follows from its BMI."""
    if "weight" in point:
        moment = _fitbit_time(f"{point.get('date')} {point.get('time')}")
        weight, index = point["weight"], point.get("bmi")
        if moment is None:
            passed[NO_TIME] += 1
        elif isinstance(weight, int | float) and isinstance(index, int | float) and index > 0:
            yield DeviceReading(q.WEIGHT, moment, None, float(weight), "", bmi=float(index))
        else:
            passed[NO_NUMBER] += 1
        return
    moment, value = _fitbit_time(str(point.get("dateTime"))), point.get("value")
    if not isinstance(value, dict):
        passed[NOT_KNOWN] += 1
    elif moment is None:
        passed[NO_TIME] += 1
    elif isinstance(value.get("bpm"), int | float):
        if value.get("confidence") == 0:
            passed[NO_CONFIDENCE] += 1
        else:
            yield DeviceReading(q.PULSE, moment, None, float(value["bpm"]), "/min")
    elif isinstance(value.get("value"), int | float) and "error" in value:
        if value["value"] > 0:  # 0 on days without one
            yield DeviceReading(q.RESTING, moment, None, float(value["value"]), "/min")
    else:
        passed[NOT_KNOWN] += 1


def _fitbit_time(text: str) -> datetime | None:
    for form in FITBIT_TIME:
        try:
            return datetime.strptime(text.strip(), form)
        except ValueError:
            continue
    return None
