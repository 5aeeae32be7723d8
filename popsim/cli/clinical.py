"""popsim twin explain --out, --check: the page for clinicians, and whether it still holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from popsim.errors import InputError

if TYPE_CHECKING:
    from popsim.registry.service import TwinRegistry

PageOut = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE.html", help="Write one page for the clinician, from simulations made now."),
]
PageCheck = Annotated[
    Path | None,
    typer.Option("--check", metavar="FILE.html", help="Say which sentences of such a page no longer hold."),
]
MAX_BYTES = 5_000_000  # of a page that is checked


def write_page(registry: TwinRegistry, twin: str, path: Path) -> tuple[dict[str, Any], str]:
    """Write the page; its sentences as JSON and as text.

    Raises:
        InputError: there is no such twin, it has died, or the file cannot be written.
    """
    from popsim.registry.clinical import clinical_evidence
    from popsim.registry.privacy import shown_path
    from popsim.reporting.pages.clinical import write_clinical_page
    from popsim.reporting.text.clinical import as_text, statements

    if path.suffix != ".html":
        raise InputError(f"--out {shown_path(path)}: must end in .html")
    evidence = clinical_evidence(registry, twin)
    write_clinical_page(evidence, path)
    told = statements(evidence)
    return {"sentences": [one._asdict() for one in told]}, f"{as_text(told)}\n\n{evidence.notice}"


def check_page(registry: TwinRegistry, twin: str, path: Path | None) -> tuple[dict[str, Any], str]:
    """Compare a page with the evidence of now.

    Raises:
        InputError: the file cannot be read, or a sentence of it does not hold.
    """
    from popsim.registry.clinical import clinical_evidence
    from popsim.registry.privacy import shown_path
    from popsim.reporting.text.clinical import untrue

    assert path is not None
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"--check {shown_path(path)}: larger than {MAX_BYTES:,} bytes: no such page")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InputError(f"--check {shown_path(path)}: cannot be read as a page of this command") from None
    wrong = len(untrue(text, clinical_evidence(registry, twin)))
    if wrong:
        many = "sentences do" if wrong > 1 else "sentence does"
        raise InputError(f"--check: {wrong} {many} not hold today; popsim twin explain --out writes a new page")
    return {"holds": True}, "Every sentence of the page holds today."
