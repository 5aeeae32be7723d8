"""Experiments: the cohort, network, strategies, sizes and economics of one study, as a TOML file defines them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from popsim.definitions import money
from popsim.definitions.base import Definition
from popsim.definitions.fields import (
    AS_TUPLE,
    IDENTIFIER,
    MAX_LABEL_LENGTH,
    MAX_PATH_LENGTH,
    Checked,
    DefinitionPath,
    Identifier,
    Label,
    TablePath,
    Text,
    currency_code,
    whole,
)
from popsim.definitions.horizon import DiscountRate, Extrapolation, FollowUp, FollowUpDays, check_horizon, usual_days
from popsim.definitions.parameter import NestedEntries, ParameterEntry
from popsim.definitions.strategy import MAX_CAPACITY, Strategy, resolved
from popsim.definitions.target import Targets
from popsim.definitions.trial import Trial
from popsim.definitions.uncertainty import InformationGroups, ParameterGroups
from popsim.errors import InputError, did_you_mean

MAX_POPULATION = 20_000_000
MAX_REPLICATIONS = 10_000
MAX_DRAWS = 9_999
MAX_REGIONS_OF_DRAWS = 42  # with the two above, every unit has its own second word of the random key
MAX_REGIONS = 400  # without draws
REGION_POPULATION = 50_000  # people of a region where the experiment says no number of regions
MAX_SEED = 2**32 - 1  # one word of the random key
MAX_ENROLMENT_DAYS = 3653
RUN_IN_DAYS = 180  # where the experiment says no number and people have a past
MAX_RUN_IN_DAYS = 730
ENROLMENT_DAYS = 365  # where people enter with an admission, and the experiment says no number
AT_HOME = "must be 0 where entry = 'home', for they are all at home on day 0"
BASE_CASE = "base_case"  # the experiment itself in tables of scenarios


def _flattened(table: Any) -> Any:
    """Nested tables as dotted names: TOML reads an unquoted `a.b = 1` as `{a: {b: 1}}`. Tables of a parameter stay."""
    if not isinstance(table, Mapping):
        return table
    flat: dict[str, Any] = {}
    for key, value in table.items():
        entry = not isinstance(value, Mapping) or {"value", "uncertainty"} & {*value}
        flat |= {key: value} if entry else {f"{key}.{name}": v for name, v in _flattened(value).items()}
    return flat


IN_PYTHON_FILE = re.compile(r"(?!/)(?!.*\.\.)[^:\\\n]+\.py:[A-Za-z_][A-Za-z0-9_]*")


def _organ_system(value: object) -> object:
    known = isinstance(value, str) and (IDENTIFIER.fullmatch(value) or IN_PYTHON_FILE.fullmatch(value))
    if not known or len(str(value)) > MAX_PATH_LENGTH:
        raise ValueError('must be a name like "drugs", or "my_organs.py:Thyroid" of a file in the experiment\'s folder')
    return value


OrganSystemName = Annotated[str, Checked(_organ_system, (("maxLength", MAX_PATH_LENGTH),))]
PopulationSize = Annotated[int, whole(1, MAX_POPULATION)]
Replications = Annotated[int, whole(1, MAX_REPLICATIONS)]
Draws = Annotated[int, whole(0, MAX_DRAWS)]
Regions = Annotated[int, whole(1, MAX_REGIONS)]


def _usual_regions(experiment: dict[str, Any]) -> int:
    """Regions where none are said: catchments that fit into a processor's cache and into any computer's memory."""
    if experiment.get("trial") is not None:
        return 1
    most = MAX_REGIONS_OF_DRAWS if experiment.get("draws") else MAX_REGIONS
    population: int = experiment.get("population", 1)
    return min(-(-population // REGION_POPULATION), most)


Entry = Literal["as_described", "home", "discharge", "admission"]
# The causes of unplanned admissions (kernels/codes.py).
IndexCause = Literal[
    "heart_failure", "infection", "arrhythmia", "renal", "respiratory", "other", "infarction", "stroke", "bleeding",
    "fall", "glucose",
]  # fmt: skip
INDEX_CAUSES: tuple[IndexCause, ...] = ("heart_failure",)  # if the experiment does not say


def _usual_entry(experiment: dict[str, Any]) -> Entry:
    """Where people enter if the experiment does not say."""
    return "as_described" if experiment.get("trial") is None else "home"


def _usual_run_in(experiment: dict[str, Any]) -> int:
    """Days of run-in if the experiment does not say."""
    return 0 if experiment.get("entry") == "as_described" else RUN_IN_DAYS


def _usual_enrolment(experiment: dict[str, Any]) -> int:
    """Days of enrolment if the experiment does not say: admissions come throughout a year."""
    return ENROLMENT_DAYS if experiment.get("entry") in ("discharge", "admission") else 0


Seed = Annotated[int, whole(0, MAX_SEED)]
Parameters = Annotated[dict[str, ParameterEntry], BeforeValidator(_flattened, json_schema_input_type=NestedEntries)]
Places = Annotated[int, whole(1, MAX_CAPACITY)]
OrganSystems = Annotated[tuple[OrganSystemName, ...], AS_TUPLE]
EnrolmentDays = Annotated[int, whole(0, MAX_ENROLMENT_DAYS)]


class Cheers(Definition):
    """What readers must know about the study, under the headings of CHEERS 2022 that need words."""

    question: Text = ""
    population: Text = ""
    setting: Text = ""
    comparators: Text = ""
    perspective: Text = ""
    time_horizon: Text = ""
    discount_rate: Text = ""
    outcomes: Text = ""
    valuation: Text = ""
    currency: Text = ""
    rationale: Text = ""
    assumptions: Text = ""
    limitations: Text = ""


class Scenario(Definition):
    """The same comparison with a structural change: keys set here replace the experiment's.

    Attributes:
        name, label, description: key in files, name in tables, and its question.
        without: names of strategies to leave out.
        cohort, network, environment, organ_systems, capacity, population, enrolment_days: as in the experiment.
        follow_up, observed_days, extrapolation, follow_up_days: as in the experiment; follow_up and follow_up_days
            replace each other.
        perspective, discount_rate_costs, discount_rate_qalys, willingness_to_pay: as in the experiment.
        parameters, capacity: added to the experiment's, by name.
    """

    name: Identifier
    label: Label = ""
    description: Text = ""
    without: Annotated[tuple[Identifier, ...], AS_TUPLE] = ()
    cohort: DefinitionPath | None = None
    network: DefinitionPath | None = None
    environment: TablePath | None = None
    organ_systems: OrganSystems | None = None
    capacity: dict[Identifier, Places] = Field(default_factory=dict)
    population: PopulationSize | None = None
    follow_up: FollowUp = None
    observed_days: FollowUpDays | None = None
    extrapolation: Extrapolation | None = None
    follow_up_days: FollowUpDays | None = None
    enrolment_days: EnrolmentDays | None = None
    perspective: money.Perspective | None = None
    discount_rate_costs: DiscountRate | None = None
    discount_rate_qalys: DiscountRate | None = None
    willingness_to_pay: money.WillingnessToPay | None = None
    parameters: Parameters = Field(default_factory=dict)

    @property
    def title(self) -> str:
        """The label, or the name in words."""
        return self.label or self.name.replace("_", " ").capitalize()


class ExperimentDefinition(Definition):
    """A study: the same simulated people under each strategy, several times.

    Attributes:
        name: names the folder of results.
        cohort, network: definition files, relative to the experiment's file.
        environment: CSV file of temperature, particles and viruses by the day (population/environment_series.py); a
            temperate year when absent.
        organ_systems: those of a twin around its heart-failure core (physiology/clinical.py); all when
            absent. The others keep their state at entry and have no influence. "my_organs.py:Thyroid" is a class or an
            object of a Python file in the experiment's folder (physiology/own.py); it advances after those.
        strategies: the strategies compared, as in the file; `strategy(name)` resolves what one inherits.
        comparator: name of the strategy that the others are compared with; the first one when empty.
        capacity: beds or slots a day that replace the network's under every strategy, by setting (for its reference
            population).
        population: twins per replication, in all regions together.
        draws: parameter draws; 0: base-case values.
        replications: independent replications (of every draw), each with its own people and random numbers, which the
            strategies share.
        seed: first word of the random key.
        follow_up: "lifetime": everybody is simulated to death, or for `observed_days` with an extrapolation.
        observed_days: from entry; the share of life years, QALYs and costs that comes later is reported.
        extrapolation: how the years after `observed_days` are valued, which are then not simulated.
        follow_up_days: from each twin's entry; a year when absent.
        enrolment_days: number of days at the start over which entries are spread: usually 0, a year where people enter
            with an admission.
        perspective: whose costs `cost_total` counts (economics/perspectives.py).
        prices: the country whose prices and utilities are used (evidence/sets.py).
        currency, price_year: of all money. Prices of other years or currencies are brought there; "as_printed": they
            are used as they are, each of its own year, and all must be in the currency.
        price_indices: CSV file of price indices and purchasing power parities (economics/price_indices.py) that
            replaces the rows of the currencies that it names.
        utility_norms: by age and sex, by which utilities are multiplied: "country" for those of the country of
            `prices`, or a CSV file (economics/utility_norms.py); utilities are as measured when absent.
        discount_rate_costs, discount_rate_qalys: per year, from entry; those of the price set when absent. A table from
            year since entry to rate, `{ 0 = 0.035, 30 = 0.03 }`, changes the rate.
        willingness_to_pay: currency per QALY, for net monetary benefit.
        calibration: file with the result of a calibration, whose parameters and correlations are added to the two
            below; the experiment's own take precedence.
        parameters: values that replace those of the parameter sets, by "set.parameter": a number is certain, a table
            has value, uncertainty or both.
        parameter_groups: jointly uncertain parameters; they replace a group of a set that shares any of them.
        information_groups: parameters that one study would inform together, by a name for the group, for the value of
            information; added to those of the calibration.
        trial: makes it a trial: the strategies are its arms.
        entry: where follow-up begins: "as_described", the cohort describes people at the network's own entry, and they
            have no past; after a run-in, "home" where they live (the usual one of a trial), "discharge" at the
            discharge alive from an unplanned admission for one of `index_causes`, or "admission" at the hospital door
            at such an admission.
        run_in_days: days that people live under the comparator's care before they may enter (usually 180).
        index_causes: of the admission with which people enter, and of the later admissions whose discharge is an index
            of readmission too; heart_failure alone when absent.
        regions: independent catchments of equal size; each has the whole network, scaled to its people. One for each
            50,000 people of the population, begun ones included, when absent; one for a trial.
        targets: published figures of these people, for validation and calibration.
        entry_columns: columns that the table of persons holds beside the baseline, with their values at entry;
            "seen_" before a column's name: what care observes of it.
        store: what is stored of every unit: "measures" alone, also "persons" (with admissions, urgent visits and days),
            also "events".
    """

    LEFT_OUT: ClassVar = {"physiology": "leave it out: there is one physiology, organ_systems chooses its parts"}
    REPLACES: ClassVar = {
        "follow_up_days": ("follow_up", "observed_days", "extrapolation"),
        "follow_up": ("follow_up_days",),
    }

    name: Identifier
    title: Label = ""
    description: Text = ""
    cohort: DefinitionPath
    network: DefinitionPath
    environment: TablePath | None = None
    organ_systems: OrganSystems | None = None
    strategies: Annotated[tuple[Strategy, ...], AS_TUPLE, Field(min_length=1, max_length=64)]
    comparator: str = ""
    capacity: dict[Identifier, Places] = Field(default_factory=dict)
    population: PopulationSize = 10_000
    draws: Draws = 0
    replications: Replications = 10
    seed: Seed = 1
    follow_up: FollowUp = None
    observed_days: FollowUpDays | None = None
    extrapolation: Extrapolation | None = None
    follow_up_days: FollowUpDays = Field(default_factory=usual_days)
    perspective: money.Perspective = "health_system"
    currency: Annotated[str, AfterValidator(currency_code)] = "GBP"
    prices: money.PriceCountry = "england"
    price_year: money.MoneyYear = money.AS_PRINTED
    price_indices: TablePath | None = None
    utility_norms: money.UtilityNormsName | None = None
    discount_rate_costs: DiscountRate | None = None
    discount_rate_qalys: DiscountRate | None = None
    willingness_to_pay: money.WillingnessToPay = 20_000.0
    calibration: DefinitionPath | None = None
    parameters: Parameters = Field(default_factory=dict)
    parameter_groups: ParameterGroups = ()
    entry_columns: Annotated[tuple[Identifier, ...], AS_TUPLE, Field(max_length=64)] = ()
    information_groups: InformationGroups = Field(default_factory=dict)
    store: Literal["measures", "persons", "events"] = "events"
    scenarios: Annotated[tuple[Scenario, ...], AS_TUPLE, Field(max_length=64)] = ()
    trial: Trial | None = None
    entry: Entry = Field(default_factory=_usual_entry)
    run_in_days: Annotated[int, whole(0, MAX_RUN_IN_DAYS)] = Field(default_factory=_usual_run_in)
    index_causes: Annotated[tuple[IndexCause, ...], AS_TUPLE, Field(min_length=1, max_length=12)] = INDEX_CAUSES
    enrolment_days: EnrolmentDays = Field(default_factory=_usual_enrolment)
    regions: Regions = Field(default_factory=_usual_regions)
    targets: Targets = ()
    cheers: Cheers = Cheers()

    @model_validator(mode="after")
    def _strategies_fit_together(self) -> Self:
        names = [strategy.name for strategy in self.strategies]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"strategies: the name '{name}' is used twice, each must be its own")
        if self.comparator and self.comparator not in names:
            raise ValueError(f"comparator = '{self.comparator}': {did_you_mean(self.comparator, names)}")
        for strategy in self.strategies:
            resolved(strategy, self.strategies)
        return self

    @model_validator(mode="after")
    def _units_have_their_own_numbers(self) -> Self:
        if self.draws and self.regions > MAX_REGIONS_OF_DRAWS:
            raise ValueError(f"regions = {self.regions}: must be at most {MAX_REGIONS_OF_DRAWS} with parameter draws")
        return self

    @model_validator(mode="after")
    def _trial_fits(self) -> Self:
        arms = [strategy.name for strategy in self.strategies]
        for target in self.targets:
            if target.arm and target.arm not in arms:
                raise ValueError(f"targets.{target.name}.arm = '{target.arm}': {did_you_mean(target.arm, arms)}")
        if self.trial is None:
            return self
        if self.regions > 1 or (self.enrolment_days and self.entry == "as_described"):
            raise ValueError("trial: everybody enters on day 0 in one region, leave enrolment_days and regions out")
        if self.trial.least_follow_up_days > self.follow_up_days:
            least = self.trial.least_follow_up_days
            raise ValueError(f"trial.least_follow_up_days = {least} must not be above follow_up_days")
        elsewhere = [*(one.capacity for one in self.scenarios), *(one.capacity for one in self.strategies)]
        if limits := [*self.capacity, *(name for places in elsewhere for name in places)]:
            raise ValueError(f"capacity.{limits[0]}: must be absent, a trial's people do not queue for each other")
        return self

    @model_validator(mode="after")
    def _horizon_fits(self) -> Self:
        check_horizon(self.follow_up, self.follow_up_days, self.observed_days, self.extrapolation)
        if self.trial is not None and self.follow_up is not None:
            raise ValueError("follow_up = 'lifetime': must be left out in a trial, which has follow_up_days")
        return self

    @model_validator(mode="after")
    def _entry_fits(self) -> Self:
        if self.entry == "as_described" and self.run_in_days:
            raise ValueError(f"run_in_days = {self.run_in_days}: must be 0 where entry = 'as_described'")
        if self.entry != "as_described" and not self.run_in_days:
            raise ValueError(f"run_in_days = 0: must be between 1 and {MAX_RUN_IN_DAYS} where entry = '{self.entry}'")
        if self.entry == "home" and self.enrolment_days:
            raise ValueError(f"enrolment_days = {self.enrolment_days}: {AT_HOME}")
        return self

    @model_validator(mode="after")
    def _scenarios_fit(self) -> Self:
        names = [scenario.name for scenario in self.scenarios]
        strategies = [strategy.name for strategy in self.strategies]
        for scenario in self.scenarios:
            where = f"scenarios.{scenario.name}"
            if scenario.enrolment_days and self.entry == "home":
                raise ValueError(f"{where}.enrolment_days = {scenario.enrolment_days}: {AT_HOME}")
            if names.count(scenario.name) > 1 or scenario.name == BASE_CASE:
                raise ValueError(f"{where}: the name is taken, each must be its own (and none '{BASE_CASE}')")
            for name in scenario.without:
                if name not in strategies:
                    raise ValueError(f"{where}.without = '{name}': {did_you_mean(name, strategies)}")
                if name == self.reference:
                    raise ValueError(f"{where}.without = '{name}': must not be the comparator")
        return self

    @property
    def organ_systems_in_files(self) -> tuple[str, ...]:
        """Those of its organ systems that are a user's own."""
        return tuple(name for name in self.organ_systems or () if IN_PYTHON_FILE.fullmatch(name))

    @property
    def reference(self) -> str:
        """Name of the comparator."""
        return self.comparator or self.strategies[0].name

    def strategy(self, name: str) -> Strategy:
        """The strategy of that name, with everything that it inherits."""
        return resolved(next(strategy for strategy in self.strategies if strategy.name == name), self.strategies)

    @property
    def resolved_strategies(self) -> tuple[Strategy, ...]:
        """Every strategy with all that it inherits."""
        return tuple(resolved(strategy, self.strategies) for strategy in self.strategies)

    def in_scenario(self, name: str) -> ExperimentDefinition:
        """The experiment as a scenario changes it, with every strategy in full and without scenarios of its own.

        Raises:
            InputError: there is no scenario of that name.
        """
        known = {scenario.name: scenario for scenario in self.scenarios}
        if name not in known:
            raise InputError(f"scenario '{name}': {did_you_mean(name, known)}")
        scenario = known[name]
        title = f"{self.title or self.name}: {scenario.title}"
        changes = {key: value for key, value in scenario if key in type(self).model_fields and value is not None}
        left = [strategy.name for strategy in self.strategies if strategy.name not in scenario.without]
        changes |= {
            "name": self.name,
            "title": title if len(title) <= MAX_LABEL_LENGTH else scenario.title,
            "description": scenario.description or self.description,
            "strategies": tuple(self.strategy(strategy) for strategy in left),
            "comparator": self.reference,
            "capacity": self.capacity | scenario.capacity,
            "parameters": self.parameters | scenario.parameters,
            "scenarios": (),
        }
        return self.model_copy(update=changes)
