"""Table 1: the numbers are those of the columns, every column that the cohort gives has a line."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from popsim.kernels.numerics.random import RandomKey
from popsim.population.cohort import CohortSource
from popsim.population.sampling import sample
from popsim.population.summary import summary
from popsim.reporting.text.cohort import render_cohort_summary
from popsim.simulation.schema import SCHEMA


@pytest.fixture(scope="module")
def source() -> CohortSource:
    return CohortSource.read("cohorts/heart_failure_discharge.toml")


def test_moments_and_counts_are_numpys(source: CohortSource) -> None:
    people = sample(source, SCHEMA, 5000, RandomKey(1))
    frame = summary(people, source)
    age = people["age_years"].astype(float)
    row = frame.row(by_predicate=pl.col("column") == "age_years", named=True)
    assert (row["unit"], row["n"], row["origin"]) == ("years", 5000, "sampled")
    assert row["mean"] == pytest.approx(age.mean()) and row["sd"] == pytest.approx(age.std(ddof=1))
    assert [row["q1"], row["median"], row["q3"]] == pytest.approx(list(np.percentile(age, [25, 50, 75])))
    female = frame.row(by_predicate=pl.col("column") == "female", named=True)
    assert female["n"] == int(people["female"].sum()) and female["share"] == pytest.approx(people["female"].mean())
    quintiles = frame.filter(frame["column"] == "deprivation_quintile")
    assert quintiles["level"].to_list() == [1, 2, 3, 4, 5] and quintiles["n"].sum() == 5000


def test_every_column_has_a_line_and_a_source(source: CohortSource) -> None:
    frame = summary(sample(source, SCHEMA, 200, RandomKey(1)), source)
    assert set(frame["column"]) == set(source.definition.columns) | {"life_table_hazard_per_day"}
    assert frame["source"].str.len_chars().min() >= 8


def test_one_person_has_a_table() -> None:
    alone = CohortSource.read("cohorts/whas500_heart_failure.toml")
    text = render_cohort_summary(alone, sample(alone, SCHEMA, 1, RandomKey(1)))
    assert "1 people at entry" in text and "nan" not in text


def test_the_published_figures_are_on_the_page(source: CohortSource) -> None:
    """Mean age 80.7 (GWTG-HF-Medicare), sd as in the file; standard error 0.04 at this size."""
    text = render_cohort_summary(source, sample(source, SCHEMA, 40_000, RandomKey(1)))
    assert "Age at entry" in text and "years" in text
    assert "80.7 (8.2)" in text or "80.6 (8.2)" in text or "80.8 (8.2)" in text
    assert "median [quartiles]" in text
    assert all(line == line.rstrip() for line in text.splitlines())
