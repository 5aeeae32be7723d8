"""The doors of an experiment for a model of one's own: decision, value of information, tornado, budget, checks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.analyses.contrast import NET_BENEFIT, Contrast
from popsim.analyses.decision_view import DecisionView, StudyFacts
from popsim.analyses.information import UncertainRun
from popsim.analyses.sensitivity.parameters import Varied, varied_of
from popsim.analyses.sensitivity.ways import one_way
from popsim.arguments import whole_number
from popsim.definitions.base import validate
from popsim.definitions.experiment import Cheers
from popsim.definitions.market import MarketShares
from popsim.economics.budget import TOTAL, budgets_of_adoption, market_impact
from popsim.economics.checks import check_price
from popsim.economics.cost_effectiveness import QALYS, net_benefit, paired_differences
from popsim.economics.decision import Decision, acceptability, choice_table
from popsim.economics.information import ProposedStudy, information, perfect_information, sample_information
from popsim.errors import InputError, did_you_mean
from popsim.microsimulation.base import Model
from popsim.microsimulation.decision_tree import DecisionTree
from popsim.microsimulation.result import MEASURES, Microsimulation
from popsim.microsimulation.timing import Discounting
from popsim.reporting.intervals import readable
from popsim.reporting.pages.model import write_model_report
from popsim.surface.model_checks import findings
from popsim.surface.model_report import horizon_of, horizon_years, kind_in_words, report_of, uncertain_of
from popsim.surface.plots import ModelPlots
from popsim.surface.wording import for_python

PEOPLE = 1000  # about whom the answer says what they cost in all
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
        title, description: of the study: its name and its question.
        information_groups: parameters that one study would inform together, by its name.
        cheers: what readers must know, by heading: the keys of an experiment's [cheers].
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
    title: str = ""
    description: str = ""
    information_groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    cheers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.comparator not in self.model.strategies:
            raise InputError(f"comparator {self.comparator!r}: {did_you_mean(self.comparator, self.model.strategies)}")
        if len(self.model.strategies) < 2:
            raise InputError("strategies: there is one, so that there is nothing to compare")
        check_price(self.willingness_to_pay)
        for name in self.titles:
            if name not in self.model.strategies:
                raise InputError(f"titles: {did_you_mean(name, self.model.strategies)}")
        validate(dict(self.cheers), Cheers, "cheers")

    @cached_property
    def result(self) -> Microsimulation:
        """The run, made when first asked for."""
        return self.run_of(self.model, self.draws, self.replications)

    @cached_property
    def base_case(self) -> Microsimulation:
        """One run without parameter draws."""
        return self.run_of(self.model, 0, 1)

    @cached_property
    def decision(self) -> Decision:
        """Cost and QALYs of every strategy in every draw."""
        return Decision.of(self._measures, self.comparator)

    def decide(self, willingness_to_pay: float | None = None, effect: str = QALYS) -> pl.DataFrame:
        """Which strategy to choose, in the columns of `Run.decide`."""
        price = self._price(willingness_to_pay)
        decision = Decision.of(self._measures, self.comparator, effect)
        gains = readable(net_benefit(self._measures, self.comparator, price, effect), self.view)
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
            runs = [self.run_of(self.model, row, self.replications).measures for row in rows]
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
        measures = self.spending(len(uptake))
        table = budgets_of_adoption(measures, self.comparator, self.model.strategies, eligible, uptake)
        return table.filter(pl.col("component") == TOTAL).drop("component")

    def market_budget(
        self,
        eligible: float | Sequence[float],
        current: Mapping[str, Sequence[float]],
        new: Mapping[str, Sequence[float]],
        *,
        switching: bool = False,
    ) -> pl.DataFrame:
        """What a new mix of strategies instead of the current one does to a budget, by year, not discounted.

        Args:
            eligible: people who become eligible, each year or year by year.
            current, new: shares of people by strategy, year by year; those of a year sum to 1.
            switching: whether people switch as shares move; otherwise they keep the strategy of their year.

        Returns:
            year, current_mix, new_mix, net, and the Monte Carlo interval of net (low, high).
        """
        market = MarketShares.of(eligible, current, new, switching, self.model.strategies)
        table = market_impact(self.spending(len(market.eligible)), market)
        return table.filter(pl.col("component") == TOTAL).drop("component")

    @property
    def plot(self) -> ModelPlots:
        """The figures: `study.plot.plane()`, `study.plot.acceptability(ax=ax)`, `study.plot.tornado("treated")` ..."""
        return ModelPlots(self.view, self.one_way)

    def report(
        self,
        path: Path | str = "report.html",
        *,
        eligible: float | Sequence[float] | None = None,
        uptake: Sequence[float] = (),
    ) -> Path:
        """Write one HTML page: the answer, tables, figures, methods, checks, parameters and provenance.

        Args:
            path: a .html file in a folder that exists.
            eligible, uptake: as for `budget`, to have its table too.

        Raises:
            InputError: the name does not end in .html, the file cannot be written, or a number is out of bounds.
        """
        path = Path(path)
        if path.suffix != ".html" or path.is_dir() or not path.parent.is_dir():
            raise InputError(f"report: {path}: must be the path of a .html file in a folder that exists")
        return write_model_report(report_of(self, None if eligible is None else self.budget(eligible, uptake)), path)

    def verify(self) -> pl.DataFrame:
        """Black-box checks of the model: check, holds (null where it does not apply), saw."""
        rows = [(one.title, one.holds, one.saw) for one in findings(self)]
        return pl.DataFrame(rows, {"check": pl.String, "holds": pl.Boolean, "saw": pl.String}, orient="row")

    @cached_property
    def view(self) -> DecisionView:
        """What texts, figures and pages of the decision show."""
        run, years, exact = self.result, horizon_years(self.model), self.exact or self.model.always_exact
        groups = {name: list(members) for name, members in self.information_groups.items()}
        batches = not len(run.draws) and self._measures["replication"].n_unique()
        return DecisionView(
            title=self.title or kind_in_words(self.model),
            strategies={name: self.titles.get(name, name) for name in self.model.strategies},
            comparator=self.comparator,
            willingness_to_pay=self.willingness_to_pay,
            currency=self.currency,
            people=len(run.person_id),
            draws=len(run.draws),
            replications=batches or self.replications,
            batches=batches > self.replications,
            exact=exact,
            seed=self.seed,
            horizon=horizon_of(self.model),
            years=years,
            prices=self.currency,
            discount_rate_costs=self.model.discounting.costs,
            again=lambda flag, value: f"{flag} {value}",
            measures=self._measures,
            differences=paired_differences(self._measures, self.comparator),
            known=lambda _: UncertainRun(self._draws, (), groups, ""),
            reference_people=PEOPLE,
        )

    @property
    def base_view(self) -> StudyFacts:
        """The facts of a deterministic analysis: replications are whole simulations, and nothing is drawn."""
        return replace(self.view, draws=0, replications=self.replications, batches=False)

    def budget_view(self, years: int) -> DecisionView:
        """What texts of a budget of so many years show."""
        return replace(self.view, measures=self.spending(years), replications=self.replications, batches=False)

    @property
    def _measures(self) -> pl.DataFrame:
        """Of the run, or of batches of its people where there is one run whose totals were kept."""
        return self._repeated(self.result.independent_measures)

    def _repeated(self, measures: pl.DataFrame) -> pl.DataFrame:
        """Expected values twice in each draw: a second run would give the same, which says that there is no noise."""
        if not (self.exact or self.model.always_exact) or len(self.result.runs) == 1:
            return measures
        return pl.concat([measures, measures.with_columns(pl.col("replication") + 1)])

    @property
    def _draws(self) -> pl.DataFrame:
        """The draws with their numbers."""
        table = self.result.draws
        return table if "draw" in table.columns else table.with_row_index("draw", 1).cast({"draw": pl.Int64})

    def _price(self, willingness_to_pay: float | None) -> float:
        return float(self.willingness_to_pay if willingness_to_pay is None else willingness_to_pay)

    def run_of(self, model: Model, draws: int | pl.DataFrame, replications: int) -> Microsimulation:
        """A model run as the analysis is: its people and seed."""
        return model.run(
            self.individuals, seed=self.seed, draws=draws, replications=replications, exact=self.exact
        )  # fmt: skip

    def _varied(self, parameters: Sequence[str]) -> tuple[Varied, ...]:
        own, strategies = self.model.parameters, self.model.strategies
        records, distributions = uncertain_of(own)
        setters = {name: strategy for strategy, changes in strategies.items() for name in changes}
        chosen = list(parameters) or [name for name in distributions if name not in setters]
        if not chosen:
            raise InputError("no parameter is uncertain, name some with ranges: name=low:high")
        for text in chosen:
            if (name := text.partition("=")[0]) in setters:
                raise InputError(
                    f"parameter '{name}': strategy '{setters[name]}' sets it itself; vary one that no strategy sets"
                )
        return varied_of(chosen, records, distributions)

    def spending(self, years: int) -> pl.DataFrame:
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
            table = self.run_of(model, self.draws, self.replications).measures.filter(pl.col("measure") == MEASURES[0])
            spent = table["value"] if before is None else table["value"] - before
            parts.append(table.with_columns(measure=pl.lit(SPENDING.format(year)), value=spent))
            before = table["value"]
        return self._repeated(pl.concat(parts))


for_python(ModelAnalysis)
