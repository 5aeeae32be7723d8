"""What a column of a user's table can be: names in English and German, usual abbreviations, units, usual values.

The range of usual values holds for the median of a group of adults with chronic disease; it tells units apart where the
header names none. Assumption: the ranges are those of the shipped cohorts, widened.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from popsim.population.columns import Column
from popsim.simulation.schema import SCHEMA
from popsim.units import ALIASES, UNITS, canonical

type Content = Literal["number", "yes_no", "sex", "words", "date", "identifier", "unused"]


class Subject(NamedTuple):
    """What a column of a table can be.

    Attributes:
        names: in small letters; the first is shown.
        content: how its values are written.
        units: in which they may be, the likeliest first; bounds and usual values are in the first.
        usual: lowest and highest usual median.
        bounds: within which a value is possible.
        substance: for conversion between mass and amount.
        words: number of each word, for `words` and beside yes and no.
        why: for a column that is not used.
    """

    names: tuple[str, ...]
    content: Content = "number"
    units: tuple[str, ...] = ("1",)
    usual: tuple[float, float] = (0.0, 0.0)
    bounds: tuple[float, float] = (0.0, 1.0)
    substance: str | None = None
    words: Mapping[str, float] = {}
    why: str = ""


def _of_column(column: Column) -> Subject:
    """A column of the population under its own name, in its own unit."""
    unit = canonical(column.unit)
    bounds = (column.low, column.high)
    return Subject((column.name,), "number", (unit,), usual=bounds, bounds=bounds)


def _named(name: str, *names: str, **other: Any) -> Subject:
    """A column of the population with further names, units or words."""
    own = _of_column(SCHEMA[name])
    return own._replace(names=(*own.names, *names), **other)


def _condition(name: str, *names: str, words: Mapping[str, float] | None = None) -> Subject:
    return _named(name, *names, content="yes_no", words=words or {})


AGE, FEMALE, WEIGHT, HEIGHT = "age_years", "female", "dry_weight_kg", "height_cm"
SYSTOLIC, HEART_RATE, GFR = "baseline_systolic_mmhg", "baseline_heart_rate_bpm", "baseline_gfr_ml_min"
BIRTH, INDEX, BMI, CREATININE = "date_of_birth", "index_date", "body_mass_index", "creatinine"

_FLOW = "mL/min/1.73m2"
_DIABETES = {"type 1": 1.0, "type 2": 1.0, "t1dm": 1.0, "t2dm": 1.0, "type i": 1.0, "type ii": 1.0}
_ETHNIC = {
    "asian": 1.0, "south asian": 1.0, "black": 2.0, "african american": 2.0, "black or african american": 2.0,
    "mixed": 3.0, "white": 4.0, "caucasian": 4.0, "other": 5.0, "not recorded": 0.0,
}  # fmt: skip
_SMOKING = {
    "never": 0.0, "never smoked": 0.0, "never smoker": 0.0, "non-smoker": 0.0, "nonsmoker": 0.0, "no": 0.0, "n": 0.0,
    "ex": 1.0, "ex-smoker": 1.0, "ex smoker": 1.0, "former": 1.0, "former smoker": 1.0, "past": 1.0, "stopped": 1.0,
    "quit": 1.0, "current": 2.0, "current smoker": 2.0, "smoker": 2.0, "smokes": 2.0, "yes": 2.0, "y": 2.0,
    "nie": 0.0, "nichtraucher": 0.0, "nein": 0.0, "exraucher": 1.0, "ex-raucher": 1.0, "ehemals": 1.0, "fruher": 1.0,
    "raucher": 2.0, "aktuell": 2.0, "ja": 2.0,
}  # fmt: skip

# Those that become a column of the population, by its name; then those from which one is computed.
SUBJECTS: dict[str, Subject] = {
    AGE: _named(AGE, "age", "anchor age", "age at entry", "patient age", "age yrs", usual=(18.0, 100.0)),
    FEMALE: _named(FEMALE, "sex", "gender", "women", "woman", "male", "men", "sex at birth", content="sex"),
    "deprivation_quintile": _named("deprivation_quintile", "imd quintile", "deprivation", "imd"),
    WEIGHT: _named(WEIGHT, "weight", "wt", "body weight", "dry weight", "weight dry", "body mass",
                   units=("kg", "lb", "stone", "g"), usual=(45.0, 115.0)),
    HEIGHT: _named(HEIGHT, "height", "ht", "stature", "body height", units=("cm", "m", "in", "ft"),
                   usual=(145.0, 195.0)),
    "baseline_ejection_fraction_percent": _named(
        "baseline_ejection_fraction_percent", "ef", "lvef", "ejection fraction", "lv ejection fraction", "lv ef",
        "left ventricular ejection fraction", units=("%", "1"), usual=(10.0, 80.0)),
    SYSTOLIC: _named(SYSTOLIC, "sbp", "systolic", "systolic blood pressure", "systolic bp", "sysbp", "bp systolic",
                     "sys bp", "syst bp", "bp sys", "systolic pressure", "blood pressure", "bp", "rr systolic",
                     units=("mmHg", "kPa"), usual=(90.0, 180.0)),
    HEART_RATE: _named(HEART_RATE, "hr", "heart rate", "pulse", "pulse rate", "resting heart rate", "heartrate",
                       usual=(50.0, 120.0)),
    GFR: _named(GFR, "egfr", "gfr", "estimated gfr", "ckd epi", "egfr ckd epi", "glomerular filtration rate",
                "estimated glomerular filtration rate", units=(_FLOW, "mL/s/1.73m2"), usual=(15.0, 130.0)),
    "baseline_potassium_mmol_l": _named(
        "baseline_potassium_mmol_l", "k", "potassium", "kalium", units=("mmol/L", "mEq/L", "mg/dL"),
        usual=(3.4, 5.4), substance="potassium"),
    "diabetes": _condition("diabetes", "dm", "diabetes mellitus", "diabetic", "t2dm", "dm2", words=_DIABETES),
    "ckd": _condition("ckd", "chronic kidney disease", "renal disease", "kidney disease", "renal impairment"),
    "atrial_fibrillation": _condition("atrial_fibrillation", "af", "afib", "afb", "a fib", "atrial fib",
                                      "af flutter", "atrial fibrillation flutter", "atrial fibrillation or flutter"),
    "copd": _condition("copd", "chronic obstructive pulmonary disease", "coad"),
    "hypertension": _condition("hypertension", "htn", "hypertensive", "high blood pressure", "hbp",
                               "arterial hypertension"),
    "coronary_disease": _condition("coronary_disease", "cad", "ihd", "coronary artery disease",
                                   "coronary heart disease", "ischaemic hd", "ischaemic heart disease",
                                   "ischemic heart disease"),
    "prior_infarction": _condition("prior_infarction", "mi", "myocardial infarction", "infarction", "omi", "ami",
                                   "prior mi", "previous mi", "heart attack"),
    "prior_stroke": _condition("prior_stroke", "stroke", "cva", "cerebrovascular accident"),
    "iron_deficiency": _condition("iron_deficiency", "iron deficient"),
    "heart_failure": _condition("heart_failure", "hf", "chf", "congestive heart failure", "chronic heart failure"),
    "ethnicity": _named("ethnicity", "ethnic group", "race", content="words", words=_ETHNIC),
    "smoking": _named("smoking", "smoker", "smoking status", "tobacco", "tobacco use", content="words",
                      words=_SMOKING),
    "baseline_ldl_mmol_l": _named("baseline_ldl_mmol_l", "ldl", "ldl c", "ldl cholesterol", units=("mmol/L", "mg/dL"),
                                  usual=(1.0, 6.0), substance="cholesterol"),
    "baseline_albuminuria_mg_g": _named(
        "baseline_albuminuria_mg_g", "uacr", "acr", "albuminuria", "albumin creatinine ratio", "urine acr",
        "urinary albumin creatinine ratio", units=("mg/g", "mg/mmol"), usual=(1.0, 1000.0)),
    "baseline_hba1c_percent": _named("baseline_hba1c_percent", "hba1c", "a1c", "glycated haemoglobin", "ghb",
                                     "glycated hemoglobin", units=("%", "mmol/mol"), usual=(4.5, 11.0),
                                     substance="hba1c"),
    "baseline_haemoglobin_g_dl": _named(
        "baseline_haemoglobin_g_dl", "hb", "hgb", "haemoglobin", "hemoglobin", units=("g/dL", "g/L", "mmol/L"),
        usual=(10.0, 17.0), substance="haemoglobin"),
    "baseline_fev1_percent": _named("baseline_fev1_percent", "fev1", "fev1 predicted", "fev1 percent predicted",
                                    "fev1pp", units=("%", "1"), usual=(15.0, 125.0)),
    "frailty": _named("frailty", "frailty index", "fi"),
    "loop_diuretic_mg_day": _named("loop_diuretic_mg_day", "furosemide", "frusemide", "furosemide dose",
                                   "loop diuretic", "loop diuretic dose", usual=(2.0, 1000.0)),
    "disease_duration_years": _named("disease_duration_years", "hf duration", "disease duration",
                                     "duration of heart failure", units=("years", "months"), usual=(0.0, 30.0)),
    BMI: Subject(("bmi", "body mass index", "quetelet index"), units=("kg/m2",), usual=(18.0, 45.0),
                 bounds=(10.0, 90.0)),
    CREATININE: Subject(("creatinine", "crea", "creat", "cr", "scr", "serum creatinine", "creatinin"),
                        units=("mg/dL", "umol/L", "mmol/L"), usual=(0.4, 6.0), bounds=(0.1, 30.0),
                        substance="creatinine"),
    BIRTH: Subject(("date of birth", "dob", "birth date", "birthdate", "birthday", "year of birth", "yob",
                    "birth year"), content="date"),
    INDEX: Subject(("index date", "date of index", "entry date", "date of entry", "enrolment date", "enrollment date",
                    "date of enrolment", "inclusion date", "baseline date", "discharge date", "date of discharge",
                    "admission date", "date of admission", "adm date", "visit date", "date of visit",
                    "examination date", "date"), content="date"),
    "nyha": Subject(("nyha", "nyha class", "nyha functional class"), content="unused",
                    why="popsim works the class out from the state of the person"),
    "natriuretic": Subject(("nt probnp", "ntprobnp", "bnp", "pro bnp", "natriuretic peptide"), content="unused",
                           why="popsim works NT-proBNP out from filling pressure, kidneys and weight"),
    "diastolic": Subject(("dbp", "diastolic", "diastolic blood pressure", "diastolic bp", "diabp", "bp diastolic"),
                         content="unused", why="popsim has the systolic pressure only"),
    "drug": Subject(
        ("beta blocker", "betablocker", "bb", "acei", "ace inhibitor", "arb", "acei arb", "arni", "mra",
         "spironolactone", "sglt2i", "sglt2 inhibitor", "statin", "digoxin", "anticoagulant", "warfarin", "metformin",
         "insulin", "diuretic", "ivabradine"), content="unused",
        why="popsim needs the dose as a share of the target, in a column of its own name such as mra_fraction"),
    "outcome": Subject(
        ("death", "died", "dead", "deceased", "mortality", "readmission", "readmitted", "los", "length of stay",
         "follow up", "follow up days", "follow up time", "death date", "date of death", "survival", "survival time"),
        content="unused", why="it happens after entry"),
    "identifier": Subject(
        ("id", "pat id", "patient id", "subject id", "person id", "study id", "mrn", "nhs", "nhs number", "nhs no",
         "name", "surname", "forename", "first name", "last name", "family name", "given name", "full name",
         "patient name",
         "record", "record id", "record number", "medical record number", "hospital number", "hospital no",
         "patient number", "patient no", "case number", "ssn", "social security number", "postcode", "post code",
         "zip", "zip code", "address", "street", "phone", "telephone", "email", "e mail", "insurance number"),
        content="identifier", why="it identifies a person"),
}  # fmt: skip
GERMAN: dict[str, tuple[str, ...]] = {
    AGE: ("alter", "lebensalter"),
    FEMALE: ("geschlecht",),
    WEIGHT: ("gewicht", "korpergewicht"),
    HEIGHT: ("grosse", "groesse", "korpergrosse", "koerpergroesse"),
    "baseline_ejection_fraction_percent": ("ejektionsfraktion", "auswurffraktion", "linksventrikulare funktion"),
    SYSTOLIC: ("blutdruck", "blutdruck systolisch", "systolischer blutdruck", "rr", "rr syst", "rr sys",
               "rr systolisch", "systole"),
    HEART_RATE: ("herzfrequenz", "puls", "ruhepuls", "hf min"),
    BMI: ("korpermasseindex",),
    CREATININE: ("kreatinin", "krea", "serumkreatinin"),
    "diabetes": ("diabetes typ 2", "zuckerkrankheit"),
    "ckd": ("niereninsuffizienz", "chronische niereninsuffizienz", "chronische nierenerkrankung"),
    "atrial_fibrillation": ("vhf", "vorhofflimmern"),
    "hypertension": ("hypertonie", "bluthochdruck", "arterielle hypertonie"),
    "coronary_disease": ("khk", "koronare herzkrankheit", "koronare herzerkrankung"),
    "prior_infarction": ("herzinfarkt", "myokardinfarkt"),
    "prior_stroke": ("schlaganfall", "apoplex"),
    "iron_deficiency": ("eisenmangel",),
    "heart_failure": ("herzinsuffizienz",),
    "smoking": ("raucher", "rauchen", "raucherstatus", "nikotin"),
    "baseline_haemoglobin_g_dl": ("hamoglobin", "haemoglobin"),
    BIRTH: ("geburtsdatum", "geburtstag", "geburtsjahr", "geb", "geb datum"),
    INDEX: ("einschlussdatum", "entlassungsdatum", "entlassdatum", "entlassung", "aufnahmedatum", "aufnahme",
            "untersuchungsdatum", "datum"),
    "nyha": ("nyha stadium", "nyha klasse"),
    "outcome": ("tod", "verstorben", "todesdatum", "sterbedatum", "verweildauer"),
    "identifier": ("patientennummer", "pat nr", "patienten nr", "patienten id", "fallnummer", "fall nr", "nachname",
                   "vorname", "plz", "postleitzahl", "adresse", "versichertennummer"),
}  # fmt: skip
SUBJECTS |= {key: SUBJECTS[key]._replace(names=(*SUBJECTS[key].names, *names)) for key, names in GERMAN.items()}
OWN_NAMES = {
    column.name: _of_column(column)
    for column in SCHEMA.columns.values()
    if column.settable and column.name not in {*SUBJECTS, "entry_day"}
}
ALL_SUBJECTS = SUBJECTS | OWN_NAMES

# Spellings of units in headers and cells, letters and digits only.
_SPELLED = {
    "kgs": "kg", "kilograms": "kg", "kilogram": "kg", "pounds": "lb", "pound": "lb", "st": "stone", "grams": "g",
    "metres": "m", "meters": "m", "metre": "m", "meter": "m", "inch": "in", "inches": "in", "feet": "ft",
    "percent": "%", "pct": "%", "perc": "%", "share": "1", "proportion": "1", "prop": "1", "mmol": "mmol/L",
    "umol": "umol/L", "micromoll": "umol/L", "micromol": "umol/L", "meq": "mEq/L", "meql": "mEq/L", "mlmin": _FLOW,
    "mlmin173": _FLOW, "mlmin173m": _FLOW, "mlminper173m2": _FLOW, "permin": "bpm", "min": "bpm", "perminute": "bpm",
    "yrs": "years", "jahre": "years", "yr": "years", "y": "years", "mon": "months", "month": "months", "kgm": "kg/m2",
    "mgday": "mg/day", "mg": "mg/day", "mmolmol": "mmol/mol",
}  # fmt: skip
_NOT_SPELLED = {"", "1", "a", "d", "h", "ratio"}


def folded(text: str) -> str:
    """Small letters without accents."""
    plain = unicodedata.normalize("NFKD", text.replace("\N{MICRO SIGN}", "u").replace("\N{GREEK SMALL LETTER MU}", "u"))
    return "".join(letter for letter in plain.casefold() if not unicodedata.combining(letter))


def squashed(text: str) -> str:
    """Letters and digits only, in small letters."""
    return "".join(letter for letter in folded(text) if letter.isascii() and letter.isalnum())


UNIT_OF = {squashed(unit): canonical(unit) for unit in (*ALIASES, *UNITS)} | _SPELLED
UNIT_OF = {key: unit for key, unit in UNIT_OF.items() if key not in _NOT_SPELLED}
