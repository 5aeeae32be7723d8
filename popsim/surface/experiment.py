"""An experiment: read or created, changed, checked, planned and run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from popsim.analyses.contrast import NET_BENEFIT, contrasts
from popsim.analyses.plan import Plan, plan_study
from popsim.analyses.precision import TargetPrecision
from popsim.analyses.sensitivity.design import evaluator
from popsim.analyses.sensitivity.parameters import varied
from popsim.analyses.sensitivity.ways import one_way
from popsim.arguments import real_number
from popsim.care.network import CareNetwork
from popsim.definitions.base import validate
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.strategy import Strategy
from popsim.errors import did_you_mean
from popsim.physiology.factory import split
from popsim.plurals import counted
from popsim.population.cohort import CohortSource
from popsim.reporting.text.parameters import parameter_frame
from popsim.reporting.text.progress import progress_bar
from popsim.reporting.text.verification import findings_frame
from popsim.runs.saved import SavedRun, save_run
from popsim.studies.design import study_of
from popsim.studies.warnings import design_warnings
from popsim.surface.cohort import Cohort
from popsim.surface.frames import as_requested, listed
from popsim.surface.run import Run
from popsim.surface.simulate import engine_for, runner, simulate
from popsim.surface.wording import for_python
from popsim.verification.suite import verify
from popsim.verification.test_bench import PEOPLE

OBJECTS = {"cohort": CohortSource, "network": CareNetwork}  # that may stand for a file
ADDED_TO = ("parameters", "capacity")  # keys that a change extends by name, instead of replacing them


class Experiment:
    """A comparison of strategies: the people, the care network, the strategies and the design.

        experiment = Experiment.read("experiments/heart_failure_discharge.toml")
        experiment = Experiment(name="mine", cohort=cohort, network="network.toml", strategies=[{"name": "usual_care"}])

    It is immutable: `with_` returns a new one. Everything in it is checked when it is created.

    Args:
        cohort: a file, or a `Cohort`.
        network: a file, or a `CareNetwork`.
        folder: to which paths are relative.
        keywords: the keys of an experiment file; `organ_systems` may also have organ systems of your own.

    Raises:
        DefinitionError: a key is unknown, a value is refused, or parts do not fit together.
    """

    def __init__(
        self,
        *,
        cohort: str | Path | CohortSource,
        network: str | Path | CareNetwork,
        folder: str | Path = ".",
        **keywords: Any,
    ) -> None:
        said, objects = _split({"cohort": cohort, "network": network, **keywords})
        self._take(validate(said, ExperimentDefinition, "Experiment"), Path(folder), None, objects)

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read an experiment file and everything it names.

        Raises:
            DefinitionError: a file is refused, or names something that does not exist.
        """
        made = cls.__new__(cls)
        made._take(ExperimentDefinition.read(path), Path(path).parent, Path(path), {})
        return made

    def with_(self, **changes: Any) -> Self:
        """A copy of the experiment in which some keys have other values.

        Args:
            changes: keys of an experiment file. `parameters` ({"nhs_prices.nurse_visit": 45}) and `capacity` are added
                to those of the experiment by name; `scenario="name"` starts from one of its scenarios; `cohort` and
                `network` may be files or objects.

        Raises:
            DefinitionError: a key or a parameter is unknown, a value is refused, or parts do not fit together.
            InputError: there is no such scenario.
        """
        scenario = changes.pop("scenario", None)
        start = self._definition if scenario is None else self._definition.in_scenario(scenario)
        for key in ADDED_TO:
            if isinstance(changes.get(key), Mapping):
                changes[key] = {**getattr(start, key), **changes[key]}
        said, new = _split(changes)
        kept = {
            key: one
            for key, one in self._objects.items()
            if key not in said and getattr(start, key) == getattr(self._definition, key)
        }
        before = {key: value for key, value in start if key in start.model_fields_set}
        made = type(self).__new__(type(self))
        definition = validate({**before, **said}, ExperimentDefinition, "Experiment.with_")
        made._take(definition, self._folder, self._file, kept | new)
        return made

    def check(self) -> list[str]:
        """Return warnings: strategies that cannot differ, conditions that nobody meets."""
        return design_warnings(self.definition, self._study.sampling)

    def run(
        self,
        out: str | Path = "results",
        *,
        workers: int | None = None,
        threads: int | None = None,
        progress: bool | None = None,
    ) -> Run:
        """Simulate what is not yet in the results folder, and open the run.

        Args:
            out: folder of all results; the run's is <out>/<experiment>/<run id>.
            workers: processes; as cores and memory allow when None. A script that uses several processes must call this
                under `if __name__ == "__main__":`.
            threads: of each process.
            progress: False: no progress bar. It shows on a terminal and in a notebook.

        Raises:
            InputError: a number is out of bounds, the folder cannot be written, or there is too little memory.
            RunError: some units failed; finished units are kept, and the same call resumes from there.
        """
        folder = simulate(self._study, out, engine_for(self._study, workers, threads), progress).folder
        return Run.open(folder, organ_systems=self._study.made_in_python)

    def save(
        self,
        path: str | Path,
        *,
        until_day: int,
        strategy: str = "",
        out: str | Path = "results",
        workers: int | None = None,
        threads: int | None = None,
        progress: bool | None = None,
    ) -> Path:
        """Simulate until the morning of a day, and save all units in one file, from which `branch` goes on.

        Args:
            path: of the file.
            until_day: day of the simulation.
            strategy: under which people live until then; the comparator when empty.
            out, workers, threads, progress: as for `run`.

        Raises:
            InputError: the day, the strategy or the file is refused.
            RunError: some units failed; the same call resumes from there.
        """
        engine = engine_for(self._study, workers, threads)
        with progress_bar(self.name, quiet=progress is False) as on_progress:
            save_run(self._study, strategy, until_day, Path(path), Path(out), engine, on_progress)
        return Path(path)

    def branch(
        self,
        path: str | Path,
        strategies: str | Sequence[str] = (),
        *,
        out: str | Path = "results",
        workers: int | None = None,
        threads: int | None = None,
        progress: bool | None = None,
    ) -> Run:
        """Let futures go on from a saved run: this experiment's strategies and capacities, from the saved day on.

        Args:
            path: of a file that `save` wrote for this experiment.
            strategies: names; the comparator is always among them, and all are when there are none.
            out, workers, threads, progress: as for `run`.

        Raises:
            InputError: the file is damaged or of another version; people, network or parameters differ.
            RunError: some units failed; the same call resumes from there.
        """
        saved = SavedRun.open(path)
        study = saved.branch(self._study, listed(strategies))
        engine = engine_for(study, workers, threads)
        return Run.open(simulate(study, out, engine, progress, saved.go_on).folder, organ_systems=study.made_in_python)

    def verify(
        self, only: str = "", *, people: int = PEOPLE, progress: bool | None = None, pandas: bool = False
    ) -> Any:
        """Verify the experiment as a reviewer would: extremes, signs, sums, symmetries.

        Args:
            only: only checks whose area or title contains this text.
            people: twins in each run.
            progress: as for `run`.
            pandas: whether the table is a pandas one.

        Returns:
            A row for each check: area, check, did, result ("holds", "FAILS" or "not applicable") and saw.

        Raises:
            InputError: a number is out of bounds, or no check contains the text.
        """
        with progress_bar(self.name, quiet=progress is False) as on_progress:
            return as_requested(findings_frame(verify(self._study, only, people, on_progress)), pandas)

    def plan(
        self,
        precision: Mapping[str, float] | None = None,
        *,
        out: str | Path = "results",
        workers: int | None = None,
        threads: int | None = None,
        progress: bool | None = None,
    ) -> Plan:
        """Estimate the time, memory and precision of a run from a small pilot.

        Args:
            precision: target half-widths of 95% intervals of differences, by measure: {"cost_total": 20}.
            out, workers, threads, progress: as for `run`.
        """
        wanted = [TargetPrecision(name, real_number(name, width, 1e-12)) for name, width in (precision or {}).items()]
        engine = engine_for(self._study, workers, threads)
        return plan_study(self._study, engine, lambda pilot: simulate(pilot, out, engine, progress), wanted)

    def one_way(
        self,
        parameters: str | Sequence[str] = (),
        *,
        outcome: str = NET_BENEFIT,
        out: str | Path = "results",
        workers: int | None = None,
        threads: int | None = None,
        progress: bool | None = None,
        pandas: bool = False,
    ) -> Any:
        """One parameter at a time at both ends of its range: what a tornado shows.

        Args:
            parameters: names such as "nhs_prices.nurse_visit", or "nhs_prices.nurse_visit=20:60" for a range of your
                own; all uncertain parameters when there are none.
            outcome: a measure, or "net_monetary_benefit".
            out, workers, threads, progress: as for `run`.
            pandas: whether the table is a pandas one.

        Returns:
            A row for each strategy and parameter, widest swing first: low_value, high_value, outcome_low, outcome_high,
            base, swing, swing_error (Monte Carlo) ...

        Raises:
            InputError: a parameter is unknown, named twice or without a range, or there is a single strategy.
        """
        chosen = varied(self._study, listed(parameters))
        compared = contrasts(self._study, outcome)
        evaluate = evaluator(self._study, runner(out, workers, threads, progress))
        return as_requested(one_way(chosen, compared, evaluate), pandas)

    @property
    def definition(self) -> ExperimentDefinition:
        """The definition of the experiment, with the results of its calibration added."""
        return self._study.experiment

    @property
    def name(self) -> str:
        """Name of the experiment and of its results folder."""
        return self._definition.name

    @property
    def strategies(self) -> dict[str, Strategy]:
        """Every strategy with everything that it inherits, by name."""
        return {one.name: self._definition.strategy(one.name) for one in self._definition.strategies}

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Names of the scenarios, for `with_(scenario=...)`."""
        return tuple(scenario.name for scenario in self._definition.scenarios)

    @property
    def cohort(self) -> Cohort:
        """The cohort."""
        return Cohort(self._study.cohort.definition, self._study.cohort.path)

    @property
    def network(self) -> CareNetwork:
        """The care network."""
        return CareNetwork(self._study.network, self._study.schema.columns, self._study.file)

    def parameters(self, match: str = "", *, uncertain: bool = False, pandas: bool = False) -> Any:
        """Every parameter with value, unit, interval and source; those whose name contains a text, or are uncertain."""
        return as_requested(parameter_frame(self._study, uncertain=uncertain, match=match), pandas)

    def __repr__(self) -> str:
        size = f"{self._definition.population:,} people, {counted(self._definition.replications, 'replication')}"
        return f"Experiment({self.name}: {', '.join(self.strategies)}; {size})"

    def _repr_html_(self) -> str:
        """For notebooks: sizes and strategies."""
        return self._study._repr_html_()

    def __getattr__(self, name: str) -> Any:
        known = [one for one in dir(type(self)) if not one.startswith("_")]
        raise AttributeError(f"an experiment has no '{name}', {did_you_mean(name, known)}")

    def _take(
        self, definition: ExperimentDefinition, folder: Path, file: Path | None, objects: Mapping[str, Any]
    ) -> None:
        """Store a definition, and objects instead of files that it names, once everything is checked."""
        self._definition, self._folder, self._file, self._objects = definition, folder, file, dict(objects)
        self._study = study_of(definition, folder, file=file, **self._objects)


def _split(keywords: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Keywords in the form of a file, and the objects among them that replace a file."""
    objects = {key: keywords[key] for key, kind in OBJECTS.items() if isinstance(keywords.get(key), kind)}
    said: dict[str, Any] = {key: _file_of(one) for key, one in objects.items()}
    if not isinstance(keywords.get("organ_systems", ""), str):
        names, own = split(keywords["organ_systems"])
        said, objects = said | {"organ_systems": names}, objects | {"organ_systems": own}
    return {key: said.get(key, _plain(value)) for key, value in keywords.items()}, objects


def _file_of(one: CohortSource | CareNetwork) -> str:
    """File of a cohort or a network, or a name for one created in Python."""
    path = one.path if isinstance(one, CohortSource) else Path(str(one.file))
    return str(path.resolve()) if path.is_file() else f"{one.definition.name}.toml"


def _plain(value: Any) -> Any:
    """Convert NumPy numbers to Python's and paths to text, also within tables."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, np.generic):
        return value.item()
    return str(value) if isinstance(value, Path) else value


for_python(Experiment)
