"""Small cohorts and columns for the tests of sampling."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from popsim.definitions.base import validate
from popsim.definitions.cohort import CohortDefinition
from popsim.population.cohort import CohortSource
from popsim.population.columns import Column, Kind, Schema

SOURCE = "assumption: for tests"


def column(name: str, kind: Kind = "real", low: float = -math.inf, high: float = math.inf, unit: str = "1") -> Column:
    """A column that the small cohorts of these tests may leave out."""
    return Column(name, kind, unit, low, high, "For tests.", "cohort", at_entry=0.0)


def schema(*columns: Column) -> Schema:
    return Schema((column("entry_day", "count", 0, 1e6, "d"), *columns))


PERSON = (
    column("age_years", "real", 18, 115, "a"),
    column("female", "code", 0, 1),
    column("dry_weight_kg", "real", 25, 250, "kg"),
    column("baseline_gfr_ml_min", "real", 5, 150, "mL/min/{1.73_m2}"),
    column("baseline_potassium_mmol_l", "real", 3, 6, "mmol/L"),
)


def cohort(
    columns: dict[str, dict[str, Any]],
    correlations: list[tuple[str, str, float]] | None = None,
    path: Path = Path("test_cohort.toml"),
    **keys: Any,
) -> CohortSource:
    """A cohort with these marginals; each gets a source."""
    table = {
        "name": "test_cohort",
        "description": "for tests",
        "source": SOURCE,
        "size": 100,
        "columns": {name: {"source": SOURCE} | marginal for name, marginal in columns.items()},
        "correlations": [{"a": a, "b": b, "value": value, "source": SOURCE} for a, b, value in correlations or []],
    } | keys
    return CohortSource(validate(table, CohortDefinition, path), path)
