"""Checks of targets before anything is simulated: names that exist, and arguments that their quantity has."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from popsim.calibration.endpoints import DEATHS, ENDPOINTS
from popsim.calibration.observed import DESTINATION
from popsim.calibration.quantities import QUANTITIES, is_contrast
from popsim.calibration.quantity import Quantity
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.target import Target
from popsim.errors import DefinitionError, did_you_mean
from popsim.kernels.codes import CAUSE_NAMES
from popsim.population.baseline import BASELINE
from popsim.population.columns import Schema
from popsim.studies.entry_columns import known_at_entry

ARGUMENTS = (
    "days", "from_day", "by_day", "times", "causes", "destinations", "deaths", "index_causes", "endpoint", "column",
    "per", "transform", "adjusted_for",
)  # fmt: skip
CAUSES = (*CAUSE_NAMES[1:], "any")


def entry_columns(targets: Sequence[Target]) -> tuple[str, ...]:
    """Columns at entry, beside the baseline, that the targets need."""
    wanted = [name for target in targets for _, name in _columns(target)]
    return tuple(name for name in dict.fromkeys(wanted) if name not in (*BASELINE, DESTINATION))


def check_targets(
    targets: Sequence[Target], experiment: ExperimentDefinition, schema: Schema, settings: Collection[str], path: Path
) -> None:
    """Refuse targets that cannot be measured.

    Args:
        targets: of one experiment.
        experiment: that simulates their people.
        schema: columns of the people.
        settings: names of the settings of the network.
        path: of the file.

    Raises:
        DefinitionError: names target and key.
    """
    if not targets:
        raise DefinitionError(path, "targets", None, "must have at least one")
    names = [target.name for target in targets]
    for target in targets:
        where = f"targets.{target.name}"
        if names.count(target.name) > 1:
            raise DefinitionError(path, where, None, "the name is used twice, each must be its own")
        if target.quantity not in QUANTITIES:
            raise DefinitionError(path, f"{where}.quantity", target.quantity, known=QUANTITIES)
        _check_arguments(target, QUANTITIES[target.quantity], path)
        _check_names(target, schema, settings, path)
        _check_arms(target, QUANTITIES[target.quantity], experiment, path)
        of_index = "index_causes" in QUANTITIES[target.quantity].takes
        if of_index and not target.index_causes and experiment.entry == "home":
            allowed = "must be given, for nobody enters by a discharge (entry = 'home')"
            raise DefinitionError(path, f"{where}.index_causes", None, allowed)
        if target.days is not None and target.days > experiment.follow_up_days:
            allowed = f"must not be above follow_up_days ({experiment.follow_up_days})"
            raise DefinitionError(path, f"{where}.days", target.days, allowed)


def _check_arguments(target: Target, quantity: Quantity, path: Path) -> None:
    """Refuse an argument that the quantity lacks, does not have, or that is in another unit."""
    where = f"targets.{target.name}"
    fields, names = type(target).model_fields, dict.fromkeys((*ARGUMENTS, *quantity.needs))
    given = [name for name in names if getattr(target, name) != fields[name].default]
    for name in quantity.needs:
        if name not in given:
            raise DefinitionError(path, f"{where}.{name}", None, f"must be given for {target.quantity}")
    taken = (*quantity.needs, *quantity.takes)
    for name in given:
        if name not in taken:
            allowed = f"{target.quantity} does not have it, it has {', '.join(taken) or 'no arguments'}"
            raise DefinitionError(path, f"{where}.{name}", None, allowed)
    ratio = target.contrast in ("ratio", "odds_ratio")  # its unit is checked with the target itself
    if quantity.units and not ratio and target.unit not in quantity.units:
        raise DefinitionError(path, f"{where}.unit", target.unit, known=quantity.units)
    if target.contrast == "odds_ratio" and "proportion" not in quantity.units:
        allowed = f"{target.quantity} is no proportion, take difference or ratio"
        raise DefinitionError(path, f"{where}.contrast", target.contrast, allowed)


def _check_names(target: Target, schema: Schema, settings: Collection[str], path: Path) -> None:
    """Refuse names of endpoints, causes, destinations and columns that do not exist."""
    where = f"targets.{target.name}"
    if target.endpoint is not None and target.endpoint not in ENDPOINTS:
        raise DefinitionError(path, f"{where}.endpoint", target.endpoint, known=ENDPOINTS)
    for key, known in (
        ("causes", CAUSES), ("index_causes", CAUSES), ("deaths", tuple(DEATHS)), ("destinations", tuple(settings))
    ):  # fmt: skip
        for name in getattr(target, key):
            if name not in known:
                raise DefinitionError(path, f"{where}.{key}", name, known=known)
    known = known_at_entry(schema)
    for key, name in _columns(target):
        if name not in known and (name != DESTINATION or key in ("column", "adjusted_for")):
            allowed = did_you_mean(name, (*known, DESTINATION))  # an outcome would select different people by strategy
            raise DefinitionError(path, f"{where}.{key}", name, f"must be known at entry, {allowed}")
    for key in ("where", "group", "reference_group"):
        for condition in getattr(target, key):
            if condition.column != DESTINATION:
                continue
            if condition.equals not in settings:
                raise DefinitionError(path, f"{where}.{key}", condition.equals, f"{DESTINATION}: is", settings)


def _check_arms(target: Target, quantity: Quantity, experiment: ExperimentDefinition, path: Path) -> None:
    """Refuse an arm that does not exist, and a contrast without two groups."""
    where = f"targets.{target.name}"
    arms = [strategy.name for strategy in experiment.strategies]
    if target.arm and target.arm not in arms:
        raise DefinitionError(path, f"{where}.arm", target.arm, known=arms)
    if quantity.contrast and target.contrast:
        allowed = f"{target.quantity} is a contrast already, leave it out"
        raise DefinitionError(path, f"{where}.contrast", target.contrast, allowed)
    contrast = is_contrast(target)
    if target.group and not contrast and "group" not in quantity.needs:
        raise DefinitionError(path, f"{where}.group", None, "needs a contrast; where chooses the people of a figure")
    if contrast and not target.group and target.arm in ("", experiment.reference):
        raise DefinitionError(path, f"{where}.arm", target.arm, "must be an arm other than the comparator")


def _columns(target: Target) -> Iterator[tuple[str, str]]:
    """Key and name of every column of people at entry that a target names."""
    for key in ("where", "group", "reference_group"):
        for condition in getattr(target, key):
            yield key, condition.column
    if target.column is not None:
        yield "column", target.column
    for name in target.adjusted_for:
        yield "adjusted_for", name
