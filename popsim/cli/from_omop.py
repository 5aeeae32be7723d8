"""popsim cohort from-omop: a cohort from a database in the OMOP Common Data Model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import prints_tables, whole
from popsim.errors import InputError, one_line
from popsim.plurals import counted

MAX_LOOK_BACK = 36_525


@prints_tables
def cohort_from_omop(
    source: Annotated[
        Path,
        typer.Argument(metavar="CDM", help="Folder or zip of CSV or Parquet files, DuckDB or SQLite file; 5.3 or 5.4."),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Cohort file to write; by default named after CDM, in this folder.")
    ] = None,
    index: Annotated[
        str,
        typer.Option(metavar="DIAGNOSIS", help="Index event, such as heart_failure; by default the last day recorded."),
    ] = "",
    at: Annotated[
        str, typer.Option(metavar="KIND", help="The index event is an admission (its discharge) or a condition.")
    ] = "admission",
    look_back: Annotated[int, whole("Days before the index within which a measurement counts.")] = 365,
    inherits: Annotated[
        Path | None,
        typer.Option(help="Cohort for what the CDM lacks; by default the shipped heart_failure_discharge."),
    ] = None,
    bad_as_missing: Annotated[
        bool, typer.Option("--bad-as-missing", help="Take refused values as missing, and impute them.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over files that exist.")] = False,
    seed: Annotated[int, whole("First word of the random key of the imputation.")] = 1,
) -> None:
    """Draft a cohort from an OMOP CDM 5.3 or 5.4, and print what became what and what was passed over.

    People are described at an index event. A codebook is written beside the cohort. Ids and dates are not copied.
    """
    from popsim.drafting.writing import (
        columns_frame,
        draft_files,
        imputation_note,
        problem_lines,
        refuse_existing,
        taken_instead,
        write_draft,
    )
    from popsim.exchange.omop.cohort import CODEBOOK_ENDING, draft_cdm, write_codebook
    from popsim.kernels.numerics.random import RandomKey
    from popsim.population.cohort import CohortSource
    from popsim.reporting.table_files import tabled
    from popsim.surface.examples import example
    from popsim.verification.definition_check import check_file

    cohort_file = out or Path(f"{source.resolve().stem}.toml")
    if cohort_file.suffix != ".toml":
        raise InputError(f"--out {cohort_file}: must end with .toml")
    if not 0 <= look_back <= MAX_LOOK_BACK:
        raise InputError(f"--look-back {look_back}: must be between 0 and {MAX_LOOK_BACK}")
    codebook = cohort_file.with_name(f"{cohort_file.stem}{CODEBOOK_ENDING}")
    files = (*draft_files(cohort_file), codebook)
    if not force:
        refuse_existing(files)
    base = CohortSource.read(inherits or example("heart_failure_discharge", "cohort"))
    drafted = draft_cdm(source, base.parameters, RandomKey.of(seed), index, at, look_back)
    draft = drafted.draft
    people = drafted.column_lines()
    unused = [f"not copied: {name} ({why})" for name, why in draft.unused.items()]
    told = [
        *map(one_line, [*drafted.lines(), *draft.notes, *people, *imputation_note(draft), *unused]),
        *taken_instead(draft, base),
    ]
    tabled("Columns", columns_frame(draft))
    print(f"{source}: {counted(draft.rows, 'person', 'people')}", *(f"  {line}" for line in told), sep="\n")
    if draft.problems:
        word = "Taken as missing" if bad_as_missing else "Refused"
        print(f"{word} ({len(draft.problems)}):")
        print(*(f"  {one_line(line)}" for line in problem_lines(draft.problems)), sep="\n", flush=True)
    if draft.problems and not bad_as_missing:
        what = f"{len(draft.problems)} refused, listed above; take values as missing: --bad-as-missing"
        raise InputError(f"{source}: {what}")
    write_draft(draft, source, cohort_file, base, by="popsim cohort from-omop")
    write_codebook(drafted.codebook(), codebook)
    print(*files, sep="\n")
    print(check_file(cohort_file))
