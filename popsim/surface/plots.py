"""Figures of a run: each draws on the given axes, or on a new figure that a notebook shows, and returns the axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from popsim.economics.information import ProposedStudy
from popsim.errors import InputError, did_you_mean
from popsim.reporting import figures
from popsim.reporting.figures.axes import on_axes
from popsim.reporting.figures.twin_panels import twin_options, twin_risks, twin_signals

if TYPE_CHECKING:
    from popsim.analyses.decision_view import DecisionView
    from popsim.registry.summary import TwinSummary
    from popsim.runs.run import StoredRun


class FigureList:
    """Figures by name: `ax` is an Axes, or one for each panel; a new figure is made when it is None."""

    def __getattr__(self, name: str) -> Any:
        known = [one for one in dir(type(self)) if not one.startswith("_")]
        raise AttributeError(f"no figure '{name}', {did_you_mean(name, known)}")


class RunPlots(FigureList):
    """The figures of a run, `run.plot.acceptability(ax=ax)`."""

    def __init__(self, run: StoredRun) -> None:
        self._run = run

    def __repr__(self) -> str:
        return f"Figures of {self._run!r}: {', '.join(figures.FIGURES)}"

    def answer(self, ax: Any = None) -> Any:
        """Net benefit, and extra cost and bed-days of a region, of each strategy: three panels."""
        return on_axes(lambda: figures.answer_figure(self._run), ax)

    def outcomes(self, ax: Any = None, *, measures: Sequence[str] | None = None) -> Any:
        """Main outcomes of each strategy with 95% intervals: six panels, or one for each of the measures named."""
        chosen = {} if measures is None else {"measures": measures}
        return on_axes(lambda: figures.main_outcomes(self._run, **chosen), ax)

    def readmission(self, ax: Any = None, *, window_days: int = 30, cause: str | None = None) -> Any:
        """Cumulative incidence of readmission, and of death without it: two panels."""
        return on_axes(lambda: figures.readmission_curves(self._run, window_days, cause), ax)

    def survival(self, ax: Any = None) -> Any:
        """Survival after entry, and the difference from the comparator: two panels; one if there is one strategy."""
        return on_axes(lambda: figures.survival_curves(self._run), ax)

    def plane(self, ax: Any = None) -> Any:
        """The cost-effectiveness plane."""
        return on_axes(lambda: figures.cost_effectiveness_plane(self._run), ax)

    def acceptability(self, ax: Any = None, *, highest: float | None = None) -> Any:
        """Acceptability curves up to a highest willingness to pay, with their frontier; needs parameter draws."""
        return on_axes(lambda: figures.acceptability(self._run, highest), ax)

    def net_benefit(self, ax: Any = None) -> Any:
        """Density over parameter draws of each strategy's net benefit over the comparator; needs 20 draws."""
        return on_axes(lambda: figures.net_benefit_density(self._run), ax)

    def evpi(self, ax: Any = None, *, highest: float | None = None) -> Any:
        """Expected value of perfect information up to a highest willingness to pay; needs 20 draws."""
        return on_axes(lambda: figures.evpi(self._run, highest), ax)

    def evppi(self, ax: Any = None) -> Any:
        """Expected value of knowing each parameter, and each group of them: two panels; needs 20 draws."""
        return on_axes(lambda: figures.evppi(self._run), ax)

    def evsi(
        self, ax: Any = None, *, parameter: str = "", standard_deviation: float = 0.0, people: Sequence[int] = ()
    ) -> Any:
        """Expected value of studies that observe a parameter with this standard deviation, by number of people."""
        study = ProposedStudy(parameter, standard_deviation, people)
        return on_axes(lambda: figures.evsi(self._run, study), ax)

    def costs(self, ax: Any = None) -> Any:
        """Cost per person by component."""
        return on_axes(lambda: figures.cost_breakdown(self._run), ax)

    def cost_differences(self, ax: Any = None) -> Any:
        """What each strategy costs more or less than the comparator, by component."""
        return on_axes(lambda: figures.cost_differences(self._run), ax)

    def subgroups(
        self, ax: Any = None, *, by: Sequence[str] | None = None, measure: str = "net_monetary_benefit"
    ) -> Any:
        """Differences from the comparator by subgroup: a panel for each other strategy."""
        columns = {} if by is None else {"by": by}
        return on_axes(lambda: figures.subgroup_forest(self._run, measure=measure, **columns), ax)

    def occupancy(self, ax: Any = None, *, settings: Sequence[str] = ()) -> Any:
        """People in each setting and people waiting for it: two panels per setting."""
        return on_axes(lambda: figures.occupancy(self._run, settings), ax)

    def network(self, ax: Any = None, *, strategy: str = "", replication: int = 0) -> Any:
        """The care network with the flow of people through it."""
        return on_axes(lambda: figures.network_flows(self._run, strategy, replication), ax)

    def twin(
        self, ax: Any = None, *, person: int | None = None, strategy: str = "", replication: int = 0,
        signals: Sequence[str] | None = None,
    ) -> Any:  # fmt: skip
        """One twin over time: a panel for each of five signals (or of those named), and one for its care."""
        chosen = {} if signals is None else {"signals": signals}
        return on_axes(lambda: figures.twin_trajectory(self._run, person, strategy, replication, **chosen), ax)

    def cohort(
        self, ax: Any = None, *, strategy: str = "", replication: int = 0, signals: Sequence[str] | None = None
    ) -> Any:
        """Centiles of signals over everybody alive: six panels, two per row."""
        chosen = {} if signals is None else {"signals": signals}
        return on_axes(lambda: figures.cohort_quantiles(self._run, strategy, replication, **chosen), ax)


class ModelPlots(FigureList):
    """The figures of a model of one's own, `study.plot.plane(ax=ax)`.

    Args:
        view: what they show.
        one_way: gives the table of a tornado for an outcome.
    """

    def __init__(self, view: DecisionView, one_way: Callable[..., pl.DataFrame]) -> None:
        self._view, self._one_way = view, one_way

    def plane(self, ax: Any = None) -> Any:
        """The cost-effectiveness plane."""
        return on_axes(lambda: figures.cost_effectiveness_plane(self._view), ax)

    def acceptability(self, ax: Any = None, *, highest: float | None = None) -> Any:
        """Acceptability curves up to a highest willingness to pay, with their frontier; needs parameter draws."""
        return on_axes(lambda: figures.acceptability(self._view, highest), ax)

    def net_benefit(self, ax: Any = None) -> Any:
        """Density over parameter draws of each strategy's net benefit over the comparator; needs 20 draws."""
        return on_axes(lambda: figures.net_benefit_density(self._view), ax)

    def evpi(self, ax: Any = None, *, highest: float | None = None) -> Any:
        """Expected value of perfect information up to a highest willingness to pay; needs 20 draws."""
        return on_axes(lambda: figures.evpi(self._view, highest), ax)

    def evppi(self, ax: Any = None) -> Any:
        """Expected value of knowing each parameter; needs 20 draws."""
        return on_axes(lambda: figures.evppi(self._view), ax)

    def tornado(self, strategy: str, ax: Any = None, *, parameters: Sequence[str] = ()) -> Any:
        """Net benefit of a strategy over the comparator, with one parameter at a time at both ends of its range."""
        frame = self._one_way(parameters)
        if strategy not in frame["strategy"]:
            known = frame["strategy"].unique().to_list()
            raise InputError(f"strategy '{strategy}': {did_you_mean(strategy, known)}")
        titles, view = self._view.strategies, self._view
        outcome = f"Net benefit over {titles[view.comparator].lower()}, {view.currency} per person"
        mine = frame.filter(pl.col("strategy") == strategy)
        return on_axes(lambda: figures.tornado(mine, outcome, f"Which parameter matters most: {titles[strategy]}"), ax)


class TwinPlots(FigureList):
    """The figures of a twin, `twin.plot.risks(ax=ax)`. For research, not for care."""

    def __init__(self, summary: TwinSummary) -> None:
        self._summary = summary

    def signals(self, ax: Any = None) -> Any:
        """Measurements, estimates and forecasts: nine panels, three per row."""
        return on_axes(lambda: twin_signals(self._summary), ax)

    def risks(self, ax: Any = None) -> Any:
        """Risks by horizon with their intervals; after `forecast`."""
        return on_axes(lambda: twin_risks(self._summary), ax)

    def options(self, ax: Any = None) -> Any:
        """Net benefit of each option with its interval; after `compare`."""
        return on_axes(lambda: twin_options(self._summary), ax)
