"""Drugs at work: what was prescribed and taken today, its concentration, and the influences that follow from it.

A day of one drug in every twin is a few passes over all, of which a drug has only those that it needs: how well the
person breaks it down (`vary`, `metabolise`), the dose taken and clearance (`take`), amounts in the body (`carry_one`,
`carry_two`, kinetics.py), a delay (`delay`), effects (`add_effect`). Everything is counted relative to the usual person
on the target dose (normal metaboliser, 75 kg, 75 years, GFR 60), whose exposure is 1. Passes run on one thread: a day
has a hundred, and to start threads for each takes longer than the pass itself.

    clearance = clearance_ref size (1 - s (age - 75)) ((1 - r) m F_rel + r GFR / 60)
    m = e^(sd z) (1 - g + g activity(phenotype, inhibitor)),  F_rel = 1 / (1 - E + E m)

size is (weight / 75)^w, r the renal share, g the gene's share of metabolism and E the hepatic extraction of the usual
person in the well-stirred model: what the liver lets through at first pass grows as its enzymes weaken, so that the
exposure to a swallowed dose goes with 1 / m while the half-life changes less. z is normal, constant in a person.

Limits: the mean over a day acts, not peaks; a depot that is not kept has moved on by midnight; columns are float32, so
amounts carry a relative error of 6e-8 a day; agents of one class share the columns of their amounts, so that a switch
takes some half-lives to become exact, and share z; no protein binding, no saturation, no interaction between drugs but
phenoconversion and what the body makes of their effects.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from popsim.kernels.codes import LEVEL_EMERGENCY, STREAM_KINETICS
from popsim.kernels.kinetics import exponential_quotient, two_compartments, two_steady
from popsim.kernels.math import exp, inverse_normal, log
from popsim.kernels.random import uniform
from popsim.kernels.scalars import REFERENCE_GFR_ML_MIN, YEARS_PER_DAY, clip

REFERENCE_WEIGHT_KG = 75.0
REFERENCE_AGE_YEARS = 75.0
HOURS_PER_DAY = 24.0
CONGESTED_MMHG = 10.0  # a rise of filling pressure at which `gut_congestion` is quoted
ALLOMETRIC = 0.75  # exponent of weight
DRAWS_FROM = 64  # of STREAM_KINETICS: below, the index is a drug's code; from here on, a day
HANDLING_PER_SD = 40.0  # codes of a `handling` column to one standard deviation

# Rows of the scratch array: the first are of the day, for all drugs; from CAPACITY on they are of one drug.
TAKEN, AGE, GFR_RATIO, CONGESTION, LEFT, NO_SIZE, SIZE_ALLOMETRIC, SIZE_WEIGHT = range(8)
CAPACITY, GIVEN, CLEARANCE, EXPOSURE = range(8, 12)
SCRATCH_ROWS = 12


class TakeConstants(NamedTuple):
    """What `take` needs of a drug; amounts in mg, clearance in L/h."""

    agent: float
    daily_mg: float  # at a value of 1 in the dose column
    bioavailability: float
    clearance: float
    usual_mg_l: float  # mean concentration of the usual person on the target dose
    age_slope: float
    renal_share: float
    gut_congestion: float


class CarryConstants(NamedTuple):
    """What `carry_one` and `carry_two` need; times in h, volumes in L/kg."""

    agent: float
    usual_mg_l: float
    second_half: float  # part of the day's dose that is taken twelve hours later
    absorption: float
    keeps_depot: float
    volume: float
    exchange: float  # L/h/kg
    peripheral_volume: float


class Activities(NamedTuple):
    """A gene's share, and the activity of its phenotypes and of what inhibitors leave."""

    share: float
    poor: float
    intermediate: float
    rapid: float
    ultrarapid: float
    inhibited_moderate: float
    inhibited_strong: float


@njit(cache=True, error_model="numpy", forceinline=True)
def pathway(phenotype, inhibitor, g):
    """A pathway relative to a normal metaboliser (codes 0 and 3; 1 poor, 2 intermediate, 4 rapid, 5 ultrarapid)."""
    activity = g.poor if phenotype == 1.0 else 1.0
    activity = g.intermediate if phenotype == 2.0 else activity
    activity = g.rapid if phenotype == 4.0 else activity
    activity = g.ultrarapid if phenotype == 5.0 else activity
    activity *= g.inhibited_moderate if inhibitor == 1.0 else 1.0
    activity *= g.inhibited_strong if inhibitor == 2.0 else 1.0
    return 1.0 - g.share + g.share * activity


@njit(cache=True, error_model="numpy", forceinline=True)
def first_pass(enzymes, extraction):
    """Bioavailability relative to the usual person, by the capacity of the liver (well-stirred model)."""
    return 1.0 / (1.0 - extraction + extraction * enzymes)


@njit(cache=True, error_model="numpy")
def prepare(
    person_id, entry_day, age_years, dry_weight, gfr, filling_pressure, baseline_filling_pressure, adherence,
    care_level, scratch, seed, replication, day, today,
):  # fmt: skip
    """Fill the rows of the day; LEFT is an exponential variate: how much hazard of stopping a drug today can bear."""
    for i in range(len(person_id)):
        attended = np.float64(care_level[i]) >= LEVEL_EMERGENCY
        years = clip((today - np.float64(entry_day[i])) * YEARS_PER_DAY, 0.0, 100.0)
        rise = np.float64(filling_pressure[i]) - np.float64(baseline_filling_pressure[i])
        size = np.float64(dry_weight[i]) * (1.0 / REFERENCE_WEIGHT_KG)
        root = np.sqrt(size)
        scratch[TAKEN, i] = 1.0 if attended else np.float64(adherence[i])
        scratch[AGE, i] = np.float64(age_years[i]) + years - REFERENCE_AGE_YEARS
        scratch[GFR_RATIO, i] = np.float64(gfr[i]) * (1.0 / REFERENCE_GFR_ML_MIN)
        scratch[CONGESTION, i] = clip(rise * (1.0 / CONGESTED_MMHG), 0.0, 1.0)
        scratch[LEFT, i] = -log(uniform(seed, replication, person_id[i], STREAM_KINETICS, DRAWS_FROM + day))
        scratch[NO_SIZE, i] = 1.0
        scratch[SIZE_ALLOMETRIC, i] = root * np.sqrt(root)
        scratch[SIZE_WEIGHT, i] = size


@njit(cache=True, error_model="numpy")
def draw_handling(person_id, handling, seed, replication, code):
    """How a person handles a class of drugs: a standard normal variate in steps of 1 / HANDLING_PER_SD, within 3.2."""
    for i in range(len(person_id)):
        z = inverse_normal(uniform(seed, replication, person_id[i], STREAM_KINETICS, code))
        handling[i] = np.floor(clip(z * HANDLING_PER_SD, -127.0, 127.0) + 0.5)


@njit(cache=True, error_model="numpy")
def vary(handling, capacity, variability):
    """Metabolic capacity by what differs between people for no known reason; replaces it."""
    for i in range(len(handling)):
        capacity[i] = exp(variability * (1.0 / HANDLING_PER_SD) * np.float64(handling[i]))


@njit(cache=True, error_model="numpy")
def metabolise(phenotype, inhibitor, factor, g):
    """Multiply a factor (metabolic capacity, exposure) by the pathway's activity."""
    for i in range(len(phenotype)):
        factor[i] = np.float64(factor[i]) * pathway(np.float64(phenotype[i]), np.float64(inhibitor[i]), g)


@njit(cache=True, error_model="numpy")
def take(dose, agent, stopped, capacity, size, scratch, bit, extraction, leaves, d):
    """Dose that reaches the body (mg/day), clearance, and the exposure where it all leaves within the day.

    `bit` is the drug's in `stopped`; who takes another drug of the class gets nothing of this one. extraction: None
    where the liver lets nearly all pass; leaves: None where amounts are carried on.
    """
    for i in range(len(dose)):
        takes = (np.float64(agent[i]) == d.agent) & (((stopped[i] >> bit) & 1) == 0)
        swallowed = d.daily_mg * np.float64(dose[i]) * (np.float64(scratch[TAKEN, i]) if takes else 0.0)
        enzymes = np.float64(capacity[i])
        passes = 1.0 if extraction is None else first_pass(enzymes, extraction)
        old = 1.0 - d.age_slope * np.float64(scratch[AGE, i])
        organs = (1.0 - d.renal_share) * enzymes * passes + d.renal_share * np.float64(scratch[GFR_RATIO, i])
        clearance = d.clearance * np.float64(size[i]) * clip(old, 0.2, 2.0) * organs
        absorbed = d.bioavailability * passes * (1.0 - d.gut_congestion * np.float64(scratch[CONGESTION, i]))
        given = absorbed * swallowed
        scratch[GIVEN, i] = given
        scratch[CLEARANCE, i] = clearance
        if leaves is not None:
            scratch[EXPOSURE, i] = given / (HOURS_PER_DAY * d.usual_mg_l * clearance)


@njit(cache=True, error_model="numpy", forceinline=True)
def day_of_doses(depot, central, given, decay, absorbed, quotient, d):
    """Depot and central amount after a day with the dose in one part or, half a day apart, in two.

    decay, absorbed, quotient: exp(-k t), exp(-ka t) and ka (decay - absorbed) / (ka - k) of half a day t.
    """
    depot = depot + given * (1.0 - d.second_half)
    central, depot = central * decay + depot * quotient, depot * absorbed
    depot = depot + given * d.second_half
    central, depot = central * decay + depot * quotient, depot * absorbed
    moved = (1.0 - d.keeps_depot) * depot
    return depot - moved, central + moved


@njit(cache=True, error_model="numpy")
def carry_one(alive, agent, weight, depot, central, scratch, absorbed, hours, settling, d):
    """A day (`hours`) of amounts in one compartment fed by a depot: writes both and the exposure.

    depot: None where it is not kept. absorbed: exp(-ka hours / 2). settling: None, but at the
    start, when amounts become those of the steady state under the dose taken; as all is linear, it follows from a day
    that begins with nothing.
    """
    half = 0.5 * hours
    for i in range(len(alive)):
        mine = np.float64(agent[i]) == d.agent
        given = np.float64(scratch[GIVEN, i]) * (hours * (1.0 / HOURS_PER_DAY))
        clearance = np.float64(scratch[CLEARANCE, i])
        slowness = 1.0 / (clearance * d.volume * np.float64(weight[i]))
        elimination = clearance * clearance * slowness
        decay = exp(-elimination * half)
        quotient = d.absorption * exponential_quotient(elimination, d.absorption, half, decay, absorbed)
        central_kept = np.float64(central[i])
        depot_kept = 0.0 if depot is None else np.float64(depot[i])
        depot_before, central_before = depot_kept, central_kept
        if settling is not None:
            depot_before, _ = day_of_doses(0.0, 0.0, given, decay, absorbed, quotient, d)
            depot_before /= 1.0 - absorbed * absorbed
            _, central_before = day_of_doses(depot_before, 0.0, given, decay, absorbed, quotient, d)
            central_before /= 1.0 - decay * decay
        depot_after, central_after = day_of_doses(depot_before, central_before, given, decay, absorbed, quotient, d)
        left = depot_before + central_before + given - depot_after - central_after
        changes = mine & (np.float64(alive[i]) > 0.5)
        if depot is not None:
            depot[i] = depot_after if changes else depot_kept
        central[i] = central_after if changes else central_kept
        per_clearance = slowness * d.volume * np.float64(weight[i])
        scratch[EXPOSURE, i] = left * per_clearance * (1.0 / (hours * d.usual_mg_l)) if mine else 0.0


@njit(cache=True, error_model="numpy")
def carry_two(alive, agent, weight, peripheral, central, scratch, hours, settling, d):
    """As `carry_one` for two compartments, whose dose reaches the central one at the start of the day."""
    for i in range(len(alive)):
        mine = np.float64(agent[i]) == d.agent
        given = np.float64(scratch[GIVEN, i]) * (hours * (1.0 / HOURS_PER_DAY))
        clearance = np.float64(scratch[CLEARANCE, i])
        k10, k12 = clearance / (d.volume * np.float64(weight[i])), d.exchange / d.volume
        k21 = d.exchange / d.peripheral_volume
        central_kept, peripheral_kept = np.float64(central[i]), np.float64(peripheral[i])
        central_before, peripheral_before = central_kept, peripheral_kept
        if settling is not None:
            _, central_before, peripheral_before = two_steady(given, 0.0, 1.0, k10, k12, k21, hours)
        _, central_after, peripheral_after = two_compartments(
            0.0, central_before + given, peripheral_before, 0.0, 1.0, k10, k12, k21, hours
        )
        left = central_before + peripheral_before + given - central_after - peripheral_after
        changes = mine & (np.float64(alive[i]) > 0.5)
        central[i] = central_after if changes else central_kept
        peripheral[i] = peripheral_after if changes else peripheral_kept
        scratch[EXPOSURE, i] = left / (clearance * hours * d.usual_mg_l) if mine else 0.0


@njit(cache=True, error_model="numpy")
def delay(alive, agent, own_agent, site, exposure, share):
    """Let the place of effect follow the exposure by `share` of the way; the exposure becomes what is felt there."""
    for i in range(len(alive)):
        mine = np.float64(agent[i]) == own_agent
        before = np.float64(site[i])
        felt = before + share * (np.float64(exposure[i]) - before)
        site[i] = felt if mine & (np.float64(alive[i]) > 0.5) else before
        exposure[i] = felt if mine else 0.0


@njit(cache=True, error_model="numpy")
def add_effect(exposure, unless, influences, influence, at_target, saturation, hill):
    """Add at_target (1 + s) x**h / (1 + s x**h) to an influence; none where `unless` is 1.

    unless, hill: None where nothing takes the effect away, and for h = 1.
    """
    for i in range(len(exposure)):
        x = np.float64(exposure[i])
        if hill is not None:
            x = exp(hill * log(x if x > 1e-30 else 1e-30))
        effect = at_target * (1.0 + saturation) * x / (1.0 + saturation * x)
        if unless is not None:
            effect *= 1.0 - np.float64(unless[i])
        influences[influence, i] += effect
