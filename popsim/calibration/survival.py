"""Analyses of times to an event, as papers report them: rates, incidence with competing risks, repeated events."""

from __future__ import annotations

import math

import numpy as np

from popsim.calibration.observed import Flags, Floats
from popsim.statistics import Estimate
from popsim.units import DAYS_PER_YEAR


def rate(days: Floats, events: Flags) -> Estimate:
    """First events per 100 person-years until the event or the end of follow-up; Poisson error."""
    years = float(days.sum()) / DAYS_PER_YEAR
    count = int(events.sum())
    if not years or not count:
        return Estimate()
    value = 100.0 * count / years
    return Estimate(value, value / math.sqrt(count))


def proportion(events: Flags) -> Estimate:
    """Share with the event during follow-up; binomial error."""
    size, count = len(events), int(events.sum())
    if not size or not count or count == size:
        return Estimate()
    share = count / size
    return Estimate(share, math.sqrt(share * (1.0 - share) / size))


def ratio_of_sums(numbers: Floats, of: Floats) -> Estimate:
    """Sum of `numbers` over the sum of `of`, persons as independent units (linearised, as in a cluster sample)."""
    total = float(of.sum())
    if not total or not numbers.any():
        return Estimate()
    value = float(numbers.sum()) / total
    residuals = numbers - value * of
    return Estimate(value, math.sqrt(float((residuals**2).sum())) / total)


def kaplan_meier(days: Floats, events: Flags, at: float) -> Estimate:
    """Share with the event by a day, one minus Kaplan and Meier's estimate; Greenwood's error."""
    times, at_risk, (occurred,) = _table(days, at, events)
    with np.errstate(divide="ignore", invalid="ignore"):
        free = float(np.prod(1.0 - occurred / at_risk))
        terms = occurred / (at_risk * (at_risk - occurred))
    if not len(times) or not free:
        return Estimate()
    return Estimate(1.0 - free, free * math.sqrt(float(terms.sum())))


def cumulative_incidence(days: Floats, events: Flags, competing: Flags, at: float) -> Estimate:
    """Share with the event by a day while `competing` events prevent it (Aalen and Johansen), with its delta error."""
    times, at_risk, (occurred, prevented) = _table(days, at, events, competing)
    if not len(times) or not occurred.any():
        return Estimate()
    either = occurred + prevented
    free_before = np.concatenate([[1.0], np.cumprod(1.0 - either / at_risk)[:-1]])
    incidence = np.cumsum(free_before * occurred / at_risk)
    rest = incidence[-1] - incidence
    with np.errstate(divide="ignore", invalid="ignore"):
        of_free = np.where(at_risk > either, either / (at_risk * (at_risk - either)), 0.0)
    variance = float(
        (
            rest**2 * of_free
            + free_before**2 * (at_risk - occurred) * occurred / at_risk**3
            - 2.0 * rest * free_before * occurred / at_risk**2
        ).sum()
    )
    return Estimate(float(incidence[-1]), math.sqrt(max(variance, 0.0)))


def _table(days: Floats, at: float, *kinds: Flags) -> tuple[Floats, Floats, list[Floats]]:
    """Times of any event up to a day, number at risk just before each, and number of events of each kind."""
    any_kind = np.logical_or.reduce(kinds)
    times = np.unique(days[any_kind & (days <= at)])
    at_risk = (len(days) - np.searchsorted(np.sort(days), times, side="left")).astype(np.float64)
    counts = []
    for kind in kinds:
        ordered = np.sort(days[kind])
        ends = [np.searchsorted(ordered, times, side=side) for side in ("left", "right")]
        counts.append((ends[1] - ends[0]).astype(np.float64))
    return times, at_risk, counts


def mean_cumulative_count(event_days: Floats, last_days: Floats, dead: Flags, at: float) -> float:
    """Mean number of events by a day; nobody has any after death (Ghosh and Lin), whoever is censored might.

    Args:
        event_days: of every event of everybody.
        last_days: until death or the end of follow-up, of every person.
        dead: whether a person's last day is that of death.
        at: the day.
    """
    times, numbers = np.unique(event_days[event_days <= at], return_counts=True)
    deaths, alive, (died,) = _table(last_days, at, dead)
    survival = np.concatenate([[1.0], np.cumprod(1.0 - died / alive)])
    alive_before = survival[np.searchsorted(deaths, times, side="left")]
    ordered = np.sort(last_days)
    at_risk = len(ordered) - np.searchsorted(ordered, times, side="left")
    return float((alive_before * numbers / at_risk).sum())


def restricted_mean(days: Floats, events: Flags, at: float) -> Estimate:
    """Mean days without the event up to a day: the area under Kaplan and Meier's curve, with Greenwood's error."""
    times, at_risk, (occurred,) = _table(days, at, events)
    free = np.concatenate([[1.0], np.cumprod(1.0 - occurred / at_risk)])
    widths = np.diff(np.concatenate([[0.0], times, [at]]))
    areas = free * widths
    after = areas.sum() - np.cumsum(areas)[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(at_risk > occurred, occurred / (at_risk * (at_risk - occurred)), 0.0)
    return Estimate(float(areas.sum()), math.sqrt(float((after**2 * terms).sum())))


def mean(values: Floats) -> Estimate:
    """Mean and its standard error."""
    return Estimate.of(values) if len(values) > 1 else Estimate()


def total_rate_ratio(counts: Floats, years: Floats, treated: Flags) -> Estimate:
    """Ratio of the rates of all events, first and repeated (Lin, Wei, Yang and Ying's robust error, persons as units).

    Args:
        counts: events of each person.
        years: of follow-up of each person.
        treated: arm.
    """
    logs, variance = 0.0, 0.0
    for arm, sign in ((treated, 1.0), (~treated, -1.0)):
        total, time = float(counts[arm].sum()), float(years[arm].sum())
        if not total:
            return Estimate()
        residuals = counts[arm] - total / time * years[arm]
        logs += sign * math.log(total / time)
        variance += float((residuals**2).sum()) / total**2
    ratio = math.exp(logs)
    return Estimate(ratio, ratio * math.sqrt(variance))


def win_ratio(ranks: tuple[Floats, ...], last_days: Floats, treated: Flags) -> Estimate:
    """Wins of the treated over their losses in all pairs (Pocock; error of a two-sample U-statistic, Bebu and Lachin).

    Args:
        ranks: days to each person's event, infinity without one, the most important kind of event first. A pair is
            decided by the first kind that one of the two has earlier while both are observed.
        last_days: of observation if the person had not died.
        treated: arm.
    """
    own = [kind[treated] for kind in ranks], last_days[treated]
    others = [kind[~treated] for kind in ranks], last_days[~treated]
    wins_own, losses_own = np.zeros(len(own[1])), np.zeros(len(own[1]))
    wins_other, losses_other = np.zeros(len(others[1])), np.zeros(len(others[1]))
    for i, last in enumerate(own[1]):
        shared = np.minimum(last, others[1])
        undecided = np.ones(len(shared), np.bool_)
        won, lost = np.zeros(len(shared), np.bool_), np.zeros(len(shared), np.bool_)
        for mine, theirs in zip(own[0], others[0], strict=True):
            first = np.minimum(mine[i], theirs)
            decided = undecided & (first <= shared) & (mine[i] != theirs)
            won |= decided & (theirs < mine[i])
            lost |= decided & (mine[i] < theirs)
            undecided &= ~decided
        wins_own[i], losses_own[i] = won.sum(), lost.sum()
        wins_other += won
        losses_other += lost
    wins, losses = wins_own.sum(), losses_own.sum()
    if not wins or not losses:
        return Estimate()
    variance = sum(
        float((w / wins - lost / losses) @ (w / wins - lost / losses))
        for w, lost in ((wins_own, losses_own), (wins_other, losses_other))
    )
    return Estimate(wins / losses, wins / losses * math.sqrt(variance))
