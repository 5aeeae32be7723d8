"""Cheap pieces of work for the tests of workers, store and runner, in a module that worker processes can import."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from popsim.errors import InputError
from popsim.runs.warm_up import hospital_columns

STRATEGIES = ("usual", "other")


@dataclass(frozen=True)
class Piece:
    """A piece of work that leaves a mark in a folder each time it is tried."""

    key: str
    folder: Path

    @property
    def shares(self):
        return self.key[0]

    @property
    def name(self):
        return f"piece {self.key}"


def marks(piece):
    return list(piece.folder.glob(f"{piece.key}-*"))


def leave_mark(piece):
    (piece.folder / f"{piece.key}-{os.getpid()}-{time.monotonic_ns()}").touch()
    return f"mark of {piece.key}"


def own_process(piece):
    """Long enough for another process to have started meanwhile."""
    time.sleep(0.05)
    return os.getpid()


def die_once(piece):
    """The first worker that gets "b" is killed, as if the system had run out of memory."""
    first = piece.key == "b" and not marks(piece)
    leave_mark(piece)
    if first:
        os.kill(os.getpid(), signal.SIGKILL)


def die_once_more(piece):
    """As `die_once`, where each piece has left a mark before."""
    second = piece.key == "b" and len(marks(piece)) == 1
    leave_mark(piece)
    if second:
        os.kill(os.getpid(), signal.SIGKILL)


def stop_at_b(piece):
    """A process that is there and does nothing, as when its machine has run out of memory and swaps."""
    leave_mark(piece)
    if piece.key == "b":
        os.kill(os.getpid(), signal.SIGSTOP)


def always_die(piece):
    leave_mark(piece)
    if piece.key == "b":
        os.kill(os.getpid(), signal.SIGKILL)


def fail(piece):
    leave_mark(piece)
    if piece.key == "b":
        raise ValueError("two\nlines")
    if piece.key == "c":
        raise OSError(28, "No space left on device")


def refuse(piece):
    leave_mark(piece)
    raise InputError(f"{piece.key}: too few people")


def sleep(piece):
    leave_mark(piece)
    time.sleep(60)


def nothing():
    """What a worker does before its first job."""


def tables(unit):
    """The tables of a made-up unit: numbers that depend on strategy and replication only, after a short delay."""
    time.sleep(float(os.environ.get("POPSIM_TEST_DELAY", "0")))
    shift = 0.25 * STRATEGIES.index(unit.strategy.name) if unit.strategy.name in STRATEGIES else 0.0
    rng = np.random.default_rng(unit.random_key)
    values = rng.normal(size=50) + shift
    labels = {
        "strategy": pl.lit(unit.strategy.name),
        "draw": pl.lit(unit.draw, pl.Int32),
        "replication": pl.lit(unit.replication, pl.Int32),
        "region": pl.lit(unit.region, pl.Int32),
    }
    persons = pl.DataFrame({"person_id": np.arange(50), "value": values}).with_columns(**labels)
    measures = pl.DataFrame({"measure": ["cost_total", "qalys"], "value": [1000 + 100 * shift, float(values.mean())]})
    measures = measures.with_columns(weight=pl.lit(50.0))
    beds = dict.fromkeys(hospital_columns(unit.study.network), pl.lit(0))
    return {
        "persons": persons,
        "daily": persons.head(3).with_columns(day=pl.int_range(pl.len()), **beds),
        "admissions": persons.head(2).with_columns(admit_time_days=pl.lit(0.5), discharge_time_days=pl.lit(2.5)),
        "urgent_visits": persons.head(1),
        "measures": measures.select(*(label.alias(name) for name, label in labels.items()), pl.all()),
        "events": persons.head(5),
    }  # fmt: skip


def hangs_once(unit):
    """One unit never ends."""
    while unit.strategy.name == "other" and unit.replication == 1:
        time.sleep(1)
    return tables(unit)


def stopped_once(unit):
    """The process of one unit is stopped the first time."""
    mark = Path(os.environ["POPSIM_TEST_MARKS"]) / unit.key
    if unit.strategy.name == "other" and unit.replication == 1 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGSTOP)
    return tables(unit)
