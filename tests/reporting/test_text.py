import math

from popsim.reporting.text.formatting import aligned, rounded, with_interval


def test_columns_line_up():
    assert aligned([["", "a", "bb"], ["Title"], ["x", "10", "2"]]) == "    a  bb\nTitle\nx  10   2"


def test_significant_digits():
    assert [rounded(v) for v in (1234.5, 12.345, 0.012345, 0.0, -2.5)] == ["1,234", "12.3", "0.0123", "0.00", "-2.50"]
    assert rounded(2.0, signed=True) == "+2.00"
    assert rounded(math.nan) == rounded(None) == "n/a"


def test_an_interval_sets_the_digits():
    assert with_interval(6790.6, 6727.5, 6853.7) == "6,791 (6,728 to 6,854)"
    assert with_interval(0.5347, 0.5326, 0.5368) == "0.5347 (0.5326 to 0.5368)"
    assert with_interval(5.0, None, None) == "5.00"
