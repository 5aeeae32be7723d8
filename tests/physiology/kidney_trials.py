"""Trials of SGLT2 inhibitors in made-up people like theirs, for the tests and for the table of the documentation.

Albuminuria: quartiles and bounds, mg/g; filtration: mean, sd and bounds, mL/min/1.73 m2. Participants as recalled from
the main papers, but for the albuminuria of DAPA-CKD (seen).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from kidney_people import QUIET, Body, alike
from people import sets
from scipy.stats import norm

from popsim.population.population import Population

PEOPLE = 400


class Trial(NamedTuple):
    """Who took part, the share on a RAS inhibitor, the day that ends the dip, and the years."""

    albuminuria: tuple[float, float, float, float, float]
    filtration: tuple[float, float, float, float]
    diabetes: float
    age: float
    ras: float
    first_days: int
    years: float


class Change(NamedTuple):
    """Of filtration: to the first days; a year from then on; a year in all; a year without the drug's own effect."""

    dip: float
    chronic: float
    total: float
    untreated: float


EMPA_KIDNEY = Trial((49.0, 329.0, 1069.0, 2.0, 5000.0), (37.3, 14.5, 20.0, 90.0), 0.46, 64.0, 0.85, 61, 2.0)
DAPA_CKD = Trial((477.0, 949.0, 1885.0, 200.0, 5000.0), (43.1, 12.4, 25.0, 75.0), 0.675, 62.0, 0.97, 14, 2.3)
EMPEROR_REDUCED = Trial((7.0, 22.0, 74.0, 2.0, 3000.0), (62.0, 21.5, 20.0, 120.0), 0.50, 67.0, 0.8, 61, 16 / 12)
EMPEROR_PRESERVED = Trial((8.0, 21.0, 72.0, 2.0, 3000.0), (60.6, 19.8, 20.0, 120.0), 0.49, 72.0, 0.8, 61, 26 / 12)


def quantiles(size: int, seed: int) -> np.ndarray:
    """Standard normal quantiles (i + 1/2) / n in random order: the distribution without sampling error."""
    return norm.ppf((np.random.default_rng(seed).permutation(size) + 0.5) / size)


def people_of(trial: Trial) -> Population:
    """Albuminuria is lognormal on each side of its median."""
    low, median, high, smallest, largest = trial.albuminuria
    z = quantiles(PEOPLE, 1)
    sd = np.where(z < 0, np.log(median / low), np.log(high / median)) / norm.ppf(0.75)
    mean, spread, lowest, highest = trial.filtration
    return alike(
        PEOPLE,
        baseline_albuminuria_mg_g=np.clip(median * np.exp(sd * z), smallest, largest),
        baseline_gfr_ml_min=np.clip(mean + spread * quantiles(PEOPLE, 2), lowest, highest),
        diabetes=quantiles(PEOPLE, 3) < norm.ppf(trial.diabetes),
        age_years=trial.age,
    )


def arm(trial: Trial, sglt2: float) -> Change:
    """Mean changes of an arm; acute injury and wandering are left out."""
    people = people_of(trial)
    body = Body(people, sets(**QUIET), ras_inhibition=trial.ras)
    entry = people["gfr_ml_min"].astype(float)
    own = people["untreated_gfr_ml_min"].astype(float)
    body.drugs["sglt2_inhibition"] = sglt2
    early = body.live(trial.first_days)["gfr_ml_min"].astype(float)
    late = body.live(round(365.25 * trial.years) - trial.first_days)["gfr_ml_min"].astype(float)
    chronic = (late - early) / (trial.years - trial.first_days / 365.25)
    untreated = (people["untreated_gfr_ml_min"] - own) / trial.years
    return Change((early - entry).mean(), chronic.mean(), ((late - entry) / trial.years).mean(), untreated.mean())


def both_arms(trial: Trial) -> tuple[Change, Change]:
    """Placebo and the drug."""
    return arm(trial, 0.0), arm(trial, 1.0)
