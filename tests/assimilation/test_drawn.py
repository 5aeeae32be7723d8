"""Forecasts under draws of the parameters: each member lives by its own, at the set point that the belief found."""

from pathlib import Path

import numpy as np
import pytest

from popsim.assimilation.belief import Belief
from popsim.assimilation.drawn import SET_POINT, ParameterDraw, lives_of, of_all, parameter_draws
from popsim.assimilation.forecast import DEATH, PRESENTATION, forecast
from popsim.assimilation.prior import members_of
from popsim.evidence.sets import SHIPPED
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology import build_physiology
from popsim.population.cohort import CohortSource
from popsim.simulation.schema import SCHEMA

COHORT = CohortSource.read(Path(__file__).parents[2] / "cohorts" / "heart_failure_discharge.toml")
KEY, MEMBERS = RandomKey(2), 24


def drawn(**changes):
    """A draw in which some parameters of heart failure differ."""
    sets = SHIPPED.with_values({f"heart_failure.{name}": value for name, value in changes.items()})
    return ParameterDraw(build_physiology(SCHEMA, sets, key=KEY), sets)


@pytest.fixture(scope="module")
def belief():
    physiology = build_physiology(SCHEMA, SHIPPED, key=KEY)
    ensemble = members_of(
        COHORT, {"age_years": np.array([70.0, 82.0]), "sglt2_inhibitor_fraction": np.array([1.0, 0.0])},
        members=MEMBERS, schema=SCHEMA, physiology=physiology, person_id=np.array([3, 4]), key=KEY,
        parameters=SHIPPED["twinning"],
    )  # fmt: skip
    return Belief(ensemble, physiology, (), key=KEY, parameters=SHIPPED)


def foreseen(belief, *draws):
    return forecast(belief, 20, parameters=SHIPPED, draws=draws, events=(PRESENTATION, DEATH), horizons=(20,))


def test_a_draw_of_the_same_parameters_changes_nothing(belief):
    alone, together = foreseen(belief), foreseen(belief, drawn(), drawn(), drawn())
    for event in (PRESENTATION, DEATH):
        np.testing.assert_array_equal(alone.risk(event, 20).probability, together.risk(event, 20).probability)
    for name, band in alone.bands.items():
        np.testing.assert_array_equal(band, together.bands[name])


def test_members_are_dealt_out_to_the_draws_and_live_by_them(belief):
    mild, severe = drawn(), drawn(usual_symptom_time_constant_days=20.0, nt_probnp_at_reference_pg_ml=3000.0)
    both, all_mild, all_severe = foreseen(belief, mild, severe), foreseen(belief, mild), foreseen(belief, severe)
    peptide = ("nt_probnp_pg_ml", 20)
    np.testing.assert_array_equal(both.members[peptide][:, 0::2], all_mild.members[peptide][:, 0::2])
    np.testing.assert_array_equal(both.members[peptide][:, 1::2], all_severe.members[peptide][:, 1::2])
    assert (all_severe.members[peptide] > all_mild.members[peptide]).all()


def test_a_draw_keeps_the_set_point_that_the_belief_has_found(belief):
    """Members at steady state: their intercepts become those of the steady state under the drawn parameters."""
    draw = drawn(sglt2_natriuresis_l_day=0.2, gfr_dip_sglt2_ml_min=6.0)
    people = belief.ensemble.people.copy()
    draw.physiology.initialise(people)
    [lives] = lives_of(belief.ensemble, belief.physiology, [draw])
    changed = {name: (lives.people[name] != belief.ensemble.people[name]) for name in SET_POINT}
    for name in SET_POINT:
        np.testing.assert_allclose(lives.people[name], people[name], rtol=1e-5, atol=1e-5)
    treated = belief.ensemble.people["sglt2_inhibitor_fraction"] > 0
    assert (changed["intrinsic_natriuresis_l_day"] == treated).all()


def test_values_of_all_members_come_in_their_order(belief):
    lives = lives_of(belief.ensemble, belief.physiology, [drawn()] * 5)
    found = of_all(lives, lambda one: one.people.person_id)
    np.testing.assert_array_equal(found, belief.ensemble.people.person_id)
    assert len(lives_of(belief.ensemble, belief.physiology, [drawn()] * 30)) == MEMBERS


def test_draws_are_keyed_and_differ():
    one, again = (parameter_draws(SHIPPED, SCHEMA, key=KEY, number=2) for _ in range(2))
    name = "heart_failure_log_propensity_sd"
    uncertain = [set_name for set_name in SHIPPED["heart_failure"] if one[0].parameters["heart_failure"][set_name]
                 != one[1].parameters["heart_failure"][set_name]]  # fmt: skip
    assert len(uncertain) > 10
    assert [d.parameters["heart_failure"][name] for d in one] == [d.parameters["heart_failure"][name] for d in again]


@pytest.mark.slow
def test_what_is_not_known_of_the_parameters_widens_the_interval_of_a_risk(belief):
    draws = parameter_draws(SHIPPED, SCHEMA, key=KEY, number=8)
    alone, widened = (foreseen(belief, *some).risk(DEATH, 20) for some in ((), draws))
    spread = [np.log(risk.high / risk.low).mean() for risk in (alone, widened)]
    assert spread[1] > spread[0]
    assert widened.probability == pytest.approx(alone.probability, rel=0.5)
