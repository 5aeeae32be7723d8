"""Table-driven rules of the care network: conditions, priorities, routes and durations."""

from __future__ import annotations

import numpy as np

from popsim.kernels import codes as code
from popsim.kernels.care.events import CENSUS_SOURCE, EXTERNAL_PERSON, SOURCE_SHIFT
from popsim.kernels.care.observation import seen
from popsim.kernels.care.records import (
    AT_LEAST,
    BACK_TO_FACILITY,
    BACK_TO_WARD,
    BELOW,
    EXTERNAL_ONLY,
    LEVELS,
    NO_TIME,
    REAL_BLOCK,
    STAY_PUT,
    TWINS_ONLY,
)
from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.distributions import quantile
from popsim.kernels.numerics.math import exp
from popsim.kernels.numerics.random import uniform

MAX_EXPONENT = 100.0  # of one factor of a stay: beyond, all stays outlast any run and times must stay finite


@njit
def value_of(world, block, place, row):
    """A twin's column as float, by its index in a block."""
    if block == REAL_BLOCK:
        return np.float64(world.reals[place, row])
    return np.float64(world.codes[place, row])


@njit
def holds(world, row, first, last):
    """Whether all conditions first..last hold for a patient, as observed; external patients satisfy none."""
    if first < last and row >= world.twins:
        return False
    for i in range(first, last):
        condition = world.conditions[i]
        value = seen(world, condition.block, condition.place, row)
        if condition.operator == AT_LEAST:
            met = value >= condition.value
        elif condition.operator == BELOW:
            met = value < condition.value
        else:
            met = value == condition.value
        if not met:
            return False
    return True


@njit
def priority_level(world, setting, patient):
    """Priority level (0 first) of a patient in a queue: the first rule that holds; externals have their own."""
    place = world.settings[setting]
    if place.by_priority == 0:
        return 0
    if patient >= world.twins:
        return np.int64(world.patients[patient].level)
    for i in range(place.priority_first, place.priority_last):
        rule = world.priorities[i]
        if holds(world, patient, rule.condition_first, rule.condition_last):
            return np.int64(rule.level)
    return np.int64(LEVELS - 1)


@njit
def class_of(world, patient):
    """The class of a patient, 0 for none: of an external patient by its source, of a twin by the first that fits."""
    if len(world.classes) == 1:
        return 0
    if patient >= world.twins:
        source = (world.patients[patient].person - EXTERNAL_PERSON) >> SOURCE_SHIFT
        return source - CENSUS_SOURCE if source >= CENSUS_SOURCE else np.int64(world.sources[source].patient_class)
    for number in range(1, len(world.classes)):
        first, last = world.classes[number].condition_first, world.classes[number].condition_last
        if first < last and holds(world, patient, first, last):
            return number
    return 0


@njit
def has_rounds(world, setting, patient):
    """Whether ward rounds end a patient's stay: a twin's, where its class has no stay of its own."""
    if world.settings[setting].has_review == 0 or patient >= world.twins:
        return False
    return world.stays_of_classes[setting, class_of(world, patient)].stay < 0


@njit
def is_free(world, setting):
    """Whether a patient who came now would get a bed at once (always true for routers and contact settings)."""
    state = world.states[setting]
    return state.present < world.settings[setting].capacity and state.waiting == 0


@njit
def choose_route(world, setting, patient):
    """The next node for a patient that leaves `setting`, and whether it will be an outlier there.

    The first route that applies is taken; one uniform decides among its targets, drawn only when there are several.
    """
    place = world.settings[setting]
    first, last = place.route_first, place.route_last
    own = world.stays_of_classes[setting, class_of(world, patient)]
    if own.route_first >= 0:
        first, last = own.route_first, own.route_last
    for i in range(first, last):
        route = world.routes[i]
        external = patient >= world.twins
        if (route.applies_to == TWINS_ONLY and external) or (route.applies_to == EXTERNAL_ONLY and not external):
            continue
        if not holds(world, patient, route.condition_first, route.condition_last):
            continue
        if route.if_free and not is_free(world, np.int64(world.targets[route.target_first].node)):
            continue
        chosen = route.target_first
        only = world.targets[chosen].node
        if only in (BACK_TO_WARD, BACK_TO_FACILITY):
            record = world.patients[patient]
            back = np.int64(record.ward if only == BACK_TO_WARD else record.facility)
            if back == 0:
                continue
            return back - 1, np.int64(route.outlier)
        if route.target_last - route.target_first > 1:
            u = uniform(
                world.key,
                world.patients[patient].person,
                code.STREAM_ROUTE + setting,
                np.int64(world.uses[patient, setting]),
            )
            while chosen < route.target_last - 1 and u >= world.targets[chosen].cumulative:
                chosen += 1
        return np.int64(world.targets[chosen].node), np.int64(route.outlier)
    return np.int64(STAY_PUT), np.int64(0)


@njit
def inverse(world, distribution, u):
    """The u-quantile of a distribution of the network, in days; NO_TIME for `forever`."""
    pieces = world.distributions[distribution]
    return quantile(world.pieces, np.int64(pieces.first), np.int64(pieces.last), u)


@njit
def multiplied(world, patient, first, last, value):
    """A value times the factors first..last of a twin's columns."""
    for i in range(first, last):
        factor = world.factors[i]
        column = value_of(world, factor.block, factor.place, patient)
        value *= exp(min(factor.slope * (column - factor.reference), MAX_EXPONENT))
    return value


@njit
def stay_of(world, setting, patient):
    """The distribution of a patient's stay in a setting."""
    own = np.int64(world.stays_of_classes[setting, class_of(world, patient)].stay)
    if own >= 0:
        return own
    place = world.settings[setting]
    return np.int64(place.stay_external if patient >= world.twins else place.stay)


@njit
def stay_days(world, setting, patient, index):
    """Length of the stay begun with use number `index`, in days (NO_TIME: until something else happens)."""
    place = world.settings[setting]
    u = uniform(world.key, world.patients[patient].person, code.STREAM_STAY + setting, index)
    days = inverse(world, stay_of(world, setting, patient), u)
    if patient < world.twins and days != NO_TIME:
        days = multiplied(world, patient, place.factor_first, place.factor_last, days)
    return days
