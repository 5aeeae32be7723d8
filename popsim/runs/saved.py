"""A run saved at a day: one sealed file from which other processes, or futures, go on.

    <key>.zip     the state of one unit (replication, draw and region) as plain arrays, in the form of a unit's file
    saved.json    which run it was, the day, the strategy, and the unit of each place

Like a unit's file it is a zip without compression whose comment, its last 64 bytes, is the SHA-256 of all others.
Nothing in it is run, one unit at a time is read, and every number that is used as an index is checked.
"""

from __future__ import annotations

import errno
import io
import json
import os
import re
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from popsim.care.network import CareNetwork
from popsim.definitions.base import validate
from popsim.definitions.cohort import CohortDefinition
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.network import NetworkDefinition
from popsim.errors import InputError, RunError, did_you_mean, one_line
from popsim.population.cohort import CohortSource
from popsim.population.state import State
from popsim.runs import unit_file
from popsim.runs.engine import Engine, check_memory
from popsim.runs.executors.starting import leave_if_script_is_imported
from popsim.runs.runner import computed
from popsim.runs.store import UnitStore, sweep, taking
from popsim.runs.work import OnProgress
from popsim.simulation.schema import SCHEMA
from popsim.studies.branching import ALLOWED, Present, branched, past_key
from popsim.studies.content import Tables, code_hash, json_hash
from popsim.studies.design import Study, Unit, resolve
from popsim.studies.unit import simulate, simulate_until, warm_up

FORMAT = 1
SAVED = "saved.json"
MEMBER = re.compile(r"[0-9a-f]{64}\.zip|saved\.json")
MAX_SAVED_BYTES = 2**28

type Place = tuple[int, int, int]  # draw, replication, region


@dataclass(frozen=True, slots=True)
class SimulateUntil:
    """Makes the state of a unit on a day; worker processes get a copy."""

    day: int

    def __call__(self, unit: Unit) -> Tables:
        """The state as frames."""
        return simulate_until(unit, self.day).frames()


@dataclass(frozen=True, slots=True)
class GoOn:
    """Simulates a unit from its state in a file to its end; worker processes get a copy."""

    path: Path
    keys: Mapping[Place, str]

    def __call__(self, unit: Unit) -> Tables:
        """The tables of the unit."""
        try:
            return simulate(unit, read_state(self.path, self.keys[unit.draw, unit.replication, unit.region]))
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from None


def save_run(
    study: Study,
    strategy: str,
    day: int,
    path: Path,
    results: Path,
    engine: Engine,
    on_progress: OnProgress = lambda done, total, failed: None,
) -> int:
    """Simulate every unit of one strategy until the morning of a day, and write the file.

    States are kept under `results` until the file is written, so that the same command resumes a killed one.

    Args:
        study: what to run.
        strategy: under which people live until then; the comparator when empty.
        day: at least 1, before the end of the last follow-up.
        path: of the file, which is replaced.
        results: folder of all results.
        engine: processes and threads.
        on_progress: as for `run_study`.

    Returns:
        Number of units in the file.

    Raises:
        InputError: the day or the strategy is refused, the file cannot be written, or there is too little memory.
        RunError: units failed, or the disk is full.
    """
    leave_if_script_is_imported()
    experiment = study.experiment
    base, last = strategy or experiment.reference, experiment.enrolment_days + experiment.follow_up_days - 1
    known = [one.name for one in experiment.strategies]
    if base not in known:
        raise InputError(f"--strategy {base}: {did_you_mean(base, known)}")
    guidance = experiment.strategy(base).guidance
    if guidance is not None and guidance.kind == "risk_model":
        raise InputError(
            f"--strategy {base}: its guidance of kind 'risk_model' learns during the run, it cannot be saved"
        )
    if not 1 <= day <= last:
        raise InputError(f"--until-day = {day}: must be between 1 and {last}, the last day before the end")
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(f"--save {path}: must be the path of a file in a folder that exists and can be written")
    if not engine.address:
        check_memory(experiment)
    units = [
        replace(unit, key=past_key(study, unit.strategy, (unit.draw, unit.replication, unit.region), day))
        for unit in study.units
        if unit.strategy.name == base
    ]
    store = UnitStore(results / experiment.name, private=study.cohort.definition.table is not None)
    with store.opened():
        missing = [unit for unit in units if store.finished(unit.key) is None]
        computed(study, missing, len(units), store, engine, on_progress, SimulateUntil(day), warm_up)
        sweep(path.parent)
        try:
            with taking(path, store.owner, store.file_mode) as temporary:
                _pack(temporary, units, store, _said(study, base, day, units))
        except OSError as error:
            raise RunError(f"{path}: {error.strerror}; the same command tries again") from None
        for unit in units:
            store.path(unit.key).unlink(missing_ok=True)
    return len(units)


def _said(study: Study, base: str, day: int, units: Sequence[Unit]) -> dict[str, Any]:
    """What `saved.json` says."""
    described = study.describe()
    return {
        "format": FORMAT,
        "popsim": version("popsim"),
        "day": day,
        "strategy": base,
        "file": str(study.file.resolve()),
        "shared": {key: json_hash(value) for key, value in study.shared_content().items()},
        "units": [[unit.draw, unit.replication, unit.region, unit.key] for unit in units],
        **{key: described[key] for key in ("experiment", "flags", "cohort", "network", "own_organ_systems")},
    }


def _pack(path: Path, units: Sequence[Unit], store: UnitStore, said: Mapping[str, Any]) -> None:
    """Write the file: every unit's, what it says, and the seal."""
    with zipfile.ZipFile(path, "w") as file:
        for unit in units:
            member = zipfile.ZipInfo(f"{unit.key}.zip")
            with store.path(unit.key).open("rb") as source, file.open(member, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target, unit_file.BLOCK)
        file.writestr(zipfile.ZipInfo(SAVED), json.dumps(said))
        file.comment = b"0" * unit_file.SEAL
    unit_file.seal(path)


@dataclass(frozen=True)
class SavedRun:
    """A run saved at a day, whose bytes have been checked.

    Attributes:
        path: of the file.
        day: on whose morning it was saved.
        strategy: name of that under which people have lived.
        keys: of the units in the file.
        said: all that `saved.json` says.
    """

    path: Path
    day: int
    strategy: str
    keys: Mapping[Place, str]
    said: Mapping[str, Any]

    @classmethod
    def open(cls, path: Path | str) -> SavedRun:
        """Open a file that `save_run` wrote.

        Raises:
            InputError: there is no such file, it is damaged, or another version of popsim wrote it.
        """
        path = Path(path)
        try:
            with path.open("rb") as file:
                seal = unit_file.sealed_hash(file)
                if file.read() != seal.encode():
                    raise zipfile.BadZipFile("its checksum is wrong")
                with unit_file.opened_members(file, MEMBER, SAVED, MAX_SAVED_BYTES) as members:
                    said = json.loads(members.read(SAVED))
            day, strategy, by, code = int(said["day"]), str(said["strategy"]), said["popsim"], said["shared"]["code"]
            keys = {(int(one), int(two), int(three)): str(key) for one, two, three, key in said["units"]}
            sound = {"file", "flags", "experiment", "cohort", "network", "own_organ_systems"} <= said.keys()
        except (*unit_file.DAMAGE, AttributeError, RecursionError) as error:
            if isinstance(error, OSError) and error.strerror and error.errno != errno.EINVAL:
                raise InputError(f"{path}: {error.strerror}") from None
            sound = False
        if not sound:
            raise InputError(f"{path}: damaged, or not a run saved by 'popsim run --save'")
        if said.get("format") != FORMAT or code != json_hash(code_hash()):
            own = f"popsim {by}" if by != version("popsim") else "other code of popsim"
            raise InputError(f"{path}: was saved by {own}, whose results may differ: save the run again")
        return cls(path, day, strategy, keys, said)

    def branch(self, study: Study | None = None, names: Sequence[str] = (), scenario: str | None = None) -> Study:
        """The study of futures that begin here: the comparator and the strategies named (all when there are none).

        Args:
            study: with the strategies and capacities of the branches; the saved one when None.
            names: of strategies.
            scenario: of the saved study, when there is no other.

        Raises:
            InputError: there is no such strategy or scenario; or people, network, parameters or the past differ.
        """
        try:
            present = self._present
            branch = branched(present, study or self._study(present, scenario), names)
        except InputError as error:
            raise InputError(f"{self.path}: {error}".replace(f"{self.path}: {self.path}: ", f"{self.path}: ")) from None
        for key, value in branch.shared_content().items():
            if self.said["shared"].get(key) != json_hash(value):
                typed = " ".join(f"{flag} {value}" for flag, value in self.said["flags"].items())
                said = f"; it was saved with {typed}" if typed else ""
                raise InputError(f"{self.path}: {key.replace('_', ' ')}: not that of the saved run{said}; {ALLOWED}")
        self._check_places(branch)
        flags = {"--from": str(self.path)} | ({"--scenario": scenario} if scenario else {})
        return replace(branch, flags=dict(branch.flags) | flags)

    @property
    def go_on(self) -> GoOn:
        """What simulates the units of a branch."""
        return GoOn(self.path, self.keys)

    @property
    def _present(self) -> Present:
        """Where branches begin.

        Raises:
            DefinitionError: a definition is refused.
        """
        experiment = validate(self.said["experiment"], ExperimentDefinition, self.path)
        network = validate(self.said["network"], NetworkDefinition, self.path)
        if self.strategy not in [one.name for one in experiment.strategies]:
            raise InputError(f"strategy '{self.strategy}': the saved experiment has none of this name")
        return Present(experiment, network, self.strategy, self.day)

    def _study(self, present: Present, scenario: str | None) -> Study:
        """The saved study, or one of its scenarios.

        Raises:
            InputError: it has organ systems of a user's own: a file must not say which code is run.
            DefinitionError: a file that it names is missing or refused.
        """
        if present.experiment.organ_systems_in_files or self.said["own_organ_systems"]:
            raise InputError("has organ systems of a user's own: name the experiment, whose code is run")
        experiment = present.experiment.in_scenario(scenario) if scenario else present.experiment
        cohort = validate(self.said["cohort"], CohortDefinition, self.path)
        file = Path(self.said["file"])
        network = CareNetwork(present.network, SCHEMA.columns, self.path).with_capacity(experiment.capacity)
        source = CohortSource(cohort, file.parent / experiment.cohort)
        return resolve(experiment, source, network.definition, file, self.said["flags"])

    def _check_places(self, branch: Study) -> None:
        """Refuse a branch whose units have another past than those of the file, or are not in it."""
        for unit in branch.units:
            place = (unit.draw, unit.replication, unit.region)
            if place not in self.keys:
                raise InputError(f"{self.path}: {unit.name}: not in the file, which has {len(self.keys)} units")
            if self.keys[place] != past_key(branch, unit.strategy, place, self.day):
                raise InputError(f"{self.path}: {unit.name}: has another past than the saved run; {ALLOWED}")


def read_state(path: Path, key: str) -> State:
    """The state of a unit in the file.

    Raises:
        InputError: it is damaged or missing.
    """
    try:
        with path.open("rb") as file, unit_file.opened_members(file, MEMBER, SAVED, MAX_SAVED_BYTES) as members:
            content = io.BytesIO(members.read(f"{key}.zip"))
        return State.from_frames(unit_file.read_frames(content, key))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}") from None
    except unit_file.DAMAGE as error:
        raise InputError(one_line(f"damaged: {error}")) from None
