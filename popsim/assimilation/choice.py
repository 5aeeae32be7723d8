"""The choice of therapy: options simulated on a belief and compared by expected net benefit, and what forbids them.

docs/explanation/assimilation.md states the rule of the choice. Outcomes after the horizon count for nothing: it should
be long enough for the effects of the options. For research, not for care.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from popsim.arguments import real_number, whole_number
from popsim.assimilation.belief import Belief
from popsim.assimilation.counterfactuals import KINDS, CounterfactualOutcomes, simulate_options
from popsim.assimilation.ensemble import Ensemble
from popsim.assimilation.options import NOTHING, Refusal, change_dose, check_options, dose_changes, refusals
from popsim.definitions.options import TherapyOption
from popsim.errors import InputError
from popsim.evidence.parameters import ParameterSet
from popsim.evidence.sets import Parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.statistics import weighted_quantile, z_quantile

NOTICE = "For research, not for care."
NOT_FORBIDDEN, CONTRAINDICATED, TOO_RISKY, TOO_DEAR, IDLE = range(5)
MAX_DAYS = 3653


@dataclass(frozen=True)
class Comparison:
    """Options compared for persons; arrays are (persons, options) or (persons, options, members).

    Attributes:
        options: doing nothing among them.
        nothing: index of doing nothing.
        ensemble: the belief on which the options were compared, before any change.
        seen: observed values that the rules used where there were any, (persons,) by column.
        futures: simulated outcomes of every member under every option.
        willingness_to_pay: for a QALY.
        horizon_days: length of the simulated horizon.
        refusals: for each option the rules that may forbid it, with (persons,) where they do.
        forbidden: (persons, options), NOT_FORBIDDEN or the reason.
        parameters: the set therapy_choice.
    """

    options: tuple[TherapyOption, ...]
    nothing: int
    ensemble: Ensemble
    seen: Mapping[str, NDArray[np.float64]]
    simulated: CounterfactualOutcomes
    willingness_to_pay: float
    horizon_days: int
    refusals: tuple[tuple[tuple[Refusal, NDArray[np.bool_]], ...], ...]
    forbidden: NDArray[np.int8]
    parameters: ParameterSet

    @property
    def weights(self) -> NDArray[np.float64]:
        """Weights of the members, (persons, members)."""
        return self.ensemble.weights()

    @property
    def allowed(self) -> NDArray[np.bool_]:
        """Which options nothing forbids, (persons, options)."""
        return np.asarray(self.forbidden == NOT_FORBIDDEN)

    @property
    def net_benefit(self) -> NDArray[np.float64]:
        """Net monetary benefit of every member, (persons, options, members)."""
        return np.asarray(self.willingness_to_pay * self.simulated.qaly - self.simulated.cost)

    @property
    def gain(self) -> NDArray[np.float64]:
        """Incremental net benefit of every member against doing nothing, (persons, options, members)."""
        benefit = self.net_benefit
        return np.asarray(benefit - benefit[:, [self.nothing]])

    def expected(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected value over members, (persons, options)."""
        return np.asarray((values * self.weights[:, None]).sum(axis=2))

    def standard_error(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Monte Carlo standard error of the expected value, (persons, options)."""
        return _standard_error(values, self.weights[:, None])

    def interval(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Monte Carlo confidence interval of the expected value: (low, high), (persons, options) each."""
        mean, half = self.expected(values), self._z * self.standard_error(values)
        return mean - half, mean + half

    def spread(
        self, values: NDArray[np.float64], level: float = 0.9
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The interval that holds this share of the members: uncertainty about the person, and chance."""
        persons, options, members = values.shape
        weights = np.repeat(self.weights, options, axis=0)
        flat = np.ascontiguousarray(values, np.float64).reshape(-1, members)
        low, high = (weighted_quantile(flat, weights, q) for q in (0.5 - level / 2, 0.5 + level / 2))
        return low.reshape(persons, options), high.reshape(persons, options)

    def chances(self, name: str) -> NDArray[np.float64]:
        """Probability of `death` or `decompensation`, or whether a reaction of one kind or of any (`reaction`) occurs.

        (persons, options, members); daily probabilities add up and may exceed 1 in a member.
        """
        if name in ("death", "decompensation"):
            return np.asarray(getattr(self.simulated, name))
        reactions = self.simulated.reactions
        found = reactions.any(axis=0) if name == "reaction" else reactions[list(KINDS).index(name)]
        return np.asarray(found, np.float64)

    def risk(self, name: str) -> NDArray[np.float64]:
        """Probability of what `chances` names, (persons, options)."""
        return np.minimum(self.expected(self.chances(name)), 1.0)

    def excess(self, name: str) -> NDArray[np.float64]:
        """The chances minus those of doing nothing, (persons, options, members): for `expected` and `interval`."""
        chances = self.chances(name)
        return np.asarray(chances - chances[:, [self.nothing]])

    def risk_difference(self, name: str) -> NDArray[np.float64]:
        """The probability minus that of doing nothing, (persons, options)."""
        risk = self.risk(name)
        return np.asarray(risk - risk[:, [self.nothing]])

    @property
    def probability_best(self) -> NDArray[np.float64]:
        """Weight of the members in whom the option is the best of those allowed; ties share it."""
        benefit = np.where(self.allowed[:, :, None], self.net_benefit, -np.inf)
        winners = (benefit == benefit.max(axis=1, keepdims=True)).astype(np.float64)
        return self.expected(winners / winners.sum(axis=1, keepdims=True))

    @property
    def best(self) -> NDArray[np.int64]:
        """The allowed option of the highest expected net benefit, (persons,); doing nothing wins ties."""
        expected = np.where(self.allowed, self.expected(self.gain), -np.inf)
        first = np.argmax(expected, axis=1)
        ties = expected[:, self.nothing] >= expected.max(axis=1)
        return np.where(ties, self.nothing, first)

    @property
    def runner_up(self) -> NDArray[np.int64]:
        """The next best allowed option, (persons,); the best itself where nothing else is allowed."""
        expected = np.where(self.allowed, self.expected(self.gain), -np.inf)
        everybody, best = np.arange(len(expected)), self.best
        expected[everybody, best] = -np.inf
        second = np.argmax(expected, axis=1)
        return np.where(np.isinf(expected.max(axis=1)), best, second)

    @property
    def sure(self) -> NDArray[np.bool_]:
        """Whether the best differs from the runner-up by more than Monte Carlo error, (persons,)."""
        best, second = self.best, self.runner_up
        return np.asarray((best == second) | self.distinguishable(best, second))

    @property
    def recommended(self) -> NDArray[np.int64]:
        """The best, if its gain exceeds Monte Carlo error or doing nothing is forbidden; else doing nothing."""
        best, nothing = self.best, np.full(self.ensemble.persons, self.nothing)
        return np.where(self.distinguishable(best, nothing) | ~self.allowed[:, self.nothing], best, nothing)

    def distinguishable(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether the interval of the expected paired difference between two options of each person excludes 0."""
        difference = self.difference(one, other)
        mean = (difference * self.weights).sum(axis=1)
        return np.asarray(np.abs(mean) > self._z * _standard_error(difference, self.weights))

    def difference(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
        """Net benefit of one option minus that of another for each person, (persons, members)."""
        benefit, everybody = self.net_benefit, np.arange(self.ensemble.persons)
        return np.asarray(benefit[everybody, one] - benefit[everybody, other])

    def frame(self, person: int = 0) -> pl.DataFrame:
        """One row per option for one person, the best first, forbidden options last.

        Columns: option, label, gain (incremental net benefit against doing nothing), low and high (its Monte Carlo
        confidence interval), member_low and member_high (90% of the members), probability_best, qaly and cost (both
        incremental), risk_<death, decompensation, reaction> with their differences to doing nothing and the intervals
        of these (_low, _high), allowed, recommended.
        """
        beyond = [values - values[:, [self.nothing]] for values in (self.simulated.qaly, self.simulated.cost)]
        low, high = self.interval(self.gain)
        member_low, member_high = self.spread(self.gain)
        columns = {
            "gain": self.expected(self.gain),
            "low": low,
            "high": high,
            "member_low": member_low,
            "member_high": member_high,
            "probability_best": self.probability_best,
            "qaly": self.expected(beyond[0]),
            "cost": self.expected(beyond[1]),
        }
        for name in ("death", "decompensation", "reaction"):
            difference = f"risk_difference_{name}"
            lowest, highest = self.interval(self.excess(name))
            columns |= {f"risk_{name}": self.risk(name), difference: self.risk_difference(name)}
            columns |= {f"{difference}_low": lowest, f"{difference}_high": highest}
        table = pl.DataFrame(
            {"option": [one.name for one in self.options], "label": [one.title for one in self.options]}
            | {name: values[person] for name, values in columns.items()}
            | {
                "allowed": self.allowed[person],
                "recommended": np.arange(len(self.options)) == self.recommended[person],
            }
        )
        return table.sort("allowed", "gain", descending=True, maintain_order=True)

    def reasons_against(self, place: int, person: int) -> Iterator[Refusal]:
        """The rules that forbid an option to a person."""
        return (rule for rule, where in self.refusals[place] if where[person])

    def first_dose(self, place: int, column: str) -> NDArray[np.float64]:
        """Mean dose over the members after an option's first changes, (persons,)."""
        people, everybody = self.ensemble.people.copy(), np.arange(len(self.ensemble.people))
        for change in dose_changes(self.options[place]):
            if change.after_days == 0:
                change_dose(people, change, everybody, guarded=False)
        doses = people[column].reshape(self.ensemble.persons, -1).astype(np.float64)
        return np.asarray((doses * self.weights).sum(axis=1))

    @property
    def _z(self) -> float:
        return z_quantile(self.parameters["confidence"])


def compare(
    belief: Belief,
    options: Sequence[TherapyOption],
    horizon_days: int = 180,
    *,
    persons: NDArray[np.int64] | None = None,
    seen: Mapping[str, ArrayLike] | None = None,
    waits: Mapping[str, ArrayLike] | None = None,
    willingness_to_pay: float = 20_000.0,
    highest_risk: float | None = None,
    budget: ArrayLike | None = None,
    parameters: Parameters,
    key: RandomKey = RandomKey(),
) -> Comparison:
    """Simulate the members of a belief under every option, and compare.

    Args:
        belief: not changed.
        options: what may be done; doing nothing is added where it is not among them.
        horizon_days: length of the simulation.
        persons: indices of the persons to compare for; all when None.
        seen: last observed values of each of them by column, (persons,), NaN where there are none; the rules use them.
        waits: days until each of them has a contact in a contact setting, by its name, one number or (persons,); it
            replaces the wait that an option names. Observed waits: `outcomes.utilisation.contact_waits`.
        willingness_to_pay: for a QALY, in the currency of the prices.
        highest_risk: maximum risk of an adverse reaction within the horizon, 0 to 1; no limit when None.
        budget: for the incremental cost of drugs, devices and visits, one number or (persons,); no limit when None.
        parameters: sets by name.
        key: of the errors of home devices.

    Raises:
        InputError: an option is not available to these people, or a number is out of bounds.
    """
    _check_numbers(horizon_days, willingness_to_pay, highest_risk)
    ensemble = belief.ensemble if persons is None else belief.ensemble.chosen(persons)
    listed = tuple(options) if any(not one.changes for one in options) else (NOTHING, *options)
    check_options(listed)
    nothing = next(place for place, one in enumerate(listed) if not one.changes)
    rules = parameters["therapy_choice"]
    known = {name: _each(values, ensemble.persons, name) for name, values in (seen or {}).items()}
    simulated = simulate_options(
        ensemble,
        belief.physiology,
        listed,
        first_day=belief.day + 1,
        days=horizon_days,
        waits=_waits(listed, waits or {}, ensemble.persons),
        parameters=parameters,
        key=key,
    )
    against = tuple(tuple(refusals(ensemble, one, known, rules["majority"])) for one in listed)
    comparison = Comparison(
        options=listed,
        nothing=nothing,
        ensemble=ensemble,
        seen=known,
        simulated=simulated,
        willingness_to_pay=willingness_to_pay,
        horizon_days=horizon_days,
        refusals=against,
        forbidden=np.zeros((ensemble.persons, len(listed)), np.int8),
        parameters=rules,
    )
    limit = None if budget is None else _each(budget, ensemble.persons, "budget")
    _forbid(comparison, highest_risk, limit)
    return comparison


def _forbid(comparison: Comparison, highest_risk: float | None, budget: NDArray[np.float64] | None) -> None:
    """Set which options are forbidden and why; contraindications come before the budget, the budget before risks."""
    forbidden, simulated = comparison.forbidden, comparison.simulated
    same = [values == values[:, [comparison.nothing]] for values in (simulated.qaly, simulated.cost)]
    forbidden[(same[0] & same[1]).all(axis=2)] = IDLE
    forbidden[:, comparison.nothing] = NOT_FORBIDDEN
    if budget is not None:
        cost = comparison.expected(simulated.own_cost - simulated.own_cost[:, [comparison.nothing]])
        forbidden[cost > budget[:, None]] = TOO_DEAR
    for place, rules in enumerate(comparison.refusals):
        for _, where in rules:
            forbidden[where, place] = CONTRAINDICATED
    if highest_risk is not None:
        risk = comparison.risk("reaction")
        within = risk <= highest_risk
        lowest = risk <= risk[:, [comparison.nothing]]
        borne = np.where((within & comparison.allowed).any(axis=1)[:, None], within, lowest)
        forbidden[comparison.allowed & ~borne] = TOO_RISKY


def _standard_error(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard error of a weighted mean over the last axis; with equal weights, the sample's sd over root n."""
    mean = (values * weights).sum(axis=-1, keepdims=True)
    squares = weights**2
    rest = np.maximum(1.0 - squares.sum(axis=-1), 1e-12)
    return np.asarray(np.sqrt((squares * (values - mean) ** 2).sum(axis=-1) / rest))


def _waits(options: Sequence[TherapyOption], waits: Mapping[str, ArrayLike], persons: int) -> NDArray[np.int64]:
    """Days until the first change of each option, (options, persons)."""
    found = np.empty((len(options), persons), np.int64)
    for place, option in enumerate(options):
        given = waits.get(option.setting) if option.setting is not None else None
        wait = option.wait_days if given is None else given
        found[place] = np.ceil(_each(wait, persons, f"wait for {option.setting}"))
    if found.size and found.min() < 0:
        raise InputError("waits: must not be negative")
    return found


def _each(values: ArrayLike, persons: int, what: str) -> NDArray[np.float64]:
    """One number for all persons, or one per person, as one per person."""
    array = np.asarray(values, np.float64)
    if array.shape not in ((), (persons,)):
        raise InputError(f"{what}: has shape {array.shape}, must be one number or ({persons},)")
    return np.broadcast_to(array, (persons,))


def _check_numbers(horizon_days: int, willingness_to_pay: float, highest_risk: float | None) -> None:
    whole_number("horizon_days", horizon_days, 1, MAX_DAYS)
    real_number("willingness_to_pay", willingness_to_pay, 0.0)
    if highest_risk is not None:
        real_number("highest_risk", highest_risk, 0.0, 1.0)
