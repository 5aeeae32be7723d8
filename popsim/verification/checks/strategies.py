"""Strategies and common random numbers."""

from __future__ import annotations

import numpy as np
import polars as pl

from popsim.definitions.strategy import Strategy
from popsim.economics.cost_effectiveness import cost_effectiveness, paired_differences
from popsim.verification.checking import Saw, check, close, never, not_asked, same, together
from popsim.verification.test_bench import Laboratory

AREA = "Strategies"


def measures_of(lab: Laboratory, strategies: dict[str, Strategy], replications: int = 2) -> pl.DataFrame:
    """The long table of measures of some strategies, each under its own name."""
    frames = [
        lab.run(strategy, replication=r).tables["measures"].select("measure", "value")
        .with_columns(strategy=pl.lit(name), draw=0, replication=r)
        for name, strategy in strategies.items()
        for r in range(replications)
    ]  # fmt: skip
    return pl.concat(frames)


@check(AREA, "Equal strategies give equal results, person by person")
def equal_strategies(lab: Laboratory) -> Saw:
    """Run a copy of the comparator under another name and compare events and persons."""
    one, other = lab.run(), lab.run(lab.base.model_copy(update={"name": "copy_of_it", "label": "Copy"}))
    return together(
        same(one.persons.hash_rows(), other.persons.hash_rows(), "persons"),
        same(one.events.hash_rows(), other.events.hash_rows(), "events"),
    )


@check(AREA, "A strategy that reaches nobody changes nothing")
def inert(lab: Laboratory) -> Saw:
    """Give the comparator every other strategy's contacts and telemonitoring with an uptake of 0, and compare lives."""
    if not lab.others:
        return not_asked("there is a single strategy")
    found = []
    for other in lab.others:
        idle = tuple(visit.model_copy(update={"uptake": 0.0}) for visit in other.follow_up)
        telemonitoring = other.telemonitoring and other.telemonitoring.model_copy(update={"uptake": 0.0})
        changes = {"follow_up": (*lab.base.follow_up, *idle)} | (
            {"telemonitoring": telemonitoring} if lab.base.telemonitoring is None else {}
        )
        seen = lab.run(lab.base.model_copy(update=changes))
        found.append(same(lab.run().history().hash_rows(), seen.history().hash_rows(), f"histories, {other.name}"))
    return together(*found)


@check(AREA, "Each strategy changes something")
def each_acts(lab: Laboratory) -> Saw:
    """Compare every other strategy's persons with the comparator's; if nobody changes, with ten times the people."""
    if not lab.others:
        return not_asked("there is a single strategy")
    changed = {s.name: _changed(lab, s) for s in lab.others}
    larger = lab.larger(10)
    changed |= {name: _changed(larger, larger.strategy(name)) for name, number in changed.items() if not number}
    return Saw(all(changed.values()), ", ".join(f"{name}: {number} persons" for name, number in changed.items()))


def _changed(lab: Laboratory, strategy: Strategy) -> int:
    """Persons whom a strategy changes."""
    base, other = (one.persons.hash_rows().to_numpy() for one in (lab.run(), lab.run(strategy)))
    return int(np.count_nonzero(base != other))


@check(AREA, "Strategies share the same people")
def same_people(lab: Laboratory) -> Saw:
    """Compare everybody's baseline under every strategy."""
    if not lab.others:
        return not_asked("there is a single strategy")
    given = [name for name in lab.study.cohort.definition.columns if name in lab.run().start.columns]
    base = lab.run().start.select(given).hash_rows()
    return together(
        *(same(base, lab.run(s).start.select(given).hash_rows(), f"baselines, {s.name}") for s in lab.others)
    )


@check(AREA, "Swapped strategies give swapped results")
def swapped(lab: Laboratory) -> Saw:
    """Exchange the contents of comparator and first other strategy and compare what each name shows."""
    if not lab.others:
        return not_asked("there is a single strategy")
    a, b = lab.base, lab.others[0]
    swapped_a = b.model_copy(update={"name": a.name, "label": a.label})
    swapped_b = a.model_copy(update={"name": b.name, "label": b.label})
    return together(
        same(lab.run(swapped_a).persons.hash_rows(), lab.run(b).persons.hash_rows(), "persons"),
        same(lab.run(swapped_b).persons.hash_rows(), lab.run(a).persons.hash_rows(), "persons"),
    )


@check(AREA, "Against itself a strategy gains and costs nothing")
def against_itself(lab: Laboratory) -> Saw:
    """Compare the comparator with a copy of itself: every paired difference is exactly 0."""
    table = paired_differences(measures_of(lab, {"one": lab.base, "two": lab.base}), "one")
    return never(table["mean"].drop_nulls() != 0.0, "measures that differ")


@check(AREA, "A reversed comparison has the opposite signs and the same ratio")
def turned_round(lab: Laboratory) -> Saw:
    """Compare the first other strategy with the comparator and the comparator with it."""
    if not lab.others:
        return not_asked("there is a single strategy")
    measures = measures_of(lab, {"base": lab.base, "other": lab.others[0]})
    there, back = cost_effectiveness(measures, "base", 20_000.0), cost_effectiveness(measures, "other", 20_000.0)
    columns = ["cost_difference", "qaly_difference", "net_monetary_benefit"]
    return close(there.select(columns).to_numpy(), -back.select(columns).to_numpy(), "differences")


@check(AREA, "More uptake of contacts means more contacts booked")
def uptake(lab: Laboratory) -> Saw:
    """Set the uptake of every follow-up contact to 0, 0.5 and 1 and count bookings."""
    strategy = next((s for s in lab.strategies if s.follow_up), None)
    if strategy is None:
        return not_asked("no strategy books contacts")
    booked = []
    for share in (0.0, 0.5, 1.0):
        visits = tuple(visit.model_copy(update={"uptake": share}) for visit in strategy.follow_up)
        model = lab.run(strategy.model_copy(update={"follow_up": visits}))
        booked.append(model.events.filter(pl.col("event") == "book").height)
    return Saw(booked[0] < booked[1] < booked[2], f"bookings {booked[0]}, {booked[1]}, {booked[2]}")


@check(AREA, "The order of strategies in the file does not matter")
def order(lab: Laboratory) -> Saw:
    """Reverse the list of strategies and compare the comparator's persons."""
    turned = lab.run(strategies=tuple(reversed(lab.experiment.strategies)), comparator=lab.base.name)
    return same(lab.run().persons.hash_rows(), turned.persons.hash_rows(), "persons")
