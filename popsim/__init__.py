"""popsim: populations of patient digital twins in a health system with limited beds, slots and staff.

The names below are all that a notebook needs to begin with; they are loaded when first used, so that `import popsim`
is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from popsim.errors import DefinitionError, InputError, PopsimError, RunError

if TYPE_CHECKING:
    from popsim.care.network import CareNetwork
    from popsim.population.population import Population
    from popsim.runs.run import Run
    from popsim.simulation.model import PopulationModel
    from popsim.simulation.twin import PatientTwin

__all__ = [
    "CareNetwork",
    "DefinitionError",
    "InputError",
    "PatientTwin",
    "PopsimError",
    "Population",
    "PopulationModel",
    "Run",
    "RunError",
]

_HOME = {
    "CareNetwork": "popsim.care.network",
    "PatientTwin": "popsim.simulation.twin",
    "Population": "popsim.population.population",
    "PopulationModel": "popsim.simulation.model",
    "Run": "popsim.runs.run",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'popsim' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
