"""The columns that care and monitoring write."""

from __future__ import annotations

from popsim.kernels.care_records import Columns as CareColumns
from popsim.population.columns import Column, Schema

FRACTION = "1"  # share of the target dose

CARE_COLUMNS = (
    Column("alive", "code", "1", 0, 1, "1 from entry to death", "care"),
    Column("setting", "code", "1", -1, 126, "where the person is or waits: place in the network's settings", "care"),
    Column("care_level", "code", "1", -1, 4, "palliative -1, community 0 to critical care 4", "care"),
    Column("presenting_cause", "code", "1", 0, 12, "why the person is in acute care; 0 = is not", "care"),
    Column("admitted", "code", "1", 0, 1, "1 while in an inpatient or critical-care setting", "care"),
    Column("telemonitored", "code", "1", 0, 1, "1 while signals are sent home from the person", "care"),
    Column("telemonitored_until_day", "real", "day", 0, 1e6, "last day of telemonitoring", "care"),
    Column("beta_blocker_fraction", "real", FRACTION, 0, 1, "beta-blocker dose", "care"),
    Column("ras_inhibitor_fraction", "real", FRACTION, 0, 1, "ACE inhibitor or angiotensin blocker dose", "care"),
    Column("neprilysin_inhibitor_fraction", "real", FRACTION, 0, 1, "sacubitril dose", "care"),
    Column("mra_fraction", "real", FRACTION, 0, 1, "mineralocorticoid receptor antagonist dose", "care"),
    Column("sglt2_inhibitor_fraction", "real", FRACTION, 0, 1, "SGLT2 inhibitor dose", "care"),
    Column("loop_diuretic_mg_day", "real", "mg/day", 0, 1000, "oral loop diuretic, furosemide equivalents", "care"),
    Column("iv_diuretic_mg_day", "real", "mg/day", 0, 2000, "intravenous loop diuretic, furosemide", "care"),
    Column("last_review_day", "real", "day", -1000, 1e6, "day of the last contact with a clinician", "care"),
)

# Drugs that only the clinical twin can take, and which drug of a class it takes (the order of evidence/drugs).
CLINICAL_CARE_COLUMNS: tuple[Column, ...] = (
    Column("ivabradine_fraction", "real", FRACTION, 0, 1, "ivabradine dose", "care"),
    Column("vericiguat_fraction", "real", FRACTION, 0, 1, "vericiguat dose", "care"),
    Column("digoxin_fraction", "real", FRACTION, 0, 1, "digoxin dose", "care"),
    Column("hydralazine_nitrate_fraction", "real", FRACTION, 0, 1, "hydralazine and isosorbide dinitrate dose", "care"),
    Column("antiplatelet_fraction", "real", FRACTION, 0, 1, "clopidogrel or another antiplatelet dose", "care"),
    Column("anticoagulant_fraction", "real", FRACTION, 0, 2, "warfarin or a direct anticoagulant dose", "care"),
    Column("metformin_fraction", "real", FRACTION, 0, 1, "metformin dose", "care"),
    Column("glp1_agonist_fraction", "real", FRACTION, 0, 1, "GLP-1 receptor agonist dose", "care"),
    Column("insulin_fraction", "real", FRACTION, 0, 3, "insulin dose; 1 = 0.5 units per kg and day", "care"),
    Column("inhaled_fraction", "real", FRACTION, 0, 1, "inhaled treatment of COPD", "care"),
    Column("statin_fraction", "real", FRACTION, 0, 1, "statin dose; 1 = high intensity", "care"),
    Column("iv_iron_mg", "real", "mg", 0, 3000, "intravenous iron given today", "care"),
    Column("beta_blocker_agent", "code", "1", 0, 2, "0 metoprolol, 1 carvedilol, 2 bisoprolol", "care"),
    Column("ras_inhibitor_agent", "code", "1", 0, 1, "0 ACE inhibitor, 1 angiotensin blocker", "care"),
    Column("antiplatelet_agent", "code", "1", 0, 1, "0 clopidogrel, 1 ticagrelor", "care"),
    Column("anticoagulant_agent", "code", "1", 0, 1, "0 warfarin, 1 apixaban", "care"),
    Column("cyp2d6_inhibitor", "code", "1", 0, 2, "takes an inhibitor of CYP2D6: 1 moderate, 2 strong", "care"),
    Column("genotype_known", "code", "1", 0, 1, "1 once a pharmacogenetic result is in the record", "care"),
    Column(
        "beta_blocker_limit_percent", "code", "1", 0, 100,
        "per cent of the target dose that a beta-blocker is raised to at most; 0 = the target dose", "care",
    ),
)  # fmt: skip

ALERT_BITS = "alert raised today: bits weight 1, pressure 2, pulse 4, risk 8; 16 nobody acts on it"
MONITORING_COLUMNS: tuple[Column, ...] = (
    Column("measured_weight_kg", "real", "kg", 0, 500, "last home weight", "monitoring", "29463-7"),
    Column("measured_systolic_mmhg", "real", "mmHg", 0, 350, "last home systolic pressure", "monitoring", "8480-6"),
    Column("measured_heart_rate_bpm", "real", "1/min", 0, 350, "last home pulse", "monitoring", "8867-4"),
    Column("reference_weight_kg", "real", "kg", 0, 500, "slow average of home weight; 0 = none yet", "monitoring"),
    Column("last_alert_day", "real", "day", -1000, 1e6, "day of the last alert", "monitoring"),
    Column("alert", "code", "1", 0, 31, ALERT_BITS, "monitoring"),
)


def find_columns(schema: Schema) -> CareColumns:
    """Where the kernel finds the columns in their blocks; -1 for those that the population does not have."""
    return CareColumns(*(schema.place(name) if name in schema else -1 for name in CareColumns._fields))
