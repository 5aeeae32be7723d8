"""Ensembles: views, weights, quantiles, copies and bytes; beliefs' beginnings."""

from __future__ import annotations

import numpy as np
import pytest
from linear_world import SCHEMA, believe

from popsim.assimilation.ensemble import Ensemble
from popsim.assimilation.prior import member_ids, members_of
from popsim.assimilation.sensors import Sensor, sensors_of, table
from popsim.errors import InputError
from popsim.evidence.sets import SHIPPED
from popsim.kernels.numerics.random import RandomKey
from popsim.population.columns import Column, Schema
from popsim.population.population import Population
from popsim.simulation.schema import SCHEMA as TWIN_SCHEMA


def test_members_of_a_person_are_neighbours_and_weights_sum_to_one():
    ensemble = believe(3, 4, seed=1).ensemble
    ensemble.log_weight[:4] = np.log([1, 2, 3, 4])
    assert ensemble.weights()[0] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert ensemble.weights().sum(axis=1) == pytest.approx([1, 1, 1])
    assert ensemble.mean("level")[0] == pytest.approx(ensemble.people["level"][:4] @ [0.1, 0.2, 0.3, 0.4], rel=1e-6)
    ensemble.of("level")[1] = 7.0
    assert (ensemble.people["level"][4:8] == 7.0).all()
    assert list(ensemble.repeat([1, 2, 3])) == [1] * 4 + [2] * 4 + [3] * 4


def test_bytes_bring_back_everything_and_refuse_other_columns():
    ensemble = believe(3, 4, seed=1, bias_sd=1.0, memory_days=2).ensemble
    ensemble.log_weight[:] = np.arange(12)
    back = Ensemble.from_bytes(SCHEMA, ensemble.to_bytes())
    assert back.to_bytes() == ensemble.to_bytes()
    assert (back.memory.shape, back.members) == ((2, 12), 4)
    chosen = ensemble.chosen(np.array([2, 0]))
    assert (chosen.people.person_id == [8, 9, 10, 11, 0, 1, 2, 3]).all()
    assert (chosen.bias[0] == ensemble.bias[0, [8, 9, 10, 11, 0, 1, 2, 3]]).all()
    other = Schema([Column("level", "real", "1", 0, 1, "level", "physiology")])
    with pytest.raises(InputError, match="other columns"):
        Ensemble.from_bytes(other, ensemble.to_bytes())


def test_ensembles_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="members = 3"):
        Ensemble(Population(SCHEMA, np.arange(8)), 3)
    with pytest.raises(InputError, match="members = 1"):
        member_ids(np.arange(2), 1)


def test_members_share_luck_with_nobody():
    ids = member_ids(np.array([0, 5, 10_000_000]), 200)
    assert len(np.unique(ids)) == 600
    assert ids.min() > 1_000_000_000


@pytest.mark.parametrize(
    ("sensor", "said"),
    [
        (Sensor("x", "nowhere", noise_sd=1.0), "not a real column"),
        (Sensor("x", "level"), "noise must be above 0"),
        (Sensor("x", "level", noise_sd=-1.0), "noise must be above 0"),
    ],
)
def test_sensors_that_do_not_fit_are_refused(sensor, said):
    with pytest.raises(InputError, match=said):
        table([sensor], SCHEMA)


def test_sensors_come_from_the_signals_with_codes_and_units():
    sensors = {sensor.name: sensor for sensor in sensors_of(TWIN_SCHEMA, SHIPPED["twinning"])}
    assert sensors["weight_kg"].loinc == "29463-7"
    assert sensors["nt_probnp_pg_ml"].logarithmic
    assert not sensors["potassium_mmol_l"].logarithmic


def test_a_prior_needs_known_columns_that_there_are():
    kept = {"members": 8, "schema": TWIN_SCHEMA, "physiology": None, "key": RandomKey(1), "cohort": None}
    kept["parameters"] = SHIPPED["twinning"]
    for known, said in (
        ({}, "at least one"),
        ({"age": np.ones(2)}, "no such column"),
        ({"age_years": np.ones(3)}, "must be"),
    ):
        with pytest.raises(InputError, match=said):
            members_of(known=known, person_id=np.arange(2), **kept)
