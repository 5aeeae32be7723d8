import os
import threading
import time

import made_up_work as work
import pytest

from popsim.experiments.workers import TRIES, run_here, run_in_workers

KEYS = "abcde"


@pytest.fixture
def pieces(tmp_path):
    return [work.Piece(key, tmp_path) for key in KEYS]


def problems(outcomes):
    return {outcome.job.key: outcome.problem for outcome in outcomes}


def test_every_job_is_done_once(pieces):
    assert problems(run_in_workers(pieces, work.leave_mark, 2, work.nothing)) == dict.fromkeys(KEYS, "")
    assert [len(work.marks(piece)) for piece in pieces] == [1] * 5
    processes = {mark.name.split("-")[1] for piece in pieces for mark in work.marks(piece)}
    assert str(os.getpid()) not in processes
    assert 1 <= len(processes) <= 2


def test_in_this_process(pieces):
    assert problems(run_here(pieces, work.leave_mark)) == dict.fromkeys(KEYS, "")
    assert {mark.name.split("-")[1] for piece in pieces for mark in work.marks(piece)} == {str(os.getpid())}


def test_a_killed_worker_is_replaced_and_its_job_done(pieces):
    assert problems(run_in_workers(pieces, work.die_once, 2, work.nothing)) == dict.fromkeys(KEYS, "")
    assert len(work.marks(pieces[1])) == 2


def test_a_job_that_kills_three_workers_is_given_up_and_the_others_finish(pieces):
    found = problems(run_in_workers(pieces, work.always_die, 2, work.nothing))
    assert found.pop("b") == "its process ended with code -9"
    assert found == dict.fromkeys("acde", "")
    assert len(work.marks(pieces[1])) == TRIES == 3


@pytest.mark.parametrize("engine", [run_here, lambda jobs, do: run_in_workers(jobs, do, 2, work.nothing)])
def test_errors_are_one_line_and_only_the_outside_world_is_tried_again(pieces, engine):
    found = problems(engine(pieces, work.fail))
    assert found.pop("b").startswith("ValueError: two lines (made_up_work.py:")
    assert "No space left on device" in found.pop("c")
    assert found == dict.fromkeys("ade", "")
    assert len(work.marks(pieces[1])) == 1
    assert len(work.marks(pieces[2])) == TRIES


def test_leaving_early_ends_the_workers_at_once(pieces, tmp_path):
    began = time.monotonic()

    def interrupt():
        while not list(tmp_path.glob("a-*")):
            time.sleep(0.02)
        os.kill(os.getpid(), 2)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        list(run_in_workers(pieces, work.sleep, 2, work.nothing))
    assert time.monotonic() - began < 10  # each job alone would take 60 s
    for mark in tmp_path.iterdir():
        with pytest.raises(ProcessLookupError):
            os.kill(int(mark.name.split("-")[1]), 0)
