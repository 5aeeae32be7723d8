"""Forecasts: closed forms where hazards are constant, counted lives where they are not."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from popsim.assimilation import forecast
from popsim.assimilation import forecast as module
from popsim.assimilation.belief import Belief
from popsim.assimilation.counterfactuals import KINDS
from popsim.assimilation.ensemble import Ensemble
from popsim.assimilation.forecast import DEATH, DECOMPENSATION, EVENTS, PRESENTATION, REACTION, READMISSION
from popsim.assimilation.hazards import hazards_of_presenting
from popsim.assimilation.predicted_care import PredictedCare
from popsim.errors import InputError
from popsim.evidence.sets import SHIPPED
from popsim.kernels.codes import CAUSE_HEART_FAILURE, LEVEL_WARD, ONSET_DEATH
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology import ClinicalPhysiology
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock
from popsim.population.cohort import CohortSource
from popsim.population.population import Population
from popsim.population.sampling import sample
from popsim.simulation.schema import SCHEMA

forecast = partial(forecast.forecast, parameters=SHIPPED)
COHORTS = Path(__file__).parents[2] / "cohorts"
MEMBERS = 16


class Still:
    """A physiology in which nothing ever changes."""

    def initialise(self, population):
        pass

    def advance(self, population, clock):
        self.influences = Influences(len(population))


class Reacting(Still):
    """On the third day every second member has slow pulse (bit 1)."""

    def advance(self, population, clock):
        super().advance(population, clock)
        population["reaction"] = np.where((clock.day >= 3) & (np.arange(len(population)) % 2 == 0), 1, 0)


def core(key=RandomKey()):
    """The heart-failure core and the drugs."""
    return ClinicalPhysiology(SHIPPED, key=key, organ_systems=("drugs", "diabetes"))


def hazards_of(people):
    """Hazards of presenting of people in whom nothing changes."""
    physiology = Still()
    physiology.advance(people, Clock())
    return hazards_of_presenting(physiology.influences, people, SHIPPED, 0)


def people_of(cohort, schema, number, physiology):
    people = sample(CohortSource.read(COHORTS / f"{cohort}.toml"), schema, number, RandomKey(3))
    people["alive"] = 1
    people["entry_day"] = 0
    physiology.initialise(people)
    return people


def copies(people, members=MEMBERS):
    """A belief that knows everything: members are copies of the person, with luck of their own."""
    rows = people.chosen(np.repeat(np.arange(len(people)), members))
    rows.person_id = np.arange(len(rows)) + (1 << 45)
    return Ensemble(rows, members)


def belief_of(people, physiology, members=MEMBERS):
    return Belief(copies(people, members), physiology, (), key=RandomKey(4), parameters=SHIPPED)


@pytest.fixture(scope="module")
def people():
    return people_of("heart_failure_discharge", SCHEMA, 40, core())


@pytest.fixture(scope="module")
def made(people):
    return forecast(belief_of(people, core(RandomKey(8))), 30)


def still(hazard_of_death=0.01):
    """Two persons, the second congested, in whom nothing changes; below 60, hazards are the same every day."""
    people = Population(SCHEMA, np.arange(2))
    for name, value in {"alive": 1, "age_years": 55, "systolic_mmhg": 120, "gfr_ml_min": 60}.items():
        people[name] = value
    people["untreated_gfr_ml_min"], people["potassium_mmol_l"], people["frailty"] = 60, 4.5, 0.3
    people["symptom_score"], people["filling_pressure_mmhg"] = [2, 7], [12, 26]
    people["death_hazard_per_day"] = hazard_of_death
    return people


def test_constant_hazards_have_a_closed_form():
    people = still()
    found = forecast(belief_of(people, Still()), 30)
    death = np.float64(np.float32(0.01))
    hazards = hazards_of(people)
    assert hazards[0, 1] > 10 * hazards[0, 0] >= 0.0
    # Symptoms of 2 are below the score from which heart failure is admitted, those of 7 where all are.
    admitted = np.array([0.0, 1.0]) * hazards[0] + 0.98 * hazards[1:5].sum(axis=0) + 0.71 * hazards[5]
    for days in (7, 30):
        for event, hazard in {
            DECOMPENSATION: hazards[0], PRESENTATION: hazards.sum(axis=0), READMISSION: admitted
        }.items():  # fmt: skip
            exact = hazard / (hazard + death) * (1 - np.exp(-(hazard + death) * days))
            risk = found.risk(event, days)
            assert risk.probability == pytest.approx(exact, rel=1e-6)
            assert risk.low == pytest.approx(exact, rel=1e-6)
            assert risk.high == pytest.approx(exact, rel=1e-6)
        assert found.risk(DEATH, days).probability == pytest.approx(1 - np.exp(-death * days), rel=1e-6)


@pytest.mark.slow
def test_death_ends_the_counting_of_events():
    # With a hazard of death of 1 a day, at most the share h / (h + 1) presents, however long one waits.
    people = still(1.0)
    hazard = hazards_of(people).sum(axis=0)
    risk = forecast(belief_of(people, Still()), 90, columns=()).risk(PRESENTATION, 90)
    assert risk.probability == pytest.approx(hazard / (hazard + 1.0), rel=1e-9)


def test_the_interval_is_that_of_the_members():
    ensemble = copies(still())
    ensemble.of("death_hazard_per_day")[:] = np.linspace(0.001, 0.016, MEMBERS)
    found = forecast(
        Belief(ensemble, Still(), (), key=RandomKey(1), parameters=SHIPPED), 7, columns=(), events=(DEATH,)
    ).risk(DEATH, 7)
    chances = 1 - np.exp(-7 * np.linspace(0.001, 0.016, MEMBERS))
    assert found.probability == pytest.approx(chances.mean(), rel=1e-5)
    assert found.low == pytest.approx(chances[0], rel=1e-5)  # 1/16 of the weight is at least 5%
    assert found.high == pytest.approx(chances[15], rel=1e-5)  # 15/16 are less than 95%


def test_bands_are_of_the_living():
    # Half of the members die at 0.5 a day and weigh 90 kg; after a week hardly any of them is left.
    ensemble = copies(still())
    ensemble.of("death_hazard_per_day")[:] = np.repeat([0.5, 0.0], MEMBERS // 2)
    ensemble.of("weight_kg")[:] = np.repeat([90.0, 70.0], MEMBERS // 2)
    found = forecast(
        Belief(ensemble, Still(), (), key=RandomKey(1), parameters=SHIPPED),
        7,
        columns=("weight_kg",),
        quantiles=(0.05, 0.95),
    )
    assert found.bands["weight_kg"].shape == (2, 7, 2)
    assert found.bands["weight_kg"][0, 0].tolist() == [70.0, 90.0]
    assert found.bands["weight_kg"][0, 6].tolist() == [70.0, 70.0]
    left = np.exp(-3.5)
    assert found.weights[7][0, 0] == pytest.approx(left / (1 + left) / (MEMBERS // 2), rel=1e-6)
    assert found.members["weight_kg", 7].shape == (2, MEMBERS)


@pytest.mark.parametrize(("last", "interval_days"), [(-100, 285), (-1000, 60), (0, 60)])
def test_reviews_come_in_their_interval_and_send_the_very_ill_to_hospital(last, interval_days):
    people = still(hazard_of_death=0.0)
    people["symptom_score"], people["entry_day"] = [2, 9], -200
    ensemble = copies(people, 2000)
    care = PredictedCare(ensemble.people, SHIPPED)
    sent, reviewed = np.zeros(2), np.zeros(2)
    for day in range(1, 29):
        ensemble.people["last_review_day"] = last
        care.review(day)
        reviewed += (ensemble.of("last_review_day") == day).mean(axis=1)
        sent += care.sent.reshape(2, 2000).mean(axis=1)
        care.left[:] = 0
    np.testing.assert_allclose(reviewed, 28 / interval_days, atol=0.005)  # evenly spread: far less than luck of 2,000
    assert sent[0] == 0.0
    assert sent[1] == reviewed[1]
    assert (ensemble.of("care_level")[1] == LEVEL_WARD).mean() == pytest.approx(28 / interval_days, abs=0.005)


def test_a_member_with_several_lives_has_their_mean_as_its_chance(people):
    """A risk is the same within its error, and the spread of members is narrower by the luck that is averaged out."""
    belief = belief_of(people, core(RandomKey(8)))
    one, many = (forecast(belief, 30, events=(DECOMPENSATION,), columns=(), lives=n) for n in (1, 8))
    first, second = (made.risk(DECOMPENSATION, 30) for made in (one, many))
    error = (first.high - first.low) / 3.3 / np.sqrt(MEMBERS)
    assert abs((first.probability - second.probability).mean()) < 4 * np.hypot.reduce(error) / len(people)
    assert (second.high - second.low).mean() < 0.7 * (first.high - first.low).mean()
    with pytest.raises(InputError, match="lives = 9: must be between 1 and 8"):
        forecast(belief, 30, lives=9)


def test_a_review_that_sends_to_hospital_counts_as_an_admission():
    """One in 60 of the ill each day, until all who remain have been seen: 1 - (1 - days / 60) exp(-hazard days)."""
    people = still(hazard_of_death=0.0)
    people["symptom_score"], people["filling_pressure_mmhg"], people["entry_day"] = 9, 12, 1
    hazards = hazards_of(people)
    admitted = hazards[0] + 0.98 * hazards[1:5].sum(axis=0) + 0.71 * hazards[5]
    risk = forecast(belief_of(people, Still(), 4000), 28, horizons=(28,)).risk(READMISSION, 28)
    assert risk.probability == pytest.approx(1 - (1 - 28 / 60) * np.exp(-28 * admitted), abs=0.005)


def test_hazards_are_those_that_the_day_draws_from():
    physiology = ClinicalPhysiology(SHIPPED, key=RandomKey(5))
    people = people_of("heart_failure_discharge", SCHEMA, 8000, physiology)
    expected, drawn = np.zeros(6), np.zeros(6)
    for day in range(40):
        physiology.advance(people, Clock(day))
        hazards = hazards_of_presenting(physiology.influences, people, SHIPPED, day)
        total = hazards.sum(axis=0)
        expected += (hazards / total * -np.expm1(-total)).sum(axis=1)
        causes = np.bincount(people["acute_cause"], minlength=13)[1:]
        drawn += (*causes[:5], causes[5:].sum())
    assert (np.abs(drawn - expected) < 4 * np.sqrt(expected + 1.0)).all()
    assert causes[5:].sum() > 0  # what comes from other organ systems is among the last


def test_risks_are_those_of_counted_lives(people, made):
    """Many lives are lived with drawn presentations and deaths; the forecast is within their standard error."""
    lives = 200
    many = copies(people, lives)
    physiology, care = core(RandomKey(77)), PredictedCare(many.people, SHIPPED)
    first = {event: np.full(len(many.people), 1000) for event in (DECOMPENSATION, PRESENTATION, DEATH)}
    for day in range(1, 31):
        physiology.advance(many.people, Clock(day))
        care.review(day)
        now = {
            DECOMPENSATION: (many.people["acute_cause"] == CAUSE_HEART_FAILURE),
            PRESENTATION: many.people["acute_cause"] > 0,
            DEATH: (many.people["onset"] & ONSET_DEATH) > 0,
        }
        for event, happens in now.items():
            first[event] = np.where(happens & (first[event] > day), day, first[event])
        care.treat(day)
        many.people["acute_cause"] = 0
    for event, came_on in first.items():
        for days in (7, 30):
            # In the day loop who dies may present on the same day; half of these deaths come first.
            before = np.where(came_on == first[DEATH], 0.5, came_on < first[DEATH])
            came = (came_on <= days) * (before if event != DEATH else 1.0)
            error = came.reshape(len(people), lives).std(axis=1).mean() / np.sqrt(came.size)
            # Members' own luck in the forecast: 16 lives a person, the spread of chances between them.
            spread = (made.risk(event, days).high - made.risk(event, days).low).mean() / 3.3
            luck = spread / np.sqrt(len(people) * MEMBERS)
            assert abs(made.risk(event, days).probability.mean() - came.mean()) < 4 * np.hypot(error, luck)


def test_a_forecast_leaves_the_belief_alone_and_repeats_itself(people, made):
    belief = belief_of(people, core(RandomKey(8)))
    before = belief.ensemble.people.copy()
    again = forecast(belief, 30)
    for kind in ("real", "code"):
        assert np.array_equal(belief.ensemble.people.block(kind), before.block(kind))
    assert np.array_equal(again.bands["weight_kg"], made.bands["weight_kg"])
    assert np.array_equal(again.risk(DEATH, 30).probability, made.risk(DEATH, 30).probability)
    assert set(made.risks) == set(EVENTS) | {f"reaction_{kind}" for kind in KINDS}
    assert made.risk(DECOMPENSATION, 30).probability.mean() > made.risk(DECOMPENSATION, 7).probability.mean()
    assert (np.diff(made.bands["weight_kg"], axis=2) >= 0).all()


@pytest.mark.slow
def test_blocks_and_chosen_persons_change_nothing(people, made, monkeypatch):
    belief = belief_of(people, core(RandomKey(8)))
    monkeypatch.setattr(module, "BLOCK_ROWS", 7 * MEMBERS)
    blocks = forecast(belief, 30)
    for event in made.risks:
        assert np.array_equal(blocks.risk(event, 30).high, made.risk(event, 30).high)
    some = forecast(belief, 30, columns=("weight_kg",), events=(DEATH,), persons=np.array([3, 30]))
    assert np.array_equal(some.bands["weight_kg"], made.bands["weight_kg"][[3, 30]])
    assert np.array_equal(some.risk(DEATH, 30).low, made.risk(DEATH, 30).low[[3, 30]])


def test_more_diuretic_takes_fluid_away(people, made):
    """But not from one in forty who is dried out at once: the driest members die, or give drugs up."""
    belief = belief_of(people, core(RandomKey(8)))
    doses = {"loop_diuretic_mg_day": 3 * people["loop_diuretic_mg_day"] + 40}
    more = forecast(belief, 30, doses=doses)
    assert (more.bands["weight_kg"][:, -1, 2] < made.bands["weight_kg"][:, -1, 2]).mean() > 0.95
    less = more.risk(DECOMPENSATION, 30).probability.mean()
    assert less < made.risk(DECOMPENSATION, 30).probability.mean()


def test_reactions_are_counted_by_their_first_day():
    people = Population(SCHEMA, np.arange(2))
    people["alive"], people["reaction"] = [1, 0], 0
    found = forecast(belief_of(people, Reacting()), 7, columns=(), events=(REACTION,))
    risk, slow = found.risk(REACTION, 7), found.risk("reaction_bradycardia", 7)
    assert risk.probability[0] == pytest.approx(8.5 / 17)  # 8 of 16 members: Jeffreys' (8 + 1/2) / (16 + 1)
    assert slow.probability[0] == risk.probability[0]
    assert found.risk("reaction_hypotension", 7).probability[0] == pytest.approx(0.5 / 17)
    # Ends of the 90% interval of a Beta(8.5, 8.5), from its symmetry and published quantiles by numerical integration.
    assert risk.low[0] + risk.high[0] == pytest.approx(1.0)
    grid = np.linspace(0, 1, 200_001)
    cumulated = np.cumsum((grid * (1 - grid)) ** 7.5)
    assert risk.low[0] == pytest.approx(grid[np.searchsorted(cumulated / cumulated[-1], 0.05)], abs=1e-4)
    assert np.isnan(risk.probability[1])
    had = Population(SCHEMA, np.arange(1))
    had["alive"], had["reaction"] = 1, 1
    again = forecast(belief_of(had, Reacting()), 7, columns=(), events=(REACTION,))
    assert again.risk(REACTION, 7).probability[0] == pytest.approx(0.5 / 17)  # it is there already


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"days": 0}, "days = 0: must be between 1 and 3653"),
        ({"columns": ("wait_kg",)}, "no column 'wait_kg': did you mean 'weight_kg'"),
        ({"events": ("deth",)}, "no risk 'deth': did you mean 'death'"),
    ],
)
def test_what_cannot_be_forecast_is_refused(people, asked, refusal):
    with pytest.raises(InputError, match=refusal):
        forecast(belief_of(people, Still()), **asked)


def test_what_was_not_forecast_is_not_handed_out(made):
    with pytest.raises(InputError, match="no risk within 90 days: must be one of 7, 30"):
        made.risk(DEATH, 90)
    with pytest.raises(InputError, match="no risk 'deaths': did you mean 'death'"):
        made.risk("deaths", 30)
