"""How far the run of an experiment is: what is finished, what is missing, what could not be finished."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from popsim.experiments.design import Study
from popsim.experiments.store import UnitStore


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
    store, units = UnitStore(results / study.experiment.name), study.units
    undone = [unit for unit in units if store.finished(unit.key) is None]
    problems = [(unit.name, _problem(store.quarantined(unit.key))) for unit in undone]
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
