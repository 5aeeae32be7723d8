"""Pharmacology: the dose taken today, its concentration, and the resulting influences.

Twins are processed in chunks that fit into the nearest cache. A drug is computed only for the living who take it or
have some left (`people_on`): their values are gathered into rows of a small array, vector passes compute the dose taken
and clearance (`take`), amounts in the body (compartments.py), a delay (`delay`) and effects
(`effect`), and the results are scattered back to the columns. Exposure is relative to the typical person on the target
dose (normal metaboliser, 75 kg, 75 years, GFR 60), whose exposure is 1.

    clearance = clearance_ref size (1 - s (age - 75)) ((1 - r) m F_rel + r GFR / 60)
    m = e^(sd z) (1 - g + g activity(phenotype, inhibitor)),  F_rel = 1 / (1 - E + E m)

size is (weight / 75)^w, r the renal share, g the gene's share of metabolism and E the hepatic extraction of the typical
person in the well-stirred model: bioavailability rises as enzymes weaken, so that the exposure to an oral dose varies
as 1 / m while the half-life changes less. z is normal, constant in a person, and stored as a code, as are phenotype and
inhibitor; tables hold their effects on a drug (`capacities`, `pathways`).

Limits: the daily mean acts, not peaks; a depot that is not stored is empty by midnight; columns are float32, so
amounts carry a relative error of 6e-8 a day; agents of one class share the columns of their amounts, so that a switch
takes some half-lives to become exact, and share z; no protein binding, no interaction between drugs except
phenoconversion and their joint effects on the body. Elimination saturates as a whole (the kidneys' part with it), not
at the first pass; it is followed in steps of an hour, each linear at its middle.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from popsim.kernels.codes import LEVEL_EMERGENCY, STREAM_KINETICS
from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.math import exp, inverse_normal, log
from popsim.kernels.numerics.random import uniform
from popsim.kernels.numerics.scalars import REFERENCE_GFR_ML_MIN, YEARS_PER_DAY, clip

REFERENCE_WEIGHT_KG = 75.0
REFERENCE_AGE_YEARS = 75.0
HOURS_PER_DAY = 24.0
CONGESTED_MMHG = 10.0  # a rise of filling pressure at which `gut_congestion` is quoted
DRAWS_FROM = 64  # of STREAM_KINETICS: below, the index is a drug's code; from here on, a day
HANDLING_PER_SD = 40.0  # codes of a `handling` column to one standard deviation
MAX_HANDLING = 127
PHENOTYPES, INHIBITORS = 6, 128  # numbers of codes: of a phenotype; of the column of an inhibitor

CHUNK = 1024  # twins at a time: the rows below take 90 KB
WIDTH = CHUNK + 16  # of a row; an odd number of cache lines, so that rows do not fall on the same few sets
# Rows of the working array, each named by where it begins: those of the day, of every twin of the chunk ...
TAKEN, AGE, GFR_RATIO, CONGESTION, LEFT, NO_SIZE, SIZE_ALLOMETRIC, SIZE_WEIGHT = (row * WIDTH for row in range(8))
# ... and those of one drug, of the people on it, side by side.
DOSE, SHARE, YEARS, FILTRATION, CONGESTED, SIZE, CAPACITY, WEIGHT, CENTRAL, OTHER, SITE = (
    row * WIDTH for row in range(8, 19)
)
GIVEN, CLEARANCE, EXPOSURE, DEPOT = (row * WIDTH for row in range(19, 23))
ROWS = 23


class TakeConstants(NamedTuple):
    """What `take` needs of a drug; amounts in mg, clearance in L/h."""

    daily_mg: float  # at a value of 1 in the dose column
    bioavailability: float
    clearance: float
    usual_mg_l: float  # mean concentration of the usual person on the target dose
    age_slope: float
    renal_share: float
    extraction: float  # by the liver; 0 where it lets nearly all pass
    gut_congestion: float


class Activities(NamedTuple):
    """A gene's share, and the activity of its phenotypes and of what inhibitors leave."""

    share: float
    poor: float
    intermediate: float
    rapid: float
    ultrarapid: float
    inhibited_moderate: float
    inhibited_strong: float


@njit(forceinline=True)
def pathway(phenotype, inhibitor, g):
    """A pathway relative to a normal metaboliser (codes 0 and 3; 1 poor, 2 intermediate, 4 rapid, 5 ultrarapid)."""
    activity = g.poor if phenotype == 1.0 else 1.0
    activity = g.intermediate if phenotype == 2.0 else activity
    activity = g.rapid if phenotype == 4.0 else activity
    activity = g.ultrarapid if phenotype == 5.0 else activity
    activity *= g.inhibited_moderate if inhibitor == 1.0 else 1.0
    activity *= g.inhibited_strong if inhibitor == 2.0 else 1.0
    return 1.0 - g.share + g.share * activity


@njit
def pathways(g):
    """`pathway` for every phenotype and inhibitor, at phenotype * INHIBITORS + inhibitor."""
    table = np.empty(PHENOTYPES * INHIBITORS)
    for phenotype in range(PHENOTYPES):
        for inhibitor in range(INHIBITORS):
            table[phenotype * INHIBITORS + inhibitor] = pathway(np.float64(phenotype), np.float64(inhibitor), g)
    return table


@njit
def capacities(variability):
    """Metabolic capacity by unexplained differences between people; at HANDLING_MOST + code of handling."""
    table = np.empty(2 * MAX_HANDLING + 1, np.float32)
    for index in range(len(table)):
        table[index] = exp(variability * (1.0 / HANDLING_PER_SD) * np.float64(index - MAX_HANDLING))
    return table


@njit
def draw_handling(person_id, handling, key, code):
    """A person's handling of a drug class: a standard normal variate in steps of 1 / HANDLING_PER_SD, within 3.2."""
    for i in range(len(person_id)):
        z = inverse_normal(uniform(key, person_id[i], STREAM_KINETICS, code))
        handling[i] = np.floor(clip(z * HANDLING_PER_SD, -127.0, 127.0) + 0.5)


@njit
def prepare(twins, work, key, day, time_days):
    """Fill the rows of the day; LEFT is an exponential variate: the cumulative hazard at which a drug is stopped."""
    for i in range(len(twins.person_id)):
        attended = np.float64(twins.care_level[i]) >= LEVEL_EMERGENCY
        years = clip((time_days - np.float64(twins.entry_day[i])) * YEARS_PER_DAY, 0.0, 100.0)
        rise = np.float64(twins.filling_pressure_mmhg[i]) - np.float64(twins.baseline_filling_pressure_mmhg[i])
        size = np.float64(twins.dry_weight_kg[i]) * (1.0 / REFERENCE_WEIGHT_KG)
        root = np.sqrt(size)
        work[TAKEN + i] = 1.0 if attended else np.float64(twins.adherence[i])
        work[AGE + i] = np.float64(twins.age_years[i]) + years - REFERENCE_AGE_YEARS
        work[GFR_RATIO + i] = np.float64(twins.gfr_ml_min[i]) * (1.0 / REFERENCE_GFR_ML_MIN)
        work[CONGESTION + i] = clip(rise * (1.0 / CONGESTED_MMHG), 0.0, 1.0)
        work[LEFT + i] = -log(uniform(key, twins.person_id[i], STREAM_KINETICS, DRAWS_FROM + day))
        work[NO_SIZE + i] = 1.0
        work[SIZE_ALLOMETRIC + i] = root * np.sqrt(root)  # the exponent 3/4
        work[SIZE_WEIGHT + i] = size


@njit
def people_on(dose, agent, own_agent, kept, also_kept, stopped, bit, alive, flags, who):
    """Write rows of the living who take the drug or have some left to `who`, ascending; returns their number."""
    nothing, mask = np.float32(0.0), np.int32(1 << bit)
    for i in range(len(dose)):
        takes = (dose[i] > nothing) & (np.int32(stopped[i] & mask) == np.int32(0))
        has_left = (kept[i] > nothing) | (also_kept[i] > nothing)
        flags[i] = (agent[i] == own_agent) & (alive[i] != np.int8(0)) & (takes | has_left)
    words, found = flags.view(np.uint64), np.uint64(0)  # unsigned: an index that may be negative is slow
    for word in range((len(dose) + 7) // 8):
        if words[word] != np.uint64(0):
            first = np.uint64(8 * word)
            for i in range(first, first + np.uint64(8)):
                who[found] = i
                found += np.uint64(flags[i])
    return np.int64(found)


@njit(forceinline=True)
def gather(column, who, work, row):
    """A column of the people `who`, side by side."""
    for k in range(len(who)):
        work[row + k] = column[who[k]]


@njit(forceinline=True)
def scatter(work, row, who, column):
    """Back into the column."""
    for k in range(len(who)):
        column[who[k]] = work[row + k]


@njit(forceinline=True)
def gather_taken(dose, stopped, bit, size, who, work):
    """Gather the dose, the share taken today (0 if the drug was stopped) and size, from the row `size`."""
    sizes, mask = work[size : size + WIDTH], np.int32(1 << bit)
    for k in range(len(who)):
        i = who[k]
        work[DOSE + k] = dose[i]
        work[SHARE + k] = work[TAKEN + i] if np.int32(stopped[i] & mask) == np.int32(0) else np.float32(0.0)
        work[SIZE + k] = sizes[i]


@njit(forceinline=True)
def gather_capacity(handling, phenotype, inhibitor, by_handling, by_pathway, who, work):
    """Metabolic capacity, from the tables of the drug."""
    for k in range(len(who)):
        i = who[k]
        activity = np.float64(by_pathway[np.int64(phenotype[i]) * INHIBITORS + inhibitor[i]])
        work[CAPACITY + k] = np.float64(by_handling[np.int64(handling[i]) + MAX_HANDLING]) * activity


@njit(forceinline=True)
def gather_usual_capacity(handling, by_handling, activity, who, work):
    """Metabolic capacity where all have the same phenotype and inhibitor."""
    for k in range(len(who)):
        work[CAPACITY + k] = np.float64(by_handling[np.int64(handling[who[k]]) + MAX_HANDLING]) * activity


@njit(forceinline=True)
def activate(phenotype, inhibitor, by_pathway, who, work):
    """Multiply the exposure by the activity of the enzyme that forms the active metabolite."""
    for k in range(len(who)):
        i = who[k]
        activity = np.float64(by_pathway[np.int64(phenotype[i]) * INHIBITORS + inhibitor[i]])
        work[EXPOSURE + k] = np.float64(work[EXPOSURE + k]) * activity


@njit(forceinline=True)
def first_pass(enzymes, extraction):
    """Bioavailability relative to the usual person, by the capacity of the liver (well-stirred model)."""
    return 1.0 / (1.0 - extraction + extraction * enzymes)


@njit
def take(work, people, d):
    """Absorbed dose (mg/day), clearance, and the exposure if all of it is eliminated within the day."""
    for k in range(people):
        swallowed = d.daily_mg * np.float64(work[DOSE + k]) * np.float64(work[SHARE + k])
        enzymes = np.float64(work[CAPACITY + k])
        passes = first_pass(enzymes, d.extraction)
        old = 1.0 - d.age_slope * np.float64(work[YEARS + k])
        organs = (1.0 - d.renal_share) * enzymes * passes + d.renal_share * np.float64(work[FILTRATION + k])
        clearance = d.clearance * np.float64(work[SIZE + k]) * clip(old, 0.2, 2.0) * organs
        absorbed = d.bioavailability * passes * (1.0 - d.gut_congestion * np.float64(work[CONGESTED + k]))
        given = absorbed * swallowed
        work[GIVEN + k] = given
        work[CLEARANCE + k] = clearance
        work[EXPOSURE + k] = given / (HOURS_PER_DAY * d.usual_mg_l * clearance)


@njit
def delay(work, people, share):
    """Move the effect site by `share` of the distance to the exposure; the exposure becomes that at the effect site."""
    for k in range(people):
        before = np.float64(work[SITE + k])
        influence_on = before + share * (np.float64(work[EXPOSURE + k]) - before)
        work[SITE + k] = influence_on
        work[EXPOSURE + k] = influence_on


@njit
def effect(work, people, influence_on, at_target, saturation, hill):
    """Write at_target (1 + s) x**h / (1 + s x**h) to `felt`."""
    if hill == 1.0:
        for k in range(people):
            x = np.float64(work[EXPOSURE + k])
            influence_on[k] = at_target * (1.0 + saturation) * x / (1.0 + saturation * x)
    else:
        for k in range(people):
            x = np.float64(work[EXPOSURE + k])
            x = exp(hill * log(x if x > 1e-30 else 1e-30))
            influence_on[k] = at_target * (1.0 + saturation) * x / (1.0 + saturation * x)


@njit(forceinline=True)
def act(influence_on, who, influence):
    """Add the effect to an influence."""
    for k in range(len(who)):
        influence[who[k]] += influence_on[k]


@njit(forceinline=True)
def act_unless(influence_on, unless, who, influence):
    """Add the effect to an influence; none where `unless` is 1."""
    for k in range(len(who)):
        i = who[k]
        influence[i] += influence_on[k] * (1.0 - np.float64(unless[i]))
