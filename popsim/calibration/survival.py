"""The analyses of trials: hazard ratio, rates and proportions of a time-to-event table, as papers report them."""

from __future__ import annotations

import math
import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]
type Flags = NDArray[np.bool_]

NOT_KNOWN = math.nan


class SurvivalEstimate(NamedTuple):
    """A figure and its standard error, both on the natural scale; NaN where there is nothing to count."""

    value: float
    standard_error: float


def hazard_ratio(days: Floats, events: Flags, treated: Flags) -> SurvivalEstimate:
    """Cox's hazard ratio of the treated against the others (lifelines, Efron's handling of ties).

    Args:
        days: to the event or to the end of follow-up, each above 0.
        events: whether it was the event.
        treated: arm.
    """
    from lifelines import CoxPHFitter
    from pandas import DataFrame

    if not (events & treated).any() or not (events & ~treated).any():
        return SurvivalEstimate(NOT_KNOWN, NOT_KNOWN)
    frame = DataFrame({"days": days, "event": events.astype(np.int8), "treated": treated.astype(np.int8)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitter = CoxPHFitter().fit(frame, "days", "event")
    ratio = math.exp(float(fitter.params_["treated"]))
    return SurvivalEstimate(ratio, ratio * float(fitter.standard_errors_["treated"]))


def rate(days: Floats, events: Flags) -> SurvivalEstimate:
    """First events per 100 person-years until the event or the end of follow-up; Poisson error."""
    years = float(days.sum()) / 365.25
    count = int(events.sum())
    if not years or not count:
        return SurvivalEstimate(NOT_KNOWN, NOT_KNOWN)
    value = 100.0 * count / years
    return SurvivalEstimate(value, value / math.sqrt(count))


def proportion(events: Flags) -> SurvivalEstimate:
    """Share with the event during follow-up; binomial error."""
    size, count = len(events), int(events.sum())
    if not size or not count or count == size:
        return SurvivalEstimate(NOT_KNOWN, NOT_KNOWN)
    share = count / size
    return SurvivalEstimate(share, math.sqrt(share * (1.0 - share) / size))


def mean(values: Floats) -> SurvivalEstimate:
    """Mean and its standard error."""
    if len(values) < 2:
        return SurvivalEstimate(NOT_KNOWN, NOT_KNOWN)
    return SurvivalEstimate(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values)))


def total_rate_ratio(counts: Floats, years: Floats, treated: Flags) -> SurvivalEstimate:
    """Ratio of the rates of all events, first and repeated (Lin, Wei, Yang and Ying's robust error, persons as units).

    Args:
        counts: events of each person.
        years: of follow-up of each person.
        treated: arm.
    """
    logs, variance = 0.0, 0.0
    for arm, sign in ((treated, 1.0), (~treated, -1.0)):
        total, time = float(counts[arm].sum()), float(years[arm].sum())
        if not total:
            return SurvivalEstimate(NOT_KNOWN, NOT_KNOWN)
        residuals = counts[arm] - total / time * years[arm]
        logs += sign * math.log(total / time)
        variance += float((residuals**2).sum()) / total**2
    ratio = math.exp(logs)
    return SurvivalEstimate(ratio, ratio * math.sqrt(variance))
