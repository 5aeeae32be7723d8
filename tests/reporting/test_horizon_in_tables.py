"""The printed tables say how long health and costs are counted, and what comes after the observed part."""

from __future__ import annotations

import polars as pl

from popsim.definitions.base import validate
from popsim.definitions.experiment import ExperimentDefinition
from popsim.reporting.text.tables import outcome_lines

EXPERIMENT = {"name": "long", "cohort": "c.toml", "network": "n.toml", "strategies": [{"name": "usual"}]}
FOUND = {"qalys": 4.2, "dalys": 3.1, "qalys_after_share": 0.75, "cost_after": 1200.0}


def lines(**keys):
    experiment = validate(EXPERIMENT | keys, ExperimentDefinition, "file")
    rows = [
        {"strategy": "usual", "measure": name, "mean": mean, "low": None, "high": None} for name, mean in FOUND.items()
    ]
    summary = pl.DataFrame(rows, schema_overrides={"low": pl.Float64, "high": pl.Float64})
    head, found = outcome_lines(summary, experiment, {})
    return head, [line[0].strip() for line in found]


def test_a_simulated_lifetime():
    head, found = lines(follow_up="lifetime")
    assert "a lifetime from each person's entry" in head
    assert found[found.index("Of these, what comes after day 365") + 1 :] == ["QALYs, %", "Cost"]
    assert {"QALYs over a lifetime", "DALYs to the end of life expectancy"} <= {*found}


def test_an_extrapolated_lifetime():
    head, found = lines(follow_up="lifetime", observed_days=730, extrapolation={"family": "best"})
    assert "a lifetime (730 days simulated, then extrapolated)" in head
    assert "Of these, what comes after day 730, extrapolated (curve: best)" in found


def test_a_year_keeps_its_words():
    head, found = lines()
    assert "365 days from each person's entry" in head
    assert "QALYs in follow-up" in found
