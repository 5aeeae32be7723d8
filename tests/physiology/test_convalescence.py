"""Convalescence: the days since discharge that it counts, and the log hazards as their two exponentials."""

from __future__ import annotations

import numpy as np
import pytest
from organ_people import alike
from people import Body, sets

from popsim.kernels.codes import (
    CAUSE_HEART_FAILURE,
    CAUSE_INFECTION,
    LEVEL_COMMUNITY,
    LEVEL_EMERGENCY,
    LEVEL_FACILITY,
    LEVEL_WARD,
)
from popsim.kernels.physiology import influences as of
from popsim.kernels.physiology.convalescence import LONG_AGO
from popsim.physiology.organs.convalescence import Convalescence

SHAPE = {
    "early_days": 4.0, "late_days": 25.0, "heart_failure_early": 1.2, "heart_failure_late": 0.8,
    "heart_failure_share_after_other": 0.25, "other_early": 0.6, "other_late": 0.3, "death_early": 0.9,
    "death_late": 0.1, "facility_salt_share": 0.2, "facility_heart_failure": -0.3, "facility_other": 0.1,
}  # fmt: skip
DEATHS = (
    of.SUDDEN_LOG_HAZARD,
    of.PUMP_LOG_HAZARD,
    of.OTHER_CARDIOVASCULAR_LOG_HAZARD,
    of.NON_CARDIOVASCULAR_LOG_HAZARD,
)


def organ(people, step_days=1.0):
    return Body(people, Convalescence(sets(convalescence=SHAPE)), step_days=step_days)


def log_hazard(outcome: str, days: float) -> float:
    """The closed form, by the standard library."""
    early, late = SHAPE[f"{outcome}_early"], SHAPE[f"{outcome}_late"]
    return early * np.exp(-days / SHAPE["early_days"]) + late * np.exp(-days / SHAPE["late_days"])


@pytest.mark.parametrize("days", [1, 7, 30, 90])
def test_log_hazards_after_a_stay_are_two_exponentials(days):
    causes = np.array([CAUSE_HEART_FAILURE, CAUSE_INFECTION])
    people = alike(2, days_since_discharge=0.0, discharge_cause=causes)
    body = organ(people)
    body.live(days)
    assert people["days_since_discharge"].tolist() == [days, days]
    values = body.influences.values
    heart = log_hazard("heart_failure", days)
    assert values[of.HEART_FAILURE_LOG_HAZARD] == pytest.approx([heart, 0.25 * heart], rel=1e-5)
    assert values[of.OTHER_PRESENTATION_LOG_HAZARD] == pytest.approx([log_hazard("other", days)] * 2, rel=1e-5)
    for death in DEATHS:
        assert values[death] == pytest.approx([log_hazard("death", days)] * 2, rel=1e-5)


def test_a_stay_starts_the_weeks_anew_and_leaves_its_cause():
    people = alike(1, days_since_discharge=40.0, discharge_cause=CAUSE_HEART_FAILURE)
    body = organ(people)
    for level, days, cause in (
        (LEVEL_EMERGENCY, 41.0, CAUSE_INFECTION),  # a visit to the emergency department is no stay
        (LEVEL_WARD, 0.0, CAUSE_INFECTION),
        (LEVEL_WARD, 0.0, CAUSE_INFECTION),
    ):
        people["care_level"], people["presenting_cause"] = level, CAUSE_INFECTION
        body.live(1)
        assert (people["days_since_discharge"][0], people["discharge_cause"][0]) == (days, cause)
    inside = (of.HEART_FAILURE_LOG_HAZARD, of.OTHER_PRESENTATION_LOG_HAZARD, *DEATHS)
    assert not body.influences.values[list(inside)].any()
    people["care_level"], people["presenting_cause"] = LEVEL_COMMUNITY, 0
    body.live(3)
    assert (people["days_since_discharge"][0], people["discharge_cause"][0]) == (3.0, CAUSE_INFECTION)


def test_halving_the_step_changes_nothing_and_long_ago_ends():
    coarse, fine = alike(1, days_since_discharge=0.0), alike(1, days_since_discharge=0.0)
    organ(coarse).live(20)
    organ(fine, step_days=0.5).live(20)
    assert fine["days_since_discharge"][0] == coarse["days_since_discharge"][0] == 20.0
    people = alike(1, days_since_discharge=LONG_AGO - 2.0)
    body = organ(people)
    body.live(5)
    assert people["days_since_discharge"][0] == LONG_AGO
    assert body.influences.values[of.HEART_FAILURE_LOG_HAZARD, 0] == pytest.approx(0.0, abs=1e-12)


def test_a_facility_salts_less_and_changes_presentations():
    people = alike(
        1, care_level=LEVEL_FACILITY, usual_salt_g_day=8.0, salt_excess_g_day=3.0, days_since_discharge=LONG_AGO
    )
    parameters = sets(convalescence=SHAPE)
    body = Body(people, Convalescence(parameters))
    body.live(1)
    values = body.influences.values[:, 0]
    per_gram = parameters["heart_failure"]["fluid_per_salt_l_per_g"]
    assert values[of.NATRIURESIS] == pytest.approx((0.2 * 8.0 + 3.0) * per_gram, rel=1e-5)
    assert values[of.HEART_FAILURE_LOG_HAZARD] == pytest.approx(-0.3, rel=1e-5)
    assert values[of.OTHER_PRESENTATION_LOG_HAZARD] == pytest.approx(0.1, rel=1e-5)


def test_the_dead_stay_as_they_were():
    people = alike(1, alive=0, days_since_discharge=4.0, discharge_cause=CAUSE_HEART_FAILURE)
    organ(people).live(10)
    assert (people["days_since_discharge"][0], people["discharge_cause"][0]) == (4.0, CAUSE_HEART_FAILURE)
