"""Formulas that compute columns from other columns of a table.

Kidney function from creatinine, weight from body mass index, usual vital signs from those on admission.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.evidence.parameters import ParameterSet
from popsim.evidence.sets import Parameters

type Array = NDArray[np.float64]


def ckd_epi_2021(creatinine_mg_dl: Array, people: Mapping[str, Array], constants: ParameterSet) -> Array:
    """Estimated GFR in mL/min per 1.73 m2 from serum creatinine (mg/dL), age and sex, race-free CKD-EPI 2021.

    142 min(Scr/k, 1)^a max(Scr/k, 1)^-1.200 0.9938^age (x 1.012 for women); Inker et al. NEJM 2021;385:1737-49.
    """
    female = people["female"] > 0.5
    threshold = np.where(female, constants["threshold_female"], constants["threshold_male"])
    below = np.where(female, constants["exponent_below_female"], constants["exponent_below_male"])
    ratio = creatinine_mg_dl / threshold
    gfr = constants["scale"] * np.minimum(ratio, 1.0) ** below * np.maximum(ratio, 1.0) ** constants["exponent_above"]
    by_age = constants["factor_per_year"] ** people["age_years"]
    return np.asarray(gfr * by_age * np.where(female, constants["factor_female"], 1.0))


def weight_from_bmi(bmi_kg_m2: Array, people: Mapping[str, Array], constants: ParameterSet) -> Array:
    """Weight in kg from body mass index (kg/m2) at the mean height of the sex (the table has no heights)."""
    height = np.where(people["female"] > 0.5, constants["height_female"], constants["height_male"])
    return np.asarray(bmi_kg_m2 * height**2)


def usual_heart_rate(admission_bpm: Array, _people: Mapping[str, Array], constants: ParameterSet) -> Array:
    """Usual resting heart rate (bpm) from that on admission: part of the deviation from the mean persists."""
    distance = admission_bpm - constants["heart_rate_admission_mean"]
    return np.asarray(constants["heart_rate_usual_mean"] + constants["heart_rate_persistence"] * distance)


def usual_systolic(admission_mmhg: Array, _people: Mapping[str, Array], constants: ParameterSet) -> Array:
    """Usual systolic pressure (mmHg) from that on admission: part of the deviation from the mean persists."""
    distance = admission_mmhg - constants["systolic_admission_mean"]
    return np.asarray(constants["systolic_usual_mean"] + constants["systolic_persistence"] * distance)


class Formula(NamedTuple):
    """A formula with the unit (and substance) of its input, the columns it needs and its parameter set."""

    compute: Callable[[Array, Mapping[str, Array], ParameterSet], Array]
    unit: str
    substance: str | None
    gives: str
    needs: tuple[str, ...]
    evidence: str

    def __call__(self, values: Array, people: Mapping[str, Array], parameters: Parameters) -> Array:
        """Compute the column from the values and the needed columns of people."""
        return self.compute(values, people, parameters[self.evidence])


FORMULAS = {
    "ckd_epi_2021": Formula(
        ckd_epi_2021, "mg/dL", "creatinine", "mL/min/1.73m2", ("age_years", "female"), "inker_2021"
    ),
    "weight_from_bmi": Formula(weight_from_bmi, "kg/m2", None, "kg", ("female",), "body_size"),
    "usual_heart_rate": Formula(usual_heart_rate, "bpm", None, "bpm", (), "admission_vital_signs"),
    "usual_systolic": Formula(usual_systolic, "mmHg", None, "mmHg", (), "admission_vital_signs"),
}
