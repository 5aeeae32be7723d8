"""What `popsim capacity` prints: the comparison at every capacity, and the value of one more place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import polars as pl

from popsim.economics.capacity import means_by_level, value_by_level, value_of_capacity
from popsim.economics.cost_effectiveness import QALYS, TOTAL_COST
from popsim.economics.outcome_valuation import NET_BENEFIT
from popsim.reporting.intervals import has_intervals, readable, sizes, with_note
from popsim.reporting.table_files import tabled
from popsim.reporting.text.formatting import aligned, in_columns, sharp
from popsim.reporting.text.tables import ratio_in_words, ratio_interval_in_words
from popsim.runs.run import StoredRun
from popsim.studies.measures import measure_of
from popsim.studies.prices import prices_in_words
from popsim.units import DAYS_PER_YEAR

SHOWN = ("occupancy_share.*", "wait_mean_hours.*", TOTAL_COST, QALYS)  # of the setting where it has one each


def capacity_text(runs: Mapping[int, StoredRun], setting: str) -> str:
    """Occupancy, waits, costs, QALYs and cost per QALY at every level, and the value of a place between levels.

    Args:
        runs: finished, by number of places.
        setting: whose capacity they vary.
    """
    one = next(iter(runs.values()))
    experiment, titles = one.experiment, one.strategies
    price = experiment.willingness_to_pay
    frames = [run.frame("measures").with_columns(level=pl.lit(number)) for number, run in runs.items()]
    levels = pl.concat(frames, how="diagonal")
    years = (experiment.follow_up_days + experiment.enrolment_days) / DAYS_PER_YEAR
    values = readable(value_of_capacity(levels, setting, price, experiment.population, years), experiment)
    means = readable(means_by_level(levels), experiment)
    lines: list[Sequence[str]] = [["", *(f"{number} places" for number in runs)]]
    lines += _means(means, list(runs), titles, setting, experiment.currency)
    worth = readable(value_by_level(levels, one.comparator, price), experiment)
    lines += _value_for_money(worth, list(runs), titles, one.comparator, price, has_intervals(experiment))
    tabled("Measures at every capacity", means)
    tabled("Value for money at every capacity", worth)
    tabled("Value of one more place", values)
    label = next(place.title for place in one.network.settings if place.name == setting)
    reference = one.network.reference_population
    head = f"{experiment.title or experiment.name}: places in '{label}'"
    scaled = f"capacities are for {reference:,} people" if reference else "capacities are as simulated"
    intervals = "95% intervals, Monte Carlo, " if has_intervals(experiment) else ""
    parts = [
        f"{head}\n{sizes(experiment)}; {scaled}; {intervals}same people at every level\n"
        f"Costs are in {prices_in_words(experiment)}.",
        aligned(lines),
        _places(values, list(runs), titles, f"{experiment.currency} a year, at {price:,.0f} per QALY"),
    ]
    return with_note("\n\n".join(parts), experiment)


def _means(
    means: pl.DataFrame, numbers: Sequence[int], titles: Mapping[str, str], setting: str, currency: str
) -> list[Sequence[str]]:
    """A block of lines for each measure, one line for each strategy."""
    cell = {(row["measure"], row["strategy"], row["level"]): row for row in means.iter_rows(named=True)}
    lines: list[Sequence[str]] = []
    for shown in SHOWN:
        measure = measure_of(shown)
        found = {name: [cell.get((shown.replace("*", setting), name, number)) for number in numbers] for name in titles}
        if any(any(row is not None for row in rows) for rows in found.values()):
            lines.append([measure.title(currency)])
            lines += [[f"  {titles[n]}", *(sharp(row, measure.factor) for row in rows)] for n, rows in found.items()]
    return lines


def _value_for_money(
    table: pl.DataFrame,
    numbers: Sequence[int],
    titles: Mapping[str, str],
    comparator: str,
    price: float,
    interval: bool,
) -> list[Sequence[str]]:
    """Cost per QALY and net benefit against the comparator."""
    cell = {(row["strategy"], row["level"]): row for row in table.iter_rows(named=True)}
    others = [name for name in titles if name != comparator]
    ratios: list[Sequence[str]] = []
    for name in others:
        ratios.append([f"  {titles[name]}", *(ratio_in_words(cell[name, number]) for number in numbers)])
        if interval:
            ratios.append(["    95% interval (Fieller)", *(ratio_interval_in_words(cell[name, n]) for n in numbers)])
    benefits = [
        [f"  {titles[name]}", *(in_columns(cell[name, number], NET_BENEFIT.name) for number in numbers)]
        for name in others
    ]
    against = titles[comparator].lower()
    return [
        [f"Cost per QALY against {against}"], *ratios,
        [f"Net benefit per person against {against}, at {price:,.0f} per QALY"], *benefits,
    ]  # fmt: skip


def _places(values: pl.DataFrame, numbers: Sequence[int], titles: Mapping[str, str], unit: str) -> str:
    """The value of one more place, step by step."""
    cell = {(row["strategy"], row["from_level"]): row for row in values.iter_rows(named=True)}
    lines: list[Sequence[str]] = [[f"One more place is worth, {unit}", *(f"{a} to {b}" for a, b in pairwise(numbers))]]
    lines += [[f"  {titles[name]}", *(sharp(cell[name, a]) for a in numbers[:-1])] for name in titles]
    note = (
        "Value to the health and costs of the simulated people, after the price of the days spent in it;\n"
        "what other patients gain is not counted."
    )
    return f"{aligned(lines)}\n\n{note}"
