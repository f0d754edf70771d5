"""Every fast density is the plain one: in any coordinates, for every structure, with every constant."""

import numpy as np
import pytest
from cases import ALL, Case, joint, natural, posterior, specification
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from shoal.errors import ModelError
from shoal.posterior.coordinates import COORDINATES
from shoal.posterior.density import log_joint
from shoal.priors import Fixed, StudentT

SEEDS = st.integers(0, 2**16)
few = settings(max_examples=5, deadline=None, derandomize=True)


def numbers(size, most):
    return arrays(float, size, elements=st.floats(-most, most, width=32))


def draw_point(data, p):
    theta = data.draw(numbers(p.density.n_theta, 1.5), "theta")
    return theta, data.draw(numbers(p.density.n_latent, 2), "z")


def expected_joint(p, theta, z):
    """The plain density times the volume of the map, with standard normals where z does not reach."""
    point = natural(p, theta, z)
    _, singular, right = np.linalg.svd(point.by_z)
    volume = np.linalg.slogdet(point.by_theta)[1] + np.log(singular).sum()
    ignored = right[len(singular) :] @ z
    # The joint density leaves out the constant of a standard normal z.
    constant = 0.5 * np.log(2 * np.pi) * (len(z) - len(ignored))
    return log_joint(p.model, point.values) + volume - 0.5 * ignored @ ignored + constant


def check_joint(case, coordinates, data):
    p = posterior(case, data.draw(SEEDS, "seed"), coordinates)
    theta, z = draw_point(data, p)
    np.testing.assert_allclose(joint(p, theta, z)[0], expected_joint(p, theta, z), rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("case", ALL, ids=str)
@given(data=st.data())
@few
def test_the_planned_density_is_the_plain_one(case, data):
    check_joint(case, "auto", data)


OTHER_COORDINATES = [
    Case("y | weights(w) ~ x1 + x2 + offset(o) + (1 + x1 | g)", priors={"x2": StudentT(4)}),
    Case("y | se(s, sigma=True) ~ x1 + (1 + x1 + x2 | gr(g, zero_sum=True))", priors={"x1": Fixed(0.3)}),
    Case("k | trials(n) ~ x1 + (1 + x1 || g) + (0 + x2 | g)", "binomial"),
    Case("b ~ 1 + (0 + x1 | gr(g, zero_sum=True))", "bernoulli"),
    Case("y ~ x1"),
]


@pytest.mark.parametrize("case", OTHER_COORDINATES, ids=str)
@pytest.mark.parametrize("coordinates", COORDINATES)
@given(data=st.data())
@few
def test_all_coordinates_are_the_plain_density(case, coordinates, data):
    check_joint(case, coordinates, data)


def test_effects_that_do_not_sum_to_zero_are_refused():
    model = specification(Case("y ~ 0 + (1 | gr(g, zero_sum=True))"))
    values = {"sd_g": [1.0], "sigma": 1.0, "r_g": [[1.0], [2.0], [-1.0], [0.0]]}
    with pytest.raises(ModelError, match=r"sum to \[2\.\]"):
        log_joint(model, values)
