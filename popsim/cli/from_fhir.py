"""popsim cohort from-fhir: a cohort from Bundles and Bulk Data of FHIR R4."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import prints_tables, whole
from popsim.errors import DefinitionError, InputError, one_line
from popsim.plurals import counted


@prints_tables
def cohort_from_fhir(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER_OR_BUNDLES", help="Bundles, and folders of Bundles or of Bulk Data."),
    ],
    out: Annotated[Path, typer.Option(help="Cohort file to write, .toml; its people and codebook go beside it.")],
    inherits: Annotated[
        Path | None,
        typer.Option(help="Cohort for what the files lack; by default the shipped heart_failure_discharge."),
    ] = None,
    day_zero: Annotated[
        str, typer.Option(metavar="DATE", help="Day 0 of everybody; by default the last event of each living person.")
    ] = "",
    look_back: Annotated[int, whole("How old a reading may be on day 0, days.")] = 365,
    bad_as_missing: Annotated[
        bool,
        typer.Option("--bad-as-missing", help="Pass over refused values and refused Bundles, and say how many."),
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Check whole resources first (needs popsim's extra 'fhir').")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over files that exist.")] = False,
    seed: Annotated[int, whole("First word of the random key of the imputation.")] = 1,
) -> None:
    """Draft a cohort from FHIR R4: one person a row as known on day 0, with a codebook of what became what."""
    from collections import Counter

    from popsim.drafting.writing import (
        column_line,
        columns_frame,
        draft_files,
        imputation_note,
        not_copied,
        refuse_existing,
        taken_instead,
        write_draft,
    )
    from popsim.exchange.fhir.codebook import codebook_path, write_codebook
    from popsim.exchange.fhir.facts import ReadTally
    from popsim.exchange.fhir.folders import find_sources, persons_in
    from popsim.exchange.fhir.to_cohort import draft_from_fhir
    from popsim.kernels.numerics.random import RandomKey
    from popsim.population.cohort import CohortSource
    from popsim.registry.stream import LAST_DAY
    from popsim.registry.vocabulary import vocabulary_of
    from popsim.reporting.table_files import tabled
    from popsim.reporting.text.fhir_reading import tally_text
    from popsim.reporting.text.progress import progress_bar
    from popsim.surface.examples import example
    from popsim.verification.definition_check import check_file

    if out.suffix != ".toml":
        raise InputError(f"--out {out}: must end with .toml")
    if not 0 <= look_back <= LAST_DAY:
        raise InputError(f"command line: --look-back: must be between 0 and {LAST_DAY} days")
    files = (*draft_files(out), codebook_path(out))
    if not force:
        refuse_existing(files)
    base = CohortSource.read(inherits or example("heart_failure_discharge", "cohort"))
    vocabulary, tally, refused = vocabulary_of(base.parameters), ReadTally(codes=Counter()), Counter[str]()
    found = find_sources(sources)

    def pass_over(error: DefinitionError) -> None:
        refused[f"{error.key.rpartition('.')[2]}: {error.allowed}"] += 1

    with progress_bar("files") as show:
        count = 0

        def done() -> None:
            nonlocal count
            count += 1
            show(count, found.number, sum(refused.values()))

        persons = persons_in(
            found, vocabulary, tally, strict=strict, refused=pass_over if bad_as_missing else None, done=done
        )
        cohort = draft_from_fhir(
            persons,
            vocabulary,
            base.parameters,
            tally,
            RandomKey.of(seed),
            day_zero=_date(day_zero),
            look_back_days=look_back,
            bad_as_missing=bad_as_missing,
        )
    draft = cohort.draft
    if not draft.columns:
        raise InputError(f"{sources[0]}: nobody in it can be in a cohort; {'; '.join(draft.notes) or 'no Patient'}")
    people = [column_line(column, draft.rows) for column in draft.columns]
    outside = [f"outside the bounds of {name}, taken as missing: {n}" for name, n in sorted(cohort.outside.items())]
    skipped = [f"file passed over, {why}: {n}" for why, n in sorted(refused.items())]
    told = list(map(one_line, [*draft.notes, *skipped, *outside, *people, *imputation_note(draft), *not_copied(draft)]))
    told += taken_instead(draft, base)
    tabled("Columns", columns_frame(draft))
    print(f"{sources[0]}: {counted(draft.rows, 'person', 'people')}", *(f"  {line}" for line in told), sep="\n")
    print(tally_text(tally), flush=True)
    write_draft(draft, sources[0], out, base, by="popsim cohort from-fhir")
    write_codebook(codebook_path(out), cohort, tally)
    print(*files, sep="\n")
    print(check_file(out))


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InputError("command line: --day-zero: must be a date, YYYY-MM-DD") from None
