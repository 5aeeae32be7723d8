"""How far the run of an experiment is: what is finished, what is missing, what could not be finished."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from popsim.runs.run import StoredRun
from popsim.runs.store import UnitStore
from popsim.studies.design import Study


@dataclass(frozen=True, slots=True)
class Status:
    """Where a run stands.

    Attributes:
        total: its units.
        done: of them, finished; every byte of their files has been checked.
        quarantined: name and problem of those that could not be finished and have not been tried again.
    """

    total: int
    done: int
    quarantined: tuple[tuple[str, str], ...]

    @property
    def missing(self) -> int:
        """Units that nobody has finished or given up."""
        return self.total - self.done - len(self.quarantined)


def status_of(study: Study, results: Path) -> Status:
    """Where the run of a study stands; nothing is changed."""
    return _status(UnitStore(results / study.experiment.name), {unit.key: unit.name for unit in study.units})


def status_of_run(run: StoredRun) -> Status:
    """Where the units of a run stand that was finished once."""
    numbers = ("draw", "replication", "region")
    names = {
        unit["key"]: f"{unit['strategy']}, {', '.join(f'{name} {unit[name]}' for name in numbers)}"
        for unit in run.manifest["units"]
    }
    return _status(UnitStore(run.folder.parent), names)


def _status(store: UnitStore, units: Mapping[str, str]) -> Status:
    """Where units stand, given their names by key."""
    undone = [key for key in units if store.finished(key) is None]
    problems = [(units[key], _problem(store.quarantined(key))) for key in undone]
    given_up = tuple((name, problem) for name, problem in problems if problem)
    return Status(len(units), len(units) - len(undone), given_up)


def _problem(path: Path) -> str:
    """What a record of quarantine says; empty where there is none."""
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["problem"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError):
        return f"unknown: {path} is damaged"
