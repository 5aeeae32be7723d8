"""The status of a run: units that are finished, missing, or failed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from popsim.errors import InputError
from popsim.runs.run import StoredRun
from popsim.runs.store import BEGUN, MANIFEST, UnitStore, records
from popsim.studies.design import Study


@dataclass(frozen=True, slots=True)
class Status:
    """The status of a run.

    Attributes:
        total: number of units.
        done: number of finished units; every byte of their files has been checked.
        quarantined: name and problem of units that failed and have not been retried.
    """

    total: int
    done: int
    quarantined: tuple[tuple[str, str], ...]

    @property
    def missing(self) -> int:
        """Number of units neither finished nor given up."""
        return self.total - self.done - len(self.quarantined)


def status_of(study: Study, results: Path) -> Status:
    """The status of the run of a study; nothing is changed."""
    return _status(UnitStore(results / study.experiment.name), {unit.key: unit.name for unit in study.units})


def status_of_newest(folder: Path) -> tuple[Path, Mapping[str, object], Status] | None:
    """Folder, flags and status of the newest run in the folder of an experiment, or of the run whose folder it is.

    It may be finished, interrupted or still at work, whatever its flags; None if none was ever begun there.

    Raises:
        InputError: its record is damaged.
    """
    found = records(folder, BEGUN, MANIFEST)
    if not found:
        return None
    record = found[-1]
    if record.name == MANIFEST:
        run = StoredRun.open(record.parent)
        flags, units = run.manifest["flags"], {unit["key"]: _name(unit) for unit in run.manifest["units"]}
    else:
        try:
            content = json.loads(record.read_text(encoding="utf-8"))
            flags, units = dict(content["flags"]), dict(content["units"])
        except (OSError, ValueError, LookupError, TypeError):
            raise InputError(f"{record}: is damaged; the same 'popsim run' writes it again") from None
    return record.parent, flags, _status(UnitStore(record.parent.parent), units)


def _name(unit: Mapping[str, object]) -> str:
    """The name of a unit of a finished run."""
    return f"{unit['strategy']}, {', '.join(f'{name} {unit[name]}' for name in ('draw', 'replication', 'region'))}"


def _status(store: UnitStore, units: Mapping[str, str]) -> Status:
    """The status of units, given their names by key."""
    undone = [key for key in units if not store.is_done(key)]
    problems = [(units[key], _problem(store.quarantined(key))) for key in undone]
    given_up = tuple((name, problem) for name, problem in problems if problem)
    return Status(len(units), len(units) - len(undone), given_up)


def _problem(path: Path) -> str:
    """The problem in a quarantine record; empty where there is none."""
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["problem"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError):
        return f"unknown: {path} is damaged"
