"""Putting events on the heap and into the log."""

from __future__ import annotations

import numpy as np

from popsim.kernels import codes as code
from popsim.kernels.care.records import FAULT, FAULT_AT, HEAP_SIZE, LOG_SIZE, TODAY
from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.heap import push

RANK_SHIFT = 48
SOURCE_SHIFT = 36
EXTERNAL_PERSON = 1 << 44  # external patients: this + source << 36 + number
CENSUS_SOURCE = 64  # + class: source of those who were there before the first day
FAULT_HEAP, FAULT_LOG, FAULT_STACK, FAULT_HOPS, FAULT_TURNS = 1, 2, 3, 4, 5


MAX_TURNS = 10_000  # ends of stays and waits of one person in a day


@njit
def fail(world, fault, setting):
    """Stop the simulation after this event with a fault and its setting."""
    world.counters[FAULT] = fault
    world.counters[FAULT_AT] = setting


@njit
def count_turn(world, patient):
    """Count a patient's timers of today, to detect stays or waits that take (almost) no time."""
    record = world.patients[patient]
    today = world.counters[TODAY]
    if record.turns_day != today:
        record.turns_day = today
        record.turns = 0
    record.turns += 1
    if record.turns > MAX_TURNS:
        fail(world, FAULT_TURNS, np.int64(max(record.waits_for, record.setting)))


@njit
def schedule(world, time, rank, person, patient, what):
    """Put an event on the heap."""
    size = world.counters[HEAP_SIZE]
    if size >= len(world.events):
        fail(world, FAULT_HEAP, code.NOWHERE)
        return
    order = (np.int64(rank) << RANK_SHIFT) | (person & ((np.int64(1) << RANK_SHIFT) - 1))
    world.counters[HEAP_SIZE] = push(world.events, size, time, order, patient, what)


@njit
def set_cause(world, patient, cause):
    """Set the cause of a twin's acute care."""
    world.patients[patient].cause = cause
    column = world.columns[0].presenting_cause
    if column >= 0:
        world.codes[column, patient] = cause


@njit
def note(world, time, patient, kind, setting, detail):
    """Write a twin's event to the log; events of external patients are only counted."""
    if patient >= world.twins or len(world.log) == 0:
        return
    size = world.counters[LOG_SIZE]
    if size >= len(world.log):
        fail(world, FAULT_LOG, setting)
        return
    record = world.log[size]
    record.time = time
    record.row = patient
    record.kind = kind
    record.setting = setting
    record.cause = world.patients[patient].cause
    record.detail = detail
    world.counters[LOG_SIZE] = size + 1
