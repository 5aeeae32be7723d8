"""Queues of the care network: a doubly linked list per setting and priority level."""

from __future__ import annotations

import numpy as np

from popsim.kernels.care.records import LEVELS
from popsim.kernels.care.rules import priority_level
from popsim.kernels.numerics.compiling import njit


@njit
def integrate(state, time):
    """Update the time integrals of a setting to `time`, before its counts change."""
    elapsed = time - state.updated_at
    state.present_days += elapsed * state.present
    state.waiting_days += elapsed * state.waiting
    state.updated_at = time


@njit
def join_queue(world, time, patient, setting):
    """Add a patient to the queue of a setting, last of its priority level; its present stay, if any, has no timer."""
    level = np.int64(priority_level(world, setting, patient))
    state = world.states[setting]
    integrate(state, time)
    state.waiting += 1
    if world.patients[patient].setting < 0:
        state.outside += 1
    last = world.queues[setting, level, 1]
    record = world.patients[patient]
    record.waits_for = setting
    record.version += 1
    if patient < world.twins:
        record.level = level
    record.next = -1
    record.previous = last
    if last < 0:
        world.queues[setting, level, 0] = patient
    else:
        world.patients[last].next = patient
    world.queues[setting, level, 1] = patient


@njit
def leave_queue(world, time, patient):
    """Remove a patient from its queue."""
    record = world.patients[patient]
    setting = np.int64(record.waits_for)
    level = record.level if world.settings[setting].by_priority else 0
    state = world.states[setting]
    integrate(state, time)
    state.waiting -= 1
    if record.setting < 0:
        state.outside -= 1
    if record.previous < 0:
        world.queues[setting, level, 0] = record.next
    else:
        world.patients[record.previous].next = record.next
    if record.next < 0:
        world.queues[setting, level, 1] = record.previous
    else:
        world.patients[record.next].previous = record.previous
    record.waits_for = -1
    record.version += 1


@njit
def waiting_there(world, setting, bed):
    """The first who waits for `setting` in a bed of the setting `bed`, -1 for nobody."""
    if world.states[setting].waiting == 0 or world.settings[setting].boards == 0:
        return np.int64(-1)
    for level in range(LEVELS):
        patient = np.int64(world.queues[setting, level, 0])
        while patient >= 0:
            if world.patients[patient].setting == bed:
                return patient
            patient = np.int64(world.patients[patient].next)
    return np.int64(-1)
