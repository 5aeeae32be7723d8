"""A made-up run with all that can be valued anew: perspectives, several effects, spending by year, a later part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from finished_run import EXPERIMENT, STRATEGIES, write_run

from popsim.economics.cost_effectiveness import comparisons
from popsim.population.cohort import CohortSource
from popsim.runs.run import StoredRun
from popsim.runs.store import RunStore

YEARS = 3
COMPONENTS = ("ward", "drugs", "out_of_pocket", "travel", "informal_care", "productivity")
MORE = {"usual_care": 0.0, "early_follow_up": 180.0, "telemonitoring": 320.0}
GAIN = {"usual_care": 0.0, "early_follow_up": 0.012, "telemonitoring": 0.02}


def measures(draws: int, replications: int, seed: int = 5) -> pl.DataFrame:
    """Costs of about 6,000 a person whose differences are near the willingness to pay, so that the choice is open."""
    random = np.random.default_rng(seed)
    rows = []
    for draw in range(1, draws + 1) if draws else [0]:
        price, benefit = random.normal(1.0, 0.25, 2) if draws else (1.0, 1.0)
        for replication in range(replications):
            luck = random.normal(size=2)
            for name in STRATEGIES:
                own = random.normal(size=3)
                part = {c: 700.0 * (place + 1) * price for place, c in enumerate(COMPONENTS)}
                part["ward"] += MORE[name] + 90.0 * luck[0] + 25.0 * own[0]
                qalys = 0.6 + GAIN[name] * benefit + 0.02 * luck[1] + 0.002 * own[1]
                care = part["ward"] + part["drugs"]
                values = {
                    "cost_total": care,
                    "cost_health_system": care,
                    "cost_payer": care - part["out_of_pocket"],
                    "cost_societal": care + part["travel"] + part["informal_care"] + part["productivity"],
                    "cost_patient": part["out_of_pocket"] + part["travel"],
                    "qalys": qalys,
                    "life_years": 0.8 + 1.3 * GAIN[name] + 0.01 * luck[1],
                    "dalys": 2.0 - qalys + 0.01 * own[2],
                    "mortality": 0.2 - GAIN[name],
                    "bed_days": 6.0 - 40.0 * GAIN[name] + 0.1 * own[1],
                    "qalys_after": 0.25 * qalys + 0.001 * own[2],
                    "cost_after": 0.3 * care + 3.0 * own[1],
                    "life_years_after": 0.2,
                }
                for year in range(1, YEARS + 1):
                    values |= {f"spending_year_{year}.{c}": amount / year for c, amount in part.items()}
                rows += [(name, draw, replication, measure, value) for measure, value in values.items()]
    columns = ["strategy", "draw", "replication", "measure", "value"]
    return pl.DataFrame(rows, columns, orient="row").with_columns(pl.col("strategy").cast(pl.Enum(STRATEGIES)))


def revalued_run(folder: Path, draws: int, replications: int, **said: object) -> StoredRun:
    """The run, opened."""
    manifest = RunStore(write_run(folder)).read_manifest()
    table, store = measures(draws, replications), RunStore(folder)
    differences, value = comparisons(table, "usual_care", 20_000.0)
    for name, one in {"measures": table, "comparisons": differences, "cost_effectiveness": value}.items():
        store.write_table(name, one)
    if draws:
        random = np.random.default_rng(2)
        parameter = {"draw": np.arange(1, draws + 1), "heart_failure.nothing": random.normal(size=draws)}
        store.write_table("draws", pl.DataFrame(parameter))
    cohort = CohortSource.read(EXPERIMENT.parent / "../cohorts/heart_failure_discharge.toml").definition
    changed = {"draws": draws, "replications": replications, "observed_days": 90, "price_year": "as_printed"} | said
    store.write_manifest(
        manifest
        | {"experiment": manifest["experiment"] | changed, "cohort": cohort.model_dump(mode="json", by_alias=True)}
        | {"versions": {"popsim": "0.1.0"}, "content_hash": "made up", "files": {str(EXPERIMENT): ""}}
    )
    return StoredRun.open(folder)
