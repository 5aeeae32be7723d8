"""Predicted care of a belief's members: a hospital stay after each presentation, visits, nurses who answer alerts.

Much simpler than the care network: there is always a bed, all stays have the same length, and clinicians observe the
members without error. It serves to compare options under the same care, not to forecast a hospital.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from popsim.assimilation.options import make_safe
from popsim.evidence.parameters import ParameterSet
from popsim.kernels import codes as code
from popsim.population.population import Population


class PredictedCare:
    """Care of members who present, have a visit or raise an alert.

    Args:
        people: members; those in hospital begin a stay today.
        practice: the set care_practice.
        stay_days: length of a stay.
    """

    def __init__(self, people: Population, practice: ParameterSet, stay_days: int) -> None:
        self.people, self._practice, self._stay_days = people, practice, stay_days
        inside = people["care_level"] >= code.LEVEL_EMERGENCY
        self.left = np.where(inside, stay_days, 0)
        self._home_level = np.where(inside, code.LEVEL_COMMUNITY, people["care_level"]).astype(np.int8)
        self._failing = inside & (people["presenting_cause"] == code.CAUSE_HEART_FAILURE)
        people["care_level"][inside] = code.LEVEL_WARD

    @property
    def at_home(self) -> NDArray[np.bool_]:
        """Who is not in hospital, (rows,)."""
        return np.asarray(self.left == 0)

    def treat(self, day: float) -> NDArray[np.bool_]:
        """The evening of a day: completed stays end, members who present are admitted; returns the latter, (rows,)."""
        people = self.people
        stays = self.left > 0
        self.left -= stays
        goes = np.flatnonzero(stays & (self.left == 0))
        comes = ~stays & (people["onset"] & code.ONSET_ACUTE > 0) & (people["alive"] != 0)
        self._discharge(goes, day)
        self.left[comes] = self._stay_days
        self._failing[comes] = people["acute_cause"][comes] == code.CAUSE_HEART_FAILURE
        people["care_level"][comes] = code.LEVEL_WARD
        self._infuse()
        return np.asarray(comes)

    def visit(self, rows: NDArray[np.int64], day: float, *, with_drugs: bool) -> None:
        """A contact: adherence support, the diuretic and, unless with a nurse, a check for unsafe drugs."""
        self.people["last_review_day"][rows] = day
        self.adjust_diuretic(rows)
        if with_drugs:
            make_safe(self.people, rows)

    def adjust_diuretic(self, rows: NDArray[np.int64]) -> None:
        """Raise the diuretic in congestion and lower it in dehydration (kernels/care/clinic.adjust_diuretic)."""
        people, p = self.people, self._practice
        fluid = people["extracellular_fluid_excess_l"][rows]
        dose = people["loop_diuretic_mg_day"][rows].astype(np.float64)
        symptomatic = people["nyha_class"][rows] >= 3
        wet = (fluid > p["fluid_up_kg"]) | (symptomatic & (fluid > p["fluid_up_symptomatic_kg"]))
        dry = (fluid < -p["fluid_down_kg"]) & (dose > 0.0)
        more = np.maximum(dose * p["diuretic_step_factor"], dose + p["diuretic_least_step_mg"])
        self._prescribe_diuretic(rows[wet], more[wet])
        self._prescribe_diuretic(rows[dry], dose[dry] / p["diuretic_step_factor"])

    def _discharge(self, rows: NDArray[np.int64], day: float) -> None:
        people = self.people
        people["care_level"][rows] = self._home_level[rows]
        people["last_review_day"][rows] = day
        failing = rows[self._failing[rows]]
        more = people["loop_diuretic_mg_day"][failing] * self._practice["discharge_diuretic_factor"]
        self._prescribe_diuretic(failing, more)

    def _prescribe_diuretic(self, rows: NDArray[np.int64], dose: NDArray[np.float64]) -> None:
        p = self._practice
        self.people["loop_diuretic_mg_day"][rows] = np.clip(dose, p["diuretic_least_mg"], p["diuretic_most_mg"])

    def _infuse(self) -> None:
        """Intravenous diuretic for inpatients with heart failure or much fluid, until they are decongested."""
        people, p = self.people, self._practice
        fluid = people["extracellular_fluid_excess_l"]
        wet = (self.left > 0) & (fluid > p["fluid_dry_kg"]) & (self._failing | (fluid > p["fluid_up_kg"]))
        dose = np.clip(p["iv_per_oral"] * people["loop_diuretic_mg_day"], p["iv_least_mg"], p["iv_most_mg"])
        given = people["iv_diuretic_mg_day"]
        higher = np.maximum(dose, np.minimum(given * p["iv_step_factor"], p["iv_highest_mg"]))
        dose = np.where((given >= dose) & (fluid > p["fluid_up_kg"]), higher, dose)
        people["iv_diuretic_mg_day"] = np.where(wet, dose, 0.0)
