"""The run-in: people live under usual care before they enter a study.

A model whose days lie before day 0: physiology and monitoring see negative days, so that what they draw for a person
differs from what they draw after entry, while lasting traits stay. Nobody is treated by the strategies that are
compared, and nothing is valued.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from popsim.care.compiled import home_of
from popsim.care.entrance import Entrance
from popsim.care.network import CareNetwork
from popsim.care.system import CareSystem
from popsim.economics.columns import VALUATION_COLUMNS
from popsim.kernels.codes import CAUSE_HEART_FAILURE, CLASS_NAMES, END, ENTERED_AT_HOME, NOWHERE, START
from popsim.outcomes.follow_up import HOSPITAL
from popsim.population.clock import Clock
from popsim.population.event_log import EventLog
from popsim.population.population import Population
from popsim.population.traits import NO_ADMISSION_DAYS
from popsim.simulation.model import PopulationModel

# Days that nobody lives, between the last day before entry and day 0: random numbers of days just before 0 would be
# those of lasting traits. A whole number of weeks and of laboratory intervals.
GAP_DAYS = 70
LONGEST_MEMORY_DAYS = 1000.0  # of the last contact with a clinician
MAX_ADMISSIONS = 127
NEVER = -1e9


class Admissions:
    """Admissions in the run-in, as the event log tells them; a transfer is no admission.

    Attributes:
        begun, ended: cause of the admission that began or ended today by row, 0 for none.
        ward: index of the setting of the latest admission, by row.
        heart_failure, last: number of admissions for heart failure, and day of the latest, by row.
        heart_failure_before, last_before: the same as they were before the latest admission for whatever cause.
    """

    def __init__(self, network: CareNetwork, twins: int) -> None:
        self._hospital = np.array([setting.setting_class in HOSPITAL for setting in network.settings])
        self._read, self._inside = 0, np.zeros(twins, np.bool_)
        self.begun, self.ended, self.ward = (np.zeros(twins, np.int8) for _ in range(3))
        self.heart_failure, self.heart_failure_before = (np.zeros(twins, np.int64) for _ in range(2))
        self.last, self.last_before = (np.full(twins, NEVER) for _ in range(2))

    def read(self, log: EventLog, day: int) -> None:
        """Read the events of today."""
        self.begun[:] = self.ended[:] = 0
        new, self._read = log.slice(self._read), len(log)
        for i in np.flatnonzero(((new.kind == START) | (new.kind == END)) & self._hospital[new.setting]):
            row, cause = new.row[i], new.cause[i]
            if new.kind[i] == END:
                self._inside[row] = new.detail[i] >= 0 and self._hospital[new.detail[i]]
                self.ended[row] = 0 if self._inside[row] else cause
            elif not self._inside[row]:
                self._inside[row], self.begun[row], self.ward[row] = True, cause, new.setting[i]
                self.heart_failure_before[row], self.last_before[row] = self.heart_failure[row], self.last[row]
                if cause == CAUSE_HEART_FAILURE:
                    self.heart_failure[row], self.last[row] = self.heart_failure[row] + 1, day


class RunIn(PopulationModel):
    """People who live at home at first; a step is a day before entry."""

    def __init__(self, *args: Any, days: int, ahead: int = 0, **keywords: Any) -> None:
        """As `PopulationModel`, for a number of days at most; bookings reach `ahead` days further."""
        super().__init__(*args, follow_up_days=days + ahead, **keywords)
        self._before = days + GAP_DAYS
        self._admissions = Admissions(self.network, len(self.population))
        self.population["entry_day"] = -self._before
        self.population["last_review_day"] -= self._before
        self.population["calendar_shift_days"] += GAP_DAYS

    def entrance_to(self, network: CareNetwork) -> Entrance:
        """Everybody begins at home."""
        return Entrance(ENTERED_AT_HOME, np.full(len(self.population), home_of(network), np.int8))

    def step(self) -> None:
        """One day: nothing but life, observation and usual care."""
        self._begin_day()
        before_entry = Clock(self.clock.day - self._before)
        self.physiology.advance(self.population, before_entry)
        self.monitoring.observe(self.population, before_entry)
        self.care.treat(self.population, self.clock)
        reviewed = self.population["last_review_day"]
        reviewed[reviewed >= 0] -= self._before  # care's clock counts from the first day lived
        self._admissions.read(self.events, self.lived)
        self._end_day()

    @property
    def lived(self) -> int:
        """Days lived so far."""
        return self.clock.day

    @property
    def admissions(self) -> Admissions:
        """Admissions so far and today."""
        return self._admissions

    @property
    def care_system(self) -> CareSystem:
        """The network of usual care."""
        assert isinstance(self.care, CareSystem)
        return self.care

    def classes(self) -> NDArray[np.int8]:
        """Class of the setting where each twin is or waits (codes.CLASS_*), -1 for the dead."""
        of_setting = np.array([CLASS_NAMES.index(setting.setting_class) for setting in self.network.settings], np.int8)
        setting = self.population["setting"]
        return np.where(setting >= 0, of_setting[setting], np.int8(NOWHERE))

    def leaving(self, rows: NDArray[np.int64], after_index: bool = False) -> tuple[Population, NDArray[np.int32]]:
        """Some twins as they are now, for another model's day 0, and how often they have used each setting.

        With `after_index`, the latest admission is the index admission, which is not part of their history.
        """
        people, known = self.population.chosen(rows), self._admissions
        number, last = (
            (known.heart_failure_before, known.last_before) if after_index else (known.heart_failure, known.last)
        )
        people["heart_failure_admissions_before"] = np.minimum(number[rows], MAX_ADMISSIONS)
        people["days_since_heart_failure_admission"] = np.minimum(self.lived - last[rows], NO_ADMISSION_DAYS)
        people["entry_day"] = 0
        people["calendar_shift_days"] += self.lived - self._before
        since = people["last_review_day"] + np.float32(self._before - self.lived)
        people["last_review_day"] = np.maximum(since, -LONGEST_MEMORY_DAYS)
        for name in ("onset", "shock_onset", *(column.name for column in VALUATION_COLUMNS)):
            people[name] = 0
        return people, self.care_system.arrays.uses[rows].copy()
