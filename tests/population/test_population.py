"""Who has entered: rows are in the order of entry."""

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
