"""What comes after the observed part of a lifetime: simulated, or extrapolated by a fitted survival curve.

Extrapolation values those who are alive when the simulation ends. The curve is fitted to the deaths of the unit, that
is of one strategy in one replication and draw, so a strategy's effect on death goes on as the curve says. A person's
hazard is that of the curve, and never below that of the life table at its age and sex. Each later year of life costs
and is worth what a year of life of the last simulated days (the window) was on average, deaths in it included.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.horizon import observed_part
from popsim.economics.columns import COST_NAMES
from popsim.economics.disability import years_lost
from popsim.economics.discounting import Steps, discount_at, discount_factors
from popsim.economics.outcome_valuation import TOTAL
from popsim.economics.perspectives import total_cost
from popsim.microsimulation.fitting import fit_survival
from popsim.microsimulation.survival import Survival
from popsim.outcomes.survival import survival_times
from popsim.population.life_table import LifeTable
from popsim.units import DAYS_PER_YEAR

type Floats = NDArray[np.float64]

STEP_YEARS = 0.25  # hazards and discount rates are constant within
OLDEST = 120.0
AT_ONCE = 1000  # persons


class DiscountRates(NamedTuple):
    """Discount rates: of costs and of health, each with its later steps."""

    costs: tuple[float, Steps]
    health: tuple[float, Steps]


class Remaining(NamedTuple):
    """Expected life of each person after the simulated part: years, discounted as costs and as health; years lost."""

    years: Floats
    costs: Floats
    health: Floats
    lost: Floats


def interim_day(experiment: ExperimentDefinition) -> int | None:
    """Days since entry at which totals are needed: the end of the observed part, or the beginning of the window."""
    if experiment.extrapolation is None:
        return observed_part(experiment)
    return experiment.follow_up_days - experiment.extrapolation.window_days


def with_later_part(
    totals: pl.DataFrame,
    interim: pl.DataFrame,
    people: pl.DataFrame,
    twins: pl.DataFrame,
    experiment: ExperimentDefinition,
    table: LifeTable,
    rates: DiscountRates,
) -> pl.DataFrame:
    """Totals over the whole horizon, and how much of them comes after the observed part.

    Args:
        totals: `outcome_values(...)`.
        interim: `InterimTotals.frame()` of the same people, on `interim_day(experiment)`.
        people, twins: `follow_up(...)` of the same people, and their age_years and female at entry.
        experiment: with an observed part.
        table: general population, below whose death rates nobody falls.
        rates: of discounting.

    Returns:
        `totals` with life_days_after, qaly_after and cost_total_after; life_days is of the simulated part alone, and
        life_days_extrapolated what an extrapolation adds.
    """
    absent = [pl.lit(0.0).alias(name) for name in COST_NAMES if name not in interim.columns]
    then = interim.with_columns(absent).with_columns(total_cost(experiment.perspective).alias(TOTAL))
    if experiment.extrapolation is None:
        observed = float(observed_part(experiment) or 0)
        return totals.with_columns(
            life_days_after=(pl.col("life_days") - observed).clip(0.0),
            qaly_after=pl.col("qaly") - then["qaly"],
            cost_total_after=pl.col(TOTAL) - then[TOTAL],
        )
    later = _extrapolated(totals, then, people, twins, experiment, table, rates)
    return totals.with_columns(
        *(pl.col(name) + values for name, values in later.items() if name != "life_days"),
        life_days_extrapolated=later["life_days"],
        life_days_after=later["life_days"],
        qaly_after=later["qaly"],
        cost_total_after=later[TOTAL],
    )


def _extrapolated(
    totals: pl.DataFrame,
    window_start: pl.DataFrame,
    people: pl.DataFrame,
    twins: pl.DataFrame,
    experiment: ExperimentDefinition,
    table: LifeTable,
    rates: DiscountRates,
) -> dict[str, pl.Series]:
    """What the years after the simulated part add to each person's totals."""
    assert experiment.extrapolation is not None
    said, days = experiment.extrapolation, experiment.follow_up_days
    times = survival_times(people)
    lived, died = times["days"].to_numpy(), times["died"].to_numpy()
    fitted = lived > said.fit_from_day
    curve = Survival.exponential(0.0)
    if fitted.any():
        from_year = said.fit_from_day / DAYS_PER_YEAR
        curve = fit_survival(said.family, lived[fitted] / DAYS_PER_YEAR, died[fitted], from_year).survival
    age, sex = twins["age_years"].to_numpy()[~died], twins["female"].to_numpy()[~died]
    left = remaining(curve, table, age, sex, days / DAYS_PER_YEAR, rates)
    weights = dict.fromkeys(COST_NAMES, (rates.costs, left.costs))
    weights |= dict.fromkeys((TOTAL,), (rates.costs, left.costs))
    weights |= dict.fromkeys(("qaly", "disability_years"), (rates.health, left.health))
    added = {"life_days": left.years * DAYS_PER_YEAR, "life_years_lost": left.lost}
    for name, ((rate, steps), years) in weights.items():
        worth = np.append(0.0, np.cumsum(discount_factors(rate, days, steps))) / DAYS_PER_YEAR
        in_window = np.interp(lived, np.arange(days + 1), worth) - worth[days - said.window_days]
        accrued = float((totals[name] - window_start[name]).to_numpy().sum())
        whole = float(np.maximum(in_window, 0.0).sum())
        added[name] = years * (accrued / whole if whole else 0.0)
    added["daly"] = added["disability_years"] + added["life_years_lost"]
    return {name: _of_survivors(name, values, died) for name, values in added.items()}


def _of_survivors(name: str, values: Floats, died: NDArray[np.bool_]) -> pl.Series:
    everybody = np.zeros(len(died))
    everybody[~died] = values
    return pl.Series(name, everybody)


def remaining(
    curve: Survival, table: LifeTable, age_years: Floats, female: Floats, after_years: float, rates: DiscountRates
) -> Remaining:
    """Expected life after a time since entry, of persons alive then.

    Args:
        curve: time to death since entry.
        table: below whose death rates nobody falls.
        age_years, female: at entry.
        after_years: since entry.
        rates: of discounting, from entry.
    """
    parts = [np.zeros((4, 0))]
    for start in range(0, len(age_years), AT_ONCE):
        chosen = slice(start, start + AT_ONCE)
        parts.append(_remaining(curve, table, age_years[chosen, None] + after_years, female[chosen, None],
                                after_years, rates))  # fmt: skip
    return Remaining(*np.concatenate(parts, axis=1))


def _remaining(
    curve: Survival, table: LifeTable, age: Floats, sex: Floats, after_years: float, rates: DiscountRates
) -> Floats:
    """As `remaining`, (4, persons); age and sex as columns, the age after the simulated part."""
    steps = max(1, int(np.ceil((OLDEST - age.min()) / STEP_YEARS)))
    ahead = STEP_YEARS * np.arange(steps + 1)
    hazard = np.maximum(
        np.diff(curve.cumulative_hazard(after_years + ahead)), np.diff(table.integral(age + ahead, sex), axis=1)
    )
    alive = np.exp(-np.cumsum(hazard, axis=1) + hazard)  # at the start of each step
    found = []
    for rate, later in ((0.0, ()), rates.costs, rates.health):
        worth = discount_at(rate, after_years + ahead, later)
        decay = hazard - np.diff(np.log(worth))
        mean = np.where(decay > 0.0, -np.expm1(-decay) / np.where(decay > 0.0, decay, 1.0), 1.0)
        found.append((alive * worth[:-1] * mean).sum(axis=1) * STEP_YEARS)
    middle = ahead[:-1] + 0.5 * STEP_YEARS
    deaths = alive * -np.expm1(-hazard)
    lost = years_lost(table, age + middle, sex, after_years + middle, *rates.health)
    return np.array([*found, (deaths * lost).sum(axis=1)])
