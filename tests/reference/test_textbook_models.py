"""Textbook cost-effectiveness models, against what was published about them, at a million individuals.

Two checks each: the exact expectation of the model as written (matrix products, `exact_cohort.py`) agrees with the
published figure to all digits given, which pins the conventions; and the microsimulation lies within 3 of its own
standard errors of it. Seed 1 was the first tried: it puts HIV 2.9 standard errors low; over 40 other seeds the
distances of all 16 figures had means within 0.15 (standard error 0.16) and standard deviations of 0.7 to 1.2.

`python tests/reference/test_textbook_models.py` prints the tables.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pytest
from exact_cohort import expectation
from models.hiv import HIV
from models.microsimulation_tutorial import TUTORIAL, TUTORIAL_KERNEL
from models.sick_sicker import SICK_SICKER

from popsim.economics.decision import Decision, icer_table

MILLION = 1_000_000
MAX_STANDARD_ERRORS = 3.0

EVERY_POINT = np.ones(31)
END_OF_YEAR = np.array([0.0] + [1.0] * 20)
# The weights of the cohort tutorial's gen_wcc(75, "Simpson1/3").
SIMPSON_OF_TUTORIAL = np.array([1 / 3, *[2 / 3, 4 / 3] * 37, 1 / 3])

# Cost, QALYs. Sick-Sicker: Alarid-Escudero 2023, computed with the tutorial's code to the digits here; its table shows
# 151,580 and 20.711, 259,100 and 22.184, 378,875 and 23.137. Tutorial: exact expectation of Krijkamp 2018, Appendix A.
# HIV: Chancellor 1997, with the conventions of heemod's reproduction.
PUBLISHED = {
    ("sick-sicker", "SoC"): (151579.866, 20.711331),
    ("sick-sicker", "A"): (284804.5134, 21.498663),
    ("sick-sicker", "B"): (259100.4106, 22.184465),
    ("sick-sicker", "AB"): (378875.1984, 23.136844),
    ("tutorial", "no treatment"): (75976.149140, 15.838848),
    ("tutorial", "treatment"): (141623.028188, 16.400406),
    ("hiv", "monotherapy"): (44663.45, 7.99121),
    ("hiv", "combination"): (50601.65, 8.93739),
}
MODELS = {"sick-sicker": SICK_SICKER, "tutorial": TUTORIAL, "hiv": HIV}
COUNTED = {
    "sick-sicker": (SIMPSON_OF_TUTORIAL, 0.03, 0.03),
    "tutorial": (EVERY_POINT, 0.03, 0.03),
    "hiv": (END_OF_YEAR, 0.06, 0.0),
}


@cache
def simulated(name):
    return MODELS[name].run(MILLION, seed=1)


@pytest.mark.parametrize(("name", "strategy"), PUBLISHED)
def test_the_model_is_the_published_one(name, strategy):
    cost, qaly = PUBLISHED[name, strategy]
    exact = expectation(MODELS[name], strategy, *COUNTED[name])
    assert exact.cost == pytest.approx(cost, abs=0.005)
    assert exact.qaly == pytest.approx(qaly, abs=0.000005)


@pytest.mark.parametrize(("name", "strategy"), PUBLISHED)
def test_a_million_individuals_agree(name, strategy):
    summary = simulated(name).summary.filter(strategy=strategy)
    for measure, published in zip(("cost_total", "qalys"), PUBLISHED[name, strategy], strict=True):
        (row,) = summary.filter(measure=measure).to_dicts()
        assert abs(row["mean"] - published) < MAX_STANDARD_ERRORS * row["standard_error"]


@pytest.mark.parametrize("name", MODELS)
def test_occupancy_agrees_at_every_point(name):
    """Shares of a million people: a binomial standard error each; the largest of S x T distances stays below 4.5."""
    result = simulated(name)
    for s, strategy in enumerate(result.strategies):
        exact = expectation(MODELS[name], strategy, *COUNTED[name]).occupancy
        shares = result.counts[s, 0] / MILLION
        error = np.sqrt(exact * (1 - exact) / MILLION)
        assert np.abs(shares - exact).max() > 0  # they are simulated, not computed
        assert (np.abs(shares - exact) <= 4.5 * error + 1e-12).all()


def test_occupancy_of_the_tutorial_after_30_years():
    """Published with the conventions of the tutorial: H .348684, S1 .088396, S2 .206529, D .356391."""
    exact = expectation(TUTORIAL, "no treatment", *COUNTED["tutorial"])
    assert exact.occupancy[30] == pytest.approx([0.348684, 0.088396, 0.206529, 0.356391], abs=5e-7)


def table_of(expectations):
    """A measures table of exact expectations by strategy."""
    rows = [(s, m, v) for s, e in expectations.items() for m, v in (("cost_total", e.cost), ("qalys", e.qaly))]
    columns = dict(zip(("strategy", "measure", "value"), zip(*rows, strict=True), strict=True))
    return pl.DataFrame(columns).with_columns(draw=0, replication=0)


# ICERs along the frontier: Alarid-Escudero 2023, table 3 (its A is dominated); Chancellor 1997 as in the figures above.
FRONTIERS = {
    "sick-sicker": ({"SoC": None, "B": 72988, "AB": 125764}, {"A"}),
    "tutorial": ({"no treatment": None, "treatment": 116902}, set()),
    "hiv": ({"monotherapy": None, "combination": 6276}, set()),
}


@pytest.mark.parametrize("name", MODELS)
def test_exact_incremental_analysis(name):
    frontier, dominated = FRONTIERS[name]
    exact = {strategy: expectation(MODELS[name], strategy, *COUNTED[name]) for strategy in MODELS[name].strategies}
    table = icer_table(Decision.of(table_of(exact), next(iter(exact))))
    on_frontier = table.filter(status="on the frontier")
    assert dict(zip(on_frontier["strategy"], on_frontier["icer"], strict=True)) == {
        strategy: icer if icer is None else pytest.approx(icer, abs=1.0) for strategy, icer in frontier.items()
    }
    assert set(table.filter(status="dominated")["strategy"]) == dominated


@pytest.mark.parametrize("name", MODELS)
def test_incremental_analysis_of_a_million_individuals(name):
    """The same frontier; each ICER against the strategy before it has the published one in its 99.7% interval."""
    frontier, dominated = FRONTIERS[name]
    result = simulated(name)
    table = result.icer_table()
    assert table.filter(status="on the frontier")["strategy"].to_list() == list(frontier)
    assert set(table.filter(status="dominated")["strategy"]) == dominated
    for before, (strategy, icer) in zip(frontier, list(frontier.items())[1:], strict=False):
        (row,) = result.cost_effectiveness(before, 100_000, confidence=0.9973).filter(strategy=strategy).to_dicts()
        assert row["icer_interval"] == "bounded"
        assert row["icer_low"] < icer < row["icer_high"]
        assert row["icer_high"] - row["icer_low"] < 0.08 * icer


@pytest.mark.slow
def test_the_tutorial_as_a_kernel_is_the_same_walk():
    """The same people take the same steps, so shares are equal; totals differ by rounding only."""
    kernel, table = TUTORIAL_KERNEL.run(100_000, seed=1), TUTORIAL.run(100_000, seed=1)
    assert np.array_equal(kernel.counts, table.counts)
    assert kernel.totals == pytest.approx(table.totals, rel=1e-12)


if __name__ == "__main__":
    for name in MODELS:
        print(name, simulated(name), simulated(name).icer_table(), sep="\n")
