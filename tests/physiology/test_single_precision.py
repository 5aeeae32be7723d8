"""What single precision changes, against a run of the same twins in doubles."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from flagship import AS_DESCRIBED as EXPERIMENT
from people import mixed, sets

from popsim.kernels.numerics.random import RandomKey
from popsim.physiology.clinical import ClinicalPhysiology
from popsim.population.clock import Clock
from popsim.population.population import Population

TWINS, DAYS = 16, 5
HERE = Path(__file__).parent


def lived() -> Population:
    people, _ = mixed(TWINS)
    physiology = ClinicalPhysiology(sets(), key=RandomKey(3))
    physiology.initialise(people)
    for day in range(DAYS):
        physiology.advance(people, Clock(day))
    return people


@pytest.mark.slow
def test_some_days_in_single_precision_are_those_in_doubles_to_five_digits(tmp_path):
    """Doubles in plain Python, in a process of its own. What is drawn differs only where a uniform falls between the
    two probabilities, some 1e-7 apart, which does not happen here."""
    out = tmp_path / "double.npz"
    settings = {"NUMBA_DISABLE_JIT": "1", "POPSIM_PRECISION": "double", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, __file__, str(out)], check=True, env=os.environ | settings, timeout=200)
    double, single = np.load(out), lived()
    assert np.array_equal(double["code"], single.block("code"))
    assert np.array_equal(double["count"], single.block("count"))
    np.testing.assert_allclose(single.block("real"), double["real"], rtol=3e-5, atol=3e-6)
    assert not np.array_equal(single.block("real"), double["real"])


@pytest.mark.slow
def test_outcomes_of_a_year_change_by_less_than_a_hundredth_of_their_standard_error(tmp_path):
    """20,000 people a strategy: deaths, days, admissions, costs and QALYs, with the same seeds in both precisions."""
    tables = {}
    for precision in ("single", "double"):
        out = tmp_path / precision
        command = [sys.executable, "-m", "popsim.cli", "run", str(EXPERIMENT), "--out", str(out), "--quiet"]
        size = ["--population", "20000", "--draws", "0", "--replications", "1", "--workers", "1"]
        environment = os.environ | {"POPSIM_PRECISION": precision}
        subprocess.run([*command, *size], check=True, env=environment, timeout=900, stdout=subprocess.DEVNULL)
        (table,) = out.rglob("persons.parquet")
        tables[precision] = pl.read_parquet(table).select(pl.selectors.numeric() | pl.selectors.boolean())
    single, double = tables["single"], tables["double"]
    assert single.columns == double.columns
    compared = 0
    for name in single.columns:
        one, other = (table[name].cast(pl.Float64).to_numpy() for table in (single, double))
        spread = np.nanstd(other)
        if spread > 0:
            compared += 1
            assert abs(np.nanmean(one) - np.nanmean(other)) < 0.01 * spread / np.sqrt(len(other)) + 1e-9, name
    assert compared > 40


if __name__ == "__main__":
    twins = lived()
    np.savez(sys.argv[1], **{kind: twins.block(kind) for kind in ("real", "code", "count")})
