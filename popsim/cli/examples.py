"""popsim examples, popsim new: what is shipped, and a new study to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import prints_tables


@prints_tables
def examples() -> None:
    """List the experiments, trials, cohorts, care networks and notebooks that are shipped, with their files."""
    import polars as pl

    from popsim.reporting.table_files import tabled
    from popsim.surface.examples import FOLDER
    from popsim.surface.examples import examples as shipped

    rows = [(one.kind, str(one.path.relative_to(FOLDER)), one.title) for one in shipped()]
    for kind, path, title in tabled("Examples", pl.DataFrame(rows, ["kind", "file", "title"], orient="row")).rows():
        print(f"{kind:<14}{path}\n{'':<14}  {title}")
    print(f"\nThe files are in {FOLDER}; 'popsim new FOLDER' copies one experiment with its files, to start from.")


def new(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder to create; its name becomes that of the study.")
    ],
) -> None:
    """Create a folder with a commented experiment, cohort and care network, to start from."""
    from popsim.surface.examples import new_study

    for path in new_study(folder):
        print(path)
    print(f"\nNext: popsim check {folder / 'experiment.toml'}\n      popsim run {folder / 'experiment.toml'}")
