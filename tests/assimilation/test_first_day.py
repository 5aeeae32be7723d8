"""The first day of a belief: what follows from the state follows at once, and a class is taken in by Bayes' rule."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from linear_world import EXACT, LinearBelief
from scipy.stats import norm, truncnorm

from popsim.assimilation.belief import Belief
from popsim.assimilation.ensemble import Ensemble
from popsim.assimilation.prior import members_of
from popsim.assimilation.sensors import sensors_of
from popsim.errors import InputError
from popsim.evidence.sets import SHIPPED
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.seeing import chance_of_class
from popsim.physiology import build_physiology
from popsim.population.clock import Clock
from popsim.population.cohort import CohortSource
from popsim.population.columns import Column, Schema
from popsim.population.population import Population
from popsim.simulation.schema import SCHEMA

COHORT = CohortSource.read(Path(__file__).parents[2] / "cohorts" / "heart_failure_discharge.toml")
MEMBERS = 200
OF = SHIPPED["heart_failure"]


def believed(*, fibrillation=1, classes=0, **readings):
    """The belief of the first day about a woman of 74, from a class and readings."""
    sensors = sensors_of(SCHEMA, SHIPPED["twinning"])
    physiology = build_physiology(SCHEMA, SHIPPED, key=RandomKey(3))
    known = {"age_years": 74.0, "female": 1, "atrial_fibrillation": fibrillation, "height_cm": 163.0}
    ensemble = members_of(
        COHORT, {name: np.array([value]) for name, value in known.items()}, members=MEMBERS, schema=SCHEMA,
        physiology=physiology, person_id=np.array([5]), key=RandomKey(3), sensors=sensors,
        parameters=SHIPPED["twinning"],
    )  # fmt: skip
    belief = Belief(ensemble, physiology, sensors, key=RandomKey(3), parameters=SHIPPED)
    if classes:
        belief.assimilate_classes(np.array([classes], np.int8), 0.25)
    belief.assimilate(np.array([[readings.get(sensor.name, np.nan)] for sensor in sensors]))
    return belief


def shares(belief):
    """Believed probability of each class."""
    return np.bincount(belief.ensemble.of("nyha_class")[0], belief.ensemble.weights()[0], 5)[1:]


@pytest.mark.parametrize("told", [1, 2, 3])
def test_the_class_that_is_told_is_the_likeliest_on_the_first_day(told):
    found = shares(believed(classes=told, gfr_ml_min=33.0))
    assert found.argmax() + 1 == told
    assert found[np.abs(np.arange(1, 5) - told) > 1].sum() < 0.05


def test_a_fourth_class_that_few_members_have_leaves_nobody_well():
    found = shares(believed(classes=4))
    assert found[:2].sum() < 0.1
    assert found[3] > 3 * shares(believed())[3]


def test_filtration_is_believed_as_it_is_read_beside_a_class():
    belief = believed(classes=3, gfr_ml_min=33.0)
    low, high = (belief.ensemble.quantile("gfr_ml_min", q)[0] for q in (0.25, 0.75))
    assert low < 33.0 < high


def test_the_peptide_of_the_first_day_is_that_of_the_state_and_hardly_changes_overnight():
    """The log-linear formula of the definition, from each member's pressure, ejection fraction, kidney and residual."""
    belief = believed(classes=3, gfr_ml_min=33.0, ejection_fraction_percent=30.0)
    people = belief.ensemble.people
    one = {name: people[name].astype(float) for name in people}
    bmi = np.clip(one["dry_weight_kg"] / 1.63**2, 18, 45)
    slow = np.log(
        people["nt_probnp_pg_ml"].astype(float)
        / OF["nt_probnp_at_reference_pg_ml"]
    ) - (
        OF["nt_probnp_log_per_mmhg"] * (one["filling_pressure_mmhg"] - 15.0)
        - OF["nt_probnp_log_more_per_mmhg_below"]
        * np.maximum(OF["nt_probnp_normal_pressure_mmhg"] - one["filling_pressure_mmhg"], 0.0)
        - OF["nt_probnp_log_per_ef"] * (one["ejection_fraction_percent"] - 30.0)
        + OF["nt_probnp_log_per_year"] * (74.0 - 64.0)
        + OF["nt_probnp_log_atrial_fibrillation"]
        - OF["nt_probnp_log_per_bmi"] * (bmi - 28.0)
        + OF["nt_probnp_log_residual_sd"] * one["peptide_residual"]
    )  # fmt: skip
    # What is left is the kidney's part, which falls with filtration and depends on nothing else.
    order = np.argsort(one["gfr_ml_min"])
    assert (np.diff(slow[order]) < 1e-4).all()
    before = belief.ensemble.quantile("nt_probnp_pg_ml", 0.5)[0]
    belief.advance(Clock(1))
    assert belief.ensemble.quantile("nt_probnp_pg_ml", 0.5)[0] == pytest.approx(before, rel=0.1)


def test_a_weaker_heart_and_kidney_and_fibrillation_raise_the_peptide_of_the_first_day():
    levels = [
        believed(fibrillation=fibrillation, classes=3, gfr_ml_min=gfr, ejection_fraction_percent=ef)
        .ensemble.quantile("nt_probnp_pg_ml", 0.5)[0]
        for fibrillation, gfr, ef in ((0, 90.0, 60.0), (0, 90.0, 25.0), (0, 30.0, 25.0), (1, 30.0, 25.0))
    ]  # fmt: skip
    assert (np.diff(levels) > 0).all()


def test_a_peptide_that_is_read_moves_the_residual():
    usual = believed(classes=2, gfr_ml_min=60.0, ejection_fraction_percent=35.0)
    expected = usual.ensemble.quantile("nt_probnp_pg_ml", 0.5)[0]
    high = believed(classes=2, gfr_ml_min=60.0, ejection_fraction_percent=35.0, nt_probnp_pg_ml=3 * expected)
    assert high.ensemble.mean("peptide_residual")[0] > usual.ensemble.mean("peptide_residual")[0] + 0.5
    assert high.ensemble.quantile("nt_probnp_pg_ml", 0.5)[0] == pytest.approx(3 * expected, rel=0.25)


def test_a_class_is_taken_in_by_bayes_rule():
    """Closed form: a normal score and judgement, and a class that is right, or one off, in known shares.

    The judged score is a mixture of truncated normals; score and judgement follow it by their exact regressions. 40,000
    members: standard errors of a mean below 0.01, and quantiles by interpolation between members.
    """
    members, sd, mean = 40_000, 1.1, 2.6
    spread = OF["nyha_judgement_sd"]
    schema = Schema([Column(n, "real", "1", -1e6, 1e6, "", "physiology") for n in ("symptom_score", "class_judgement")])
    people, rng = Population(schema, np.arange(members, dtype=np.int64)), np.random.default_rng(4)
    people["symptom_score"], people["class_judgement"] = rng.normal(mean, sd, members), rng.normal(size=members)
    belief = LinearBelief(
        Ensemble(people, members), None, [], key=RandomKey(1), estimated=schema.columns, parameters=SHIPPED
    )
    belief._constants = EXACT
    belief.assimilate_classes(np.array([3], np.int8), 0.25)
    total = np.hypot(sd, spread)
    ends = (np.array([-np.inf, OF["nyha_2_from"], OF["nyha_3_from"], OF["nyha_4_from"], np.inf]) - mean) / total
    chances = np.diff(norm.cdf(ends)) * np.array([1e-6, 0.125, 0.75, 0.125])
    means = [truncnorm.mean(low, high) for low, high in pairwise(ends)]
    shift = total * (chances * means).sum() / chances.sum()
    assert people["symptom_score"].mean() == pytest.approx(mean + shift * sd**2 / total**2, abs=0.02)
    assert people["class_judgement"].mean() == pytest.approx(shift * spread / total**2, abs=0.02)


def test_what_a_class_may_be_recorded_as_sums_to_one():
    for true in (1.0, 2.0, 3.0, 4.0):
        chances = [chance_of_class(true, told, 0.25) for told in (1, 2, 3, 4)]
        assert sum(chances) == pytest.approx(1.0, abs=1e-5)
        assert chances[int(true) - 1] == (0.875 if true in (1.0, 4.0) else 0.75)


def test_weak_kidneys_that_a_reading_reveals_were_in_balance_all_the_same():
    """A reading is no illness: members whose filtration it lowers retain hardly more fluid in the weeks after.

    By the fluid balance, at 40 mg of furosemide a fall from 58 to 33 mL/min that came as an illness would retain
    more than a litre within a month.
    """
    excess = []
    for readings in ({}, {"gfr_ml_min": 33.0}):
        belief = believed(**readings)
        belief.ensemble.people["loop_diuretic_mg_day"] = 40.0
        for day in range(1, 21):
            belief.advance(Clock(day))
        excess.append(belief.ensemble.mean("extracellular_fluid_excess_l")[0])
    assert excess[1] - excess[0] < 0.4


@pytest.mark.parametrize(
    ("classes", "error", "said"),
    [([5], 0.25, "1 to 4"), ([-1], 0.25, "1 to 4"), ([2, 3], 0.25, "shape"), ([2], float("nan"), "error")],
)
def test_a_class_that_is_none_is_refused(classes, error, said):
    with pytest.raises(InputError, match=said):
        believed().assimilate_classes(np.array(classes), error)
