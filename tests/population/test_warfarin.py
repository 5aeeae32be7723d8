"""The IWPC warfarin dose, against values worked out from the printed equation by other means."""

import numpy as np
import pytest

from popsim.evidence.parameters import load_parameters
from popsim.population.warfarin import WarfarinTaker, clinical_dose_mg_week, genetic_dose_mg_week

IWPC = load_parameters("klein_2009")
GG, AG, AA, UNKNOWN = 3, 2, 1, 0


def dose(person, vkorc1, *cyp2c9):
    return float(genetic_dose_mg_week(IWPC, person, np.array([vkorc1]), np.array(cyp2c9, float).reshape(2, 1))[0])


@pytest.mark.parametrize(
    ("person", "vkorc1", "cyp2c9", "expected"),
    [  # mg/week, Klein et al. 2009, worked out from the equation by somebody else
        (WarfarinTaker(65.0, 170.0, 80.0), GG, (1.0, 1.0), 42.7585),
        (WarfarinTaker(79.9, 165.0, 70.0), AG, (1.0, 0.5), 22.2529),
        (WarfarinTaker(70.0, 165.0, 70.0, asian=True), AA, (0.0, 0.0), 3.8742),
        (WarfarinTaker(55.0, 180.0, 90.0, black=True, amiodarone=True), GG, (1.0, 1.0), 38.305),
    ],
)
def test_the_dose_is_that_of_the_equation(person, vkorc1, cyp2c9, expected):
    assert dose(person, vkorc1, *cyp2c9) == pytest.approx(expected, abs=5e-5)


def test_the_order_of_the_alleles_does_not_matter():
    person = WarfarinTaker(65.0, 170.0, 80.0)
    assert dose(person, AG, 0.5, 1.0) == dose(person, AG, 1.0, 0.5)


def test_what_is_not_known_has_its_own_coefficients():
    """sqrt = 5.6044 - .2614 x 6 + .0087 x 170 + .0128 x 80 - .4854 - .2188 = 5.8348."""
    assert dose(WarfarinTaker(65.0, 170.0, 80.0), UNKNOWN, np.nan, np.nan) == pytest.approx(5.8348**2, abs=1e-9)


def test_the_clinical_algorithm():
    """sqrt = 4.0376 - .2546 x 7 + .0118 x 165 + .0134 x 70 + .4060 + 1.2799 = 6.8263."""
    person = WarfarinTaker(72.0, 165.0, 70.0, black=True, enzyme_inducer=True)
    assert float(clinical_dose_mg_week(IWPC, person)) == pytest.approx(6.8263**2, abs=1e-9)


def test_the_dose_falls_with_age_and_with_every_allele_of_less_function():
    person = WarfarinTaker(65.0, 170.0, 80.0)
    pairs = [(1, 1), (1, 0.5), (1, 0), (0.5, 0.5), (0.5, 0), (0, 0)]
    doses = [dose(person, GG, *pair) for pair in pairs]
    assert doses == sorted(doses, reverse=True)
    assert dose(person, GG, 1, 1) > dose(person, AG, 1, 1) > dose(person, AA, 1, 1)
    assert dose(person, GG, 1, 1) > dose(person._replace(age_years=70.0), GG, 1, 1)
