"""A finished run whose persons are made up, so that what it must show is known; nothing is simulated."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from popsim.definitions.experiment import ExperimentDefinition
from popsim.runs.store import RunStore
from popsim.verification.definition_check import read_network

EXPERIMENT = Path(__file__).parents[2] / "experiments" / "heart_failure_discharge.toml"
STRATEGIES = ("usual_care", "early_follow_up", "telemonitoring")
PEOPLE = 200


def persons(draws: int, replications: int, seed: int = 3) -> tuple[pl.DataFrame, pl.DataFrame]:
    """persons and draws. Early follow-up costs 100 + 50 z (z: the draw's parameter) more than usual care.

    It gives women 0.02 QALYs on average and men none, five times as much in the most deprived fifth as in the least;
    telemonitoring costs 500 and gives 0.005 to everybody.
    """
    random = np.random.default_rng(seed)
    numbers = range(1, draws + 1) if draws else [0]
    parameter = {draw: float(random.normal()) if draw else 0.0 for draw in numbers}
    tables = []
    for draw in numbers:
        for replication in range(replications):
            female, quintile = random.integers(0, 2, PEOPLE), random.integers(1, 6, PEOPLE)
            cost, qaly = random.gamma(2, 2500, PEOPLE), random.uniform(0.2, 0.9, PEOPLE) + 0.01 * quintile
            effects = {
                "usual_care": (0.0, 0.0),
                "early_follow_up": (100 + 50 * parameter[draw], 0.02 * female * (6 - quintile) / 3),
                "telemonitoring": (500.0, 0.005),
            }
            for name, (more, gain) in effects.items():
                tables.append(
                    pl.DataFrame(
                        {
                            "strategy": [name] * PEOPLE,
                            "draw": [draw] * PEOPLE,
                            "replication": [replication] * PEOPLE,
                            "region": 0,
                            "person_id": np.arange(PEOPLE),
                            "age_years": random.uniform(50, 90, PEOPLE).astype(np.float32)
                            if name == "usual_care"
                            else tables[-1]["age_years"],
                            "female": female.astype(np.int8),
                            "deprivation_quintile": quintile.astype(np.int8),
                            "qaly": qaly + gain,
                            "cost_total": cost + more,
                        }
                    )
                )
    table = pl.concat(tables).with_columns(pl.col("strategy").cast(pl.Enum(STRATEGIES)))
    drawn = pl.DataFrame({"draw": list(parameter), "prices.clinic": list(parameter.values())})
    return table, drawn.with_columns(pl.Series("prices.other", random.normal(size=len(drawn))))


def write_run(folder: Path, draws: int = 0, replications: int = 4) -> Path:
    """A folder with the manifest and tables that a run leaves behind."""
    experiment = ExperimentDefinition.read(EXPERIMENT).model_copy(
        update={"draws": draws, "replications": replications, "population": PEOPLE}
    )
    table, drawn = persons(draws, replications)
    values = table.group_by("strategy", "draw", "replication", maintain_order=True).agg(
        cost_total=pl.col("cost_total").mean(), qalys=pl.col("qaly").mean()
    )
    measures = values.unpivot(
        on=["cost_total", "qalys"], index=["strategy", "draw", "replication"], variable_name="measure"
    )
    store = RunStore(folder)
    store.write_table("persons", table)
    store.write_table("measures", measures)
    if draws:
        store.write_table("draws", drawn)
    network = read_network(EXPERIMENT.parent / experiment.network).definition.model_dump(mode="json", by_alias=True)
    run = {"experiment": experiment.model_dump(mode="json", by_alias=True), "network": network}
    store.write_manifest(run | {"units": [{}], "run_id": "made_up", "flags": {}})
    return folder


def with_changes(run: Path, folder: Path, tables: Mapping[str, pl.DataFrame] | None = None, **said: object) -> Path:
    """The run in another folder, or in its own, with other tables, and as if its experiment had said this."""
    manifest, store = RunStore(run).read_manifest(), RunStore(folder)
    for name in ["measures"] if said.get("store") == "measures" else manifest["tables"]:
        store.write_table(name, (tables or {}).get(name, pl.read_parquet(run / f"{name}.parquet")))
    store.write_manifest(manifest | {"experiment": manifest["experiment"] | said})
    return folder
