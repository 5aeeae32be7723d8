"""The accrual kernels: compiled equals plain Python, any number of threads, and no row outside the range."""

from __future__ import annotations

import re

import numba
import numpy as np
import pytest

from popsim.economics.discounting import discount_factors
from popsim.kernels import accrual
from popsim.kernels.codes import DEATH, START, VISIT
from popsim.kernels.physiology import states

RATES = accrual.Rates(0.82, 0.74, 0.64, 0.46, 0.04, 0.07, 0.1, 0.29, 0.0, 0.04, 0.07, 0.18)
PRICES = accrual.DailyPrices(
    5.755, 0.1, 0.2, 3.0, 0.3, 1.3, 0.002, 0.1, np.array([1.0, 9.0, 20.0, 50.0]), 30.0,
    np.array([0.05, 0.1, 0.5, 1.0]), 66.0,
)  # fmt: skip
SETTINGS = 5
TOTALS = ("qaly", "disability")
YEAR_OF_DAY = (np.arange(100) // 10).astype(np.int64)  # years of ten days, so that a block of rows has several
ACCOUNT = np.arange(accrual.COMPONENTS)[::-1].copy()  # booked in another order than that of the components
ROWS = 20_000


def places() -> accrual.SettingPrices:
    """Settings of every kind: home, a ward, an emergency department, a nursing home and a clinic."""
    random = np.random.default_rng(4)
    price = {name: random.uniform(1, 100, SETTINGS) for name in accrual.SettingPrices._fields}
    accounts = (accrual.NOTHING, accrual.WARD, accrual.EMERGENCY, accrual.COMMUNITY, accrual.WARD)
    price["night_account"] = np.array(accounts, np.int8)
    price["visit_account"] = np.array([accrual.CLINIC, *[accrual.COMMUNITY] * 4], np.int8)
    price["in_hospital"] = np.array([0, 1, 0, 0, 0], np.int8)
    price["at_home"] = np.array([1, 0, 0, 0, 0], np.int8)
    return accrual.SettingPrices(**price)


def state(rows: int) -> dict[str, np.ndarray]:
    """Read and written columns with every combination of codes."""
    random = np.random.default_rng(5)
    low_high = {"alive": (0, 2), "setting": (-1, 5), "admitted": (0, 2), "nyha_class": (1, 5), "telemonitored": (0, 2)}
    columns = {name: random.integers(*bounds, rows).astype(np.int8) for name, bounds in low_high.items()}
    columns["entry_day"] = np.sort(random.integers(0, 50, rows)).astype(np.int32)
    columns["age_years"] = random.uniform(30, 90, rows).astype(np.float32)
    for name in ("bb", "ras", "arni", "mra", "sglt2", "loop"):
        columns[name] = random.uniform(0, 1, rows).astype(np.float32)
    for name in TOTALS:
        columns[name] = np.zeros(rows)
    return columns


def run_days(time_kernel, costs_kernel, rows: int = ROWS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three days: health totals, costs (one row each), and spending by block, year and component."""
    c, discount, prices = state(rows), discount_factors(0.035, 100), places()
    costs = np.zeros((accrual.COMPONENTS, rows + 7))  # seven twins whose follow-up is over lie before the others
    spending = np.zeros((-(-rows // accrual.BLOCK), 10, accrual.COMPONENTS))
    for today in range(50, 53):
        time_kernel(
            today, 1.0, 100, discount, RATES, c["entry_day"], c["alive"], c["admitted"], c["nyha_class"],
            *(c[name] for name in TOTALS),
        )  # fmt: skip
        costs_kernel(
            today, 1.0, 100, discount, YEAR_OF_DAY, PRICES, prices, 7, c["entry_day"], c["alive"], c["admitted"],
            c["setting"], c["nyha_class"], c["telemonitored"], c["age_years"], c["bb"], c["ras"], c["arni"], c["mra"],
            c["sglt2"], c["loop"], ACCOUNT, costs, spending,
        )  # fmt: skip
    return np.stack([c[name] for name in TOTALS]), costs[ACCOUNT], spending


def test_compiled_equals_plain_python_and_changes_every_total(monkeypatch):
    compiled = run_days(accrual.accrue_time, accrual.accrue_costs, 3000)
    for part in ("_accrue_at_home", "_accrue_nights", "_book_night", "last_of_year", "book"):
        monkeypatch.setattr(accrual, part, getattr(accrual, part).py_func)
    plain = run_days(accrual.accrue_time.py_func, accrual.accrue_costs.py_func, 3000)
    for ours, theirs in zip(compiled, plain, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    health, costs, _ = compiled
    assert health.any(axis=1).all()
    elsewhere = {accrual.CLINIC, accrual.DEVICES, accrual.PROGRAMME}  # events and interventions
    assert set(np.flatnonzero(~costs.any(axis=1))) == elsewhere
    assert not costs[:, :7].any(), "rows before the first are left alone"


def test_same_bits_with_any_number_of_threads():
    most = numba.config.NUMBA_NUM_THREADS
    results = []
    for threads in sorted({1, most}):
        numba.set_num_threads(threads)
        results.append([part.tobytes() for part in run_days(accrual.accrue_time, accrual.accrue_costs)])
    numba.set_num_threads(most)
    assert all(result == results[0] for result in results)


def test_spending_is_what_the_totals_would_be_without_discounting():
    """Every year's spending, weighted by hand, is the discounted total: here one entry day, so one weight a day."""
    rows, discount, prices = 3000, discount_factors(0.5, 100), places()
    c = state(rows)
    c["entry_day"][:] = 50
    costs, spending = np.zeros((accrual.COMPONENTS, rows)), np.zeros((3, 10, accrual.COMPONENTS))
    weighted, before = np.zeros(accrual.COMPONENTS), np.zeros(accrual.COMPONENTS)
    for since in range(25):
        accrual.accrue_costs(
            50 + since, 1.0, 100, discount, YEAR_OF_DAY, PRICES, prices, 0, c["entry_day"], c["alive"], c["admitted"],
            c["setting"], c["nyha_class"], c["telemonitored"], c["age_years"], c["bb"], c["ras"], c["arni"], c["mra"],
            c["sglt2"], c["loop"], ACCOUNT, costs, spending,
        )  # fmt: skip
        today = spending.sum(axis=(0, 1))
        weighted += (today - before) * discount[since]
        before = today
    np.testing.assert_allclose(costs[ACCOUNT].sum(axis=1), weighted, rtol=1e-12)
    by_year = spending.sum(axis=0)[:, accrual.WARD]
    assert by_year[0] == pytest.approx(2 * by_year[2]), "ten days against five"
    assert not by_year[3:].any()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["accrue_time", "_accrue_at_home"])
def test_the_loops_over_everybody_are_vectorised(name, monkeypatch):
    """The loop over rows works on several doubles at once: packed arithmetic in the machine code."""
    fresh = numba.njit(parallel=True, error_model="numpy")(getattr(accrual, name).py_func)  # the cache has no code
    monkeypatch.setattr(accrual, name, fresh)
    run_days(accrual.accrue_time, accrual.accrue_costs.py_func, 64)
    (code,) = fresh.inspect_asm().values()
    packed = re.findall(r"v(?:add|mul|sub|div)pd[^\n]*[yz]mm", code)
    assert len(packed) >= 10


def test_the_dead_cost_nothing():
    c, discount = state(2000), discount_factors(0.035, 100)
    c["alive"][:] = 0
    costs, spending = np.zeros((accrual.COMPONENTS, 2000)), np.zeros((2, 10, accrual.COMPONENTS))
    accrual.accrue_costs(
        50, 1.0, 100, discount, YEAR_OF_DAY, PRICES, places(), 0, c["entry_day"], c["alive"], c["admitted"],
        c["setting"], c["nyha_class"], c["telemonitored"], c["age_years"], c["bb"], c["ras"], c["arni"], c["mra"],
        c["sglt2"], c["loop"], ACCOUNT, costs, spending,
    )  # fmt: skip
    assert not costs.any()
    assert not spending.any()


def test_weighed_columns_add_up_in_their_order():
    """Two rows of blocks, a drug of two agents and a code, against NumPy's sums of the same doubles."""
    random = np.random.default_rng(7)
    reals, codes = random.random((3, 2500)).astype(np.float32), random.integers(0, 3, (2, 2500)).astype(np.int8)
    weighed = states.Weighed(
        place=np.array([0, 2, 2, 1]), is_code=np.array([0, 0, 0, 1]), agent_place=np.array([-1, 0, 0, -1]),
        agent=np.array([0, 0, 1, 0]), weight=np.array([0.3, 1.7, 2.9, 11.0]),
    )  # fmt: skip
    total = np.full(2400, np.nan)
    states.weighed_sum(reals, codes, 50, weighed, total)
    part, flags = reals[:, 50:2450].astype(np.float64), codes[:, 50:2450]
    expected = 0.3 * part[0] + np.where(flags[0] == 0, 1.7 * part[2], 0.0)
    expected = expected + np.where(flags[0] == 1, 2.9 * part[2], 0.0) + 11.0 * flags[1]
    np.testing.assert_array_equal(total, expected)


def test_events_compiled_equals_plain_python():
    random = np.random.default_rng(6)
    size, rows = 2000, 50
    time = np.sort(random.uniform(0, 120, size))
    row = random.integers(-1, rows + 10, size).astype(np.int32)
    kind = random.choice([START, VISIT, DEATH], size).astype(np.int8)
    setting = random.integers(-1, SETTINGS, size).astype(np.int8)
    discount = discount_factors(0.035, 90)
    entry_day = np.sort(random.integers(0, 40, rows)).astype(np.int32)
    nyha_class = random.integers(1, 5, rows).astype(np.int8)
    results = []
    for kernel in (accrual.accrue_events, accrual.accrue_events.py_func):
        health, costs = [np.zeros(rows) for _ in TOTALS], np.zeros((accrual.COMPONENTS, rows))
        spending = np.zeros((10, accrual.COMPONENTS))
        kernel(
            time, row, kind, setting, 0.0, 90, discount, discount, YEAR_OF_DAY, RATES, places(), entry_day,
            nyha_class, *health, ACCOUNT, costs, spending,
        )  # fmt: skip
        written = {accrual.EMERGENCY, accrual.CLINIC, accrual.COMMUNITY}
        written |= {accrual.OUT_OF_POCKET, accrual.TRAVEL}
        assert set(np.flatnonzero(costs[ACCOUNT].any(axis=1))) == written
        assert all(column.any() for column in health)
        results.append(np.concatenate([*health, costs.ravel(), spending.ravel()]))
    np.testing.assert_allclose(*results, rtol=1e-12, atol=0)


@pytest.mark.parametrize("nyha_class", [1, 2, 3, 4])
def test_utility_is_that_of_the_symptom_class(nyha_class):
    at_home, less = RATES[nyha_class - 1], RATES[nyha_class + 3]
    assert accrual._utility(nyha_class, 0, RATES) == at_home
    assert accrual._utility(nyha_class, 1, RATES) == at_home - less
