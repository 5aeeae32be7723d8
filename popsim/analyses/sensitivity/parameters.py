"""Which parameters can be varied, and over what range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from popsim.errors import InputError, did_you_mean
from popsim.evidence.sets import records_of
from popsim.numbers import read_number
from popsim.studies.design import Study

LOW, HIGH = 0.025, 0.975  # a parameter is varied over its central 95% interval


@dataclass(frozen=True, slots=True)
class Varied:
    """A parameter that is varied.

    Attributes:
        name: "set.parameter".
        unit: of its values.
        value: its base-case value.
        low, high: ends of the range.
    """

    name: str
    unit: str
    value: float
    low: float
    high: float


def varied(study: Study, names: Sequence[str] = ()) -> tuple[Varied, ...]:
    """The named parameters with their ranges, or all whose uncertainty is known.

    A parameter's range is the central 95% interval of its distribution; "set.parameter=low:high" gives another one.

    Raises:
        InputError: an unknown parameter, one named twice, or one without a distribution and without a range.
    """
    chosen = names or study.uncertain.names
    if not chosen:
        raise InputError(f"{study.experiment.name}: no parameter is uncertain, name some with ranges")
    found = tuple(_varied(study, name) for name in chosen)
    for index, parameter in enumerate(found):
        if parameter.name in [one.name for one in found[:index]]:
            raise InputError(f"parameter '{parameter.name}': named twice")
    return found


def quantiles(study: Study, name: str, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quantiles of an uncertain parameter's distribution."""
    return study.uncertain.distributions[name].quantile(shares)


def _varied(study: Study, text: str) -> Varied:
    name, given, span = text.partition("=")
    known = records_of(study.parameters)
    if name not in known:
        raise InputError(f"parameter '{name}': {did_you_mean(name, known)}")
    record = known[name]
    if given:
        low, high = _range(text, span)
        if not record.low <= low < high <= record.high:
            bounds = f"{record.low:g} to {record.high:g}"
            raise InputError(f"parameter '{text}': low must be below high, both within {bounds}")
    elif name not in study.uncertain.distributions:
        raise InputError(f"parameter '{name}': it has no uncertainty, give a range: {name}=LOW:HIGH")
    else:
        low, high = quantiles(study, name, np.array([LOW, HIGH])).tolist()
    return Varied(name, record.unit, record.value, low, high)


def _range(text: str, span: str) -> tuple[float, float]:
    try:
        low, high = (read_number(end) for end in span.split(":"))
    except ValueError:
        raise InputError(f"parameter '{text}': must be NAME=LOW:HIGH, two numbers") from None
    return low, high
