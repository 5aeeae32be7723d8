"""Counterfactual simulation: the members of a belief under several options, with common random numbers.

One population holds every member once per option, in the order person, option, member, under the member's own id, which
keys its random numbers. Deaths and presentations are counted by their probabilities, which removes most of the noise
and changes no expectation; a member is still admitted when its random stream says so, because later days depend on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.assimilation.ensemble import Ensemble
from popsim.assimilation.hazards import hazards_of_presenting
from popsim.assimilation.options import change_dose
from popsim.assimilation.predicted_care import PredictedCare
from popsim.assimilation.valuation import DailyValuation
from popsim.care.monitoring import Monitoring
from popsim.definitions.options import DoseChange, HomeMonitoring, TherapyOption, Visit
from popsim.evidence.sets import Parameters
from popsim.kernels import codes as code
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.physiology.reactions import REACTIONS
from popsim.physiology import Physiology
from popsim.physiology.clinical import BLOCK
from popsim.population.clock import Clock
from popsim.population.population import Population
from popsim.units import DAYS_PER_YEAR

# Adverse reactions that a member can have; the bit for a stopped drug is not a reaction.
KINDS = {name: bit for name, bit in REACTIONS.items() if name != "intolerance"}


class CounterfactualOutcomes(NamedTuple):
    """Simulated outcomes of every member under every option within the horizon, each (persons, options, members).

    Attributes:
        qaly: quality-adjusted life years.
        cost: of drugs, devices, visits and stays in hospital.
        own_cost: the part of the cost that the option itself decides: drugs, devices and visits.
        death: probability of dying.
        decompensation: probability of presenting with heart failure at least once.
        admissions: expected number of presentations for any cause, and of reviews that send to hospital.
        reactions: whether an adverse reaction begins, or lasts from start to end, by kind, (kinds, persons, options,
            members).
    """

    qaly: NDArray[np.float64]
    cost: NDArray[np.float64]
    own_cost: NDArray[np.float64]
    death: NDArray[np.float64]
    decompensation: NDArray[np.float64]
    admissions: NDArray[np.float64]
    reactions: NDArray[np.bool_]


def simulate_options(
    ensemble: Ensemble,
    physiology: Physiology,
    options: Sequence[TherapyOption],
    *,
    first_day: int,
    days: int,
    waits: NDArray[np.int64],
    parameters: Parameters,
    key: RandomKey,
) -> CounterfactualOutcomes:
    """Simulate all members under each option.

    Args:
        ensemble: the belief; not changed.
        physiology: advances a population.
        options: to compare.
        first_day: the day after the last day of the belief.
        days: number of days to simulate.
        waits: (options, persons), days before an option's changes begin.
        parameters: sets by name, the same as for the physiology.
        key: of the errors of home devices.
    """
    each = len(options) * ensemble.members
    step = max(BLOCK // each, 1)  # persons at a time; their rows make up one block of the physiology
    parts = []
    for start in range(0, ensemble.persons, step):
        some = np.arange(start, min(start + step, ensemble.persons))
        block = _CounterfactualBlock(ensemble, some, options, waits[:, some], parameters, key)
        for day in range(days):
            block.advance_day(physiology, first_day + day, day)
        parts.append(block.totals())
    return CounterfactualOutcomes(*(np.concatenate(arrays, axis=-3) for arrays in zip(*parts, strict=True)))


class _CounterfactualBlock:
    """The members of some persons under all options, and their running totals."""

    def __init__(
        self,
        ensemble: Ensemble,
        persons: NDArray[np.int64],
        options: Sequence[TherapyOption],
        waits: NDArray[np.int64],
        parameters: Parameters,
        key: RandomKey,
    ) -> None:
        members = ensemble.members
        own = persons[:, None, None] * members + np.arange(members)
        rows = np.broadcast_to(own, (len(persons), len(options), members))
        self._shape, self._options, self._waits = rows.shape, options, waits
        people = ensemble.people.chosen(rows.ravel())
        self._people, self._parameters = people, parameters
        self._care = PredictedCare(people, parameters)
        self._valuation = DailyValuation(parameters, people.schema)
        devices = dict.fromkeys(c for option in options for c in option.changes if isinstance(c, HomeMonitoring))
        self._devices = [
            (device, Monitoring(device.programme, key=key, signals=parameters["home_signals"])) for device in devices
        ]
        self._monitored_until = np.full(len(people), -1)
        self._answer_on = np.full(len(people), -1)
        self._alive = people["alive"].astype(np.float64)
        self._start = self._alive.copy()
        self._sums = {
            name: np.zeros(len(people)) for name in CounterfactualOutcomes._fields if name not in ("death", "reactions")
        }
        self._failed = np.zeros(len(people), np.bool_)
        self._present = reactions_present(people)
        self._reacted = np.zeros_like(self._present)

    def advance_day(self, physiology: Physiology, today: int, day: int) -> None:
        """Advance all members by one day; `day` counts from the decision."""
        people, care = self._people, self._care
        for index, option in enumerate(self._options):
            self._do(option, index, today, day)
        physiology.advance(people, Clock(today))
        care.review(today)
        self._count(physiology, today)
        self._watch(today, day)
        presents = care.treat(today)
        self._failed |= presents & (people["acute_cause"] == code.CAUSE_HEART_FAILURE)
        people["onset"] = 0
        people["acute_cause"] = 0

    def totals(self) -> CounterfactualOutcomes:
        """The outcomes so far."""
        sums = {name: total.reshape(self._shape) for name, total in self._sums.items()}
        death = (self._start - self._alive).reshape(self._shape)
        reactions = (self._reacted | self._present).reshape((len(KINDS), *self._shape))
        return CounterfactualOutcomes(**sums, death=death, reactions=reactions)

    def _do(self, option: TherapyOption, index: int, today: int, day: int) -> None:
        """Make today's changes of an option in members whose wait is over."""
        rows = np.arange(len(self._people)).reshape(self._shape)[:, index]
        for change in option.changes:
            due = rows[self._waits[index] + change.after_days == day].ravel()
            if isinstance(change, DoseChange):
                change_dose(self._people, change, due, guarded=day > 0)
            elif isinstance(change, Visit):
                seen = due[self._care.at_home[due]]
                self._care.visit(seen, today, with_drugs=change.clinician != "nurse")
                self._spend(seen, self._valuation.visit(change.clinician))
            else:
                self._monitored_until[due] = day + change.programme.duration_days

    def _spend(self, rows: NDArray[np.int64], price: float) -> None:
        """Charge a price of the option to these rows, where alive."""
        self._sums["cost"][rows] += price * self._alive[rows]
        self._sums["own_cost"][rows] += price * self._alive[rows]

    def _count(self, physiology: Physiology, today: int) -> None:
        """Add the day's QALYs, costs and probabilities of events."""
        people, home, sums = self._people, self._care.at_home, self._sums
        hazards = hazards_of_presenting(physiology.influences, people, self._parameters, today)
        total = hazards.sum(axis=0)
        chance = np.where(home, -np.expm1(-total), 0.0) * self._alive
        failure = hazards[code.CAUSE_HEART_FAILURE - 1] / np.maximum(total, 1e-300)
        admissions = chance + self._care.sent * self._alive
        sums["admissions"] += admissions
        sums["decompensation"] += np.where(self._failed, 0.0, chance * failure)
        sums["cost"] += admissions * self._valuation.admission
        self._alive *= np.exp(-people["death_hazard_per_day"].astype(np.float64))
        sums["qaly"] += self._alive * self._valuation.utility(people, home) / DAYS_PER_YEAR
        drugs = np.where(home, self._valuation.drugs(people), 0.0) * self._alive
        sums["cost"] += drugs
        sums["own_cost"] += drugs
        now = reactions_present(people)
        self._reacted |= now & ~self._present
        self._present = now

    def _watch(self, today: int, day: int) -> None:
        """Telemonitoring: measurements, alerts, and the nurse's responses to earlier alerts."""
        due = np.flatnonzero((self._answer_on == day) & self._care.at_home)
        self._care.visit(due, today, with_drugs=False)
        monitored = self._monitored_until > day
        if not monitored.any():
            return
        people = self._people
        for device, monitoring in self._devices:
            uses = monitored & self._uses(device)
            price = device.programme.cost_per_day
            self._spend(np.flatnonzero(uses), self._valuation.prices["telemonitoring_day"] if price is None else price)
            people["telemonitored"] = uses
            monitoring.observe(people, Clock(today))
            answered = (people["alert"] > 0) & (people["alert"] & code.ALERT_IGNORED == 0)
            alerts = np.flatnonzero(uses & answered)
            self._answer_on[alerts] = day + device.answered_after_days

    def _uses(self, device: HomeMonitoring) -> NDArray[np.bool_]:
        """Rows whose option includes this device."""
        has = [any(change == device for change in option.changes) for option in self._options]
        return np.broadcast_to(np.array(has)[None, :, None], self._shape).ravel()


def reactions_present(people: Population) -> NDArray[np.bool_]:
    """Adverse reactions present today, (kinds, rows)."""
    return np.stack([(people["reaction"] & bit) > 0 for bit in KINDS.values()])
