"""The text on a drawing of a care pathway: what a box holds, who takes an arrow."""

from __future__ import annotations

from collections.abc import Sequence

from popsim.care.network import CareNetwork
from popsim.care.network_graph import Link
from popsim.definitions.conditions import Condition
from popsim.definitions.network import Route, SettingDefinition
from popsim.plurals import counted

UNITS = {
    "mmhg": "mmHg",
    "l": "l",
    "bpm": "bpm",
    "kg": "kg",
    "percent": "%",
    "mmol_l": "mmol/l",
    "pg_ml": "pg/ml",
    "ml_min": "ml/min",
    "mg_day": "mg/day",
    "g_day": "g/day",
    "years": "years",
    "day": "days",
}
SHORT_NAMES = {"extracellular_fluid_excess_l": "excess fluid"}
PLACE_WORD = {"inpatient": "bed", "critical": "bed"}  # of other settings: place
MAX_LINES = 4


def box_lines(setting: SettingDefinition) -> list[str]:
    """The lines below a setting's name: its capacity and length of stay."""
    if setting.setting_class == "router":
        return []
    if setting.slots_per_day is not None:
        days = ", weekdays" if setting.weekdays_only else ""
        return [f"{counted(setting.slots_per_day, 'slot')}/day{days}"]
    lines = []
    if isinstance(setting.capacity, int):
        lines.append(counted(setting.capacity, PLACE_WORD.get(setting.setting_class, "place")))
    if setting.review is not None:
        lines.append(f"ward round at {_clock(setting.review.hour)}")
    else:
        mean = setting.stay.mean if setting.stay else None
        if mean is not None:
            lines.append(f"stay {duration(mean)} on average")
        else:
            lines.append("to the end of life" if setting.setting_class == "hospice" else "until acutely unwell")
    return lines


def arrow_lines(network: CareNetwork, source: str, links: Sequence[Link]) -> list[str]:
    """Who takes an arrow, one line for each kind of person, at most four."""
    setting = network[source]
    lines: list[str] = []
    for link in sorted(links, key=lambda x: not x.twins):
        if link.kind == "overflow":
            lines.append("when full")
        elif link.kind == "gives_up":
            lines.append("gives up waiting")
        else:
            line = _route_line(setting, link)
            if line and f"{line}, if free" in lines:
                lines.remove(f"{line}, if free")
            lines.append(line)
    lines = [line for i, line in enumerate(lines) if line and line not in lines[:i]]
    return lines if len(lines) <= MAX_LINES else [*lines[: MAX_LINES - 1], f"and {len(lines) - MAX_LINES + 1} more"]


def condition_text(condition: Condition) -> str:
    """A condition in a few words: "systolic < 75 mmHg"."""
    name, unit = condition.column, ""
    for suffix, written in UNITS.items():
        if name.endswith("_" + suffix):
            unit = f" {written}"
            name = name.removesuffix("_" + suffix)
            break
    name = SHORT_NAMES.get(condition.column, name.replace("_", " "))
    if condition.at_least is not None:
        return f"{name} \u2265 {condition.at_least:g}{unit}"
    if condition.below is not None:
        return f"{name} < {condition.below:g}{unit}"
    if isinstance(condition.equals, str):
        return condition.equals.replace("_", " ")
    return f"{name} = {condition.equals:g}{unit}"


def duration(days: float) -> str:
    """A duration in minutes, hours or days."""
    if days < 1.0 / 24.0:
        return f"{days * 1440.0:.3g} min"
    if days < 1.0:
        return f"{days * 24.0:.2g} h"
    return "1 day" if days == 1.0 else f"{days:.3g} days"


def percent(share: float) -> str:
    """A share as a percentage with as many digits as it needs."""
    return f"{100.0 * share:.3g}%"


def a_day(people: float) -> str:
    """A flow: "12/day", "0.34/day"."""
    return f"{people:,.0f}/day" if people >= 9.5 else f"{people:.2g}/day"


def _route_line(setting: SettingDefinition, link: Link) -> str:
    route = setting.routes[link.route]
    words = [condition_text(c) for c in route.when]
    if not words and _has_conditions_before(setting, link.route):
        words = ["otherwise"]
    if route.applies_to == "external":
        words = ["others"]
    text = " and ".join(words)
    if link.probability < 1.0:
        text = f"{text}: {percent(link.probability)}" if text else percent(link.probability)
    if route.if_free:
        text += ", if free" if text else "if free"
    return text + (" (outlier)" if route.outlier else "")


def _has_conditions_before(setting: SettingDefinition, index: int) -> bool:
    """Whether twins reach this route only because an earlier one did not match."""
    earlier: tuple[Route, ...] = setting.routes[:index]
    return any(not r.always and r.applies_to != "external" for r in earlier)


def _clock(hour: float) -> str:
    minutes = round(hour * 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
