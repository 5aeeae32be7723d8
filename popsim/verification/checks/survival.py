"""Life and death."""

from __future__ import annotations

import numpy as np
import polars as pl

from popsim.verification.checking import CheckResult, check, close, never, same, together
from popsim.verification.test_bench import ModelBench

DEADLY = {"heart_failure.non_cardiovascular_log_ratio": 12.0, "heart_failure.death_highest_per_day": 2.0}
AREA = "Life and death"


@check(AREA, "With mortality 0 nobody dies")
def nobody_dies(bench: ModelBench) -> CheckResult:
    """Set every death hazard to 0 and count deaths under each strategy."""
    seen = [bench.immortal(strategy) for strategy in bench.strategies]
    return together(*(never(one.persons["died"], f"{one.unit.strategy.name}: deaths") for one in seen))


@check(AREA, "With mortality 0 everybody survives follow-up")
def everybody_lives_on(bench: ModelBench) -> CheckResult:
    """Set every death hazard to 0 and compare each person's days of life with the days of follow-up."""
    lived = bench.immortal().persons["life_days"]
    return close(lived, np.full(len(lived), float(bench.experiment.follow_up_days)), "days of life")


@check(AREA, "With enormous mortality nearly everybody dies at once")
def everybody_dies(bench: ModelBench) -> CheckResult:
    """Raise the death hazard to its bounds and compare deaths and days of life with those of the experiment."""
    dead, usual = bench.run(None, DEADLY).persons, bench.run().persons
    share, lived, before = dead["died"].mean(), dead["life_days"].mean(), usual["life_days"].mean()
    assert isinstance(share, float) and isinstance(lived, float) and isinstance(before, float)
    return CheckResult(
        share > 0.95 and lived < before, f"{share:.1%} die, after {lived:.1f} days on average (was {before:.1f})"
    )


@check(AREA, "Higher mortality means shorter lives, person by person on average")
def mortality_shortens(bench: ModelBench) -> CheckResult:
    """Raise the log hazard of non-cardiovascular death by 1 and by 2 and look whether mean life days fall each time."""
    name = "non_cardiovascular_log_ratio"
    base = bench.study.parameters["heart_failure"][name]
    lived = [
        float(np.mean(bench.run(None, {f"heart_failure.{name}": base + more}).persons["life_days"].to_numpy()))
        for more in (0.0, 1.0, 2.0)
    ]
    return CheckResult(
        lived[0] > lived[1] > lived[2], "mean days of life " + ", ".join(f"{days:.1f}" for days in lived)
    )


@check(AREA, "Days of life end at death or with follow-up")
def life_days_end(bench: ModelBench) -> CheckResult:
    """Compare each person's days of life with the moment of death in the event log, or with the follow-up."""
    persons = bench.run().persons
    expected = persons.select(pl.coalesce("death_day", pl.lit(float(bench.experiment.follow_up_days)))).to_series()
    return close(persons["life_days"], expected, "days of life")


@check(AREA, "Nobody dies twice")
def one_death_each(bench: ModelBench) -> CheckResult:
    """Count deaths in the event log by person."""
    deaths = bench.run().events.filter(pl.col("event") == "death")
    counts = deaths.group_by("person_id").len()["len"].to_numpy()
    return CheckResult(bool((counts == 1).all()), f"{len(deaths)} deaths of {len(counts)} persons")


@check(AREA, "Nothing happens to the dead")
def nothing_after_death(bench: ModelBench) -> CheckResult:
    """Look for events of a person later than that person's death; a missed booking does not count."""
    events = bench.run().events
    deaths = events.filter(pl.col("event") == "death").select("person_id", death="time_days")
    kept = events.filter(pl.col("event") != "miss")
    later = kept.join(deaths, on="person_id").select(pl.col("time_days") > pl.col("death")).to_series()
    return never(later, "events after the death")


@check(AREA, "Deaths of persons are those of the daily series")
def deaths_add_up(bench: ModelBench) -> CheckResult:
    """Compare the number dead at the end of the daily series with the deaths in the event log."""
    one = bench.run()
    last = one.daily.tail(1)
    dead = int((last["entered"] - last["alive"]).item())
    logged = one.events.filter(pl.col("event") == "death")["person_id"].n_unique()
    return CheckResult(dead == logged and int(one.daily["entered"].tail(1).item()) == len(one.persons),
               f"{dead} dead in the series, {logged} in the log, {len(one.persons)} persons")  # fmt: skip


@check(AREA, "The number alive falls only by deaths and rises only by entries")
def alive_moves_by_flow(bench: ModelBench) -> CheckResult:
    """Compare each day's change in the number alive with that day's entries and deaths."""
    one = bench.run()
    days = one.daily.sort("day")
    deaths = one.events.filter(pl.col("event") == "death").select(day=pl.col("time_days").floor().cast(pl.Int64))
    per_day = deaths.group_by("day").len("deaths")
    table = days.join(per_day, on="day", how="left").sort("day").fill_null(0)
    expected = table.select(pl.col("entered") - pl.col("deaths").cum_sum()).to_series()
    return same(table["alive"], expected, "days")
