"""Performance of telemonitoring alerts: number, false alerts, missed presentations, contacts of the centre.

An alert is false if the person neither presents with heart failure nor dies within FORESEEN_DAYS of it. An alert that
prevents the event therefore counts as false, as in any service that cannot observe the counterfactual: compare shares
of false alerts between strategies, or use a strategy whose telemonitoring centre has no slots.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from popsim.kernels.codes import ALERT_IGNORED
from popsim.outcomes.follow_up import observed, person_years
from popsim.outcomes.measure import OutcomeMeasure
from popsim.outcomes.regions import TOTAL, Value, measure_frame

FORESEEN_DAYS = 14

ALERTS = (
    OutcomeMeasure("alerts_per_person_year", "Alerts per person-year", "per person-year", "Alerts raised"),
    OutcomeMeasure("alerts_false_share", f"Alerts with neither heart failure nor death in {FORESEEN_DAYS} days", "%",
                   f"Of alerts whose {FORESEEN_DAYS} days end within follow-up", "lower"),
    OutcomeMeasure("alerts_ignored_share", "Alerts on which nobody acts", "%", "Of all alerts", "lower"),
    OutcomeMeasure("heart_failure_unforeseen_share",
                   f"Heart failure without an alert in the {FORESEEN_DAYS} days before", "%",
                   "Of acute presentations with heart failure", "lower"),
    OutcomeMeasure("desk_visits_per_person_year", "Contacts of the desk per person-year", "per person-year",
                   "Contacts of the settings that answer alerts"),
    OutcomeMeasure("desk_visits_per_day", "Contacts of the desk per day", "per day",
                   "Contacts of the settings that answer alerts, of the whole population"),
)  # fmt: skip


def alert_measures(events: pl.DataFrame, people: pl.DataFrame, centres: Iterable[str], days: int) -> pl.DataFrame:
    """Measures of alerts.

    Args:
        events: `EventLog.frame()`, with `present`, `alert`, `visit`.
        people: `follow_up(...)`.
        desks: settings that respond to alerts, under any strategy.
        days: number of simulated days.

    Returns:
        measure, value, weight: alerts_per_person_year; alerts_false_share (of alerts whose FORESEEN_DAYS end within
        follow-up); alerts_ignored_share; heart_failure_unforeseen_share (of presentations with heart failure, those
        without an alert in the FORESEEN_DAYS before); desk_visits_per_person_year; desk_visits_per_day.
    """
    years = person_years(people)
    seen = observed(events.filter(pl.col("event").is_in(["alert", "present", "visit"])), people)
    alerts = seen.filter(pl.col("event") == "alert").select("person_id", "time_days", "detail")
    failures = seen.filter((pl.col("event") == "present") & (pl.col("cause") == "heart_failure"))
    failures = failures.select("person_id", "time_days")
    visits = seen.filter((pl.col("event") == "visit") & pl.col("setting").cast(pl.String).is_in(list(centres))).height
    false, judged = _false(alerts, failures, people)
    unforeseen = int((~_within(failures, alerts, "backward")).sum())
    ignored = int((alerts["detail"] & ALERT_IGNORED > 0).sum())
    return measure_frame(
        {
            "alerts_per_person_year": _per(len(alerts), years),
            "alerts_false_share": _per(false, judged),
            "alerts_ignored_share": _per(ignored, len(alerts)),
            "heart_failure_unforeseen_share": _per(unforeseen, len(failures)),
            "desk_visits_per_person_year": _per(visits, years),
            "desk_visits_per_day": Value(visits / days, TOTAL),
        }
    )


def _false(alerts: pl.DataFrame, failures: pl.DataFrame, people: pl.DataFrame) -> tuple[int, int]:
    """Number of false alerts, and number of alerts with complete follow-up."""
    table = alerts.join(people, on="person_id", how="left", maintain_order="left")
    until = pl.col("time_days") + FORESEEN_DAYS
    dies = (pl.col("death_time_days") <= until).fill_null(False)
    judged = table.with_columns(
        hit=_within(alerts, failures, "forward"), dies=dies, over=until <= pl.col("end_day")
    ).filter(pl.col("over") | pl.col("hit") | pl.col("dies"))
    return int((~(judged["hit"] | judged["dies"])).sum()), len(judged)


def _within(table: pl.DataFrame, others: pl.DataFrame, strategy: str) -> pl.Series:
    """Whether the person has one of the others within FORESEEN_DAYS after (forward) or before (backward) each row."""
    return (
        table.select("person_id", "time_days")
        .with_row_index("place")
        .sort("time_days")
        .join_asof(
            others.select("person_id", "time_days").with_columns(there=True).sort("time_days"),
            on="time_days",
            by="person_id",
            strategy=strategy,  # type: ignore[arg-type]
            tolerance=float(FORESEEN_DAYS),
            check_sortedness=False,
        )
        .sort("place")["there"]
        .fill_null(False)
    )


def _per(number: float, of: float) -> Value:
    """A ratio with its denominator; no value if the denominator is 0."""
    return Value(number / of if of else None, of)
