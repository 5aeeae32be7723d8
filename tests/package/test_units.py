"""Conversions against values printed elsewhere."""

from __future__ import annotations

import pytest

from popsim.errors import InputError
from popsim.units import UNITS, convert


@pytest.mark.parametrize(
    ("value", "from_unit", "to_unit", "substance", "expected", "digits"),
    [
        (1.0, "lb", "kg", None, 0.45359237, 1e-12),  # exact by the international definition
        (11.0, "stone", "kg", None, 69.853, 1e-4),
        (70.0, "in", "cm", None, 177.8, 1e-12),
        (120.0, "mmHg", "kPa", None, 15.9987, 1e-5),  # 1 mmHg = 133.322 Pa
        (98.6, "degF", "degC", None, 37.0, 1e-12),
        (37.0, "degC", "degF", None, 98.6, 1e-12),
        (1.0, "mg/dL", "umol/L", "creatinine", 88.4, 1e-3),  # the factor in clinical use
        (1.0, "mmol/L", "mg/dL", "glucose", 18.0, 2e-3),
        (4.2, "mEq/L", "mmol/L", "potassium", 4.2, 1e-12),
        (18.0, "months", "years", None, 1.5, 1e-12),
        (55.0, "%", "1", None, 0.55, 1e-12),
        (1000.0, "ng/L", "pg/mL", None, 1000.0, 1e-12),
        (1.2, "mL/s/1.73m2", "mL/min/{1.73_m2}", None, 72.0, 1e-12),
    ],
)
def test_known_conversions(
    value: float, from_unit: str, to_unit: str, substance: str | None, expected: float, digits: float
) -> None:
    assert float(convert(value, from_unit, to_unit, substance)) == pytest.approx(expected, rel=digits)


def test_every_pair_of_one_dimension_goes_there_and_back() -> None:
    for name, unit in UNITS.items():
        for other, target in UNITS.items():
            if unit.dimension == target.dimension:
                assert float(convert(convert(3.7, name, other), other, name)) == pytest.approx(3.7, rel=1e-12)


@pytest.mark.parametrize(
    ("from_unit", "to_unit", "substance", "message"),
    [
        ("kgs", "kg", None, "unknown unit 'kgs', did you mean 'kg'"),
        ("kg", "mmHg", None, "one is mass, the other pressure"),
        ("mg/dL", "umol/L", None, "needs the substance"),
        ("mg/dL", "umol/L", "creatinin", "did you mean 'creatinine'"),
        ("mEq/L", "mg/dL", "glucose", "unknown unit 'mEq/L'"),
    ],
)
def test_refused(from_unit: str, to_unit: str, substance: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        convert(1.0, from_unit, to_unit, substance)
