"""Predicted care of a belief's members: reviews, a hospital stay after each presentation, nurses who answer alerts.

Much simpler than the care network: there is always a bed, all stays have the same length, and clinicians observe the
members without error. It serves to compare options under the same care, not to forecast a hospital.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from popsim.assimilation.options import make_safe
from popsim.evidence.sets import Parameters
from popsim.kernels import codes as code
from popsim.population.population import Population

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: its multiples are spread evenly
MANTISSA_BITS = 53


class PredictedCare:
    """Care of members who present, have a review or raise an alert.

    Args:
        people: members; those in hospital begin a stay today.
        parameters: sets by name.

    Attributes:
        sent: who was sent to hospital by today's review, (rows,).
    """

    def __init__(self, people: Population, parameters: Parameters) -> None:
        self.people, self._practice, self._usual = people, parameters["care_practice"], parameters["forecast"]
        self._stay_days = int(parameters["therapy_choice"]["stay_days"])
        inside = people["care_level"] >= code.LEVEL_EMERGENCY
        self.left = np.where(inside, self._stay_days, 0)
        self.sent = np.zeros(len(people), np.bool_)
        self._home_level = np.where(inside, code.LEVEL_COMMUNITY, people["care_level"]).astype(np.int8)
        self._failing = inside & (people["presenting_cause"] == code.CAUSE_HEART_FAILURE)
        people["care_level"][inside] = code.LEVEL_WARD
        self._turn = (people.person_id.astype(np.uint64) * GOLDEN >> np.uint64(64 - MANTISSA_BITS)) / 2.0**MANTISSA_BITS

    @property
    def at_home(self) -> NDArray[np.bool_]:
        """Who is not in hospital, (rows,)."""
        return np.asarray(self.left == 0)

    def review(self, day: float) -> None:
        """Today's reviews of members at home, who are sent to hospital if found too ill to stay there.

        Members have one every so many days, whatever their state, and sooner within weeks of the last or before the
        first; the days of all members are spread evenly.
        """
        people, p = self.people, self._usual
        last = people["last_review_day"]
        followed_up = (day - last <= p["follow_up_days"]) | (last < people["entry_day"])
        every = np.where(followed_up, p["follow_up_interval_days"], p["review_interval_days"])
        due = self.at_home & (people["alive"] != 0) & ((day / every + self._turn) % 1.0 < 1.0 / every)
        self.visit(np.flatnonzero(due), day, with_drugs=True)
        self.sent = due & (people["symptom_score"] >= p["sent_to_hospital_score"])
        self._failing[self.sent] = True
        self._admit(self.sent)

    def treat(self, day: float) -> NDArray[np.bool_]:
        """The evening of a day: completed stays end, members who present are treated; returns the latter, (rows,).

        The family doctor sees those with heart failure and mild symptoms; all others are admitted.
        """
        people = self.people
        stays = (self.left > 0) & ~self.sent
        self.left -= stays
        goes = np.flatnonzero(stays & (self.left == 0))
        comes = ~stays & ~self.sent & (people["onset"] & code.ONSET_ACUTE > 0) & (people["alive"] != 0)
        self._discharge(goes, day)
        failing = comes & (people["acute_cause"] == code.CAUSE_HEART_FAILURE)
        mild = failing & (people["symptom_score"] < self._usual["mild_below_score"])
        self.visit(np.flatnonzero(mild), day, with_drugs=True)
        self._failing[comes] = failing[comes]
        self._admit(comes & ~mild)
        self._infuse()
        return np.asarray(comes)

    def admitted_shares(self) -> NDArray[np.float64]:
        """Share of presentations today that would lead to an admission, by cause and member, (6, rows)."""
        p, score = self._usual, self.people["symptom_score"].astype(np.float64)
        width = max(p["all_admitted_from_score"] - p["admitted_from_score"], 1e-9)
        shares = np.full((code.CAUSE_OTHER, len(score)), p["admitted_share"])
        shares[code.CAUSE_HEART_FAILURE - 1] = np.clip((score - p["admitted_from_score"]) / width, 0.0, 1.0)
        shares[code.CAUSE_OTHER - 1] = p["admitted_share_other"]
        return shares

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

    def _admit(self, who: NDArray[np.bool_]) -> None:
        self.left[who] = self._stay_days
        self.people["care_level"][who] = code.LEVEL_WARD

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
