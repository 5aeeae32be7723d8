"""How long a registry of twins takes: one reading of one twin, and a day of readings of very many."""

from __future__ import annotations

import tempfile
import time
from itertools import count
from pathlib import Path

from benchmarks.measuring import Section, alternate
from popsim.population.cohort import CohortSource
from popsim.registry.record import Person
from popsim.registry.service import TwinRegistry

COHORT = Path(__file__).parents[1] / "cohorts" / "heart_failure_discharge.toml"
HEADER = "time,code,value,unit,twin\n"
A_DAY = (("29463-7", 80.0, "kg"), ("8480-6", 122.0, "mm[Hg]"), ("8867-4", 70.0, "/min"))


class Days:
    """A registry whose twins get readings day by day.

    Args:
        folder: for its file.
        twins, members: how many of each.
        readings: (code, value, unit) of each twin on each day.
    """

    def __init__(self, folder: Path, twins: int, members: int, readings: tuple[tuple[str, float, str], ...]) -> None:
        self.registry = TwinRegistry(folder / f"{twins}.db", create=True)
        persons = [Person({"age_years": 60.0 + k % 30, "female": float(k % 2)}, ()) for k in range(twins)]
        self.ids = self.registry.new(persons, CohortSource.read(COHORT), members=members)
        self._readings, self._days = readings, count(1)

    def live(self) -> float:
        """Take in one more day; seconds."""
        day = next(self._days)
        lines = [
            f"{day}.3,{code},{value + day % 3},{unit},{twin}\n"
            for twin in self.ids
            for code, value, unit in self._readings
        ]
        raw = (HEADER + "".join(lines)).encode()
        start = time.perf_counter()
        self.registry.update(raw, "day.csv")
        return time.perf_counter() - start


def sections(quick: bool, turns: int) -> list[Section]:
    """Both questions; in a temporary folder, on whatever disk that lies."""
    many = 1_000 if quick else 10_000
    with tempfile.TemporaryDirectory() as name:
        one, all_of_them = Days(Path(name), 1, 100, A_DAY[:1]), Days(Path(name), many, 32, A_DAY)
        for days in (one, all_of_them):
            days.live()  # the first day compiles
        return [
            Section(
                "One reading of one twin of 100 members, milliseconds",
                "ms",
                alternate({"update": one.live}, 20 * turns),
                scale=1e-3,
            ),
            Section(
                f"A day of three readings of {many:,} twins of 32 members, seconds",
                "s",
                alternate({"update": all_of_them.live}, turns),
            ),
        ]
