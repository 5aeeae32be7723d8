"""Survival against scikit-survival and sums done by hand."""

from __future__ import annotations

import numpy as np
import pytest
from histories import History, people
from sksurv.nonparametric import kaplan_meier_estimator

from popsim.outcomes.survival import kaplan_meier, mortality, survival_times


def test_kaplan_meier_by_hand():
    """Deaths at 1, 3, 3, censored at 2, 3, 5: S = 5/6, then 5/6 * (1 - 2/4); Greenwood 1/30, + 2/(4 * 2)."""
    curve = kaplan_meier(np.array([1.0, 2.0, 3.0, 3.0, 3.0, 5.0]), np.array([1, 0, 1, 1, 0, 0], bool))
    assert curve["time_days"].to_list() == [1.0, 3.0]
    assert curve["at_risk"].to_list() == [6, 4]
    assert curve["survival"].to_list() == pytest.approx([5 / 6, 5 / 12])
    first, second = 5 / 6 * np.sqrt(1 / 30), 5 / 12 * np.sqrt(1 / 30 + 1 / 4)
    assert curve["standard_error"].to_list() == pytest.approx([first, second])


def test_kaplan_meier_matches_scikit_survival():
    random = np.random.default_rng(3)
    days = random.integers(1, 60, 400).astype(float)
    died = random.random(400) < 0.6
    curve = kaplan_meier(days, died)
    moments, survival = kaplan_meier_estimator(died, days)
    at_deaths = np.isin(moments, curve["time_days"].to_numpy())
    np.testing.assert_allclose(curve["survival"].to_numpy(), survival[at_deaths], rtol=1e-12)


def test_everybody_dead_leaves_no_error():
    curve = kaplan_meier(np.array([1.0, 2.0]), np.array([True, True]))
    assert curve["survival"].to_list() == [0.5, 0.0]
    assert curve["standard_error"].to_list()[1] == 0.0


def test_mortality_counts_deaths_before_the_day():
    """Of four people, deaths 29.9, 30.0 and 89 days after entry; nobody is followed for 365 days."""
    history = History()
    for person in range(1, 5):
        history.enter(person, 10.0)
    history.death(1, 39.9).death(2, 40.0).death(3, 99.0)
    table = mortality(people(history.events(), 100, dict.fromkeys(range(1, 5), 10)))
    assert table["mortality"].to_list() == [0.25, 0.75, None]


def test_deaths_after_follow_up_are_not_seen():
    history = History().enter(1).death(1, 100.0).enter(2).death(2, 99.9)
    times = survival_times(people(history.events(), 100))
    assert times.rows() == [(1, 100.0, False), (2, 99.9, True)]
