"""Text on one person of a run: their course under a strategy, and its differences from that under another."""

from __future__ import annotations

from functools import partial

import numpy as np
import polars as pl

from popsim.errors import InputError
from popsim.exchange.privacy.gate import allow_persons
from popsim.outcomes.differences import PersonCourse, first_differences, told
from popsim.outcomes.narrative import history
from popsim.reporting.table_files import tabled
from popsim.reporting.text.formatting import aligned
from popsim.runs.engine import Engine
from popsim.runs.run import StoredRun
from popsim.runs.spread import spread
from popsim.simulation.model import PopulationModel
from popsim.studies.unit import build, warm_up

MAX_LISTED = 10
MAX_NAMED = 3  # persons in an error


def person_text(run: StoredRun, person_id: int, strategy: str = "", replication: int = 0) -> str:
    """The course of one person under one strategy, with what led to every illness.

    Raises:
        InputError: there is no such person or strategy, or the run cannot be repeated.
    """
    allow_persons(run, "explain")
    strategy = strategy or run.comparator
    model, row = _simulated(run, person_id, strategy, replication)
    tabled("Events", history(model.events, row))
    head = f"Person {person_id} under {run.strategies[strategy]}, replication {replication}, simulated again"
    return f"{head}\n{model.agents[row].explain()}"


def compare_text(
    run: StoredRun,
    person_id: int,
    strategy: str,
    against: str,
    replication: int = 0,
    engine: Engine = Engine(1, 1),  # noqa: B008  (immutable)
) -> str:
    """The differences between one person's courses under two strategies, in order of time, and how they ended.

    Raises:
        InputError: there is no such person or strategy, or the run cannot be repeated.
    """
    allow_persons(run, "explain")
    strategy = strategy or run.comparator
    names = (strategy, against)
    units = [run.unit(name, replication=replication) for name in names]
    lives = spread(engine, partial(_life, run, person_id, replication), names, warm_up=partial(warm_up, units))
    differences = first_differences(*lives)
    titles = " and ".join(life.title for life in lives)
    head = f"Person {person_id} under {titles}, replication {replication}, simulated again with the same random numbers"
    if not differences:
        return f"{head}\nNothing differs: neither strategy reached this person, and nobody else's care affected theirs."
    heads, ends = ["outcome", *(life.title for life in lives)], _ends(lives, run.experiment.follow_up_days)
    tabled("Outcomes of the person", pl.DataFrame(ends, heads, orient="row"))
    return "\n".join([head, "", "First differences", *told(differences), "", aligned([["", *heads[1:]], *ends])])


def most_different_text(run: StoredRun, strategy: str, against: str, replication: int = 0) -> str:
    """People whose QALYs differ most between two strategies; with one strategy, those admitted most often.

    Raises:
        InputError: the run keeps no persons, or there is no such strategy.
    """
    allow_persons(run, "explain")
    strategy = strategy or run.comparator
    mine = run.rows_of("persons", strategy, replication=replication)
    if not against:
        most = mine.sort("admissions", "person_id", descending=[True, False]).head(MAX_LISTED)
        tabled("Admitted most often", most.select("person_id", "admissions"))
        rows = [["Person", "Admissions"], *([str(p), str(n)] for p, n in most.select("person_id", "admissions").rows())]
        return "\n".join(["Admitted most often (name one with --person)", aligned(rows)])
    theirs = run.rows_of("persons", against, replication=replication).select("person_id", other="qaly")
    both = mine.join(theirs, on="person_id").with_columns(gain=pl.col("qaly") - pl.col("other"))
    apart = both.filter(pl.col("gain") != 0.0).sort(pl.col("gain").abs(), "person_id", descending=[True, False])
    title = f"{run.strategies[strategy]} against {run.strategies[against]}"
    if apart.is_empty():
        return f"{title}: nobody's QALYs differ"
    most = tabled("QALYs differ most", apart.head(MAX_LISTED).select("person_id", "gain"), gain="QALYs")
    rows = [["Person", "QALYs gained"], *([str(p), f"{g:+.3f}"] for p, g in most.rows())]
    head = f"{title}: QALYs differ in {len(apart):,} of {len(both):,} people, most in (name one with --person)"
    return "\n".join([head, aligned(rows)])


def _life(run: StoredRun, person_id: int, replication: int, strategy: str) -> PersonCourse:
    model, row = _simulated(run, person_id, strategy, replication)
    diary = model.recorder.diary.frame(model.population, row)
    assert diary is not None  # followed from the start
    return PersonCourse(run.strategies[strategy], history(model.events, row), diary)


def _simulated(run: StoredRun, person_id: int, strategy: str, replication: int) -> tuple[PopulationModel, int]:
    """The unit simulated again with a diary of one person, and the person's row."""
    unit = run.unit(strategy, replication=replication)
    model = build(unit, schema=unit.study.schema)
    (rows,) = np.nonzero(model.population.person_id == person_id)
    if not len(rows):
        some = ", ".join(map(str, np.sort(model.population.person_id)[:MAX_NAMED]))
        raise InputError(f"{run.folder}: no person {person_id}; there are {len(model.population)}, such as {some}")
    model.recorder.diary.follow(rows)
    model.run_for(model.days)
    return model, int(rows[0])


def _ends(lives: list[PersonCourse], follow_up_days: int) -> list[list[str]]:
    """The outcome under each strategy, one measure a row."""
    rows = {
        "Alive at the end": [("yes" if life.diary["alive"][-1] else "no") for life in lives],
        "Acute illnesses": [str(life.events.filter(pl.col("event") == "present").height) for life in lives],
        "Days alive": [f"{_days_alive(life, follow_up_days):.0f}" for life in lives],
        "QALYs": [f"{life.diary['qaly'][-1]:.3f}" for life in lives],
    }
    return [[words, *values] for words, values in rows.items()]


def _days_alive(life: PersonCourse, follow_up_days: int) -> float:
    """From entry to death or the end of follow-up."""
    died = life.events.filter(pl.col("event") == "death")["time_days"] - life.diary["entry_day"][0]
    return float(min([*died, follow_up_days]))
