"""A lifetime: simulated to the last death, and what comes after the observed part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from popsim.studies.design import read_study
from popsim.studies.unit import simulate

ROOT = Path(__file__).parents[2]
EXPERIMENT = f"""
name = "lifetime"
cohort = "{ROOT}/cohorts/heart_failure_discharge.toml"
network = "{ROOT}/experiments/networks/heart_failure_catchment.toml"
population = 40
replications = 1
seed = 11
enrolment_days = 5
discount_rate_qalys = {{ 0 = 0.035, 30 = 0.03 }}
"""
# All die of other causes within months: the death rate is multiplied by exp(6.0 + 0.7).
DEADLY = '[parameters]\n"heart_failure.non_cardiovascular_log_ratio" = 6.0\n[[strategies]]\nname = "usual"\n'


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    path = tmp_path_factory.mktemp("lifetime") / "experiment.toml"

    def tables(horizon: str):
        path.write_text(EXPERIMENT + horizon + DEADLY)
        return simulate(read_study(path).units[0])

    return tables


def test_a_lifetime_ends_with_the_last_death(simulated):
    """The part after day 60 is what a run of 60 days does not have: the same people live the same lives until then."""
    life, short = simulated('follow_up = "lifetime"\nobserved_days = 60\n'), simulated("follow_up_days = 60\n")
    people, seen = life["persons"], short["persons"]
    assert people["died"].all()
    assert people["death_day"].max() > 60.0
    last = (people["entry_day"] + people["death_day"]).max()
    assert last <= len(life["daily"]) <= last + 29  # in steps of four weeks
    for name in ("qaly", "cost_total"):
        assert (people[name] - people[f"{name}_after"]).to_list() == pytest.approx(seen[name].to_list(), abs=1e-9)
    assert (people["life_days"] - people["life_days_after"]).to_list() == pytest.approx(seen["life_days"].to_list())
    measures = dict(life["measures"].select("measure", "value").iter_rows())
    assert measures["qalys_after_share"] == pytest.approx(people["qaly_after"].sum() / people["qaly"].sum())
    assert np.isclose(measures["life_years"], people["death_day"].mean() / 365.25)


def test_extrapolation_of_a_unit(simulated):
    """Mean life after 30 days in a curve of constant hazard is about that of the simulated lives."""
    curve = '[extrapolation]\nfamily = "exp"\nwindow_days = 30\n'
    life = simulated('follow_up = "lifetime"\nobserved_days = 30\n')
    cut = simulated('follow_up = "lifetime"\nobserved_days = 30\n' + curve)
    assert len(cut["daily"]) == 35
    lived, expected = life["persons"]["life_days_after"], cut["persons"]["life_days_after"]
    alive = lived > 0.0
    assert ((expected > 0.0) == alive).all()
    error = lived.filter(alive).std() / np.sqrt(alive.sum())
    assert abs(expected.filter(alive).mean() - lived.filter(alive).mean()) < 4.0 * error
