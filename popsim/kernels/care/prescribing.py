"""Prescribing at a visit: which drugs clinicians start, raise, reduce, stop and replace.

The table has one row per drug (care/prescribing.py compiles it), the most important class first. A visit first ensures
safety: a drug that the person has stopped is replaced by another of its class or removed; unsafe drugs are stopped, or
reduced by one rung, for each reason only the least important drug that can be reduced. If nothing was reduced, drugs
that are indicated and not contraindicated are started, then raised, up to a number of steps per visit.

Clinicians act on observed columns and reported reactions. Limits of validity: high potassium and kidney injury are
known from the laboratory only; a change of agent keeps the share of the target dose; a drug that is no longer indicated
is continued; the reason for stopping a drug is not stored, so it may be tried again.
"""

from __future__ import annotations

import numpy as np

from popsim.kernels import codes as code
from popsim.kernels.care.observation import seen
from popsim.kernels.care.records import BELOW, NOT_START, REDUCE, STOP
from popsim.kernels.care.rules import holds
from popsim.kernels.numerics.compiling import njit

SAME = 1e-6  # relative difference below which two doses are the same
PER_CENT = 0.01


@njit
def is_taken(world, drug, patient):
    """Whether this drug is the one of its class that a twin takes, or would take."""
    return drug.agent_column < 0 or world.codes[drug.agent_column, patient] == drug.agent


@njit
def has_given_up(world, drug, patient):
    """Whether a twin no longer takes the drug although it is prescribed."""
    column = world.columns[0].stopped_drugs
    return column >= 0 and (np.int64(world.counts[column, patient]) >> drug.code) & 1 != 0


@njit
def is_warned(world, drug, patient, action):
    """Whether a warning of the drug's file calls for an action."""
    found = False
    for i in range(drug.warning_first, drug.warning_last):
        found |= world.warnings[i].action == action and is_there(world, world.warnings[i], patient)
    return found


@njit
def is_there(world, warning, patient):
    """Whether the condition of a warning holds."""
    value = seen(world, warning.block, warning.place, patient)
    return value < warning.value if warning.operator == BELOW else value >= warning.value


@njit
def set_dose(world, drug, patient, dose):
    """Prescribe a dose; returns whether it changed."""
    old = np.float64(world.reals[drug.dose, patient])
    world.reals[drug.dose, patient] = dose
    return abs(old - dose) > SAME * drug.at_target


@njit
def next_rung(world, drug, dose):
    """The next higher dose of the ladder; the same dose at its top."""
    above = dose
    for i in range(drug.rung_last - 1, drug.rung_first - 1, -1):
        above = world.rungs[i] if world.rungs[i] > dose + SAME * drug.at_target else above
    return above


@njit
def rung_below(world, drug, dose):
    """The next lower dose of the ladder; 0 below its lowest."""
    below = 0.0
    for i in range(drug.rung_first, drug.rung_last):
        below = world.rungs[i] if world.rungs[i] < dose - SAME * drug.at_target else below
    return below


@njit
def stop_unsafe_drugs(world, patient):
    """Stop unsafe drugs; returns whether any was stopped."""
    stopped = False
    for i in range(len(world.drug_records)):
        drug = world.drug_records[i]
        if (
            drug.warning_first < drug.warning_last  # before the doses, each of which is a wait for memory
            and world.reals[drug.dose, patient] > 0.0
            and is_taken(world, drug, patient)
            and is_warned(world, drug, patient, STOP)
        ):
            stopped |= set_dose(world, drug, patient, 0.0)
    return stopped


@njit
def replace_given_up(world, patient):
    """Replace drugs that a twin has stopped by the next of the class at the same share of target, or by none."""
    changed = False
    for i in range(len(world.drug_records)):
        drug = world.drug_records[i]
        if not (
            has_given_up(world, drug, patient)
            and world.reals[drug.dose, patient] > 0.0
            and is_taken(world, drug, patient)
        ):
            continue
        changed = True
        other = np.int64(-1)
        for k in range(drug.class_first, drug.class_last):
            if other < 0 and not has_given_up(world, world.drug_records[k], patient):
                other = np.int64(k)
        if other >= 0:
            world.codes[drug.agent_column, patient] = world.drug_records[other].agent
            highest = world.rungs[world.drug_records[other].rung_last - 1]
            set_dose(world, drug, patient, min(np.float64(world.reals[drug.dose, patient]), highest))
        else:
            set_dose(world, drug, patient, 0.0)
    return changed


@njit
def reduce_drugs(world, patient):
    """Reduce drugs by a rung, the least important first, one per reason; stop one only for a reported reaction."""
    column = world.columns[0].reaction
    reported = np.int64(world.codes[column, patient]) & code.REACTIONS_REPORTED if column >= 0 else 0
    settled = np.int64(0)  # reasons for which a drug has been reduced
    changed = False
    for i in range(len(world.drug_records) - 1, -1, -1):
        drug = world.drug_records[i]
        influence_on = reported & drug.implicated & ~settled
        if influence_on == 0 and drug.warning_first == drug.warning_last:
            continue
        dose = np.float64(world.reals[drug.dose, patient])
        if dose <= 0.0 or not is_taken(world, drug, patient):
            continue
        called_for, reasons = influence_on != 0, influence_on
        for k in range(drug.warning_first, drug.warning_last):
            warning = world.warnings[k]
            open_reason = warning.reason == 0 or settled & warning.reason == 0
            if warning.action == REDUCE and open_reason and is_there(world, warning, patient):
                called_for, reasons = True, reasons | warning.reason
        below = rung_below(world, drug, dose)
        if called_for and (below > 0.0 or influence_on != 0):
            changed |= set_dose(world, drug, patient, below)
            settled |= reasons
    return changed


@njit
def highest_dose(world, drug, patient, up_to):
    """The maximum dose of the drug: that of the indication, or what a genotype allows."""
    limit = np.float64(world.codes[drug.limit, patient]) * PER_CENT if drug.limit >= 0 else 0.0
    return drug.at_target * (min(limit, up_to) if limit > 0.0 else up_to)


@njit
def step_up(world, drug, patient, clinician, starting):
    """Start or raise one drug by a step, if the clinician may and should; returns whether it changed."""
    dose = np.float64(world.reals[drug.dose, patient])
    if (dose <= 0.0) != starting or not is_taken(world, drug, patient) or has_given_up(world, drug, patient):
        return False
    for action in (NOT_START, REDUCE, STOP):
        if is_warned(world, drug, patient, action):
            return False
    for i in range(drug.indication_first, drug.indication_last):
        indication = world.indications[i]
        may = (indication.prescribers >> clinician) & 1 != 0 and (starting or indication.raised != 0)
        if not may or not holds(world, patient, indication.condition_first, indication.condition_last):
            continue
        first = indication.starts_at * drug.at_target if indication.starts_at > 0.0 else next_rung(world, drug, 0.0)
        new = min(
            first if starting else next_rung(world, drug, dose), highest_dose(world, drug, patient, indication.up_to)
        )
        if new > dose + SAME * drug.at_target:
            if starting and indication.also_column >= 0:
                world.codes[indication.also_column, patient] = indication.also_code
            return set_dose(world, drug, patient, new)
    return False


@njit
def raise_drugs(world, patient, clinician):
    """Start indicated drugs, then raise current drugs, in the order of the table."""
    left = np.int64(world.practice[0].titration_steps_per_visit)
    before = left
    for starting in (True, False):
        for i in range(len(world.drug_records)):
            if left > 0 and step_up(world, world.drug_records[i], patient, clinician, starting):
                left -= 1
    return left < before


@njit
def review_drugs(world, patient, clinician):
    """The clinician's changes of a twin's drugs at a visit; returns their bits."""
    reduced = replace_given_up(world, patient)
    reduced |= stop_unsafe_drugs(world, patient)
    reduced |= reduce_drugs(world, patient)
    if reduced:
        return code.DID_REDUCE
    return code.DID_TITRATE if raise_drugs(world, patient, clinician) else 0
