"""Beliefs about simulated people, of whom the truth is known: intervals that cover, flat ranks, parameters recovered.

1,000 people of the cohort live for 40 days with daily weight, pressure and pulse, fortnightly potassium and filtration,
one natriuretic peptide a month and one echo at entry; the belief knows age, sex, diagnoses and doses and has 100
members. Their class is recorded at entry and each fortnight, one in four times one too high or too low. Nothing here
is a published number: the truth comes from the same simulator, as the test is of the filter.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from people import core

from popsim.assimilation.belief import Belief
from popsim.assimilation.prior import members_of
from popsim.assimilation.sensors import Sensor
from popsim.evidence.sets import SHIPPED
from popsim.kernels.numerics.random import RandomKey
from popsim.population.clock import Clock
from popsim.population.cohort import CohortSource
from popsim.population.sampling import sample
from popsim.simulation.schema import SCHEMA

PEOPLE, MEMBERS, DAYS, EVENINGS = 1000, 100, 40, 10
KNOWN = (
    "age_years", "female", "diabetes", "ckd", "atrial_fibrillation", "copd", "beta_blocker_fraction",
    "ras_inhibitor_fraction", "neprilysin_inhibitor_fraction", "mra_fraction", "sglt2_inhibitor_fraction",
    "loop_diuretic_mg_day",
)  # fmt: skip
SENSORS = (
    Sensor("scale", "weight_kg", noise_sd=0.4, bias_sd=0.5),
    Sensor("cuff", "systolic_mmhg", noise_sd=8.0, bias_sd=4.0),
    Sensor("pulse", "heart_rate_bpm", noise_sd=5.0),
    Sensor("potassium", "potassium_mmol_l", noise_sd=0.15),
    Sensor("creatinine", "gfr_ml_min", noise_share=0.05, bias_sd=6.0),
    Sensor("peptide", "nt_probnp_pg_ml", noise_share=0.25, logarithmic=True),
    Sensor("echo", "ejection_fraction_percent", noise_sd=5.0, bias_sd=2.0),
)
DAILY, FORTNIGHTLY, MONTHLY = (0, 1, 2), (3, 4), (5,)
CLASS_ERROR = 0.25


class Watched:
    """People, a belief about them, and readings with errors of their own."""

    def __init__(self):
        cohort = CohortSource.read(Path(__file__).parents[2] / "cohorts" / "heart_failure_discharge.toml")
        self.truth = sample(cohort, SCHEMA, PEOPLE, RandomKey(7))
        self.truth["alive"] = 1
        self.physiology = core(key=RandomKey(7))
        self.physiology.initialise(self.truth)
        ensemble = members_of(
            cohort, {name: self.truth[name] for name in KNOWN}, members=MEMBERS, schema=SCHEMA,
            physiology=self.physiology, person_id=self.truth.person_id, key=RandomKey(7), sensors=SENSORS,
            parameters=SHIPPED["twinning"],
        )  # fmt: skip
        self.belief = Belief(ensemble, self.physiology, SENSORS, key=RandomKey(7), parameters=SHIPPED)
        self.rng, self.class_rng = np.random.default_rng(1), np.random.default_rng(2)
        self.bias = np.stack([sensor.bias_sd * self.rng.standard_normal(PEOPLE) for sensor in SENSORS])
        self.unread = Belief(ensemble.copy(), self.physiology, SENSORS, key=RandomKey(7), parameters=SHIPPED)
        self.belief.assimilate_classes(self.classes(), CLASS_ERROR)
        self.belief.assimilate(self.readings(range(len(SENSORS))))

    def readings(self, places):
        out = np.full((len(SENSORS), PEOPLE), np.nan)
        for place in places:
            sensor, z = SENSORS[place], self.rng.standard_normal(PEOPLE)
            value = self.truth[sensor.column].astype(float)
            plain = value * (1 + sensor.noise_share * z) + sensor.noise_sd * z + self.bias[place]
            out[place] = value * np.exp(sensor.noise_share * z) if sensor.logarithmic else plain
        return out

    def classes(self):
        u = self.class_rng.random(PEOPLE)
        wrong = (u > 1 - CLASS_ERROR / 2).astype(int) - (u < CLASS_ERROR / 2)
        return np.clip(self.truth["nyha_class"] + wrong, 1, 4).astype(np.int8)

    def live(self, day):
        self.physiology.advance(self.truth, Clock(day))
        self.belief.advance(Clock(day))
        self.unread.advance(Clock(day))
        if day > 0 and day % 14 == 0:
            self.belief.assimilate_classes(self.classes(), CLASS_ERROR)
        due = (*DAILY, *(FORTNIGHTLY if day % 14 == 0 else ()), *(MONTHLY if day % 30 == 0 else ()))
        self.belief.assimilate(self.readings(due))
        self.belief.update_events(self.truth["acute_cause"].copy())

    def errors(self, name, belief=None):
        """Root mean square error of the mean, and of the spread that the belief has."""
        ensemble = (belief or self.belief).ensemble
        weights = ensemble.weights()
        mean = ensemble.mean(name)
        spread = np.sqrt((weights * (ensemble.of(name) - mean[:, None]) ** 2).sum(axis=1).mean())
        return np.sqrt(((mean - self.truth[name]) ** 2).mean()), spread

    def covered(self, name):
        low, high = (self.belief.ensemble.quantile(name, q) for q in (0.05, 0.95))
        return np.mean((self.truth[name] >= low) & (self.truth[name] <= high))

    def ranks(self, name):
        """Share of people in each fifth of their belief."""
        below = (self.belief.ensemble.weights() * (self.belief.ensemble.of(name) < self.truth[name][:, None])).sum(1)
        return np.histogram(below, 5, (0, 1))[0] / PEOPLE


HIDDEN = (
    "symptom_score", "untreated_systolic_mmhg", "untreated_gfr_ml_min", "baseline_filling_pressure_mmhg",
    "filling_pressure_mmhg", "dry_weight_kg", "adherence_trait", "usual_salt_g_day",
)  # fmt: skip
CALIBRATED = ("weight_kg", "systolic_mmhg", "gfr_ml_min", *HIDDEN[:4], "adherence_trait", "usual_salt_g_day")
# Up to three points off: the pulse jumps with shocks that few members have, fluid is skewed, laboratory values and
# pressures are believed a little less than they deserve (see `widening`).
NEARLY = ("potassium_mmol_l", "ejection_fraction_percent", "filling_pressure_mmhg", "dry_weight_kg", "heart_rate_bpm",
          "extracellular_fluid_excess_l")  # fmt: skip
STANDARD_ERROR = np.sqrt(0.2 * 0.8 / PEOPLE)  # of the share of people in a fifth of their belief


@pytest.fixture(scope="module")
def watched():
    people = Watched()
    people.evenings = []
    for day in range(DAYS):
        people.live(day)
        if day >= DAYS - EVENINGS:
            people.evenings.append({name: people.covered(name) for name in NEARLY})
    return people


@pytest.mark.parametrize("name", CALIBRATED)
def test_ninety_per_cent_intervals_cover_88_to_92_per_cent_and_ranks_are_flat(watched, name):
    """Ranks: each fifth within 4 standard errors (5 points) of a fifth."""
    assert 0.88 <= watched.covered(name) <= 0.92
    assert np.abs(watched.ranks(name) - 0.2).max() < 4 * STANDARD_ERROR


@pytest.mark.parametrize("name", NEARLY)
def test_other_intervals_cover_85_to_94_per_cent(watched, name):
    """Mean of ten evenings: that of one evening has a standard error of a point."""
    assert 0.85 <= np.mean([evening[name] for evening in watched.evenings]) <= 0.94


@pytest.mark.parametrize("name", [*CALIBRATED, "filling_pressure_mmhg", "dry_weight_kg"])
def test_the_belief_knows_how_wrong_it_is(watched, name):
    """The spread is the root mean square error within 4 of the latter's standard errors (1 / sqrt(2000) = 2.2%)."""
    error, spread = watched.errors(name)
    assert spread == pytest.approx(error, rel=4 / np.sqrt(2 * PEOPLE))


@pytest.mark.parametrize(
    ("name", "share"),
    [("untreated_systolic_mmhg", 0.3), ("untreated_gfr_ml_min", 0.4), ("dry_weight_kg", 0.1), ("symptom_score", 0.7),
     ("baseline_filling_pressure_mmhg", 0.75), ("filling_pressure_mmhg", 0.7), ("peptide_residual", 0.6),
     ("class_judgement", 0.95)],
)  # fmt: skip
def test_hidden_parameters_are_recovered(watched, name, share):
    """Errors are down to a share of those of the same belief without readings, though no sensor shows these.

    A peptide alone tells little of the pressure of a person whose residual is not known: 0.085/mmHg x 3 mmHg is a third
    of the residual and the reading's error, sqrt(0.7**2 + 0.25**2), which leaves 1 / sqrt(1 + 1/9) = 0.95 of the error;
    it tells the residual, of which sqrt((0.25**2 + 0.26**2) / (0.7**2 + 0.25**2 + 0.26**2)) = 0.46 is left. The rest
    comes from the class.
    """
    assert watched.errors(name)[0] < share * watched.errors(name, watched.unread)[0]
