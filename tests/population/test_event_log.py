"""The event log: room grows without losing events, frames name codes and can leave kinds out."""

import numpy as np
import polars as pl

from popsim.kernels.codes import DEATH, ENTER, START, VISIT
from popsim.population.event_log import EventLog


def filled(capacity: int, kinds: list[int]) -> EventLog:
    log = EventLog(["home", "ward"], np.array([70, 71, 72]), capacity)
    for number, kind in enumerate(kinds):
        log.ensure_room(1)
        log.records[log.size] = (number / 2, number % 3, kind, number % 2 if kind == START else -1, 0, 0)
        log.size += 1
    return log


KINDS = [ENTER, START, START, VISIT, DEATH] * 20


def test_growing_loses_nothing():
    small, large = filled(1, KINDS), filled(1000, KINDS)
    assert len(small) == len(KINDS)
    assert small.frame().equals(large.frame())


def test_codes_have_names():
    frame = filled(8, KINDS[:5]).frame()
    assert frame["event"].to_list() == ["enter", "start", "start", "visit", "death"]
    assert frame["setting"].to_list() == [None, "ward", "home", None, None]
    assert frame["person_id"].to_list() == [70, 71, 72, 70, 71]
    assert frame["time_days"].to_list() == [0.0, 0.5, 1.0, 1.5, 2.0]


def test_kinds_can_be_left_out():
    log = filled(8, KINDS)
    some = log.frame(kinds=[DEATH, VISIT])
    assert some.equals(log.frame().filter(log.frame()["event"].cast(pl.String).is_in(["death", "visit"])))
    assert len(some) == 40


def test_the_lazy_frame_is_the_frame(monkeypatch):
    monkeypatch.setattr("popsim.population.event_log.CHUNK", 7)  # many pieces
    log = filled(8, KINDS)
    assert log.lazy().collect().equals(log.frame())
    deaths = pl.col("event") == "death"
    assert (
        log.lazy().filter(deaths).select("person_id").collect().equals(log.frame().filter(deaths).select("person_id"))
    )
    assert log.lazy().head(10).collect().equals(log.frame().head(10))
