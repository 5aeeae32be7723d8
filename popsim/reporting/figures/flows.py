"""The care network with the flow of people through it in a run."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import polars as pl
from matplotlib.figure import Figure

from popsim.care.network import CareNetwork
from popsim.errors import InputError
from popsim.reporting.figures import style
from popsim.reporting.figures.pathway import Flows, pathway_figure
from popsim.runs.run import StoredRun

ARRIVAL_EVENTS = ("start", "visit")  # events that bring somebody to a setting


@style.styled
def network_flows(run: StoredRun, strategy: str = "", replication: int = 0) -> Figure:
    """The care network; the width of an arrow shows how many study patients a day take it, in one replication.

    Args:
        run: finished.
        strategy: name; the comparator when empty.
        replication: its number.

    Raises:
        InputError: the run keeps no events, or has no such strategy.
    """
    strategy = strategy or run.comparator
    network = CareNetwork(run.network, None, run.folder).scaled(run.experiment.population)
    moves, arrivals, presenting, days = _counted(run, strategy, replication)
    run.refuse_small_counts([*moves.values(), *arrivals.values(), presenting], "flows of patients")
    arrows: dict[tuple[str, str], float] = {}
    start = run.network.presentation
    for (source, target), number in moves.items():
        way = shortest_way(network, source, target) or (shortest_way(network, start, target) if start else [])
        for arrow in way:
            arrows[arrow] = arrows.get(arrow, 0.0) + number / days
    flows = Flows(
        arrows,
        {name: number / days for name, number in arrivals.items()},
        presenting / days,
        f"Patient flow: {run.strategies[strategy].lower()}",
        f"People a day, mean of {days:,.0f} days, {run.experiment.population:,} people, one replication; capacities "
        "are for this population. Arrow width grows with the square root of the flow; grey: nobody. "
        "External patients in the same beds are not counted.",
    )
    figure = pathway_figure(network, flows)
    figure.set_label(f"{flows.title}. {flows.note}")
    return figure


def _counted(
    run: StoredRun, strategy: str, replication: int
) -> tuple[dict[tuple[str, str], int], dict[str, int], int, float]:
    """Moves between two settings, arrivals at each, people who fell acutely ill, and days, in all regions together."""
    if "daily" not in run.tables:
        raise InputError(f"keeps no days (the experiment's store is '{run.experiment.store}')")
    moves: dict[tuple[str, str], int] = {}
    arrivals: dict[str, int] = {}
    here = (pl.col("strategy") == strategy) & (pl.col("replication") == replication)
    presenting, days = 0, float(run.table("daily").filter(here).select(pl.col("day").max()).collect().item() + 1)
    for region in range(run.experiment.regions):
        log = run.events(strategy, replication=replication, region=region).select("person_id", "event", "setting")
        events = log.filter(pl.col("event").is_in([*ARRIVAL_EVENTS, "present"])).with_columns(
            pl.col("setting").cast(pl.String)
        )
        frame = events.collect()
        presenting += frame.filter(pl.col("event") == "present").height
        coming = frame.filter(pl.col("event") != "present")
        for name, number in coming.group_by("setting").len().iter_rows():
            arrivals[name] = arrivals.get(name, 0) + number
        pairs = (
            coming.filter(pl.col("event") == "start")
            .sort("person_id", maintain_order=True)
            .with_columns(before=pl.col("setting").shift(1).over("person_id"))
            .filter(pl.col("before").is_not_null())
        )
        for before, after, number in pairs.group_by("before", "setting").len().iter_rows():
            moves[before, after] = moves.get((before, after), 0) + number
    return moves, arrivals, presenting, days


def shortest_way(network: CareNetwork, source: str, target: str) -> list[tuple[str, str]]:
    """The shortest path along arrows with only routers in between; empty if there is none."""
    graph, waiting, seen = network.graph, deque([[source]]), {source}
    while waiting:
        way = waiting.popleft()
        for following in graph.successors(way[-1]):
            if following == target:
                return list(pairwise([*way, following]))
            router = following in network.graph and _is_router(network, following)
            if router and following not in seen:
                seen.add(following)
                waiting.append([*way, following])
    return []


def _is_router(network: CareNetwork, name: str) -> bool:
    setting = network.graph.nodes[name].get("setting")
    return setting is not None and setting.setting_class == "router"
