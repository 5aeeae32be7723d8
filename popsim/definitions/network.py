"""Care-network files: settings, their capacity and stays, and the routes between them.

The models check each value and each setting on its own; `popsim.care.network.CareNetwork` checks the network as a whole
(a route to nowhere, a setting that nobody can leave).
Durations are in days, hours are hours of the day (0 = midnight), rates are per day.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, PlainValidator, model_validator

from popsim.arguments import is_real, is_whole
from popsim.definitions.arrivals import ArrivalSource, Census, Level, StartDate, read_census
from popsim.definitions.base import Definition, validate
from popsim.definitions.conditions import Conditions, Factors
from popsim.definitions.durations import MAX_DAYS, Duration, Forever
from popsim.definitions.fields import AS_TUPLE, DefinitionPath, Identifier, Label, Source, Text, real, whole
from popsim.definitions.hospital_stay import Complication, Ending, Escalation, Review, Share, TransferDelay
from popsim.definitions.inheritance import lineage, merged_by_name
from popsim.definitions.rota import Rota, week_of

EXIT = "exit"
"""Target of a route: the person leaves the simulated system."""
STAY = "stay"
"""Target of a contact setting's route: the person remains where they are."""
BACK_TO_WARD = "back_to_ward"
"""Target of a route: the ward (class inpatient) from which the person came; the route matches only those who did."""
BACK_TO_FACILITY = "back_to_facility"
"""Target of a route: the facility where the person lived before; the route matches only those who did."""
BACK = (BACK_TO_WARD, BACK_TO_FACILITY)

UNLIMITED = "unlimited"
MAX_CAPACITY = 10_000_000
MAX_SETTINGS = 100
MAX_TARGETS = 20
MAX_ARRIVAL_SOURCES = 64  # the number of random streams reserved for them (kernels/codes.py)
MAX_COMPLICATIONS = 20
MAX_CLASSES = 60
MAX_ROLES = 30
CLINICIANS = ("none", "general_practitioner", "specialist", "nurse")
MAX_WARM_UP_DAYS = 3650

SettingClass = Literal[
    "router", "outpatient", "community", "emergency", "observation", "inpatient", "critical", "facility", "hospice"
]
CareLevel = Literal["palliative", "community", "facility", "emergency", "ward", "critical"]
DEFAULT_CARE_LEVEL: dict[SettingClass, CareLevel] = {
    "router": "community",
    "outpatient": "community",
    "community": "community",
    "emergency": "emergency",
    "observation": "ward",
    "inpatient": "ward",
    "critical": "critical",
    "facility": "facility",
    "hospice": "palliative",
}
AFTER_HOSPITAL = ("community", "facility", "hospice")  # where people live, and go to from hospital
BEFORE_CRITICAL = ("emergency", "observation", "inpatient")
PLACE_ONLY = (
    "capacity", "boards", "care_level", "stay", "stay_external", "stay_factors", "review", "patience", "gives_up_to",
    "transfer_delay", "rota", "classes", "escalation",
)  # fmt: skip
QUEUE_ONLY = ("waiting_room", "overflow", "discipline", "priority")
CONTACT_ONLY = ("slots_per_day", "opens_hour", "closes_hour", "weekdays_only", "clinician", "lapses_after_days")


def _places(value: object) -> int | str:
    """A capacity: a whole number, or "unlimited"."""
    allowed = f"must be a whole number between 0 and {MAX_CAPACITY}, or '{UNLIMITED}'"
    if value == UNLIMITED and isinstance(value, str):
        return UNLIMITED
    if not is_whole(value) or not 0 <= value <= MAX_CAPACITY:
        raise ValueError(allowed)
    return int(value)


def _target(value: object) -> str | dict[str, float]:
    """A name, or a table of names and probabilities."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict) or not 1 <= len(value) <= MAX_TARGETS:
        raise ValueError(f"must be a setting's name, 'exit', 'stay', or at most {MAX_TARGETS} probabilities")
    shares: dict[str, float] = {}
    for name, share in value.items():
        if not is_real(share) or not 0.0 <= share <= 1.0:
            raise ValueError(f"the probability of '{name}' is {share!r}: must be between 0 and 1")
        shares[str(name)] = float(share)
    return shares


Places = Annotated[
    int | Literal["unlimited"],
    PlainValidator(_places, json_schema_input_type=Annotated[int, Field(ge=0, le=MAX_CAPACITY)] | Literal["unlimited"]),
]
Hour = Annotated[float, real(0.0, 24.0)]


class PriorityRule(Definition):
    """Triage: the level of people who meet all conditions; level 1 is served first."""

    level: Level
    when: Conditions = ()


class Route(Definition):
    """A destination on leaving a setting, for people who meet all conditions; the first route that matches counts."""

    model_config = ConfigDict(populate_by_name=True)

    to: Annotated[str | dict[str, float], PlainValidator(_target, json_schema_input_type=str | dict[str, Share])]
    when: Conditions = ()
    if_free: bool = False
    applies_to: Literal["all", "twins", "external"] = Field(default="all", alias="for")
    outlier: bool = False

    @property
    def targets(self) -> tuple[tuple[str, float], ...]:
        """Names and probabilities, in the order of the file."""
        return ((self.to, 1.0),) if isinstance(self.to, str) else tuple(self.to.items())

    @property
    def always(self) -> bool:
        """Whether it matches whoever it applies to."""
        return not self.when and not self.if_free and self.to not in BACK

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.if_free and (not isinstance(self.to, str) or self.to in (EXIT, STAY, *BACK)):
            raise ValueError("if_free needs a single setting in 'to', not a table of probabilities, 'exit' or 'stay'")
        if isinstance(self.to, dict) and (back := [name for name in BACK if name in self.to]):
            raise ValueError(f"'{back[0]}' must be the only target of a route")
        if self.applies_to == "external" and self.when:
            raise ValueError("external patients have no columns: a route for them must not have 'when'")
        return self


Routes = Annotated[tuple[Route, ...], AS_TUPLE, Field(max_length=30)]


class PatientClass(Definition):
    """A class of patients: external ones whose source says so, and twins who meet all conditions of `when`.

    Twins are of the first class whose conditions hold, at the start of a stay and again at its end. A class without
    conditions has no twins.
    """

    name: Identifier
    label: Label = ""
    when: Conditions = ()


class ClinicianRole(Definition):
    """A role of clinicians beside those of CLINICIANS: a pharmacist, a physiotherapist ...

    Attributes:
        prescribes_as: whose rules of prescribing it follows: a nurse changes the diuretic alone, `nothing` is advice.
        visit_price: of a contact, in the experiment's currency; `<setting>_visit` of the price set goes before it.
    """

    name: Identifier
    label: Label = ""
    prescribes_as: Literal["nothing", "nurse", "general_practitioner", "specialist"]
    visit_price: Annotated[float, real(0.0, 1e7)]
    source: Source


class ClassOfStay(Definition):
    """A stay and routes in one setting of a class of patients, instead of the setting's own."""

    name: Identifier
    stay: Ending | None = None
    routes: Routes = ()

    @model_validator(mode="after")
    def _has_something(self) -> Self:
        if self.stay is None and not self.routes:
            raise ValueError(f"class '{self.name}' must have 'stay' or 'routes'")
        return self


class SettingDefinition(Definition):
    """A node of the network: a setting of stay, a contact with daily slots (outpatient) or a decision (router)."""

    model_config = ConfigDict(populate_by_name=True)

    name: Identifier
    label: Label = ""
    setting_class: SettingClass = Field(alias="class")
    capacity: Places = "unlimited"
    rota: Rota = ()
    waiting_room: Places = "unlimited"
    overflow: str | None = None
    boards: bool = False
    discipline: Literal["fifo", "priority"] = "fifo"
    priority: Annotated[tuple[PriorityRule, ...], AS_TUPLE, Field(max_length=20)] = ()
    care_level: CareLevel | None = None
    stay: Duration | None = None
    stay_external: Duration | None = None
    stay_factors: Factors = ()
    transfer_delay: TransferDelay | None = None
    review: Review | None = None
    patience: Duration | None = None
    gives_up_to: str | None = None
    routes: Routes = ()
    classes: Annotated[tuple[ClassOfStay, ...], AS_TUPLE, Field(max_length=MAX_CLASSES)] = ()
    escalation: Escalation | None = None
    slots_per_day: Annotated[int, whole(0, MAX_CAPACITY)] | None = None
    opens_hour: Hour = 9.0
    closes_hour: Hour = 17.0
    weekdays_only: bool = True
    clinician: Identifier = "none"
    lapses_after_days: Annotated[float, real(0.01, MAX_DAYS)] = 60.0

    @property
    def title(self) -> str:
        """The label, or the name with blanks."""
        return self.label or self.name.replace("_", " ").capitalize()

    @property
    def level(self) -> CareLevel:
        """Care level for the physiology, from the class unless given."""
        return self.care_level or DEFAULT_CARE_LEVEL[self.setting_class]

    @property
    def is_stay_setting(self) -> bool:
        """Whether people can stay there (neither a router nor a contact setting)."""
        return self.setting_class not in ("router", "outpatient")

    @property
    def places(self) -> int | Literal["unlimited"]:
        """Capacity: beds, or slots a day of a contact setting."""
        return self.capacity if self.slots_per_day is None else self.slots_per_day

    @property
    def most_beds(self) -> int | Literal["unlimited"]:
        """The largest capacity of the week."""
        if self.capacity == UNLIMITED:
            return UNLIMITED
        return max(week_of(int(self.capacity), self.rota))

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        problem = self._foreign_key() or (self._place_problem() if self.is_stay_setting else self._contact_problem())
        problem = problem or self._transfer_problem() or self._queue_problem()
        if problem:
            raise ValueError(f"setting '{self.name}': {problem}")
        return self

    def _foreign_key(self) -> str | None:
        """The first key that this class of setting does not have."""
        forbidden = {"router": PLACE_ONLY + QUEUE_ONLY + CONTACT_ONLY, "outpatient": PLACE_ONLY}
        for key in forbidden.get(self.setting_class, CONTACT_ONLY):
            if getattr(self, key) != type(self).model_fields[key].default:
                return f"'{key}' is not allowed for class {self.setting_class}"
        return None

    def _place_problem(self) -> str | None:
        if (self.stay is None) == (self.review is None):
            return "must have either 'stay' or 'review'"
        for key in ("stay", "stay_external", "patience"):
            if isinstance(getattr(self, key), Forever):
                if key != "stay":
                    return f"'{key}' must end, it cannot be forever"
                if self.setting_class not in AFTER_HOSPITAL:
                    return "a stay forever is only allowed for class community, facility, hospice"
        if isinstance(self.stay, Forever) and self.routes and self.stay_external is None:
            return "a stay forever has no end and so no 'routes'"
        if self.stay_factors and (self.stay is None or isinstance(self.stay, Forever)):
            return "'stay_factors' needs a 'stay' that they can lengthen"
        return None

    def _transfer_problem(self) -> str | None:
        if self.transfer_delay is not None and self.setting_class not in AFTER_HOSPITAL:
            return f"'transfer_delay' is only allowed for class {', '.join(AFTER_HOSPITAL)}"
        if self.escalation is not None and self.setting_class not in BEFORE_CRITICAL:
            return f"'escalation' is only allowed for class {', '.join(BEFORE_CRITICAL)}"
        return None

    def _contact_problem(self) -> str | None:
        if self.setting_class == "outpatient" and self.slots_per_day is None:
            return "class outpatient needs 'slots_per_day'"
        if self.closes_hour <= self.opens_hour:
            return f"closes_hour = {self.closes_hour:g} must be after opens_hour ({self.opens_hour:g})"
        return None

    def _queue_problem(self) -> str | None:
        if self.rota and self.capacity == UNLIMITED:
            return "'rota' needs a 'capacity' for all other hours"
        if (self.discipline == "priority") != bool(self.priority):
            return "'discipline = \"priority\"' and the list 'priority' go together"
        if self.priority and self.priority[-1].when:
            return "the last rule of 'priority' must have no 'when', so that everybody has a level"
        if self.overflow is not None and self.waiting_room == UNLIMITED:
            return "'overflow' needs a 'waiting_room' that can be full"
        if (self.patience is None) != (self.gives_up_to is None):
            return "'patience' and 'gives_up_to' go together"
        return None


class NetworkDefinition(Definition):
    """A whole care network.

    A file may begin with `inherits`, the path of another network file relative to it: that file's keys apply unless
    this one has them; a setting or source takes the place of the inherited one of its name, others come after.

    `reference_population` is the number of twins to which capacities, slots and arrivals refer; without it the network
    is never scaled. `entry` and `presentation` are left out where no twins are simulated.

    The network begins empty of external patients, unless they have come for `warm_up_days` before day 0, or a `census`
    says who is there and who waits: its rows, or in a file the path of a CSV relative to it.
    """

    inherits: DefinitionPath | None = None
    name: Identifier
    description: Text = ""
    reference_population: Annotated[int, whole(1, 100_000_000)] | None = None
    entry: str | None = None
    presentation: str | None = None
    settings: Annotated[tuple[SettingDefinition, ...], AS_TUPLE, Field(min_length=1, max_length=MAX_SETTINGS)]
    arrivals: Annotated[tuple[ArrivalSource, ...], AS_TUPLE, Field(max_length=MAX_ARRIVAL_SOURCES)] = ()
    complications: Annotated[tuple[Complication, ...], AS_TUPLE, Field(max_length=MAX_COMPLICATIONS)] = ()
    classes: Annotated[tuple[PatientClass, ...], AS_TUPLE, Field(max_length=MAX_CLASSES)] = ()
    clinicians: Annotated[tuple[ClinicianRole, ...], AS_TUPLE, Field(max_length=MAX_ROLES)] = ()
    starts_on: StartDate = "2024-01-01"
    warm_up_days: Annotated[int, whole(0, MAX_WARM_UP_DAYS)] = 0
    census: Census = ()

    @property
    def study_beds(self) -> bool:
        """Whether nobody but the people of a study is in its beds."""
        return not (self.arrivals or self.census)

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """Read a file and all that it inherits from; each is complete together with those before it."""
        whole: dict[str, Any] = {}
        for file, table in lineage(path):
            if isinstance(census := table.get("census"), str):
                table["census"] = read_census(file.parent / census)
            whole = merged_by_name(whole, table) | {"inherits": None}
            definition = validate(whole, cls, file)
        return definition

    @model_validator(mode="after")
    def _one_beginning(self) -> Self:
        if self.census and self.warm_up_days:
            raise ValueError("'census' and 'warm_up_days' are two ways to begin, only one can be given")
        return self

    def table(self) -> dict[str, Any]:
        """The definition as a file's table: keys of the file, lists for tuples, no defaults."""
        return self.model_dump(mode="json", exclude_defaults=True)
