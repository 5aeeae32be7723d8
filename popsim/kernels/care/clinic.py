"""Contacts and prescriptions: bookings of contact settings, and the changes of doses at a visit or in hospital.

A booking waits in the list of its due day (a doubly linked list per contact setting and day); bookings that a day's
slots do not reach go to the front of the next day's list. Clinicians observe weight above dry weight, blood pressure,
pulse, potassium, kidney function and symptom class, and change doses: of diuretics by the rules of `Practice`, of other
drugs by their tables (kernels/care/prescribing.py).
"""

from __future__ import annotations

import numpy as np

from popsim.kernels import codes as code
from popsim.kernels.care.events import note, schedule
from popsim.kernels.care.observation import seen_code, seen_real
from popsim.kernels.care.prescribing import review_drugs, stop_unsafe_drugs
from popsim.kernels.care.records import (
    ALL_DRUGS,
    DIURETICS,
    FIRST_WEEKDAY,
    GENERAL_PRACTITIONER,
    NO_CLINICIAN,
    SPECIALIST,
)
from popsim.kernels.care.rules import holds, priority_level
from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.random import uniform

DAYS_A_WEEK, WORKING_DAYS = 7, 5
PLACE_BITS = 8  # of the index of STREAM_FOLLOW_UP, for the number of a setting


@njit
def is_open(world, place, day):
    """Whether a contact setting works on a day."""
    return place.weekdays_only == 0 or (day + world.counters[FIRST_WEEKDAY]) % DAYS_A_WEEK < WORKING_DAYS


@njit
def unlink(world, contact, patient, today):
    """Remove a booking from its list; bookings carried over from earlier days are in today's list."""
    booking = world.bookings[contact, patient]
    bucket = world.calendar[contact, max(np.int64(booking.due), today)]
    if booking.previous < 0:
        bucket[0] = booking.next
    else:
        world.bookings[contact, booking.previous].next = booking.next
    if booking.next < 0:
        bucket[1] = booking.previous
    else:
        world.bookings[contact, booking.next].previous = booking.previous
    booking.due = -1


@njit
def book(world, time, patient, setting, due):
    """Book a twin in a contact setting for day `due`; an earlier booking there is kept.

    Twins of the setting's first priority level go to the head of that day's list, all others to its end.
    """
    place = world.settings[setting]
    contact = np.int64(place.contact)
    today = np.int64(np.floor(time))
    if due <= today:
        due = today if time - today < place.closes else today + 1
    if due >= world.calendar.shape[1] or patient >= world.twins:
        return
    booking = world.bookings[contact, patient]
    if booking.due >= 0:
        if booking.due <= due:
            return
        unlink(world, contact, patient, today)
    bucket = world.calendar[contact, due]
    booking.due = due
    booking.booked = today
    if place.by_priority and priority_level(world, setting, patient) == 0:
        booking.previous = -1
        booking.next = bucket[0]
    else:
        booking.previous = bucket[1]
        booking.next = -1
    if booking.previous < 0:
        bucket[0] = patient
    else:
        world.bookings[contact, booking.previous].next = patient
    if booking.next < 0:
        bucket[1] = patient
    else:
        world.bookings[contact, booking.next].previous = patient
    note(world, time, patient, code.BOOK, setting, code.NO_DETAIL)
    if due == today:
        open_session(world, time, setting)


@njit
def open_session(world, time, setting):
    """Schedule the next contact of today, if the setting is open, has slots and no contact is scheduled yet."""
    place = world.settings[setting]
    state = world.states[setting]
    today = np.int64(np.floor(time))
    if state.in_session or state.slots_used >= place.slots or not is_open(world, place, today):
        return
    state.in_session = 1
    schedule(world, max(time, today + place.opens), code.RANK_SESSION, setting, code.NOWHERE, setting)


@njit
def carry_over(world, setting, day):
    """Move the bookings that day `day` did not reach to the front of the next day's list.

    Their `due` is not changed, because the list is long: a due day in the past means today.
    """
    contact = np.int64(world.settings[setting].contact)
    bucket = world.calendar[contact, day]
    patient = bucket[0]
    if patient < 0:
        return
    if day + 1 >= world.calendar.shape[1]:
        while patient >= 0:
            world.bookings[contact, patient].due = -1
            patient = world.bookings[contact, patient].next
        return
    following = world.calendar[contact, day + 1]
    world.bookings[contact, bucket[1]].next = following[0]
    if following[0] < 0:
        following[1] = bucket[1]
    else:
        world.bookings[contact, following[0]].previous = bucket[1]
    following[0] = bucket[0]
    bucket[0] = -1
    bucket[1] = -1


@njit
def book_follow_ups(world, time, patient):
    """On discharge home: book the strategy's follow-up contacts and offer telemonitoring.

    At each discharge, a person accepts or declines all follow-up plans for the same contact setting together.
    """
    person = world.patients[patient].person
    today = np.int64(np.floor(time))
    for i in range(len(world.follow_ups)):
        plan = world.follow_ups[i]
        place = np.int64(world.patients[patient].setting)
        index = (np.int64(world.uses[patient, place]) << PLACE_BITS) + place if place >= 0 else np.int64(code.NOWHERE)
        u = uniform(world.key, person, code.STREAM_FOLLOW_UP + np.int64(plan.setting), index)
        if u < plan.uptake and holds(world, patient, plan.condition_first, plan.condition_last):
            book(world, time, patient, np.int64(plan.setting), today + plan.due_days)
    offer_telemonitoring(world, time, patient)


@njit
def book_next_review(world, time, patient, setting):
    """After a contact: book the next one there, if the strategy has regular reviews."""
    today = np.int64(np.floor(time))
    for i in range(len(world.follow_ups)):
        plan = world.follow_ups[i]
        again = plan.every_days > 0 and np.int64(plan.setting) == setting
        if again and holds(world, patient, plan.condition_first, plan.condition_last):
            book(world, time, patient, setting, today + plan.every_days)


@njit
def offer_telemonitoring(world, time, patient):
    """Offer telemonitoring to an eligible twin; start it if the twin takes it up."""
    policy = world.policy[0]
    if policy.desk < 0 or not holds(world, patient, np.int64(policy.condition_first), np.int64(policy.condition_last)):
        return
    person = world.patients[patient].person
    u = uniform(world.key, person, code.STREAM_UPTAKE, code.NO_DETAIL)
    if u < policy.uptake:
        world.codes[world.columns[0].telemonitored, patient] = np.int8(1)
        world.reals[world.columns[0].telemonitored_until_day, patient] = np.floor(time) + policy.duration_days


@njit
def real(world, column, patient):
    """A twin's value of a real column as a clinician observes it, as a double."""
    return seen_real(world, column, patient)


@njit
def fluid_above_dry_weight(world, patient):
    """Observed weight above dry weight, kg."""
    columns = world.columns[0]
    return real(world, columns.weight_kg, patient) - real(world, columns.dry_weight_kg, patient)


@njit
def has_heart_failure(world, patient):
    """Whether a twin has a diagnosis of heart failure."""
    column = world.columns[0].heart_failure
    return column >= 0 and world.codes[column, patient] != 0


@njit
def chronic_cause(world, patient):
    """The cause for which a clinician sends a twin to hospital: the chronic disease it has.

    Heart failure, known or by its fluid, before COPD.
    """
    columns = world.columns[0]
    if columns.weight_kg < 0:
        return code.CAUSE_OTHER
    wet = fluid_above_dry_weight(world, patient) > world.practice[0].fluid_up_kg
    if wet or has_heart_failure(world, patient):
        return code.CAUSE_HEART_FAILURE
    if columns.copd >= 0 and world.codes[columns.copd, patient] != 0:
        return code.CAUSE_RESPIRATORY
    return code.CAUSE_OTHER


@njit
def hospital_treatment(world, patient, level):
    """Set the intravenous diuretic for a twin's care level; in hospital, stop unsafe drugs.

    Stepped care: a full dose that has left much fluid is followed by a higher one.
    """
    columns, practice = world.columns[0], world.practice[0]
    given, dose = np.float64(world.reals[columns.iv_diuretic_mg_day, patient]), 0.0
    if level >= code.LEVEL_EMERGENCY:
        fluid = fluid_above_dry_weight(world, patient)
        wet = world.patients[patient].cause == code.CAUSE_HEART_FAILURE or fluid > practice.fluid_up_kg
        if wet and fluid > practice.fluid_dry_kg:
            dose = practice.iv_per_oral * real(world, columns.loop_diuretic_mg_day, patient)
            dose = min(max(dose, practice.iv_least_mg), practice.iv_most_mg)
            if level == code.LEVEL_EMERGENCY:
                dose *= practice.iv_emergency_share
            elif given >= dose and fluid > practice.fluid_up_kg:
                dose = max(dose, min(given * practice.iv_step_factor, practice.iv_highest_mg))
        stop_unsafe_drugs(world, patient)
    world.reals[columns.iv_diuretic_mg_day, patient] = dose


@njit
def set_diuretic(world, patient, dose):
    """Change the oral loop diuretic within its usual range."""
    dose = min(max(dose, world.practice[0].diuretic_least_mg), world.practice[0].diuretic_most_mg)
    world.reals[world.columns[0].loop_diuretic_mg_day, patient] = dose


@njit
def discharge_prescription(world, patient):
    """Raise the oral loop diuretic by a factor after a stay for heart failure."""
    columns = world.columns[0]
    if world.patients[patient].cause == code.CAUSE_HEART_FAILURE:
        dose = real(world, columns.loop_diuretic_mg_day, patient)
        set_diuretic(world, patient, dose * world.practice[0].discharge_diuretic_factor)


@njit
def adjust_diuretic(world, patient, sensed):
    """Raise the diuretic in congestion, lower it in dehydration; returns the bits of the action.

    `sensed`: by the filling pressure that an implanted sensor reads, instead of weight and symptoms. Where neither
    heart failure is known nor a diuretic is taken, nobody watches the dry weight.
    """
    columns, practice = world.columns[0], world.practice[0]
    dose = real(world, columns.loop_diuretic_mg_day, patient)
    if dose <= 0.0 and not has_heart_failure(world, patient):
        return 0
    fluid = fluid_above_dry_weight(world, patient)
    symptomatic = seen_code(world, columns.nyha_class, patient) >= 3
    wet = fluid > practice.fluid_up_kg or (symptomatic and fluid > practice.fluid_up_symptomatic_kg)
    dry = fluid < -practice.fluid_down_kg
    if sensed:
        pressure = np.float64(world.reals[columns.measured_filling_pressure_mmhg, patient])
        wet = pressure > world.policy[0].filling_pressure_high_mmhg
        dry = pressure < world.policy[0].filling_pressure_low_mmhg
    if wet:
        set_diuretic(world, patient, max(dose * practice.diuretic_step_factor, dose + practice.diuretic_least_step_mg))
        return code.DID_DIURETIC_UP
    if dry and dose > 0.0:
        set_diuretic(world, patient, dose / practice.diuretic_step_factor)
        return code.DID_DIURETIC_DOWN
    return 0


@njit
def clinical_review(world, time, patient, setting):
    """The clinician's actions at a contact; returns their bits."""
    policy = world.policy[0]
    clinician, may_change, sensed = np.int64(world.settings[setting].clinician), np.int64(ALL_DRUGS), False
    if np.int64(policy.desk) == setting:
        clinician, may_change = np.int64(policy.clinician), np.int64(policy.may_change)
        sensed = policy.filling_pressure_high_mmhg > 0.0
    if clinician == NO_CLINICIAN or world.columns[0].care_level < 0:
        return 0
    world.reals[world.columns[0].last_review_day, patient] = np.floor(time)
    done = adjust_diuretic(world, patient, sensed) if may_change >= DIURETICS else 0
    if may_change == ALL_DRUGS and clinician in (GENERAL_PRACTITIONER, SPECIALIST):
        done |= review_drugs(world, patient, clinician)
    return done
