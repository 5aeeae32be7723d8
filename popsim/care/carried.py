"""The state of a care network carried over to another one, with some of its twins and a clock that begins again.

Stays, queues, bookings, timers and external patients go on; counts and time integrals begin at 0. Both networks have
the same settings, at first with the capacities of the old one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from popsim.kernels.care import records
from popsim.kernels.care.events import RANK_SHIFT
from popsim.kernels.codes import ARRIVE, ENTER, NOWHERE, RANK_ARRIVAL, RANK_COMPLICATION, RANK_DEATH, RANK_TIMER, START

GROWING = 1024  # free records for external patients, at least


def carried(old: records.Arrays, day: int, new: records.Arrays, rows: NDArray[np.int64]) -> records.Arrays:
    """The new network with the state of the old one.

    Args:
        old: all others of its twins have left it.
        day: of the old network, at whose morning it is carried over; day 0 of the new one.
        new: with its twins and without any event.
        rows: of the old network, by row of the new one.
    """
    used = np.flatnonzero((old.patients["setting"] >= 0) | (old.patients["waits_for"] >= 0))
    external = used[used >= old.twins]
    number = np.full(len(old.patients) + 1, -1, np.int64)  # of each patient in the new network; -1 stays -1
    number[rows] = np.arange(new.twins)
    number[external] = new.twins + np.arange(len(external))
    kept = np.concatenate([rows, external])
    new = _with_patients(old, day, new, kept, number)
    _carry_settings(old, day, new, number)
    _carry_bookings(old, day, new, number)
    new = _with_timers(old, day, new, number)
    new.settings["capacity"], new.sources["count"] = old.settings["capacity"], old.sources["count"]
    new.counters[[records.ACTIVE, records.ROWS_ENTERED]] = len(kept), new.twins
    return _with_log(new)


def _with_patients(
    old: records.Arrays, day: int, new: records.Arrays, kept: NDArray[np.int64], number: NDArray[np.int64]
) -> records.Arrays:
    """Patients in their settings and queues, and how often each has used what; with room for more."""
    room = max(GROWING, len(old.patients) - old.twins)
    patients = np.zeros(new.twins + room, records.PATIENT)
    patients["setting"] = patients["waits_for"] = NOWHERE
    patients[: len(kept)] = old.patients[kept]
    patients["entered_as"][: new.twins] = new.patients["entered_as"][: new.twins]
    some = patients[: len(kept)]
    some["next"], some["previous"] = number[some["next"]], number[some["previous"]]
    for name in ("asked_at", "began_at", "turns_day"):
        some[name] -= day
    uses = np.zeros((len(patients), old.uses.shape[1]), np.int32)
    uses[: len(kept)] = old.uses[kept]
    unused = np.arange(len(patients) - 1, len(kept) - 1, -1)
    free = np.zeros(room, np.int32)
    free[: len(unused)] = unused
    new.counters[records.FREE_SIZE] = len(unused)
    place = np.where(some["setting"] >= 0, some["setting"], some["waits_for"])[: new.twins]
    new.codes[new.columns["setting"][0]] = place
    return new._replace(patients=patients, uses=uses, free=free)


def _carry_settings(old: records.Arrays, day: int, new: records.Arrays, number: NDArray[np.int64]) -> None:
    """Who is present and who waits."""
    for name in ("present", "waiting", "outside"):
        new.states[name] = old.states[name]
    new.states["entered"] = new.states["peak"] = old.states["present"]
    new.states["updated_at"] = old.states["updated_at"] - day
    new.queues[:] = number[old.queues]


def _carry_bookings(old: records.Arrays, day: int, new: records.Arrays, number: NDArray[np.int64]) -> None:
    """The bookings of the days to come, in their order; those of the people who have left are dropped."""
    last = min(old.calendar.shape[1] - day, new.calendar.shape[1])
    for contact, ahead in np.argwhere(old.calendar[:, day : day + last, 0] >= 0):
        patient, before = int(old.calendar[contact, day + ahead, 0]), -1
        while patient >= 0:
            booking, now = old.bookings[contact, patient], int(number[patient])
            if now >= 0:
                new.bookings[contact, now] = (booking["due"] - day, booking["booked"] - day, -1, before)
                if before < 0:
                    new.calendar[contact, ahead, 0] = now
                else:
                    new.bookings["next"][contact, before] = now
                new.calendar[contact, ahead, 1] = before = now
            patient = int(booking["next"])


def _with_timers(old: records.Arrays, day: int, new: records.Arrays, number: NDArray[np.int64]) -> records.Arrays:
    """What is to come of those who stay: ends of stays and waits, complications, deaths of them; the next arrivals.

    Sessions begin each morning.
    """
    events = old.events[: old.counters[records.HEAP_SIZE]].copy()
    rank = events["order"] >> RANK_SHIFT
    patient = events["patient"]
    of_stay = (rank == RANK_TIMER) & (old.patients["version"][patient] == events["what"])
    complication = (rank == RANK_COMPLICATION) & (old.patients["hazards"][patient] == events["what"])
    valid = (number[patient] >= 0) & (of_stay | complication | (rank == RANK_DEATH))
    events = events[valid | (rank == RANK_ARRIVAL)]
    events["patient"], events["time"] = number[events["patient"]], events["time"] - day
    events = events[np.lexsort((events["order"], events["time"]))]  # sorted events are a heap
    new.counters[records.HEAP_SIZE] = len(events)
    room = np.zeros(max(len(new.events), 2 * len(events)), records.EVENT)
    room[: len(events)] = events
    return new._replace(events=room)


def _with_log(new: records.Arrays) -> records.Arrays:
    """The log of the first moment: where everybody has been since when, then that everybody's follow-up begins."""
    twins = new.patients[: new.twins]
    present, waiting = np.flatnonzero(twins["setting"] >= 0), np.flatnonzero(twins["waits_for"] >= 0)
    parts = [
        (twins["began_at"][present], present, START, twins["setting"][present], twins["outlier"][present]),
        (twins["asked_at"][waiting], waiting, ARRIVE, twins["waits_for"][waiting], 0),
    ]
    before = np.concatenate([_events(twins, *part) for part in parts])
    before = before[np.argsort(before["time"], kind="stable")]
    entries = _events(twins, 0.0, np.arange(new.twins), ENTER, NOWHERE, twins["entered_as"])
    written = np.concatenate([before, entries])
    log = np.empty(max(len(new.log), 2 * len(written)), records.LOG)
    log[: len(written)] = written
    new.counters[records.LOG_SIZE] = len(written)
    return new._replace(log=log)


def _events(
    twins: NDArray[np.void], time: object, rows: NDArray[np.int64], kind: int, setting: object, detail: object
) -> NDArray[np.void]:
    """Events of one kind for some twins."""
    events = np.zeros(len(rows), records.LOG)
    events["time"], events["row"], events["kind"], events["setting"] = time, rows, kind, setting
    events["cause"], events["detail"] = twins["cause"][rows], detail
    return events
