"""Quantities that targets may name, measured on simulated people.

    mortality                     share dead within `days` of entry
    median_survival               years until half are dead (within follow-up)
    admitted                      share with an unplanned admission for one of `causes` within `days`
    dead_or_admitted              share dead, or admitted for one of `causes`, within `days`
    share_of_first_admissions     of first unplanned admissions within `days`: share for one of `causes`
    admission_rate                unplanned admissions for one of `causes` within `days`, per 100 person-years
    in_hospital_mortality         of admissions for one of `causes`: share that ends in death
    length_of_stay_mean, _median, _lower_quartile, _upper_quartile    of finished admissions for one of `causes`, days
    discharged_to                 of admissions for one of `causes` survived: share that goes to one of `destinations`
    hazard_ratio, rate, proportion, total_rate_ratio    of an endpoint in a trial, see calibration/survival.py
    share_at_entry                share whose baseline meets the conditions `group`
    baseline_median, baseline_mean                      of a baseline `column`
    gfr_slope, gfr_slope_difference                     chronic slope of an arm, and against the comparator

Errors are Monte Carlo errors: by formula for a proportion, rate or mean of independent people, for all others by
leaving out each of 20 groups of people in turn (delete-group jackknife).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from popsim.calibration.survival import (
    Flags,
    Floats,
    hazard_ratio,
    mean,
    proportion,
    rate,
    total_rate_ratio,
)
from popsim.care.network import operand
from popsim.definitions.network import Condition
from popsim.definitions.target import Target
from popsim.kernels.codes import DIED_OF_HEART
from popsim.statistics import Estimate
from popsim.units import DAYS_PER_YEAR

GROUPS = 20
ALL = "any"
# Endpoints: deaths (none, cardiovascular, any) and causes of admission (any: all).
ENDPOINTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "death": (ALL, ()),
    "cardiovascular_death": ("cardiovascular", ()),
    "hospitalisation": ("none", (ALL,)),
    "heart_failure_hospitalisation": ("none", ("heart_failure",)),
    "cardiovascular_death_or_heart_failure_hospitalisation": ("cardiovascular", ("heart_failure",)),
    "death_or_heart_failure_hospitalisation": (ALL, ("heart_failure",)),
    "death_or_hospitalisation": (ALL, (ALL,)),
    "infarction": ("none", ("infarction",)),
    "stroke": ("none", ("stroke",)),
    "bleeding": ("none", ("bleeding",)),
}


def holds(condition: Condition) -> pl.Expr:
    """A condition on persons' baseline as an expression."""
    column, value = pl.col(condition.column), operand(condition)
    if condition.at_least is not None:
        return column >= value
    return column < value if condition.below is not None else column == value


class ObservedArm(NamedTuple):
    """People under one strategy and their admissions.

    Attributes:
        persons: the run's table, with `key` (unique over all replications) and `followed_days`.
        admissions: the run's table, with `key` and `day` since entry.
    """

    persons: pl.DataFrame
    admissions: pl.DataFrame

    def only(self, people: pl.Expr) -> ObservedArm:
        """A subset of the people."""
        persons = self.persons.filter(people)
        return ObservedArm(
            persons, self.admissions.join(persons.select("key"), on="key", how="semi", maintain_order="left")
        )

    def of_causes(self, causes: Sequence[str], within: float | None = None) -> pl.DataFrame:
        """Unplanned admissions for some causes (all when empty), within `within` days."""
        wanted = ~pl.col("planned")
        if causes and ALL not in causes:
            wanted &= pl.col("cause").cast(pl.String).is_in(list(causes))
        if within is not None:
            wanted &= pl.col("day") < within
        return self.admissions.filter(wanted)


class Arms(NamedTuple):
    """Two arms of a trial: the target's own and its comparator."""

    own: ObservedArm
    comparator: ObservedArm


type Quantity = Callable[[Arms, Target], Estimate]


def measure(target: Target, arms: Arms) -> Estimate:
    """The simulated figure of a target with its Monte Carlo error, natural scale."""
    return QUANTITIES[target.quantity](arms, target)


def _jackknifed(figure: Callable[[ObservedArm, Target], float]) -> Quantity:
    """A quantity without a formula for its error."""

    def quantity(arms: Arms, target: Target) -> Estimate:
        whole = figure(arms.own, target)
        group = pl.col("key") % GROUPS
        parts = np.array([figure(arms.own.only(group != number), target) for number in range(GROUPS)])
        error = math.sqrt((GROUPS - 1) / GROUPS * float(((parts - parts.mean()) ** 2).sum()))
        return Estimate(whole, error)

    return quantity


def _within(target: Target) -> float:
    return float(target.days if target.days is not None else 36_525)


def _mortality(arms: Arms, target: Target) -> Estimate:
    dead = (arms.own.persons["died"] & (arms.own.persons["death_day"] < _within(target))).fill_null(False)
    return proportion(dead.to_numpy())


def _median_survival(seen: ObservedArm, target: Target) -> float:
    days = seen.persons["death_day"].fill_null(math.inf).to_numpy()
    middle = float(np.median(days)) if len(days) else math.inf
    return middle / DAYS_PER_YEAR if math.isfinite(middle) else math.nan


def _admitted(arms: Arms, target: Target) -> Estimate:
    keys = arms.own.of_causes(target.causes, _within(target))["key"]
    return proportion(arms.own.persons["key"].is_in(keys.implode()).to_numpy())


def _dead_or_admitted(arms: Arms, target: Target) -> Estimate:
    persons, within = arms.own.persons, _within(target)
    admitted = persons["key"].is_in(arms.own.of_causes(target.causes, within)["key"].implode())
    dead = (persons["death_day"] < within).fill_null(False)
    return proportion((admitted | dead).to_numpy())


def _share_of_first_admissions(arms: Arms, target: Target) -> Estimate:
    first = arms.own.of_causes((), _within(target)).sort("key", "day").unique("key", keep="first")
    return proportion(first["cause"].cast(pl.String).is_in(list(target.causes)).to_numpy())


def _admission_rate(seen: ObservedArm, target: Target) -> float:
    within = _within(target)
    days = seen.persons.select(pl.min_horizontal(pl.col("death_day").fill_null(math.inf), "followed_days", within))
    years = float(days.to_series().sum()) / DAYS_PER_YEAR
    return 100.0 * len(seen.of_causes(target.causes, within)) / years if years else math.nan


def _in_hospital_mortality(arms: Arms, target: Target) -> Estimate:
    return proportion(arms.own.of_causes(target.causes)["died_in_stay"].to_numpy())


def _length_of_stay(statistic: Callable[[Floats], float]) -> Quantity:
    def figure(seen: ObservedArm, target: Target) -> float:
        days = seen.of_causes(target.causes)["length_of_stay_days"].drop_nulls().to_numpy()
        return float(statistic(days)) if len(days) else math.nan

    return _jackknifed(figure)


def _discharged_to(arms: Arms, target: Target) -> Estimate:
    survived = arms.own.of_causes(target.causes).filter(~pl.col("died_in_stay") & pl.col("destination").is_not_null())
    return proportion(survived["destination"].cast(pl.String).is_in(list(target.destinations)).to_numpy())


class FollowedPeople(NamedTuple):
    """Time to an endpoint of everybody in two arms: days, whether it occurred, and the arm."""

    days: Floats
    events: Flags
    treated: Flags


def time_to_event(seen: ObservedArm, endpoint: str) -> tuple[Floats, Flags]:
    """Days to the first event of an endpoint, or to death or the end of follow-up without it."""
    deaths, causes = ENDPOINTS[endpoint]
    persons = seen.persons
    end = persons["followed_days"].to_numpy()
    died = persons["death_day"].fill_null(math.inf).to_numpy()
    counts = died < math.inf
    if deaths == "cardiovascular":
        counts = counts & (persons["death_cause"].to_numpy() == DIED_OF_HEART)
    elif deaths == "none":
        counts = np.zeros(len(end), np.bool_)
    event_day = np.where(counts, died, math.inf)
    if causes:
        first = seen.of_causes(causes).group_by("key").agg(pl.col("day").min())
        joined = persons.select("key").join(first, on="key", how="left", maintain_order="left")
        event_day = np.minimum(event_day, joined["day"].fill_null(math.inf).to_numpy())
    last = np.minimum(end, died)
    events = event_day <= last
    return np.maximum(np.where(events, event_day, last), 1e-3), events


def _course(arms: Arms, target: Target) -> FollowedPeople:
    days, events, treated = [], [], []
    for seen, arm in ((arms.own, True), (arms.comparator, False)):
        own_days, own_events = time_to_event(seen, str(target.endpoint))
        days.append(own_days)
        events.append(own_events)
        treated.append(np.full(len(own_days), arm))
    return FollowedPeople(np.concatenate(days), np.concatenate(events), np.concatenate(treated))


def _total_rate_ratio(arms: Arms, target: Target) -> Estimate:
    _, causes = ENDPOINTS[str(target.endpoint)]
    counts, years, treated = [], [], []
    for seen, arm in ((arms.own, True), (arms.comparator, False)):
        persons = seen.persons
        end = np.minimum(persons["followed_days"].to_numpy(), persons["death_day"].fill_null(math.inf).to_numpy())
        ends = persons.select("key").with_columns(end=pl.Series(end))
        inside = seen.of_causes(causes).join(ends, on="key").filter(pl.col("day") <= pl.col("end"))
        number = ends.join(inside.group_by("key").len(), on="key", how="left", maintain_order="left")["len"]
        counts.append(number.fill_null(0).to_numpy().astype(float))
        years.append(end / DAYS_PER_YEAR)
        treated.append(np.full(len(end), arm))
    return total_rate_ratio(np.concatenate(counts), np.concatenate(years), np.concatenate(treated))


def _slopes(seen: ObservedArm) -> Floats:
    slopes: Floats = seen.persons["chronic_gfr_slope_ml_min_year"].drop_nulls().to_numpy()
    return slopes


def _gfr_slope_difference(arms: Arms, target: Target) -> Estimate:
    own, other = mean(_slopes(arms.own)), mean(_slopes(arms.comparator))
    return Estimate(own.value - other.value, math.hypot(own.standard_error, other.standard_error))


def _share_at_entry(arms: Arms, target: Target) -> Estimate:
    return proportion(arms.own.persons.select(pl.all_horizontal(map(holds, target.group))).to_series().to_numpy())


def _baseline_median(seen: ObservedArm, target: Target) -> float:
    return float(np.median(seen.persons[str(target.column)].to_numpy()))


QUANTITIES: dict[str, Quantity] = {
    "mortality": _mortality,
    "median_survival": _jackknifed(_median_survival),
    "admitted": _admitted,
    "dead_or_admitted": _dead_or_admitted,
    "share_of_first_admissions": _share_of_first_admissions,
    "admission_rate": _jackknifed(_admission_rate),
    "in_hospital_mortality": _in_hospital_mortality,
    "length_of_stay_mean": _length_of_stay(np.mean),
    "length_of_stay_median": _length_of_stay(np.median),
    "length_of_stay_lower_quartile": _length_of_stay(lambda days: float(np.quantile(days, 0.25))),
    "length_of_stay_upper_quartile": _length_of_stay(lambda days: float(np.quantile(days, 0.75))),
    "discharged_to": _discharged_to,
    "hazard_ratio": lambda arms, target: hazard_ratio(*_course(arms, target)),
    "rate": lambda arms, target: rate(*time_to_event(arms.own, str(target.endpoint))),
    "proportion": lambda arms, target: proportion(time_to_event(arms.own, str(target.endpoint))[1]),
    "total_rate_ratio": _total_rate_ratio,
    "share_at_entry": _share_at_entry,
    "baseline_median": _jackknifed(_baseline_median),
    "baseline_mean": lambda arms, target: mean(arms.own.persons[str(target.column)].cast(pl.Float64).to_numpy()),
    "gfr_slope": lambda arms, target: mean(_slopes(arms.own)),
    "gfr_slope_difference": _gfr_slope_difference,
}
NEEDS_ENDPOINT = ("hazard_ratio", "rate", "proportion", "total_rate_ratio")
NEEDS_DAYS = ("mortality", "admitted", "dead_or_admitted", "share_of_first_admissions", "admission_rate")
