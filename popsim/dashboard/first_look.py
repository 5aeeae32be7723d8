"""A first look: the same experiment with few people and replications, run before the whole and kept apart.

It is `popsim run` of the same file with other sizes, so it can be resumed as any run; its folder of results is the
dashboard's own, so that nobody takes it for a result.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from popsim.dashboard.jobs import FOLDER
from popsim.dashboard.live import LiveRun
from popsim.definitions.experiment import ExperimentDefinition
from popsim.errors import PopsimError
from popsim.studies.design import Change, read_study

SIZES = {  # assumption: a comparison in seconds; three replications are the fewest whose interval says something
    "population": 200,
    "replications": 3,
    "draws": 0,
}
SHARE = 2  # a population so many times that of a first look is worth one


def is_worth_a_look(experiment: ExperimentDefinition) -> bool:
    """Whether an experiment is so large that a first look is there long before it."""
    return experiment.population >= SHARE * SIZES["population"]


def folder_of_looks(results: Path) -> Path:
    """The folder of results of first looks."""
    return results / FOLDER / "first_look"


def look_options(results: Path) -> list[str]:
    """The options of `popsim run` that make a run a first look."""
    sizes = [word for name, size in SIZES.items() for word in (f"--{name}", str(size))]
    return [*sizes, "--out", str(folder_of_looks(results).resolve())]


def first_look(file: Path, experiment: ExperimentDefinition, results: Path) -> LiveRun | None:
    """The first look of an experiment's file, begun or not; None if it has none, or cannot be so small."""
    if not is_worth_a_look(experiment):
        return None
    with suppress(PopsimError):
        changes = {name: Change(f"--{name}", size) for name, size in SIZES.items()}
        return LiveRun.of_study(read_study(file, changes), folder_of_looks(results))
    return None
