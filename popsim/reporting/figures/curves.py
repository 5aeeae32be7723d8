"""Curves over time: readmission since discharge, with death as a competing event, and survival since entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from popsim.errors import InputError
from popsim.outcomes.readmission import cumulative_incidence, index_outcomes
from popsim.outcomes.survival import kaplan_meier, survival_times
from popsim.reporting.figures import style
from popsim.runs.run import StoredRun
from popsim.studies.usual_care import ENTERED_AS

BAND = (2.5, 97.5)  # centiles over replications
UNIT = ("strategy", "draw", "replication")
SMALL = 20  # with fewer replications, the band shows all of them


@style.styled
def readmission_curves(run: StoredRun, window_days: int = 30, cause: str | None = None) -> Figure:
    """Readmission by day since an index discharge, and death without readmission (Aalen-Johansen).

    Args:
        run: finished.
        window_days: the last day shown.
        cause: readmissions for this cause only; None: all that are unplanned.

    Raises:
        InputError: the run keeps no persons.
    """

    def incidence(admissions: pl.DataFrame, people: pl.DataFrame) -> NDArray[np.float64]:
        counted = None if cause is None else (cause,)
        judged = index_outcomes(admissions, people, window_days, counted, index_causes=run.experiment.index_causes)
        curve = cumulative_incidence(judged, window_days)
        shares = curve.select("readmission_cumulative_incidence", "death_cumulative_incidence").to_numpy().T
        return in_steps(shares, len(judged), run.least_count) * 100.0

    curves = _curves(run, incidence)
    of = "" if cause is None else f" for {cause.replace('_', ' ')}"
    note = (
        "Cumulative incidence by the Aalen-Johansen method, with death as a competing event. All index "
        f"discharges together. Lines are means over replications; {_band_words(run)}."
    )
    figure = style.blank(9.5, 4.8, f"Readmitted{of}, or died without it, within {window_days} days of discharge", note)
    axes = figure.subplots(1, 2, sharex=True)
    days = np.arange(window_days + 1)
    for event, (axis, title) in enumerate(
        zip(axes, (f"Readmitted{of}, any time so far", "Died, not readmitted before"), strict=True)
    ):
        for name, look in style.looks(run.strategies, run.comparator).items():
            _line(axis, days, curves[name][:, event], look, run.strategies[name])
        axis.set(title=title, xlabel="Days since discharge", ylabel="% of index discharges")
        axis.set_ylim(bottom=0)
        axis.set_xlim(0, window_days)
    axes[0].legend(loc="lower right")
    return figure


@style.styled
def survival_curves(run: StoredRun) -> Figure:
    """Share alive by day since entry (Kaplan-Meier), and the difference from the comparator.

    Raises:
        InputError: the run keeps no persons.
    """
    days = np.arange(_last_day(run) + 1)

    def alive(_: pl.DataFrame, people: pl.DataFrame) -> NDArray[np.float64]:
        times = survival_times(people)
        curve = kaplan_meier(times["days"].to_numpy(), times["died"].to_numpy())
        steps = np.concatenate([[1.0], curve["survival"].to_numpy()])
        shares = steps[np.searchsorted(curve["time_days"].to_numpy(), days, side="right")]
        return np.asarray(100.0 * (1.0 - in_steps(1.0 - shares, len(people), run.least_count)))[None]

    curves, titles = _curves(run, alive), run.strategies
    others = [name for name in titles if name != run.comparator]
    note = f"Kaplan-Meier, from each person's entry. Lines are means over replications; {_band_words(run)}."
    if others:
        note += f" Right: difference from {titles[run.comparator].lower()} in the same replication."
    figure = style.blank(9.5 if others else 6.0, 4.8, "Survival after entry", note)
    axes = figure.subplots(1, 2 if others else 1, squeeze=False, sharex=True)[0]
    looks = style.looks(titles, run.comparator)
    for name, look in looks.items():
        _line(axes[0], days, curves[name][:, 0], look, titles[name])
    axes[0].set(title="Alive", ylabel="% of everybody who entered", xlabel="Days since entry", xlim=(0, days[-1]))
    axes[0].legend(loc="lower left")
    for name in others:
        _line(axes[1], days, (curves[name] - curves[run.comparator])[:, 0], looks[name], titles[name])
    if others:
        axes[1].axhline(0, color=style.RULE, lw=0.9)
        axes[1].set(title=f"More alive than under {titles[run.comparator].lower()}", xlabel="Days since entry")
        axes[1].set_ylabel("percentage points")
    return figure


def _last_day(run: StoredRun) -> int:
    """The last day of follow-up, or of a lifetime."""
    if run.experiment.follow_up is None or run.experiment.extrapolation or "persons" not in run.tables:
        return run.experiment.follow_up_days
    return int(run.table("persons").select(pl.col("death_day").max()).collect().item() or 0) + 1


def people_of(run: StoredRun, persons: pl.DataFrame) -> pl.DataFrame:
    """Stored persons in the form of `outcomes.follow_up.follow_up`: who was observed from when to when."""
    entry = pl.col("entry_day")
    return persons.select(
        "person_id",
        "entry_day",
        end_day=entry.cast(pl.Int64) + run.experiment.follow_up_days,
        death_time_days=entry + pl.col("death_day"),
        entered_as=pl.lit(ENTERED_AS[run.experiment.entry]),
        entry_cause=pl.lit("none"),
    )


def in_steps(shares: NDArray[np.float64], people: int, least: int) -> NDArray[np.float64]:
    """Cumulative shares of people, rounded down so that no step is of fewer than `least`; as they are if that is 1."""
    if least <= 1 or people == 0:
        return shares
    return np.asarray(np.floor(shares * people / least + 1e-9) * least / people)


def _curves(
    run: StoredRun, measure: Callable[[pl.DataFrame, pl.DataFrame], NDArray[np.float64]]
) -> dict[str, NDArray[np.float64]]:
    """A measure of (admissions, people) for every replication, by strategy: shape (replications, curves, days)."""
    if "persons" not in run.tables or "admissions" not in run.tables:
        raise InputError(f"keeps no persons (the experiment's store is '{run.experiment.store}')")
    found: dict[str, list[NDArray[np.float64]]] = {name: [] for name in run.strategies}
    for name, admissions, persons in _pieces(run):
        found[name].append(measure(admissions, people_of(run, persons)))
    return {name: np.array(curves) for name, curves in found.items()}


def _pieces(run: StoredRun) -> Iterator[tuple[str, pl.DataFrame, pl.DataFrame]]:
    """Strategy, admissions and persons of every draw and replication, one in memory at a time; regions together.

    People of different regions with the same id get different numbers.
    """
    admissions, persons = run.table("admissions"), run.table("persons")
    own = pl.col("person_id") + pl.col("region").cast(pl.Int64) * (1 << 40)
    for piece in persons.select(UNIT).unique().sort(UNIT).collect().iter_rows(named=True):
        here = pl.all_horizontal(*(pl.col(key) == value for key, value in piece.items()))
        parts = [table.filter(here).with_columns(person_id=own).collect() for table in (admissions, persons)]
        yield piece["strategy"], parts[0].sort("person_id", "stay", maintain_order=True), parts[1]


def _line(axis: Axes, x: NDArray[np.int64], curves: NDArray[np.float64], look: style.Look, label: str) -> None:
    """The mean of curves (pieces, days) with a band over them."""
    low, high = (curves.min(axis=0), curves.max(axis=0)) if len(curves) < SMALL else np.percentile(curves, BAND, axis=0)
    style.band(axis, x, low, high, look)
    axis.plot(
        x, curves.mean(axis=0), color=look.colour, ls=look.line, label=label,
        marker=look.marker, ms=4.5, markevery=max(1, len(x) // 8),
    )  # fmt: skip


def _band_words(run: StoredRun) -> str:
    pieces = run.experiment.replications * max(1, run.experiment.draws)
    return "bands hold all of them" if pieces < SMALL else "bands hold the middle 95% of them"
