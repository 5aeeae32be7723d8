"""A day of all drugs, by chunks of twins and drug by drug, with the passes of pharmacology.py and compartments.py.

Records describe each drug: its constants, the indices of its columns, its effects and the reasons for stopping it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from popsim.kernels.numerics.compiling import njit, prange
from popsim.kernels.physiology.compartments import (
    CarryConstants,
    carry_one,
    carry_saturable,
    carry_two,
    carry_two_oral,
)
from popsim.kernels.physiology.pharmacology import (
    AGE,
    CAPACITY,
    CENTRAL,
    CHUNK,
    CONGESTED,
    CONGESTION,
    DEPOT,
    FILTRATION,
    GFR_RATIO,
    HOURS_PER_DAY,
    OTHER,
    ROWS,
    SITE,
    WEIGHT,
    WIDTH,
    YEARS,
    TakeConstants,
    act,
    act_unless,
    activate,
    delay,
    effect,
    gather,
    gather_capacity,
    gather_taken,
    gather_usual_capacity,
    people_on,
    prepare,
    scatter,
    take,
)
from popsim.kernels.physiology.reactions import resume, stop

LANES = 32  # people in a vector; the last vector is padded, so that there is no remainder
NONE = -1  # the index of a column that the drug does not have
ZEROS = 0  # the index of the codes that are all zero, for missing columns
STOPS_EVERY = 7  # steps: stopping of each drug is evaluated on one day of the week, which differs between drugs


def _record(numbers: tuple[str, ...], places: tuple[str, ...]) -> np.dtype:
    return np.dtype([(name, np.float32) for name in numbers] + [(name, np.int64) for name in places])


# A drug: its constants; the share by which its effect site follows in a step; its code; its agent's code in its class;
# the row of the working array with its `size_scaling`; indices of columns among the reals and the codes (`kept`,
# `also_kept`: amounts that show that a person still has the drug in the body); its effects and reasons.
DRUG = _record(
    (*dict.fromkeys(TakeConstants._fields + CarryConstants._fields), "follows"),
    (
        "code", "own_agent", "size_row", "dose", "agent", "kept", "also_kept", "central", "other", "two_compartments",
        "depot", "site", "varies", "handling", "gene", "inhibitor", "activates", "activator", "activator_inhibitor",
        "effects", "effects_end", "reasons", "reasons_end",
    ),
)  # fmt: skip
EFFECT = _record(("at_target", "saturation", "hill"), ("influence", "unless"))
REASON = _record(("per_day",), ("power", "implicated"))


class Twins(NamedTuple):
    """What the drugs read of each twin, and what they write: reactions are read, stopped drugs written."""

    person_id: np.ndarray
    entry_day: np.ndarray
    age_years: np.ndarray
    alive: np.ndarray
    dry_weight_kg: np.ndarray
    gfr_ml_min: np.ndarray
    filling_pressure_mmhg: np.ndarray
    baseline_filling_pressure_mmhg: np.ndarray
    adherence: np.ndarray
    care_level: np.ndarray
    reaction: np.ndarray
    stopped_drugs: np.ndarray


class Tables(NamedTuple):
    """Records of the drugs, their effects and reasons.

    capacities, pathways, activations: (drugs, codes), effects of handling, genes and inhibitors on each drug; low,
    high: bounds of the codes, within which these tables end.
    """

    drugs: np.ndarray
    effects: np.ndarray
    reasons: np.ndarray
    capacities: np.ndarray
    pathways: np.ndarray
    activations: np.ndarray
    low: np.ndarray
    high: np.ndarray


@njit(parallel=True, single=True)
def advance_day(
    person_id, entry_day, age_years, alive, dry_weight_kg, gfr_ml_min, filling_pressure_mmhg,
    baseline_filling_pressure_mmhg, adherence, care_level, reaction, stopped_drugs, reals, codes, influences, tables,
    stopping_with_reaction_per_day, key, day, step_days, at_steady_state, refused,
):  # fmt: skip
    """Advance all drugs in all twins by one step: writes amounts and stopped drugs, adds to influences.

    reals, codes: columns of one kind, to which records refer by index; stopping_with_reaction_per_day: hazard of
    stopping a drug that is implicated in a reaction; at_steady_state: set amounts to their steady state. The dead, and
    drugs of which nothing is taken or left, are passed over. refused: (1,), set to 1 if a code is out of bounds, whose
    chunk is left as it is.
    """
    for chunk in prange((len(person_id) + CHUNK - 1) // CHUNK):
        start, end = chunk * CHUNK, min((chunk + 1) * CHUNK, len(person_id))
        twins = Twins(
            person_id=person_id[start:end], entry_day=entry_day[start:end], age_years=age_years[start:end],
            alive=alive[start:end], dry_weight_kg=dry_weight_kg[start:end], gfr_ml_min=gfr_ml_min[start:end],
            filling_pressure_mmhg=filling_pressure_mmhg[start:end],
            baseline_filling_pressure_mmhg=baseline_filling_pressure_mmhg[start:end], adherence=adherence[start:end],
            care_level=care_level[start:end], reaction=reaction[start:end], stopped_drugs=stopped_drugs[start:end],
        )  # fmt: skip
        if not within(codes, start, end, tables):
            refused[0] = 1
        elif twins.alive.any():
            advance_chunk(
                start, end, twins, reals, codes, influences, tables, stopping_with_reaction_per_day, key, day,
                step_days, at_steady_state,
            )  # fmt: skip


@njit
def within(codes, start, end, tables):
    """Whether all codes of these rows are within the bounds of their columns."""
    beyond = False
    for index in range(len(codes)):
        column, low, high = codes[index][start:end], tables.low[index], tables.high[index]
        for i in range(len(column)):
            beyond |= (column[i] < low) | (column[i] > high)
    return not beyond


@njit
def advance_chunk(
    start, end, twins, reals, codes, influences, tables, stopping_with_reaction_per_day, key, day, step_days,
    at_steady_state,
):  # fmt: skip
    """The drugs of the twins in rows [start, end), at most CHUNK of them."""
    hours = HOURS_PER_DAY * step_days
    work, influence_on = np.ones(ROWS * WIDTH, np.float32), np.empty(CHUNK, np.float64)
    flags, everybody = np.zeros(CHUNK, np.uint8), np.empty(CHUNK, np.uint32)
    nothing = np.zeros(end - start, np.float32)
    prepare(twins, work, key, day, np.float64(day * step_days))
    lives, stops = twins.alive, twins.stopped_drugs
    for index in range(len(tables.drugs)):
        drug = tables.drugs[index]
        dose, agent = reals[drug.dose][start:end], codes[drug.agent][start:end]
        kept = nothing if drug.kept == NONE else reals[drug.kept][start:end]
        also_kept = nothing if drug.also_kept == NONE else reals[drug.also_kept][start:end]
        own = np.int8(drug.own_agent)
        stops_today = (not at_steady_state) & ((day - drug.code) % STOPS_EVERY == 0) & (drug.reasons < drug.reasons_end)
        if stops_today:
            resume(dose, agent, own, lives, stops, drug.code)
        found = people_on(dose, agent, own, kept, also_kept, stops, drug.code, lives, flags, everybody)
        if found == 0:
            continue
        who, lanes = everybody[:found], (found + LANES - 1) // LANES * LANES

        # The dose taken and clearance.
        gather_taken(dose, stops, drug.code, drug.size_row, who, work)
        if drug.age_slope != 0.0:
            gather(work[AGE : AGE + WIDTH], who, work, YEARS)
        if drug.renal_share != 0.0:
            gather(work[GFR_RATIO : GFR_RATIO + WIDTH], who, work, FILTRATION)
        if drug.gut_congestion != 0.0:
            gather(work[CONGESTION : CONGESTION + WIDTH], who, work, CONGESTED)
        if drug.varies:
            handling, capacities, pathways = (
                codes[drug.handling][start:end],
                tables.capacities[index],
                tables.pathways[index],
            )
            if (drug.gene == ZEROS) & (drug.inhibitor == ZEROS):
                gather_usual_capacity(handling, capacities, pathways[0], who, work)
            else:
                gene, inhibitor = codes[drug.gene][start:end], codes[drug.inhibitor][start:end]
                gather_capacity(handling, gene, inhibitor, capacities, pathways, who, work)
        else:
            work[CAPACITY : CAPACITY + found] = np.float32(1.0)
        take(
            work, lanes,
            TakeConstants(
                daily_mg=drug.daily_mg, bioavailability=drug.bioavailability, clearance=drug.clearance,
                usual_mg_l=drug.usual_mg_l, age_slope=drug.age_slope, renal_share=drug.renal_share,
                extraction=drug.extraction, gut_congestion=drug.gut_congestion,
            ),
        )  # fmt: skip

        # Amounts in the body.
        if drug.central != NONE:
            central = reals[drug.central][start:end]
            gather(twins.dry_weight_kg, who, work, WEIGHT)
            gather(central, who, work, CENTRAL)
            if drug.other != NONE:
                gather(reals[drug.other][start:end], who, work, OTHER)
            else:
                work[OTHER : OTHER + found] = np.float32(0.0)
            if drug.depot != NONE:
                gather(reals[drug.depot][start:end], who, work, DEPOT)
            else:
                work[DEPOT : DEPOT + found] = np.float32(0.0)
            constants = CarryConstants(
                usual_mg_l=drug.usual_mg_l, second_half=drug.second_half, absorption=drug.absorption,
                absorbed=drug.absorbed, keeps_depot=drug.keeps_depot, volume=drug.volume, exchange=drug.exchange,
                peripheral_volume=drug.peripheral_volume, oral=drug.oral, half_saturation=drug.half_saturation,
            )  # fmt: skip
            if drug.half_saturation > 0.0:
                carry_saturable(work, found, hours, at_steady_state, constants)
            elif drug.two_compartments & (drug.oral != 0.0):
                carry_two_oral(work, found, hours, at_steady_state, constants)
            elif drug.two_compartments:
                carry_two(work, lanes, hours, at_steady_state, constants)
            else:
                carry_one(work, lanes, hours, at_steady_state, constants)
            scatter(work, CENTRAL, who, central)
            if drug.other != NONE:
                scatter(work, OTHER, who, reals[drug.other][start:end])
            if drug.depot != NONE:
                scatter(work, DEPOT, who, reals[drug.depot][start:end])
        if drug.activates:
            gene, inhibitor = codes[drug.activator][start:end], codes[drug.activator_inhibitor][start:end]
            activate(gene, inhibitor, tables.activations[index], who, work)
        if drug.site != NONE:
            site = reals[drug.site][start:end]
            gather(site, who, work, SITE)
            delay(work, lanes, drug.follows)
            scatter(work, SITE, who, site)

        # Effects and stopping.
        for one in range(drug.effects, drug.effects_end):
            what = tables.effects[one]
            effect(work, lanes, influence_on, what.at_target, what.saturation, what.hill)
            influence = influences[what.influence][start:end]
            if what.unless == ZEROS:
                act(influence_on, who, influence)
            else:
                act_unless(influence_on, codes[what.unless][start:end], who, influence)
        if stops_today:
            for one in range(drug.reasons, drug.reasons_end):
                why, days = tables.reasons[one], np.float64(STOPS_EVERY * step_days)
                hazard = (why.per_day, why.power, why.implicated, stopping_with_reaction_per_day)
                stop(*(work, who, twins.reaction, stops, drug.code, *hazard, days))
