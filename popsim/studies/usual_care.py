"""The care under which people live before they enter: the comparator's, without what is studied."""

from __future__ import annotations

import math
from typing import Any

from popsim.care.compiled import home_of
from popsim.care.network import CareNetwork
from popsim.care.policy import networks_by_day
from popsim.definitions.experiment import Entry, ExperimentDefinition
from popsim.definitions.network import MAX_CAPACITY, UNLIMITED, NetworkDefinition, SettingDefinition
from popsim.definitions.strategy import Strategy
from popsim.errors import DefinitionError
from popsim.evidence.sets import INTERVENTION_SET, Parameters
from popsim.kernels.care.records import EXIT
from popsim.kernels.codes import ENTERED_ADMITTED, ENTERED_AT_HOME, ENTERED_DISCHARGED
from popsim.studies.intervention_parameters import with_parameters

ENTERED_AS: dict[Entry, int] = {
    "as_described": ENTERED_DISCHARGED,
    "home": ENTERED_AT_HOME,
    "discharge": ENTERED_DISCHARGED,
    "admission": ENTERED_ADMITTED,
}
LONGEST_WAIT_DAYS = 730  # after the run-in, for the admission with which people enter
SCREENED_PER_RECRUIT = 1.5  # people screened for each one recruited, at first
SCREENED_PER_ADMITTED = 6.0  # the same where people wait for an admission, to which a sixth to a half come


def lived_at_first(experiment: ExperimentDefinition, size: int) -> int:
    """People who live through a run-in, at first, so that so many enter; 0 without a run-in."""
    if experiment.entry == "as_described":
        return 0
    if experiment.entry == "home":
        return math.ceil(size * SCREENED_PER_RECRUIT) if experiment.trial else size
    return math.ceil(size * SCREENED_PER_ADMITTED)


def days_lived(experiment: ExperimentDefinition) -> int:
    """Days that people live before they enter, at most: a run-in, and the wait for an admission; 0 without a run-in."""
    if experiment.entry == "as_described":
        return 0
    return experiment.run_in_days + (0 if experiment.entry == "home" else LONGEST_WAIT_DAYS)


def usual_care(experiment: ExperimentDefinition, parameters: Parameters) -> Strategy:
    """The comparator's follow-up contacts, capacities and drugs not started; no interventions and no programmes."""
    studied = {"interventions": (), "telemonitoring": None, "guidance": None, "cost_per_person": 0.0}
    comparator = with_parameters(experiment.strategy(experiment.reference), parameters[INTERVENTION_SET])
    return comparator.model_copy(update=studied)


def entry_content(experiment: ExperimentDefinition, parameters: Parameters) -> dict[str, Any]:
    """What decides who enters, and with which past, beside what all units depend on."""
    inclusion = experiment.trial.inclusion if experiment.trial else ()
    content: dict[str, Any] = {
        "entry": experiment.entry,
        "inclusion": [one.model_dump(mode="json") for one in inclusion],
    }
    if experiment.entry != "as_described":
        content |= {"run_in_days": experiment.run_in_days, "index_causes": sorted(experiment.index_causes)}
        content |= {"usual_care": usual_care(experiment, parameters).model_dump(mode="json")}
    return content


def refuse_homeless(experiment: ExperimentDefinition, network: CareNetwork, file: object) -> None:
    """Refuse a network in which nobody can live before entry.

    Raises:
        DefinitionError: people have a past, and no setting is their home, or they enter by a stay in hospital and
            nobody presents to it.
    """
    named = f"the network '{network.definition.name}' needs"
    if experiment.entry != "as_described" and home_of(network) == EXIT:
        home = "a setting of class community with unlimited capacity, where people live before entry"
        raise DefinitionError(file, "entry", experiment.entry, f"{named} {home}")
    if experiment.entry in ("discharge", "admission") and network.definition.presentation is None:
        raise DefinitionError(file, "entry", experiment.entry, f"{named} presentation, or nobody comes to hospital")


def unlimited(network: NetworkDefinition) -> NetworkDefinition:
    """The network without limits and without external patients, so that what happens to a person depends on nobody."""
    settings = tuple(_unlimited(setting) for setting in network.settings)
    nobody = tuple(source.model_copy(update={"per_day": 0.0}) for source in network.arrivals)
    begins = {"census": (), "warm_up_days": 0}
    return network.model_copy(update={"settings": settings, "arrivals": nobody, "reference_population": None} | begins)


def _unlimited(setting: SettingDefinition) -> SettingDefinition:
    if setting.slots_per_day is not None:
        return setting.model_copy(update={"slots_per_day": MAX_CAPACITY})
    return setting.model_copy(update={"capacity": UNLIMITED, "rota": ()}) if setting.is_stay_setting else setting


def scaled_once(network: CareNetwork, care: Strategy, population: int) -> NetworkDefinition:
    """The network for a population, with the capacities of usual care; it is not scaled again."""
    first = networks_by_day(network, care, population)[0]
    return first.definition.model_copy(update={"reference_population": None})
