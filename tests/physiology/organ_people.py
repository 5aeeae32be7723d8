"""Made-up people for the tests of environment, lungs, blood and ageing."""

from __future__ import annotations

from typing import Any

import people
from numpy.typing import NDArray

from popsim.population.population import Population

TYPICAL = {
    "dry_weight_kg": 75.0, "baseline_gfr_ml_min": 50.0, "gfr_ml_min": 50.0, "systolic_mmhg": 125.0, "copd": 1,
    "baseline_fev1_percent": 50.0, "baseline_haemoglobin_g_dl": 12.0,
}  # fmt: skip


def alike(size: int = 1, **values: float | NDArray[Any]) -> Population:
    """The same person of 77 with COPD, at home, `size` times, with some columns set."""
    return people.alike(size, **(TYPICAL | values))
