"""Strategies of a branch: one until a day, another from it on."""

import pytest

from popsim.definitions.base import validate
from popsim.definitions.strategy import Strategy
from popsim.errors import InputError
from popsim.studies.branching import continued, past_content

DAY = 180
TELE = {
    "desk": "telemonitoring_centre", "uptake": 0.5, "duration_days": 90, "weight_gain_kg": 2.0,
    "systolic_low_mmhg": 90.0, "systolic_high_mmhg": 180.0, "heart_rate_low_bpm": 45.0, "heart_rate_high_bpm": 120.0,
    "days_between_alerts": 7,
}  # fmt: skip
VISIT = [{"setting": "clinic", "within_days": 14}]
COACHING = {"name": "coaching", "kind": "programme", "cost_once": 50.0}
USUAL = {"name": "usual_care", "label": "Usual care", "follow_up": VISIT}


def strategy(**table):
    return validate(table, Strategy, "test")


def dates(made):
    return [(one.name, one.from_day, one.until_day) for one in made.composed]


def test_the_same_strategy_goes_on_as_it_is():
    usual = strategy(**USUAL)
    assert continued(usual, usual, DAY) is usual


def test_what_only_the_other_has_begins_on_the_day():
    other = strategy(name="coached", follow_up=VISIT, interventions=[COACHING])
    made = continued(strategy(**USUAL), other, DAY)
    assert dates(made) == [("follow_up", 0, None), ("coaching", DAY, None)]
    assert made.title == "Coached from day 180" and made.follow_up == other.follow_up


def test_a_later_date_of_its_own_is_kept_and_what_was_over_is_left_out():
    over = COACHING | {"name": "over", "until_day": 100}
    later = COACHING | {"from_day": 200}
    made = continued(strategy(**USUAL), strategy(name="late", follow_up=VISIT, interventions=[over, later]), DAY)
    assert dates(made) == [("follow_up", 0, None), ("coaching", 200, None)]


def test_a_strategy_that_begins_later_is_itself():
    late = strategy(name="late", follow_up=VISIT, interventions=[COACHING | {"from_day": 200}])
    assert continued(strategy(**USUAL), late, DAY) is late


def test_what_only_the_saved_one_has_ends_on_the_day():
    coached = strategy(name="coached", follow_up=VISIT, interventions=[COACHING])
    made = continued(coached, strategy(**USUAL), DAY)
    assert dates(made) == [("follow_up", 0, None), ("coaching", 0, DAY)]


def test_one_that_ends_later_goes_on_until_then():
    coached = strategy(name="coached", interventions=[COACHING])
    ending = strategy(name="ending", interventions=[COACHING | {"until_day": 300}])
    assert dates(continued(coached, ending, DAY)) == [("coaching", 0, 300)]


def test_one_of_the_same_name_with_other_numbers_begins_anew_for_the_same_people():
    cheap, dear = (strategy(name=n, interventions=[COACHING | {"cost_once": c}]) for n, c in (("a", 50.0), ("b", 80.0)))
    made = continued(cheap, dear, DAY)
    assert dates(made) == [("coaching", 0, DAY), ("coaching_from_day_180", DAY, None)]
    assert made.interventions[1].same_people_as == "coaching"


def test_the_follow_up_of_both_is_in_force_by_day():
    made = continued(strategy(**USUAL), strategy(name="tele", follow_up=VISIT, telemonitoring=TELE), DAY)
    assert [(one.telemonitoring is not None, one.from_day, one.until_day) for one in made.composed] == [
        (False, 0, DAY),
        (True, DAY, None),
    ]


@pytest.mark.parametrize("first", [{"interventions": [COACHING]}, {"telemonitoring": TELE}, {"capacity": {"ward": 9}}])
def test_until_the_day_a_branch_is_the_saved_strategy(first):
    usual, other = strategy(**USUAL), strategy(name="other", **first)
    for past, future in ((usual, other), (other, usual)):
        made = continued(past, future, DAY)
        assert past_content(made, DAY) == past_content(past, DAY)
        in_force = [type(one) for one in made.composed if one.in_force(DAY)]
        assert in_force == [type(one) for one in future.composed]


@pytest.mark.parametrize(
    ("key", "value"),
    [("drugs_not_started", ["mra"]), ("guidance", {"kind": "risk_model", "alert_from_risk": 0.1})],
)
def test_what_holds_from_day_0_is_refused(key, value):
    other = strategy(name="other", follow_up=VISIT, telemonitoring=TELE, **{key: value})
    with pytest.raises(InputError, match=rf"strategies.other.{key}: must be that of 'usual_care'.*from its day on"):
        continued(strategy(**USUAL), other, DAY)
