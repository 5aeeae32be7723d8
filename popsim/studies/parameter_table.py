"""The parameters of a study as a table: value, unit, bounds, distribution and source of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

import numpy as np
import polars as pl

from popsim.evidence.distributions import Distribution, EmpiricalDistribution, family
from popsim.evidence.draws import DesignedParameters, UncertainParameters
from popsim.evidence.parameters import ParameterSet

TAILS = (0.025, 0.975)
SCHEMA = {
    "parameter": pl.String, "value": pl.Float64, "unit": pl.String, "low": pl.Float64, "high": pl.Float64,
    "distribution": pl.String, "provenance": pl.String, "source": pl.String, "uncertainty_source": pl.String,
    "min": pl.Float64, "max": pl.Float64,
}  # fmt: skip


def parameter_table(
    sets: Mapping[str, ParameterSet], uncertainties: UncertainParameters | DesignedParameters, match: str = ""
) -> pl.DataFrame:
    """Every parameter, or those whose name contains a text in lower case.

    Returns:
        parameter ("set.parameter"), value, unit, low, high (95% interval, null if the value is certain), distribution,
        provenance (read, computed, fitted, defined or assumed), source, uncertainty_source, min, max (allowed).
    """
    correlated = {name for names, _ in uncertainties.copulas for name in names}
    shares = {name for names, _ in uncertainties.shares for name in names}
    rows = []
    for set_name, parameters in sets.items():
        for key in parameters:
            name = f"{set_name}.{key}"
            if match not in name:  # fits of distributions take long
                continue
            record = parameters.of(key)
            found = uncertainties.distributions.get(name)
            joined = ", correlated" if name in correlated else ", shares of one" if name in shares else ""
            interval = found.quantile(np.array(TAILS)).tolist() if found else (None, None)
            spread = record.uncertainty.source if found and record.uncertainty else ""
            described = _described(found) + joined if found else "known"
            about = (described, record.provenance, record.source, spread, record.low, record.high)
            rows.append((name, record.value, record.unit, *interval, *about))
    return pl.DataFrame(rows, SCHEMA, orient="row")


def _described(distribution: Distribution) -> str:
    """Family and native parameters."""
    if isinstance(distribution, EmpiricalDistribution):
        return f"{family(distribution)} ({len(distribution.values)} values)"
    values = {field.name.replace("_", " "): getattr(distribution, field.name) for field in fields(distribution)}  # type: ignore[arg-type]
    return f"{family(distribution)} ({', '.join(f'{name} {value:.4g}' for name, value in values.items())})"
