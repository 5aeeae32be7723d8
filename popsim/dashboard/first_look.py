"""A first look: the same experiment with few people and replications, run before the whole and kept apart.

It is a run of the same file with other sizes, so it can be resumed as any run; its folder of results is the dashboard's
own, so that nobody takes it for a result.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from popsim.dashboard.first_days import FOLDER as DAYS
from popsim.dashboard.first_days import Watched
from popsim.dashboard.jobs import FOLDER
from popsim.dashboard.live import LiveRun
from popsim.definitions.experiment import ExperimentDefinition
from popsim.errors import PopsimError
from popsim.runs.engine import Engine
from popsim.runs.runner import run_study
from popsim.studies.design import Change, Study, read_study

PEOPLE = 200  # assumption: a comparison in seconds
REPLICATIONS = 3  # assumption: the fewest whose interval says something
STAGES = (1, REPLICATIONS)  # replications of each: two processes first work on the same comparison
SHARE = 2  # a population so many times that of a first look is worth one


def is_worth_a_look(experiment: ExperimentDefinition) -> bool:
    """Whether an experiment is so large that a first look is there long before it."""
    return experiment.population >= SHARE * PEOPLE


def folder_of_looks(results: Path) -> Path:
    """The folder of results of first looks."""
    return results / FOLDER / "first_look"


def look_study(file: Path, replications: int = REPLICATIONS) -> Study:
    """The study of a first look.

    Raises:
        DefinitionError: the experiment is refused, or cannot be so small.
    """
    sizes = {"population": PEOPLE, "replications": replications, "draws": 0}
    return read_study(file, {name: Change(f"--{name}", size) for name, size in sizes.items()})


def first_look(file: Path, experiment: ExperimentDefinition, results: Path) -> LiveRun | None:
    """The first look of an experiment's file, begun or not; None if it has none, or cannot be so small."""
    if not is_worth_a_look(experiment):
        return None
    with suppress(PopsimError):
        return LiveRun.of_study(look_study(file), folder_of_looks(results))
    return None


def run_look(file: Path, results: Path, stages: int) -> None:
    """Simulate a first look in this process, as far as the first stages go; a look that cannot be so small has none.

    Raises:
        PopsimError: it failed; what is there is kept.
    """
    for replications in STAGES[:stages]:
        try:
            study = look_study(file, replications)
        except PopsimError:
            return  # the run itself says what is wrong
        folder = folder_of_looks(results)
        run_study(study, folder, Engine(1, 1), simulate=Watched(folder / study.experiment.name / DAYS))
