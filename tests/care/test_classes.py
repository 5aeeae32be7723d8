"""Classes of patients in one setting, escalation to a higher level of care, and ways back.

Expected numbers: the tests' own fixed stays; Poisson splitting and exponential races (closed forms).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from small_care import HOME, Life, fixed, network, place

from popsim.care.flow import PatientFlow
from popsim.care.network import CareNetwork
from popsim.definitions.durations import LognormalDuration, NormalDuration
from popsim.errors import DefinitionError
from popsim.kernels.codes import CAUSE_HEART_FAILURE, CAUSE_STROKE
from popsim.kernels.numerics.distributions import quantiles
from popsim.population.pieces import pieces_of

DOOR = {"presentation": "ward"}
SURE = {"to": "critical", "per_day": 10.0, "source": "assumption: of this test"}


def exponential(mean: float) -> dict[str, Any]:
    return {"distribution": "exponential", "mean": mean}


def ward(**keys: Any) -> dict[str, Any]:
    return {"name": "ward", "class": "inpatient", "stay": exponential(4.0), "routes": [{"to": "exit"}]} | keys


def critical(**keys: Any) -> dict[str, Any]:
    return {"name": "critical", "class": "critical", "stay": exponential(2.0), "routes": [{"to": "exit"}]} | keys


def of(*settings: dict[str, Any], **keys: Any) -> CareNetwork:
    arrivals = [{"name": "a", "to": settings[0]["name"], "per_day": 20.0}]
    return CareNetwork.of(**({"name": "small", "settings": list(settings), "arrivals": arrivals} | keys))


@pytest.mark.parametrize("bounds", [(0.0, 36_500.0), (1.0, 9.0)])
def test_truncated_stays_have_the_mean_and_sd_of_the_file(bounds):
    """By the midpoint rule over their quantiles."""
    u, days = (np.arange(200_000) + 0.5) / 200_000, np.empty(200_000)
    for kind, name in ((NormalDuration, "normal"), (LognormalDuration, "lognormal")):
        quantiles(pieces_of(kind(distribution=name, mean=4.0, sd=1.8, bounds=bounds)), u, days)
        assert (days.mean(), days.std()) == (pytest.approx(4.0, rel=2e-3), pytest.approx(1.8, rel=5e-3))
        assert bounds[0] <= days.min() <= days.max() <= bounds[1]


@pytest.mark.parametrize(
    "stay",
    [
        {"distribution": "normal", "mean": 3.0, "sd": 3.0},
        {"distribution": "normal", "mean": 3.0, "sd": 1.0, "bounds": [4.0, 9.0]},
        {"distribution": "lognormal", "mean": 3.0, "sd": 2.4, "bounds": [1.0, 6.0]},
    ],
)
def test_stays_that_no_truncated_distribution_has_are_refused(stay):
    with pytest.raises(DefinitionError, match="settings"):
        of(ward(stay=stay))


def test_each_class_has_its_own_stay_and_route():
    """Three classes on one ward: Little's law for all of them, and each leaves by its own way."""
    sources = [
        {"name": "planned", "to": "ward", "per_day": 12.0, "class": "planned"},
        {"name": "acute", "to": "ward", "per_day": 6.0, "class": "acute"},
        {"name": "others", "to": "ward", "per_day": 3.0},
    ]
    classes = [
        {"name": "planned", "stay": {"distribution": "normal", "mean": 2.0, "sd": 0.5}},
        {"name": "acute", "stay": exponential(6.0), "routes": [{"to": "rehabilitation"}]},
    ]
    rest = {"name": "rehabilitation", "class": "facility", "stay": fixed(1.0), "routes": [{"to": "exit"}]}
    care = of(ward(classes=classes), rest, arrivals=sources, classes=[{"name": "planned"}, {"name": "acute"}])
    flow = PatientFlow(care, days=1000, seed=1).run(1000)
    load = 12 * 2.0 + 6 * 6.0 + 3 * 4.0
    summary = flow.summary()
    assert summary["mean_present"][0] == pytest.approx(load, abs=4 * math.sqrt(load * 2 * 6 / 950))
    assert flow.totals()["started"][1] == pytest.approx(6000, abs=4 * math.sqrt(6000) + 60)


def test_twins_are_of_the_first_class_whose_conditions_hold():
    """A stroke patient stays three days by its class and goes to the facility; others have the ward's single day."""
    stroke = {"name": "stroke", "when": [{"column": "presenting_cause", "is": "stroke"}]}
    own = {"name": "stroke", "stay": fixed(3.0), "routes": [{"to": "nursing"}]}
    nursing = place("nursing", **{"class": "facility", "capacity": "unlimited", "stay": {"distribution": "forever"}})
    del nursing["routes"]
    care = network(HOME, place("ward", capacity=5, classes=[own]), nursing, classes=[stroke], **DOOR)
    life = Life(care, 2).live().live(ill={0: CAUSE_STROKE, 1: CAUSE_HEART_FAILURE}, days=6)
    assert (life.where(0), life.where(1)) == ("nursing", "home")
    assert life.time("end", "ward", 0) - life.time("start", "ward", 0) == pytest.approx(3.0)
    assert life.time("end", "ward", 1) - life.time("start", "ward", 1) == pytest.approx(1.0)


def test_a_class_with_a_stay_has_no_ward_rounds():
    review = {"hour": 9.0, "discharge_when": [{"column": "symptom_score", "below": 100.0}], "at_least_days": 1.0}
    stroke = {"name": "stroke", "when": [{"column": "presenting_cause", "is": "stroke"}]}
    ward_of = place("ward", capacity=5, review=review, classes=[{"name": "stroke", "stay": fixed(4.0)}])
    life = Life(network(HOME, ward_of, classes=[stroke], **DOOR), 2).live()
    life.live(ill={0: CAUSE_STROKE, 1: CAUSE_HEART_FAILURE}, days=7)
    assert life.time("end", "ward", 0) - life.time("start", "ward", 0) == pytest.approx(4.0)
    assert life.time("end", "ward", 1) % 1.0 == pytest.approx(9 / 24)


def test_ward_patients_escalate_and_come_back_as_a_race_of_exponentials_says():
    """A quarter-day hazard h against stays of mean 4: h / (h + 1/4) of all starts on the ward end in critical care.

    All go back, so a patient is there a geometric number of times: flows by the traffic equations.
    """
    hazard = 0.05
    share = hazard / (hazard + 0.25)
    care = of(
        ward(escalation={**SURE, "per_day": hazard}),
        critical(routes=[{"to": "back_to_ward"}, {"to": "exit"}]),
    )
    flow = PatientFlow(care, days=600, seed=2).run(600)
    wards, criticals = flow.totals()["started"].to_list()
    arrivals = 20.0 * 600
    assert wards == pytest.approx(arrivals / (1 - share), abs=5 * math.sqrt(arrivals) + 100)
    assert criticals / wards == pytest.approx(share, abs=5 * math.sqrt(share / wards) + 0.002)
    summary = flow.summary(50)
    assert summary["mean_present"][0] == pytest.approx(20 / (1 - share) / (0.25 + hazard), rel=0.04)
    assert summary["mean_present"][1] == pytest.approx(20 * share / (1 - share) * 2.0, rel=0.06)


def test_two_who_wait_for_each_others_bed_exchange_them():
    """One bed in each: without the exchange the two would wait for ever."""
    care = network(
        HOME,
        place("ward", capacity=1, boards=True, stay=fixed(9.0), escalation=SURE),
        place("critical", [{"to": "back_to_ward"}, {"to": "ward"}], **{"class": "critical"}, boards=True),
        {"name": "door", "class": "router", "routes": [
            {"to": "critical", "when": [{"column": "presenting_cause", "is": "stroke"}]}, {"to": "ward"}]},
        presentation="door",
    )  # fmt: skip
    life = Life(care, 2).live().live(ill={0: CAUSE_STROKE, 1: CAUSE_HEART_FAILURE}, days=3)
    moves = life.events("start", row=1).filter(life.events("start", row=1)["setting"] != "home")
    assert moves["setting"].to_list()[:2] == ["ward", "critical"]
    assert life.time("end", "critical", 0) == pytest.approx(life.time("start", "critical", 1))
    assert life.events("escalate", row=1)["setting"].to_list()[0] == "ward"


def test_residents_go_back_to_their_own_facility_and_others_home():
    nursing = [
        place(name, **{"class": "facility", "capacity": "unlimited", "stay": {"distribution": "forever"}})
        for name in ("oak", "elm")
    ]
    for one in nursing:
        del one["routes"]
    lives_in = {"name": "lives_in", "class": "router", "routes": [
        {"to": "oak", "when": [{"column": "age_years", "at_least": 90}]},
        {"to": "elm", "when": [{"column": "age_years", "at_least": 80}]}, {"to": "home"}]}  # fmt: skip
    care = network(
        HOME, *nursing, lives_in, place("ward", [{"to": "back_to_facility"}, {"to": "home"}], capacity=9),
        entry="lives_in", presentation="ward",
    )  # fmt: skip
    life = Life(care, 3)
    life.population["age_years"] = [95, 85, 70]
    life.live().live(ill=(0, 1, 2), days=4)
    assert [life.where(row) for row in range(3)] == ["oak", "elm", "home"]
    assert len(life.events("start", setting="ward")) == 3


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ([ward(routes=[{"to": "back_to_ward"}])], "the last route must match always"),
        ([ward(routes=[{"to": {"back_to_ward": 0.5, "exit": 0.5}}])], "must be the only target"),
        ([ward(classes=[{"name": "planned"}])], "class 'planned' must have 'stay' or 'routes'"),
        ([ward(classes=[{"name": "planned", "stay": exponential(1.0)}])], "unknown class of patients"),
        ([ward(escalation=SURE)], "unknown setting"),
        ([ward(escalation={**SURE, "to": "ward"})], "must be another setting"),
        ([ward(escalation=SURE), critical(capacity=3)], "must have 'boards = true'"),
        ([ward(escalation=SURE), critical(capacity=3, boards=True, waiting_room=2)], "must have an 'overflow'"),
        ([ward(), critical(escalation={**SURE, "to": "ward"})], "only allowed for class emergency"),
    ],
)
def test_impossible_classes_and_ways_are_refused(settings, words):
    with pytest.raises(DefinitionError, match="setting") as caught:
        of(*settings)
    assert words in str(caught.value)
