"""One person's history from the event log: as a frame, and in words.

Times are days since the start of the simulation, as in the log; "Day 19, 07:40" is 19 days and 7:40 hours after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import polars as pl

from popsim.kernels import codes as code
from popsim.population.event_log import EventLog

HOURS_PER_DAY = 24.0
RECENT_SHOCK_DAYS = 30  # a shock this recent is mentioned with an acute illness; changes words only
LIVES_THERE = ("community", "facility", "hospice")

CAUSE_WORDS = {
    code.CAUSE_HEART_FAILURE: "heart failure",
    code.CAUSE_INFECTION: "an infection",
    code.CAUSE_ARRHYTHMIA: "a fast arrhythmia",
    code.CAUSE_RENAL: "a kidney, potassium or low-pressure problem",
    code.CAUSE_RESPIRATORY: "an exacerbation of COPD",
    code.CAUSE_OTHER: "another illness",
    code.CAUSE_PLANNED: "a planned admission",
    code.CAUSE_INFARCTION: "a myocardial infarction",
    code.CAUSE_STROKE: "a stroke",
    code.CAUSE_BLEEDING: "a major bleed",
    code.CAUSE_FALL: "a fall or delirium",
    code.CAUSE_GLUCOSE: "a low or very high blood sugar",
}
SHOCK_WORDS = {
    code.SHOCK_INFECTION: "caught an infection",
    code.SHOCK_LAPSE: "stopped taking tablets (lapse of adherence)",
    code.SHOCK_SALT: "began to eat much more salt (salty diet)",
    code.SHOCK_ARRHYTHMIA: "got a fast arrhythmia",
}
SHOCK_IS_CAUSE = {code.SHOCK_INFECTION: code.CAUSE_INFECTION, code.SHOCK_ARRHYTHMIA: code.CAUSE_ARRHYTHMIA}
VISIT_WORDS = {
    code.DID_DIURETIC_UP: "loop diuretic raised",
    code.DID_DIURETIC_DOWN: "loop diuretic lowered",
    code.DID_TITRATE: "heart-failure drugs stepped up",
    code.DID_REDUCE: "heart-failure drugs reduced",
    code.DID_EMERGENCY: "sent on to acute care",
}


class SettingLabel(NamedTuple):
    """A setting as a narrative needs it: its label, and its class in the network (CLASS_NAMES)."""

    label: str
    kind: str

    @property
    def words(self) -> str:
        """The label inside a sentence: "the cardiology ward", "home care"."""
        label = self.label if self.label[1:2].isupper() else self.label[:1].lower() + self.label[1:]
        return label if self.kind == "community" else f"the {label}"

    @property
    def towards(self) -> str:
        """Direction: "home", "to the cardiology ward"."""
        return self.words if self.words == "home" else f"to {self.words}"

    @property
    def inside(self) -> str:
        """Location: "at home", "in the cardiology ward"."""
        return "at home" if self.words == "home" else f"in {self.words}"


class Event(NamedTuple):
    """One line of the log, in codes."""

    time: float
    kind: int
    setting: int
    cause: int
    detail: int


def events_of(log: EventLog, row: int) -> EventLog:
    """The events of one twin."""
    mine = log.records[: len(log)]
    alone = EventLog(log.setting_names, log.person_id, capacity=0)
    alone.records = mine[mine["row"] == row]
    alone.size = len(alone.records)
    return alone


def history(log: EventLog, row: int) -> pl.DataFrame:
    """All events of the twin in a row, in the form of `EventLog.frame`."""
    return events_of(log, row).frame()


def story(
    log: EventLog,
    row: int,
    setting_labels: Sequence[SettingLabel],
    *,
    entry_day: int,
    today: int,
    why: Callable[[Event], Sequence[str]] | None = None,
) -> str:
    """The twin's history in plain sentences, one per line, up to day `today`.

    Args:
        log: the events of all twins.
        row: of the twin.
        places: every setting of the network, in its order.
        entry_day: on which the twin enters.
        today: days simulated so far.
        why: explains an acute illness or a death; its sentences precede that of the event, indented.
    """
    columns = events_of(log, row).slice()
    fields = (columns.time, columns.kind, columns.setting, columns.cause, columns.detail)
    teller = _Narrator(setting_labels, why)
    for event in zip(*(field.tolist() for field in fields), strict=True):
        teller.add_event(Event(*event))
    return "\n".join(teller.finish(entry_day, today))


class _Narrator:
    """Turns events into sentences. A whole hospital episode, from arrival to discharge, is one sentence."""

    def __init__(self, setting_labels: Sequence[SettingLabel], why: Callable[[Event], Sequence[str]] | None) -> None:
        self.setting_labels, self.why = setting_labels, why
        self.sentences: list[tuple[float, str]] = []
        self.opened: float | None = None  # start of the open sentence
        self.clauses: list[str] = []
        self.staying = -1  # index of the clause about the present stay
        self.reason = ""  # reason for seeking care, for the next clause
        self.shock: tuple[float, int] | None = None
        self.asked: tuple[float, int] | None = None
        self.began: tuple[float, int] | None = None
        self.early = self.dead = self.entered = False
        self.alerts = 0  # in the last sentence
        self.telling: dict[int, Callable[[Event], None]] = {
            code.ENTER: self._enter, code.PRESENT: self._present, code.ARRIVE: self._arrive, code.START: self._start,
            code.END: self._end, code.RENEGE: self._renege, code.BLOCK: self._block, code.VISIT: self._visit,
            code.MISS: self._miss, code.ALERT: self._alert, code.SHOCK: self._shock, code.DEATH: self._death,
            code.EARLY: self._leave_early,
        }  # fmt: skip

    def add_event(self, event: Event) -> None:
        """Process the next event; a booking is mentioned with its visit."""
        if event.kind != code.ALERT:
            self.alerts = 0
        if event.kind in self.telling and not self.dead:
            self.telling[event.kind](event)
            if self.why and event.kind in (code.PRESENT, code.DEATH):
                self.sentences += [(event.time, f"    {text}.") for text in self.why(event)]

    def finish(self, entry_day: int, today: int) -> list[str]:
        """All sentences in order of time, with a last one on the present state."""
        if not self.entered:
            return [f"Enters on day {entry_day}; nothing has happened by day {today}."]
        if not self.dead:
            self._how_things_stand(today)
        return [text for _, text in sorted(self.sentences, key=lambda sentence: sentence[0])]

    def _how_things_stand(self, today: int) -> None:
        where = self.setting_labels[self.began[1]] if self.began else None
        if self.opened is not None and (where is None or where.kind not in LIVES_THERE):
            waits = f"waiting for {self.setting_labels[self.asked[1]].words}" if self.asked and not where else "there"
            self._clause(self.opened, f"still {waits} on day {today}")
            self._close()
        else:
            self._close()
            self._say(float(today), f"alive {where.inside}" if where else "alive")

    # Sentences.

    def _say(self, time: float, text: str) -> None:
        self.sentences.append((time, f"{moment(time)}: {text}."))

    def _clause(self, time: float, text: str) -> None:
        if self.opened is None:
            self.opened = time
        self.clauses.append(text)

    def _go(self, time: float, setting_label: SettingLabel, then: str = "") -> None:
        """A clause on a move; the first one gives the reason."""
        self._clause(time, f"{'moved' if self.clauses else 'came'} {setting_label.towards}{self.reason}{then}")
        self.reason = ""

    def _close(self) -> None:
        if self.opened is not None:
            self._say(self.opened, "; ".join(self.clauses))
        self.opened, self.clauses, self.staying = None, [], -1

    # Events.

    def _enter(self, event: Event) -> None:
        self.entered = True
        where = {
            code.ENTERED_AT_HOME: "where it lives",
            code.ENTERED_ADMITTED: f"at the hospital door with {CAUSE_WORDS.get(event.cause, 'an acute illness')}",
        }.get(event.detail, "discharged alive from the index admission")
        self._say(event.time, f"{where}, follow-up begins")

    def _shock(self, event: Event) -> None:
        for bit, words in SHOCK_WORDS.items():
            if event.detail & bit:
                self._say(event.time, words)
                self.shock = (event.time, bit)

    def _present(self, event: Event) -> None:
        self._close()
        self.reason = f" with {CAUSE_WORDS.get(event.cause, 'an acute illness')}"
        if self.shock is not None and SHOCK_IS_CAUSE.get(self.shock[1]) != event.cause:
            days = int(event.time - self.shock[0])
            ago = f"{days} day{'' if days == 1 else 's'} after" if days else "on the day of"
            if days <= RECENT_SHOCK_DAYS:
                self.reason += f" ({ago} the {code.SHOCK_NAMES[self.shock[1]]})"
        self.shock = None  # each shock is named with the first illness after it

    def _arrive(self, event: Event) -> None:
        self.asked = (event.time, event.setting)

    def _start(self, event: Event) -> None:
        setting_label = self.setting_labels[event.setting]
        asked = self.asked[0] if self.asked and self.asked[1] == event.setting else event.time
        waited = duration(event.time - asked) if event.time > asked else ""
        self.asked, self.began = None, (event.time, event.setting)
        if setting_label.kind in LIVES_THERE:
            if setting_label.kind != "community" or self.opened is not None:  # otherwise the twin lives there already
                self._clause(asked, f"{f'waited {waited} and ' if waited else ''}went {setting_label.towards}")
                self._close()
            return
        outlier = " (not the first choice of ward)" if event.detail == 1 else ""
        if waited and self.clauses:
            self._clause(asked, f"waited {waited} for a place in {setting_label.words}{outlier}")
        else:
            self._go(asked, setting_label, f"{outlier}, waited {waited}" if waited else outlier)
        self.staying = len(self.clauses) - 1

    def _end(self, event: Event) -> None:
        setting_label, began, self.began = self.setting_labels[event.setting], self.began, None
        if setting_label.kind == "community" or (setting_label.kind in LIVES_THERE and self.reason):
            return  # fell ill there: the next clause says where they went
        stayed = duration(event.time - began[0]) if began else "a while"
        if self.opened is None:
            self._clause(event.time, f"left {setting_label.words} after {stayed}")
        elif self.staying >= 0:
            early = " (sent on early: the place was needed)" if self.early else ""
            self.clauses[self.staying] += f", stayed {stayed}{early}"
        self.early, self.staying = False, -1

    def _leave_early(self, event: Event) -> None:
        self.early = True

    def _renege(self, event: Event) -> None:
        asked, self.asked = self.asked[0] if self.asked else event.time, None
        self._go(
            asked, self.setting_labels[event.setting], f" and gave up waiting after {duration(event.time - asked)}"
        )

    def _block(self, event: Event) -> None:
        self.asked = None
        if self.clauses:
            self._clause(event.time, f"found no place in {self.setting_labels[event.setting].words}")
        else:
            self._go(event.time, self.setting_labels[event.setting], " and was turned away, it was full")

    def _visit(self, event: Event) -> None:
        done = [words for bit, words in VISIT_WORDS.items() if event.detail & bit]
        self._say(event.time, f"seen by {self.setting_labels[event.setting].words}: {', '.join(done) or 'no change'}")
        if event.detail & code.DID_EMERGENCY:
            self._present(event)

    def _miss(self, event: Event) -> None:
        self._say(event.time, f"missed the appointment with {self.setting_labels[event.setting].words}")

    def _alert(self, event: Event) -> None:
        self.alerts += 1
        if self.alerts == 1:
            self._say(event.time, "telemonitoring raised an alert")
        else:
            first, _ = self.sentences.pop()
            days = f"{moment(first)} to day {int(event.time)}"
            self.sentences.append((first, f"{days}: telemonitoring raised {self.alerts} alerts."))

    def _death(self, event: Event) -> None:
        where = self.setting_labels[event.setting].inside if event.setting >= 0 else "between two places of care"
        if self.opened is None:
            self._say(event.time, f"died {where}")
        else:
            self._clause(event.time, f"died {where} on {moment(event.time).replace('Day', 'day')}")
            self._close()
        self.dead = True


def moment(time: float) -> str:
    """A time in days as "Day 19, 07:40"; midnight as "Day 19"."""
    day, minutes = divmod(round(time * HOURS_PER_DAY * 60.0), 24 * 60)
    return f"Day {day}, {minutes // 60:02d}:{minutes % 60:02d}" if minutes else f"Day {day}"


def duration(days: float) -> str:
    """A duration in minutes, in hours up to two days, or in days."""
    hours = days * HOURS_PER_DAY
    if hours < 1.0:
        return f"{round(hours * 60.0)} minutes"
    if hours < 48.0:
        return f"{hours:.1f}".removesuffix(".0") + " h"
    return f"{days:.1f}".removesuffix(".0") + " days"
