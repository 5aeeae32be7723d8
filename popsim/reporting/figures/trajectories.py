"""Twins over time: one of them with its signals and its care, and the spread over the whole cohort.

The store keeps events, not every variable of every day; so a unit is simulated again, which reproduces it bit by bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from popsim.errors import InputError
from popsim.exchange.privacy.gate import allow_persons
from popsim.outcomes.narrative import history
from popsim.outcomes.readmission import stays
from popsim.reporting.figures import style
from popsim.runs.run import StoredRun
from popsim.simulation.model import PopulationModel
from popsim.studies.unit import build

SIGNALS = {
    "weight_kg": "Weight, kg",
    "systolic_mmhg": "Systolic pressure, mmHg",
    "heart_rate_bpm": "Heart rate, beats/min",
    "nt_probnp_pg_ml": "NT-proBNP, pg/mL",
    "gfr_ml_min": "Kidney filtration, mL/min/1.73 m²",
    "symptom_score": "Symptoms, 0 (none) to 10",
}
LOGARITHMIC = ("nt_probnp_pg_ml",)
CONTACTS = {"visit": ("Contact", "v", "#0072b2"), "alert": ("Telemonitoring alert", "x", "#d55e00")}
CENTILES = (5, 25, 50, 75, 95)
CENTILES_APART = 20  # people, of whom the outermost centile leaves one outside
MAX_FOLLOWED = 5_000  # twins whose daily values are kept for centiles
MAX_DAYS = 3653  # that are simulated again and drawn, of longer follow-up


@style.styled
def twin_trajectory(
    run: StoredRun,
    person_id: int | None = None,
    strategy: str = "",
    replication: int = 0,
    signals: Sequence[str] = ("weight_kg", "systolic_mmhg", "heart_rate_bpm", "nt_probnp_pg_ml", "symptom_score"),
) -> Figure:
    """One twin from entry to the end of follow-up or death: signals, days in hospital, contacts and alerts.

    Args:
        run: finished.
        person_id: the twin; the one most often in hospital when None.
        strategy: name; the comparator when empty.
        replication: its number.
        signals: columns.

    Raises:
        InputError: there is no such person, column or strategy, or the run cannot be repeated.
    """
    allow_persons(run, "a trajectory")
    strategy = strategy or run.comparator
    if person_id is None:
        person_id = _often_admitted(run, strategy, replication)
    unit = run.unit(strategy, replication=replication)
    model = build(unit, schema=unit.study.schema)
    (rows,) = np.nonzero(model.population.person_id == person_id)
    if not len(rows):
        raise InputError(f"{run.folder}: no person {person_id}")
    days, values = _simulated(model, rows, signals)
    entry = int(model.population["entry_day"][rows[0]])
    log = history(model.events, int(rows[0]))
    classes = {setting.name: setting.setting_class for setting in run.network.settings}
    admissions = stays(log, classes)
    drawn = min(run.experiment.follow_up_days, MAX_DAYS)
    follow_up_end = entry + drawn  # later events are no outcome of the experiment, or not drawn
    died = (pl.col("event") == "death") & (pl.col("time_days") < follow_up_end)
    death = log.filter(died)["time_days"].to_list()
    end = death[0] if death else follow_up_end
    last = "at the end of follow-up" if drawn == run.experiment.follow_up_days else f"on day {drawn}"
    outcome = f"died on day {death[0] - entry:.0f}" if death else f"alive {last}"
    note = (
        f"Person {person_id}, replication {replication}, simulated again with the same random numbers; {outcome}. "
        "Shaded: on a ward or in intensive care. The signals are the twin's true values at each day's end."
    )
    title = f"One twin under {run.strategies[strategy].lower()}: signals and care"
    figure = style.blank(9.5, 1.9 + 1.25 * len(signals), title, note)
    axes = figure.subplots(
        len(signals) + 1, 1, sharex=True, squeeze=False, height_ratios=[1.0] * len(signals) + [0.55]
    )[:, 0]
    shown = (days >= entry) & (days < end)
    for axis, name in zip(axes, signals, strict=False):
        axis.plot(days[shown] - entry, values[name][shown, 0], color=style.COLOURS[0], lw=1.2)
        axis.set_title(SIGNALS.get(name, name))
        _scale(axis, name)
    for axis in axes:
        for begin, leave in admissions.select("admit_time_days", "discharge_time_days").iter_rows():
            axis.axvspan(begin - entry, min(leave or end, end) - entry, color="#e69f00", alpha=0.35, lw=0)
        if death:
            axis.axvline(death[0] - entry, color=style.INK, lw=1.6)
    _contacts(axes[-1], log, entry)
    axes[-1].set_xlabel("Days since entry")
    axes[-1].set_xlim(0, end - entry)
    return figure


@style.styled
def cohort_quantiles(
    run: StoredRun, strategy: str = "", replication: int = 0, signals: Sequence[str] = tuple(SIGNALS)
) -> Figure:
    """Centiles of signals over everybody alive, by day since entry, under one strategy.

    Args:
        run: finished.
        strategy: name; the comparator when empty.
        replication: its number.
        signals: columns.

    Raises:
        InputError: there is no such column or strategy, or the run cannot be repeated.
    """
    if run.experiment.population < CENTILES_APART * run.least_count > CENTILES_APART:
        raise InputError(f"its centiles would be of fewer than {run.least_count} people, and they are real")
    strategy = strategy or run.comparator
    unit = run.unit(strategy, replication=replication)
    model = build(unit, schema=unit.study.schema)
    size = len(model.population)
    rows = np.unique(np.linspace(0, size - 1, min(size, MAX_FOLLOWED)).astype(np.int64))
    entry = model.population["entry_day"][rows].astype(np.int64)
    _, values = _simulated(model, rows, [*signals, "alive"])
    follow_up = min(run.experiment.follow_up_days, MAX_DAYS)
    when = entry[None, :] + np.arange(follow_up)[:, None]
    alive = np.take_along_axis(values["alive"], when, axis=0) > 0
    note = (
        f"{len(rows):,} twins, those alive at each day's end. Line: median; dark band: middle half; light band: 5th to "
        f"95th centile. Replication {replication}, simulated again with the same random numbers."
    )
    rows_of_axes = -(-len(signals) // 2)
    title = f"The cohort under {run.strategies[strategy].lower()}: spread of signals after entry"
    figure = style.blank(9.5, 1.6 + 1.9 * rows_of_axes, title, note)
    axes = figure.subplots(rows_of_axes, 2, sharex=True, squeeze=False).ravel()
    days = np.arange(follow_up)
    for axis, name in zip(axes, signals, strict=False):
        mine = np.where(alive, np.take_along_axis(values[name], when, axis=0), np.nan)
        lived = alive.any(axis=1)
        low, q1, median, q3, high = np.nanpercentile(mine[lived], CENTILES, axis=1)
        axis.fill_between(days[lived], low, high, color=style.COLOURS[1], alpha=0.18, lw=0)
        axis.fill_between(days[lived], q1, q3, color=style.COLOURS[1], alpha=0.35, lw=0)
        axis.plot(days[lived], median, color=style.COLOURS[1])
        axis.set_title(SIGNALS.get(name, name))
        _scale(axis, name)
    for axis in axes[len(signals) :]:
        axis.set_axis_off()
    for axis in axes[-2:]:
        axis.set_xlabel("Days since entry")
    return figure


def _simulated(
    model: PopulationModel, rows: NDArray[np.int64], columns: Sequence[str]
) -> tuple[NDArray[np.int64], dict[str, NDArray[np.float32]]]:
    """Simulate MAX_DAYS of follow-up at most: the days, and columns of some rows at each day's end, (days, rows)."""
    unknown = [name for name in columns if name not in model.population.schema.columns]
    if unknown:
        raise InputError(f"no column '{unknown[0]}'")
    days = np.arange(min(model.days, model.enrolment_days + MAX_DAYS))
    kept = {name: np.empty((len(days), len(rows)), np.float32) for name in columns}
    for day in days:
        model.step()
        for name, values in kept.items():
            values[day] = model.population[name][rows]
    return days, kept


def _often_admitted(run: StoredRun, strategy: str, replication: int) -> int:
    """The person admitted most often; the first of several."""
    if "persons" not in run.tables:
        return 0
    persons = run.rows_of("persons", strategy, replication=replication)
    return int(persons.sort("admissions", "person_id", descending=[True, False])["person_id"][0])


def _contacts(axis: Axes, log: pl.DataFrame, entry: int) -> None:
    """Marks for contacts and alerts, one row for each kind."""
    for index, (kind, (label, marker, colour)) in enumerate(CONTACTS.items()):
        times = log.filter(pl.col("event") == kind)["time_days"].to_numpy() - entry
        axis.plot(times, np.full(len(times), index), ls="none", marker=marker, color=colour, ms=6, label=label)
    axis.set_yticks(range(len(CONTACTS)), [label for label, _, _ in CONTACTS.values()])
    axis.set_ylim(len(CONTACTS) - 0.4, -0.6)
    axis.grid(visible=False)


def _scale(axis: Axes, name: str) -> None:
    """Use a logarithmic axis, with numbers written out, where a signal needs one."""
    if name in LOGARITHMIC:
        axis.set_yscale("log")
        style.log_ticks(axis.yaxis)
