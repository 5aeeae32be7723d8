"""Quantities of the weeks after a discharge: readmission, its causes and days, and death.

The index is the discharge with which people entered the study, or that from the stay at whose door they entered; with
`index_causes`, it is every later discharge alive from an unplanned stay for one of those causes. Days count from the
calendar day of the discharge, as in outcomes/readmission.py, and only discharges with the whole window observed count.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import polars as pl

from popsim.calibration.observed import ObservedArm, of_causes
from popsim.calibration.quantity import DAYS, STATISTICS, OfOneArm, Quantity, Statistic, jackknifed
from popsim.calibration.survival import cumulative_incidence, ratio_of_sums
from popsim.definitions.target import Target
from popsim.kernels.codes import ENTERED_DISCHARGED
from popsim.outcomes.readmission import discharges_and_admissions, judged
from popsim.statistics import Estimate

WANTED, UNWANTED = "wanted", "unwanted"
NO_CAUSE = ("none",)  # no readmission counts, so that none ends the window


def _windows(seen: ObservedArm, target: Target, causes: Sequence[str]) -> pl.DataFrame:
    """The outcome of each index discharge: key, outcome, days_to_outcome, whole_window.

    Args:
        seen: the people.
        target: its days and index_causes.
        causes: of the readmissions that count; all unplanned ones when empty.
    """
    end = pl.col("followed_days").cast(pl.Float64)
    dead = pl.col("death_day").cast(pl.Float64)
    people = seen.persons.select(
        "index_discharge_day",
        person_id="key",
        entry_day=pl.lit(0),
        end_day=end,
        death_time_days=pl.when(dead < end).then(dead),
        entered_as=pl.lit(ENTERED_DISCHARGED),
        entry_cause=pl.lit("none"),
    ).sort("person_id")
    day = pl.col("day")
    admissions = seen.admissions.sort("key", "day").select(
        person_id="key",
        stay=pl.int_range(pl.len()).over("key").cast(pl.Int32),
        admit_time_days=day,
        discharge_time_days=day + pl.col("length_of_stay_days"),
        cause=pl.col("cause").cast(pl.String),
        died_in_stay="died_in_stay",
        planned="planned",
    )
    left = people.select("person_id", left="index_discharge_day")
    at_entry = pl.col("index") == 0
    rows = (
        discharges_and_admissions(admissions, people)
        .join(left, on="person_id", how="left", maintain_order="left")
        .with_columns(
            discharge_day=pl.when(at_entry).then(pl.col("left").cast(pl.Int64)).otherwise(pl.col("discharge_day")),
            may_be_index=pl.when(at_entry).then(pl.col("left").is_not_null()).otherwise(pl.col("may_be_index")),
        )
    )
    starts = ~at_entry & of_causes(target.index_causes) if target.index_causes else at_entry
    index = rows.select(may_be_index=(pl.col("may_be_index") & starts).fill_null(False))["may_be_index"]
    marked = rows.with_columns(cause=pl.when(of_causes(causes)).then(pl.lit(WANTED)).otherwise(pl.lit(UNWANTED)))
    return judged(marked, _days(target), (WANTED,)).filter(index).rename({"person_id": "key"})


def _share(outcomes: Sequence[str]) -> OfOneArm:
    """A quantity: of index discharges, the share with one of some outcomes within the window."""

    def figure(seen: ObservedArm, target: Target) -> Estimate:
        found = _windows(seen, target, target.causes).filter(pl.col("whole_window"))
        had = found.filter(pl.col("outcome").is_in(list(outcomes)))
        return ratio_of_sums(seen.per_person(had), seen.per_person(found))

    return figure


def _dead(seen: ObservedArm, target: Target) -> Estimate:
    """Of index discharges: share dead within the window, readmitted or not."""
    found = _windows(seen, target, NO_CAUSE).filter(pl.col("whole_window"))
    return ratio_of_sums(seen.per_person(found.filter(pl.col("outcome") == "died")), seen.per_person(found))


def _incidence(seen: ObservedArm, target: Target) -> float:
    """Cumulative incidence of readmission at the end of the window, death competing, censored windows included."""
    found = _windows(seen, target, target.causes)
    days = found["days_to_outcome"].cast(pl.Float64).to_numpy()
    readmitted, died = ((found["outcome"] == name).to_numpy() for name in ("readmitted", "died"))
    return cumulative_incidence(days, readmitted, died, _days(target)).value


def _share_of_readmissions(seen: ObservedArm, target: Target) -> Estimate:
    """Of first readmissions within the window: share for one of the causes."""
    every = _windows(seen, target, ())
    first = every.filter(every["whole_window"] & (every["outcome"] == "readmitted"))
    of_causes = _windows(seen, target, target.causes)
    same = (of_causes["outcome"] == "readmitted") & (of_causes["days_to_outcome"] == every["days_to_outcome"])
    had = every.filter(every["whole_window"] & (every["outcome"] == "readmitted") & same)
    return ratio_of_sums(seen.per_person(had), seen.per_person(first))


def _share_by_day(seen: ObservedArm, target: Target) -> Estimate:
    """Of readmissions within the window: share on or before `by_day`."""
    found = _readmitted(seen, target)
    early = found.filter(pl.col("days_to_outcome") <= (target.by_day or 0))
    return ratio_of_sums(seen.per_person(early), seen.per_person(found))


def _days_to_readmission(statistic: Statistic, seen: ObservedArm, target: Target) -> float:
    """A statistic of the days to readmission, of those readmitted within the window."""
    days = _readmitted(seen, target)["days_to_outcome"].cast(pl.Float64).to_numpy()
    return float(statistic(days)) if len(days) else float("nan")


def _readmitted(seen: ObservedArm, target: Target) -> pl.DataFrame:
    found = _windows(seen, target, target.causes)
    return found.filter(found["whole_window"] & (found["outcome"] == "readmitted"))


def _days(target: Target) -> int:
    return target.days or 0


INDEX = ("causes", "index_causes")
QUANTITIES: dict[str, Quantity] = {
    "readmitted": Quantity(
        "Of index discharges: share followed by an unplanned admission for one of `causes` within `days`",
        _share(("readmitted",)), needs=("days",), takes=INDEX,
    ),
    "readmitted_or_dead": Quantity(
        "Of index discharges: share followed by such an admission or death within `days`",
        _share(("readmitted", "died")), needs=("days",), takes=INDEX,
    ),
    "dead_after_discharge": Quantity(
        "Of index discharges: share followed by death within `days`, readmitted or not",
        _dead, needs=("days",), takes=("index_causes",),
    ),
    "readmission_incidence": Quantity(
        "Cumulative incidence of such an admission `days` after index discharges, death competing",
        jackknifed(_incidence), needs=("days",), takes=INDEX,
    ),
    "share_of_readmissions": Quantity(
        "Of first readmissions within `days` of index discharges: share for one of `causes`",
        _share_of_readmissions, needs=("days", "causes"), takes=("index_causes",),
    ),
    "share_of_readmissions_by_day": Quantity(
        "Of first readmissions for one of `causes` within `days`: share on or before day `by_day`",
        _share_by_day, needs=("days", "by_day"), takes=INDEX,
    ),
    **{
        f"days_to_readmission_{name}": Quantity(
            f"{label} of the days to the first readmission for one of `causes`, of those readmitted within `days`",
            jackknifed(partial(_days_to_readmission, statistic)), DAYS, ("days",), INDEX,
        )
        for name, (label, statistic) in STATISTICS.items()
    },
}  # fmt: skip
