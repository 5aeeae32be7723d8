"""The severity of a study's people: everybody's filling pressure is shifted, within the bounds of the column."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from popsim.evidence.sets import SHIPPED
from popsim.kernels.numerics.random import RandomKey
from popsim.population.cohort import CohortSource
from popsim.population.sampling import sample
from popsim.simulation.schema import SCHEMA

COHORT = Path(__file__).parents[2] / "cohorts" / "heart_failure_discharge.toml"


@pytest.mark.parametrize("shift", [2.5, -2.5, 15.0])
def test_everybody_is_shifted_and_nothing_else_changes(shift):
    cohort = CohortSource.read(COHORT)
    moved = replace(cohort, parameters=SHIPPED.with_values({"clinical_twin.severity_mmhg": shift}))
    before, after = (sample(one, SCHEMA, 300, RandomKey(1)) for one in (cohort, moved))
    column = "baseline_filling_pressure_mmhg"
    expected = np.clip(before[column] + shift, SCHEMA[column].low, SCHEMA[column].high)
    np.testing.assert_allclose(after[column], expected, rtol=1e-6)
    same = [name for name in ("age_years", "frailty", "baseline_gfr_ml_min", "diabetes") if name in SCHEMA]
    for name in same:
        np.testing.assert_array_equal(before[name], after[name])
