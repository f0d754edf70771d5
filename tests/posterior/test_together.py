"""Responses of a row with one density: Student-t ones whose residuals correlate, by plain densities."""

import numpy as np
import pytest
from cases import TOGETHER, expected_joint, gradient, joint, natural, posterior

each = pytest.mark.parametrize("case", TOGETHER, ids=("two", "three"))


def point_of(p, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 0.7, p.target.n_theta), rng.normal(size=p.target.n_effects)


@each
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("left_out", [(), (0, 3, 7)])
def test_the_density_is_the_plain_one(case, seed, left_out):
    """Where responses are known in some rows only, and where rows are left out, with every constant."""
    p = posterior(case, seed)
    if left_out:
        p = p.given(p.model.without(np.isin(np.arange(p.model.designs[0].n_rows), left_out)))
    theta, z = point_of(p, seed)
    point = natural(p, theta, z)
    np.testing.assert_allclose(point.value, expected_joint(p, point, z), rtol=1e-9, atol=1e-7)


@each
def test_the_gradient_is_the_slope_of_the_density(case):
    p = posterior(case, 1)
    theta, z = point_of(p, 1)
    at, found = np.concatenate([theta, z]), gradient(p, theta, z)
    for i, step in enumerate(1e-5 * np.eye(len(at))):
        up, down = (joint(p, *np.split(at + s * step, [len(theta)]))[0] for s in (1, -1))
        np.testing.assert_allclose(found[i], (up - down) / 2e-5, rtol=1e-5, atol=1e-5)


@each
def test_its_rows_are_no_squares(case):
    p = posterior(case)
    assert not p.plan.integrate and not p.target.quadratic
