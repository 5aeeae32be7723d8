"""A finished run whose costs and effects are made up; nothing is simulated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from popsim.economics.cost_effectiveness import comparisons, strategy_means
from popsim.runs.run import StoredRun
from popsim.runs.store import RunStore
from popsim.studies.design import Change, read_study

ROOT = Path(__file__).parents[2]
HEAD = """
name = "made_up"
title = "Made up: what <is> =1+1 worth?"
cohort = "{root}/cohorts/heart_failure_discharge.toml"
network = "{root}/experiments/networks/heart_failure_catchment.toml"
population = 50
draws = {draws}
replications = {replications}
seed = 7
willingness_to_pay = {price}
"""


def made_up_run(
    folder: Path,
    cost: np.ndarray,
    effect: np.ndarray,
    price: float = 20_000.0,
    titles: Sequence[str] = (),
    parameter_draws: bool = True,
) -> StoredRun:
    """A run with these costs and QALYs.

    Args:
        folder: to write to.
        cost, effect: (draws, replications, strategies).
        price: the experiment's willingness to pay.
        titles: of strategies.
        parameter_draws: otherwise the single draw is the base case.
    """
    draws, replications, count = cost.shape
    drawn = draws if parameter_draws else 0
    text = HEAD.format(root=ROOT, draws=drawn, replications=replications, price=price)
    for place in range(count):
        title = titles[place] if titles else f"Strategy {chr(65 + place)}"
        text += f'[[strategies]]\nname = "s{place}"\nlabel = "{title}"\n'
    file = folder / "made_up.toml"
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    study = read_study(file, {"population": Change("--population", 50)})
    rows = [
        (f"s{s}", draw + (drawn > 0), replication, name, float(values[draw, replication, s]))
        for name, values in (("cost_total", cost), ("qalys", effect))
        for draw in range(draws)
        for replication in range(replications)
        for s in range(count)
    ]
    measures = pl.DataFrame(rows, ["strategy", "draw", "replication", "measure", "value"], orient="row")
    store = RunStore(folder / "made_up" / study.run_id)
    differences, value = comparisons(measures, "s0", price)
    tables = {"measures": measures, "summary": strategy_means(measures), "comparisons": differences}
    if drawn:
        tables["draws"] = study.draw_table()
    for name, table in {**tables, "cost_effectiveness": value}.items():
        store.write_table(name, table)
    about = {"run_id": study.run_id, "content_hash": "0" * 64, "started_at": "2026-11-28T10:00:00+00:00"}
    store.write_manifest(about | {"versions": {"popsim": "0.1.0"}, "units": [{}], **study.describe()})
    return StoredRun.open(folder / "made_up")


def six_strategies(folder: Path, draws: int = 30, replications: int = 2) -> StoredRun:
    """Six strategies: a dominated, an extendedly dominated one, one equal to another, ties of effect and of cost."""
    random = np.random.default_rng(1)
    base, health = random.gamma(4, 2500, (draws, 1, 1)), random.normal(0.6, 0.05, (draws, 1, 1))
    more, gain = np.array([0, 800, 1500, 400, 3000, 800]), np.array([0, 0.05, 0.05, 0.001, 0.12, 0.05])
    z, y = random.normal(size=(2, draws, 1, 6))
    z[..., 5], y[..., 5], y[..., 2] = (
        z[..., 1],
        y[..., 1],
        y[..., 1],
    )  # F is B; C has its effect
    y[..., 3] = 0.0
    luck = random.normal(size=(draws, replications, 1))
    cost = base + more + 300 * z * (more > 0) + 100 * luck
    return made_up_run(folder, cost, health + gain + 0.02 * y * (gain > 0) + 0.001 * luck)
