"""Forecasts and comparisons of options for one twin, stored with it. For research, not for care."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import sqlalchemy as sql
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from popsim.assimilation.belief import Belief
from popsim.assimilation.choice import Comparison, compare
from popsim.assimilation.ensemble import Ensemble
from popsim.assimilation.forecast import EVENTS, HORIZONS, Forecast, forecast
from popsim.assimilation.options import load_options
from popsim.assimilation.reasons import UNCHANGED, described, explain
from popsim.definitions.options import TherapyOption
from popsim.errors import InputError
from popsim.evidence.sets import Parameters
from popsim.registry.advance import draws_of, filtration
from popsim.registry.audit import LoggedAction, next_line, write_audit
from popsim.registry.packing import BeliefKind
from popsim.registry.privacy import NO_NAMES, personal
from popsim.registry.rows import salts, stored_rows
from popsim.registry.service import TwinRegistry
from popsim.registry.summary import Band, OptionSummary, RiskSummary
from popsim.registry.tables import forecasts, insert_many, observations, recommendations
from popsim.registry.vocabulary import Vocabulary

FORECAST_DAYS = max(HORIZONS)
COMPARED_DAYS = 180
WILLINGNESS_TO_PAY = 20_000.0  # GBP a QALY, the lower end of NICE's range, as in the experiments
QUANTILES = (0.05, 0.5, 0.95)
MAX_DAYS = 730


def make_forecast(registry: TwinRegistry, twin: str, days: int = FORECAST_DAYS) -> None:
    """Compute and store a forecast of the belief; `views.summarise` shows it.

    Raises:
        InputError: there is no such twin, it has died, or the days are out of bounds.
    """
    _check_days(days)
    kind, belief = belief_of_living(registry, twin)
    columns = [sensor.column for sensor in kind.vocabulary.shown]
    ahead = forecast(
        belief,
        days,
        columns=columns,
        quantiles=QUANTILES,
        parameters=kind.parameters,
        draws=draws_of(kind.seed, kind.parameters),
        lives=int(kind.parameters["forecast"]["lives_per_member"]),
    )
    signals = {sensor.name: asdict(_band(ahead, sensor.column)) for sensor in kind.vocabulary.shown}
    result = {"days": days, "signals": signals, "risks": [asdict(risk) for risk in _risks(ahead)]}
    _keep(registry, forecasts, twin, "forecast", belief.day, result)


def compare_options(
    registry: TwinRegistry,
    twin: str,
    options: Sequence[TherapyOption] | None = None,
    *,
    days: int = COMPARED_DAYS,
    willingness_to_pay: float = WILLINGNESS_TO_PAY,
    highest_risk: float | None = None,
    budget: float | None = None,
) -> None:
    """Compare options on the belief and store them with the recommendation and its reasons.

    Args:
        registry: of the twin.
        twin: its id.
        options: to compare; those of evidence/practice/options.toml when None.
        days: horizon of the comparison.
        willingness_to_pay: for a QALY, GBP.
        highest_risk: maximum risk of an adverse reaction, 0 to 1.
        budget: for the incremental cost of drugs, devices and visits, GBP.

    Raises:
        InputError: there is no such twin, it has died, or an option or a number is refused.
    """
    _check_days(days)
    for option in options or ():
        if personal(option.title):
            raise InputError(f"option '{option.name}': {NO_NAMES}; its label is stored with the recommendation")
    kind, belief = belief_of_living(registry, twin)
    with registry.database.reading() as connection:
        seen = last_seen(connection, twin, kind.vocabulary, belief.ensemble, kind.parameters)
    compared = compare(
        belief,
        load_options() if options is None else options,
        days,
        seen=seen,
        willingness_to_pay=willingness_to_pay,
        highest_risk=highest_risk,
        budget=budget,
        parameters=kind.parameters,
    )
    why = explain(compared)
    result = {
        "benefit_unit": f"GBP within {days} days at {willingness_to_pay:,.0f} GBP a QALY",
        "sure": why.sure,
        "reasons": [sentence for sentence in why.sentences if sentence != why.sentences[-1]],  # the last is the notice
        "options": [asdict(option) for option in _options(compared, why.refusals)],
    }
    _keep(registry, recommendations, twin, "compare", belief.day, result)


def belief_of_living(registry: TwinRegistry, twin: str) -> tuple[BeliefKind, Belief]:
    """The belief about a twin and its kind.

    Raises:
        InputError: there is no such twin, or it has died.
    """
    kind, belief = registry.belief(twin)
    if belief.ensemble.of("alive")[0, 0] == 0:
        raise InputError(f"twin {twin}: the person has died")
    return kind, belief


def _band(ahead: Forecast, column: str) -> Band:
    days = tuple(range(ahead.day + 1, ahead.day + 1 + ahead.days))
    low, median, high = (tuple(float(value) for value in one) for one in ahead.bands[column][0].T)
    return Band(days, low, median, high)


def _risks(ahead: Forecast) -> list[RiskSummary]:
    """The risks to show; single reactions are part of `adverse_reaction`."""
    return [
        RiskSummary(event, label, one.within_days, float(one.probability[0]), float(one.low[0]), float(one.high[0]))
        for event, label in EVENTS.items()
        for one in ahead.risks.get(event, ())
    ]


def _options(compared: Comparison, refusals: dict[str, str]) -> list[OptionSummary]:
    labels = {one.name: described(compared, index) for index, one in enumerate(compared.options)}
    return [
        OptionSummary(
            label=labels[row["option"]],
            benefit=row["gain"],
            low=row["low"],
            high=row["high"],
            probability_best=row["probability_best"],
            refused=refusals.get(row["option"], ""),
            chosen=row["recommended"],
        )
        for row in compared.frame().to_dicts()
        if refusals.get(row["option"]) != UNCHANGED
    ]


def last_seen(
    connection: Connection, twin: str, vocabulary: Vocabulary, ensemble: Ensemble, parameters: Parameters
) -> dict[str, NDArray[np.float64]]:
    """The last reading of each column; prescribing rules use it rather than the belief."""
    seen: dict[str, NDArray[np.float64]] = {}
    for row in stored_rows(connection, observations, twin, vocabulary):
        measure = vocabulary.measurements[row.code]
        value = filtration(ensemble, row.value, parameters) if measure.creatinine else row.value
        seen[measure.name] = np.array([value])
    return seen


def _keep(registry: TwinRegistry, table: sql.Table, twin: str, action: str, day: int, result: dict[str, Any]) -> None:
    written = json.dumps(result, allow_nan=False, sort_keys=True)
    with registry.database.writing() as connection:
        registry.standings(connection, twin)  # the twin may have been deleted meanwhile
        [salt] = salts(connection, [twin])
        row = (next_line(connection), twin, day, written)
        insert_many(connection, table, [row])
        write_audit(connection, [LoggedAction(twin, action, salt, {table: [row]})])


def _check_days(days: int) -> None:
    if not 1 <= days <= MAX_DAYS:
        raise InputError(f"days = {days}: must be between 1 and {MAX_DAYS}")
