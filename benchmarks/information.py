"""(j) The value of knowing groups of parameters (EVPPI): popsim, with its standard error, and heormodel without one."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import polars as pl
from heormodel.models import Outcomes
from heormodel.voi import evppi

from benchmarks.measuring import Candidate, Section, alternate
from popsim.economics.decision import Decision
from popsim.economics.information import information

DRAWS = 10_000
STRATEGIES = ("usual", "clinic", "calls")


def section(parameters: int, turns: int) -> Section:
    """Processor seconds for one group of all parameters; three strategies, one of them an interaction of parameters."""
    random = np.random.default_rng(1)
    known = random.normal(size=(DRAWS, parameters))
    benefit = np.zeros((DRAWS, len(STRATEGIES)))
    benefit[:, 1] = 0.3 + known @ (1.0 / np.arange(1, parameters + 1)) + random.normal(size=DRAWS)
    benefit[:, 2] = known[:, 0] * known[:, 1] + 0.5 * known[:, 2] + random.normal(size=DRAWS)
    names = [f"p{number}" for number in range(parameters)]
    decision = Decision(STRATEGIES, np.arange(1, DRAWS + 1), np.zeros_like(benefit), benefit, None)
    table = pl.DataFrame({"draw": decision.draws} | dict(zip(names, known.T, strict=True)))
    index = pd.RangeIndex(1, DRAWS + 1, name="iteration")
    effects = pd.DataFrame(benefit, index=index, columns=list(STRATEGIES))
    outcomes, frame = Outcomes.from_wide(effects * 0.0, effects), pd.DataFrame(known, index=index, columns=names)
    rows = alternate({
        "popsim": _processor_seconds(lambda: information(decision, table, 1.0, {"all": names})),
        "heormodel": _processor_seconds(lambda: evppi(outcomes, frame, names, 1.0)),
    }, turns)  # fmt: skip
    return Section(f"(j) EVPPI of {parameters} parameters, {DRAWS:,} draws", "processor seconds", rows, digits=3)


def _processor_seconds(work: Callable[[], object]) -> Candidate:
    def turn() -> float:
        began = time.process_time()
        work()
        return time.process_time() - began

    turn()  # imports
    return turn
