"""The day of the care network: events from physiology and monitoring, then all events in order."""

from __future__ import annotations

import numpy as np

from popsim.kernels import codes as code
from popsim.kernels.care.clinic import (
    book,
    book_follow_ups,
    book_next_review,
    carry_over,
    chronic_cause,
    clinical_review,
    offer_telemonitoring,
    open_session,
    unlink,
)
from popsim.kernels.care.events import EXTERNAL_PERSON, RANK_SHIFT, SOURCE_SHIFT, note, schedule, set_cause
from popsim.kernels.care.external_patients import admit, schedule_arrival, weekday
from popsim.kernels.care.hospital import complicate
from popsim.kernels.care.patient_flow import depart, escalate, fill, leave, on_timer, send
from popsim.kernels.care.queueing import integrate, leave_queue
from popsim.kernels.care.records import (
    ACTIVE,
    CONTACT,
    FAULT,
    FREE_SIZE,
    HEAP_SIZE,
    HOURS_A_DAY,
    HOURS_A_WEEK,
    LOG_SIZE,
    PROCESSED,
    ROWS_ENTERED,
    STAY_PUT,
    TODAY,
)
from popsim.kernels.care.rules import choose_route
from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.heap import pop
from popsim.kernels.numerics.random import uniforms

DONE, NEEDS_EVENTS, NEEDS_JOBS, NEEDS_LOG, UNBALANCED = range(5)
MARGIN = 1024  # free room in heap and log before an event is processed; one event writes far less
BEDS_AT_ONCE = 16  # opened for people who wait in one event of a rota
MAX_MISSES = 256  # bookings removed in one event of a contact setting


@njit
def living_at(world, patient):
    """Whether a twin is alive and in the community or a facility, where it can have contacts or become unwell."""
    if world.patients[patient].waits_for >= 0:
        return False
    setting = world.patients[patient].setting
    if setting < 0:
        return False
    setting_class = world.settings[setting].setting_class
    return setting_class in (code.CLASS_COMMUNITY, code.CLASS_FACILITY)


@njit
def count_due(world, entered):
    """Number of twins with events to schedule today: illness, alerts, entry."""
    before = world.counters[ROWS_ENTERED]
    due = entered - before
    columns = world.columns[0]
    if columns.onset >= 0:
        onset, alert = world.codes[columns.onset], world.codes[columns.alert]
        for row in range(before):
            due += (onset[row] | alert[row]) != 0
    return due


@njit
def open_day(world, day, entered, spread):
    """Schedule the day's events: sessions of contact settings, shocks, illness, deaths and entries.

    Rows below `entered` have entered by the end of this day, within its first `spread` days; the caller has reserved
    room for two events per row with something to schedule.
    """
    open_shifts(world, day)
    for setting in range(len(world.states)):
        if world.settings[setting].kind == CONTACT:
            world.states[setting].slots_used = 0
            world.states[setting].in_session = 0
            if world.calendar[world.settings[setting].contact, day, 0] >= 0:
                open_session(world, float(day), setting)
        world.states[setting].peak = world.states[setting].present
    columns = world.columns[0]
    before = world.counters[ROWS_ENTERED]
    if columns.onset >= 0:
        onset, alert, telemonitored = (
            world.codes[columns.onset],
            world.codes[columns.alert],
            world.codes[columns.telemonitored],
        )
        for row in range(before):
            if onset[row] | alert[row] | telemonitored[row]:
                bring_in(world, day, row)
    for row in range(before, entered):
        u = uniforms(world.key, world.patients[row].person, code.STREAM_CARE_DAY, day)
        schedule(world, day + spread * u[2], code.RANK_ENTER, world.patients[row].person, row, code.NO_DETAIL)
    world.counters[ROWS_ENTERED] = entered


@njit
def change_capacity(world, time, setting, places):
    """Change the capacity of a setting: added beds go to those who wait; a reduction sends nobody away.

    Beds are added one at a time, so that the moves that each causes are complete before the next, as when people leave.
    """
    record_of_setting = world.settings[setting]
    while record_of_setting.capacity < places and world.states[setting].waiting > 0:
        record_of_setting.capacity += 1
        fill(world, time, setting)
    record_of_setting.capacity = places


@njit
def places_at(world, day, setting, hour):
    """Capacity by the rota in an hour of a day, which may be that before the day's first."""
    return world.rotas[setting, (weekday(world, day) * HOURS_A_DAY + hour) % HOURS_A_WEEK]


@njit
def schedule_shift(world, day, setting, hour):
    """Schedule the first change of a setting's capacity on a day, in this hour or later."""
    for at in range(hour, HOURS_A_DAY):
        if places_at(world, day, setting, at) != places_at(world, day, setting, at - 1):
            what = setting * HOURS_A_DAY + at
            schedule(world, day + at / HOURS_A_DAY, code.RANK_ROTA, setting, code.NOWHERE, what)
            return


@njit
def open_shifts(world, day):
    """Schedule a day's first change of capacity of each setting with a rota."""
    world.counters[TODAY] = day
    for setting in range(len(world.states)):
        if world.rotas[setting, 0] >= 0:
            schedule_shift(world, day, setting, 0)


@njit
def change_shift(world, time, setting, hour):
    """The capacity becomes that of an hour; many beds for those who wait open in several events, which have room."""
    day = np.int64(world.counters[TODAY])
    places = places_at(world, day, setting, hour)
    step = places
    if world.states[setting].waiting > 0:
        step = min(places, world.settings[setting].capacity + BEDS_AT_ONCE)
    change_capacity(world, time, setting, step)
    if step < places:
        schedule(world, time, code.RANK_ROTA, setting, code.NOWHERE, setting * HOURS_A_DAY + hour)
    else:
        schedule_shift(world, day, setting, hour + 1)


@njit
def hand_out_telemonitoring(world, time):
    """Offer telemonitoring to every twin in the community or a facility, when a programme begins."""
    for row in range(world.counters[ROWS_ENTERED]):
        if living_at(world, row):
            offer_telemonitoring(world, time, row)


@njit
def bring_in(world, day, row):
    """Schedule a twin's events of today: shock, acute illness, death, telemonitoring alert."""
    columns = world.columns[0]
    if world.codes[columns.telemonitored, row] and world.reals[columns.telemonitored_until_day, row] < day:
        world.codes[columns.telemonitored, row] = np.int8(0)
    alert = np.int64(world.codes[columns.alert, row])
    if alert and np.int64(world.policy[0].desk) >= 0 and living_at(world, row):
        note(world, float(day), row, code.ALERT, np.int64(world.policy[0].desk), alert)
        if alert & code.ALERT_IGNORED == 0:
            answer = day + np.int64(world.policy[0].answer_after_days)
            book(world, float(day), row, np.int64(world.policy[0].desk), answer)
    onset = world.codes[columns.onset, row]
    if onset == 0:
        return
    if onset & code.ONSET_SHOCK:
        shock = np.int64(world.codes[columns.shock_onset, row])
        note(world, float(day), row, code.SHOCK, np.int64(world.codes[columns.setting, row]), shock)
    if onset == code.ONSET_SHOCK:
        return
    person = world.patients[row].person
    u = uniforms(world.key, person, code.STREAM_CARE_DAY, day)
    if onset & code.ONSET_DEATH:
        schedule(world, day + u[0], code.RANK_DEATH, person, row, np.int64(world.codes[columns.dies_of, row]))
    if onset & code.ONSET_ACUTE:
        schedule(world, day + u[1], code.RANK_PRESENT, person, row, np.int64(world.codes[columns.acute_cause, row]))


@njit
def enter(world, time, row):
    """A twin enters the study: outside hospital with follow-up booked, or at its door with the cause of its illness."""
    record = world.patients[row]
    world.codes[world.columns[0].alive, row] = np.int8(1)
    world.counters[ACTIVE] += 1
    note(world, time, row, code.ENTER, code.NOWHERE, np.int64(record.entered_as))
    if record.entered_as != code.ENTERED_ADMITTED:
        set_cause(world, row, code.CAUSE_NONE)
    record.asked_at = time
    send(world, time, row, np.int64(record.entry), code.FIRST_CHOICE)
    if world.columns[0].care_level >= 0 and record.entered_as != code.ENTERED_ADMITTED:
        book_follow_ups(world, time, row)


@njit
def withdraw(world, time, row):
    """A twin leaves the network, as at death; its bed goes to the next."""
    die(world, time, row)


@njit
def die(world, time, row, cause=code.NO_DETAIL):
    """A twin dies in any setting, of a cause DIED_OF_*; its bed goes to the next."""
    columns = world.columns[0]
    if world.codes[columns.alive, row] == 0:
        return
    if columns.death_cause >= 0:
        world.codes[columns.death_cause, row] = cause
    note(world, time, row, code.DEATH, np.int64(world.codes[world.columns[0].setting, row]), code.NO_DETAIL)
    if world.patients[row].waits_for >= 0:
        leave_queue(world, time, row)
    old = np.int64(world.patients[row].setting)
    if old >= 0:
        leave(world, time, row, code.NOWHERE)
        fill(world, time, old)
    depart(world, time, row)


@njit
def present(world, time, row, cause):
    """A twin becomes acutely unwell and seeks care, unless it is in care already."""
    if not living_at(world, row):
        return
    set_cause(world, row, cause)
    note(world, time, row, code.PRESENT, np.int64(world.patients[row].setting), code.NO_DETAIL)
    send(world, time, row, world.presentation, code.FIRST_CHOICE)


@njit
def session(world, time, setting):
    """Process the next booking of a contact setting today; the one after it follows a slot later."""
    record_of_setting = world.settings[setting]
    state = world.states[setting]
    today = np.int64(np.floor(time))
    state.in_session = 0
    missed = 0
    while state.slots_used < record_of_setting.slots:
        patient = np.int64(world.calendar[record_of_setting.contact, today, 0])
        if patient < 0:
            return
        booking = world.bookings[record_of_setting.contact, patient]
        waited, late = today - booking.booked, today - booking.due
        unlink(world, np.int64(record_of_setting.contact), patient, today)
        if not living_at(world, patient) or late > record_of_setting.lapses_days:
            note(world, time, patient, code.MISS, setting, code.NO_DETAIL)
            missed += 1
            if missed == MAX_MISSES:  # the rest in another event, for which the log has room again
                state.in_session = 1
                schedule(world, time, code.RANK_SESSION, setting, code.NOWHERE, setting)
                return
            continue
        state.slots_used += 1
        state.entered += 1
        state.left += 1
        state.wait_days += waited
        visit(world, time, patient, setting)
        following = time + (record_of_setting.closes - record_of_setting.opens) / record_of_setting.slots
        if state.slots_used < record_of_setting.slots and following < today + record_of_setting.closes:
            state.in_session = 1
            schedule(world, following, code.RANK_SESSION, setting, code.NOWHERE, setting)
        return


@njit
def visit(world, time, patient, setting):
    """The contact itself: the clinician acts, and may send the person on."""
    done = clinical_review(world, time, patient, setting)
    node, outlier = choose_route(world, setting, patient)
    world.uses[patient, setting] += 1
    if node != STAY_PUT:
        done |= code.DID_EMERGENCY
        set_cause(world, patient, chronic_cause(world, patient))
    note(world, time, patient, code.VISIT, setting, done)
    book_next_review(world, time, patient, setting)
    send(world, time, patient, node, outlier)


@njit
def arrival(world, time, source):
    """An external patient arrives, and the next one of the same source is scheduled."""
    record = world.sources[source]
    person = EXTERNAL_PERSON + (np.int64(source) << SOURCE_SHIFT) + record.count
    patient = admit(world, person, record.level)
    record.count += 1
    schedule_arrival(world, time, source)
    send(world, time, patient, np.int64(record.to), code.FIRST_CHOICE)


@njit
def run_until(world, until):
    """Process all events before `until` (days). Returns DONE, or what must grow before the call is repeated.

    Stops at a fault.
    """
    counters = world.counters
    while counters[FAULT] == 0 and counters[HEAP_SIZE] > 0 and world.events[0].time < until:
        if counters[HEAP_SIZE] + MARGIN > len(world.events):
            return NEEDS_EVENTS
        if len(world.log) > 0 and counters[LOG_SIZE] + MARGIN > len(world.log):
            return NEEDS_LOG
        event = world.events[0]
        time, patient, what = event.time, np.int64(event.patient), np.int64(event.what)
        rank = event.order >> RANK_SHIFT
        if rank == code.RANK_ARRIVAL and counters[FREE_SIZE] == 0:
            return NEEDS_JOBS
        counters[HEAP_SIZE] = pop(world.events, counters[HEAP_SIZE])
        if rank == code.RANK_TIMER:
            if world.patients[patient].version != what:
                continue
            on_timer(world, time, patient)
        elif rank == code.RANK_SESSION:
            session(world, time, what)
        elif rank == code.RANK_ARRIVAL:
            arrival(world, time, what)
        elif rank == code.RANK_ENTER:
            enter(world, time, patient)
        elif rank == code.RANK_PRESENT:
            present(world, time, patient, what)
        elif rank == code.RANK_DEATH:
            die(world, time, patient, what)
        elif rank == code.RANK_COMPLICATION:
            complicate(world, time, patient, what)
        elif rank == code.RANK_ESCALATION:
            escalate(world, time, patient, what)
        elif rank == code.RANK_ROTA:
            change_shift(world, time, what // HOURS_A_DAY, what % HOURS_A_DAY)
        counters[PROCESSED] += 1
    return DONE


@njit
def close_day(world, day, census, queue, peak):
    """Carry bookings over, update the time integrals to the end of the day and write the day's counts per setting."""
    for setting in range(len(world.states)):
        if world.settings[setting].kind == CONTACT:
            carry_over(world, setting, day)
        state = world.states[setting]
        integrate(state, day + 1.0)
        census[setting] = state.present
        queue[setting] = state.waiting
        peak[setting] = state.peak


@njit
def imbalance(world):
    """Number of unaccounted persons: 0 if everybody is in exactly one setting and flows balance."""
    off = np.int64(0)
    somewhere = np.int64(0)
    for setting in range(len(world.states)):
        state = world.states[setting]
        off += abs(state.entered - state.left - state.present)
        somewhere += state.present + state.outside
    off += abs(somewhere - world.counters[ACTIVE])
    alive = np.int64(0)
    flags, record_of_setting = world.codes[world.columns[0].alive], world.codes[world.columns[0].setting]
    for row in range(world.counters[ROWS_ENTERED]):
        alive += flags[row]
        off += (flags[row] != 0) != (record_of_setting[row] >= 0)
    external = len(world.free) - world.counters[FREE_SIZE]
    return off + abs(alive + external - world.counters[ACTIVE])


@njit
def run_days(world, first, last, opened, census, queue, peak):
    """Days first..last of a network without physiology, all of whose twins have entered.

    `opened` is 1 if an earlier call opened day `first` and ran out of room. Returns the day reached and DONE, or what
    must grow before the next call, or UNBALANCED after a fault or if somebody is missing on that day.
    """
    for day in range(first, last):
        if opened == 0 or day > first:
            open_day(world, day, world.counters[ROWS_ENTERED], 0.0)
        need = run_until(world, day + 1.0)
        if need != DONE:
            return day, need
        close_day(world, day, census[day], queue[day], peak[day])
        if world.counters[FAULT] != 0 or imbalance(world) != 0:
            return day, UNBALANCED
    return last, DONE
