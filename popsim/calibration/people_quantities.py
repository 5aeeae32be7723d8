"""Quantities of people and their stays: shares dead or admitted, stays, days at home, and the table at entry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
import polars as pl

from popsim.calibration import survival
from popsim.calibration.endpoints import death_codes
from popsim.calibration.observed import Arms, Floats, ObservedArm, all_hold
from popsim.calibration.quantity import (
    ANY_UNIT,
    DAYS,
    STATISTICS,
    WINDOW,
    YEARS,
    OfOneArm,
    Quantity,
    Statistic,
    column_of,
    contrasted,
    jackknifed,
    last_day,
)  # fmt: skip
from popsim.definitions.target import Target
from popsim.statistics import Estimate
from popsim.units import DAYS_PER_YEAR

# Shares of people.


def _mortality(seen: ObservedArm, target: Target) -> Estimate:
    return survival.proportion(seen.death_day < last_day(target))


def _median_survival(seen: ObservedArm, target: Target) -> float:
    middle = float(np.median(seen.death_day)) if len(seen.persons) else math.inf
    return middle / DAYS_PER_YEAR if math.isfinite(middle) else math.nan


def _admissions(seen: ObservedArm, target: Target) -> Floats:
    """Number of each person's unplanned admissions within `days`."""
    return seen.per_person(seen.of_causes(target.causes, last_day(target), float(target.from_day)))


def _admitted(seen: ObservedArm, target: Target) -> Estimate:
    return survival.proportion(_admissions(seen, target) >= target.times)


def _dead_or_admitted(seen: ObservedArm, target: Target) -> Estimate:
    return survival.proportion((_admissions(seen, target) > 0) | (seen.death_day < last_day(target)))


def _recurrence(seen: ObservedArm, target: Target) -> Estimate:
    number = _admissions(seen, target)
    return survival.proportion(number[number > 0] >= max(target.times, 2))


def _share_of_first_admissions(seen: ObservedArm, target: Target) -> Estimate:
    first = seen.of_causes((), last_day(target)).sort("key", "day").unique("key", keep="first")
    return survival.proportion(first["cause"].cast(pl.String).is_in(list(target.causes)).to_numpy())


def _share_of_admissions(seen: ObservedArm, target: Target) -> Estimate:
    every = seen.of_causes((), last_day(target), float(target.from_day))
    return survival.ratio_of_sums(_admissions(seen, target), seen.per_person(every))


def _share_of_deaths(seen: ObservedArm, target: Target) -> Estimate:
    dead = seen.death_day < last_day(target)
    causes = seen.persons["death_cause"].fill_null(0).to_numpy()[dead]
    return survival.proportion(np.isin(causes, death_codes(target.deaths)))


# Stays.


def _in_hospital_mortality(seen: ObservedArm, target: Target) -> Estimate:
    return survival.proportion(seen.stays(target.causes)["died_in_stay"].to_numpy())


def _length_of_stay(statistic: Statistic) -> OfOneArm:
    def figure(seen: ObservedArm, target: Target) -> float:
        days = seen.stays(target.causes)["length_of_stay_days"].drop_nulls().to_numpy()
        return float(statistic(days)) if len(days) else math.nan

    return jackknifed(figure)


def _discharged_to(seen: ObservedArm, target: Target) -> Estimate:
    survived = seen.stays(target.causes).filter(~pl.col("died_in_stay") & pl.col("destination").is_not_null())
    return survival.proportion(survived["destination"].cast(pl.String).is_in(list(target.destinations)).to_numpy())


def _index_discharged_to(seen: ObservedArm, target: Target) -> Estimate:
    places = seen.persons["index_destination"].drop_nulls().cast(pl.String)
    return survival.proportion(places.is_in(list(target.destinations)).to_numpy())


# Days alive and out of hospital.


def _days_in_hospital(seen: ObservedArm, within: float, causes: Sequence[str] = ()) -> Floats:
    """Each person's days in hospital, planned or not; for some causes, unplanned."""
    end = pl.min_horizontal(pl.col("day") + pl.col("length_of_stay_days").fill_null(math.inf), pl.col("end"))
    ends = pl.DataFrame({"key": seen.persons["key"], "end": seen.observed_days(within)})
    admissions = seen.of_causes(causes) if causes else seen.admissions
    inside = admissions.join(ends, on="key", how="inner").filter(pl.col("day") < pl.col("end"))
    return seen.per_person(inside, (end - pl.col("day")).sum())


def _days_alive_out_of_hospital(seen: ObservedArm, target: Target) -> Estimate:
    within = last_day(target)
    return survival.mean(seen.observed_days(within) - _days_in_hospital(seen, within))


def _share_of_days_lost(seen: ObservedArm, target: Target) -> Estimate:
    within = last_day(target)
    planned = seen.planned_days(within)
    lost = planned - seen.observed_days(within) + _days_in_hospital(seen, within, target.causes)
    return survival.ratio_of_sums(lost, planned)


# The table at entry.


def _at_entry(statistic: Statistic) -> OfOneArm:
    def figure(seen: ObservedArm, target: Target) -> float:
        values = column_of(seen, target)
        return float(statistic(values)) if len(values) else math.nan

    return jackknifed(figure)


def _baseline_share(seen: ObservedArm, target: Target) -> Estimate:
    return survival.proportion(seen.persons.select(all_hold(target.group).alias("meets"))["meets"].to_numpy())


def _gfr_slope(seen: ObservedArm, target: Target) -> Estimate:
    return survival.mean(seen.persons["chronic_gfr_slope_ml_min_year"].drop_nulls().to_numpy())


def _gfr_slope_difference(arms: Arms, target: Target) -> Estimate:
    return contrasted("difference", *(_gfr_slope(seen, target) for seen in arms))


QUANTITIES: dict[str, Quantity] = {
    # Shares of people.
    "mortality": Quantity("Share dead within `days` of entry", _mortality, needs=("days",)),
    "median_survival": Quantity(
        "Years until half are dead, within follow-up", jackknifed(_median_survival), (*YEARS,)
    ),
    "admitted": Quantity(
        "Share with at least `times` unplanned admissions for one of `causes` within `days`",
        _admitted, needs=("days",), takes=("causes", "times", "from_day"),
    ),
    "dead_or_admitted": Quantity(
        "Share dead, or admitted for one of `causes`, within `days`",
        _dead_or_admitted, needs=("days",), takes=("causes",),
    ),
    "recurrence": Quantity(
        "Of people admitted for one of `causes` within `days`: share with at least `times` (2) such admissions",
        _recurrence, needs=("days",), takes=("causes", "times", "from_day"),
    ),
    "share_of_first_admissions": Quantity(
        "Of first unplanned admissions within `days`: share for one of `causes`",
        _share_of_first_admissions, needs=("days", "causes"),
    ),
    "share_of_admissions": Quantity(
        "Of all unplanned admissions within `days`: share for one of `causes`",
        _share_of_admissions, needs=("causes",), takes=WINDOW,
    ),
    "share_of_deaths": Quantity(
        "Of deaths within `days`: share of one of the causes `deaths`",
        _share_of_deaths, needs=("deaths",), takes=("days",),
    ),
    # Stays.
    "in_hospital_mortality": Quantity(
        "Of admissions for one of `causes`: share that ends in death", _in_hospital_mortality, takes=("causes",)
    ),
    **{
        f"length_of_stay_{name}": Quantity(
            f"{label} of the days of finished admissions for one of `causes`",
            _length_of_stay(statistic), DAYS, takes=("causes",),
        )
        for name, (label, statistic) in STATISTICS.items()
    },
    "discharged_to": Quantity(
        "Of admissions for one of `causes` survived: share that goes to one of `destinations`",
        _discharged_to, needs=("destinations",), takes=("causes",),
    ),
    "index_discharged_to": Quantity(
        "Of people who leave the stay of their entry alive: share that goes to one of `destinations`",
        _index_discharged_to, needs=("destinations",),
    ),
    # Days alive and out of hospital.
    "days_alive_out_of_hospital": Quantity(
        "Mean days alive and out of hospital in the first `days`", _days_alive_out_of_hospital, DAYS, ("days",)
    ),
    "share_of_days_lost": Quantity(
        "Days lost to death or in hospital (unplanned, for `causes`) as a share of the days of follow-up",
        _share_of_days_lost, takes=("days", "causes"),
    ),
    # The baseline table.
    **{
        f"baseline_{name}": Quantity(
            f"{label} of `column` at entry", _at_entry(statistic), ANY_UNIT, ("column",), ("transform",)
        )
        for name, (label, statistic) in (STATISTICS | {"sd": ("Standard deviation", partial(np.std, ddof=1))}).items()
    },
    "baseline_share": Quantity("Share who meet the conditions `group` at entry", _baseline_share, needs=("group",)),
    "gfr_slope": Quantity("Mean chronic slope of GFR, mL/min/1.73 m2 a year", _gfr_slope, ANY_UNIT),
    "gfr_slope_difference": Quantity(
        "Chronic slope of GFR against the comparator's", _gfr_slope_difference, ANY_UNIT, contrast=True
    ),
}  # fmt: skip
