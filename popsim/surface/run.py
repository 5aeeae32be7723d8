"""A finished run: tables, decision, figures and report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from popsim.definitions.market import MarketShares
from popsim.economics.budget import budgets_of_adoption, market_impact
from popsim.economics.cost_effectiveness import QALYS, net_benefit
from popsim.economics.decision import Decision, choice_table
from popsim.economics.perspectives import perspective_named
from popsim.economics.subgroups import subgroup_effects
from popsim.errors import InputError, did_you_mean
from popsim.reporting.intervals import readable
from popsim.reporting.pages.interactive import write_interactive
from popsim.reporting.pages.report import write_report
from popsim.reporting.text.explanation import compare_text, most_different_text, person_text
from popsim.reporting.text.outcomes import outcome_text
from popsim.runs.run import StoredRun
from popsim.surface.frames import as_requested, of_measures
from popsim.surface.plots import RunPlots
from popsim.surface.wording import PlainText, for_python


class Run(StoredRun):
    """A finished run: `experiment.run()` makes one, `Run.open("results/heart_failure_discharge")` opens one again.

    Attributes:
        folder: results/<experiment>/<run id>.
        manifest: what was run, with what, and the content hash of the results.
    """

    def summary(self, measures: str | Iterable[str] | None = None, *, pandas: bool = False) -> Any:
        """Mean of every measure (or of those named) under every strategy, with intervals."""
        return as_requested(of_measures(readable(self.frame("summary"), self.experiment), measures), pandas)

    def differences(self, measures: str | Iterable[str] | None = None, *, pandas: bool = False) -> Any:
        """Difference of every strategy from the comparator, paired by replication, with intervals."""
        self._need_two_strategies()
        return as_requested(of_measures(readable(self.frame("comparisons"), self.experiment), measures), pandas)

    def frame(self, name: str, pandas: bool = False) -> Any:
        """A table of the whole run in memory; `tables` has their names.

        Raises:
            InputError: the run has no such table.
        """
        return as_requested(super().frame(name), pandas)

    def decide(self, willingness_to_pay: float | None = None, *, effect: str = QALYS, pandas: bool = False) -> Any:
        """Which strategy to choose.

        Args:
            willingness_to_pay: for one unit of the effect; the experiment's when None.
            effect: a measure of effect.
            pandas: whether the table is a pandas one.

        Returns:
            For each strategy, cheapest first: cost, effect, status and icer on the frontier, net_monetary_benefit
            against the comparator with its Monte Carlo interval (_low, _high); with parameter draws also probability
            (of the highest net benefit), expected_loss and optimal.

        Raises:
            InputError: the run has a single strategy, there is no such effect, or the price is refused.
        """
        self._need_two_strategies()
        price = self.experiment.willingness_to_pay if willingness_to_pay is None else willingness_to_pay
        measures = self.frame("measures")
        decision = Decision.of(measures, self.comparator, effect)
        gains = readable(net_benefit(measures, self.comparator, price, effect), self.experiment)
        table = choice_table(decision, gains, price, with_draws=self.experiment.draws > 1)
        return as_requested(table, pandas)

    def subgroups(
        self,
        by: str | Sequence[str] | Mapping[str, Sequence[float]] = ("female", "age_years"),
        *,
        willingness_to_pay: float | None = None,
        pandas: bool = False,
    ) -> Any:
        """Effects by subgroup.

        Args:
            by: columns that describe people at entry; a mapping says where to cut them: {"age_years": [65, 75]}.
            willingness_to_pay: for a QALY; the experiment's when None.
            pandas: whether the table is a pandas one.

        Raises:
            InputError: the run keeps no persons or has a single strategy, or there is no such column.
        """
        self._need_two_strategies()
        price = self.experiment.willingness_to_pay if willingness_to_pay is None else willingness_to_pay
        cuts = {name: ends for name, ends in by.items() if ends} if isinstance(by, Mapping) else {}
        columns = [by] if isinstance(by, str) else list(by)
        self.refuse_small_groups(self.table("persons"), columns, cuts)
        effects = subgroup_effects(self.table("persons"), self.comparator, columns, price, cuts=cuts)
        return as_requested(readable(effects, self.experiment), pandas)

    def budget(
        self,
        eligible: float | Sequence[float],
        uptake: Sequence[float],
        *,
        perspective: str = "payer",
        pandas: bool = False,
    ) -> Any:
        """What adopting each strategy instead of the comparator does to a budget, not discounted.

        Args:
            eligible: people who become eligible, each year or year by year.
            uptake: share of them that has the strategy, 0 to 1, year by year.
            perspective: whose budget: "payer", "health_system", "societal" or "patient".
            pandas: whether the table is a pandas one.

        Returns:
            strategy, year, component, current_mix, new_mix, net, and the Monte Carlo interval of net (low, high).

        Raises:
            InputError: the run has a single strategy, a number is out of bounds, or there is no such perspective.
        """
        self._need_two_strategies()
        payer, measures = perspective_named(perspective), self.frame("measures")
        table = budgets_of_adoption(measures, self.comparator, self.strategies, eligible, uptake, payer)
        return as_requested(readable(table, self.experiment), pandas)

    def market_budget(
        self,
        eligible: float | Sequence[float],
        current: Mapping[str, Sequence[float]],
        new: Mapping[str, Sequence[float]],
        *,
        switching: bool = False,
        perspective: str = "payer",
        pandas: bool = False,
    ) -> Any:
        """What a new mix of strategies instead of the current one does to a budget, not discounted.

            run.market_budget(1000, {"usual_care": [1.0, 1.0]}, {"usual_care": [0.8, 0.5], "clinic": [0.2, 0.5]})

        Args:
            eligible: people who become eligible, each year or year by year.
            current, new: shares of people by strategy, year by year; those of a year sum to 1.
            switching: whether people switch as shares move; otherwise they keep the strategy of their year.
            perspective: whose budget: "payer", "health_system", "societal" or "patient".
            pandas: whether the table is a pandas one.

        Returns:
            year, component, current_mix, new_mix, net, and the Monte Carlo interval of net (low, high).

        Raises:
            InputError: shares do not sum to 1, a strategy is unknown, or a number is out of bounds.
        """
        market = MarketShares.of(eligible, current, new, switching, self.strategies)
        table = market_impact(self.frame("measures"), market, perspective_named(perspective))
        return as_requested(readable(table, self.experiment), pandas)

    @property
    def plot(self) -> RunPlots:
        """The figures: `run.plot.plane()`, `run.plot.acceptability(ax=ax)` ..."""
        return RunPlots(self)

    def report(self, path: Path | str = "report.html", *, interactive: bool = False) -> Path:
        """Write one HTML page: the answer, tables, figures, methods, parameters and provenance.

        Args:
            path: a .html file in a folder that exists.
            interactive: whether to write instead a page that values the stored draws anew as its reader moves sliders.

        Raises:
            InputError: the name does not end in .html, the file cannot be written, or the run has a single strategy
                (interactive).
        """
        path = Path(path)
        if path.suffix != ".html" or path.is_dir() or not path.parent.is_dir():
            raise InputError(f"report: {path}: must be the path of a .html file in a folder that exists")
        return write_interactive(self, path) if interactive else write_report(self, path)

    def export_fhir(
        self,
        out: Path | str | None = None,
        *,
        strategy: str = "",
        draw: int | None = None,
        replication: int = 0,
        people: int | None = None,
        start: str = "",
        bundles: bool = False,
        costs: bool = False,
    ) -> Path:
        """Write the people of one unit as FHIR R4 (Bulk Data), marked as test data; the unit is simulated again.

        Args:
            out: folder; by default fhir/<strategy> in the run's folder.
            strategy, draw, replication: of the unit; the comparator and the first draw by default.
            people: number of them, those of the lowest ids; all when None.
            start: calendar date of day 0, YYYY-MM-DD; the care network's own when empty.
            bundles: also one Bundle for each person.
            costs: also Coverage and ExplanationOfBenefit.

        Raises:
            InputError: there is no such unit, the date is none, or the folder holds something else.
        """
        from popsim.exchange.fhir.writing.population import ExportChoices, export_population

        try:
            first = date.fromisoformat(start) if start else None
        except ValueError:
            raise InputError(f"start = '{start}': must be a date, YYYY-MM-DD") from None
        choices = ExportChoices(strategy, draw, replication, 0, people, first, bundles, costs)
        return export_population(self, None if out is None else Path(out), choices).folder

    def outcomes(self, *, everything: bool = False) -> PlainText:
        """Readmission, time at home, waits, occupancy and equity in words, with differences between strategies."""
        return PlainText(outcome_text(self, everything))

    def explain(
        self, person: int | None = None, *, strategy: str = "", against: str = "", replication: int = 0
    ) -> PlainText:
        """Why one person fared as they did; the people whose outcomes differ most when `person` is None.

        Args:
            person: their id.
            strategy: the comparator when empty.
            against: another strategy, to show where the person's course first differs.
            replication: its number.
        """
        if person is None:
            return PlainText(most_different_text(self, strategy, against, replication))
        if against:
            return PlainText(compare_text(self, person, strategy, against, replication))
        return PlainText(person_text(self, person, strategy, replication))

    def __getattr__(self, name: str) -> Any:
        known = [one for one in dir(type(self)) if not one.startswith("_")]
        raise AttributeError(f"a run has no '{name}', {did_you_mean(name, known)}")

    def _need_two_strategies(self) -> None:
        if len(self.strategies) < 2:
            raise InputError(f"{self.folder}: the run has one strategy, so that there is nothing to compare")


for_python(Run, out="path")
