"""Outcomes after the index discharges of a run, computed once for all measures that need them."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.outcomes.measure import OutcomeMeasure
from popsim.outcomes.readmission import Causes, discharges_and_admissions, judged, spaced

WINDOWS_DAYS = (30, 90)
INDEX_COUNTS = tuple(f"{name}_{days}d" for days in WINDOWS_DAYS for name in ("index_discharges", "index_readmitted"))

# Admissions that care outside hospital may prevent (ambulatory-care-sensitive): heart failure and chronic obstructive
# pulmonary disease are Prevention Quality Indicators 8 and 5 of the US Agency for Healthcare Research and Quality
# (composite PQI 90, as listed by New Hampshire Medicaid Quality, medicaidquality.nh.gov, measure INPASC.04). popsim's
# other causes mix conditions that are on that list with others that are not, so they are left out: the figure is a
# lower bound of the composite.
SENSITIVE_CAUSES = ("heart_failure", "respiratory")
# A readmission is called potentially avoidable here if it is unplanned, for the same cause as the stay before it, and
# within 30 days of that discharge. assumption: a simple rule instead of the clinical judgement or diagnosis grouping
# of published definitions, for which popsim's causes are too coarse; it counts what might be avoidable.
AVOIDABLE_WITHIN_DAYS = 30

AVOIDABLE = (
    OutcomeMeasure(
        "ambulatory_care_sensitive_admissions_per_person_year", "Ambulatory-care-sensitive admissions per person-year",
        "per person-year", "Unplanned admissions for heart failure or respiratory disease", "lower",
        "Heart failure and COPD",
    ),
    OutcomeMeasure(
        "potentially_avoidable_readmissions_per_person_year", "Potentially avoidable readmissions per person-year",
        "per person-year", f"Unplanned readmissions for the same cause within {AVOIDABLE_WITHIN_DAYS} days", "lower",
        f"Same cause within {AVOIDABLE_WITHIN_DAYS} days",
    ),
)  # fmt: skip


# Readmissions that a measure counts, by the end of its name: all, or those for a cause that makes an index stay.
type Counted = Literal["", "_index_cause"]
COUNTED: tuple[Counted, ...] = ("", "_index_cause")


class Discharges(NamedTuple):
    """Index discharges and their outcomes, for each row of `rows`.

    Attributes:
        rows: `discharges_and_admissions(...)`.
        outcomes: outcome, days_to_outcome and whole_window of `judged(...)` by window in days and by which
            readmissions count.
        spaced: by window, which rows are an index if no admission within the window of an index is a new index (the
            rule of the US Hospital Readmissions Reduction Program).
        index_causes: of the admissions whose discharge is an index, the one before entry included.
    """

    rows: pl.DataFrame
    outcomes: dict[tuple[int, Counted], pl.DataFrame]
    spaced: dict[int, NDArray[np.bool_]]
    index_causes: tuple[str, ...]


def discharges(admissions: pl.DataFrame, people: pl.DataFrame, index_causes: Causes) -> Discharges:
    """Compute the outcomes of every index discharge.

    Args:
        admissions: `stays(...)`.
        people: `follow_up(...)`.
        index_causes: of the admissions whose discharge is an index.
    """
    rows = discharges_and_admissions(admissions, people, index_causes)
    outcomes = {
        (days, counted): judged(rows, days, index_causes if counted else None).select(
            "outcome", "days_to_outcome", "whole_window"
        )
        for days in WINDOWS_DAYS
        for counted in COUNTED
    }
    return Discharges(rows, outcomes, {days: spaced(rows, days) for days in WINDOWS_DAYS}, tuple(index_causes))


def readmitted_by_person(after: Discharges) -> pl.DataFrame:
    """Readmission of each person.

    Returns:
        person_id; readmitted_30d and readmitted_30d_index_cause, after index 0 (null if censored, or without one);
        INDEX_COUNTS: by window, spaced index discharges with a whole window of follow-up, and how many of them were
        followed by a readmission. Ordered by person_id.
    """
    at_entry = (after.rows["index"] == 0).to_numpy()
    columns: dict[str, pl.Series | NDArray[np.int16]] = {"person_id": after.rows["person_id"].filter(at_entry)}
    known = pl.when(pl.col("outcome") != "censored").then(pl.col("outcome") == "readmitted")
    for counted in COUNTED:
        outcomes = after.outcomes[30, counted].filter(at_entry)
        columns[f"readmitted_30d{counted}"] = outcomes.select(known.alias("readmitted"))["readmitted"]
    person = after.rows["person_id"].rle_id().to_numpy()
    for days in WINDOWS_DAYS:
        outcomes = after.outcomes[days, ""]
        index = after.spaced[days] & outcomes["whole_window"].fill_null(False).to_numpy()
        readmitted = index & (outcomes["outcome"] == "readmitted").to_numpy()
        for name, those in (("index_discharges", index), ("index_readmitted", readmitted)):
            columns[f"{name}_{days}d"] = np.bincount(person, weights=those).astype(np.int16)
    return pl.DataFrame(columns)


def avoidable_admissions(after: Discharges) -> pl.DataFrame:
    """Unplanned admissions that might have been avoided, by the two definitions above.

    Args:
        after: `discharges(...)`. An index admission of unknown cause counts as one for each index cause.

    Returns:
        One row: ambulatory_care_sensitive_admissions, potentially_avoidable_readmissions (numbers).
    """
    unplanned = pl.col("admit_time_days").is_not_null() & ~pl.col("planned")
    cause = pl.col("cause").cast(pl.String)
    unknown = pl.col("admit_time_days").is_null() & cause.is_null()
    after_entry = unknown.shift(1) & cause.is_in(list(after.index_causes))
    since = pl.col("admit_time_days").floor() - pl.col("discharge_day").shift(1)
    again = (
        (pl.col("person_id") == pl.col("person_id").shift(1))
        & (after_entry | (cause == cause.shift(1)).fill_null(False))
        & (since <= AVOIDABLE_WITHIN_DAYS)
    )
    return after.rows.select(
        ambulatory_care_sensitive_admissions=(unplanned & pl.col("cause").is_in(list(SENSITIVE_CAUSES))).sum(),
        potentially_avoidable_readmissions=(unplanned & again).sum(),
    )
