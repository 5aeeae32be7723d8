"""Run time, memory and precision of a run, estimated from a small pilot of the same experiment."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from popsim.analyses.contrast import NET_BENEFIT, Contrast, contrasts
from popsim.analyses.precision import Noise, TargetPrecision
from popsim.errors import InputError
from popsim.runs.engine import Engine
from popsim.runs.memory import needed_together
from popsim.studies.design import Study

if TYPE_CHECKING:
    from popsim.runs.runner import RunResult

PILOT_PEOPLE = 400
TIMED_PEOPLE = 4000
PILOT_REPLICATIONS = 6
PILOT_DRAWS = 8
SHOWN = ("cost_total", "qalys", NET_BENEFIT, "readmission_30d")


@dataclass(frozen=True, slots=True)
class Plan:
    """Effort and precision of an experiment.

    Attributes:
        units: number of units.
        unit_seconds: run time of a unit, on one core.
        seconds: run time of the whole, with the engine's workers.
        peak_bytes: memory of all workers together.
        precision: strategy, measure, half_width (predicted 95% interval of the paired difference with this design),
            monte_carlo_half_width (the Monte Carlo part), and for a target half-width: wanted, replications, draws and
            population that would reach it, each with the others unchanged; null where there is no target or there are
            no draws.
    """

    units: int
    unit_seconds: float
    seconds: float
    peak_bytes: int
    precision: pl.DataFrame


def plan_study(
    study: Study, engine: Engine, run: Callable[[Study], RunResult], target_precision: Sequence[TargetPrecision] = ()
) -> Plan:
    """Simulate a small version of an experiment and extrapolate to the whole.

    Time is a straight line in people through two pilot sizes; variance between replications shrinks as 1 / people.

    Raises:
        InputError: the experiment has a single strategy, or no measure of that name.
    """
    experiment, questions = study.experiment, _questions(study, target_precision)
    size = min(PILOT_PEOPLE, max(2, study.region_size(0)))
    draws = min(PILOT_DRAWS, experiment.draws)
    replications = 2 if draws else PILOT_REPLICATIONS
    pilot = run(_pilot(study, size, draws, replications))
    measures = pl.read_parquet(pilot.folder / "measures.parquet")
    large = min(TIMED_PEOPLE, study.region_size(0))
    timed = run(_pilot(study, large, min(draws, 1), 1))
    unit_seconds = _line((large, size), (_unit_seconds(timed), _unit_seconds(pilot)), study.region_size(0))
    units = max(experiment.draws, 1) * experiment.replications * experiment.regions * len(experiment.strategies)
    workers = min(engine.workers, units)
    rows = []
    for contrast, request in questions:
        try:
            values = contrast.values(measures)
        except InputError:  # 30-day readmission in a month, say; only who asks for it is told
            if request is not None:
                raise
            continue
        rows.append(_precision(study, contrast, values, size, request))
    return Plan(
        units=units,
        unit_seconds=unit_seconds,
        seconds=unit_seconds * math.ceil(units / workers),
        peak_bytes=needed_together(workers, study.region_size(0), experiment.follow_up_days, study.past_size),
        precision=pl.DataFrame(rows, schema=_SCHEMA),
    )


_SCHEMA = {
    "strategy": pl.String, "measure": pl.String, "half_width": pl.Float64, "monte_carlo_half_width": pl.Float64,
    "wanted": pl.Float64, "replications": pl.Int64, "draws": pl.Int64, "population": pl.Int64,
}  # fmt: skip


def _pilot(study: Study, people: int, draws: int, replications: int) -> Study:
    changes = {"population": people, "regions": 1, "draws": draws, "replications": replications, "store": "measures"}
    return replace(study, experiment=study.experiment.model_copy(update=changes))


def _unit_seconds(pilot: RunResult) -> float:
    """Median time of a unit: the first of each process also waits for compiled code."""
    units = json.loads((pilot.folder / "manifest.json").read_text(encoding="utf-8"))["units"]
    return float(median(unit["seconds"] for unit in units))


def _questions(
    study: Study, target_precision: Sequence[TargetPrecision]
) -> list[tuple[Contrast, TargetPrecision | None]]:
    asked = {request.measure: request for request in target_precision}
    measures = [*SHOWN, *(name for name in asked if name not in SHOWN)]
    return [(contrast, asked.get(name)) for name in measures for contrast in contrasts(study, name)]


def _line(people: tuple[int, int], seconds: Sequence[float], at: int) -> float:
    """Seconds at another number of people, on the line through two points, but at least in proportion."""
    slope = max((seconds[0] - seconds[1]) / max(people[0] - people[1], 1), 0.0)
    return max(seconds[0] + slope * (at - people[0]), 1e-3)


def _precision(
    study: Study, contrast: Contrast, values: pl.DataFrame, size: int, target_precision: TargetPrecision | None
) -> dict[str, object]:
    experiment = study.experiment
    noise = Noise.of(values, size)
    design = (experiment.population, experiment.draws, experiment.replications)
    row: dict[str, object] = {
        "strategy": contrast.strategy,
        "measure": contrast.outcome,
        "half_width": _known(noise.half_width(*design)),
        "monte_carlo_half_width": _known(noise.monte_carlo_half_width(*design)),
    }
    if target_precision is None:
        return row
    row["wanted"] = target_precision.half_width
    if experiment.draws:
        row["draws"] = noise.draws_for(target_precision.half_width, experiment.population, experiment.replications)
    else:
        row["replications"] = noise.replications_for(target_precision.half_width, experiment.population)
        row["population"] = noise.population_for(target_precision.half_width, experiment.replications)
    return row


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
