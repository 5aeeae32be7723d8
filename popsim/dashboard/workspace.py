"""What the server knows: experiments, runs and jobs of a folder of results, each read once."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from popsim.dashboard.first_look import STAGES, first_look, is_worth_a_look
from popsim.dashboard.jobs import FOLDER, Jobs
from popsim.dashboard.levers import Lever, changed, in_words, levers_of
from popsim.dashboard.live import LiveRun
from popsim.dashboard.scenarios import ExperimentFile, experiment_files, save_scenario, slug_of
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.network import NetworkDefinition
from popsim.errors import InputError, PopsimError
from popsim.plurals import counted
from popsim.runs.engine import Engine
from popsim.runs.run import StoredRun
from popsim.runs.store import BEGUN, MANIFEST, followed, new_owner, records, taking
from popsim.studies.design import Study, read_study
from popsim.surface.examples import examples

LAST = "last"  # file with the query of the page that was last open
TWO_LOOK = (os.cpu_count() or 1) > 1  # where two processes make a first look, however large the run
READ_AHEAD_S = 2.0  # assumption: the page is drawn by then
MAX_RUNS = 40  # listed, newest first


class Opened(NamedTuple):
    """An experiment that is open on the page."""

    file: Path
    experiment: ExperimentDefinition
    network: NetworkDefinition
    levers: list[Lever]


class RunEntry(NamedTuple):
    """A run in a list: <experiment>/<run id>, what people call it, and whether it is finished."""

    run: str
    title: str
    is_finished: bool


@dataclass
class Workspace:
    """A folder of results, and the folder in which experiments are looked for.

    Attributes:
        results: folder of all results.
        folder: where the planner works.
    """

    results: Path
    folder: Path
    _runs: dict[str, LiveRun] = field(default_factory=dict, repr=False)
    _files: dict[Path, str] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _read_ahead: Path | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.jobs = Jobs(self.results)
        self.private = self.results / FOLDER

    @property
    def scenarios(self) -> Path:
        """Where scenarios are saved."""
        return self.folder / "scenarios"

    def experiments(self) -> list[ExperimentFile]:
        """Experiments that can be opened."""
        shipped = [(one.path, one.title) for one in examples() if one.kind == "experiment"]
        return [one._replace(path=self.named(one.path)) for one in experiment_files(self.folder, shipped)]

    def named(self, path: Path) -> Path:
        """A path as it is written in the address: short where it lies in the folder."""
        return path.relative_to(self.folder) if path.is_relative_to(self.folder) else path

    def open(self, file: str) -> Opened:
        """Read an experiment.

        Raises:
            DefinitionError: it is refused.
        """
        path = self.folder / file
        experiment = ExperimentDefinition.read(path)
        network = NetworkDefinition.read(path.parent / experiment.network)
        return Opened(path, experiment, network, levers_of(experiment, network))

    def study(self, file: Path) -> Study:
        """The study of an experiment, with everything checked.

        Raises:
            DefinitionError: a file is refused.
        """
        return read_study(file)

    def save(self, opened: Opened, changes: Mapping[str, float], title: str) -> Path:
        """Save an experiment with changes as a scenario.

        Raises:
            DefinitionError: a change is refused.
            InputError: the title is refused, or the file cannot be written.
        """
        experiment = changed(opened.experiment, opened.network, changes, self.named(opened.file))
        path = self.scenarios / f"{slug_of(title)}.toml"
        if path.exists() and path.resolve() != opened.file.resolve():
            raise InputError(f"scenario '{title}': {self.named(path)} exists already; choose another name")
        return save_scenario(experiment, opened.file, self.scenarios, title, in_words(opened.levers, changes))

    def get_ready(self, file: Path) -> None:
        """Have processes ready for a run of an experiment, and what it needs read once, so that Start is quick."""
        self.jobs.stand_by(file)
        if file != self._read_ahead:
            self._read_ahead = file
            timer = threading.Timer(READ_AHEAD_S, self._read, [file])
            timer.daemon = True
            timer.start()

    def _read(self, file: Path) -> None:
        with suppress(PopsimError):  # it is told when the run is started
            self.study(file)

    def start(self, file: Path) -> LiveRun:
        """Start or resume the run of an experiment in processes of its own.

        The first process begins before this one has read the experiment: if that is refused, both say so.

        Raises:
            PopsimError: a file is refused, or the process cannot be started.
        """
        log = self.jobs.log_of(file)
        log.unlink(missing_ok=True)
        look = len(STAGES) if is_worth_a_look(ExperimentDefinition.read(file)) else 0
        of_first = min(look, 1) if TWO_LOOK else look  # the second process goes on with it
        first = None if self._is_known(file) else self.jobs.begin(file, log, 1, of_first)
        study = self.study(file)
        run = LiveRun.of_study(study, self.results)
        name = f"{run.folder.parent.name}/{run.folder.name}"
        job = self.jobs.of(name)
        if not run.is_finished and (job is None or not job.alive):
            processes = [first or self.jobs.begin(file, log, 1, of_first)]
            workers = Engine.of_study(study).workers - 1  # beside the first
            processes += [self.jobs.begin(file, log, workers, look)] if workers or (look and TWO_LOOK) else []
            self.jobs.keep(name, file, processes)
            run.look = first_look(file, study.experiment, self.results)
        self._files[file.resolve()] = name
        with self._lock:
            return self._runs.setdefault(name, run)

    def _is_known(self, file: Path) -> bool:
        """Whether this server has started the file before: its run may be at work, or finished."""
        return file.resolve() in self._files

    def run(self, name: str) -> LiveRun:
        """A run by <experiment>/<run id>, finished or not.

        Raises:
            InputError: there is none, or nobody knows the experiment of an unfinished one.
        """
        with self._lock:
            if name in self._runs:
                return self._runs[name]
        folder = self._folder(name)
        run = LiveRun.of_finished(StoredRun.open(folder)) if (folder / MANIFEST).is_file() else self._unfinished(name)
        with self._lock:
            return self._runs.setdefault(name, run)

    def newest_of(self, file: Path) -> str:
        """The newest run of an experiment file; empty if there is none.

        Scenarios share the folder of results with their original: a run belongs to the file that it was started from.
        """
        name = ExperimentDefinition.read(file).name
        if not (self.results / name).is_dir():
            return ""
        for record in reversed(records(self.results / name, BEGUN, MANIFEST)):
            run = f"{name}/{record.parent.name}"
            with suppress(PopsimError):
                self.run(run)
                if (own := self.file_of(run)) is not None and own.resolve() == file.resolve():
                    return run
        return ""

    def runs(self) -> list[RunEntry]:
        """Runs of all experiments, newest first."""
        files = [*self.results.glob(f"*/*/{MANIFEST}"), *self.results.glob(f"*/*/{BEGUN}")]
        files = [one for one in files if one.parent == followed(one.parent) and not one.parent.is_symlink()]
        files.sort(key=lambda one: one.stat().st_mtime_ns, reverse=True)
        entries = []
        for file in files[:MAX_RUNS]:
            name = f"{file.parent.parent.name}/{file.parent.name}"
            try:
                entries.append(RunEntry(name, self.title(name), file.name == MANIFEST))
            except PopsimError:
                continue
        return entries

    def title(self, name: str) -> str:
        """What people call a run: its title and its size.

        Raises:
            PopsimError: it cannot be opened.
        """
        experiment = self.run(name).experiment
        draws = f", {counted(experiment.draws, 'draw')}" if experiment.draws else ""
        size = f"{experiment.population:,} people x {experiment.replications}{draws}"
        return f"{experiment.title or experiment.name} ({size}; {name.rpartition('/')[2][:6]})"

    def file_of(self, name: str) -> Path | None:
        """The file of a run's experiment, if it is still there."""
        job = self.jobs.of(name)
        run = self._runs.get(name)
        file = Path(job.file) if job else run.finished.experiment_file if run is not None and run.is_finished else None
        file = None if file is None else self.folder / file
        return file if file is not None and file.is_file() else None

    def remember(self, query: str) -> None:
        """Keep what a page shows, for a page that is opened without saying what."""
        with suppress(OSError):
            self.private.mkdir(parents=True, exist_ok=True)
            with taking(self.private / LAST, new_owner(), 0o600) as temporary:
                temporary.write_text(query, encoding="utf-8")

    def remembered(self) -> str:
        """The query of the page as it was left; empty if there was none."""
        with suppress(OSError, ValueError):
            return (self.private / LAST).read_text(encoding="utf-8")
        return ""

    def _folder(self, name: str) -> Path:
        parts = Path(name).parts
        if len(parts) != 2 or ".." in parts or Path(name).is_absolute():
            raise InputError(f"run '{name}': must be <experiment>/<run id> below {self.results}")
        return followed(self.results / name)

    def _unfinished(self, name: str) -> LiveRun:
        """A run that was begun.

        Raises:
            InputError: there is none, or its experiment is not known or has changed.
        """
        job = self.jobs.of(name)
        if job is None:
            raise InputError(f"run '{name}': is not finished; open its experiment, and start it there: it goes on")
        run = LiveRun.of_study(self.study(Path(job.file)), self.results)
        if run.folder.name != Path(name).name:
            raise InputError(f"run '{name}': popsim or its inputs have changed since it began; start it again")
        run.look = first_look(Path(job.file), run.experiment, self.results)
        return run
