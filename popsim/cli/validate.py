"""popsim validate: compare simulated with published figures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import StudyOptions, prints_tables, study_options
from popsim.errors import InputError

KINDS = ("targets", "trials")  # folders of target files, in one folder
SHIPPED = "experiments"
SHIPPED_FOLDERS = [f"{SHIPPED}/{kind}" for kind in KINDS]


@prints_tables
@study_options("population", "replications", "seed", "workers", "threads", "out", "quiet")
def validate(
    options: StudyOptions,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILES", help="Target files and trials; by default all under experiments/."),
    ] = None,
) -> None:
    """Simulate published studies and compare every simulated figure with the published one.

    People are made as severely ill as the study's baseline table says. Targets that parameters were fitted to are
    counted separately from the others. Writes validation.csv and validation.png to the results folder.
    """
    from popsim.calibration.sources import read_source
    from popsim.calibration.validation import validated, write_validation_record
    from popsim.exchange.tables.csv_file import write_csv
    from popsim.reporting.figures.validation import validation_figure
    from popsim.reporting.text.validation import validation_text

    chosen = files or target_files([Path(SHIPPED)])
    if not chosen:
        raise InputError(f"no files: name some, or run this in the folder that holds {' and '.join(SHIPPED_FOLDERS)}")
    sources = [read_source(path, options.changes()) for path in chosen]
    table = validated(sources, options.run)
    folder = options.out / "validation"
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(table, folder / "validation.csv", "--out")
    beside = target_files([path.resolve().parent.parent for path in chosen] if files else [Path(SHIPPED)])
    write_validation_record(sources, len(beside), folder / "validation.json")
    validation_figure(table).savefig(folder / "validation.png", dpi=110)
    options.show(validation_text(table))
    print(folder)


def target_files(folders: Iterable[Path]) -> list[Path]:
    """All target files and trials below the folders, each once."""
    found = (path for folder in folders for kind in KINDS for path in sorted((folder / kind).glob("*.toml")))
    return list(dict.fromkeys(found))
