"""Risk models: a scikit-learn classifier, calibrated on persons outside its training data.

The default, histogram-based gradient boosting, accepts missing readings. It is fitted on one thread, on rows in the
order of their keys, with a fixed seed, so the same table gives the same bits. A model is stored as its training table
(Parquet, without ids) and a record (JSON); loading refits it and checks that its predictions are the same. To load a
model with a custom estimator, pass the estimator again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit, logit

from popsim.errors import InputError, RunError, did_you_mean
from popsim.evidence.parameters import ParameterSet
from popsim.evidence.sets import SHIPPED
from popsim.kernels.codes import STREAM_INTERVENTION
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.sampling import keyed
from popsim.learning.features import KEYS, predictors
from popsim.outcomes.risk_adjustment import fit_logistic

type Floats = NDArray[np.float64]
type Method = Literal["logistic", "isotonic"]

MIN_RISK = 1e-6  # risks are clipped to MIN_RISK .. 1 - MIN_RISK: nobody is certain
FOLD_WORD = 0x666F6C64  # index of the random number that assigns a person to a fold
ROW_WORD = 0x726F7700  # likewise, by day: the rows of a long table that are used
TABLE, RECORD = "training.parquet", "model.json"
CHECKED_ROWS, SAME = 1000, 1e-9
OUTCOME, WEIGHT = "__outcome__", "__weight__"


@dataclass(frozen=True)
class CalibrationMap:
    """The calibration map from the estimator's output to a risk, by points on the log odds.

    Attributes:
        method: a straight line through two points (logistic), or piecewise linear through many (isotonic); None: no
            calibration.
        log_odds: of the estimator, ascending.
        becomes: calibrated log odds at these points.
        information: on the level of the log odds in the calibration rows: the inverse of its variance.
    """

    method: Method | None = None
    log_odds: tuple[float, ...] = (0.0, 1.0)
    becomes: tuple[float, ...] = (0.0, 1.0)
    information: float = np.inf

    def __call__(self, said: Floats) -> Floats:
        """Risks from the estimator's probabilities."""
        x = logit(np.clip(said, MIN_RISK, 1.0 - MIN_RISK))
        if self.method == "isotonic":
            y = np.interp(x, self.log_odds, self.becomes)
        else:
            (x0, x1), (y0, y1) = self.log_odds, self.becomes
            y = y0 + (y1 - y0) * (x - x0) / (x1 - x0)
        return np.asarray(np.clip(expit(y), MIN_RISK, 1.0 - MIN_RISK))


class RiskModel:
    """The risk of an outcome, predicted from observed features.

    Args:
        estimator: a scikit-learn classifier with `predict_proba`; the default when None. It is never changed: a copy
            is fitted. It must accept missing values, or be a pipeline that fills them.
        parameters: the set learning; as shipped when None.
        calibrate: map its probabilities by a logistic regression on predictions for persons left out of the fit.
    """

    def __init__(
        self, estimator: Any = None, *, parameters: ParameterSet | None = None, calibrate: bool = True
    ) -> None:
        self._parameters = parameters or SHIPPED["learning"]
        self._given = estimator
        self._calibrate = calibrate
        self.features: tuple[str, ...] = ()
        self.outcome = ""
        self.map = CalibrationMap()
        self._left_out = pl.DataFrame()
        self._fitted: Any = None
        self._table = pl.DataFrame()

    @property
    def is_fitted(self) -> bool:
        """Whether the model has been fitted."""
        return self._fitted is not None

    @property
    def estimator(self) -> Any:
        """An unfitted copy of the estimator."""
        from sklearn.base import clone

        return clone(self._given) if self._given is not None else _default(self._parameters)

    def fit(
        self,
        frame: pl.DataFrame,
        outcome: str,
        *,
        features: Sequence[str] | None = None,
        weight: Floats | None = None,
        level_after_day: int | None = None,
    ) -> Self:
        """Fit to landmarks with their outcomes.

        Args:
            frame: one row per landmark: the features, the outcome (0 or 1) and person_id; without person_id every row
                is a different person.
            outcome: name of its column.
            features: columns to predict from; `predictors(frame)` when None.
            weight: of each row; equal when None. Rows of weight 0 are left out.
            level_after_day: calibrate to landmarks after this day if there are enough of them; else to all.

        Raises:
            InputError: a column is missing or not numeric, too few rows have the outcome or do not have it, or the
                estimator refuses the table.
        """
        self.outcome = outcome
        self.features = tuple(features or (name for name in predictors(frame) if name != outcome))
        table = self._table_of(frame, weight)
        y, w, persons = table[OUTCOME].to_numpy(), table[WEIGHT].to_numpy(), table["person_id"].to_numpy()
        events, fewest = int(y.sum()), int(self._parameters["fewest_events"])
        if min(events, len(y) - events) < fewest:
            raise InputError(
                f"risk model: {events} of the {len(y)} rows to learn from have '{outcome}': {fewest} or more must, and "
                "as many must not; more people or a longer follow-up give more"
            )
        x = _matrix(table, self.features)
        self.map, self._left_out = CalibrationMap(), table.select(*KEYS, OUTCOME, WEIGHT).with_columns(said=pl.lit(0.5))
        if self._calibrate:
            self._left_out = self._left_out.with_columns(said=pl.Series(self._cross_fitted(x, y, w, persons)))
            late = self._left_out if level_after_day is None else self._left_out.filter(pl.col("day") > level_after_day)
            those = int(late[OUTCOME].sum())
            enough = min(those, len(late) - those) >= self._parameters["fewest_events_to_recalibrate"]
            self.map = _map_of(late if enough else self._left_out, "logistic")
        self._fitted = _fit(self.estimator, x, y, w)
        self._table = table.select(*self.features, OUTCOME, WEIGHT)
        return self

    def predict(self, frame: pl.DataFrame) -> Floats:
        """Probability of the outcome for each row.

        Raises:
            InputError: the model has not been fitted, or a feature is missing.
        """
        return self.map(self._said(frame))

    def recalibrate(
        self,
        frame: pl.DataFrame,
        *,
        weight: Floats | None = None,
        method: Method = "logistic",
        with_training_after_day: int | None = None,
    ) -> Self:
        """Recalibrate the risks to recent rows with their outcomes; the estimator does not change.

        Args:
            frame: rows outside the training table.
            weight: of each row; equal when None.
            method: logistic (level and slope of the log odds) or isotonic (any rising map; needs many more rows).
            with_training_after_day: also use the training table's landmarks after this day, with their out-of-fold
                predictions; None: do not.

        Raises:
            InputError: see `predict`; or nobody or everybody had the outcome.
        """
        w = np.ones(len(frame)) if weight is None else np.asarray(weight, np.float64)
        y = frame[self.outcome].cast(pl.Float64)
        rows = pl.DataFrame({OUTCOME: y, WEIGHT: w, "said": self._said(frame)})
        if with_training_after_day is not None and self._calibrate:
            earlier = self._left_out.filter(pl.col("day") > with_training_after_day)
            rows = pl.concat([rows, earlier.select(rows.columns)])
        if not 0.0 < float((rows[WEIGHT] * rows[OUTCOME]).sum()) < float(rows[WEIGHT].sum()):
            raise InputError(f"risk model: nobody or everybody had '{self.outcome}': cannot be recalibrated")
        self.map = _map_of(rows, method)
        return self

    def left_out(self) -> pl.DataFrame:
        """Out-of-fold predictions of the training table.

        Returns:
            person_id, day, risk, happened, weight.
        """
        risk = self.map(self._left_out["said"].to_numpy())
        return self._left_out.select(*KEYS, pl.Series("risk", risk), happened=OUTCOME, weight=WEIGHT)

    def save(self, folder: Path | str) -> None:
        """Write the model to a folder: its training table, without ids, and its record; readable by the owner only."""
        self._must_be_fitted()
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        said = _probability(self._fitted, _matrix(self._table.head(CHECKED_ROWS), self.features))
        record = {
            "outcome": self.outcome,
            "features": list(self.features),
            "estimator": str(self.estimator),
            "is_default": self._given is None,
            "map": asdict(self.map) | {"information": min(self.map.information, sys.float_info.max)},
            "calibrate": self._calibrate,
            "check": [float(p) for p in said],
            "versions": {"popsim": version("popsim"), "scikit-learn": version("scikit-learn")},
        }
        for name in (TABLE, RECORD):
            (folder / name).touch(0o600)
        self._table.write_parquet(folder / TABLE)
        (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path | str, estimator: Any = None, *, parameters: ParameterSet) -> RiskModel:
        """Read a model and refit it.

        Args:
            folder: written by `save`.
            estimator: the estimator of the saved model, if it was not the default.
            parameters: the same as when it was saved.

        Raises:
            InputError: there is no readable model, or it was saved with another estimator.
            RunError: the refitted model predicts different risks (another version of a library).
        """
        folder = Path(folder)
        try:
            record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            table = pl.read_parquet(folder / TABLE)
            model = cls(estimator, parameters=parameters, calibrate=record["calibrate"])
            features, at = tuple(record["features"]), record["map"]
            model.map = CalibrationMap(at["method"], tuple(at["log_odds"]), tuple(at["becomes"]), at["information"])
            saved, checked = record["estimator"], np.array(record["check"])
            model.features, model.outcome = features, record["outcome"]
        except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
            raise InputError(f"{folder}: holds no risk model ({RECORD}, {TABLE})") from None
        if str(model.estimator) != saved:
            raise InputError(f"{folder}: was saved with the estimator {saved}: pass the same estimator to load it")
        x = _matrix(table, features)
        model._fitted = _fit(model.estimator, x, table[OUTCOME].to_numpy(), table[WEIGHT].to_numpy())
        model._table = table
        if np.abs(_probability(model._fitted, x[:CHECKED_ROWS]) - checked).max() > SAME:
            known = record.get("versions", {}).get("scikit-learn")
            raise RunError(f"{folder}: the model predicts other risks than when it was saved (scikit-learn {known})")
        return model

    def _said(self, frame: pl.DataFrame) -> Floats:
        self._must_be_fitted()
        return _probability(self._fitted, _matrix(frame, self.features)) if len(frame) else np.zeros(0)

    def _must_be_fitted(self) -> None:
        if not self.is_fitted:
            raise InputError("risk model: has not been fitted")

    def _table_of(self, frame: pl.DataFrame, weight: Floats | None) -> pl.DataFrame:
        """Features, outcome, weight and keys of the rows that count, in the order of their keys."""
        if self.outcome not in frame.columns:
            raise InputError(f"risk model: no column '{self.outcome}': {did_you_mean(self.outcome, frame.columns)}")
        y = frame[self.outcome].cast(pl.Float64, strict=False)
        if not y.is_in([0.0, 1.0]).all() or y.has_nulls():
            raise InputError(f"risk model: '{self.outcome}' must be 0 or 1 in every row")
        w = np.ones(len(frame)) if weight is None else np.asarray(weight, np.float64)
        rows = np.arange(len(frame))
        keys = [frame[name] if name in frame.columns else pl.Series(name, rows) for name in KEYS]
        columns = [*_numbers(frame, self.features), y.alias(OUTCOME), pl.Series(WEIGHT, w)]
        table = pl.DataFrame([*columns, *keys]).filter(pl.col(WEIGHT) > 0.0)
        return _thinned(table, int(self._parameters["most_rows"])).sort(KEYS, maintain_order=True)

    def _cross_fitted(self, x: Floats, y: Floats, w: Floats, persons: NDArray[np.int64]) -> Floats:
        """Out-of-fold predictions: the estimator is fitted to the other folds of persons."""
        folds = int(self._parameters["folds"])
        u = keyed(RandomKey(), persons.astype(np.int64), STREAM_INTERVENTION, FOLD_WORD)
        fold = np.minimum((u * folds).astype(np.int64), folds - 1)
        said = np.full(len(y), np.average(y, weights=w))
        for i in range(folds):
            here = fold == i
            inside = y[~here]
            if here.any() and 0.0 < inside.sum() < len(inside):
                said[here] = _probability(_fit(self.estimator, x[~here], inside, w[~here]), x[here])
        return said


def _default(parameters: ParameterSet) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=int(parameters["trees"]),
        learning_rate=parameters["step"],
        max_leaf_nodes=int(parameters["leaves"]),
        min_samples_leaf=int(parameters["fewest_in_leaf"]),
        l2_regularization=parameters["leaf_shrinkage"],
        early_stopping=False,
        random_state=0,
    )


def _fit(estimator: Any, x: Floats, y: Floats, w: Floats) -> Any:
    """Fit a copy of the estimator on one thread."""
    from threadpoolctl import threadpool_limits

    steps = getattr(estimator, "steps", None)
    key = f"{steps[-1][0]}__sample_weight" if steps else "sample_weight"
    weights = {} if (w == w[0]).all() else {key: w}
    x = np.where(np.isnan(x).all(axis=0), 0.0, x)  # estimators cannot bin a column without values
    with threadpool_limits(1):
        try:
            estimator.fit(x, y, **weights)
        except (ValueError, TypeError) as error:
            raise InputError(f"risk model: {type(estimator).__name__} refuses the table: {error}") from None
    return estimator


def _probability(fitted: Any, x: Floats) -> Floats:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return np.asarray(fitted.predict_proba(x)[:, 1], np.float64)


def _thinned(table: pl.DataFrame, max_rows: int) -> pl.DataFrame:
    """A random subset of at most `max_rows` rows, keyed by person and day, so that it does not depend on row order."""
    if len(table) <= max_rows:
        return table
    lots = np.empty(len(table))
    days, person = table["day"].to_numpy(), table["person_id"].to_numpy().astype(np.int64)
    for day in np.unique(days):
        here = days == day
        lots[here] = keyed(RandomKey(), person[here], STREAM_INTERVENTION, ROW_WORD + int(day))
    return table[np.argsort(lots, kind="stable")[:max_rows]]


def _map_of(rows: pl.DataFrame, method: Method) -> CalibrationMap:
    """The calibration map that fits the outcomes best."""
    said, y, w = (rows[name].to_numpy() for name in ("said", OUTCOME, WEIGHT))
    x = logit(np.clip(said, MIN_RISK, 1.0 - MIN_RISK))
    if method == "isotonic":
        from sklearn.isotonic import IsotonicRegression

        fitted = IsotonicRegression(y_min=MIN_RISK, y_max=1.0 - MIN_RISK).fit(x, y, sample_weight=w)
        log_odds, becomes = fitted.X_thresholds_, logit(fitted.y_thresholds_)
    else:
        line = fit_logistic(x[:, np.newaxis], w, w * y)
        slope = max(float(line.coefficients[0]), 0.0)  # 0: the estimator does not discriminate
        level = line.intercept if slope else float(logit(np.average(y, weights=w)))
        log_odds, becomes = np.array([0.0, 1.0]), np.array([level, level + slope])
    found = CalibrationMap(method, tuple(log_odds.tolist()), tuple(becomes.tolist()))
    risk = found(said)
    return replace(found, information=float((w * risk * (1.0 - risk)).sum() ** 2 / (w**2 * risk * (1.0 - risk)).sum()))


def _numbers(frame: pl.DataFrame, features: Sequence[str]) -> pl.DataFrame:
    """Features as numbers, NaN where they are missing."""
    for name in features:
        if name not in frame.columns:
            raise InputError(f"risk model: no column '{name}': {did_you_mean(name, frame.columns)}")
        if not (frame.schema[name].is_numeric() or frame.schema[name] == pl.Boolean):
            raise InputError(f"risk model: column '{name}' holds no numbers")
    return frame.select(pl.col(features).cast(pl.Float64).fill_null(np.nan))


def _matrix(frame: pl.DataFrame, features: Sequence[str]) -> Floats:
    """Features as (rows, features), in the order of the rows in memory."""
    return np.ascontiguousarray(_numbers(frame, features).to_numpy())
