"""The life table against what was published with it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from popsim.errors import DefinitionError
from popsim.population.life_table import FOLDER, LifeTable

TABLE = LifeTable.read("us_2019")
DAYS_PER_YEAR = 365.25


@pytest.mark.parametrize("female", [False, True])
def test_life_expectancy_is_the_published_one(female: bool) -> None:
    """Within 0.02 years at every whole age but 0.

    HMD puts deaths at the middle of the year of age, popsim at a constant rate: at high ages the two differ by up to
    rate^2 / 12 of a year; at birth HMD uses a0 = 0.14.
    """
    ours = [TABLE.life_expectancy(float(age), female) for age in range(TABLE.oldest + 1)]
    published = TABLE.published_life_expectancy[int(female)]
    assert np.abs(ours - published)[1:].max() < 0.02
    assert abs(ours[0] - published[0]) < 0.03


def test_known_values() -> None:
    """HMD, US 2019: e0 81.48 and 76.44, e65 20.92 and 18.31, e80 10.01 and 8.66 (women, men)."""
    for age, women, men in ((0, 81.48, 76.44), (65, 20.92, 18.31), (80, 10.01, 8.66)):
        assert TABLE.published_life_expectancy[1, age] == women
        assert TABLE.published_life_expectancy[0, age] == men


def test_one_year_death_is_the_published_qx() -> None:
    """1 - exp(-mx) against qx as printed with 5 digits: HMD's qx = mx / (1 + mx / 2) differs by mx^3 / 12."""
    with (FOLDER / "life_table_us_2019.csv").open() as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    for row in rows[1:90]:
        for sex in ("male", "female"):
            died = 1 - TABLE.survival(float(row["age"]), 1.0, sex == "female")
            rate = float(row[f"{sex}_mx"])
            assert died == pytest.approx(float(row[f"{sex}_qx"]), abs=1.5e-5 + rate**3 / 12)


def test_hazard_is_constant_within_a_year_of_age_and_holds_beyond_the_table() -> None:
    hazard = TABLE.hazard_per_day([80.0, 80.999, 81.0, 130.0], [0, 0, 0, 1])
    assert hazard * DAYS_PER_YEAR == pytest.approx([0.05539, 0.05539, TABLE.rate[0, 81], TABLE.rate[1, 110]], rel=1e-12)


def test_survival_multiplies_and_crosses_birthdays() -> None:
    whole = TABLE.survival(79.5, 2.0, True)
    assert whole == pytest.approx(TABLE.survival(79.5, 0.7, True) * TABLE.survival(80.2, 1.3, True), rel=1e-12)
    by_hand = np.exp(-(0.5 * TABLE.rate[1, 79] + TABLE.rate[1, 80] + 0.5 * TABLE.rate[1, 81]))
    assert whole == pytest.approx(by_hand, rel=1e-12)
    assert TABLE.survival(79.5, 0.0, True) == 1.0


def test_life_expectancy_is_the_integral_of_survival() -> None:
    """Midpoint rule with steps of 0.01 years to age 160."""
    age = 83.4
    steps = np.arange(0.005, 160 - age, 0.01)
    integral = sum(TABLE.survival(age, float(t), False) for t in steps) * 0.01
    assert TABLE.life_expectancy(age, False) == pytest.approx(integral, abs=1e-3)


def test_attribution_is_kept() -> None:
    assert "Human Mortality Database" in TABLE.source and "CC BY 4.0" in TABLE.source


def test_refused(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="life_table = 'us_2091': did you mean 'us_2019'"):
        LifeTable.read("us_2091")
    (tmp_path / "life_table_bad.csv").write_text("age,male_mx\n0,0.1\n")
    with pytest.raises(DefinitionError, match="not a life table"):
        LifeTable.read("bad", tmp_path)
    header = "age,male_mx,male_ex,female_mx,female_ex"
    (tmp_path / "life_table_gap.csv").write_text(f"{header}\n0,0.1,9,0.1,9\n2,0.1,9,0.1,9\n")
    with pytest.raises(DefinitionError, match="ages must run 0, 1, 2"):
        LifeTable.read("gap", tmp_path)


def test_a_users_own_table_by_probabilities_of_dying(tmp_path: Path) -> None:
    """A rate that is constant within a year leaves exp(-rate) alive: 1 - 0.1 and 1 - 0.5."""
    (tmp_path / "mine.csv").write_text("# mine\nage,male_qx,female_qx\n0,0.1,0.2\n1,0.5,0.3\n", encoding="utf-8")
    table = LifeTable.read("mine.csv", tmp_path)
    assert table.survival(0.0, 2.0, female=False) == pytest.approx(0.9 * 0.5)
    assert table.survival(0.0, 1.0, female=True) == pytest.approx(0.8)
    assert np.isnan(table.published_life_expectancy).all()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("age,male_qx,female_qx\n0,0.1,1\n", "must be below 1"),
        ("age,male_qx\n0,0.1\n", "must have the column female_qx"),
        ("age,men,women\n0,0.1,0.1\n", "must have the column male_mx"),
    ],
)
def test_a_bad_table_of_ones_own_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "mine.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError, match=said):
        LifeTable.read("mine.csv", tmp_path)
    with pytest.raises(DefinitionError, match="no such file"):
        LifeTable.read("other.csv", tmp_path)


def test_life_tables_of_the_united_kingdom_and_of_other_years() -> None:
    """The probability of dying at 80, as printed."""
    assert 1.0 - LifeTable.read("uk").survival(80.0, 1.0, female=True) == pytest.approx(0.03841)
    assert LifeTable.read("us_2022").rate[0, 80] > LifeTable.read("us_2019").rate[0, 80]


@pytest.mark.parametrize(("female", "printed"), [(False, 80.0545), (True, 83.2876)])
def test_the_netherlands_have_the_life_expectancy_that_the_united_nations_print(female: bool, printed: float) -> None:
    """World Population Prospects 2024, at birth, 2015 to 2020; the table is made of rates of five-year groups."""
    assert LifeTable.read("netherlands").life_expectancy(0.0, female) == pytest.approx(printed, abs=0.03)
