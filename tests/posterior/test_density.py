"""Every fast density is the plain one: in any coordinates, for every structure, with every constant."""

from unittest.mock import patch

import numpy as np
import pytest
from cases import (
    ALL,
    BINOMIAL,
    CROSSED,
    KNOWN,
    LATENT,
    SHRUNK,
    TABLES,
    TRANSPORTED,
    TWO_GAUSSIAN,
    Case,
    anchored,
    expected_joint,
    kept,
    natural,
    posterior,
    refined_gradient,
    specification,
)
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from posterior.density import log_joint
from refusals import refused
from shoal.engine import sparse
from sweeps import sparsely

SEEDS = st.sampled_from(TABLES)
# Tables come from seeds, which have no simpler form: nothing to shrink.
few = settings(max_examples=4, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])


def numbers(size, most):
    return arrays(float, size, elements=st.floats(-most, most, width=32))


def draw_point(data, p):
    # A table that bounds a coefficient on one side only has it among theta: tests/engine has these.
    assume(p.target.n_theta == len(p.assembled.slots))
    theta = data.draw(numbers(p.target.n_theta, 1.5), "theta")
    return theta, data.draw(numbers(p.target.n_effects, 2), "z")


def check(p, data, steps=0):
    theta, z = draw_point(data, p)
    point = natural(p, theta, z, steps)
    np.testing.assert_allclose(point.value, expected_joint(p, point, z), rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("case", ALL, ids=str)
@given(data=st.data())
@few
def test_the_density_is_the_plain_one(case, data):
    check(kept(case, data.draw(SEEDS, "seed")), data)


@pytest.mark.parametrize("case", sparsely(ALL, 1), ids=str)
@given(data=st.data())
@few
def test_the_density_and_its_gradient_are_those_of_the_map_and_of_its_differences(case, data):
    p = kept(case, data.draw(SEEDS, "seed"))
    theta, z = draw_point(data, p)
    value, by_theta, by_z = p.target.joint(theta, z)
    np.testing.assert_allclose(value, p.target.refined(theta, z, 0)[0], rtol=1e-11, atol=1e-9)
    q, found = np.concatenate([theta, z]), np.concatenate([by_theta, by_z])
    differences = slopes(lambda q: p.target.joint(q[: len(theta)], q[len(theta) :])[0], q)
    np.testing.assert_allclose(found, differences, rtol=1e-5, atol=1e-5 * abs(found).max(initial=1))
    for steps in (0, 2):  # of a map by Newton steps the gradient in z alone is needed
        found = refined_gradient(p, theta, z, steps)
        differences = slopes(lambda z, k=steps: p.target.refined(theta, z, k)[0], z)
        np.testing.assert_allclose(found, differences, rtol=1e-5, atol=1e-5 * abs(found).max(initial=1))


def slopes(function, q, spacing=1e-5):
    """Return the gradient by central differences, (Q,)."""
    steps = spacing * np.eye(len(q))
    return np.array([(function(q + e) - function(q - e)) / (2 * spacing) for e in steps])


@pytest.mark.parametrize("case", sparsely(TRANSPORTED, 2), ids=str)
@pytest.mark.parametrize("steps", [1, 6])
@given(data=st.data())
@few
def test_newton_steps_change_the_map_and_never_the_density(case, steps, data):
    check(kept(case, data.draw(SEEDS, "seed")), data, steps)


@pytest.mark.parametrize("steps", [0, 1])
@pytest.mark.parametrize("case", sparsely(TRANSPORTED), ids=str)
@given(data=st.data())
@few
def test_another_expansion_changes_the_map_and_never_the_density(case, steps, data):
    before = kept(case, data.draw(SEEDS, "seed"))
    after = anchored(before, data.draw(numbers(before.target.n_theta, 1), "expansion"))
    assert np.abs(before.target.problem.expansion.a - after.target.problem.expansion.a).max() > 1e-6
    check(after, data, steps)


BLOCKS = [*CROSSED[:6], KNOWN[3], TWO_GAUSSIAN[3], SHRUNK[1], BINOMIAL[8], LATENT[1]]


@pytest.mark.parametrize("case", sparsely(BLOCKS), ids=str)
@given(data=st.data())
@few
def test_full_trailing_columns_by_lapack_are_the_same_density(case, data):
    """Those of small tables are factored one by one; here all full ones, or none, are one block."""
    seed = data.draw(SEEDS, "seed")
    with patch.object(sparse, "SMALLEST_BLOCK", 1):
        block = posterior(case, seed)
    with patch.object(sparse, "SMALLEST_BLOCK", np.inf):
        loop = posterior(case, seed)
    size = loop.target.n_effects
    assert loop.target.problem.pattern.dense == size > block.target.problem.pattern.dense
    check(block, data)
    theta, z = draw_point(data, loop)
    for one, other in zip(block.target.joint(theta, z), loop.target.joint(theta, z), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9 * (1 + abs(np.max(other, initial=0))))
    for steps in (0, 2):
        one, other = (p.target.refined(theta, z, steps) for p in (block, loop))
        np.testing.assert_allclose(one[0], other[0], rtol=1e-10, atol=1e-9)
        np.testing.assert_allclose(one[1], other[1], rtol=1e-9, atol=1e-9)


def test_effects_that_do_not_sum_to_zero_are_refused():
    model = specification(Case("y ~ 0 + (1 | gr(g, zero_sum=True))"))
    values = {"sd_g": [1.0], "sigma": 1.0, "r_g": [[1.0], [2.0], [-1.0], [0.0]]}
    with refused("sums", match=r"sum to \[2\.\]"):
        log_joint(model, values)
