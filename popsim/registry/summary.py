"""The summary of one twin as plain data, for tables, JSON and the page of figures. For research, not for care."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

NOTICE = "For research, not for care."


@dataclass(frozen=True, slots=True)
class Band:
    """A quantity by day: median and 90% interval of a belief or a forecast.

    Attributes:
        days: since the twin's start, ascending; not necessarily consecutive.
        low, median, high: 5%, 50% and 95% quantiles on each of the days.
    """

    days: tuple[int, ...] = ()
    low: tuple[float, ...] = ()
    median: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadingSummary:
    """A measurement: time in days since the twin's start (with fraction), value in the signal's unit.

    `used` is False if it came too late for the belief; `source` names the measurement from which the value was computed
    ("creatinine"), if any.
    """

    time: float
    value: float
    used: bool = True
    source: str = ""

    def in_words(self) -> str:
        """The value with its day and its source."""
        return f"{self.value:,.4g} on day {int(self.time)}" + (f", from {self.source}" if self.source else "")


@dataclass(frozen=True, slots=True)
class SignalHistory:
    """One measured quantity.

    Attributes:
        name: column, e.g. weight_kg.
        label: for people, e.g. "Weight".
        unit: UCUM.
        loinc: code of the measurement, empty when it has none.
        belief: about the true value at the end of each simulated day.
        readings: measured values, in order of time.
        forecast: of the same quantity, for future days; empty before a forecast is made.
    """

    name: str
    label: str
    unit: str
    loinc: str
    belief: Band
    readings: tuple[ReadingSummary, ...] = ()
    forecast: Band = field(default_factory=Band)


@dataclass(frozen=True, slots=True)
class RiskSummary:
    """Probability that something happens within some days from the twin's day, with its 90% interval.

    Attributes:
        name: e.g. "decompensation", "readmission", "death", "adverse_reaction".
        label: for people.
        within_days: 7, 30 or 90.
    """

    name: str
    label: str
    within_days: int
    probability: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class OptionSummary:
    """One of the options compared.

    Attributes:
        label: for people, e.g. "Furosemide 80 mg a day".
        benefit, low, high: expected net benefit beyond doing nothing, in `TwinSummary.benefit_unit`, and the 95% Monte
            Carlo interval of the expectation, with which options are compared.
        probability_best: 0 to 1.
        refused: why it is not allowed, in clinical words; empty when it is.
        chosen: whether it is the recommended option.
    """

    label: str
    benefit: float
    low: float
    high: float
    probability_best: float
    refused: str = ""
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class TwinSummary:
    """The present state of a twin. Holds nothing but the random id, days since the start and numbers.

    Attributes:
        twin: random id.
        day: last simulated day; day 0 is the start.
        members: of the belief.
        known: facts known for certain, by label: age, sex, diagnoses, doses, genes; as text.
        signals: every quantity that sensors measure, whether it was ever measured or not, and the class as judged.
        events: (day, event in clinical words), in order.
        risks: of the last forecast; empty before one is made.
        forecast_day: the start day of the last forecast; None before one is made.
        options: of the last comparison, best first; empty before one is made.
        options_day: the day of that comparison.
        benefit_unit: of the options' net benefit.
        sure: False where the options are within noise of one another.
        reasons: of the recommendation, one sentence each, in clinical words.
        notice: to be shown with any part of the summary.
    """

    twin: str
    day: int
    members: int
    known: Mapping[str, str]
    signals: tuple[SignalHistory, ...]
    events: tuple[tuple[int, str], ...] = ()
    risks: tuple[RiskSummary, ...] = ()
    forecast_day: int | None = None
    options: tuple[OptionSummary, ...] = ()
    options_day: int | None = None
    benefit_unit: str = ""
    sure: bool = True
    reasons: tuple[str, ...] = ()
    notice: str = NOTICE

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain dictionaries and lists, for JSON."""
        return asdict(self)
