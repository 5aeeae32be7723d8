"""Checks of a strategy against its network and the columns of its population."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from popsim.care.columns import CARE_COLUMNS, FRACTION
from popsim.care.genetic_testing import prescribing_rules
from popsim.care.network_checks import check_condition
from popsim.care.prescribing import prescribed_classes
from popsim.care.study_drugs import drugs_by_name, drugs_of
from popsim.definitions.conditions import Condition
from popsim.definitions.interventions import (
    Capacity,
    Device,
    DrugIntervention,
    FollowUp,
    GeneticTest,
    HazardRatio,
    Personal,
    PolicyIntervention,
    Programme,
    Telemonitoring,
)
from popsim.definitions.network import NetworkDefinition
from popsim.definitions.strategy import Strategy
from popsim.errors import DefinitionError, did_you_mean
from popsim.physiology.organs.heart_failure import TAKEN, UNTREATED
from popsim.population.columns import Schema
from popsim.population.traits import COLUMNS as TRAITS

INFUSION = "iv_iron_mg"  # given on the day, not every day
DRUG_COLUMNS = (
    *(column.name for column in CARE_COLUMNS if column.unit == FRACTION and column.name.endswith("_fraction")),
    "loop_diuretic_mg_day",
    INFUSION,
)
NOT_TO_CHANGE = ("age_years",)


def check_strategy(strategy: Strategy, network: NetworkDefinition, schema: Schema, file: object) -> None:
    """Refuse a strategy that needs what the network or the population does not have, or does not support.

    Args:
        strategy: with all that it inherits.
        network: of the strategy.
        schema: columns of the population.
        file: named in errors.

    Raises:
        DefinitionError: names strategy, intervention and key.
    """
    if strategy.inherits is not None:
        allowed = "not resolved: use experiment.strategy(name), which returns the strategy with all that it inherits"
        raise DefinitionError(file, f"strategies.{strategy.name}.inherits", strategy.inherits, allowed)
    check = _Checks(network, schema, file)
    where = f"strategies.{strategy.name}"
    check.service(strategy.follow_up, strategy.telemonitoring, where)
    check.guidance(strategy, f"{where}.guidance")
    check.drug_classes(strategy.drugs_not_started, f"{where}.drugs_not_started")
    for setting in strategy.capacity:
        check.has_capacity(setting, f"{where}.capacity.{setting}", None)
    for one in strategy.interventions:
        key = f"{where}.interventions.{one.name}"
        match one:
            case Capacity():
                check.has_capacity(one.setting, f"{key}.setting", one.setting)
            case PolicyIntervention():
                check.conditions(one.eligible, f"{key}.eligible")
                check.service(one.follow_up, one.telemonitoring, key)
            case DrugIntervention():
                check.conditions(one.eligible, f"{key}.eligible")
                check.drug(one, key)
                check.same_people(one, strategy, key)
            case HazardRatio():
                check.conditions(one.eligible, f"{key}.eligible")
                check.same_people(one, strategy, key)
            case GeneticTest():
                check.conditions(one.eligible, f"{key}.eligible")
                check.conditions(one.triggers, f"{key}.triggers")
                check.genetic_test(one, key)
            case Device() | Programme():
                check.conditions(one.eligible, f"{key}.eligible")
                check.effects(one, key)
                check.same_people(one, strategy, key)


def effect_columns(schema: Schema) -> list[str]:
    """Columns that an effect may change: physiology reads them every day and no subsystem overwrites them.

    A user's own constant columns are assumed to be read by a user's own organ system.
    """
    traits = {column.name for column in TRAITS}
    taken = TAKEN - set(NOT_TO_CHANGE)
    return [
        column.name
        for column in schema.columns.values()
        if column.kind == "real"
        and (
            column.name in UNTREATED
            or (column.writer == "cohort" and (column.name in taken or column.name not in traits))
        )
    ]


class _Checks:
    """The checks that interventions share."""

    def __init__(self, network: NetworkDefinition, schema: Schema, file: object) -> None:
        self.schema, self.file = schema, file
        self.contacts = [s.name for s in network.settings if s.setting_class == "outpatient"]
        self.limited = [s.name for s in network.settings if s.setting_class != "router"]

    def service(self, follow_up: Sequence[FollowUp], telemonitoring: Telemonitoring | None, where: str) -> None:
        for index, plan in enumerate(follow_up):
            self._known(plan.setting, self.contacts, f"{where}.follow_up.{index}.setting", "contact setting")
        if telemonitoring:
            self._known(telemonitoring.desk, self.contacts, f"{where}.telemonitoring.desk", "contact setting")

    def guidance(self, strategy: Strategy, key: str) -> None:
        if strategy.guidance is None:
            return
        if not any(isinstance(one, PolicyIntervention) and one.telemonitoring for one in strategy.composed):
            allowed = "guidance raises the alerts of telemonitoring, which the strategy must have"
            raise DefinitionError(self.file, f"{key}.kind", strategy.guidance.kind, allowed)

    def has_capacity(self, setting: str, key: str, shown: str | None) -> None:
        if setting not in self.limited:
            allowed = f"not a setting with places or slots, {did_you_mean(setting, self.limited)}"
            raise DefinitionError(self.file, key, shown, allowed)

    def conditions(self, conditions: Sequence[Condition], key: str) -> None:
        testable = {name for name, column in self.schema.columns.items() if column.kind in ("real", "code")}
        for condition in conditions:
            check_condition(condition, testable, key, self.file)

    def drug(self, drug: DrugIntervention, key: str) -> None:
        if drug.column and drug.column not in DRUG_COLUMNS:
            allowed = f"not a drug of the care columns, {did_you_mean(drug.column, DRUG_COLUMNS)}"
            raise DefinitionError(self.file, f"{key}.column", drug.column, allowed)
        if drug.drug and drug.drug not in drugs_by_name():
            raise DefinitionError(self.file, f"{key}.drug", drug.drug, "no such drug", drugs_by_name())
        first = drugs_of(drug)[0]
        column = self.schema[first.dose]
        if (high := column.high / first.at_target) < (drug.dose or 0.0):
            unit = "of the target dose" if drug.drug or column.unit == FRACTION else column.unit
            raise DefinitionError(self.file, f"{key}.dose", drug.dose, f"must be between 0 and {high:g} ({unit})")
        infusion = first.dose == INFUSION
        if infusion and (drug.mode != "start" or drug.first_dose is not None):
            allowed = "an infusion is given whole on one day, or every_days, with mode = 'start'"
            raise DefinitionError(self.file, f"{key}.mode", drug.mode, allowed)
        if drug.every_days is not None and not infusion:
            allowed = f"only goes with {INFUSION}, all other doses are taken every day"
            raise DefinitionError(self.file, f"{key}.every_days", drug.every_days, allowed)

    def same_people(self, one: Personal, strategy: Strategy, key: str) -> None:
        personal = [other for other in strategy.interventions if isinstance(other, Personal) and other is not one]
        others = [other.name for other in personal if other.same_people_as is None]
        if one.same_people_as is not None and one.same_people_as not in others:
            allowed = "not another intervention on persons of the strategy with a draw of its own"
            raise DefinitionError(self.file, f"{key}.same_people_as", one.same_people_as, allowed, others)

    def drug_classes(self, names: Sequence[str], key: str) -> None:
        for name in names:
            if name not in prescribed_classes():
                words = f"not a class that clinicians start, {did_you_mean(name, prescribed_classes())}"
                raise DefinitionError(self.file, key, name, words)

    def genetic_test(self, test: GeneticTest, key: str) -> None:
        for name in test.guides:
            if name not in prescribing_rules():
                words = f"not a rule of prescribing, {did_you_mean(name, prescribing_rules())}"
                raise DefinitionError(self.file, f"{key}.guides", name, words)

    def effects(self, one: Device | Programme, key: str) -> None:
        allowed = effect_columns(self.schema)
        for index, effect in enumerate(one.effects):
            if effect.column not in allowed:
                words = f"not a column that an effect can change for good, {did_you_mean(effect.column, allowed)}"
                raise DefinitionError(self.file, f"{key}.effects.{index}.column", effect.column, words)

    def _known(self, name: str, known: Collection[str], key: str, what: str) -> None:
        if name not in known:
            raise DefinitionError(self.file, key, name, f"not a {what} of the network", known)
