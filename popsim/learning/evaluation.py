"""Evaluation of a risk model on people and times outside its training data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from popsim.errors import InputError
from popsim.evidence.parameters import ParameterSet
from popsim.kernels.codes import STREAM_INTERVENTION
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.sampling import keyed
from popsim.learning.drift import Reference
from popsim.learning.loop import LearningLoop
from popsim.learning.performance import (
    JudgedRisks,
    Performance,
    difference,
    fairness,
    performance,
    subgroups,
    watched_from,
)
from popsim.learning.risk_model import Floats, RiskModel
from popsim.statistics import Estimate

SPLIT_WORD = 0x73706C69  # index of the random number that assigns a person to training or test
APART = "Nobody is in both parts, and training ended before the test began."
APART_BY_PERSON = "Nobody is in both parts; the rows hold no time."
FORESEEN = (
    "The test rows are judged by the risks that the models of their time predicted, before the outcome was known; "
    "people are in both parts, and the training table is that of the last model."
)
MAX_SHUFFLED = 3000  # rows used to measure the importance of features


class ScoreComparison(NamedTuple):
    """A score on the same rows.

    Attributes:
        name: of the score.
        c_statistic: of its points.
        gain: c-statistic of the model minus that of the score, with a paired standard error.
    """

    name: str
    c_statistic: Estimate
    gain: Estimate


class Evaluation(NamedTuple):
    """The performance of a model on people and times outside its training data.

    Attributes:
        model: fitted to the earlier rows of some persons.
        train, test: rows of each, with outcomes.
        split: how they are kept apart, in words.
        judged: predicted risks and outcomes of the test rows.
        watched: watch threshold: the lowest of the highest risks that are watched.
        performance: of the test rows.
        subgroups: `fairness(...)` of them.
        weights: feature, drop (of the c-statistic when its values are shuffled), missing (share); the largest first.
        shifts: stability index of the features from the training rows to the test rows.
        against: scores on the same rows.
    """

    model: RiskModel
    train: pl.DataFrame
    test: pl.DataFrame
    split: str
    judged: JudgedRisks
    watched: float
    performance: Performance
    subgroups: pl.DataFrame
    weights: pl.DataFrame
    shifts: pl.DataFrame
    against: tuple[ScoreComparison, ...]


def evaluate(
    frame: pl.DataFrame,
    outcome: str,
    groups: Mapping[str, pl.Series],
    *,
    horizon_days: int = 0,
    model: RiskModel | None = None,
    features: Sequence[str] | None = None,
    scores: Mapping[str, str] | None = None,
    parameters: ParameterSet,
) -> Evaluation:
    """Fit a model to some of the persons at earlier times, and evaluate it on the others at later times.

    Args:
        frame: landmarks with outcomes; person_id, and day if time is known.
        outcome: column of the outcome.
        groups: name of the group of every row, by characteristic.
        horizon_days: length of the windows.
        model: to fit; the default model when None.
        features: columns to predict from; all predictors when None.
        scores: columns of points to compare with, by their name.
        parameters: the set learning.

    Raises:
        InputError: a part has too few events, or landmarks are over too few days to learn and test apart.
    """
    if frame.is_empty():
        raise InputError(
            "risk model: there are no landmarks: more people, a longer follow-up or a shorter horizon give some"
        )
    in_training, in_test = _split(frame, horizon_days, parameters["training_share"])
    train, test = frame.filter(in_training), frame.filter(in_test)
    if train.is_empty() and "day" in frame.columns:
        days = int(np.ptp(frame["day"].to_numpy()))
        raise InputError(
            f"risk model: landmarks over {days} days: too few to learn from {horizon_days} days and test on others; "
            "a longer follow-up or a shorter horizon gives more"
        )
    events = int(test[outcome].sum()) if len(test) else 0
    if not 0 < events < len(test):
        raise InputError(f"risk model: {events} of {len(test)} test rows have '{outcome}': more people are needed")
    fitted = (model or RiskModel(parameters=parameters)).fit(train, outcome, features=features)
    judged = _judged(fitted, test)
    watched = watched_from(judged.risk, parameters["watched_share"])
    against = []
    for name, column in (scores or {}).items():
        points = judged._replace(risk=test[column].to_numpy().astype(np.float64))
        against.append(ScoreComparison(name, performance(points, np.inf).c_statistic, difference(judged, points)))
    chosen = {name: values.filter(in_test) for name, values in groups.items()}
    return Evaluation(
        model=fitted,
        train=train,
        test=test,
        split=APART if "day" in frame.columns else APART_BY_PERSON,
        judged=judged,
        watched=watched,
        performance=performance(judged, watched),
        subgroups=fairness(judged, chosen, watched),
        weights=_weights(fitted, train, test),
        shifts=Reference(train, fitted.features, parameters).shifts(test),
        against=tuple(against),
    )


def prospective(loop: LearningLoop, parameters: ParameterSet) -> Evaluation:
    """Prospective evaluation of a learning loop, by the risks that it predicted; `parameters` is the set learning.

    Raises:
        InputError: no predicted risk has reached its horizon yet.
    """
    judged, rows = loop.judged()
    watched = watched_from(judged.risk, parameters["watched_share"], judged.weight)
    train = loop.table
    return Evaluation(
        model=loop.model,
        train=train,
        test=rows,
        split=FORESEEN,
        judged=judged,
        watched=watched,
        performance=performance(judged, watched),
        subgroups=fairness(judged, subgroups(rows), watched),
        weights=_weights(loop.model, train, rows),
        shifts=Reference(train, loop.model.features, parameters).shifts(rows),
        against=(),
    )


def _split(frame: pl.DataFrame, horizon_days: int, share: float) -> tuple[pl.Series, pl.Series]:
    """Rows for training and rows for the test, split by person and, if the frame has days, by time."""
    person = frame["person_id"].to_numpy().astype(np.int64)
    learns = pl.Series(keyed(RandomKey(), person, STREAM_INTERVENTION, SPLIT_WORD) < share)
    if "day" not in frame.columns or frame["day"].n_unique() == 1:
        return learns, ~learns
    first = frame["day"].quantile(share, interpolation="lower")
    return learns & (frame["day"] + horizon_days <= first), ~learns & (frame["day"] >= first)


def _judged(model: RiskModel, test: pl.DataFrame) -> JudgedRisks:
    happened = test[model.outcome].cast(pl.Float64).to_numpy()
    return JudgedRisks.of(model.predict(test), happened, person=test["person_id"].to_numpy())


def _weights(model: RiskModel, train: pl.DataFrame, test: pl.DataFrame) -> pl.DataFrame:
    """Permutation importance: the loss of c-statistic on test rows when the values of a feature are permuted."""
    rows = test.head(MAX_SHUFFLED)
    order = np.argsort(keyed(RandomKey(), np.arange(len(rows), dtype=np.int64), STREAM_INTERVENTION, SPLIT_WORD))

    def concordance(frame: pl.DataFrame) -> float:
        return performance(_judged(model, frame), np.inf).c_statistic.value

    whole = concordance(rows)
    found = [
        (name, whole - concordance(rows.with_columns(rows[name][order].alias(name))), _missing(train[name]))
        for name in model.features
    ]
    table = pl.DataFrame(found, schema={"feature": pl.String, "drop": pl.Float64, "missing": pl.Float64}, orient="row")
    return table.sort("drop", descending=True, maintain_order=True)


def _missing(values: pl.Series) -> float:
    unknown: Floats = np.isnan(values.cast(pl.Float64).fill_null(np.nan).to_numpy())
    return float(unknown.mean())
