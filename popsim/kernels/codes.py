"""Small integers with a name: event kinds, causes, care levels and random streams, shared by kernels and their callers.

Numbers are stored in results, so they are never reused for another meaning.
"""

from __future__ import annotations

# Kinds of event in the log. `setting` is where it happens, `cause` why the twin seeks or receives care.
ENTER = 0  # follow-up begins; detail = ENTERED_*; cause: of the index admission, if there is one
PRESENT = 1  # becomes acutely unwell and seeks care; cause
ARRIVE = 2  # requests a bed in a setting (waits for it, or starts at the same moment)
START = 3  # starts a stay; detail 1 = not on the first-choice ward (outlier)
END = 4  # ends a stay; detail = next setting, or -1
RENEGE = 5  # reneges: gives up waiting
BLOCK = 6  # blocked: no bed and no room to wait
BOOK = 7  # booked in a contact setting
VISIT = 8  # the contact takes place; detail = bits of what was done
MISS = 9  # a booking is given up because the person is in hospital or dead
ALERT = 10  # telemonitoring raises an alert; detail = bits of the signals
SHOCK = 11  # an exogenous shock begins; detail = bits of shocks
DEATH = 12  # dies; setting where
EARLY = 13  # the stay ends early because somebody waits for the bed; followed by END
COMPLICATION = 14  # a complication in hospital; detail = its number in the network
FIT = 15  # fit to leave hospital, but the transfer is delayed; detail = where to
ESCALATE = 16  # gets worse and needs a higher level of care; detail = where to
EVENT_NAMES = (
    "enter", "present", "arrive", "start", "end", "renege", "block", "book", "visit", "miss", "alert", "shock", "death",
    "early", "complication", "fit", "escalate",
)  # fmt: skip

# Details of ENTER: where follow-up begins.
ENTERED_DISCHARGED = 0  # at the discharge alive from an index admission
ENTERED_AT_HOME = 1  # where the person lives
ENTERED_ADMITTED = 2  # at the hospital door

NOWHERE = -1  # no setting, no patient
NO_DETAIL = 0
FIRST_CHOICE = 0  # not an outlier

# Ranks of simultaneous events of the care network: departures come before arrivals.
RANK_TIMER, RANK_DEATH, RANK_ENTER, RANK_PRESENT, RANK_SESSION, RANK_ARRIVAL, RANK_COMPLICATION = range(7)
RANK_ESCALATION, RANK_ROTA = 7, 8

# Why a twin seeks acute care.
CAUSE_NONE = 0
CAUSE_HEART_FAILURE = 1
CAUSE_INFECTION = 2
CAUSE_ARRHYTHMIA = 3
CAUSE_RENAL = 4  # acute kidney injury, hyperkalaemia, low blood pressure
CAUSE_RESPIRATORY = 5  # exacerbation of COPD
CAUSE_OTHER = 6  # everything else
CAUSE_PLANNED = 7
CAUSE_INFARCTION = 8  # myocardial infarction
CAUSE_STROKE = 9
CAUSE_BLEEDING = 10
CAUSE_FALL = 11  # fall, fracture, delirium
CAUSE_GLUCOSE = 12  # hypoglycaemia, severe hyperglycaemia
CAUSE_NAMES = (
    "none", "heart_failure", "infection", "arrhythmia", "renal", "respiratory", "other", "planned", "infarction",
    "stroke", "bleeding", "fall", "glucose",
)  # fmt: skip
UNPLANNED_CAUSES = tuple(name for code, name in enumerate(CAUSE_NAMES) if code not in (CAUSE_NONE, CAUSE_PLANNED))

# What a twin dies of (`dies_of`, `death_cause`).
# 1 is taken: cardiovascular, without its mode.
DIED_OF_NON_CARDIOVASCULAR = 2
DIED_OF_SUDDEN = 3
DIED_OF_PUMP_FAILURE = 4
DIED_OF_OTHER_CARDIOVASCULAR = 5  # infarction, stroke and the like
DEATH_CAUSE_NAMES = {
    DIED_OF_NON_CARDIOVASCULAR: "non_cardiovascular",
    DIED_OF_SUDDEN: "sudden",
    DIED_OF_PUMP_FAILURE: "pump_failure",
    DIED_OF_OTHER_CARDIOVASCULAR: "other_cardiovascular",
}
CARDIOVASCULAR_DEATHS = (DIED_OF_SUDDEN, DIED_OF_PUMP_FAILURE, DIED_OF_OTHER_CARDIOVASCULAR)

# Bits of `shock_onset`.
SHOCK_INFECTION = 1
SHOCK_LAPSE = 2
SHOCK_SALT = 4
SHOCK_ARRHYTHMIA = 8
SHOCK_NAMES = {
    SHOCK_INFECTION: "infection",
    SHOCK_LAPSE: "lapse of adherence",
    SHOCK_SALT: "salty diet",
    SHOCK_ARRHYTHMIA: "fast arrhythmia",
}

# Bits of `onset`, written by physiology each day: what care must look at.
ONSET_DEATH = 1
ONSET_ACUTE = 2
ONSET_SHOCK = 4

# Bits of the detail of VISIT: what the clinician did.
DID_DIURETIC_UP = 1
DID_DIURETIC_DOWN = 2
DID_TITRATE = 4
DID_REDUCE = 8
DID_EMERGENCY = 16

# Bit of `alert`, beside those of its reasons (kernels/care/monitoring.py): nobody acts on it.
ALERT_IGNORED = 16

# Bits of `reaction` that a person notices and reports: all but high potassium (4) and kidney injury (8), which take a
# laboratory (kernels/physiology/reactions.py).
REACTIONS_REPORTED = 1 | 2 | 16 | 32 | 64

# Care levels that physiology reads.
LEVEL_PALLIATIVE = -1  # hospice: comfort, no drug against the disease
LEVEL_COMMUNITY = 0
LEVEL_FACILITY = 1
LEVEL_EMERGENCY = 2
LEVEL_WARD = 3
LEVEL_CRITICAL = 4

# Classes of setting, in the words of a network file.
CLASS_ROUTER = 0  # a decision node: takes no time, never in the log
CLASS_OUTPATIENT = 1  # a contact; the person stays where they live
CLASS_COMMUNITY = 2
CLASS_EMERGENCY = 3
CLASS_OBSERVATION = 4  # assessment unit: not an admission
CLASS_INPATIENT = 5
CLASS_CRITICAL = 6  # counts as inpatient
CLASS_FACILITY = 7  # rehabilitation or nursing home
CLASS_HOSPICE = 8
CLASS_NAMES = (
    "router", "outpatient", "community", "emergency", "observation", "inpatient", "critical", "facility", "hospice",
)  # fmt: skip

# Random streams: the third word of the Philox counter (random.py). One list, so that no two uses share a stream.
STREAM_SHOCKS = 1  # physiology, index = day
STREAM_EVENTS = 2  # physiology, index = day
STREAM_SIGNALS = 3  # monitoring, index = day
STREAM_CARE_DAY = 4  # care, when within the day things happen, index = day
STREAM_PROPENSITY = 7  # lasting traits that nobody measures, index = 0
STREAM_PARAMETERS = 8  # draws of uncertain parameters: person = draw, with the name's hash as its high word; index = 0
STREAM_STUDIES = 9  # results of a proposed study, person = draw, index = 0
STREAM_GENOME = 10  # diplotypes, index = gene
STREAM_KINETICS = 11  # how a person differs in handling a drug, index = drug
STREAM_LAB = 12  # laboratory and other signals taken by staff, index = day
STREAM_VESSELS = 13  # coronary disease, atrial fibrillation, stroke, bleeding, index = day
STREAM_METABOLISM = 14  # kidney disease and diabetes, index = day
STREAM_LUNGS = 15  # lungs, blood, ageing, index = day
STREAM_COHORT = 16  # 16..79: one per sampled marginal of a cohort, index = 0
STREAM_ARRIVALS = 80  # 80..143: one per external source, index = number of the arrival
STREAM_TRANSITIONS = 144  # state-transition models, index = cycle // 4
STREAM_BELIEF = 145  # beliefs about persons: resampling and rejuvenation, index = day
STREAM_BIAS = 146  # lasting errors of sensors that a belief imagines, index = sensor
STREAM_IMAGINED = 147  # shocks that a belief imagines behind what happened, index = day
STREAM_ALERTS = 148  # index = day + 1: is an alert acted on; index 0: is guidance used for the person
STREAM_SENSOR = 160  # implanted sensor of filling pressure, index = day
STREAM_CALENDAR = 161  # where in the year a person's entry lies, index = 0
# A use of a setting: a request for a bed, whatever its result; another stay begun there after blocking elsewhere; a
# passage through a router; a contact that took place. Each use draws at most once from each of these streams.
STREAM_STAY = 256  # 256 + setting: length of stay, index = number of the person's uses of the setting before this one
STREAM_ROUTE = 512  # 512 + setting: where to next, index = uses so far, that which ends included (router, contact: not)
STREAM_PATIENCE = 768  # 768 + setting: how long the person waits before giving up, index as of the stay
STREAM_FOLLOW_UP = (
    1024  # 1024 + contact: is a contact taken up on going home, index = uses of that home << 8 + its number
)
STREAM_COMPLICATIONS = 170  # index = 2 x number of the person's stays and complications in hospital; + 1: what it is
STREAM_TRANSFER = 1280  # 1280 + setting: is a transfer from hospital to it delayed, how long; index as of the stay
STREAM_ESCALATION = 1536  # 1536 + setting: when a patient gets worse there, index as of the stay
STREAM_EVENT_TIMES = 2048  # 2048 + four transitions of a state: times to event, index = earlier stays in the state
# Lasting traits of a person: the same draw at every use.
STREAM_UPTAKE = 5  # does the person take up telemonitoring, index = 0
STREAM_TREATMENT = 162  # does a hazard ratio act, index = CRC-32 of its name + years of treatment
STREAM_INTERVENTION = 6  # does the person take up a personal intervention, index = CRC-32 of its name
