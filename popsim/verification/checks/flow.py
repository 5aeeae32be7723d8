"""Care network: location, waiting and stays."""

from __future__ import annotations

import numpy as np
import polars as pl

from popsim.verification.checking import CheckResult, check, close, never, not_applicable, same, together
from popsim.verification.test_bench import ModelBench

AREA = "Patient flow"


@check(AREA, "Everybody alive is in exactly one setting or waiting room, every day")
def everybody_somewhere(bench: ModelBench) -> CheckResult:
    """No outside patients: compare the number alive with the census of all settings; the difference must be waiting."""
    one = bench.run(network=bench.closed)
    places = [s.name for s in bench.study.network.settings if s.setting_class not in ("router", "outpatient")]
    there = one.daily.select(pl.sum_horizontal(f"census_{name}" for name in places)).to_series()
    waiting = one.daily.select(pl.sum_horizontal(f"queue_{name}" for name in places)).to_series()
    missing = one.daily["alive"] - there
    return never((missing < 0) | (missing > waiting), "days")


@check(AREA, "No setting holds more people than its capacity")
def capacity(bench: ModelBench) -> CheckResult:
    """Compare every day's census of every setting with its capacity, under every strategy."""
    from popsim.care.network import CareNetwork  # noqa: PLC0415

    network = CareNetwork(bench.study.network, bench.study.schema.columns, bench.study.file)
    found = []
    for strategy in bench.strategies:
        one = bench.run(strategy)
        settings = network.with_capacity(strategy.capacity).scaled(len(one.persons)).settings
        limited = {
            s.name: s.most_beds for s in settings if isinstance(s.most_beds, int) and s.setting_class != "outpatient"
        }
        over = [(one.daily[f"census_{name}"] > places).to_numpy() for name, places in limited.items()]
        if over:
            found.append(
                never(np.concatenate(over), f"{strategy.name}: days above the capacity of {len(over)} settings")
            )
    return together(*found) if found else not_applicable("no setting has limited capacity")


@check(AREA, "With unlimited capacity nobody waits for a bed")
def unlimited(bench: ModelBench) -> CheckResult:
    """Give every setting unlimited capacity and look at the queues."""
    settings = tuple(
        s if s.setting_class in ("router", "outpatient") else s.model_copy(update={"capacity": "unlimited"})
        for s in bench.study.network.settings
    )
    network = bench.study.network.model_copy(update={"settings": settings})
    one = bench.run(bench.base.model_copy(update={"capacity": {}}), network=network)
    names = [s.name for s in settings if s.setting_class in ("inpatient", "critical", "observation", "emergency")]
    if not names:
        return not_applicable("the network has no hospital")
    queues = one.daily.select(pl.sum_horizontal(f"queue_{name}" for name in names)).to_series()
    return never(queues > 0, "days on which somebody waits")


@check(AREA, "Leaving never comes before arriving")
def order_of_events(bench: ModelBench) -> CheckResult:
    """Check the log's times: they never decrease, and no stay has a negative length."""
    one = bench.run()
    times = one.events["time_days"].to_numpy()
    stays = one.admissions["length_of_stay_days"].drop_nulls()
    return together(
        never(np.diff(times) < 0, "steps back in time"),
        never(stays < 0, "stays of negative length") if len(stays) else not_applicable("nobody stayed"),
    )


@check(AREA, "Time in hospital is the sum of the stays")
def hospital_time(bench: ModelBench) -> CheckResult:
    """Add up each person's stays within follow-up and compare with its days in hospital."""
    one = bench.run()
    last = one.persons.select("person_id", "entry_day", end=pl.col("entry_day") + bench.experiment.follow_up_days)
    stays = one.admissions.join(last, on="person_id").select(
        "person_id",
        days=(
            pl.min_horizontal(pl.coalesce("discharge_time_days", "end"), "end")
            - pl.max_horizontal("admit_time_days", "entry_day")
        ).clip(0.0),
    )
    total = stays.group_by("person_id").agg(pl.col("days").sum())
    table = one.persons.join(total, on="person_id", how="left").fill_null(0.0)
    return close(table["hospital_days"], table["days"], "days in hospital", 1e-6)


@check(AREA, "Days in hospital and days out of it make up the days of life")
def days_add_up(bench: ModelBench) -> CheckResult:
    """Add each person's days in hospital and out; compare with those from entry to death or the end of follow-up."""
    one = bench.run()
    deaths = one.events.filter(pl.col("event") == "death").select("person_id", death_time_days="time_days")
    ends = pl.min_horizontal("death_time_days", pl.col("entry_day") + bench.experiment.follow_up_days)
    table = one.persons.join(deaths, on="person_id", how="left").with_columns(lived=ends - pl.col("entry_day"))
    return close(table["hospital_days"] + table["days_alive_out_of_hospital"], table["lived"], "days", 1e-6)


@check(AREA, "Readmission grows with the window and never exceeds admission")
def readmission_windows(bench: ModelBench) -> CheckResult:
    """Compare persons readmitted within 30 days with persons ever admitted."""
    persons = bench.run().persons
    soon = persons["readmitted_30d"].fill_null(value=False)
    for_index = persons["readmitted_30d_index_cause"].fill_null(value=False)
    return together(
        never(soon & (persons["admissions"] == 0), "readmitted without an admission"),
        never(for_index & ~soon, "readmitted for the index condition but not at all"),
    )


@check(AREA, "Admissions of persons are those of the list of admissions")
def admissions_agree(bench: ModelBench) -> CheckResult:
    """Count the stays that begin within follow-up by person, and compare."""
    one = bench.run()
    last = one.persons.select("person_id", "entry_day", end=pl.col("entry_day") + bench.experiment.follow_up_days)
    within = one.admissions.join(last, on="person_id").filter(
        pl.col("admit_time_days") < pl.col("end"), pl.col("admit_time_days") >= pl.col("entry_day")
    )
    counted = within.group_by("person_id").len("found")
    table = one.persons.join(counted, on="person_id", how="left").with_columns(pl.col("found").fill_null(0))
    return same(table["admissions"], table["found"].cast(pl.Int32), "persons")


@check(AREA, "Contacts take no more than the slots of a day")
def slots(bench: ModelBench) -> CheckResult:
    """Count contacts by setting and day and compare with the slots, scaled to the population."""
    from popsim.care.network import CareNetwork  # noqa: PLC0415

    one = bench.run()
    network = CareNetwork(bench.study.network, bench.study.schema.columns, bench.study.file)
    settings = network.with_capacity(bench.base.capacity).scaled(len(one.persons)).settings
    limits = {s.name: s.slots_per_day for s in settings if s.setting_class == "outpatient"}
    limits = {name: slots for name, slots in limits.items() if isinstance(slots, int)}
    if not limits:
        return not_applicable("no setting has a limited number of slots")
    visits = one.events.filter(pl.col("event") == "visit").with_columns(pl.col("setting").cast(pl.String))
    busiest = visits.group_by("setting", pl.col("time_days").floor()).len().group_by("setting").agg(pl.col("len").max())
    over = {name: most for name, most in busiest.iter_rows() if name in limits and most > limits[name]}
    return CheckResult(not over, f"{len(limits)} settings" + (f"; too many on a day: {over}" if over else ""))


@check(AREA, "Sicker people go to hospital more often")
def sicker(bench: ModelBench) -> CheckResult:
    """Raise the rates of infection, lapse, salt excess and arrhythmia tenfold, and compare admissions."""
    names = ("infection", "lapse", "salt", "arrhythmia")
    physiology = bench.study.parameters["heart_failure"]
    rates = {f"heart_failure.{n}_rate_per_day": 10 * physiology[f"{n}_rate_per_day"] for n in names}
    rates = {name: min(rate, physiology.of(name.partition(".")[2]).high) for name, rate in rates.items()}
    before, after = (one.measures["admissions_per_person_year"] for one in (bench.run(), bench.run(None, rates)))
    return CheckResult(after > before, f"admissions per person-year {before:.2f}, then {after:.2f}")
