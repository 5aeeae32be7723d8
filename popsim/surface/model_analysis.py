"""The doors of an experiment for a model of one's own: decision, value of information, tornado, budget, checks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.analyses.contrast import NET_BENEFIT, Contrast
from popsim.analyses.decision_view import DecisionView
from popsim.analyses.information import UncertainRun
from popsim.analyses.sensitivity.parameters import HIGH, LOW, Varied
from popsim.analyses.sensitivity.ways import one_way
from popsim.arguments import whole_number
from popsim.economics.budget import TOTAL, budget_impact
from popsim.economics.checks import check_price
from popsim.economics.cost_effectiveness import QALYS, net_benefit
from popsim.economics.decision import Decision, acceptability, choice_table
from popsim.economics.information import ProposedStudy, information, perfect_information, sample_information
from popsim.errors import InputError, did_you_mean
from popsim.evidence.draws import uncertain_parameters
from popsim.evidence.parameters import ParameterSet
from popsim.microsimulation.base import Model
from popsim.microsimulation.decision_tree import DecisionTree
from popsim.microsimulation.result import MEASURES, Microsimulation
from popsim.microsimulation.timing import Discounting
from popsim.numbers import read_number
from popsim.surface.plots import ModelPlots
from popsim.surface.wording import for_python

SPENDING = "spending_year_{}.programme"  # the payer pays for it


@dataclass(frozen=True, kw_only=True)
class ModelAnalysis:
    """A model of one's own, run, and everything that a decision asks of it.

        study = ps.ModelAnalysis(model=model, comparator="usual", willingness_to_pay=20_000, draws=1000, seed=1)
        study.decide()
        study.evppi()
        study.one_way()

    Attributes:
        model: of any kind.
        comparator: name of one of its strategies.
        willingness_to_pay: for a QALY, in the currency of the model's costs.
        seed: first word of the random key.
        individuals: how many, or a table of their traits.
        draws: number of parameter draws, or a table of them; 0: the base case alone.
        replications: of each draw. Two or more let Monte Carlo error be told from parameter uncertainty.
        exact: expected values of a cohort instead of a simulation.
        currency: of the costs, as figures show it.
        titles: of the strategies, by name; the names themselves where there is none.
    """

    model: Model
    comparator: str
    willingness_to_pay: float
    seed: int
    individuals: int | pl.DataFrame | Mapping[str, Any] = 10_000
    draws: int | pl.DataFrame = 0
    replications: int = 1
    exact: bool = False
    currency: str = "units"
    titles: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.comparator not in self.model.strategies:
            raise InputError(f"comparator {self.comparator!r}: {did_you_mean(self.comparator, self.model.strategies)}")
        if len(self.model.strategies) < 2:
            raise InputError("strategies: there is one, so that there is nothing to compare")
        check_price(self.willingness_to_pay)

    @cached_property
    def result(self) -> Microsimulation:
        """The run, made when first asked for."""
        return self._run(self.model, self.draws, self.replications)

    @cached_property
    def base_case(self) -> Microsimulation:
        """One run without parameter draws."""
        return self._run(self.model, 0, 1)

    @cached_property
    def decision(self) -> Decision:
        """Cost and QALYs of every strategy in every draw."""
        return Decision.of(self.result.measures, self.comparator)

    def decide(self, willingness_to_pay: float | None = None, effect: str = QALYS) -> pl.DataFrame:
        """Which strategy to choose, in the columns of `Run.decide`."""
        price = self._price(willingness_to_pay)
        decision = Decision.of(self.result.measures, self.comparator, effect)
        gains = net_benefit(self.result.measures, self.comparator, price, effect)
        return choice_table(decision, gains, price, with_draws=len(decision.draws) > 1)

    def acceptability(self, willingness_to_pay: float | Iterable[float] | None = None) -> pl.DataFrame:
        """Acceptability curves and their frontier: see `popsim.economics.decision.acceptability`."""
        return acceptability(
            self.decision, self.willingness_to_pay if willingness_to_pay is None else willingness_to_pay
        )

    def evpi(self, willingness_to_pay: Iterable[float] | None = None) -> pl.DataFrame:
        """Value of perfect information per person, over a grid of willingness to pay."""
        return perfect_information(
            self.decision, [self.willingness_to_pay] if willingness_to_pay is None else willingness_to_pay
        )

    def evppi(
        self, groups: Mapping[str, Sequence[str]] | None = None, willingness_to_pay: float | None = None
    ) -> pl.DataFrame:
        """Value per person of knowing each parameter, or each group of them."""
        return information(self.decision, self._draws, self._price(willingness_to_pay), groups)

    def evsi(
        self, parameter: str, standard_deviation: float, people: Sequence[int], willingness_to_pay: float | None = None
    ) -> pl.DataFrame:
        """Value per person of studies of one parameter.

        Args:
            parameter: a column of the draws.
            standard_deviation: of one person's observation, in its unit.
            people: sizes of the studies.
            willingness_to_pay: for a QALY; the analysis's own when None.
        """
        study = ProposedStudy(parameter, standard_deviation, people)
        return sample_information(self.decision, self._draws, self._price(willingness_to_pay), study, self.seed)

    def one_way(self, parameters: Sequence[str] = (), *, outcome: str = NET_BENEFIT) -> pl.DataFrame:
        """One parameter at a time at both ends of its range: what a tornado shows.

        Args:
            parameters: names, or "name=low:high" for a range of one's own; by default all that are uncertain, over
                their central 95% intervals.
            outcome: "net_monetary_benefit", "icer", "cost_total", "qalys" or "life_years".

        Raises:
            InputError: a parameter is unknown, named twice or without a range.
        """
        compared = [
            Contrast(name, self.comparator, outcome, self.willingness_to_pay)
            for name in self.model.strategies
            if name != self.comparator
        ]

        def evaluate(names: Sequence[str], values: NDArray[np.float64]) -> pl.DataFrame:
            rows = [pl.DataFrame([row], list(names), orient="row") for row in values.tolist()]  # draw 1: the same luck
            runs = [self._run(self.model, row, self.replications).measures for row in rows]
            return pl.concat(
                [run.with_columns(draw=pl.lit(row, run["draw"].dtype)) for row, run in enumerate(runs, start=1)]
            )

        return one_way(self._varied(parameters), compared, evaluate)

    def budget(self, eligible: float | Sequence[float], uptake: Sequence[float]) -> pl.DataFrame:
        """What adopting each strategy instead of the comparator does to a budget, by year, not discounted.

        Args:
            eligible: people who become eligible, each year or year by year.
            uptake: share of them that has the strategy, year by year.

        Returns:
            strategy, year, current_mix, new_mix, net, and the Monte Carlo interval of net (low, high).

        Raises:
            InputError: a number is out of bounds, or the model's time is no whole number of cycles a year.
        """
        people = list(eligible) if isinstance(eligible, Sequence) else [float(eligible)] * len(uptake)
        measures = self._spending(len(uptake))
        others = [name for name in self.model.strategies if name != self.comparator]
        impacts = {name: budget_impact(measures, self.comparator, name, people, uptake) for name in others}
        return pl.concat(
            [
                table.filter(pl.col("component") == TOTAL).select(
                    pl.lit(name).alias("strategy"), pl.exclude("component")
                )
                for name, table in impacts.items()
            ]
        )

    @property
    def plot(self) -> ModelPlots:
        """The figures: `study.plot.plane()`, `study.plot.acceptability(ax=ax)`, `study.plot.tornado("treated")` ..."""
        timing, run = self.model.timing, self.result
        years = timing.cycles * timing.cycle_years
        view = DecisionView(
            {name: self.titles.get(name, name) for name in self.model.strategies},
            self.comparator,
            run.measures,
            self.willingness_to_pay,
            self.currency,
            len(run.draws),
            self.seed,
            f"{years:g} years",
            self.currency,
            lambda: UncertainRun(self._draws, (), {}, ""),
        )
        return ModelPlots(view, self.one_way)

    def verify(self) -> pl.DataFrame:
        """Black-box checks of the model: check, holds (null where it does not apply), saw."""
        rows = [(title, *check(self)) for title, check in CHECKS.items()]
        return pl.DataFrame(rows, {"check": pl.String, "holds": pl.Boolean, "saw": pl.String}, orient="row")

    @property
    def _draws(self) -> pl.DataFrame:
        """The draws with their numbers."""
        table = self.result.draws
        return table if "draw" in table.columns else table.with_row_index("draw", 1).cast({"draw": pl.Int64})

    def _price(self, willingness_to_pay: float | None) -> float:
        return float(self.willingness_to_pay if willingness_to_pay is None else willingness_to_pay)

    def _run(self, model: Model, draws: int | pl.DataFrame, replications: int) -> Microsimulation:
        return model.run(
            self.individuals, seed=self.seed, draws=draws, replications=replications, exact=self.exact
        )  # fmt: skip

    def _varied(self, parameters: Sequence[str]) -> list[Varied]:
        own = self.model.parameters
        known = uncertain_parameters({own.name: own}, (), own.name) if isinstance(own, ParameterSet) else None
        ranges = {name.partition(".")[2]: known.distributions[name] for name in known.names} if known else {}
        chosen = list(parameters) or list(ranges)
        if not chosen:
            raise InputError("no parameter is uncertain, name some with ranges: name=low:high")
        found = []
        for text in chosen:
            name, given, span = text.partition("=")
            if name not in own:
                raise InputError(f"parameter '{name}': {did_you_mean(name, own)}")
            setter = next((strategy for strategy, changes in self.model.strategies.items() if name in changes), None)
            if setter is not None:
                raise InputError(
                    f"parameter '{name}': strategy '{setter}' sets it itself; vary one that no strategy sets"
                )
            if given:
                low, high = _range(text, span)
            elif name in ranges:
                low, high = ranges[name].quantile(np.array([LOW, HIGH])).tolist()
            else:
                raise InputError(f"parameter '{name}': it has no uncertainty, give a range: {name}=low:high")
            unit = own.of(name).unit if isinstance(own, ParameterSet) else ""
            found.append(Varied(name, unit, float(own[name]), low, high))
        if len({one.name for one in found}) < len(found):
            raise InputError("parameters: one is named twice")
        return found

    def _spending(self, years: int) -> pl.DataFrame:
        """Cost per person in each year since the start: differences of runs that end a year later each."""
        years = whole_number("years of the budget", years, 1, 100)
        if isinstance(self.model, DecisionTree):
            raise InputError("budget: a tree does not say when its costs fall; ask the model behind it")
        cycles = 1.0 / self.model.timing.cycle_years
        if abs(cycles - round(cycles)) > 1e-6:
            raise InputError(f"budget: needs a whole number of cycles a year, there are {cycles:g}")
        last = min(years, math.ceil(self.model.timing.cycles / cycles))
        parts, before = [], None
        for year in range(1, last + 1):
            timing = replace(self.model.timing, cycles=min(round(year * cycles), self.model.timing.cycles))
            model = replace(self.model, timing=timing, discounting=Discounting(0.0, 0.0))
            table = self._run(model, self.draws, self.replications).measures.filter(pl.col("measure") == MEASURES[0])
            spent = table["value"] if before is None else table["value"] - before
            parts.append(table.with_columns(measure=pl.lit(SPENDING.format(year)), value=spent))
            before = table["value"]
        return pl.concat(parts)


type Checked = tuple[bool | None, str]


def _same_again(study: ModelAnalysis) -> Checked:
    once, twice = study.base_case.means, study._run(study.model, 0, 1).means
    return bool(np.array_equal(once, twice)), f"largest difference {np.abs(once - twice).max():g}"


def _alive_in_range(study: ModelAnalysis) -> Checked:
    result = study.base_case
    people = result.counts.sum(axis=-1)
    off = float(np.abs(people - len(result.person_id)).max())
    return off <= 1e-6 * len(result.person_id), f"people lost at any point: {off:g}"


def _nothing_is_free_of_value(study: ModelAnalysis) -> Checked:
    model = study.model
    if not hasattr(model, "utilities"):
        return None, "the model has no utilities"
    changes: dict[str, Any] = {"utilities": lambda p: {}, "costs": lambda p: {}}
    changes |= {name: None for name in ("transition_costs", "transition_qalys", "leaving_costs", "leaving_qalys")
                if hasattr(model, name)}  # fmt: skip
    means = study._run(replace(model, **changes), 0, 1).means
    return bool((means[..., :2] == 0.0).all()), f"cost and QALYs up to {np.abs(means[..., :2]).max():g}"


def _discounting_lowers(study: ModelAnalysis) -> Checked:
    if isinstance(study.model, DecisionTree):
        return None, "a tree has no time"
    free, dear = (
        study._run(replace(study.model, discounting=Discounting(rate, rate)), 0, 1).means for rate in (0.0, 0.1)
    )
    lower = bool(
        (np.abs(dear[..., :2]) <= np.abs(free[..., :2]) + 1e-9).all() and np.allclose(dear[..., 2], free[..., 2])
    )
    return lower, f"QALYs {free[0, 0, 1]:.4g} undiscounted, {dear[0, 0, 1]:.4g} at 10% a year"


def _simulation_agrees(study: ModelAnalysis) -> Checked:
    if study.model.always_exact:
        return None, "the model is always evaluated exactly"
    try:
        exact = study.model.run(study.individuals, seed=study.seed, exact=True).means
    except InputError as error:
        return None, str(error)
    simulated = study.model.run(study.individuals, seed=study.seed)
    spread = np.sqrt(simulated.variances / len(simulated.person_id))
    off = np.nan_to_num(np.abs(simulated.means - exact) / np.where(spread > 0.0, spread, np.inf))
    return bool((off < 4.5).all()), f"largest distance {off.max():.1f} standard errors"


CHECKS: dict[str, Callable[[ModelAnalysis], Checked]] = {
    "The same seed gives the same results": _same_again,
    "Everybody is in one state at every point": _alive_in_range,
    "Without costs and utilities nothing is counted": _nothing_is_free_of_value,
    "A discount rate lowers costs and QALYs, not life years": _discounting_lowers,
    "Simulated means agree with the exact cohort": _simulation_agrees,
}


def _range(text: str, span: str) -> tuple[float, float]:
    try:
        low, high = (read_number(end) for end in span.split(":"))
    except ValueError:
        raise InputError(f"parameter '{text}': a range is written name=low:high") from None
    if not low < high:
        raise InputError(f"parameter '{text}': low must be below high")
    return low, high


for_python(ModelAnalysis)
