"""All measures that a study can report, gathered from the modules that compute them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import MappingProxyType

from popsim.care.policy import telemonitoring_by_day
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.horizon import observed_part
from popsim.economics.outcome_valuation import COSTS, HEALTH, LATER_PART, NET_BENEFIT
from popsim.errors import InputError, did_you_mean
from popsim.outcomes.alerts import ALERTS
from popsim.outcomes.discharges import AVOIDABLE
from popsim.outcomes.equity import EQUITY, LEAST_DEPRIVED, MOST_DEPRIVED
from popsim.outcomes.follow_up import HOSPITAL
from popsim.outcomes.home_time import HOME_TIME
from popsim.outcomes.measure import OutcomeMeasure
from popsim.outcomes.measures import DEATH, READMISSION
from popsim.outcomes.occupancy import OCCUPANCY
from popsim.outcomes.presentations import PRESENTATIONS
from popsim.outcomes.standardised import STANDARDISED
from popsim.outcomes.utilisation import USE, WAITING
from popsim.studies.design import Study
from popsim.studies.organ_systems import absent_causes
from popsim.units import DAYS_PER_YEAR

STORED = (
    *READMISSION, *AVOIDABLE, *USE, *DEATH, *HOME_TIME, *EQUITY, *WAITING, *OCCUPANCY, *COSTS, *HEALTH, *LATER_PART,
    *PRESENTATIONS, *ALERTS,
)  # fmt: skip
MEASURES = MappingProxyType({measure.name: measure for measure in (*STORED, *STANDARDISED, NET_BENEFIT)})
CLASSES = {"ward": HOSPITAL, "emergency": ("emergency",)}  # of the settings that a family has a measure of


def measure_of(name: str) -> OutcomeMeasure:
    """The declaration of a measure, or of the family that it belongs to.

    Raises:
        InputError: there is none.
    """
    head, _, rest = name.partition(".")
    family = (f"{head}.*", f"{head}.{rest.rpartition('.')[0]}.*", f"{head.rstrip('0123456789')}*.{rest}")
    found = next((MEASURES[key] for key in (name, *family) if key in MEASURES), None)
    if found is None:
        raise InputError(f"measure '{name}': {did_you_mean(name, MEASURES)}")
    return found


def measures_of(study: Study) -> list[str]:
    """Names of the measures that a run of a study can store; those of settings that nobody reaches may be missing."""
    experiment = study.experiment
    desks = guided_centres(experiment)
    names = [name for measure in STORED if desks or measure not in ALERTS for name in _members(measure, study)]
    absent = absent_measures(experiment)
    return [name for name in names if name not in absent]


def absent_measures(experiment: ExperimentDefinition) -> set[str]:
    """Names of the measures of organ systems which the experiment leaves out, or of an observed part it has not."""
    absent = {f"presentations_{cause}_per_person_year" for cause in absent_causes(experiment)}
    return absent if observed_part(experiment) else absent | {measure.name for measure in LATER_PART}


def check_measures(names: Iterable[str], known: Iterable[str]) -> None:
    """Refuse a name that is not a measure.

    Raises:
        InputError: the first such name.
    """
    measures = set(known)
    for name in names:
        if name not in measures:
            raise InputError(f"measure '{name}': {did_you_mean(str(name), measures)}")


def guided_centres(experiment: ExperimentDefinition) -> set[str]:
    """Settings that answer alerts under any strategy, if guidance raises alerts in the experiment."""
    strategies = experiment.resolved_strategies
    if all(strategy.guidance is None for strategy in strategies):
        return set()
    programmes = [one for strategy in strategies for one in telemonitoring_by_day(strategy).values()]
    return {one.desk for one in programmes if one is not None}


def _members(measure: OutcomeMeasure, study: Study) -> Iterator[str]:
    """The measure's name; of a family, one for each setting, fifth or year that the study has."""
    years = int((study.experiment.follow_up_days - 1) / DAYS_PER_YEAR) + 1
    each = {
        "": ("*",),
        "fifth": range(MOST_DEPRIVED, LEAST_DEPRIVED + 1),
        "year": range(1, years + 1),
        "limited": [s.name for s in study.network.settings if s.setting_class != "outpatient"],
    } | {kind: [s.name for s in study.network.settings if s.setting_class in of] for kind, of in CLASSES.items()}
    yield from (measure.name.replace("*", str(one)) for one in each[measure.each])
