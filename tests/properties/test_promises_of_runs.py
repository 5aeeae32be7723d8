"""Promises about whole runs of the flagship experiment: the same content however the work is spread, in any memory."""

import subprocess
import sys
from pathlib import Path

import pytest

from popsim.runs.engine import Engine
from popsim.runs.runner import run_study
from popsim.runs.store import UnitStore
from popsim.studies.design import Change, read_study

ROOT = Path(__file__).parents[2]
EXPERIMENT = ROOT / "experiments/heart_failure_discharge.toml"
SMALL = {"population": 120, "regions": 3, "draws": 0, "replications": 1, "follow_up_days": 25, "enrolment_days": 5}
ENGINES = [
    *(Engine(workers, threads) for workers in (1, 2, 7) for threads in (1, 2)),
    *(Engine(workers, 1, "dask") for workers in (1, 2)),
]


def study():
    return read_study(EXPERIMENT, {key: Change(f"--{key}", value) for key, value in SMALL.items()})


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """Content of the run by one process on one thread."""
    return run_study(study(), tmp_path_factory.mktemp("one"), Engine(1, 1)).content_hash


@pytest.mark.slow
def test_the_order_of_regions_and_two_threads_do_not_matter(tmp_path, expected):
    with UnitStore(tmp_path / "heart_failure_discharge").opened():  # another runner: ours begins with the last unit
        assert run_study(study(), tmp_path, Engine(1, 2)).content_hash == expected


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: f"{e.kind}-{e.workers}x{e.threads}")
def test_the_engine_does_not_matter(tmp_path, expected, engine):
    result = run_study(study(), tmp_path, engine)
    assert (result.computed, result.content_hash) == (9, expected)


PEAK = """
import resource, sys
from pathlib import Path
from popsim.studies.design import Change, read_study
from popsim.runs.engine import Engine
from popsim.runs.runner import run_study
values = dict(population=int(sys.argv[2]), regions=int(sys.argv[3]), draws=0, replications=1, follow_up_days=10,
              entry="as_described", run_in_days=0)
study = read_study(sys.argv[1], {key: Change(key, value) for key, value in values.items()})
run_study(study, Path(sys.argv[4]), Engine(1, 1))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def peak(population, regions, folder):
    """Bytes of a process that runs the experiment from nothing to its tables."""
    command = [sys.executable, "-c", PEAK, EXPERIMENT, str(population), str(regions), folder]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.slow
def test_memory_depends_on_the_size_of_a_region_not_on_the_population(tmp_path):
    """Eight regions of 25,000 twins take little more than one, and all of them in one region far more."""
    peak(100, 1, tmp_path / "compiled")
    one = peak(25_000, 1, tmp_path / "one")
    eight = peak(200_000, 8, tmp_path / "eight")
    whole = peak(200_000, 1, tmp_path / "whole")
    assert eight - one < (whole - one) / 2
