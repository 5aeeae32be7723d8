"""The shipped experiments, cohorts and networks, and a new study to start from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import NamedTuple

from popsim.errors import InputError, did_you_mean

FOLDER = Path(__file__).parent.parent / "examples"
START = {  # files of a new study, and their originals
    "experiment.toml": "experiments/heart_failure_discharge.toml",
    "cohort.toml": "cohorts/heart_failure_discharge.toml",
    "network.toml": "experiments/networks/heart_failure_catchment.toml",
    "calibrated.toml": "experiments/calibrated/heart_failure.toml",
    "heat_wave.csv": "experiments/environments/heat_wave.csv",
}
KINDS = {"experiments": "experiment", "trials": "trial", "cohorts": "cohort", "networks": "care network",
         "notebooks": "notebook"}  # fmt: skip


class ShippedExample(NamedTuple):
    """A shipped file.

    Attributes:
        name: of the file, without its ending.
        kind: of file.
        title: its subject.
        path: of the file.
    """

    name: str
    kind: str
    title: str
    path: Path


def examples() -> list[ShippedExample]:
    """Every experiment, trial, cohort, care network and notebook that is shipped."""
    files = [path for part in ("experiments", "cohorts") for path in sorted((FOLDER / part).rglob("*.*"))]
    return [
        ShippedExample(path.stem, KINDS[path.parent.name], _title(path), path)
        for path in files
        if path.parent.name in KINDS and path.suffix in (".toml", ".ipynb")
    ]


def example(name: str, kind: str = "experiment") -> Path:
    """Path of a shipped experiment, or of another `kind` ("cohort", "care network" ...), by its name.

    Raises:
        InputError: there is none of that name.
    """
    kinds = ("experiment", "trial") if kind == "experiment" else (kind,)
    known = {one.name: one.path for one in examples() if one.kind in kinds}
    if name not in known:
        raise InputError(f"no {kind} '{name}' is shipped: {did_you_mean(name, known)}")
    return known[name]


def new_study(folder: Path | str) -> list[Path]:
    """Create a folder with a commented experiment and all files that it names, to start from.

    Returns:
        The files written.

    Raises:
        InputError: the folder exists or cannot be created, or its name cannot be that of an experiment.
    """
    folder = Path(folder)
    name = re.sub(r"[^a-z0-9]+", "_", folder.name.lower()).strip("_")
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        raise InputError(
            f"{folder}: the folder's name must begin with a letter, because it becomes the experiment's name"
        )
    if folder.exists():
        raise InputError(f"{folder}: exists already; name a new folder")
    values = {"name": name, "cohort": "cohort.toml", "network": "network.toml", "calibration": "calibrated.toml",
              "environment": "heat_wave.csv"}  # fmt: skip
    try:
        folder.mkdir(parents=True)
        for file, source in START.items():
            text = (FOLDER / source).read_text(encoding="utf-8")
            for key, value in values.items() if file == "experiment.toml" else ():
                text = re.sub(rf'^{key} = ".*"$', f'{key} = "{value}"', text, count=1, flags=re.MULTILINE)
            (folder / file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}") from None
    return [folder / file for file in START]


def _title(path: Path) -> str:
    """The title, label or description of a file, else its first comment."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".toml":
        heading = re.search(r'"# ([^"\\]+)', text)
        return heading[1] if heading else ""
    table = tomllib.loads(text)
    first = text.partition("\n")[0].removeprefix("#").strip() if text.startswith("#") else ""
    return str(table.get("title") or table.get("label") or first or table.get("description", ""))
