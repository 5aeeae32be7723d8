"""One person's life, told and drawn in a process of its own: the person's replication is simulated again."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from html import escape
from pathlib import Path

import polars as pl

from popsim.errors import InputError
from popsim.exchange.privacy.gate import allow_persons
from popsim.runs.run import StoredRun

LISTED = 10


def life_html(folder: Path, person: int, strategy: str) -> str:
    """The course of a person of the first replication under a strategy, in words and as a figure.

    Raises:
        InputError: there is no such person or strategy, or popsim has changed since the run.
    """
    from popsim.reporting.figures import twin_trajectory  # noqa: PLC0415
    from popsim.reporting.pages.page import image  # noqa: PLC0415
    from popsim.reporting.text.explanation import person_text  # noqa: PLC0415

    run = StoredRun.open(folder)
    head, *lines = person_text(run, person, strategy).splitlines()
    told = "".join(f"<li>{escape(line.strip())}</li>" for line in lines if line.strip())
    figure = image(twin_trajectory(run, person, strategy))
    return f'<h4>{escape(head)}</h4><figure>{figure}</figure><ol class="story">{told}</ol>'


def notable_persons(run: StoredRun) -> list[tuple[int, str]]:
    """Persons of the first replication worth a look: who gains and loses most, and who is admitted most often.

    Nobody where single persons may not be shown.
    """
    if "persons" not in run.tables:
        return []
    try:
        allow_persons(run, "a person's life")
    except InputError:
        return []
    base = run.rows_of("persons", run.comparator)
    found: dict[int, str] = {}
    for name, title in run.strategies.items():
        if name == run.comparator:
            continue
        theirs = run.rows_of("persons", name).select("person_id", other="qaly")
        gain = base.join(theirs, on="person_id").with_columns(gain=pl.col("other") - pl.col("qaly"))
        gain = gain.filter(pl.col("gain").abs() > 1e-9).sort("gain", "person_id")
        for row in (*gain.head(3).iter_rows(named=True), *gain.tail(3).iter_rows(named=True)):
            word = "gains" if row["gain"] > 0 else "loses"
            found.setdefault(row["person_id"], f"{word} {abs(row['gain']):.2f} QALYs under {title.lower()}")
    for row in base.sort("admissions", "person_id", descending=[True, False]).head(3).iter_rows(named=True):
        found.setdefault(
            row["person_id"], f"admitted {row['admissions']} times under {run.strategies[run.comparator].lower()}"
        )
    return list(found.items())[: 2 * LISTED]


class LifeTeller:
    """A process that simulates persons again, made when it is first needed and again if it dies."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    @property
    def pool(self) -> ProcessPoolExecutor:
        """The process."""
        if self._pool is None or getattr(self._pool, "_broken", False):
            self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
        return self._pool

    def close(self) -> None:
        """End the process."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
