"""From a user's table to people in popsim's columns, with what was assumed, refused and imputed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.drafting.dates import ages, read_dates
from popsim.drafting.headers import ColumnMatch, legend_of, match_headers
from popsim.drafting.reading import number_parser, read_any_table
from popsim.drafting.vocabulary import (
    AGE,
    ALL_SUBJECTS,
    BIRTH,
    BMI,
    CREATININE,
    FEMALE,
    GFR,
    HEART_RATE,
    HEIGHT,
    INDEX,
    SYSTOLIC,
    WEIGHT,
)
from popsim.drafting.words import ColumnReading, Numbers, known_words, read_column
from popsim.errors import DefinitionError
from popsim.evidence.sets import Parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.learning.imputation import impute
from popsim.population.csv_table import AGAIN, CsvTable
from popsim.population.formulas import FORMULAS
from popsim.population.table_import import Problem
from popsim.simulation.schema import SCHEMA

MIN_KNOWN = 2  # people with a known value, from whom others can be imputed
MIN_COMPARED = 5  # of each sex, whose sizes tell which is which
MUCH_MISSING = 0.5  # share from which imputed values are little more than the mean of people like these
ON_ADMISSION = {SYSTOLIC: "usual_systolic", HEART_RATE: "usual_heart_rate"}
WHOLE_TABLE = 0  # row of a problem that concerns the column


class DraftedColumn(NamedTuple):
    """A column of the draft.

    Attributes:
        name: in popsim.
        header: column of the table from which it comes.
        told: how it was read.
        values: in popsim's unit, complete.
        imputed: number of values that were missing.
    """

    name: str
    header: str
    told: str
    values: Numbers
    imputed: int


@dataclass
class Draft:
    """People from a table, and what was assumed.

    Attributes:
        columns: of the people.
        rows: number of people.
        notes: on the file.
        unused: columns of the table that are not copied, each with the reason.
        problems: values that are refused, in the order of rows; 0 = the whole column.
    """

    rows: int
    notes: list[str] = field(default_factory=list)
    columns: list[DraftedColumn] = field(default_factory=list)
    unused: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def draft_people(path: Path, parameters: Parameters, key: RandomKey, sheet: str = "") -> Draft:
    """Read a table of people; `sheet` names that of a workbook.

    Values that are refused are missing in the result, and imputed like these.

    Raises:
        DefinitionError: the file cannot be read, or holds no table.
    """
    table, notes = read_any_table(path, sheet)
    if table.frame.is_empty():
        raise DefinitionError(path, "file", None, "has no row below the names of the columns")
    return draft_table(table, notes, parameters, key)


def draft_table(table: CsvTable, notes: list[str], parameters: Parameters, key: RandomKey) -> Draft:
    """People of a table that has been read; `notes` say how. The rest is as in `draft_people`."""
    drafting = _Drafting(table, parameters, Draft(len(table.frame), notes))
    drafting.read()
    drafting.compute()
    drafting.finish(key)
    drafting.draft.problems.sort(key=lambda problem: problem.row)
    return drafting.draft


class _Drafting:
    """The steps from a table to a draft."""

    def __init__(self, table: CsvTable, parameters: Parameters, draft: Draft) -> None:
        self.table, self.parameters, self.draft = table, parameters, draft
        self.number = number_parser(table)
        self.readings: dict[str, ColumnReading] = {}
        self.matches: dict[str, ColumnMatch] = {}

    def values(self, header: str) -> list[str | None]:
        """The values of a column, those that its name explains by what they mean."""
        legend = legend_of(header)
        return [word and legend.get(word, word) for word in self.table.frame[header].to_list()]

    def words(self, header: str) -> list[str | None]:
        """The values of a column, None where they are missing."""
        return known_words(self.values(header))

    def read(self) -> None:
        """Match the columns and read their values."""
        draft = self.draft
        draft.problems += [Problem(row, "", None, f"the row{why}") for row, why in self.table.ragged]
        matches, unknown = match_headers(self._of_their_own())
        draft.unused |= dict.fromkeys(unknown, "nothing in popsim goes by this name")
        for match in self._best(matches):
            subject = ALL_SUBJECTS[match.subject]
            if subject.content in ("unused", "identifier"):
                draft.unused[match.header] = subject.why
                self._repeated(match)
            else:
                self.matches[match.subject] = match
        dated = {name: self.words(self.matches[name].header) for name in (BIRTH, INDEX) if name in self.matches}
        for key, match in self.matches.items():
            if key in dated:
                continue
            reading = read_column(match, self.values(match.header), self.number)
            if match.misspelt:
                reading.told.insert(0, f"taken for '{match.name}'")
            self.readings[key] = reading
        self._read_dates(dated)

    def _of_their_own(self) -> list[str]:
        """The columns whose name has not come before; one that has is refused unless its values are the same."""
        frame, own = self.table.frame, []
        for number, header in enumerate(self.table.frame.columns, start=1):
            before = header.removesuffix(AGAIN.format(number))
            if before == header:
                own.append(header)
            elif frame[header].equals(frame[before]):
                self.draft.unused[header] = f"'{before}' gives the same"
            else:
                why = f"'{before}' comes twice, with other values: each column needs a name of its own"
                self.draft.problems.append(Problem(WHOLE_TABLE, header, None, why))
        return own

    def _best(self, matches: list[ColumnMatch]) -> list[ColumnMatch]:
        """One column for each subject: that with the name that comes first in its list, and most values among these."""
        best: dict[str, ColumnMatch] = {}
        free = ("unused", "identifier")

        def rank(match: ColumnMatch) -> tuple[object, ...]:
            names, numeric = ALL_SUBJECTS[match.subject].names, ALL_SUBJECTS[match.subject].content == "number"
            known = sum(not numeric or any(map(str.isdigit, word)) for word in self.words(match.header) if word)
            return (
                match.misspelt,
                match.on_admission,
                names.index(match.name) if match.subject == INDEX else 0,
                -known,
            )

        for match in sorted(matches, key=rank):
            if ALL_SUBJECTS[match.subject].content in free:
                best[match.header] = match
            elif match.subject in best:
                self.draft.unused[match.header] = f"'{best[match.subject].header}' gives the same"
            else:
                best[match.subject] = match
        return list(best.values())

    def _repeated(self, match: ColumnMatch) -> None:
        """Say when an identifier comes again: a row is taken for a person."""
        words = [word for word in self.words(match.header) if word is not None]
        again = len(words) - len(set(words))
        if match.name.endswith(("id", "mrn", "number", "no", "nhs")) and again:
            self.draft.notes.append(
                f"warning: {again} rows repeat a value of '{match.header}'; each row is taken for a person"
            )

    def _read_dates(self, dated: Mapping[str, list[str | None]]) -> None:
        """Age from the dates of birth and of entry; dates themselves are not kept."""
        draft = self.draft
        for name in dated:
            draft.unused[self.matches[name].header] = "dates are not copied"
        if BIRTH not in dated or AGE in self.readings:
            return
        header = self.matches[BIRTH].header
        if INDEX not in dated:
            why = "age needs a date of entry beside it (index_date, admission_date, discharge_date) or a column 'age'"
            draft.problems.append(Problem(WHOLE_TABLE, header, None, why))
            return
        found = read_dates(list(dated.values()))
        for (name, words), (dates, form) in zip(dated.items(), found, strict=True):
            bad = [row for row, (word, one) in enumerate(zip(words, dates, strict=True)) if word and one is None]
            why = f"not a date like the others of the column: {form}"
            draft.problems += [Problem(row + 1, self.matches[name].header, None, why) for row in bad]
        (births, birth_form), (days, day_form) = (found[list(dated).index(name)] for name in (BIRTH, INDEX))
        reading = ColumnReading(ages(births, days, "two digits" in birth_form).round(1))
        reading.told.append(f"{birth_form}; on '{self.matches[INDEX].header}': {day_form}")
        low, high = ALL_SUBJECTS[AGE].bounds
        for row in np.flatnonzero((reading.values < low) | (reading.values > high)).tolist():
            reading.refuse(row, header, None, f"the age would be {reading.values[row]:.4g}, must lie between "
                           f"{low:g} and {high:g} years")  # fmt: skip
        self.readings[AGE], self.matches[AGE] = reading, self.matches[BIRTH]

    def compute(self) -> None:
        """Columns that popsim has from those that the table gives."""
        self._sex()
        for name, formula in ON_ADMISSION.items():
            if name in self.readings and self.matches[name].on_admission:
                self._by_formula(name, name, formula, "the usual value from that on admission")
        if BMI in self.readings and WEIGHT in self.readings:
            self._drop(BMI, "weight gives the same")
        elif BMI in self.readings and HEIGHT in self.readings:
            reading = self.readings.pop(BMI)
            reading.values = reading.values * (self.readings[HEIGHT].values / 100.0) ** 2
            reading.told.append("times the square of the height")
            self._put(WEIGHT, reading, BMI)
        elif BMI in self.readings:
            self._by_formula(BMI, WEIGHT, "weight_from_bmi", "at the mean height of the sex")
        if CREATININE in self.readings and GFR in self.readings:
            self._drop(CREATININE, f"'{self.matches[GFR].header}' gives the filtration")
        elif CREATININE in self.readings:
            self._by_formula(CREATININE, GFR, "ckd_epi_2021", "GFR by CKD-EPI 2021 with age and sex")

    def _sex(self) -> None:
        """Which of 0 and 1 stands for women, where only the heights tell."""
        match = self.matches.get(FEMALE)
        words = self.words(match.header) if match else []
        if match is None or match.name not in ("sex", "gender", "sex at birth"):
            return
        if {self.number(word) for word in words if word} - {0.0, 1.0, 9.0, 99.0, -9.0}:
            return
        reading, told = self.readings[FEMALE], "assumed: 0 for men, 1 for women"
        for name in (HEIGHT, WEIGHT):
            if name not in self.readings:
                continue
            size = self.readings[name].values
            one, zero = (size[(reading.values == code) & ~np.isnan(size)] for code in (1.0, 0.0))
            if min(len(one), len(zero)) < MIN_COMPARED:
                continue
            error = np.sqrt(one.var() / len(one) + zero.var() / len(zero))
            if abs(one.mean() - zero.mean()) > 3.0 * error:
                larger = bool(one.mean() > zero.mean())
                reading.values = 1.0 - reading.values if larger else reading.values
                noun = "height" if name == HEIGHT else "weight"
                told = f"{int(larger)} for men, {int(not larger)} for women, as the mean {noun} tells"
                break
        reading.told.append(told)

    def _by_formula(self, source: str, target: str, formula: str, told: str) -> None:
        """Compute a column by a shipped formula from people's known values."""
        needs = FORMULAS[formula].needs
        lacking = [name for name in needs if name not in self.readings]
        if lacking:
            self._drop(source, f"without {' and '.join(lacking)} nothing can be computed from it")
            return
        people = {name: self.readings[name].values for name in needs}
        reading = self.readings.pop(source)
        unknown = np.any([np.isnan(values) for values in people.values()], axis=0) if needs else np.False_
        with np.errstate(invalid="ignore"):
            values = FORMULAS[formula](reading.values, people, self.parameters)
        reading.values = np.where(unknown, np.nan, values)
        reading.told.append(told)
        self._put(target, reading, source)

    def _put(self, target: str, reading: ColumnReading, source: str) -> None:
        """A computed column, checked against its bounds."""
        low, high = ALL_SUBJECTS[target].bounds
        with np.errstate(invalid="ignore"):
            outside = (reading.values < low) | (reading.values > high)
        for row in np.flatnonzero(outside).tolist():
            why = f"{target} would be {reading.values[row]:.4g}, must lie between {low:g} and {high:g}"
            reading.refuse(row, self.matches[source].header, None, why)
        self.readings[target], self.matches[target] = reading, self.matches[source]

    def _drop(self, subject: str, why: str) -> None:
        """Leave a column out; what was refused in it does not matter."""
        del self.readings[subject]
        self.draft.unused[self.matches[subject].header] = why

    def finish(self, key: RandomKey) -> None:
        """Leave out what has too few values, and impute the others."""
        complete: dict[str, NDArray[np.float64]] = {}
        for name in [name for name in SCHEMA.columns if name in self.readings]:
            reading, header = self.readings[name], self.matches[name].header
            if SCHEMA[name].kind in ("code", "count"):
                for row in np.flatnonzero(reading.values != np.floor(reading.values)).tolist():
                    if not np.isnan(reading.values[row]):
                        reading.refuse(row, header, f"{reading.values[row]:g}", "must be a whole number")
            known = int((~np.isnan(reading.values)).sum())
            if reading.unusable:
                why = f"{reading.unusable}: name the unit in the header, or leave the column out"
                self.draft.problems.append(Problem(WHOLE_TABLE, header, None, why))
                self.draft.unused[header] = reading.unusable
            elif known < min(MIN_KNOWN, len(reading.values)):
                self.draft.problems += reading.problems
                self.draft.unused[header] = f"only {known} known values"
            else:
                self.draft.problems += reading.problems
                complete[name] = reading.values
        if not complete:
            return
        kept = np.any([~np.isnan(values) for values in complete.values()], axis=0)
        if not kept.all():
            self.draft.notes.append(f"rows left out because nothing in them is known: {(~kept).sum()}")
            complete = {name: values[kept] for name, values in complete.items()}
            self.draft.rows = int(kept.sum())
        for name, values in impute(complete, key).items():
            reading = self.readings[name]
            missing = int(np.isnan(complete[name]).sum())
            if missing > MUCH_MISSING * self.draft.rows:
                reading.told.append("warning: more than half is missing")
            column = DraftedColumn(name, self.matches[name].header, "; ".join(reading.told), values, missing)
            self.draft.columns.append(column)
