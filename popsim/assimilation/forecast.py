"""Forecasts: a copy of a belief simulated ahead. For research, not for care.

A risk is computed from the hazards of the members, not counted; its interval (`low`, `high`) holds the 5% and 95%
quantiles of the members' probabilities and is not a Monte Carlo error. An adverse reaction is counted, with the 90%
interval of a share. docs/explanation/assimilation.md says what a forecast leaves out and what its intervals mean.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv

from popsim.assimilation.belief import Belief
from popsim.assimilation.counterfactuals import KINDS, reactions_present
from popsim.assimilation.drawn import Lives, ParameterDraw, column_of, lives_of, of_all
from popsim.assimilation.ensemble import Ensemble
from popsim.assimilation.hazards import hazards_of_presenting
from popsim.errors import InputError, did_you_mean
from popsim.evidence.sets import Parameters
from popsim.kernels.codes import CAUSE_HEART_FAILURE, CAUSE_NAMES
from popsim.physiology import Physiology
from popsim.physiology.clinical import BLOCK
from popsim.population.clock import Clock
from popsim.statistics import smallest_quantiles

type Floats = NDArray[np.float64]

HORIZONS = (7, 30, 90)
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
SHOWN = (
    "weight_kg", "systolic_mmhg", "heart_rate_bpm", "nt_probnp_pg_ml", "gfr_ml_min", "potassium_mmol_l",
    "symptom_score",
)  # fmt: skip
FORECAST_IDS = 1 << 60  # added to the ids of members, so that a forecast has random streams of its own
LIFE_IDS = 1 << 57  # times its number added to the id of a life
MAX_LIVES = 8  # of a member
BLOCK_ROWS = BLOCK  # members at a time: as many as the physiology advances at once
MAX_DAYS = 3653
EVERY_CAUSE = tuple(range(1, len(CAUSE_NAMES)))

DECOMPENSATION, PRESENTATION, READMISSION, DEATH, REACTION = (
    "decompensation", "presentation", "readmission", "death", "adverse_reaction",
)  # fmt: skip
EVENTS = {
    DECOMPENSATION: "Seeks acute care for heart failure",
    PRESENTATION: "Seeks acute care for any reason",
    READMISSION: "Is admitted to hospital",
    DEATH: "Dies",
    REACTION: "Has a new adverse reaction to a drug",
}


@dataclass(frozen=True, slots=True)
class Risk:
    """Probability of an event within some days, of each person.

    Attributes:
        within_days: counted from the end of the belief's day.
        probability, low, high: (persons,); NaN for the dead. The module says what the interval means.
    """

    within_days: int
    probability: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class Forecast:
    """The forecast for some persons.

    Attributes:
        day: last day of the belief.
        days: length of the forecast; element k of a band is the end of day `day` + 1 + k.
        quantiles: of the bands.
        bands: by column, (persons, days, quantiles), of members alive.
        risks: by event, one for each horizon. Events are EVENTS, and each reaction as "reaction_<name>".
        members: by column and horizon, (persons, lives of all members), the value of each on that day.
        weights: by horizon, in the same shape, weights of these lives among those alive.
    """

    day: int
    days: int
    quantiles: tuple[float, ...]
    bands: Mapping[str, NDArray[np.float32]]
    risks: Mapping[str, tuple[Risk, ...]]
    members: Mapping[tuple[str, int], NDArray[np.float32]]
    weights: Mapping[int, Floats]

    def risk(self, event: str, within_days: int) -> Risk:
        """The risk of an event within some days.

        Raises:
            InputError: it was not forecast.
        """
        if event not in self.risks:
            raise InputError(f"no risk '{event}': {did_you_mean(event, self.risks)}")
        found = {risk.within_days: risk for risk in self.risks[event]}
        if within_days not in found:
            raise InputError(f"no risk within {within_days} days: must be one of {', '.join(map(str, found))}")
        return found[within_days]


def forecast(
    belief: Belief,
    days: int = 30,
    *,
    columns: Sequence[str] = SHOWN,
    events: Sequence[str] | None = None,
    doses: Mapping[str, ArrayLike] | None = None,
    persons: NDArray[np.int64] | None = None,
    horizons: Sequence[int] = HORIZONS,
    quantiles: Sequence[float] = QUANTILES,
    parameters: Parameters,
    draws: Sequence[ParameterDraw] = (),
    lives: int = 1,
) -> Forecast:
    """Simulate a copy of a belief ahead; the belief itself does not change.

    Persons are processed in blocks, so memory grows only with the result. Decompensation needs a simulation of its own,
    presentation and readmission share another: for many persons, request only the events you need.

    Args:
        belief: at the end of its day.
        days: 1 to 3653.
        columns: to forecast trajectories of; none for risks alone.
        events: to compute risks of, from EVENTS; all when None.
        doses: columns that care writes (or any other), one value per person for the whole time, instead of today's.
        persons: indices of the persons, ascending; all when None.
        horizons: of risks and members; those beyond `days` are dropped, and `days` is used if none remains.
        quantiles: of the bands.
        parameters: sets by name.
        draws: of the parameters, to which the members of each person are dealt out; the belief's own when none.
        lives: of each member, 1 to 8: the more, the less of its luck is in a risk.

    Raises:
        InputError: days or lives are out of bounds, or a column or event is unknown.
    """
    ensemble, schema = belief.ensemble, belief.ensemble.people.schema
    if not 1 <= days <= MAX_DAYS:
        raise InputError(f"days = {days}: must be between 1 and {MAX_DAYS}")
    if not 1 <= lives <= MAX_LIVES:
        raise InputError(f"lives = {lives}: must be between 1 and {MAX_LIVES}")
    for name in (*columns, *(doses or {})):
        if name not in schema:
            raise InputError(f"no column '{name}': {did_you_mean(name, schema.columns)}")
    for event in events or ():
        if event not in EVENTS:
            raise InputError(f"no risk '{event}': {did_you_mean(event, EVENTS)}")
    wanted = tuple(EVENTS if events is None else events)
    ends = sorted({one for one in horizons if one <= days}) or [days]
    chosen = np.arange(ensemble.persons) if persons is None else np.asarray(persons, np.int64)
    size = max(1, BLOCK_ROWS // (ensemble.members * lives))
    parts = []
    for start in range(0, max(len(chosen), 1), size):
        some = chosen[start : start + size]
        part = ensemble.chosen(some).living(lives)
        part.people.person_id += FORECAST_IDS + np.arange(len(part.people)) % lives * LIFE_IDS
        for name, values in (doses or {}).items():
            part.people[name] = part.repeat(np.broadcast_to(values, ensemble.persons)[some])
        course = _ForecastBlock(part, lives, belief.physiology, belief.day + 1, days, tuple(ends), parameters, draws)
        parts.append(course.forecast(tuple(columns), wanted, tuple(quantiles)))
    return _joined(parts)


class _ForecastBlock:
    """The days to come of one block of persons."""

    def __init__(
        self,
        ensemble: Ensemble,
        lives_per_member: int,
        physiology: Physiology,
        first_day: int,
        days: int,
        horizons: tuple[int, ...],
        sets: Parameters,
        draws: Sequence[ParameterDraw],
    ) -> None:
        self.ensemble, self._lives, self._physiology, self._sets = ensemble, lives_per_member, physiology, sets
        self._draws = draws or (ParameterDraw(physiology, sets),)
        self._first, self._days, self._horizons = first_day, days, horizons
        self._weights = ensemble.weights()
        self._dead = ensemble.of("alive")[:, 0] == 0

    def forecast(self, columns: tuple[str, ...], events: tuple[str, ...], quantiles: tuple[float, ...]) -> Forecast:
        """The whole forecast; the members are simulated as often as the events need."""
        risks: dict[str, tuple[Risk, ...]] = {}
        if DECOMPENSATION in events:
            risks |= self._first_events((CAUSE_HEART_FAILURE,), [DECOMPENSATION])
        of_every_cause = [event for event in (PRESENTATION, READMISSION) if event in events]
        if of_every_cause:
            risks |= self._first_events(EVERY_CAUSE, of_every_cause)
        bands, members, weights = self._trajectories(columns, events, quantiles, risks)
        ordered = {event: risks[event] for event in (*EVENTS, *risks) if event in risks}
        return Forecast(self._first - 1, self._days, quantiles, bands, ordered, members, weights)

    def _first_events(self, causes: tuple[int, ...], events: Sequence[str]) -> dict[str, tuple[Risk, ...]]:
        """Probability of a first presentation with some causes, in simulations that ignore such presentations.

        An admission is a share of them, and comes of a review that sends to hospital as well.
        """
        dying = np.zeros(len(self.ensemble.people))
        passed = {event: np.zeros_like(dying) for event in events}
        chance = {event: np.zeros_like(dying) for event in events}
        at = {event: [] for event in events}  # type: dict[str, list[Risk]]
        for day, lives in self._simulate(causes):
            presenting, admitted, sent = of_all(lives, self._hazards, causes, day)
            death = of_all(lives, column_of, "death_hazard_per_day").astype(np.float64)
            for event in events:
                if event == READMISSION:
                    chance[event] += sent * np.exp(-dying - passed[event])
                    passed[event][sent > 0.0] = np.inf
                hazard = admitted if event == READMISSION else presenting
                either = np.maximum(hazard + death, 1e-300)
                chance[event] += np.exp(-dying - passed[event]) * hazard / either * -np.expm1(-either)
                passed[event] += hazard
            dying += death
            if day in self._horizons:
                for event in events:
                    at[event].append(self._spread(day, chance[event]))
        return {event: tuple(found) for event, found in at.items()}

    def _hazards(self, lives: Lives, causes: tuple[int, ...], day: int) -> Floats:
        """Today's hazards of those not in hospital of presenting with some causes and of admission, and who was sent.

        Returns:
            (3, rows); the last is 1 for who was sent to hospital by a review.
        """
        (physiology, parameters), today = lives.draw, self._first + day - 1
        hazards = hazards_of_presenting(physiology.influences, lives.people, parameters, today)
        some = [cause - 1 for cause in causes if cause <= len(hazards)]
        presenting = lives.care.at_home * hazards[some]
        admitted = (lives.care.admitted_shares()[some] * presenting).sum(axis=0)
        return np.stack([presenting.sum(axis=0), admitted, lives.care.sent.astype(np.float64)])

    def _trajectories(
        self,
        columns: tuple[str, ...],
        events: tuple[str, ...],
        quantiles: tuple[float, ...],
        risks: dict[str, tuple[Risk, ...]],
    ) -> tuple[dict[str, NDArray[np.float32]], dict[tuple[str, int], NDArray[np.float32]], dict[int, Floats]]:
        """Simulation in which everything but death happens: trajectories, and the risks of death and reactions."""
        if not columns and DEATH not in events and REACTION not in events:
            return {}, {}, {}
        ensemble = self.ensemble
        shape = (ensemble.persons, self._days, len(quantiles))
        bands = {name: np.empty(shape, np.float32) for name in columns}
        members: dict[tuple[str, int], NDArray[np.float32]] = {}
        weights: dict[int, Floats] = {}
        dying = np.zeros(len(ensemble.people))
        death: list[Risk] = []
        reacted = np.zeros((len(KINDS) + 1, len(dying)))  # each kind, then any: probability of living to its first day
        named = (*(f"reaction_{kind}" for kind in KINDS), REACTION)
        reactions: dict[str, list[Risk]] = {event: [] for event in named}
        present = reactions_present(ensemble.people)
        for day, lives in self._simulate(()):
            if REACTION in events:
                new = of_all(lives, lambda one: reactions_present(one.people)) & ~present
                new = np.vstack([new, new.any(axis=0)])
                reacted = np.where((reacted == 0.0) & new, np.exp(-dying), reacted)
            dying += of_all(lives, column_of, "death_hazard_per_day")
            alive = self._alive(dying)
            shown = {name: of_all(lives, column_of, name).reshape(self._weights.shape) for name in columns}
            for name, values in shown.items():
                bands[name][:, day - 1] = smallest_quantiles(values, alive, quantiles)
            if day in self._horizons:
                weights[day] = alive
                members |= {(name, day): values.copy() for name, values in shown.items()}
                death.append(self._spread(day, -np.expm1(-dying)))
                for event, happened in zip(named, reacted, strict=True):
                    reactions[event].append(self._counted(day, happened))
        risks |= {DEATH: tuple(death)} if DEATH in events else {}
        risks |= {event: tuple(found) for event, found in reactions.items()} if REACTION in events else {}
        return bands, members, weights

    def _simulate(self, ignored_causes: Collection[int]) -> Iterator[tuple[int, Sequence[Lives]]]:
        """Simulate copies of the members: day from 1, and the members after reviews and before other care.

        ignored_causes: causes for which nobody is admitted: presentations with one of them are ignored, so that its
            hazard can be followed to the end.
        """
        lives = lives_of(self.ensemble, self._physiology, self._draws, self._lives)
        passed_over = np.isin(np.arange(len(CAUSE_NAMES)), list(ignored_causes))
        for day in range(1, self._days + 1):
            today = self._first + day - 1
            for _, people, care, draw in lives:
                draw.physiology.advance(people, Clock(today))
                people["onset"][passed_over[people["acute_cause"]]] = 0
                care.review(today)
            yield day, lives
            for _, people, care, _ in lives:
                care.treat(today)
                people["onset"] = 0
                people["acute_cause"] = 0

    def _alive(self, dying: Floats) -> Floats:
        """Weights of the members among those alive, (persons, members)."""
        weights = self._weights * np.exp(-dying.reshape(self._weights.shape))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def _spread(self, day: int, chance: Floats) -> Risk:
        """A risk from the chances of all members, each the mean over its lives, with their quantiles."""
        shape = (len(self._weights), -1, self._lives)
        each, weights = chance.reshape(shape).mean(axis=2), self._weights.reshape(shape).sum(axis=2)
        low, high = smallest_quantiles(each, weights, (0.05, 0.95)).T
        return self._given_alive(day, (weights * each).sum(axis=1), low, high)

    def _counted(self, day: int, happened: Floats) -> Risk:
        """A risk from counts of members with and without the event: Jeffreys' estimate (never 0 or 1) and interval."""
        number = 1.0 / (self._weights**2).sum(axis=1)
        came = number * (self._weights * happened.reshape(self._weights.shape)).sum(axis=1)
        a, b = came + 0.5, number - came + 0.5
        return self._given_alive(day, a / (a + b), betaincinv(a, b, 0.05), betaincinv(a, b, 0.95))

    def _given_alive(self, day: int, *values: Floats) -> Risk:
        probability, low, high = (np.where(self._dead, np.nan, value) for value in values)
        return Risk(day, probability, low, high)


def _joined(parts: Sequence[Forecast]) -> Forecast:
    """Forecasts of blocks of persons as one."""
    first = parts[0]
    return Forecast(
        first.day,
        first.days,
        first.quantiles,
        {name: np.concatenate([part.bands[name] for part in parts]) for name in first.bands},
        {
            event: tuple(
                Risk(
                    risk.within_days,
                    *(
                        np.concatenate([getattr(part.risks[event][index], field) for part in parts])
                        for field in ("probability", "low", "high")
                    ),
                )
                for index, risk in enumerate(risks)
            )
            for event, risks in first.risks.items()
        },
        {key: np.concatenate([part.members[key] for part in parts]) for key in first.members},
        {day: np.concatenate([part.weights[day] for part in parts]) for day in first.weights},
    )
