"""Events of the OMOP CDM: people, their time under observation, diagnoses, drugs, measurements, procedures, death."""

from __future__ import annotations

from datetime import date

import polars as pl

from popsim.care.signals import FILE as SIGNAL_FILE
from popsim.definitions.signal import SignalFile
from popsim.evidence.code_systems import load_codes
from popsim.exchange.omop.concepts import concept, source_value, type_concept
from popsim.exchange.omop.records import SINCE_INFARCTION, PersonRecords
from popsim.exchange.omop.rules import cdm_table
from popsim.exchange.omop.visits import as_date, as_moment, cdm_person, within
from popsim.exchange.records import DIAGNOSES
from popsim.kernels.codes import DEATH_CAUSE_NAMES
from popsim.units import DAYS_PER_YEAR

MAX_DAYS_SUPPLY = (
    90  # assumption: a prescription is repeated after three months at the latest, as is usual for lasting drugs
)
DECIMALS, DECIMALS_MMOL_L = 1, 2  # of a value, as devices show it
OBSERVATION = "Observation"


def person(records: PersonRecords, start: date) -> pl.DataFrame:
    """The table person. The date of birth follows from the age at entry; race and ethnicity are not given (0)."""
    entered = pl.lit(start, pl.Date) + pl.duration(days=pl.col("entry_day").cast(pl.Int64))
    born = entered - pl.duration(days=(pl.col("age_years").cast(pl.Float64) * DAYS_PER_YEAR).ceil().cast(pl.Int64))
    female = pl.col("female") == 1
    return cdm_table("person", records.people.select(
        person_id=cdm_person(),
        gender_concept_id=pl.when(female).then(pl.lit(concept("people", "female"))).otherwise(
            pl.lit(concept("people", "male"))),
        year_of_birth=born.dt.year(),
        month_of_birth=born.dt.month(),
        day_of_birth=born.dt.day(),
        birth_datetime=born.cast(pl.Datetime("us")),
        race_concept_id=pl.lit(0),
        ethnicity_concept_id=pl.lit(0),
        person_source_value=pl.col("person_id").cast(pl.String),
        gender_source_value=pl.when(female).then(pl.lit("female")).otherwise(pl.lit("male")),
        gender_source_concept_id=pl.lit(0),
        race_source_concept_id=pl.lit(0),
        ethnicity_source_concept_id=pl.lit(0),
    ))  # fmt: skip


def observation_period(records: PersonRecords, start: date) -> pl.DataFrame:
    """The table observation_period: from entry to death or the end of follow-up."""
    last = pl.coalesce("death_time_days", pl.col("end_day").cast(pl.Float64) - 1.0)
    return cdm_table("observation_period", records.people.select(
        observation_period_id=cdm_person(),
        person_id=cdm_person(),
        observation_period_start_date=as_date(pl.col("entry_day").cast(pl.Float64), start),
        observation_period_end_date=as_date(last, start),
        period_type_concept_id=pl.lit(type_concept("ehr_encounter")),
    ))  # fmt: skip


def death(records: PersonRecords, start: date) -> pl.DataFrame:
    """The table death."""
    dead = records.people.filter(pl.col("death_time_days").is_not_null())
    names = DEATH_CAUSE_NAMES.values()
    return cdm_table("death", dead.select(
        person_id=cdm_person(),
        death_date=as_date("death_time_days", start),
        death_datetime=as_moment("death_time_days", start),
        death_type_concept_id=pl.lit(type_concept("ehr_encounter")),
        cause_concept_id=_concepts("death_cause", "diagnoses", names),
        cause_source_value=_sources("death_cause", "diagnoses", names),
        cause_source_concept_id=pl.lit(0),
    ))  # fmt: skip


def conditions(records: PersonRecords, visits: pl.DataFrame, start: date) -> dict[str, pl.DataFrame]:
    """The table condition_occurrence; diagnoses whose domain is Observation as rows of observation.

    Diagnoses that a person brings, dated at entry; an infarction of the year before, with its own date; why they sought
    acute care, dated with the visit; those made later.
    """
    people = records.people
    brought = [
        people.filter(pl.col(key) == 1).select("person_id", time_days="enter_time_days", key=pl.lit(key))
        for key in DIAGNOSES
    ]
    infarcts = people.filter(pl.col(SINCE_INFARCTION) > 0.0).select(
        "person_id", time_days=pl.col("enter_time_days") - pl.col(SINCE_INFARCTION), key=pl.lit("infarction")
    )
    later = records.found.filter(pl.col("kind") == "diagnosis").select("person_id", "time_days", "key")
    lasting = within(pl.concat([*brought, infarcts, later]), visits).with_columns(to_time=pl.lit(None, pl.Float64))
    acute = visits.filter(pl.col("cause").is_not_null() & (pl.col("cause") != "planned")).select(
        "person_id", time_days="from_time", key="cause", visit="visit", to_time="to_time"
    )
    every = pl.concat([lasting, acute.select(lasting.columns)]).sort(
        "person_id", "time_days", "visit", "key", nulls_last=True
    )
    keys = every["key"].unique().to_list()
    observed = [
        key for key in keys if (one := load_codes("diagnoses").get(key)) is not None and one.domain == OBSERVATION
    ]
    elsewhere = pl.col("key").is_in(observed)
    rows = every.filter(~elsewhere).with_row_index("number", offset=1)
    return {
        "condition_occurrence": cdm_table("condition_occurrence", rows.select(
            condition_occurrence_id="number",
            person_id=cdm_person(),
            condition_concept_id=_concepts("key", "diagnoses", keys),
            condition_start_date=as_date("time_days", start),
            condition_start_datetime=as_moment("time_days", start),
            condition_end_date=as_date("to_time", start),
            condition_end_datetime=as_moment("to_time", start),
            condition_type_concept_id=pl.lit(type_concept("ehr_encounter")),
            visit_occurrence_id="visit",
            condition_source_value=_sources("key", "diagnoses", keys),
            condition_source_concept_id=pl.lit(0),
        )),
        "observation": every.filter(elsewhere).select(
            "person_id", "time_days", "visit", value=pl.lit(None, pl.Float64), unit_concept=pl.lit(0, pl.Int64),
            unit=pl.lit(None, pl.String), concept=_concepts("key", "diagnoses", keys),
            source=_sources("key", "diagnoses", keys), type=pl.lit(type_concept("ehr_encounter"), pl.Int64),
        ),
    }  # fmt: skip


def drug_exposure(records: PersonRecords, visits: pl.DataFrame, start: date) -> pl.DataFrame:
    """The table drug_exposure: one row a prescription, at an unchanged dose and for MAX_DAYS_SUPPLY at most.

    `quantity` is the amount for all its days, in `dose_unit_source_value`; `sig` is the dose of a day.
    """
    days = pl.int_ranges("start_day", pl.col("end_day") + 1, MAX_DAYS_SUPPLY)
    pieces = (
        records.prescriptions.with_columns(first=days)
        .explode("first")
        .with_columns(last=pl.min_horizontal("end_day", pl.col("first") + MAX_DAYS_SUPPLY - 1))
    )
    rows = within(pieces.with_columns(time_days=pl.col("first").cast(pl.Float64)), visits)
    rows = rows.sort("person_id", "first", "drug").with_row_index("number", offset=1)
    names = rows["drug"].unique().to_list()
    supply = pl.col("last") - pl.col("first") + 1
    amount = pl.col("unit").str.strip_suffix("/d").replace({"{dose}": "dose", "[iU]": "IU"})
    first, last = (pl.col(name).cast(pl.Float64) for name in ("first", "last"))
    return cdm_table("drug_exposure", rows.select(
        drug_exposure_id="number",
        person_id=cdm_person(),
        drug_concept_id=_concepts("drug", "drugs", names),
        drug_exposure_start_date=as_date(first, start),
        drug_exposure_start_datetime=as_moment(first, start),
        drug_exposure_end_date=as_date(last, start),
        drug_exposure_end_datetime=as_moment(last, start),
        verbatim_end_date=as_date(last, start),
        drug_type_concept_id=pl.lit(type_concept("ehr_prescription")),
        refills=pl.lit(0),
        quantity=(pl.col("dose") * supply).round_sig_figs(6),
        days_supply=supply,
        sig=pl.concat_str([pl.col("dose").cast(pl.String), pl.lit(" "), amount, pl.lit("/d")]),
        visit_occurrence_id="visit",
        drug_source_value=_sources("drug", "drugs", names),
        drug_source_concept_id=pl.lit(0),
        dose_unit_source_value=amount,
    ))  # fmt: skip


def readings(records: PersonRecords, visits: pl.DataFrame, start: date) -> dict[str, pl.DataFrame]:
    """The table measurement, and the readings whose domain is Observation as rows of observation."""
    devices = {signal.measures: signal.device for signal in SignalFile.read(SIGNAL_FILE).signals}
    laboratory = [name for name, device in devices.items() if device == "laboratory"]
    source = (
        pl.when("at_home").then(pl.lit(type_concept("self_tested")))
        .when(pl.col("measures").is_in(laboratory)).then(pl.lit(type_concept("laboratory")))
        .otherwise(pl.lit(type_concept("ehr_examination"))).cast(pl.Int64)
    )  # fmt: skip
    names = records.readings["measures"].unique().to_list()
    table = {name: load_codes("signals")[name] for name in names if name in load_codes("signals")}
    values = {name: one.unit_concept_id for name, one in table.items()}
    units = {name: one.unit for name, one in table.items() if one.unit}
    in_mmol_l = pl.col("measures").is_in([name for name, unit in units.items() if unit == "mmol/L"])
    shown = pl.when(in_mmol_l).then(pl.col("value").round(DECIMALS_MMOL_L)).otherwise(pl.col("value").round(DECIMALS))
    every = within(records.readings.filter(pl.col("measures").is_in(list(table))), visits).select(
        "person_id", "time_days", "visit", "measures", value=shown, type=source,
        concept=_concepts("measures", "signals", names), source=_sources("measures", "signals", names),
        unit=pl.col("measures").replace_strict(units, default=None, return_dtype=pl.String),
        unit_concept=pl.col("measures").replace_strict(values, default=0, return_dtype=pl.Int64),
    ).sort("person_id", "time_days", "measures")  # fmt: skip
    observed = pl.col("measures").is_in([name for name, one in table.items() if one.domain == OBSERVATION])
    rows = every.filter(~observed).with_row_index("number", offset=1)
    return {
        "measurement": cdm_table("measurement", rows.select(
            measurement_id="number",
            person_id=cdm_person(),
            measurement_concept_id="concept",
            measurement_date=as_date("time_days", start),
            measurement_datetime=as_moment("time_days", start),
            measurement_time=as_moment("time_days", start).dt.strftime("%H:%M:%S"),
            measurement_type_concept_id="type",
            value_as_number="value",
            unit_concept_id="unit_concept",
            visit_occurrence_id="visit",
            measurement_source_value="source",
            measurement_source_concept_id=pl.lit(0),
            unit_source_value="unit",
            value_source_value=pl.col("value").cast(pl.String),
        )),
        "observation": every.filter(observed),
    }  # fmt: skip


def observation(parts: list[pl.DataFrame], start: date) -> pl.DataFrame:
    """The table observation from rows of `conditions` and `readings`."""
    columns = ["person_id", "time_days", "visit", "value", "unit", "unit_concept", "concept", "source", "type"]
    rows = pl.concat([part.select(columns) for part in parts]).sort(
        "person_id", "time_days", "source", maintain_order=True
    )
    return cdm_table("observation", rows.with_row_index("number", offset=1).select(
        observation_id="number",
        person_id=cdm_person(),
        observation_concept_id="concept",
        observation_date=as_date("time_days", start),
        observation_datetime=as_moment("time_days", start),
        observation_type_concept_id="type",
        value_as_number="value",
        unit_concept_id=pl.when(pl.col("unit").is_not_null()).then("unit_concept"),
        visit_occurrence_id="visit",
        observation_source_value="source",
        observation_source_concept_id=pl.lit(0),
        unit_source_value="unit",
    ))  # fmt: skip


def procedure_occurrence(records: PersonRecords, visits: pl.DataFrame, start: date) -> pl.DataFrame:
    """The table procedure_occurrence: stents, and dialysis from the day on which it began."""
    done = records.found.filter(pl.col("kind") == "procedure").select("person_id", "time_days", "key")
    rows = within(done, visits).sort("person_id", "time_days", "key").with_row_index("number", offset=1)
    keys = rows["key"].unique().to_list()
    return cdm_table("procedure_occurrence", rows.select(
        procedure_occurrence_id="number",
        person_id=cdm_person(),
        procedure_concept_id=_concepts("key", "procedures", keys),
        procedure_date=as_date("time_days", start),
        procedure_datetime=as_moment("time_days", start),
        procedure_type_concept_id=pl.lit(type_concept("ehr_encounter")),
        visit_occurrence_id="visit",
        procedure_source_value=_sources("key", "procedures", keys),
        procedure_source_concept_id=pl.lit(0),
    ))  # fmt: skip


def _concepts(column: str, kind: str, keys: object) -> pl.Expr:
    """The standard concepts of popsim's own names, 0 where there is none."""
    found = {str(key): concept(kind, str(key)) for key in keys}  # type: ignore[attr-defined]
    return pl.col(column).replace_strict(found, default=0, return_dtype=pl.Int64)


def _sources(column: str, kind: str, keys: object) -> pl.Expr:
    """Codes under which a source has popsim's own names."""
    found = {str(key): source_value(kind, str(key)) for key in keys}  # type: ignore[attr-defined]
    return pl.col(column).replace_strict(found, default=None, return_dtype=pl.String)
