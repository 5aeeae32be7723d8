"""The tables of `popsim score` as text."""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from popsim.analyses.forecasting import TRUTH, TWIN, EvaluatedForecasts, risk_table, signal_table
from popsim.assimilation.forecast import EVENTS
from popsim.reporting.table_files import tabled
from popsim.reporting.text.formatting import aligned, estimated, rounded
from popsim.statistics import Estimate

NAMES = {"weight_kg": "Weight, kg", "nt_probnp_pg_ml": "NT-proBNP, pg/mL"}
NOTES = f"""\
Brier score and log score: smaller is better; Brier = reliability (less is better) - resolution (more is better) + the
Brier score of the base rate. c: probability that of two people the one with the event had the higher risk. Slope: 1
where risks are as extreme as they should be. Intervals are 95%, of sampling people. Points of scores are turned into
risks on these same people, and the base rate is theirs: both know more than anybody could beforehand. {TRUTH}: the true
state simulated forward with independent random numbers, the most that could be known. Forecasts predict usual reviews
and stays, not queues and new prescriptions. For research, not for care."""


def forecasts_text(judged: EvaluatedForecasts) -> str:
    """How good risks and trajectories were."""
    risks, signals = tabled("Risks", risk_table(judged)), tabled("Trajectories", signal_table(judged))
    blocks = []
    for (event,), rows in risks.group_by("event", maintain_order=True):
        persons, happened = rows["persons"][0], rows["happened"][0]
        title = f"{EVENTS[str(event)]} within {judged.days} days: {persons * happened:.0f} of {persons:,} people"
        head = ["", "mean, %", "Brier", "reliability", "resolution", "log score", "c", "slope"]
        lines = [[f"{title} ({happened * 100:.1f}%)"], head, *(_risk_line(row) for row in rows.iter_rows(named=True))]
        blocks.append(aligned(lines))
    head = ["Trajectories", "people", "CRPS", "CRPS of everybody", "in 90% interval, %"]
    blocks.append(aligned([head, *(_signal_line(row) for row in signals.iter_rows(named=True))]))
    return "\n\n".join([*blocks, NOTES])


def _risk_line(row: dict[str, Any]) -> list[str]:
    c = Estimate(row["c_statistic"], row["c_standard_error"])
    slope = Estimate(row["slope"], row["slope_standard_error"]) if row["slope"] is not None else None
    numbers = [f"{row[name]:.4f}" for name in ("brier", "reliability", "resolution", "log_score")]
    discriminates = estimated(c)
    calibrated = "" if slope is None else estimated(slope)
    return [f"  {row['forecaster']}", f"{row['mean_risk'] * 100:.1f}", *numbers, discriminates, calibrated]


def _signal_line(row: dict[str, Any]) -> list[str]:
    score = Estimate(row["crps"], math.nan if row["crps_standard_error"] is None else row["crps_standard_error"])
    what = f"  {NAMES[row['column']]}, after {row['day']} days: {row['forecaster']}"
    crps = estimated(score)
    return [what, f"{row['persons']:,}", crps, rounded(row["crps_of_everybody"]), f"{row['covered'] * 100:.1f}"]


def twins_are_last(risks: pl.DataFrame) -> list[str]:
    """Names of the forecasters, from the least informed to the best."""
    names = risks["forecaster"].unique(maintain_order=True).to_list()
    return [*(name for name in names if name not in (TWIN, TRUTH)), TWIN, TRUTH]
