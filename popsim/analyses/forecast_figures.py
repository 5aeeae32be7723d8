"""Evaluated forecasts as plain data, for a model card: performance, calibration, decision curve, subgroups."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl

from popsim.analyses.forecasting import TWIN, EvaluatedForecasts, risk_table, signal_table
from popsim.assimilation.forecast import EVENTS
from popsim.learning.performance import (
    JudgedRisks,
    calibration_groups,
    decision_curve,
    fairness,
    performance,
    subgroups,
    watched_from,
)
from popsim.statistics import Estimate
from popsim.studies.content import code_hash
from popsim.studies.design import Study

# assumption: the tenth of people with the highest risks is watched, as a small service could
WATCHED_SHARE = 0.1
GROUPS = 5  # of the calibration: fifths, since events are few


def forecast_figures(judged: EvaluatedForecasts, study: Study, strategy: str, members: int) -> dict[str, Any]:
    """What a card says of forecasts; nobody can be told from it."""
    experiment = study.experiment
    signals = signal_table(judged).filter(pl.col("forecaster") == TWIN)
    return {
        "code": code_hash(),
        "made": datetime.now(UTC).strftime("%Y-%m-%d"),
        "experiment": experiment.name,
        "strategy": strategy or experiment.reference,
        "population": experiment.population,
        "seed": experiment.seed,
        "people": len(judged.people),
        "days": judged.days,
        "members": members,
        "scores": risk_table(judged).to_dicts(),
        "events": [_event(judged, event) for event in judged.risks["event"].unique(maintain_order=True)],
        "signals": signals.to_dicts(),
    }


def _event(judged: EvaluatedForecasts, event: str) -> dict[str, Any]:
    rows = judged.risks.filter((pl.col("event") == event) & (pl.col("forecaster") == TWIN))
    risks = JudgedRisks.of(rows["value"].to_numpy(), rows["happened"].to_numpy())
    watched = watched_from(risks.risk, WATCHED_SHARE)
    found = performance(risks, watched)
    return {
        "event": event,
        "label": EVENTS[event],
        "people": found.rows,
        "events": found.events,
        "observed": found.observed,
        "predicted": found.predicted,
        "observed_to_predicted": _estimate(found.ratio),
        "c_statistic": _estimate(found.c_statistic),
        "brier": _estimate(found.brier),
        "slope": _estimate(found.slope),
        "watched_from": watched,
        "missed": _estimate(found.false_negatives),
        "calibration": calibration_groups(risks, GROUPS).to_dicts(),
        "decision_curve": decision_curve(risks).to_dicts(),
        "subgroups": fairness(risks, subgroups(judged.people), watched).to_dicts(),
    }


def _estimate(found: Estimate) -> dict[str, float]:
    return {"value": found.value, "low": found.low, "high": found.high}
