"""The same experiment with other capacities of one setting, under every strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from popsim.care.network import CareNetwork
from popsim.definitions.experiment import ExperimentDefinition
from popsim.errors import InputError, did_you_mean
from popsim.studies.design import Change, Study, study_of

MAX_LEVELS = 50


def at_capacities(
    path: Path | str, setting: str, places: Sequence[int], changes: Mapping[str, Change] | None = None
) -> dict[int, Study]:
    """The studies at several capacities, all checked before any is run.

    Args:
        path: the experiment's file.
        setting: of its care network, with limited capacity.
        places: capacities, for the network's reference population.
        changes: as for `read_study`.

    Raises:
        DefinitionError: the file or a number is refused.
        InputError: there is no such setting, a strategy sets its capacity, or there are fewer than two capacities.
    """
    experiment = ExperimentDefinition.read(path)
    levels = sorted(set(places))
    if not 2 <= len(levels) <= MAX_LEVELS:
        raise InputError(f"--places: {len(levels)} different numbers, must be 2 to {MAX_LEVELS}")
    for strategy in experiment.resolved_strategies:
        if any(one.kind == "capacity" and one.setting == setting for one in strategy.composed):
            raise InputError(
                f"--setting {setting}: strategy '{strategy.name}' sets the capacity of this setting itself"
            )
    as_it_is = study_of(experiment, Path(path).parent, file=path, changes=changes)
    _check_setting(as_it_is, setting)
    found: dict[int, Study] = {}
    for number in levels:
        level = {"capacity": Change("--places", experiment.capacity | {setting: number})}
        level |= {"store": Change("store", "measures")}  # nothing else is used
        found[number] = study_of(experiment, Path(path).parent, file=path, changes=level | dict(changes or {}))
    people = as_it_is.region_size(0)
    simulated = [_places(study, setting, people) for study in found.values()]
    for index, (low, high) in enumerate(pairwise(simulated)):
        if low == high:
            same = f"{levels[index]} and {levels[index + 1]} places are both {low} for {people} people"
            raise InputError(f"--places: {same}: simulate more people")
    return found


def _check_setting(study: Study, setting: str) -> None:
    """Refuse a setting whose capacity cannot be changed.

    Raises:
        InputError: there is no setting of that name, or it has no limited capacity.
    """
    named = {one.name: one for one in study.network.settings}
    places = {name: one for name, one in named.items() if one.setting_class != "outpatient"}
    limited = [name for name, one in places.items() if isinstance(one.capacity, int)]
    if setting not in named:
        raise InputError(f"--setting {setting}: unknown setting, {did_you_mean(setting, limited)}")
    if setting not in places:
        raise InputError(f"--setting {setting}: has slots a day, not beds")
    if setting not in limited:
        raise InputError(f"--setting {setting}: its capacity is unlimited; "
                         f"{did_you_mean(setting, limited)}")  # fmt: skip


def _places(study: Study, setting: str, people: int) -> int | str:
    """Capacity of a setting for this many people."""
    network = CareNetwork(study.network, study.schema.columns, study.file)
    return network.scaled(people)[setting].capacity
