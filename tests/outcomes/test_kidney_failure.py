"""The kidney failure risk equation against worked examples."""

from __future__ import annotations

import numpy as np
import pytest

from popsim.errors import InputError
from popsim.evidence.sets import SHIPPED
from popsim.outcomes.kidney_failure import kidney_failure_risk

# Man of 70 with 25 mL/min and 300 mg/g, woman of 60 with 45 and 30, man of 60 with 15 and 1000.
TANGRI = SHIPPED["tangri_2016"]
PEOPLE = {
    "age_years": [70.0, 60.0, 60.0],
    "female": [0, 1, 0],
    "gfr_ml_min": [25.0, 45.0, 15.0],
    "albuminuria_mg_g": [300.0, 30.0, 1000.0],
}


@pytest.mark.parametrize(
    ("years", "region", "expected"),
    [
        (2, "north_america", [0.11875, 0.00469, 0.56200]),
        (5, "north_america", [0.32609, 0.01457, 0.92403]),
    ],
)
def test_three_people_have_the_risks_that_the_package_kfre_gives(years, region, expected):
    """Values of kfre 0.1.18 for the equation of Tangri, JAMA 2016;315:164."""
    np.testing.assert_allclose(kidney_failure_risk(PEOPLE, years, region, parameters=TANGRI), expected, atol=6e-6)


def test_the_first_of_them_outside_north_america():
    assert kidney_failure_risk(PEOPLE, 2, parameters=TANGRI)[0] == pytest.approx(0.08112, abs=6e-6)
    assert kidney_failure_risk(PEOPLE, 5, parameters=TANGRI)[0] == pytest.approx(0.27933, abs=6e-6)


def test_another_horizon_or_region_is_refused():
    with pytest.raises(InputError, match="2 or 5 years"):
        kidney_failure_risk(PEOPLE, 3, parameters=TANGRI)
    with pytest.raises(InputError, match="north_america or elsewhere"):
        kidney_failure_risk(PEOPLE, 2, "europe", parameters=TANGRI)
