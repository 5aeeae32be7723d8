"""What devices measure, and in which units."""

from __future__ import annotations

WEIGHT, SYSTOLIC, DIASTOLIC, PULSE = "weight_kg", "systolic_mmhg", "diastolic_mmhg", "heart_rate_bpm"
RESTING, OXYGEN, STEPS = "resting_heart_rate", "oxygen_saturation", "steps"
NAMES = {
    WEIGHT: "weight", SYSTOLIC: "systolic pressure", DIASTOLIC: "diastolic pressure", PULSE: "heart rate",
    RESTING: "resting heart rate", OXYGEN: "oxygen saturation", STEPS: "steps",
}  # fmt: skip
USED = {WEIGHT: WEIGHT, SYSTOLIC: SYSTOLIC, PULSE: PULSE, RESTING: PULSE}  # what a twin has, by its column
DEFAULT_UNITS = {SYSTOLIC: "mm[Hg]", DIASTOLIC: "mm[Hg]", PULSE: "/min", RESTING: "/min", OXYGEN: "%", STEPS: "1"}
UNITS = {
    "kg": "kg", "kgs": "kg", "kilogram": "kg", "kilograms": "kg", "lb": "lb", "lbs": "lb", "pound": "lb", "g": "g",
    "pounds": "lb", "st": "stone", "stone": "stone", "mmhg": "mm[Hg]", "mm[hg]": "mm[Hg]", "kpa": "kPa", "bpm": "/min",
    "count/min": "/min", "beats/min": "/min", "/min": "/min", "1/min": "/min", "hz": "Hz", "count/s": "Hz", "%": "%",
    "steps": "1", "count": "1",
}  # fmt: skip


def unit_of(word: str) -> str | None:
    """A unit as devices spell it; None if it is not known."""
    return UNITS.get(word.strip().lower())
