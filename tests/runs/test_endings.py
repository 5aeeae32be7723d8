"""Commands as processes: how they end when all is well, when they are told to, and when memory is short."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from flagship import AS_DESCRIBED as MAIN
from flagship import ROOT

SMALL = ["--population", "20", "--draws", "0", "--days", "1", "--enrolment-days", "0", "--quiet"]
SPIN = "while True: pass"


def command(out, *flags, replications=1):
    sizes = [*SMALL, "--replications", str(replications)]
    return [sys.executable, "-m", "popsim.cli", "run", str(MAIN), *sizes, "--out", str(out), *flags]


@pytest.fixture
def busy_machine():
    """Twice as many processes that spin as there are cores."""
    spinning = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(2 * (os.cpu_count() or 1))]
    yield
    for process in spinning:
        process.kill()
        process.wait()


def processor_seconds_after_the_last_line(arguments, **variables):
    """What a command that succeeds takes after it has printed its results, however busy the machine is."""
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, env=os.environ | variables, text=True) as process:
        assert "content hash" in process.stdout.readline()
        main = psutil.Process(process.pid)
        workers = [worker.cpu_times() for worker in main.children(recursive=True)]
        before = sum(main.cpu_times()[:4]) + sum(sum(times[:2]) for times in workers)  # [2:4]: of workers that ended
        for _ in range(6000):
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            time.sleep(0.02)
        else:
            process.kill()
        process.returncode = 0
    assert (ended, status) == (process.pid, 0)
    return usage.ru_utime + usage.ru_stime - before


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["default", pytest.param("tbb", marks=pytest.mark.slow)])
def test_a_command_ends_when_its_results_are_printed(layer, tmp_path, busy_machine):
    """Also where somebody asks for TBB, with which processes have spun for minutes at exit."""
    flags = ("--workers", "1", "--threads", "2")
    assert processor_seconds_after_the_last_line(command(tmp_path, *flags), NUMBA_THREADING_LAYER=layer) < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("trial", range(10))
def test_commands_end_again_and_again(trial, tmp_path, busy_machine):
    flags = ("--workers", str(1 + trial % 2), "--threads", str(1 + trial // 2 % 2))
    assert processor_seconds_after_the_last_line(command(tmp_path, *flags, replications=2)) < 0.5


LAYER = """
import concurrent.futures, numba
from popsim.care.network import CareNetwork
from popsim.definitions.experiment import ExperimentDefinition
from popsim.kernels.numerics.random import RandomKey
from popsim.simulation.model import PopulationModel
from popsim.population.sampling import CohortSource, sample
from popsim.simulation.schema import SCHEMA
network = CareNetwork.read("experiments/networks/heart_failure_catchment.toml", SCHEMA.columns)
strategy = ExperimentDefinition.read("experiments/heart_failure_discharge.toml").strategies[0]
cohort = CohortSource.read("cohorts/heart_failure_discharge.toml")
def cost(_):
    people = sample(cohort, SCHEMA, 500, RandomKey(1))
    model = PopulationModel(people, network, strategy, seed=1, follow_up_days=5)
    model.run_for(5)
    return float(model.population["qaly"].sum())
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    print(len(set(pool.map(cost, range(8)))), numba.threading_layer())
"""


@pytest.mark.slow
def test_models_run_in_python_threads_whatever_layer_is_asked_for():
    """numba's work queue would abort the process."""
    environment = os.environ | {"NUMBA_THREADING_LAYER": "workqueue"}
    script = [sys.executable, "-c", LAYER]
    done = subprocess.run(script, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["1", "omp"], done.stderr


@pytest.mark.parametrize(
    ("number", "word"), [(signal.SIGTERM, "terminated"), (signal.SIGHUP, "the terminal was closed")]
)
def test_a_signal_ends_a_run_with_one_line_and_leaves_nothing(number, word, tmp_path):
    arguments = command(tmp_path, "--workers", "1", replications=500)
    before = signal.signal(number, signal.SIG_DFL)  # a test under nohup would pass on that it is ignored
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    signal.signal(number, before)
    with process:
        while process.poll() is None and not list(tmp_path.glob("*/units/*.zip")):
            time.sleep(0.05)
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (128 + number, "")
    assert err == f"popsim: {word}; the same command goes on from here\n"
    assert not list(tmp_path.glob("*/units/.*"))
    assert not list(tmp_path.glob("*/quarantine"))


@pytest.mark.parametrize(("gib", "workers"), [(0.5, "1"), (1.0, "2")])
def test_a_limit_on_memory_is_told_in_one_line(gib, workers, tmp_path):
    limited = ["bash", "-c", f'ulimit -v {int(gib * 2**20)}; exec "$@"', "bash"]
    arguments = [*limited, *command(tmp_path, "--workers", workers)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"popsim: a process may use only {gib:.1f} GiB of memory here (ulimit -v, ulimit -d): popsim needs 2 GiB or "
        "more, most of it reserved only"
    ]
