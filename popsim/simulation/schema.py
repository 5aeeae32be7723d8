"""The columns of a twin, as declared by each subsystem."""

from __future__ import annotations

from popsim.care.columns import CARE_COLUMNS, CLINICAL_CARE_COLUMNS, MONITORING_COLUMNS
from popsim.care.signals import COLUMNS as SIGNAL_COLUMNS
from popsim.economics.columns import VALUATION_COLUMNS
from popsim.physiology.clinical import COLUMNS as CLINICAL_COLUMNS
from popsim.physiology.columns import COLUMNS as PHYSIOLOGY_COLUMNS
from popsim.population.columns import Schema
from popsim.population.genome import COLUMNS as GENOME_COLUMNS
from popsim.population.traits import CLINICAL_COLUMNS as CLINICAL_TRAIT_COLUMNS
from popsim.population.traits import COLUMNS as TRAIT_COLUMNS

SCHEMA = Schema(
    (
        *TRAIT_COLUMNS,
        *PHYSIOLOGY_COLUMNS,
        *CARE_COLUMNS,
        *MONITORING_COLUMNS,
        *VALUATION_COLUMNS,
        *CLINICAL_TRAIT_COLUMNS,
        *GENOME_COLUMNS,
        *CLINICAL_CARE_COLUMNS,
        *CLINICAL_COLUMNS,
        *SIGNAL_COLUMNS,
    )
)
CLINICAL_SCHEMA = SCHEMA
SCHEMAS: dict[str, Schema] = {"clinical": SCHEMA}
