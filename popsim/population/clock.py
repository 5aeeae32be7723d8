"""The clock: the number of steps so far and their length."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Clock:
    """Simulated time. `day` counts whole steps from 0; one step lasts `step_days` days."""

    day: int = 0
    step_days: float = 1.0

    @property
    def time_days(self) -> float:
        """Days since the start."""
        return self.day * self.step_days

    def tick(self) -> None:
        """Advance by one step."""
        self.day += 1
