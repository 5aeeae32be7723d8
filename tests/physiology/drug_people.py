"""People on drugs for the tests of pharmacology."""

from __future__ import annotations

import sys

import numpy as np

from popsim.definitions.drug import Drug
from popsim.evidence.drugs import load_drugs
from popsim.evidence.sets import SHIPPED
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology.influences import Influences
from popsim.physiology.pharmacology.drugs import DrugTable, Pharmacology
from popsim.population.clock import Clock
from popsim.population.columns import Schema
from popsim.population.population import Population
from popsim.simulation.schema import SCHEMA

USUAL = {
    "alive": 1, "age_years": 75.0, "dry_weight_kg": 75.0, "baseline_gfr_ml_min": 60.0, "gfr_ml_min": 60.0,
    "untreated_gfr_ml_min": 60.0, "baseline_filling_pressure_mmhg": 15.0, "filling_pressure_mmhg": 15.0,
    "adherence_trait": 1.0, "adherence": 1.0, "heart_rate_bpm": 70.0, "systolic_mmhg": 120.0, "potassium_mmol_l": 4.4,
    "hba1c_percent": 7.5,
}  # fmt: skip

SHOWN_IN = "renal_per_day"


class AllColumns(DrugTable):
    """Some drugs, over the columns of all shipped drugs: every choice of drugs runs the same compiled kernel."""

    def __init__(self, drugs: tuple[Drug, ...], schema: Schema) -> None:
        super().__init__((*(drug for drug in load_drugs() if drug.effects), *drugs), schema)
        self._drugs, tables = drugs, self._tables
        each = ("drugs", "capacities", "pathways", "activations")
        self._tables = tables._replace(**{name: getattr(tables, name)[-len(drugs) :] for name in each})


class SeenPharmacology(Pharmacology):
    """Pharmacology that shows the exposure to its last drug: as an effect of size 1, in a row that no drug acts on."""

    def __init__(self, drugs: tuple[Drug, ...] | None = None) -> None:
        *others, last = load_drugs() if drugs is None else drugs
        shown = [
            effect.model_copy(
                update={
                    "influence": SHOWN_IN,
                    "at_target": effect.at_target.model_copy(update={"value": 1.0}),
                    "half": None,
                    "hill": 1.0,
                    "unless": None,
                }
            )
            for effect in last.effects[:1]
        ]
        last = last.model_copy(update={"effects": (*last.effects, *shown)})
        super().__init__(SHIPPED, key=RandomKey(5, 1), drugs=(*others, last))

    def initialise(self, population: Population, influences: Influences) -> None:
        """As every Pharmacology."""
        super().initialise(population, influences)
        self._see(influences)

    def advance(self, population: Population, clock: Clock, influences: Influences) -> None:
        """As every Pharmacology."""
        super().advance(population, clock, influences)
        self._see(influences)

    def _table(self, population: Population) -> DrugTable:
        if population.schema not in self._tables:
            self._tables[population.schema] = AllColumns(self.drugs, population.schema)
        return self._tables[population.schema]

    def _see(self, influences: Influences) -> None:
        self.exposure = influences[SHOWN_IN].copy()
        influences[SHOWN_IN][:] = 0.0


def alike(drug: Drug) -> Drug:
    """The drug as if all people broke it down alike."""
    return drug.model_copy(update={"variability": None})


def medicated(drug: Drug, size: int = 1, **values: float) -> Population:
    """Usual people on the target dose of a drug."""
    people = Population(SCHEMA, np.arange(size))
    dose = {drug.dose_column: drug.column_at_target}
    agent = {drug.agent_column: drug.agent} if drug.agent_column else {}
    for name, value in (USUAL | dose | agent | values).items():
        people[name] = value
    return people


def influenced(drug: Drug, **values: float) -> Influences:
    """Influences of the first day of one usual person on the target dose, other columns as given."""
    return lived(medicated(drug, **values), alike(drug))


def lived(people: Population, drug: Drug) -> Influences:
    """Influences of a first day on a drug."""
    influences, system = Influences(len(people)), SeenPharmacology((drug,))
    system.initialise(people, influences)
    influences.clear()
    system.advance(people, Clock(day=0), influences)
    return influences


def various(size: int) -> Population:
    """People who differ in all that matters and take everything, in all agents and doses."""
    random = np.random.default_rng(8)
    people = Population(SCHEMA, np.arange(100, 100 + size))
    for name, value in USUAL.items():
        people[name] = value
    for drug in load_drugs():
        people[drug.dose_column] = random.choice([0.0, 0.5, 1.0], size) * drug.column_at_target
    for name, codes in (("beta_blocker", 3), ("ras_inhibitor", 2), ("antiplatelet", 2), ("anticoagulant", 2)):
        people[f"{name}_agent"] = random.integers(0, codes, size)
    for name, codes in (("cyp2d6", 6), ("cyp2c19", 6), ("cyp2c9", 4), ("vkorc1", 4), ("slco1b1", 4)):
        people[name] = random.integers(0, codes, size)
    people["cyp2d6_inhibitor"] = random.integers(0, 3, size)
    people["dry_weight_kg"] = random.uniform(40, 140, size)
    people["baseline_gfr_ml_min"] = people["gfr_ml_min"] = random.uniform(10, 110, size)
    people["age_years"] = random.uniform(40, 100, size)
    people["adherence_trait"] = people["adherence"] = random.uniform(0.3, 1.0, size)
    people["heart_rate_bpm"] = random.uniform(38, 90, size)
    people["alive"][::9] = 0
    return people


def lived_together(size: int, days: int) -> tuple[Population, Influences]:
    """`various` people after some days."""
    people, influences, system = various(size), Influences(size), SeenPharmacology()
    system.initialise(people, influences)
    for day in range(days):
        influences.clear()
        system.advance(people, Clock(day=day), influences)
    return people, influences


if __name__ == "__main__":
    people, influences = lived_together(24, 8)
    blocks = {kind: people.block(kind) for kind in ("real", "code", "count")}
    np.savez(sys.argv[1], influences=influences.values, **blocks)
