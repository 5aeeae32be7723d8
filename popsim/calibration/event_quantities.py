"""Quantities of an endpoint: rates, repeated events, times to the first event, and gradients of columns at entry."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl

from popsim.calibration import regression, survival
from popsim.calibration.endpoints import ALL, Endpoint
from popsim.calibration.observed import Arms, Flags, Floats, ObservedArm, TimeToEvent, died_of, events_of, time_to_event
from popsim.calibration.quantity import (
    COUNTS,
    DAYS,
    RATES,
    RATIO,
    WINDOW,
    OfTwoArms,
    Quantity,
    column_of,
    endpoint_of,
    jackknifed,
    last_day,
)  # fmt: skip
from popsim.definitions.target import Target
from popsim.statistics import Estimate
from popsim.units import DAYS_PER_YEAR


def _times(seen: ObservedArm, target: Target) -> TimeToEvent:
    """Time from `from_day` to the endpoint, observed until `days`."""
    return time_to_event(seen, endpoint_of(target), last_day(target), float(target.from_day))[0]


# Rates and repeated events.


class Repeated(NamedTuple):
    """Number of events of each person and the years for which each was observed."""

    counts: Floats
    years: Floats


def _repeated(seen: ObservedArm, target: Target, endpoint: Endpoint) -> Repeated:
    within, since = last_day(target), float(target.from_day)
    events = events_of(seen, endpoint, within).filter(pl.col("day") >= since)
    return Repeated(seen.per_person(events), np.maximum(seen.observed_days(within) - since, 0.0) / DAYS_PER_YEAR)


def _rate_of_all(seen: ObservedArm, target: Target, endpoint: Endpoint) -> Estimate:
    counts, years = _repeated(seen, target, endpoint)
    return survival.ratio_of_sums(100.0 * counts, years)


def _total_rate(seen: ObservedArm, target: Target) -> Estimate:
    return _rate_of_all(seen, target, endpoint_of(target))


def _admission_rate(seen: ObservedArm, target: Target) -> Estimate:
    return _rate_of_all(seen, target, Endpoint("Unplanned admission", admissions=target.causes or (ALL,)))


def _of_totals(ratio: Callable[[Floats, Floats, Flags], Estimate]) -> OfTwoArms:
    def quantity(arms: Arms, target: Target) -> Estimate:
        own, other = (_repeated(seen, target, endpoint_of(target)) for seen in arms)
        counts, years = (np.concatenate(pair) for pair in zip(own, other, strict=True))
        observed = years > 0.0
        return ratio(counts[observed], years[observed], arms.treated[observed])

    return quantity


def _mean_cumulative_count(seen: ObservedArm, target: Target) -> float:
    within = last_day(target)
    last = seen.observed_days(within)
    events = events_of(seen, endpoint_of(target), within)["day"].to_numpy()
    return survival.mean_cumulative_count(events, last, seen.death_day <= last, within)


# Times to an event.


def _hazard_ratio(arms: Arms, target: Target) -> Estimate:
    own, other = (_times(seen, target) for seen in arms)
    treated = np.repeat([True, False], [len(own.days), len(other.days)])
    return regression.hazard_ratio(
        np.concatenate([own.days, other.days]), np.concatenate([own.events, other.events]), treated
    )


def _win_ratio(arms: Arms, target: Target) -> Estimate:
    endpoint, within = endpoint_of(target), last_day(target)
    non_fatal = endpoint._replace(deaths=())
    parts = []
    for seen in arms:
        first = time_to_event(seen, non_fatal, within)[0]
        parts.append(
            (died_of(seen, endpoint.deaths), np.where(first.events, first.days, math.inf), seen.planned_days(within))
        )
    deaths, others, last = (np.concatenate(pair) for pair in zip(*parts, strict=True))
    return survival.win_ratio((deaths, others), last, arms.treated)


def _rate(seen: ObservedArm, target: Target) -> Estimate:
    return survival.rate(*_times(seen, target))


def _proportion(seen: ObservedArm, target: Target) -> Estimate:
    return survival.proportion(_times(seen, target).events)


def _kaplan_meier(seen: ObservedArm, target: Target) -> Estimate:
    return survival.kaplan_meier(*_times(seen, target), last_day(target) - target.from_day)


def _cumulative_incidence(seen: ObservedArm, target: Target) -> Estimate:
    """Aalen and Johansen's, with all deaths that are no event of the endpoint as competing events."""
    within, since = last_day(target), float(target.from_day)
    times, at_risk = time_to_event(seen, endpoint_of(target), within, since)
    died = (seen.death_day <= seen.observed_days(within))[at_risk] & ~times.events
    return survival.cumulative_incidence(times.days, times.events, died, within - since)


def _restricted_mean(seen: ObservedArm, target: Target) -> Estimate:
    return survival.restricted_mean(*_times(seen, target), last_day(target) - target.from_day)


# Gradients of what is known at entry.


def _columns(seen: ObservedArm, target: Target, at_risk: Flags) -> list[Floats]:
    """The target's column and those that it is adjusted for, of some people."""
    others = (seen.persons[name].cast(pl.Float64).to_numpy() for name in target.adjusted_for)
    return [column[at_risk] for column in (column_of(seen, target), *others)]


def _hazard_ratio_per_unit(seen: ObservedArm, target: Target) -> Estimate:
    times, at_risk = time_to_event(seen, endpoint_of(target), last_day(target), float(target.from_day))
    return regression.hazard_ratio_per_unit(*times, _columns(seen, target, at_risk), target.per)


def _odds_ratio_per_unit(seen: ObservedArm, target: Target) -> Estimate:
    times, at_risk = time_to_event(seen, endpoint_of(target), last_day(target), float(target.from_day))
    return regression.odds_ratio_per_unit(times.events, _columns(seen, target, at_risk), target.per)


QUANTITIES: dict[str, Quantity] = {
    # Rates and repeated events.
    "rate": Quantity(
        "First events of `endpoint` per person-time until the event", _rate, (*RATES,), ("endpoint",), WINDOW
    ),
    "total_rate": Quantity(
        "Events of `endpoint`, first and repeated, per person-time", _total_rate, (*RATES,), ("endpoint",), WINDOW
    ),
    "admission_rate": Quantity(
        "Unplanned admissions for one of `causes`, first and repeated, per person-time between `from_day` and `days`",
        _admission_rate, (*RATES,), ("days",), ("causes", "from_day"),
    ),
    "mean_cumulative_count": Quantity(
        "Mean number of events of `endpoint` by day `days`, none after death (Ghosh and Lin)",
        jackknifed(_mean_cumulative_count), (*COUNTS,), ("endpoint", "days"),
    ),
    "total_rate_ratio": Quantity(
        "Ratio of the rates of all events of `endpoint`, deaths among them counted (Lin, Wei, Yang and Ying)",
        _of_totals(survival.total_rate_ratio), RATIO, ("endpoint",), WINDOW, contrast=True,
    ),
    "negative_binomial_rate_ratio": Quantity(
        "Ratio of the rates of all events of `endpoint` by negative binomial regression",
        _of_totals(regression.negative_binomial_rate_ratio), RATIO, ("endpoint",), WINDOW, contrast=True,
    ),
    # Times to an event.
    "hazard_ratio": Quantity(
        "Hazard ratio of `endpoint` (Cox)", _hazard_ratio, RATIO, ("endpoint",), WINDOW, contrast=True
    ),
    "win_ratio": Quantity(
        "Win ratio of `endpoint`: death first, then the first other event (Pocock)",
        _win_ratio, RATIO, ("endpoint",), ("days",), contrast=True,
    ),
    "proportion": Quantity("Share with `endpoint` during follow-up", _proportion, needs=("endpoint",), takes=WINDOW),
    "kaplan_meier": Quantity(
        "Share with `endpoint` by day `days`, people who die without it censored (Kaplan and Meier)",
        _kaplan_meier, needs=("endpoint", "days"), takes=("from_day",),
    ),
    "cumulative_incidence": Quantity(
        "Share with `endpoint` by day `days`, other deaths competing (Aalen and Johansen)",
        _cumulative_incidence, needs=("endpoint", "days"), takes=("from_day",),
    ),
    "restricted_mean_days": Quantity(
        "Mean days without `endpoint` up to day `days`", _restricted_mean, DAYS, ("endpoint", "days"), ("from_day",)
    ),
    # Gradients of what is known at entry.
    "hazard_ratio_per_unit": Quantity(
        "Hazard ratio of `endpoint` per `per` units of `column` at entry (Cox), adjusted for `adjusted_for`",
        _hazard_ratio_per_unit, RATIO, ("endpoint", "column"), ("per", "transform", "adjusted_for", *WINDOW),
    ),
    "odds_ratio_per_unit": Quantity(
        "Odds ratio of `endpoint` within `days` per `per` units of `column` at entry (logistic), adjusted likewise",
        _odds_ratio_per_unit, RATIO, ("endpoint", "days", "column"), ("per", "transform", "adjusted_for", "from_day"),
    ),
}  # fmt: skip
