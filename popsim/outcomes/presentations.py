"""Acute presentations by cause, and those that drugs can cause: slow or fast rhythm, bleeding, kidney, glucose.

A presentation counts when the person seeks care, whether or not an admission follows. Whether a drug caused it cannot
be observed in a single person; it shows in the difference between strategies.
"""

from __future__ import annotations

import polars as pl

from popsim.kernels.codes import CAUSE_NAMES
from popsim.outcomes.follow_up import observed, person_years
from popsim.outcomes.measure import OutcomeMeasure
from popsim.outcomes.regions import Value, measure_frame

NOT_ACUTE = ("none", "planned")
BY_DRUGS = ("arrhythmia", "renal", "bleeding", "glucose")
_SHORT = {
    "arrhythmia": "Slow or fast rhythm", "renal": "Kidney, potassium, low pressure", "bleeding": "Bleeding",
    "glucose": "Low or very high sugar",
}  # fmt: skip

PRESENTATIONS = (
    *(
        OutcomeMeasure(
            f"presentations_{cause}_per_person_year",
            f"Acute presentations per person-year, {cause.replace('_', ' ')}", "per person-year",
            f"People who seek acute care, with a bed or without one: {cause.replace('_', ' ')}", "lower",
            _SHORT.get(cause, ""),
        )
        for cause in CAUSE_NAMES if cause not in NOT_ACUTE
    ),
    OutcomeMeasure("adverse_presentations_per_person_year", "Presentations that drugs can cause per person-year",
                   "per person-year", f"Acute presentations with {', '.join(BY_DRUGS)}", "lower", "Together"),
)  # fmt: skip


def presentations(events: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Rates of presentations within follow-up.

    Args:
        events: `EventLog.frame()`, with the `present` events.
        people: `follow_up(...)`.

    Returns:
        measure, value, weight (person-years): presentations_<cause>_per_person_year for every acute cause, and
        adverse_presentations_per_person_year for the causes in BY_DRUGS together.
    """
    years = person_years(people)
    counted = observed(events.filter(pl.col("event") == "present"), people)["cause"].cast(pl.String).value_counts()
    number = dict(counted.iter_rows())
    of = {cause: number.get(cause, 0) for cause in CAUSE_NAMES if cause not in NOT_ACUTE}
    rates = {f"presentations_{cause}": count for cause, count in of.items()}
    rates |= {"adverse_presentations": sum(of[cause] for cause in BY_DRUGS)}
    return measure_frame(
        {f"{name}_per_person_year": Value(n / years if years else None, years) for name, n in rates.items()}
    )
