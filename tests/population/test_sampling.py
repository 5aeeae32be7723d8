"""Sampling people: who is whom, in which order, how they correlate, and what is refused before anybody is sampled."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import stats

from cohorts import PERSON, cohort, column, schema
from popsim.errors import DefinitionError, InputError
from popsim.kernels.numerics import distributions
from popsim.kernels.numerics import sampling as kernels
from popsim.kernels.numerics.random import RandomKey
from popsim.population.cohort import CohortSource
from popsim.population.columns import Schema
from popsim.population.copula import cholesky_factor, correlation_matrix
from popsim.population.life_table import LifeTable
from popsim.population.pieces import pieces_of
from popsim.population.sampling import plan, sample
from popsim.simulation.schema import SCHEMA

NORMAL = {"distribution": "normal", "mean": 0.0, "sd": 1.0}
HEART_FAILURE = "cohorts/heart_failure_discharge.toml"


@pytest.fixture(scope="module")
def heart_failure() -> CohortSource:
    return CohortSource.read(HEART_FAILURE)


def test_a_person_is_the_same_whatever_the_size(heart_failure: CohortSource) -> None:
    """Adding people changes nobody else: every column of the first 500 equal in bits, at block borders too."""
    few = sample(heart_failure, SCHEMA, 500, RandomKey(5))
    many = sample(heart_failure, SCHEMA, 40_000, RandomKey(5))
    for name in heart_failure.definition.columns:
        assert np.array_equal(few[name], many[name][:500]), name


def test_a_person_is_the_same_whenever_people_enter(heart_failure: CohortSource) -> None:
    """Enrolment moves rows, not people."""
    at_once = sample(heart_failure, SCHEMA, 2000, RandomKey(5))
    spread = sample(heart_failure, SCHEMA, 2000, RandomKey(5), enrolment_days=90)
    assert not np.array_equal(spread.person_id, at_once.person_id)
    for name in heart_failure.definition.columns:
        assert np.array_equal(spread[name], at_once[name][spread.person_id]), name


def test_a_column_at_the_end_of_the_file_changes_no_other() -> None:
    columns = schema(column("a"), column("b"), column("c"))
    before = sample(cohort({"a": NORMAL, "b": NORMAL}, [("a", "b", 0.5)]), columns, 300, RandomKey(1))
    with_c = cohort({"a": NORMAL, "b": NORMAL, "c": NORMAL}, [("a", "b", 0.5), ("b", "c", 0.5)])
    after = sample(with_c, columns, 300, RandomKey(1))
    assert np.array_equal(before["a"], after["a"]) and np.array_equal(before["b"], after["b"])


def test_seeds_and_replications_give_other_people(heart_failure: CohortSource) -> None:
    base = sample(heart_failure, SCHEMA, 1000, RandomKey(5))["age_years"]
    for other in (sample(heart_failure, SCHEMA, 1000, key) for key in (RandomKey(6), RandomKey(5, 1))):
        assert np.mean(other["age_years"] == base) < 0.01
        assert abs(np.corrcoef(other["age_years"], base)[0, 1]) < 3.3 / np.sqrt(1000)


def test_rows_are_sorted_by_entry_day_then_person() -> None:
    people = sample(cohort({"a": NORMAL}), schema(column("a")), 20_000, RandomKey(3), enrolment_days=30)
    day, person = people["entry_day"], people.person_id
    assert np.array_equal(np.lexsort((person, day)), np.arange(20_000))
    counts = np.bincount(day, minlength=30)
    assert len(counts) == 30 and stats.chisquare(counts).pvalue > 1e-3
    assert np.all(sample(cohort({"a": NORMAL}), schema(column("a")), 10, RandomKey(3))["entry_day"] == 0)


def test_marginals_of_different_columns_are_independent_unless_correlated() -> None:
    names = [f"c{i}" for i in range(8)]
    people = sample(cohort(dict.fromkeys(names, NORMAL)), schema(*map(column, names)), 20_000, RandomKey(9))
    matrix = np.corrcoef([people[name] for name in names])
    # 28 pairs: the largest of as many standard normals exceeds 4 with probability 0.002.
    assert np.abs(matrix - np.eye(8)).max() < 4 / np.sqrt(20_000)


def test_correlations_of_normals_are_recovered() -> None:
    """Pearson's r within 3 standard errors (1 - rho^2) / sqrt(n)."""
    n, wanted = 50_000, {("a", "b"): 0.6, ("b", "c"): -0.3, ("a", "c"): 0.0}
    pairs = [(*pair, rho) for pair, rho in wanted.items() if rho]
    people = sample(cohort(dict.fromkeys("abc", NORMAL), pairs), schema(*map(column, "abc")), n, RandomKey(2))
    for (x, y), rho in wanted.items():
        r = np.corrcoef(people[x], people[y])[0, 1]
        assert abs(r - rho) < 3 * (1 - rho**2) / np.sqrt(n)


def test_rank_correlation_of_other_marginals_is_that_of_a_gaussian_copula() -> None:
    """Spearman's rho = 6/pi asin(r/2) (Kruskal 1958) whatever the marginals; standard error about 1/sqrt(n)."""
    n = 50_000
    skewed = {"distribution": "lognormal", "mean": 50.0, "sd": 30.0, "bounds": [5.0, 200.0]}
    flat = {"distribution": "uniform", "low": 0.0, "high": 1.0}
    people = sample(
        cohort({"a": skewed, "b": flat}, [("a", "b", -0.7)]), schema(column("a"), column("b")), n, key=RandomKey(4)
    )
    rho = stats.spearmanr(people["a"], people["b"]).statistic
    assert abs(rho - 6 / np.pi * np.arcsin(-0.35)) < 3 / np.sqrt(n)


def test_correlation_with_a_yes_or_no_column() -> None:
    """P(both) of two probits is the bivariate normal probability; with p = 1/2 that is 1/4 + asin(r)/(2 pi)."""
    n, r = 50_000, 0.5
    coin = {"distribution": "bernoulli", "probability": 0.5}
    columns = schema(column("a", "code", 0, 1), column("b", "code", 0, 1))
    people = sample(cohort({"a": coin, "b": coin}, [("a", "b", r)]), columns, n, RandomKey(8))
    expected = 0.25 + np.arcsin(r) / (2 * np.pi)
    both = np.mean((people["a"] == 1) & (people["b"] == 1))
    assert abs(both - expected) < 3 * np.sqrt(expected * (1 - expected) / n)


def test_cholesky_factor_is_numpys() -> None:
    pairs = cohort(dict.fromkeys("abc", NORMAL), [("a", "b", 0.6), ("b", "c", -0.3)]).definition.correlations
    matrix = correlation_matrix("abc", pairs)
    assert cholesky_factor("abc", pairs, "x") == pytest.approx(np.linalg.cholesky(matrix), abs=1e-14)


def test_impossible_correlations_are_refused_with_the_pair_to_blame() -> None:
    """a and b alike, b and c alike, a and c opposite: eigenvalues of this matrix are 1.9, 1.9, -0.8."""
    pairs = [("a", "b", 0.9), ("b", "c", 0.9), ("a", "c", -0.9)]
    with pytest.raises(DefinitionError, match=r"correlations ., . = -?0\.9: .*smallest eigenvalue -0\.8") as refused:
        plan(cohort(dict.fromkeys("abc", NORMAL), pairs), schema(*map(column, "abc")))
    assert "\n" not in str(refused.value)
    one_too_strong = [("a", "b", 0.5), ("a", "c", 0.5), ("b", "c", -0.9), ("c", "d", 0.1)]
    with pytest.raises(DefinitionError, match=r"correlations b, c = -0\.9"):
        plan(cohort(dict.fromkeys("abcd", NORMAL), one_too_strong), schema(*map(column, "abcd")))


def test_same_as_starts_at_the_set_point() -> None:
    columns = schema(column("baseline"), column("state"))
    copy = {"distribution": "same_as", "column": "baseline"}
    people = sample(cohort({"state": copy, "baseline": NORMAL}), columns, 100, RandomKey(1))
    assert np.array_equal(people["state"], people["baseline"]) and people["state"].std() > 0


def test_life_table_hazard_follows_age_and_sex(heart_failure: CohortSource) -> None:
    people = sample(heart_failure, SCHEMA, 300, RandomKey(1))
    table = LifeTable.read("us_2019")
    expected = [
        table.rate[int(sex), int(age)] / 365.25 for age, sex in zip(people["age_years"], people["female"], strict=True)
    ]
    assert people["life_table_hazard_per_day"] == pytest.approx(np.array(expected, np.float32), rel=1e-6)


@pytest.mark.parametrize(
    ("columns", "keys", "message"),
    [
        ({"age_yaers": NORMAL}, {}, "columns.age_yaers: unknown column, did you mean 'age_years'"),
        ({"entry_day": NORMAL}, {}, "columns.entry_day: follows from the experiment's enrolment"),
        ({"dry_weight_kg": NORMAL | {"unit": "lb"}}, {}, "columns.dry_weight_kg.unit = 'lb': must be 'kg'"),
        ({"age_years": NORMAL | {"unit": "years"}}, {}, r"values can lie outside \[18, 115\] years"),
        (
            {"age_years": {"distribution": "fixed", "value": 200.0, "unit": "years"}}, {},
            r"columns.age_years = 200.0: values can lie outside",
        ),
        ({"female": {"distribution": "uniform", "low": 0.0, "high": 1.0}}, {}, "columns.female = 'uniform': .*whole"),
        ({"female": {"distribution": "fixed", "value": 0.5}}, {}, "whole numbers"),
        (
            {"age_years": {"distribution": "normal", "mean": 60.0, "sd": 24.9, "bounds": [30.0, 90.0],
                           "unit": "years"}}, {},
            "columns.age_years: no truncated distribution",
        ),
        ({"age_years": {"distribution": "same_as", "column": "femal", "unit": "years"}}, {}, "= 'femal': allowed: no"),
        (
            {"age_years": {"distribution": "same_as", "column": "female", "unit": "years"},
             "female": {"distribution": "fixed", "value": 1.0}}, {},
            "columns.age_years.column = 'female': is in '1', not 'a'",
        ),
        (
            {"female": {"distribution": "fixed", "value": 1.0}},
            {"life_table": "xx"},
            "'xx': allowed: netherlands, uk, us_2019",
        ),
    ],
)  # fmt: skip
def test_refused_before_sampling(columns: dict[str, dict[str, object]], keys: dict[str, str], message: str) -> None:
    with pytest.raises(DefinitionError, match=message) as refused:
        plan(cohort(columns, **keys), Schema((*schema(*PERSON).columns.values(), column("life_table_hazard_per_day"))))
    assert "\n" not in str(refused.value)


def test_a_life_table_needs_age_and_sex_and_excludes_a_column_of_its_own() -> None:
    columns = schema(*PERSON, column("life_table_hazard_per_day"))
    sex = {"female": {"distribution": "fixed", "value": 1.0}}
    with pytest.raises(DefinitionError, match=r"columns\.age_years: missing, the life table needs it"):
        plan(cohort(sex, life_table="us_2019"), columns)
    with pytest.raises(DefinitionError, match="give either a life table or a column"):
        plan(cohort(sex), columns)
    plan(cohort({"life_table_hazard_per_day": {"distribution": "fixed", "value": 0.001}}), columns)


@pytest.mark.parametrize(("size", "days"), [(0, 0), (10**9, 0), (10, -1)])
def test_sizes_are_checked(size: int, days: int) -> None:
    with pytest.raises(InputError):
        sample(cohort({"a": NORMAL}), schema(column("a")), size, RandomKey(1), enrolment_days=days)


def test_compiled_equals_plain_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both kernels, bit for bit, on a small block."""
    person = np.arange(40, dtype=np.int64)
    compiled, plain = (keyed(RandomKey(7, 1), person, 16) for keyed in (kernels.keyed, kernels.keyed.py_func))
    assert np.array_equal(compiled, plain) and 0 < compiled.min() < compiled.max() < 1
    factor = np.array([[1.0, 0.0], [0.6, 0.8]])
    joint = np.stack([compiled, compiled[::-1]])
    one, other = joint.copy(), joint.copy()
    kernels.correlate(factor, one)
    kernels.correlate.py_func(factor, other)
    assert np.array_equal(one, other) and np.array_equal(one[0], joint[0]) and not np.array_equal(one[1], joint[1])
    marginal = cohort({"a": {"distribution": "lognormal", "mean": 5.0, "sd": 2.0, "bounds": [1.0, 12.0]}})
    pieces = pieces_of(marginal.definition.columns["a"])
    distributions.quantiles(pieces, one[1], compiled)
    monkeypatch.setattr(distributions, "quantile", distributions.quantile.py_func)
    distributions.quantiles.py_func(pieces, one[1], plain)
    assert np.array_equal(compiled, plain)


@pytest.mark.slow
def test_time_grows_with_the_people_not_with_their_square(heart_failure: CohortSource) -> None:
    """Processor time of ten times the people: 10 times, and a hundred if it were quadratic."""

    def processor_seconds(size: int) -> float:
        start = time.process_time()
        sample(heart_failure, SCHEMA, size, RandomKey(1))
        return time.process_time() - start

    processor_seconds(100)
    small = min(processor_seconds(20_000) for _ in range(3))
    assert processor_seconds(200_000) < 30.0 * small
