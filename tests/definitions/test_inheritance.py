"""Files that inherit: a network changes settings of another one by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from popsim.definitions.network import NetworkDefinition
from popsim.errors import DefinitionError

BASE = """
name = "hospital"
reference_population = 100
entry = "home"
[[settings]]
name = "home"
class = "community"
stay = { distribution = "forever" }
[[settings]]
name = "ward"
class = "inpatient"
capacity = 20
stay = { distribution = "fixed", value = 4.0 }
routes = [ { to = "home" } ]
[[arrivals]]
name = "others"
to = "ward"
per_day = 2.0
"""
HEIR = """
inherits = "base.toml"
name = "small_hospital"
[[settings]]
name = "annex"
class = "inpatient"
stay = { distribution = "fixed", value = 9.0 }
routes = [ { to = "home" } ]
[[settings]]
name = "ward"
class = "inpatient"
capacity = 5
stay = { distribution = "fixed", value = 4.0 }
routes = [ { to = "home" } ]
"""


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text)
    return folder / "heir.toml"


def test_a_network_changes_settings_by_name_and_adds_others(tmp_path):
    network = NetworkDefinition.read(written(tmp_path, base=BASE, heir=HEIR))
    assert (network.name, network.reference_population, network.entry) == ("small_hospital", 100, "home")
    assert [(s.name, s.capacity) for s in network.settings] == [
        ("home", "unlimited"),
        ("ward", 5),
        ("annex", "unlimited"),
    ]
    assert network.settings[1].routes[0].targets == (("home", 1.0),)
    assert network.arrivals[0].per_day == 2.0
    assert "inherits" not in network.table()


@pytest.mark.parametrize(
    ("heir", "says"),
    [
        ('inherits = "heir.toml"', "must not lead back to the file itself"),
        ("inherits = 3", "inherits"),
        ('inherits = "nowhere.toml"', "nowhere.toml"),
        ('inherits = "base.toml"\nsettings = 3', "settings"),
        ('inherits = "base.toml"\nsettings = [3]', "settings"),
        (HEIR.replace("capacity = 5", "capacity = -5"), "capacity"),
        (HEIR.replace("capacity = 5", "beds = 5"), "beds"),
    ],
)
def test_a_wrong_heir_is_one_line(tmp_path, heir, says):
    with pytest.raises(DefinitionError, match=says) as refused:
        NetworkDefinition.read(written(tmp_path, base=BASE, heir=heir))
    assert "\n" not in str(refused.value)


def test_a_mistake_of_the_base_is_reported_there(tmp_path):
    with pytest.raises(DefinitionError, match=r"base\.toml.*per_day"):
        NetworkDefinition.read(written(tmp_path, base=BASE.replace("2.0", "-1.0"), heir=HEIR))
