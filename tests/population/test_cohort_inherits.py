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


def test_inherited_columns_are_the_same_people(tmp_path):
    """A column that an heir adds gets a random stream of its own, so that nobody else's values move."""
    path = tmp_path / "heir.toml"
    own = CHILD.format(base=COHORTS / "heart_failure_discharge.toml").replace("age_years", "infection_severity")
    path.write_text(own.replace("90.0", "0.1").replace('unit = "years"\n', ""))
    base = CohortSource.read(COHORTS / "heart_failure_discharge.toml")
    before, after = (sample(one, SCHEMA, 300, RandomKey(4)) for one in (base, CohortSource.read(path)))
    for name in base.definition.columns:
        assert np.array_equal(before[name], after[name]), name
    assert (after["infection_severity"] == 0.1).all()


def test_columns_of_a_table_take_the_place_of_inherited_ones_and_their_correlations(tmp_path):
    """Everybody of the table has an age of 70; sex, diabetes and the rest are sampled as in the inherited file."""
    (tmp_path / "people.csv").write_text("age\n70\n")
    path = tmp_path / "heir.toml"
    table = '[table]\npath = "people.csv"\nformat = "csv"\nsource = "made up for the test"\n'
    age = '[table.columns.age_years]\nfrom = "age"\nunit = "years"\n'
    text = CHILD.format(base=COHORTS / "heart_failure_discharge.toml")
    path.write_text(text[: text.index("[columns.age_years]")] + table + age)
    heir = CohortSource.read(path)
    people = sample(heir, SCHEMA, 2000, RandomKey(4))
    assert (people["age_years"] == 70.0).all()
    assert not any("age_years" in (pair.a, pair.b) for pair in heir.definition.correlations)
    base = CohortSource.read(COHORTS / "heart_failure_discharge.toml").definition
    kept = [pair for pair in base.correlations if "age_years" not in (pair.a, pair.b)]
    assert list(heir.definition.correlations) == kept
    assert people["female"].mean() == pytest.approx(0.501, abs=0.045)  # four standard errors


def test_an_own_column_replaces_the_inherited_one_with_its_correlations(tmp_path):
    path = tmp_path / "older.toml"
    path.write_text(CHILD.format(base=COHORTS / "heart_failure_discharge.toml"))
    heir = CohortSource.read(path)
    people = sample(heir, SCHEMA, 50, RandomKey(1))
    assert (people["age_years"] == 90.0).all()
    assert not any("age_years" in (pair.a, pair.b) for pair in heir.definition.correlations)  # of a single value
    assert people["dry_weight_kg"].std() > 5.0


@pytest.mark.parametrize("base", ["older.toml", "missing.toml", "not_toml"])
def test_a_circle_or_a_missing_file_is_refused(tmp_path, base):
    path = tmp_path / "older.toml"
    path.write_text(CHILD.format(base=base))
    with pytest.raises(DefinitionError, match=r"inherits|no such file"):
        CohortSource.read(path)
