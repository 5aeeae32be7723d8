"""The columns of a twin in the flagship model: what each subsystem declares, side by side."""

from __future__ import annotations

from popsim.care.columns import CARE_COLUMNS, MONITORING_COLUMNS
from popsim.economics.columns import VALUATION_COLUMNS
from popsim.physiology.columns import COLUMNS as PHYSIOLOGY_COLUMNS
from popsim.population.columns import Schema
from popsim.population.traits import COLUMNS as TRAIT_COLUMNS

SCHEMA = Schema((*TRAIT_COLUMNS, *PHYSIOLOGY_COLUMNS, *CARE_COLUMNS, *MONITORING_COLUMNS, *VALUATION_COLUMNS))
