"""What may be said about a parameter's uncertainty: one way for each distribution, refusals of one line."""

import pytest

from popsim.definitions.base import validate
from popsim.definitions.distributions import Beta, Fixed, Normal
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.parameter import ParameterChange
from popsim.errors import DefinitionError

SMALLEST = {"name": "small", "cohort": "c.toml", "network": "n.toml", "strategies": [{"name": "usual"}]}


def experiment(**changes):
    return validate(SMALLEST | changes, ExperimentDefinition, "file.toml")


def said(**uncertainty):
    return experiment(parameters={"set.x": {"uncertainty": uncertainty}}).parameters["set.x"].uncertainty


def test_each_way_is_understood():
    assert said(distribution="beta", standard_error=0.1) == Beta(distribution="beta", standard_error=0.1)
    assert said(distribution="beta", alpha=2, beta=3).alpha == 2.0
    interval = said(distribution="normal", mean=0.5, low=0.1, high=0.9, coverage=0.5)
    assert interval == Normal(distribution="normal", mean=0.5, low=0.1, high=0.9, coverage=0.5)
    assert said(distribution="gamma", low=1.0, high=2.0).coverage == 0.95
    assert said(distribution="fixed") == Fixed(distribution="fixed")


@pytest.mark.parametrize(
    ("uncertainty", "allowed"),
    [
        ({"distribution": "beta"}, "here: none of them"),
        (
            {"distribution": "beta", "standard_error": 0.1, "alpha": 2.0, "beta": 3.0},
            "a beta is given by standard_error (with mean if needed); or low, high (with mean, coverage if needed); "
            "or alpha, beta; here: alpha, beta, standard_error",
        ),
        ({"distribution": "beta", "alpha": 2.0}, "here: alpha"),
        ({"distribution": "beta", "alpha": 2.0, "beta": 3.0, "mean": 0.4}, "here: alpha, beta, mean"),
        ({"distribution": "gamma", "shape": 2.0, "low": 3.0}, "a gamma is given by"),
        ({"distribution": "lognormal", "standard_error": 2.0, "coverage": 0.9}, "here: coverage, standard_error"),
        ({"distribution": "normal", "standard_error": 2.0, "high": 0.9}, "here: high, standard_error"),
        ({"distribution": "uniform", "low": 0.0, "high": 1.0, "mean": 0.5}, "a uniform is given by low, high; or"),
        ({"distribution": "normal", "low": 0.9, "high": 0.1}, "low = 0.9 must be below high (0.1)"),
        ({"distribution": "uniform", "low": 0.9, "high": 0.1}, "low = 0.9 must be below high (0.1)"),
        ({"distribution": "empirical", "values": [1.0], "weights": [1.0, 2.0]}, "2 weights for 1 values"),
        ({"distribution": "empirical", "values": [1.0], "weights": [0.0]}, "weights must not all be 0"),
        ({"distribution": "empirical", "values": []}, "at least 1"),
        ({"distribution": "beta", "standard_eror": 0.1}, "did you mean 'standard_error'?"),
        ({"distribution": "betta", "standard_error": 0.1}, "did you mean 'beta'?"),
        ({"standard_error": 0.1}, "missing, allowed: beta, empirical, fixed, gamma, lognormal, normal, uniform"),
        ({"distribution": "normal", "standard_error": -0.1}, "must be between 1e-12"),
        ({"distribution": "normal", "standard_error": float("nan")}, "must be between"),
    ],
)
def test_what_is_refused(uncertainty, allowed):
    with pytest.raises(DefinitionError) as caught:
        said(**uncertainty)
    key = "parameters.set.x.uncertainty"
    assert caught.value.key in {key, *(f"{key}.{inner}" for inner in (*uncertainty, "distribution"))}
    assert allowed in caught.value.allowed
    assert "\n" not in str(caught.value)


TWO = {"parameters": ["s.a", "s.b"]}
UNIT = [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize(
    ("group", "allowed"),
    [
        ({"distribution": "dirichlet", **TWO}, "a dirichlet is given by concentrations; or sample_size; here: none"),
        ({"distribution": "dirichlet", **TWO, "concentrations": [1.0]}, "concentrations: 1 for 2 parameters"),
        ({"distribution": "dirichlet", **TWO, "concentrations": [1.0, 0.0]}, "between 0.1 and"),
        ({"distribution": "correlated", "parameters": ["s.a", "s.a"], "correlation": UNIT}, "'s.a' is named twice"),
        ({"distribution": "correlated", "parameters": ["s.a"], "correlation": [[1.0]]}, "at least 2"),
        ({"distribution": "correlated", **TWO, "correlation": [[1.0, 0.0]]}, "must have 2 rows of 2 numbers"),
        ({"distribution": "correlated", **TWO, "correlation": [[1.0, 0.1], [0.2, 1.0]]}, "symmetric, row 2 column 1"),
        ({"distribution": "correlated", **TWO, "correlation": [[1.0, 1.1], [1.1, 1.0]]}, "between -1 and 1"),
        ({"distribution": "correlated", **TWO, "correlation": [[2.0, 0.1], [0.1, 2.0]]}, "1 on the diagonal"),
        (
            {"distribution": "multivariate_normal", **TWO, "covariance": UNIT, "correlation": UNIT},
            "a multivariate normal is given by standard_errors, correlation; or covariance; here: corr",
        ),
        ({"distribution": "multivariate_normal", **TWO, "covariance": [[0.0, 0.0], [0.0, 1.0]]}, "must be above 0"),
        ({"distribution": "dirichlet", **TWO, "sample_sizes": 3.0}, "did you mean 'sample_size'?"),
    ],
)
def test_groups_that_are_refused(group, allowed):
    with pytest.raises(DefinitionError) as caught:
        experiment(parameter_groups=[group])
    assert caught.value.key.startswith("parameter_groups.0")
    assert allowed in caught.value.allowed
    assert "\n" not in str(caught.value)


def test_parameters_are_numbers_or_tables_dotted_or_nested():
    table = {"uncertainty": {"distribution": "fixed"}}
    change = ParameterChange(uncertainty=Fixed(distribution="fixed"))
    assert experiment(parameters={"set": {"x": table, "y": 2}}).parameters == {"set.x": change, "set.y": 2.0}
    assert experiment(parameters={"set.x": {"value": 3}}).parameters == {"set.x": ParameterChange(value=3.0)}


@pytest.mark.parametrize(
    ("entry", "key", "allowed"),
    [
        ({"value": 1.0, "unit": "kg"}, "parameters.s.x.unit", "unknown key, allowed: uncertainty, value"),
        ({"value": "high"}, "parameters.s.x.value", "must be a number"),
        (True, "parameters.s.x", "must be a number up to 1e+12, or a table with value, uncertainty or both"),
        (float("inf"), "parameters.s.x", "must be a number up to 1e+12"),
        (2e12, "parameters.s.x", "must be a number up to 1e+12"),
    ],
)
def test_entries_that_are_refused(entry, key, allowed):
    with pytest.raises(DefinitionError) as caught:
        experiment(parameters={"s.x": entry})
    assert caught.value.key == key
    assert allowed in caught.value.allowed
