"""A row of weight 0 is a row that is not there: densities, priors, shapes."""

import numpy as np
import pytest
from cases import ALL, kept, natural, posterior
from hypothesis import given
from hypothesis import strategies as st
from test_density import SEEDS, draw_point, few

from posterior.density import log_density_of_rows, log_joint
from sweeps import sparsely


def without_rows(model, values, gone):
    """The plain density of the whole model, less the plain densities of the rows that are gone."""
    total = log_joint(model, values)
    for design in model.designs:
        total -= log_density_of_rows(design, values)[gone].sum()
    return total


@pytest.mark.parametrize("case", sparsely(ALL), ids=str)
@given(data=st.data())
@few
def test_rows_left_out_are_gone_from_the_density_and_priors_stay(case, data):
    whole = kept(case, data.draw(SEEDS, "seed"))
    size = whole.model.designs[0].n_rows
    gone = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size), "gone"))
    left = whole.given(whole.model.without(gone))
    assert (left.target.n_theta, left.target.n_effects) == (whole.target.n_theta, whole.target.n_effects)
    theta, z = draw_point(data, left)
    point = natural(left, theta, z)
    _, singular, right = np.linalg.svd(point.by_z)
    ignored = right[len(singular) :] @ z
    expected = without_rows(whole.model, point.values, gone)
    expected += np.linalg.slogdet(point.by_theta)[1] + np.log(singular).sum() - 0.5 * ignored @ ignored
    expected += 0.5 * np.log(2 * np.pi) * (len(z) - len(ignored))
    np.testing.assert_allclose(point.value, expected, rtol=1e-8, atol=1e-6)


@pytest.mark.parametrize("case", [case for case in ALL if "thres(" in case.formula], ids=str)
def test_an_item_may_be_left_out_as_a_whole(case):
    whole = posterior(case, 1)
    first = whole.model.designs[0].thresholds.index == 0
    left = whole.given(whole.model.without(first))
    theta, z = np.zeros(left.target.n_theta), np.zeros(left.target.n_effects)
    assert np.isfinite(natural(left, theta, z).value)
