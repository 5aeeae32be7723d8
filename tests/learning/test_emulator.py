"""Emulators of functions that are known."""

import numpy as np
import pytest

from popsim.learning.emulator import fit_all


def design(points, parameters, seed=1):
    return np.random.default_rng(seed).standard_normal((points, parameters))


def test_a_quadratic_function_is_found_exactly_where_there_is_no_noise():
    x, there = design(120, 6), design(50, 6, 2)

    def figure(x):
        return 2.0 + x[:, 0] - 0.5 * x[:, 1] + 0.3 * x[:, 0] * x[:, 2] + 0.2 * x[:, 3] ** 2

    found = fit_all(x, figure(x)[:, np.newaxis], [1] * len(x))
    np.testing.assert_allclose(found(there)[:, 0], figure(there), atol=0.02)
    assert found.quadratic[0, 0, 2] == pytest.approx(0.15, abs=0.005)


@pytest.mark.slow
def test_parameters_without_influence_drop_out_and_error_and_noise_are_those_of_new_points():
    """36 parameters of which 3 matter, 200 points, noise 0.1: the root mean square error at new points."""
    x, new, noise = design(200, 36), design(500, 36, 2), np.random.default_rng(3)

    def figure(x):
        return x[:, 0] + 0.5 * x[:, 1] - 0.5 * x[:, 2]

    found = fit_all(x, (figure(x) + 0.1 * noise.standard_normal(200))[:, np.newaxis], [1] * 200)
    true = np.sqrt(((found(new)[:, 0] - figure(new)) ** 2).mean())
    assert found.error[0] == pytest.approx(true, rel=0.3)
    assert found.noise[0] == pytest.approx(0.1, rel=0.15)
    assert true < 0.05
    assert np.abs(found.linear[0, 3:]).max() < 0.03


def test_a_figure_depends_on_its_own_inputs_only_and_unknown_points_are_left_out():
    x = design(60, 3)
    y = np.stack([x[:, 0] + x[:, 1], x[:, 0] + x[:, 2]], axis=1)
    y[5, 0] = np.nan
    found = fit_all(x, y, [1] * 40 + [2] * 20, np.array([[True, True, False], [True, True, False]]))
    assert found.explained[0] > 0.999
    assert found.explained[1] < 0.9
    assert (found.linear[:, 2] == 0.0).all()
