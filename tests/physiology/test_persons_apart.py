"""What sets persons apart for good: propensities, modes of death, and how severity is seen; against closed forms and
published cohorts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from people import CALIBRATED, NO_AGEING, NO_SHOCKS, Ward, alike, core, discharged, sets

from popsim.evidence.parameters import load_parameters
from popsim.evidence.sets import SHIPPED, Parameters
from popsim.kernels.codes import (
    CARDIOVASCULAR_DEATHS,
    CAUSE_HEART_FAILURE,
    CAUSE_OTHER,
    DIED_OF_PUMP_FAILURE,
    DIED_OF_SUDDEN,
)
from popsim.kernels.numerics.random import RandomKey
from popsim.population.clock import Clock
from popsim.population.population import Population

CONSTANTS = load_parameters("heart_failure")
TRAITS = ("presentation_propensity", "death_propensity", "peptide_residual", "class_judgement")
NO_DEATH = {"death_highest_per_day": 0.0}
WITHOUT = {"age_years": 65.0, "baseline_ejection_fraction_percent": 62.0, "baseline_filling_pressure_mmhg": 7.5,
           "baseline_gfr_ml_min": 80.0, "frailty": 0.15, "loop_diuretic_mg_day": 0.0, "beta_blocker_fraction": 0.0,
           "ras_inhibitor_fraction": 0.0}  # fmt: skip


def settled(people: Population, parameters: Parameters = SHIPPED) -> Population:
    core(parameters, RandomKey(5)).initialise(people)
    return people


def stable(size: int, preserved: bool, pressure: float = 14.0, seed: int = 1, **columns: Any) -> Population:
    """Out-patients as trials enrol them: reduced 66 years old, preserved 72 and heavier."""
    random, people = np.random.default_rng(seed), discharged(size, seed)

    def normal(mean: float, sd: float, low: float, high: float):
        return np.clip(random.normal(mean, sd, size), low, high)

    age, fraction, gfr = (72, 57, 62) if preserved else (66, 31, 66)
    people["age_years"] = normal(age, 10, 40, 95)
    people["baseline_ejection_fraction_percent"] = (
        normal(fraction, 7, 45, 75) if preserved else normal(fraction, 7, 12, 40)
    )
    people["baseline_gfr_ml_min"] = normal(gfr, 19, 28, 120)
    people["baseline_filling_pressure_mmhg"] = normal(pressure, 2.5, 7, 24)
    people["height_cm"], people["dry_weight_kg"] = 168.0, normal(85 if preserved else 79, 15, 45, 150)
    people["atrial_fibrillation"] = random.random(size) < 0.35
    people["copd"] = random.random(size) < 0.12
    people["frailty"] = normal(0.23, 0.09, 0.03, 0.7)
    people["adherence_trait"] = normal(0.92, 0.06, 0.5, 1.0)
    people["beta_blocker_fraction"], people["ras_inhibitor_fraction"], people["mra_fraction"] = 0.55, 0.6, 0.5
    people["life_table_hazard_per_day"] = 0.016 * np.exp(0.09 * (people["age_years"] - 66)) / 365.25
    people["deconditioning"] = people["extracellular_fluid_excess_l"] = 0.0
    for name, value in columns.items():
        people[name] = value
    return people


class Course:
    """Years of people whom a ward treats: heart-failure admissions of each, and who died of what on which day."""

    def __init__(self, people: Population, days: int, parameters: Parameters = CALIBRATED) -> None:
        self.people, self.days = people, days
        body, ward, clock = core(parameters, RandomKey(7)), Ward(people), Clock()
        body.initialise(people)
        self.judged = people["nyha_class"].copy()
        for day in range(days):
            body.advance(people, clock)
            ward.treat(day)
            clock.tick()
        self.lived = np.minimum(ward.died, days) / 365.25
        failing = [row for row, _, cause in ward.admissions if cause == CAUSE_HEART_FAILURE]
        self.admissions = np.bincount(failing, minlength=len(people))
        self.died_of = people["death_cause"].astype(int)

    def rate(self, of: np.ndarray) -> float:
        """Heart-failure admissions per person-year."""
        return float(self.admissions[of].sum() / self.lived[of].sum())

    def share(self, modes: tuple[int, ...]) -> float:
        """Share of deaths."""
        dead = self.died_of > 0
        return float(np.isin(self.died_of[dead], modes).mean())


def test_traits_are_independent_standard_normals_that_belong_to_the_person():
    people = settled(discharged(20_000))
    drawn = np.array([people[name] for name in TRAITS])
    assert np.abs(drawn.mean(axis=1)).max() < 4 / np.sqrt(20_000)
    assert np.abs(drawn.var(axis=1) - 1).max() < 4 * np.sqrt(2 / 20_000)
    assert np.abs(np.corrcoef(drawn) - np.eye(4)).max() < 4 / np.sqrt(20_000)
    some = discharged(300)
    some.person_id[:] = people.person_id[1000:1300]
    assert np.array_equal(settled(some)["death_propensity"], people["death_propensity"][1000:1300])


def test_the_usual_score_is_that_of_the_set_point_and_follows_over_three_months():
    wet = alike(1, extracellular_fluid_excess_l=6.0, infection_severity=0.5)
    dry = settled(alike(1))
    assert settled(wet)["usual_symptom_score"][0] == dry["usual_symptom_score"][0] == dry["symptom_score"][0]
    assert wet["symptom_score"][0] > dry["symptom_score"][0] + 2
    quiet = sets(heart_failure=NO_SHOCKS | NO_AGEING | NO_DEATH)
    body, clock, people = core(quiet), Clock(), alike(1)
    body.initialise(people)
    usual = people["usual_symptom_score"][0]
    for _ in range(90):
        people["symptom_score"] = usual + 2.0
        body.advance(people, clock)
        people["symptom_score"] = usual + 2.0
        clock.tick()
    # The kernel moves the score before the mean takes it in: by exp(-1 / 1.2) of the two points on every day.
    held = 2.0 * np.exp(-1 / CONSTANTS["symptom_time_constant_days"])
    assert people["usual_symptom_score"][0] - usual == pytest.approx(held * (1 - np.exp(-1)), rel=0.03)


@pytest.mark.slow
def test_propensity_inflates_the_variance_of_counts_as_a_log_normal_mixture_of_poissons():
    """Var = m + m^2 (exp(sd^2) - 1) and, between the counts of two periods, covariance m^2 (exp(sd^2) - 1).

    Counts of other presentations of alike twins that never age and whom nobody treats: a constant hazard.
    """
    sd, people = 0.5, alike(6000)
    quiet = NO_SHOCKS | NO_AGEING | NO_DEATH | {"other_presentation_log_propensity_sd": sd}
    body, clock = core(sets(heart_failure=quiet), RandomKey(9)), Clock()
    body.initialise(people)
    counts = np.zeros((2, len(people)))
    for day in range(2 * 900):
        body.advance(people, clock)
        counts[day // 900] += people["acute_cause"] == CAUSE_OTHER
        clock.tick()
    mean = counts.mean()
    extra = mean * mean * (np.exp(sd * sd) - 1)
    # Standard errors of a variance and a covariance of log-normal mixtures by simulation: 4 and 3% of the extra.
    assert np.cov(counts)[0, 1] == pytest.approx(extra, rel=0.15)
    assert counts.var(axis=1).mean() == pytest.approx(mean + extra, rel=0.1)


def test_the_log_hazard_of_cardiovascular_death_has_the_two_parts_of_its_propensity():
    """Without a life table sudden death and pump failure are all there is: alike twins differ by propensity alone."""
    people = alike(4000, life_table_hazard_per_day=0.0)
    body = core(sets(heart_failure=NO_SHOCKS | NO_AGEING), RandomKey(3))
    body.initialise(people)
    body.advance(people, Clock())
    z, own = (people[name].astype(float) for name in TRAITS[:2])
    sd, shared = CONSTANTS["death_log_propensity_sd"], CONSTANTS["propensity_correlation"]
    log_hazard = np.log(people["death_hazard_per_day"].astype(float))
    expected = sd * (shared * z + np.sqrt(1 - shared**2) * own)
    np.testing.assert_allclose(log_hazard - log_hazard.mean(), expected - expected.mean(), atol=2e-3)


@pytest.fixture(scope="module")
def reduced() -> Course:
    return Course(stable(8000, preserved=False), 730)


@pytest.fixture(scope="module")
def preserved() -> Course:
    return Course(stable(8000, preserved=True), 730)


def test_class_three_has_about_twice_the_admissions_of_class_two(reduced, preserved):
    """By judged class. The hazard ratio of admission is 1.64 (1.43-1.88) adjusted (PMC7643562), unadjusted 2 to 3."""
    for course in (reduced, preserved):
        ratio = course.rate(course.judged == 3) / course.rate(course.judged == 2)
        assert 1.4 < ratio < 3.2


def test_earlier_admissions_predict_later_ones_and_death(reduced):
    """Recurrence: all admissions to first ones are 1.4 to 1.7 in trials; here beyond what a Poisson process gives."""
    counts = reduced.admissions
    poisson = 1 - np.exp(-counts.mean())
    assert (counts > 0).mean() < 0.85 * poisson
    assert counts.var() > 1.4 * counts.mean()
    z, dead = reduced.people["presentation_propensity"], reduced.died_of
    of_heart = np.isin(dead, CARDIOVASCULAR_DEATHS)
    assert of_heart[z > 1].mean() > 1.3 * of_heart[z < -1].mean()


def test_modes_of_death_are_those_of_trials_by_ejection_fraction(reduced, preserved):
    """Reduced: 80 to 85% cardiovascular, two in five sudden; preserved: 60 to 70% cardiovascular, a quarter sudden
    (TOPCAT, PARAGON-HF). Monte Carlo error of a share of some 1,200 deaths: 0.014. Without vessels nobody dies of
    infarction or stroke, so that the share of sudden deaths is somewhat higher here, and that of cardiovascular deaths
    lower: in I-PRESERVE 60% were cardiovascular, among them 5% infarction and 9% stroke, and 10% unknown (Zile 2010).
    That leaves 46 in 86 for the lower bound, less two standard errors."""
    assert 0.72 < reduced.share(CARDIOVASCULAR_DEATHS) < 0.88
    assert 0.35 < reduced.share((DIED_OF_SUDDEN,)) < 0.6
    assert 46 / 86 - 2 * 0.014 < preserved.share(CARDIOVASCULAR_DEATHS) < 0.72
    assert 0.15 < preserved.share((DIED_OF_SUDDEN,)) < 0.32


@pytest.mark.slow
def test_pump_failure_takes_a_larger_share_in_higher_classes():
    """MERIT-HF: 12, 26 and 56% in class II, III and IV."""
    shares = [
        Course(stable(4000, False, pressure, seed=3), 365).share((DIED_OF_PUMP_FAILURE,)) for pressure in (12, 22)
    ]
    assert shares[0] < 0.3
    assert shares[1] > 1.3 * shares[0]


@pytest.mark.slow
def test_people_without_heart_failure_have_next_to_no_admissions_for_it():
    people = alike(20_000, **WITHOUT)
    course = Course(people, 365)
    assert course.rate(np.ones(len(people), bool)) < 1e-3
    assert np.median(settled(alike(2001, **WITHOUT))["nt_probnp_pg_ml"]) < 125
    assert course.share((DIED_OF_SUDDEN, DIED_OF_PUMP_FAILURE)) < 0.05


@pytest.mark.parametrize(
    ("preserved", "fibrillate", "least", "second", "median"),
    [(False, 0.38, 600.0, 0.70, 1400.0), (True, 0.45, 300.0, 0.75, 950.0), (True, 0.0, 300.0, 0.75, 850.0)],
)
def test_one_severity_meets_class_and_natriuretic_peptide_of_a_baseline_table(
    preserved, fibrillate, least, second, median
):
    """Usual filling pressures of 12.8 mmHg on average, and what investigators ask for after two months of run-in: class
    II to IV and the peptide, of which those with a preserved fraction and atrial fibrillation need twice as much.

    DAPA-HF: II 68%, III 32%, 1437 pg/mL; DELIVER 75%, 24%, 1011 pg/mL (half had atrial fibrillation).
    """
    random = np.random.default_rng(8)
    seen = stable(20_000, preserved, 12.8, atrial_fibrillation=random.random(20_000) < fibrillate)
    Course(seen, 60, SHIPPED)
    needed = least * (1 + seen["atrial_fibrillation"] * preserved)
    included = (
        (seen["alive"] == 1)
        & (seen["care_level"] == 0)
        & (seen["nyha_class"] >= 2)
        & (seen["nt_probnp_pg_ml"] >= needed)
    )
    classes = seen["nyha_class"][included]
    assert (classes == 2).mean() == pytest.approx(second, abs=0.07)
    assert (classes == 4).mean() < 0.02
    assert np.median(seen["nt_probnp_pg_ml"][included]) == pytest.approx(median, rel=0.15)
    logs = np.log(seen["nt_probnp_pg_ml"][included])
    assert logs[classes == 3].mean() > logs[classes == 2].mean()
