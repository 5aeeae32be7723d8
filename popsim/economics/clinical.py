"""Prices of further drugs and of dialysis, and utility decrements of lasting states.

All values are parameters (evidence/clinical_prices.toml, evidence/clinical_utilities.toml). A state that is not a
column of the population has no effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.evidence.parameters import ParameterSet
from popsim.kernels import accrual
from popsim.kernels.physiology import states
from popsim.population.columns import Schema
from popsim.population.population import Population


class ColumnParameter(NamedTuple):
    """The parameter of a column; where a class has several drugs, that of the drug named by the agent column."""

    parameter: str
    column: str
    agent_column: str = ""
    agent: int = 0


# Prices of a day at target dose, outside hospital.
DRUGS = (
    ColumnParameter("ivabradine_day", "ivabradine_fraction"),
    ColumnParameter("vericiguat_day", "vericiguat_fraction"),
    ColumnParameter("digoxin_day", "digoxin_fraction"),
    ColumnParameter("hydralazine_nitrate_day", "hydralazine_nitrate_fraction"),
    ColumnParameter("clopidogrel_day", "antiplatelet_fraction", "antiplatelet_agent", 0),
    ColumnParameter("ticagrelor_day", "antiplatelet_fraction", "antiplatelet_agent", 1),
    ColumnParameter("warfarin_day", "anticoagulant_fraction", "anticoagulant_agent", 0),
    ColumnParameter("apixaban_day", "anticoagulant_fraction", "anticoagulant_agent", 1),
    ColumnParameter("metformin_day", "metformin_fraction"),
    ColumnParameter("glp1_agonist_day", "glp1_agonist_fraction"),
    ColumnParameter("insulin_day", "insulin_fraction"),
    ColumnParameter("inhaled_day", "inhaled_fraction"),
    ColumnParameter("statin_day", "statin_fraction"),
    ColumnParameter("iv_iron_mg", "iv_iron_mg"),
)
# Prices of a day of specialist treatment, also in hospital.
TREATMENTS = (ColumnParameter("dialysis_day", "dialysis"),)
# Utility decrement per year and unit of the column.
LOSSES = (
    ColumnParameter("dialysis_loss", "dialysis"),
    ColumnParameter("stroke_disability_loss", "stroke_disability"),
)


class ClinicalValuation:
    """Prices and utility decrements by column, ready for the kernels.

    Args:
        prices, utilities: ParameterSets like evidence/clinical_prices.toml and evidence/clinical_utilities.toml.
        schema: the population's columns.
    """

    def __init__(self, prices: ParameterSet, utilities: ParameterSet, schema: Schema) -> None:
        self.daily = (
            (accrual.DRUGS, 1, _weighed(DRUGS, prices, schema)),
            (accrual.CLINIC, 0, _weighed(TREATMENTS, prices, schema)),
        )
        self._losses = _weighed(LOSSES, utilities, schema)

    def prices(self, population: Population, rows: slice, weighed: states.Weighed) -> NDArray[np.float64]:
        """Today's price for each of some contiguous rows."""
        return _summed(population, rows, weighed)

    def losses(self, population: Population, rows: slice) -> NDArray[np.float64]:
        """Utility decrement per year of lasting states, for each of some contiguous rows."""
        return _summed(population, rows, self._losses)


def _summed(population: Population, rows: slice, weighed: states.Weighed) -> NDArray[np.float64]:
    total = np.empty(rows.stop - rows.start)
    states.weighed_sum(population.block("real"), population.block("code"), rows.start, weighed, total)
    return total


def _weighed(column_parameters: Sequence[ColumnParameter], parameters: ParameterSet, schema: Schema) -> states.Weighed:
    """Columns that the population has, with their weights."""
    known = [worth for worth in column_parameters if worth.column in schema]
    agents = [schema.index(one.agent_column) if one.agent_column else states.NO_AGENT for one in known]
    return states.Weighed(
        place=np.array([schema.index(one.column) for one in known], np.int64),
        is_code=np.array([schema[one.column].kind == "code" for one in known], np.int64),
        agent_place=np.array(agents, np.int64),
        agent=np.array([one.agent for one in known], np.int64),
        weight=np.array([parameters[one.parameter] for one in known], np.float64),
    )
