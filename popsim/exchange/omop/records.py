"""A unit's record (exchange/records.py) as the tables of the CDM need it: whole people, courses of drugs, findings."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from popsim.definitions.network import SettingDefinition
from popsim.evidence.code_systems import load_codes
from popsim.exchange.records import BEGUN, DIAGNOSES, PROCEDURES, ClinicalRecord
from popsim.kernels import accrual
from popsim.outcomes.follow_up import follow_up
from popsim.studies.design import Unit

SINCE_INFARCTION = "infarction_days_before_entry"
DESCRIBED = ("age_years", "female", SINCE_INFARCTION, *DIAGNOSES)
DIGITS = 4  # significant, of a dose: columns are single precision


@dataclass(frozen=True)
class PersonRecords:
    """Records of the people of one unit. Times and days count from the start of the simulation.

    Attributes:
        people: `follow_up(...)`, DESCRIBED, death_cause (null while alive) and enter_time_days: one row a person,
            ordered by person_id.
        events: their event log, in its order; it goes on after a person's follow-up.
        readings: person_id, time_days, measures (column), value (in the column's unit), at_home.
        prescriptions: person_id, drug, dose, unit (of a day's dose), start_day, end_day (the last day it was taken).
        found: person_id, time_days, kind (diagnosis, procedure), key: what was found or done later on.
        settings: of the network, in its order.
        prices: of the settings, undiscounted, in the currency of the experiment.
        days: of enrolment and follow-up.
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


def person_records(recorded: ClinicalRecord, unit: Unit) -> PersonRecords:
    """The records of a unit, each within the follow-up of its person."""
    experiment, ids = unit.study.experiment, recorded.people["person_id"]
    entered = recorded.events.filter(pl.col("event") == "enter").select("person_id", enter_time_days="time_days")
    described = recorded.people.select("person_id", *DESCRIBED).with_columns(
        death_cause=pl.Series([name or None for name in recorded.death_causes], dtype=pl.String)
    )
    entry_day = recorded.people["entry_day"].to_numpy()
    windows = follow_up(recorded.events, ids.to_numpy(), entry_day, experiment.follow_up_days)
    people = windows.join(described, on="person_id").join(entered, on="person_id").sort("person_id")
    window = people.select(
        "person_id", "entry_day", enter="enter_time_days",
        until=pl.min_horizontal(pl.col("end_day").cast(pl.Float64), "death_time_days"),
    )  # fmt: skip

    def of_people(frame: pl.DataFrame) -> pl.DataFrame:
        """Rows of a frame by person_id, with the window of each person, ordered by person."""
        named = frame.with_columns(person_id=ids.gather(frame["person"])).drop("person")
        return named.join(window, on="person_id", how="inner", maintain_order="left").sort(
            "person_id", maintain_order=True
        )

    readings = of_people(recorded.readings).filter(pl.col("time") >= pl.col("enter"))
    return PersonRecords(
        people,
        recorded.events,
        readings.select("person_id", "value", "at_home", time_days="time", measures="signal"),
        _courses(of_people(recorded.doses)),
        _found(of_people(recorded.states)),
        tuple(unit.study.network.settings),
        recorded.prices,
        experiment.enrolment_days + experiment.follow_up_days,
        recorded.desks,
    )


def _courses(doses: pl.DataFrame) -> pl.DataFrame:
    """Courses at an unchanged dose, in days: the day of death is the last on which a dose was taken."""
    last = pl.col("until").floor().cast(pl.Int64)
    whole = pl.col("until") == pl.col("until").floor()  # follow-up ends at midnight, before that day
    day = pl.col("time").floor().cast(pl.Int64)
    units = {name: one.unit for name, one in load_codes("drugs").items()}
    return (
        doses.with_columns(start_day=day, next_day=day.shift(-1).over("person_id", "drug"))
        .with_columns(end_day=pl.min_horizontal(pl.col("next_day") - 1, last - whole.cast(pl.Int64)))
        .filter((pl.col("dose") > 0.0) & (pl.col("end_day") >= pl.col("start_day")))
        .select(
            "person_id", "drug", pl.col("dose").round_sig_figs(DIGITS),
            "start_day", "end_day", unit=pl.col("drug").replace_strict(units, return_dtype=pl.String),
        )
    )  # fmt: skip


def _found(states: pl.DataFrame) -> pl.DataFrame:
    """Diagnoses made and procedures done; what a person brings is no news on the day of entry."""
    begun = states.filter("present")
    brought = [state for state, key in BEGUN.items() if key in DIAGNOSES]
    news = ~pl.col("state").is_in(brought) | (pl.col("time") >= pl.col("entry_day") + 1)
    later = begun.filter(pl.col("state").is_in(list(BEGUN)) & news)
    done = begun.filter(pl.col("state").is_in(list(PROCEDURES)))
    return pl.concat(
        frame.select(
            "person_id", kind=pl.lit(kind), time_days="time",
            key=pl.col("state").replace_strict(keys, return_dtype=pl.String),
        )
        for frame, kind, keys in ((later, "diagnosis", BEGUN), (done, "procedure", PROCEDURES))
    ).sort("person_id", "time_days", maintain_order=True)  # fmt: skip
