"""A run for R: the draws as CSV and Parquet, and `load.R`, base R alone, which hands them to BCEA, dampack and hesim.

about.csv                    key, value: willingness to pay, currency, effect, run, content hash
strategies.csv               strategy_id, strategy, title; the comparator first
costs.csv, effects.csv       draw and a column for each strategy, as popsim's decision uses them
costs_simulated.csv, ...     the same with their Monte Carlo noise
parameters.csv               draw and a column for each uncertain parameter
hesim.csv, psa.parquet       sample, strategy_id, grp_id, effect, cost: one row a draw and strategy
savi_*.csv                   costs, effects and parameters without the number of the draw
popsim_results.csv           figure, strategy, value, text: what popsim found, for `check_popsim`
load.R                       base R alone
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import polars as pl
from numpy.typing import NDArray

from popsim.errors import InputError
from popsim.exchange.tables.csv_file import write_csv
from popsim.exchange.tables.decision_tables import DecisionTables

LOADER = "load.R"
FLAG = "--out"


def write_r_files(tables: DecisionTables, folder: Path) -> list[Path]:
    """Write the files into a folder, which is made; files of the same names are replaced.

    Raises:
        InputError: the folder or a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LOADER).write_text(files(__package__).joinpath(LOADER).read_text(encoding="utf-8"), encoding="utf-8")
        _long(tables).write_parquet(folder / "psa.parquet")
    except OSError as error:
        raise InputError(f"{FLAG} {folder}: cannot be written: {error.strerror}") from None
    written = [write_csv(frame, folder / f"{name}.csv", FLAG) for name, frame in r_frames(tables).items()]
    return [*written, folder / "psa.parquet", folder / LOADER]


def r_frames(tables: DecisionTables) -> dict[str, pl.DataFrame]:
    """The CSV files by name."""
    used, simulated = tables.decision, tables.simulated
    costs, effects = _wide(tables, used.cost), _wide(tables, used.effect)
    frames = {
        "about": _about(tables),
        "strategies": pl.DataFrame(
            {
                "strategy_id": range(1, len(tables.strategies) + 1),
                "strategy": tables.strategies,
                "title": tables.titles,
            }
        ),
        "costs": costs,
        "effects": effects,
        "costs_simulated": _wide(tables, simulated.cost),
        "effects_simulated": _wide(tables, simulated.effect),
        "hesim": _long(tables),
        "savi_costs": costs.drop("draw"),
        "savi_effects": effects.drop("draw"),
        "popsim_results": results_frame(tables),
    }
    parameters = tables.parameter_draws
    if parameters is not None:
        frames |= {"parameters": parameters, "savi_parameters": parameters.drop("draw")}
    return frames


def results_frame(tables: DecisionTables) -> pl.DataFrame:
    """What popsim finds at the experiment's willingness to pay: figure, strategy, value, text."""
    rows: list[tuple[str, str | None, float | None, str | None]] = []
    for row in tables.frontier().iter_rows(named=True):
        rows.append(("status", row["strategy"], None, row["status"]))
        rows += [(key, row["strategy"], row[key], None) for key in ("cost", "effect", "icer")]
    benefits = tables.benefits(tables.price).tolist()
    rows += [("net_monetary_benefit", *one, None) for one in zip(tables.strategies, benefits, strict=True)]
    if tables.has_curves:
        for row in tables.curve([tables.price]).iter_rows(named=True):
            rows += [(key, row["strategy"], row[key], None) for key in ("probability", "expected_loss")]
    if tables.has_information:
        rows.append(("evpi", None, tables.information([tables.price])[0], None))
    types = {"figure": pl.String, "strategy": pl.String, "value": pl.Float64, "text": pl.String}
    return pl.DataFrame(rows, types, orient="row")


def _about(tables: DecisionTables) -> pl.DataFrame:
    run = tables.run
    said = {
        "experiment": run.experiment.name,
        "run": run.manifest["run_id"],
        "content_hash": run.manifest.get("content_hash", ""),
        "willingness_to_pay": f"{tables.price!r}",
        "currency": run.experiment.currency,
        "effect": tables.effect,
        "effect_unit": tables.unit,
        "comparator": run.comparator,
        "parameter_draws": str(tables.drawn),
        "replications": str(run.experiment.replications),
    }
    return pl.DataFrame({"key": list(said), "value": list(said.values())})


def _wide(tables: DecisionTables, values: NDArray) -> pl.DataFrame:  # type: ignore[type-arg]
    columns = [pl.Series(name, values[:, place]) for place, name in enumerate(tables.strategies)]
    return pl.DataFrame([pl.Series("draw", tables.decision.draws), *columns])


def _long(tables: DecisionTables) -> pl.DataFrame:
    """One row a draw and strategy, as `hesim::cea` takes them; samples count from 1."""
    used = tables.decision
    parts = [
        pl.DataFrame(
            {
                "sample": range(1, len(used.draws) + 1),
                "strategy_id": place + 1,
                "grp_id": 1,
                "effect": used.effect[:, place],
                "cost": used.cost[:, place],
            }
        )
        for place in range(len(used.strategies))
    ]
    return pl.concat(parts)
