"""popsim parameters, popsim schema: what an experiment assumes, and what files may contain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import File, prints_tables
from popsim.errors import InputError, did_you_mean

SCHEMA_KINDS = (  # the same as in definitions.writing, which is slow to import
    *("experiment", "cohort", "network", "parameters", "calibration", "calibrated", "targets", "signals", "options"),
    *("search", "data_value", "score", "market"),
)


@prints_tables
def parameters(
    file: File,
    uncertain: Annotated[bool, typer.Option("--uncertain", help="Only uncertain parameters.")] = False,
    match: Annotated[str, typer.Option(metavar="TEXT", help="Only names (set.parameter) that contain this text.")] = "",
    provenance: Annotated[
        bool,
        typer.Option("--provenance", help="Count those that were read, computed, fitted, defined and assumed, by set."),
    ] = False,
) -> None:
    """List every parameter of an experiment: value, unit, interval, distribution, source."""
    from popsim.reporting.text.parameters import (
        parameter_frame,
        render_parameters,
        render_provenance,
    )
    from popsim.studies.design import read_study

    study = read_study(file)
    found = parameter_frame(study, uncertain=uncertain, match=match)
    print(render_provenance(found) if provenance else render_parameters(study, uncertain=uncertain, match=match))


def schema(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"{', '.join(SCHEMA_KINDS)}; or all (needs --out).")],
    out: Annotated[Path | None, typer.Option(help="Folder to write <kind>.schema.json to.")] = None,
) -> None:
    """Print or write the JSON Schema of a kind of file, for use in editors."""
    import json

    from popsim.definitions.writing import KINDS, json_schema

    if kind not in (*KINDS, "all"):
        raise InputError(f"schema {kind}: {did_you_mean(kind, [*KINDS, 'all'])}")
    if kind == "all" and out is None:
        raise InputError("schema all: needs --out, a folder to write to")
    texts = {one: json.dumps(json_schema(one), indent=2) for one in (KINDS if kind == "all" else [kind])}
    if out is None:
        print(texts[kind])
        return
    for one, text in texts.items():
        path = out / f"{one}.schema.json"
        try:
            out.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(f"--out {out}: {error.strerror}") from None
        print(path)
