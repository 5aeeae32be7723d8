"""What may be asked of a sound care network: its graph, its scaling and capacities; the networks on file are sound."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_network import COLUMNS, build, with_setting

from popsim.care.network import CareNetwork, operand
from popsim.definitions.conditions import Condition
from popsim.errors import DefinitionError, InputError
from popsim.kernels.codes import CAUSE_HEART_FAILURE

NETWORKS = Path(__file__).parents[2] / "experiments" / "networks"


def test_graph_of_a_good_network():
    network = build()
    assert [s.name for s in network.settings] == ["home", "emergency", "ward", "clinic"]
    assert network.index("ward") == 2
    assert network["ward"].capacity == 5
    assert set(network.graph.edges) == {
        ("emergency", "home"),
        ("emergency", "ward"),
        ("ward", "exit"),
        ("ward", "home"),
    }
    assert network.graph.nodes["ward"]["setting"] is network["ward"]
    first, second = network.graph.edges["emergency", "ward"]["links"]
    assert (first.kind, first.route, first.probability, first.twins, first.external) == ("route", 0, 0.6, True, False)
    assert (second.route, second.probability, second.twins, second.external) == (1, 1.0, False, True)
    assert "stay" not in network.graph, "a contact's target 'stay' is not a node"


def test_a_contact_setting_needs_no_link():
    assert build()["clinic"].places == 3


def test_operands():
    assert operand(Condition(column="presenting_cause", equals="heart_failure")) == CAUSE_HEART_FAILURE
    assert operand(Condition(column="frailty", at_least=0.5)) == 0.5
    assert operand(Condition(column="frailty", below=0.0)) == 0.0


def test_scaling_rounds_half_up_and_keeps_one():
    settings = with_setting("ward", capacity=5, waiting_room=7)
    network = build(settings=settings).scaled(500)
    assert network["ward"].capacity == 3, "2.5 rounds up"
    assert network["ward"].waiting_room == 4, "3.5 rounds up"
    assert network["home"].capacity == "unlimited"
    assert network["clinic"].slots_per_day == 2
    assert network.arrivals[0].per_day == 1.5
    assert network.definition.reference_population == 500
    tiny = build().scaled(1)
    assert tiny["ward"].capacity == 1
    assert tiny.arrivals[0].per_day == pytest.approx(0.003)
    large = build().scaled(100_000)
    assert large["ward"].capacity == 500
    closed = build(settings=with_setting("clinic", slots_per_day=0)).scaled(100_000)
    assert closed["clinic"].slots_per_day == 0, "none stays none"


def test_scaling_that_changes_nothing_or_cannot_be():
    network = build()
    assert network.scaled(1000) is network
    unscaled = build(reference_population=None)
    assert unscaled.scaled(7) is unscaled
    with pytest.raises(InputError, match="population = 0: must be at least 1"):
        network.scaled(0)
    with pytest.raises(DefinitionError, match=r"settings.emergency.capacity = 50000000: scaled beyond"):
        network.scaled(10_000_000_000)


def test_capacities_of_a_strategy():
    network = build().with_capacity({"ward": 9, "clinic": 12})
    assert (network["ward"].capacity, network["clinic"].slots_per_day) == (9, 12)
    assert build()["ward"].capacity == 5, "the original keeps its own"
    with pytest.raises(DefinitionError) as caught:
        build().with_capacity({"wrad": 9}, file="strategy.toml")
    assert (caught.value.file, caught.value.key, caught.value.value) == ("strategy.toml", "capacity.wrad", 9)
    assert "did you mean 'ward'?" in caught.value.allowed
    for number in (-1, 2.5, True, 10**8):
        with pytest.raises(DefinitionError, match="must be a whole number between 0 and 10000000"):
            build().with_capacity({"ward": number})
    with pytest.raises(DefinitionError, match="nobody can ever enter"):
        build(settings=with_setting("ward", waiting_room="unlimited")).with_capacity({"ward": 0})


def test_index_of_an_unknown_setting():
    with pytest.raises(InputError, match=r"no setting .wards. in net\.toml: did you mean .ward.\?"):
        build().index("wards")


def test_flow_only_network_on_file():
    network = CareNetwork.read(NETWORKS / "minimal_ward.toml", ())
    assert [s.name for s in network.settings] == ["emergency_department", "ward"]
    assert network.definition.entry is None
    ward = network["ward"]
    admitted = network.arrivals[0].per_day * dict(network["emergency_department"].routes[0].targets)["ward"]
    assert admitted * ward.stay.mean / ward.capacity == pytest.approx(0.91, abs=0.005), "as its comment says"


def test_heart_failure_catchment_on_file():
    network = CareNetwork.read(NETWORKS / "heart_failure_catchment.toml", COLUMNS)
    classes = {s.setting_class for s in network.settings}
    assert classes == {
        "router", "outpatient", "community", "emergency", "observation", "inpatient", "critical", "facility", "hospice",
    }  # fmt: skip
    assert network.graph.out_degree("home") == 0
    # Discharge destinations in 59,736 patients (Get With The Guidelines - Heart Failure with Medicare, 2011-14): home
    # 43.7%, with home care 25.6%, skilled nursing facility 21.6%, hospice 4.1%; shared out without the other 5%. The
    # classes of frailty hold 20, 42 and 38% when frailty is normal with mean 0.32 and sd 0.13.
    classes_hold = (0.199, 0.422, 0.379)
    shares: dict[str, float] = {}
    for share, route in zip(classes_hold, network["discharge"].routes, strict=True):
        for target, probability in route.targets:
            shares[target] = shares.get(target, 0.0) + share * probability
    observed = {"home": 0.437, "home_care": 0.256, "nursing_facility": 0.216, "hospice": 0.041}
    for target, value in observed.items():
        assert shares[target] == pytest.approx(value / sum(observed.values()), abs=0.01)


def test_heart_failure_catchment_has_a_way_for_every_cause():
    routes = CareNetwork.read(NETWORKS / "heart_failure_catchment.toml", COLUMNS)["emergency_department"].routes
    to = {"infarction": "coronary_care", "stroke": "stroke_unit", "bleeding": "general_ward", "renal": "general_ward",
          "fall": {"home": 0.3, "home_care": 0.3, "bed_after_fall": 0.4}}  # fmt: skip
    for cause, ward in to.items():
        assert next(r for r in routes if any(c.equals == cause for c in r.when)).to == ward


def test_a_file_that_is_not_there():
    with pytest.raises(DefinitionError, match="no such file"):
        CareNetwork.read(NETWORKS / "nowhere.toml", COLUMNS)
