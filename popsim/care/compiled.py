"""Compiles a checked network into the tables that the event loop reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from popsim.care.network import CareNetwork, operand
from popsim.definitions.conditions import ColumnFactor, Condition
from popsim.definitions.durations import Duration
from popsim.definitions.hospital_stay import Complication, Escalation
from popsim.definitions.network import BACK_TO_FACILITY, BACK_TO_WARD, EXIT, STAY, UNLIMITED, Route, SettingDefinition
from popsim.definitions.rota import week_of
from popsim.errors import InputError
from popsim.kernels import codes
from popsim.kernels.care import records
from popsim.kernels.numerics.distributions import PIECE
from popsim.population.columns import Schema
from popsim.population.pieces import pieces_of

HOURS_A_DAY = 24.0
LEVEL_CODES = {
    "palliative": codes.LEVEL_PALLIATIVE,
    "community": codes.LEVEL_COMMUNITY,
    "facility": codes.LEVEL_FACILITY,
    "emergency": codes.LEVEL_EMERGENCY,
    "ward": codes.LEVEL_WARD,
    "critical": codes.LEVEL_CRITICAL,
}
CLINICIAN_CODES = {  # by whose rules of prescribing they follow
    "none": records.NO_CLINICIAN,
    "nothing": records.NO_CLINICIAN,
    "general_practitioner": records.GENERAL_PRACTITIONER,
    "specialist": records.SPECIALIST,
    "nurse": records.NURSE,
}
APPLIES_CODES = {"all": records.ALL, "twins": records.TWINS_ONLY, "external": records.EXTERNAL_ONLY}
SPECIAL_NODES = {
    EXIT: records.EXIT,
    STAY: records.STAY_PUT,
    BACK_TO_WARD: records.BACK_TO_WARD,
    BACK_TO_FACILITY: records.BACK_TO_FACILITY,
}


class _Tables:
    """Tables under construction: each `add` returns the position of the new rows in their table."""

    def __init__(self, network: CareNetwork, schema: Schema) -> None:
        self.network, self.schema = network, schema
        self.routes: list[tuple[Any, ...]] = []
        self.targets: list[tuple[Any, ...]] = []
        self.conditions: list[tuple[Any, ...]] = []
        self.priorities: list[tuple[Any, ...]] = []
        self.escalations: list[tuple[Any, ...]] = []
        self.factors: list[tuple[Any, ...]] = []
        self.distributions: list[tuple[Any, ...]] = []
        self.pieces: list[NDArray[Any]] = [np.empty(0, PIECE)]

    def node(self, name: str | None) -> int:
        """Number of a setting, EXIT, STAY_PUT, or -1 for none."""
        if name is None:
            return -1
        return SPECIAL_NODES[name] if name in SPECIAL_NODES else self.network.index(name)

    def column(self, name: str) -> tuple[int, int]:
        """Block and index of a column that rules may test."""
        return column_index(name, self.schema, self.network.file)

    def add_conditions(self, conditions: Sequence[Condition]) -> tuple[int, int]:
        first = len(self.conditions)
        self.conditions += condition_rows(conditions, self.schema, self.network.file)
        return first, len(self.conditions)

    def add_distribution(self, distribution: Duration | None) -> int:
        if distribution is None:
            return -1
        pieces = pieces_of(distribution)
        first = sum(map(len, self.pieces))
        self.pieces.append(pieces)
        self.distributions.append((first, first + len(pieces)))
        return len(self.distributions) - 1

    def add_factors(self, factors: Sequence[ColumnFactor]) -> tuple[int, int]:
        first = len(self.factors)
        for factor in factors:
            block, place = self.column(factor.column)
            self.factors.append((factor.reference, factor.log_change_per_unit, place, block))
        return first, len(self.factors)

    def complication(self, one: Complication) -> tuple[Any, ...]:
        """One row of the table of complications."""
        extra = self.add_distribution(one.extra_days)
        return (*self.hazard(one), one.fatality, extra)

    def hazard(self, one: Complication | Escalation) -> tuple[Any, ...]:
        """How often it comes: a day, with factors first to last, by cause."""
        ratios = [one.by_cause.get(cause, 1.0) for cause in codes.CAUSE_NAMES]
        return (one.per_day, *self.add_factors(one.factors), ratios)

    def add_escalation(self, one: Escalation | None) -> int:
        if one is None:
            return -1
        self.escalations.append((*self.hazard(one), self.node(one.to)))
        return len(self.escalations) - 1

    def stays_of_classes(self, setting: SettingDefinition) -> list[tuple[int, int, int]]:
        """What differs in a setting between classes of patients, for no class first; -1 for what does not."""
        own = {one.name: one for one in setting.classes}
        rows = [(-1, -1, -1)]
        for name in (one.name for one in self.network.definition.classes):
            stay = self.add_distribution(own[name].stay) if name in own else -1
            routes = self.add_routes(own[name].routes) if name in own and own[name].routes else (-1, -1)
            rows.append((stay, *routes))
        return rows

    def add_routes(self, routes: Sequence[Route]) -> tuple[int, int]:
        start = len(self.routes)
        for route in routes:
            conditions = self.add_conditions(route.when)
            first = len(self.targets)
            names, shares = zip(*route.targets, strict=True)
            self.targets += list(zip(np.cumsum(shares), map(self.node, names), strict=True))
            span = (*conditions, first, len(self.targets))
            self.routes.append((*span, route.if_free, APPLIES_CODES[route.applies_to], route.outlier))
        return start, len(self.routes)

    def setting(self, setting: SettingDefinition, contact: int) -> dict[str, Any]:
        """One row of the settings table, by field."""
        review = setting.review
        priority = len(self.priorities)
        for rule in setting.priority:
            self.priorities.append((*self.add_conditions(rule.when), rule.level - 1))
        factor = self.add_factors(setting.stay_factors)
        delay = setting.transfer_delay
        delay_factor = self.add_factors(delay.factors if delay else ())
        discharge = self.add_conditions(review.discharge_when if review else ())
        pressure = self.add_conditions(review.under_pressure if review else ())
        stay = self.add_distribution(setting.stay)
        external = self.add_distribution(setting.stay_external)
        routes = self.add_routes(setting.routes)
        kind = records.PLACE if setting.is_stay_setting else records.CONTACT if contact >= 0 else records.ROUTER
        return {
            "capacity": capacity_of(setting.capacity),
            "waiting_room": capacity_of(setting.waiting_room),
            "opens": setting.opens_hour / HOURS_A_DAY,
            "closes": setting.closes_hour / HOURS_A_DAY,
            "review_hour": review.hour if review else 0.0,
            "at_least_days": review.at_least_days if review else 0.0,
            "at_most_days": review.at_most_days if review else 0.0,
            "overflow": self.node(setting.overflow),
            "gives_up_to": self.node(setting.gives_up_to),
            "stay": stay,
            "stay_external": external if external >= 0 else stay,
            "patience": self.add_distribution(setting.patience),
            "factor_first": factor[0],
            "factor_last": factor[1],
            "delay_probability": delay.probability if delay else 0.0,
            "delay": self.add_distribution(delay.days if delay else None),
            "delay_factor_first": delay_factor[0],
            "delay_factor_last": delay_factor[1],
            "discharge_first": discharge[0],
            "discharge_last": discharge[1],
            "pressure_first": pressure[0],
            "pressure_last": pressure[1],
            "priority_first": priority,
            "priority_last": len(self.priorities),
            "route_first": routes[0],
            "route_last": routes[1],
            "slots": setting.slots_per_day or 0,
            "lapses_days": int(np.ceil(setting.lapses_after_days)),
            "contact": contact,
            "escalation": self.add_escalation(setting.escalation),
            "kind": kind,
            "setting_class": codes.CLASS_NAMES.index(setting.setting_class),
            "care_level": LEVEL_CODES[setting.level],
            "boards": setting.boards,
            "has_review": review is not None,
            "clinician": clinician_code(self.network, setting.clinician),
            "weekdays_only": setting.weekdays_only,
            "by_priority": setting.discipline == "priority",
        }


def compile_network(network: CareNetwork, schema: Schema) -> dict[str, Any]:
    """The network as tables: the fields of `care_records.Arrays` that describe it, by name.

    Args:
        network: a checked network.
        schema: the columns of the population that its rules will be tested on.

    Raises:
        InputError: a rule tests a column that the population does not have, or external patients would enter a
            setting that has no length of stay for them.
    """
    tables = _Tables(network, schema)
    contacts = [s.name for s in network.settings if s.setting_class == "outpatient"]
    rows = [tables.setting(s, contacts.index(s.name) if s.name in contacts else -1) for s in network.settings]
    complications = [tables.complication(one) for one in network.definition.complications]
    classes = [(0, 0), *(tables.add_conditions(one.when) for one in network.definition.classes)]
    stays = [tables.stays_of_classes(setting) for setting in network.settings]
    settings = np.zeros(len(rows), records.SETTING)
    for row, values in enumerate(rows):
        for field, value in values.items():
            settings[row][field] = value
    return {
        "settings": settings,
        "routes": _table(tables.routes, records.ROUTE),
        "targets": _table(tables.targets, records.TARGET),
        "conditions": _table(tables.conditions, records.CONDITION),
        "rotas": np.array([rota_of(setting) for setting in network.settings]),
        "escalations": _table(tables.escalations, records.ESCALATION),
        "classes": _table(classes, records.CLASS),
        "stays_of_classes": np.array(stays, records.CLASS_OF_STAY),
        "complications": _table(complications, records.COMPLICATION),
        "priorities": _table(tables.priorities, records.PRIORITY),
        "factors": _table(tables.factors, records.FACTOR),
        "distributions": _table(tables.distributions, records.DISTRIBUTION),
        "pieces": np.concatenate(tables.pieces),
        "entry": tables.node(network.definition.entry),
        "presentation": tables.node(network.definition.presentation),
        "home": home_of(network),
    }


def column_index(name: str, schema: Schema, file: object) -> tuple[int, int]:
    """Block and index of a column that rules may test.

    Raises:
        InputError: the population does not have it.
    """
    kind = schema[name].kind if name in schema else None
    if kind not in ("real", "code"):
        raise InputError(f"{file}: column '{name}' cannot be tested in this population")
    return (records.REAL_BLOCK if kind == "real" else records.CODE_BLOCK), schema.index(name)


def condition_rows(conditions: Sequence[Condition], schema: Schema, file: object) -> list[tuple[Any, ...]]:
    """Rows of the table of conditions."""
    rows: list[tuple[Any, ...]] = []
    for condition in conditions:
        block, place = column_index(condition.column, schema, file)
        operator = (
            records.AT_LEAST
            if condition.at_least is not None
            else records.BELOW
            if condition.below is not None
            else records.IS
        )
        rows.append((operand(condition), place, block, operator))
    return rows


def home_of(network: CareNetwork) -> int:
    """Where twins live, and go when no setting has room.

    The first community setting of unlimited capacity, else the exit.
    """
    for number, setting in enumerate(network.settings):
        if setting.setting_class == "community" and setting.capacity == UNLIMITED:
            return number
    return records.EXIT


def clinician_code(network: CareNetwork, name: str) -> int:
    """How the event loop knows a clinician or a role of the network."""
    roles = {role.name: role.prescribes_as for role in network.definition.clinicians}
    return CLINICIAN_CODES[roles.get(name, name)]


def capacity_of(places: int | str) -> int:
    """The capacity as the event loop counts it."""
    return records.UNLIMITED if isinstance(places, str) else places


def rota_of(setting: SettingDefinition) -> list[int]:
    """Capacity in each hour of the week; -1 without a rota."""
    return week_of(capacity_of(setting.capacity), setting.rota) if setting.rota else [-1] * records.HOURS_A_WEEK


def _table(rows: Sequence[tuple[Any, ...]], dtype: np.dtype[Any]) -> NDArray[Any]:
    return np.array([tuple(row) for row in rows], dtype)
