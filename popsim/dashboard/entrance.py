"""Where the page begins: a run, an experiment, or as it was left."""

from __future__ import annotations

from pathlib import Path

from popsim.dashboard.state import PageState
from popsim.dashboard.workspace import Workspace
from popsim.definitions.experiment import ExperimentDefinition
from popsim.errors import InputError
from popsim.runs.store import BEGUN, MANIFEST, followed, records


def query_of(workspace: Workspace, what: Path | None) -> str:
    """The query of the address for a run's folder or an experiment's file.

    Raises:
        DefinitionError: the experiment is refused.
        InputError: it is neither, or lies elsewhere than the folder of results.
    """
    if what is None:
        return workspace.remembered()
    what = what if what.suffix == ".toml" else followed(what.absolute())
    if what.suffix == ".toml" or what.is_file():
        ExperimentDefinition.read(what)
        return PageState(file=str(workspace.named(what.resolve()))).query
    found = records(what, BEGUN, MANIFEST) if what.is_dir() else []
    if not found:
        raise InputError(
            f"{what}: must be an experiment's .toml file, or the folder of a run, results/<experiment>/<run id>"
        )
    run = found[-1].parent.resolve()
    if run.parent.parent != workspace.results:
        raise InputError(f"{what}: lies in another folder of results: --out {run.parent.parent}")
    return PageState(run=f"{run.parent.name}/{run.name}").query
