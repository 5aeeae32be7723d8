"""What a CDM says of people, in popsim's own names: typed frames, and counts of what is passed over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from popsim.errors import InputError
from popsim.evidence.code_systems import load_codes
from popsim.exchange.omop.cdm_files import CdmReader
from popsim.exchange.omop.meanings import Meanings
from popsim.units import DAYS_PER_YEAR, convert

GENDERS = ("male", "female")
HOSPITAL_VISITS = ("9201", "262", "32037")  # inpatient; emergency and inpatient; intensive care
EMERGENCY_VISITS = ("9203",)
ETHNIC = {"asian": 1.0, "black": 2.0, "white": 4.0}  # of popsim/population/traits.py, by race
SUBSTANCE = {
    "potassium_mmol_l": "potassium", "creatinine": "creatinine", "hba1c_percent": "hba1c",
    "haemoglobin_g_dl": "haemoglobin", "nt_probnp_pg_ml": "nt_probnp", "ldl_mmol_l": "cholesterol",
}  # fmt: skip
# Units of sources beside UCUM: words that registers write.
WRITTEN = {"mmHg": "mm[Hg]", "mm Hg": "mm[Hg]", "beats/min": "/min", "bpm": "/min", "{beats}/min": "/min",
           "percent": "%", "mL/min/1.73m2": "mL/min/{1.73_m2}", "mL/min/{1.73_m2}": "mL/min/{1.73_m2}"}  # fmt: skip
UNDERSTOOD = "understood"
ELSEWHERE_COUNTED = {"observation": "diagnoses"}  # a table that is read twice: what is unknown is counted once
BEFORE_BIRTH, BACKWARDS = "before the birth", "ends before it starts"
YEARS = (1850, 2300)  # of dates; registers that shift dates reach far into the future
RUN_OUT_DAYS = 30  # assumption: a prescription without an end or days of supply is of a month


@dataclass
class CdmFacts:
    """The facts of one source; dates are dates, values are in the unit of popsim's table of codes.

    Attributes:
        people: person, sex (male, female or null), born, ethnicity, death.
        visits: visit, person, kind (hospital, emergency, other), start, end.
        conditions: person, key, day, visit.
        readings: person, key, day, value, unit (of the key).
        drugs: person, key, start, end, dose (a day, null: not known), unit.
        procedures: person, key, day.
        periods: person, start, end.
        counts: what was read and what was passed over, by table and reason.
        meanings: with the concepts that are not known.
    """

    people: pl.DataFrame
    visits: pl.DataFrame
    conditions: pl.DataFrame
    readings: pl.DataFrame
    drugs: pl.DataFrame
    procedures: pl.DataFrame
    periods: pl.DataFrame
    meanings: Meanings
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)


def read_facts(cdm: CdmReader, person: str | None = None) -> CdmFacts:
    """Everything that popsim understands of a source, of one person or of all.

    Args:
        cdm: the source.
        person: only this one; errors never name it.

    Raises:
        DefinitionError: a number or date that must be one is none, or a person is there twice.
    """
    return _Facts(cdm, person).read()


class _Facts:
    """The steps from text to facts."""

    def __init__(self, cdm: CdmReader, person: str | None) -> None:
        self.cdm, self.person = cdm, person
        self.meanings = Meanings(cdm)
        self.counts: Counter[tuple[str, str]] = Counter()

    def read(self) -> CdmFacts:
        people = self._people()
        self.born = people.select("person", "born")
        return CdmFacts(
            people, self._visits(), self._conditions(), self._readings(), self._drugs(), self._procedures(),
            self._periods(), self.meanings, self.counts,
        )  # fmt: skip

    def _table(self, name: str) -> pl.DataFrame:
        """A table, of one person if only one is asked for."""
        frame = self.cdm.table(name).with_row_index("row", 1)
        if name in ("concept", "concept_ancestor"):
            return frame
        for column in frame.columns:
            if column.endswith("_id"):
                self._whole(name, column, frame, column in ("person_id", f"{name}_id"))
        if self.person is not None:
            frame = frame.filter(pl.col("person_id") == self.person)
        frame = frame.rename({"person_id": "person"})
        if name == "person" or self.person is not None:
            return frame
        known = self.cdm.table("person")["person_id"].implode()
        return self._without(name, frame, ~pl.col("person").is_in(known), "of nobody in the table person")

    def _without(self, table: str, frame: pl.DataFrame, bad: pl.Expr, why: str) -> pl.DataFrame:
        """A frame without some of its rows, which are counted as passed over."""
        left = frame.filter(~bad.fill_null(False))
        self.counts[table, why] += len(frame) - len(left)
        return left

    def _of_the_living(self, table: str, frame: pl.DataFrame, day: str) -> pl.DataFrame:
        """Records of years in which the person was born already."""
        before = pl.col(day).dt.year() < pl.col("born").dt.year()
        return self._without(table, frame.join(self.born, "person", how="left"), before, BEFORE_BIRTH).drop("born")

    def _whole(self, table: str, column: str, frame: pl.DataFrame, needed: bool = True) -> None:
        """Refuse a column of ids that are not whole numbers."""
        bad = ~frame[column].str.contains(r"^\d{1,18}$")
        bad = bad.fill_null(needed)
        if bad.any():
            self._refuse(table, column, frame, bad, "must be a whole number, 0 or more")

    def _dates(
        self, table: str, frame: pl.DataFrame, columns: Sequence[str], needed: Sequence[str] = ()
    ) -> pl.DataFrame:
        """Dates from text: 2024-01-31, with or without a time, or 20240131."""
        for column in columns:
            text = frame[column]
            day = text.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
            plain = pl.select(pl.when(text.str.len_chars() == 8).then(text.str.to_date("%Y%m%d", strict=False)))
            read = day.zip_with(day.is_not_null(), plain.to_series())
            bad = read.is_null() if column in needed else read.is_null() & text.is_not_null()
            bad |= (read.dt.year() < YEARS[0]).fill_null(False)
            if column.endswith("_end_date"):  # a far year is a way to write that there is no end yet
                read = read.set(read.dt.year() > YEARS[1], None)
            bad |= (read.dt.year() > YEARS[1]).fill_null(False)
            if bad.any():
                self._refuse(table, column, frame, bad, f"must be a date, YYYY-MM-DD, from {YEARS[0]} to {YEARS[1]}")
            frame = frame.with_columns(read.alias(column))
        return frame

    def _refuse(self, table: str, column: str, frame: pl.DataFrame, bad: pl.Series, allowed: str) -> None:
        """Refuse the first bad value, by its row in the table."""
        row, value = frame.filter(bad).select("row", column).row(0)
        missing = "missing, " if value is None else ""
        shown = None if self.person is not None else value
        self.cdm.refuse(f"{table}.{column} row {row}", shown, f"{missing}{allowed}")

    def _number(self, table: str, column: str) -> pl.Expr:
        return pl.col(column).cast(pl.Float64, strict=False)

    def _people(self) -> pl.DataFrame:
        frame = self._table("person")
        if frame["person"].n_unique() < len(frame):
            self.cdm.refuse("person.person_id", None, "a person is there twice")
        for column, low, high in (("year_of_birth", 1850, 2200), ("month_of_birth", 1, 12), ("day_of_birth", 1, 31)):
            number = frame[column].cast(pl.Float64, strict=False)
            bad = number.is_null() & (frame[column].is_not_null() | (column == "year_of_birth"))
            bad |= (~number.is_between(low, high) | (number % 1.0 != 0.0)).fill_null(False)
            if bad.any():
                allowed = f"must be between {low} and {high}, a whole number"
                self._refuse("person", column, frame, bad, allowed)
        whole = {
            name: pl.col(name).cast(pl.Float64).cast(pl.Int32)
            for name in ("year_of_birth", "month_of_birth", "day_of_birth")
        }
        middle = whole["month_of_birth"].is_null()  # only the year is known: born on the first of July
        born = pl.date(whole["year_of_birth"], pl.when(middle).then(7).otherwise(whole["month_of_birth"]),
                       pl.when(middle).then(1).otherwise(whole["day_of_birth"].fill_null(15).clip(1, 28)))  # fmt: skip
        coded = load_codes("people")
        genders = {str(coded[key].concept_id): key for key in GENDERS}
        races = {str(coded[key].concept_id): group for key, group in ETHNIC.items()}
        deaths = self._dates("death", self._table("death"), ["death_date"], ["death_date"])
        died = deaths.group_by("person").agg(death=pl.col("death_date").min())
        told = (
            pl.col("gender_source_value")
            .str.to_lowercase()
            .str.slice(0, 1)
            .replace_strict({"m": "male", "f": "female"}, default=None, return_dtype=pl.String)
        )
        people = frame.select(
            "person",
            sex=pl.coalesce(
                pl.col("gender_concept_id").replace_strict(genders, default=None, return_dtype=pl.String), told
            ),
            born=born,
            ethnicity=pl.col("race_concept_id").replace_strict(races, default=None, return_dtype=pl.Float64),
        ).join(died, on="person", how="left", maintain_order="left")
        early = people["death"].dt.year() < people["born"].dt.year()
        self.counts["death", BEFORE_BIRTH] += int(early.sum())
        return people.with_columns(people["death"].set(early, None))

    def _visits(self) -> pl.DataFrame:
        frame = self._table("visit_occurrence")
        frame = self._dates("visit_occurrence", frame, ["visit_start_date", "visit_end_date"], ["visit_start_date"])
        kind = (
            pl.when(pl.col("visit_concept_id").is_in(HOSPITAL_VISITS)).then(pl.lit("hospital"))
            .when(pl.col("visit_concept_id").is_in(EMERGENCY_VISITS)).then(pl.lit("emergency"))
            .otherwise(pl.lit("other"))
        )  # fmt: skip
        visits = frame.select(
            "person", visit="visit_occurrence_id", kind=kind, start="visit_start_date",
            end=pl.coalesce("visit_end_date", "visit_start_date"),
        )  # fmt: skip
        backwards = pl.col("end") < pl.col("start")
        visits = self._without("visit_occurrence", visits, backwards, BACKWARDS)
        visits = self._of_the_living("visit_occurrence", visits, "start")
        self.counts["visit_occurrence", UNDERSTOOD] += len(visits)
        return visits.sort("person", "start", "end", "visit")

    def _keyed(self, table: str, kind: str, stem: str, other_kind: str = "") -> pl.DataFrame:
        """The records of a table that popsim understands, with their key and the date of their start.

        Args:
            other_kind: is read from the table elsewhere.
        """
        frame = self._table(table)
        concept, source, other = f"{stem}_concept_id", f"{stem}_source_value", f"{stem}_source_concept_id"
        distinct = frame.group_by(concept, source, other, maintain_order=True).len()
        keys = []
        for number, value, own, rows in distinct.iter_rows():
            keys.append(self.meanings.of(kind, number, value, own))
            if keys[-1] is None and kind != ELSEWHERE_COUNTED.get(table):
                known = other_kind and self.meanings.of(other_kind, number, value, own)
                if not known:
                    self.meanings.unknown[self.meanings.name(number, value)] += rows
                    self.counts[table, "concept not known to popsim"] += rows
        known_keys = distinct.with_columns(pl.Series("key", keys, pl.String)).drop("len")
        joined = frame.join(
            known_keys, on=[concept, source, other], how="left", nulls_equal=True, maintain_order="left"
        )
        day = next(column for column in frame.columns if column.endswith("_date"))
        dated = self._dates(table, joined.filter(pl.col("key").is_not_null()), [day], [day])
        kept = self._of_the_living(table, dated, day)
        self.counts[table, UNDERSTOOD] += len(kept)
        return kept

    def _conditions(self) -> pl.DataFrame:
        parts = []
        for table, stem, day in (("condition_occurrence", "condition", "condition_start_date"),
                                 ("observation", "observation", "observation_date")):  # fmt: skip
            rows = self._keyed(table, "diagnoses", stem)
            visit = pl.col("visit_occurrence_id") if "visit_occurrence_id" in rows.columns else pl.lit(None, pl.String)
            parts.append(rows.select("person", "key", day=pl.col(day), visit=visit))
        return pl.concat(parts).sort("person", "day", "key", maintain_order=True)

    def _procedures(self) -> pl.DataFrame:
        rows = self._keyed("procedure_occurrence", "procedures", "procedure")
        return rows.select("person", "key", day="procedure_date").sort("person", "day", "key", maintain_order=True)

    def _periods(self) -> pl.DataFrame:
        names = ["observation_period_start_date", "observation_period_end_date"]
        rows = self._dates("observation_period", self._table("observation_period"), names, names)
        return rows.select("person", start=names[0], end=names[1]).sort("person", "start")

    def _readings(self) -> pl.DataFrame:
        """Values in the unit of popsim's table; without a unit, that of the code is assumed and counted."""
        parts = []
        for table in ("measurement", "observation"):
            rows = self._keyed(table, "signals", table, "diagnoses")
            alike = ("key", f"{table}_concept_id", f"{table}_source_value", "unit_concept_id", "unit_source_value")
            groups = rows.group_by(*alike, maintain_order=True)
            parts += [self._converted(table, *group) for group in groups]
        empty = pl.DataFrame(schema={"person": pl.String, "key": pl.String, "day": pl.Date, "value": pl.Float64})
        return pl.concat([empty, *parts]).sort("person", "day", "key", maintain_order=True)

    def _converted(self, table: str, group: tuple[object, ...], rows: pl.DataFrame) -> pl.DataFrame:
        key, concept, source, unit_concept, unit_source = (None if one is None else str(one) for one in group)
        one = load_codes("signals")[str(key)]
        code = self.meanings.code(concept, source, "LOINC")
        given = self.meanings.unit(unit_concept, unit_source)
        unit = WRITTEN.get(given, given)
        if not given:
            unit = one.units.get(code or "", one.unit)
            self.counts[table, f"no unit, taken as {unit or '1'}: {key}"] += len(rows)
        numbers = rows.select(
            "person", pl.lit(key).alias("key"), day=f"{table}_date", value=self._number(table, "value_as_number")
        )
        none = numbers["value"].is_null() | ~numbers["value"].is_finite().fill_null(False)
        if none.any():
            self.counts[table, f"without a number: {key}"] += int(none.sum())
            numbers = numbers.filter(~none)
        try:
            values = convert(numbers["value"].to_numpy(), unit, one.unit, SUBSTANCE.get(str(key)))
        except InputError:
            self.counts[table, f"unit {given[:20]} is none of {key}"] += len(numbers)
            return numbers.clear()
        return numbers.with_columns(pl.Series("value", values))

    def _drugs(self) -> pl.DataFrame:
        """Prescriptions; the dose of a day where the amount and the days of supply tell it."""
        names = ["drug_exposure_start_date", "drug_exposure_end_date"]
        rows = self._dates("drug_exposure", self._keyed("drug_exposure", "drugs", "drug"), names[1:])
        rows = self._without("drug_exposure", rows, pl.col(names[1]) < pl.col(names[0]), BACKWARDS)
        strengths = {
            (key, code): amount for key, one in load_codes("drugs").items() for code, amount in one.strengths.items()
        }
        start, end = (pl.col(name) for name in names)
        supply, quantity = self._number("drug_exposure", "days_supply"), self._number("drug_exposure", "quantity")
        codes = [self.meanings.code(concept, source, "RxNorm") for concept, source in
                 rows.select("drug_concept_id", "drug_source_value").iter_rows()]  # fmt: skip
        strength = [strengths.get((key, code or "")) for key, code in zip(rows["key"], codes, strict=True)]
        unit = pl.col("dose_unit_source_value").str.to_lowercase()
        amount = pl.when(unit.is_in(["mg", "iu", "dose"])).then(quantity).otherwise(quantity * pl.col("strength"))
        days = pl.when(supply > 0).then(supply)
        dose = pl.when((amount > 0) & days.is_not_null()).then(amount / days)
        last = pl.coalesce(end, start + pl.duration(days=days - 1), start + pl.duration(days=RUN_OUT_DAYS))
        return rows.with_columns(pl.Series("strength", strength, pl.Float64)).select(
            "person", "key", start=start, end=pl.max_horizontal(last, start), dose=dose
        ).sort("person", "start", "key", maintain_order=True)  # fmt: skip


def age_at(born: pl.Expr, day: pl.Expr | date) -> pl.Expr:
    """Age in years on a day."""
    when = pl.lit(day) if isinstance(day, date) else day
    return (when - born).dt.total_days() / DAYS_PER_YEAR
