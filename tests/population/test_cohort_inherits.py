"""A cohort that begins with another: what it takes over, what it replaces, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from popsim.errors import DefinitionError
from popsim.kernels.numerics.random import RandomKey
from popsim.population.cohort import CohortSource
from popsim.population.sampling import sample
from popsim.simulation.schema import SCHEMA

COHORTS = Path(__file__).parents[2] / "cohorts"
CHILD = """
inherits = "{base}"
name = "older"
description = "The same people, older."
source = "made up for the test"
size = 100
[columns.age_years]
distribution = "fixed"
value = 90.0
unit = "years"
source = "made up for the test"
"""


def test_inherited_columns_are_the_same_people():
    base = CohortSource.read(COHORTS / "heart_failure_discharge.toml")
    heir = CohortSource.read(COHORTS / "clinical_heart_failure.toml")
    before, after = sample(base, SCHEMA, 300, RandomKey(4)), sample(heir, SCHEMA, 300, RandomKey(4))
    correlated = {name for pair in heir.definition.correlations for name in (pair.a, pair.b)}
    for name in base.definition.columns:
        if name not in correlated:
            assert np.array_equal(before[name], after[name]), name
    assert after["height_cm"].min() >= 135.0


def test_an_own_column_replaces_the_inherited_one(tmp_path):
    path = tmp_path / "older.toml"
    base = tmp_path / "base.toml"
    text = (COHORTS / "heart_failure_discharge.toml").read_text()
    base.write_text(text[: text.index("# Correlations")])
    path.write_text(CHILD.format(base="base.toml"))
    people = sample(CohortSource.read(path), SCHEMA, 50, RandomKey(1))
    assert (people["age_years"] == 90.0).all()
    assert people["dry_weight_kg"].std() > 5.0


@pytest.mark.parametrize("base", ["older.toml", "missing.toml", "not_toml"])
def test_a_circle_or_a_missing_file_is_refused(tmp_path, base):
    path = tmp_path / "older.toml"
    path.write_text(CHILD.format(base=base))
    with pytest.raises(DefinitionError, match=r"inherits|no such file"):
        CohortSource.read(path)
