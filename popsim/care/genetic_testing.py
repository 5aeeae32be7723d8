"""Genetic tests: who is tested on which day, when the result arrives, and how it changes prescriptions.

Every morning, before physiology: due results arrive and change prescriptions, then tests are offered. A reactive test
looks for its triggers in everybody who is under follow-up and has not been tested.

Limits of validity: a rule acts once, when the result arrives, on that day's drugs and on the codes (agent, maximum
dose) by which drugs will be given later; a dose of warfarin that is started later is not adapted.
"""

from __future__ import annotations

import zlib
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from popsim.care.eligibility import Look, meets
from popsim.definitions.gene import Prescribing, PrescribingRule
from popsim.definitions.interventions import GeneticTest
from popsim.evidence.parameters import FOLDER, ParameterSet
from popsim.kernels.codes import STREAM_INTERVENTION
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.sampling import keyed
from popsim.population.charges import Charges
from popsim.population.genome import CODES, allele_activities
from popsim.population.population import Population
from popsim.population.state import NamedArrays, State
from popsim.population.warfarin import WarfarinTaker, genetic_dose_mg_week

COST_COLUMN = "cost_programme"
DAYS_PER_WEEK = 7.0
NOT_RECORDED, ASIAN, BLACK, MIXED, WHITE, OTHER = range(6)  # column `ethnicity`


@cache
def prescribing_rules(path: Path = FOLDER / "genome" / "prescribing.toml") -> dict[str, PrescribingRule]:
    """The rules by name."""
    return {rule.name: rule for rule in Prescribing.read(path).rules}


class GeneticTesting:
    """One genetic test of a strategy.

    Args:
        test: from the strategy.
        population: who may be tested.
        charges: to which its cost is added.
        key: of the random numbers, the same as for sampling the people.
        warfarin: parameter set of the dose algorithm.
    """

    def __init__(
        self, test: GeneticTest, population: Population, charges: Charges, key: RandomKey, warfarin: ParameterSet
    ) -> None:
        self.test = test
        self._charges, self._key, self._warfarin = charges, key, warfarin
        self._rules = [prescribing_rules()[name] for name in test.guides]
        self._pending: dict[int, NDArray[np.int64]] = {}
        self._asked = np.zeros(len(population), np.bool_)
        self._held = np.zeros((len(test.triggers), len(population)), np.bool_)  # yesterday's value of each trigger

    def apply(self, population: Population, today: int, look: Look) -> None:
        """Report the results that arrive today and take the tests of today."""
        due = self._pending.pop(today, np.arange(0))
        self._report(population, due[population["alive"][due] != 0])
        if self.test.in_force(today):
            rows = self._offered(population, today, look)
            self._asked[rows] = True
            rows = rows[meets(population, self.test.eligible, rows, look)]
            rows = rows[self._uniform(population, rows, "") < self.test.uptake]
            self._take(population, rows, today)

    def state(self) -> NamedArrays:
        """Who was offered it, yesterday's triggers and the results under way, to go on from."""
        days = np.repeat(np.array(list(self._pending), np.int64), [len(rows) for rows in self._pending.values()])
        rows = np.concatenate([*self._pending.values(), np.zeros(0, np.int64)])
        return {"asked": self._asked, "held": self._held, "due_day": days, "due_row": rows}

    def restore(self, state: State) -> None:
        """Go on from a state.

        Raises:
            InputError: it is of another test.
        """
        self._asked[:] = state.take("asked", np.bool_, self._asked.shape)
        self._held[:] = state.take("held", np.bool_, self._held.shape)
        days = state.take("due_day", np.int64, (None,))
        rows = state.take("due_row", np.int64, days.shape)
        self._pending = {int(day): rows[days == day] for day in np.unique(days)}

    def _offered(self, population: Population, today: int, look: Look) -> NDArray[np.int64]:
        """Rows that are offered the test today, each once."""
        new = population.entering(today)
        if self.test.when == "entry":
            return (
                np.concatenate([population.alive_and_entered(today - 1), new]) if today == self.test.from_day else new
            )
        there = slice(0, population.entered(today))
        turned = np.zeros(there.stop, np.bool_)
        for trigger, held in zip(self.test.triggers, self._held, strict=True):
            holds = meets(population, (trigger,), there, look)
            turned |= holds & ~held[there]
            held[there] = holds
        turned &= ~self._asked[there] & (population["alive"][there] != 0)
        turned[there if today == self.test.from_day else new] = False
        return np.flatnonzero(turned)

    def _take(self, population: Population, rows: NDArray[np.int64], today: int) -> None:
        """Take the samples, and report results without delay at once."""
        self._charges.charge_once(COST_COLUMN, rows, self.test.cost_once)
        if self.test.turnaround_days == 0:
            self._report(population, rows)
        elif len(rows):
            self._pending[today + self.test.turnaround_days] = rows

    def _report(self, population: Population, rows: NDArray[np.int64]) -> None:
        """Record the result and change prescriptions by the rules, unless the test missed the variants."""
        population["genotype_known"][rows] = 1
        rows = rows[self._uniform(population, rows, ".sensitivity") < self.test.sensitivity]
        for rule in self._rules:
            self._prescribe(population, rule, rows)

    def _prescribe(self, population: Population, rule: PrescribingRule, rows: NDArray[np.int64]) -> None:
        """Change the prescriptions of people for whom the rule holds."""
        codes = [CODES[name] for name in rule.phenotypes]
        holds = np.isin(population[rule.gene][rows], codes)
        if rule.agent is not None:
            holds &= population[rule.agent.column][rows] == rule.agent.code
        rows = rows[holds]
        for column, code in rule.set_codes.items():
            population[column][rows] = code
        for column, most in rule.at_most.items():
            population[column][rows] = np.minimum(population[column][rows], np.float32(most))
        if rule.iwpc_dose is not None:
            rows = rows[population[rule.iwpc_dose][rows] > 0.0]
            population[rule.iwpc_dose][rows] = self._warfarin_fraction(population, rule.iwpc_dose, rows)

    def _warfarin_fraction(self, population: Population, column: str, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """The algorithm's dose as a fraction of the standard dose, within the bounds of the column."""
        ethnicity = population["ethnicity"][rows]
        person = WarfarinTaker(
            age_years=population["age_years"][rows].astype(np.float64),
            height_cm=population["height_cm"][rows].astype(np.float64),
            weight_kg=population["dry_weight_kg"][rows].astype(np.float64),
            asian=ethnicity == ASIAN,
            black=ethnicity == BLACK,
            mixed_or_missing=np.isin(ethnicity, (NOT_RECORDED, MIXED, OTHER)),
        )
        activities = allele_activities(population, "cyp2c9", rows, self._key)
        week = genetic_dose_mg_week(self._warfarin, person, population["vkorc1"][rows], activities)
        bounds = population.schema[column]
        fraction = week / DAYS_PER_WEEK / self._warfarin["standard_dose_mg_day"]
        return np.clip(fraction, bounds.low, bounds.high)

    def _uniform(self, population: Population, rows: NDArray[np.int64], what: str) -> NDArray[np.float64]:
        """One uniform per row, the same in every strategy with a test of this name."""
        index = zlib.crc32(f"{self.test.name}{what}".encode())
        return np.asarray(keyed(self._key, population.person_id[rows], STREAM_INTERVENTION, index))
