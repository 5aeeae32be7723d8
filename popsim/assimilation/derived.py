"""What follows from the state of members: it is derived after each correction, not corrected by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from popsim.evidence.parameters import ParameterSet
from popsim.kernels import seeing
from popsim.kernels.physiology.fluid import FluidParameters, kidney_power, loop_response
from popsim.kernels.physiology.heart import HeartParameters
from popsim.kernels.physiology.kidney import KidneyParameters, gfr_drugs
from popsim.kernels.physiology.symptoms import SymptomParameters
from popsim.physiology.binding import Binding
from popsim.population.clock import Clock
from popsim.population.columns import Schema
from popsim.population.population import Population

DERIVED = ("nt_probnp_pg_ml", "nyha_class")
DOSES = ("loop_diuretic_mg_day", "ras_inhibitor_fraction", "mra_fraction", "sglt2_inhibitor_fraction")
BALANCE = "intrinsic_natriuresis_l_day"  # follows from usual salt and adherence, drugs and the chronic filtration


class StateDerivation:
    """Derives the columns DERIVED and BALANCE of people who have them.

    Args:
        parameters: the set heart_failure.
        schema: of the people.
    """

    def __init__(self, parameters: ParameterSet, schema: Schema) -> None:
        self.symptoms = parameters.fill(SymptomParameters)
        self._fluid, self._kidney = parameters.fill(FluidParameters), parameters.fill(KidneyParameters)
        heart, kidney = parameters.fill(HeartParameters), self._kidney
        self._call = Binding(seeing.derive, heart=heart, kidney=kidney, symptoms=self.symptoms)
        self._has_them = all(name in schema for name in DERIVED)

    @contextmanager
    def after(self, people: Population, day: int) -> Iterator[None]:
        """Around a correction: derive what follows from the state, and keep the fluid balance of the set point.

        Who turns out to eat more salt, or to have weaker kidneys that answer less to a diuretic, was in balance all
        the same.
        """
        if not self._has_them:
            yield
            return
        before = self._natriuresis(people)
        yield
        people[BALANCE] += self._natriuresis(people) - before
        self._call(seeing.derive, people, clock=Clock(day))

    def _natriuresis(self, people: Population) -> NDArray[np.float64]:
        """Natriuresis beside the drugs at the set point, L/day, up to what a correction does not change.

        Drugs act by the share of their dose that is taken.
        """
        taken = people["adherence_trait"].astype(np.float64)
        loop_mg, ras, mra, sglt2 = (taken * people[name] for name in DOSES)
        fluid = self._fluid
        chronic = people["untreated_gfr_ml_min"] - gfr_drugs(ras, mra, sglt2, self._kidney)
        tubule = fluid.oral_diuretic_most_l_day * loop_response(loop_mg, fluid) + fluid.sglt2_natriuresis_l_day * sglt2
        eaten = fluid.fluid_per_salt_l_per_g * people["usual_salt_g_day"]
        return np.asarray(eaten - kidney_power(np.maximum(chronic, 1.0), fluid) * tubule)
