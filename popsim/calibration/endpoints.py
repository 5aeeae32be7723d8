"""Endpoints of trials and cohorts: which deaths, admissions, urgent visits and kidney events count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from popsim.kernels.codes import CARDIOVASCULAR_DEATHS, DEATH_CAUSE_NAMES
from popsim.outcomes.kidney_events import FAILURE, LOSSES

ALL = "any"
CARDIOVASCULAR = "cardiovascular"


class Endpoint(NamedTuple):
    """What counts as an event.

    Attributes:
        meaning: in words.
        deaths: causes of death; "cardiovascular" and "any" are groups of them.
        admissions: causes of unplanned admissions; "any" is all of them.
        urgent: causes of visits to an emergency department or observation unit that end without admission.
        kidney: columns of the table of persons that hold the day of a kidney event.
    """

    meaning: str
    deaths: tuple[str, ...] = ()
    admissions: tuple[str, ...] = ()
    urgent: tuple[str, ...] = ()
    kidney: tuple[str, ...] = ()


# Groups of causes of death, and every single one by its name.
DEATHS: dict[str, tuple[int, ...]] = {
    ALL: tuple(DEATH_CAUSE_NAMES),
    CARDIOVASCULAR: CARDIOVASCULAR_DEATHS,
    **{name: (code,) for code, name in DEATH_CAUSE_NAMES.items()},
}
HEART_FAILURE = ("heart_failure",)
# Acute causes of the heart and vessels; a fast or slow rhythm is "arrhythmia".
CARDIOVASCULAR_ADMISSIONS = ("heart_failure", "arrhythmia", "infarction", "stroke")


def _kidney(percent: int, loss: str) -> dict[str, Endpoint]:
    """The endpoints of a sustained loss of filtration by some per cent since entry, whose day is in a column."""
    words = f"sustained loss of {percent}% of GFR since entry"
    return {
        f"kidney_loss_{percent}": Endpoint(words.capitalize(), kidney=(loss,)),
        f"kidney_composite_{percent}": Endpoint(f"Kidney failure or {words}", kidney=(loss, FAILURE)),
        f"kidney_composite_{percent}_or_cardiovascular_death": Endpoint(
            f"Kidney failure, {words}, or cardiovascular death", (CARDIOVASCULAR,), kidney=(loss, FAILURE)
        ),
        f"kidney_composite_{percent}_or_death": Endpoint(
            f"Kidney failure, {words}, or death", (ALL,), kidney=(loss, FAILURE)
        ),
    }


ENDPOINTS: dict[str, Endpoint] = {
    "death": Endpoint("Death from any cause", (ALL,)),
    "cardiovascular_death": Endpoint(
        "Sudden death, death of pump failure or of another cardiovascular cause", (CARDIOVASCULAR,)
    ),
    "sudden_death": Endpoint("Sudden death", ("sudden",)),
    "pump_failure_death": Endpoint("Death of pump failure", ("pump_failure",)),
    "other_cardiovascular_death": Endpoint(
        "Cardiovascular death that is neither sudden nor of pump failure", ("other_cardiovascular",)
    ),
    "non_cardiovascular_death": Endpoint("Death of another than a cardiovascular cause", ("non_cardiovascular",)),
    "hospitalisation": Endpoint("Unplanned admission for any cause", admissions=(ALL,)),
    "heart_failure_hospitalisation": Endpoint("Unplanned admission for heart failure", admissions=HEART_FAILURE),
    "cardiovascular_hospitalisation": Endpoint(
        "Unplanned admission for heart failure, arrhythmia, myocardial infarction or stroke",
        admissions=CARDIOVASCULAR_ADMISSIONS,
    ),
    "urgent_heart_failure_visit": Endpoint(
        "Visit to an emergency department or observation unit for heart failure without admission", urgent=HEART_FAILURE
    ),
    "worsening_heart_failure": Endpoint(
        "Admission or urgent visit for heart failure", admissions=HEART_FAILURE, urgent=HEART_FAILURE
    ),
    "cardiovascular_death_or_heart_failure_hospitalisation": Endpoint(
        "Cardiovascular death or admission for heart failure", (CARDIOVASCULAR,), HEART_FAILURE
    ),
    "cardiovascular_death_or_worsening_heart_failure": Endpoint(
        "Cardiovascular death, admission or urgent visit for heart failure",
        (CARDIOVASCULAR,), HEART_FAILURE, HEART_FAILURE,
    ),
    "cardiovascular_death_or_cardiovascular_hospitalisation": Endpoint(
        "Cardiovascular death or cardiovascular admission", (CARDIOVASCULAR,), CARDIOVASCULAR_ADMISSIONS
    ),
    "death_or_heart_failure_hospitalisation": Endpoint("Death or admission for heart failure", (ALL,), HEART_FAILURE),
    "death_or_worsening_heart_failure": Endpoint(
        "Death, admission or urgent visit for heart failure", (ALL,), HEART_FAILURE, HEART_FAILURE
    ),
    "death_or_cardiovascular_hospitalisation": Endpoint(
        "Death or cardiovascular admission", (ALL,), CARDIOVASCULAR_ADMISSIONS
    ),
    "death_or_hospitalisation": Endpoint("Death or unplanned admission for any cause", (ALL,), (ALL,)),
    "death_or_stroke": Endpoint("Death from any cause or admission for stroke", (ALL,), ("stroke",)),
    "infarction": Endpoint("Admission for myocardial infarction", admissions=("infarction",)),
    "stroke": Endpoint("Admission for stroke", admissions=("stroke",)),
    "bleeding": Endpoint("Admission for major bleeding", admissions=("bleeding",)),
    "cardiovascular_death_infarction_or_stroke": Endpoint(
        "Cardiovascular death, or admission for myocardial infarction or stroke (three-point MACE)",
        (CARDIOVASCULAR,), ("infarction", "stroke"),
    ),
    "kidney_failure": Endpoint("Dialysis, or GFR sustained below 15 mL/min/1.73 m2", kidney=(FAILURE,)),
    **{name: one for percent, loss in LOSSES.items() for name, one in _kidney(percent, loss).items()},
}  # fmt: skip


def death_codes(names: Sequence[str]) -> tuple[int, ...]:
    """Codes of the causes of death that some names stand for."""
    return tuple(code for name in names for code in DEATHS[name])
