"""Who has entered: rows are in the order of entry."""

import copy
import pickle

import numpy as np

from popsim.population.population import Population
from popsim.simulation.schema import SCHEMA


def test_rows_are_counted_by_their_day_of_entry():
    people = Population(SCHEMA, np.arange(5))
    people["entry_day"] = [0, 0, 2, 3, 3]
    people["alive"] = [1, 0, 1, 1, 1]
    assert [people.entered(day) for day in (-1, 0, 1, 2, 3, 9)] == [0, 2, 2, 3, 5, 5]
    assert (people.entered(1.5), people.entered(2.5)) == (2, 3)
    assert people.entering(3).tolist() == [3, 4] and people.entering(1).tolist() == []
    assert people.alive_and_entered(2).tolist() == [0, 2]


def test_a_part_is_the_same_as_long_as_its_rows_are_and_shares_memory():
    people = Population(SCHEMA, np.arange(6))
    part = people.part(2, 4)
    assert people.part(2, 4) is part and people.part(2, 5) is not part
    part["age_years"] = 70.0
    assert people["age_years"].tolist() == [0.0, 0.0, 70.0, 70.0, 0.0, 0.0]
    people.person_id = people.person_id + 100
    assert people.part(2, 4).person_id.tolist() == [102, 103]


def test_parts_of_a_copy_are_of_the_copy():
    people = Population(SCHEMA, np.arange(6))
    people.part(2, 4)
    for other in (copy.deepcopy(people), pickle.loads(pickle.dumps(people)), people.copy()):
        other.part(2, 4)["age_years"] = 70.0
        assert other["age_years"].tolist() == [0.0, 0.0, 70.0, 70.0, 0.0, 0.0]
    assert not people["age_years"].any()


def test_a_copy_with_fewer_columns_has_the_same_twins_in_the_same_state():
    people = Population(SCHEMA, np.arange(3))
    for number, name in enumerate(people):
        people[name] = number % 100
    fewer = SCHEMA.without({"female", "cost_ward"})
    some = people.copy(fewer)
    assert [*some] == [name for name in people if name not in ("female", "cost_ward")]
    assert all((some[name] == people[name]).all() for name in some)
    assert some.nbytes == people.nbytes - 3 * 9
    some["age_years"] = 50.0
    assert not (people["age_years"] == 50.0).any()


def test_the_number_of_a_column_does_not_depend_on_which_are_left_out():
    fewer = SCHEMA.without({"age_years"}).without({"female"})
    assert "age_years" not in fewer and "female" not in fewer
    assert [SCHEMA.number(name) for name in SCHEMA.names("real")] == list(range(len(SCHEMA.names("real"))))
    assert all(fewer.number(name) == SCHEMA.index(name) for name in SCHEMA.columns)
    assert fewer.index("dry_weight_kg") == SCHEMA.index("dry_weight_kg") - 1
