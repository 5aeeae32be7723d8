"""The organ systems that an experiment simulates, and what of it needs one that is left out."""

from __future__ import annotations

from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.interventions import DrugIntervention, GeneticTest
from popsim.errors import DefinitionError
from popsim.physiology.clinical import ORGAN_SYSTEMS, chosen_organ_systems
from popsim.studies.warnings import conditions_of

DRUGS = "drugs"
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
    return chosen_organ_systems(experiment.organ_systems, file) if experiment.physiology == "clinical" else ()


def absent_causes(experiment: ExperimentDefinition) -> set[str]:
    """Causes with which nobody presents, for want of an organ system."""
    chosen = organ_systems_of(experiment)
    absent = {cause for cause, systems in PRESENT_WITH.items() if systems.isdisjoint(chosen)}
    return absent if experiment.physiology == "clinical" else set()


def refuse_left_out(experiment: ExperimentDefinition, file: object) -> None:
    """Refuse what has no effect, or never changes, without an organ system that the experiment leaves out.

    A network and a trial's inclusion may test its columns: people keep their state at entry.

    Raises:
        DefinitionError: an organ system is refused, or the first such key.
    """
    chosen = organ_systems_of(experiment, file)
    if experiment.physiology != "clinical":
        return
    left_out = {name: system for name, system in ORGAN_SYSTEMS.items() if name not in chosen}

    def refuse(name: str, key: str, value: object) -> None:
        raise DefinitionError(file, key, value, f"needs the organ system '{name}', which organ_systems leaves out")

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
