"""Performance of risks, overall and by subgroup, with weighted rows and several rows per person.

Every figure is a ratio of weighted sums, or behaves like one: its standard error follows from the influence of each
row, summed by person first. With equal weights and one row per person, figures equal those of
`popsim.outcomes.scoring`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit, logit

from popsim.errors import InputError
from popsim.learning.risk_model import MIN_RISK
from popsim.outcomes.risk_adjustment import c_statistic, fit_logistic
from popsim.statistics import Estimate, wilson, z_quantile

type Floats = NDArray[np.float64]

AGE_BANDS = {"below 65": 65.0, "65 to 74": 75.0, "75 to 84": 85.0, "85 and above": np.inf}
ETHNIC_GROUPS = ("not recorded", "Asian", "Black", "mixed", "White", "other")  # codes of the column
THRESHOLDS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)  # of a decision curve
MIN_IN_GROUP = 10  # events, and as many rows without; with fewer, a group's figures would be noise

UNKNOWN = Estimate()


class JudgedRisks(NamedTuple):
    """Predicted risks and outcomes.

    Attributes:
        risk: of each row.
        happened: 1 or 0.
        weight: of each row.
        person: of each row.
    """

    risk: Floats
    happened: Floats
    weight: Floats
    person: NDArray[np.int64]

    @classmethod
    def of(
        cls, risk: Floats, happened: Floats, weight: Floats | None = None, person: NDArray[np.int64] | None = None
    ) -> JudgedRisks:
        """From risks and outcomes; by default with equal weights and one row per person."""
        number = len(risk)
        w = np.ones(number) if weight is None else np.asarray(weight, np.float64)
        who = np.arange(number) if person is None else person
        return cls(np.asarray(risk, np.float64), np.asarray(happened, np.float64), w, np.asarray(who, np.int64))

    def where(self, rows: NDArray[np.bool_]) -> JudgedRisks:
        """Some of the rows."""
        return JudgedRisks(self.risk[rows], self.happened[rows], self.weight[rows], self.person[rows])


class Performance(NamedTuple):
    """The performance of a model.

    Attributes:
        rows, persons, events: numbers; events are not weighted.
        observed, predicted: shares.
        ratio: observed to predicted; above 1, risks were too low.
        c_statistic: 0.5 is chance.
        brier: mean squared error of the risks.
        slope: of outcomes on the predicted log odds; below 1, risks were too extreme.
        false_negatives: share of the events in rows below the watch threshold.
    """

    rows: int
    persons: int
    events: int
    observed: float
    predicted: float
    ratio: Estimate
    c_statistic: Estimate
    brier: Estimate
    slope: Estimate
    false_negatives: Estimate


def performance(judged: JudgedRisks, watched_from: float) -> Performance:
    """All figures; undefined ones (no events, equal risks) are NaN.

    Args:
        judged: risks and outcomes.
        watched_from: risk from which a row is watched.
    """
    risk, y, w, person = judged
    if not len(risk):
        raise InputError("risk model: there are no rows to judge it by")
    missed = (risk < watched_from).astype(np.float64)
    return Performance(
        rows=len(risk),
        persons=len(np.unique(person)),
        events=int(y.sum()),
        observed=float(np.average(y, weights=w)),
        predicted=float(np.average(risk, weights=w)),
        ratio=_ratio(w * y, w * risk, person),
        c_statistic=_concordance(judged),
        brier=_ratio(w * (risk - y) ** 2, w, person),
        slope=_slope(judged),
        false_negatives=_ratio(w * y * missed, w * y, person),
    )


def watched_from(risk: Floats, share: float, weight: Floats | None = None) -> float:
    """The watch threshold: the lowest risk of the share of rows with the highest risks."""
    order = np.argsort(-risk, kind="stable")
    w = np.ones(len(risk)) if weight is None else weight
    reached = np.searchsorted(np.cumsum(w[order]), share * w.sum())
    return float(risk[order[min(int(reached), len(order) - 1)]])


def calibration_groups(judged: JudgedRisks, groups: int = 10) -> pl.DataFrame:
    """Predicted and observed shares in groups of about equal weight, by rising risk.

    Returns:
        group (from 1), rows, predicted, observed, low, high (95% interval of the share, Wilson, for the effective
        number of rows).
    """
    order = np.argsort(judged.risk, kind="stable")
    before = np.cumsum(judged.weight[order]) - judged.weight[order]
    group_index = np.minimum((before * groups / judged.weight.sum()).astype(np.int64), groups - 1)
    w, risk, y = (values[order] for values in (judged.weight, judged.risk, judged.happened))
    total = np.bincount(group_index, weights=w)
    kept = total > 0.0
    sums = [np.bincount(group_index, weights=values)[kept] for values in (w, w * risk, w * y, w**2)]
    observed = sums[2] / sums[0]
    low, high = wilson(observed, sums[0] ** 2 / sums[3])
    return pl.DataFrame(
        {
            "group": np.flatnonzero(kept) + 1,
            "rows": np.bincount(group_index)[kept],
            "predicted": sums[1] / sums[0],
            "observed": observed,
            "low": low,
            "high": high,
        }
    )


def decision_curve(judged: JudgedRisks, thresholds: Sequence[float] = THRESHOLDS) -> pl.DataFrame:
    """Net benefit of acting on risks from a threshold: true positives minus false ones times the odds of the threshold.

    Both are shares of all rows (Vickers and Elkin 2006, recalled). Beside it acting on everybody; on nobody it is 0.

    Returns:
        threshold, acted_on (share of rows), net_benefit, net_benefit_of_all.
    """
    risk, y, w, _ = judged
    total, rows = w.sum(), []
    for threshold in thresholds:
        odds, chosen = threshold / (1.0 - threshold), risk >= threshold
        benefit = (w * chosen * (y - (1.0 - y) * odds)).sum() / total
        of_all = (w * (y - (1.0 - y) * odds)).sum() / total
        rows.append((threshold, float((w * chosen).sum() / total), float(benefit), float(of_all)))
    return pl.DataFrame(rows, ["threshold", "acted_on", "net_benefit", "net_benefit_of_all"], orient="row")


def subgroups(frame: pl.DataFrame) -> dict[str, pl.Series]:
    """Subgroups that the frame has: sex, age, deprivation, ethnicity."""
    groups: dict[str, pl.Series] = {}
    if "female" in frame.columns:
        groups["sex"] = _named(frame["female"], {0: "male", 1: "female"})
    if "age_years" in frame.columns:
        band = np.searchsorted(np.array(list(AGE_BANDS.values())), frame["age_years"].to_numpy(), side="right")
        groups["age"] = _named(pl.Series(band), dict(enumerate(AGE_BANDS)))
    if "deprivation_quintile" in frame.columns:
        words = {1: "1 most deprived", 2: "2", 3: "3", 4: "4", 5: "5 least deprived"}
        groups["deprivation"] = _named(frame["deprivation_quintile"], words)
    if "ethnicity" in frame.columns:
        groups["ethnicity"] = _named(frame["ethnicity"], dict(enumerate(ETHNIC_GROUPS)))
    return groups


def fairness(judged: JudgedRisks, groups: Mapping[str, pl.Series], watched: float, level: float = 0.95) -> pl.DataFrame:
    """Performance by subgroup.

    Args:
        judged: risks and outcomes.
        groups: name of the group of every row, by characteristic.
        watched: risk from which a row is watched, the same for all groups.
        level: of the whole table: the probability that no well-calibrated group is called miscalibrated.

    Returns:
        characteristic, group, rows, persons, events, observed, predicted; ratio, c_statistic, false_negatives, each
        with its 95% interval (_low, _high), null for groups with too few events; miscalibrated (the interval of the
        ratio, widened for the number of groups, excludes 1).
    """
    rows: list[dict[str, object]] = []
    for characteristic, names in groups.items():
        for name in sorted(names.unique().drop_nulls().to_list()):
            found = performance(judged.where((names == name).fill_null(False).to_numpy()), watched)
            enough = min(found.events, found.rows - found.events) >= MIN_IN_GROUP
            shown = found if enough else found._replace(ratio=UNKNOWN, c_statistic=UNKNOWN, false_negatives=UNKNOWN)
            rows.append({"characteristic": characteristic, "group": name, **_flat(shown)})
    table = pl.DataFrame(rows, schema=_SCHEMA)
    tested = int(table["ratio"].is_not_nan().sum())
    reach = z_quantile(1.0 - (1.0 - level) / max(tested, 1))
    off = (pl.col("ratio") - 1.0).abs() > reach * pl.col("ratio_error")
    return table.with_columns(miscalibrated=off & pl.col("ratio").is_not_nan()).drop("ratio_error").fill_nan(None)


_WITH_INTERVAL = ("ratio", "c_statistic", "false_negatives")
_SCHEMA = {
    "characteristic": pl.String,
    "group": pl.String,
    **dict.fromkeys(("rows", "persons", "events"), pl.Int64),
    **dict.fromkeys(("observed", "predicted"), pl.Float64),
    **{f"{name}{end}": pl.Float64 for name in _WITH_INTERVAL for end in ("", "_low", "_high")},
    "ratio_error": pl.Float64,
}


def _flat(found: Performance) -> dict[str, float]:
    """A row of the table of subgroups."""
    flat: dict[str, float] = {name: getattr(found, name) for name in ("rows", "persons", "events")}
    flat |= {"observed": found.observed, "predicted": found.predicted, "ratio_error": found.ratio.standard_error}
    for name in _WITH_INTERVAL:
        estimate: Estimate = getattr(found, name)
        high = estimate.high if name == "ratio" else min(estimate.high, 1.0)
        flat |= {name: estimate.value, f"{name}_low": max(estimate.low, 0.0), f"{name}_high": high}
    return flat


def _named(codes: pl.Series, words: Mapping[int, str]) -> pl.Series:
    return codes.cast(pl.Int64).replace_strict(words, default=None, return_dtype=pl.String)


def _error(influence: Floats, person: NDArray[np.int64]) -> float:
    """Standard error of a figure from the influence of each row; persons are independent."""
    who, group_index = np.unique(person, return_inverse=True)
    number, of_person = len(who), np.bincount(group_index, weights=influence)
    return float(np.sqrt((of_person**2).sum() * number / (number - 1))) if number > 1 else np.nan


def _ratio(above: Floats, below: Floats, person: NDArray[np.int64]) -> Estimate:
    total = below.sum()
    if total <= 0.0:
        return UNKNOWN
    value = float(above.sum() / total)
    return Estimate(value, _error((above - value * below) / total, person))


def difference(one: JudgedRisks, other: JudgedRisks) -> Estimate:
    """Difference of the c-statistics of two forecasts of the same rows, with a paired standard error."""
    value = _concordance(one).value - _concordance(other).value
    return Estimate(value, _error(_influence(one) - _influence(other), one.person))


def _concordance(judged: JudgedRisks) -> Estimate:
    """The c-statistic, with DeLong's standard error summed by person."""
    risk, y, w, person = judged
    if not 0.0 < w @ y < w.sum():
        return UNKNOWN
    return Estimate(c_statistic(risk, w, w * y), _error(_influence(judged), person))


def _influence(judged: JudgedRisks) -> Floats:
    """Influence of each row on the c-statistic."""
    risk, y, w, _ = judged
    value = c_statistic(risk, w, w * y)
    cases, controls = w * y, w * (1.0 - y)
    of_cases = cases / cases.sum() * (_share_below(risk, controls) - value)
    return np.asarray(of_cases + controls / controls.sum() * (1.0 - _share_below(risk, cases) - value))


def _share_below(risk: Floats, weight: Floats) -> Floats:
    """For each row, the share of the weight on lower risks, plus half of that on equal risks."""
    _, group_index = np.unique(risk, return_inverse=True)
    at = np.bincount(group_index, weights=weight)
    return np.asarray(((np.cumsum(at) - at / 2.0) / weight.sum())[group_index])


def _slope(judged: JudgedRisks) -> Estimate:
    """Slope of a logistic regression on the predicted log odds; standard error clustered by person (sandwich)."""
    risk, y, w, person = judged
    x = logit(np.clip(risk, MIN_RISK, 1.0 - MIN_RISK))
    if not 0.0 < w @ y < w.sum() or np.ptp(x) == 0.0:
        return UNKNOWN
    fitted = fit_logistic(x[:, np.newaxis], w, w * y)
    design = np.column_stack([np.ones(len(x)), x])
    p = expit(fitted.intercept + fitted.coefficients[0] * x)
    information = design.T @ (design * (w * p * (1.0 - p))[:, np.newaxis])
    influence = (design * (w * (y - p))[:, np.newaxis]) @ np.linalg.inv(information)
    return Estimate(float(fitted.coefficients[0]), _error(influence[:, 1], person))


def together(parts: Iterable[JudgedRisks]) -> JudgedRisks:
    """The rows of several parts together; equal person numbers are the same person."""
    return JudgedRisks(*(np.concatenate(values) for values in zip(*parts, strict=True)))
