"""Few rows have the sums of many: number, means, squares and products, in every group."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.reduction.points import Sums, helmert, points_of


def sums_of(values, group, groups, weight=None):
    """Return the sums of rows (N, d) by group, as an engine makes them."""
    weight = np.ones(len(values)) if weight is None else weight
    one = group[:, None] == np.arange(groups)
    second = np.einsum("ng,n,ni,nj->gij", one, weight, values, values)
    return Sums(one.sum(0).astype(float), weight @ one, one.T @ (weight[:, None] * values), second)


@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(0, 4), st.integers(1, 30), st.booleans())
def test_points_have_the_sums_of_the_rows_they_stand_for(seed, groups, d, each, weighted):
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), each)
    values = rng.normal(size=(len(group), d)) * 10.0 ** rng.integers(-3, 4, d)
    weight = rng.integers(0, 3, len(group)) / 2 if weighted else np.ones(len(group))
    sums = sums_of(values, group, groups, weight)
    points = points_of(sums)
    found = sums_of(points.values, points.group, groups, points.weight)
    size = np.sqrt(np.einsum("gii->i", sums.second) + 1e-300)
    np.testing.assert_allclose(np.bincount(points.group, points.rows), sums.rows)
    np.testing.assert_allclose(found.weight, sums.weight)
    np.testing.assert_allclose(found.first / size, sums.first / size, atol=1e-11)
    np.testing.assert_allclose(
        found.second / np.outer(size, size), sums.second / np.outer(size, size), atol=1e-12
    )
    # No group has more points than rows, or than one more than numbers.
    assert (np.bincount(points.group) <= np.minimum(sums.rows, d + 1)).all()


def test_a_group_of_one_row_is_that_row_and_one_of_two_is_both():
    values = np.array([[1.0, 5.0], [2.0, -1.0], [4.0, 3.0]])
    points = points_of(sums_of(values, np.array([0, 1, 1]), 2))
    np.testing.assert_allclose(points.values[0], values[0], rtol=1e-14)
    np.testing.assert_allclose(sorted(points.values[1:].tolist()), values[1:], rtol=1e-14)
    np.testing.assert_array_equal(points.rows, 1.0)


@pytest.mark.parametrize("size", [2, 3, 7])
def test_columns_of_helmert_are_orthonormal_and_sum_to_zero(size):
    columns = helmert(size)
    np.testing.assert_allclose(columns.T @ columns, np.eye(size - 1), atol=1e-15)
    np.testing.assert_allclose(columns.sum(0), 0, atol=1e-15)
