"""What a measure is: a figure that a study reports of every strategy, what people call it and how it is written.

A measure is declared once, by the module that computes it; studies/measures.py gathers all. Every table, figure and
page takes label, unit and digits from the declaration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# Decimals of a number, by its unit; the currency is that of the experiment.
DIGITS = {
    "%": 1, "% points": 1, "per person-year": 2, "per person": 2, "per admission": 2, "per day": 1, "days": 1,
    "hours": 1, "people": 1, "places": 1, "number": 1, "person-years": 1, "{currency}": 0, "years": 3, "QALYs": 3,
    "DALYs": 3, "ratio": 3,
}  # fmt: skip


type Better = Literal["higher", "lower", "neither"]
type Each = Literal["", "ward", "emergency", "limited", "fifth", "year"]


@dataclass(frozen=True, slots=True)
class OutcomeMeasure:
    """A measure, or a family of them.

    Attributes:
        name: as in measures.parquet; `*` stands for each of what `each` says.
        label: what people call it; it may hold the unit.
        unit: a key of DIGITS; what has % is stored as a share.
        meaning: in one line.
        better: which way is better for people or payer.
        short: its label in a table whose heading says the rest.
        each: of what the family has one measure each: a setting with that kind of places, a fifth of deprivation (1 to
            5, most deprived first) or a year since entry.
        horizon: what is counted: the days of follow-up, or also what a death in them loses of a lifetime.
    """

    name: str
    label: str
    unit: str
    meaning: str
    better: Better = "neither"
    short: str = ""
    each: Each = ""
    horizon: Literal["follow-up", "lifetime"] = "follow-up"

    @property
    def digits(self) -> int:
        """Decimals of a number as it is written."""
        return DIGITS[self.unit]

    @property
    def factor(self) -> float:
        """From a value to the number that is written."""
        return 100.0 if self.unit.startswith("%") else 1.0

    @property
    def sign(self) -> int:
        """That makes more of it better."""
        return -1 if self.better == "lower" else 1

    def title(self, currency: str = "currency") -> str:
        """The label with its unit, which is added where the label does not say it."""
        unit = self.unit.format(currency=currency)
        said = unit in ("number", "ratio") or unit.lower() in self.label.lower()
        return self.label if said else f"{self.label}, {unit}"

    def within(self, currency: str = "currency") -> str:
        """The label under a heading that says the rest."""
        return self.short or self.title(currency)

    def member(self, name: str) -> str:
        """What a measure of the family is of: the name of a setting, "fifth 1", "year 2"."""
        head, _, tail = self.name.partition("*")
        which = name.removeprefix(head).removesuffix(tail)
        return f"{self.each} {which}" if self.each in ("fifth", "year") else which
