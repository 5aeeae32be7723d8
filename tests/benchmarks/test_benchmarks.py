"""The benchmark's candidates do the same work: otherwise their speeds could not be compared."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from slow_cases import with_slow

from benchmarks import care, closed_network, microsimulation, physiology, roofline, runner, warm_start
from benchmarks.closed_network import EMERGENCY_DAYS, HOME_DAYS, WARD_DAYS
from benchmarks.measuring import Row, alternate
from benchmarks.whole_run import PHASES, live
from popsim.kernels.physiology.heart_failure import advance_day
from popsim.population.clock import Clock
from popsim.runs.engine import Engine
from popsim.runs.runner import run_study

PEOPLE, BEDS, DAYS = 400, 19, 4000
NETWORKS = {
    "popsim": lambda seed: closed_network.PopsimNetwork(PEOPLE, BEDS, seed, DAYS + 200, keep_log=False),
    "popsim with log": lambda seed: closed_network.PopsimNetwork(PEOPLE, BEDS, seed, DAYS + 200, keep_log=True),
    "SimPy": lambda seed: closed_network.SimpyNetwork(PEOPLE, BEDS, seed),
    "Mesa": lambda seed: closed_network.MesaNetwork(PEOPLE, BEDS, seed),
    "heapq": lambda seed: closed_network.HeapNetwork(PEOPLE, BEDS, seed),
}


def expected() -> tuple[float, float]:
    """Mean beds taken and stays ended a day in equilibrium, of the closed network as a machine-repair model.

    Product form (Gordon and Newell 1967): n of N people at the ward have probability proportional to
    Z**(N - n) / (N - n)! * S**n / (product of min(k, c) for k = 1..n), where Z is the mean time outside the ward (at
    home and in the emergency department, both without queues) and S the mean stay.
    """
    outside = HOME_DAYS + EMERGENCY_DAYS
    log_weight = np.zeros(PEOPLE + 1)
    for n in range(1, PEOPLE + 1):
        step = math.log(WARD_DAYS / min(n, BEDS)) + math.log((PEOPLE - n + 1) / outside)
        log_weight[n] = log_weight[n - 1] + step
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    beds = float(weight @ np.minimum(np.arange(PEOPLE + 1), BEDS))
    return beds, 3.0 * beds / WARD_DAYS


@pytest.mark.parametrize("name", NETWORKS)
def test_every_simulator_runs_the_same_closed_network(name):
    """Stays a day and beds taken within 4 standard errors of theory, the errors from ten batches of the run."""
    network = NETWORKS[name](7)
    network.run(200)
    before, batches = network.ended, []
    for _ in range(10):
        network.run(DAYS // 10)
        batches.append((network.ended - before) / (DAYS // 10))
        before = network.ended
    beds, stays_a_day = expected()
    error = np.std(batches, ddof=1) / math.sqrt(10)
    assert error < 0.03 * stays_a_day
    assert np.mean(batches) == pytest.approx(stays_a_day, abs=4 * error)
    # Every ward stay takes five days of a bed: beds = a third of the stays a day times the mean stay.
    assert network.occupied == pytest.approx(beds, abs=4 * error / 3 * WARD_DAYS + 0.02 * beds)


def test_ciw_runs_the_same_open_network():
    """Beds taken in equilibrium are arrivals a day times the mean stay, 25; within 4 standard errors.

    The number present is about Poisson with a relaxation time of one stay, so the mean over T days has variance of
    about 2 * 25 * stay / T; here 1 % of it for 3,000 days of popsim, 1.8 % for 1,000 of Ciw.
    """
    for run, days in ((care.popsim_open, 3000), (care.ciw_open, 1000)):
        stays, _, beds = run(days)
        load = care.PER_DAY * care.WARD_DAYS
        assert beds == pytest.approx(load, abs=4 * math.sqrt(2 * load * care.WARD_DAYS / days))
        assert stays == pytest.approx(2 * care.PER_DAY * days, abs=4 * 2 * math.sqrt(care.PER_DAY * days))


def test_the_roofline_counts_the_columns_and_the_elementary_functions_of_a_twin_day():
    """Against the arrays that the loop is called with, those that change in a mixed day, and calls counted by hand.

    Besides effects of drugs, which are arrays, the loop reads 26 influences of organ systems.
    """
    work, (people, body) = physiology.work_of_a_twin_day(), physiology.settled(300)
    given = body.core._call.arguments(advance_day, people, body.influences)
    arrays = [value for value in given if isinstance(value, np.ndarray) and value.ndim == 1]
    assert work.read == sum(array.itemsize for array in arrays) + 26 * 4
    people["alive"], people["care_level"] = 1, np.arange(300) % 5
    body.influences.clear()
    before, changed = [array.copy() for array in arrays], np.zeros(len(arrays), np.bool_)
    for day in range(40):
        body.advance(people, Clock(day))
        changed |= [(array != old).any() for array, old in zip(arrays, before, strict=True)]
    assert work.written == sum(array.itemsize for array, one in zip(arrays, changed, strict=True) if one)
    # Shocks and events; salt of sound hearts, congestion, four modes of death, presentation, NT-proBNP, symptoms;
    # influences on infections, arrhythmia and other presentations.
    assert work.calls == {"uniforms": 2, "exp": 12}


def test_the_roofline_is_what_memory_and_functions_allow():
    work = roofline.Work(read=100, written=60, calls=Counter(exp=4, uniforms=2))
    assert work.by_memory(1.6e9) == pytest.approx(1e7)
    assert work.by_functions(1e9, 1e8) == pytest.approx(1e9 / (4 + 20))


@pytest.mark.parametrize("name", roofline.ELEMENTARY)
def test_elementary_functions_have_a_rate(name, monkeypatch):
    monkeypatch.setattr(roofline, "PER_TURN", 1)
    assert roofline.calls_a_second(name, 1)() > 0


@pytest.mark.parametrize("name", with_slow(microsimulation.CANDIDATES, lambda name: not name.startswith("popsim")))
def test_every_microsimulation_is_the_tutorial(name):
    """Means of 4,000 individuals within 4 standard errors of the exact expectation (Krijkamp 2018, Appendix A).

    Standard deviations of a person: cost 57,700 and 111,500, QALYs 5.0 and 5.1.
    """
    exact = ((75976.149, 15.838848), (141623.028, 16.400406))
    spread = ((57_700, 5.0), (111_500, 5.1))
    means = microsimulation.CANDIDATES[name](4000, 3)
    for strategy in range(2):
        for outcome in range(2):
            error = spread[strategy][outcome] / math.sqrt(4000)
            assert means[strategy][outcome] == pytest.approx(exact[strategy][outcome], abs=4 * error)


def test_turns_alternate():
    order = []

    def candidate(name):
        return lambda: float(order.append(name) or len(order))

    rows = alternate({"a": candidate("a"), "b": candidate("b")}, 2)
    assert order == ["a", "b", "a", "b"]
    assert rows == [Row("a", (1.0, 3.0)), Row("b", (2.0, 4.0))]
    assert rows[0].median == 2.0


@pytest.mark.slow
def test_a_whole_run_is_split_without_rest(tmp_path):
    result = live(300, 20, tmp_path)
    for seconds in (result["seconds"], result["wall"]):
        assert sum(seconds[phase] for phase in PHASES) == pytest.approx(seconds["total"], rel=0.05)
    assert result["logged"] > 300
    assert result["peak_bytes"] > 2**20


@pytest.mark.slow
def test_a_start_is_timed_step_by_step():
    assert set(warm_start.measure()) == set(warm_start.STEPS)


@pytest.mark.slow
def test_units_that_only_cost_what_the_runner_costs_are_stored(tmp_path):
    """Made by the benchmark's own work, in this process and in another, with the same content."""
    study = runner.study_of(replications=1)
    engines = [Engine(1, 1), Engine(1, 1, deadline=600.0)]
    found = [
        run_study(study, tmp_path / str(i), engine, simulate=runner.nothing, warm_up=lambda units: None)
        for i, engine in enumerate(engines)
    ]
    assert found[0].content_hash == found[1].content_hash
    assert [result.computed for result in found] == [3, 3]


def test_the_store_is_compared_on_the_same_work(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "SECONDS", 0.001)
    section = runner.store(3, 1)
    assert [row.name for row in section.rows[:3]] == ["nothing stored", "durable store", "the store alone, waiting"]
    assert all(row.median > 0 for row in section.rows)
    assert list(tmp_path.iterdir()) == []
