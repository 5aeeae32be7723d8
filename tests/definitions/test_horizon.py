"""Keys of an experiment that say how far it looks ahead."""

from __future__ import annotations

import pytest

from popsim.definitions.base import validate
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.horizon import MAX_FOLLOW_UP_DAYS, horizon_in_words, observed_part, over_horizon
from popsim.errors import DefinitionError

BASE = {"name": "short", "cohort": "c.toml", "network": "n.toml", "strategies": [{"name": "usual"}]}
LIFE = {"follow_up": "lifetime"}
CURVE = {"extrapolation": {"family": "gompertz"}}


def read(**keys):
    return validate(BASE | keys, ExperimentDefinition, "file")


@pytest.mark.parametrize(
    ("keys", "days", "observed", "words"),
    [
        ({}, 365, None, "365 days"),
        ({"follow_up_days": 21_915, "observed_days": 365}, 21_915, 365, "21,915 days"),
        (LIFE, MAX_FOLLOW_UP_DAYS, 365, "a lifetime"),
        (LIFE | {"observed_days": 730}, MAX_FOLLOW_UP_DAYS, 730, "a lifetime"),
        (LIFE | CURVE | {"observed_days": 730}, 730, 730, "a lifetime (730 days simulated, then extrapolated)"),
    ],
)
def test_horizons(keys, days, observed, words):
    found = read(**keys)
    assert (found.follow_up_days, observed_part(found), horizon_in_words(found)) == (days, observed, words)
    assert ExperimentDefinition.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (LIFE | {"follow_up_days": 730}, "follow_up_days = 730: must be left out"),
        ({"follow_up": "for ever"}, "lifetime"),
        (LIFE | CURVE, "observed_days, the days to simulate"),
        (CURVE | {"observed_days": 100}, "needs follow_up = 'lifetime'"),
        ({"observed_days": 365}, "observed_days = 365: must be below follow_up_days"),
        ({"follow_up_days": MAX_FOLLOW_UP_DAYS + 1}, "between 1 and 32872"),
        (LIFE | {"observed_days": 364} | CURVE, "extrapolation.window_days = 365"),
        (LIFE | {"observed_days": 365, "extrapolation": {"family": "exp", "fit_from_day": 365}}, "fit_from_day = 365"),
        (LIFE | {"observed_days": 365, "extrapolation": {"family": "cox"}}, "extrapolation.family = 'cox'"),
        ({"discount_rate_costs": {"0": 0.035, "30": 3}}, "between 0 and 1"),
        ({"discount_rate_costs": {"30": 0.03}}, "begins with year 0"),
        ({"discount_rate_costs": {"0": 0.03, "later": 0.01}}, "whole years"),
        ({"discount_rate_qalys": {"0": 0.0, "30": 0.03}}, "year 0 must be above 0"),
        ({"discount_rate_qalys": "low"}, "must be a number between 0 and 1"),
    ],
)
def test_what_does_not_fit_is_refused(keys, said):
    with pytest.raises(DefinitionError, match=said.replace("(", r"\(")):
        read(**keys)


def test_days_given_later_replace_a_lifetime():
    """`popsim run --days 20`, and the small experiments that verification makes."""
    shorter = read(**LIFE, **CURVE, observed_days=730).changed({"follow_up_days": 20}, "command line")
    assert (shorter.follow_up, shorter.follow_up_days, shorter.extrapolation) == (None, 20, None)


def test_a_scenario_may_look_further():
    scenario = {"name": "long", "follow_up": "lifetime", "observed_days": 365}
    found = read(follow_up_days=365, scenarios=[scenario]).in_scenario("long")
    assert (found.follow_up, found.follow_up_days) == ("lifetime", MAX_FOLLOW_UP_DAYS)


def test_rates_are_sorted_by_year():
    found = read(discount_rate_costs={"75": 0.025, "0": 0.035, "30": 0.03})
    assert [*found.discount_rate_costs] == ["0", "30", "75"]
    assert read(discount_rate_costs={"0": 0.03}).discount_rate_costs == 0.03


def test_labels_say_how_long_health_is_counted():
    assert over_horizon("QALYs in follow-up", read()) == "QALYs in follow-up"
    assert over_horizon("QALYs in follow-up", read(**LIFE)) == "QALYs over a lifetime"
