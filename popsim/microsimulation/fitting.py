"""Survival curves fitted to times of death by maximum likelihood, with late entry and censoring.

    log L = sum over deaths of log h(t) - sum over everybody of H(t) - H(entry)

The coefficients are estimated as flexsurv does, as logarithms where they must be positive; everybody enters at the same
time and all who live on are censored, so that only times of death and of censoring need be evaluated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.errors import InputError, RunError
from popsim.microsimulation.fits import FORMS
from popsim.microsimulation.survival import Survival

type Floats = NDArray[np.float64]

MIN_DEATHS = 10  # for more than one coefficient
SHORTEST_YEARS = 1e-6
# Where the search begins: each family as the exponential curve with that rate.
START: dict[str, Callable[[float], list[float]]] = {
    "weibull": lambda rate: [0.0, -np.log(rate)],
    "gompertz": lambda rate: [1e-3, np.log(rate)],
    "llogis": lambda rate: [0.0, -np.log(rate)],
    "lnorm": lambda rate: [-np.log(rate), 0.0],
    "gamma": lambda rate: [0.0, np.log(rate)],
    "gengamma": lambda rate: [-np.log(rate), 0.0, 1.0],
}
FAMILIES = ("exp", *START)


class FittedCurve(NamedTuple):
    """A fitted curve: its family, the curve, the log-likelihood and the number of coefficients."""

    family: str
    survival: Survival
    log_likelihood: float
    coefficients: int

    @property
    def aic(self) -> float:
        """Akaike's information criterion."""
        return 2.0 * (self.coefficients - self.log_likelihood)


def fit_survival(family: str, years: Floats, died: NDArray[np.bool_], entry_years: float = 0.0) -> FittedCurve:
    """The curve of a family with the highest likelihood.

    Args:
        family: of FAMILIES; "best" is the one with the lowest AIC.
        years: to death or censoring, all after `entry_years`.
        died: whether it was death.
        entry_years: from which on everybody is observed.

    Raises:
        RunError: too few died to fit more than a constant hazard.
    """
    if family == "best":
        return min((fit_survival(each, years, died, entry_years) for each in FAMILIES), key=lambda fit: fit.aic)
    deaths, lived = int(died.sum()), float((years - entry_years).sum())
    rate = deaths / lived if deaths else 0.0
    if family == "exp":
        return FittedCurve(family, Survival.exponential(rate), deaths * np.log(rate) - deaths if deaths else 0.0, 1)
    if deaths < MIN_DEATHS:
        raise RunError(
            f"extrapolation.family = '{family}': {deaths} deaths from the day of the fit on are too few: "
            "simulate more people or days, or choose 'exp'"
        )
    from scipy.optimize import minimize  # noqa: PLC0415 takes as long to import as all of popsim

    form = FORMS[family]
    times, people = np.unique(np.maximum(years, SHORTEST_YEARS), return_counts=True)
    at_death = np.maximum(years[died], SHORTEST_YEARS)

    def curve(estimates: Floats) -> Survival:
        pairs = zip(form.names, estimates.tolist(), strict=True)
        return form.make(*(np.exp(value) if name in form.logs else value for name, value in pairs))

    def cost(estimates: Floats) -> float:
        with np.errstate(all="ignore"):
            try:
                one = curve(estimates)
            except InputError:  # outside the bounds of the family
                return np.inf
            hazards = np.log(one.hazard(at_death)).sum() + len(years) * one.cumulative_hazard(entry_years).sum()
            found = float(people @ one.cumulative_hazard(times) - hazards)
        return found if np.isfinite(found) else np.inf

    best = minimize(cost, START[family](rate), method="Nelder-Mead",
                    options={"xatol": 1e-7, "fatol": 1e-9, "maxiter": 5000, "maxfev": 5000})  # fmt: skip
    return FittedCurve(family, curve(best.x), -float(best.fun), len(form.names))
