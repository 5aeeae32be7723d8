"""Risks on a model card: performance, calibration, decision curve, subgroups, and what intervals exclude."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from popsim.reporting.pages.blocks import ReportTable

Figure = Mapping[str, Any]
CHANCE = 0.5  # c-statistic of a risk that says nothing


def performance_of(event: Figure) -> tuple[str, str, str]:
    """Observed to expected, c-statistic and calibration slope, each with its interval."""
    ratio, c, slope = (estimate(event[name]) for name in ("observed_to_predicted", "c_statistic", "slope"))
    return ratio, c, slope


def risk_tables(name: str, event: Figure) -> Iterator[ReportTable]:
    """Calibration, decision curve and subgroups of a risk."""
    groups = [
        (
            f"{row['group']}",
            f"{row['rows']}",
            f"{row['predicted']:.1%}",
            f"{row['observed']:.1%} ({row['low']:.1%} to {row['high']:.1%})",
        )
        for row in event["calibration"]
    ]  # fmt: skip
    yield ReportTable(f"Calibration: {name}", ["Group by rising risk", "Rows", "Foreseen", "Happened (95%)"], groups)
    curve = [
        (
            f"{row['threshold']:.0%}",
            f"{row['acted_on']:.0%}",
            f"{row['net_benefit']:.4f}",
            f"{row['net_benefit_of_all']:.4f}",
        )
        for row in event["decision_curve"]
    ]
    head = ["Threshold", "Acted on", "Net benefit", "Of acting on all"]
    yield ReportTable(f"Decision curve: {name} (acting on nobody: 0)", head, curve)
    rows = [
        (
            f"{row['characteristic']} {row['group']}", f"{row['rows']:,}", f"{row['events']}",
            _of_row(row, "ratio"), _of_row(row, "c_statistic"), _of_row(row, "false_negatives"),
        )
        for row in event["subgroups"]
    ]  # fmt: skip
    head = ["Group", "Rows", "Events", "Observed to expected", "c-statistic", "Missed"]
    if rows:
        yield ReportTable(f"By subgroup: {name} (n/a: fewer than ten events)", head, rows)


def risk_misses(name: str, event: Figure) -> list[str]:
    """What intervals exclude (observed to expected and slope of 1, in all and in subgroups), or hold: chance."""
    misses = []
    for key, what in (("observed_to_predicted", "observed to expected"), ("slope", "calibration slope")):
        found = event[key]
        if found["low"] is not None and not found["low"] <= 1.0 <= found["high"]:
            misses.append(f"{name}: {what} {estimate(found)} excludes one.")
    c = event["c_statistic"]
    if c["low"] is not None and c["low"] <= CHANCE:
        misses.append(f"{name}: c-statistic {estimate(c)}: it may tell people apart no better than chance.")
    misses += [
        f"{name}: observed to expected {_of_row(row, 'ratio')} in {row['characteristic']} {row['group']}."
        for row in event["subgroups"]
        if row["miscalibrated"]
    ]
    worse = [row for row in event["decision_curve"] if row["net_benefit"] < max(0.0, row["net_benefit_of_all"])]
    if worse:
        at = ", ".join(f"{row['threshold']:.0%}" for row in worse)
        misses.append(f"{name}: acting on all or on nobody has more net benefit at thresholds of {at}.")
    return misses


def risk_results(events: Iterable[Figure]) -> dict[str, list[tuple[str, str]]]:
    """Key metrics of risks, with their intervals as JSON."""
    results: dict[str, list[tuple[str, str]]] = {"usefulness": [], "fairness": [], "safety": []}
    for event in events:
        name = event["label"]
        for key, what in (("c_statistic", "c-statistic"), ("brier", "Brier score")):
            results["usefulness"].append((f"{what}, {name}", as_json(**event[key])))
        curve = {f"{row['threshold']:g}": row["net_benefit"] for row in event["decision_curve"]}
        results["usefulness"].append((f"net benefit by threshold, {name}", as_json(**curve)))
        for row in event["subgroups"]:
            label = f"observed to expected, {name}, {row['characteristic']} {row['group']}"
            results["fairness"].append(
                (label, as_json(value=row["ratio"], low=row["ratio_low"], high=row["ratio_high"]))
            )
        for key, what in (("observed_to_predicted", "observed to expected"), ("slope", "calibration slope")):
            results["safety"].append((f"{what}, {name}", as_json(**event[key])))
        results["safety"].append((f"events below the watched risk, {name}", as_json(**event["missed"])))
    if not results["fairness"]:
        results["fairness"].append(("subgroups", as_json(value=None)))
    return results


def as_json(**said: Any) -> str:
    """Numbers as the JSON of a result."""
    return json.dumps(said)


def estimate(found: Figure) -> str:
    """A value with its interval."""
    return interval(found["value"], found["low"], found["high"])


def _of_row(row: Figure, name: str) -> str:
    return interval(row[name], row[f"{name}_low"], row[f"{name}_high"])


def interval(value: float | None, low: float | None, high: float | None) -> str:
    """A value with its interval; n/a where it is not known."""
    if value is None:
        return "n/a"
    if low is None or high is None:
        return f"{value:.2f}"
    return f"{value:.2f} ({low:.2f} to {high:.2f})"
