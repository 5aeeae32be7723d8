"""The weekly dose of warfarin that a person needs (target INR 2 to 3), predicted with and without the genotype.

Klein et al. (2009), Estimation of the warfarin dose with clinical and pharmacogenetic data, N Engl J Med 360:753. Valid
for adults on a stable dose; smoking, diet and vitamin K are not included. Alleles of CYP2C9 other than *2 and *3, which
the authors did not study, count as *2 if their function is half and as *3 if it is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.population.genome import INTERMEDIATE, NORMAL, POOR

type Numbers = NDArray[np.float64] | float
type Flags = NDArray[np.bool_] | bool

DECADE = 10.0
OF_ACTIVITIES = {  # activity values of two alleles, the greater first: coefficient; none for *1/*1
    (1.0, 0.5): "cyp2c9_1_2",
    (1.0, 0.0): "cyp2c9_1_3",
    (0.5, 0.5): "cyp2c9_2_2",
    (0.5, 0.0): "cyp2c9_2_3",
    (0.0, 0.0): "cyp2c9_3_3",
}


class WarfarinTaker(NamedTuple):
    """Inputs of the algorithms; every field is a number or an array with one element per person."""

    age_years: Numbers
    height_cm: Numbers
    weight_kg: Numbers
    asian: Flags = False
    black: Flags = False
    mixed_or_missing: Flags = False
    enzyme_inducer: Flags = False
    amiodarone: Flags = False


def clinical_dose_mg_week(parameters: Mapping[str, float], person: WarfarinTaker) -> NDArray[np.float64]:
    """Weekly dose in mg without a genetic test; `parameters`: evidence/klein_2009.toml."""
    return np.square(_of_person(parameters, person, "clinical"))


def genetic_dose_mg_week(
    parameters: Mapping[str, float], person: WarfarinTaker, vkorc1: NDArray[np.integer], cyp2c9: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weekly dose in mg with the genotype.

    Args:
        parameters: evidence/klein_2009.toml.
        person: clinical inputs.
        vkorc1: codes of the column `vkorc1`, shape (n,).
        cyp2c9: activity values of the two alleles, shape (2, n); NaN where they are not known.
    """
    root = _of_person(parameters, person, "genetic")
    for code, name in ((POOR, "vkorc1_aa"), (INTERMEDIATE, "vkorc1_ag")):
        root = root + parameters[f"genetic_{name}"] * (vkorc1 == code)
    root = root + parameters["genetic_vkorc1_unknown"] * ((vkorc1 < POOR) | (vkorc1 > NORMAL))
    more, less = np.max(cyp2c9, axis=0), np.min(cyp2c9, axis=0)
    for (one, other), name in OF_ACTIVITIES.items():
        root = root + parameters[f"genetic_{name}"] * ((more == one) & (less == other))
    return np.square(root + parameters["genetic_cyp2c9_unknown"] * np.isnan(more))


def _of_person(parameters: Mapping[str, float], person: WarfarinTaker, kind: str) -> NDArray[np.float64]:
    """The part of the square root that does not depend on the genotype."""
    decades = np.floor(np.asarray(person.age_years, np.float64) / DECADE)
    root = parameters[f"{kind}_intercept"] + parameters[f"{kind}_age_decade"] * decades
    for name in WarfarinTaker._fields[1:]:
        root = root + parameters[f"{kind}_{name}"] * np.asarray(getattr(person, name), np.float64)
    return np.asarray(root)
