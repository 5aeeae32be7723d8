"""popsim cohort from-table: a cohort from a user's table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import prints_tables, whole
from popsim.errors import InputError, one_line
from popsim.plurals import counted


@prints_tables
def cohort_from_table(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="A CSV file or an .xlsx workbook, one person a row.")],
    out: Annotated[
        Path | None, typer.Option(help="Cohort file to write; by default TABLE with the ending .toml.")
    ] = None,
    inherits: Annotated[
        Path | None,
        typer.Option(help="Cohort for what the table lacks; by default the shipped heart_failure_discharge."),
    ] = None,
    bad_as_missing: Annotated[
        bool, typer.Option("--bad-as-missing", help="Take refused values as missing, and impute them.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over files that exist.")] = False,
    sheet: Annotated[str, typer.Option(metavar="NAME", help="Of a workbook; by default the first with a table.")] = "",
    seed: Annotated[int, whole("First word of the random key of the imputation.")] = 1,
) -> None:
    """Draft a cohort from a table: guess columns, units, dates, codes and missing values, and print each guess.

    The name of a column with its unit, as in 'creatinine_umol_l', settles a wrong guess. Names, numbers of records and
    dates of birth are not copied.
    """
    from popsim.drafting.draft import draft_people
    from popsim.drafting.writing import (
        column_line,
        columns_frame,
        draft_files,
        imputation_note,
        not_copied,
        problem_lines,
        refuse_existing,
        taken_instead,
        write_draft,
    )
    from popsim.kernels.numerics.random import RandomKey
    from popsim.population.cohort import CohortSource
    from popsim.reporting.table_files import tabled
    from popsim.surface.examples import example
    from popsim.verification.definition_check import check_file

    cohort_file = out or table.with_suffix(".toml")
    if cohort_file.suffix != ".toml":
        raise InputError(f"--out {cohort_file}: must end with .toml")
    files = draft_files(cohort_file)
    if table.resolve() in {path.resolve() for path in files}:
        raise InputError(f"{table}: would be written over; name another file with --out")
    if not force:
        refuse_existing(files)
    base = CohortSource.read(inherits or example("heart_failure_discharge", "cohort"))
    draft = draft_people(table, base.parameters, RandomKey.of(seed), sheet)
    people = [column_line(column, draft.rows) for column in draft.columns]
    told = [*map(one_line, [*draft.notes, *people, *imputation_note(draft), *not_copied(draft)])]
    told += taken_instead(draft, base)
    tabled("Columns", columns_frame(draft))
    print(f"{table}: {counted(draft.rows, 'person', 'people')}", *(f"  {line}" for line in told), sep="\n")
    if draft.problems:
        word = "Taken as missing" if bad_as_missing else "Refused"
        print(f"{word} ({len(draft.problems)}; the first row below the names of the columns is row 1):")
        print(*(f"  {one_line(line)}" for line in problem_lines(draft.problems)), sep="\n", flush=True)
    if draft.problems and not bad_as_missing:
        what = f"{len(draft.problems)} refused, listed above; correct them, or take values as missing: --bad-as-missing"
        raise InputError(f"{table}: {what}")
    if not draft.columns:
        raise InputError(f"{table}: none of its columns is known; popsim's own are in the reference, like age_years")
    write_draft(draft, table, cohort_file, base)
    print(*files, sep="\n")
    print(check_file(cohort_file))
