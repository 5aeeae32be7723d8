"""Utility norms by age and sex, and utilities multiplied by them."""

from __future__ import annotations

import numpy as np
import pytest
from valued import make_log, make_population, make_valuation

from popsim.economics.utility_norms import FOLDER, UtilityNorms
from popsim.errors import DefinitionError
from popsim.evidence.parameters import load_parameters
from popsim.evidence.sets import VALUATION_SETS
from popsim.population.clock import Clock

ENGLAND = UtilityNorms.read(FOLDER / "utility_norms_england.csv")


def test_england_has_the_norms_of_ara_and_brazier():
    """What their formula gives for women of 70 and 80, and men of 80, as worked out by hand."""
    found = ENGLAND.at([70.5, 80.0, 80.9], [1, 1, 0])
    assert found.tolist() == pytest.approx([0.7701, 0.7177, 0.7389], abs=1e-4)


def test_ages_outside_the_table_have_the_norms_of_its_ends():
    assert ENGLAND.at([3.0, 120.0], [0, 1]).tolist() == [ENGLAND.values[0, 0], ENGLAND.values[1, -1]]


@pytest.mark.parametrize("country", VALUATION_SETS)
def test_every_country_has_norms_and_respondents_who_are_less_well_than_full_health(country):
    norms = UtilityNorms.read(FOLDER / f"utility_norms_{country}.csv")
    of_respondents = norms.of_respondents(load_parameters(VALUATION_SETS[country].utilities))
    assert norms.values.min() <= of_respondents < 1.0
    assert "source:" in norms.source


def test_utilities_are_multiplied_by_the_norm_of_the_age_reached_and_the_sex():
    """Ten days in class I (0.82), from the day before a woman is 80; respondents are men of 60 at 76%."""
    population = make_population(2)
    population["nyha_class"] = [1, 1]
    population["age_years"] = [80.0 - 0.5 / 365.25, 60.0]
    population["female"] = [1, 0]
    valuation = make_valuation(discount_rate_costs=0.0, discount_rate_qalys=0.0, norms=ENGLAND)
    log, clock = make_log(population), Clock()
    for _ in range(10):
        valuation.accrue(population, clock, log)
        clock.tick()

    def norm(age: float, male: float) -> float:
        return 0.9508566 + 0.0212126 * male - 0.0002587 * age - 0.0000332 * age**2

    asked = norm(60, 0.76)
    woman = 0.82 / 365.25 * (norm(79, 0) + 9 * norm(80, 0)) / asked
    man = 0.82 / 365.25 * 10 * norm(60, 1) / asked
    assert population["qaly"] == pytest.approx([woman, man], rel=1e-5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("age,men,women\n0,0.9,0.9\n", "must be age, male, female"),
        ("age,male,female\n50,0.9,0.9\n40,0.9,0.9\n", "ascending"),
        ("age,male,female\n40,0.9,1.2\n", "female, row 1 = '1.2': must be above 0, up to 1"),
        ("age,male,female\n40,,0.9\n", "male, row 1"),
    ],
)
def test_a_bad_table_is_refused(tmp_path, text, said):
    (tmp_path / "own.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError, match=said):
        UtilityNorms.read(tmp_path / "own.csv")


def test_a_mixed_group_has_the_mean_of_its_sexes(tmp_path):
    (tmp_path / "own.csv").write_text("age,male,female\n0,0.8,0.6\n", encoding="utf-8")
    norms = UtilityNorms.read(tmp_path / "own.csv")
    share = load_parameters("griffiths_2014")["respondents_male"]
    assert norms.of_respondents(load_parameters("griffiths_2014")) == pytest.approx(0.6 + 0.2 * share)
    assert np.all(norms.at([30, 40], [0, 1]) == [0.8, 0.6])
