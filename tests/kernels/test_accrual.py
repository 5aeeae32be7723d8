"""The accrual kernels: compiled equals plain Python, any number of threads, and no row outside the range."""

from __future__ import annotations

import re

import numba
import numpy as np
import pytest

from popsim.economics.discounting import discount_factors
from popsim.kernels import accrual
from popsim.kernels.codes import DEATH, ENTER, START, VISIT

RATES = accrual.Rates(0.82, 0.74, 0.64, 0.46, 0.04, 0.07, 0.1, 0.29, 0.1, 0.2, 3.0, 0.3, 1.3, 0.002)
ROWS = 20_000


def state(rows: int) -> dict[str, np.ndarray]:
    """Read and written columns with every combination of codes."""
    random = np.random.default_rng(5)
    low_high = {"alive": (0, 2), "setting": (-1, 5), "admitted": (0, 2), "nyha_class": (1, 5), "telemonitored": (0, 2)}
    columns = {name: random.integers(*bounds, rows).astype(np.int8) for name, bounds in low_high.items()}
    columns["entry_day"] = np.sort(random.integers(0, 50, rows)).astype(np.int32)
    for name in ("bb", "ras", "arni", "mra", "sglt2", "loop"):
        columns[name] = random.uniform(0, 1, rows).astype(np.float32)
    for name in ("qaly", "life_days", "drugs", "ward", "emergency", "community", "telemonitoring"):
        columns[name] = np.zeros(rows)
    return columns


def run_days(time_kernel, places_kernel, rows: int = ROWS) -> np.ndarray:
    """Three days; the totals, one row each."""
    c = state(rows)
    discount = discount_factors(0.035, 100)
    night_price = np.array([0.0, 292.0, 150.0, 140.0, 1600.0])
    accounts = (accrual.TO_NOTHING, accrual.TO_WARD, accrual.TO_EMERGENCY, accrual.TO_COMMUNITY, accrual.TO_WARD)
    night_account = np.array(accounts, np.int8)
    for today in range(50, 53):
        time_kernel(
            today, 1.0, 100, discount, discount, RATES, c["entry_day"], c["alive"], c["admitted"], c["nyha_class"],
            c["bb"], c["ras"], c["arni"], c["mra"], c["sglt2"], c["loop"], c["qaly"], c["life_days"], c["drugs"],
        )  # fmt: skip
        places_kernel(
            today, 1.0, 100, discount, 5.755, night_price, night_account, c["entry_day"], c["alive"], c["setting"],
            c["telemonitored"], c["ward"], c["emergency"], c["community"], c["telemonitoring"],
        )  # fmt: skip
    return np.stack([c[n] for n in ("qaly", "life_days", "drugs", "ward", "emergency", "community", "telemonitoring")])


def test_compiled_equals_plain_python_and_changes_every_total():
    compiled = run_days(accrual.accrue_time, accrual.accrue_places, 3000)
    plain = run_days(accrual.accrue_time.py_func, accrual.accrue_places.py_func, 3000)
    np.testing.assert_array_equal(compiled, plain)
    assert compiled.any(axis=1).all()


def test_same_bits_with_any_number_of_threads():
    most = numba.config.NUMBA_NUM_THREADS
    results = []
    for threads in sorted({1, most}):
        numba.set_num_threads(threads)
        results.append(run_days(accrual.accrue_time, accrual.accrue_places).tobytes())
    numba.set_num_threads(most)
    assert len(set(results)) == 1


def test_the_loop_over_time_is_vectorised():
    """The loop over rows works on several doubles at once: packed arithmetic in the machine code."""
    fresh = numba.njit(parallel=True, error_model="numpy")(
        accrual.accrue_time.py_func
    )  # from the cache there is no code
    run_days(fresh, accrual.accrue_places, 64)
    (code,) = fresh.inspect_asm().values()
    packed = re.findall(r"v(?:add|mul|sub|div)pd[^\n]*[yz]mm", code)
    assert len(packed) >= 10


def test_events_compiled_equals_plain_python():
    random = np.random.default_rng(6)
    size, rows = 2000, 50
    time = np.sort(random.uniform(0, 120, size))
    row = random.integers(-1, rows + 10, size).astype(np.int32)
    kind = random.choice([ENTER, START, VISIT, DEATH], size).astype(np.int8)
    setting = random.integers(-1, 5, size).astype(np.int8)
    discount = discount_factors(0.035, 90)
    prices = random.uniform(10, 200, (2, 5))
    account = np.array([accrual.TO_CLINIC, accrual.TO_COMMUNITY, accrual.TO_CLINIC, 3, 3], np.int8)
    in_hospital = np.array([0, 1, 0, 1, 0], np.int8)
    entry_day = np.sort(random.integers(0, 40, rows)).astype(np.int32)
    nyha_class = random.integers(1, 5, rows).astype(np.int8)
    results = []
    for kernel in (accrual.accrue_events, accrual.accrue_events.py_func):
        written = [np.zeros(rows) for _ in range(6)]
        kernel(
            time, row, kind, setting, 0.0, 90, discount, discount, RATES, *prices, account, in_hospital, 99.0,
            entry_day, nyha_class, *written,
        )  # fmt: skip
        assert all(column.any() for column in written)
        results.append(np.stack(written))
    np.testing.assert_allclose(*results, rtol=1e-12, atol=0)


@pytest.mark.parametrize("nyha_class", [1, 2, 3, 4])
def test_utility_is_that_of_the_symptom_class(nyha_class):
    at_home, less = RATES[nyha_class - 1], RATES[nyha_class + 3]
    assert accrual._utility(nyha_class, 0, RATES) == at_home
    assert accrual._utility(nyha_class, 1, RATES) == at_home - less
