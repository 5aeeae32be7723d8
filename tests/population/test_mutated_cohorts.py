"""Cohort files with one value spoilt at random: sampled, or refused in one line; never anything else."""

from __future__ import annotations

import copy
import random
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from popsim.definitions.base import validate
from popsim.definitions.cohort import CohortDefinition
from popsim.errors import DefinitionError
from popsim.kernels.numerics.random import RandomKey
from popsim.population.cohort import CohortSource
from popsim.population.sampling import sample
from popsim.simulation.schema import SCHEMA

WRONG: list[Any] = [
    None, True, -1, 0, 1, 0.5, -0.0, 1e-300, 1e308, float("nan"), float("inf"), 10**30, "", "x", "../../x", "normal",
    "age_years", "female", "\x00", "é" * 5000, [], [1.0], [1.0, 0.0], [[1.0]], ["a"], {}, {"a": 1},
]  # fmt: skip


def places(table: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every key of a nested table."""
    items = table.items() if isinstance(table, dict) else enumerate(table) if isinstance(table, list) else ()
    for key, value in items:
        yield (*way, key)
        yield from places(value, (*way, key))


def spoil(table: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    spoilt = copy.deepcopy(table)
    *way, last = dice.choice(list(places(spoilt)))
    inner: Any = spoilt
    for key in way:
        inner = inner[key]
    what = dice.random()
    if what < 0.15:
        del inner[last]
    elif what < 0.3 and isinstance(inner, dict):
        inner[f"{last}x"] = inner.pop(last)
    else:
        inner[last] = dice.choice(WRONG)
    return spoilt


@pytest.mark.slow
@pytest.mark.parametrize("name", ["heart_failure_discharge", "whas500_heart_failure"])
def test_one_spoilt_value(name: str) -> None:
    dice = random.Random(20)
    path = Path(f"cohorts/{name}.toml")
    good = tomllib.loads(path.read_text())
    refused = 0
    for _ in range(400):
        try:
            definition = validate(spoil(good, dice), CohortDefinition, path)
            people = sample(CohortSource(definition, path), SCHEMA, 20, RandomKey(1))
        except DefinitionError as error:
            refused += 1
            assert "\n" not in str(error) and str(error).isprintable()
            assert len(str(error)) < 2500
        else:
            for column in SCHEMA.columns.values():
                if column.name in definition.columns:
                    assert np.all((people[column.name] >= column.low) & (people[column.name] <= column.high))
    assert refused > 200
