"""A model judged on people and times that it has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from popsim.errors import InputError
from popsim.evidence.parameters import load_parameters
from popsim.kernels.codes import STREAM_INTERVENTION
from popsim.kernels.numerics.sampling import keyed_uniforms
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

SPLIT_WORD = 0x73706C69  # index of the random number that says on which side a person is
APART = "Nobody is in both parts, and training ended before the test began."
APART_BY_PERSON = "Nobody is in both parts; the rows say nothing of time."
FORESEEN = (
    "The test rows are judged by the risks that the models of their time foresaw, before what happened was known; "
    "people are in both parts, and the training table is the last model's."
)
MAX_SHUFFLED = 3000  # rows that the weight of features is measured on


class Against(NamedTuple):
    """A score on the same rows.

    Attributes:
        name: of the score.
        c_statistic: of its points.
        gain: c-statistic of the model less that of the score; its error is that of pairs.
    """

    name: str
    c_statistic: Estimate
    gain: Estimate


class Evaluation(NamedTuple):
    """What is known of a model from people and times that it has not seen.

    Attributes:
        model: fitted to the earlier rows of some persons.
        train, test: rows of each, with outcomes.
        split: how they are kept apart, in words.
        judged: risks of the test rows and what happened.
        watched: risk from which the rows of the highest risks are watched.
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
    against: tuple[Against, ...]


def evaluate(
    frame: pl.DataFrame,
    outcome: str,
    groups: Mapping[str, pl.Series],
    *,
    horizon_days: int = 0,
    model: RiskModel | None = None,
    features: Sequence[str] | None = None,
    scores: Mapping[str, str] | None = None,
) -> Evaluation:
    """Fit to one part of the persons at earlier times, and judge by the others at later ones.

    Args:
        frame: landmarks with outcomes; person_id, and day if time is known.
        outcome: column of the outcome.
        groups: name of the group of every row, by characteristic.
        horizon_days: length of the windows.
        model: to be fitted; the default when None.
        features: columns to predict from; all predictors when None.
        scores: columns of points to compare with, by their name.

    Raises:
        InputError: a part has too few events.
    """
    parameters = load_parameters("learning")
    in_training, in_test = _split(frame, horizon_days, parameters["training_share"])
    train, test = frame.filter(in_training), frame.filter(in_test)
    events = int(test[outcome].sum()) if len(test) else 0
    if not 0 < events < len(test):
        raise InputError(f"risk model: {events} of {len(test)} test rows have '{outcome}': more people are needed")
    fitted = (model or RiskModel()).fit(train, outcome, features=features)
    judged = _judged(fitted, test)
    watched = watched_from(judged.risk, parameters["watched_share"])
    against = []
    for name, column in (scores or {}).items():
        points = judged._replace(risk=test[column].to_numpy().astype(np.float64))
        against.append(Against(name, performance(points, np.inf).c_statistic, difference(judged, points)))
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


def prospective(loop: LearningLoop) -> Evaluation:
    """A model that learns on the way, judged by the risks that it foresaw.

    Raises:
        InputError: no risk that was foreseen has come to its end yet.
    """
    judged, rows = loop.judged()
    parameters = load_parameters("learning")
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
    """Which rows are for training and which for the test: by person, and by time where there is one."""
    person = frame["person_id"].to_numpy().astype(np.int64)
    u = np.empty(len(person))
    keyed_uniforms(0, 0, person, STREAM_INTERVENTION, u, SPLIT_WORD)
    learns = pl.Series(u < share)
    if "day" not in frame.columns or frame["day"].n_unique() == 1:
        return learns, ~learns
    first = frame["day"].quantile(share, interpolation="lower")
    return learns & (frame["day"] + horizon_days <= first), ~learns & (frame["day"] >= first)


def _judged(model: RiskModel, test: pl.DataFrame) -> JudgedRisks:
    happened = test[model.outcome].cast(pl.Float64).to_numpy()
    return JudgedRisks.of(model.predict(test), happened, person=test["person_id"].to_numpy())


def _weights(model: RiskModel, train: pl.DataFrame, test: pl.DataFrame) -> pl.DataFrame:
    """How much each feature matters: what the c-statistic of test rows loses when its values go to other rows."""
    rows = test.head(MAX_SHUFFLED)
    u = np.empty(len(rows))
    keyed_uniforms(0, 0, np.arange(len(rows), dtype=np.int64), STREAM_INTERVENTION, u, SPLIT_WORD)
    order = np.argsort(u)

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
