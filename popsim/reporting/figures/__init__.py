"""Figures of a finished run: functions from a `StoredRun` or a frame to a matplotlib Figure, and the list of all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from matplotlib.figure import Figure

from popsim.economics.information import ProposedStudy
from popsim.errors import InputError, PopsimError, did_you_mean
from popsim.reporting.figures.answer import answer_figure
from popsim.reporting.figures.beds import occupancy
from popsim.reporting.figures.curves import readmission_curves, survival_curves
from popsim.reporting.figures.flows import network_flows
from popsim.reporting.figures.information import evpi, evppi, evsi, net_benefit_density
from popsim.reporting.figures.outcomes import cost_breakdown, cost_differences, forest, main_outcomes, subgroup_forest
from popsim.reporting.figures.sensitivity import tornado
from popsim.reporting.figures.trajectories import cohort_quantiles, twin_trajectory
from popsim.reporting.figures.value import acceptability, cost_effectiveness_plane
from popsim.runs.run import StoredRun

__all__ = [
    "COLUMN_FIGURES", "FIGURES", "Drawn", "acceptability", "answer_figure", "cohort_quantiles",
    "cost_breakdown", "cost_differences", "cost_effectiveness_plane", "draw_all",
    "evpi", "evppi", "evsi", "forest", "main_outcomes", "net_benefit_density", "network_flows", "occupancy",
    "readmission_curves", "subgroup_forest", "survival_curves", "tornado", "twin_trajectory",
]  # fmt: skip

FIGURES: Mapping[str, Callable[[StoredRun], Figure]] = MappingProxyType(
    {
        "answer": answer_figure,
        "outcomes": main_outcomes,
        "readmission": readmission_curves,
        "survival": survival_curves,
        "plane": cost_effectiveness_plane,
        "acceptability": acceptability,
        "net_benefit": net_benefit_density,
        "evpi": evpi,
        "evppi": evppi,
        "evsi": evsi,
        "costs": cost_breakdown,
        "cost_differences": cost_differences,
        "subgroups": subgroup_forest,
        "occupancy": occupancy,
        "network": network_flows,
        "twin": twin_trajectory,
        "cohort": cohort_quantiles,
    }
)

COLUMN_FIGURES = ("plane", "acceptability", "net_benefit", "evpi", "evppi", "evsi", "costs", "cost_differences")


class Drawn(NamedTuple):
    """A figure by its name, or why it cannot be drawn."""

    name: str
    figure: Figure | None
    problem: str


def draw_all(run: StoredRun, only: Sequence[str] = (), study: ProposedStudy | None = None) -> Iterator[Drawn]:
    """Every figure of a run, one after the other, or those named in `only`.

    Args:
        run: finished.
        only: names of figures.
        study: a proposed study, which `evsi` values.

    Raises:
        InputError: there is no figure of that name.
    """
    wrong = [name for name in only if name not in FIGURES]
    if wrong:
        raise InputError(f"no figure '{wrong[0]}', {did_you_mean(wrong[0], FIGURES)}")
    for name in only or FIGURES:
        try:
            yield Drawn(name, evsi(run, study) if name == "evsi" else FIGURES[name](run), "")
        except PopsimError as error:  # the run lacks the data, or its units are damaged or gone
            yield Drawn(name, None, str(error))
