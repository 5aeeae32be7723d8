"""Features that care can observe at a landmark, and outcomes within a horizon.

A landmark is a morning: earlier events are known, outcomes count from then on. Features are diagnoses, doses, the event
log, laboratory results, home readings of telemonitored people, and bedside readings (with the errors of
evidence/devices/signals.toml) of people whom a clinician saw the day before. A reading that nobody made is missing
(NaN). No feature is part of the hidden state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.care.signals import FILE
from popsim.definitions.signal import Signal, SignalFile
from popsim.kernels.care.observation import read_rows
from popsim.kernels.codes import (
    ALERT,
    DEATH,
    END,
    LEVEL_FACILITY,
    MISS,
    PRESENT,
    START,
    VISIT,
)
from popsim.kernels.numerics.random import RandomKey
from popsim.outcomes.readmission import stays
from popsim.population.columns import Column, Schema
from popsim.population.event_log import EventLog
from popsim.population.population import Population
from popsim.units import DAYS_PER_YEAR

type Floats = NDArray[np.float64]

KEYS = ("person_id", "day")
# Audited for fairness; no risk is predicted from them.
AUDITED = ("deprivation_quintile", "ethnicity")
TRAITS = (
    "female", "diabetes", "ckd", "atrial_fibrillation", "copd", "hypertension", "coronary_disease", "prior_infarction",
    "prior_stroke", "smoking",
)  # fmt: skip
HOME_READINGS = {
    "weight_kg": "measured_weight_kg",
    "systolic_mmhg": "measured_systolic_mmhg",
    "heart_rate_bpm": "measured_heart_rate_bpm",
}
OUTCOMES = ("admission", "hf_admission", "hf_presentation", "death")
HEART_FAILURE = "heart_failure"
HALF_YEAR_DAYS, MONTH_DAYS = 182, 28
FROM_THE_LOG = (
    "days_since_discharge", "last_stay_days", "last_stay_heart_failure", "admissions_6_months",
    "hf_admissions_6_months", "emergency_visits_6_months", "missed_visits_6_months", "presentations_6_months",
    "visits_1_month", "alerts_1_month",
)  # fmt: skip


class Record:
    """The source of features and outcomes: the event log of a model, and the errors of devices.

    Args:
        events: the log.
        classes: class by name of setting.
        key: of the random numbers of readings.
    """

    def __init__(self, events: EventLog, classes: Mapping[str, str], *, key: RandomKey = RandomKey()) -> None:
        self.events, self.classes = events, dict(classes)
        self._key = key
        self._hospital_stays: tuple[int, pl.DataFrame] | None = None

    def features(self, population: Population, day: int) -> pl.DataFrame:
        """Features of everybody alive and not in hospital on the morning of a day, in the order of the rows.

        Args:
            population: today; its `measured_*` and `seen_*` columns hold the readings so far.
            day: the landmark. Events from then on are not used.

        Returns:
            person_id, day, AUDITED, and the predictors: Float32, NaN where not known.
        """
        rows = np.flatnonzero(
            (population["alive"] == 1)
            & (population["entry_day"] < day)
            & (population["admitted"] == 0)
            & (population["care_level"] <= LEVEL_FACILITY)
        )
        known = {name: population[name][rows].astype(np.float64) for name in _recorded_columns(population.schema)}
        entry = population["entry_day"][rows].astype(np.float64)
        logged = self._from_the_log(population, rows, day)
        reviewed = population["last_review_day"][rows].astype(np.float64)
        seen = (reviewed >= day - 1) | (logged["days_since_discharge"] <= 1.0)
        age = population["age_years"][rows] + (day - entry) / DAYS_PER_YEAR
        columns = {
            "age_years": age,
            "days_since_entry": day - entry,
            "days_since_review": np.minimum(day - reviewed, day - entry),
            **known,
            **logged,
            **self._readings(population, rows, day, seen),
        }
        audited = {name: population[name][rows] for name in AUDITED}
        keys = {"person_id": population.person_id[rows], "day": np.full(len(rows), day, np.int32)}
        return pl.DataFrame(keys | audited | {name: values.astype(np.float32) for name, values in columns.items()})

    def with_outcomes(self, landmarks: pl.DataFrame, horizon_days: int, simulated_days: int) -> pl.DataFrame:
        """Landmarks whose horizon has passed, with their outcomes.

        Args:
            landmarks: rows of `features(...)`.
            horizon_days: an outcome counts from the morning of the landmark until this many days have passed.
            lived_days: days simulated so far.

        Returns:
            Those rows in their order, with OUTCOMES (Int8) and `<outcome>_day`: time of the first (Float64, null if
            none). A planned admission does not count; a death ends the horizon without an admission.
        """
        complete = landmarks.filter(pl.col("day") + horizon_days <= simulated_days).with_row_index("place")
        table = complete.select("place", "person_id", since=pl.col("day").cast(pl.Float64)).sort("since")
        found = complete
        for name, events in self._outcome_events().items():
            first = table.join_asof(
                events.sort("time_days"),
                left_on="since",
                right_on="time_days",
                by="person_id",
                strategy="forward",
                check_sortedness=False,
                coalesce=False,
            )
            within = pl.col("time_days") < pl.col("since") + horizon_days
            first = first.select(
                "place",
                within.fill_null(False).cast(pl.Int8).alias(name),
                pl.when(within).then(pl.col("time_days")).alias(f"{name}_day"),
            )
            found = found.join(first, on="place", how="left", maintain_order="left")
        return found.drop("place")

    def _outcome_events(self) -> dict[str, pl.DataFrame]:
        """person_id and time_days of every event that an outcome counts."""
        admissions = self._stays(len(self.events)).filter(~pl.col("planned"))
        admitted = admissions.select("person_id", "cause", time_days="admit_time_days")
        others = self.events.frame(kinds=(PRESENT, DEATH))
        presented = (pl.col("event") == "present") & (pl.col("cause") == HEART_FAILURE)
        return {
            "admission": admitted.drop("cause"),
            "hf_admission": admitted.filter(pl.col("cause") == HEART_FAILURE).drop("cause"),
            "hf_presentation": others.filter(presented).select("person_id", "time_days"),
            "death": others.filter(pl.col("event") == "death").select("person_id", "time_days"),
        }

    def _stays(self, number: int) -> pl.DataFrame:
        """Admissions in the first events of the log; cached until another number of events is requested."""
        if self._hospital_stays is None or self._hospital_stays[0] != number:
            events = self.events.frame(stop=number, kinds=(START, END, DEATH))
            self._hospital_stays = (number, stays(events, self.classes))
        return self._hospital_stays[1]

    def _from_the_log(self, population: Population, rows: NDArray[np.int64], day: int) -> dict[str, Floats]:
        """The features FROM_THE_LOG of some rows; events from the landmark on are not used."""
        past = int(np.searchsorted(self.events.slice().time, day))  # the log is in the order of time
        log, twins = self.events.slice(stop=past), len(population)
        emergency = [i for i, name in enumerate(self.events.setting_names) if self.classes[name] == "emergency"]

        def number(kind: int, within_days: int, at: Sequence[int] | None = None) -> Floats:
            counted = (log.kind == kind) & (log.time >= day - within_days)
            counted = counted if at is None else counted & np.isin(log.setting, at)
            return np.bincount(log.row[counted], minlength=twins)[rows].astype(np.float64)

        people = pl.DataFrame(
            {
                "person_id": population.person_id[rows],
                "entry": population["entry_day"][rows].astype(np.float64),
                "failing": population["heart_failure"][rows].astype(np.float64),
            }
        )
        recent = pl.col("admit_time_days") >= day - HALF_YEAR_DAYS
        of_heart = (pl.col("cause") == HEART_FAILURE).fill_null(False)
        ended = pl.col("discharge_time_days").is_not_null()
        summary = (
            self._stays(past)
            .group_by("person_id")
            .agg(
                discharge=pl.col("discharge_time_days").filter(ended).last(),
                stay=pl.col("length_of_stay_days").filter(ended).last(),
                heart=of_heart.filter(ended).last(),
                admissions=recent.sum(),
                hf_admissions=(recent & of_heart).sum(),
            )
        )
        table = people.join(summary, on="person_id", how="left", maintain_order="left").select(
            since=day - pl.coalesce(pl.col("discharge").floor(), "entry"),
            stay=pl.col("stay"),
            heart=pl.col("heart").cast(pl.Float64).fill_null(pl.col("failing")),  # the stay with which they entered
            admissions=pl.col("admissions").cast(pl.Float64).fill_null(0.0),
            hf_admissions=pl.col("hf_admissions").cast(pl.Float64).fill_null(0.0),
        )
        values = [
            *(table[name].cast(pl.Float64).to_numpy() for name in table.columns),
            number(START, HALF_YEAR_DAYS, emergency),
            number(MISS, HALF_YEAR_DAYS),
            number(PRESENT, HALF_YEAR_DAYS),
            number(VISIT, MONTH_DAYS),
            number(ALERT, MONTH_DAYS),
        ]
        return dict(zip(FROM_THE_LOG, values, strict=True))

    def _readings(
        self, population: Population, rows: NDArray[np.int64], day: int, seen: NDArray[np.bool_]
    ) -> dict[str, Floats]:
        """The last laboratory results; bedside readings of people with a contact the day before, else home readings."""
        schema = population.schema
        monitored = population["telemonitored"][rows] == 1
        found: dict[str, Floats] = {}
        for signal in bedside_signals(schema):
            if signal.stored is not None:
                found[signal.measures] = population[signal.stored][rows].astype(np.float64)
                continue
            values = np.full(len(rows), np.nan)
            if signal.measures in HOME_READINGS:
                home = population[HOME_READINGS[signal.measures]][rows].astype(np.float64)
                values = np.where(monitored & (home > 0.0), home, np.nan)
            values[seen] = self._read(population, rows[seen], day, signal)
            found[signal.measures] = values
        reference = population["reference_weight_kg"][rows].astype(np.float64)
        home_weight = population["measured_weight_kg"][rows].astype(np.float64)
        gain = np.where(monitored & (reference > 0.0), home_weight - reference, np.nan)
        return found | {"weight_gain_kg": gain}

    def _read(self, population: Population, rows: NDArray[np.int64], day: int, signal: Signal) -> Floats:
        """Bedside readings, the same that care would make on that day."""
        schema, column = population.schema, population.schema[signal.measures]
        values = population[signal.measures][rows].astype(np.float64)
        errors = (signal.noise_sd, signal.noise_share, signal.bias_sd, signal.drift_per_day)
        device = (*errors, signal.adjusted_every_days, column.low, column.high)
        number, person = schema.number(signal.measures), population.person_id[rows]
        read_rows(day, self._key, number, person, values.copy(), *device, values)
        return values


@cache
def _signals() -> tuple[Signal, ...]:
    return SignalFile.read(FILE).signals


def bedside_signals(schema: Schema) -> list[Signal]:
    """Signals available to every clinician, without the implanted pressure sensor (rare) and without classes."""
    return [
        signal
        for signal in _signals()
        if signal.measures in schema and schema[signal.measures].kind == "real" and signal.device != "pressure_sensor"
    ]


def predictors(frame: pl.DataFrame) -> tuple[str, ...]:
    """Columns of a frame of landmarks from which a risk may be predicted."""
    no_predictors = {*KEYS, *AUDITED, *OUTCOMES, *(f"{name}_day" for name in OUTCOMES)}
    return tuple(name for name in frame.columns if name not in no_predictors and not name.startswith("score_"))


def _recorded_columns(schema: Schema) -> list[str]:
    """Columns that the record holds without error: diagnoses and doses."""

    def is_dose(column: Column) -> bool:
        return column.writer == "care" and (column.name.endswith("_fraction") or column.name == "loop_diuretic_mg_day")

    doses = [column.name for column in schema.columns.values() if is_dose(column)]
    return [*TRAITS, *doses, "telemonitored"]


class Landmarks:
    """Frames of landmarks whose horizon has not passed yet."""

    def __init__(self, record: Record, horizon_days: int) -> None:
        self._record, self._horizon_days = record, horizon_days
        self._waiting: list[pl.DataFrame] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Add the `features(...)` of one day."""
        if len(frame):
            self._waiting.append(frame)

    def complete(self, simulated_days: int) -> pl.DataFrame | None:
        """Landmarks whose horizon has passed since the last call, with their outcomes; None if there are none."""
        over = [frame for frame in self._waiting if self._is_over(frame, simulated_days)]
        if not over:
            return None
        self._waiting = [frame for frame in self._waiting if not self._is_over(frame, simulated_days)]
        return self._record.with_outcomes(pl.concat(over), self._horizon_days, simulated_days)

    def _is_over(self, frame: pl.DataFrame, simulated_days: int) -> bool:
        return int(frame["day"][0]) + self._horizon_days <= simulated_days
