"""A binary heap of events in the total order (time, order); `order` packs kind and person, so ties are resolved."""

from __future__ import annotations

from popsim.kernels.numerics.compiling import njit


@njit
def precedes(time, order, event):
    """True when (time, order) comes before `event`."""
    return time < event.time or (time == event.time and order < event.order)


@njit
def push(events, size, time, order, patient, what):
    """Add an event to the heap of `size` events; returns the new size. The caller has made room."""
    hole = size
    while hole > 0:
        parent = (hole - 1) >> 1
        if not precedes(time, order, events[parent]):
            break
        events[hole] = events[parent]
        hole = parent
    events[hole].time = time
    events[hole].order = order
    events[hole].patient = patient
    events[hole].what = what
    return size + 1


@njit
def pop(events, size):
    """Remove the first event (the caller has read it at index 0); returns the new size."""
    size -= 1
    time = events[size].time
    order = events[size].order
    hole = 0
    child = 1
    while child < size:
        if child + 1 < size and precedes(events[child + 1].time, events[child + 1].order, events[child]):
            child += 1
        if precedes(time, order, events[child]):
            break
        events[hole] = events[child]
        hole = child
        child = 2 * hole + 1
    events[hole] = events[size]
    return size
