"""Parameters of a study: the model's, with the experiment's changes, and their uncertainty."""

from __future__ import annotations

from collections.abc import Mapping

from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.parameter import ParameterChange
from popsim.definitions.uncertainty import Correlated
from popsim.errors import DefinitionError
from popsim.evidence.draws import UncertainParameters, uncertain_parameters
from popsim.evidence.parameters import SETS_OF_PHYSIOLOGY, ParameterSet, find_parameter, load_parameters
from popsim.studies.intervention_parameters import INTERVENTION_SET, intervention_parameters
from popsim.studies.prices import check_currency

PRICE_SET = "nhs_prices"


def resolve_parameters(
    experiment: ExperimentDefinition, file: object
) -> tuple[dict[str, ParameterSet], UncertainParameters]:
    """All parameter sets with the experiment's changes, and everything that is uncertain in them.

    Raises:
        DefinitionError: a name is unknown; a value, a distribution or a group is refused; prices are in another
            currency than the experiment; or it has draws when nothing is uncertain.
    """
    sets = {name: load_parameters(name) for name in SETS_OF_PHYSIOLOGY[experiment.physiology]}
    sets[INTERVENTION_SET] = intervention_parameters(experiment.resolved_strategies)
    for group in experiment.parameter_groups:
        if not isinstance(group, Correlated):  # it defines its members completely, instead of their set
            for dotted in group.parameters:
                name, parameter = find_parameter(dotted, sets, file, "parameter_groups", dotted)
                sets[name] = sets[name].without_uncertainty([parameter])
    for name, changes in _changes(experiment, sets, file).items():
        sets[name] = sets[name].with_values(changes, file)
    check_currency(experiment, sets, file)
    uncertain = uncertain_parameters(sets, experiment.parameter_groups, file)
    if experiment.draws and not uncertain.names:
        allowed = "must be 0: no parameter is uncertain (give one an 'uncertainty' in parameters)"
        raise DefinitionError(file, "draws", experiment.draws, allowed)
    return sets, uncertain


def _changes(
    experiment: ExperimentDefinition, sets: Mapping[str, ParameterSet], file: object
) -> dict[str, dict[str, float | ParameterChange]]:
    """The experiment's changes, by set."""
    changes: dict[str, dict[str, float | ParameterChange]] = {name: {} for name in sets}
    for dotted, change in experiment.parameters.items():
        value = change if isinstance(change, float) else None
        name, parameter = find_parameter(dotted, sets, file, f"parameters.{dotted}", value)
        changes[name][parameter] = change
    for key in ("discount_rate_costs", "discount_rate_qalys"):
        rate = getattr(experiment, key)
        if rate is not None:
            changes[PRICE_SET][key] = rate
    return changes
