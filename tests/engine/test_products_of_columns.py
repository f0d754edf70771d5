"""Sums of gaussian rows: which there are, and what they are."""

import numpy as np
import pytest

from shoal.engine.lines import Lines, stack
from shoal.engine.pattern import GaussianRows, products_of_columns


def sums(x, weight, response):
    line, column = np.nonzero(np.ones_like(x))
    lines = Lines(line, column, x[line, column])
    rows = GaussianRows(lines, response, weight, float(len(x)), 0)
    return products_of_columns(stack([], []), [], [], [rows], x.shape[1])


@pytest.mark.parametrize("size", [1, 7, 40])
def test_they_are_dense_products(size):
    rng = np.random.default_rng(size)
    x, weight, y = rng.normal(size=(size, 4)), rng.random(size), rng.normal(size=size)
    gram, quadratics = sums(x, weight, y)
    row, column = gram.row.astype(int), gram.column.astype(int)
    np.testing.assert_allclose(quadratics.a[0], (x.T @ (weight[:, None] * x))[row, column], rtol=1e-12)
    np.testing.assert_allclose(quadratics.b[0], x.T @ (weight * y), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("weight", [[1.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
def test_which_entries_there_are_does_not_depend_on_values(weight):
    """Of rows that are left out, and of columns whose product cancels, each has its place."""
    x = np.array([[1.0, 2.0], [1.0, -2.0]])
    gram, quadratics = sums(x, np.array(weight), np.ones(2))
    assert list(zip(gram.row, gram.column, strict=True)) == [(0, 0), (0, 1), (1, 1)]
    assert quadratics.a[0, 1] == 2.0 * weight[0] - 2.0 * weight[1]
