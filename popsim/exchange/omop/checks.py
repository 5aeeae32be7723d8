"""The rules of the OMOP CDM applied to tables: what breaks one is told, nothing is mended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

import polars as pl

from popsim.exchange.omop.rules import CdmField, cdm_fields, cdm_schema, every_field

type Tables = Mapping[str, pl.DataFrame]
REFERENCED_ONLY = ("location", "provider")  # tables that popsim does not write: references to them must be null
VISIT_TOLERANCE_DAYS = 7  # of OHDSI's check withinVisitDates: a week before the visit or after it


def violations(tables: Tables, today: date | None = None) -> list[str]:
    """Every rule that tables break, one line each: table, field, rule, number of rows.

    Args:
        tables: by name; all that popsim writes.
        today: no date may be later; not checked when None.
    """
    told = [f"{table}: is missing" for table in cdm_fields() if table not in tables]
    for table, frame in tables.items():
        if table not in cdm_fields():
            told.append(f"{table}: no table of the CDM that popsim writes")
        elif frame.schema != pl.Schema(cdm_schema(table)):
            told.append(f"{table}: its columns or their types are not those of the CDM")
    if told:
        return told
    for field in every_field():
        rules = broken_rules(field, tables, today)
        told += [f"{field.table}.{field.name}: {rule} ({rows} rows)" for rule, rows in rules]
    return told + _periods(tables["observation_period"], tables["person"])


def broken_rules(field: CdmField, tables: Tables, today: date | None) -> Iterator[tuple[str, int]]:
    """The rules that a field breaks, each with the number of rows."""
    frame, values = tables[field.table], tables[field.table][field.name]
    rules = {
        "is required": values.null_count() if field.required else 0,
        "is the key and repeats": len(values) - values.n_unique() if field.key else 0,
        f"is longer than {field.length}": (values.str.len_chars() > field.length).sum() if field.length else 0,
        f"is not in {field.foreign_table}.{field.foreign_field}": _unknown(field, tables),
        f"is not of the domain {field.domain}": _elsewhere(field, tables) if field.domain else 0,
        "is no standard concept": _not_standard(field, tables) if field.standard else 0,
        f"is after {field.not_after}": (values > frame[field.not_after]).sum() if field.not_after else 0,
        "is after death": _after_death(field, tables) if field.in_life else 0,
        "is before birth": _before_birth(field, tables),
        "is in the future": _in_future(values, today),
        "is outside its visit": _outside_visit(field, tables) if field.in_visit else 0,
    }
    yield from ((rule, int(rows)) for rule, rows in rules.items() if rows)


def _unknown(field: CdmField, tables: Tables) -> int:
    """Values that their table does not have."""
    if not field.foreign_table:
        return 0
    values = tables[field.table][field.name].drop_nulls()
    if field.foreign_table in REFERENCED_ONLY or field.foreign_table not in tables:
        return len(values)
    known = tables[field.foreign_table][field.foreign_field].unique()
    return len(values) - int(values.is_in(known.implode()).sum())


def _concepts(field: CdmField, tables: Tables) -> pl.DataFrame:
    """The concepts of a field that are known and not 0, one row a value."""
    named = tables[field.table].select(concept_id=pl.col(field.name)).filter(pl.col("concept_id") != 0)
    return named.join(tables["concept"], on="concept_id", how="inner")


def _elsewhere(field: CdmField, tables: Tables) -> int:
    return int((_concepts(field, tables)["domain_id"] != field.domain).sum())


def _not_standard(field: CdmField, tables: Tables) -> int:
    concepts = _concepts(field, tables)
    return int((concepts["standard_concept"].fill_null("") != "S").sum())


def _with(field: CdmField, tables: Tables, other: str, key: str, column: str) -> pl.DataFrame:
    """A field's values as dates beside a date of another table."""
    wanted = tables[other].select(key, pl.col(column).cast(pl.Date).alias("__other"))
    mine = tables[field.table].select(key, pl.col(field.name).cast(pl.Date).alias("__mine"))
    return mine.join(wanted, on=key, how="inner").drop_nulls()


def _after_death(field: CdmField, tables: Tables) -> int:
    pair = _with(field, tables, "death", "person_id", "death_date")
    return int((pair["__mine"] > pair["__other"]).sum())


def _before_birth(field: CdmField, tables: Tables) -> int:
    if field.dtype not in (pl.Date, pl.Datetime) or field.table == "person" or "person_id" not in tables[field.table]:
        return 0
    pair = _with(field, tables, "person", "person_id", "birth_datetime")
    return int((pair["__mine"] < pair["__other"]).sum())


def _in_future(values: pl.Series, today: date | None) -> int:
    if today is None or values.name.startswith("valid_") or values.dtype not in (pl.Date, pl.Datetime):
        return 0
    return int((values.cast(pl.Date) > today).sum())


def _outside_visit(field: CdmField, tables: Tables) -> int:
    """Rows more than a week outside the dates of the visit that they name."""
    named = tables[field.table].select("visit_occurrence_id", pl.col(field.name).alias("__mine")).drop_nulls()
    visits = tables["visit_occurrence"].select("visit_occurrence_id", "visit_start_date", "visit_end_date")
    both = named.join(visits, on="visit_occurrence_id", how="inner")
    spare = pl.duration(days=VISIT_TOLERANCE_DAYS)
    low, high = pl.col("visit_start_date") - spare, pl.col("visit_end_date") + spare
    return len(both.filter(~pl.col("__mine").is_between(low, high)))


def _periods(periods: pl.DataFrame, people: pl.DataFrame) -> list[str]:
    """Everybody has an observation period, and those of a person do not overlap."""
    told = []
    if without := len(people.join(periods, on="person_id", how="anti")):
        told.append(f"person.person_id: has no observation period ({without} rows)")
    ordered = periods.sort("person_id", "observation_period_start_date")
    same = ordered["person_id"] == ordered["person_id"].shift(1)
    over = ordered["observation_period_start_date"] <= ordered["observation_period_end_date"].shift(1)
    if overlapping := int((same & over).sum()):
        told.append(f"observation_period.observation_period_start_date: overlaps another ({overlapping} rows)")
    return told
