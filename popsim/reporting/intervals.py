"""When Monte Carlo intervals are shown: with fewer than three repetitions they are too wide to be useful.

With two, Student's t has one degree of freedom (12.7 standard errors each way), and the interval of a
cost-effectiveness ratio is mostly unbounded. Point estimates are shown instead, with one note on what is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import polars as pl

from popsim.analyses.decision_view import StudyFacts
from popsim.definitions.experiment import ExperimentDefinition
from popsim.plurals import counted

MIN_REPEATS = 3
ADVISED, ADVISED_DRAWS = 10, 100


class Replicated(Protocol):
    """A study, as far as how often it was repeated."""

    @property
    def draws(self) -> int:
        """Parameter draws; 0: base case alone."""

    @property
    def replications(self) -> int:
        """Of each draw."""


def repeats(experiment: Replicated) -> int:
    """Independent repetitions behind a Monte Carlo interval: draws, or replications where there is one draw."""
    return experiment.draws if experiment.draws > 1 else experiment.replications


def has_intervals(experiment: Replicated) -> bool:
    """Whether there are enough repetitions for intervals."""
    return repeats(experiment) >= MIN_REPEATS


def tells_swings(experiment: Replicated) -> bool:
    """Whether a sensitivity analysis, whose rows share their replications, has enough of them for intervals."""
    return experiment.replications >= MIN_REPEATS


def sizes(study: ExperimentDefinition | StudyFacts) -> str:
    """The size of a run: people, replications, draws and regions."""
    facts = StudyFacts.of(study)
    times = f"{facts.replications} batches of them" if facts.batches else counted(facts.replications, "replication")
    people = counted(facts.people, "person", "people")
    parts = ["cohort evaluated exactly"] if facts.exact else [people, times]
    parts += [counted(facts.draws, "parameter draw")] if facts.draws else []
    parts += [f"{facts.regions} regions"] if facts.regions > 1 else []
    return ", ".join(parts)


def of_means(experiment: Replicated) -> str:
    """The explanation of the brackets after a mean; empty where there are none."""
    if not has_intervals(experiment):
        return ""
    if experiment.draws:
        return " (95% interval of the mean, Monte Carlo error) [95% of the parameters]"
    return " (95% interval of the mean over replications)"


def readable(table: pl.DataFrame, experiment: Replicated) -> pl.DataFrame:
    """A table with its Monte Carlo intervals, or without them where there are too few repetitions."""
    if has_intervals(experiment):
        return table
    own = [name for name in table.columns if not name.startswith("parameter_") and "_parameter_" not in name]
    ends = [name for name in own if name in ("low", "high") or name.endswith(("_low", "_high"))]
    forms = [name for name in own if name.endswith("icer_interval")]
    return table.with_columns(pl.lit(None, pl.Float64).alias(name) for name in ends).with_columns(
        pl.lit("none").alias(name) for name in forms
    )


def any_run(flag: str, value: object) -> str:
    """The command that gives a run another value of a flag, where it is not known what run."""
    return f"popsim run ... {flag} {value}"


def note(experiment: Replicated, again: Callable[[str, object], str] | None = None) -> str:
    """What is missing, and how to get it; empty where nothing is missing.

    Args:
        experiment: as it was run.
        again: makes the command that repeats the run with another value of a flag (`StoredRun.again`).
    """
    if has_intervals(experiment):
        return ""
    if isinstance(experiment, StudyFacts) and experiment.exact and experiment.draws <= 1:
        return "Expected values: there is no Monte Carlo error."
    again = again or any_run
    if experiment.draws > 1:
        few = f"{experiment.draws} parameter draws are too few"
        return f"No Monte Carlo intervals: {few}; {again('--draws', ADVISED_DRAWS)} gives them."
    return f"No Monte Carlo intervals: {too_few(experiment)}; {again('--replications', ADVISED)} gives them."


def too_few(experiment: Replicated) -> str:
    """That the replications do not suffice."""
    return f"{counted(experiment.replications, 'replication is', 'replications are')} too few"


def with_note(text: str, experiment: Replicated, again: Callable[[str, object], str] | None = None) -> str:
    """A text followed by the note, if there is one."""
    return "\n\n".join(part for part in (text, note(experiment, again)) if part)
