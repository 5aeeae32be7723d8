"""What a network file may say, value by value: refusals are checked on file, key, value and what is allowed."""

from __future__ import annotations

import copy
import json
import tomllib
from typing import Any

import pytest

from popsim.definitions.base import validate
from popsim.definitions.conditions import Condition
from popsim.definitions.durations import Exponential, LognormalDuration
from popsim.definitions.network import NetworkDefinition, Route, SettingDefinition
from popsim.errors import DefinitionError

FULL = tomllib.loads("""
name = "everything"
description = "Every key of the format once."
reference_population = 1000
entry = "home"
presentation = "acute_need"

[[settings]]
name = "home"
class = "community"
stay = { distribution = "forever" }

[[settings]]
name = "acute_need"
class = "router"
[[settings.routes]]
to = "ward"
when = [ { column = "presenting_cause", is = "heart_failure" }, { column = "frailty", at_least = 0 } ]
if_free = true
[[settings.routes]]
to = { ward = 0.5, other_ward = 0.5 }

[[settings]]
name = "ward"
label = "Cardiology ward"
class = "inpatient"
capacity = 24
waiting_room = 3
overflow = "other_ward"
boards = true
discipline = "priority"
priority = [ { level = 1, when = [ { column = "symptom_score", at_least = 8 } ] }, { level = 2 } ]
care_level = "critical"
stay_external = { distribution = "gamma", mean = 4, sd = 2 }
review = { hour = 10, discharge_when = [ { column = "weight_kg", below = 80 } ], at_least_days = 1, at_most_days = 30 }
patience = { distribution = "exponential", mean = 0.5 }
gives_up_to = "home"
[[settings.routes]]
to = "home"
for = "twins"
outlier = true
[[settings.routes]]
to = "exit"

[[settings]]
name = "other_ward"
class = "inpatient"
capacity = 10
stay = { distribution = "empirical", values = [1, 2.5, 9], weights = [3, 2, 1] }
stay_factors = [ { column = "frailty", reference = 0.3, log_change_per_unit = 0.8 } ]
[[settings.routes]]
to = "home"

[[settings]]
name = "clinic"
class = "outpatient"
slots_per_day = 30
opens_hour = 8.5
closes_hour = 16.0
weekdays_only = false
clinician = "specialist"
lapses_after_days = 20
[[settings.routes]]
to = "stay"

[[arrivals]]
name = "others"
to = "ward"
per_day = 3
priority = 2
""")


def refusal(table: dict[str, Any]) -> str:
    with pytest.raises(DefinitionError) as caught:
        validate(table, NetworkDefinition, "net.toml")
    message = str(caught.value)
    assert "\n" not in message
    return message


def changed(place: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """FULL with one value replaced (or added)."""
    table = copy.deepcopy(FULL)
    inner: Any = table
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = value
    return table


def test_every_key_of_the_format_is_read():
    network = validate(FULL, NetworkDefinition, "net.toml")
    ward = network.settings[2]
    assert (ward.setting_class, ward.capacity, ward.waiting_room, ward.level) == ("inpatient", 24, 3, "critical")
    assert ward.review is not None
    assert ward.review.hour == 10.0
    assert isinstance(ward.review.hour, float), "TOML integers serve as numbers"
    assert ward.routes[0].applies_to == "twins"
    assert ward.routes[0].outlier
    assert network.settings[1].routes[0].when[0].equals == "heart_failure"
    assert network.settings[1].routes[1].targets == (("ward", 0.5), ("other_ward", 0.5))
    assert network.settings[3].level == "ward", "default of the class"
    assert network.settings[4].places == 30
    assert network.settings[0].capacity == "unlimited"
    assert network.arrivals[0].per_day == 3.0


def test_round_trip_through_json():
    network = validate(FULL, NetworkDefinition, "net.toml")
    table = json.loads(json.dumps(network.table()))
    assert table["settings"][2]["class"] == "inpatient"
    assert table["settings"][2]["routes"][0]["for"] == "twins"
    assert validate(table, NetworkDefinition, "json") == network
    everything = json.loads(network.model_dump_json(by_alias=True))
    assert validate(everything, NetworkDefinition, "json") == network, "a dump with all defaults reads the same"


def test_python_names_serve_in_python():
    built = SettingDefinition(
        name="ward",
        setting_class="inpatient",
        capacity=2,
        stay=Exponential(distribution="exponential", mean=1.0),
        routes=(
            Route(to="exit", applies_to="all", when=(Condition(column="age_years", equals=70.0),)),
            Route(to="exit"),
        ),
    )
    assert built.title == "Ward"
    assert not built.routes[0].always
    with pytest.raises(ValueError, match="frozen"):
        built.capacity = 3  # type: ignore[misc]


SETTING = "settings"
WARD, OTHER, CLINIC, ROUTER = 2, 3, 4, 1
DAYS = {"distribution": "lognormal", "mean": 5.0, "sd": 4.0}
DELAY = {"probability": 0.2, "days": DAYS, "source": "a ward's own count"}
COMPLICATION = {"name": "infection", "per_day": 0.01, "extra_days": DAYS, "source": "a ward's own count"}


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        (("nmae",), "x", "net.toml: nmae: unknown key, did you mean 'name'? (allowed: arrivals, census, "),
        ((SETTING, WARD, "clas"), "x", ".clas: unknown key, did you mean 'class'? (allowed: boards, capacity,"),
        ((SETTING, WARD, "routes", 0, "fro"), "twins", ".fro: unknown key, "),
        ((SETTING, WARD, "capacity"), True, "capacity = True: must be a whole number between 0 and 10000000, or"),
        ((SETTING, WARD, "capacity"), -1, "capacity = -1: must be a whole number between 0 and 10000000, or"),
        ((SETTING, WARD, "capacity"), 10_000_001, "capacity = 10000001: must be a whole number between 0 and 10000000"),
        ((SETTING, WARD, "capacity"), 2.5, "capacity = 2.5: must be a whole number between 0 and 10000000"),
        (
            (SETTING, WARD, "capacity"),
            "many",
            "capacity = 'many': must be a whole number between 0 and 10000000, or 'un",
        ),
        ((SETTING, WARD, "class"), "inpatients", "class = 'inpatients': "),
        ((SETTING, WARD, "name"), "Cardiology ward", "name = 'Cardiology ward': must be a name of lower-case letters"),
        ((SETTING, WARD, "name"), "../ward", "name = '../ward': must be a name of lower-case letters"),
        ((SETTING, WARD, "label"), "x" * 81, "must be at most 80 characters long"),
        ((SETTING, WARD, "label"), "a\x1b[31m", "must be printable text"),
        ((SETTING, WARD, "boards"), "yes", "boards = 'yes': "),
        ((SETTING, WARD, "review", "hour"), 24.0, "review.hour = 24.0: must be between 0 and 23.999"),
        ((SETTING, WARD, "review", "at_least_days"), 31, "at_most_days = 30 must be >= at_least_days = 31"),
        ((SETTING, WARD, "review", "discharge_when"), [], "discharge_when: "),
        ((SETTING, WARD, "patience", "mean"), 0, "mean = 0: must be between 1e-06 and 36500"),
        ((SETTING, WARD, "stay_external", "mean"), float("nan"), "mean = nan: must be between 1e-06 and 36500"),
        ((SETTING, WARD, "stay_external", "mean"), float("inf"), "mean = inf: must be between 1e-06 and 36500"),
        ((SETTING, WARD, "stay_external", "mean"), 40_000, "mean = 40000: must be between 1e-06 and 36500"),
        ((SETTING, WARD, "stay_external", "mean"), 10**400, "must be between 1e-06 and 36500"),
        ((SETTING, WARD, "stay_external", "mean"), "4", "mean = '4': must be a number between 1e-06 and 36500"),
        ((SETTING, WARD, "stay_external", "sd"), True, "sd = True: must be a number between 1e-06 and 36500"),
        ((SETTING, WARD, "stay_external", "sd"), 400, "sd = 400 must be between 0.01 and 10 times the mean (4)"),
        (
            (SETTING, WARD, "stay_external", "distribution"),
            "gama",
            "stay_external.distribution = 'gama': did you mean 'gamma'? (allowed: empirical, exponential,",
        ),
        ((SETTING, WARD, "stay_external"), {"mean": 3}, "stay_external.distribution: missing, allowed: empirical, exp"),
        ((SETTING, WARD, "stay_external"), {"distribution": "forever"}, "'stay_external' must end"),
        ((SETTING, WARD, "stay"), {"distribution": "fixed", "value": 1}, "must have either 'stay' or 'review'"),
        ((SETTING, WARD, "slots_per_day"), 3, "'slots_per_day' is not allowed for class inpatient"),
        ((SETTING, WARD, "discipline"), "fifo", "go together"),
        ((SETTING, WARD, "priority"), [{"level": 6}], "priority.0.level = 6: must be between 1 and 5"),
        (
            (SETTING, WARD, "priority"),
            [{"level": 1, "when": [{"column": "frailty", "below": 0.5}]}],
            "the last rule of 'priority' must have no 'when'",
        ),
        ((SETTING, WARD, "waiting_room"), "unlimited", "'overflow' needs a 'waiting_room' that can be full"),
        ((SETTING, OTHER, "gives_up_to"), "home", "'patience' and 'gives_up_to' go together"),
        ((SETTING, OTHER, "stay"), {"distribution": "forever"}, "a stay forever is only allowed for class community"),
        (
            (SETTING, OTHER, "stay"),
            {"distribution": "uniform", "low": 2, "high": 1},
            "high = 1 must be at least low (2)",
        ),
        ((SETTING, OTHER, "stay", "weights"), [1, 2], "2 weights for 3 values: must be one for each"),
        ((SETTING, OTHER, "stay", "weights"), [0, 0, 0], "weights must not all be 0"),
        ((SETTING, OTHER, "stay", "values"), [], "values: "),
        (
            (SETTING, OTHER, "stay_factors"),
            [{"column": "a", "reference": 0, "log_change_per_unit": 1}] * 5,
            "stay_factors",
        ),
        ((SETTING, OTHER, "transfer_delay"), DELAY, "'transfer_delay' is only allowed for class community, facility"),
        (
            (SETTING, 0, "transfer_delay"),
            DELAY | {"days": {"distribution": "forever"}},
            "transfer_delay.days: must end, it cannot be forever",
        ),
        ((SETTING, 0, "transfer_delay"), DELAY | {"source": ""}, "transfer_delay.source"),
        (("complications",), [COMPLICATION | {"fatality": 1.1}], "complications.0.fatality = 1.1: must be between 0"),
        (("complications",), [COMPLICATION] * 21, "complications"),
        (
            (SETTING, OTHER, "routes", 0, "to"),
            {"home": -0.1, "ward": 1.1},
            "probability of 'home' is -0.1: must be between",
        ),
        (
            (SETTING, OTHER, "routes", 0, "to"),
            {"home": 1.2},
            "the probability of 'home' is 1.2: must be between 0 and 1",
        ),
        (
            (SETTING, OTHER, "routes", 0, "to"),
            {"home": True},
            "the probability of 'home' is True: must be between 0 and 1",
        ),
        ((SETTING, OTHER, "routes", 0, "to"), 3, "routes.0.to = 3: must be a setting's name, 'exit', 'stay', or"),
        ((SETTING, OTHER, "routes", 0, "for"), "twin", "routes.0.for = 'twin': "),
        ((SETTING, OTHER, "routes"), {"to": "home"}, "routes: must be a list"),
        ((SETTING, ROUTER, "routes", 1, "if_free"), True, "if_free needs a single setting in 'to'"),
        ((SETTING, ROUTER, "routes", 0, "for"), "external", "external patients have no columns"),
        ((SETTING, ROUTER, "routes", 0, "when", 1, "below"), 1, "condition on 'frailty' must have exactly one of"),
        ((SETTING, ROUTER, "routes", 0, "when", 0, "is"), True, "is = True: must be a number or a name"),
        ((SETTING, ROUTER, "capacity"), 3, "'capacity' is not allowed for class router"),
        ((SETTING, ROUTER, "stay"), {"distribution": "fixed", "value": 1}, "'stay' is not allowed for class router"),
        ((SETTING, ROUTER, "waiting_room"), 3, "'waiting_room' is not allowed for class router"),
        ((SETTING, CLINIC, "capacity"), 3, "'capacity' is not allowed for class outpatient"),
        ((SETTING, CLINIC, "slots_per_day"), -3, "slots_per_day = -3: must be between 0 and 10000000"),
        ((SETTING, CLINIC, "closes_hour"), 8.0, "closes_hour = 8 must be after opens_hour (8.5)"),
        ((SETTING, 0, "routes"), [{"to": "ward"}], "a stay forever has no end and so no 'routes'"),
        ((SETTING,), [], "settings: "),
        ((SETTING,), [FULL[SETTING][0]] * 101, "settings: "),
        (("reference_population",), 0, "reference_population = 0: must be between 1 and 100000000"),
        (("arrivals", 0, "per_day"), -1.0, "arrivals.0.per_day = -1.0: must be between 0 and 1e+06"),
        (("arrivals", 0, "priority"), 0, "arrivals.0.priority = 0: must be between 1 and 5"),
        (("arrivals",), FULL["arrivals"] * 65, "arrivals: "),
    ],
)
def test_refusals(place, value, expected):
    message = refusal(changed(place, value))
    assert message.startswith("net.toml: ")
    assert expected in message


def test_required_keys_are_named():
    table = copy.deepcopy(FULL)
    del table["settings"][WARD]["class"]
    assert refusal(table).endswith("class: missing, this key is required")
    del table["settings"][WARD]["name"]
    assert refusal(table).endswith("name: missing, like class: these keys are required")
    table["settings"][WARD]["nam"] = "ward"  # the first mistake is another one
    assert "nam: unknown key, did you mean 'name'?" in refusal(table) and "required" not in refusal(table)
    table = copy.deepcopy(FULL)
    del table["settings"][CLINIC]["slots_per_day"]
    assert "setting 'clinic': class outpatient needs 'slots_per_day'" in refusal(table)


def test_lognormal_moments_are_those_of_the_duration():
    stay = LognormalDuration(distribution="lognormal", mean=5.0, sd=3.0)
    assert (stay.mean, stay.sd) == (5.0, 3.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name = " + "1" * 5000, "file: not valid TOML: "),
        ("name = " + "[" * 3000, "file: nested too deeply"),
        ('name = "a', "file: not valid TOML: "),
        ("name = 'a'\nsettings = 3", "settings = 3: must be a list"),
    ],
)
def test_files_that_are_no_network(tmp_path, text, expected):
    path = tmp_path / "net.toml"
    path.write_text(text)
    with pytest.raises(DefinitionError) as caught:
        NetworkDefinition.read(path)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
