"""Calibration of a simulator whose posterior is known in closed form, and what is left of one that was killed."""

import json
import tomllib
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import toys
from scipy.stats import chisquare, norm

from popsim.calibration.fit import CHECK_STREAM, calibrate
from popsim.calibration.hierarchy import Hierarchy
from popsim.calibration.posterior import sample, split_r_hat
from popsim.calibration.result import calibrated, correlation, directions, fit_table, identifiability
from popsim.calibration.storage import write_result
from popsim.definitions.base import validate
from popsim.definitions.calibration import Calibrated
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.writing import to_toml
from popsim.errors import InputError
from popsim.evidence.support import MAX_OUTSIDE
from popsim.learning.emulator import fit_all
from popsim.reporting.text.calibration import calibration_text, draw_calibration
from popsim.studies.calibrated import with_calibration
from popsim.studies.parameters import resolve_parameters


@pytest.fixture(scope="module")
def simulator():
    return toys.Linear()


@pytest.fixture(scope="module")
def fit(simulator, tmp_path_factory):
    return calibrate(toys.problem(simulator), tmp_path_factory.mktemp("toy"))


def test_the_posterior_of_a_linear_simulator_is_the_exact_one(fit):
    """Closed form: Bayesian linear regression. Tolerance: 4 standard errors of the chains' effective size."""
    mean, covariance = toys.exact_posterior()
    sd = np.sqrt(np.diag(covariance))
    effective = min(fit.posterior.effective, len(fit.draws))
    assert fit.posterior.converged
    assert np.abs((fit.draws.mean(axis=0) - mean) / sd).max() < 4.0 / np.sqrt(effective)
    assert np.abs(fit.draws.std(axis=0) / sd - 1.0).max() < 4.0 / np.sqrt(2.0 * effective)
    exact = covariance / np.outer(sd, sd)
    assert np.abs(correlation(fit) - exact).max() < 4.0 * ((1.0 - exact**2) / np.sqrt(effective)).max()


def test_a_linear_simulator_is_emulated_exactly(fit):
    assert np.abs(fit.emulators(fit.x) - fit.problem.objectives.on_scale(fit.simulated.values)).max() < 1e-6
    assert fit.emulators.explained.min() > 1.0 - 1e-9


def test_tables_say_what_the_targets_tell(fit):
    _, covariance = toys.exact_posterior()
    left = identifiability(fit)["left"].to_numpy()
    np.testing.assert_allclose(left, np.sqrt(np.diag(covariance)) / toys.PRIOR_SD, rtol=0.08)
    scaled = covariance / np.outer(toys.PRIOR_SD, toys.PRIOR_SD)
    np.testing.assert_allclose(directions(fit)["left"], np.sqrt(np.linalg.eigvalsh(scaled)), rtol=0.08)
    table = fit_table(fit)
    np.testing.assert_allclose(table["before"], toys.EFFECTS @ toys.PRIOR_MEAN)
    spread = np.sqrt(toys.ERRORS**2 + toys.MONTE_CARLO**2)
    np.testing.assert_allclose(table["error_before"], (table["before"] - table["published"]) / spread)
    assert table["error_after"].abs().max() < table["error_before"].abs().max()


def test_every_part_of_a_wave_and_the_check_have_their_own_random_numbers(fit, simulator):
    sizes = [10, 10, 10, 2, 10, 6]
    assert len(sizes) == toys.STREAMS
    expected = [*zip(sizes, range(1, toys.STREAMS + 1), strict=True), (10, CHECK_STREAM)]
    assert [(size, stream) for _, size, stream in simulator.asked] == expected
    assert {names for names, _, _ in simulator.asked} == {toys.NAMES}


@pytest.mark.slow
def test_a_calibration_that_was_killed_goes_on_to_the_same_result(fit, tmp_path):
    with pytest.raises(KeyboardInterrupt):  # in the middle of the first wave
        calibrate(toys.problem(toys.Linear(gives_up_at=1)), tmp_path)
    rest = toys.Linear()
    noted = {path.name: path.read_bytes() for path in tmp_path.glob("points_*")}
    again = calibrate(toys.problem(rest), tmp_path)
    assert [size for _, size, _ in rest.asked] == [10, 10, 2, 10, 6, 10]
    assert {*noted} == {"points_1.parquet"}
    assert all((tmp_path / name).read_bytes() == content for name, content in noted.items())
    np.testing.assert_array_equal(again.draws, fit.draws)
    np.testing.assert_array_equal(again.checked.values, fit.checked.values)


def test_an_experiment_draws_the_posterior(fit, tmp_path):
    """Draws of an experiment that names the file have the posterior's mean and covariance; its own values win."""
    (tmp_path / "found.toml").write_text(to_toml(calibrated(fit, "toy")), encoding="utf-8")
    experiment = ExperimentDefinition(
        name="toy", cohort="c.toml", network="n.toml", strategies=({"name": "usual"},), calibration="found.toml"
    )
    found = Calibrated.read(tmp_path / "found.toml")
    used = with_calibration(experiment, found)
    assert with_calibration(used, found) == used
    sets, uncertain = resolve_parameters(used, "test")
    values = [sets["heart_failure"][name.partition(".")[2]] for name in toys.NAMES]
    np.testing.assert_allclose(values, fit.draws.mean(axis=0), rtol=1e-5)
    drawn = uncertain.draw(5, range(1, 4001))[:, [uncertain.names.index(name) for name in toys.NAMES]]
    sd = fit.draws.std(axis=0)
    np.testing.assert_allclose(drawn.mean(axis=0), fit.draws.mean(axis=0), atol=4.0 * (sd / np.sqrt(4000)).max())
    exact = np.cov(fit.draws.T) / np.outer(sd, sd)
    assert np.abs(np.cov(drawn.T) / np.outer(sd, sd) - exact).max() < 4.0 * np.sqrt(2.0 / 4000)

    own = experiment.model_copy(update={"parameters": {toys.NAMES[1]: 2.0}})
    sets, uncertain = resolve_parameters(with_calibration(own, found), "test")
    assert sets["heart_failure"]["non_cardiovascular_log_frailty"] == 2.0
    assert toys.NAMES[1] not in uncertain.names
    assert with_calibration(own, found).information_groups == {"death": toys.NAMES[:2], "rest": toys.NAMES[2:]}
    (pair, _), *_ = uncertain.copulas
    assert pair == (toys.NAMES[0], toys.NAMES[2])


def test_a_posterior_keeps_within_the_bounds_of_its_parameter(fit):
    """Narrower than its draws where a bound lies two of their standard deviations away, so that experiments take it."""
    mean, sd = fit.draws[:, 0].mean(), fit.draws[:, 0].std()
    near = ((-np.inf, mean + 2.0 * sd), *fit.problem.priors.bounds[1:])
    problem = replace(fit.problem, priors=replace(fit.problem.priors, bounds=near))
    free, kept = (calibrated(one, "toy").parameters for one in (fit, replace(fit, problem=problem)))
    narrow = kept[toys.NAMES[0]].uncertainty.standard_error
    assert norm.sf(2.0 * sd / narrow) < MAX_OUTSIDE < norm.sf(2.0 * sd / (1.1 * narrow))
    assert all(kept[name] == free[name] for name in toys.NAMES[1:])


def test_the_file_reads_as_it_was_written(fit):
    found = calibrated(fit, "toy")
    assert validate(tomllib.loads(to_toml(found)), Calibrated, "written") == found


def test_what_is_kept_can_be_read_again(fit, tmp_path):
    asked = tmp_path / "toy.toml"
    asked.write_text(to_toml(fit.problem.calibration), encoding="utf-8")
    content = write_result(fit, tmp_path, asked, tmp_path / "copy.toml")
    assert write_result(fit, tmp_path, asked) == content
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert (manifest["content_hash"], manifest["chains"]["converged"]) == (content, True)
    found = Calibrated.read(tmp_path / "posterior.toml")
    assert found == calibrated(fit, found.description)
    assert (tmp_path / "copy.toml").read_text() == (tmp_path / "posterior.toml").read_text()
    assert "4 are met within 2 standard deviations" in found.description
    np.testing.assert_array_equal(pl.read_parquet(tmp_path / "draws.parquet").to_numpy(), fit.draws)
    with pytest.raises(InputError, match="cannot be written"):
        write_result(fit, tmp_path, asked, tmp_path / "nowhere" / "copy.toml")


def test_text_and_figures_show_every_parameter_and_target(fit, tmp_path):
    text = calibration_text(fit)
    for name in (*toys.NAMES, *fit.problem.objectives.names):
        assert f"  {name} " in text
    assert "converged" in text
    drawn = draw_calibration(fit, tmp_path)
    assert [path.name for path in drawn] == ["parameters.png", "correlation.png", "fit.png"]
    assert all(path.stat().st_size > 10_000 for path in drawn)


def test_a_target_that_nobody_reaches_is_refused(tmp_path):
    def blind(names, values, stream):
        found = toys.Linear()(names, values, stream)
        found.values[1:, 2] = np.nan
        return found

    with pytest.raises(InputError, match="target 'figure_2': measured at 4 of 32 points"):
        calibrate(toys.problem(blind), tmp_path)


def test_a_target_without_any_standard_error_is_refused(tmp_path):
    def unsure(names, values, stream):
        found = toys.Linear()(names, values, stream)
        found.errors[:, 1] = np.nan
        return found

    with pytest.raises(InputError, match="target 'figure_1': none of its figures has a standard error"):
        calibrate(toys.problem(unsure), tmp_path)


def test_a_figure_that_the_check_cannot_measure_is_null_and_not_counted(fit):
    values = fit.checked.values.copy()
    values[:2, 1] = np.nan
    unmeasured = replace(fit, checked=fit.checked._replace(values=values))
    table = fit_table(unmeasured)
    assert table["before"].is_null().to_list() == [False, True, False, False]
    assert table["error_after"].null_count() == 1
    text = calibration_text(unmeasured)
    assert " of 3 before, " in text and " of 3 after." in text
    assert "nan" not in text


def test_split_r_hat_sees_chains_that_disagree():
    together = np.random.default_rng(1).normal(size=(4, 8, 400, 2))
    assert split_r_hat(together).max() < 1.01
    together[0, :, :, 1] += 1.0
    assert split_r_hat(together)[1] > 1.05
    assert split_r_hat(together)[0] < 1.01


@pytest.mark.slow
def test_simulation_based_calibration():
    """Ranks of the truth among posterior draws are uniform when truths come from the prior (Talts et al. 2018).

    60 truths, ranks in 6 bins for each of 3 parameters; chi-squared at 0.1%.
    """
    generator = np.random.default_rng(11)
    priors = toys.priors()
    x = priors.design(32, 1)
    emulators = fit_all(x, priors.values(x) @ toys.EFFECTS.T, [1] * 32)
    ranks = []
    for repeat in range(60):
        truth = generator.normal(toys.PRIOR_MEAN, toys.PRIOR_SD)
        noise = np.sqrt(toys.ERRORS**2 + toys.MONTE_CARLO**2)
        objectives = toys.objectives(toys.EFFECTS @ truth + noise * generator.normal(size=4))
        hierarchy = Hierarchy(priors, objectives, emulators, np.full(4, toys.MONTE_CARLO))
        found = sample(hierarchy, np.hstack([x, np.zeros((32, 3))]), repeat)
        ranks.append((priors.values(found.x[:, :3]) < truth).mean(axis=0))
    for column in np.array(ranks).T:
        counts, _ = np.histogram(column, 6, (0.0, 1.0))
        assert chisquare(counts).pvalue > 0.001
