"""The vocabulary of streams: measurements by LOINC code, drugs by name, and events, with units and bounds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import numpy as np

from popsim.assimilation.sensors import Sensor, sensors_of
from popsim.care.signals import FILE
from popsim.definitions.drug import Drug
from popsim.definitions.signal import SignalFile
from popsim.errors import InputError
from popsim.evidence.code_systems import Coded, load_codes, loinc_of
from popsim.evidence.drugs import DRUG_SET, drugs_with
from popsim.evidence.sets import Parameters
from popsim.kernels.codes import CAUSE_NAMES, CAUSE_NONE, CAUSE_PLANNED
from popsim.simulation.schema import SCHEMA
from popsim.units import ALIASES, OF_SUBSTANCE, UNITS, canonical, convert

KINDS = ("observation", "medication", "event")

# Creatinine is read as glomerular filtration by CKD-EPI 2021 of the person's age and sex.
CREATININE = "creatinine"
# In mg/dL; assumption: values that are incompatible with life are typing errors.
CREATININE_BOUNDS = (0.1, 30.0)
FILTRATION = "gfr_ml_min"
SUBSTANCES = {
    "potassium_mmol_l": "potassium",
    "hba1c_percent": "hba1c",
    "haemoglobin_g_dl": "haemoglobin",
    "nt_probnp_pg_ml": "nt_probnp",
}
NYHA = "nyha_class"
INTRAVENOUS = "furosemide_intravenous"

WELL, ADMITTED, DISCHARGED, REVIEWED, DIED = "well", "admitted", "discharged", "reviewed", "died"
PRESENTATIONS = {name: cause for cause, name in enumerate(CAUSE_NAMES) if cause not in (CAUSE_NONE, CAUSE_PLANNED)}
EVENTS: dict[str, str] = {
    **{name: f"came to hospital: {name.replace('_', ' ')}" for name in PRESENTATIONS},
    WELL: "seen or heard of, and well enough to stay at home",
    ADMITTED: "admitted",
    DISCHARGED: "discharged",
    REVIEWED: "reviewed by a clinician",
    DIED: "died",
}


class Measure(NamedTuple):
    """The meaning of a code.

    Attributes:
        name: of the sensor, "nyha_class", or the column of a dose.
        unit: of storage and use.
        low, high: bounds in that unit.
        substance: for conversion between amount and mass, if any.
        drug: of a medication.
        creatinine: whether to convert the value to glomerular filtration on use.
        whole: whether only whole numbers are allowed.
        only: the unit that the code implies; empty if any convertible unit is allowed.
    """

    name: str
    unit: str
    low: float
    high: float
    substance: str | None = None
    drug: Drug | None = None
    creatinine: bool = False
    whole: bool = False
    only: str = ""

    def units(self) -> list[str]:
        """Allowed units, that of storage first."""
        words = dict.fromkeys([self.unit, *UNITS, *(unit for unit, _ in OF_SUBSTANCE), *ALIASES])
        return [word for word in words if word and " " not in word and self._line(word) is not None]

    def in_unit(self, value: float, unit: str) -> float | None:
        """The value in the measure's unit; None if the unit cannot be converted.

        Rounded to nine digits, so that the same reading in pounds and in kilograms is equal.
        """
        line = self._line(unit)
        return None if line is None else float(f"{line[0] + line[1] * value:.9g}") + 0.0  # 0 has no sign

    def takes(self, stored: float) -> bool:
        """Whether a value in the measure's unit is allowed (NaN is not)."""
        return self.low <= stored <= self.high and not (self.whole and stored % 1.0)

    @property
    def allowed(self) -> str:
        """The allowed values, for errors."""
        return f"must be {'a whole number ' if self.whole else ''}between {self.low:g} and {self.high:g} {self.unit}"

    def _line(self, unit: str) -> tuple[float, float] | None:
        if self.only and canonical(unit) != self.only:
            return None
        return _line(self.unit, self.substance, unit)


@cache
def _line(to_unit: str, substance: str | None, from_unit: str) -> tuple[float, float] | None:
    """Intercept and slope of a conversion; None where there is none."""
    if canonical(from_unit) == canonical(to_unit):
        return 0.0, 1.0
    if canonical(to_unit) == "1":  # a score is not a share: a percentage of it is meaningless
        return None
    try:
        at_zero, at_one = convert(np.array([0.0, 1.0]), from_unit, to_unit, substance)
    except InputError:
        return None
    return float(at_zero), float(at_one - at_zero)


class Vocabulary(NamedTuple):
    """The vocabulary of streams about twins.

    Attributes:
        sensors: of the belief.
        measurements: by code.
        medications: by drug.
        nyha_error: probability that a recorded class is one too high or too low.
    """

    sensors: tuple[Sensor, ...]
    measurements: Mapping[str, Measure]
    medications: Mapping[str, Measure]
    nyha_error: float

    @property
    def shown(self) -> tuple[Sensor, ...]:
        """What a twin's page shows by day: the quantities of the sensors, and the class as it is judged."""
        return (*self.sensors, Sensor(NYHA, NYHA, loinc=loinc_of(NYHA) or "", unit="1"))

    def measures(self, kind: str) -> Mapping[str, Measure]:
        """The measures that a line of a kind may name, except events."""
        return self.medications if kind == "medication" else self.measurements


@cache
def vocabulary_of(parameters: Parameters) -> Vocabulary:
    """The vocabulary with the parameters of a belief's kind."""
    sensors = sensors_of(SCHEMA, parameters["twinning"])
    coded, measurements = load_codes("signals"), dict[str, Measure]()
    for sensor in sensors:
        column = SCHEMA[sensor.column]
        substance = SUBSTANCES.get(sensor.name)
        measure = Measure(sensor.name, sensor.unit, column.low, column.high, substance)
        measurements |= _by_code(coded[sensor.name], measure) if sensor.loinc else {sensor.name: measure}
    filtration = Measure(FILTRATION, "mg/dL", *CREATININE_BOUNDS, "creatinine", creatinine=True)
    measurements |= dict.fromkeys(coded[CREATININE].codes["loinc"], filtration)
    nyha = next(signal for signal in SignalFile.read(FILE).signals if signal.measures == NYHA)
    judged = Measure(NYHA, "1", SCHEMA[NYHA].low, SCHEMA[NYHA].high, whole=True)
    measurements |= _by_code(coded[NYHA], judged)
    return Vocabulary(sensors, measurements, _medications(parameters), nyha.error)


def _by_code(coded: Coded, measure: Measure) -> dict[str, Measure]:
    """A measure by each of its LOINC codes, some of which imply a unit."""
    return {code: measure._replace(only=coded.units.get(code, "")) for code in coded.codes["loinc"]}


def _medications(parameters: Parameters) -> dict[str, Measure]:
    """Daily doses of the drugs, in the unit of the drug's file."""
    found = {}
    for drug in drugs_with(parameters[DRUG_SET]):
        highest = SCHEMA[drug.dose_column].high / drug.column_at_target * drug.target_dose.value
        found[drug.name] = Measure(drug.dose_column, drug.target_dose.unit, 0.0, float(f"{highest:.9g}"), drug=drug)
    loop = SCHEMA["iv_diuretic_mg_day"]
    found[INTRAVENOUS] = Measure(loop.name, "mg/d", loop.low, loop.high)
    return found


def parts_of(medications: Mapping[str, Measure], name: str) -> tuple[Drug, ...]:
    """A drug, and the one that a fixed combination contains; none of what is no drug of a file."""
    drug = medications[name].drug
    if drug is None:
        return ()
    inner = None if drug.contains is None else medications[drug.contains].drug
    return (drug,) if inner is None else (drug, inner)


def dose_columns(medications: Mapping[str, Measure], name: str, dose: float) -> dict[str, float]:
    """The twin's columns that a daily dose sets (a share of the target dose, or mg), and those of which drug it is.

    A fixed combination is also its other drug, at the same share of that one's target.
    """
    found: dict[str, float] = {}
    for drug in parts_of(medications, name):
        share = dose / medications[name].drug.target_dose.value  # type: ignore[union-attr]
        found[drug.dose_column] = share * drug.column_at_target
        if drug.agent_column is not None:
            found[drug.agent_column] = float(drug.agent)
    return found or {medications[name].name: dose}


def dose_of(measure: Measure, column: float) -> float:
    """A daily dose in its own unit from the twin's column, to four digits because columns are single precision."""
    dose = column if measure.drug is None else column / measure.drug.column_at_target * measure.drug.target_dose.value
    return float(f"{dose:.4g}")
