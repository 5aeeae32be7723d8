"""popsim card: the card of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import warn
from popsim.errors import InputError

MODELS = ("simulator", "forecast")  # any other word is the folder of a learned risk model


def card(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="simulator, forecast, or a risk model: results/learn/<name>."),
    ],
    results: Annotated[
        Path | None,
        typer.Option(help="Its results; by default results/validation, or results/forecast.json."),
    ] = None,
    facts: Annotated[Path | None, typer.Option(metavar="FILE", help="Your own facts, instead of popsim's.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder; by default results/cards/<model>.")] = None,
    check: Annotated[
        Path | None, typer.Option(metavar="CARD", help="Write nothing; refuse this card if it is older than its model.")
    ] = None,
    write_facts: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write popsim's facts to this file, to change them.")
    ] = None,
) -> None:
    """Write the card of a model: CHAI's XML, Markdown, HTML and FHIR, with TRIPOD+AI; numbers come from results."""
    from popsim.reporting.cards.evidence import read_evidence
    from popsim.reporting.cards.facts import packaged_facts, read_facts
    from popsim.reporting.cards.writing import check_card, model_card, write_cards

    if write_facts is not None:
        _write_new(write_facts, packaged_facts())
        print(write_facts)
        return
    kind = model if model in MODELS else "risk_model"
    usual = {"simulator": Path("results/validation"), "forecast": Path("results/forecast.json")}
    path = results or usual.get(kind, Path(model))
    if kind == "risk_model" and not path.exists():
        raise InputError(f"card {model}: must be simulator, forecast, or the folder that 'popsim learn' wrote")
    said = read_facts(kind, facts)
    evidence = read_evidence(kind, path)
    if check is not None:
        check_card(check, evidence)
        print(f"{check}: made from this popsim and these results")
        return
    made = model_card(said, evidence)
    name = path.name if kind == "risk_model" and path.is_dir() else kind
    for written in write_cards(made, out or Path("results/cards") / name):
        print(written)
    print(f"TRIPOD+AI: {made.coverage}")
    warn(evidence.warnings)


def _write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet.

    Raises:
        InputError: it is there, or cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"--write-facts {path}: cannot be written: {error.strerror}") from None
