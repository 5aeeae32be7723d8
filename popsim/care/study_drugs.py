"""Drugs of interventions: the columns that hold their dose and which drug of its class a person takes."""

from __future__ import annotations

from typing import NamedTuple

from popsim.definitions.drug import Drug
from popsim.definitions.interventions import DrugIntervention
from popsim.evidence.drugs import load_drugs


class DrugColumns(NamedTuple):
    """Where a drug is prescribed.

    Attributes:
        dose: column.
        at_target: its value at a dose of 1.
        agent: column and code that select the drug within its class, if there are several.
    """

    dose: str
    at_target: float = 1.0
    agent: tuple[str, int] | None = None


def drugs_by_name() -> dict[str, Drug]:
    """Every drug that an intervention may name."""
    return {drug.name: drug for drug in load_drugs()}


def drugs_of(intervention: DrugIntervention) -> tuple[DrugColumns, ...]:
    """The drug of an intervention, and those that it contains."""
    if intervention.column is not None:
        return (DrugColumns(intervention.column),)
    known = drugs_by_name()
    found = [known[str(intervention.drug)]]
    while (other := found[-1].contains) is not None:
        found.append(known[other])
    return tuple(
        DrugColumns(
            drug.dose_column,
            drug.column_at_target,
            None if drug.agent_column is None else (drug.agent_column, drug.agent),
        )
        for drug in found
    )
