"""Parameters of a study: the model's, with the experiment's changes, and their uncertainty."""

from __future__ import annotations

from collections.abc import Mapping

from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.parameter import ParameterChange
from popsim.definitions.uncertainty import Correlated
from popsim.economics.discounting import Steps, first_rate, steps_of
from popsim.economics.price_indices import PriceIndices
from popsim.errors import DefinitionError
from popsim.evidence.draws import UncertainParameters, uncertain_parameters
from popsim.evidence.parameters import ParameterSet
from popsim.evidence.sets import INTERVENTION_SET, Parameters, find_parameter
from popsim.studies.intervention_parameters import intervention_parameters
from popsim.studies.prices import in_money_of


def resolve_parameters(
    experiment: ExperimentDefinition,
    file: object,
    added: Mapping[str, ParameterSet] | None = None,
    indices: PriceIndices | None = None,
) -> tuple[Parameters, UncertainParameters]:
    """All parameter sets with the experiment's changes, and everything that is uncertain in them.

    Args:
        experiment: with its strategies.
        file: named in errors.
        added: the sets of a user's own organ systems.
        indices: those that popsim has where None.

    Raises:
        DefinitionError: a name is unknown; a value, a distribution or a group is refused; a price cannot be brought to
            the experiment's money; or it has draws when nothing is uncertain.
    """
    parameters = in_money_of(experiment, _sets_of(experiment, added), indices, file)
    parameters = _with_changes(experiment, parameters, file)
    uncertain = uncertain_parameters(parameters.counted, experiment.parameter_groups, file)
    if experiment.draws and not uncertain.names:
        allowed = "must be 0: no parameter is uncertain (give one an 'uncertainty' in parameters)"
        raise DefinitionError(file, "draws", experiment.draws, allowed)
    return parameters, uncertain


def unconverted_parameters(experiment: ExperimentDefinition, file: object) -> Parameters:
    """All parameter sets with the experiment's changes, for what does not depend on the money of the prices."""
    return _with_changes(experiment, _sets_of(experiment), file)


def _sets_of(experiment: ExperimentDefinition, added: Mapping[str, ParameterSet] | None = None) -> Parameters:
    """The sets as they are shipped, and those of the experiment's strategies and organ systems."""
    own = intervention_parameters(experiment.resolved_strategies)
    return Parameters({INTERVENTION_SET: own}, added, experiment.prices)


def _with_changes(experiment: ExperimentDefinition, parameters: Parameters, file: object) -> Parameters:
    """The sets as the experiment changes them."""
    for group in experiment.parameter_groups:
        if not isinstance(group, Correlated):  # it defines its members completely, instead of their set
            for dotted in group.parameters:
                name, key = find_parameter(dotted, parameters, file, "parameter_groups", dotted)
                parameters = parameters.given({name: parameters[name].without_uncertainty([key])})
    for title, names in experiment.information_groups.items():
        for dotted in names:
            find_parameter(dotted, parameters, file, f"information_groups.{title}", dotted)
    parameters = parameters.with_values(experiment.parameters, file, "parameters.{}")
    return parameters.with_values(_discount_rates(experiment, parameters.valuation.care), file)


def _discount_rates(experiment: ExperimentDefinition, care: str) -> dict[str, float | ParameterChange]:
    """The rates at entry that the experiment gives beside its parameters."""
    rates = {key: getattr(experiment, key) for key in ("discount_rate_costs", "discount_rate_qalys")}
    return {f"{care}.{key}": first_rate(rate) for key, rate in rates.items() if rate is not None}


def discount_steps(experiment: ExperimentDefinition) -> tuple[Steps, Steps]:
    """The later rates of costs and of QALYs."""
    return steps_of(experiment.discount_rate_costs), steps_of(experiment.discount_rate_qalys)
