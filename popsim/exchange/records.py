"""What happened to whom in one unit of a finished run, as records of care would hold it: frames for export.

The unit is simulated again with the same random numbers, so its course is that of the run. Values are readings of
devices (evidence/devices), taken when clinicians take them (evidence/practice/recording.toml), laboratory results when
they arrive, and home readings of people who are monitored; the hidden state itself is never written down. Prescribed
doses and diagnoses are known to care and are as they are. Nothing after a person's follow-up or death is kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.care.policy import telemonitoring_by_day
from popsim.care.signals import Signals
from popsim.definitions.drug import Drug
from popsim.definitions.network import SettingDefinition
from popsim.definitions.recording import Recording, RecordingFile
from popsim.definitions.signal import Signal
from popsim.evidence.drugs import DRUG_SET, drugs_with
from popsim.exchange.observed import observed
from popsim.kernels import accrual
from popsim.kernels import codes as code
from popsim.outcomes.follow_up import follow_up
from popsim.simulation.model import PopulationModel
from popsim.studies.design import Unit
from popsim.studies.unit import build

FILE = Path(__file__).parents[1] / "evidence" / "practice" / "recording.toml"
MORNING = 0.25  # of the day, when laboratory results and home readings arrive; moves no date
ROUND = 1.0 / 3.0  # of the day, when people on a ward are seen; moves no date
MIN_CHANGE = 1e-3  # of a dose, as a share of the target dose; less is no new prescription
CLINICIANS = ("general_practitioner", "specialist", "nurse")
HOME = {  # column of the last home reading: what it measures
    "measured_weight_kg": "weight_kg",
    "measured_systolic_mmhg": "systolic_mmhg",
    "measured_heart_rate_bpm": "heart_rate_bpm",
    "measured_filling_pressure_mmhg": "filling_pressure_mmhg",
}
DIAGNOSES = (
    "heart_failure", "diabetes", "ckd", "atrial_fibrillation", "copd", "hypertension", "coronary_disease",
    "prior_infarction", "prior_stroke", "iron_deficiency",
)  # fmt: skip
FOUND_LATER = {"has_atrial_fibrillation": "atrial_fibrillation"}  # a column that rises: the diagnosis then made
PROCEDURES = {"dialysis": "dialysis", "coronary_stent": "pci"}  # a column that rises: what was done
DESCRIBED = ("age_years", "female", "ethnicity", "death_cause", *DIAGNOSES)


@dataclass(frozen=True)
class PersonRecords:
    """Records of the people of one unit. Times and days count from the start of the simulation.

    Attributes:
        people: `follow_up(...)` and DESCRIBED: one row a person, ordered by person_id.
        events: their event log, in its order; it goes on after a person's follow-up.
        readings: person_id, time_days, measures (column), value (in the column's unit), origin (clinic, laboratory,
            home).
        prescriptions: person_id, drug, dose, unit (of a day's dose), start_day, end_day (the last day it was taken).
        found: person_id, time_days, kind (diagnosis, procedure), key: what was found or done later on.
        settings: of the network, in its order.
        prices: of the settings, undiscounted, in the currency of the experiment.
        days: that were simulated.
        desks: settings from which nurses call people who are monitored at home.
    """

    people: pl.DataFrame
    events: pl.DataFrame
    readings: pl.DataFrame
    prescriptions: pl.DataFrame
    found: pl.DataFrame
    settings: tuple[SettingDefinition, ...]
    prices: accrual.SettingPrices
    days: int
    desks: frozenset[str]

    @property
    def classes(self) -> dict[str, str]:
        """Class by name of setting."""
        return {setting.name: setting.setting_class for setting in self.settings}


@cache
def recorded() -> tuple[Recording, ...]:
    """What clinicians write down, read once."""
    return RecordingFile.read(FILE).recorded


def records_of(
    unit: Unit, people: int | None = None, on_day: Callable[[int, int], None] | None = None
) -> PersonRecords:
    """Simulate a unit again and keep its records.

    Args:
        unit: of the run.
        people: how many to keep, those with the lowest ids; all when None. All are simulated: they share beds.
        on_day: called after each day with the number of days done and of all days.
    """
    model = build(unit, schema=unit.study.schema)
    chart = _Chart(model)
    while model.clock.day < model.days and model.running:
        model.run_for(1)
        chart.write(model.clock.day - 1)
        if on_day is not None:
            on_day(model.clock.day, model.days)
    chart.end(model.clock.day - 1)
    return chart.records(unit.study.experiment.follow_up_days, people)


class _Takers(NamedTuple):
    """Rows with an occasion on a day, its time, and which occasion it is."""

    row: NDArray[np.int64]
    time: NDArray[np.float64]
    occasion: NDArray[np.str_]


class _Chart:
    """Writes down, day by day, what care learns and does."""

    def __init__(self, model: PopulationModel) -> None:
        self.model, people = model, model.population
        self._signals = Signals(people.schema, key=model.key)
        by_name = {signal.measures: signal for signal in self._signals.signals}
        self._recorded = [(one, by_name[one.measures]) for one in recorded() if one.measures in by_name]
        self._laboratory = [signal for signal in self._signals.signals if signal.stored is not None]
        self._last = {one.measures: np.full(len(people), -np.inf) for one, _ in self._recorded}
        self._drugs = [drug for drug in drugs_with(model.parameters[DRUG_SET]) if drug.dose_column in people.schema]
        self._watched = [str(one.stored) for one in self._laboratory] + [name for name in HOME if name in people.schema]
        self._rising = [name for name in (*FOUND_LATER, *PROCEDURES) if name in people.schema]
        self._before = {name: people[name].copy() for name in self._watched}
        self._before |= {name: np.zeros(len(people)) for name in self._rising}
        self._dose = {drug.name: np.zeros(len(people)) for drug in self._drugs}
        self._since = {drug.name: np.zeros(len(people), np.int64) for drug in self._drugs}
        self._enter = np.full(len(people), np.inf)
        self._read = 0
        self._parts: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        classes = [setting.setting_class for setting in model.network.settings]
        clinician = [setting.clinician for setting in model.network.settings]
        self._visited = np.array([one if one in CLINICIANS else "other_clinician" for one in clinician])
        self._arrived = np.array([_arrival(one) for one in classes])

    def write(self, day: int) -> None:
        """Write down the day that has just been simulated."""
        entered = self.model.population.entered(day)
        takers = self._takers(entered, day)
        for one, signal in self._recorded:
            self._take(one, signal, takers, day)
        for signal in self._laboratory:
            self._note_changes(str(signal.stored), signal.measures, "laboratory", entered, day)
        for name, measures in HOME.items():
            if name in self._before:
                self._note_changes(name, measures, "home", entered, day)
        self._note_found(entered, day)
        for drug in self._drugs:
            self._prescribe(drug, entered, day)

    def end(self, day: int) -> None:
        """Write down the prescriptions that are in force on the last day."""
        for drug in self._drugs:
            rows = np.flatnonzero(self._dose[drug.name] > 0.0)
            self._course(drug, rows, day)

    def _takers(self, entered: int, day: int) -> _Takers:
        """Who is seen today, in order of time."""
        new = self.model.events.slice(self._read)
        self._read = len(self.model.events)
        row, setting = new.row.astype(np.int64), new.setting.astype(np.int64)
        inside = np.maximum(setting, 0)
        arrival = np.where(new.kind == code.START, self._arrived[inside], "")
        occasion = np.where(new.kind == code.VISIT, self._visited[inside], arrival)
        occasion = np.where(new.kind == code.ENTER, "entry", occasion)
        self._enter[row[new.kind == code.ENTER]] = new.time[new.kind == code.ENTER]
        known = occasion != ""
        admitted = np.flatnonzero(self.model.population["admitted"][:entered] != 0)
        staying = np.setdiff1d(admitted, row[occasion == "ward"])
        rows = np.concatenate([row[known], staying])
        times = np.concatenate([new.time[known], np.full(len(staying), day + ROUND)])
        occasions = np.concatenate([occasion[known], np.full(len(staying), "ward_day")])
        order = np.argsort(times, kind="stable")
        return _Takers(rows[order], times[order], occasions[order])

    def _take(self, one: Recording, signal: Signal, takers: _Takers, day: int) -> None:
        """Read a device at the occasions of a quantity, once a day at most."""
        people, last = self.model.population, self._last[one.measures]
        due = np.isin(takers.occasion, one.at) & (takers.time - last[takers.row] >= one.every_days)
        if one.only_with is not None and one.only_with in people.schema:
            due &= people[one.only_with][takers.row] == 1
        rows, first = np.unique(takers.row[due], return_index=True)
        if len(rows):
            times = takers.time[due][first]
            last[rows] = times
            value = observed(self._signals, people, day, signal.measures, rows)
            self._add("readings", row=rows, time=times, value=value, what=one.measures, origin="clinic")

    def _note_changes(self, stored: str, measures: str, origin: str, entered: int, day: int) -> None:
        """A new value in a column of last results is a result that has arrived."""
        now, before = self.model.population[stored], self._before[stored]
        rows = np.flatnonzero((now[:entered] != before[:entered]) & (now[:entered] > 0.0))
        before[:entered] = now[:entered]
        if len(rows):
            times = np.maximum(day + MORNING, self._enter[rows])
            self._add(
                "readings", row=rows, time=times, value=now[rows].astype(np.float64), what=measures, origin=origin
            )

    def _note_found(self, entered: int, day: int) -> None:
        """Diagnoses made and procedures done today; what people bring with them is a diagnosis at entry."""
        for name in self._rising:
            now, before = self.model.population[name][:entered], self._before[name]
            rows = np.flatnonzero((now == 1) & (before[:entered] == 0))
            before[:entered] = now
            rows = rows[self.model.population["entry_day"][rows] < day] if name in FOUND_LATER else rows
            if len(rows):
                kind, key = ("diagnosis", FOUND_LATER[name]) if name in FOUND_LATER else ("procedure", PROCEDURES[name])
                times = np.maximum(day + ROUND, self._enter[rows])
                self._add("found", row=rows, time=times, what=key, origin=kind)

    def _prescribe(self, drug: Drug, entered: int, day: int) -> None:
        """A dose that differs from yesterday's ends a course and may begin another."""
        dose, before = self._doses(drug, entered), self._dose[drug.name]
        smallest = MIN_CHANGE * drug.target_dose.value
        changed = np.flatnonzero(np.abs(dose - before[:entered]) > smallest)
        if len(changed):
            self._course(drug, changed[before[changed] > smallest], day - 1)
            before[changed] = np.where(dose[changed] > smallest, dose[changed], 0.0)
            self._since[drug.name][changed] = day

    def _doses(self, drug: Drug, entered: int) -> NDArray[np.float64]:
        """The prescribed daily doses of a drug, in its unit; 0 of a drug within a combination, which has its own."""
        people = self.model.population
        amount = people[drug.dose_column][:entered].astype(np.float64)
        if drug.agent_column is not None:
            amount = np.where(people[drug.agent_column][:entered] == drug.agent, amount, 0.0)
        for other in self._drugs:
            if other.contains == drug.name:
                amount = np.maximum(amount - people[other.dose_column][:entered], 0.0)
        alive = people["alive"][:entered] != 0
        return np.where(alive, amount, 0.0) / drug.column_at_target * drug.target_dose.value

    def _course(self, drug: Drug, rows: NDArray[np.int64], last: int) -> None:
        """A course that ends with a day."""
        if len(rows):
            dose = np.array([float(f"{one:.4g}") for one in self._dose[drug.name][rows].tolist()])
            self._add("prescriptions", row=rows, value=dose, start=self._since[drug.name][rows], what=drug.name,
                      origin=drug.target_dose.unit, end=np.full(len(rows), last))  # fmt: skip

    def _add(self, table: str, **columns: Any) -> None:
        self._parts[table].append(columns)

    def records(self, follow_up_days: int, people: int | None) -> PersonRecords:
        """The frames, each within the follow-up of its person."""
        model, twins = self.model, self.model.population
        valuation: Any = model.valuation
        events = model.events.frame()
        ids, entry_day = twins.person_id, twins["entry_day"]
        who = follow_up(events, ids, entry_day, follow_up_days, model.clock.day)
        who = who.join(pl.DataFrame({"person_id": ids} | {name: twins[name] for name in DESCRIBED}), on="person_id")
        entered = pl.DataFrame(
            {"person_id": ids, "enter_time_days": np.where(np.isfinite(self._enter), self._enter, entry_day)}
        )
        who = who.join(entered, on="person_id").sort("person_id").head(people if people is not None else len(who))
        until = pl.min_horizontal(pl.col("end_day").cast(pl.Float64), "death_time_days")
        window = who.select("person_id", enter="enter_time_days", until=until)

        def within(frame: pl.DataFrame) -> pl.DataFrame:
            """Rows within follow-up and before death."""
            kept = frame.join(window, on="person_id", how="inner", maintain_order="left")
            time = pl.col("time_days")
            return kept.filter((time >= pl.col("enter")) & (time < pl.col("until"))).drop("enter", "until")

        readings = self._frame(
            "readings", {"time": pl.Float64, "what": pl.String, "value": pl.Float64, "origin": pl.String}
        )
        found = self._frame("found", {"time": pl.Float64, "origin": pl.String, "what": pl.String})
        courses = self._frame("prescriptions", {"what": pl.String, "value": pl.Float64, "origin": pl.String,
                                                "start": pl.Int64, "end": pl.Int64})  # fmt: skip
        return PersonRecords(
            who,
            events.join(who.select("person_id"), on="person_id", how="semi", maintain_order="left"),
            within(readings.rename({"time": "time_days", "what": "measures"})),
            _prescriptions(courses, window),
            within(found.rename({"time": "time_days", "what": "key", "origin": "kind"})),
            tuple(model.network.settings),
            valuation.priced_settings,
            model.clock.day,
            frozenset(one.desk for one in telemonitoring_by_day(model.strategy).values() if one is not None),
        )

    def _frame(self, table: str, schema: dict[str, Any]) -> pl.DataFrame:
        """The parts of a table, ordered by person and time."""
        ids = self.model.population.person_id
        empty = pl.DataFrame(schema={"person_id": pl.Int64} | schema)
        parts = [
            pl.DataFrame(
                {"person_id": ids[part["row"]]} | {name: part[name] for name in schema if name in part}
            ).select(pl.col(name).cast(kind) for name, kind in empty.schema.items())
            for part in self._parts[table]
        ]
        first = next(name for name in ("time", "start") if name in schema)
        return pl.concat([empty, *parts]).sort("person_id", first, "what", maintain_order=True)


def _prescriptions(courses: pl.DataFrame, window: pl.DataFrame) -> pl.DataFrame:
    """Courses within follow-up, in days: the day of death is the last on which a dose was taken."""
    first, last = pl.col("enter").floor().cast(pl.Int64), pl.col("until").floor().cast(pl.Int64)
    whole = pl.col("until") == pl.col("until").floor()  # follow-up ends at midnight, before that day
    return (
        courses.join(window, on="person_id", how="inner", maintain_order="left")
        .with_columns(
            start=pl.max_horizontal("start", first), end=pl.min_horizontal("end", last - whole.cast(pl.Int64))
        )
        .filter(pl.col("end") >= pl.col("start"))
        .select("person_id", drug="what", dose="value", unit="origin", start_day="start", end_day="end")
    )


def _arrival(setting_class: str) -> str:
    """The occasion of an arrival in a class of setting; empty where nothing is written down."""
    if setting_class in ("emergency", "observation"):
        return "emergency"
    return "ward" if setting_class in ("inpatient", "critical") else ""
