"""A sound care network, and it with changes: built, or refused in one line."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from popsim.care.network import CareNetwork
from popsim.definitions.base import validate
from popsim.definitions.network import NetworkDefinition
from popsim.errors import DefinitionError

COLUMNS = {"frailty", "symptom_score", "systolic_mmhg", "presenting_cause", "infection_severity"}
COLUMNS |= {"extracellular_fluid_excess_l", "potassium_mmol_l", "haemoglobin_g_dl", "stroke_disability"}


def stay(mean: float = 1.0) -> dict[str, Any]:
    return {"distribution": "exponential", "mean": mean}


def place(name: str, *routes: dict[str, Any], **keys: Any) -> dict[str, Any]:
    keys = {"class": "inpatient", "capacity": 5} | keys
    if "review" not in keys:
        keys.setdefault("stay", stay())
    return {"name": name, "routes": list(routes)} | keys


GOOD: dict[str, Any] = {
    "name": "good",
    "reference_population": 1000,
    "entry": "home",
    "presentation": "emergency",
    "settings": [
        {"name": "home", "class": "community", "stay": {"distribution": "forever"}},
        place(
            "emergency", {"to": {"home": 0.4, "ward": 0.6}, "for": "twins"}, {"to": "ward"}, **{"class": "emergency"}
        ),
        place("ward", {"to": "exit", "for": "external"}, {"to": "home"}, boards=True, waiting_room=7),
        {"name": "clinic", "class": "outpatient", "slots_per_day": 3, "routes": [{"to": "stay"}]},
    ],
    "arrivals": [{"name": "others", "to": "emergency", "per_day": 3.0}],
}


def build(**changes: Any) -> CareNetwork:
    table = copy.deepcopy(GOOD) | changes
    return CareNetwork(validate(table, NetworkDefinition, "net.toml"), COLUMNS, "net.toml")


def with_setting(name: str, **changes: Any) -> list[dict[str, Any]]:
    """The good network's settings with one changed (or appended when it is new)."""
    settings = copy.deepcopy(GOOD["settings"])
    for setting in settings:
        if setting["name"] == name:
            setting.update(changes)
            return settings
    return [*settings, {"name": name} | changes]


def refused(**changes: Any) -> DefinitionError:
    with pytest.raises(DefinitionError) as caught:
        build(**changes)
    assert str(caught.value).startswith("net.toml: ")
    assert "\n" not in str(caught.value)
    return caught.value
