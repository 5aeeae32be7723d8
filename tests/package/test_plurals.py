"""A number agrees with its noun."""

import pytest

from popsim.plurals import counted


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((1, "replication"), "1 replication"),
        ((0, "replication"), "0 replications"),
        ((2000, "draw"), "2,000 draws"),
        ((1, "person", "people"), "1 person"),
        ((3, "strategy", "strategies"), "3 strategies"),
    ],
)
def test_a_number_agrees_with_its_noun(given, words):
    assert counted(*given) == words
