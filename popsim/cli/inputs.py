"""popsim pathway show, popsim cohort summary: what goes into an experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import File, prints_tables, whole
from popsim.errors import InputError


def pathway_show(
    file: File, out: Annotated[Path | None, typer.Option(help="PNG to write; by default named after FILE.")] = None
) -> None:
    """Draw a care network as a PNG."""
    from popsim.reporting.figures.pathway import draw
    from popsim.verification.definition_check import read_network

    network = read_network(file)
    path = out or Path(f"{file.stem}.png")
    if path.suffix != ".png" or path.is_dir() or not path.parent.is_dir():
        raise InputError(f"--out {path}: must be the path of a .png file in a folder that exists")
    draw(network, path)
    print(path)


@prints_tables
def cohort_summary(
    file: File,
    size: Annotated[int | None, whole("People to sample; by default the file's size.")] = None,
    seed: Annotated[int, whole("First word of the random key.")] = 1,
) -> None:
    """Print the baseline table of a cohort."""
    from popsim.reporting.text.cohort import render_cohort_summary
    from popsim.verification.definition_check import cohort_notes, sample_cohort

    cohort, population = sample_cohort(file, size, seed)
    print(render_cohort_summary(cohort, population))
    for note in cohort_notes(cohort, population.schema):
        print(note)
