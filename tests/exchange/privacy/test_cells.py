"""Hidden cells: no count can be worked out, by linear algebra, by brute force, or from a rate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from popsim.errors import InputError
from popsim.exchange.privacy.cells import Cells, ranges, recoverable, suppress

TABLES = st.one_of(
    arrays(np.int64, st.tuples(st.integers(2, 7)), elements=st.integers(0, 40)),
    arrays(np.int64, st.tuples(st.integers(2, 4), st.integers(2, 4)), elements=st.integers(0, 40)),
    arrays(np.int64, st.tuples(st.integers(2, 3), st.just(2), st.integers(2, 3)), elements=st.integers(0, 30)),
)


def determined_by_equations(cells, hidden):
    """The hidden cells whose unit vector lies in the row space of the equations of hidden cells: another audit."""
    unknown = np.flatnonzero(hidden)
    matrix = np.array([[equation.get(cell, 0.0) for cell in unknown] for equation in cells.equations])
    rank = np.linalg.matrix_rank(matrix)
    return [
        cell
        for place, cell in enumerate(unknown)
        if np.linalg.matrix_rank(np.vstack([matrix, np.eye(len(unknown))[place]])) == rank
    ]


@settings(max_examples=30, deadline=None)
@given(counts=TABLES, threshold=st.sampled_from([5, 11]))
def test_no_hidden_cell_is_determined(counts, threshold):
    cells = Cells.of_table(counts)
    hidden = suppress(cells, threshold)
    small = (cells.counts > 0) & (cells.counts < threshold)
    assert hidden[small].all()
    assert hidden.any() == small.any()
    assert recoverable(cells, hidden) == []
    assert determined_by_equations(cells, hidden) == []
    for cell, (low, high) in ranges(cells, hidden).items():
        assert low - 1e-6 <= cells.counts[cell] <= high + 1e-6
        if small[cell]:
            assert high - low >= threshold - 2


@settings(max_examples=10, deadline=None)
@given(counts=arrays(np.int64, (2, 3), elements=st.integers(0, 6)))
def test_every_hidden_small_cell_has_another_value_in_some_whole_table(counts):
    """All tables of whole numbers that agree with what is shown, one by one."""
    cells = Cells.of_table(counts)
    hidden = suppress(cells, 3)
    inner = np.indices((8,) * 6).reshape(6, -1).T.reshape(-1, 2, 3)  # every table of 0 to 7
    whole = np.concatenate([inner, inner.sum(axis=2, keepdims=True)], axis=2)
    whole = np.concatenate([whole, whole.sum(axis=1, keepdims=True)], axis=1).reshape(len(inner), -1)
    possible = whole[(whole == cells.counts)[:, ~hidden].all(axis=1)]
    assert len(possible) >= 1
    assert all(len(np.unique(possible[:, cell])) > 1 for cell in np.flatnonzero(hidden))


def test_a_single_small_cell_hides_a_second_one_so_that_its_total_says_nothing():
    cells = Cells.of_table(np.array([3, 20, 40]))
    alone = np.array([True, False, False, False])
    assert recoverable(cells, alone) == [0]  # 63 less 20 less 40
    assert suppress(cells).tolist() == [True, True, False, False]


def test_two_small_cells_whose_sum_is_small_hide_a_third():
    hidden = suppress(Cells.of_table(np.array([2, 3, 30, 50])))
    assert hidden.tolist() == [True, True, True, False, False]


def test_nothing_small_hides_nothing_and_zeros_are_shown():
    assert not suppress(Cells.of_table(np.array([[0, 11], [30, 0]]))).any()


def test_a_published_rate_gives_a_count_away():
    """4.5% of 88 with one decimal is 4 people and nothing else."""
    cells = Cells.of_table(np.array([4, 84]))
    hidden = np.array([True, True, False])
    assert recoverable(cells, hidden) == []
    rated = cells.with_rate(0, 2, digits=1)
    assert recoverable(rated, hidden) == [0, 1]
    with pytest.raises(InputError, match="leave the rate out"):
        suppress(rated)


def test_two_tables_that_share_a_total_are_audited_together():
    """All people by sex, and those of one hospital by sex: the difference is the other hospital."""
    # cells: women, men, all; women here, men here, all here; women elsewhere, men elsewhere, all elsewhere
    counts = np.array([50, 60, 110, 47, 45, 92, 3, 15, 18])
    sums = [{0: 1, 1: 1, 2: -1}, {3: 1, 4: 1, 5: -1}, {6: 1, 7: 1, 8: -1}]
    differences = [{3: 1, 6: 1, 0: -1}, {4: 1, 7: 1, 1: -1}, {5: 1, 8: 1, 2: -1}]
    cells = Cells(counts, [*sums, *differences])
    separately = np.zeros(9, bool)
    separately[[6, 7]] = True  # the small cell and its neighbour, but both tables shown
    assert recoverable(cells, separately) == [6, 7]
    assert recoverable(cells, suppress(cells)) == []


def test_wrong_tables_are_refused():
    with pytest.raises(InputError, match="negative"):
        Cells.of_table(np.array([-1, 2]))
    with pytest.raises(InputError, match="not the sum"):
        Cells(np.array([1, 2, 4]), [{0: 1, 1: 1, 2: -1}])
    with pytest.raises(InputError, match="at most"):
        Cells(np.zeros(30_000, np.int64))
