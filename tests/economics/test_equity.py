"""Distributional cost-effectiveness against numbers worked by hand and the textbook formulas of inequality."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from popsim.economics.equity import (
    atkinson_ede,
    concentration,
    distribution,
    equity_weighted,
    gradient,
    kolm_ede,
    relative_index,
    slope_index,
)
from popsim.errors import InputError
from popsim.evidence.parameters import load_parameters

HALF = np.array([0.5, 0.5])
EQUAL = np.full(3, 1 / 3)


def test_atkinson_in_closed_form():
    """Of 1 and 4: the mean, a power mean, the geometric and the harmonic mean (Atkinson 1970)."""
    health = np.array([1.0, 4.0])
    expected = {0.0: 2.5, 0.5: 2.25, 1.0: 2.0, 2.0: 1.6}
    for aversion, ede in expected.items():
        assert atkinson_ede(health, HALF, aversion) == pytest.approx(ede), aversion
    assert atkinson_ede(health, HALF, 100.0) == pytest.approx(1.0, rel=0.01), "towards the worst off"
    assert atkinson_ede(7 * health, HALF, 10.95) == pytest.approx(7 * atkinson_ede(health, HALF, 10.95))
    assert atkinson_ede(np.array([1.0, 4.0]), np.array([0.75, 0.25]), 1.0) == pytest.approx(4**0.25)
    with pytest.raises(InputError, match="needs health above 0"):
        atkinson_ede(np.array([0.0, 1.0]), HALF, 1.0)


def test_kolm_in_closed_form():
    """Of 0 and ln 3 at aversion 1: -ln((1 + 1/3) / 2) = ln 1.5."""
    health = np.array([0.0, math.log(3)])
    assert kolm_ede(health, HALF, 1.0) == pytest.approx(math.log(1.5))
    assert kolm_ede(health, HALF, 0.0) == pytest.approx(math.log(3) / 2)
    assert kolm_ede(health + 5, HALF, 1.0) == pytest.approx(math.log(1.5) + 5), "only differences matter"


def test_what_englands_aversion_means():
    """Robson 2017: at the gap in lifetime health between rich and poor, gains of the poor count about six times.

    The gap is 11.9 QALYs (Love-Koh 2015, abstract); Kolm's weights then differ by exp(0.15 x 11.9) = 5.9.
    """
    aversion = load_parameters("equity")["kolm_aversion"]
    health, step = np.array([62.0, 73.87]), 1e-4
    poor, rich = (
        kolm_ede(health + step * np.eye(2)[i], HALF, aversion) - kolm_ede(health, HALF, aversion) for i in (0, 1)
    )
    assert poor / rich == pytest.approx(math.exp(0.15 * 11.87), rel=1e-3)
    assert 5.5 < poor / rich < 7


def test_concentration_and_slope_by_hand():
    """1, 2, 3 in the order of their ranks 1/6, 3/6, 5/6: covariance 2/9, mean 2; the slope is 1 per third."""
    health = np.array([1.0, 2.0, 3.0])
    assert concentration(health, EQUAL) == pytest.approx(2 / 9)
    assert concentration(health[::-1], EQUAL) == pytest.approx(-2 / 9)
    assert slope_index(health, EQUAL) == pytest.approx(3.0)
    assert relative_index(health, EQUAL) == pytest.approx(1.5)
    assert concentration(np.full(3, 5.0), EQUAL) == pytest.approx(0.0)
    share = np.array([0.2, 0.5, 0.3])
    line = 2.0 + 0.7 * (np.cumsum(share) - share / 2)
    assert slope_index(line, share) == pytest.approx(0.7)


def test_concentration_against_the_covariance_formula_of_persons():
    """C = 2 / (n mean) x sum of h_i R_i - 1 with R_i = (i - 1/2) / n (O'Donnell 2008, recalled); a uniform has 1/3."""
    health = np.random.default_rng(1).gamma(2, 1, 500)
    rank = (np.arange(500) + 0.5) / 500
    expected = 2 / (500 * health.mean()) * (health @ rank) - 1
    assert concentration(health, np.full(500, 1 / 500)) == pytest.approx(expected)
    assert concentration(rank, np.full(500, 1 / 500)) == pytest.approx(1 / 3, rel=1e-4)


def two_groups(gain=(0.44, 0.0), cost=0.0, replications=3) -> pl.DataFrame:
    """Half poor with 1 QALY, half rich with 4; the clinic's gains by group, and its cost for everybody."""
    tables = []
    for replication in range(replications):
        for strategy in ("usual", "clinic"):
            clinic = strategy == "clinic"
            rich = np.arange(10) % 2
            tables.append(
                pl.DataFrame(
                    {
                        "strategy": [strategy] * 10,
                        "draw": [0] * 10,
                        "replication": [replication] * 10,
                        "region": [0] * 10,
                        "person_id": np.arange(10),
                        "rich": rich,
                        "qaly": np.where(rich == 1, 4.0 + clinic * gain[1], 1.0 + clinic * gain[0]),
                        "cost_total": np.full(10, 500.0 + clinic * cost),
                    }
                )
            )
    return pl.concat(tables)


AVERSION = {"atkinson_aversion": 1.0, "kolm_aversion": 1.0}


def found(table):
    return {row["measure"]: row["mean"] for row in table.iter_rows(named=True)}


def test_equity_weighted_by_hand():
    """0.44 for the poor: geometric mean sqrt(1.44 x 4) - 2 = 0.4, of which 0.22 is more health for the mean person."""
    values = found(equity_weighted(two_groups(), "usual", "rich", 20_000.0, **AVERSION))
    assert values["net_health_benefit"] == pytest.approx(0.22)
    assert values["atkinson"] == pytest.approx(0.4)
    assert values["atkinson_equity"] == pytest.approx(0.18)
    kolm = -math.log((math.exp(-1.44) + math.exp(-4)) / 2) + math.log((math.exp(-1) + math.exp(-4)) / 2)
    assert values["kolm"] == pytest.approx(kolm)
    # The same gain for the rich makes health more unequal.
    rich = found(equity_weighted(two_groups((0.0, 0.44)), "usual", "rich", 20_000.0, **AVERSION))
    assert rich["net_health_benefit"] == pytest.approx(0.22)
    assert rich["atkinson_equity"] < 0 < values["kolm_equity"]
    # Without aversion there is nothing but the mean.
    none = found(equity_weighted(two_groups(), "usual", "rich", 2e4, atkinson_aversion=0.0, kolm_aversion=0.0))
    assert none["atkinson"] == none["kolm"] == pytest.approx(0.22)
    assert none["atkinson_equity"] == pytest.approx(0.0)
    lifetime = found(equity_weighted(two_groups(), "usual", "rich", 2e4, lifetime={"0": 60.0, "1": 70.0}, **AVERSION))
    assert lifetime["atkinson"] == pytest.approx(math.sqrt(60.44 * 70) - math.sqrt(60 * 70))


def test_opportunity_cost_falls_as_it_is_said_to():
    """2000 more for everybody displaces 0.1 QALYs a person at 20,000 a QALY: equally, or all of it on the poor."""
    table = two_groups(cost=2000.0)
    equal = distribution(table, "usual", "rich", 20_000.0)
    net = {row["level"]: row["mean"] for row in equal.filter(pl.col("measure") == "net_health_benefit").to_dicts()}
    assert net == {"0": pytest.approx(0.34), "1": pytest.approx(-0.1)}
    poor = distribution(table, "usual", "rich", 20_000.0, opportunity_cost={"0": 1.0, "1": 0.0})
    net = {row["level"]: row["mean"] for row in poor.filter(pl.col("measure") == "net_health_benefit").to_dicts()}
    assert net == {"0": pytest.approx(0.24), "1": pytest.approx(0.0)}
    for shown in (equal, poor):
        benefit = shown.filter(pl.col("measure") == "net_health_benefit")
        assert (benefit["share"] * benefit["mean"]).sum() == pytest.approx(0.12), "health is neither lost nor made"
    assert equal["level"].unique(maintain_order=True).to_list() == ["0", "1"]


def test_gradients_of_a_run():
    """Usual care 1 and 4 in halves: slope 6 between rank 0 and 1, concentration 2 x 0.375 / 2.5 = 0.3."""
    table = gradient(two_groups(), "usual", "rich")
    by = {(row["strategy"], row["against"], row["measure"]): row["mean"] for row in table.iter_rows(named=True)}
    assert by["usual", None, "slope_index"] == pytest.approx(6.0)
    assert by["usual", None, "relative_index"] == pytest.approx(2.4)
    assert by["usual", None, "concentration_index"] == pytest.approx(0.3)
    assert by["clinic", "usual", "slope_index"] == pytest.approx(-0.88)
    assert by["clinic", None, "concentration_index"] == pytest.approx(2 * (4 - 1.44) / 8 / 2.72)


def random_run(seed: int, replications: int = 8, people: int = 60) -> pl.DataFrame:
    """Health 0.5 + 0.05 x quintile + noise; the clinic gives 0.03 to everybody, with noise."""
    random = np.random.default_rng(seed)
    size = replications * people
    quintile = random.integers(1, 6, size)
    qaly = 0.5 + 0.05 * quintile + random.normal(0, 0.2, size)
    columns = {
        "draw": np.zeros(size, int),
        "replication": np.repeat(np.arange(replications), people),
        "region": np.zeros(size, int),
        "person_id": np.tile(np.arange(people), replications),
        "deprivation_quintile": quintile,
        "cost_total": np.full(size, 100.0),
    }
    usual = pl.DataFrame({"strategy": ["usual"] * size, **columns, "qaly": qaly})
    clinic = {"strategy": ["clinic"] * size, **columns, "qaly": qaly + 0.03 + random.normal(0, 0.1, size)}
    return pl.concat([usual, pl.DataFrame(clinic)])


@pytest.mark.slow
def test_intervals_cover():
    """100 runs: the slope (0.25) and the gain in Kolm's EDE (0.03) lie in their intervals 95 times, within 3 SE."""
    least = 95 - 3 * math.sqrt(100 * 0.95 * 0.05)
    slopes, gains = [], []
    for seed in range(100):
        table = random_run(seed)
        slope = gradient(table, "usual", "deprivation_quintile").row(
            by_predicate=(pl.col("strategy") == "usual") & (pl.col("measure") == "slope_index"), named=True
        )
        slopes.append(slope["low"] < 0.25 < slope["high"])
        weighted = equity_weighted(table, "usual", "deprivation_quintile", 2e4, **AVERSION)
        gain = weighted.row(by_predicate=pl.col("measure") == "kolm", named=True)
        gains.append(gain["low"] < 0.03 < gain["high"])
    assert sum(slopes) >= least
    assert sum(gains) >= least


def test_people_of_no_known_group_are_left_out():
    table = two_groups().with_columns(rich=pl.when(pl.col("person_id") < 8).then("rich"))
    shares = distribution(table, "usual", "rich", 2e4).filter(pl.col("measure") == "cost")["share"]
    assert shares.to_list() == [0.5, 0.5]


def test_a_group_that_a_replication_lacks():
    table = two_groups().filter(~((pl.col("replication") == 0) & (pl.col("rich") == 1)))
    rows = distribution(table, "usual", "rich", 2e4).filter(pl.col("measure") == "qalys_gained")
    assert rows["replications"].to_list() == [3, 2]
    weighted = found(equity_weighted(table, "usual", "rich", 2e4, **AVERSION))
    share = np.array([0.6, 0.4])  # 15 of the poor, 10 of the rich
    expected = atkinson_ede(np.array([1.44, 4.0]), share, 1.0) - atkinson_ede(np.array([1.0, 4.0]), share, 1.0)
    assert weighted["atkinson"] == pytest.approx(expected)


def test_what_is_refused():
    with pytest.raises(InputError, match="no level 'rich', allowed: 0, 1"):
        distribution(two_groups(), "usual", "rich", 2e4, opportunity_cost={"rich": 1.0})
    with pytest.raises(InputError, match="nothing for level '1'"):
        distribution(two_groups(), "usual", "rich", 2e4, opportunity_cost={"0": 1.0})
    with pytest.raises(InputError, match=r"shares sum to 1\.2"):
        distribution(two_groups(), "usual", "rich", 2e4, opportunity_cost={"0": 1.0, "1": 0.2})
    with pytest.raises(InputError, match="no column 'rch'"):
        gradient(two_groups(), "usual", "rch")
