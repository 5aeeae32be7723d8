"""What the parts of a care network refer to: names, conditions and factors, each with its key in the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from popsim.definitions.conditions import ColumnFactor, Condition
from popsim.definitions.durations import Duration, LognormalDuration, NormalDuration
from popsim.definitions.network import BACK, EXIT, STAY, NetworkDefinition, Route, SettingDefinition


def routes_of(setting: SettingDefinition) -> Iterator[tuple[str, Sequence[Route]]]:
    """The lists of routes out of a setting: its own and those of classes of patients, each with its key."""
    yield "routes", setting.routes
    for number, one in enumerate(setting.classes):
        yield f"classes.{number}.routes", one.routes


def references(definition: NetworkDefinition, known: set[str]) -> Iterator[tuple[str, str, set[str]]]:
    """(key, name referred to, names allowed there) for every reference in the file."""
    for key, node in (("entry", definition.entry), ("presentation", definition.presentation)):
        if node is not None:
            yield key, node, known
    for source in definition.arrivals:
        yield f"arrivals.{source.name}.to", source.to, known
    places = {setting.name for setting in definition.settings if setting.is_stay_setting}
    for number, row in enumerate(definition.census):
        yield f"census.{number}.setting", row.setting, places
    for setting in definition.settings:
        prefix = f"settings.{setting.name}"
        targets = known | ({EXIT, STAY} if setting.setting_class == "outpatient" else {EXIT, *BACK})
        for key, routes in routes_of(setting):
            for number, route in enumerate(routes):
                for target, _ in route.targets:
                    yield f"{prefix}.{key}.{number}.to", target, targets
        if setting.escalation is not None:
            yield f"{prefix}.escalation.to", setting.escalation.to, places
        if setting.overflow is not None:
            yield f"{prefix}.overflow", setting.overflow, known
        if setting.gives_up_to is not None:
            yield f"{prefix}.gives_up_to", setting.gives_up_to, known | {EXIT}


def conditions(setting: SettingDefinition) -> Iterator[tuple[str, Condition]]:
    """Every condition of a setting with its key."""
    for key, listed in routes_of(setting):
        for number, route in enumerate(listed):
            for index, condition in enumerate(route.when):
                yield f"{key}.{number}.when.{index}", condition
    for number, rule in enumerate(setting.priority):
        for index, condition in enumerate(rule.when):
            yield f"priority.{number}.when.{index}", condition
    if setting.review is not None:
        for index, condition in enumerate(setting.review.discharge_when):
            yield f"review.discharge_when.{index}", condition
        for index, condition in enumerate(setting.review.under_pressure):
            yield f"review.under_pressure.{index}", condition


def factors(definition: NetworkDefinition) -> Iterator[tuple[str, ColumnFactor]]:
    """Every factor of a column with its key."""
    lists = {f"settings.{s.name}.stay_factors": s.stay_factors for s in definition.settings}
    for setting in definition.settings:
        if setting.transfer_delay is not None:
            lists[f"settings.{setting.name}.transfer_delay.factors"] = setting.transfer_delay.factors
        if setting.escalation is not None:
            lists[f"settings.{setting.name}.escalation.factors"] = setting.escalation.factors
    lists |= {f"complications.{i}.factors": one.factors for i, one in enumerate(definition.complications)}
    for key, factors in lists.items():
        yield from ((f"{key}.{number}", factor) for number, factor in enumerate(factors))


def durations(definition: NetworkDefinition) -> Iterator[tuple[str, NormalDuration | LognormalDuration]]:
    """Every duration that may be truncated, with its key."""
    found: dict[str, Duration | None] = {}
    for setting in definition.settings:
        key = f"settings.{setting.name}"
        found |= {f"{key}.{name}": getattr(setting, name) for name in ("stay", "stay_external", "patience")}
        found[f"{key}.transfer_delay.days"] = setting.transfer_delay.days if setting.transfer_delay else None
        found |= {f"{key}.classes.{number}.stay": one.stay for number, one in enumerate(setting.classes)}
    found |= {
        f"complications.{number}.extra_days": one.extra_days for number, one in enumerate(definition.complications)
    }
    for key, duration in found.items():
        if isinstance(duration, NormalDuration | LognormalDuration):
            yield key, duration
