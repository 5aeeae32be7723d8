"""Admissions and readmissions, defined once, over the event log.

Admission
    A person's continuous time on wards and in intensive care (classes inpatient and critical). Two stays are one
    admission if the second begins at the moment the first ends, or if the first ended with a transfer to another such
    setting and the second begins less than 24 hours later. A discharge home and a return, even on the same day, make
    two admissions. Time in the emergency department and in an observation unit is never part of an admission; `stays`
    of those classes are computed separately.

Index discharge
    The discharge with which a person entered the study, or that from the admission at whose door it entered (index 0),
    and every later discharge, alive and within follow-up, from an unplanned admission for one of the index causes (all
    causes if none is named) that began within follow-up. Who entered at home has no index 0. A readmission for such a
    cause is therefore itself an index; the option `no_new_index_in_window` applies the rule of the US Centers for
    Medicare and Medicaid Services that no discharge within the window of an index is a new index.

Readmission within w days
    The first admission after an index discharge, of any or of some causes, not planned, that begins on day 0 to w,
    where day 0 is the calendar day of the discharge. Other admissions, planned or for another cause, neither count nor
    end the window. Overlapping windows share an admission: each index is judged on its own.

Death without readmission within the window is a competing event; follow-up that ends within the window is censoring.
Two figures are reported: the proportion among index discharges with a whole window of follow-up, where deaths stay in
the denominator, and the cumulative incidence at day w (Aalen-Johansen), which also uses censored windows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.kernels.codes import ENTERED_ADMITTED, ENTERED_DISCHARGED
from popsim.outcomes.follow_up import HOSPITAL, settings_of

type Causes = tuple[str, ...] | list[str]  # names of `cause`; one word alone is none
OUTCOMES = pl.Enum(["readmitted", "died", "neither", "censored"])
TRANSFER_WITHIN_DAYS = 1.0


def stays(events: pl.DataFrame, classes: Mapping[str, str], kinds: Iterable[str] = HOSPITAL) -> pl.DataFrame:
    """Stays in settings of some classes, with transfers joined; the default classes give admissions.

    Args:
        events: `EventLog.frame()`, in its order.
        classes: class by name of setting.
        kinds: classes of setting that count as a stay.

    Returns:
        Ordered by person and time: person_id, stay (0, 1, ... of the person), admit_time_days, discharge_time_days
        (null: still there), length_of_stay_days, nights, settings (list, in order), cause, destination (setting, null
        if none), died_in_stay, planned.
    """
    single = single_stays(events, settings_of(events, classes, kinds))
    previous_end = pl.col("discharge_time_days").shift(1)
    gap = pl.col("admit_time_days") - previous_end
    transferred = pl.col("to_same_class").shift(1) & (gap < TRANSFER_WITHIN_DAYS)
    goes_on = (pl.col("person_id") == pl.col("person_id").shift(1)) & ((gap == 0.0) | transferred)
    joined = (
        single.with_columns(number=(~goes_on.fill_null(False)).cum_sum())
        .group_by("number", maintain_order=True)
        .agg(
            pl.col("person_id", "admit_time_days").first(),
            pl.col("discharge_time_days").last(),
            settings=pl.col("setting"),
            cause=pl.col("cause").first(),
            destination=pl.col("destination").last(),
            died_in_stay=pl.col("died").any(),
        )
    )
    admit, discharge = pl.col("admit_time_days"), pl.col("discharge_time_days")
    return joined.select(
        "person_id",
        stay=(pl.int_range(pl.len()) - pl.col("person_id").search_sorted(pl.col("person_id"), side="left")).cast(
            pl.Int32
        ),
        admit_time_days=admit,
        discharge_time_days=discharge,
        length_of_stay_days=discharge - admit,
        nights=(discharge.floor() - admit.floor()).cast(pl.Int32),
        settings="settings",
        cause="cause",
        destination="destination",
        died_in_stay="died_in_stay",
        planned=(pl.col("cause") == "planned").fill_null(False),
    )


def single_stays(events: pl.DataFrame, settings: pl.Series) -> pl.DataFrame:
    """Every stay in a single setting, ordered by person and start; a death there ends the stay."""
    moves = events.filter(pl.col("event").is_in(["start", "end"]) & pl.col("setting").is_in(settings.implode())).select(
        "person_id", "time_days", "setting", "cause", "detail", starts=pl.col("event") == "start"
    )
    deaths = events.filter(pl.col("event") == "death").select("person_id", death="time_days")
    ended = (
        (pl.col("person_id") == pl.col("person_id").shift(-1))
        & (pl.col("setting") == pl.col("setting").shift(-1))
        & ~pl.col("starts").shift(-1)
    )
    place = pl.when(pl.col("to") >= 0).then(pl.col("to").cast(pl.UInt32, strict=False))
    every = pl.Series(events.schema["setting"].categories, dtype=events.schema["setting"])  # type: ignore[attr-defined]
    return (
        moves.sort("person_id", "setting", maintain_order=True)
        .with_columns(
            end=pl.when(ended).then(pl.col("time_days").shift(-1)), to=pl.when(ended).then(pl.col("detail").shift(-1))
        )
        .filter("starts")
        .join(deaths, on="person_id", how="left", maintain_order="left")
        .select(
            "person_id",
            "setting",
            "cause",
            admit_time_days="time_days",
            discharge_time_days=pl.coalesce("end", "death"),
            destination=pl.lit(every).gather(place),
            died=(pl.col("death") <= pl.coalesce("end", "death")).fill_null(False),
        )
        .with_columns(to_same_class=pl.col("destination").is_in(settings.implode()).fill_null(False))
        .sort("person_id", "admit_time_days", maintain_order=True)
    )


def index_outcomes(
    admissions: pl.DataFrame,
    people: pl.DataFrame,
    window_days: int = 30,
    causes: Causes | None = None,
    no_new_index_in_window: bool = False,
    index_causes: Causes | None = None,
) -> pl.DataFrame:
    """The outcome of each index discharge.

    Args:
        admissions: `stays(...)`.
        people: `follow_up(...)`.
        window_days: last day, counted from the discharge, on which a readmission counts.
        causes: count readmissions for these causes only (names of `cause`); None: all that are not planned.
        no_new_index_in_window: an admission within the window of an index discharge is not a new index.
        index_causes: of the admissions whose discharge is an index; None: all that are not planned.

    Returns:
        Ordered by person and time: person_id, index (0 = discharge at entry), discharge_day, outcome (readmitted,
        died, neither, censored), days_to_outcome, whole_window (all of it lies within follow-up), readmissions
        (number of them in the window).
    """
    rows = discharges_and_admissions(admissions, people, index_causes)
    every = judged(rows, window_days, causes).with_columns(
        readmissions=pl.Series(_number_in_window(rows, window_days, causes), dtype=pl.Int32)
    )
    eligible = spaced(rows, window_days) if no_new_index_in_window else rows["may_be_index"]
    return every.filter(eligible)


def judged(rows: pl.DataFrame, window_days: int = 30, causes: Causes | None = None) -> pl.DataFrame:
    """The outcome of each row of `discharges_and_admissions(...)`, as in `index_outcomes`, for a window and causes.

    Rows that start no window (`may_be_index`, `spaced`) are included; the caller leaves them out.
    """
    counts = pl.Series("counts", _counts(rows, causes))
    readmitted_after = pl.when(counts).then(pl.col("admit_time_days")).shift(-1).backward_fill()
    next_person = pl.when(counts).then(pl.col("person_id")).shift(-1).backward_fill()
    to_readmission = pl.when(next_person == pl.col("person_id")).then(readmitted_after).floor() - pl.col(
        "discharge_day"
    )
    to_death = pl.col("death_time_days").floor() - pl.col("discharge_day")
    observed = pl.col("end_day") - 1 - pl.col("discharge_day")
    outcome = (
        pl.when(to_readmission <= window_days).then(pl.lit("readmitted", OUTCOMES))
        .when(to_death <= window_days).then(pl.lit("died", OUTCOMES))
        .when(observed >= window_days).then(pl.lit("neither", OUTCOMES))
        .otherwise(pl.lit("censored", OUTCOMES))
    )  # fmt: skip
    days = pl.min_horizontal(to_readmission, to_death, observed, pl.lit(window_days))
    return rows.select(
        "person_id",
        "index",
        "discharge_day",
        outcome=outcome,
        days_to_outcome=days.cast(pl.Int32),
        whole_window=observed >= window_days,
    )


def is_index_stay() -> pl.Expr:
    """Whether a stay is the admission at whose door the person entered; needs `stay` and `entered_as`."""
    return (pl.col("entered_as") == ENTERED_ADMITTED) & (pl.col("stay") == 0)


def with_index_stay(admissions: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Admissions with `index_stay`: whether it is the one at whose door the person entered."""
    entries = people.select("person_id", "entered_as")
    marked = admissions.join(entries, on="person_id", how="left", maintain_order="left")
    return marked.with_columns(index_stay=is_index_stay().fill_null(False)).drop("entered_as")


def discharges_and_admissions(
    admissions: pl.DataFrame, people: pl.DataFrame, index_causes: Causes | None = None
) -> pl.DataFrame:
    """One row for each person's entry, then one per admission that began within follow-up, in order of time.

    The row of entry is the index discharge; without one (who entered at home, died in the index stay or is still
    there) it starts no window.

    Args:
        admissions, people, index_causes: as for `index_outcomes`.

    Returns:
        person_id, index, admit_time_days (null at entry), discharge_day (null without a discharge), cause (at entry
        that of the index admission, null if it is not known), planned, may_be_index (ended in a discharge that starts a
        window), end_day, death_time_days.
    """
    windows = people.select("person_id", "entry_day", "end_day", "death_time_days", "entered_as", "entry_cause")
    left = admissions.filter((pl.col("stay") == 0) & ~pl.col("died_in_stay")).select(
        "person_id", left_day=pl.col("discharge_time_days").floor().cast(pl.Int64)
    )
    discharge = (
        pl.when(pl.col("entered_as") == ENTERED_DISCHARGED).then(pl.col("entry_day").cast(pl.Int64))
        .when((pl.col("entered_as") == ENTERED_ADMITTED) & (pl.col("left_day") < pl.col("end_day")))
        .then(pl.col("left_day"))
    )  # fmt: skip
    entry = windows.join(left, on="person_id", how="left", maintain_order="left").select(
        "person_id",
        index=pl.lit(0, pl.Int32),
        admit_time_days=pl.lit(None, pl.Float64),
        discharge_day=discharge,
        cause=pl.when(pl.col("entry_cause") != "none").then(pl.col("entry_cause")).cast(admissions.schema["cause"]),
        planned=pl.lit(False),
        may_be_index=discharge.is_not_null(),
        end_day="end_day",
        death_time_days="death_time_days",
    )
    within = (pl.col("admit_time_days") >= pl.col("entry_day")) & (pl.col("admit_time_days") < pl.col("end_day"))
    discharged = pl.col("discharge_time_days") < pl.col("end_day")
    for_index = pl.lit(True) if index_causes is None else _is_one_of(index_causes)
    later = (
        admissions.join(windows, on="person_id", how="inner", maintain_order="left")
        .filter(within & ~is_index_stay())
        .select(
            "person_id",
            index=pl.col("stay") + (pl.col("entered_as") != ENTERED_ADMITTED).cast(pl.Int32),
            admit_time_days="admit_time_days",
            discharge_day=pl.col("discharge_time_days").floor().cast(pl.Int64),
            cause="cause",
            planned="planned",
            may_be_index=(discharged & ~pl.col("died_in_stay") & ~pl.col("planned") & for_index).fill_null(False),
            end_day="end_day",
            death_time_days="death_time_days",
        )
    )
    return pl.concat([entry, later]).sort("person_id", "index", maintain_order=True)


def _is_one_of(causes: Causes) -> pl.Expr:
    """Whether an admission was for one of these causes."""
    return pl.col("cause").cast(pl.String).is_in(list(causes))


def _counts(rows: pl.DataFrame, causes: Causes | None) -> NDArray[np.bool_]:
    """Rows whose admission counts as a readmission after an earlier discharge."""
    counted = ~pl.col("planned") if causes is None else _is_one_of(causes) & ~pl.col("planned")
    counts = (pl.col("admit_time_days").is_not_null() & counted).fill_null(False)
    return rows.select(counts.alias("counts"))["counts"].to_numpy()


def _number_in_window(rows: pl.DataFrame, window_days: int, causes: Causes | None) -> NDArray[np.int32]:
    """Number of counted admissions of the same person within the window after each row's discharge.

    Looks one row further ahead at a time, until no person has an admission that close.
    """
    person, counts = rows["person_id"].to_numpy(), _counts(rows, causes)
    admit_day = np.floor(rows["admit_time_days"].fill_null(np.inf).to_numpy())
    last_day = rows["discharge_day"].fill_null(np.iinfo(np.int32).min).to_numpy() + window_days
    number = np.zeros(len(rows), np.int32)
    for ahead in range(1, len(rows)):
        near = (person[ahead:] == person[:-ahead]) & (admit_day[ahead:] <= last_day[:-ahead])
        if not near.any():
            break
        number[:-ahead] += near & counts[ahead:]
    return number


def spaced(rows: pl.DataFrame, window_days: int) -> NDArray[np.bool_]:
    """Rows that remain an index if no admission within the window of the person's previous index is a new index.

    Processes the first, second, third ... possible index of all persons at once.

    Args:
        rows: `discharges_and_admissions(...)`.
        window_days: the window.
    """
    possible = np.flatnonzero(rows["may_be_index"].to_numpy())
    person = rows["person_id"].rle_id().to_numpy()[possible]
    admit_day = np.floor(rows["admit_time_days"].fill_null(np.inf).to_numpy())[possible]
    discharge_day = rows["discharge_day"].fill_null(0).to_numpy()[possible]
    turn = np.arange(len(possible)) - np.searchsorted(person, person, side="left")
    by_turn = np.argsort(turn, kind="stable")
    last_discharge = np.full(len(rows), -np.inf)
    kept = np.zeros(len(rows), bool)
    for at in np.split(by_turn, np.cumsum(np.bincount(turn))[:-1]):
        new = at[admit_day[at] - last_discharge[person[at]] > window_days]
        kept[possible[new]] = True
        last_discharge[person[new]] = discharge_day[new]
    return kept


def cumulative_incidence(outcomes: pl.DataFrame, window_days: int = 30) -> pl.DataFrame:
    """Aalen-Johansen estimate by day since discharge: readmission and death without it as competing events.

    A person whose follow-up ends after day d is at risk up to and including day d.

    Args:
        outcomes: `index_outcomes(...)` for the same window.
        window_days: last day.

    Returns:
        day (0 .. window), at_risk, readmitted, died, readmission_cumulative_incidence, death_cumulative_incidence.
    """
    counted = outcomes.group_by("days_to_outcome", "outcome").len()
    at = {
        name: _by_day(counted.filter(pl.col("outcome") == name), window_days)
        for name in ("readmitted", "died", "neither", "censored")
    }
    leaving = sum(at.values(), np.zeros(window_days + 1))
    at_risk = leaving.sum() - np.concatenate([[0.0], np.cumsum(leaving)[:-1]])
    safe = np.maximum(at_risk, 1.0)
    free = np.cumprod(1.0 - (at["readmitted"] + at["died"]) / safe)
    free_before = np.concatenate([[1.0], free[:-1]])
    return pl.DataFrame(
        {
            "day": np.arange(window_days + 1),
            "at_risk": at_risk.astype(np.int64),
            "readmitted": at["readmitted"].astype(np.int64),
            "died": at["died"].astype(np.int64),
            "readmission_cumulative_incidence": np.cumsum(free_before * at["readmitted"] / safe),
            "death_cumulative_incidence": np.cumsum(free_before * at["died"] / safe),
        }
    )


def _by_day(counted: pl.DataFrame, window_days: int) -> NDArray[np.float64]:
    """Counts as an array by day."""
    days = np.zeros(window_days + 1)
    days[counted["days_to_outcome"].to_numpy()] = counted["len"].to_numpy()
    return days


def readmission(outcomes: pl.DataFrame, window_days: int = 30) -> pl.DataFrame:
    """Readmission measures over the given index discharges; filter them first for a subset (index 0, a period).

    Args:
        outcomes: `index_outcomes(...)` for the same window.
        window_days: the window.

    Returns:
        One row: index_discharges, whole_windows, readmitted_proportion and died_proportion (of whole windows, first
        event), readmissions_per_index_discharge (all readmissions, of whole windows),
        readmission_cumulative_incidence, death_cumulative_incidence (at the end of the window). Null if there are no
        index discharges.
    """
    whole = outcomes.filter("whole_window")
    curve = cumulative_incidence(outcomes, window_days)
    share = whole.select(
        index_discharges=pl.lit(len(outcomes)),
        whole_windows=pl.len(),
        readmitted_proportion=(pl.col("outcome") == "readmitted").mean(),
        died_proportion=(pl.col("outcome") == "died").mean(),
        readmissions_per_index_discharge=pl.col("readmissions").mean(),
    )
    last = curve.tail(1).select("readmission_cumulative_incidence", "death_cumulative_incidence")
    nobody = len(outcomes) == 0
    return share.hstack(last.with_columns(pl.when(pl.lit(not nobody)).then(pl.all())))
