"""Every CSV file comes in through one door, which refuses what a reader would have to guess."""

from __future__ import annotations

import random
import time
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from popsim.errors import DefinitionError
from popsim.population.csv_table import read_csv
from popsim.population.environment_series import USUAL, EnvironmentSeries
from popsim.population.life_table import FOLDER, LifeTable


def table_of(tmp_path: Path, text: str | bytes, missing: frozenset[str] = frozenset()):
    path = tmp_path / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_csv(path, missing)


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1.5,x\n-2,y\n",
        "a;b\n1,5;x\n-2;y\n",
        "a\tb\n1,5\tx\n-2\ty\n",
        "\ufeffa,b\r\n1.5,x\r\n-2,y\r\n",
        "a,b\r1.5,x\r-2,y\r",
        "# a comment, with a comma\n\n a , b \n 1.5 ,x\n\n-2,y",
        '"a","b"\n"1.5","x"\n"-2","y"\n',
    ],
)
def test_the_ways_in_which_programs_write_a_table(tmp_path, text):
    table = table_of(tmp_path, text)
    assert table.numbers("a").tolist() == [1.5, -2.0]
    assert table.frame["b"].to_list() == ["x", "y"]


def test_a_typed_table_has_the_types_that_every_value_bears(tmp_path):
    text = "t;n;x;d;w;empty\nTrue;1;1,5;2024-02-29;a;\nfalse;-2;;2025-01-01;3 b;\n"
    typed = table_of(tmp_path, text, frozenset({""})).typed()
    assert typed.rows() == [
        (True, 1, 1.5, date(2024, 2, 29), "a", None),
        (False, -2, None, date(2025, 1, 1), "3 b", None),
    ]
    assert typed["empty"].dtype == pl.String


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("age,sex,age\n1,2,3\n", "used twice: 'age'"),
        ("age, age\n1,2\n", "used twice: 'age'"),
        ("age,,sex\n1,2,3\n", "column 2 has no name"),
        ("age,sex,\n1,2,\n", r"column 3 has no name \(does the line end with one of the commas\?\)"),
        ("72,1\n65,0\n", "the first line must hold the names"),
        ("", "it is empty"),
        ("a,b\n1,2\n1\n1,2,3\n", "row 2 has 1 values for 2 columns; row 3 has 3 values"),
        ("a;b\n1;2\n1;2;3\n", "semicolons separate the columns"),
        ('a,b\n"1,2\n', "line 2: not a readable csv table"),
        ("a\n1\0\n", "zero character"),
        (b"a\n\xff\n", "not UTF-8"),
        ("a\n1\n".encode("utf-16"), "UTF-16: save it as UTF-8"),
        ("a\n" + "1" * 5000, "longer than 4000 characters"),
        ("a\n" + "1" * 150_000, "not a readable csv table"),
        ("a," * 150_000 + "\n", "line 1: longer than 200000 characters"),
        ("1\n" * 2_500_000, "more than 2000000 lines"),
        (",".join(f"c{i}" for i in range(3000)), "more than 2000 columns"),
    ],
)
def test_what_has_to_be_guessed_is_refused(tmp_path, text, said):
    with pytest.raises(DefinitionError, match=said) as refused:
        table_of(tmp_path, text)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 1500


def test_numbers_are_those_that_people_write(tmp_path):
    table = table_of(tmp_path, "a\n1_0\n8_1.5\nnan\ninf\n1e3\n")
    assert np.isnan(table.numbers("a")[:4]).all()
    assert table.numbers("a")[4] == 1000.0
    mixed = table_of(tmp_path, "a;b\n1,5;1.234\n2,5;1\n")
    assert np.isnan(mixed.numbers("b")[0])  # 1.234 beside decimal commas may be a thousand and more


def test_life_tables_and_environments_come_through_it(tmp_path):
    text = (FOLDER / "life_table_us_2019.csv").read_text()
    (tmp_path / "life_table_two.csv").write_text(text.replace("age,female_mx", "age,male_mx", 1))
    with pytest.raises(DefinitionError, match="used twice: 'male_mx'"):
        LifeTable.read("two", tmp_path)
    path = tmp_path / "air.csv"
    path.write_text(USUAL.read_text().replace("virus_activity", "pm25_ug_m3"))
    with pytest.raises(DefinitionError, match="used twice: 'pm25_ug_m3'"):
        EnvironmentSeries.read(path)


ABSURD = ("", "x", "nan", "1_0", "1e999", "-5", '"', "9" * 5000, "\0", "é", ";", ",,,", "#")


def spoilt(text: str, dice: random.Random) -> str:
    """The text with something cut, doubled, deleted, swapped or replaced."""
    lines = text.splitlines(keepends=True)
    place = dice.randrange(len(lines))
    match dice.randrange(6):
        case 0:
            return text[: dice.randrange(len(text))]
        case 1:
            lines.insert(place, lines[place])
        case 2:
            del lines[place]
        case 3:
            other = dice.randrange(len(lines))
            lines[place], lines[other] = lines[other], lines[place]
        case 4:
            words = lines[place].split(",")
            words[dice.randrange(len(words))] = dice.choice(ABSURD)
            lines[place] = ",".join(words)
        case 5:
            start = dice.randrange(len(text))
            return text[:start] + dice.choice(ABSURD) + text[start + dice.randrange(4) :]
    return "".join(lines)


@pytest.mark.parametrize("name", ["life", "air"])
def test_spoilt_tables_are_read_or_refused_in_one_line(tmp_path, name):
    dice = random.Random(5)
    text = (FOLDER / "life_table_us_2019.csv" if name == "life" else USUAL).read_text()
    path = tmp_path / "life_table_own.csv"
    refused = 0
    for _ in range(150):
        path.write_text(spoilt(text, dice))
        begun = time.process_time()
        try:
            table = LifeTable.read("own", tmp_path).rate if name == "life" else EnvironmentSeries.read(path).pm25_ug_m3
            assert np.isfinite(table).all()
        except DefinitionError as error:
            refused += 1
            assert "\n" not in str(error)
            assert len(str(error)) < 2500
        assert time.process_time() - begun < 1.0
    assert refused > 60
