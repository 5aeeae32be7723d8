"""The state of a care network as named arrays, and the network that goes on from it.

Only what changes during a run is kept; the tables of the network and of the strategy are compiled again. Kernels index
by what a state says, so every index in it is checked first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from popsim.errors import InputError
from popsim.kernels.care import records
from popsim.kernels.care.events import RANK_SHIFT
from popsim.kernels.codes import (
    CAUSE_NAMES,
    EVENT_NAMES,
    NOWHERE,
    RANK_ARRIVAL,
    RANK_COMPLICATION,
    RANK_DEATH,
    RANK_ENTER,
    RANK_PRESENT,
    RANK_SESSION,
    RANK_TIMER,
)
from popsim.population.state import NamedArrays, State

OF_TWINS = (RANK_DEATH, RANK_ENTER, RANK_PRESENT, RANK_COMPLICATION)
KEPT = ("patients", "states", "queues", "uses", "bookings", "calendar", "counters")  # arrays kept whole
SETTINGS = ("capacity", "slots")  # fields that a strategy changes


def state_of(arrays: records.Arrays) -> NamedArrays:
    """All that changes during a run; of the growing tables the part in use."""
    kept: NamedArrays = {name: getattr(arrays, name) for name in KEPT}
    kept |= {name: arrays.settings[name] for name in SETTINGS}
    heap, free, log = (arrays.counters[which] for which in (records.HEAP_SIZE, records.FREE_SIZE, records.LOG_SIZE))
    return kept | {
        "arrivals": arrays.sources["count"],
        "events": arrays.events[:heap],
        "free": arrays.free[:free],
        "log": arrays.log[:log],
    }


def restored(new: records.Arrays, state: State, day: int) -> records.Arrays:
    """A network as it was on the morning of a day.

    Args:
        new: the network on its first morning.
        state: what `state_of` gave.
        day: of the state.

    Raises:
        InputError: the state is of another network or other people, or it is damaged.
    """
    shapes = {name: getattr(new, name).shape for name in KEPT}
    patients = len(state.take("patients", new.patients.dtype, (None,)))
    shapes |= {"patients": (patients,), "uses": (patients, shapes["uses"][1])}
    kept = {name: state.take(name, getattr(new, name).dtype, shapes[name]) for name in KEPT}
    free, log = state.take("free", np.int32, (None,)), state.take("log", records.LOG, (None,))
    events = state.take("events", records.EVENT, (None,))
    for name in SETTINGS:
        new.settings[name] = state.take(name, new.settings[name].dtype, new.settings.shape)
    new.sources["count"] = state.take("arrivals", np.int64, new.sources.shape)
    sizes = [kept["counters"][which] for which in (records.HEAP_SIZE, records.FREE_SIZE, records.LOG_SIZE)]
    sound = sizes == [len(events), len(free), len(log)] and kept["counters"][records.TODAY] == day - 1
    if not sound or not 0 <= len(free) <= patients - new.twins:
        raise InputError("saved state: the counts of the care network do not fit its tables")
    _check(kept | {"free": free, "log": log, "events": events}, new)
    return new._replace(
        **{name: array for name, array in kept.items() if name != "counters"},
        counters=kept["counters"],
        events=_with_room(events, max(len(new.events), 2 * len(events))),
        free=_with_room(free, patients - new.twins),
        log=_with_room(log, max(len(new.log), len(log))),
    )


def _with_room(used: NDArray[Any], room: int) -> NDArray[Any]:
    array = np.zeros(room, used.dtype)
    array[: len(used)] = used
    return array


def _check(kept: NamedArrays, new: records.Arrays) -> None:
    """Refuse every index beyond its table."""
    patients, settings, twins = len(kept["patients"]), len(new.settings), new.twins
    queues, calendar, bookings = kept["queues"], kept["calendar"], kept["bookings"]
    events, log = kept["events"], kept["log"]
    rank, own = events["order"] >> RANK_SHIFT, events["patient"]
    limits: list[tuple[str, NDArray[Any], int, int]] = [
        *((f"patients.{name}", kept["patients"][name], NOWHERE, settings) for name in ("setting", "waits_for")),
        *((f"patients.{name}", kept["patients"][name], NOWHERE, patients) for name in ("next", "previous")),
        ("patients.level", kept["patients"]["level"], 0, records.LEVELS),
        ("patients.entry", kept["patients"]["entry"], 0, settings),
        ("patients.bound_for", kept["patients"]["bound_for"], 0, settings + 1),
        ("patients.cause", kept["patients"]["cause"], 0, len(CAUSE_NAMES)),
        ("patients.hazards", kept["patients"]["hazards"], 0, np.iinfo(np.int16).max),
        ("queues", queues, NOWHERE, patients),
        ("calendar", calendar, NOWHERE, twins),
        ("bookings.due", bookings["due"], NOWHERE, calendar.shape[1]),
        *((f"bookings.{name}", bookings[name], NOWHERE, twins) for name in ("next", "previous")),
        ("free", kept["free"], twins, patients),
        ("entered", kept["counters"][[records.ROWS_ENTERED]], 0, twins + 1),
        ("events", rank, 0, RANK_COMPLICATION + 1),
        ("events.patient", own[rank == RANK_TIMER], 0, patients),
        ("events.patient", own[np.isin(rank, OF_TWINS)], 0, twins),
        ("events.what", events["what"][rank == RANK_SESSION], 0, settings),
        ("events.what", events["what"][rank == RANK_ARRIVAL], 0, len(new.sources)),
        ("events.what", events["what"][rank == RANK_PRESENT], 0, len(CAUSE_NAMES)),
        ("log.row", log["row"], 0, twins),
        ("log.setting", log["setting"], NOWHERE, settings),
        ("log.kind", log["kind"], 0, len(EVENT_NAMES)),
        ("log.cause", log["cause"], 0, len(CAUSE_NAMES)),
    ]
    for name, values, low, high in limits:
        if values.size and not low <= values.min() <= values.max() < high:
            raise InputError(f"saved state: '{name}' of the care network holds {values.min()} to {values.max()}")
