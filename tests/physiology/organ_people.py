"""Made-up people for the tests of environment, lungs, blood and ageing, and one organ system around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from popsim.evidence.sets import SHIPPED, Parameters
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock
from popsim.population.population import Population
from popsim.simulation.schema import CLINICAL_SCHEMA


def sets(**changes: Mapping[str, float]) -> Parameters:
    """All parameter sets, some with values changed: sets(lungs={"exacerbations_per_year": 0.0})."""
    return SHIPPED.given({name: SHIPPED[name].with_values(values) for name, values in changes.items()})


def alike(size: int = 1, **values: float | NDArray[Any]) -> Population:
    """The same person of 77 with COPD, at home, `size` times, with some columns set."""
    typical = {
        "age_years": 77.0, "dry_weight_kg": 75.0, "baseline_gfr_ml_min": 50.0, "gfr_ml_min": 50.0, "frailty": 0.3,
        "systolic_mmhg": 125.0, "deprivation_quintile": 3, "activity_met_h_week": 8.0, "copd": 1,
        "baseline_fev1_percent": 50.0, "baseline_haemoglobin_g_dl": 12.0, "alive": 1,
    }  # fmt: skip
    people = Population(CLINICAL_SCHEMA, np.arange(size))
    for name, value in (typical | values).items():
        people[name] = value
    return people


def mixed(twins: int, seed: int = 4) -> tuple[Population, Influences]:
    """Twins anywhere within the bounds of their columns, often at a bound, some dead, with any influences of drugs."""
    random = np.random.default_rng(seed)
    people = Population(CLINICAL_SCHEMA, np.arange(twins))
    for name, column in CLINICAL_SCHEMA.columns.items():
        corner = np.where(random.random(twins) < 0.5, column.low, column.high)
        people[name] = np.where(random.random(twins) < 0.3, corner, random.uniform(column.low, column.high, twins))
    people["entry_day"] = 0
    people["alive"] = random.random(twins) < 0.9
    influences = Influences(twins)
    influences.values[:12] = random.uniform(0, 1.5, (12, twins))
    return people, influences


class Organ:
    """One organ system with people, and the same other influences every day, by their names.

    Attributes:
        influences: of the last day.
    """

    def __init__(self, system: Any, people: Population, step_days: float = 1.0, **others: float) -> None:
        self.system, self.people, self.others = system, people, dict(others)
        self.clock, self.influences = Clock(step_days=step_days), Influences(len(people))
        self._morning()
        system.initialise(people, self.influences)

    def live(self, days: float) -> Population:
        """Some days; returns the people as they then are (not a copy)."""
        for _ in range(round(days / self.clock.step_days)):
            self._morning()
            self.system.advance(self.people, self.clock, self.influences)
            self.clock.tick()
        return self.people

    def _morning(self) -> None:
        self.influences.clear()
        for name, value in self.others.items():
            self.influences[name][:] = value
