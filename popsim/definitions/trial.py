"""Trials: what makes an experiment a trial, besides its arms (strategies), people and care."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from popsim.definitions.base import Definition
from popsim.definitions.cohort import Correlation
from popsim.definitions.conditions import Condition
from popsim.definitions.distributions import AnyMarginal
from popsim.definitions.fields import AS_TUPLE, Identifier, whole

MAX_CRITERIA = 24


class Trial(Definition):
    """The people randomised and their follow-up.

    Everybody enters on day 0. Because recruitment took years and the trial ended on one day, each person's follow-up is
    uniform between `least_follow_up_days` and the experiment's `follow_up_days`; all arms have the same people and
    times. They come from many hospitals and do not queue for each other: the network's capacities have no part in it.

    Attributes:
        columns, correlations: the baseline table, instead of the cohort's, column by column.
        inclusion: conditions that all hold on the morning of randomisation (negate exclusions); people are sampled
            until enough are eligible.
        stratum: labels of the people ("reduced", "mild", "outpatient", ...) by which results are counted.
        least_follow_up_days: follow-up of the person randomised last.
    """

    columns: dict[Identifier, AnyMarginal] = Field(default_factory=dict)
    correlations: Annotated[tuple[Correlation, ...], AS_TUPLE] = ()
    stratum: Annotated[tuple[Identifier, ...], AS_TUPLE, Field(max_length=8)] = ()
    inclusion: Annotated[tuple[Condition, ...], AS_TUPLE, Field(max_length=MAX_CRITERIA)] = ()
    least_follow_up_days: Annotated[int, whole(1, 3653)]
