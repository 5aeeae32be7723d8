"""The same experiment with other numbers of places in one setting, under every strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from popsim.definitions.experiment import read_experiment
from popsim.errors import InputError
from popsim.experiments.design import Change, Study, study_of

MOST_LEVELS = 50


def at_capacities(
    path: Path | str, setting: str, places: Sequence[int], changes: Mapping[str, Change] | None = None
) -> dict[int, Study]:
    """The studies at several numbers of places, all checked before any is run.

    Args:
        path: the experiment's file.
        setting: of its care network, with places.
        places: numbers of them, for the network's reference population.
        changes: as for `read_study`.

    Raises:
        DefinitionError: the file or a number is refused.
        InputError: there is no such setting, a strategy has a number of its own for it, or there are fewer than two.
    """
    experiment = read_experiment(path)
    levels = sorted(set(places))
    if not 2 <= len(levels) <= MOST_LEVELS:
        raise InputError(f"--places: {len(levels)} different numbers, must be 2 to {MOST_LEVELS}")
    for strategy in (experiment.strategy(one.name) for one in experiment.strategies):
        if any(one.kind == "capacity" and one.setting == setting for one in strategy.composed):
            raise InputError(
                f"--setting {setting}: strategy '{strategy.name}' has a number of places of its own for it"
            )
    found = {}
    for number in levels:
        level = {"capacity": Change("--places", experiment.capacity | {setting: number})}
        level |= {"store": Change("store", "measures")}  # nothing else is looked at
        found[number] = study_of(experiment, Path(path).parent, file=path, changes=level | dict(changes or {}))
    if any(one.name == setting and one.setting_class == "outpatient" for one in found[levels[0]].network.settings):
        raise InputError(f"--setting {setting}: has slots a day, not places that people stay in")
    return found
