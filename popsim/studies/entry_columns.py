"""Columns that a study may know of people at their entry, beside the baseline that every table of persons holds."""

from __future__ import annotations

from popsim.care.signals import SEEN as OBSERVED
from popsim.definitions.experiment import ExperimentDefinition
from popsim.errors import DefinitionError
from popsim.outcomes.baseline import SEEN
from popsim.population.baseline import BASELINE
from popsim.population.columns import Schema

OUTCOMES = ("death_cause",)  # columns of the state that the table of persons holds as outcomes


def known_at_entry(schema: Schema) -> tuple[str, ...]:
    """Columns of a state at entry, and what care observes of them."""
    state = [column.name for column in schema.columns.values() if column.kind in ("real", "code")]
    observed = [f"{SEEN}{name}" for name in sorted(OBSERVED) if name in schema]
    return tuple(dict.fromkeys(name for name in (*BASELINE, *state, *observed) if name not in OUTCOMES))


def refuse_unknown_entry_columns(experiment: ExperimentDefinition, schema: Schema, file: object) -> None:
    """Refuse names of columns that are not known at entry.

    Raises:
        DefinitionError: names the first one.
    """
    known = known_at_entry(schema)
    for name in experiment.entry_columns:
        if name not in known:
            raise DefinitionError(file, "entry_columns", name, known=known)
