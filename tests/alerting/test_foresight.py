"""What oracle and twin foresee: the oracle the person's own days, the twin as many failures as there will be."""

import numpy as np
import pytest
from guided import guided, make

from popsim.alerting.oracle import Oracle, chance_of_presenting
from popsim.assimilation.hazards import hazards_of_presenting
from popsim.evidence.sets import SHIPPED
from popsim.kernels.codes import CAUSE_HEART_FAILURE, PRESENT
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology import ClinicalPhysiology
from popsim.population.clock import Clock


def at_home(people) -> np.ndarray:
    return np.flatnonzero((people["alive"] != 0) & (people["care_level"] == 0))


def body(seed: int = 5) -> ClinicalPhysiology:
    return ClinicalPhysiology(SHIPPED, key=RandomKey(seed))


def test_the_oracle_lives_the_very_days_to_come():
    """Of those whom care leaves alone for three days, the copies of three days ago are what they have become."""
    model = make(guided("oracle", 1.5), size=300, enrolment_days=0)
    model.run_for(20)
    people = model.population
    rows = at_home(people)
    copies = people.chosen(rows)
    chance = chance_of_presenting(copies, body(), 19, 3, SHIPPED)
    before = {name: people[name][rows].copy() for name in ("last_review_day", "loop_diuretic_mg_day", "care_level")}
    total = np.zeros(len(rows))
    alone = np.ones(len(rows), bool)
    for _ in range(3):
        model.run_for(1)
        hazards = hazards_of_presenting(model.physiology.influences, people, SHIPPED, model.clock.day - 1)
        total += hazards[CAUSE_HEART_FAILURE - 1][rows]
        alone &= (people["alive"][rows] != 0) & np.all([people[n][rows] == old for n, old in before.items()], axis=0)
    assert alone.sum() > 200
    for name in ("extracellular_fluid_excess_l", "infection_severity", "symptom_score", "adherence"):
        assert np.array_equal(copies[name][alone], people[name][rows][alone])
    assert chance[alone] == pytest.approx(1.0 - np.exp(-total[alone]), abs=1e-12)


def test_asking_the_oracle_changes_nobody():
    model = make(guided("oracle", 1.5), size=100, enrolment_days=0)
    model.run_for(10)
    before = {name: model.population[name].copy() for name in model.population}
    Oracle(body(), 14, SHIPPED).risks(model.population, Clock(9), at_home(model.population))
    assert all(np.array_equal(model.population[name], values) for name, values in before.items())


@pytest.mark.slow
def test_the_twin_foresees_about_as_many_failures_as_the_truth_holds_and_tells_who():
    """A desk that only listens, 1,200 people after a month.

    The mean risk of the belief is that of the truth lived forward with other luck, within four standard errors of the
    mean difference. Those who then present have a higher risk than those who do not: without foresight one of them
    ranks higher with a chance of 0.5 and a variance of (m + n + 1) / (12 m n), that of Mann and Whitney's statistic.
    """
    model = make(guided("twin", 1.5, members=16), size=1200, days=60, enrolment_days=0)
    model.run_for(30)
    people, source = model.population, model.monitoring._alert_source._source
    rows = at_home(people)
    rows = rows[source._place[rows] >= 0]
    believed = source.risks(people, Clock(29), rows)
    true = chance_of_presenting(people.chosen(rows), body(seed=6), 29, 14, SHIPPED)
    apart = believed - true
    assert abs(apart.mean()) < 4.0 * apart.std() / np.sqrt(len(rows))
    before = len(model.events)
    model.run_for(14)
    log = model.events.slice(before)
    failed = np.isin(rows, log.row[(log.kind == PRESENT) & (log.cause == CAUSE_HEART_FAILURE)])
    ranks_higher = (believed[failed][:, None] > believed[~failed]).mean()
    m, n = failed.sum(), (~failed).sum()
    assert ranks_higher > 0.5 + 4.0 * np.sqrt((m + n + 1) / (12 * m * n))


@pytest.mark.slow
@pytest.mark.parametrize("late", [{}, {"delay_days": 5, "measured_every_days": 2, "missed_share": 0.2}])
def test_the_belief_knows_more_than_the_last_reading_late_or_at_once(late):
    """Believed weights are nearer to the truth than the readings are, and as uncertain as they are wrong."""
    model = make(guided("twin", 1.5, members=32, telemonitoring=late), size=400, enrolment_days=0)
    model.run_for(30)
    people, source = model.population, model.monitoring._alert_source._source
    rows = source._rows
    rows = rows[
        (people["alive"][rows] != 0) & (people["care_level"][rows] == 0) & (people["reference_weight_kg"][rows] > 0)
    ]
    members, place = source.belief.ensemble, source._place[rows]
    error = members.mean("weight_kg")[place] - people["weight_kg"][rows]
    assert error.std() < (people["measured_weight_kg"][rows] - people["weight_kg"][rows]).std()
    spread = np.sqrt((members.of("weight_kg")[place].var(axis=1)).mean())
    # Standard deviation of about 300 errors: four standard errors of sd / sqrt(2 n) are a sixth.
    assert error.std() == pytest.approx(spread, rel=4 / np.sqrt(2 * len(rows)) + 0.1)
