"""Priors: what a calibration file may say, in one line where it may not, and designs that fill them."""

import numpy as np
import pytest
import toys
from scipy.stats import kstest

from popsim.calibration.objectives import Objective, Objectives, natural
from popsim.calibration.priors import on_scale, priors_of
from popsim.definitions.base import validate
from popsim.definitions.calibration import Calibration
from popsim.errors import DefinitionError
from popsim.evidence.parameters import load_parameters

SETS = {name: load_parameters(name) for name in ("heart_failure", "clinical_twin")}
BASE = {"name": "heart_failure.non_cardiovascular_log_ratio"}
SMALL = {"distribution": "normal", "standard_error": 0.1}


def read(*parameters, **said):
    return validate({"name": "toy", "parameters": list(parameters)} | said, Calibration, "toy.toml")


def test_priors_are_those_of_the_file_or_else_of_the_set():
    share = {"name": "clinical_twin.other_death_share", "scale": "logit"}
    found = priors_of(
        read(
            {"name": "heart_failure.non_cardiovascular_log_frailty", "prior": SMALL},
            BASE,
            share | {"prior": {"distribution": "beta", "standard_error": 0.1}},
        ),
        SETS,
        "toy.toml",
    )
    base = SETS["heart_failure"].of("non_cardiovascular_log_ratio")
    assert [(d.mean, d.standard_error) for d in found.distributions] == [
        (2.8, 0.1),
        (base.value, base.uncertainty.standard_error),
        (pytest.approx(found.own[2]), pytest.approx(0.1)),
    ]


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        (
            [{"name": "heart_failure.non_cardiovascular_log_rato"}],
            "heart_failure.non_cardiovascular_log_rato': no such parameter, did you mean",
        ),
        (
            [{"name": "hart_failure.non_cardiovascular_log_ratio"}],
            "no parameter set 'hart_failure', did you mean 'heart_failure'",
        ),
        (
            [{"name": "heart_failure.pump_log_arrhythmia"}],
            "pump_log_arrhythmia.prior: must be a continuous distribution",
        ),
        (
            [BASE | {"prior": {"distribution": "fixed"}}],
            "non_cardiovascular_log_ratio.prior: must be a continuous distribution",
        ),
        ([BASE | {"prior": SMALL | {"standard_error": 2.0}}], "this normal lies outside [-5, 12] with probability"),
        ([BASE | {"scale": "log"}], "non_cardiovascular_log_ratio.scale = 'log': the parameter lies in [-5, 12]"),
        ([BASE, BASE], "parameters: 'heart_failure.non_cardiovascular_log_ratio' is named twice"),
        ([], "at least 1 item"),
        ([BASE | {"scale": "loglog"}], "scale"),
    ],
)
def test_what_is_refused(parameters, problem):
    with pytest.raises(DefinitionError) as refused:
        priors_of(read(*parameters), SETS, "toy.toml")
    assert problem.strip("'").replace("': ", "") in str(refused.value).replace("': ", "")
    assert "\n" not in str(refused.value)


def test_too_few_points_are_refused():
    with pytest.raises(DefinitionError, match=r"points = 8: must be more than twice the 5 parameters"):
        read(*({"name": f"heart_failure.{i}"} for i in "abcde"), points=8)


def test_designs_fill_the_prior():
    """Each parameter on its own follows its prior (Kolmogorov-Smirnov), more evenly than chance would have it."""
    priors = toys.priors()
    x = priors.design(256, 5)
    assert all(kstest(column, "norm").statistic < 0.02 for column in x.T)  # of random points: 0.05 in half the cases
    values = priors.values(x)
    np.testing.assert_allclose(values, toys.PRIOR_MEAN + toys.PRIOR_SD * x, atol=1e-6)
    np.testing.assert_array_equal(priors.design(256, 5), x)


def test_scales_of_parameters_and_targets():
    """Log odds and logarithms, and back; errors by the derivative (1 / p(1 - p), 1 / r); 10% discrepancy."""
    each = (Objective("share", 0.2, 0.1, "logit"), Objective("ratio", 0.8, 0.05, "log"), Objective("slope", -2.0, 0.5))
    values = np.array([[0.2, 0.8, -2.0], [0.5, 1.0, 0.0]])
    there = Objectives(each, 0.1).on_scale(values)
    np.testing.assert_allclose(there, [[np.log(0.25), np.log(0.8), -2.0], [0.0, 0.0, 0.0]], atol=1e-12)
    np.testing.assert_allclose(natural(there, each), values)
    errors = Objectives(each).errors_on_scale(values, np.full((2, 3), 0.02))
    np.testing.assert_allclose(errors, [[0.02 / 0.16, 0.025, 0.02], [0.08, 0.02, 0.02]])
    variance = [0.01 + 0.01, 0.05**2 + 0.01, 0.25 + 0.04]
    np.testing.assert_allclose(Objectives(each, 0.1).variance, variance)
    np.testing.assert_allclose(on_scale(np.array([[3.0, 2.0, 0.5]]), ("identity", "log", "logit")), [[3, np.log(2), 0]])
