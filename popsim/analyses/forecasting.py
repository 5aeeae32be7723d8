"""Evaluation of forecasts on simulated people: forecasts against simulated outcomes.

People who enter in the last weeks of enrolment get an ensemble that assimilates daily home readings, the record and
presentations. Some weeks after enrolment the ensembles forecast, and the simulation continues: forecasts do not affect
care. Clinical scores of the same people, and the true state simulated forward with independent random numbers (the most
that could be known), are evaluated beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.alerting.belief import TwinRisks
from popsim.assimilation.belief import Belief
from popsim.assimilation.counterfactuals import reactions_present
from popsim.assimilation.ensemble import Ensemble
from popsim.assimilation.forecast import DEATH, DECOMPENSATION, PRESENTATION, REACTION, READMISSION, Forecast, forecast
from popsim.assimilation.prior import member_ids
from popsim.care.monitoring import HomeReadings, Monitoring
from popsim.care.signals import Signals
from popsim.definitions.guidance import MAX_RISK, Guidance
from popsim.definitions.interventions import Telemonitoring
from popsim.errors import InputError, did_you_mean
from popsim.kernels.codes import DEATH as DIES
from popsim.kernels.codes import END, ENTER, PRESENT, START
from popsim.kernels.numerics.random import RandomKey
from popsim.outcomes.readmission import stays
from popsim.outcomes.scores import SCORES, history, points, quantities, score_of
from popsim.outcomes.scoring import brier, c_statistic, calibration, crps, log_score, recalibrated
from popsim.population.clock import Clock
from popsim.population.population import Population
from popsim.runs.engine import Engine
from popsim.runs.spread import spread
from popsim.simulation.model import PopulationModel
from popsim.simulation.protocols import MonitoringPart
from popsim.studies.design import Study, Unit
from popsim.studies.unit import build, warm_up

type Floats = NDArray[np.float64]

JUDGED = (DECOMPENSATION, PRESENTATION, READMISSION, DEATH, REACTION)
SIGNALS = ("weight_kg", "nt_probnp_pg_ml")
SIGNAL_DAYS = (7, 30)
INTERVAL = (0.05, 0.95)
TWIN, TRUTH, BASE_RATE = "Twin", "True state", "Base rate"
RECRUITED_DAYS = 28  # last days of enrolment whose entrants are evaluated, when wards are busiest
DESCRIBED = ("female", "age_years", "deprivation_quintile", "ethnicity")  # people, for figures by subgroup
LIVES_AT_HOME = ("community", "facility")
MAX_MEMBERS = 1024
# Everybody measures every morning; nobody reaches the limits, so that there are no alerts.
HOME_DEVICES = Telemonitoring(
    desk="nobody",
    uptake=1.0,
    duration_days=3653,
    weight_gain_kg=20.0,
    systolic_low_mmhg=50.0,
    systolic_high_mmhg=250.0,
    heart_rate_low_bpm=20.0,
    heart_rate_high_bpm=250.0,
    days_between_alerts=365,
)


class EvaluatedForecasts(NamedTuple):
    """Forecast and outcome of each person.

    Attributes:
        day: the last day with observations.
        days: horizon of the risks.
        risks: person_id, event, forecaster, value (a risk, or points of a score), is_risk, happened.
        signals: person_id, column, day (from the forecast), forecaster, observed, crps, covered (by the 90% interval).
        people: person_id and DESCRIBED, in the order of the rows of each event and forecaster.
    """

    day: int
    days: int
    risks: pl.DataFrame
    signals: pl.DataFrame
    people: pl.DataFrame = pl.DataFrame()


def evaluate_forecasts(
    study: Study,
    strategy: str,
    *,
    weeks: int = 4,
    days: int = 30,
    members: int = 32,
    replications: int = 1,
    engine: Engine = Engine(1, 1),  # noqa: B008  (immutable)
) -> EvaluatedForecasts:
    """Run ensembles beside the people of a study, forecast, and simulate the outcomes.

    Args:
        study: its first replications are simulated, and the people of all evaluated together.
        strategy: its name; the comparator when empty.
        weeks: from the end of enrolment to the forecast.
        days: within which events count.
        members: of each ensemble.
        replications: their number.
        engine: the processes over which replications and regions are spread.

    Raises:
        InputError: a number is out of bounds, the strategy does not exist, or the follow-up is too short.
    """
    names = [one.name for one in study.experiment.strategies]
    chosen = strategy or study.experiment.reference
    if chosen not in names:
        raise InputError(f"strategy '{chosen}': {did_you_mean(chosen, names)}")
    for flag, number, least, most in (
        ("--weeks", weeks, 1, 52),
        ("--days", days, 1, 365),
        ("--members", members, 2, MAX_MEMBERS),
    ):
        if not least <= number <= most:
            raise InputError(f"command line: {flag} = {number}: must be between {least} and {most}")
    units = [unit for unit in study.units if unit.strategy.name == chosen and unit.replication < replications]
    units = [unit for unit in units if unit.draw == units[0].draw]
    evaluate = partial(_evaluated_unit, weeks=weeks, days=days, members=members)
    found = spread(engine, evaluate, units, warm_up=partial(warm_up, units[:1]))
    kept = zip(*((one.risks, one.signals, one.people) for one in found), strict=True)
    risks, signals, people = (pl.concat(tables) for tables in kept)
    share = pl.col("happened").mean().over("event", "forecaster")
    base_rate = pl.when(pl.col("forecaster") == BASE_RATE).then(share).otherwise(pl.col("value"))
    return found[0]._replace(risks=risks.with_columns(value=base_rate), signals=signals, people=people)


def _evaluated_unit(unit: Unit, *, weeks: int, days: int, members: int) -> EvaluatedForecasts:
    """The evaluation on the people of one unit."""
    study = unit.study
    model = build(unit, schema=study.schema)
    first = max(model.enrolment_days - RECRUITED_DAYS, 0)
    start = model.enrolment_days + 7 * weeks
    if start + max(days, *SIGNAL_DAYS) > model.days:
        raise InputError(f"the experiment ends after {model.days} days: too short for {weeks} weeks and {days} days")
    if first:
        model.run_for(first)
    shadow = ShadowMonitoring(model, study, members)
    model.monitoring = shadow
    model.run_for(start - first)
    return _evaluated(model, shadow, study, days, members)


class ShadowMonitoring:
    """The model's monitoring, with ensembles beside it that observe much and do not affect care.

    Args:
        model: on the morning of a day; those who enter from then on get an ensemble.
        study: of the model.
        members: of each ensemble.
    """

    def __init__(self, model: PopulationModel, study: Study, members: int) -> None:
        self._usual: MonitoringPart = model.monitoring
        people, parameters = model.population, model.parameters
        self.rows = np.flatnonzero(people["entry_day"] >= model.clock.day)
        key = model.key
        self._risks = TwinRisks(
            Guidance(kind="twin", alert_from_risk=MAX_RISK, members=members),
            people,
            self.rows,
            cohort=study.cohort,
            physiology=model.build_physiology(),
            home=HOME_DEVICES,
            observation=Signals(people.schema, key=key),
            parameters=parameters,
            key=key,
        )
        errors = parameters["home_signals"]
        self._home = Monitoring(HOME_DEVICES, key=key, signals=errors, alert_source=self)

    def observe(self, population: Population, clock: Clock) -> None:
        """The usual morning; then everybody at home takes readings that only the ensembles assimilate."""
        self._usual.observe(population, clock)
        as_seen = population.copy()
        as_seen["telemonitored"] = population["alive"]
        self._home.observe(as_seen, clock)

    def alert(self, population: Population, clock: Clock, readings: HomeReadings) -> None:
        """The guide's part of `Monitoring`: the ensembles assimilate the morning's readings, and raise no alerts."""
        self._risks.update(population, clock, readings)

    def belief(self, population: Population) -> Belief:
        """The ensembles on an evening, with the day's changes of treatment."""
        belief = self._risks.belief
        recorded = [name for name, column in population.schema.columns.items() if column.writer == "care"]
        belief.set_known({name: population[name][self.rows] for name in recorded if name != "telemonitored"})
        return belief


def _evaluated(
    model: PopulationModel, shadow: ShadowMonitoring, study: Study, days: int, members: int
) -> EvaluatedForecasts:
    """Forecasts for everybody on this evening, and the outcomes of those who are at home."""
    people, day = model.population, model.clock.day - 1
    classes = {setting.name: setting.setting_class for setting in model.network.settings}
    lives_at = np.isin(np.array(list(classes.values()))[people["setting"]], LIVES_AT_HOME)
    home = (people["alive"][shadow.rows] != 0) & lives_at[shadow.rows]
    rows, places = shadow.rows[home], np.flatnonzero(home)
    if not len(rows):
        raise InputError("nobody is alive and at home on the day of the forecast: simulate more people")
    horizons = sorted({days, *SIGNAL_DAYS})

    def forecast_by(belief: Belief, persons: NDArray[np.int64] | None = None) -> Forecast:
        return forecast(
            belief,
            horizons[-1],
            columns=SIGNALS,
            events=JUDGED,
            persons=persons,
            horizons=horizons,
            quantiles=INTERVAL,
            parameters=model.parameters,
            lives=int(model.parameters["forecast"]["lives_per_member"]),
        )

    told = {TWIN: forecast_by(shadow.belief(people), places), TRUTH: forecast_by(_known(model, rows, members))}
    events = model.events.frame(kinds=(ENTER, START, END, DIES))
    parameters = model.parameters
    past = history(events, classes, people, day, parameters["risk_scores"])
    known = {name: values[rows] for name, values in quantities(people, day, past, parameters).items()}
    scored = {score_of(name).label: points(name, known).astype(np.float64) for name in SCORES}
    ids, shown = people.person_id[rows], {}
    present = reactions_present(people.chosen(rows))
    reacts = np.zeros(len(rows), np.bool_)
    for ahead in range(1, horizons[-1] + 1):
        model.run_for(1)
        now = people.chosen(rows)
        if ahead <= days:
            new = reactions_present(now) & ~present
            reacts |= new.any(axis=0) & (now["alive"] != 0)
        if ahead in horizons:
            shown[ahead] = (now["alive"] != 0, {name: now[name].astype(np.float64) for name in SIGNALS})
    came = _people_with_event(model, classes, ids, day + 1, days) | {REACTION: reacts}
    risks = [
        _risk_rows(ids, event, who, values, is_risk, came[event])
        for event in JUDGED
        for who, (values, is_risk) in {
            **{who: (found.risk(event, days).probability, True) for who, found in told.items()},
            **{label: (values, False) for label, values in scored.items()},
            BASE_RATE: (np.full(len(ids), np.nan), True),  # of the people of all units
        }.items()
    ]
    signals = [
        _signal_rows(ids, who, found, ahead, *shown[ahead]) for who, found in told.items() for ahead in SIGNAL_DAYS
    ]
    described = [name for name in DESCRIBED if name in people.schema.columns]
    persons = pl.DataFrame({"person_id": ids, **{name: people[name][rows] for name in described}})
    return EvaluatedForecasts(day, days, pl.concat(risks), pl.concat(signals), persons)


def _known(model: PopulationModel, rows: NDArray[np.int64], members: int) -> Belief:
    """Copies of the true state, with independent random numbers."""
    copies = model.population.chosen(np.repeat(rows, members))
    copies.person_id = member_ids(model.population.person_id[rows], members)
    return Belief(
        Ensemble(copies, members),
        model.build_physiology(),
        (),
        key=RandomKey(model.key.seed),
        parameters=model.parameters,
        day=model.clock.day - 1,
    )


def _people_with_event(
    model: PopulationModel, classes: Mapping[str, str], ids: NDArray[np.int64], start: int, days: int
) -> dict[str, NDArray[np.bool_]]:
    """The people with each event of the log in [start, start + days)."""
    events = model.events.frame(kinds=(PRESENT, START, END, DIES))
    admissions = stays(events, classes).filter(~pl.col("planned")).select("person_id", time_days="admit_time_days")
    presents = events.filter(pl.col("event") == "present")
    whose = {
        DECOMPENSATION: presents.filter(pl.col("cause") == "heart_failure"),
        PRESENTATION: presents,
        READMISSION: admissions,
        DEATH: events.filter(pl.col("event") == "death"),
    }
    within = (pl.col("time_days") >= start) & (pl.col("time_days") < start + days)
    return {event: np.isin(ids, frame.filter(within)["person_id"].to_numpy()) for event, frame in whose.items()}


def _risk_rows(
    ids: NDArray[np.int64], event: str, forecaster: str, values: Floats, is_risk: bool, happened: NDArray[np.bool_]
) -> pl.DataFrame:
    columns = {"person_id": ids, "value": values, "happened": happened}
    said = {"event": event, "forecaster": forecaster, "is_risk": is_risk}
    return pl.DataFrame(columns).with_columns(**{name: pl.lit(value) for name, value in said.items()})


def _signal_rows(
    ids: NDArray[np.int64],
    forecaster: str,
    found: Forecast,
    ahead: int,
    alive: NDArray[np.bool_],
    observed: Mapping[str, Floats],
) -> pl.DataFrame:
    """Scores of the ensemble on a day, for people then alive."""
    frames = []
    for name, values in observed.items():
        low, high = found.bands[name][:, ahead - 1].T
        columns = {
            "person_id": ids,
            "observed": values,
            "crps": crps(found.members[name, ahead], values, found.weights[ahead]),
            "covered": (low <= values) & (values <= high),
        }
        said = {"column": name, "day": ahead, "forecaster": forecaster}
        frame = pl.DataFrame(columns).with_columns(**{key: pl.lit(value) for key, value in said.items()})
        frames.append(frame.filter(pl.Series(alive)))
    return pl.concat(frames)


def risk_table(judged: EvaluatedForecasts) -> pl.DataFrame:
    """Accuracy of the forecasts of events.

    A logistic regression on these same people turns points of a score into risks, which is the most that the score
    could tell and more than anybody would know beforehand; the base rate is theirs, too.

    Returns:
        event, forecaster, persons, happened (share), mean_risk, brier, reliability, resolution, log_score, c_statistic,
        c_standard_error, slope, slope_standard_error, intercept; calibration only of risks that were forecast.
    """
    rows = []
    for (event, forecaster, is_risk), part in judged.risks.group_by(
        "event", "forecaster", "is_risk", maintain_order=True
    ):
        values, happened = part["value"].to_numpy(), part["happened"].to_numpy()
        risk = values if is_risk else recalibrated(values, happened)
        parts, c = brier(risk, happened), c_statistic(values, happened)
        fitted = calibration(risk, happened) if is_risk and forecaster != BASE_RATE else None
        rows.append(
            {
                "event": event,
                "forecaster": forecaster,
                "persons": len(risk),
                "happened": float(happened.mean()),
                "mean_risk": float(risk.mean()),
                "brier": parts.score,
                "reliability": parts.reliability,
                "resolution": parts.resolution,
                "log_score": log_score(risk, happened),
                "c_statistic": c.value,
                "c_standard_error": c.standard_error,
                "slope": fitted.slope.value if fitted else None,
                "slope_standard_error": fitted.slope.standard_error if fitted else None,
                "intercept": fitted.intercept.value if fitted else None,
            }
        )
    return pl.DataFrame(rows)


def signal_table(judged: EvaluatedForecasts) -> pl.DataFrame:
    """Accuracy of the trajectories, compared with the distribution over all these people as a forecast for each.

    Returns:
        column, day, forecaster, persons, crps, crps_standard_error, crps_of_everybody, covered (share inside the 90%
        interval).
    """
    rows = []
    for (column, day, forecaster), part in judged.signals.group_by("column", "day", "forecaster", maintain_order=True):
        observed, found = part["observed"].to_numpy(), part["crps"].to_numpy()
        everybody = float(np.mean(crps(np.broadcast_to(observed, (len(observed), len(observed))), observed)))
        rows.append(
            {
                "column": column,
                "day": day,
                "forecaster": forecaster,
                "persons": len(part),
                "crps": float(found.mean()),
                "crps_standard_error": float(found.std(ddof=1) / np.sqrt(len(found))) if len(found) > 1 else None,
                "crps_of_everybody": everybody,
                "covered": float(part["covered"].to_numpy().mean()),
            }
        )
    return pl.DataFrame(rows)
