"""What makes a care network unsound, one refusal each."""

from __future__ import annotations

from typing import Any

import pytest
from made_network import GOOD, build, place, refused, stay, with_setting

from popsim.errors import DefinitionError


def test_unknown_names_get_a_suggestion():
    error = refused(entry="hom")
    assert (error.key, error.value) == ("entry", "hom")
    assert error.allowed == "unknown setting, did you mean 'home'? (allowed: clinic, emergency, home, ward)"
    error = refused(presentation="emergncy")
    assert (error.key, error.value) == ("presentation", "emergncy")
    assert "did you mean 'emergency'?" in error.allowed
    error = refused(arrivals=[{"name": "others", "to": "wards", "per_day": 3.0}])
    assert (error.key, error.value) == ("arrivals.others.to", "wards")
    assert "did you mean 'ward'?" in error.allowed


@pytest.mark.parametrize(
    ("changes", "key", "value"),
    [
        ({"routes": [{"to": "hme"}]}, "settings.ward.routes.0.to", "hme"),
        ({"routes": [{"to": {"home": 0.5, "hme": 0.5}}]}, "settings.ward.routes.0.to", "hme"),
        ({"overflow": "hme"}, "settings.ward.overflow", "hme"),
        ({"patience": stay(), "gives_up_to": "hme"}, "settings.ward.gives_up_to", "hme"),
    ],
)
def test_dangling_links(changes, key, value):
    error = refused(settings=with_setting("ward", **changes))
    assert (error.key, error.value) == (key, value)
    assert error.allowed.startswith("unknown setting, did you mean 'home'? (allowed: ")


def test_targets_that_only_some_settings_have():
    error = refused(settings=with_setting("ward", routes=[{"to": "stay"}]))
    assert (error.key, error.value) == ("settings.ward.routes.0.to", "stay")
    error = refused(settings=with_setting("ward", overflow="exit"))
    assert (error.key, error.value) == ("settings.ward.overflow", "exit")


def test_names_are_unique_and_not_reserved():
    error = refused(settings=[*GOOD["settings"], place("ward", {"to": "home"})])
    assert (error.key, error.value) == ("settings.name", "ward")
    assert error.allowed == "this name is used more than once, must be unique"
    error = refused(arrivals=GOOD["arrivals"] * 2)
    assert (error.key, error.value) == ("arrivals.name", "others")
    error = refused(settings=[*GOOD["settings"], place("exit", {"to": "home"})])
    assert (error.key, error.value) == ("settings.name", "exit")


def test_entry_and_presentation():
    assert refused(entry=None, presentation="emergency").key == "entry"
    error = refused(presentation="clinic")
    assert (error.key, error.value) == ("presentation", "clinic")
    assert error.allowed == "must be a place or a router, not a contact setting"
    error = refused(entry=None, presentation=None, arrivals=[])
    assert (error.key, error.allowed) == ("entry", "missing, a network without 'arrivals' needs it")


@pytest.mark.parametrize("shares", [{"home": 0.5, "ward": 0.4}, {"home": 0.5, "ward": 0.5 + 2e-9}, {"home": 0.0}])
def test_probabilities_sum_to_one(shares):
    error = refused(settings=with_setting("emergency", routes=[{"to": shares}]))
    assert error.key == "settings.emergency.routes.0.to"
    assert error.allowed.startswith(f"probabilities sum to {sum(shares.values()):.10g}, must sum to 1")


def test_probabilities_that_round_to_one_are_taken():
    thirds = {"home": 1 / 3, "ward": 1 / 3, "exit": 1 / 3}
    tenths = {"home": 0.1, "ward": 0.2, "exit": 0.7}
    for shares in (thirds, tenths):
        routes = [{"to": shares, "for": "external"}, {"to": {"ward": 0.7, "home": 0.3}}]
        settings = with_setting("emergency", routes=routes)
        settings[0] |= {"stay_external": stay(), "routes": [{"to": "exit"}]}
        build(settings=settings)


@pytest.mark.parametrize(("capacity", "message"), [(0, "nobody can ever enter")])
def test_zero_capacity_without_a_way_out(capacity, message):
    error = refused(settings=with_setting("ward", capacity=capacity, waiting_room="unlimited"))
    assert (error.key, error.value) == ("settings.ward.capacity", 0)
    assert error.allowed.startswith(message)
    still = refused(settings=with_setting("ward", capacity=0, waiting_room=3, overflow="home"))
    assert still.key == "settings.ward.capacity", "the first three would wait for ever"


def test_zero_capacity_with_a_way_out():
    build(settings=with_setting("ward", capacity=0, patience=stay(), gives_up_to="exit"), presentation=None)
    annex = place("annex", {"to": "exit", "for": "external"}, {"to": "home"})
    settings = with_setting("ward", capacity=0, waiting_room=0, overflow="annex")
    build(settings=[*settings, annex])


def test_unreachable_setting():
    error = refused(settings=[*GOOD["settings"], place("island", {"to": "home"})])
    assert error.key == "settings.island"
    assert error.allowed.startswith("unreachable: ")
    pair = [place("east", {"to": "west"}), place("west", {"to": {"east": 0.5, "home": 0.5}})]
    assert refused(settings=[*GOOD["settings"], *pair]).key == "settings.east", "two islands do not save each other"
    unused = [{"to": {"home": 1.0, "annex": 0.0}}]
    settings = [
        *with_setting("ward", routes=[{"to": "exit", "for": "external"}, *unused]),
        place("annex", {"to": "home"}),
    ]
    assert refused(settings=settings).key == "settings.annex", "a probability of 0 leads nowhere"


def test_reached_by_contact_overflow_or_giving_up():
    exits = {"to": "exit", "for": "external"}
    annex = place("annex", exits, {"to": "home"})
    build(settings=[*with_setting("clinic", routes=[{"to": "annex"}]), annex])
    build(settings=[*with_setting("ward", overflow="annex"), annex])
    build(settings=[*with_setting("ward", patience=stay(), gives_up_to="annex"), annex])


def test_no_way_to_leave():
    error = refused(settings=with_setting("ward", routes=[]))
    assert (error.key, error.allowed) == ("settings.ward.routes", "no way to leave: a stay that ends needs routes")
    router = {"name": "router", "class": "router"}
    error = refused(settings=[*with_setting("ward", routes=[{"to": "router"}]), router])
    assert (error.key, error.allowed) == ("settings.router.routes", "no way to leave: a router needs routes")
    loop = [{"to": "exit", "for": "external"}, {"to": "rehab"}]
    rehab = place("rehab", {"to": "exit", "for": "external"}, {"to": "ward"})
    settings = [*with_setting("ward", routes=loop, boards=False), rehab]
    settings[1]["routes"] = [{"to": "ward"}]
    error = refused(settings=settings)
    assert error.key == "settings.emergency.routes"
    assert error.allowed.startswith("no way to leave for twins: ")


def test_no_way_to_leave_for_external_patients():
    error = refused(settings=with_setting("ward", routes=[{"to": "home"}]))
    assert (error.key, error.value) == ("settings.home.stay", "forever")
    assert error.allowed.startswith("external patients come here and would never leave")
    conditional = [{"to": "home", "for": "twins"}]
    assert refused(settings=with_setting("ward", routes=conditional)).key == "settings.ward.routes"
    review = {"hour": 10, "discharge_when": [{"column": "frailty", "below": 0.5}]}
    settings = with_setting("ward", review=review)
    del settings[2]["stay"]
    error = refused(settings=settings)
    assert error.key == "settings.ward.stay_external"
    assert error.allowed.startswith("missing, external patients come here")


def test_twins_do_not_leave_a_model_in_which_they_live_on():
    settings = with_setting("ward", routes=[{"to": "exit"}])
    error = refused(settings=settings)
    assert error.key == "settings.ward"
    assert error.allowed.startswith("twins reach 'exit' here")
    build(settings=settings, presentation=None)  # reachable by arrivals; no physiology brings twins there


@pytest.mark.parametrize(
    "routes",
    [
        [{"to": "home", "when": [{"column": "frailty", "below": 0.5}]}],
        [{"to": "home", "if_free": True}],
        [{"to": "exit", "for": "external"}],
        [{"to": "home", "for": "twins", "if_free": True}, {"to": "exit", "for": "external"}],
    ],
)
def test_the_last_route_matches_always(routes):
    error = refused(settings=with_setting("ward", routes=routes))
    assert error.key == f"settings.ward.routes.{len(routes) - 1}"
    assert error.allowed.startswith("the last route must match always")


def test_a_route_behind_one_that_always_matches():
    error = refused(settings=with_setting("ward", routes=[{"to": "home"}, {"to": "exit", "for": "external"}]))
    assert (error.key, error.allowed) == ("settings.ward.routes.1", "never used: the routes before it always match")


ZERO = {"distribution": "fixed", "value": 0}


@pytest.mark.parametrize(
    ("extra", "path"),
    [
        (
            [
                {"name": "a", "class": "router", "routes": [{"to": "b"}]},
                {"name": "b", "class": "router", "routes": [{"to": {"a": 0.5, "home": 0.5}}]},
            ],
            "a -> b -> a",
        ),
        ([place("a", {"to": {"a": 0.9, "home": 0.1}}, stay=ZERO)], "a -> a"),
        (
            [
                place("a", {"to": "b"}, stay={"distribution": "empirical", "values": [0]}),
                {"name": "b", "class": "router", "routes": [{"to": {"a": 0.5, "home": 0.5}}]},
            ],
            "a -> b -> a",
        ),
        (
            [
                place("a", {"to": "b"}, waiting_room=0, overflow="b"),
                place("b", {"to": "home"}, waiting_room=0, overflow="a"),
            ],
            "a -> b -> a",
        ),
    ],
)
def test_cycle_without_time(extra, path):
    settings = [*with_setting("clinic", routes=[{"to": "a"}]), *extra]
    error = refused(settings=settings)
    assert error.key == "settings.a"
    assert error.allowed == f"a cycle that takes no time ({path}): one stay in it must last a minute or more on average"


@pytest.mark.parametrize(
    "short",
    [
        {"distribution": "fixed", "value": 1e-9},
        {"distribution": "fixed", "value": 0.99 / 1440},
        {"distribution": "uniform", "low": 0.0, "high": 1e-9},
        {"distribution": "empirical", "values": [0.0, 1.0], "weights": [2000.0, 1.0]},
        {"distribution": "exponential", "mean": 1e-6},
        {"distribution": "lognormal", "mean": 1e-6, "sd": 1e-6},
        {"distribution": "gamma", "mean": 1e-6, "sd": 1e-6},
    ],
)
def test_a_cycle_within_a_minute_takes_no_time(short):
    """Whatever ends it: a stay, patience, a stay at home of those whom nobody lets in."""
    words = "a cycle that takes no time"
    back = [place("a", {"to": {"a": 0.9, "home": 0.1}}, stay=short)]
    assert words in refused(settings=[*with_setting("clinic", routes=[{"to": "a"}]), *back]).allowed
    impatient = [place("a", {"to": "home"}, patience=short, gives_up_to="b"), place("b", {"to": "a"}, stay=short)]
    assert words in refused(settings=[*with_setting("clinic", routes=[{"to": "a"}]), *impatient]).allowed
    assert words in refused(settings=with_setting("home", stay=short, routes=[{"to": "emergency"}])).allowed
    build(settings=with_setting("ward", stay=short))  # at home, time passes


def test_cycle_with_time_is_fine():
    extra = [place("a", {"to": "b"}), place("b", {"to": {"a": 0.5, "home": 0.5}}, stay=ZERO)]
    build(settings=[*with_setting("clinic", routes=[{"to": "a"}]), *extra])


def test_boarding_in_a_circle():
    """Two who wait for each other's bed exchange them; in a circle of three all can wait for ever."""
    shares = {"to": {"a": 0.5, "home": 0.5}}
    two = [place("a", {"to": "b"}, boards=True), place("b", shares, boards=True)]
    clinics = with_setting("clinic", routes=[{"to": "a"}])
    build(settings=[*clinics, *two])
    extra = [two[0], place("b", {"to": "c"}, boards=True), place("c", shares, boards=True)]
    settings = [*clinics, *extra]
    error = refused(settings=settings)
    assert (error.key, error.value) == ("settings.b.boards", True)
    assert error.allowed.startswith("all can wait for each other for ever (a -> b -> c -> a)")
    extra[2]["boards"] = False
    build(settings=settings)
    extra[2] |= {"boards": True, "patience": stay(), "gives_up_to": "home"}
    build(settings=settings)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        (
            {
                "routes": [
                    {"to": "exit", "for": "external"},
                    {"to": "home", "when": [{"column": "frailtie", "below": 1}]},
                ]
            },
            "settings.ward.routes.1.when.0",
        ),
        (
            {
                "discipline": "priority",
                "priority": [{"level": 1, "when": [{"column": "frailtie", "is": 1}]}, {"level": 2}],
            },
            "settings.ward.priority.0.when.0",
        ),
        (
            {"stay_factors": [{"column": "frailtie", "reference": 0, "log_change_per_unit": 1}]},
            "settings.ward.stay_factors.0.column",
        ),
    ],
)
def test_unknown_column(changes, key):
    error = refused(settings=with_setting("ward", **changes))
    assert (error.key, error.value) == (key, "frailtie")
    assert error.allowed.startswith("unknown column, did you mean 'frailty'? (allowed: ")


def test_unknown_column_in_a_delay_or_a_complication():
    bad = [{"column": "frailtie", "reference": 0, "log_change_per_unit": 1}]
    delay = {"probability": 0.1, "days": stay(), "factors": bad, "source": "a ward's own count"}
    error = refused(settings=with_setting("home", transfer_delay=delay))
    assert error.key == "settings.home.transfer_delay.factors.0.column"
    complication = {"name": "fall", "per_day": 0.1, "extra_days": stay(), "source": "a ward's own count"}
    error = refused(complications=[complication | {"factors": bad}])
    assert error.key == "complications.0.factors.0.column"
    error = refused(complications=[complication | {"by_cause": {"stroke": 2.0, "strok": 1.0}}])
    assert (error.key, error.value) == ("complications.0.by_cause", "strok")
    assert "did you mean 'stroke'?" in error.allowed
    assert refused(complications=[complication] * 2).key == "complications.name"


def test_unknown_column_in_a_review():
    bad = [{"column": "systolic", "at_least": 90}]
    good = [{"column": "systolic_mmhg", "at_least": 90}]
    for review, key in (
        ({"hour": 10, "discharge_when": bad}, "settings.ward.review.discharge_when.0"),
        ({"hour": 10, "discharge_when": good, "under_pressure": bad}, "settings.ward.review.under_pressure.0"),
    ):
        settings = with_setting("ward", review=review, stay_external=stay())
        del settings[2]["stay"]
        error = refused(settings=settings)
        assert (error.key, error.value) == (key, "systolic")


def test_names_of_causes():
    def routes(column: str, value: str) -> list[dict[str, Any]]:
        return [
            {"to": "exit", "for": "external"},
            {"to": "home", "when": [{"column": column, "is": value}]},
            {"to": "home"},
        ]

    build(settings=with_setting("ward", routes=routes("presenting_cause", "heart_failure")))
    error = refused(settings=with_setting("ward", routes=routes("presenting_cause", "heart_failur")))
    assert (error.key, error.value) == ("settings.ward.routes.1.when.0.is", "heart_failur")
    assert "did you mean 'heart_failure'?" in error.allowed
    error = refused(settings=with_setting("ward", routes=routes("frailty", "high")))
    assert error.allowed == "unknown value of frailty, allowed: a number"


def test_a_home_without_duration_is_refused():
    home = {"name": "home", "class": "community", "stay": {"distribution": "fixed", "value": 0.0}}
    with pytest.raises(DefinitionError, match="a cycle that takes no time"):
        build(settings=[home | {"routes": [{"to": "ward"}]}, *with_setting("home")[1:]])


def test_if_free_is_about_settings():
    with pytest.raises(DefinitionError, match="if_free needs a single setting"):
        build(settings=with_setting("ward", routes=[{"to": "exit", "if_free": True}, {"to": "exit"}]))
