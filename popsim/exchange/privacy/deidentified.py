"""What a de-identification did, in words: the method, what was kept and left out, and what remains to be judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from popsim.exchange.privacy.calendar import SAFE_HARBOR
from popsim.exchange.privacy.values import Values

IN_WORDS = {
    "year": "to the year",
    "relative": "to days from the person's first date, which is written as 2000-01-01",
    "shifted": "shifted by a random number of days per person, which nobody kept",
}
KINDS = (  # of 45 CFR 164.514(b)(2)(i), and what is done with each
    ("A", "names", "left out"),
    ("B", "places smaller than a state", "left out; ZIP codes to three digits, 000 where 20,000 people or fewer live"),
    ("C", "dates but the year, ages over 89", "{dates}; ages over 89, and birth years that tell one, as 90 or older"),
    ("D", "telephone numbers", "left out"),
    ("E", "fax numbers", "left out"),
    ("F", "e-mail addresses", "left out"),
    ("G", "social security numbers", "left out"),
    ("H", "medical record numbers", "new random numbers, derived from nothing"),
    ("I", "health plan numbers", "left out"),
    ("J", "account numbers", "left out"),
    ("K", "certificate and licence numbers", "left out"),
    ("L", "vehicles' numbers", "left out"),
    ("M", "devices' numbers", "left out"),
    ("N", "web addresses", "left out"),
    ("O", "IP addresses", "left out"),
    ("P", "biometric identifiers", "left out"),
    ("Q", "photographs", "left out"),
    ("R", "any other unique number or code, hashes too", "left out; numbers of more than six digits, too"),
)


@dataclass(frozen=True)
class Deidentified:
    """A finished de-identification.

    Attributes:
        kind: fhir, omop or table.
        written: how many resources or rows, by their type or table.
        values: with the counts of what was kept and left out.
        persons: of each person what the output says that others may know, for the report.
        zip_source: where the sizes of areas are from.
    """

    kind: str
    written: Mapping[str, int]
    values: Values
    persons: Mapping[str, Mapping[str, Any]]
    zip_source: str

    @property
    def safe_harbor(self) -> bool:
        """Whether the way that dates were written passes Safe Harbor."""
        return self.values.calendar.mode in SAFE_HARBOR

    def text(self) -> str:
        """What the command prints."""
        wrote = ", ".join(f"{count:,} {name}" for name, count in sorted(self.written.items()))
        left = [f"  left out: {count:,} {why}" for why, count in sorted(self.values.left_out.items()) if count]
        return "\n".join([f"Written: {wrote or 'nothing'}.", *left, self.judgement()])

    def judgement(self) -> str:
        """Whether the output passes Safe Harbor, in one line."""
        dates = IN_WORDS[self.values.calendar.mode]
        if self.safe_harbor:
            known = "if nobody knows that the rest names anybody"
            return f"Dates {dates}: passes Safe Harbor (45 CFR 164.514(b)(2)), {known}."
        return f"Dates {dates}: does NOT pass Safe Harbor; it needs an expert's determination (45 CFR 164.514(b)(1))."

    def report(self) -> str:
        """The report, as Markdown."""
        dates = IN_WORDS[self.values.calendar.mode]
        rows = [f"| {letter} | {name} | {done.format(dates=dates)} |" for letter, name, done in KINDS]
        counts = [f"| {why} | {count:,} |" for why, count in sorted(self.values.left_out.items()) if count]
        own = "\nThe list of columns is the user's own: a 'category' keeps the words that it lists." * (
            self.kind == "table"
        )
        return "\n".join(
            [
                "# De-identification",
                "",
                f"Made by popsim deidentify from {'a table' if self.kind == 'table' else self.kind.upper()}. "
                + self.judgement(),
                f"Areas' sizes: {self.zip_source}.{own}",
                "",
                "| 45 CFR 164.514(b)(2)(i) | kind | what was done |",
                "| --- | --- | --- |",
                *rows,
                "",
                "Written: "
                + (", ".join(f"{count:,} {name}" for name, count in sorted(self.written.items())) or "nothing"),
                "",
                "| left out | number |",
                "| --- | --- |",
                *counts,
            ]
        )
