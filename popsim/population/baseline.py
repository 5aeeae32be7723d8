"""Baseline characteristics, known at entry before any strategy acts: only these may define subgroups.

An outcome would define different subgroups under each strategy, so their differences would be meaningless.
"""

from __future__ import annotations

from popsim.population.genome import COLUMNS as GENOME_COLUMNS
from popsim.population.traits import COLUMNS, HISTORY_COLUMNS, MORE_COLUMNS

# The columns that describe a person in the table of persons, with their values before the first day.
BASELINE = (
    "age_years",
    "female",
    "deprivation_quintile",
    "ethnicity",
    "nyha_class",
    "baseline_ejection_fraction_percent",
    "baseline_systolic_mmhg",
    "baseline_heart_rate_bpm",
    "baseline_gfr_ml_min",
    "baseline_potassium_mmol_l",
    "nt_probnp_pg_ml",
    "frailty",
    "diabetes",
    "ckd",
    "atrial_fibrillation",
    "copd",
    "heart_failure_admissions_before",
    "days_since_heart_failure_admission",
    "disease_duration_years",
)
# Also every constant column that a cohort fills, and the catchment where a person lives.
_CONSTANT = (*COLUMNS, *MORE_COLUMNS, *GENOME_COLUMNS, *HISTORY_COLUMNS)
KNOWN_AT_ENTRY = tuple(dict.fromkeys((*BASELINE, *(column.name for column in _CONSTANT), "region")))
