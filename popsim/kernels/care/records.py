"""Layout of the care network's tables and of its state, as record arrays (one row per setting, job, event ...).

Rows are small, so that an event touches one or two cache lines. Tables refer to each other by half-open ranges
(`route_first`, `route_last`) into the next table.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.kernels.codes import CAUSE_NAMES
from popsim.kernels.numerics.random import RandomKey

ROUTER, CONTACT, PLACE = 0, 1, 2  # kinds of setting
EXIT, STAY_PUT, BACK_TO_WARD, BACK_TO_FACILITY = -1, -2, -3, -4  # targets of a route that are no setting
HOURS_A_DAY, HOURS_A_WEEK, DAYS_A_YEAR = 24, 168, 365
ALL, TWINS_ONLY, EXTERNAL_ONLY = 0, 1, 2  # to whom a route applies
AT_LEAST, BELOW, IS = 0, 1, 2  # condition operators
REAL_BLOCK, CODE_BLOCK = 0, 1
NO_TIME = -1.0  # duration of a stay without end
LEVELS = 5  # priority levels of a queue
UNLIMITED = 1 << 40
ADVICE, DIURETICS, ALL_DRUGS = range(3)  # what a clinician may change
NO_CLINICIAN, GENERAL_PRACTITIONER, SPECIALIST, NURSE = range(4)

SETTING = np.dtype(
    [
        ("capacity", "i8"),
        ("waiting_room", "i8"),
        ("opens", "f8"),
        ("closes", "f8"),
        ("review_hour", "f8"),
        ("at_least_days", "f8"),
        ("at_most_days", "f8"),
        ("delay_probability", "f8"),
        ("overflow", "i4"),
        ("gives_up_to", "i4"),
        ("stay", "i4"),
        ("stay_external", "i4"),
        ("patience", "i4"),
        ("factor_first", "i4"),
        ("factor_last", "i4"),
        ("delay", "i4"),
        ("delay_factor_first", "i4"),
        ("delay_factor_last", "i4"),
        ("discharge_first", "i4"),
        ("discharge_last", "i4"),
        ("pressure_first", "i4"),
        ("pressure_last", "i4"),
        ("priority_first", "i4"),
        ("priority_last", "i4"),
        ("route_first", "i4"),
        ("route_last", "i4"),
        ("slots", "i4"),
        ("lapses_days", "i4"),
        ("contact", "i4"),
        ("escalation", "i4"),  # in the table of escalations, -1 for none
        ("kind", "i1"),
        ("setting_class", "i1"),
        ("care_level", "i1"),
        ("boards", "i1"),
        ("has_review", "i1"),
        ("clinician", "i1"),
        ("weekdays_only", "i1"),
        ("by_priority", "i1"),
    ],
    align=True,
)
DISTRIBUTION = np.dtype([("first", "i4"), ("last", "i4")], align=True)  # in the table of pieces
FACTOR = np.dtype([("reference", "f8"), ("slope", "f8"), ("place", "i4"), ("block", "i1")], align=True)
_HAZARD = [  # per_day, by the cause and the factors of a twin
    ("per_day", "f8"),
    ("factor_first", "i4"),
    ("factor_last", "i4"),
    ("by_cause", "f8", (len(CAUSE_NAMES),)),
]
COMPLICATION = np.dtype([*_HAZARD, ("fatality", "f8"), ("extra", "i4")], align=True)
ESCALATION = np.dtype([*_HAZARD, ("to", "i4")], align=True)
CLASS = np.dtype([("condition_first", "i4"), ("condition_last", "i4")], align=True)  # of patients; row 0: of no class
CLASS_OF_STAY = np.dtype([("stay", "i4"), ("route_first", "i4"), ("route_last", "i4")], align=True)  # -1: the setting's
CONDITION = np.dtype([("value", "f8"), ("place", "i4"), ("block", "i1"), ("operator", "i1")], align=True)
PRIORITY = np.dtype([("condition_first", "i4"), ("condition_last", "i4"), ("level", "i4")], align=True)
ROUTE = np.dtype(
    [
        ("condition_first", "i4"),
        ("condition_last", "i4"),
        ("target_first", "i4"),
        ("target_last", "i4"),
        ("if_free", "i1"),
        ("applies_to", "i1"),
        ("outlier", "i1"),
    ],
    align=True,
)
TARGET = np.dtype([("cumulative", "f8"), ("node", "i4")], align=True)
SOURCE = np.dtype(
    [
        ("per_day", "f8"),
        ("count", "i8"),
        ("to", "i4"),
        ("level", "i4"),
        ("patient_class", "i4"),
        ("varies", "i4"),  # whether the rate is per_day x the factors below, whose means are 1
        ("growth", "f8"),  # of the logarithm of the rate, a day
        ("by_hour", "f8", (HOURS_A_DAY,)),
        ("by_weekday", "f8", (7,)),
        ("by_day_of_year", "f8", (DAYS_A_YEAR,)),
    ],
    align=True,
)
CENSUS = np.dtype(  # patients who are in a setting, or wait for it, on the first morning
    [
        ("days", "f8"),  # for how long already
        ("passed", "f8"),  # share of the stays, or of the patience, of people like them that is over by then
        ("number", "i8"),
        ("setting", "i4"),
        ("patient_class", "i4"),
        ("level", "i4"),
        ("waits", "i4"),
    ],
    align=True,
)
FOLLOW_UP = np.dtype(
    [
        ("uptake", "f8"),
        ("setting", "i4"),
        ("due_days", "i4"),
        ("every_days", "i4"),  # 0: a single contact
        ("condition_first", "i4"),
        ("condition_last", "i4"),
    ],
    align=True,
)
STOP, REDUCE, NOT_START = range(3)  # what a warning of a drug's file calls for
DRUG = np.dtype(  # a drug that clinicians prescribe (see kernels/care/prescribing.py); places are -1 for none
    [
        ("at_target", "f8"),  # the dose column at the target dose
        ("dose", "i4"),
        ("code", "i4"),  # its bit in `stopped_drugs`
        ("agent_column", "i4"),
        ("agent", "i4"),
        ("limit", "i4"),  # column of the highest share of the target, in per cent
        ("implicated", "i4"),  # bits of reactions at which it is reduced
        ("class_first", "i4"),  # drugs of the same class in this table
        ("class_last", "i4"),
        ("rung_first", "i4"),
        ("rung_last", "i4"),
        ("warning_first", "i4"),
        ("warning_last", "i4"),
        ("indication_first", "i4"),
        ("indication_last", "i4"),
    ],
    align=True,
)
WARNING = np.dtype(
    [
        ("value", "f8"),
        ("place", "i4"),
        ("block", "i4"),
        ("operator", "i4"),
        ("action", "i4"),
        ("reason", "i4"),  # bit of the reaction that it foretells; 0: every drug is reduced for it
    ],
    align=True,
)
INDICATION = np.dtype(
    [
        ("starts_at", "f8"),  # share of the target; 0: the lowest rung
        ("up_to", "f8"),
        ("condition_first", "i4"),
        ("condition_last", "i4"),
        ("prescribers", "i4"),  # bits by clinician
        ("raised", "i4"),
        ("also_column", "i4"),
        ("also_code", "i4"),
    ],
    align=True,
)

# How a column is observed; not `measured`: without error. `stored`: column of the last result, -1 for bedside readings.
# `row`, `day`, `truth` and `reading`: the latest bedside reading, at which a clinician looks several times in a visit.
OBSERVATION = np.dtype(
    [
        ("measured", "i1"),
        ("number", "i4"),  # of the column (Schema.number), which keys its readings
        ("stored", "i4"),
        ("adjusted_every_days", "i4"),
        ("noise_sd", "f8"),
        ("noise_share", "f8"),
        ("bias_sd", "f8"),
        ("drift_per_day", "f8"),
        ("low", "f8"),
        ("high", "f8"),
        ("row", "i4"),
        ("day", "i4"),
        ("truth", "f8"),
        ("reading", "f8"),
    ],
    align=True,
)
CODE_OBSERVATION = np.dtype(
    [("measured", "i1"), ("number", "i4"), ("error", "f8"), ("low", "f8"), ("high", "f8")], align=True
)

CACHE_LINE = 64  # bytes; a patient fills one line, so that an event of a large population waits for memory once
_PATIENT_FIELDS = [  # a twin or an external patient; twins are the first rows
    ("person", "i8"),  # key of its random numbers
    ("asked_at", "f8"),  # time of the request for the bed it waits for or has
    ("began_at", "f8"),  # when its stay began
    ("kept_days", "f4"),  # twins only: days from `began_at` until it may leave, after a complication or delay
    ("extra_days", "f4"),  # twins only: by which complications will prolong the stay
    ("version", "i4"),  # timers set before the last move are invalid
    ("next", "i4"),  # neighbours in the queue
    ("previous", "i4"),
    ("turns_day", "i4"),
    ("hazards", "i2"),  # twins only: stays and complications in hospital so far
    ("turns", "i2"),  # timers that ran out on day `turns_day`
    ("setting", "i1"),  # its setting, -1 for none
    ("waits_for", "i1"),  # the setting it waits for, -1 for none
    ("level", "i1"),
    ("outlier", "i1"),
    ("bound_for", "i1"),  # twins only: 1 + the setting to which its transfer from hospital is arranged, 0 for none
    ("cause", "i1"),  # twins only, as are the two below: what the columns of the same meaning say
    ("admitted", "i1"),
    ("care_level", "i1"),
    ("entry", "i1"),  # node at which it enters
    ("entered_as", "i1"),  # detail of its ENTER event
    ("ward", "i1"),  # 1 + the last ward (class inpatient) since it lived elsewhere, 0 for none
    ("facility", "i1"),  # 1 + the facility in which it lived last, 0 for none
]
PATIENT = np.dtype(_PATIENT_FIELDS, align=True)
STATE = np.dtype(  # of one setting
    [
        ("present", "i8"),
        ("waiting", "i8"),
        ("outside", "i8"),  # number of those waiting who have no bed meanwhile
        ("entered", "i8"),
        ("left", "i8"),
        ("blocked", "i8"),
        ("reneged", "i8"),
        ("peak", "i8"),
        ("wait_days", "f8"),  # summed over starts
        ("present_days", "f8"),  # time integral of `present`
        ("waiting_days", "f8"),
        ("updated_at", "f8"),
        ("slots_used", "i4"),
        ("in_session", "i4"),
    ],
    align=True,
)
BOOKING = np.dtype([("due", "i4"), ("booked", "i4"), ("next", "i4"), ("previous", "i4")], align=True)
LOG = np.dtype(  # 16 bytes an event
    [("time", "f8"), ("row", "i4"), ("kind", "i1"), ("setting", "i1"), ("cause", "i1"), ("detail", "i1")]
)
EVENT = np.dtype([("time", "f8"), ("order", "i8"), ("patient", "i4"), ("what", "i4")], align=True)


class Columns(NamedTuple):
    """Index of the columns that care reads and writes in their blocks; -1 if the population has no such column."""

    alive: int
    setting: int
    care_level: int
    presenting_cause: int
    admitted: int
    telemonitored: int
    onset: int
    acute_cause: int
    dies_of: int
    death_cause: int
    shock_onset: int
    alert: int
    nyha_class: int
    telemonitored_until_day: int
    last_review_day: int
    iv_diuretic_mg_day: int
    loop_diuretic_mg_day: int
    weight_kg: int
    dry_weight_kg: int
    iv_iron_mg: int
    stopped_drugs: int
    reaction: int
    measured_filling_pressure_mmhg: int
    heart_failure: int
    copd: int


class Practice(NamedTuple):
    """Clinical practice; values from evidence/care_practice.toml, units in the names."""

    fluid_up_kg: float
    fluid_up_symptomatic_kg: float
    fluid_down_kg: float
    fluid_dry_kg: float
    diuretic_step_factor: float
    diuretic_least_step_mg: float
    diuretic_most_mg: float
    diuretic_least_mg: float
    iv_per_oral: float
    iv_least_mg: float
    iv_most_mg: float
    iv_step_factor: float
    iv_highest_mg: float
    iv_emergency_share: float
    discharge_diuretic_factor: float
    titration_steps_per_visit: float


class ScheduleRecord(NamedTuple):
    """The strategy's telemonitoring and its eligibility conditions.

    Attributes:
        desk: setting of the centre, -1 for none.
        clinician: who answers, and what of the drugs he or she may change (ADVICE, DIURETICS or ALL_DRUGS).
        answer_after_days: from the alert to the answer.
        filling_pressure_low_mmhg, filling_pressure_high_mmhg: between which diuretics keep the pressure that an
            implanted sensor reads; 0 without a sensor.
    """

    desk: float
    uptake: float
    duration_days: float
    clinician: float
    may_change: float
    answer_after_days: float
    filling_pressure_low_mmhg: float
    filling_pressure_high_mmhg: float
    condition_first: float
    condition_last: float


def as_record(values: Columns | Practice | ScheduleRecord) -> NDArray[Any]:
    """A NamedTuple as a record array of one row: one argument for a kernel instead of one per field."""
    form = "i8" if isinstance(values, Columns) else "f8"
    return np.array([tuple(values)], [(name, form) for name in values._fields])


class Arrays(NamedTuple):
    """Everything the event loop works on (see kernels/care/world.py)."""

    settings: NDArray[Any]  # the compiled network: inert tables
    routes: NDArray[Any]
    targets: NDArray[Any]
    conditions: NDArray[Any]
    complications: NDArray[Any]
    priorities: NDArray[Any]
    factors: NDArray[Any]
    distributions: NDArray[Any]
    pieces: NDArray[Any]
    presentation: int
    home: int
    columns: NDArray[Any]  # one record: Columns
    practice: NDArray[Any]  # one record: Practice
    policy: NDArray[Any]  # one record: Policy
    follow_ups: NDArray[Any]
    drug_records: NDArray[Any]
    rungs: NDArray[np.float64]
    warnings: NDArray[Any]
    indications: NDArray[Any]
    sources: NDArray[Any]
    rotas: NDArray[np.int64]  # (settings, hours of the week): capacity, or -1 everywhere without a rota
    escalations: NDArray[Any]
    classes: NDArray[Any]
    stays_of_classes: NDArray[Any]  # (settings, classes)
    patients: NDArray[Any]
    states: NDArray[Any]
    queues: NDArray[np.int32]  # (settings, levels, 2): first and last job waiting
    uses: NDArray[
        np.int32
    ]  # (jobs, settings): how often each asked for it, passed it or stayed on; index of its streams
    events: NDArray[Any]  # binary heap
    free: NDArray[np.int32]  # stack of unused external jobs
    bookings: NDArray[Any]  # (contact settings, twins)
    calendar: NDArray[np.int32]  # (contact settings, days, 2): first and last booking due
    stack: NDArray[np.int32]  # settings with a freed place, to be filled
    counters: NDArray[np.int64]  # see COUNTERS
    log: NDArray[Any]
    reals: NDArray[np.float32]
    codes: NDArray[np.int8]
    counts: NDArray[np.int32]
    observations: NDArray[Any]  # how each real column is observed
    code_observations: NDArray[Any]  # ... and each code
    twins: int
    key: RandomKey


HEAP_SIZE, FREE_SIZE, LOG_SIZE, FAULT, FAULT_AT, ACTIVE, PROCESSED, ROWS_ENTERED, TODAY = range(9)  # Arrays.counters
FIRST_WEEKDAY, FIRST_DAY_OF_YEAR, COUNTERS = range(
    9, 12
)  # the first two of day 0: 0 is Monday, 1 January; their number
