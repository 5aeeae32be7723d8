"""Cohort files: what they may say, and the one line that refuses what they may not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from popsim.definitions.base import validate
from popsim.definitions.cohort import CohortDefinition
from popsim.errors import DefinitionError

GOOD: dict[str, Any] = {
    "name": "someone",
    "description": "for tests",
    "source": "assumption: for tests",
    "size": 100,
    "columns": {
        "age_years": {
            "distribution": "normal", "mean": 70, "sd": 5.0, "bounds": [50, 90.0], "unit": "years",
            "source": "assumption: for tests",
        },
        "female": {"distribution": "bernoulli", "probability": 0.5, "source": "assumption: for tests"},
    },
    "correlations": [{"a": "age_years", "b": "female", "value": 0.2, "source": "assumption: for tests"}],
}  # fmt: skip


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    table = copy.deepcopy(GOOD)
    change(table)
    return table


def age(**keys: object) -> Callable[[dict[str, Any]], object]:
    return lambda table: table["columns"]["age_years"].update(keys)


def column(**keys: object) -> Callable[[dict[str, Any]], object]:
    return lambda table: table["columns"].update(x={"source": "assumption: for tests"} | keys)


def from_table(**keys: object) -> Callable[[dict[str, Any]], object]:
    whole: dict[str, Any] = {
        "path": "people.csv", "format": "csv", "source": "assumption: for tests",
        "columns": {"dry_weight_kg": {"from": "weight"}},
    }  # fmt: skip
    return lambda table: table.update(table=whole | keys)


def test_a_good_file_is_read() -> None:
    definition = validate(GOOD, CohortDefinition, "good.toml")
    assert list(definition.columns) == ["age_years", "female"]
    assert definition.columns["age_years"].bounds == (50.0, 90.0)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("change", "key", "allowed"),
    [
        (lambda t: t.pop("source"), "source", "required"),
        (lambda t: t.update(sise=3), "sise", "did you mean 'size'"),
        (lambda t: t.update(columns={}, correlations=[]), "file", "give [columns]"),
        (lambda t: t.update(size=0), "size", "between 1 and"),
        (lambda t: t.update(size=10**12), "size", "between 1 and"),
        (lambda t: t.update(size=10.0), "size", "whole number"),
        (lambda t: t.update(size=True), "size", "whole number"),
        (lambda t: t.update(name="../x"), "name", "lower-case"),
        (lambda t: t.update(life_table="../../etc/passwd"), "life_table", "must be a name like"),
        (lambda t: t["columns"].update({"Age Years": {}}), "columns.Age Years", "lower-case"),
        (age(meen=3.0), "columns.age_years.meen", "did you mean 'mean'"),
        (age(distribution="normall"), "columns.age_years.distribution", "did you mean 'normal'"),
        (lambda t: t["columns"]["age_years"].pop("distribution"), "columns.age_years.distribution", "missing"),
        (lambda t: t["columns"]["age_years"].pop("source"), "columns.age_years.source", "required"),
        (age(source="me"), "columns.age_years.source", "where the numbers come from"),
        (age(sd=-1.0), "columns.age_years.sd", "between"),
        (age(sd="5"), "columns.age_years.sd", "number"),
        (age(mean=True), "columns.age_years.mean", "number"),
        (age(mean=float("nan")), "columns.age_years.mean", "between"),
        (age(mean=float("inf")), "columns.age_years.mean", "between"),
        (age(bounds=[60.0]), "columns.age_years.bounds.1", "required"),
        (age(bounds="60-90"), "columns.age_years.bounds", "list"),
        (age(bounds=[90.0, 50.0]), "columns.age_years", "low first"),
        (age(bounds=[71.0, 90.0]), "columns.age_years", "inside the bounds"),
        (age(bounds=[60.0, 80.0], sd=11.0), "columns.age_years", "sd 11.0 is impossible"),
        (lambda t: t["columns"]["female"].update(probability=1.2), "columns.female.probability", "between 0 and 1"),
        (column(distribution="uniform", low=2.0, high=1.0), "columns.x", "must be below high"),
        (column(distribution="lognormal", mean=-1.0, sd=1.0), "columns.x.mean", "between"),
        (column(distribution="lognormal", mean=1.0, sd=0.5, bounds=[-1.0, 3.0]), "columns.x", "not be negative"),
        (column(distribution="categorical", values=[0, 1], probabilities=[0.5, 0.6]), "columns.x", "sum to 1"),
        (column(distribution="categorical", values=[1, 0], probabilities=[0.5, 0.5]), "columns.x", "rise"),
        (column(distribution="categorical", values=[0, 1], probabilities=[1.0]), "columns.x", "1 probabilities"),
        (column(distribution="empirical", values=[]), "columns.x.values", "at least 1"),
        (column(distribution="quantiles", at=[0.1, 1.0], values=[1, 2]), "columns.x", "begin with 0"),
        (column(distribution="quantiles", at=[0.0, 1.0], values=[2, 1]), "columns.x", "rise"),
        (column(distribution="strata", parts=[{"share": 0.9, "mean": 1, "sd": 0.1, "bounds": [0, 2]}]),
         "columns.x", "sum to 1"),
        (column(distribution="strata", parts=[{"share": 0.5, "mean": 1, "sd": 0.1, "bounds": [0, 2]},
                                              {"share": 0.5, "mean": 2, "sd": 0.1, "bounds": [1, 3]}]),
         "columns.x", "overlap"),
        (lambda t: t["correlations"][0].update(value=1.0), "correlations.0.value", "between -0.999"),
        (lambda t: t["correlations"][0].update(b="femal"), "file", "'femal' is not one of the sampled"),
        (lambda t: t["correlations"][0].update(b="age_years"), "file", "itself or given twice"),
        (lambda t: t.update(correlations=t["correlations"] * 2), "file", "itself or given twice"),
        (from_table(format="xls"), "table.format", "'csv', 'parquet' or 'arff'"),
        (from_table(package="sksurv", path="../secret"), "table", "must not be absolute"),
        (from_table(columns={"dry_weight_kg": {"form": "weight"}}), "table.columns.dry_weight_kg.form", "'from'"),
        (from_table(columns={"dry_weight_kg": {"from": "w", "missing": "drop"}}),
         "table.columns.dry_weight_kg.missing", "'refuse' or 'sample'"),
        (from_table(columns={"dry_weight_kg": {"from": "w", "missing": "sample"}}), "file", "goes with missing"),
        (from_table(columns={"age_years": {"from": "age"}}), "file", "goes with missing"),
        (from_table(where=[{"column": "age"}]), "table.where.0", "exactly one"),
        (from_table(where=[{"column": "age", "below": 3.0, "at_least": 1.0}]), "table.where.0", "exactly one"),
    ],
)  # fmt: skip
def test_refused_in_one_line(change: Callable[[dict[str, Any]], object], key: str, allowed: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        validate(changed(change), CohortDefinition, "bad.toml")
    message = str(refused.value)
    assert "\n" not in message and message.startswith("bad.toml: ")
    assert refused.value.key.startswith(key)
    assert allowed in message
