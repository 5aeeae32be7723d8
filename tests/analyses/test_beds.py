"""Beds without the warm-up: a hospital that fills, one that begins in use, and means by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from popsim.analyses.beds import steady_beds
from popsim.outcomes.regions import measure_frame
from popsim.runs.warm_up import begins_empty, warm_up_of, without_warm_up

DAYS, FILLS = 300, 40


def run_of(seed=4, **changes):
    """A ward whose census rises to 12 over 40 days, and with a third of that under the other strategy."""
    random, days = np.random.default_rng(seed), np.arange(DAYS)
    parts = []
    for strategy, level in (("usual", 12.0), ("other", 4.0)):
        for replication in range(3):
            census = level * np.minimum(days / FILLS, 1.0) + random.normal(0, 0.5, DAYS)
            parts.append(pl.DataFrame({"strategy": strategy, "draw": 0, "replication": replication, "region": 0,
                                       "day": days, "census_ward": census, "queue_ward": 0.0,
                                       "places_ward": 16}))  # fmt: skip
    daily = pl.concat(parts)
    experiment = SimpleNamespace(
        entry="discharge", trial=None, run_in_days=180, enrolment_days=0, follow_up_days=DAYS, reference="usual",
        strategy=lambda _: SimpleNamespace(title="Usual care"),
    )  # fmt: skip
    network = SimpleNamespace(
        settings=[SimpleNamespace(name="ward", setting_class="inpatient")],
        census=(),
        warm_up_days=0,
        study_beds=False,
    )
    for name, value in changes.items():
        setattr(experiment if hasattr(experiment, name) else network, name, value)
    return SimpleNamespace(
        tables=("daily",), table=lambda _: daily.lazy(), experiment=experiment, network=network,
    )  # fmt: skip


def mean(found, strategy, kind="census"):
    return found.table.filter(strategy=strategy, kind=kind)["mean"].item()


def test_the_warm_up_is_left_out_and_the_rule_told():
    found = steady_beds(run_of())
    first = int(found.rule.split()[5])
    assert 25 <= first <= 45 and "MSER-5" in found.rule and "usual care" in found.rule
    rise = sum(1.0 - day / FILLS for day in range(first, FILLS)) / (DAYS - first)  # what is left of it
    error = 0.5 / np.sqrt(3 * (DAYS - first))
    assert mean(found, "usual") == pytest.approx(12.0 * (1.0 - rise), abs=4 * error)
    assert mean(found, "other") == pytest.approx(4.0 * (1.0 - rise), abs=4 * error)  # the same days
    assert mean(found, "usual", "queue") == 0.0


@pytest.mark.parametrize("changes", [{"warm_up_days": 100}, {"census": ("a row",)}, {"entry": "home"}])
def test_a_network_that_begins_with_patients_has_no_warm_up(changes):
    run = run_of(**changes)
    found = steady_beds(run)
    assert not begins_empty(run.experiment, run.network)
    assert found.rule == "Occupancy is of all days: the network begins with patients."
    assert mean(found, "usual") == pytest.approx(12.0 * (1.0 - (FILLS + 1) / 2 / DAYS), abs=0.07)  # area by hand


def test_a_short_run_says_so():
    assert "90 are too few to find a warm-up, it takes 100" in steady_beds(run_of(follow_up_days=90)).rule


def test_a_run_without_days_says_so():
    run = run_of()
    assert warm_up_of(run.experiment, run.network, None).rule.startswith("Occupancy is of all days, though the network")


def test_measures_of_occupancy_count_the_same_days():
    """By hand from the daily table; what is no occupancy stays, and so does the order."""
    run = run_of()
    daily, first = run.table("daily"), 40
    units = daily.select("strategy", "draw", "replication", "region").unique(maintain_order=True).collect()
    old = measure_frame(
        {"qalys": (0.5, 100.0), "occupancy_mean.ward": (9.0, None), "occupancy_share.ward": (0.5, 16.0)}
    )
    found = without_warm_up(units.join(old, how="cross").lazy(), daily, run.network, first).collect()
    assert found["measure"].to_list() == ["qalys", "occupancy_mean.ward", "occupancy_share.ward"] * 6
    chosen = found.filter(strategy="other", replication=1)
    census = daily.filter(pl.col("strategy") == "other", pl.col("replication") == 1, pl.col("day") >= first).collect()
    mean_census = census["census_ward"].mean()
    assert chosen["value"].to_list() == pytest.approx([0.5, mean_census, mean_census / 16])
    assert chosen["weight"].to_list() == [100.0, None, 16.0]
