"""What follows from the state of members: it is derived after each correction, not corrected by itself."""

from __future__ import annotations

from popsim.evidence.parameters import ParameterSet
from popsim.kernels import seeing
from popsim.kernels.physiology.heart import HeartParameters
from popsim.kernels.physiology.kidney import KidneyParameters
from popsim.kernels.physiology.symptoms import SymptomParameters
from popsim.physiology.binding import Binding
from popsim.population.clock import Clock
from popsim.population.columns import Schema
from popsim.population.population import Population

DERIVED = ("nt_probnp_pg_ml", "nyha_class")


class StateDerivation:
    """Derives the columns DERIVED of people who have them.

    Args:
        parameters: the set heart_failure.
        schema: of the people.
    """

    def __init__(self, parameters: ParameterSet, schema: Schema) -> None:
        self.symptoms = parameters.fill(SymptomParameters)
        heart, kidney = parameters.fill(HeartParameters), parameters.fill(KidneyParameters)
        self._call = Binding(seeing.derive, heart=heart, kidney=kidney, symptoms=self.symptoms)
        self._has_them = all(name in schema for name in DERIVED)

    def derive(self, people: Population, day: int) -> None:
        """Write them as they follow from the state on a day."""
        if self._has_them:
            self._call(seeing.derive, people, clock=Clock(day))
