"""What a health record would hold of some people of a unit, taken down while the unit is simulated again.

The store of a run keeps events, not readings and doses; the same seed gives the same course, bit by bit. Every export
of records (FHIR, OMOP) is made from this one. Values are readings of devices, never the hidden state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.care.signals import Signals
from popsim.definitions.drug import Drug
from popsim.economics.columns import COST_NAMES
from popsim.evidence.drugs import DRUG_SET, drugs_with
from popsim.exchange.observed import observed
from popsim.exchange.occasions import Occasion, Whereabouts, desks_of, recording
from popsim.kernels import accrual
from popsim.kernels.codes import DEATH_CAUSE_NAMES
from popsim.population.genome import GENES, allele_activities, diplotypes
from popsim.population.population import Population
from popsim.simulation.model import PopulationModel
from popsim.studies.design import Unit
from popsim.studies.unit import build

BLOOD_AT = 6 / 24  # assumption: morning blood samples, before the ward round
HOME_AT = 7 / 24  # assumption: home readings after getting up
CHANGED_AT_HOUR = 10.0  # assumption: drugs are changed on the ward round, or at the visit
HOME = {
    "measured_weight_kg": "weight_kg",
    "measured_systolic_mmhg": "systolic_mmhg",
    "measured_heart_rate_bpm": "heart_rate_bpm",
    "measured_filling_pressure_mmhg": "filling_pressure_mmhg",
}
INTRAVENOUS = "furosemide_intravenous"
HEIGHT = "height_cm"
# Columns that staff see change: what begins is recorded, and what ends again.
STATES = ("has_atrial_fibrillation", "dialysis", "fracture", "delirium", "coronary_stent", "genotype_known")
PAID = COST_NAMES[: COST_NAMES.index("cost_out_of_pocket")]  # components that payers bear
BY_CONTACT = ("cost_ward", "cost_emergency", "cost_clinic", "cost_community")
MONTH_DAYS = 30
SMALLEST = 1e-6  # of doses and money; smaller changes are rounding

DIAGNOSES = (
    "heart_failure", "diabetes", "ckd", "atrial_fibrillation", "copd", "hypertension", "coronary_disease",
    "prior_infarction", "prior_stroke", "iron_deficiency",
)  # fmt: skip
# State that begins: the diagnosis then made, unless the person has it already; and what was done.
BEGUN = {"has_atrial_fibrillation": "atrial_fibrillation", "fracture": "fracture", "delirium": "delirium",
         "dialysis": "kidney_failure"}  # fmt: skip
PROCEDURES = {"coronary_stent": "pci", "dialysis": "dialysis"}

OnDay = Callable[[int, int, int], None]


class ClinicalRecord(NamedTuple):
    """What was recorded. `person` is a row of `people`; times are days since the start of the simulation.

    Attributes:
        people: person_id, entry_day and every column of the people on their first day.
        events: `EventLog.frame()` of these people.
        readings: person, time, signal, value, issued (days until the result is known), at_home; ordered by person and
            time.
        doses: person, time, drug, dose (a day, in the unit of the drug; 0: stopped).
        states: person, time, state (STATES), present.
        costs: person, day, component, amount: not discounted, of BY_CONTACT by day, of others by month of follow-up.
        death_causes: of each person, names of DEATH_CAUSE_NAMES, "" while alive.
        genes: diplotype of each person by gene, empty where the cohort fixed another phenotype.
        prices: of the settings, undiscounted, in the currency of the experiment.
        desks: contact settings that see nobody in person.
    """

    people: pl.DataFrame
    events: pl.DataFrame
    readings: pl.DataFrame
    doses: pl.DataFrame
    states: pl.DataFrame
    costs: pl.DataFrame
    death_causes: list[str]
    genes: dict[str, list[str]]
    prices: accrual.SettingPrices
    desks: frozenset[str]


def record(
    unit: Unit, people: int | None = None, *, costs: bool = False, on_day: OnDay = lambda done, total, failed: None
) -> ClinicalRecord:
    """Simulate a unit again and record some of its people.

    Args:
        unit: of a study.
        people: number of them, those of the lowest ids; all when None.
        costs: whether to record costs.
        on_day: called with days done, days in all, and 0.
    """
    model = build(unit, schema=unit.study.schema)
    order = np.argsort(model.population.person_id, kind="stable")
    rows = np.sort(order[: len(order) if people is None else people])
    recorder = _ChartRecorder(model, unit, rows, costs=costs)
    last = int(model.population["entry_day"][rows].max(initial=0)) + model.follow_up_days
    for day in range(last):
        model.run_for(1)
        recorder.write(day)
        on_day(day + 1, last, 0)
    return recorder.finished()


class _DoseColumn(NamedTuple):
    """Where the dose of a drug stands: factor x column, of those whose agent this is."""

    name: str
    column: str
    agent_column: str | None
    agent: int
    factor: float


class _ChartRecorder:
    """Takes down each day of a model."""

    def __init__(self, model: PopulationModel, unit: Unit, rows: NDArray[np.int64], *, costs: bool) -> None:
        self._model, self._rows = model, rows
        people = model.population
        place = np.full(len(people), -1, np.int64)
        place[rows] = np.arange(len(rows))
        self._place = place
        self._desks = desks_of([unit.strategy])
        self._where = Whereabouts(unit.study.network, self._desks, place)
        self._signals = Signals(people.schema, key=model.key)
        self._entry_day = people["entry_day"][rows].astype(np.int64)
        frame = people.frame()
        self._people = pl.DataFrame({one.name: one.to_numpy()[rows] for one in frame})  # copies: the people change
        self._genes = _diplotypes(people.chosen(rows), unit)
        self._read = 0
        known = {signal.measures for signal in self._signals.signals}
        self._rules = [rule for rule in recording().recorded if rule.signal in known]
        self._last = {rule.signal: np.full(len(rows), -np.inf) for rule in self._rules}
        self._laboratory = [one for one in self._signals.signals if one.stored is not None]
        self._pending = {one.measures: self._of(_pending(one.stored)).copy() for one in self._laboratory}
        drugs = drugs_with(unit.study.parameters_of(unit.draw)[DRUG_SET])
        self._drugs = _dose_columns(drugs, people)
        self._within = {one.contains: one.name for one in drugs if one.contains and one.dose_column in people}
        self._doses = {one.name: np.zeros(len(rows)) for one in self._drugs}
        self._states = {name: np.zeros(len(rows), np.int8) for name in STATES if name in people}
        self._paid = [name for name in PAID if name in people] if costs else []
        self._totals = {name: np.zeros(len(rows)) for name in self._paid}
        self._notes: dict[str, list[tuple[Any, ...]]] = {name: [] for name in ("reading", "dose", "state", "cost")}

    def write(self, day: int) -> None:
        """Take down a day, at its end."""
        was_inside = self._where.inside.copy()
        events = self._model.events.slice(self._read)
        self._read = len(self._model.events)
        occasions = self._where.pass_day(day, events)
        self._write_home(day)
        self._write_laboratory(day, was_inside)
        for occasion in occasions:
            self._write_readings(day, occasion)
        self._write_doses(day)
        self._write_states(day)
        self._write_costs(day)

    def finished(self) -> ClinicalRecord:
        """Everything taken down, within each person's follow-up and life."""
        events, valuation = self._model.events.frame(), cast(Any, self._model.valuation)
        mine = pl.Series("person_id", self._people["person_id"])
        entered = self._entry_day + self._model.follow_up_days
        frames = {name: self._frame(name, entered) for name in self._notes}
        return ClinicalRecord(
            self._people, events.filter(pl.col("person_id").is_in(mine.implode())), frames["reading"], frames["dose"],
            frames["state"], frames["cost"],
            [DEATH_CAUSE_NAMES.get(code, "") for code in self._of("death_cause").tolist()], self._genes,
            valuation.priced_settings, self._desks,
        )  # fmt: skip

    def _frame(self, kind: str, end_day: NDArray[np.int64]) -> pl.DataFrame:
        """The notes of a kind, ordered by person and time, until death or the end of follow-up."""
        schema = SCHEMAS[kind]
        parts = [np.concatenate(column) for column in zip(*self._notes[kind], strict=True)]
        frame = pl.DataFrame(dict(zip(schema, parts, strict=True)) if parts else None, schema=schema)
        if kind == "cost":
            summed = frame.group_by("person", "time", "component", maintain_order=True).agg(pl.col("amount").sum())
            return summed.sort("person", "time", "component").rename({"time": "day"})
        last = np.minimum(end_day, self._where.died_at)[frame["person"].to_numpy()]
        return frame.filter(frame["time"].to_numpy() < last).sort("person", "time", maintain_order=True)

    def _of(self, name: str) -> NDArray[Any]:
        """A column of the recorded people."""
        values: NDArray[Any] = self._model.population[name][self._rows]
        return values

    def _entered(self, day: int) -> NDArray[np.bool_]:
        return self._entry_day <= day

    def _note_readings(
        self, name: str, people: NDArray[np.int64], times: NDArray[np.float64], values: NDArray[Any],
        issued: NDArray[np.float64] | float = 0.0, at_home: bool = False,
    ) -> None:  # fmt: skip
        size = len(people)
        if size:
            known = np.broadcast_to(np.asarray(issued, np.float64), size)
            names = np.full(size, name)
            self._notes["reading"].append((people, times, names, values.astype(float), known, np.full(size, at_home)))

    def _write_home(self, day: int) -> None:
        """Readings of telemonitoring, dated by the morning on which they were taken."""
        monitoring: Any = self._model.monitoring
        readings = monitoring.readings
        if readings.rules is None or not len(readings.of):
            return
        read = readings.of[self._rows] != 0
        sensed = readings.rules.filling_pressure_high_mmhg > 0.0
        people = np.flatnonzero(read & (self._entry_day <= day - readings.days_ago))
        times = np.full(len(people), day - readings.days_ago + HOME_AT)
        late = np.maximum(readings.days_ago, 0.0)
        for column, name in HOME.items():
            if column in self._model.population and (sensed or name != "filling_pressure_mmhg"):
                self._note_readings(name, people, times, self._of(column)[people], late, at_home=True)

    def _write_laboratory(self, day: int, was_inside: NDArray[np.bool_]) -> None:
        """Samples that follow the laboratory's own schedule: what is under way has changed."""
        entering = self._entry_day == day
        for signal in self._laboratory:
            pending = self._of(_pending(signal.stored))
            taken = self._entered(day) & ((pending != self._pending[signal.measures]) | entering)
            self._pending[signal.measures] = pending.copy()
            people = np.flatnonzero(taken)
            times = np.fmax(day + BLOOD_AT, np.where(entering, self._where.entered_at, -np.inf)[people])
            at_once = was_inside[people] | entering[people]
            delay = np.where(at_once, 0.0, signal.delay_days)
            self._note_readings(signal.measures, people, times, pending[people], delay)

    def _write_readings(self, day: int, occasion: Occasion) -> None:
        """What staff read on an occasion; height, which the record knows, at entry."""
        population = self._model.population
        if occasion.name == "entry" and HEIGHT in population:
            self._note_readings(HEIGHT, occasion.people, occasion.times, self._of(HEIGHT)[occasion.people])
        for rule in self._rules:
            if occasion.name not in rule.at:
                continue
            last = self._last[rule.signal]
            due = day - last[occasion.people] >= rule.every_days
            if rule.only_with:
                has = np.any([self._of(name)[occasion.people] != 0 for name in rule.only_with], axis=0)
                due &= has
            people = occasion.people[due]
            if len(people):
                last[people] = day
                values = observed(self._signals, population, day, rule.signal, self._rows[people])
                self._note_readings(rule.signal, people, occasion.times[due], values)

    def _write_doses(self, day: int) -> None:
        doses = {one.name: self._dose(one) for one in self._drugs}
        for part, whole in self._within.items():
            doses[part] = np.where(doses[whole] > 0.0, 0.0, doses[part])
        alive = self._entered(day) & np.isinf(self._where.died_at)
        for name, dose in doses.items():
            people = np.flatnonzero(alive & (np.abs(dose - self._doses[name]) > SMALLEST))
            self._doses[name][people] = dose[people]
            if len(people):
                times = self._changed(day, people)
                self._notes["dose"].append((people, times, np.full(len(people), name), dose[people]))

    def _dose(self, drug: _DoseColumn) -> NDArray[np.float64]:
        dose = self._of(drug.column).astype(np.float64) * drug.factor
        return dose if drug.agent_column is None else np.where(self._of(drug.agent_column) == drug.agent, dose, 0.0)

    def _write_states(self, day: int) -> None:
        for name, before in self._states.items():
            now = self._of(name)
            people = np.flatnonzero(self._entered(day) & (now != before))
            before[people] = now[people]
            if len(people):
                times = self._changed(day, people)
                self._notes["state"].append((people, times, np.full(len(people), name), now[people] != 0))

    def _changed(self, day: int, people: NDArray[np.int64]) -> NDArray[np.float64]:
        """When a change of the day was made: those of the first day at entry."""
        times = self._where.time_of_change(day, people, CHANGED_AT_HOUR)
        return np.where(self._entry_day[people] == day, self._where.entered_at[people], times)

    def _write_costs(self, day: int) -> None:
        """The day's costs: totals are discounted by whole days since entry, which is undone."""
        valuation: Any = self._model.valuation
        discount = valuation.cost_discount
        since = day - self._entry_day
        within = (since >= 0) & (since < len(discount))
        for name in self._paid:
            total = self._of(name)
            people = np.flatnonzero(within & (total - self._totals[name] > SMALLEST))
            amount = (total - self._totals[name])[people] / discount[since[people]]
            self._totals[name] = total.copy()
            if len(people):
                days = np.full(len(people), float(day))
                if name not in BY_CONTACT:
                    days = (self._entry_day[people] + since[people] // MONTH_DAYS * MONTH_DAYS).astype(float)
                self._notes["cost"].append((people, days, np.full(len(people), name), amount))


SCHEMAS: dict[str, dict[str, Any]] = {
    "reading": {
        "person": pl.Int64, "time": pl.Float64, "signal": pl.String, "value": pl.Float64, "issued": pl.Float64,
        "at_home": pl.Boolean,
    },
    "dose": {"person": pl.Int64, "time": pl.Float64, "drug": pl.String, "dose": pl.Float64},
    "state": {"person": pl.Int64, "time": pl.Float64, "state": pl.String, "present": pl.Boolean},
    "cost": {"person": pl.Int64, "time": pl.Float64, "component": pl.String, "amount": pl.Float64},
}  # fmt: skip


def _pending(stored: str | None) -> str:
    return str(stored).replace("seen_", "pending_")


def _dose_columns(drugs: Sequence[Drug], people: Population) -> Sequence[_DoseColumn]:
    """Every drug of which the population has the columns."""
    found = [
        _DoseColumn(
            drug.name, drug.dose_column, drug.agent_column, drug.agent, drug.target_dose.value / drug.column_at_target
        )
        for drug in drugs
        if drug.dose_column in people
    ]
    return [*found, _DoseColumn(INTRAVENOUS, "iv_diuretic_mg_day", None, 0, 1.0)]


def _diplotypes(people: Population, unit: Unit) -> dict[str, list[str]]:
    """The diplotypes that people were sampled with, where their phenotype is still that of the alleles."""
    found, rows = {}, np.arange(len(people))
    for gene in GENES if "genotype_known" in people else ():
        if gene in people:
            fixed = np.isnan(allele_activities(people, gene, rows, unit.random_key)).any(axis=0)
            names = diplotypes(people, gene, unit.random_key)
            found[gene] = ["" if other else name for other, name in zip(fixed.tolist(), names, strict=True)]
    return found
