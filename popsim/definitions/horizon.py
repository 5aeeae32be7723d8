"""How far an experiment looks ahead, and what later years count for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from popsim.definitions.base import Definition
from popsim.definitions.fields import Checked, real, whole
from popsim.plurals import counted

if TYPE_CHECKING:
    from popsim.definitions.experiment import ExperimentDefinition

MAX_RATE_STEPS = 16
MAX_RATE_YEAR = 1000
RATES = "must be a rate between 0 and 1, or a table from year since entry to rate like { 0 = 0.035, 30 = 0.03 }"
_RATE = real(0.0, 1.0)


def _discount_rate(value: object) -> object:
    """A rate, or a table with the years in order, as text."""
    if not isinstance(value, Mapping):
        return _RATE.check(value)
    years = {str(year): rate for year, rate in value.items()}
    if not all(year.isdecimal() and year == str(int(year)) and int(year) <= MAX_RATE_YEAR for year in years):
        raise ValueError(f"{RATES}: the keys are whole years")
    if "0" not in years or len(years) > MAX_RATE_STEPS:
        raise ValueError(f"{RATES}: it begins with year 0 and has at most {MAX_RATE_STEPS} rates")
    rates = {year: _RATE.check(years[year]) for year in sorted(years, key=int)}
    if not rates["0"] and any(rates.values()):
        raise ValueError("the rate of year 0 must be above 0 where a later one is")
    return rates if any(rates.values()) and len(rates) > 1 else rates["0"]


Rate = Annotated[float, _RATE]
DiscountRate = Annotated[Rate | dict[str, Rate], Checked(_discount_rate, ())]

MAX_FOLLOW_UP_DAYS = 32_872  # ninety years: whoever is followed for a lifetime is dead by then
FOLLOW_UP_DAYS = 365  # where the experiment says no number
OBSERVED_DAYS = 365  # of a simulated lifetime, where the experiment says no number
FollowUp = Literal["lifetime"] | None
FollowUpDays = Annotated[int, whole(1, MAX_FOLLOW_UP_DAYS)]
Family = Literal["best", "exp", "weibull", "gompertz", "llogis", "lnorm", "gamma", "gengamma"]


class Extrapolation(Definition):
    """Life years, QALYs and costs after the simulated days, from a survival curve fitted to them.

    Attributes:
        family: of the curve, as flexsurv calls it: exp, weibull, gompertz, llogis, lnorm, gamma or gengamma; "best" is
            the one with the lowest AIC. Its hazard never falls below that of the cohort's life table at a person's age.
        fit_from_day: the curve is fitted to deaths from this day since entry on, of those alive then.
        window_days: the last simulated days, whose cost and utility per day of life hold afterwards.
    """

    family: Family
    fit_from_day: Annotated[int, whole(0, MAX_FOLLOW_UP_DAYS)] = 0
    window_days: FollowUpDays = 365


def usual_days(experiment: dict[str, Any]) -> int:
    """Days to simulate where the experiment says none."""
    if experiment.get("follow_up") is None:
        return FOLLOW_UP_DAYS
    observed: int = experiment.get("observed_days") or OBSERVED_DAYS
    return observed if experiment.get("extrapolation") is not None else MAX_FOLLOW_UP_DAYS


def observed_part(experiment: ExperimentDefinition) -> int | None:
    """Days since entry after which what comes is reported apart; None: nothing is."""
    return experiment.observed_days or (OBSERVED_DAYS if experiment.follow_up else None)


def horizon_in_words(experiment: ExperimentDefinition) -> str:
    """How long each person is followed from its entry."""
    if experiment.follow_up is None:
        return counted(experiment.follow_up_days, "day")
    if experiment.extrapolation is None:
        return "a lifetime"
    return f"a lifetime ({experiment.follow_up_days} days simulated, then extrapolated)"


class Followed(Protocol):
    """A study, as far as how long its people are followed."""

    @property
    def follow_up(self) -> FollowUp:
        """A lifetime, or None: a number of days."""


def over_horizon(label: str, study: Followed) -> str:
    """A label of what is counted in follow-up, in words that are true of the study's horizon."""
    if study.follow_up is None:
        return label
    return label.replace("in follow-up", "over a lifetime").replace("beyond follow-up", "to the end of life expectancy")


def check_horizon(
    follow_up: str | None, follow_up_days: int, observed_days: int | None, extrapolation: Extrapolation | None
) -> None:
    """Refuse keys of the horizon that do not fit together.

    Raises:
        ValueError: they do not.
    """
    if extrapolation is not None and (follow_up is None or observed_days is None):
        raise ValueError("extrapolation: needs follow_up = 'lifetime', and observed_days, the days to simulate")
    usual = usual_days({"follow_up": follow_up, "observed_days": observed_days, "extrapolation": extrapolation})
    if follow_up is not None and follow_up_days != usual:
        raise ValueError(f"follow_up_days = {follow_up_days}: must be left out where follow_up = 'lifetime'")
    if follow_up is None and observed_days is not None and observed_days >= follow_up_days:
        raise ValueError(f"observed_days = {observed_days}: must be below follow_up_days ({follow_up_days})")
    if extrapolation is not None:
        for key in ("fit_from_day", "window_days"):
            if (days := getattr(extrapolation, key)) > follow_up_days - (key == "fit_from_day"):
                raise ValueError(f"extrapolation.{key} = {days}: must be within observed_days ({follow_up_days})")
