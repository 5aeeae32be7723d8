"""Parameters without an effect are found among many, in a model whose effects are known."""

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from popsim.errors import InputError
from popsim.verification.checks import uncertainty


class MadeUpBench:
    """A bench with one strategy, in which some parameters move the persons; shares that are not alone are refused."""

    study, strategies = None, (None,)

    def __init__(self, alive):
        self.alive, self.runs = alive, 0

    def run(self, strategy, parameters=None):
        self.runs += 1
        given = parameters or {}
        if len([name for name in given if name.startswith("share")]) > 1:
            raise InputError("shares: must sum to 1")
        moved = sum(value for name, value in given.items() if name in self.alive)
        return SimpleNamespace(persons=pl.DataFrame({"cost": [1.0 + moved]}))


@pytest.mark.parametrize("alive", [set(), {"p3"}, {"p0", "p17", "share_1"}, {f"p{i}" for i in range(18)}])
def test_those_without_effect_are_found_in_halves(monkeypatch, alive):
    monkeypatch.setattr(uncertainty, "quantiles", lambda *_: np.array([0.1, 0.9]))
    names = [f"p{i}" for i in range(18)] + ["share_1", "share_2"]
    bench = MadeUpBench(alive)
    assert uncertainty.without_effect(bench, names) == [name for name in names if name not in alive]
    if len(alive) == 1:
        assert bench.runs < 4 * (len(names) - 1), "one by one, each without effect takes four"
