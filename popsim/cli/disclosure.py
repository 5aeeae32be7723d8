"""popsim cohort disclosure, popsim cohort synthesise: synthetic people that give no real person away."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import prints_tables, whole
from popsim.errors import InputError
from popsim.plurals import counted

TABLES = "Three tables instead of a cohort"


@prints_tables
def cohort_disclosure(
    cohort: Annotated[
        Path | None, typer.Argument(metavar="COHORT", help="A cohort whose people are, or were made from, real ones.")
    ] = None,
    train: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Real people behind the others.", rich_help_panel=TABLES)
    ] = None,
    synthetic: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Synthetic people.", rich_help_panel=TABLES)
    ] = None,
    control: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Real people held out.", rich_help_panel=TABLES)
    ] = None,
    size: Annotated[int | None, whole("Synthetic people; by default the cohort's size, at most 2,000.")] = None,
    limit: Annotated[
        float | None, typer.Option(help="Largest excess that may remain possible; by default 1/3.")
    ] = None,
    seed: Annotated[int, whole("First word of the random key.")] = 1,
) -> None:
    """Attack synthetic people as somebody would who looks for real ones; exit code 1 if any attack succeeds.

    Each attack is tried on the people that the cohort was made from and on people held out; only the excess counts.
    """
    from popsim.exchange.privacy.disclosure import LIMIT, assess
    from popsim.exchange.privacy.gate import disclosure
    from popsim.population.cohort import CohortSource
    from popsim.reporting.text.disclosure import disclosure_text

    limit = LIMIT if limit is None else limit
    if not 0 < limit <= 1:
        raise InputError(f"command line: --limit {limit:g}: must be above 0 and at most 1")
    if size is not None and size < 1:
        raise InputError(f"command line: --size {size}: must be at least 1")
    tables = [train, synthetic, control]
    if (cohort is None) != all(tables) or any(tables) != all(tables):
        raise InputError("command line: name a cohort, or --train, --synthetic and --control together")
    if cohort is not None:
        found = disclosure(CohortSource.read(cohort), size, seed, limit)
    else:
        real, made, others = (_people(path) for path in tables if path)
        found = assess(real, made, others, limit=limit, seed=seed)
    if found is None:
        print(f"{cohort}: nobody behind this cohort is real; its people may leave")
        return
    print(disclosure_text(found))
    if found.refused:
        raise typer.Exit(1)


def cohort_synthesise(
    cohort: Annotated[Path, typer.Argument(metavar="COHORT", help="A cohort with a table of real people.")],
    out: Annotated[Path, typer.Option(help="Cohort file to write; must not exist.")],
    held_out: Annotated[float, typer.Option(help="Share of people held out, to compare with.")] = 0.5,
    seed: Annotated[int, whole("First word of the random key of the lot.")] = 1,
) -> None:
    """Fit a cohort to the people of a table that copies nobody, and examine it.

    Marginals and correlations are of people who were not held out, each number of at least 11 of them.
    """
    from popsim.definitions.writing import to_toml
    from popsim.drafting.writing import cohort_name, refuse_existing
    from popsim.exchange.privacy.gate import disclosure
    from popsim.exchange.privacy.synthesis import synthesised
    from popsim.population.cohort import CohortSource
    from popsim.reporting.text.disclosure import disclosure_text

    if out.suffix != ".toml" or not out.parent.is_dir():
        raise InputError(f"--out {out}: must be the path of a .toml file in a folder that exists")
    if not 0.1 <= held_out <= 0.9:
        raise InputError(f"command line: --held-out {held_out:g}: must be between 0.1 and 0.9")
    refuse_existing((out,))
    made = synthesised(CohortSource.read(cohort), out, cohort_name(out), seed, held_out)
    try:
        out.write_text(to_toml(made), encoding="utf-8")
    except OSError as error:
        raise InputError(f"--out {out}: cannot be written: {error.strerror}") from None
    print(f"{out}: {counted(len(made.columns), 'column')}, {counted(len(made.correlations), 'correlation')}")
    found = disclosure(CohortSource.read(out), seed=seed)
    if found is not None:
        print(disclosure_text(found))


def _people(path: Path):  # type: ignore[no-untyped-def]
    """A table of people; numbers where all of a column are."""
    import polars as pl

    from popsim.population.csv_table import read_csv
    from popsim.population.table_import import MISSING_WORDS

    read = read_csv(path, MISSING_WORDS)
    columns = []
    for series in read.frame:
        numbers = [None if word is None else read.number(word) for word in series.to_list()]
        unread = any(number is None and word is not None for number, word in zip(numbers, series, strict=True))
        columns.append(series if unread else pl.Series(series.name, numbers, pl.Float64))
    return pl.DataFrame(columns)
