"""One HTML file that re-values the stored draws of a run in the reader's browser: no server, no network, no library.

The file holds the cost in every perspective, the effects and the spending by year of every replication of every draw.
Its script (assets/revaluing.js) repeats the formulas of popsim/economics on them; assets/interactive.js shows them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from popsim.definitions.horizon import horizon_in_words, observed_part
from popsim.economics.budget import spending_by_year
from popsim.economics.cost_effectiveness import EFFECTS, QALYS, TOTAL_COST
from popsim.economics.discounting import discount_at, first_rate, steps_of
from popsim.economics.information import BLOCKS
from popsim.economics.perspectives import PERSPECTIVES
from popsim.errors import InputError
from popsim.reporting.cautions import cautions
from popsim.reporting.figures.style import COLOURS
from popsim.reporting.intervals import has_intervals, sizes
from popsim.reporting.pages.page import page, write_page
from popsim.reporting.text.budget import LESS_CHARGES
from popsim.runs.run import StoredRun
from popsim.statistics import t_quantile, z_quantile
from popsim.studies.measures import measure_of
from popsim.studies.prices import prices_in_words

ASSETS = Path(__file__).parent / "assets"
MAX_BUDGET_YEARS = 30
WHOLE, OBSERVED = "whole", "observed"
LATER = {TOTAL_COST: "cost_after", QALYS: "qalys_after", "life_years": "life_years_after"}
LOST = {QALYS: "QALY", "life_years": "life year", "dalys": "DALY"}


def write_interactive(run: StoredRun, path: Path | str) -> Path:
    """Write the page.

    Raises:
        InputError: the run has a single strategy or lacks costs or effects, or the file cannot be written.
    """
    return write_page(interactive_page(run), path)


def interactive_page(run: StoredRun) -> str:
    """The page as text.

    Raises:
        InputError: the run has a single strategy, or lacks costs or effects.
    """
    title = run.experiment.title or run.experiment.name
    data = json.dumps(embedded(run), allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    warned = "".join(f"<li><strong>{escape(one.about)}.</strong> {escape(one.text)}</li>" for one in cautions(run))
    abouts = [one.about[:1].lower() + one.about[1:] for one in cautions(run)]
    body = _asset("interactive.html")
    for name, words in {
        "TITLE": escape(title),
        "ABOUT": escape(f"{sizes(run.experiment)}; {horizon_in_words(run.experiment)} of follow-up. "
                        f"Costs are in {prices_in_words(run.experiment)}."),
        "ABOUTS": escape(", ".join(abouts)),
        "CAUTIONS": warned,
        "MADE": escape(f"popsim {run.manifest['versions']['popsim']}, run {run.manifest['run_id']}, content hash "
                       f"{run.manifest['content_hash']}" if "content_hash" in run.manifest else "a run of popsim"),
        "DATA": data,
    }.items():  # fmt: skip
        body = body.replace(f"@{name}@", words, 1)
    script = _asset("revaluing.js") + _asset("interactive.js")
    return page(f"{title}: try other values", body, _asset("interactive.css"), script)


def embedded(run: StoredRun) -> dict[str, Any]:
    """What the page computes from, as JSON: `values` are arrays (strategies, rows) of float64, in base64.

    Raises:
        InputError: the run has a single strategy, or lacks costs or effects.
    """
    experiment = run.experiment
    if len(run.strategies) < 2:
        raise InputError(f"{run.folder}: the run has only one strategy, so there is nothing to compare")
    names = [run.comparator, *(name for name in run.strategies if name != run.comparator)]
    measures = run.frame("measures")
    table = _Values(measures, names)
    horizons = _horizons(run, table)
    draws = int((table.draws > 0).sum())
    units = len(table.draws) if len(table.draws) > 1 else len(table.rows)
    return {
        "strategies": [run.strategies[name] for name in names],
        "colours": [COLOURS[place % len(COLOURS)] for place in range(len(names))],
        "draw_of_row": table.rows["draw"].to_list(),
        "draws": draws,
        "units": units,
        "has_intervals": has_intervals(experiment),
        "t_units": _known(t_quantile(units)),
        "t_blocks": _known(t_quantile(min(BLOCKS, len(table.draws)))),
        "z": z_quantile(),
        "currency": experiment.currency,
        "price": experiment.willingness_to_pay,
        "perspective": experiment.perspective,
        "people": run.network.reference_population or experiment.population,
        "follow_up": horizon_in_words(experiment),
        "max_years": MAX_BUDGET_YEARS,
        "weights": _weights(run),
        "horizons": horizons,
        "values": {name: _base64(array) for name, array in table.kept.items()},
        "spending": _spending(measures, names),
        "beds": _beds(run, names),
    }


class _Values:
    """Values of measures of all strategies in the same replications: `rows` has their draw and replication."""

    def __init__(self, measures: pl.DataFrame, names: list[str]) -> None:
        self._measures, self._names = measures.with_columns(pl.col("strategy").cast(pl.String)), names
        cost = self._wide(TOTAL_COST)
        if cost is None:
            raise InputError(f"no replication has the measure {TOTAL_COST} of every strategy")
        self.rows = cost.select("draw", "replication")
        self.draws = np.unique(self.rows["draw"].to_numpy())
        self.kept: dict[str, np.ndarray[Any, Any]] = {}

    def take(self, measure: str) -> bool:
        """Keep a measure, if all strategies have it in every replication."""
        wide = self._wide(measure)
        if wide is None or not wide.select("draw", "replication").equals(self.rows):
            return False
        self.kept[measure] = wide.select(self._names).to_numpy().T.astype(np.float64)
        return True

    def _wide(self, measure: str) -> pl.DataFrame | None:
        """draw, replication and a column for each strategy; None where no replication has all."""
        own = self._measures.filter(pl.col("measure") == measure)
        wide = own.pivot(on="strategy", on_columns=self._names, index=["draw", "replication"], values="value")
        wide = wide.drop_nulls().sort("draw", "replication")
        return None if wide.is_empty() else wide


def _horizons(run: StoredRun, table: _Values) -> dict[str, Any]:
    """By horizon: its words, the column of cost by perspective, and the effects by measure."""
    own = run.experiment.perspective
    costs = {own: TOTAL_COST} if table.take(TOTAL_COST) else {}
    costs |= {other: f"cost_{other}" for other in PERSPECTIVES if other != own and table.take(f"cost_{other}")}
    effects = {effect.measure: _effect(effect.measure, effect.unit, effect.sign) for effect in EFFECTS
               if table.take(effect.measure)}  # fmt: skip
    if not costs or not effects:
        raise InputError(f"{run.folder}: the run has no costs or no effects that every replication knows")
    ordered = {name: costs[name] for name in PERSPECTIVES if name in costs}
    found = {WHOLE: {"words": horizon_in_words(run.experiment), "costs": ordered, "effects": effects}}
    days = observed_part(run.experiment)
    if days and all(table.take(later) for later in (LATER[TOTAL_COST], LATER[QALYS])):
        for whole, later in LATER.items():
            if whole in table.kept and (later in table.kept or table.take(later)):
                table.kept[f"observed_{whole}"] = table.kept[whole] - table.kept[later]
        for later in LATER.values():
            table.kept.pop(later, None)
        shown = {name: one | {"column": f"observed_{name}"} for name, one in effects.items()
                 if f"observed_{name}" in table.kept}  # fmt: skip
        words = f"{days:,} days observed, without what is extrapolated"
        found[OBSERVED] = {"words": words, "costs": {own: f"observed_{TOTAL_COST}"}, "effects": shown}
    return found


def _effect(measure: str, unit: str, sign: int) -> dict[str, Any]:
    digits = measure_of(measure).digits + 1
    return {
        "column": measure,
        "unit": unit,
        "sign": sign,
        "digits": digits,
        "lost": LOST.get(measure, "unit of health"),
    }


def _spending(measures: pl.DataFrame, names: list[str]) -> dict[str, Any]:
    """By perspective: undiscounted means by component and year, and the covariance over years of each difference."""
    found: dict[str, Any] = {}
    for perspective in PERSPECTIVES:
        try:
            spent = spending_by_year(measures, perspective)
        except InputError:  # of an older popsim
            return {}
        years = range(1, int(spent["n"].to_numpy().max()) + 1)
        present = spent["component"].unique(maintain_order=True).to_list()
        columns = [f"{component} {year}" for component in present for year in years]
        wide = spent.with_columns(column=pl.format("{} {}", "component", "n")).pivot(
            on="column", on_columns=columns, index=["strategy", "draw", "replication"], values="value"
        )
        arrays = {
            name: _by_unit(wide.filter(pl.col("strategy") == name), columns).reshape(-1, len(present), len(years))
            for name in names
        }
        base = arrays[names[0]]
        strategies: list[Any] = [None]
        for name in names[1:]:
            more = arrays[name] - base
            total = more.sum(axis=1)
            covariance = (
                np.atleast_2d(np.cov(total, rowvar=False)) if len(total) > 1 else np.zeros((len(years), len(years)))
            )
            strategies.append({"means": more.mean(axis=0).tolist(), "covariance": covariance.tolist()})
        labels = [
            LESS_CHARGES if perspective == "payer" and one == "out_of_pocket" else measure_of(f"cost_{one}").short
            for one in present
        ]
        found[perspective] = {"components": labels, "base": base.mean(axis=0).tolist(), "strategies": strategies}
    return found


def _by_unit(table: pl.DataFrame, columns: list[str]) -> np.ndarray[Any, Any]:
    """Means by draw; replications where there is one draw."""
    table = table.fill_null(0.0).sort("draw", "replication")
    if table["draw"].n_unique() > 1:
        table = table.group_by("draw", maintain_order=True).agg(pl.col(columns).mean())
    return table.select(columns).to_numpy()


def _beds(run: StoredRun, names: list[str]) -> list[Mapping[str, float | None] | None]:
    """Bed-days per person of each strategy beyond the comparator's, with their interval."""
    table = run.frame("comparisons").filter(pl.col("measure") == "bed_days") if "comparisons" in run.tables else None
    rows = {} if table is None else {row["strategy"]: row for row in table.iter_rows(named=True)}
    shown = has_intervals(run.experiment)
    ends = {"mean": True, "low": shown, "high": shown}
    return [
        {end: rows[name][end] if known else None for end, known in ends.items()} if name in rows else None
        for name in names
    ]  # fmt: skip


def _weights(run: StoredRun) -> list[float]:
    """Of the people whom a decision affects in its first, second, ... year: discounted as costs are."""
    rate = run.experiment.discount_rate_costs or 0.0
    return [float(one) for one in discount_at(first_rate(rate), np.arange(MAX_BUDGET_YEARS), steps_of(rate))]


def _known(number: float) -> float | None:
    return None if np.isnan(number) else number


def _base64(array: np.ndarray[Any, Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array, "<f8").tobytes()).decode("ascii")


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")
