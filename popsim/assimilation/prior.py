"""The prior of a belief: people of the cohort who resemble the person in what is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.assimilation.ensemble import Ensemble
from popsim.assimilation.sensors import Sensor
from popsim.errors import InputError
from popsim.evidence.parameters import ParameterSet
from popsim.kernels.codes import STREAM_BIAS
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.sampling import keyed
from popsim.physiology import Physiology
from popsim.population.cohort import CohortSource
from popsim.population.columns import Schema
from popsim.population.population import Population
from popsim.population.sampling import sample
from popsim.statistics import normal_quantile

MEMBER_IDS = 1 << 44  # above the ids of all people, so that no member shares a random stream with anybody
MAX_MEMBERS = 1 << 14
DONORS_STREAM = 1 << 31  # above those of experiments: no donor is a person of the population
BLOCK = 512  # persons at a time, when distances to all donors are held


def member_ids(person_id: NDArray[np.int64], members: int) -> NDArray[np.int64]:
    """Ids of members, (persons * members,): the keys of their random streams.

    Raises:
        InputError: too few or too many members.
    """
    if not 2 <= members <= MAX_MEMBERS:
        raise InputError(f"members = {members}: must be between 2 and {MAX_MEMBERS}")
    return np.asarray((MEMBER_IDS + person_id[:, None] * MAX_MEMBERS + np.arange(members)).ravel())


def members_of(
    cohort: CohortSource,
    known: Mapping[str, ArrayLike],
    *,
    members: int,
    schema: Schema,
    physiology: Physiology,
    person_id: NDArray[np.int64],
    key: RandomKey,
    sensors: Sequence[Sensor] = (),
    parameters: ParameterSet,
) -> Ensemble:
    """Members of each person: the known values, and everything else from similar people of the cohort (donors).

    The donors of a person are the people of a sample of the cohort who are nearest in what is known (different classes
    count as one standard deviation apart). They receive the person's known values and are initialised at steady state,
    so that hidden traits keep the correlations of the cohort. Give what is measured with error as readings, not here.

    Args:
        cohort: the cohort that the persons belong to.
        known: columns, (persons,), at least one; NaN, or -1 for a class, where a person's value is not known.
        members: rows per person.
        schema: columns of the ensemble.
        physiology: initialises the members at steady state.
        person_id: (persons,), key of the members' random streams.
        key: of the random numbers.
        sensors: their lasting errors are drawn for each member.
        parameters: the set twinning.

    Raises:
        InputError: nothing is known, a column is unknown, or arrays differ in length.
    """
    persons = len(person_id)
    if not known:
        raise InputError("known: must have at least one column")
    facts = {name: np.asarray(values) for name, values in known.items()}
    for name, values in facts.items():
        if name not in schema:
            raise InputError(f"known column '{name}': twins have no such column")
        if values.shape != (persons,):
            raise InputError(f"known column '{name}': has shape {values.shape}, must be ({persons},)")
    donors = sample(cohort, schema, max(int(parameters["donors"]), members), RandomKey(key.seed, DONORS_STREAM))
    alike = [
        _nearest(donors, {name: values[start : start + BLOCK] for name, values in facts.items()}, members)
        for start in range(0, persons, BLOCK)
    ]
    people = donors.chosen(np.concatenate(alike).ravel())
    people.person_id = member_ids(np.asarray(person_id, np.int64), members)
    people["alive"] = 1
    for name, values in facts.items():
        given = np.repeat(values, members)
        certain = is_known(given, schema, name)
        people[name][certain] = given[certain]
    physiology.initialise(people)
    return Ensemble(people, members, lasting_errors(sensors, people.person_id, key))


def is_known(values: NDArray[Any], schema: Schema, name: str) -> NDArray[np.bool_]:
    """Where a value is given: not NaN and, for a class, not below its lowest code."""
    finite = ~np.isnan(values.astype(np.float64))
    return np.asarray(finite & (values >= schema[name].low)) if schema[name].kind != "real" else np.asarray(finite)


def lasting_errors(sensors: Sequence[Sensor], person_id: NDArray[np.int64], key: RandomKey) -> NDArray[np.float32]:
    """Lasting error of each sensor for each row, (sensors, rows): normal with the sensor's standard deviation."""
    errors = np.zeros((len(sensors), len(person_id)), np.float32)
    for index, sensor in enumerate(sensors):
        if sensor.bias_sd > 0.0:
            errors[index] = sensor.bias_sd * normal_quantile(keyed(key, person_id, STREAM_BIAS, index))
    return errors


def _nearest(donors: Population, facts: Mapping[str, NDArray[Any]], members: int) -> NDArray[np.int64]:
    """Rows of the donors nearest to each person, (persons, members), in the order of the donors."""
    persons = len(next(iter(facts.values())))
    distance = np.zeros((persons, len(donors)), np.float32)
    for name, values in facts.items():
        theirs, own = donors[name].astype(np.float32), values.astype(np.float32)
        certain = is_known(values, donors.schema, name)
        if donors.schema[name].kind == "code":
            apart = (own[:, None] != theirs).astype(np.float32)
        else:
            sd = theirs.std()
            if not sd > 0.0:
                continue
            apart = ((np.where(certain, own, 0.0)[:, None] - theirs) / sd) ** 2
        distance += np.where(certain[:, None], apart, 0.0)
    nearest = np.argpartition(distance, members - 1, axis=1)[:, :members]
    return np.asarray(np.sort(nearest, axis=1))
