"""Every fast density is the plain one: in any coordinates, for every structure, with every constant."""

import numpy as np
import pytest
from cases import ALL, TRANSPORTED, Case, joint, natural, posterior, specification
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from posterior.density import log_joint

from shoal.errors import ModelError
from shoal.posterior.coordinates import COORDINATES
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


def check_joint(case, data, **options):
    p = posterior(case, data.draw(SEEDS, "seed"), **options)
    theta, z = draw_point(data, p)
    np.testing.assert_allclose(joint(p, theta, z)[0], expected_joint(p, theta, z), rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("case", ALL, ids=str)
@given(data=st.data())
@few
def test_the_planned_density_is_the_plain_one(case, data):
    check_joint(case, data)
