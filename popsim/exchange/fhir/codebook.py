"""The codebook of a cohort from FHIR: what became of what, with the share that is missing and imputed.

Numbers of persons and of codes below SMALL are not shown: a rare code may be one person's.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from popsim.errors import InputError, one_line
from popsim.evidence.code_systems import code_systems
from popsim.exchange.fhir.facts import ReadTally
from popsim.exchange.fhir.to_cohort import FhirCohort, source_of
from popsim.simulation.schema import SCHEMA
from popsim.units import canonical

SMALL = 11  # as PCORnet and CMS do not show fewer
ENDING = "_codebook.md"


def codebook_path(cohort_file: Path) -> Path:
    """The codebook beside a cohort file."""
    return cohort_file.with_name(f"{cohort_file.stem}{ENDING}")


def write_codebook(path: Path, cohort: FhirCohort, tally: ReadTally) -> None:
    """Write the codebook.

    Raises:
        InputError: it cannot be written.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.write_text(codebook_text(cohort, tally), encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None


def codebook_text(cohort: FhirCohort, tally: ReadTally) -> str:
    """The codebook as Markdown."""
    rows = cohort.draft.rows
    parts = [
        "# Codebook",
        f"People in the cohort: {rows:,}. Resources read: {tally.resources:,}. Numbers below {SMALL} are not shown.",
        _table("People left out", ("people", "why"), ((shown(n), why) for why, n in sorted(cohort.left_out.items()))),
        _table(
            "Columns",
            ("column", "unit", "from", "known", "imputed", "outside bounds"),
            (
                (
                    column.name,
                    canonical(SCHEMA[column.name].unit),
                    source_of(column.name),
                    shown(rows - column.imputed),
                    f"{100.0 * column.imputed / rows:.1f}%" if column.imputed not in range(1, SMALL) else "few",
                    shown(cohort.outside.get(column.name, 0)),
                )
                for column in cohort.draft.columns
            ),
        ),
        _table("Columns left out", ("column", "why"), cohort.draft.unused.items()),
        _codes("Codes read", tally, known=True),
        _codes("Codes not read", tally, known=False),
        _table(
            "Passed over",
            ("resource", "times", "why"),
            ((kind, shown(n), why) for (kind, why), n in sorted(tally.passed.items()) if n),
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _codes(title: str, tally: ReadTally, *, known: bool) -> str:
    listed = sorted((tally.codes or {}).items(), key=lambda one: (one[0][0], -one[1], one[0]))
    rows = (
        (kind, code_systems()[system].name, code if n >= SMALL or known else "(rare codes)", became, shown(n))
        for (kind, system, code, became), n in listed
        if (became != "not known") == known and (known or n >= SMALL)
    )
    return _table(title, ("resource", "system", "code", "became", "times"), rows)


def shown(number: int) -> str:
    """A number as it may be shown."""
    return f"{number:,}" if number == 0 or number >= SMALL else f"under {SMALL}"


def _table(title: str, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    listed = list(rows)
    if not listed:
        return ""
    cells = [[one_line(str(cell)).replace("|", "/") for cell in row] for row in [header, *listed]]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    lines.insert(1, "| " + " | ".join("---" for _ in header) + " |")
    return f"## {title}\n\n" + "\n".join(lines)
