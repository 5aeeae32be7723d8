"""External patients: when they arrive, and those who are there before the first day.

A source whose rate varies has a constant rate in each hour: the mean number a day x the factors of the hour, the day of
the week, the day of the year and growth. The time of the next arrival is that at which the expected number of arrivals
since the last one has grown by a unit exponential, which is exact for a Poisson stream with such a rate.
"""

from __future__ import annotations

import numpy as np

from popsim.kernels import codes as code
from popsim.kernels.care.events import CENSUS_SOURCE, EXTERNAL_PERSON, SOURCE_SHIFT, schedule
from popsim.kernels.care.patient_flow import begin, fill
from popsim.kernels.care.queueing import integrate, join_queue
from popsim.kernels.care.records import (
    ACTIVE,
    DAYS_A_YEAR,
    FIRST_DAY_OF_YEAR,
    FIRST_WEEKDAY,
    FREE_SIZE,
    HOURS_A_DAY,
    NO_TIME,
)
from popsim.kernels.care.rules import inverse, stay_of
from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.math import exp
from popsim.kernels.numerics.random import exponential, uniform

LONGEST_WAIT_DAYS = 36_525  # for the next arrival of a source that has almost none
BEFORE_DAY_0 = 1 << 30  # number of the stay or wait that a census tells of, among those in a setting


@njit
def weekday(world, day):
    """The day of the week of a day of the simulation; 0 is Monday."""
    return (day + world.counters[FIRST_WEEKDAY]) % 7


@njit
def expected_on(world, source, day):
    """Expected number of arrivals of a source on a day."""
    record = world.sources[source]
    season = record.by_day_of_year[(day + world.counters[FIRST_DAY_OF_YEAR]) % DAYS_A_YEAR]
    return record.per_day * record.by_weekday[weekday(world, day)] * season * exp(record.growth * (day + 0.5))


@njit
def time_of(world, source, time, number):
    """When the expected number of arrivals since `time` reaches `number`; NO_TIME if not for a long time."""
    record = world.sources[source]
    day = np.int64(np.floor(time))
    last = day + LONGEST_WAIT_DAYS
    while day < last:
        expected = expected_on(world, source, day)
        if time == day and expected <= number:
            number -= expected
        else:
            for hour in range(np.int64((time - day) * HOURS_A_DAY), HOURS_A_DAY):
                ends = day + (hour + 1.0) / HOURS_A_DAY
                rate = expected * record.by_hour[hour]
                inside = rate * (ends - time)
                if inside > number:
                    return time + number / rate
                number -= inside
                time = ends
        day += 1
        time = np.float64(day)
    return NO_TIME


@njit
def schedule_arrival(world, time, source):
    """Draw the time of a source's next arrival."""
    record = world.sources[source]
    if record.per_day <= 0.0:
        return
    person = EXTERNAL_PERSON + (np.int64(source) << SOURCE_SHIFT)
    u = uniform(world.key, person, code.STREAM_ARRIVALS + source, record.count)
    if record.varies:
        at = time_of(world, source, time, exponential(u, 1.0))
        if at == NO_TIME:
            return
    else:
        at = time + exponential(u, 1.0 / record.per_day)
    schedule(world, at, code.RANK_ARRIVAL, source, code.NOWHERE, source)


@njit
def admit(world, person, level):
    """A new external patient, who is nowhere yet."""
    world.counters[FREE_SIZE] -= 1
    patient = np.int64(world.free[world.counters[FREE_SIZE]])
    record = world.patients[patient]
    record.person = person
    record.level = level
    record.setting = -1
    record.waits_for = -1
    record.version += 1
    record.ward = 0
    record.facility = 0
    world.uses[patient, :] = 0
    record.turns = 0
    world.counters[ACTIVE] += 1
    return patient


@njit
def seat(world, row, number):
    """A patient of a census, who has been in a setting or waited for it since before day 0, and goes on from there."""
    setting = np.int64(row.setting)
    person = EXTERNAL_PERSON + ((CENSUS_SOURCE + np.int64(row.patient_class)) << SOURCE_SHIFT) + number
    patient = admit(world, person, row.level)
    place, record = world.settings[setting], world.patients[patient]
    world.uses[patient, setting] = 1
    distribution = np.int64(-1)
    if row.waits:
        join_queue(world, 0.0, patient, setting)
        record.asked_at = -row.days
        distribution, stream = np.int64(place.patience), code.STREAM_PATIENCE + setting
    else:
        record.asked_at = 0.0
        begin(world, 0.0, patient, setting)
        record.began_at = -row.days
        record.version += 1  # instead of a whole stay, what is left of one
        distribution, stream = stay_of(world, setting, patient), code.STREAM_STAY + setting
    if distribution >= 0:
        u = uniform(world.key, record.person, stream, np.int64(BEFORE_DAY_0))
        ends = inverse(world, distribution, row.passed + (1.0 - row.passed) * u) - row.days
        schedule(world, max(ends, 0.0), code.RANK_TIMER, record.person, patient, np.int64(record.version))


@njit
def take_census(world, rows):
    """The patients of a census; then beds that are free go to those who wait."""
    number = np.int64(0)
    for i in range(len(rows)):
        for _ in range(rows[i].number):
            seat(world, rows[i], number)
            number += 1
    for setting in range(len(world.states)):
        fill(world, 0.0, setting)


@njit
def begin_counts(world):
    """Counts and time integrals begin at day 0, with those who are there."""
    for setting in range(len(world.states)):
        state = world.states[setting]
        integrate(state, 0.0)
        state.entered = state.present
        state.left = 0
        state.blocked = 0
        state.reneged = 0
        state.peak = state.present
        state.wait_days = 0.0
        state.present_days = 0.0
        state.waiting_days = 0.0
