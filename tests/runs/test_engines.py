import contextlib
import multiprocessing
import os
import socket
import ssl
from collections import Counter
from pathlib import Path

import made_up_work as work
import psutil
import pytest
from interrupting import interrupted

from popsim.runs.executors.cluster import DaskCluster, dask_client
from popsim.runs.executors.local import LocalProcesses, processes_kept
from popsim.runs.executors.serial import SerialExecutor

KEYS = "abcde"
TRIES = 3


@pytest.fixture
def pieces(tmp_path):
    return [work.Piece(key, tmp_path) for key in KEYS]


def local(do, deadline=float("inf")):
    return LocalProcesses(do, 2, work.nothing, deadline)


def outcomes(executor, pieces):
    """Every outcome of every piece, each tried up to three times: the plainest foreman there is."""
    waiting, tries, found = list(pieces), Counter(), []
    with executor:
        while waiting or executor.busy:
            while waiting and executor.room:
                waiting.remove(task := executor.choice(waiting))
                executor.submit(task)
            for outcome in executor.outcomes():
                found.append(outcome)
                tries[outcome.task.key] += 1
                if outcome.problem and tries[outcome.task.key] < TRIES:
                    waiting.append(outcome.task)
        assert not executor.busy
    return found


def test_a_process_goes_on_with_what_shares_its_last_task(tmp_path):
    """Five groups of four in turn: each is done by one process, but for those that are left when others are done."""
    pieces = [work.Piece(f"{group}{number}", tmp_path) for number in range(4) for group in "abcde"]
    found = outcomes(local(work.own_process), pieces)
    assert len(found) == len(pieces)
    assert len({(outcome.task.shares, outcome.result) for outcome in found}) <= 5 + 1


def test_idle_processes_go_on_with_the_work_of_the_next_executor_and_leave_at_the_end(pieces):
    """Also the next after one whose process was killed, and none where work failed for good."""
    with processes_kept():
        first, second = ({one.result for one in outcomes(local(work.own_process), pieces)} for _ in range(2))
        assert second <= first and all(map(alive, first))
        assert problems(outcomes(local(work.leave_mark), pieces)) == dict.fromkeys(KEYS, "")
        assert problems(outcomes(local(work.die_once_more), pieces)) == dict.fromkeys(KEYS, "")
        with pytest.raises(KeyError), local(work.own_process) as executor:
            executor.submit(pieces[0])
            raise KeyError
    assert not any(map(alive, first | second))
    assert not multiprocessing.active_children()


def problems(found):
    """Text of the last problem of every job; empty when it was done."""
    return {outcome.task.key: outcome.problem.text if outcome.problem else "" for outcome in found}


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("executor", [SerialExecutor, local])
def test_every_job_is_done_once_and_its_result_comes_back(pieces, executor):
    found = outcomes(executor(work.leave_mark), pieces)
    assert problems(found) == dict.fromkeys(KEYS, "")
    assert {outcome.task.key: outcome.result for outcome in found} == {key: f"mark of {key}" for key in KEYS}
    assert [len(work.marks(piece)) for piece in pieces] == [1] * 5
    processes = {mark.name.split("-")[1] for piece in pieces for mark in work.marks(piece)}
    assert (processes == {str(os.getpid())}) == (executor is SerialExecutor)
    assert 1 <= len(processes) <= 2


def test_a_killed_worker_is_replaced_and_its_job_done(pieces):
    assert problems(outcomes(local(work.die_once), pieces)) == dict.fromkeys(KEYS, "")
    assert len(work.marks(pieces[1])) == 2


@pytest.mark.slow
def test_a_job_that_kills_its_workers_does_not_keep_others_from_theirs(pieces):
    found = problems(outcomes(local(work.always_die), pieces))
    assert found.pop("b") == "its process ended with code -9"
    assert found == dict.fromkeys("acde", "")
    assert len(work.marks(pieces[1])) == TRIES


@pytest.mark.slow
def test_a_stopped_worker_is_killed_at_the_deadline_and_replaced(pieces):
    found = outcomes(local(work.stop_at_b, deadline=1.0), pieces)
    texts = problems(found)
    assert texts.pop("b") == "no result within its deadline of 1 s"
    assert texts == dict.fromkeys("acde", "")
    assert sum(outcome.task.key == "b" for outcome in found) == TRIES
    assert not any(alive(int(mark.name.split("-")[1])) for mark in work.marks(pieces[1]))


@pytest.mark.parametrize("executor", [SerialExecutor, local])
def test_an_error_is_one_line_with_its_place_and_traceback(pieces, executor):
    found = {outcome.task.key: outcome.problem for outcome in outcomes(executor(work.fail), pieces)}
    assert found["b"].text.startswith("ValueError: two lines (made_up_work.py:")
    assert "ValueError: two\nlines" in found["b"].trace
    assert not found["b"].disk_full
    assert found["c"].disk_full
    assert found["a"] is found["d"] is found["e"] is None


def test_leaving_early_ends_the_workers_at_once(pieces, tmp_path):
    interrupted(lambda: outcomes(local(work.sleep), pieces), tmp_path, within=10)


@pytest.fixture(scope="module")
def dask():
    """A client of our own cluster of two, and the loopback ports on which its processes listen."""
    pytest.importorskip("cryptography")
    with dask_client("", 2) as client:
        pids = {os.getpid(), *client.run(os.getpid).values()}
        found = [one for pid in pids for one in psutil.Process(pid).net_connections("inet")]
        yield client, [one.laddr for one in found if one.status == psutil.CONN_LISTEN]


@pytest.mark.slow
def test_a_dask_cluster_of_our_own_listens_on_loopback_only_and_survives_its_workers(pieces, dask):
    client, listening = dask
    assert len(listening) >= 3  # scheduler and two workers
    assert {address.ip for address in listening} == {"127.0.0.1"}
    found = outcomes(DaskCluster(client, work.leave_mark), pieces)
    assert {outcome.task.key: outcome.result for outcome in found} == {key: f"mark of {key}" for key in KEYS}
    assert problems(outcomes(DaskCluster(client, work.die_once_more), pieces)) == dict.fromkeys(KEYS, "")
    failed = problems(outcomes(DaskCluster(client, work.fail), pieces))
    assert failed["b"].startswith("ValueError: two lines (made_up_work.py:")


def answer(address, context=None):
    """What a server says to an HTTP request, in the clear or by TLS."""
    with socket.create_connection(address, timeout=5) as plain:
        connection = context.wrap_socket(plain) if context else plain
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return connection.recv(1000)


@pytest.mark.slow
def test_a_dask_cluster_of_our_own_answers_nobody_without_its_key(dask):
    from distributed import Client, Security  # noqa: PLC0415  (an extra)

    client, listening = dask
    for address in listening:
        with contextlib.suppress(OSError):  # refused, cut off, or silent
            assert answer(tuple(address)) == b""
        stranger = Security.temporary().get_connection_args("client")["ssl_context"]
        stranger.check_hostname, stranger.verify_mode = False, ssl.CERT_NONE
        with contextlib.suppress(OSError):
            assert answer(tuple(address), stranger) == b""
    where = client.scheduler.address
    assert where.startswith("tls://127.0.0.1:")
    for address, security in ((where.replace("tls", "tcp"), None), (where, Security.temporary())):
        with pytest.raises((OSError, TimeoutError)):
            Client(address, security=security, timeout=2)


@pytest.mark.slow
def test_a_hung_dask_worker_is_restarted_at_the_deadline(pieces):
    pytest.importorskip("cryptography")
    with dask_client("", 2) as client:
        texts = problems(outcomes(DaskCluster(client, work.stop_at_b, deadline=3.0), pieces))
    assert texts.pop("b") == "no result within its deadline of 3 s"
    assert texts == dict.fromkeys("acde", "")
