"""A user's own organ system, as the README shows it."""

from pathlib import Path

import numpy as np
from numba import njit, prange

from popsim.care.network import CareNetwork
from popsim.definitions.strategy import Strategy
from popsim.kernels.numerics.random import RandomKey
from popsim.population.columns import Column, Schema
from popsim.population.sampling import CohortSource, sample
from popsim.simulation.model import PopulationModel
from popsim.simulation.schema import SCHEMA

FOLDER = Path(__file__).parent.parent.parent
HAEMOGLOBIN = Column("haemoglobin_g_l", "real", "g/L", 30, 220, "Blood haemoglobin.", "physiology", "718-7")


@njit(parallel=True, error_model="numpy")
def haemoglobin_day(step_days, alive, gfr, haemoglobin):
    """Relax towards 140 g/L less 0.6 g/L for each mL/min of filtration below 60, with a time constant of 60 days."""
    for i in prange(len(alive)):
        old = float(haemoglobin[i])
        target = 140.0 - 0.6 * max(60.0 - float(gfr[i]), 0.0)
        new = old + (target - old) * step_days / 60.0
        haemoglobin[i] = new if alive[i] else old


class Anaemia:
    def initialise(self, population, influences):
        population["haemoglobin_g_l"] = 140.0

    def advance(self, population, clock, influences):
        columns = (population[name] for name in ("alive", "gfr_ml_min", "haemoglobin_g_l"))
        haemoglobin_day(clock.step_days, *columns)


def test_it_lives_with_the_others_and_disturbs_nobody():
    cohort = CohortSource.read(FOLDER / "cohorts/heart_failure_discharge.toml")
    network = CareNetwork.read(FOLDER / "experiments/networks/heart_failure_catchment.toml", SCHEMA.columns)
    usual = Strategy(name="usual_care")
    plain = PopulationModel(sample(cohort, SCHEMA, 400, RandomKey(3)), network, usual, seed=3)
    schema = Schema((*SCHEMA.columns.values(), HAEMOGLOBIN))
    own = PopulationModel(sample(cohort, schema, 400, RandomKey(3)), network, usual, seed=3, organ_systems=[Anaemia()])
    for model in (plain, own):
        model.run_for(40)
    assert np.array_equal(plain.population["weight_kg"], own.population["weight_kg"])
    # With the kidney as it is on the last day the target is 140 - 0.6 (60 - gfr); the worse kidney has less.
    living = own.population["alive"] == 1
    gfr, haemoglobin = own.population["gfr_ml_min"][living], own.population["haemoglobin_g_l"][living]
    assert haemoglobin[gfr < 35].mean() < haemoglobin[gfr > 55].mean() - 3.0
    assert own.agents[0].haemoglobin_g_l > 0
