"""Numbers of a region are told to the digits that their intervals warrant."""

import pytest

from popsim.dashboard.words import told


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((20_487.0, -188_911.0, 229_885.0), "20,000 (-190,000 to 230,000)"),
        ((24.3, 21.9, 26.8), "24.3 (21.9 to 26.8)"),
        ((6_845.2, None, None), "6,850"),
        ((0.0, None, None), "0"),
        ((None, None, None), "n/a"),
        ((12_345.0, 12_000.0, 12_690.0), "12,340 (12,000 to 12,690)"),
    ],
)
def test_digits(numbers, words):
    assert told(*numbers) == words
