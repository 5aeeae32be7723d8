"""The draft as files: a cohort with its assumptions as comments, and the table of people beside it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from popsim.definitions.base import validate
from popsim.definitions.cohort import CohortDefinition
from popsim.definitions.distributions import AnyMarginal, Bernoulli, Categorical
from popsim.definitions.writing import to_toml
from popsim.drafting.draft import WHOLE_TABLE, Draft, DraftedColumn
from popsim.errors import InputError, one_line, shorten
from popsim.population.cohort import CohortSource
from popsim.population.columns import Column
from popsim.population.table_import import Problem
from popsim.simulation.schema import SCHEMA
from popsim.units import canonical

TABLE_ENDING = "_people.csv"


def draft_files(cohort_file: Path) -> tuple[Path, Path]:
    """The cohort file and its table of people."""
    return cohort_file, cohort_file.with_name(f"{cohort_file.stem}{TABLE_ENDING}")


def refuse_existing(files: tuple[Path, ...]) -> None:
    """Refuse to write over a file.

    Raises:
        InputError: one exists.
    """
    if existing := next((path for path in files if path.exists()), None):
        raise InputError(f"{existing}: exists already; --force writes it anew, --out names another file")


def write_draft(
    draft: Draft, source: Path, cohort_file: Path, base: CohortSource, by: str = "popsim cohort from-table"
) -> None:
    """Write the cohort and its people.

    Args:
        source: what was read.
        base: the cohort for what it lacks.
        by: the command that read it.

    Raises:
        InputError: a file cannot be written.
    """
    cohort_path, people_path = draft_files(cohort_file)
    frame = pl.DataFrame({column.name: column.values for column in draft.columns})
    codes = [name for name in frame.columns if SCHEMA[name].kind in ("code", "count")]
    frame = frame.with_columns(pl.col(codes).cast(pl.Int64))
    origin = f"'{one_line(source.name)}', read by {by}"
    text = _cohort_text(draft, (one_line(source.stem)[:60], origin), cohort_path, people_path, base)
    try:
        frame.write_csv(people_path, float_precision=6)
        cohort_path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{cohort_path.parent}: cannot be written: {error.strerror}") from None


def _cohort_text(draft: Draft, named: tuple[str, str], cohort_path: Path, people_path: Path, base: CohortSource) -> str:
    """The cohort file, with what was assumed as comments; `named` are its label and origin."""
    label, origin = named
    names = {
        column.name: {"from": column.name, "unit": canonical(SCHEMA[column.name].unit)} for column in draft.columns
    }
    definition = {
        "inherits": os.path.relpath(base.path.resolve(), cohort_path.parent.resolve()),
        "name": cohort_name(cohort_path),
        "label": label,
        "description": f"People of {origin}; what that table lacks is as in the cohort '{base.name}'.",
        "source": origin,
        "size": draft.rows,
        "table": {"path": people_path.name, "format": "csv", "source": origin, "columns": names},
    }
    text = to_toml(validate(definition, CohortDefinition, cohort_path))
    for column in draft.columns:
        head = f"[table.columns.{column.name}]\n"
        text = text.replace(head, f"# {one_line(column_line(column, draft.rows))}\n{head}")
    own = ["Draft: check what was assumed.", *map(one_line, [*draft.notes, *not_copied(draft)])]
    return "".join(f"# {line}\n" for line in [*own, *taken_instead(draft, base)]) + f"\n{text}"


def cohort_name(path: Path) -> str:
    """A name for the cohort from that of its file."""
    name = re.sub("[^a-z0-9]+", "_", path.stem.lower()).strip("_")
    return name if re.match("[a-z]", name) else f"cohort_{name}".strip("_")


def column_line(column: DraftedColumn, rows: int) -> str:
    """What a column of the draft is, in one line."""
    missing = (
        f"{column.imputed} of {rows} missing ({100 * column.imputed / rows:.1f}%), imputed" if column.imputed else ""
    )
    told = "; ".join(part for part in (column.told, missing) if part)
    return f"{column.name} from '{column.header}'" + (f": {told}" if told else "")


def columns_frame(draft: Draft) -> pl.DataFrame:
    """What became of each column: column, header, told, missing and share_missing, which are imputed."""
    rows = [(one.name, one.header, one.told, one.imputed, one.imputed / max(draft.rows, 1)) for one in draft.columns]
    return pl.DataFrame(rows, ["column", "header", "told", "missing", "share_missing"], orient="row")


def imputation_note(draft: Draft) -> list[str]:
    """What a single imputation means, where there is one."""
    if not any(one.imputed for one in draft.columns):
        return []
    return [
        "missing values are imputed once, so that no interval counts what they are not known to be; draft again with "
        "another --seed and --out, and compare the runs"
    ]


def not_copied(draft: Draft) -> list[str]:
    """The columns of the table that are left out, by reason."""
    reasons: dict[str, list[str]] = {}
    for header, why in draft.unused.items():
        reasons.setdefault(why, []).append(header)
    return [f"not copied: {', '.join(headers)} ({why})" for why, headers in reasons.items()]


def problem_lines(problems: Sequence[Problem]) -> list[str]:
    """All that is refused, the rows with the same value in a column on one line."""
    rows: dict[tuple[str, str, str], list[int]] = {}
    for problem in problems:
        value = "" if problem.value is None else f" = {shorten(problem.value)}"
        rows.setdefault((problem.column, value, problem.why), []).append(problem.row)
    return [
        f"{', '.join(filter(None, (_rows(found), f'column {column}' if column else '')))}{value}: {why}"
        for (column, value, why), found in rows.items()
    ]


def _rows(rows: Sequence[int]) -> str:
    """Rows in words, those that follow each other as a range; nothing where the whole column is meant."""
    if rows[0] == WHOLE_TABLE:
        return ""
    starts = [row for row in rows if row - 1 not in rows]
    ends = [row for row in rows if row + 1 not in rows]
    spans = [f"{start}" if start == end else f"{start}-{end}" for start, end in zip(starts, ends, strict=True)]
    return f"row{'s' if len(rows) > 1 else ''} {', '.join(spans)}"


def taken_instead(draft: Draft, base: CohortSource) -> list[str]:
    """What is taken for the columns that are read at entry and that the table does not give."""
    given = {column.name for column in draft.columns}
    required = [name for name, column in SCHEMA.columns.items() if column.required and name not in given]
    columns = base.definition.columns
    lines = [f"read at entry and not in the table, taken from '{base.name}':"]
    lines += [f"  {name}: {_in_words(columns[name], SCHEMA[name])}" for name in required if name in columns]
    others = [name for name in columns if name not in given and name not in required]
    if base.definition.life_table is not None:
        lines.append(f"life table {base.definition.life_table}, as in '{base.name}'")
    if others:
        lines.append(f"also taken from '{base.name}': {', '.join(others)}")
    return lines


def _in_words(marginal: AnyMarginal, column: Column) -> str:
    """A distribution with its mean and spread, or values."""
    if isinstance(marginal, Bernoulli):
        return f"yes with probability {marginal.probability:g}"
    if isinstance(marginal, Categorical):
        shares = zip(marginal.values, marginal.probabilities, strict=True)
        return ", ".join(f"{column.codes.get(int(value), f'{value:g}')}: {100 * share:g}%" for value, share in shares)
    said = {"mean": "mean", "sd": "SD", "value": "value", "column": "as"}
    found = {word: getattr(marginal, key, None) for key, word in said.items()}
    parts = [f"{word} {value:g}" if isinstance(value, float) else f"{word} {value}"
             for word, value in found.items() if value is not None]  # fmt: skip
    unit = canonical(column.unit)
    return " ".join([marginal.distribution, *parts, *([unit] if unit != "1" else [])])
