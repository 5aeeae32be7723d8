"""Draws of uncertain parameters: their distributions by simulation, who shares which random numbers, what is refused.

Tolerances are four standard errors of the estimate at 100,000 draws.
"""

import math

import numpy as np
import pytest
from scipy import stats

from popsim.definitions.base import validate
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.parameter import Parameter
from popsim.errors import DefinitionError, InputError
from popsim.evidence import draws
from popsim.evidence.draws import uncertain_parameters
from popsim.evidence.parameters import ParameterSet

MANY = range(1, 100_001)
SE = 1 / math.sqrt(len(MANY))
SEED = 20261122
TWO = ["s.a", "s.b"]
HALF = [[1.0, 0.5], [0.5, 1.0]]


def parameter(value, lowest=-1e12, highest=1e12, **uncertainty):
    table = {"value": value, "unit": "1", "source": "made up for a test", "low": lowest, "high": highest}
    return validate(table | ({"uncertainty": uncertainty} if uncertainty else {}), Parameter, "test")


def groups(*tables):
    smallest = {"name": "x", "cohort": "c.toml", "network": "n.toml", "strategies": [{"name": "usual"}]}
    return validate(smallest | {"parameter_groups": list(tables)}, ExperimentDefinition, "test").parameter_groups


def uncertain(records, *tables):
    return uncertain_parameters({"s": ParameterSet("s", records)}, groups(*tables), "test")


def column(records, *tables, name="s.x"):
    found = uncertain(records, *tables)
    return found.draw(SEED, MANY)[:, found.names.index(name)]


DISTRIBUTIONS = [
    ({"distribution": "beta", "standard_error": 0.05}, stats.beta(58.1, 24.9)),
    ({"distribution": "gamma", "standard_error": 0.35}, stats.gamma(4, scale=0.175)),
    ({"distribution": "lognormal", "meanlog": -0.4, "sdlog": 0.3}, stats.lognorm(0.3, scale=math.exp(-0.4))),
    ({"distribution": "normal", "standard_error": 0.2}, stats.norm(0.7, 0.2)),
    ({"distribution": "uniform", "low": 0.1, "high": 1.3}, stats.uniform(0.1, 1.2)),
]


@pytest.mark.parametrize(("uncertainty", "exact"), DISTRIBUTIONS)
def test_moments_and_quantiles(uncertainty, exact):
    """beta: alpha + beta = .7 x .3 / .05^2 - 1 = 83; gamma: shape = (.7 / .35)^2 = 4."""
    x = column({"x": parameter(0.7, **uncertainty)})
    assert x.mean() == pytest.approx(exact.mean(), abs=4 * exact.std() * SE)
    kurtosis = float(exact.stats(moments="k")) + 3.0
    assert x.var() == pytest.approx(exact.var(), abs=4 * exact.var() * math.sqrt(kurtosis - 1.0) * SE)
    for p in (0.01, 0.25, 0.5, 0.9, 0.99):
        se = math.sqrt(p * (1 - p)) / exact.pdf(exact.ppf(p)) * SE
        assert np.quantile(x, p) == pytest.approx(exact.ppf(p), abs=4 * se)


def test_shares_of_an_empirical_distribution():
    x = column({"x": parameter(2.0, distribution="empirical", values=[1.0, 2.0, 4.0], weights=[1.0, 2.0, 1.0])})
    for value, share in ((1.0, 0.25), (2.0, 0.5), (4.0, 0.25)):
        assert (x == value).mean() == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share)) * SE)


@pytest.mark.parametrize("way", [{"concentrations": [6.0, 3.0, 1.0]}, {"sample_size": 10.0}])
def test_a_dirichlet_sums_to_one_and_has_its_covariance(way):
    a = np.array([6.0, 3.0, 1.0])
    records = {key: parameter(value, 0.0, 1.0) for key, value in zip("xyz", a / 10, strict=True)}
    group = {"distribution": "dirichlet", "parameters": ["s.x", "s.y", "s.z"], **way}
    x = uncertain(records, group).draw(SEED, MANY)
    np.testing.assert_allclose(x.sum(axis=1), 1.0, rtol=1e-14)
    exact = (np.diag(a / 10) - np.outer(a, a) / 100) / 11  # var = m (1 - m) / (a0 + 1), cov = -m m' / (a0 + 1)
    apart = x - a / 10
    for i in range(3):
        assert apart[:, i].mean() == pytest.approx(0, abs=4 * math.sqrt(exact[i, i]) * SE)
        for j in range(3):
            product = apart[:, i] * apart[:, j]
            assert product.mean() == pytest.approx(exact[i, j], abs=4 * product.std() * SE)


@pytest.mark.parametrize(
    "way",
    [
        {"standard_errors": [2.0, 0.5], "correlation": [[1.0, -0.6], [-0.6, 1.0]]},
        {"covariance": [[4.0, -0.6], [-0.6, 0.25]]},
    ],
)
def test_a_multivariate_normal_has_its_moments(way):
    group = {"distribution": "multivariate_normal", "parameters": ["s.x", "s.y"], **way}
    x = uncertain({"x": parameter(10.0), "y": parameter(-1.0)}, group).draw(SEED, MANY)
    apart = x - [10.0, -1.0]
    np.testing.assert_array_less(np.abs(apart.mean(axis=0)), 4 * np.array([2.0, 0.5]) * SE)
    for (i, j), exact in {(0, 0): 4.0, (1, 1): 0.25, (0, 1): -0.6}.items():
        product = apart[:, i] * apart[:, j]
        assert product.mean() == pytest.approx(exact, abs=4 * product.std() * SE)


def test_a_copula_keeps_marginals_and_has_the_known_rank_correlation():
    """Spearman's correlation of a Gaussian copula is (6 / pi) asin(rho / 2) (Pearson 1907)."""
    records = {
        "x": parameter(0.7, 0.0, 1.0, distribution="beta", standard_error=0.05),
        "y": parameter(3.0, 0.0, distribution="gamma", standard_error=1.0),
        "z": parameter(5.0, distribution="normal", standard_error=1.0),
    }
    group = {
        "distribution": "correlated",
        "parameters": ["s.x", "s.y", "s.z"],
        "correlation": [[1.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 1.0]],
    }
    x = uncertain(records, group).draw(SEED, MANY)
    ranks = stats.spearmanr(x).statistic
    for (i, j), rho in {(0, 1): 0.6, (0, 2): -0.3, (1, 2): 0.2}.items():
        assert ranks[i, j] == pytest.approx(6 / math.pi * math.asin(rho / 2), abs=4 * SE)
    exact = [stats.beta(58.1, 24.9), stats.gamma(9, scale=1 / 3), stats.norm(5, 1)]
    for values, distribution in zip(x.T, exact, strict=True):
        assert stats.kstest(values, distribution.cdf).statistic < 2.23 * SE  # exceeded once in 10,000


def normals(*keys):
    return {key: parameter(1.0, distribution="normal", standard_error=1.0) for key in keys}


def test_parameters_are_independent_of_each_other():
    x = uncertain(normals("a", "b", "c", "d")).draw(SEED, MANY)
    assert np.abs(np.corrcoef(x.T) - np.eye(4)).max() < 4 * SE


def test_another_parameter_changes_nobody_elses_draws():
    few, more = uncertain(normals("b", "d")), uncertain(normals("a", "d", "c", "b"))
    ours, theirs = few.draw(1, range(1, 50)), more.draw(1, range(1, 50))
    for name in few.names:
        assert (ours[:, few.names.index(name)] == theirs[:, more.names.index(name)]).all()


def test_a_correlation_changes_only_its_members():
    group = {"distribution": "correlated", "parameters": ["s.b", "s.d"], "correlation": [[1.0, 0.5], [0.5, 1.0]]}
    plain, joined = uncertain(normals("a", "b", "d")), uncertain(normals("a", "b", "d"), group)
    same = (plain.draw(1, range(1, 50)) == joined.draw(1, range(1, 50))).all(axis=0)
    assert same.tolist() == [True, True, False]


def test_a_draw_alone_is_the_same_as_among_others():
    records = {f"p{i}": parameter(0.7, **uncertainty) for i, (uncertainty, _) in enumerate(DISTRIBUTIONS)}
    tables = [
        {"distribution": "correlated", "parameters": ["s.p0", "s.p1"], "correlation": [[1.0, 0.5], [0.5, 1.0]]},
        {"distribution": "dirichlet", "parameters": ["s.a", "s.b"], "concentrations": [2.0, 3.0]},
    ]
    records |= {"a": parameter(0.4), "b": parameter(0.6)}
    found = uncertain(records, *tables)
    together = found.draw(7, range(1, 300))
    for draw in (1, 5, 17, 299):
        assert (found.draw(7, [draw])[0] == together[draw - 1]).all()
    assert (found.draw(8, range(1, 300)) != together).all()


def test_what_is_known_for_certain_is_not_drawn():
    records = normals("a", "b") | {"c": parameter(3.0, distribution="fixed"), "d": parameter(4.0)}
    group = {"distribution": "correlated", "parameters": ["s.c", "s.b"], "correlation": [[1.0, 0.5], [0.5, 1.0]]}
    assert uncertain(records, group).names == ("s.a", "s.b")
    assert (uncertain(records, group).draw(1, [1, 2]) == uncertain(records).draw(1, [1, 2])).all()


def test_a_group_of_the_experiment_takes_the_place_of_one_of_the_set():
    ours = {"distribution": "correlated", "parameters": ["a", "b", "c"], "correlation": np.full((3, 3), 0.5).tolist()}
    for i in range(3):
        ours["correlation"][i][i] = 1.0
    records = {"s": ParameterSet("s", normals("a", "b", "c"), groups(ours))}
    found = uncertain_parameters(records, (), "test")
    assert [names for names, _ in found.copulas] == [("s.a", "s.b", "s.c")]
    theirs = {"distribution": "correlated", "parameters": ["s.c", "s.a"], "correlation": HALF}
    found = uncertain_parameters(records, groups(theirs), "test")
    assert [names for names, _ in found.copulas] == [("s.c", "s.a")]


def test_values_at_given_probabilities():
    """At the middle of everything each is at its median; a correlated one follows the one before it.

    For normals with correlation 0.5, z2 = 0.5 z1 + sqrt(0.75) e2, where e2 is the normal quantile of what is put in.
    """
    group = {"distribution": "correlated", "parameters": ["s.a", "s.b"], "correlation": HALF}
    found = uncertain(normals("a", "b"), group)
    np.testing.assert_allclose(found.values_at(np.full((1, 2), 0.5)), [[1.0, 1.0]], atol=1e-12)
    p = np.array([[0.9, 0.2], [0.3, 0.7]])
    z = stats.norm.ppf(p)
    expected = np.column_stack([1 + z[:, 0], 1 + 0.5 * z[:, 0] + math.sqrt(0.75) * z[:, 1]])
    np.testing.assert_allclose(found.values_at(p), expected, rtol=1e-9)
    assert p.tolist() == [[0.9, 0.2], [0.3, 0.7]]


def test_a_value_out_of_bounds_is_told_not_clipped():
    found = uncertain({"x": parameter(0.5, 0.0, distribution="normal", standard_error=0.08)})
    with pytest.raises(InputError, match=r"s\.x was drawn as -0\.0\d+: must lie between 0 and 1e\+12"):
        found.values_at(np.array([[1e-10]]))


def test_two_names_with_one_hash_are_told(monkeypatch):
    monkeypatch.setattr(draws, "name_hash", lambda name: 5)
    with pytest.raises(DefinitionError, match=r"s\.b: shares its random numbers with s\.a by accident"):
        uncertain(normals("a", "b"))


@pytest.mark.parametrize(
    ("records", "tables", "line"),
    [
        (
            {"u": parameter(0.9, -0.594, 1.0, distribution="normal", standard_error=0.05)},
            [],
            "test: s.u.uncertainty: this normal lies outside [-0.594, 1] with probability 0.023: use beta",
        ),
        (
            {"hr": parameter(0.8, 0.0, 10.0, distribution="normal", standard_error=0.2)},
            [],
            "lies outside [0, 10] with probability 3.2e-05: use lognormal or gamma, or a smaller standard error",
        ),
        (
            {"hr": parameter(0.8, 0.0, 1.0, distribution="lognormal", standard_error=0.1)},
            [],
            "lies outside [0, 1] with probability 0.032: use beta",
        ),
        (
            {"x": parameter(2.0, 0.0, 3.0, distribution="uniform", low=1.0, high=4.0)},
            [],
            "this uniform lies outside [0, 3] with probability 0.33: make it narrower",
        ),
        (
            {"x": parameter(2.0, 0.0, 3.0, distribution="empirical", values=[1.0, 3.5])},
            [],
            "this empirical lies outside [0, 3] with probability 0.5: make it narrower",
        ),
        (
            {"x": parameter(0.5, distribution="beta", alpha=900.0, beta=100.0)},
            [],
            "the value 0.5 is far out in this beta (99.9% of it lies in 0.866",
        ),
        (
            {"x": parameter(0.5, distribution="beta", standard_error=0.6)},
            [],
            "test: s.x.uncertainty: standard error 0.6: a beta with mean 0.5 has less than 0.5",
        ),
        (
            normals("a", "b"),
            [{"distribution": "correlated", "parameters": ["s.a", "s.bb"], "correlation": HALF}],
            "parameter_groups (correlated of s.a, ...).parameters = 's.bb': no such parameter, did you mean 'b'?",
        ),
        (
            normals("a", "b"),
            [{"distribution": "correlated", "parameters": ["s.a", "t.b"], "correlation": HALF}],
            "no parameter set 't', allowed: s",
        ),
        (
            normals("a") | {"b": parameter(1.0)},
            [{"distribution": "correlated", "parameters": TWO, "correlation": HALF}],
            "= 's.b': has no uncertainty that could be correlated, give it one",
        ),
        (
            normals("a", "b", "c"),
            [
                {"distribution": "correlated", "parameters": TWO, "correlation": HALF},
                {"distribution": "correlated", "parameters": ["s.c", "s.b"], "correlation": HALF},
            ],
            "= 's.b': is already in parameter_groups (correlated of s.a, ...)",
        ),
        (
            normals("a", "b", "c"),
            [
                {
                    "distribution": "correlated",
                    "parameters": ["s.a", "s.b", "s.c"],
                    "correlation": [[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]],
                }
            ],
            ".correlation: must be positive definite, the smallest eigenvalue (as correlations) is -0.8",
        ),
        (
            normals("a") | {"b": parameter(1.0)},
            [{"distribution": "multivariate_normal", "parameters": TWO, "covariance": HALF}],
            "= 's.a': has an uncertainty of its own as well, give one",
        ),
        (
            {"a": parameter(1.0, 0.0), "b": parameter(1.0)},
            [{"distribution": "multivariate_normal", "parameters": TWO, "covariance": HALF}],
            "s.a.uncertainty: this normal lies outside [0, 1e+12] with probability 0.16: use lognormal or gamma",
        ),
        (
            {"a": parameter(0.5), "b": parameter(0.4)},
            [{"distribution": "dirichlet", "parameters": TWO, "sample_size": 10.0}],
            "the values must sum to 1, they sum to 0.9",
        ),
        (
            {"a": parameter(0.999), "b": parameter(0.001)},
            [{"distribution": "dirichlet", "parameters": TWO, "sample_size": 10.0}],
            ".sample_size = 10.0: times the value of s.b (0.001) must be at least 0.1",
        ),
        (
            {"a": parameter(0.5), "b": parameter(0.5, distribution="fixed")},
            [{"distribution": "dirichlet", "parameters": TWO, "sample_size": 10.0}],
            "= 's.b': is known for certain, the other shares are not",
        ),
    ],
)
def test_what_is_refused(records, tables, line):
    with pytest.raises(DefinitionError) as caught:
        uncertain(records, *tables)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
