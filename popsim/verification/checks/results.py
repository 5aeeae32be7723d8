"""From measures to a decision: arithmetic that must hold whatever the numbers are."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.economics.cost_effectiveness import cost_effectiveness, paired_differences, strategy_means, verdict
from popsim.verification.checking import CheckResult, check, close, never, not_applicable, same, together
from popsim.verification.checks.strategies import measures_of
from popsim.verification.test_bench import ModelBench

AREA = "Results"
PAY = (0.0, 5_000.0, 20_000.0, 50_000.0)


def _measures(bench: ModelBench) -> pl.DataFrame:
    return measures_of(bench, {strategy.name: strategy for strategy in bench.strategies}, replications=3)


def _value(bench: ModelBench, willingness_to_pay: float) -> pl.DataFrame:
    return cost_effectiveness(_measures(bench), bench.base.name, willingness_to_pay)


def _wide(measures: pl.DataFrame, name: str) -> dict[str, NDArray[np.float64]]:
    chosen = measures.filter(pl.col("measure") == name).sort("replication")
    return {str(s): rows["value"].to_numpy() for (s,), rows in chosen.group_by("strategy", maintain_order=True)}


@check(AREA, "A strategy's mean is the mean of its replications")
def means(bench: ModelBench) -> CheckResult:
    """Average each measure over three replications by hand and compare with the table."""
    measures = _measures(bench).filter(pl.col("measure").is_in(["cost_total", "qalys", "mortality", "bed_days"]))
    table = strategy_means(measures)
    found = []
    for row in table.iter_rows(named=True):
        values = _wide(measures, row["measure"])[row["strategy"]]
        found.append(close([row["mean"]], [values.sum() / len(values)], f"{row['strategy']}, {row['measure']}"))
    return together(*found)


@check(AREA, "The standard error is the standard deviation over the root of the number")
def standard_errors(bench: ModelBench) -> CheckResult:
    """Compute the standard error of each mean by hand and compare with the table."""
    measures = _measures(bench).filter(pl.col("measure").is_in(["cost_total", "qalys"]))
    found = []
    for row in strategy_means(measures).iter_rows(named=True):
        v = _wide(measures, row["measure"])[row["strategy"]]
        by_hand = np.sqrt(((v - v.mean()) ** 2).sum() / (len(v) - 1) / len(v))
        found.append(close([row["standard_error"]], [by_hand], f"{row['strategy']}, {row['measure']}"))
    return together(*found)


@check(AREA, "Intervals hold their means")
def intervals(bench: ModelBench) -> CheckResult:
    """Look for intervals of means and differences that do not hold them."""
    measures = _measures(bench)
    tables = [strategy_means(measures)]
    if bench.others:
        tables.append(paired_differences(measures, bench.base.name).drop("comparator"))
    known = pl.concat(tables).drop_nulls(["low", "high"])
    return never((known["mean"] < known["low"]) | (known["mean"] > known["high"]), "intervals")


@check(AREA, "A difference is one mean minus the other")
def differences(bench: ModelBench) -> CheckResult:
    """Subtract the means of cost and QALYs by hand and compare with the paired differences."""
    if not bench.others:
        return not_applicable("there is a single strategy")
    measures = _measures(bench)
    table = {
        (r["strategy"], r["measure"]): r["mean"]
        for r in paired_differences(measures, bench.base.name).iter_rows(named=True)
    }
    found = []
    for name in ("cost_total", "qalys"):
        wide = _wide(measures, name)
        for other in bench.others:
            by_hand = wide[other.name].mean() - wide[bench.base.name].mean()
            found.append(close([table[other.name, name]], [by_hand], f"{other.name}, {name}", 1e-7))
    return together(*found)


@check(AREA, "The ratio is extra cost over extra QALYs, and is empty where it has no meaning")
def ratio(bench: ModelBench) -> CheckResult:
    """Divide cost difference by QALY difference by hand, and compare; look for ratios of dominated strategies."""
    if not bench.others:
        return not_applicable("there is a single strategy")
    found = []
    for row in _value(bench, 20_000.0).iter_rows(named=True):
        cost, qaly, icer = row["cost_difference"], row["qaly_difference"], row["icer_per_qaly"]
        if cost * qaly > 0:
            found.append(close([icer or 0.0], [cost / qaly], row["strategy"]))
        else:
            found.append(CheckResult(icer is None, f"{row['strategy']}: {row['verdict']}, so no ratio"))
    return together(*found)


@check(AREA, "Net benefit is willingness to pay times QALYs minus cost, and 0 at the ratio")
def net_benefit(bench: ModelBench) -> CheckResult:
    """Work out net benefit at several willingnesses to pay and at each strategy's own ratio."""
    if not bench.others:
        return not_applicable("there is a single strategy")
    found = []
    for pay in PAY:
        table = _value(bench, pay)
        by_hand = pay * table["qaly_difference"] - table["cost_difference"]
        found.append(close(table["net_monetary_benefit"], by_hand, f"at {pay:,.0f}", 1e-7))
    for row in _value(bench, 1.0).drop_nulls("icer_per_qaly").iter_rows(named=True):
        at = (
            _value(bench, row["icer_per_qaly"])
            .filter(pl.col("strategy") == row["strategy"])["net_monetary_benefit"]
            .item()
        )
        found.append(
            CheckResult(
                abs(at) < 1e-6 * max(1.0, abs(row["cost_difference"])), f"{row['strategy']}: {at:.1e} at its ratio"
            )
        )
    return together(*found)


@check(AREA, "Net benefit rises with willingness to pay exactly where QALYs are gained")
def net_benefit_rises(bench: ModelBench) -> CheckResult:
    """Compare net benefit at 20,000 and at 50,000 per QALY with the sign of the QALY difference."""
    if not bench.others:
        return not_applicable("there is a single strategy")
    low, high = _value(bench, 20_000.0), _value(bench, 50_000.0)
    rise = np.sign((high["net_monetary_benefit"] - low["net_monetary_benefit"]).to_numpy())
    return same(rise, np.sign(low["qaly_difference"].to_numpy()), "strategies")


@check(AREA, "The verdict matches the quadrant of the cost-effectiveness plane")
def quadrants(bench: ModelBench) -> CheckResult:
    """Name the four quadrants and the origin, and compare the strategies' names with their differences."""
    expected = {(-1.0, 1.0): "dominant", (1.0, -1.0): "dominated", (0.0, 0.0): "no difference",
                (1.0, 1.0): "gains health at a cost", (-1.0, -1.0): "saves money, loses health"}  # fmt: skip
    wrong = [point for point, name in expected.items() if verdict(*point) != name]
    if bench.others:
        for row in _value(bench, 1.0).iter_rows(named=True):
            point = (float(np.sign(row["cost_difference"])), float(np.sign(row["qaly_difference"])))
            wrong += [point] if point in expected and expected[point] != row["verdict"] else []
    return CheckResult(not wrong, f"{len(expected)} places" + (f"; misnamed: {wrong}" if wrong else ""))
