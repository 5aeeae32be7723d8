"""Odd arguments at the Python doors of compiled kernels: no crash of the interpreter, one clear line of refusal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from popsim.arguments import array, whole_number
from popsim.errors import InputError
from popsim.kernels.numerics.random import RandomKey


@pytest.fixture(scope="module")
def answers() -> list[tuple[str, str]]:
    """What each case answered; all run in one interpreter of their own, which must live to the end."""
    script = Path(__file__).with_name("odd_arguments.py")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script)], capture_output=True, text=True, timeout=600, check=False
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, f"ended with {done.returncode} in {lines[-1]}: {done.stderr[-500:]}"
    return list(zip(lines[::2], lines[1::2], strict=True))


def test_good_arguments_are_taken(answers):
    good = [(case, answer) for case, answer in answers if case.endswith("()")]
    assert len(good) == 10
    assert {answer for _, answer in good} == {"done"}


def test_odd_ones_are_taken_or_refused_in_one_line(answers):
    assert len(answers) > 500
    for case, answer in answers:
        kinds, lines = ("done", "1") if answer == "done" else answer.split()[1:3]
        clear = {"done", "PopsimError", "TypeError", "ValueError"} & set(kinds.split(","))
        assert clear and lines == "1", f"{case}: {answer}"


@pytest.mark.parametrize(
    "case",
    [
        "flow(days_to_run = 2147483648)", "care(first = 2147483648)", "care(twins = 1)", "organ(twins = 1)",
        "ensemble(members = 1)", "drugs(cyp2d6 = 99)", "valued(entry_day = [1000000000, 0, 0])",
        "valued(setting = 127)", "valued(settings = 100)", "genes(ethnicity = 6)", "stray(0)",
        "stray(1)",
    ],
)  # fmt: skip
def test_what_a_kernel_would_look_up_beyond_its_tables_is_refused(answers, case):
    assert "InputError" in dict(answers)[f"case {case}"]


def test_whole_numbers_words_and_arrays():
    assert whole_number("n", True + 1, 0, 2) == 2
    assert RandomKey.of(2**32 - 1) == (2**32 - 1, 0)
    given = array("a", [1, 2, 3], "i8", (3,))
    assert array("a", given, "i8", (None,)) is given
    assert array("a", [], "i4", (None,)).dtype == "i4"
    for values, dtype, words in (
        ([[1]], "i8", "a: has shape (1, 1), must be any"),
        ([1.0], "i8", "a: holds float64, must be numbers of type int64"),
        ([300], "i1", "a: holds int64, must be numbers of type int8"),
        (["1"], "f8", "a: holds <U1, must be numbers of type float64"),
    ):
        with pytest.raises(InputError) as caught:
            array("a", values, dtype, (None,))
        assert str(caught.value).startswith(words)
