"""Strategies and common random numbers."""

from __future__ import annotations

import numpy as np
import polars as pl

from popsim.definitions.strategy import Strategy
from popsim.economics.cost_effectiveness import cost_effectiveness, paired_differences
from popsim.verification.checking import CheckResult, check, close, never, not_applicable, same, together
from popsim.verification.test_bench import ModelBench

AREA = "Strategies"


def measures_of(bench: ModelBench, strategies: dict[str, Strategy], replications: int = 2) -> pl.DataFrame:
    """The long table of measures of some strategies, each under its own name."""
    frames = [
        bench.run(strategy, replication=r).tables["measures"].select("measure", "value")
        .with_columns(strategy=pl.lit(name), draw=0, replication=r)
        for name, strategy in strategies.items()
        for r in range(replications)
    ]  # fmt: skip
    return pl.concat(frames)


@check(AREA, "Equal strategies give equal results, person by person")
def equal_strategies(bench: ModelBench) -> CheckResult:
    """Run a copy of the comparator under another name and compare events and persons."""
    one, other = bench.run(), bench.run(bench.base.model_copy(update={"name": "copy_of_it", "label": "Copy"}))
    return together(
        same(one.persons.hash_rows(), other.persons.hash_rows(), "persons"),
        same(one.events.hash_rows(), other.events.hash_rows(), "events"),
    )


@check(AREA, "A strategy that reaches nobody changes nothing")
def inert(bench: ModelBench) -> CheckResult:
    """Give the comparator every other strategy's contacts and telemonitoring with an uptake of 0, and compare lives."""
    if not bench.others:
        return not_applicable("there is a single strategy")
    found = []
    for other in bench.others:
        idle = tuple(visit.model_copy(update={"uptake": 0.0}) for visit in other.follow_up)
        telemonitoring = other.telemonitoring and other.telemonitoring.model_copy(update={"uptake": 0.0})
        changes = {"follow_up": (*bench.base.follow_up, *idle)} | (
            {"telemonitoring": telemonitoring} if bench.base.telemonitoring is None else {}
        )
        seen = bench.run(bench.base.model_copy(update=changes))
        found.append(same(bench.run().history().hash_rows(), seen.history().hash_rows(), f"histories, {other.name}"))
    return together(*found)


@check(AREA, "Each strategy changes something")
def each_acts(bench: ModelBench) -> CheckResult:
    """Compare every other strategy's persons with the comparator's; if nobody changes, with ten times the people."""
    if not bench.others:
        return not_applicable("there is a single strategy")
    changed = {s.name: _changed(bench, s) for s in bench.others}
    larger = bench.larger(10)
    changed |= {name: _changed(larger, larger.strategy(name)) for name, number in changed.items() if not number}
    return CheckResult(
        all(changed.values()), ", ".join(f"{name}: {number} persons" for name, number in changed.items())
    )


def _changed(bench: ModelBench, strategy: Strategy) -> int:
    """Persons whom a strategy changes."""
    base, other = (one.persons.hash_rows().to_numpy() for one in (bench.run(), bench.run(strategy)))
    return int(np.count_nonzero(base != other))


@check(AREA, "Strategies share the same people")
def same_people(bench: ModelBench) -> CheckResult:
    """Compare everybody's baseline under every strategy."""
    if not bench.others:
        return not_applicable("there is a single strategy")
    given = [name for name in bench.study.cohort.definition.columns if name in bench.run().start.columns]
    base = bench.run().start.select(given).hash_rows()
    return together(
        *(same(base, bench.run(s).start.select(given).hash_rows(), f"baselines, {s.name}") for s in bench.others)
    )


@check(AREA, "Swapped strategies give swapped results")
def swapped(bench: ModelBench) -> CheckResult:
    """Exchange the contents of comparator and first other strategy and compare what each name shows."""
    if not bench.others:
        return not_applicable("there is a single strategy")
    a, b = bench.base, bench.others[0]
    swapped_a = b.model_copy(update={"name": a.name, "label": a.label})
    swapped_b = a.model_copy(update={"name": b.name, "label": b.label})
    return together(
        same(bench.run(swapped_a).persons.hash_rows(), bench.run(b).persons.hash_rows(), "persons"),
        same(bench.run(swapped_b).persons.hash_rows(), bench.run(a).persons.hash_rows(), "persons"),
    )


@check(AREA, "Against itself a strategy gains and costs nothing")
def against_itself(bench: ModelBench) -> CheckResult:
    """Compare the comparator with a copy of itself: every paired difference is exactly 0."""
    table = paired_differences(measures_of(bench, {"one": bench.base, "two": bench.base}), "one")
    return never(table["mean"].drop_nulls() != 0.0, "measures that differ")


@check(AREA, "A reversed comparison has the opposite signs and the same ratio")
def turned_round(bench: ModelBench) -> CheckResult:
    """Compare the first other strategy with the comparator and the comparator with it."""
    if not bench.others:
        return not_applicable("there is a single strategy")
    measures = measures_of(bench, {"base": bench.base, "other": bench.others[0]})
    there, back = cost_effectiveness(measures, "base", 20_000.0), cost_effectiveness(measures, "other", 20_000.0)
    columns = ["cost_difference", "qaly_difference", "net_monetary_benefit"]
    return close(there.select(columns).to_numpy(), -back.select(columns).to_numpy(), "differences")


@check(AREA, "More uptake of contacts means more contacts booked")
def uptake(bench: ModelBench) -> CheckResult:
    """Set the uptake of every follow-up contact to 0, 0.5 and 1 and count bookings."""
    strategy = next((s for s in bench.strategies if s.follow_up), None)
    if strategy is None:
        return not_applicable("no strategy books contacts")
    booked = []
    for share in (0.0, 0.5, 1.0):
        visits = tuple(visit.model_copy(update={"uptake": share}) for visit in strategy.follow_up)
        model = bench.run(strategy.model_copy(update={"follow_up": visits}))
        booked.append(model.events.filter(pl.col("event") == "book").height)
    return CheckResult(booked[0] < booked[1] < booked[2], f"bookings {booked[0]}, {booked[1]}, {booked[2]}")


@check(AREA, "The order of strategies in the file does not matter")
def order(bench: ModelBench) -> CheckResult:
    """Reverse the list of strategies and compare the comparator's persons."""
    turned = bench.run(strategies=tuple(reversed(bench.experiment.strategies)), comparator=bench.base.name)
    return same(bench.run().persons.hash_rows(), turned.persons.hash_rows(), "persons")
