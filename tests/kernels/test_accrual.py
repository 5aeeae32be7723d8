"""The accrual kernels: compiled equals plain Python, any number of threads, and no row outside the range."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from popsim.economics.discounting import discount_factors
from popsim.kernels import accrual
from popsim.kernels.codes import DEATH, ENTER, START, VISIT

RATES = accrual.Rates(0.82, 0.74, 0.64, 0.46, 0.04, 0.07, 0.1, 0.29, 0.1, 0.2, 3.0, 0.3, 1.3, 0.002, 5.755)
ROWS = 20_000


def state(rows: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Read and written columns with every combination of codes."""
    random = np.random.default_rng(5)
    codes = [
        random.integers(low, high, rows).astype(np.int8) for low, high in ((0, 2), (-1, 5), (0, 2), (1, 5), (0, 2))
    ]
    reals = [random.uniform(0, 1, rows).astype(np.float32) for _ in range(6)]
    entry_day = np.sort(random.integers(0, 50, rows)).astype(np.int32)
    return [entry_day, *codes, *reals], [np.zeros(rows) for _ in range(7)]


def run_time(kernel, rows: int = ROWS) -> list[np.ndarray]:
    read, written = state(rows)
    discount = discount_factors(0.035, 100)
    night_price = np.array([0.0, 292.0, 150.0, 140.0, 1600.0])
    night_account = np.array(
        [accrual.TO_NOTHING, accrual.TO_WARD, accrual.TO_EMERGENCY, accrual.TO_COMMUNITY, 1], np.int8
    )
    for today in range(50, 53):
        kernel(100, rows - 100, today, 1.0, 100, discount, discount, RATES, night_price, night_account, *read, *written)
    return written


def test_compiled_equals_plain_python_and_changes_what_it_should():
    compiled, plain = run_time(accrual.accrue_time, 3000), run_time(accrual.accrue_time.py_func, 3000)
    for one, other in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14, atol=0)
        assert one[100:-100].any()
        assert not one[:100].any()
        assert not one[-100:].any()


def test_same_bits_with_any_number_of_threads():
    most = numba.config.NUMBA_NUM_THREADS
    results = []
    for threads in sorted({1, most}):
        numba.set_num_threads(threads)
        results.append(np.stack(run_time(accrual.accrue_time)).tobytes())
    numba.set_num_threads(most)
    assert len(set(results)) == 1


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
