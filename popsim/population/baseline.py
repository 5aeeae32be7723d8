"""What is known of a person at entry, before any strategy acts: by this alone people may be put into groups.

An outcome would put each strategy's people into other groups, so that their differences would mean nothing.
"""

from __future__ import annotations

from popsim.population.genome import COLUMNS as GENOME_COLUMNS
from popsim.population.traits import CLINICAL_COLUMNS, COLUMNS

# The columns that describe a person in the table of persons, as they were before the first day.
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
)
# With every constant column that a cohort fills, and the catchment that a person lives in.
KNOWN_AT_ENTRY = tuple(
    dict.fromkeys((*BASELINE, *(c.name for c in (*COLUMNS, *CLINICAL_COLUMNS, *GENOME_COLUMNS)), "region"))
)
