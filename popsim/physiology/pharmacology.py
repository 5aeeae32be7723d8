"""Drugs of the clinical twin: unwraps the columns and the drug files for the compiled kernels.

The loop goes drug by drug over the files in evidence/drugs; the loops over twins are compiled
(kernels/pharmacology.py, whose docstring states the model and its limits). A drug that nobody takes and nobody has in
the body is passed over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from popsim.definitions.drug import Drug, Effect, Pathway
from popsim.definitions.parameter import Parameter
from popsim.errors import DefinitionError, did_you_mean
from popsim.evidence.drugs import load_drugs
from popsim.evidence.parameters import ParameterSet
from popsim.kernels import pharmacology as kernel
from popsim.kernels import reactions
from popsim.physiology.influences import PLACE, Influences
from popsim.population.clock import Clock
from popsim.population.columns import Column, Schema
from popsim.population.population import Population


def _amount(name: str, meaning: str) -> Column:
    return Column(name, "real", "mg", 0, 1e6, meaning, "physiology")


def _site(drug_class: str) -> Column:
    meaning = "Concentration at the place of effect, relative to usual at the target dose."
    return Column(f"{drug_class}_effect_site", "real", "1", 0, 1e6, meaning, "physiology")


def _handling(drug_class: str) -> Column:
    meaning = "How the person breaks drugs of the class down: 40 codes a standard deviation."
    return Column(f"{drug_class}_handling", "code", "1", -127, 127, meaning, "physiology")


VARIED = ("beta_blocker", "loop_diuretic", "digoxin", "antiplatelet", "anticoagulant", "insulin", "statin")
COLUMNS: tuple[Column, ...] = (
    _amount("beta_blocker_central", "Beta-blocker in the body."),
    _amount("ras_inhibitor_central", "ACE inhibitor or angiotensin blocker in the body."),
    _amount("neprilysin_inhibitor_central", "Sacubitrilat in the body."),
    _amount("mra_central", "Mineralocorticoid receptor antagonist in the body."),
    _amount("sglt2_inhibitor_central", "SGLT2 inhibitor in the body."),
    _amount("vericiguat_central", "Vericiguat in the body."),
    _amount("digoxin_central", "Digoxin in blood and what is in balance with it."),
    _amount("digoxin_peripheral", "Digoxin in the tissues."),
    _site("antiplatelet"),
    _amount("anticoagulant_central", "Anticoagulant in the body."),
    _site("anticoagulant"),
    _amount("glp1_agonist_depot", "GLP-1 receptor agonist under the skin."),
    _amount("glp1_agonist_central", "GLP-1 receptor agonist in the body."),
    _site("statin"),
    Column("stopped_drugs", "count", "1", 0, 2**31 - 1, "Drugs prescribed and no more taken: bits.", "physiology"),
    Column("reaction", "code", "1", 0, 127, "Adverse reactions present today: bits (kernels/reactions).", "physiology"),
    *(_handling(drug_class) for drug_class in VARIED),
)
STOPS_EVERY = 7  # steps: who stops a drug by himself is looked at on one day of the week, another for each drug
SIZE_ROW = {"none": kernel.NO_SIZE, "allometric": kernel.SIZE_ALLOMETRIC, "weight": kernel.SIZE_WEIGHT}
READS = (
    "entry_day", "age_years", "dry_weight_kg", "gfr_ml_min", "filling_pressure_mmhg", "baseline_filling_pressure_mmhg",
    "adherence", "care_level",
)  # fmt: skip
READS_AT_ENTRY = (
    "entry_day", "age_years", "dry_weight_kg", "baseline_gfr_ml_min", "baseline_filling_pressure_mmhg",
    "baseline_filling_pressure_mmhg", "adherence_trait", "care_level",
)  # fmt: skip
FOUND_FROM = (
    "alive", "heart_rate_bpm", "systolic_mmhg", "potassium_mmol_l", "gfr_ml_min", "untreated_gfr_ml_min",
    "hba1c_percent", "stopped_drugs", "reaction",
)  # fmt: skip


class Pharmacology:
    """All drugs of a day.

    Args:
        parameters: sets by name; uses reactions. What a drug is stands in its file.
        seed, replication: key of the random numbers.
        drugs: by default all of evidence/drugs.
    """

    def __init__(
        self,
        parameters: Mapping[str, ParameterSet],
        *,
        seed: int = 0,
        replication: int = 0,
        drugs: tuple[Drug, ...] | None = None,
    ) -> None:
        self.drugs = tuple(_Prepared(drug) for drug in (load_drugs() if drugs is None else drugs))
        self._key = (seed, replication)
        self._reactions = parameters["reactions"].fill(reactions.ReactionParameters)
        self._scratch: NDArray[np.float32] = np.zeros((0, 0), np.float32)

    def initialise(self, population: Population, influences: Influences) -> None:
        """Every drug at its steady state for the dose usually taken at entry."""
        drawn: set[str] = set()
        for drug in self.drugs:
            if drug.handling and drug.handling not in drawn:
                drawn.add(drug.handling)
                kernel.draw_handling(population.person_id, population[drug.handling], *self._key, drug.said.code)
        self._prepare(population, READS_AT_ENTRY, 0, 0.0)
        for drug in self.drugs:
            if drug.at_work(population):
                self._concentrate(drug, population, 1.0, settling=True)
                self._act(drug, population, influences)

    def advance(self, population: Population, clock: Clock, influences: Influences) -> None:
        """One day of every drug, under yesterday's adherence; then the reactions that are present."""
        self._prepare(population, READS, clock.day, clock.time_days)
        for drug in self.drugs:
            if drug.at_work(population):
                self._concentrate(drug, population, clock.step_days, settling=None)
                self._act(drug, population, influences)
                if (clock.day - drug.said.code) % STOPS_EVERY == 0:
                    self._stop(drug, population, STOPS_EVERY * clock.step_days)
        columns = [population[name] for name in FOUND_FROM]
        reactions.find(*(*columns, influences.values, self._reactions))

    def _prepare(self, population: Population, reads: tuple[str, ...], day: int, today: float) -> None:
        if self._scratch.shape[1] != len(population):
            self._scratch = np.zeros((kernel.SCRATCH_ROWS, len(population)), np.float32)
            self._none = np.zeros(len(population), np.int8)
            self._everybody = np.ones(len(population), np.int8)
        columns = [population[name] for name in reads]
        kernel.prepare(*(population.person_id, *columns, self._scratch, *self._key, day, today))

    def _concentrate(self, drug: _Prepared, population: Population, days: float, settling: bool | None) -> None:
        """From the dose to the exposure, which is left in its row of the scratch array."""
        said, rows = drug.said, self._scratch
        capacity = rows[kernel.NO_SIZE]  # ones: everybody is usual
        if drug.handling or said.removed_by:
            capacity = rows[kernel.CAPACITY]
        if drug.handling:
            kernel.vary(population[drug.handling], capacity, drug.variability)
        elif said.removed_by:
            capacity[:] = 1.0
        self._metabolise(said.removed_by, drug.removed, capacity, population)
        agent = self._codes(population, said.agent_column)
        dose, stopped = population[said.dose_column], population["stopped_drugs"]
        who = (dose, agent, stopped, capacity, rows[drug.size_row], rows, said.code)
        kernel.take(*(*who, drug.extraction, None if "central" in said.keeps else True, drug.take))
        alive = population["alive"] if settling is None else self._everybody
        kept = [population[f"{said.drug_class}_{part}"] for part in ("peripheral", "depot") if part in said.keeps]
        if "central" in said.keeps:
            other = kept[0] if kept else None
            amounts = (alive, agent, population["dry_weight_kg"], other, population[f"{said.drug_class}_central"], rows)
            if "peripheral" in said.keeps:
                kernel.carry_two(*(*amounts, 24.0 * days, settling, drug.carry))
            else:
                absorbed = math.exp(-drug.carry.absorption * 12.0 * days)
                kernel.carry_one(*(*amounts, absorbed, 24.0 * days, settling, drug.carry))
        exposure = rows[kernel.EXPOSURE]
        self._metabolise(said.activated_by, drug.activated, exposure, population)
        if said.effect_delay is not None:
            share = -math.expm1(-days / said.effect_delay.value) if settling is None else 1.0
            site = population[f"{said.drug_class}_effect_site"]
            kernel.delay(*(alive, agent, drug.take.agent, site, exposure, share))

    def _metabolise(
        self, pathway: Pathway | None, activities: kernel.Activities, factor: NDArray[Any], population: Population
    ) -> None:
        if pathway is not None:
            inhibitor = pathway.inhibitors.column if pathway.inhibitors else None
            columns = (self._codes(population, pathway.gene), self._codes(population, inhibitor))
            kernel.metabolise(*(*columns, factor, activities))

    def _act(self, drug: _Prepared, population: Population, influences: Influences) -> None:
        exposure = self._scratch[kernel.EXPOSURE]
        for effect in drug.said.effects:
            unless = None if effect.unless is None else self._codes(population, effect.unless)
            kernel.add_effect(*(exposure, unless, influences.values, PLACE[effect.influence], *_shape(effect)))

    def _stop(self, drug: _Prepared, population: Population, days: float) -> None:
        said, rows = drug.said, self._scratch
        agent = self._codes(population, said.agent_column)
        columns = (population["alive"], population[said.dose_column], agent, drug.take.agent, rows[kernel.EXPOSURE])
        state = (population["reaction"], population["stopped_drugs"], rows, said.code)
        implicated = sum(reactions.REACTIONS[name] for name in said.implicated_in)
        hazards = [(reason.per_day.value, reason.power, 0) for reason in said.intolerances]
        if implicated:
            hazards.append((0.0, 0, implicated))
        for per_day, power, bits in hazards:
            hazard = (per_day, power, bits, self._reactions.stopping_with_reaction_per_day)
            reactions.stop(*(*columns, *state, *hazard, days))

    def _codes(self, population: Population, name: str | None) -> NDArray[Any]:
        """A column of codes; zeros (the usual, none) where there is none."""
        return population[name] if name is not None and name in population.schema else self._none


class _Prepared:
    """A drug with its constants in the units of the kernels."""

    def __init__(self, said: Drug) -> None:
        self.said = said
        self.variability = _value(said.variability, 0.0)
        self.extraction = None if said.extraction is None else said.extraction.value
        self.handling = f"{said.drug_class}_handling" if said.variability else ""
        self.size_row = SIZE_ROW[said.size_scaling]
        self.removed, self.activated = _activities(said.removed_by), _activities(said.activated_by)
        self.take, self.carry = take_constants(said), carry_constants(said)
        self._kept = [f"{said.drug_class}_{part}" for part in said.keeps]
        self._used = False

    def at_work(self, population: Population) -> bool:
        """Whether the drug does anything and somebody has been prescribed it, or has some of its class left.

        Looked for until it is found: passes over a drug that nobody takes any more change nothing.
        """
        if not self._used and self.said.effects and len(population):
            self._used = any(population[name].max() > 0.0 for name in (self.said.dose_column, *self._kept))
        return self._used


def check_columns(drug: Drug, schema: Schema, file: object) -> None:
    """Check that the population has the columns that a drug names, and those of the amounts that it keeps.

    Raises:
        DefinitionError: there is no such column.
    """
    named = {
        "dose_column": drug.dose_column,
        "agent_column": drug.agent_column,
        **{f"keeps ({part})": f"{drug.drug_class}_{part}" for part in drug.keeps},
        **{f"effects[{place}].unless": effect.unless for place, effect in enumerate(drug.effects)},
        **{f"conditions[{place}].column": rule.column for place, rule in enumerate(drug.conditions)},
        "variability": f"{drug.drug_class}_handling" if drug.variability else None,
    }
    for key, column in named.items():
        if column is not None and column not in schema:
            raise DefinitionError(file, key, column, f"no such column, {did_you_mean(column, schema.columns)}")


def take_constants(drug: Drug) -> kernel.TakeConstants:
    """What a file says of the dose and its clearance."""
    return kernel.TakeConstants(
        agent=float(drug.agent),
        daily_mg=drug.target_dose.value / drug.column_at_target,
        bioavailability=drug.bioavailability.value,
        clearance=drug.clearance.value,
        usual_mg_l=_usual(drug),
        age_slope=_value(drug.age_slope, 0.0),
        renal_share=_value(drug.renal_share, 0.0),
        gut_congestion=_value(drug.gut_congestion, 0.0),
    )


def carry_constants(drug: Drug) -> kernel.CarryConstants:
    """What a file says of compartments."""
    return kernel.CarryConstants(
        agent=float(drug.agent),
        usual_mg_l=_usual(drug),
        second_half=0.5 if drug.doses_a_day == 2 else 0.0,
        absorption=_value(drug.absorption, 1.0),
        keeps_depot=float("depot" in drug.keeps),
        volume=_value(drug.volume, 1.0),
        exchange=_value(drug.exchange, 0.0),
        peripheral_volume=_value(drug.peripheral_volume, 1.0),
    )


def _usual(drug: Drug) -> float:
    """Mean concentration of the usual person on the target dose, mg/L."""
    return drug.bioavailability.value * drug.target_dose.value / (24.0 * drug.clearance.value)


def _value(parameter: Parameter | None, otherwise: float) -> float:
    return otherwise if parameter is None else parameter.value


def _shape(effect: Effect) -> tuple[float, float, float | None]:
    """Size, saturation and exponent (None: 1) of an effect."""
    saturation = 0.0 if effect.half is None else effect.half**-effect.hill
    return effect.at_target.value, saturation, None if effect.hill == 1.0 else effect.hill


def _activities(pathway: Pathway | None) -> kernel.Activities:
    if pathway is None:
        return kernel.Activities(0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    has, less = pathway.activity, pathway.inhibitors
    left = (less.moderate, less.strong) if less else (1.0, 1.0)
    return kernel.Activities(pathway.share.value, has.poor, has.intermediate, has.rapid, has.ultrarapid, *left)
