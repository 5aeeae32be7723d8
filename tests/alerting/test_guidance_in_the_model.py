"""Guidance in the whole model: what it must not change, who is alerted, that beliefs share no luck with the truth."""

import numpy as np
import polars as pl
import pytest
from guided import COHORT, NO_ALERTS, THRESHOLDS, guided, lived, make, state, watched

from popsim.alerting.alerts import AlertsByRisk, RiskSource, uses_risk_alerting
from popsim.alerting.building import scaled
from popsim.care.monitoring import Monitoring
from popsim.definitions.base import validate
from popsim.definitions.strategy import Strategy
from popsim.errors import DefinitionError, InputError
from popsim.evidence.sets import SHIPPED
from popsim.kernels.care.monitoring import ALERT_RISK
from popsim.kernels.codes import ALERT
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.threads import use_threads
from popsim.population.clock import Clock
from popsim.population.sampling import sample
from popsim.population.state import State
from popsim.simulation.schema import SCHEMA


@pytest.fixture(scope="module")
def under_the_twin():
    return lived(guided())


class Numbers(RiskSource):
    """Risks that are given; nobody acts on the last row of those chosen when `withholds`."""

    def __init__(self, risk, withholds=()):
        self.risk, self.withheld = risk, withholds

    def update(self, population, clock, readings):
        pass

    def risks(self, population, clock, rows):
        return self.risk[rows]

    def acts_on(self, population, clock, rows):
        return ~np.isin(rows, self.withheld)


def alerts(model) -> pl.DataFrame:
    return model.events.frame(kinds=[ALERT])


@pytest.mark.parametrize("kind", ["twin", "risk_model", "oracle"])
def test_guidance_that_reaches_nobody_is_telemonitoring_without_alerts(kind):
    limits = NO_ALERTS if kind == "risk_model" else None  # which count until there is a model
    assert state(lived(guided(kind, 1.5, limits))) == state(lived(watched(NO_ALERTS)))


@pytest.mark.parametrize("kind", ["oracle", "twin"])
def test_guidance_that_nobody_uses_is_telemonitoring_by_limits(kind):
    assert state(lived(guided(kind, 0.05, adoption=0.0))) == state(lived(watched()))


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads_does_not_matter(under_the_twin, threads):
    use_threads(threads)
    again = lived(guided())
    use_threads(2)
    assert state(again) == state(under_the_twin)
    ours, theirs = (m.monitoring._alert_source._source.belief.ensemble for m in (again, under_the_twin))
    assert ours.to_bytes() == theirs.to_bytes()


def test_members_are_nobody_of_the_population(under_the_twin):
    people = under_the_twin.population
    members = under_the_twin.monitoring._alert_source._source.belief.ensemble.people
    assert not np.isin(members.person_id, people.person_id).any()
    assert len(np.unique(members.person_id)) == len(members)


def test_members_do_not_live_through_the_shocks_of_their_person(under_the_twin):
    """Days of a lapse of adherence, which no reading shows, fall together no more often than by chance."""
    belief = under_the_twin.monitoring._alert_source._source.belief
    rows = under_the_twin.monitoring._alert_source._source._rows
    truth = under_the_twin.population["adherence_lapse"][rows] > 0.0
    theirs = belief.ensemble.of("adherence_lapse") > 0.0
    share = theirs.mean()
    # Standard error of the share among persons who lapse today, were they independent.
    error = np.sqrt(share * (1.0 - share) / max(truth.sum(), 1))
    assert abs(theirs[truth].mean() - share) < 4.0 * error


def test_the_belief_knows_the_record_and_not_the_truth(under_the_twin):
    source, people = under_the_twin.monitoring._alert_source._source, under_the_twin.population
    members = source.belief.ensemble
    for name in ("loop_diuretic_mg_day", "last_review_day"):  # of the morning, before care had its turn
        known = members.of(name)
        assert (known == known[:, :1]).all()
    home = people["alive"][source._rows] != 0
    error = members.mean("filling_pressure_mmhg") - people["filling_pressure_mmhg"][source._rows]
    before = people["baseline_filling_pressure_mmhg"][source._rows].std()
    assert 0.0 < error[home].std() < before + people["filling_pressure_mmhg"][source._rows][home].std()


@pytest.mark.slow
def test_a_run_is_one_story_however_it_is_cut(under_the_twin):
    model = make(guided())
    for days in (7, 20, model.days - 27):
        model.run_for(days)
    assert state(model) == state(under_the_twin)


@pytest.mark.slow
@pytest.mark.parametrize("day", [3, 20])
def test_beliefs_that_are_saved_go_on_as_if_nothing_had_been(under_the_twin, day):
    """On day 3 people still enter; by day 20 late results and alerts are under way."""
    began, after = make(guided()), make(guided())
    began.run_for(day)
    after.restore(State.of(began.state()))
    after.run_for(after.days - day)
    last, whole = after.state(), under_the_twin.state()
    beliefs = [name for name in whole if "/members/" in name]
    assert beliefs and all(np.array_equal(last[name], whole[name], equal_nan=True) for name in beliefs)
    assert state(after) == state(under_the_twin)


def test_alerts_are_the_highest_risks_within_the_limits():
    """Risks are the rows' numbers: of those due, the highest two above 0.5 a day; nobody again within three days."""
    people = sample(COHORT, SCHEMA, 10, RandomKey(5), enrolment_days=0)
    people["alive"] = people["telemonitored"] = 1
    people["last_alert_day"] = -1000
    people["telemonitored"][9] = 0
    people["care_level"][8] = 3
    risk = np.arange(10) / 10
    source = Numbers(risk)
    guidance = guided("oracle", 0.5, every_days=1).guidance
    alert_source = AlertsByRisk(guidance, source, people, alerts_per_day=2, key=RandomKey(1))
    monitoring = Monitoring(
        watched(NO_ALERTS).telemonitoring, key=RandomKey(1), signals=SHIPPED["home_signals"], alert_source=alert_source
    )
    raised = []
    for day in range(1, 5):
        monitoring.observe(people, Clock(day))
        assert set(people["alert"]) <= {0, ALERT_RISK}
        raised.append(np.flatnonzero(people["alert"]).tolist())
    assert raised == [[6, 7], [5], [], [6, 7]]


def test_those_withheld_to_learn_from_take_nobodys_place():
    people = sample(COHORT, SCHEMA, 5, RandomKey(5), enrolment_days=0)
    people["alive"] = people["telemonitored"] = 1
    people["last_alert_day"] = -1000
    guidance = guided("oracle", 0.5, every_days=1).guidance
    source = Numbers(np.array([0.9, 0.8, 0.7, 0.6, 0.1]), withholds=(1,))
    alert_source = AlertsByRisk(guidance, source, people, alerts_per_day=2, key=RandomKey(1))
    Monitoring(
        watched(NO_ALERTS).telemonitoring, key=RandomKey(1), signals=SHIPPED["home_signals"], alert_source=alert_source
    ).observe(people, Clock(1))
    assert np.flatnonzero(people["alert"]).tolist() == [0]


@pytest.mark.slow
def test_everybody_is_assessed_on_a_day_of_their_own():
    alerted = alerts(lived(guided("oracle", 0.0, every_days=7), size=100))
    weekday = alerted.select("person_id", day=(pl.col("time_days") % 7).cast(pl.Int64)).unique()
    assert len(weekday) == weekday["person_id"].n_unique()
    assert weekday["day"].n_unique() == 7


def test_those_who_use_guidance_are_a_part_of_those_who_use_more_of_it():
    people = sample(COHORT, SCHEMA, 2000, RandomKey(5), enrolment_days=0)
    few, many = (uses_risk_alerting(guided("oracle", adoption=a).guidance, people, RandomKey(5)) for a in (0.3, 0.7))
    assert not (few & ~many).any()
    # Four standard errors of a share of 2,000.
    assert few.mean() == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / 2000))


def test_limits_of_alerts_are_scaled_like_slots():
    assert [scaled(20, 0.5), scaled(20, 0.01), scaled(0, 0.5), scaled(None, 0.5)] == [10, 1, 0, None]


@pytest.mark.slow
def test_the_oracle_foresees_better_than_chance():
    """Silent (nobody acts at a desk without slots): those with a high risk present more often than the others."""
    model = make(guided("oracle", 1.5), size=600, days=60, enrolment_days=0)
    model.run_for(20)
    people = model.population
    rows = np.flatnonzero((people["alive"] != 0) & (people["care_level"] == 0))
    risks = model.monitoring._alert_source._source.risks(people, Clock(19), rows)
    before = len(model.events)
    model.run_for(14)
    log = model.events.slice(before)
    failed = np.isin(rows, log.row[(log.kind == 1) & (log.cause == 1)])
    assert failed.sum() > 10
    # Without anybody's care changing much in two weeks, the mean risk is the share: within four standard errors.
    assert failed.mean() == pytest.approx(risks.mean(), abs=4 * np.sqrt(failed.mean() / len(rows)))
    assert risks[failed].mean() > 2.0 * risks[~failed].mean()


def test_a_belief_needs_the_cohort():
    with pytest.raises(InputError, match="must be given the cohort"):
        make(guided(), cohort=None)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"kind": "twins"}, "kind"),
        ({"kind": "oracle", "members": 8}, "members: only for guidance of kind = 'twin'"),
        ({"kind": "twin", "alert_from_risk": 3.0}, "must be between 0 and 2"),
        ({"kind": "twin", "every_days": 0}, "must be between 1 and 90"),
    ],
)
def test_what_guidance_cannot_be(keys, words):
    table = {"name": "x", "guidance": {"alert_from_risk": 0.1} | keys}
    with pytest.raises(DefinitionError, match=words):
        validate(table, Strategy, "x.toml")


@pytest.mark.parametrize("kind", ["risk_model", "twin", "oracle"])
def test_guidance_with_every_key_written_out_is_the_same(kind):
    """A finished run keeps its experiment so, and is opened again."""
    made = guided(kind)
    assert validate(made.model_dump(mode="json", by_alias=True), Strategy, "manifest.json") == made


def test_guidance_needs_telemonitoring():
    with pytest.raises(DefinitionError, match="alerts of telemonitoring, which the strategy must have"):
        make(guided("oracle").model_copy(update={"telemonitoring": None}))


def test_what_inherits_may_take_guidance_back():
    child = validate({"name": "child", "inherits": "telemonitoring"}, Strategy, "x")
    assert child.inheriting(guided()).guidance == guided().guidance
    without = Strategy(name="child", inherits="telemonitoring", guidance=None)
    assert without.inheriting(guided()).guidance is None
    assert THRESHOLDS.guidance is None


@pytest.mark.slow
def test_the_risk_model_learns_in_the_run_and_then_takes_over():
    """Limits raise alerts until there is a model; then no alert is by limits, and nobody who is withheld has one.

    On one thread and on two.
    """
    model = make(guided("risk_model", 0.05), size=900, days=50, enrolment_days=0)
    source = model.monitoring._alert_source._source
    first_day = None
    use_threads(1)
    while model.clock.day < model.days:
        model.run_for(1)
        if source.ready and first_day is None:
            first_day = model.clock.day - 1
    use_threads(2)
    raised = alerts(model)
    early = raised.filter(pl.col("time_days") < first_day)
    late = raised.filter(pl.col("time_days") >= first_day)
    assert len(early) > 0
    assert (early["detail"] < ALERT_RISK).all()
    assert len(late) > 0
    assert (late["detail"] == ALERT_RISK).all()
    assert not source.loop.withheld(late["person_id"].to_numpy()).any()
    assert state(lived(guided("risk_model", 0.05), size=900, days=50, enrolment_days=0)) == state(model)
