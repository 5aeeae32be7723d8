"""A day of all drugs, by chunks of twins and drug by drug, with the passes of pharmacology.py.

Records describe each drug: its constants, the indices of its columns, its effects and the reasons for stopping it.
"""

from __future__ import annotations

import numpy as np

from popsim.kernels.numerics.compiling import njit, prange
from popsim.kernels.physiology.pharmacology import (
    AGE,
    CAPACITY,
    CENTRAL,
    CHUNK,
    CONGESTED,
    CONGESTION,
    FILTRATION,
    GFR_RATIO,
    HOURS_PER_DAY,
    OTHER,
    ROWS,
    SITE,
    WEIGHT,
    WIDTH,
    YEARS,
    CarryConstants,
    TakeConstants,
    act,
    activate,
    carry_one,
    carry_two,
    delay,
    effect,
    gather,
    gather_capacity,
    gather_taken,
    people_on,
    prepare,
    scatter,
    take,
)
from popsim.kernels.physiology.reactions import resume, stop

LANES = 32  # people per vector pass; the last vector is padded, so that there is no remainder
NONE = -1  # the index of a column that the drug does not have
STOPS_EVERY = 7  # steps: stopping of each drug is evaluated on one day of the week, which differs between drugs


def _record(numbers: tuple[str, ...], places: tuple[str, ...]) -> np.dtype:
    return np.dtype([(name, np.float64) for name in numbers] + [(name, np.int64) for name in places])


# A drug: its constants; the share by which its effect site follows in a step; its code; its agent's code in its class;
# the row of the working array with its `size_scaling`; indices of columns among the reals and the codes (`kept`,
# `also_kept`: amounts, or the dose, that show that a person still has the drug in the body); its effects and reasons.
DRUG = _record(
    (*dict.fromkeys(TakeConstants._fields + CarryConstants._fields), "follows"),
    (
        "code", "own_agent", "size_row", "dose", "agent", "kept", "also_kept", "central", "other", "two_compartments",
        "site", "varies", "handling", "gene", "inhibitor", "activates", "activator", "activator_inhibitor",
        "effects", "effects_end", "reasons", "reasons_end",
    ),
)  # fmt: skip
EFFECT = _record(("at_target", "saturation", "hill"), ("influence", "unless"))
REASON = _record(("per_day",), ("power", "implicated"))


@njit(cache=True, parallel=True, error_model="numpy")
def live_day(
    person_id, entry_day, age_years, alive, dry_weight_kg, gfr_ml_min, filling_pressure_mmhg,
    baseline_filling_pressure_mmhg, adherence, care_level, reals, codes, reaction, stopped_drugs, influences, drugs,
    effects, reasons, capacities, pathways, activations, stopping_with_reaction_per_day, key, day,
    step_days, at_steady_state,
):  # fmt: skip
    """Advance all drugs in all twins by one step: writes amounts and stopped drugs, adds to influences.

    reals, codes: columns of one kind, to which records refer by index; capacities, pathways, activations: (drugs,
    codes) tables of the effects of handling, genes and inhibitors on each drug; stopping_with_reaction_per_day: hazard
    of stopping a drug that is implicated in a reaction; settles: set amounts to their steady state.
    """
    for chunk in prange((len(person_id) + CHUNK - 1) // CHUNK):
        live_chunk(
            chunk * CHUNK, min((chunk + 1) * CHUNK, len(person_id)),
            person_id, entry_day, age_years, alive, dry_weight_kg, gfr_ml_min, filling_pressure_mmhg,
            baseline_filling_pressure_mmhg, adherence, care_level, reals, codes, reaction, stopped_drugs, influences,
            drugs, effects, reasons, capacities, pathways, activations, stopping_with_reaction_per_day, key, day,
            step_days, at_steady_state,
        )  # fmt: skip


@njit(cache=True, error_model="numpy")
def live_chunk(
    start, end, person_id, entry_day, age_years, alive, dry_weight_kg, gfr_ml_min, filling_pressure_mmhg,
    baseline_filling_pressure_mmhg, adherence, care_level, reals, codes, reaction, stopped_drugs, influences,
    drugs, effects, reasons, capacities, pathways, activations, stopping_with_reaction_per_day, key, day, step_days,
    at_steady_state,
):  # fmt: skip
    """The drugs of the twins in rows [start, end), at most CHUNK of them."""
    hours = HOURS_PER_DAY * step_days
    work, influence_on = np.ones(ROWS * WIDTH, np.float32), np.empty(CHUNK)
    flags, everybody = np.zeros(CHUNK, np.uint8), np.empty(CHUNK, np.uint32)
    prepare(
        person_id[start:end], entry_day[start:end], age_years[start:end], dry_weight_kg[start:end],
        gfr_ml_min[start:end], filling_pressure_mmhg[start:end], baseline_filling_pressure_mmhg[start:end],
        adherence[start:end], care_level[start:end], work, key, day, day * step_days,
    )  # fmt: skip
    flags[end - start :] = 0
    lives, weight = alive[start:end], dry_weight_kg[start:end]
    stops, reacts = stopped_drugs[start:end], reaction[start:end]
    for index in range(len(drugs)):
        drug = drugs[index]
        dose, agent = reals[drug.dose][start:end], codes[drug.agent][start:end]
        kept, also_kept = reals[drug.kept][start:end], reals[drug.also_kept][start:end]
        found = people_on(dose, agent, np.int8(drug.own_agent), kept, also_kept, flags, everybody)
        stops_today = (not at_steady_state) & ((day - drug.code) % STOPS_EVERY == 0) & (drug.reasons < drug.reasons_end)
        if stops_today:
            resume(dose, agent, np.int8(drug.own_agent), stops, drug.code)
        if found == 0:
            continue
        who, lanes = everybody[:found], (found + LANES - 1) // LANES * LANES

        # The dose taken and clearance.
        gather_taken(dose, stops, drug.code, lives, drug.size_row, who, work)
        if drug.age_slope != 0.0:
            gather(work[AGE : AGE + WIDTH], who, work, YEARS)
        if drug.renal_share != 0.0:
            gather(work[GFR_RATIO : GFR_RATIO + WIDTH], who, work, FILTRATION)
        if drug.gut_congestion != 0.0:
            gather(work[CONGESTION : CONGESTION + WIDTH], who, work, CONGESTED)
        if drug.varies:
            handling, gene = codes[drug.handling][start:end], codes[drug.gene][start:end]
            inhibitor = codes[drug.inhibitor][start:end]
            gather_capacity(handling, gene, inhibitor, capacities[index], pathways[index], who, work)
        else:
            work[CAPACITY : CAPACITY + found] = np.float32(1.0)
        take(
            work, lanes,
            TakeConstants(
                drug.daily_mg, drug.bioavailability, drug.clearance, drug.usual_mg_l, drug.age_slope,
                drug.renal_share, drug.extraction, drug.gut_congestion,
            ),
        )  # fmt: skip

        # Amounts in the body.
        if drug.central != NONE:
            central = reals[drug.central][start:end]
            gather(weight, who, work, WEIGHT)
            gather(central, who, work, CENTRAL)
            if drug.other != NONE:
                gather(reals[drug.other][start:end], who, work, OTHER)
            else:
                work[OTHER : OTHER + found] = np.float32(0.0)
            constants = CarryConstants(
                drug.usual_mg_l, drug.second_half, drug.absorption, drug.absorbed, drug.keeps_depot, drug.volume,
                drug.exchange, drug.peripheral_volume,
            )  # fmt: skip
            if drug.two_compartments:
                carry_two(work, lanes, hours, at_steady_state, constants)
            else:
                carry_one(work, lanes, hours, at_steady_state, constants)
            scatter(work, CENTRAL, who, central)
            if drug.other != NONE:
                scatter(work, OTHER, who, reals[drug.other][start:end])
        if drug.activates:
            gene, inhibitor = codes[drug.activator][start:end], codes[drug.activator_inhibitor][start:end]
            activate(gene, inhibitor, activations[index], who, work)
        if drug.site != NONE:
            site = reals[drug.site][start:end]
            gather(site, who, work, SITE)
            delay(work, lanes, drug.follows)
            scatter(work, SITE, who, site)

        # Effects and stopping.
        for one in range(drug.effects, drug.effects_end):
            what = effects[one]
            effect(work, lanes, influence_on, what.at_target, what.saturation, what.hill)
            act(influence_on, codes[what.unless][start:end], who, influences[what.influence][start:end])
        if stops_today:
            for one in range(drug.reasons, drug.reasons_end):
                why, days = reasons[one], STOPS_EVERY * step_days
                hazard = (why.per_day, why.power, why.implicated, stopping_with_reaction_per_day)
                stop(*(work, who, reacts, stops, drug.code, *hazard, days))
