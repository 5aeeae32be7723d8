"""Visits of the OMOP CDM from stays and contacts: who was where, from where they came, where they went, what it cost.

An admission is one visit, whatever the number of wards (popsim/outcomes/readmission.py); each ward is a row of
visit_detail. The admission with which a person entered the study ends on the day of entry; its start was not simulated,
and is written as the same day. A visit that goes on after follow-up ends with it, "still there".
"""

from __future__ import annotations

from datetime import date

import polars as pl

from popsim.exchange.omop.concepts import concept, type_concept
from popsim.exchange.omop.records import PersonRecords
from popsim.exchange.omop.rules import cdm_table
from popsim.kernels.codes import ENTERED_ADMITTED, ENTERED_DISCHARGED
from popsim.outcomes.follow_up import HOSPITAL, observed, settings_of
from popsim.outcomes.readmission import single_stays, stays
from popsim.outcomes.urgent_visits import index_destinations

STAYS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("inpatient", HOSPITAL), ("emergency", ("emergency",)), ("observation", ("observation",)),
    ("facility", ("facility",)), ("hospice", ("hospice",)),
)  # fmt: skip
INDEX, STILL_THERE = "index", "still there"
CONTACT, AT_ENTRY = -1, -2  # in the place of the number of a stay
SECONDS_A_DAY = 86_400
SECOND = 1.0 / SECONDS_A_DAY
DISPOSITION_OF = {"community": "home", "facility": "facility", "hospice": "hospice"}  # by class of the next setting


def cdm_person(person_id: pl.Expr | None = None) -> pl.Expr:
    """The number of a person in the CDM: popsim's number, which begins with 0, plus 1."""
    return (person_id if person_id is not None else pl.col("person_id")) + 1


def as_date(time: str | pl.Expr, start: date) -> pl.Expr:
    """The date of a time in days since the start of the simulation."""
    days = (pl.col(time) if isinstance(time, str) else time).floor().cast(pl.Int64)
    return pl.lit(start, pl.Date) + pl.duration(days=days)


def as_moment(time: str | pl.Expr, start: date) -> pl.Expr:
    """The date and time, to the second before; the date is that of `as_date`."""
    days = pl.col(time) if isinstance(time, str) else time
    within = ((days - days.floor()) * SECONDS_A_DAY).floor().clip(0, SECONDS_A_DAY - 1).cast(pl.Int64)
    return as_date(days, start).cast(pl.Datetime("us")) + pl.duration(seconds=within)


def visits_of(records: PersonRecords) -> pl.DataFrame:
    """Every visit within follow-up, ordered by person and time.

    Returns:
        visit (1, 2, ...), person_id, kind (class of setting, or telehealth), from_time, to_time, ends (whether it ended
        within follow-up), cause, marked (INDEX or null), died, destination (setting), before (kind of the visit that
        this one follows at once, or null), previous (visit of the person, or null).
    """
    people, classes = records.people, records.classes
    parts = [_index_visits(records)]
    for kind, of in STAYS:
        single = stays(records.events, classes, of).select(
            "person_id", from_time="admit_time_days", until="discharge_time_days", kind=pl.lit(kind), number="stay",
            cause=pl.col("cause").cast(pl.String), died="died_in_stay",
            destination=pl.col("destination").cast(pl.String),
        )  # fmt: skip
        parts.append(single)
    contacts = observed(records.events.filter(pl.col("event") == "visit"), people)
    setting = pl.col("setting").cast(pl.String)
    parts.append(contacts.select(
        "person_id", from_time="time_days", until="time_days", cause=pl.lit("none"),
        destination=pl.lit(None, pl.String), number=pl.lit(CONTACT, pl.Int32), died=pl.lit(False),
        kind=pl.when(setting.is_in(list(records.desks))).then(pl.lit("telehealth")).otherwise(pl.lit("outpatient")),
    ))  # fmt: skip
    columns = parts[0].columns
    windows = people.select("person_id", "entry_day", "end_day", "entered_as")
    end = pl.col("end_day").cast(pl.Float64)
    every = (
        pl.concat([part.select(columns) for part in parts])
        .join(windows, on="person_id", how="inner")
        .filter((pl.col("from_time") >= pl.col("entry_day")) & (pl.col("from_time") < end))
        .with_columns(ends=(pl.col("until") < end).fill_null(False))
        .with_columns(to_time=pl.when("ends").then("until").otherwise(end - SECOND))
    )
    first = (pl.col("entered_as") == ENTERED_ADMITTED) & (pl.col("kind") == "inpatient") & (pl.col("number") == 0)
    discharged = (pl.col("entered_as") == ENTERED_DISCHARGED) & (pl.col("number") == AT_ENTRY)
    ordered = every.sort("person_id", "from_time", "to_time", "kind", maintain_order=True)
    same, at_once = (
        pl.col("person_id") == pl.col("person_id").shift(1),
        pl.col("from_time") == pl.col("to_time").shift(1),
    )
    return ordered.with_row_index("visit", offset=1).select(
        pl.col("visit").cast(pl.Int64), "person_id", "kind", "from_time", "to_time", "ends",
        cause=pl.when(pl.col("cause") != "none").then("cause"),
        marked=pl.when(first | discharged).then(pl.lit(INDEX)),
        died=pl.col("died") & pl.col("ends"),
        destination=pl.when("ends").then("destination"),
        before=pl.when(same & at_once).then(pl.col("kind").shift(1)),
        previous=pl.when(same).then(pl.col("visit").shift(1).cast(pl.Int64)),
    )  # fmt: skip


def _index_visits(records: PersonRecords) -> pl.DataFrame:
    """The admissions with whose discharge people entered, at the time of entry."""
    went = index_destinations(records.events, records.classes)
    entered = records.people.filter(pl.col("entered_as") == ENTERED_DISCHARGED)
    return entered.join(went, on="person_id", how="left", maintain_order="left").select(
        "person_id", from_time="enter_time_days", until="enter_time_days", kind=pl.lit("inpatient"),
        number=pl.lit(AT_ENTRY, pl.Int32), cause=pl.col("entry_cause").cast(pl.String), died=pl.lit(False),
        destination=pl.col("index_destination").cast(pl.String),
    )  # fmt: skip


def visit_occurrence(visits: pl.DataFrame, records: PersonRecords, start: date) -> pl.DataFrame:
    """The table visit_occurrence; visit_source_value is kind/cause, and /index for the admission at entry."""
    words = pl.concat_str(["kind", "cause", "marked"], separator="/", ignore_nulls=True)
    dispositions = {key: concept("dispositions", key) for key in ("died", *DISPOSITION_OF.values())}
    return cdm_table("visit_occurrence", visits.with_columns(went=_discharged(_going(records))).select(
        visit_occurrence_id="visit",
        person_id=cdm_person(),
        visit_concept_id=_mapped("kind"),
        visit_start_date=as_date("from_time", start),
        visit_start_datetime=as_moment("from_time", start),
        visit_end_date=as_date("to_time", start),
        visit_end_datetime=as_moment("to_time", start),
        visit_type_concept_id=pl.lit(type_concept("ehr_encounter")),
        visit_source_value=words,
        visit_source_concept_id=pl.lit(0),
        admitted_from_concept_id=_mapped("before").fill_null(0),
        admitted_from_source_value="before",
        discharged_to_concept_id=pl.col("went").replace_strict(dispositions, default=0, return_dtype=pl.Int64),
        discharged_to_source_value="went",
        preceding_visit_occurrence_id="previous",
    ))  # fmt: skip


def _mapped(column: str) -> pl.Expr:
    """The concepts of a column's kinds of visit."""
    kinds = ("outpatient", "telehealth", *(kind for kind, _ in STAYS))
    found = {kind: concept("settings", kind) for kind in kinds}
    return pl.col(column).replace_strict(found, default=None, return_dtype=pl.Int64)


def _going(records: PersonRecords) -> dict[str, str]:
    """Disposition by setting: another class of hospital setting is a move within hospital, and has none."""
    return {name: DISPOSITION_OF[kind] for name, kind in records.classes.items() if kind in DISPOSITION_OF}


def _discharged(going: dict[str, str]) -> pl.Expr:
    """Where a visit ended, in words: a disposition, STILL_THERE, or null for contacts and for moves within hospital."""
    to = pl.col("destination").replace_strict(going, default=None, return_dtype=pl.String)
    at_entry = (pl.col("marked") == INDEX).fill_null(False)  # without a known destination: home
    return (
        pl.when("died").then(pl.lit("died"))
        .when(pl.col("kind").is_in(["outpatient", "telehealth"])).then(pl.lit(None, pl.String))
        .when(~pl.col("ends")).then(pl.lit(STILL_THERE))
        .when(at_entry).then(pl.coalesce(to, pl.lit("home")))
        .otherwise(to)
    )  # fmt: skip


def care_sites(records: PersonRecords) -> pl.DataFrame:
    """The table care_site: every setting of the network but routers, by its place in the network."""
    rows = [
        (number, setting.title, concept("settings", setting.setting_class), setting.name, setting.setting_class)
        for number, setting in enumerate(records.settings, start=1)
        if setting.setting_class != "router"
    ]
    names = ("care_site_id", "care_site_name", "place_of_service_concept_id", "care_site_source_value",
             "place_of_service_source_value")  # fmt: skip
    return cdm_table("care_site", pl.DataFrame(rows, names, orient="row"))


def details_of(visits: pl.DataFrame, records: PersonRecords) -> pl.DataFrame:
    """Every stay on one ward or in one other setting within a visit, and every contact, ordered by person and time.

    Returns:
        visit, person_id, setting (null: not simulated), from_time, to_time, until (exact, also after follow-up; null if
        it never ended), ends, destination, died.
    """
    kinds = {kind for _, of in STAYS for kind in of}
    every = single_stays(records.events, settings_of(records.events, records.classes, kinds)).select(
        "person_id", pl.col("setting").cast(pl.String), from_time="admit_time_days", until="discharge_time_days",
        destination=pl.col("destination").cast(pl.String), died="died",
    )  # fmt: skip
    contacts = observed(records.events.filter(pl.col("event") == "visit"), records.people).select(
        "person_id", pl.col("setting").cast(pl.String), from_time="time_days", until="time_days",
        destination=pl.lit(None, pl.String), died=pl.lit(False),
    )  # fmt: skip
    known = pl.concat([every, contacts]).sort("from_time", maintain_order=True)
    at_entry = (pl.col("marked") == INDEX).fill_null(False) & (pl.col("to_time") == pl.col("from_time"))
    limits = visits.filter(~at_entry).sort("from_time", maintain_order=True)
    inside = known.join_asof(
        limits.select("visit", "person_id", "from_time", begins="from_time", to="to_time"),
        on="from_time", by="person_id", strategy="backward", check_sortedness=False,
    )  # fmt: skip
    end = records.people.select("person_id", end="end_day")
    inside = inside.filter(pl.col("visit").is_not_null() & (pl.col("from_time") <= pl.col("to"))).join(
        end, on="person_id"
    )
    ends = (pl.col("until") < pl.col("end")).fill_null(False)
    inside = inside.select(
        "visit", "person_id", "setting", "from_time", "until", "destination", "died", ends=ends,
        to_time=pl.min_horizontal(pl.when(ends).then("until"), "to"),
    )  # fmt: skip
    synthetic = visits.filter(~pl.col("visit").is_in(inside["visit"].implode())).select(
        "visit", "person_id", "from_time", "to_time", "ends", "destination", "died", setting=pl.lit(None, pl.String),
        until="to_time",
    )  # fmt: skip
    columns = ["visit", "person_id", "setting", "from_time", "to_time", "until", "ends", "destination", "died"]
    return pl.concat([inside.select(columns), synthetic.select(columns)]).sort(
        "person_id", "from_time", "visit", "to_time", maintain_order=True
    )


def visit_detail(details: pl.DataFrame, records: PersonRecords, start: date) -> pl.DataFrame:
    """The table visit_detail: one row a ward, with the ward as its care site."""
    site = {setting.name: number for number, setting in enumerate(records.settings, start=1)}
    kind = {name: "telehealth" if name in records.desks else of for name, of in records.classes.items()}
    concepts = {name: concept("settings", of) for name, of in kind.items()}
    same = pl.col("visit") == pl.col("visit").shift(1)
    numbered = details.with_row_index("number", offset=1).with_columns(pl.col("number").cast(pl.Int64))

    def by_setting(column: str, values: dict[str, int]) -> pl.Expr:
        return pl.col(column).replace_strict(values, default=None, return_dtype=pl.Int64)

    died = concept("dispositions", "died")
    return cdm_table("visit_detail", numbered.select(
        visit_detail_id="number",
        person_id=cdm_person(),
        visit_detail_concept_id=by_setting("setting", concepts).fill_null(concept("settings", "inpatient")),
        visit_detail_start_date=as_date("from_time", start),
        visit_detail_start_datetime=as_moment("from_time", start),
        visit_detail_end_date=as_date("to_time", start),
        visit_detail_end_datetime=as_moment("to_time", start),
        visit_detail_type_concept_id=pl.lit(type_concept("ehr_encounter")),
        care_site_id=by_setting("setting", site),
        visit_detail_source_value="setting",
        visit_detail_source_concept_id=pl.lit(0),
        admitted_from_concept_id=pl.lit(0),
        discharged_to_concept_id=pl.when("died").then(pl.lit(died)).otherwise(
            by_setting("destination", concepts).fill_null(0)),
        discharged_to_source_value=pl.when(pl.col("died") & pl.col("ends")).then(pl.lit("died")).otherwise(
            "destination"),
        preceding_visit_detail_id=pl.when(same).then(pl.col("number").shift(1)),
        visit_occurrence_id="visit",
    ))  # fmt: skip


def costs(visits: pl.DataFrame, details: pl.DataFrame, records: PersonRecords) -> pl.DataFrame:
    """The table cost: one row a visit, undiscounted: nights, attendances and contacts at the experiment's prices."""
    prices = records.prices
    names = [setting.name for setting in records.settings]
    table = pl.DataFrame({"setting": names, "night": prices.night_price, "arrival": prices.start_price,
                          "contact": prices.visit_price})  # fmt: skip
    end = records.people.select("person_id", "end_day")
    last = pl.min_horizontal(pl.col("until").fill_null(float("inf")), pl.col("end_day").cast(pl.Float64))
    nights = (last.floor() - pl.col("from_time").floor()).clip(0.0)
    paid = (
        details.join(table, on="setting", how="inner").join(end, on="person_id")
        .group_by("visit").agg(amount=(nights * pl.col("night") + pl.col("arrival") + pl.col("contact")).sum())
    )  # fmt: skip
    every = (
        visits.select("visit", "kind").join(paid, on="visit", how="inner").filter(pl.col("amount") > 0.0).sort("visit")
    )
    hospital = pl.col("kind").is_in(["inpatient", "observation", "emergency"])
    return cdm_table("cost", every.with_row_index("number", offset=1).select(
        cost_id="number",
        cost_event_id="visit",
        cost_domain_id=pl.lit("Visit"),
        cost_type_concept_id=pl.when(hospital).then(pl.lit(type_concept("hospital_cost"))).otherwise(
            pl.lit(type_concept("cost"))),
        total_cost=pl.col("amount").round(2),
    ))  # fmt: skip


def within(frame: pl.DataFrame, visits: pl.DataFrame) -> pl.DataFrame:
    """A frame with person_id and time_days, and the visit during which each row falls (null: none)."""
    limits = visits.select("person_id", "visit", time_days="from_time", to="to_time").sort(
        "time_days", maintain_order=True
    )
    joined = frame.sort("time_days", maintain_order=True).join_asof(
        limits, on="time_days", by="person_id", strategy="backward", check_sortedness=False
    )
    inside = pl.col("time_days") <= pl.col("to")
    return joined.with_columns(visit=pl.when(inside).then("visit")).drop("to")
