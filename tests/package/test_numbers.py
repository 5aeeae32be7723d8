import pytest

from popsim.numbers import parse_number, read_number, read_whole


@pytest.mark.parametrize(
    ("text", "number"),
    [("10", 10.0), (" 81.5\t", 81.5), ("-3", -3.0), ("+.5", 0.5), ("5.", 5.0), ("1e-3", 0.001), ("007", 7.0)],
)
def test_numbers_that_people_write_are_read(text: str, number: float) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize(
    "text",
    [
        *(
            "1_0",
            "8_1.5",
            "nan",
            "NaN",
            "inf",
            "-Infinity",
            "1e999",
            "\u0663",
            "\uff11\uff12",
            "",
            " ",
            ".",
            "e5",
            "1e",
            "0x10",
        ),
        *("1,5", "1 000", "--1", "1\n", "\u00a01", "1\x00", "9" * 400, "1e9999999999999999999"),
    ],
)
def test_other_text_is_no_number(text: str) -> None:
    assert parse_number(text) is None


def test_read_or_refused():
    assert (read_number("1.5"), read_whole(" -20 ")) == (1.5, -20)
    for text in ("1_0", "\u0663", "", "1.0", "1" * 5000):
        with pytest.raises(ValueError, match="not a whole number"):
            read_whole(text)
    with pytest.raises(ValueError, match="not a number"):
        read_number("1_0")
