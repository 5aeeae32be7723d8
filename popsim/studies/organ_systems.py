"""The organ systems that an experiment simulates, and what of it needs one that is left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.interventions import DrugIntervention, GeneticTest
from popsim.errors import DefinitionError, InputError
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology.clinical import ORGAN_SYSTEMS, chosen_organ_systems
from popsim.physiology.own import OrganSystemInFile, Own, own_columns, own_parameter_files
from popsim.population.clock import Clock
from popsim.population.columns import Schema
from popsim.population.entry import refuse_impossible
from popsim.population.sampling import sample
from popsim.simulation.schema import COLUMNS, SCHEMA
from popsim.studies.warnings import conditions_of

if TYPE_CHECKING:
    from popsim.studies.design import Study

DRUGS = "drugs"
TRIED = 8  # people who try a user's own organ systems
# Organ systems that alone can make a twin present with a cause.
PRESENT_WITH = {
    "infarction": {"vessels"},
    "stroke": {"vessels"},
    "bleeding": {"vessels"},
    "fall": {"vessels", "ageing"},
    "glucose": {"diabetes"},
}


def organ_systems_of(experiment: ExperimentDefinition, file: object = "experiment") -> tuple[str, ...]:
    """Names of the organ systems around the heart-failure core, in the order in which they advance.

    Raises:
        DefinitionError: a name is unknown or used twice, or an organ system lacks one that it needs.
    """
    names, own = experiment.organ_systems, experiment.organ_systems_in_files
    return chosen_organ_systems(None if names is None else [name for name in names if name not in own], file)


def own_organ_systems_of(experiment: ExperimentDefinition, file: Path) -> tuple[OrganSystemInFile, ...]:
    """A user's own organ systems that an experiment names.

    Raises:
        DefinitionError: one is named twice, or its file is missing or refused.
    """
    names = experiment.organ_systems_in_files
    for name in names:
        if names.count(name) > 1:
            raise DefinitionError(file, "organ_systems", name, "is listed twice")
    own = tuple(OrganSystemInFile.read(file.parent, name, file) for name in names)
    for name, one in zip(names, own, strict=True):
        try:
            schema_of((one,))
            own_parameter_files((one,))
        except InputError as error:
            raise DefinitionError(file, "organ_systems", name, str(error).removeprefix("organ_systems: ")) from None
    return own


def try_for_a_day(study: Study) -> None:
    """Have a few people live for a day, so that a user's own organ system is refused before anything is simulated.

    Raises:
        DefinitionError: one fails, or leaves a value outside the bounds of its column.
    """
    key = RandomKey(study.experiment.seed)
    people = sample(study.cohort, study.schema, TRIED, key)
    people["alive"] = 1
    try:
        physiology = study.build_physiology(study.parameters, key)
        physiology.initialise(people)
        refuse_impossible(people, own_columns(study.own_organ_systems))
        physiology.advance(people, Clock(0))
        refuse_impossible(people, own_columns(study.own_organ_systems))
    except DefinitionError:
        raise
    except InputError as error:
        raise DefinitionError(study.file, "organ_systems", None, str(error).removeprefix("organ_systems: ")) from error


def schema_of(own: Sequence[Own]) -> Schema:
    """The columns of a twin, with those of a user's own organ systems."""
    return Schema((*COLUMNS, *own_columns(own))) if own else SCHEMA


def absent_causes(experiment: ExperimentDefinition) -> set[str]:
    """Causes with which nobody presents, for want of an organ system."""
    chosen = organ_systems_of(experiment)
    return {cause for cause, systems in PRESENT_WITH.items() if systems.isdisjoint(chosen)}


def refuse_left_out(experiment: ExperimentDefinition, file: object) -> None:
    """Refuse what has no effect, or never changes, without an organ system that the experiment leaves out.

    A network and a trial's inclusion may test its columns: people keep their state at entry.

    Raises:
        DefinitionError: an organ system is refused, or the first such key.
    """
    chosen = organ_systems_of(experiment, file)
    left_out = {name: system for name, system in ORGAN_SYSTEMS.items() if name not in chosen}

    def refuse(name: str, key: str, value: object) -> None:
        choose = "add it to the list (a scenario may have its own), or leave this key out"
        said = f"needs the organ system '{name}', which organ_systems leaves out: {choose}"
        raise DefinitionError(file, key, value, said)

    if experiment.environment is not None and "environment" in left_out:
        refuse("environment", "environment", experiment.environment)
    writer = {column.name: name for name, system in left_out.items() for column in system.columns}
    for key, conditions in conditions_of(experiment):
        for condition in conditions:
            if condition.column in writer and key != "trial.inclusion":
                refuse(writer[condition.column], key, condition.column)
    for target in experiment.targets:
        for cause in absent_causes(experiment) & {target.endpoint, *target.causes}:
            refuse(min(PRESENT_WITH[cause]), f"targets.{target.name}", cause)
    if DRUGS in left_out:
        for strategy in experiment.resolved_strategies:
            where = f"strategies.{strategy.name}"
            if strategy.drugs_not_started:
                refuse(DRUGS, f"{where}.drugs_not_started", strategy.drugs_not_started[0])
            for one in strategy.interventions:
                if isinstance(one, DrugIntervention | GeneticTest):
                    refuse(DRUGS, f"{where}.interventions.{one.name}.kind", one.kind)
