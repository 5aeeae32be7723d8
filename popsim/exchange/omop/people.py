"""People of a CDM as a table that a cohort is drafted from: one row a person, at an index date.

The index is an event that is asked for, or the last day on which anything is recorded. Of a measurement the last value
within a time before the index counts; a diagnosis counts if it was ever recorded until then, and a drug if it was
taken on that day. What a record does not hold is missing, except diagnoses and drugs, whose absence means no.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from popsim.definitions.drug import Drug
from popsim.drafting.vocabulary import ALL_SUBJECTS, BMI, CREATININE
from popsim.errors import InputError, did_you_mean
from popsim.evidence.code_systems import load_codes
from popsim.evidence.drugs import load_drugs
from popsim.exchange.omop.facts import ETHNIC, GENDERS, CdmFacts, age_at
from popsim.exchange.omop.meanings import concepts_of
from popsim.exchange.records import DIAGNOSES
from popsim.simulation.schema import SCHEMA
from popsim.units import canonical, convert

LOOK_BACK_DAYS = 365  # assumption: an older measurement says little of a person with a chronic disease
GRACE_DAYS = 30  # assumption: a prescription that ended so recently is likely to be renewed
UNKNOWN_DOSE = 0.5  # of the target; assumption: registers show that about half of it is reached (recalled)
MIN_AGE = 18.0
NOT_TAKEN = "recorded of nobody at the index, taken as none"
INDEX_KINDS = ("admission", "condition")
COLUMN_OF = {  # of popsim's table of codes: the column of a cohort, or what drafting computes one from
    "weight_kg": "dry_weight_kg", "height_cm": "height_cm", "body_mass_index": "body mass index",
    "systolic_mmhg": "baseline_systolic_mmhg", "heart_rate_bpm": "baseline_heart_rate_bpm",
    "potassium_mmol_l": "baseline_potassium_mmol_l", "gfr_ml_min": "baseline_gfr_ml_min",
    "creatinine": "creatinine_mg_dl",
    "hba1c_percent": "baseline_hba1c_percent", "haemoglobin_g_dl": "baseline_haemoglobin_g_dl",
    "ejection_fraction_percent": "baseline_ejection_fraction_percent", "fev1_percent": "baseline_fev1_percent",
    "albuminuria_mg_g": "baseline_albuminuria_mg_g", "ldl_mmol_l": "baseline_ldl_mmol_l",
}  # fmt: skip
EVENTS_BEFORE = {"infarction": "prior_infarction", "stroke": "prior_stroke"}  # an event once had: the diagnosis
RECENT_INFARCTION_DAYS = 365


class CodebookRow(NamedTuple):
    """What became of a part of the CDM.

    Attributes:
        column: of the cohort.
        table: of the CDM.
        concepts: standard concepts.
        unit: of the column.
        people: who have a value.
        records: that were used.
        told: how it was read.
    """

    column: str
    table: str
    concepts: str
    unit: str
    people: int
    records: int
    told: str


@dataclass(frozen=True)
class CdmPeople:
    """People at their index dates.

    Attributes:
        table: one row a person, text, in popsim's columns and units; null where nothing is known.
        codebook: what became of what.
        left_out: people who are not in the table, by reason.
        index: how the index was found, in words.
    """

    table: pl.DataFrame
    codebook: tuple[CodebookRow, ...]
    left_out: Mapping[str, int]
    index: str


def people_at(facts: CdmFacts, index: str = "", at: str = "admission", look_back: int = LOOK_BACK_DAYS) -> CdmPeople:
    """The table of people.

    Args:
        facts: of the source.
        index: diagnosis whose first record is the index; the last day of the record when empty.
        at: the discharge from the first admission with that diagnosis, or its first record anywhere.
        look_back: days before the index within which a measurement counts.

    Raises:
        InputError: there is no such diagnosis, or nobody is left.
    """
    if at not in INDEX_KINDS:
        raise InputError(f"--at {at}: {did_you_mean(at, INDEX_KINDS)}")
    dated = _last_days(facts) if not index else _events(facts, index, at)
    everybody = facts.people.join(dated, on="person", how="left", maintain_order="left")
    without = everybody["index"].is_null()
    found = everybody.filter(~without).with_columns(age=age_at(pl.col("born"), pl.col("index")))
    young, dead = found["age"] < MIN_AGE, (found["death"] <= found["index"]).fill_null(False) & bool(index)
    left = {"without such an event" if index else "without any record": int(without.sum()),
            f"younger than {MIN_AGE:g}": int((young & ~dead).sum()), "dead at the index": int(dead.sum())}  # fmt: skip
    found = found.filter(~young & ~dead)
    if found.is_empty():
        why = ", ".join(f"{count:,} {reason}" for reason, count in left.items() if count)
        raise InputError(f"nobody of {len(everybody):,} people is left: {why or 'there are no people'}")
    words = f"the last day of the record, of {len(found):,} people"
    if index:
        where = "discharge from the first admission with" if at == "admission" else "first record of"
        words = f"{where} {index.replace('_', ' ')}, of {len(found):,} people"
    building = _Table(facts, found, look_back)
    return CdmPeople(building.build(), tuple(building.codebook), {why: n for why, n in left.items() if n}, words)


def _last_days(facts: CdmFacts) -> pl.DataFrame:
    """The last day on which something is recorded of a living person."""
    days = [facts.visits.select("person", day="end"), facts.conditions.select("person", "day"),
            facts.readings.select("person", "day"), facts.periods.select("person", day="end")]  # fmt: skip
    deaths = facts.people.select("person", "death")
    every = pl.concat(days).join(deaths, on="person").with_columns(pl.min_horizontal("day", "death").alias("day"))
    return every.group_by("person").agg(index=pl.col("day").max())


def _events(facts: CdmFacts, index: str, at: str) -> pl.DataFrame:
    """The index event of each person who had one."""
    known = [key for key, one in load_codes("diagnoses").items() if not one.same_as]
    if index not in known:
        raise InputError(f"--index {index}: {did_you_mean(index, known)}")
    wanted = facts.conditions.filter(pl.col("key") == index)
    if at == "condition":
        return wanted.group_by("person").agg(index=pl.col("day").min())
    stays = facts.visits.filter(pl.col("kind") == "hospital")
    linked = wanted.join(stays, on=["person", "visit"], how="inner").select("person", "start", "end")
    loose = wanted.filter(pl.col("visit").is_null()).join(stays, on="person", how="inner")
    within = loose.filter(pl.col("day").is_between(pl.col("start"), pl.col("end"))).select("person", "start", "end")
    first = pl.concat([linked, within]).sort("person", "start", "end").group_by("person", maintain_order=True).first()
    return first.select("person", index="end")


class _Table:
    """Builds the table, column by column."""

    def __init__(self, facts: CdmFacts, people: pl.DataFrame, look_back: int) -> None:
        self.facts, self.people, self.look_back = facts, people, look_back
        self.index = people.select("person", "index")
        self.columns: dict[str, pl.Series] = {}
        self.codebook: list[CodebookRow] = []

    def build(self) -> pl.DataFrame:
        """All columns."""
        age = self.people["age"].round(2)
        self._put("age_years", age, "person", "", len(age), "year, month and day of birth until the index")
        sex = self.people["sex"].replace_strict({"female": 1, "male": 0}, default=None, return_dtype=pl.Int64)
        self._put("female", sex, "person", concepts_of("people", GENDERS), sex.count(), "sex at birth")
        if self.people["ethnicity"].count():
            group = self.people["ethnicity"].fill_null(0.0).cast(pl.Int64)
            known = self.people["ethnicity"].count()
            told = "race: Asian, Black, White; others not recorded"
            self._put("ethnicity", group, "person", concepts_of("people", ETHNIC), known, told)
        self._diagnoses()
        self._measurements()
        self._drugs()
        return pl.DataFrame([values.cast(pl.String).alias(name) for name, values in self.columns.items()])

    def _put(self, column: str, values: pl.Series, table: str, concepts: str, records: int, told: str) -> None:
        self.columns[column] = values
        unit = canonical(SCHEMA[column].unit) if column in SCHEMA else ALL_SUBJECTS[_subject(column)].units[0]
        row = CodebookRow(column, table, concepts, unit, values.count(), records, told)
        self.codebook.append(row)

    def _before(self, frame: pl.DataFrame, day: str = "day") -> pl.DataFrame:
        """Records until the index."""
        return frame.join(self.index, on="person", how="inner").filter(pl.col(day) <= pl.col("index"))

    def _per_person(self, frame: pl.DataFrame, column: str) -> pl.Series:
        """A column of people, in the order of the table."""
        return self.index.join(frame, on="person", how="left", maintain_order="left")[column]

    def _diagnoses(self) -> None:
        table = load_codes("diagnoses")
        records = self._before(self.facts.conditions).with_columns(
            age=(pl.col("index") - pl.col("day")).dt.total_days()
        )
        for name in DIAGNOSES:
            keys = [key for key, one in table.items() if one.column == name]
            event = next((key for key, of in EVENTS_BEFORE.items() if of == name), None)
            mine = pl.col("key").is_in(keys)
            if event == "infarction":
                mine |= (pl.col("key") == event) & (pl.col("age") > RECENT_INFARCTION_DAYS)
            elif event is not None:
                mine |= (pl.col("key") == event) & (pl.col("age") > 0)
            rows = records.filter(mine)
            have = self._per_person(rows.group_by("person").agg(have=pl.lit(1, pl.Int64)), "have").fill_null(0)
            concepts = concepts_of("diagnoses", [*keys, *([event] if event else [])])
            told = f"recorded until the index in {int(have.sum()):,} people; not recorded means no"
            self._put(name, have, "condition_occurrence, observation", concepts, len(rows), told)
        recent = records.filter((pl.col("key") == "infarction") & (pl.col("age") <= RECENT_INFARCTION_DAYS))
        if len(recent):
            days = recent.group_by("person").agg(days=pl.col("age").min().clip(1))
            name = "infarction_days_before_entry"
            since, concept = self._per_person(days, "days").fill_null(0), str(table["infarction"].concept_id)
            told = "days since an infarction of the last year"
            self._put(name, since, "condition_occurrence", concept, len(recent), told)

    def _measurements(self) -> None:
        recent = self._before(self.facts.readings).filter(
            (pl.col("index") - pl.col("day")).dt.total_days() <= self.look_back
        )
        for key, column in COLUMN_OF.items():
            rows = recent.filter(pl.col("key") == key)
            if rows.is_empty():
                continue
            one, subject = load_codes("signals")[key], ALL_SUBJECTS[_subject(column)]
            values = pl.Series(
                "value", convert(rows["value"].to_numpy(), one.unit or "1", subject.units[0], subject.substance)
            )
            rows = rows.with_columns(values)
            low, high = subject.bounds
            possible = rows.filter(pl.col("value").is_between(low, high))
            last = possible.sort("day", maintain_order=True).group_by("person", maintain_order=True).last()
            found = self._per_person(last, "value").round_sig_figs(6)
            told = f"the last of {self.look_back} days before the index"
            if len(rows) > len(possible):
                told += f"; {len(rows) - len(possible):,} outside {low:g} to {high:g} passed over"
            if found.count():
                self._put(column, found, "measurement", str(one.concept_id), len(possible), told)

    def _drugs(self) -> None:
        """Doses at the index; absent from the record means not taken, where the source has prescriptions at all."""
        if self.facts.drugs.is_empty():
            return
        last = pl.col("end") + pl.duration(days=GRACE_DAYS)
        taken = self._before(self.facts.drugs, "start").filter(last >= pl.col("index"))
        drugs = {drug.name: drug for drug in load_drugs()}
        by_column: dict[str, list[Drug]] = {}
        for drug in drugs.values():
            by_column.setdefault(drug.dose_column, []).append(drug)
        shares: dict[str, pl.DataFrame] = {}
        for column, group in by_column.items():
            if not SCHEMA[column].settable:
                continue
            names = [drug.name for drug in group]
            rows = taken.filter(pl.col("key").is_in(names)).sort("start", maintain_order=True)
            current = rows.group_by("person", maintain_order=True).last()
            doses = [_in_column(drugs[key], dose) for key, dose in current.select("key", "dose").iter_rows()]
            agents = [float(drugs[key].agent) for key in current["key"]]
            shares[column] = current.select("person", "key", "dose").with_columns(
                pl.Series("value", doses, pl.Float64), pl.Series("agent", agents, pl.Float64)
            )
        self._combined(shares, drugs)
        for column, current in shares.items():
            group = by_column[column]
            values = self._per_person(current, "value").fill_null(0.0)
            unknown = current["dose"].null_count()
            told = f"taken by {len(current):,} at the index; not recorded means none" if len(current) else NOT_TAKEN
            told += f"; {unknown:,} without a dose, assumed {UNKNOWN_DOSE:g} of the target" if unknown else ""
            concepts = concepts_of("drugs", [drug.name for drug in group])
            self._put(column, values, "drug_exposure", concepts, len(current), told)
            agent = group[0].agent_column
            if agent is not None and SCHEMA[agent].settable:
                chosen = self._per_person(current, "agent").fill_null(float(group[0].agent)).cast(pl.Int64)
                self._put(agent, chosen, "drug_exposure", concepts, len(current), "which drug of the class")

    @staticmethod
    def _combined(shares: dict[str, pl.DataFrame], drugs: Mapping[str, Drug]) -> None:
        """A fixed combination gives the drug within it at the same share of its target."""
        for drug in drugs.values():
            if drug.contains is None or shares[drug.dose_column].is_empty():
                continue
            inner = drugs[drug.contains]
            given = shares[drug.dose_column].with_columns(agent=pl.lit(float(inner.agent)))
            others = shares[inner.dose_column].join(given, on="person", how="anti")
            shares[inner.dose_column] = pl.concat([others, given.select(others.columns)])


def _in_column(drug: Drug, dose: float | None) -> float:
    """A daily dose as the column of its class has it."""
    share = UNKNOWN_DOSE if dose is None else dose / drug.target_dose.value
    column = SCHEMA[drug.dose_column]
    return min(max(float(f"{share * drug.column_at_target:.4g}"), column.low), column.high)


def _subject(column: str) -> str:
    """The subject of drafting that a column is."""
    return {"body mass index": BMI, "creatinine_mg_dl": CREATININE}.get(column, column)
