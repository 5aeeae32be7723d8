"""Recruitment to a trial: people are sampled, initialised at steady state and screened until enough are eligible."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from popsim.care.eligibility import meets
from popsim.definitions.trial import Trial
from popsim.errors import DefinitionError
from popsim.kernels.codes import STREAM_STUDIES
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.sampling import keyed
from popsim.physiology import Physiology
from popsim.population.cohort import CohortSource
from popsim.population.columns import Schema
from popsim.population.population import Population
from popsim.population.sampling import sample

INITIAL_SCREENED_PER_RECRUIT = 2.0  # people screened for each one recruited, at first
MAX_SCREENED_PER_RECRUIT = 500.0  # ... and at most


def recruit(
    trial: Trial,
    cohort: CohortSource,
    schema: Schema,
    physiology: Physiology,
    size: int,
    key: RandomKey,
) -> Population:
    """The first `size` people of a cohort who meet all criteria, in sampling order; they enter on day 0.

    Criteria are tested on the steady state of the first morning, so that they may use symptom class or natriuretic
    peptide. Whether a person is eligible depends on nobody else.

    Raises:
        DefinitionError: fewer than one person in MAX_ASKED is eligible.
    """
    asked = INITIAL_SCREENED_PER_RECRUIT
    while True:
        people = sample(cohort, schema, int(np.ceil(asked * size)), key)
        settled = people.copy()
        settled["alive"] = 1
        physiology.initialise(settled)
        eligible = np.flatnonzero(meets(settled, trial.inclusion, np.arange(len(settled))))
        if len(eligible) >= size:
            return people.chosen(eligible[:size])
        if asked >= MAX_SCREENED_PER_RECRUIT:
            rare = f"only {len(eligible)} of {len(people)} people are eligible: relax a criterion or the baseline"
            raise DefinitionError(cohort.path, "trial.inclusion", None, rare)
        asked *= 4.0


def followed_days(trial: Trial, most: int, person_id: NDArray[np.int64], key: RandomKey) -> NDArray[np.float64]:
    """Days for which each person is followed, regardless of events."""
    share = keyed(key, person_id, STREAM_STUDIES)
    days: NDArray[np.float64] = trial.least_follow_up_days + share * (most - trial.least_follow_up_days)
    return days
