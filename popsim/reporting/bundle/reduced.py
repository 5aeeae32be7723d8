"""A smaller run of the same experiment, which a reviewer can repeat while they wait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from popsim.definitions.experiment import ExperimentDefinition
from popsim.economics.information import MIN_DRAWS
from popsim.reporting.bundle.environment import unit_seconds
from popsim.runs.run import StoredRun

MAX_SECONDS = 600.0  # that a reduced run may take
# assumption: a fifth of that on the machine of the run leaves room for a slower machine and for compiling
TARGET_SECONDS = 120.0
MIN_PEOPLE = 50
MAX_REPLICATIONS = 2  # the fewest that separate Monte Carlo error from parameter uncertainty


def reduced_experiment(run: StoredRun) -> ExperimentDefinition:
    """The experiment with few draws and replications, and as many people as the run's own times allow."""
    experiment = run.experiment
    draws, replications = min(experiment.draws, MIN_DRAWS), min(experiment.replications, MAX_REPLICATIONS)
    each = unit_seconds(run) / len(run.manifest["units"])
    units = len(experiment.strategies) * max(draws, 1) * replications * experiment.regions
    share = min(1.0, TARGET_SECONDS / max(each * units, 1e-9))
    people = max(min(MIN_PEOPLE * experiment.regions, experiment.population), int(experiment.population * share))
    changes = {"name": f"{experiment.name[:30]}_reduced", "draws": draws, "replications": replications}
    return experiment.model_copy(update={**changes, "population": people})


def expected(manifest: Mapping[str, Any], experiment: str) -> dict[str, Any]:
    """What a repetition must find: the content hash, and that of each unit to say where results differ."""
    return {
        "experiment": experiment,
        "content_hash": manifest["content_hash"],
        "versions": manifest["versions"],
        "units": {
            f"{unit['strategy']}/{unit['draw']}/{unit['replication']}/{unit['region']}": unit["contents"]
            for unit in manifest["units"]
        },
    }
