"""Trial analyses: hazard ratio, rates and proportions from a time-to-event table, as papers report them."""

from __future__ import annotations

import math
import warnings

import numpy as np
from numpy.typing import NDArray

from popsim.statistics import Estimate
from popsim.units import DAYS_PER_YEAR

type Floats = NDArray[np.float64]
type Flags = NDArray[np.bool_]


def hazard_ratio(days: Floats, events: Flags, treated: Flags) -> Estimate:
    """Cox's hazard ratio of the treated against the others (lifelines, Efron's handling of ties).

    Args:
        days: to the event or to the end of follow-up, each above 0.
        events: whether the event occurred.
        treated: arm.
    """
    from lifelines import CoxPHFitter
    from pandas import DataFrame

    if not (events & treated).any() or not (events & ~treated).any():
        return Estimate()
    frame = DataFrame({"days": days, "event": events.astype(np.int8), "treated": treated.astype(np.int8)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitter = CoxPHFitter().fit(frame, "days", "event")
    ratio = math.exp(float(fitter.params_["treated"]))
    return Estimate(ratio, ratio * float(fitter.standard_errors_["treated"]))


def rate(days: Floats, events: Flags) -> Estimate:
    """First events per 100 person-years until the event or the end of follow-up; Poisson error."""
    years = float(days.sum()) / DAYS_PER_YEAR
    count = int(events.sum())
    if not years or not count:
        return Estimate()
    value = 100.0 * count / years
    return Estimate(value, value / math.sqrt(count))


def proportion(events: Flags) -> Estimate:
    """Share with the event during follow-up; binomial error."""
    size, count = len(events), int(events.sum())
    if not size or not count or count == size:
        return Estimate()
    share = count / size
    return Estimate(share, math.sqrt(share * (1.0 - share) / size))


def mean(values: Floats) -> Estimate:
    """Mean and its standard error."""
    return Estimate.of(values) if len(values) > 1 else Estimate()


def total_rate_ratio(counts: Floats, years: Floats, treated: Flags) -> Estimate:
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
            return Estimate()
        residuals = counts[arm] - total / time * years[arm]
        logs += sign * math.log(total / time)
        variance += float((residuals**2).sum()) / total**2
    ratio = math.exp(logs)
    return Estimate(ratio, ratio * math.sqrt(variance))
