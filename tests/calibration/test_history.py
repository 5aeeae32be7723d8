"""The part of the prior that is not ruled out: its share in closed form, and what there is where nothing is left."""

import numpy as np
import pytest
from scipy.stats import chi2, kstest, norm

from popsim.calibration.history import Normals, not_ruled_out


@pytest.mark.parametrize("cut", [0.5, 0.01])
def test_the_share_of_a_slab(cut):
    """One of 8 parameters must lie within the cut: 2 Phi(cut) - 1; the others keep their prior."""
    space = not_ruled_out(lambda x: np.abs(x[:, 0]), 8, cut, Normals(3))
    assert space.share == pytest.approx(2.0 * norm.cdf(cut) - 1.0, rel=0.25)
    assert np.abs(space.points[:, 0]).max() <= cut
    assert space.limit == cut
    assert kstest(space.points[::20, 1], norm.cdf).pvalue > 0.001


def test_the_share_of_a_small_ball():
    """Chi-squared: all of 10 parameters within a ball of radius 0.5, 1e-7 of the prior or so."""
    space = not_ruled_out(lambda x: np.sqrt((x**2).sum(axis=1)), 10, 0.5, Normals(1))
    assert np.log(space.share) == pytest.approx(np.log(chi2.cdf(0.25, 10)), abs=0.6)


def test_where_everything_is_ruled_out_the_least_implausible_is_left():
    space = not_ruled_out(lambda x: 4.0 + np.abs(x[:, 0]), 3, 3.0, Normals(1))
    assert 4.0 < space.limit < 4.001


def test_the_same_seed_gives_the_same_points():
    first, again, other = (not_ruled_out(lambda x: np.abs(x[:, 0]), 2, 0.1, Normals(seed)).points for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_numbers_after_the_search_are_other_ones():
    """The severities of the next points come from the same normals, and not from the search's own starting points."""
    normals, first = Normals(1), Normals(1)(2000, 2)
    not_ruled_out(lambda x: np.abs(x[:, 0]), 2, 0.1, normals)
    assert abs(np.corrcoef(normals(2000, 2).ravel(), first.ravel())[0, 1]) < 4.0 / np.sqrt(4000)
