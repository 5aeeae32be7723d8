"""The event loop of the care network.

A patient (a twin or an external patient) is in at most one setting and waits for at most one; while waiting, it is
outside or, if its setting `boards`, keeps its bed. Within a day, events are processed in the total order (time, rank of
the kind, person). Every move goes through `leave` and `begin`, every request through `request`, so that
the counts of a setting change in one function each:

    entered = left + present,    patients in the system = sum of present + sum of those waiting outside.
"""

from __future__ import annotations

import numpy as np

from popsim.kernels import codes as code
from popsim.kernels.care.clinic import book, book_follow_ups, discharge_prescription, hospital_treatment
from popsim.kernels.care.events import FAULT_HOPS, FAULT_STACK, count_turn, fail, note, schedule, set_cause
from popsim.kernels.care.hospital import (
    await_complication,
    await_escalation,
    delayed,
    in_hospital,
    keep,
    kept_round,
    set_round,
)
from popsim.kernels.care.queueing import integrate, join_queue, leave_queue, waiting_there
from popsim.kernels.care.records import (
    ACTIVE,
    CONTACT,
    EXIT,
    FREE_SIZE,
    LEVELS,
    NO_TIME,
    PLACE,
    STAY_PUT,
    UNLIMITED,
)
from popsim.kernels.care.rules import choose_route, has_rounds, holds, inverse, stay_days
from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.random import uniform

MAX_HOPS = 256  # routers and overflows passed at one moment; a network has fewer settings


@njit
def show(world, patient, setting):
    """Write a twin's setting and care level to its columns."""
    if patient >= world.twins:
        return
    columns = world.columns[0]
    world.codes[columns.setting, patient] = setting
    if columns.care_level < 0:
        return
    record = world.patients[patient]
    level = np.int64(code.LEVEL_COMMUNITY)
    setting_class = 0
    if setting >= 0 and record.setting == setting:
        level = np.int64(world.settings[setting].care_level)
        setting_class = world.settings[setting].setting_class
    world.codes[columns.care_level, patient] = level
    inpatient = setting_class in (code.CLASS_INPATIENT, code.CLASS_CRITICAL)
    world.codes[columns.admitted, patient] = np.int8(1 if inpatient else 0)
    record.admitted = 1 if inpatient else 0
    if max(level, np.int64(record.care_level)) >= code.LEVEL_EMERGENCY:
        hospital_treatment(world, patient, level)
    record.care_level = level


@njit
def leave(world, time, patient, to):
    """End a patient's stay; the caller fills the bed."""
    setting = np.int64(world.patients[patient].setting)
    state = world.states[setting]
    integrate(state, time)
    state.present -= 1
    state.left += 1
    world.patients[patient].setting = -1
    world.patients[patient].version += 1
    note(world, time, patient, code.END, setting, to)


@njit
def remember(world, patient, setting):
    """The facility in which a patient lives and the ward in which it is, for the way back."""
    record = world.patients[patient]
    setting_class = world.settings[setting].setting_class
    if setting_class == code.CLASS_INPATIENT:
        record.ward = setting + 1
    elif setting_class in (code.CLASS_COMMUNITY, code.CLASS_FACILITY, code.CLASS_HOSPICE):
        record.ward = 0
        record.facility = setting + 1 if setting_class == code.CLASS_FACILITY else 0


@njit
def begin(world, time, patient, setting):
    """Start a patient's stay in a setting that has room."""
    state = world.states[setting]
    integrate(state, time)
    state.present += 1
    state.entered += 1
    state.peak = max(state.peak, state.present)
    record = world.patients[patient]
    state.wait_days += time - record.asked_at
    record.setting = setting
    record.began_at = time
    record.version += 1
    record.kept_days = 0.0
    record.bound_for = 0
    note(world, time, patient, code.START, setting, np.int64(record.outlier))
    show(world, patient, setting)
    remember(world, patient, setting)
    set_timer(world, time, patient, setting)
    await_escalation(world, time, patient, setting)
    if in_hospital(world, patient):
        await_complication(world, time, patient)
    else:
        record.extra_days = 0.0


@njit
def set_timer(world, time, patient, setting):
    """Set the timer of a patient's stay, begun with its last use of the setting: its end or the next ward round."""
    record = world.patients[patient]
    if has_rounds(world, setting, patient):
        set_round(world, time, patient)
        return
    days = stay_days(world, setting, patient, np.int64(world.uses[patient, setting]) - 1)
    if days != NO_TIME:
        schedule(world, time + days, code.RANK_TIMER, record.person, patient, np.int64(record.version))


@njit
def fill(world, time, setting):
    """Give freed beds to waiting patients, and the beds that these free to the next, until nothing moves."""
    depth = 1
    world.stack[0] = setting
    while depth > 0:
        depth -= 1
        here = np.int64(world.stack[depth])
        state = world.states[here]
        while state.waiting > 0 and state.present < world.settings[here].capacity:
            patient = np.int64(-1)
            for level in range(LEVELS):
                patient = np.int64(world.queues[here, level, 0])
                if patient >= 0:
                    break
            leave_queue(world, time, patient)
            freed = np.int64(world.patients[patient].setting)
            if freed >= 0:
                leave(world, time, patient, here)
                if depth < len(world.stack):
                    world.stack[depth] = freed
                    depth += 1
                else:
                    fail(world, FAULT_STACK, here)
            arrive(world, time, patient, here)


@njit
def arrive(world, time, patient, setting):
    """Begin a stay with the actions of its class (for twins: prescriptions, and bookings at discharge home)."""
    if patient >= world.twins or world.columns[0].care_level < 0:
        begin(world, time, patient, setting)
        return
    was_admitted = world.patients[patient].admitted != 0
    setting_class = world.settings[setting].setting_class
    goes_home = setting_class in (code.CLASS_COMMUNITY, code.CLASS_FACILITY)
    if was_admitted and goes_home:
        discharge_prescription(world, patient)
    begin(world, time, patient, setting)
    if goes_home:
        if was_admitted:
            book_follow_ups(world, time, patient)
        set_cause(world, patient, code.CAUSE_NONE)


@njit
def depart(world, time, patient):
    """A patient leaves the system; the record of an external patient can be reused."""
    world.counters[ACTIVE] -= 1
    if patient >= world.twins:
        world.free[world.counters[FREE_SIZE]] = patient
        world.counters[FREE_SIZE] += 1
        return
    world.codes[world.columns[0].alive, patient] = np.int8(0)
    show(world, patient, code.NOWHERE)


@njit
def vacate(world, time, patient, to):
    """End a patient's stay, if any, and admit the next."""
    old = np.int64(world.patients[patient].setting)
    if old >= 0:
        leave(world, time, patient, to)
        fill(world, time, old)


@njit
def request(world, time, patient, setting, outlier):
    """Request a bed: start at once, wait, or be blocked. Returns the next node, STAY_PUT if started, waiting or kept.

    Each request is a use of the setting: a patient who reneges and returns draws a new reneging time and a new stay.
    """
    place = world.settings[setting]
    state = world.states[setting]
    record = world.patients[patient]
    if delayed(world, time, patient, setting):
        return STAY_PUT
    record.asked_at = time
    world.uses[patient, setting] += 1
    if place.capacity < UNLIMITED:
        note(world, time, patient, code.ARRIVE, setting, code.NO_DETAIL)
    if record.setting == setting:
        vacate(world, time, patient, setting)
    old = np.int64(record.setting)
    if state.present < place.capacity and state.waiting == 0:
        if old >= 0:
            leave(world, time, patient, setting)
        record.outlier = outlier
        arrive(world, time, patient, setting)
        if old >= 0:
            fill(world, time, old)
        return STAY_PUT
    if state.waiting >= place.waiting_room:
        state.blocked += 1
        note(world, time, patient, code.BLOCK, setting, code.NO_DETAIL)
        return np.int64(place.overflow) if place.overflow >= 0 else nowhere_else(world, patient)
    if old >= 0 and place.boards:
        other = waiting_there(world, old, setting)
        if other >= 0:
            exchange(world, time, patient, other, outlier)
            return STAY_PUT
    record.outlier = outlier
    freed = np.int64(-1)
    if old >= 0 and not place.boards:
        leave(world, time, patient, setting)
        freed = old
    join_queue(world, time, patient, setting)
    if record.setting < 0:
        show(world, patient, setting)
    if place.patience >= 0:
        index = np.int64(world.uses[patient, setting]) - 1
        u = uniform(world.key, record.person, code.STREAM_PATIENCE + setting, index)
        patience = inverse(world, np.int64(place.patience), u)
        schedule(world, time + patience, code.RANK_TIMER, record.person, patient, np.int64(record.version))
    if freed >= 0:
        fill(world, time, freed)
    return STAY_PUT


@njit
def exchange(world, time, patient, other, outlier):
    """Two patients of whom each would wait for a bed in the setting of the other take each other's."""
    here, there = np.int64(world.patients[patient].setting), np.int64(world.patients[other].setting)
    leave_queue(world, time, other)
    leave(world, time, other, here)
    leave(world, time, patient, there)
    world.patients[patient].outlier = outlier
    arrive(world, time, patient, there)
    arrive(world, time, other, here)


@njit
def nowhere_else(world, patient):
    """Where a patient goes that no setting takes: external patients leave, twins stay where they live or go home."""
    if patient >= world.twins:
        return EXIT
    setting = np.int64(world.patients[patient].setting)
    if setting >= 0:
        setting_class = world.settings[setting].setting_class
        if setting_class in (code.CLASS_COMMUNITY, code.CLASS_FACILITY, code.CLASS_HOSPICE):
            return STAY_PUT
    return world.home


@njit
def send(world, time, patient, node, outlier):
    """Send a patient to a node, through routers and overflows, until it has a bed, waits for one or has left."""
    for _ in range(MAX_HOPS):
        if node == STAY_PUT:
            return
        if node == EXIT:
            vacate(world, time, patient, code.NOWHERE)
            depart(world, time, patient)
            return
        kind = world.settings[node].kind
        if kind == PLACE:
            node = request(world, time, patient, node, outlier)
            outlier = 0
        elif kind == CONTACT:
            book(world, time, patient, node, np.int64(np.floor(time)))
            node = nowhere_else(world, patient)
        else:
            at = node
            node, outlier = choose_route(world, at, patient)
            world.uses[patient, at] += 1
    fail(world, FAULT_HOPS, node)


@njit
def move_on(world, time, patient, node, outlier):
    """Send a patient to a node at the end of its stay or reneging time; if blocked there, it begins another stay."""
    record = world.patients[patient]
    setting = np.int64(record.setting)
    version = np.int64(record.version)
    send(world, time, patient, node, outlier)
    if setting >= 0 and record.setting == setting and record.version == version:
        world.uses[patient, setting] += 1
        set_timer(world, time, patient, setting)


@njit
def escalate(world, time, patient, version):
    """A patient gets worse and goes to a higher level of care, unless it has moved or waits for another setting."""
    record = world.patients[patient]
    if record.version != version:
        return
    setting = np.int64(record.setting)
    to = np.int64(world.escalations[world.settings[setting].escalation].to)
    count_turn(world, patient)
    note(world, time, patient, code.ESCALATE, setting, to)
    send(world, time, patient, to, code.FIRST_CHOICE)


@njit
def finish(world, time, patient):
    """End a stay and follow the routes, unless a complication prolongs it."""
    record = world.patients[patient]
    if record.extra_days > 0.0:
        days = np.float64(record.extra_days)
        record.extra_days = 0.0
        keep(world, time, patient, days)
    elif record.bound_for > 0:
        move_on(world, time, patient, np.int64(record.bound_for) - 1, code.FIRST_CHOICE)
    else:
        node, outlier = choose_route(world, np.int64(record.setting), patient)
        move_on(world, time, patient, node, outlier)


@njit
def ward_round(world, time, patient):
    """End the stay if its conditions hold (the relaxed ones if somebody waits for the bed), else schedule the next."""
    record = world.patients[patient]
    place = world.settings[record.setting]
    days = time - record.began_at
    ready = holds(world, patient, place.discharge_first, place.discharge_last)
    early = (
        not ready
        and record.extra_days == 0.0
        and world.states[record.setting].waiting > 0
        and place.pressure_first < place.pressure_last
        and holds(world, patient, place.pressure_first, place.pressure_last)
    )
    if days >= place.at_most_days or (days >= place.at_least_days and (ready or early)):
        if early and days < place.at_most_days:
            note(world, time, patient, code.EARLY, np.int64(record.setting), code.NO_DETAIL)
        finish(world, time, patient)
    else:
        hospital_treatment(world, patient, np.int64(place.care_level))
        set_round(world, time, patient)


@njit
def on_timer(world, time, patient):
    """Process the timer of a patient's latest move: reneging, end of stay, or ward round."""
    record = world.patients[patient]
    count_turn(world, patient)
    if record.waits_for >= 0:
        setting = np.int64(record.waits_for)
        leave_queue(world, time, patient)
        world.states[setting].reneged += 1
        note(world, time, patient, code.RENEGE, setting, code.NO_DETAIL)
        to = np.int64(world.settings[setting].gives_up_to)
        move_on(world, time, patient, to, code.FIRST_CHOICE)
    elif kept_round(world, time, patient):
        return
    elif record.bound_for == 0 and has_rounds(world, np.int64(record.setting), patient):
        ward_round(world, time, patient)
    else:
        finish(world, time, patient)
