"""Beds without the warm-up: a hospital that fills, one that begins in use, and means by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from popsim.analyses.beds import steady_beds
from popsim.outcomes.regions import measure_frame
from popsim.runs.warm_up import after_warm_up, begins_empty, waits_after, warm_up_of

DAYS, FILLS = 300, 40


def run_of(seed=4, stays=(), **changes):
    """A ward whose census rises to 12 over 40 days, and to a third of that under the other strategy; with stays."""
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
        store="events", entry="discharge", trial=None, run_in_days=180, enrolment_days=0, follow_up_days=DAYS,
        reference="usual",
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
    schema = {"strategy": pl.String, "admit_time_days": pl.Float64, "discharge_time_days": pl.Float64}
    tables = {"daily": daily, "admissions": pl.DataFrame(list(stays), schema=schema, orient="row")}
    return SimpleNamespace(
        least_count=0, tables=tables, table=lambda name: tables[name].lazy(), experiment=experiment, network=network
    )  # fmt: skip


def mean(found, strategy, kind="census"):
    return found.table.filter(strategy=strategy, kind=kind)["mean"].item()


def test_the_warm_up_is_left_out_and_the_rule_told():
    found = steady_beds(run_of())
    first = int(found.rule.split()[7])
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
    assert found.rule == "Occupancy and waits are of all days: the network begins with patients."
    assert mean(found, "usual") == pytest.approx(12.0 * (1.0 - (FILLS + 1) / 2 / DAYS), abs=0.07)  # area by hand


def test_people_of_the_study_are_no_warm_up():
    """Ten of them, in each of the three replications, are there in the middle of the time: the warm-up is the same."""
    stays = [("usual", 100.0 + 2 * i, 200.5 + 2 * i) for i in range(10)] * 3
    run, day = run_of(stays=stays), pl.col("day")
    there = sum(((day + 1 > start) & (day + 1 < end)).cast(pl.Float64) for _, start, end in stays[:10])
    with_them = run.tables["daily"].with_columns(
        census_ward=pl.col("census_ward") + pl.when(pl.col("strategy") == "usual").then(there).otherwise(0.0)
    )
    run.tables["daily"] = with_them
    assert steady_beds(run).rule == steady_beds(run_of()).rule
    run.tables["admissions"] = run.tables["admissions"].clear()
    assert steady_beds(run).rule != steady_beds(run_of()).rule


def test_a_hospital_for_the_study_alone_has_no_warm_up():
    assert "no patients but the people of the study" in steady_beds(run_of(study_beds=True)).rule


def test_a_short_run_says_so():
    assert "90 are too few to find a warm-up, it takes 100" in steady_beds(run_of(follow_up_days=90)).rule


def test_a_run_without_days_says_so():
    run = run_of()
    assert warm_up_of(run.experiment, run.network, None, None).rule.startswith(
        "Occupancy and waits are of all days, though"
    )


def test_measures_of_occupancy_count_the_same_days():
    """By hand from the daily table; what is no occupancy stays, and so does the order."""
    run = run_of()
    daily, first = run.table("daily"), 40
    units = daily.select("strategy", "draw", "replication", "region").unique(maintain_order=True).collect()
    old = measure_frame(
        {"qalys": (0.5, 100.0), "occupancy_mean.ward": (9.0, None), "occupancy_share.ward": (0.5, 16.0)}
    )
    found = after_warm_up(units.join(old, how="cross").lazy(), daily, [], run.network, first).collect()
    assert found["measure"].to_list() == ["qalys", "occupancy_mean.ward", "occupancy_share.ward"] * 6
    chosen = found.filter(strategy="other", replication=1)
    census = daily.filter(pl.col("strategy") == "other", pl.col("replication") == 1, pl.col("day") >= first).collect()
    mean_census = census["census_ward"].mean()
    assert chosen["value"].to_list() == pytest.approx([0.5, mean_census, mean_census / 16])
    assert chosen["weight"].to_list() == [100.0, None, 16.0]


def test_measures_of_waits_count_requests_after_the_warm_up():
    """By hand: of three waits the one asked for on day 39.9 is left out, and a setting that nobody asked for later."""
    run, unit = run_of(), {"strategy": "usual", "draw": 0, "replication": 0, "region": 0}
    names, kinds = pl.Enum(["ward", "icu"]), pl.Enum(["arrive", "start", "end"])
    rows = [
        (1, "ward", "arrive", 39.9), (1, "ward", "start", 44.9), (1, "ward", "end", 50.0),
        (2, "ward", "arrive", 40.0), (2, "ward", "start", 40.25), (2, "ward", "end", 45.0),
        (2, "icu", "arrive", 10.0), (2, "icu", "start", 12.0), (2, "icu", "end", 13.0),
        (3, "ward", "arrive", 60.0), (3, "ward", "start", 60.75),
    ]  # fmt: skip
    schema = {"person_id": pl.Int64, "setting": names, "event": kinds, "time_days": pl.Float64}
    events = pl.DataFrame(rows, schema=schema, orient="row").lazy()
    people = {"person_id": [1, 2, 3], "deprivation_quintile": [1, 1, 2]}
    persons = pl.DataFrame(people).select(*(pl.lit(one).alias(name) for name, one in unit.items()), pl.all())
    old = {
        "qalys": (0.5, 3.0), "wait_starts.ward": (3.0, None), "wait_mean_hours.ward": (48.0, 3.0),
        "wait_mean_hours.icu": (48.0, 1.0), "by_deprivation.wait_mean_hours.1": (60.0, 3.0),
    }  # fmt: skip
    measures = pl.DataFrame(unit).join(measure_frame(old), how="cross").lazy()
    daily = run.tables["daily"].with_columns(places_icu=0, census_icu=0.0, queue_icu=0.0).lazy()
    run.network.settings.append(SimpleNamespace(name="icu", setting_class="critical"))
    stored = {"events": events, "persons": persons.lazy()}
    waits = [waits_after(SimpleNamespace(scan=lambda name, keys: stored[name]), "unit", run.network, 40)]
    found = after_warm_up(measures, daily, waits, run.network, 40).collect()
    assert found["measure"].to_list() == [name for name in old if not name.endswith("icu")]
    assert found["value"].to_list() == pytest.approx([0.5, 2, (6 + 18) / 2, 6])
    assert found["weight"].to_list() == [3.0, None, 2.0, 1.0]
