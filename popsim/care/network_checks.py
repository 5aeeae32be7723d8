"""Checks of a care network. Each raises one `DefinitionError`: file, key, value, what is allowed.

Settings are named in keys (`settings.cardiology_ward.routes.1.to`); routes are counted from 0, as in other errors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from popsim.care import network_contents as contents
from popsim.care.network_graph import Link, Links, links_of
from popsim.care.network_names import check_names
from popsim.care.signals import hidden
from popsim.definitions.conditions import Condition
from popsim.definitions.durations import Duration, Forever
from popsim.definitions.network import (
    EXIT,
    UNLIMITED,
    NetworkDefinition,
    Route,
    SettingDefinition,
)
from popsim.errors import DefinitionError
from popsim.kernels.codes import CAUSE_NAMES
from popsim.population.pieces import outline_of

CAUSE_COLUMNS = ("presenting_cause", "acute_cause")
RESTING_CLASSES = ("community", "facility", "hospice")  # where people live, and stay if no other setting admits them
MIN_CYCLE_DAYS = 1.0 / 1440.0  # one stay of a cycle lasts a minute or more, on average
TOLERANCE = 1e-9  # how far the sum of a table of probabilities may be from 1


def within[N: (int, float)](number: N, largest: N, key: str, file: object) -> N:
    """`number`, if scaling has not made it larger than a file may hold."""
    if number > largest:
        raise DefinitionError(file, key, number, f"scaled beyond the largest number allowed, {largest:g}")
    return number


def sound(definition: NetworkDefinition, known_columns: Collection[str] | None, file: object) -> None:
    """Everybody can go on in the network; conditions test `known_columns`, if they are given.

    Raises:
        DefinitionError: the first thing that makes the network unsound.
    """
    check_names(definition, file)
    if known_columns is not None:
        columns(definition, known_columns, file)
    durations(definition, file)
    routes(definition, file)
    census(definition, file)
    structure(definition, links_of(definition), file)


def columns(definition: NetworkDefinition, known: Collection[str], file: object) -> None:
    """Every tested column exists, and causes are given by name."""
    for setting in definition.settings:
        prefix = f"settings.{setting.name}"
        for key, condition in contents.conditions(setting):
            check_condition(condition, known, f"{prefix}.{key}", file)
    for number, patient_class in enumerate(definition.classes):
        for index, condition in enumerate(patient_class.when):
            check_condition(condition, known, f"classes.{number}.when.{index}", file)
    for key, factor in contents.factors(definition):
        if factor.column not in known:
            raise DefinitionError(file, f"{key}.column", factor.column, "unknown column", known)


def durations(definition: NetworkDefinition, file: object) -> None:
    """Every truncated distribution of a stay or of waiting exists."""
    for key, duration in contents.durations(definition):
        try:
            outline_of(duration)
        except ValueError as error:
            raise DefinitionError(file, key, None, f"{error}") from None


def check_condition(condition: Condition, known: Collection[str], key: str, file: object) -> None:
    """The tested column exists, and causes are given by name."""
    if condition.column not in known:
        raise DefinitionError(file, key, condition.column, "unknown column", known)
    if hidden(condition.column, known):
        raise DefinitionError(file, key, condition.column, "is hidden: no signal of evidence/devices shows it")
    if isinstance(condition.equals, str):
        allowed = CAUSE_NAMES if condition.column in CAUSE_COLUMNS else ()
        if condition.equals not in allowed:
            words = f"unknown value of {condition.column}" + ("" if allowed else ", allowed: a number")
            raise DefinitionError(file, f"{key}.is", condition.equals, words, allowed or None)


def routes(definition: NetworkDefinition, file: object) -> None:
    """Probabilities sum to 1, and the last route of a list, and only the last, always matches."""
    outside = {one.patient_class for one in definition.arrivals} | {one.patient_class for one in definition.census}
    inside = {one.name for one in definition.classes if one.when}
    for setting in definition.settings:
        key = f"settings.{setting.name}.routes"
        if setting.routes:
            _route_list(setting.routes, key, {"external"} if definition.entry is None else {"twins"}, file)
        elif setting.is_stay_setting and not isinstance(setting.stay, Forever):
            raise DefinitionError(file, key, None, "no way to leave: a stay that ends needs routes")
        elif setting.setting_class == "router":
            raise DefinitionError(file, key, None, "no way to leave: a router needs routes")
        for number, one in enumerate(setting.classes):
            own = f"settings.{setting.name}.classes.{number}.routes"
            people = {"twins"} if one.name in inside else set()
            people |= {"external"} if one.name in outside else set()
            if one.routes:
                _route_list(one.routes, own, people, file)
            elif not setting.routes:
                raise DefinitionError(file, own, None, "no way to leave: a stay that ends needs routes")


def census(definition: NetworkDefinition, file: object) -> None:
    """No more people are present in a setting than it has places; who has none there waits."""
    places = {setting.name: setting.most_beds for setting in definition.settings}
    present = Counter[str]()
    for number, row in enumerate(definition.census):
        present[row.setting] += row.number if row.state == "present" else 0
        limit = places[row.setting]
        if isinstance(limit, int) and present[row.setting] > limit:
            allowed = f"{present[row.setting]} are present in {limit} places; who has none there is 'waiting'"
            raise DefinitionError(file, f"census.{number}.number", row.number, allowed)


def _route_list(listed: Sequence[Route], key: str, everybody: set[str], file: object) -> None:
    """The routes of one list, by which all of `everybody` (twins, external) must find a way."""
    open_to = {"twins", "external"}
    for number, route in enumerate(listed):
        total = sum(probability for _, probability in route.targets)
        if abs(total - 1.0) > TOLERANCE:
            raise DefinitionError(file, f"{key}.{number}.to", None, f"probabilities sum to {total:.10g}, must sum to 1")
        audience = {"twins", "external"} if route.applies_to == "all" else {route.applies_to}
        if not audience & open_to:
            raise DefinitionError(file, f"{key}.{number}", None, "never used: the routes before it always match")
        if route.always:
            open_to -= audience
    if not listed[-1].always or everybody & open_to:
        words = "the last route must match always: no 'when', no 'if_free', no way back, for everybody left"
        raise DefinitionError(file, f"{key}.{len(listed) - 1}", None, words)


def structure(definition: NetworkDefinition, links: Links, file: object) -> None:
    """Checks on the links: settings that nobody can enter, dead ends, unreachable settings, loops that take no time."""
    _open_doors(definition, file)
    _room_for_worse(definition, file)
    _no_time_loops(definition, links, file)
    _no_boarding_deadlock(definition, links, file)
    contacts = [s.name for s in definition.settings if s.setting_class == "outpatient"]
    starts = [node for node in (definition.entry, definition.presentation) if node is not None]
    twins = _reached(links, [*starts, *contacts] if starts else [], lambda link: link.twins)
    external = _reached(links, [a.to for a in definition.arrivals], lambda link: link.external)
    for setting in definition.settings:
        if setting.name not in twins and setting.name not in external and setting.setting_class != "outpatient":
            raise DefinitionError(
                file,
                f"settings.{setting.name}",
                None,
                "unreachable: neither entry, presentation, arrivals nor any setting in use leads here",
            )
    _no_dead_ends_for_external(definition, links, external, file)
    resting = {s.name for s in definition.settings if isinstance(s.stay, Forever) or s.setting_class == "community"}
    _no_dead_ends(links, twins, {EXIT, *resting, *contacts}, lambda link: link.twins, "twins", file)
    if definition.presentation is not None and EXIT in twins:
        name = next(n for n in links if n in twins and any(link.twins for link in links[n].get(EXIT, ())))
        raise DefinitionError(
            file,
            f"settings.{name}",
            None,
            "twins reach 'exit' here, but they live on in the model: send them to a setting",
        )


def _open_doors(definition: NetworkDefinition, file: object) -> None:
    """Nobody waits for ever for a setting without capacity."""
    for setting in definition.settings:
        turned_away = setting.waiting_room == 0 and setting.overflow is not None
        if setting.is_stay_setting and setting.most_beds == 0 and not turned_away and setting.patience is None:
            words = "must be at least 1, or have 'patience', or 'waiting_room = 0' with an 'overflow'"
            words = f"nobody can ever enter, those who wait never leave: {words}"
            raise DefinitionError(file, f"settings.{setting.name}.capacity", 0, words)


def _room_for_worse(definition: NetworkDefinition, file: object) -> None:
    """Patients who get worse always have a bed: that of the higher level, the one that they have, or another."""
    known = {setting.name: setting for setting in definition.settings}
    for setting in definition.settings:
        if setting.escalation is None:
            continue
        to, key = known[setting.escalation.to], f"settings.{setting.name}.escalation.to"
        if to is setting:
            raise DefinitionError(file, key, to.name, "must be another setting")
        if to.capacity != UNLIMITED and not to.boards:
            raise DefinitionError(file, key, to.name, "must have 'boards = true': people wait for it in their bed")
        if to.waiting_room != UNLIMITED and to.overflow is None:
            raise DefinitionError(file, key, to.name, "must have an 'overflow', for people who find its queue full")


def _no_time_loops(definition: NetworkDefinition, links: Links, file: object) -> None:
    """No cycle takes (almost) no time; it would keep the simulation within one day for ever."""
    timeless: dict[str, list[str]] = {}
    for setting in definition.settings:
        at_once = {"overflow"}
        stays = (setting.stay, setting.stay_external, *(one.stay for one in setting.classes))
        passing = any(map(_within_a_minute, stays))
        if setting.setting_class == "router" or passing:
            at_once.add("route")
        if _within_a_minute(setting.patience):
            at_once.add("gives_up")
        out = links[setting.name].items()
        timeless[setting.name] = [target for target, ways in out if any(link.kind in at_once for link in ways)]
        if setting.setting_class in RESTING_CLASSES and _within_a_minute(setting.stay):
            timeless[setting.name].append(setting.name)  # a person blocked elsewhere starts another stay here
    if cycle := _cycle(timeless):
        raise DefinitionError(
            file,
            f"settings.{cycle[0]}",
            None,
            f"a cycle that takes no time ({' -> '.join(cycle)}): one stay in it must last a minute or more on average",
        )


def _no_boarding_deadlock(definition: NetworkDefinition, links: Links, file: object) -> None:
    """No cycle of boarding settings in which everybody holds a bed that somebody else waits for.

    Two who wait for each other's bed exchange them, so it takes three settings.
    """
    known = {setting.name: setting for setting in definition.settings}
    routers = {name for name, setting in known.items() if setting.setting_class == "router"}
    blocked = {}
    for name, setting in known.items():
        if setting.is_stay_setting and setting.capacity != UNLIMITED:
            through = {node: links[node] for node in (name, *routers)}
            following = [node for node in _walked(through, links[name]) if node != EXIT and known[node].is_stay_setting]
            blocked[name] = [node for node in following if _can_block(setting, known[node])]
    if cycle := _long_cycle(blocked):
        raise DefinitionError(
            file,
            f"settings.{cycle[1]}.boards",
            True,
            f"all can wait for each other for ever ({' -> '.join(cycle)}): "
            "one of these must not board, or must have patience",
        )


def _walked(edges: Mapping[str, Collection[str]], starts: Collection[str]) -> list[str]:
    """The nodes that can be reached from `starts`, these included."""
    found, to_do = dict.fromkeys(starts), list(starts)
    while to_do:
        new = [node for node in edges.get(to_do.pop(), ()) if node not in found]
        found |= dict.fromkeys(new)
        to_do += new
    return list(found)


def _cycle(edges: Mapping[str, Collection[str]]) -> list[str]:
    """The nodes of a cycle, from the first in the file to itself again; empty if there is none."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for source, targets in edges.items():
        for target in targets:
            sorter.add(target, source)
    try:
        sorter.prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1][1:]
        first = cycle.index(next(node for node in edges if node in cycle))
        return [*cycle[first:], *cycle[: first + 1]]
    return []


def _long_cycle(edges: Mapping[str, Collection[str]]) -> list[str]:
    """The nodes of a cycle of one node or of three and more; empty if there is none."""
    for start, targets in edges.items():
        if start in targets:
            return [start, start]
        for target in targets:
            rest = {node: [n for n in out if (node, n) != (target, start)] for node, out in edges.items()}
            if way := _way(rest, target, start):
                return [start, *way]
    return []


def _way(edges: Mapping[str, Collection[str]], start: str, end: str) -> list[str]:
    """A shortest way from one node to another one; empty if there is none."""
    before, to_do = {start: start}, [start]
    for node in to_do:
        new = [target for target in edges.get(node, ()) if target not in before]
        before |= dict.fromkeys(new, node)
        to_do += new
    way = [end] if end in before else []
    while way and way[0] != start:
        way.insert(0, before[way[0]])
    return way


def _can_block(source: SettingDefinition, target: SettingDefinition) -> bool:
    """Whether people who wait for `target` can hold all of the capacity of `source`."""
    if not target.boards or target.capacity == UNLIMITED or target.patience is not None:
        return False
    return target.waiting_room == UNLIMITED or int(target.waiting_room) >= int(source.capacity)


def _within_a_minute(duration: Duration | None) -> bool:
    """Whether a stay or a wait lasts less than a minute on average."""
    return duration is not None and duration.mean is not None and duration.mean < MIN_CYCLE_DAYS


def _open_to(who: Callable[[Link], bool], links: Links) -> dict[str, list[str]]:
    """The targets of each setting that these people can go to from there."""
    return {source: [target for target, ways in out.items() if any(map(who, ways))] for source, out in links.items()}


def _reached(links: Links, starts: list[str], who: Callable[[Link], bool]) -> set[str]:
    """Nodes that people can reach from `starts` along links open to them."""
    return set(_walked(_open_to(who, links), starts))


def _no_dead_ends(
    links: Links, reached: set[str], rest: set[str], who: Callable[[Link], bool], people: str, file: object
) -> None:
    """These people can reach a setting where they may stay, from every node that they can reach."""
    sources: dict[str, list[str]] = {}
    for source, targets in _open_to(who, links).items():
        for target in targets:
            sources.setdefault(target, []).append(source)
    saved = set(_walked(sources, rest))
    for node in links:
        if node in reached and node not in saved:
            raise DefinitionError(
                file,
                f"settings.{node}.routes",
                None,
                f"no way to leave for {people}: neither 'exit' nor a community setting nor a stay forever is reached",
            )


def _no_dead_ends_for_external(definition: NetworkDefinition, links: Links, reached: set[str], file: object) -> None:
    """External patients always have a stay that ends without testing columns, a next step and an exit."""
    for setting in definition.settings:
        if setting.name not in reached:
            continue
        key = f"settings.{setting.name}"
        if setting.setting_class == "outpatient":
            raise DefinitionError(
                file, key, None, "external patients are sent here, but contact settings see twins only"
            )
        if setting.review is not None and setting.stay_external is None:
            raise DefinitionError(
                file,
                f"{key}.stay_external",
                None,
                "missing, external patients come here and 'review' is for twins only",
            )
        if isinstance(setting.stay, Forever) and setting.stay_external is None:
            raise DefinitionError(
                file,
                f"{key}.stay",
                "forever",
                "external patients come here and would never leave: route them to 'exit' or give 'stay_external'",
            )
        if setting.routes and not any(r.always and r.applies_to != "twins" for r in setting.routes):
            raise DefinitionError(
                file, f"{key}.routes", None, "no way to leave for external patients: a route for them must match always"
            )
    _no_dead_ends(links, reached, {EXIT}, lambda link: link.external, "external patients", file)
