"""Saved scenarios: whole experiment files that `popsim run` takes, which refer to the original's cohort and network."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.writing import to_toml
from popsim.errors import InputError
from popsim.runs.store import new_owner, taking

FILES = ("cohort", "network", "calibration", "environment", "price_indices")
PLACES = ("*.toml", "experiments/*.toml", "experiments/*/*.toml", "scenarios/*.toml", "*/experiment.toml")
NEEDED = {"name", "cohort", "network", "strategies"}
MAX_LISTED = 200
MAX_SLUG = 60


class ExperimentFile(NamedTuple):
    """An experiment that can be opened.

    Attributes:
        path: as it is named on the page.
        title: its subject.
        kind: "scenario", "experiment" or "example".
    """

    path: Path
    title: str
    kind: str


def experiment_files(folder: Path, examples: list[tuple[Path, str]]) -> list[ExperimentFile]:
    """Experiments of a folder, scenarios first, then those that popsim ships (path and title)."""
    found: dict[Path, ExperimentFile] = {}
    for pattern in PLACES:
        for path in sorted(folder.glob(pattern))[:MAX_LISTED]:
            if (title := _title(path)) and path not in found:
                kind = "scenario" if path.parent.name == "scenarios" else "experiment"
                found[path] = ExperimentFile(path, title, kind)
    own = {one.path.resolve() for one in found.values()}
    shipped = [ExperimentFile(path, title, "example") for path, title in examples if path.resolve() not in own]
    return [*sorted(found.values(), key=lambda one: one.kind != "scenario"), *shipped]


def save_scenario(experiment: ExperimentDefinition, original: Path, folder: Path, title: str, notes: list[str]) -> Path:
    """Write an experiment as a file of its own; it keeps its name, so that its results share units with the original's.

    Args:
        experiment: as changed.
        original: the file that it was changed from, to whose folder its paths are relative.
        folder: to write to.
        title: what people call it.
        notes: what was changed, a line each.

    Raises:
        InputError: the title has no letter or digit, the experiment has organ systems in Python files, or the file
            cannot be written.
    """
    slug = slug_of(title)
    if experiment.organ_systems_in_files:
        own = experiment.organ_systems_in_files[0]
        raise InputError(
            f"{original}: has its own organ system '{own}': copy the experiment's folder, and change it there"
        )
    update = {"title": title, "scenarios": ()} | dict(_moved(experiment, original.parent, folder))
    text = to_toml(experiment.changed(update, original))
    head = "".join(f"# {line}\n" for line in (f"Saved by popsim dashboard from {original.name}.", *notes))
    path = folder / f"{slug}.toml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with taking(path, new_owner(), 0o666) as temporary:
            temporary.write_text(f"{head}\n{text}", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    return path


def slug_of(title: str) -> str:
    """The name of a scenario's file, without its ending.

    Raises:
        InputError: the title has no letter or digit.
    """
    slug = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:MAX_SLUG]
    if not slug:
        raise InputError(f"scenario '{title}': must have a letter or a digit")
    return slug


def _moved(experiment: ExperimentDefinition, here: Path, there: Path) -> Iterator[tuple[str, str]]:
    """The files that the experiment names, as seen from another folder."""
    named = {name: getattr(experiment, name) for name in FILES}
    if experiment.utility_norms and experiment.utility_norms.endswith(".csv"):
        named["utility_norms"] = experiment.utility_norms
    for name, path in named.items():
        if path and not Path(path).is_absolute():
            yield name, Path(os.path.relpath((here / path).resolve(), there.resolve())).as_posix()


def _title(path: Path) -> str:
    """The title of an experiment; empty for any other file."""
    with suppress(OSError, ValueError, RecursionError):
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        if set(table) >= NEEDED:
            return str(table.get("title") or table["name"])
    return ""
