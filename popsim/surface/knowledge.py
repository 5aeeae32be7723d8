"""What popsim knows of drugs, and what care sees of a model's people at landmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from popsim.analyses.landmarks import collect
from popsim.arguments import whole_number
from popsim.care.prescribing import load_indications
from popsim.evidence.drugs import load_drugs
from popsim.simulation.model import PopulationModel

if TYPE_CHECKING:
    from popsim.definitions.drug import Drug
    from popsim.definitions.indication import Indication

MAX_HORIZON = 3650  # days


def drugs() -> dict[str, Drug]:
    """Every drug by its name, as its file says: dosing, kinetics, effects, prescribing, each with its source."""
    return {drug.name: drug for drug in load_drugs()}


def indications() -> tuple[Indication, ...]:
    """Which class of drugs clinicians start and raise in whom, up to what, and who does; the most important first."""
    return load_indications()


def landmarks(model: PopulationModel, *, horizon_days: int = 30, every_days: int | None = None) -> pl.DataFrame:
    """Run a model to its end and write down what care sees of its people, with what came of them: to learn from.

    Args:
        model: at its start.
        horizon_days: within which outcomes count.
        every_days: landmarks of everybody once in so many days; None: of each person on the morning after a discharge.

    Returns:
        person_id, day, features, and the outcomes admission, hf_admission, hf_presentation and death.

    Raises:
        InputError: a number is out of bounds.
    """
    horizon = whole_number("horizon_days", horizon_days, 1, MAX_HORIZON)
    every = every_days if every_days is None else whole_number("every_days", every_days, 1, MAX_HORIZON)
    return collect(model, horizon, every)
