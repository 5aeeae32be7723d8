"""Recruitment: who is eligible for a study, by what its investigators see."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from popsim.care.eligibility import meets
from popsim.care.signals import Signals
from popsim.definitions.conditions import Condition
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
from popsim.studies.usual_care import SCREENED_PER_RECRUIT

MAX_SCREENED_PER_RECRUIT = 500.0  # people screened for each one recruited, at most


def recruit(
    trial: Trial,
    cohort: CohortSource,
    schema: Schema,
    physiology: Physiology,
    size: int,
    key: RandomKey,
) -> Population:
    """The first `size` people of a cohort who meet all criteria, in sampling order; they have no past.

    Criteria are tested on the steady state of the first morning, so that they may use symptom class or natriuretic
    peptide. Whether a person is eligible depends on nobody else.

    Raises:
        DefinitionError: fewer than one person in MAX_SCREENED_PER_RECRUIT is eligible.
    """
    asked = SCREENED_PER_RECRUIT
    while True:
        people = sample(cohort, schema, int(np.ceil(asked * size)), key)
        settled = people.copy()
        settled["alive"] = 1
        physiology.initialise(settled)
        Signals(schema, key=key).sample(settled, 0, len(settled))
        eligible = np.flatnonzero(meets_inclusion(settled, trial.inclusion, key))
        if len(eligible) >= size:
            return people.chosen(eligible[:size])
        if asked >= MAX_SCREENED_PER_RECRUIT:
            raise too_few(cohort, len(eligible), len(people))
        asked *= 4.0


def meets_inclusion(people: Population, inclusion: Sequence[Condition], key: RandomKey) -> NDArray[np.bool_]:
    """Whether each person meets all criteria on day 0: measurements with their error, results as last known."""
    look = partial(Signals(people.schema, key=key).look, people, 0)
    return meets(people, inclusion, np.arange(len(people)), look)


def too_few(cohort: CohortSource, eligible: int, screened: int) -> DefinitionError:
    """The error of a study that finds too few people."""
    rare = f"only {eligible} of {screened} people are eligible: relax a criterion or the baseline"
    return DefinitionError(cohort.path, "trial.inclusion", None, rare)


def followed_days(trial: Trial, most: int, person_id: NDArray[np.int64], key: RandomKey) -> NDArray[np.float64]:
    """Days for which each person is followed, regardless of events."""
    share = keyed(key, person_id, STREAM_STUDIES)
    days: NDArray[np.float64] = trial.least_follow_up_days + share * (most - trial.least_follow_up_days)
    return days
