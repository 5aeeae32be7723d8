"""What a twin brings with it: the constant columns that a cohort fills and nothing changes while the model runs."""

from __future__ import annotations

from popsim.population.columns import Column, Kind


def _trait(
    name: str, kind: Kind, unit: str, low: float, high: float, meaning: str, loinc: str | None = None,
    at_entry: float | None = None,
) -> Column:  # fmt: skip
    return Column(name, kind, unit, low, high, meaning, "cohort", loinc, at_entry)


COLUMNS: tuple[Column, ...] = (
    _trait("entry_day", "count", "day", 0, 1_000_000, "Day on which follow-up of the twin begins."),
    _trait("age_years", "real", "a", 18, 115, "Age at entry.", "30525-0"),
    _trait("female", "code", "1", 0, 1, "1 for female sex at birth, 0 for male.", "76689-9"),
    _trait("deprivation_quintile", "code", "1", 1, 5, "Area deprivation, 1 the most deprived fifth."),
    _trait("dry_weight_kg", "real", "kg", 25, 250, "Body weight without excess fluid."),
    _trait("baseline_ejection_fraction_percent", "real", "%", 8, 80, "Ejection fraction at entry.", "10230-1"),
    _trait("baseline_systolic_mmhg", "real", "mm[Hg]", 70, 220, "Usual systolic pressure on entry drugs.", "8480-6"),
    _trait("baseline_heart_rate_bpm", "real", "/min", 40, 150, "Usual resting heart rate on entry drugs.", "8867-4"),
    _trait(
        "baseline_gfr_ml_min", "real", "mL/min/{1.73_m2}", 5, 150, "Usual glomerular filtration, CKD-EPI.", "98979-8"
    ),
    _trait("baseline_potassium_mmol_l", "real", "mmol/L", 3, 6, "Usual serum potassium on entry drugs.", "2823-3"),
    _trait(
        "baseline_filling_pressure_mmhg", "real", "mm[Hg]", 4, 30, "Left-sided filling pressure at the set point.",
        "75994-4",
    ),
    _trait("usual_salt_g_day", "real", "g/d", 0, 30, "Usual intake of salt (sodium chloride)."),
    _trait("adherence_trait", "real", "1", 0, 1, "Share of prescribed doses usually taken without support."),
    _trait("life_table_hazard_per_day", "real", "/d", 0, 0.1, "Hazard of death of age and sex at entry (life table)."),
    _trait("diabetes", "code", "1", 0, 1, "1 with diabetes."),
    _trait("ckd", "code", "1", 0, 1, "1 with a diagnosis of chronic kidney disease."),
    _trait("atrial_fibrillation", "code", "1", 0, 1, "1 with atrial fibrillation of any kind."),
    _trait("copd", "code", "1", 0, 1, "1 with chronic obstructive pulmonary disease."),
    _trait(
        "ethnicity", "code", "1", 0, 5,
        "Ethnic group as in the 2021 census of England and Wales: 1 Asian, 2 Black, 3 mixed, 4 White, 5 other; "
        "0 not recorded.", at_entry=0.0,
    ),
)  # fmt: skip

# What the clinical twin brings with it besides.
CLINICAL_COLUMNS: tuple[Column, ...] = (
    _trait("height_cm", "real", "cm", 120, 220, "Height.", "8302-2"),
    _trait("smoking", "code", "1", 0, 2, "0 never smoked, 1 stopped, 2 smokes."),
    _trait("alcohol_g_day", "real", "g/d", 0, 200, "Usual intake of alcohol."),
    _trait("activity_met_h_week", "real", "MET.h/wk", 0, 200, "Usual physical activity in leisure."),
    _trait("hypertension", "code", "1", 0, 1, "1 with a diagnosis of hypertension."),
    _trait("coronary_disease", "code", "1", 0, 1, "1 with coronary artery disease: the failure is ischaemic."),
    _trait("prior_infarction", "code", "1", 0, 1, "1 with an infarction before entry."),
    _trait("prior_stroke", "code", "1", 0, 1, "1 with a stroke before entry."),
    _trait("baseline_ldl_mmol_l", "real", "mmol/L", 0.3, 10, "LDL cholesterol without a statin.", "13457-7"),
    _trait("baseline_albuminuria_mg_g", "real", "mg/g", 1, 5000, "Urine albumin by creatinine at entry.", "9318-7"),
    _trait("baseline_hba1c_percent", "real", "%", 4, 15, "HbA1c on entry drugs.", "4548-4"),
    _trait("baseline_haemoglobin_g_dl", "real", "g/dL", 5, 20, "Haemoglobin at entry.", "718-7"),
    _trait("iron_deficiency", "code", "1", 0, 1, "1 with iron deficiency at entry."),
    _trait("baseline_fev1_percent", "real", "%", 10, 130, "FEV1 as a share of the predicted, at entry.", "20152-5"),
)  # fmt: skip
