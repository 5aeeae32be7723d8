"""The memory that is said beforehand against the peak that the system counts, of driver and workers together."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from flagship import AS_DESCRIBED, SHIPPED

from popsim.runs.memory import needed_memory, needed_together, workers_that_fit
from popsim.studies.design import Change, read_study
from popsim.studies.unit import build


def peaks(pid):
    """Peak resident bytes of a process and its workers, by process, as far as they are alive."""
    found = {}
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return found
    for one in processes:
        try:
            status = Path(f"/proc/{one.pid}/status").read_text()
            kept = "VmHWM:" in status and "resource_tracker" not in " ".join(one.cmdline())
        except (OSError, psutil.Error):
            continue
        if kept:
            found[one.pid] = int(status.split("VmHWM:")[1].split()[0]) * 1024
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("experiment", "twins", "workers"),
    [
        *((AS_DESCRIBED, twins, workers) for twins, workers in ((1000, 1), (5000, 2), (20_000, 2), (50_000, 1))),
        (AS_DESCRIBED, 200_000, 1),
        (SHIPPED, 8000, 1),
    ],
)
def test_the_estimate_is_within_a_quarter_of_the_peak(experiment, twins, workers, tmp_path):
    once = ["--draws", "0", "--threads", "1", "--quiet"]
    command = [sys.executable, "-m", "popsim.cli", "run", str(experiment), *once]
    small = ["--population", "20", "--days", "5", "--replications", "1", "--workers", "1"]
    subprocess.run([*command, *small, "--out", str(tmp_path / "warm")], check=True)  # compiling takes memory of its own
    each = ["--population", str(twins), "--replications", str(workers), "--workers", str(workers)]
    found = {}
    with subprocess.Popen([*command, *each, "--out", str(tmp_path)]) as process:
        while process.poll() is None:
            found |= peaks(process.pid)
            time.sleep(0.05)
    assert process.returncode == 0
    past = read_study(experiment, {"population": Change("--population", twins)}).past_size
    assert needed_together(workers, twins, past=past) == pytest.approx(sum(found.values()), rel=0.25)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", range(3))
def test_a_twin_with_everything_takes_at_most_six_hundred_bytes_and_its_care_half_of_that(strategy):
    """All organ systems, drugs, signals and totals; the log, of 16 bytes an event, grows with what happens."""

    def held(twins):
        size = {"population": Change("--population", twins), "draws": Change("--draws", 0)}
        model = build(read_study(SHIPPED, size).units[strategy])
        care = sum(
            getattr(array, "nbytes", 0) for array in model.care._arrays._replace(log=0, reals=0, codes=0, counts=0)
        )
        return np.array([model.population.nbytes, care])

    columns, care = (held(1500) - held(1000)) / 500
    print(f"\n{columns:.0f} bytes of columns a twin, {care:.0f} of its place in care")
    assert columns <= 600
    assert care <= 300


def test_workers_need_as_much_each_and_the_driver_something(monkeypatch):
    def free(count):
        monkeypatch.setattr("popsim.runs.memory.free_memory", lambda: count)

    for workers in (1, 2, 7):
        free(needed_together(workers, 10_000))
        assert workers_that_fit(10_000) == workers
    free(needed_memory(10_000) - 1)
    assert workers_that_fit(10_000) == 1
    assert needed_memory(1000, days=3650) > needed_memory(1000)
