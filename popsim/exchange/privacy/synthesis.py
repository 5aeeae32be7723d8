"""A cohort fitted to real people that copies nobody: smooth marginals and a Gaussian copula, from large counts.

Only people who are not held out are used. Every number written is of at least 11 people: shares of levels are rounded
to none or at least so many, quantiles are means of so many neighbours, the ends, too: no extreme is one person's.

Limits: what a Gaussian copula does not say of pairs and triples of columns is lost, and so are rare levels.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.definitions.base import validate
from popsim.definitions.cohort import CohortDefinition
from popsim.errors import InputError
from popsim.exchange.privacy.cells import THRESHOLD
from popsim.exchange.privacy.real_people import HELD_OUT, split, table_people
from popsim.population.cohort import CohortSource
from popsim.population.columns import Column
from popsim.simulation.schema import SCHEMA
from popsim.statistics import normal_quantile
from popsim.units import canonical

KNOTS = 10  # parts between quantiles, where there are people enough
MIN_PEOPLE = 4 * THRESHOLD  # of train
DIGITS = 3  # significant, of every number written
MIN_EIGENVALUE = 0.02  # of the matrix of correlations


def synthesised(cohort: CohortSource, out: Path, name: str, seed: int, held_out: float = HELD_OUT) -> CohortDefinition:
    """The definition of a cohort fitted to the people of a cohort's table.

    Raises:
        DefinitionError: the cohort has no table, or it is refused.
        InputError: too few people are left.
    """
    people = table_people(cohort)
    train, _ = split(people, seed, held_out)
    if len(train) < MIN_PEOPLE:
        raise InputError(f"{cohort.path}: {len(train)} people are left to fit, at least {MIN_PEOPLE} are needed")
    said = cohort.definition.model_dump(mode="json", exclude_none=True)
    own = f"fitted to {len(train)} people of the cohort '{cohort.name}'"
    fitted = {column: {**_marginal(train[column], SCHEMA[column]), "source": own} for column in train.columns}
    varying = [column for column, marginal in fitted.items() if marginal["distribution"] != "fixed"]
    columns = {
        column: {key: value for key, value in marginal.items() if value is not None}
        for column, marginal in said["columns"].items()
    }
    others = [one for one in said["correlations"] if not {one["a"], one["b"]} & set(fitted)]
    made = {
        "name": name,
        "label": f"Synthetic, as {said.get('label') or cohort.name}"[:60],
        "description": f"Synthetic people {own}; no row is copied. {len(people) - len(train)} people were held out.",
        "source": f"{own}: {said['source']}"[:500],
        "size": said["size"],
        "life_table": _life_table(cohort, out),
        "columns": {**columns, **fitted},
        "correlations": [*others, *_correlations(train.select(varying), own)],
        "made_from": {
            "cohort": os.path.relpath(cohort.path.resolve(), out.parent.resolve()),
            "seed": seed,
            "held_out": held_out,
        },
    }
    return validate({key: value for key, value in made.items() if value is not None}, CohortDefinition, out)


def _marginal(values: pl.Series, column: Column) -> dict[str, Any]:
    """A distribution without a number that fewer than `THRESHOLD` people make."""
    known = np.sort(values.drop_nans().drop_nulls().to_numpy().astype(np.float64))
    unit = {"unit": canonical(column.unit)}
    levels, counts = np.unique(known, return_counts=True)
    whole = column.kind in ("code", "count") or (len(levels) <= KNOTS and np.all(levels == np.floor(levels)))
    if whole and len(levels):
        counts = np.where(counts < THRESHOLD / 2, 0, np.maximum(counts, THRESHOLD))
        levels, counts = levels[counts > 0], counts[counts > 0]
        shares = np.round(counts / counts.sum(), DIGITS)
        shares[np.argmax(shares)] += 1.0 - shares.sum()
        if len(levels) == 1:
            return {"distribution": "fixed", "value": float(levels[0]), **unit}
        if levels.tolist() == [0.0, 1.0]:
            return {"distribution": "bernoulli", "probability": round(float(shares[1]), DIGITS), **unit}
        rounded = [round(float(share), DIGITS + 1) for share in shares]
        return {"distribution": "categorical", "values": levels.tolist(), "probabilities": rounded, **unit}
    if len(levels) < 2:
        return {"distribution": "fixed", "value": float(levels[0]) if len(levels) else 0.0, **unit}
    return {**_quantiles(known, column), **unit}


def _quantiles(known: NDArray[np.float64], column: Column) -> dict[str, Any]:
    """Quantiles that are means of neighbours; the whole range's ends lie as far out as the parts beside them."""
    parts = int(np.clip(len(known) // THRESHOLD, 2, KNOTS))
    at = np.linspace(0.0, 1.0, parts + 1)
    half = THRESHOLD // 2
    places = np.clip(np.round(at * (len(known) - 1)).astype(int), half, len(known) - 1 - half)
    values = np.array([known[place - half : place + half + 1].mean() for place in places])
    rounded = np.clip([float(f"{value:.{DIGITS}g}") for value in values], column.low, column.high)
    keep = np.concatenate([[True], np.diff(rounded) > 0])
    at, rounded = at[keep], rounded[keep]
    if len(rounded) < 2:
        return {"distribution": "fixed", "value": float(rounded[0])}
    at[-1] = 1.0
    return {"distribution": "quantiles", "at": [round(float(a), 4) for a in at], "values": rounded.tolist()}


def _correlations(train: pl.DataFrame, source: str) -> list[dict[str, Any]]:
    """Correlations of normal scores, drawn towards none until the matrix is one of correlations."""
    names = train.columns
    scores = [_scores(train[name].to_numpy().astype(np.float64)) for name in names]
    matrix = np.eye(len(names))
    for a in range(len(names)):
        for b in range(a):
            both = np.isfinite(scores[a]) & np.isfinite(scores[b])
            found = np.corrcoef(scores[a][both], scores[b][both])[0, 1] if both.sum() >= THRESHOLD else 0.0
            matrix[a, b] = matrix[b, a] = found if np.isfinite(found) else 0.0
    while np.linalg.eigvalsh(np.round(matrix, 2)).min() < MIN_EIGENVALUE:
        matrix = 0.95 * matrix + 0.05 * np.eye(len(names))
    return [
        {"a": names[b], "b": names[a], "value": round(float(matrix[a, b]), 2), "source": source}
        for a in range(len(names))
        for b in range(a)
        if abs(matrix[a, b]) >= 0.05
    ]


def _scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normal scores of the mid-ranks; NaN stays."""
    from scipy.stats import rankdata  # noqa: PLC0415 slow to import

    known = np.isfinite(values)
    out = np.full(len(values), np.nan)
    out[known] = normal_quantile((rankdata(values[known]) - 0.5) / max(known.sum(), 1))
    return out


def _life_table(cohort: CohortSource, out: Path) -> str | None:
    """The name of a shipped life table, or the path of a user's own from the new file."""
    name = cohort.definition.life_table
    if name is None or not name.endswith(".csv"):
        return name
    return os.path.relpath((cohort.path.parent / name).resolve(), out.parent.resolve())
