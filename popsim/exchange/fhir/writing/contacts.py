"""Contacts with care as a health record has them: stays, moves between wards, visits; from the event log.

Admissions, readmissions and index discharges are those of popsim.outcomes.readmission.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from popsim.definitions.durations import Forever
from popsim.definitions.network import AFTER_HOSPITAL, NetworkDefinition
from popsim.kernels.codes import ENTERED_DISCHARGED
from popsim.outcomes.follow_up import HOSPITAL, settings_of
from popsim.outcomes.readmission import discharges_and_admissions, stays

READMISSION_DAYS = 30
# Kinds of contact; classes of setting, with a few of popsim's own.
ADMISSION, WARD, INDEX = "admission", "ward", "index"
STAYS = ("emergency", "observation", "community", "facility", "hospice")
TABLE = {
    "person_id": pl.Int64, "kind": pl.String, "setting": pl.String, "start": pl.Float64, "end": pl.Float64,
    "cause": pl.String, "destination": pl.String, "died": pl.Boolean, "planned": pl.Boolean, "readmission": pl.Boolean,
    "finished": pl.Boolean, "part_of": pl.Int64,
}  # fmt: skip


class Contacts(NamedTuple):
    """Contacts, numbered by row.

    Attributes:
        table: row, person_id, kind (ADMISSION, WARD, INDEX, a class of STAYS, outpatient, telehealth), setting (null
            of an admission), start (null of the index admission, which began before the simulation), end (null: not
            ended within follow-up), cause, destination (setting), died, planned, readmission, finished, part_of (row of
            the admission of a ward stay). Ordered by person, start, and admissions before their wards.
    """

    table: pl.DataFrame


def contacts_of(
    events: pl.DataFrame,
    people: pl.DataFrame,
    network: NetworkDefinition,
    index_causes: tuple[str, ...],
    desks: frozenset[str],
) -> Contacts:
    """Every contact within follow-up.

    Args:
        events: `EventLog.frame()`.
        people: `follow_up(...)`.
        network: of the settings.
        index_causes: of the admissions whose discharge is an index.
        desks: contact settings that see nobody in person.
    """
    classes = {one.name: str(one.setting_class) for one in network.settings}
    admissions = stays(events, classes)
    marked = _readmissions(admissions, people, index_causes)
    own = {one.name for one in network.settings if isinstance(one.stay, Forever) and one.setting_class == "community"}
    parts = [_index_admissions(events, classes), _stays(admissions, ADMISSION).with_columns(readmission=marked)]
    for name, kind in classes.items():
        if kind in HOSPITAL or (kind in STAYS and name not in own):
            parts.append(_stays(stays(events, {name: kind}, [kind]), WARD if kind in HOSPITAL else kind, name))
    parts.append(_visits(events, classes, desks))
    table = pl.concat([_filled(part) for part in parts])
    return Contacts(_linked(_within(table, people)))


def _filled(part: pl.DataFrame) -> pl.DataFrame:
    """A part with all columns of the table."""
    missing = [pl.lit(None, kind).alias(name) for name, kind in TABLE.items() if name not in part.columns]
    return part.with_columns(missing).select(pl.col(name).cast(kind) for name, kind in TABLE.items())


def _stays(found: pl.DataFrame, kind: str, setting: str | None = None) -> pl.DataFrame:
    return found.select(
        "person_id",
        kind=pl.lit(kind),
        setting=pl.lit(setting, pl.String),
        start="admit_time_days",
        end="discharge_time_days",
        cause=pl.col("cause").cast(pl.String),
        destination=pl.col("destination").cast(pl.String),
        died="died_in_stay",
        planned="planned",
    )


def _visits(events: pl.DataFrame, classes: Mapping[str, str], desks: frozenset[str]) -> pl.DataFrame:
    seen = events.filter((pl.col("event") == "visit") & pl.col("setting").is_not_null())
    setting = pl.col("setting").cast(pl.String)
    return seen.select(
        "person_id",
        kind=pl.when(setting.is_in(list(desks))).then(pl.lit("telehealth")).otherwise(pl.lit("outpatient")),
        setting=setting,
        start="time_days",
        end="time_days",
        cause=pl.col("cause").cast(pl.String),
    )


def _index_admissions(events: pl.DataFrame, classes: Mapping[str, str]) -> pl.DataFrame:
    """The admission from which a person entered: only its end is known, and where the person went, or was to go."""
    outside = settings_of(events, classes, AFTER_HOSPITAL).implode()
    entered = events.filter((pl.col("event") == "enter") & (pl.col("detail") == ENTERED_DISCHARGED))
    towards = events.filter(pl.col("event").is_in(["arrive", "start"]) & pl.col("setting").is_in(outside))
    first = towards.group_by("person_id", maintain_order=True).first()
    went = first.select("person_id", destination=pl.col("setting").cast(pl.String))
    return entered.join(went, on="person_id", how="left", maintain_order="left").select(
        "person_id",
        kind=pl.lit(INDEX),
        end="time_days",
        cause=pl.col("cause").cast(pl.String),
        destination="destination",
        died=pl.lit(False),
        planned=pl.lit(False),
    )


def _readmissions(admissions: pl.DataFrame, people: pl.DataFrame, index_causes: tuple[str, ...]) -> pl.Series:
    """Whether each admission is a readmission: unplanned, within 30 days of an index discharge."""
    rows = discharges_and_admissions(admissions, people, index_causes)
    last = pl.when("may_be_index").then("discharge_day").forward_fill().shift(1).over("person_id")
    since = pl.col("admit_time_days").floor() - last
    again = rows.with_columns(again=((since <= READMISSION_DAYS) & ~pl.col("planned")).fill_null(False))
    counted = again.filter(pl.col("again")).select("person_id", "admit_time_days", "again")
    joined = admissions.join(counted, on=["person_id", "admit_time_days"], how="left", maintain_order="left")
    return joined["again"].fill_null(False)


def _within(table: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """What begins within follow-up; an end after it is not known, and none is after death."""
    windows = people.select("person_id", "end_day", "death_time_days")
    ended = pl.col("end") < pl.col("end_day")
    joined = table.join(windows, on="person_id", how="inner", maintain_order="left")
    return joined.filter(pl.coalesce("start", "end") < pl.col("end_day")).with_columns(
        pl.when(ended).then("end"),
        pl.when(ended).then("destination"),
        died=(pl.col("died") & ended).fill_null(False),
        planned=pl.col("planned").fill_null(False),
        readmission=pl.col("readmission").fill_null(False),
        finished=ended.fill_null(False),
    )  # fmt: skip


def _linked(table: pl.DataFrame) -> pl.DataFrame:
    """Ordered and numbered, ward stays with the row of their admission."""
    first = pl.coalesce("start", "end")
    rank = pl.col("kind").replace_strict({INDEX: 0, ADMISSION: 1, WARD: 2}, default=3, return_dtype=pl.Int8)
    ordered = table.sort("person_id", first, rank, "setting", maintain_order=True).drop("part_of").with_row_index("row")
    whole = ordered.filter(pl.col("kind") == ADMISSION).select(
        "person_id", "start", admission=pl.col("row").cast(pl.Int64), until="end"
    )
    wards = ordered.filter(pl.col("kind") == WARD).select("row", "person_id", "start")
    joined = wards.sort("start").join_asof(whole.sort("start"), on="start", by="person_id", check_sortedness=False)
    found = joined.select("row", part_of="admission")
    linked = ordered.join(found, on="row", how="left", maintain_order="left")
    return linked.drop("end_day", "death_time_days").with_columns(pl.col("row").cast(pl.Int64))


def contact_at(contacts: Contacts, person_id: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The row of the contact in which something happened, -1 outside any: visits of that moment, then stays.

    Args:
        contacts: of the people.
        person_id, times: (n,).
    """
    asked = pl.DataFrame({"person_id": person_id, "at": times}).with_row_index("n")
    table = contacts.table
    moment = table.filter(pl.col("kind").is_in(["outpatient", "telehealth", INDEX])).select(
        "person_id", at="end", visit="row"
    )
    spans = table.filter(~pl.col("kind").is_in(["outpatient", "telehealth", INDEX, ADMISSION])).select(
        "person_id", at="start", stay="row", until=pl.col("end").fill_null(np.inf)
    )
    visits = asked.join(moment.unique(["person_id", "at"], keep="first"), on=["person_id", "at"], how="left")
    found = visits.sort("at").join_asof(spans.sort("at"), on="at", by="person_id", check_sortedness=False)
    inside = pl.when(pl.col("at") <= pl.col("until")).then("stay")
    return found.sort("n").select(pl.coalesce("visit", inside).fill_null(-1).alias("row"))["row"].to_numpy()
