"""What a planner can move in an experiment: beds, slots, nurses, uptake, drugs, thresholds, prices, horizon.

A lever is a number of the experiment or of its care network. All but the willingness to pay need a new simulation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.interventions import FollowUp, Telemonitoring
from popsim.definitions.network import NetworkDefinition, SettingDefinition
from popsim.definitions.parameter import ParameterChange
from popsim.definitions.strategy import Strategy
from popsim.errors import DefinitionError, InputError, did_you_mean
from popsim.evidence.sets import SHIPPED, VALUATION_SETS
from popsim.studies.strategy_values import with_values

GROUPS = (
    "Beds",
    "Slots",
    "Nurses",
    "Uptake",
    "Drugs",
    "Thresholds",
    "Prices",
    "Unit prices",
    "Horizon",
    "Size of the run",
)
PERCENT = 100.0
FIELDS = ("follow_up_days", "willingness_to_pay", "population", "replications", "draws", "seed")
STRATEGY, CAPACITY, PARAMETER = "strategies.", "capacity.", "parameters."


@dataclass(frozen=True, slots=True)
class Lever:
    """One number.

    Attributes:
        key: where it stands: "capacity.ward", "strategies.telemonitoring.telemonitoring.uptake", "follow_up_days".
        group: one of GROUPS.
        label: with its unit.
        value: as the experiment has it, in the unit of the label.
        low, high: ends of the input; the experiment's own checks decide.
        step: 1 for whole numbers.
        factor: from the experiment's number to the one shown: 100 for a share in %.
    """

    key: str
    group: str
    label: str
    value: float
    low: float = 0.0
    high: float | None = None
    step: float = 1.0
    factor: float = 1.0


def levers_of(experiment: ExperimentDefinition, network: NetworkDefinition) -> list[Lever]:
    """Every lever of an experiment with its network, group by group."""
    found = [*_capacities(experiment, network), *_strategies(experiment, network), *_unit_prices(experiment)]
    if experiment.follow_up is None:
        found.append(
            Lever("follow_up_days", "Horizon", "Follow-up of each person, days", experiment.follow_up_days, 1, 36525)
        )
    currency = experiment.currency
    found += [
        Lever("willingness_to_pay", "Prices", f"Willingness to pay for a QALY, {currency}",
              experiment.willingness_to_pay, step=500),
        Lever("population", "Size of the run", "People in each replication", experiment.population, 1, 20_000_000),
        Lever("replications", "Size of the run", "Replications", experiment.replications, 1, 10_000),
        Lever("draws", "Size of the run", "Parameter draws (0: none)", experiment.draws, 0, 9_999),
        Lever("seed", "Size of the run", "Seed of the random numbers", experiment.seed, 0, 2**32 - 1),
    ]  # fmt: skip
    return sorted(_once(found), key=lambda lever: GROUPS.index(lever.group))


def changed(
    experiment: ExperimentDefinition, network: NetworkDefinition, changes: Mapping[str, float], file: object
) -> ExperimentDefinition:
    """The experiment with other values of some levers, in the units of their labels, checked as if read from a file.

    Raises:
        DefinitionError: a value is refused.
        InputError: there is no such lever.
    """
    levers = {lever.key: lever for lever in levers_of(experiment, network)}
    update: dict[str, Any] = {}
    capacity, parameters = dict(experiment.capacity), dict(experiment.parameters)
    of_strategies: dict[str, dict[str, Any]] = {}
    for key, shown in changes.items():
        if key not in levers:
            raise InputError(f"{file}: nothing to change at '{key}', {did_you_mean(key, levers)}")
        lever = levers[key]
        if shown == lever.value:
            continue
        number = shown / lever.factor
        value: Any = int(number) if lever.step == 1.0 and lever.factor == 1.0 and number.is_integer() else number
        if key.startswith(CAPACITY):
            capacity[key.removeprefix(CAPACITY)] = value
        elif key.startswith(PARAMETER):
            parameters[key.removeprefix(PARAMETER)] = float(value)  # certain: its draws would stay around the old value
        elif key.startswith(STRATEGY):
            name, _, path = key.removeprefix(STRATEGY).partition(".")
            of_strategies.setdefault(name, {})[path] = value
        else:
            update[key] = float(value) if key == "willingness_to_pay" else value
    if capacity != experiment.capacity:
        update["capacity"] = capacity
    if parameters != experiment.parameters:
        update["parameters"] = parameters
    if of_strategies:
        update["strategies"] = tuple(
            with_values(one, of_strategies[one.name], file, f"strategies.{one.name}")
            if one.name in of_strategies
            else one
            for one in experiment.resolved_strategies
        )
    try:
        return experiment.changed(update, file) if update else experiment
    except DefinitionError as error:
        raise DefinitionError(file, error.key, error.value, error.allowed) from None


def in_words(levers: list[Lever], changes: Mapping[str, float]) -> list[str]:
    """What was changed, a line each: "Cardiology ward, beds: 20 instead of 16"."""
    named = {lever.key: lever for lever in levers}
    return [
        f"{named[key].label}: {value:,g} instead of {named[key].value:,g}"
        for key, value in changes.items()
        if key in named and value != named[key].value
    ]


def _once(levers: list[Lever]) -> list[Lever]:
    """Two items of a list with the same name cannot be told apart: only the first can be moved."""
    return list({lever.key: lever for lever in reversed(levers)}.values())[::-1]


def _capacities(experiment: ExperimentDefinition, network: NetworkDefinition) -> Iterator[Lever]:
    """Beds, slots and nurses of the network, for its reference population, as the experiment has them."""
    for setting in network.settings:
        places = experiment.capacity.get(setting.name, setting.places)
        if isinstance(places, int) and setting.setting_class != "router" and places > 0:
            yield _capacity(f"{CAPACITY}{setting.name}", setting, places, experiment)


def _capacity(
    key: str, setting: SettingDefinition, places: int, experiment: ExperimentDefinition, of: str = ""
) -> Lever:
    if setting.slots_per_day is None:
        group, what = "Beds", "beds or places"
    elif setting.clinician == "nurse" or setting.name in _desks(experiment):
        group, what = "Nurses", "contacts that nurses have time for a day"
    else:
        group, what = "Slots", "slots a day"
    return Lever(key, group, f"{of}{setting.title}, {what}", places, 1.0)


def _desks(experiment: ExperimentDefinition) -> set[str]:
    """Settings that answer the alerts of telemonitoring under some strategy."""
    every = [one.telemonitoring for one in experiment.resolved_strategies]
    every += [
        part.telemonitoring
        for one in experiment.resolved_strategies
        for part in one.interventions
        if part.kind == "policy"
    ]
    return {one.desk for one in every if one is not None}


def _strategies(experiment: ExperimentDefinition, network: NetworkDefinition) -> Iterator[Lever]:
    settings = {setting.name: setting for setting in network.settings}
    for strategy in experiment.resolved_strategies:
        of, at = f"{strategy.title}: ", f"{STRATEGY}{strategy.name}."
        for name, places in strategy.capacity.items():
            if name in settings:
                yield _capacity(f"{at}capacity.{name}", settings[name], places, experiment, of)
        yield from _policy(strategy.follow_up, strategy.telemonitoring, settings, of, at, experiment.currency)
        yield from _guidance(strategy, of, at)
        if strategy.name != experiment.reference or strategy.cost_per_person:
            label = f"{of}programme cost per person, {experiment.currency}"
            yield Lever(f"{at}cost_per_person", "Prices", label, strategy.cost_per_person, step=0.01)
        for part in strategy.interventions:
            yield from _intervention(part, settings, of, f"{at}interventions.{part.name}.", experiment)


def _policy(
    follow_up: tuple[FollowUp, ...], telemonitoring: Telemonitoring | None, settings: Mapping[str, SettingDefinition],
    of: str, at: str, currency: str,
) -> Iterator[Lever]:  # fmt: skip
    for one in follow_up:
        where = settings[one.setting].title.lower() if one.setting in settings else one.setting
        key = f"{at}follow_up.{one.setting}."
        yield _share(f"{key}uptake", "Uptake", f"{of}{where} booked after discharge", one.uptake)
        yield Lever(
            f"{key}within_days", "Thresholds", f"{of}{where}, due within days of discharge", one.within_days, 1, 365
        )
    if telemonitoring is None:
        return
    key = f"{at}telemonitoring."
    yield _share(f"{key}uptake", "Uptake", f"{of}telemonitoring taken up", telemonitoring.uptake)
    yield Lever(f"{key}duration_days", "Horizon", f"{of}telemonitoring, days", telemonitoring.duration_days, 1, 3653)
    for name, words, step in (
        ("weight_gain_kg", "alert above a gain of weight of, kg", 0.1),
        ("systolic_low_mmhg", "alert below a systolic pressure of, mmHg", 1.0),
        ("systolic_high_mmhg", "alert above a systolic pressure of, mmHg", 1.0),
        ("heart_rate_low_bpm", "alert below a heart rate of, beats a minute", 1.0),
        ("heart_rate_high_bpm", "alert above a heart rate of, beats a minute", 1.0),
        ("days_between_alerts", "days between alerts of one person", 1.0),
    ):
        yield Lever(f"{key}{name}", "Thresholds", f"{of}{words}", getattr(telemonitoring, name), step=step)
    if telemonitoring.cost_per_day is not None:
        label = f"{of}telemonitoring per day, {currency}"
        yield Lever(f"{key}cost_per_day", "Prices", label, telemonitoring.cost_per_day, step=0.001)


def _guidance(strategy: Strategy, of: str, at: str) -> Iterator[Lever]:
    guidance = strategy.guidance
    if guidance is None:
        return
    label = f"{of}alert from a risk within {guidance.horizon_days} days of"
    yield _share(f"{at}guidance.alert_from_risk", "Thresholds", label, guidance.alert_from_risk, 200.0)
    yield _share(f"{at}guidance.adoption", "Uptake", f"{of}clinicians who use the guidance", guidance.adoption)
    if guidance.alerts_per_day is not None:
        yield Lever(f"{at}guidance.alerts_per_day", "Nurses", f"{of}alerts answered a day", guidance.alerts_per_day)


def _intervention(
    part: Any, settings: Mapping[str, SettingDefinition], of: str, at: str, experiment: ExperimentDefinition
) -> Iterator[Lever]:
    name = f"{of}{part.title[:1].lower()}{part.title[1:]}"
    if part.kind == "capacity":
        if part.setting in settings:
            yield _capacity(f"{at}places", settings[part.setting], part.places, experiment, f"{name}: ")
        return
    if part.kind == "policy":
        yield from _policy(part.follow_up, part.telemonitoring, settings, f"{name}: ", at, experiment.currency)
        return
    yield _share(f"{at}uptake", "Drugs" if part.kind == "drug" else "Uptake", f"{name}, taken up", part.uptake)
    if part.kind == "genetic_test":
        yield Lever(f"{at}cost_once", "Prices", f"{name}, cost once, {experiment.currency}", part.cost_once, step=0.01)
        return
    yield _share(f"{at}adherence", "Drugs" if part.kind == "drug" else "Uptake", f"{name}, adherence", part.adherence)
    if part.kind == "drug" and part.dose is not None:
        step = 0.01 if part.dose <= 1.0 else 1.0
        yield Lever(f"{at}dose", "Drugs", f"{name}, dose (of the target, or as in the file)", part.dose, step=step)
    for key, words in (("cost_once", "cost once"), ("cost_per_day", "cost per day")):
        yield Lever(f"{at}{key}", "Prices", f"{name}, {words}, {experiment.currency}", getattr(part, key), step=0.001)


def _share(key: str, group: str, label: str, value: float, high: float = 100.0) -> Lever:
    return Lever(key, group, f"{label}, %", round(value * PERCENT, 6), 0.0, high, 1.0, PERCENT)


def _unit_prices(experiment: ExperimentDefinition) -> Iterator[Lever]:
    """Prices of the country's set of care, in its own money, as shipped or as the experiment has them."""
    name = VALUATION_SETS[experiment.prices].care
    for key in SHIPPED[name]:
        one = SHIPPED[name].of(key)
        if one.currency is None:
            continue
        said = experiment.parameters.get(f"{name}.{key}")
        own = said.value if isinstance(said, ParameterChange) else said
        value = one.value if own is None else own
        label = f"{key.replace('_', ' ').capitalize()}, {one.unit}"
        yield Lever(f"{PARAMETER}{name}.{key}", "Unit prices", label, value, step=0.01)
