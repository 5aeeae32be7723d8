"""The columns that care and monitoring write."""

from __future__ import annotations

from collections.abc import Sequence

from popsim.kernels.care.records import Columns as CareColumns
from popsim.population.columns import Column, Kind, Schema

# By outcome: what the log ratio multiplies (physiology/organs/treatments.py).
HAZARD_RATIO_OUTCOMES = {
    "heart_failure_admission": "acute heart failure", "other_admission": "all other acute illness",
    "infarction": "myocardial infarction", "stroke": "stroke", "bleeding": "major bleeding",
    "sudden_death": "sudden death", "pump_failure_death": "death of pump failure",
    "other_cardiovascular_death": "other cardiovascular death",
    "non_cardiovascular_death": "non-cardiovascular death",
}  # fmt: skip
FRACTION = "1"  # share of the target dose


def _entry(
    name: str, high: float, meaning: str, kind: Kind = "real", *, low: float = 0.0, unit: str = FRACTION,
    labels: Sequence[str] = (),
) -> Column:  # fmt: skip
    """A column that a cohort may give; the default 0 means: drug not taken, or nothing known."""
    return Column(name, kind, unit, low, high, meaning, "care", at_entry=0.0, codes=dict(enumerate(labels)))


CARE_COLUMNS: tuple[Column, ...] = (
    Column("alive", "code", "1", 0, 1, "1 from entry to death", "care"),
    Column("death_cause", "code", "1", 0, 5, "what the person died of (DIED_OF_*); 0 while alive", "care"),
    Column("setting", "code", "1", -1, 126, "where the person is or waits: index in the network's settings", "care"),
    Column("care_level", "code", "1", -1, 4, "palliative -1, community 0 to critical care 4", "care"),
    Column("presenting_cause", "code", "1", 0, 12, "why the person is in acute care; 0 = is not", "care"),
    Column("admitted", "code", "1", 0, 1, "1 while in an inpatient or critical-care setting", "care"),
    Column("telemonitored", "code", "1", 0, 1, "1 while signals are sent home from the person", "care"),
    Column("telemonitored_until_day", "real", "day", 0, 1e6, "last day of telemonitoring", "care"),
    _entry("beta_blocker_fraction", 1, "beta-blocker dose"),
    _entry("ras_inhibitor_fraction", 1, "ACE inhibitor or angiotensin blocker dose"),
    _entry("neprilysin_inhibitor_fraction", 1, "sacubitril dose"),
    _entry("mra_fraction", 1, "mineralocorticoid receptor antagonist dose"),
    _entry("sglt2_inhibitor_fraction", 1, "SGLT2 inhibitor dose"),
    _entry("loop_diuretic_mg_day", 1000, "oral loop diuretic, furosemide equivalents", unit="mg/day"),
    Column("iv_diuretic_mg_day", "real", "mg/day", 0, 2000, "intravenous loop diuretic, furosemide", "care"),
    _entry("last_review_day", 1e6, "day of the last contact with a clinician", low=-1000, unit="day"),
    _entry("ivabradine_fraction", 1, "ivabradine dose"),
    _entry("vericiguat_fraction", 1, "vericiguat dose"),
    _entry("digoxin_fraction", 2, "digoxin dose; 1 = 0.125 mg a day"),
    _entry("hydralazine_nitrate_fraction", 1, "hydralazine and isosorbide dinitrate dose"),
    _entry("antiplatelet_fraction", 1, "clopidogrel or another antiplatelet dose"),
    _entry("anticoagulant_fraction", 2, "warfarin or a direct anticoagulant dose"),
    _entry("metformin_fraction", 1, "metformin dose"),
    _entry("glp1_agonist_fraction", 1, "GLP-1 receptor agonist dose"),
    _entry("insulin_fraction", 3, "insulin dose; 1 = 0.5 units per kg and day"),
    _entry("inhaled_fraction", 1, "inhaled treatment of COPD"),
    _entry("statin_fraction", 1, "statin dose; 1 = high intensity"),
    Column("iv_iron_mg", "real", "mg", 0, 3000, "intravenous iron given today", "care"),
    # Which drug of a class is taken: the order of evidence/drugs.
    _entry("beta_blocker_agent", 2, "beta-blocker", "code", labels=("metoprolol", "carvedilol", "bisoprolol")),
    _entry("ras_inhibitor_agent", 1, "RAS inhibitor", "code", labels=("ACE inhibitor", "angiotensin blocker")),
    _entry("antiplatelet_agent", 1, "antiplatelet", "code", labels=("clopidogrel", "ticagrelor")),
    _entry("anticoagulant_agent", 1, "anticoagulant", "code", labels=("warfarin", "apixaban")),
    _entry(
        "cyp2d6_inhibitor", 2, "inhibitor of CYP2D6 taken", "code",
        labels=("no inhibitor of CYP2D6", "moderate inhibitor of CYP2D6", "strong inhibitor of CYP2D6"),
    ),
    _entry("genotype_known", 1, "1 once a pharmacogenetic result is in the record", "code"),
    Column(
        "beta_blocker_limit_percent", "code", "1", 0, 100,
        "per cent of the target dose that a beta-blocker is raised to at most; 0 = the target dose", "care",
    ),
)  # fmt: skip

# Sums over the treatments that a person has which are given as hazard ratios.
TREATMENT_COLUMNS: tuple[Column, ...] = tuple(
    Column(f"{outcome}_log_ratio", "real", "1", -80, 10, f"log hazard ratio of treatments on {words}", "care")
    for outcome, words in HAZARD_RATIO_OUTCOMES.items()
)

ALERT_BITS = "alert raised today: bits weight 1, pressure 2, pulse 4, risk 8, filling pressure 32; 16 nobody acts on it"
MONITORING_COLUMNS: tuple[Column, ...] = (
    Column("measured_weight_kg", "real", "kg", 0, 500, "last home weight", "monitoring"),
    Column("measured_systolic_mmhg", "real", "mmHg", 0, 350, "last home systolic pressure", "monitoring"),
    Column("measured_heart_rate_bpm", "real", "1/min", 0, 350, "last home pulse", "monitoring"),
    Column("reference_weight_kg", "real", "kg", 0, 500, "slow average of home weight; 0 = none yet", "monitoring"),
    Column("last_alert_day", "real", "day", -1000, 1e6, "day of the last alert", "monitoring"),
    Column(
        "measured_filling_pressure_mmhg",
        "real",
        "mmHg",
        -20,
        80,
        "last reading of an implanted sensor; 0 = none",
        "monitoring",
    ),
    Column("alert", "code", "1", 0, 63, ALERT_BITS, "monitoring"),
)


def find_columns(schema: Schema) -> CareColumns:
    """Index of each column in its block, for the kernels; -1 for columns that the population does not have."""
    return CareColumns(*(schema.index(name) if name in schema else -1 for name in CareColumns._fields))
