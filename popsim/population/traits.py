"""Traits: the constant columns that a cohort fills and nothing changes during a run."""

from __future__ import annotations

from collections.abc import Mapping

from popsim.population.columns import Column, Kind


def _trait(
    name: str, kind: Kind, unit: str, low: float, high: float, meaning: str,
    at_entry: float | None = None, codes: Mapping[int, str] | None = None,
) -> Column:  # fmt: skip
    return Column(name, kind, unit, low, high, meaning, "cohort", at_entry=at_entry, codes=codes or {})


def _diagnosis(name: str, meaning: str, called: str, at_entry: float | None = None) -> Column:
    """A 0/1 column: 1 with the condition."""
    return _trait(name, "code", "1", 0, 1, meaning, at_entry=at_entry, codes={0: f"no {called}", 1: called})


FIFTHS = {0: "deprivation not known", 1: "most deprived fifth", 5: "least deprived fifth"}
FIFTHS |= {2: "second most deprived fifth", 3: "middle fifth of deprivation", 4: "second least deprived fifth"}
ETHNIC_GROUPS = {
    0: "ethnicity not recorded", 1: "Asian", 2: "Black", 3: "mixed ethnicity", 4: "White", 5: "other ethnicity",
}  # fmt: skip


COLUMNS: tuple[Column, ...] = (
    _trait("entry_day", "count", "day", 0, 1_000_000, "Day on which follow-up of the twin begins."),
    _trait("age_years", "real", "a", 18, 115, "Age at entry."),
    _trait(
        "female", "code", "1", 0, 1, "1 for female sex at birth, 0 for male.", codes={0: "men", 1: "women"}
    ),
    _trait(
        "deprivation_quintile", "code", "1", 1, 5, "Area deprivation, 1 the most deprived fifth.", codes=FIFTHS
    ),
    _trait("dry_weight_kg", "real", "kg", 25, 250, "Body weight without excess fluid."),
    _trait("baseline_ejection_fraction_percent", "real", "%", 8, 80, "Ejection fraction at entry."),
    _trait("baseline_systolic_mmhg", "real", "mm[Hg]", 70, 220, "Usual systolic pressure on entry drugs."),
    _trait("baseline_heart_rate_bpm", "real", "/min", 40, 150, "Usual resting heart rate on entry drugs."),
    _trait(
        "baseline_gfr_ml_min", "real", "mL/min/{1.73_m2}", 5, 150, "Usual glomerular filtration, CKD-EPI."
    ),
    _trait("baseline_potassium_mmol_l", "real", "mmol/L", 3, 6, "Usual serum potassium on entry drugs."),
    _trait(
        "baseline_filling_pressure_mmhg", "real", "mm[Hg]", 4, 30, "Left-sided filling pressure at the set point."
    ),
    _trait("usual_salt_g_day", "real", "g/d", 0, 30, "Usual intake of salt (sodium chloride)."),
    _trait("adherence_trait", "real", "1", 0, 1, "Share of prescribed doses usually taken without support."),
    _trait("life_table_hazard_per_day", "real", "/d", 0, 0.1, "Hazard of death of age and sex at entry (life table)."),
    _diagnosis("diabetes", "1 with diabetes.", "diabetes"),
    _diagnosis("ckd", "1 with a diagnosis of chronic kidney disease.", "chronic kidney disease"),
    _diagnosis("atrial_fibrillation", "1 with atrial fibrillation of any kind.", "atrial fibrillation"),
    _diagnosis("copd", "1 with chronic obstructive pulmonary disease.", "COPD"),
    _trait(
        "ethnicity", "code", "1", 0, 5,
        "Ethnic group as in the 2021 census of England and Wales: 1 Asian, 2 Black, 3 mixed, 4 White, 5 other; "
        "0 not recorded.", at_entry=0.0, codes=ETHNIC_GROUPS,
    ),
)  # fmt: skip

# After the columns of the heart-failure core, whose places are part of the random streams of readings.
MORE_COLUMNS: tuple[Column, ...] = (
    _trait("height_cm", "real", "cm", 120, 220, "Height."),
    _trait(
        "smoking", "code", "1", 0, 2, "Smoking.",
        codes={0: "never smoked", 1: "stopped smoking", 2: "smokers"},
    ),
    _trait("alcohol_g_day", "real", "g/d", 0, 200, "Usual intake of alcohol."),
    _trait("activity_met_h_week", "real", "MET.h/wk", 0, 200, "Usual physical activity in leisure."),
    _diagnosis("hypertension", "1 with a diagnosis of hypertension.", "hypertension"),
    _diagnosis("coronary_disease", "1 with coronary artery disease.", "coronary disease"),
    _diagnosis("prior_infarction", "1 with an infarction more than a year before entry.", "prior infarction"),
    _diagnosis("prior_stroke", "1 with a stroke before entry.", "prior stroke"),
    _trait("baseline_ldl_mmol_l", "real", "mmol/L", 0.3, 10, "LDL cholesterol without a statin."),
    _trait("baseline_albuminuria_mg_g", "real", "mg/g", 1, 5000, "Urine albumin by creatinine at entry."),
    _trait("baseline_hba1c_percent", "real", "%", 4, 15, "HbA1c on entry drugs."),
    _trait("baseline_haemoglobin_g_dl", "real", "g/dL", 5, 20, "Haemoglobin at entry."),
    _diagnosis("iron_deficiency", "1 with iron deficiency at entry.", "iron deficiency"),
    _trait("baseline_fev1_percent", "real", "%", 10, 130, "FEV1 as a share of the predicted, at entry."),
    _diagnosis("heart_failure", "1 with a diagnosis of heart failure at entry.", "heart failure", at_entry=1.0),
    _trait(
        "exacerbations_before_entry", "code", "1", 0, 3,
        "Exacerbations of COPD in the year before entry, 3 also for more; 0 also if not known.", at_entry=0.0,
    ),
    _trait(
        "infarction_days_before_entry", "real", "d", 0, 365,
        "Days from an infarction of the last year to entry; 0 without one.", at_entry=0.0,
    ),
)  # fmt: skip

NO_ADMISSION_DAYS = 9_999.0  # since an admission that there has not been
LATEST_CALENDAR = 10_000  # days by which a person's calendar may be ahead of the simulation's, or behind it

# What is known of a person's past at entry, and where entry lies in the calendar.
HISTORY_COLUMNS: tuple[Column, ...] = (
    _trait(
        "heart_failure_admissions_before", "code", "1", 0, 127,
        "Admissions for heart failure in the run-in, without the index admission.", at_entry=0.0,
    ),
    _trait(
        "days_since_heart_failure_admission", "real", "d", 0, 10_000,
        f"Days from the last of them to entry; {NO_ADMISSION_DAYS:.0f} if there was none.", at_entry=NO_ADMISSION_DAYS,
    ),
    _trait("disease_duration_years", "real", "a", 0, 80, "Years since the diagnosis; 0 if not known.", at_entry=0.0),
    _trait(
        "calendar_shift_days", "count", "d", -LATEST_CALENDAR, LATEST_CALENDAR,
        "Days by which the person's calendar is ahead of the simulation's.", at_entry=0.0,
    ),
)  # fmt: skip
