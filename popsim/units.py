"""Units of input data: `convert(1.2, "mg/dL", "umol/L", substance="creatinine")`.

Each unit is a factor (and for temperatures an offset) to the first unit of its dimension. The molar mass of a named
substance converts between amount and mass concentrations: that of the molecule, for haemoglobin of the monomer with one
iron. The international pound, inch and stone, and the mmHg, are exact or from the SI brochure. HbA1c in mmol/mol (IFCC)
becomes per cent (NGSP) by the master equation
NGSP = 0.09148 IFCC + 2.152 (https://ngsp.org/ifcc.asp; Hoelzel and others 2004, Clin Chem 50:166-174).
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.errors import InputError, did_you_mean

DAYS_PER_YEAR = 365.25
HOURS_PER_DAY = 24.0


class MeasurementUnit(NamedTuple):
    """value in the base unit of `dimension` = factor * value + offset."""

    dimension: str
    factor: float
    offset: float = 0.0


UNITS: dict[str, MeasurementUnit] = {
    "1": MeasurementUnit("number", 1.0),
    "%": MeasurementUnit("number", 0.01),
    "kg": MeasurementUnit("mass", 1.0),
    "g": MeasurementUnit("mass", 1e-3),
    "mg": MeasurementUnit("mass", 1e-6),
    "lb": MeasurementUnit("mass", 0.45359237),
    "stone": MeasurementUnit("mass", 6.35029318),
    "m": MeasurementUnit("length", 1.0),
    "cm": MeasurementUnit("length", 0.01),
    "in": MeasurementUnit("length", 0.0254),
    "ft": MeasurementUnit("length", 0.3048),
    "days": MeasurementUnit("time", 1.0),
    "hours": MeasurementUnit("time", 1.0 / HOURS_PER_DAY),
    "weeks": MeasurementUnit("time", 7.0),
    "months": MeasurementUnit("time", DAYS_PER_YEAR / 12.0),
    "years": MeasurementUnit("time", DAYS_PER_YEAR),
    "L/day": MeasurementUnit("volume per day", 1.0),
    "mL/day": MeasurementUnit("volume per day", 1e-3),
    "1/day": MeasurementUnit("rate", 1.0),
    "1/year": MeasurementUnit("rate", 1.0 / DAYS_PER_YEAR),
    "mmHg": MeasurementUnit("pressure", 1.0),
    "cmH2O": MeasurementUnit("pressure", 0.735559),
    "kPa": MeasurementUnit("pressure", 7.500615613),
    "bpm": MeasurementUnit("frequency", 1.0),
    "Hz": MeasurementUnit("frequency", 60.0),
    "L": MeasurementUnit("volume", 1.0),
    "mL": MeasurementUnit("volume", 1e-3),
    "mL/min": MeasurementUnit("flow", 1.0),
    "L/h": MeasurementUnit("flow", 1000.0 / 60.0),
    "mL/s": MeasurementUnit("flow", 60.0),
    "mL/min/1.73m2": MeasurementUnit("indexed flow", 1.0),
    "mL/s/1.73m2": MeasurementUnit("indexed flow", 60.0),
    "g/day": MeasurementUnit("mass per day", 1.0),
    "mg/day": MeasurementUnit("mass per day", 1e-3),
    "mmol/L": MeasurementUnit("amount concentration", 1.0),
    "umol/L": MeasurementUnit("amount concentration", 1e-3),
    "mol/L": MeasurementUnit("amount concentration", 1e3),
    "nmol/L": MeasurementUnit("amount concentration", 1e-6),
    "pmol/L": MeasurementUnit("amount concentration", 1e-9),
    "mg/dL": MeasurementUnit("mass concentration", 1.0),
    "mg/L": MeasurementUnit("mass concentration", 0.1),
    "g/L": MeasurementUnit("mass concentration", 100.0),
    "g/dL": MeasurementUnit("mass concentration", 1000.0),
    "pg/mL": MeasurementUnit("mass concentration", 1e-7),
    "ng/L": MeasurementUnit("mass concentration", 1e-7),
    "ng/mL": MeasurementUnit("mass concentration", 1e-4),
    "ug/L": MeasurementUnit("mass concentration", 1e-4),
    "kg/m2": MeasurementUnit("body mass index", 1.0),
    "mg/g": MeasurementUnit("mass by mass", 1.0),
    "mg/mmol": MeasurementUnit("mass by mass", 8.84),  # of creatinine, by its molar mass
    "g/mol": MeasurementUnit("mass by mass", 8.84),
    "ug/mg": MeasurementUnit("mass by mass", 1.0),
    "MET.h/wk": MeasurementUnit("activity", 1.0),
    "degC": MeasurementUnit("temperature", 1.0),
    "degF": MeasurementUnit("temperature", 5.0 / 9.0, -160.0 / 9.0),
}
# UCUM codes (as the columns declare them) and other spellings, by the name used here.
ALIASES = {
    "": "1",
    "fraction": "1",
    "share of target dose": "1",
    "a": "years",
    "year": "years",
    "d": "days",
    "day": "days",
    "h": "hours",
    "/d": "1/day",
    "per day": "1/day",
    "1/d": "1/day",
    "/a": "1/year",
    "1/a": "1/year",
    "/min": "bpm",
    "1/min": "bpm",
    "beats/min": "bpm",
    "{beats}/min": "bpm",
    "mm[Hg]": "mmHg",
    "mL/min/{1.73_m2}": "mL/min/1.73m2",
    "mL/min/1.73 m2": "mL/min/1.73m2",
    "g/d": "g/day",
    "mg/d": "mg/day",
    "L/d": "L/day",
    "lbs": "lb",
    "[lb_av]": "lb",
    "[stone_av]": "stone",
    "meq/L": "mEq/L",
    "meq/l": "mEq/L",
    "mEq/l": "mEq/L",
    "kg/m^2": "kg/m2",
    "cm[H2O]": "cmH2O",
    "mg/g{creat}": "mg/g",
    "mg/mmol{creat}": "mg/mmol",
    "Cel": "degC",
    "[degF]": "degF",
}
# Further spellings that are accepted but not listed: l for litre, the letter mu, superscripts, degree signs.
LITRE = re.compile("(?<![A-Za-z])([mdu]?)l(?![A-Za-z])")
PLAIN = str.maketrans({
    "\N{MICRO SIGN}": "u", "\N{GREEK SMALL LETTER MU}": "u", "\N{SUPERSCRIPT TWO}": "2", "\N{DEGREE SIGN}": "deg",
})  # fmt: skip
# Units that have a meaning for one substance only.
OF_SUBSTANCE = {("mmol/mol", "hba1c"): MeasurementUnit("number", 0.0009148, 0.02152)}
# g/mol; milliequivalents equal millimoles only for ions of one charge, so mEq/L is known for those alone.
MOLAR_MASS = {
    "creatinine": 113.12, "glucose": 180.16, "urea": 60.06, "potassium": 39.098, "sodium": 22.990,
    "haemoglobin": 16114.5, "nt_probnp": 8457.0, "cholesterol": 386.65,
}  # fmt: skip
ONE_CHARGE = {"potassium", "sodium"}


# Further parts of units that are never converted, and words for what is counted.
PARTS = {
    *("s", "min", "h", "d", "wk", "a", "day", "week", "month", "year", "person-years", "per", "K", "Cel", "m2", "m3"),
    *("ug", "mol", "mmol", "umol", "ng", "pg", "dL", "MET", "QALY", "sqrt", "proportion", "ratio", "mm[Hg]", "[iU]"),
    *("{dose}", "1.73m2", "currency", "unit of the column"),
}
_MONEY = re.compile(r"[A-Z]{3}")
_PLAIN = re.compile(r"[0-9]+(\.[0-9]+)?")


def is_unit(text: str) -> bool:
    """Whether a text is a known unit, or is built from known units by `/`, `.`, brackets and blanks ("GBP/day")."""
    if canonical(text) in UNITS or text in PARTS:
        return True
    words = re.split(r"[/()^ ]|\.(?![0-9])", text.replace("{1.73_m2}", "1.73m2"))
    known = {*PARTS, *UNITS, *ALIASES}
    return all(word in known or _MONEY.fullmatch(word) or _PLAIN.fullmatch(word) for word in words)


def canonical(unit: str) -> str:
    """The name popsim uses for a unit ("beats/min" is "bpm")."""
    if unit in UNITS or unit in ALIASES:
        return ALIASES.get(unit, unit)
    plain = LITRE.sub(r"\1L", unit.translate(PLAIN))
    return ALIASES.get(plain, plain if plain in UNITS else unit)


def convert(values: ArrayLike, from_unit: str, to_unit: str, substance: str | None = None) -> NDArray[np.float64]:
    """Values in another unit.

    Raises:
        InputError: a unit or substance is unknown, or one unit cannot be turned into the other.
    """
    array = np.asarray(values, np.float64)
    source_name, target_name = canonical(from_unit), canonical(to_unit)
    if source_name == "mEq/L" and substance in ONE_CHARGE:
        source_name = "mmol/L"
    if source_name == target_name:
        return array
    source = OF_SUBSTANCE.get((source_name, substance or "")) or _unit(source_name)
    target = OF_SUBSTANCE.get((target_name, substance or "")) or _unit(target_name)
    base = array * source.factor + source.offset
    if source.dimension != target.dimension:
        base = base * _mass_or_amount(source.dimension, target.dimension, from_unit, to_unit, substance)
    return (base - target.offset) / target.factor


def _unit(name: str) -> MeasurementUnit:
    if name not in UNITS:
        raise InputError(f"unknown unit '{name}', {did_you_mean(name, UNITS)}")
    return UNITS[name]


def _mass_or_amount(
    from_dimension: str, to_dimension: str, from_unit: str, to_unit: str, substance: str | None
) -> float:
    """Factor between mg/dL and mmol/L of a substance."""
    if {from_dimension, to_dimension} != {"amount concentration", "mass concentration"}:
        raise InputError(
            f"'{from_unit}' cannot be turned into '{to_unit}': one is {from_dimension}, the other {to_dimension}"
        )
    if substance not in MOLAR_MASS:
        allowed = did_you_mean(substance or "", MOLAR_MASS)
        raise InputError(f"'{from_unit}' to '{to_unit}' needs the substance, {allowed}")
    mmol_per_l_of_one_mg_per_dl = 10.0 / MOLAR_MASS[substance]
    return mmol_per_l_of_one_mg_per_dl if to_dimension == "amount concentration" else 1.0 / mmol_per_l_of_one_mg_per_dl
