"""Which parameters can be varied, and over what range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from popsim.definitions.fields import MAX_VALUE
from popsim.definitions.parameter import Parameter
from popsim.errors import InputError, did_you_mean
from popsim.evidence.distributions import Distribution
from popsim.evidence.sets import records_of
from popsim.numbers import read_number
from popsim.studies.design import Study

LOW, HIGH = 0.025, 0.975  # a parameter is varied over its central 95% interval


@dataclass(frozen=True, slots=True)
class Varied:
    """A parameter that is varied.

    Attributes:
        name: "set.parameter", or that of a parameter of a model of one's own.
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
    """The named parameters of a study with their ranges, or all whose uncertainty is known: see `varied_of`.

    Raises:
        InputError: an unknown parameter, one named twice, or one without a distribution and without a range.
    """
    uncertain = study.uncertain
    chosen = names or uncertain.names
    if not chosen:
        raise InputError(f"{study.experiment.name}: no parameter is uncertain, name some with ranges")
    return varied_of(chosen, records_of(study.parameters), uncertain.distributions)


def varied_of(
    names: Sequence[str], records: Mapping[str, Parameter | float], distributions: Mapping[str, Distribution]
) -> tuple[Varied, ...]:
    """Parameters with their ranges.

    A parameter's range is the central 95% interval of its distribution; "name=low:high" gives another one.

    Args:
        names: of the parameters, or names with ranges.
        records: all that there are, by name; a number has neither unit nor bounds.
        distributions: of those whose uncertainty is known.

    Raises:
        InputError: an unknown parameter, one named twice, or one without a distribution and without a range.
    """
    found = tuple(_varied(text, records, distributions) for text in names)
    for index, parameter in enumerate(found):
        if parameter.name in [one.name for one in found[:index]]:
            raise InputError(f"parameter '{parameter.name}': named twice")
    return found


def quantiles(study: Study, name: str, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quantiles of an uncertain parameter's distribution."""
    return study.uncertain.distributions[name].quantile(shares)


def _varied(text: str, records: Mapping[str, Parameter | float], distributions: Mapping[str, Distribution]) -> Varied:
    name, given, span = text.partition("=")
    if name not in records:
        raise InputError(f"parameter '{name}': {did_you_mean(name, records)}")
    record = records[name]
    unit, value, least, most = (
        (record.unit, record.value, record.low, record.high)
        if isinstance(record, Parameter)
        else ("", float(record), -MAX_VALUE, MAX_VALUE)
    )
    if given:
        low, high = _range(text, span)
        if not least <= low < high <= most:
            within = "" if (least, most) == (-MAX_VALUE, MAX_VALUE) else f", both within {least:g} to {most:g}"
            raise InputError(f"parameter '{text}': low must be below high{within}")
    elif name not in distributions:
        raise InputError(f"parameter '{name}': it has no uncertainty, give a range: {name}=LOW:HIGH")
    else:
        low, high = distributions[name].quantile(np.array([LOW, HIGH])).tolist()
    return Varied(name, unit, value, low, high)


def _range(text: str, span: str) -> tuple[float, float]:
    try:
        low, high = (read_number(end) for end in span.split(":"))
    except ValueError:
        raise InputError(f"parameter '{text}': must be NAME=LOW:HIGH, two numbers") from None
    return low, high
