"""What a person was at entry, whatever it has become since."""

from __future__ import annotations

import numpy as np

from popsim.outcomes.baseline import BASELINE, at_entry, baseline
from popsim.population.population import Population
from popsim.simulation.schema import SCHEMA


def test_what_changes_is_remembered_and_small():
    people = Population(SCHEMA, np.array([5, 3]))
    people["age_years"], people["nyha_class"], people["frailty"] = [70.0, 80.0], [2, 3], 0.25
    before = at_entry(people)
    people["nyha_class"], people["frailty"] = 4, 0.5
    frame = baseline(people, before)
    assert frame.columns == ["person_id", *BASELINE]
    assert frame["person_id"].to_list() == [5, 3]
    assert frame["nyha_class"].to_list() == [2, 3]
    assert frame["frailty"].to_list() == [0.25, 0.25]
    assert frame["age_years"].to_list() == [70.0, 80.0]
    assert frame.drop("person_id").estimated_size() <= 2 * 49, "bytes: float32 and int8 only"
    assert before.columns == ["person_id", "nyha_class", "nt_probnp_pg_ml", "frailty"], "traits are not copied"
