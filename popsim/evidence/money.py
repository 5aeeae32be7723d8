"""Parameter sets whose prices are brought to other money."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from popsim.definitions.distributions import Beta, Empirical, Lognormal, Uncertainty
from popsim.definitions.fields import MAX_VALUE
from popsim.definitions.parameter import Parameter
from popsim.definitions.uncertainty import MultivariateNormal, ParameterGroup
from popsim.evidence.parameters import ParameterSet

IN_THE_UNIT = ("mean", "standard_error", "low", "high", "scale")  # keys of distributions that have the value's unit


def converted(
    values: ParameterSet, currency: str, year: int, factor_of: Callable[[str, Parameter], float]
) -> ParameterSet:
    """A copy in which every price is of one currency and year.

    Args:
        values: the set.
        currency, year: of all prices afterwards.
        factor_of: by what the price of a name is multiplied.

    Raises:
        ValueError: a price has an uncertainty that no factor can be applied to.
    """
    factors = {key: factor_of(key, values.of(key)) for key in values if values.of(key).currency is not None}
    records = {key: values.of(key) for key in values}
    records |= {key: _converted(key, values.of(key), currency, year, factor) for key, factor in factors.items()}
    return ParameterSet(values.name, records, tuple(_scaled_group(group, factors) for group in values.groups))


def scaled(uncertainty: Uncertainty, factor: float) -> Uncertainty:
    """The uncertainty of a value that is `factor` times as large.

    Raises:
        ValueError: it is a beta distribution, which ends at 1 in every unit.
    """
    if isinstance(uncertainty, Beta):
        raise ValueError("a beta distribution, which ends at 1, must not be that of a price")
    given = {key: getattr(uncertainty, key) for key in IN_THE_UNIT if key in type(uncertainty).model_fields}
    changed: dict[str, Any] = {key: value * factor for key, value in given.items() if value is not None}
    if isinstance(uncertainty, Lognormal) and uncertainty.meanlog is not None:
        changed["meanlog"] = uncertainty.meanlog + math.log(factor)
    if isinstance(uncertainty, Empirical):
        changed["values"] = tuple(value * factor for value in uncertainty.values)
    return uncertainty.model_copy(update=changed)


def _converted(key: str, record: Parameter, currency: str, year: int, factor: float) -> Parameter:
    """A price in other money; its source says by what it was multiplied."""
    if (record.currency, record.price_year) == (currency, year):
        return record
    bounds = {name: max(-MAX_VALUE, min(getattr(record, name) * factor, MAX_VALUE)) for name in ("low", "high")}
    changed: dict[str, Any] = {"value": record.value * factor, **bounds}
    if record.uncertainty is not None:
        try:
            changed["uncertainty"] = scaled(record.uncertainty, factor)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None
    changed |= {
        "unit": currency + record.unit[len(currency) :],
        "price_year": year,
        "source": f"{record.source}; {record.currency} of {record.price_year} x {factor:.4g}",
    }
    return record.model_copy(update=changed)


def _scaled_group(group: ParameterGroup, factors: Mapping[str, float]) -> ParameterGroup:
    """A group of jointly uncertain parameters, its spread in the units of its members."""
    if not isinstance(group, MultivariateNormal):
        return group
    by = [factors.get(name, 1.0) for name in group.parameters]
    if group.standard_errors is not None:
        errors = tuple(error * factor for error, factor in zip(group.standard_errors, by, strict=True))
        return group.model_copy(update={"standard_errors": errors})
    matrix = group.covariance or ()
    rows = (tuple(v * a * b for v, b in zip(row, by, strict=True)) for row, a in zip(matrix, by, strict=True))
    return group.model_copy(update={"covariance": tuple(rows)})
