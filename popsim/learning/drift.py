"""Drift: changes of the population (population stability index) and of the level of risk (CUSUM).

Population stability index of a feature: the sum over tenths of the training table of (p - q) ln(p / q), with shares p
then and q now and a bin for missing values. To second order it is Pearson's two-sample statistic: without a shift it is
about (1/n + 1/m) times a chi-squared variable with bins - 1 degrees of freedom, for n and m persons. A shift is
reported if it is both notable and beyond chance over all features. CUSUM: observed - predicted events of each period,
in standard deviations, are added up less a slack, upwards and downwards; a sum beyond the limit raises an alarm and
restarts the sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import chdtri, ndtr

from popsim.evidence.parameters import ParameterSet
from popsim.learning.performance import JudgedRisks

type Floats = NDArray[np.float64]

MIN_SHARE = 0.5  # persons in an empty bin: its logarithm must exist
STATES = 400  # of the Markov chain that approximates a cumulative sum


class Reference:
    """The distribution of features in a training table.

    Args:
        frame: the table, with person_id.
        features: columns to monitor.
        parameters: evidence/learning.toml.
    """

    def __init__(self, frame: pl.DataFrame, features: Sequence[str], parameters: ParameterSet) -> None:
        self._parameters = parameters
        self._persons = frame["person_id"].n_unique()
        self._edges: dict[str, Floats] = {}
        self._shares: dict[str, Floats] = {}
        inner = np.linspace(0.0, 1.0, int(parameters["stability_bins"]) + 1)[1:-1]
        for name in features:
            values = frame[name].to_numpy().astype(np.float64)
            known = values[~np.isnan(values)]
            self._edges[name] = np.unique(np.quantile(known, inner)) if len(known) else np.zeros(0)
            self._shares[name] = self._bins(name, values)

    def shifts(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Stability index of every feature in a later table.

        Returns:
            feature, index, limit (beyond which it counts as shifted), shifted; the highest index first.
        """
        persons = frame["person_id"].n_unique()
        rows = []
        false_alarms = self._parameters["shift_false_alarms"] / max(len(self._edges), 1)
        for name, then in self._shares.items():
            now = self._bins(name, frame[name].to_numpy().astype(np.float64))
            used = (then > 0.0) | (now > 0.0)
            p, q = (np.maximum(share[used], MIN_SHARE / n) for share, n in ((then, self._persons), (now, persons)))
            index = float(((p - q) * np.log(p / q)).sum())
            by_chance = float(chdtri(max(int(used.sum()) - 1, 1), false_alarms))
            limit = max(self._parameters["notable_shift"], by_chance * (1.0 / self._persons + 1.0 / persons))
            rows.append((name, index, limit, index > limit))
        schema = {"feature": pl.String, "index": pl.Float64, "limit": pl.Float64, "shifted": pl.Boolean}
        return pl.DataFrame(rows, schema=schema, orient="row").sort("index", descending=True, maintain_order=True)

    def _bins(self, name: str, values: Floats) -> Floats:
        """Shares of the values in the bins of the training table; the last bin holds missing values."""
        edges = self._edges[name]
        place = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="left"))
        return np.bincount(place, minlength=len(edges) + 2) / max(len(values), 1)


@dataclass
class CumulativeSums:
    """CUSUM of the calibration of risks.

    Attributes:
        slack: subtracted in each period, in standard deviations.
        limit: a sum beyond it raises an alarm.
        high, low: the sums, for risks that are too low and too high.
    """

    slack: float
    limit: float
    high: float = 0.0
    low: float = 0.0

    def add(self, z: float) -> bool:
        """Add the balance of a period; return whether it raises an alarm (which restarts the sums)."""
        self.high = max(self.high + z - self.slack, 0.0)
        self.low = max(self.low - z - self.slack, 0.0)
        alarm = max(self.high, self.low) > self.limit
        if alarm:
            self.high = self.low = 0.0
        return alarm


def balance(judged: JudgedRisks, information: float = np.inf) -> float:
    """Observed - predicted events, in standard deviations; 0 where it is undefined.

    Args:
        judged: one row per person; outcomes are treated as independent.
        information: on the level of the log odds to which the risks were calibrated (`Map.information`); its error
            adds to the standard deviation.
    """
    w, risk = judged.weight, judged.risk
    variance = (w**2 * risk * (1.0 - risk)).sum() + (w * risk * (1.0 - risk)).sum() ** 2 / information
    excess = (w * (judged.happened - risk)).sum()
    return float(excess / np.sqrt(variance)) if variance > 0.0 else 0.0


def average_run_length(slack: float, limit: float, shift: float = 0.0) -> float:
    """Average number of periods until an alarm of `CumulativeSums`, for normal balances with this mean.

    A Markov chain gives the run length of each one-sided sum; the values of 1 / ARL of both sides add up.
    """
    rate = sum(1.0 / _one_sided(slack, limit, side * shift) for side in (1.0, -1.0))
    return 1.0 / rate


def _one_sided(slack: float, limit: float, shift: float) -> float:
    width = limit / (STATES - 0.5)
    middle = width * np.arange(STATES)
    step = middle[np.newaxis, :] - middle[:, np.newaxis] + slack - shift
    to = ndtr(step + width / 2.0) - ndtr(step - width / 2.0)
    to[:, 0] = ndtr(width / 2.0 - middle + slack - shift)
    return float(np.linalg.solve(np.eye(STATES) - to, np.ones(STATES))[0])


def described(shifts: pl.DataFrame) -> Mapping[str, float]:
    """The shifted features with their stability index."""
    return dict(shifts.filter("shifted").select("feature", "index").iter_rows())
