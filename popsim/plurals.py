"""Numbers with their noun: 1 replication, 2 replications."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """A number, with separators of thousands, and its noun; `many` is `one` with an s unless it is given."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
