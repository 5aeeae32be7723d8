"""What keeps twins in hospital beyond their illness: complications, and delayed transfers of care.

A stay ends when the illness allows. Complications that came meanwhile then prolong it by their extra days, and whoever
leaves for a setting with a `transfer_delay` stays until the transfer is arranged; ward rounds go on. A complication
comes at a constant hazard over the time in one setting, from the columns at its start; there can be one after another.

Limits: a patient who waits for a place elsewhere in a bed that it boards goes as soon as the place is free, whatever
complication it has; a complication does not change the physiology, its death is non-cardiovascular.
"""

from __future__ import annotations

import numpy as np

from popsim.kernels import codes as code
from popsim.kernels.care.clinic import hospital_treatment
from popsim.kernels.care.events import count_turn, note, schedule
from popsim.kernels.care.rules import has_rounds, inverse, multiplied
from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.random import exponential, uniform, uniforms

MINUTE = 1.0 / 1440.0


@njit
def in_hospital(world, patient):
    """Whether a twin has a bed in a setting of class inpatient or critical."""
    setting = np.int64(world.patients[patient].setting)
    if setting < 0 or patient >= world.twins:
        return False
    return world.settings[setting].setting_class in (code.CLASS_INPATIENT, code.CLASS_CRITICAL)


@njit
def next_round(time, hour):
    """When the next ward round after `time` is; event times are rounded, so a round may seem to be ahead of itself."""
    at = np.floor(time) + hour / 24.0
    return at if at > time + MINUTE else at + 1.0


@njit
def leaves_at(world, patient):
    """Until when a patient who could leave is kept."""
    record = world.patients[patient]
    return record.began_at + np.float64(record.kept_days)


@njit
def set_round(world, time, patient):
    """Set the timer of the next ward round, or of the time at which the patient may leave if that is earlier."""
    record = world.patients[patient]
    at = max(leaves_at(world, patient), time)
    if has_rounds(world, np.int64(record.setting), patient):
        following = next_round(time, world.settings[record.setting].review_hour)
        at = min(at, following) if at > time else following
    schedule(world, at, code.RANK_TIMER, record.person, patient, np.int64(record.version))


@njit
def kept_round(world, time, patient):
    """A ward round with a patient who could leave but for a complication or a delayed transfer; False with others."""
    if time >= leaves_at(world, patient):
        return False
    if world.columns[0].care_level >= 0:
        hospital_treatment(world, patient, np.int64(world.settings[world.patients[patient].setting].care_level))
    set_round(world, time, patient)
    return True


@njit
def keep(world, time, patient, days):
    """Keep a patient who could leave for some more days."""
    record = world.patients[patient]
    record.kept_days = time + days - record.began_at
    record.version += 1
    set_round(world, time, patient)


@njit
def transfer_delay(world, patient, setting):
    """Days until a twin in hospital can be transferred to a setting, 0 if it can at once."""
    place = world.settings[setting]
    if place.delay < 0 or not in_hospital(world, patient):
        return 0.0
    weight = multiplied(
        world, patient, place.delay_factor_first, place.delay_factor_last, np.float64(place.delay_probability)
    )
    probability = weight / (weight + 1.0 - place.delay_probability)
    index = np.int64(world.uses[patient, setting])
    u = uniform(world.key, world.patients[patient].person, code.STREAM_TRANSFER + setting, index)
    return inverse(world, np.int64(place.delay), u / probability) if u < probability else 0.0


@njit
def delayed(world, time, patient, setting):
    """Whether a transfer to a setting is delayed; if so, the patient is kept meanwhile."""
    record = world.patients[patient]
    if record.bound_for == setting + 1:
        return False
    days = transfer_delay(world, patient, setting)
    if days <= 0.0:
        return False
    record.bound_for = setting + 1
    note(world, time, patient, code.FIT, np.int64(record.setting), setting)
    keep(world, time, patient, days)
    return True


@njit
def complication_hazard(world, patient, number):
    """Hazard a day of a complication."""
    item = world.complications[number]
    ratio = item.by_cause[np.int64(world.patients[patient].cause)]
    return multiplied(world, patient, item.factor_first, item.factor_last, item.per_day * ratio)


@njit
def await_complication(world, time, patient):
    """Schedule the next complication of a twin in hospital."""
    total = 0.0
    for number in range(len(world.complications)):
        total += complication_hazard(world, patient, number)
    record = world.patients[patient]
    record.hazards += 1
    if total > 0.0:
        u = uniform(world.key, record.person, code.STREAM_COMPLICATIONS, 2 * np.int64(record.hazards))
        at = time + exponential(u, 1.0 / total)
        schedule(world, at, code.RANK_COMPLICATION, record.person, patient, np.int64(record.hazards))


@njit
def await_escalation(world, time, patient, setting):
    """Schedule when a patient gets worse in a setting, if its stay lasts as long."""
    number = np.int64(world.settings[setting].escalation)
    if number < 0:
        return
    item, record = world.escalations[number], world.patients[patient]
    hazard = np.float64(item.per_day)
    if patient < world.twins:
        ratio = item.by_cause[np.int64(record.cause)]
        hazard = multiplied(world, patient, item.factor_first, item.factor_last, hazard * ratio)
    if hazard > 0.0:
        index = np.int64(world.uses[patient, setting]) - 1
        u = uniform(world.key, record.person, code.STREAM_ESCALATION + setting, index)
        at = time + exponential(u, 1.0 / hazard)
        schedule(world, at, code.RANK_ESCALATION, record.person, patient, np.int64(record.version))


@njit
def complicate(world, time, patient, number_of_hazard):
    """A complication begins, unless the patient has left the setting in which it was scheduled."""
    record = world.patients[patient]
    if record.hazards != number_of_hazard or not in_hospital(world, patient):
        return
    count_turn(world, patient)
    u = uniforms(world.key, record.person, code.STREAM_COMPLICATIONS, 2 * np.int64(record.hazards) + 1)
    last = len(world.complications) - 1
    total = 0.0
    for number in range(last + 1):
        total += complication_hazard(world, patient, number)
    chosen, below = 0, complication_hazard(world, patient, 0)
    while chosen < last and u[0] * total >= below:
        chosen += 1
        below += complication_hazard(world, patient, chosen)
    item = world.complications[chosen]
    days = inverse(world, np.int64(item.extra), u[1])
    record.extra_days += days
    note(world, time, patient, code.COMPLICATION, np.int64(record.setting), chosen)
    if u[2] < item.fatality:
        at = time + days * (u[2] / item.fatality)
        schedule(world, at, code.RANK_DEATH, record.person, patient, code.DIED_OF_NON_CARDIOVASCULAR)
    await_complication(world, time, patient)
