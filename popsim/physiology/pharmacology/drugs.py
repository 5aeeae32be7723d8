"""Drugs: binds the compiled kernels to the columns and the drug files.

The drug files in evidence/drugs become records; the loops over twins and drugs are compiled
(kernels/physiology/drugs.py, and pharmacology.py there, which states the model and its limits).
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from popsim.definitions.drug import Drug, DrugEffect, Pathway
from popsim.definitions.parameter import Parameter
from popsim.errors import DefinitionError
from popsim.evidence.drugs import DRUG_SET, drugs_with
from popsim.evidence.sets import Parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.physiology import pharmacology as kernel
from popsim.kernels.physiology import reactions
from popsim.kernels.physiology.compartments import CarryConstants
from popsim.kernels.physiology.drugs import DRUG, EFFECT, NONE, REASON, ZEROS, Tables, advance_day
from popsim.kernels.physiology.pharmacology import capacities, draw_handling, pathways
from popsim.physiology.binding import Binding
from popsim.physiology.influences import PLACE, Influences
from popsim.population.clock import Clock
from popsim.population.columns import Column, Kind, Schema
from popsim.population.population import Population


def _amount(name: str, meaning: str) -> Column:
    return Column(name, "real", "mg", 0, 1e6, meaning, "physiology")


def _site(drug_class: str) -> Column:
    meaning = "Concentration at the place of effect, relative to usual at the target dose."
    return Column(f"{drug_class}_effect_site", "real", "1", 0, 1e6, meaning, "physiology")


def _handling(drug_class: str) -> Column:
    meaning = "How the person breaks drugs of the class down: 40 codes a standard deviation."
    return Column(f"{drug_class}_handling", "code", "1", -127, 127, meaning, "physiology")


def _none_at_entry(name: str, kind: Kind, high: float, meaning: str) -> Column:
    return Column(name, kind, "1", 0, high, meaning, "physiology", at_entry=0.0)


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
    _none_at_entry("stopped_drugs", "count", 2**31 - 1, "Drugs prescribed and no more taken: bits."),
    _none_at_entry("reaction", "code", 127, "Adverse reactions present today: bits (kernels/reactions)."),
    *(_handling(drug_class) for drug_class in VARIED),
)
SIZE_ROW = {"none": kernel.NO_SIZE, "allometric": kernel.SIZE_ALLOMETRIC, "weight": kernel.SIZE_WEIGHT}
AT_ENTRY = {  # columns to read at entry, before the core is initialised, instead of those of a day
    "gfr_ml_min": "baseline_gfr_ml_min",
    "filling_pressure_mmhg": "baseline_filling_pressure_mmhg",
    "adherence": "adherence_trait",
}


class Pharmacology:
    """The kinetics, effects and reactions of all drugs.

    Args:
        parameters: sets by name; uses drugs and reactions.
        key: of the random numbers.
        drugs: by default all of evidence/drugs, with the numbers of the set drugs.
    """

    columns: ClassVar[tuple[Column, ...]] = COLUMNS
    parameter_set: ClassVar[str] = DRUG_SET
    needs: ClassVar[tuple[str, ...]] = ("diabetes",)

    def __init__(
        self,
        parameters: Parameters,
        *,
        key: RandomKey = RandomKey(),
        drugs: tuple[Drug, ...] | None = None,
    ) -> None:
        taken = drugs_with(parameters[DRUG_SET]) if drugs is None else drugs
        self.drugs = tuple(drug for drug in taken if drug.effects)
        self._key = key
        self._tables: dict[Schema, DrugTable] = {}
        self._refused = np.zeros(1, np.int8)
        constants = parameters["reactions"].fill(reactions.ReactionParameters)
        given: dict[str, Any] = {
            "key": key,
            "reals": self._reals,
            "codes": self._codes,
            "stopping_with_reaction_per_day": constants.stopping_with_reaction_per_day,
            "refused": self._refused,
        }
        self._settle = Binding(
            advance_day,
            columns=AT_ENTRY,
            alive=_everybody,
            tables=partial(self._kernel_tables, True),
            at_steady_state=True,
            **given,
        )
        self._call = Binding(
            *(advance_day, reactions.find),
            tables=partial(self._kernel_tables, False),
            at_steady_state=False,
            p=constants,
            **given,
        )

    def initialise(self, population: Population, influences: Influences) -> None:
        """Initialise every drug at steady state for the dose usually taken at entry."""
        for column in COLUMNS:
            if column.kind == "real":
                population[column.name] = 0.0  # a drug of a class fills its own compartments only
        drawn: set[str] = set()
        for drug in self.drugs:
            name = _handling_of(drug)
            if name and name not in drawn:
                drawn.add(name)
                draw_handling(population.person_id, population[name], self._key, drug.code)
        self._call.bind(population, influences)
        self._settle(advance_day, population, influences)
        self._check_codes(population)

    def advance(self, population: Population, clock: Clock, influences: Influences) -> None:
        """Advance every drug by one day, under yesterday's adherence; then set the reactions present."""
        self._call(advance_day, population, influences, clock)
        self._check_codes(population)
        self._call(reactions.find, population, influences, clock)

    def _table(self, population: Population) -> DrugTable:
        """The drug table for a population with these columns."""
        schema = population.schema
        if schema not in self._tables:
            self._tables[schema] = DrugTable(self.drugs, schema)
        return self._tables[schema]

    def _kernel_tables(self, at_steady_state: bool, population: Population, clock: Clock) -> Tables:
        """The tables for the clock's length of step."""
        return self._table(population).tables(clock.step_days, at_steady_state)

    def _reals(self, population: Population) -> tuple[Any, ...]:
        """The columns that records refer to by their index among the reals."""
        return tuple(population[name] for name in self._table(population).reals)

    def _codes(self, population: Population) -> tuple[Any, ...]:
        """The columns that records refer to by their index among the codes; the first is all zeros (the default)."""
        return (np.zeros(len(population), np.int8), *(population[name] for name in self._table(population).codes))

    def _check_codes(self, population: Population) -> None:
        """Say which code is out of bounds, if the kernel found one."""
        if self._refused[0]:
            self._refused[0] = 0
            population.check_codes(self._table(population).codes)


class DrugTable:
    """Drugs as the kernels read them, for a population with these columns.

    Attributes:
        reals, codes: names of the columns to pass, in this order; before the codes comes a column of zeros, the default
            for every missing column.
    """

    def __init__(self, drugs: tuple[Drug, ...], schema: Schema) -> None:
        self._schema = schema
        self.reals: list[str] = []
        self.codes: list[str] = []
        effects: list[tuple[float, ...]] = []
        reasons: list[tuple[float, ...]] = []
        rows = []
        for drug in drugs:
            row = self._places(drug) | take_constants(drug)._asdict() | carry_constants(drug)._asdict()
            row |= {"effects": len(effects), "reasons": len(reasons)}
            effects += [
                (*_shape(effect), PLACE[effect.influence], self._code(effect.unless)) for effect in drug.effects
            ]
            reasons += [(reason.per_day.value, reason.power, 0) for reason in drug.intolerances]
            implicated = sum(reactions.REACTIONS[name] for name in drug.implicated_in)
            reasons += [(0.0, 0, implicated)] if implicated else []
            full = row | {"effects_end": len(effects), "reasons_end": len(reasons), "follows": 1.0}
            rows.append(tuple(full[name] for name in DRUG.names or ()))
        self._drugs = drugs
        self._by_step: dict[tuple[float, bool], Tables] = {}
        bounds = [(schema[name].low, schema[name].high) for name in self.codes]
        low, high = np.array([(0.0, 0.0), *bounds], np.int8).T.copy()
        self._tables = Tables(
            drugs=_records(rows, DRUG),
            effects=_records(effects, EFFECT),
            reasons=_records(reasons, REASON),
            capacities=np.array([capacities(_value(drug.variability, 0.0)) for drug in drugs]),
            pathways=np.array([pathways(_activities(drug.removed_by)) for drug in drugs]),
            activations=np.array([pathways(_activities(drug.activated_by)) for drug in drugs]),
            low=low,
            high=high,
        )

    def tables(self, step_days: float, at_steady_state: bool) -> Tables:
        """The tables for this length of step."""
        key = (step_days, at_steady_state)
        if key not in self._by_step:
            rows = self._tables.drugs.copy()
            for row, drug in zip(rows, self._drugs, strict=True):
                row["absorbed"] = math.exp(-row["absorption"] * 12.0 * step_days)
                if drug.effect_delay is not None and not at_steady_state:
                    row["follows"] = -math.expm1(-step_days / drug.effect_delay.value)
            self._by_step[key] = self._tables._replace(drugs=rows)
        return self._by_step[key]

    def _places(self, drug: Drug) -> dict[str, int]:
        kept = {part: self._real(f"{drug.drug_class}_{part}") for part in drug.keeps}
        some = [*kept.values(), NONE, NONE]
        return {
            "code": drug.code,
            "own_agent": drug.agent,
            "size_row": SIZE_ROW[drug.size_scaling],
            "dose": self._real(drug.dose_column),
            "agent": self._code(drug.agent_column),
            "kept": some[0],
            "also_kept": some[1],
            "central": kept.get("central", NONE),
            "other": kept.get("peripheral", kept.get("depot", NONE)),
            "depot": kept.get("depot", NONE) if "peripheral" in kept else NONE,
            "two_compartments": int("peripheral" in kept),
            "site": kept.get("effect_site", NONE),
            "varies": int(bool(drug.variability or drug.removed_by)),
            "handling": self._code(_handling_of(drug)),
            **self._pathway("gene", "inhibitor", drug.removed_by),
            **self._pathway("activator", "activator_inhibitor", drug.activated_by),
            "activates": int(drug.activated_by is not None),
        }

    def _pathway(self, gene: str, inhibitor: str, pathway: Pathway | None) -> dict[str, int]:
        less = pathway.inhibitors.column if pathway and pathway.inhibitors else None
        return {gene: self._code(pathway.gene if pathway else None), inhibitor: self._code(less)}

    def _real(self, name: str) -> int:
        return _place(self.reals, name)

    def _code(self, name: str | None) -> int:
        return ZEROS if name is None or name not in self._schema else 1 + _place(self.codes, name)


def _place(names: list[str], name: str) -> int:
    """The index of the name in the list; appends it if necessary."""
    if name not in names:
        names.append(name)
    return names.index(name)


def _records(rows: list[tuple[Any, ...]], kind: np.dtype[Any]) -> NDArray[Any]:
    return np.array(rows, kind).view(np.recarray)


def _handling_of(drug: Drug) -> str | None:
    return f"{drug.drug_class}_handling" if drug.variability else None


def check_columns(drug: Drug, schema: Schema, file: object) -> None:
    """Check that the population has the columns that a drug refers to, and those of its compartments.

    Raises:
        DefinitionError: a column is missing.
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
            raise DefinitionError(file, key, column, "no such column", schema.columns)


def take_constants(drug: Drug) -> kernel.TakeConstants:
    """The constants of dose and clearance in a drug's file."""
    return kernel.TakeConstants(
        daily_mg=drug.target_dose.value / drug.column_at_target,
        bioavailability=drug.bioavailability.value,
        clearance=drug.clearance.value,
        usual_mg_l=_usual(drug),
        age_slope=_value(drug.age_slope, 0.0),
        renal_share=_value(drug.renal_share, 0.0),
        extraction=_value(drug.extraction, 0.0),
        gut_congestion=_value(drug.gut_congestion, 0.0),
    )


def carry_constants(drug: Drug) -> CarryConstants:
    """The constants of the compartments in a drug's file."""
    return CarryConstants(
        usual_mg_l=_usual(drug),
        second_half=0.5 if drug.doses_a_day == 2 else 0.0,
        absorption=_value(drug.absorption, 1.0),
        absorbed=0.0,
        keeps_depot=float("depot" in drug.keeps),
        volume=_value(drug.volume, 1.0),
        exchange=_value(drug.exchange, 0.0),
        peripheral_volume=_value(drug.peripheral_volume, 1.0),
        oral=float(drug.route in ("oral", "subcutaneous")),
        half_saturation=_value(drug.half_saturation, 0.0),
    )


def _everybody(population: Population, clock: Clock) -> NDArray[np.int8]:
    """All are alive when they enter."""
    return np.ones(len(population), np.int8)


def _usual(drug: Drug) -> float:
    """Mean concentration of the typical person on the target dose, mg/L."""
    return drug.bioavailability.value * drug.target_dose.value / (24.0 * drug.clearance.value)


def _value(parameter: Parameter | None, otherwise: float) -> float:
    return otherwise if parameter is None else parameter.value


def _shape(effect: DrugEffect) -> tuple[float, float, float]:
    """Size, saturation and exponent of an effect."""
    saturation = 0.0 if effect.half is None else effect.half**-effect.hill
    return effect.at_target.value, saturation, effect.hill


def _activities(pathway: Pathway | None) -> kernel.Activities:
    if pathway is None:
        return kernel.Activities(0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    has, less = pathway.activity, pathway.inhibitors
    left = (less.moderate, less.strong) if less else (1.0, 1.0)
    return kernel.Activities(pathway.share.value, has.poor, has.intermediate, has.rapid, has.ultrarapid, *left)
