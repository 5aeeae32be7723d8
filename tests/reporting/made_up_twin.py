"""A made-up twin: every figure on it is chosen here, so that a page can be asked whether it shows them."""

import math
from dataclasses import replace

from popsim.registry.summary import Band, OptionSummary, ReadingSummary, RiskSummary, SignalHistory, TwinSummary

TODAY, AHEAD = 20, 90


def band(first: int, last: int, level: float, slope: float, width: float) -> Band:
    days = tuple(range(first, last))
    median = tuple(level + slope * (day - first) for day in days)
    return Band(days, tuple(m - width for m in median), median, tuple(m + width for m in median))


def signal(name: str, label: str, unit: str, level: float, width: float, readings: int) -> SignalHistory:
    measured = tuple(ReadingSummary(day + 0.3, level + width * math.sin(day)) for day in range(1, 1 + readings))
    belief, forecast = band(0, TODAY + 1, level, 0.0, width), band(TODAY + 1, TODAY + AHEAD + 1, level, 0.0, 2 * width)
    return SignalHistory(name, label, unit, "", belief, measured, forecast)


WEIGHT = signal("weight_kg", "Weight", "kg", 81.0, 0.8, 18)
LATE = replace(WEIGHT, readings=(*WEIGHT.readings, ReadingSummary(19.5, 88.1, used=False)))
RISKS = tuple(
    RiskSummary(name, label, days, probability * days / 90, probability * days / 180, min(1.0, probability * days / 50))
    for name, label, probability in (("death", "Dies", 0.0725), ("readmission", "Is admitted to hospital", 0.4315))
    for days in (7, 30, 90)
)
REFUSAL = "Potassium 5.7 mmol/L is above 5.5: spironolactone is not started."
OPTIONS = (
    OptionSummary("More loop diuretic (furosemide 40 to 80 mg a day)", 1533.0, 1146.0, 1921.0, 0.92, chosen=True),
    OptionSummary("No change", 0.0, 0.0, 0.0, 0.06),
    OptionSummary("Less MRA (spironolactone 0 to 0 mg a day)", 0.0, 0.0, 0.0, 0.0, "Changes nothing in this person."),
    OptionSummary("More MRA (spironolactone 0 to 12.5 mg a day)", 237.0, 87.0, 387.0, 0.0, REFUSAL),
)
SUMMARY = TwinSummary(
    twin="3c3eyx25",
    day=TODAY,
    members=100,
    known={"Age at the start": "74 years", "Sex": "female", "Diabetes": "yes", "COPD": "no", "Furosemide": "40 mg/d"},
    signals=(
        LATE,
        signal("nt_probnp_pg_ml", "NT-proBNP", "pg/mL", 2600.0, 400.0, 2),
        signal("gfr_ml_min", "Kidney function (GFR)", "mL/min/{1.73_m2}", 48.5, 5.0, 1),
        signal("symptom_score", "Symptoms, 0 to 10", "1", 4.25, 1.0, 0),
    ),
    events=((4, "reviewed by a clinician"), (4, "Furosemide 40 mg/d")),
    risks=RISKS,
    forecast_day=TODAY,
    options=OPTIONS,
    options_day=TODAY,
    benefit_unit="GBP within 180 days at 20,000 GBP a QALY",
    sure=False,
    reasons=("Recommended: More loop diuretic.", "Risk of death 5% instead of 9%.", REFUSAL),
)
EARLY = replace(SUMMARY, risks=(), forecast_day=None, options=(), options_day=None, reasons=(), events=())
