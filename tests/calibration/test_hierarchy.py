"""Differences between studies: the joint density against the full covariance, and what is recovered of a truth."""

import numpy as np
import pytest
import toys
from scipy.stats import multivariate_normal

from popsim.calibration.fit import calibrate
from popsim.calibration.hierarchy import KINDS, Hierarchy, loadings, spread_by_tau
from popsim.calibration.result import severities_table, studies_table
from popsim.definitions.base import validate
from popsim.definitions.calibration import Heterogeneity
from popsim.definitions.target import Target
from popsim.reporting.text.calibration import calibration_text


def fitted(number, folder):
    """Studies of four figures; the simulator is linear in three parameters and in the severity of each study."""
    said = []
    return calibrate(toys.studies(number), folder, said.append), said


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    return fitted(4, tmp_path_factory.mktemp("few"))


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    return fitted(24, tmp_path_factory.mktemp("many"))


def test_the_joint_density_is_that_of_the_full_covariance(few):
    """Closed form: a normal with the sum of all variances and of tau^2 times the outer product of loadings by study."""
    hierarchy, x = few[0].hierarchy, np.random.default_rng(1).normal(size=(4, 6))
    objectives = hierarchy.objectives
    used = [i for i, aim in enumerate(objectives.each) if not aim.baseline]
    loading = np.array([aim.loading for aim in objectives.each])
    same = np.array([[a.study == b.study for a in objectives.each] for b in objectives.each])
    densities = []
    for point, tau in zip(x, hierarchy.tau(x), strict=True):
        covariance = np.diag(hierarchy.variance + (loading[:, 2] * tau[2]) ** 2)
        for kind in range(2):
            covariance += tau[kind] ** 2 * same * np.outer(loading[:, kind], loading[:, kind])
        expected = hierarchy.expected(point[np.newaxis])[0]
        of_figures = multivariate_normal(expected[used], covariance[np.ix_(used, used)])
        densities.append(of_figures.logpdf(objectives.observed[used]) - 0.5 * point @ point)
    difference = hierarchy(x) - np.array(densities)
    np.testing.assert_allclose(difference, difference[0], atol=1e-8)


def test_tau_is_half_normal_before_the_targets_are_used(few):
    """Mean of a half-normal: scale times the square root of 2 / pi."""
    hierarchy = few[0].hierarchy
    x = np.random.default_rng(2).normal(size=(40_000, 6))
    scales = [getattr(hierarchy.priors.tau, kind) for kind in KINDS]
    np.testing.assert_allclose(hierarchy.tau(x).mean(axis=0), np.array(scales) * np.sqrt(2.0 / np.pi), rtol=0.02)


@pytest.mark.slow
def test_parameters_shifts_and_severities_of_a_known_truth_are_recovered(many):
    fit, _ = many
    assert fit.posterior.converged
    sd = fit.draws.std(axis=0)
    assert (np.abs(fit.draws.mean(axis=0) - toys.TRUTH) < 3.0 * sd).all()
    assert (np.abs(fit.tau.mean(axis=0) - toys.TAU) < 3.0 * fit.tau.std(axis=0)).all()
    assert (fit.tau.std(axis=0)[:2] < 0.05).all()
    table = studies_table(fit)
    truth = toys.true_shifts(24)
    for column, kind in zip(truth.T, KINDS, strict=False):
        z = (table[kind].to_numpy() - column) / table[f"{kind}_sd"].to_numpy()
        assert (np.abs(z) < 1.96).mean() > 0.8
        assert np.corrcoef(table[kind].to_numpy(), column)[0, 1] > 0.8
    found = severities_table(fit)["mean"].to_numpy()
    assert np.abs(found - toys.true_severities(24)).max() < 0.2


@pytest.mark.slow
def test_studies_that_are_left_out_are_predicted_with_the_coverage_that_is_said(many):
    """Binomial: 95% of 72 figures, correlated in threes; at least 60 and not all inside 50%."""
    fit, said = many
    assert len(fit.left_out) == 72
    assert fit.left_out["inside_95"].sum() >= 60
    assert 20 <= fit.left_out["inside_50"].sum() <= 55
    assert sum("inside 95% of their prediction" in line for line in said) == 24


def test_the_text_says_what_differs_between_studies(few):
    fit, said = few
    assert [line.split(":")[0] for line in said if "of their prediction" in line] == [
        f"without study_{i}" for i in range(4)
    ]
    text = calibration_text(fit)
    assert "inside 95% when left out" in text
    assert "Severity of study_3: " in text
    assert f"Figures of studies that were left out ({4 * 3})" in text


def test_severity_does_not_depend_on_outcomes(few):
    hierarchy, x = few[0].hierarchy, few[0].posterior.x[:5]
    moved = [aim if aim.baseline else aim._replace(value=3.0 * aim.value) for aim in hierarchy.objectives.each]
    objectives = type(hierarchy.objectives)(tuple(moved))
    other = Hierarchy(hierarchy.priors, objectives, hierarchy.emulators, hierarchy.monte_carlo)
    np.testing.assert_array_equal(hierarchy.severities(x), other.severities(x))
    assert (hierarchy.implausibility(x) != other.implausibility(x)).all()


def test_waves_rule_out_most_of_the_prior(few):
    fit, said = few
    assert fit.left[-1] < 0.2
    assert sum(line.startswith("wave ") and "of the prior is not ruled out" in line for line in said) == 2
    later = fit.x[np.array(fit.waves) == 2][:, :3]
    assert (fit.hierarchy.implausibility(later) < 4.0).all()


def target(**said):
    base = {"name": "t", "value": 0.2, "size": 100, "unit": "proportion", "use": "validate", "provenance": "seen"}
    return validate(base | {"source": "a paper that was read"} | said, Target, "t.toml")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"quantity": "mortality", "days": 30}, (0.0, 1.0, 0.0)),
        ({"quantity": "admitted", "days": 30}, (1.0, 0.0, 0.0)),
        (
            {"quantity": "proportion", "endpoint": "cardiovascular_death_or_heart_failure_hospitalisation"},
            (0.6, 0.4, 0.0),
        ),
        ({"quantity": "discharged_to"}, (0.0, 0.0, 0.0)),
    ],
)
def test_a_share_follows_the_log_hazard_by_its_derivative(said, expected):
    """Numerically: logit of 1 - exp(-H) against log H."""
    hazard = -np.log(0.8)
    shares = 1.0 - np.exp(-hazard * np.exp([-1e-5, 1e-5]))
    slope = np.diff(np.log(shares / (1.0 - shares)))[0] / 2e-5
    np.testing.assert_allclose(loadings(target(**said)), np.array(expected) * slope, rtol=1e-6)


def test_rates_follow_log_hazards_and_ratios_only_themselves():
    rate = {"quantity": "rate", "unit": "per 100 person-years", "size": None, "events": 50}
    ratio = {"quantity": "hazard_ratio", "unit": "ratio", "size": None, "low": 0.1, "high": 0.4, "arm": "drug"}
    assert loadings(target(endpoint="heart_failure_hospitalisation", **rate)) == (1.0, 0.0, 0.0)
    assert loadings(target(endpoint="death", **ratio)) == (0.0, 0.0, 1.0)
    tau = Heterogeneity(admission=0.3, death=0.4, ratio=0.05)
    assert spread_by_tau((0.6, 0.4, 0.0), tau) == pytest.approx(np.hypot(0.18, 0.16))
    assert spread_by_tau((1.0, 0.0, 0.0), None) == 0.0
