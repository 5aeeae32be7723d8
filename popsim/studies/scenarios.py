"""Structural scenarios: the same comparison under another network, cohort, horizon, discount rate, price or capacity.

Every scenario is a separate study with its own run folder; the base case is the experiment itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from popsim.definitions.experiment import BASE_CASE, ExperimentDefinition
from popsim.errors import DefinitionError
from popsim.studies.design import Change, Study, study_of


def studies(file: Path | str, changes: Mapping[str, Change] | None = None) -> dict[str, Study]:
    """The studies of the base case and of every scenario, by name; all are checked before any is run.

    Args:
        file: an experiment.
        changes: as for `read_study`; they apply in every scenario.

    Raises:
        DefinitionError: a file is refused, or names something that does not exist.
    """
    experiment, folder = ExperimentDefinition.read(file), Path(file).parent
    found = {BASE_CASE: study_of(experiment, folder, file=file, changes=changes)}
    for name in (scenario.name for scenario in experiment.scenarios):
        try:
            found[name] = study_of(experiment, folder, file=file, changes=changes, scenario=name)
        except DefinitionError as error:
            if error.file != str(file):
                raise
            raise DefinitionError(file, f"scenarios.{name}: {error.key}", error.value, error.allowed) from None
    return found
