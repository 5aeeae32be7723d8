"""The arrays of a care network: as they are on its first morning, and with more room for external patients."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from popsim.care.columns import find_columns
from popsim.care.external import compile_sources, first_day
from popsim.care.network import CareNetwork
from popsim.care.signals import Signals
from popsim.evidence.parameters import ParameterSet
from popsim.kernels.care import records
from popsim.population.population import Population

FIRST_ROOM = 8192  # events, or lines of the log


def first_morning(
    tables: dict[str, Any],
    network: CareNetwork,
    population: Population,
    days: int,
    practice: ParameterSet,
) -> records.Arrays:
    """The empty network on its first morning, without events; `tables` are the fields known already."""
    size, count = len(population), len(network.settings)
    contacts = max(1, sum(s.setting_class == "outpatient" for s in network.settings))
    patients = np.zeros(size, records.PATIENT)
    patients["person"] = population.person_id
    patients["setting"] = patients["waits_for"] = -1
    patients["entry"] = tables.pop("entry")
    bookings = np.zeros((contacts, max(1, size)), records.BOOKING)
    bookings["due"] = -1
    population["setting"] = -1
    counters = np.zeros(records.COUNTERS, np.int64)
    counters[[records.FIRST_WEEKDAY, records.FIRST_DAY_OF_YEAR]] = first_day(network)
    observations, code_observations = Signals(population.schema).observations(population.schema)
    arrays = records.Arrays(
        **tables,
        columns=records.as_record(find_columns(population.schema)),
        practice=records.as_record(practice.fill(records.Practice)),
        sources=compile_sources(network),
        patients=patients,
        states=np.zeros(count, records.STATE),
        queues=np.full((count, records.LEVELS, 2), -1, np.int32),
        uses=np.zeros((size, count), np.int32),
        events=np.zeros(max(FIRST_ROOM, 2 * size), records.EVENT),
        free=np.zeros(0, np.int32),
        bookings=bookings,
        calendar=np.full((contacts, days + 1, 2), -1, np.int32),
        stack=np.zeros(256, np.int32),
        counters=counters,
        log=np.zeros(0, records.LOG),
        reals=population.block("real"),
        codes=population.block("code"),
        counts=population.block("count"),
        observations=observations,
        code_observations=code_observations,
        twins=size,
    )
    return more_patients(arrays)


def lengthened(array: NDArray[Any], more: int) -> NDArray[Any]:
    """An array with zeros after it; its records keep their padding, which `numpy.concatenate` takes away."""
    longer = np.zeros((len(array) + more, *array.shape[1:]), array.dtype)
    longer[: len(array)] = array
    return longer


def more_patients(arrays: records.Arrays) -> records.Arrays:
    """Double the room for external patients; start with room for some."""
    old = len(arrays.patients)
    more = max(FIRST_ROOM // 8, old - arrays.twins)
    patients = lengthened(arrays.patients, more)
    patients["setting"][old:] = patients["waits_for"][old:] = -1
    used = int(arrays.counters[records.FREE_SIZE])
    free = np.zeros(len(patients) - arrays.twins, np.int32)
    free[:used] = arrays.free[:used]
    free[used : used + more] = np.arange(len(patients) - 1, old - 1, -1)
    arrays.counters[records.FREE_SIZE] = used + more
    return arrays._replace(patients=patients, free=free, uses=lengthened(arrays.uses, more))
