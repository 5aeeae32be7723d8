"""The columns of a twin, as declared by each subsystem."""

from __future__ import annotations

from popsim.care.columns import CARE_COLUMNS, MONITORING_COLUMNS, TREATMENT_COLUMNS
from popsim.care.signals import COLUMNS as SIGNAL_COLUMNS
from popsim.economics.columns import VALUATION_COLUMNS
from popsim.physiology.clinical import COLUMNS as ORGAN_COLUMNS
from popsim.physiology.columns import COLUMNS as PHYSIOLOGY_COLUMNS
from popsim.population.columns import Schema
from popsim.population.genome import COLUMNS as GENOME_COLUMNS
from popsim.population.traits import COLUMNS as TRAIT_COLUMNS
from popsim.population.traits import HISTORY_COLUMNS
from popsim.population.traits import MORE_COLUMNS as MORE_TRAIT_COLUMNS

COLUMNS = (
    *TRAIT_COLUMNS,
    *PHYSIOLOGY_COLUMNS,
    *CARE_COLUMNS,
    *MONITORING_COLUMNS,
    *VALUATION_COLUMNS,
    *MORE_TRAIT_COLUMNS,
    *GENOME_COLUMNS,
    *ORGAN_COLUMNS,
    *SIGNAL_COLUMNS,
    *HISTORY_COLUMNS,
    *TREATMENT_COLUMNS,
)
SCHEMA = Schema(COLUMNS)
