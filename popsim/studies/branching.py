"""Branches of a simulation: futures that differ from one saved day on.

A branch has a strategy of its own: until the day that of the saved run, from the day on another. What both have in
common goes on; what only the saved one has ends on the day; what only the other has begins on it, or at its own later
date. A run of that strategy from day 0 has the same results, bit by bit, so a branch is a study like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from popsim.care.network import CareNetwork
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.fields import MAX_LABEL_LENGTH
from popsim.definitions.interventions import Capacity, Intervention, PersonalIntervention, PolicyIntervention
from popsim.definitions.network import NetworkDefinition
from popsim.definitions.strategy import Strategy
from popsim.errors import InputError, did_you_mean
from popsim.evidence.sets import INTERVENTION_SET
from popsim.studies.content import json_hash
from popsim.studies.design import Study, resolve
from popsim.studies.intervention_parameters import with_parameters

ALLOWED = "a branch may change strategies and capacities, from its day on"


class Present(NamedTuple):
    """Where branches begin.

    Attributes:
        experiment: of the saved run.
        network: of the saved run.
        strategy: name of that under which people have lived.
        day: on whose morning they were saved.
    """

    experiment: ExperimentDefinition
    network: NetworkDefinition
    strategy: str
    day: int


def branched(present: Present, study: Study, names: Sequence[str] = ()) -> Study:
    """The study of the branches: the comparator and the strategies named, from the day on.

    Args:
        present: where they begin.
        study: with the strategies and capacities of the branches.
        names: of strategies; all when there are none.

    Raises:
        InputError: there is no such strategy, or one differs before the day.
    """
    experiment, known = study.experiment, [one.name for one in study.experiment.strategies]
    for name in names:
        if name not in known:
            raise InputError(f"strategy '{name}': {did_you_mean(name, known)}")
    chosen = [name for name in known if not names or name in names or name == experiment.reference]
    past, before = present.experiment.strategy(present.strategy), present.experiment.capacity
    places = {setting: number for setting, number in experiment.capacity.items() if before.get(setting) != number}
    futures = [_with_capacities(experiment.strategy(name), places, present.day) for name in chosen]
    branch = experiment.model_copy(
        update={
            "strategies": tuple(continued(past, future, present.day) for future in futures),
            "comparator": experiment.reference,
            "capacity": before,
            "scenarios": (),
            "targets": (),
        }
    )
    branch = branch.model_copy(update={"parameters": _of_strategies(branch)})
    same = CareNetwork(present.network, study.schema.columns, study.file).with_capacity(experiment.capacity)
    network = present.network if same.definition == study.network else study.network
    return resolve(branch, study.cohort, network, study.file, study.flags, study.made_in_python)


def continued(past: Strategy, future: Strategy, day: int) -> Strategy:
    """One strategy until a day, and another from it on; the other itself if it is the same until then.

    Raises:
        InputError: they differ in what holds from day 0 on whatever the date.
    """
    for key, one, other in (
        ("drugs_not_started", past.drugs_not_started, future.drugs_not_started),
        ("guidance", _guidance(past, day), _guidance(future, day)),
    ):
        if one != other:
            allowed = f"must be that of '{past.name}', under which the run was saved: it holds from day 0"
            raise InputError(f"strategies.{future.name}.{key}: {allowed}; {ALLOWED}")
    old = [one for one in past.composed if one.from_day < day]
    new = list(future.composed)
    parts: list[Intervention] = []
    matcher = SequenceMatcher(None, [_lived(one, day) for one in old], [_lived(one, day) for one in new], False)
    for kind, i, j, k, last in matcher.get_opcodes():
        if kind == "equal":
            parts += new[k:last]
        else:
            parts += [_changed(one, until_day=min(one.until_day or day, day)) for one in old[i:j]]
            begun = [one for one in new[k:last] if one.until_day is None or one.until_day > day]
            parts += [_changed(one, from_day=max(one.from_day, day)) for one in begun]
    if parts == new:
        return future
    short = len(new) - len(future.interventions)
    if parts[:short] == new[:short]:
        update: dict[str, Any] = {"interventions": _renamed(parts[short:], day)}
    else:
        update = {"follow_up": (), "telemonitoring": None, "capacity": {}, "cost_per_person": 0.0}
        update["interventions"] = _renamed(parts, day)
    title = f"{future.title} from day {day}"
    if future.name != past.name and len(title) <= MAX_LABEL_LENGTH:
        update["label"] = title
    return future.model_copy(update=update)


def past_key(study: Study, strategy: Strategy, place: tuple[int, int, int], day: int) -> str:
    """Hash of all that the people of a place (draw, replication, region) have lived through until a day."""
    numbers = study.parameters_of(place[0])
    values = {name: dict(one) for name, one in numbers.counted.items() if name != INTERVENTION_SET}
    lived = past_content(with_parameters(strategy, numbers[INTERVENTION_SET]), day)
    return json_hash([study.shared_content(), values, place, day, lived])


def past_content(strategy: Strategy, day: int) -> dict[str, Any]:
    """What a strategy does before a day."""
    guidance = _guidance(strategy, day)
    return {
        "interventions": [_lived(one, day) for one in strategy.composed if one.from_day < day],
        "guidance": guidance and guidance.model_dump(mode="json"),
        "drugs_not_started": list(strategy.drugs_not_started),
    }


def _lived(one: Intervention, day: int) -> str:
    """What an intervention does before a day, as text; one that begins later differs from all others."""
    until = one.until_day if one.until_day is not None and one.until_day < day else None
    text = _changed(one, until_day=until).model_dump_json(exclude={"label"})
    return text if one.from_day < day else f"later {text}"


def _guidance(strategy: Strategy, day: int) -> Any:
    """How alerts are raised before a day; an oracle that nobody has asked yet leaves no trace."""
    guidance = strategy.guidance
    monitored = any(
        isinstance(one, PolicyIntervention) and one.telemonitoring and one.from_day < day for one in strategy.composed
    )
    return None if guidance is not None and guidance.kind == "oracle" and not monitored else guidance


def _changed(one: Intervention, **changes: Any) -> Intervention:
    """An intervention with other dates; the same object if they are its own."""
    new = {key: value for key, value in changes.items() if getattr(one, key) != value}
    return one.model_copy(update=new) if new else one


def _renamed(parts: Iterable[Intervention], day: int) -> tuple[Intervention, ...]:
    """Interventions of which none has the name of an earlier one; a person's goes to the same people."""
    named: dict[str, Intervention] = {}
    for part in parts:
        one, changes = part, {"name": f"{part.name}_from_day_{day}"}
        if part.name in named:
            if isinstance(part, PersonalIntervention):
                changes["same_people_as"] = part.same_people_as or part.name
            one = part.model_copy(update=changes)
        named[one.name] = one
    return tuple(named.values())


def _with_capacities(strategy: Strategy, places: Mapping[str, int], day: int) -> Strategy:
    """A strategy in a network with other capacities from a day on; its own take precedence."""
    more = tuple(
        Capacity(name=f"{setting}_from_day_{day}", kind="capacity", setting=setting, places=number, from_day=day)
        for setting, number in places.items()
    )
    own = [one for one in strategy.composed if isinstance(one, Capacity)]
    free = tuple(one for one in more if one.setting not in {other.setting for other in own})
    return strategy.model_copy(update={"interventions": (*strategy.interventions, *free)}) if free else strategy


def _of_strategies(experiment: ExperimentDefinition) -> dict[str, Any]:
    """The experiment's parameters without those of interventions that no strategy has."""
    names = {one.name for strategy in experiment.resolved_strategies for one in strategy.composed}
    return {
        key: value
        for key, value in experiment.parameters.items()
        if key.split(".")[0] != INTERVENTION_SET or key.split(".")[1] in names
    }
