"""Every fast density is the plain one: in any coordinates, for every structure, with every constant."""

from dataclasses import replace
from unittest.mock import patch

import jax
import numpy as np
import pytest
from cases import (
    ALL,
    BINOMIAL,
    COUNTS_AND_OTHERS,
    CROSSED,
    KNOWN,
    LATENT,
    ORDERED,
    SHRUNK,
    SHRUNK_ROWS,
    STUDENT_EFFECTS,
    TRANSPORTED,
    TWO_GAUSSIAN,
    Case,
    anchored,
    natural,
    posterior,
    specification,
)
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from posterior.density import log_joint
from shoal.errors import ModelError
from shoal.posterior import layout
from shoal.posterior.laplace import FROZEN
from shoal.priors import Fixed, StudentT

SEEDS = st.integers(0, 2**16)
# Tables come from seeds, which have no simpler form: nothing to shrink.
few = settings(max_examples=4, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])


def numbers(size, most):
    return arrays(float, size, elements=st.floats(-most, most, width=32))


def draw_point(data, p):
    theta = data.draw(numbers(p.density.n_theta, 1.5), "theta")
    return theta, data.draw(numbers(p.density.n_latent, 2), "z")


def expected_joint(p, point, z):
    """The plain density times the volume of the map, with standard normals where z does not reach."""
    _, singular, right = np.linalg.svd(point.by_z)
    volume = np.linalg.slogdet(point.by_theta)[1] + np.log(singular).sum()
    ignored = right[len(singular) :] @ z
    # The joint density leaves out the constant of a standard normal z.
    constant = 0.5 * np.log(2 * np.pi) * (len(z) - len(ignored))
    return log_joint(p.model, point.values) + volume - 0.5 * ignored @ ignored + constant


def check(p, data):
    theta, z = draw_point(data, p)
    point = natural(p, theta, z)
    np.testing.assert_allclose(point.value, expected_joint(p, point, z), rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("case", ALL, ids=str)
@given(data=st.data())
@few
def test_the_planned_density_is_the_plain_one(case, data):
    check(posterior(case, data.draw(SEEDS, "seed")), data)


OTHER_COORDINATES = [
    Case("y | weights(w) ~ x1 + x2 + offset(o) + (1 + x1 | g)", priors={"x2": StudentT(4)}),
    Case("y | se(s, sigma=True) ~ x1 + (1 + x1 + x2 | gr(g, zero_sum=True))", priors={"x1": Fixed(0.3)}),
    Case("k | trials(n) ~ x1 + (1 + x1 || g) + (0 + x2 | g)", "binomial"),
    Case("b ~ 1 + (0 + x1 | gr(g, zero_sum=True))", "bernoulli"),
    Case("y ~ x1"),
    CROSSED[3],
    CROSSED[5],
    KNOWN[3],
    TWO_GAUSSIAN[3],
    ORDERED[0],
    STUDENT_EFFECTS[1],
    STUDENT_EFFECTS[3],
    LATENT[1],
]


USUAL = [OTHER_COORDINATES[1], CROSSED[5], KNOWN[3], ORDERED[0], STUDENT_EFFECTS[3], LATENT[1]]


def rest_slow(cases, fast):
    """Return the cases, those that are not in `fast` marked slow."""
    return [pytest.param(c, marks=[] if c in fast else pytest.mark.slow) for c in cases]


@pytest.mark.parametrize("case", rest_slow(OTHER_COORDINATES, USUAL), ids=str)
@pytest.mark.parametrize("coordinates", ["noncentered", "centered", "zero_sum"])
@given(data=st.data())
@few
def test_all_coordinates_are_the_plain_density(case, coordinates, data):
    check(posterior(case, data.draw(SEEDS, "seed"), coordinates), data)


MANY_STEPS = [
    SHRUNK_ROWS[0],
    BINOMIAL[5],
    BINOMIAL[8],
    COUNTS_AND_OTHERS[1],
    *ORDERED[1:3],
    *STUDENT_EFFECTS[1:3],
]


@pytest.mark.parametrize("case", rest_slow(TRANSPORTED, MANY_STEPS), ids=str)
@pytest.mark.parametrize("refinements", [pytest.param(0, marks=pytest.mark.slow), 6])
@given(data=st.data())
@few
def test_newton_steps_change_the_map_and_never_the_density(case, refinements, data):
    check(posterior(case, data.draw(SEEDS, "seed"), refinements=refinements), data)


ANCHORED = [BINOMIAL[8], BINOMIAL[9], *STUDENT_EFFECTS, *LATENT, *ORDERED]


@pytest.mark.parametrize(
    "case", rest_slow(ANCHORED, [BINOMIAL[9], ORDERED[0], STUDENT_EFFECTS[1], LATENT[0]]), ids=str
)
@given(data=st.data())
@few
def test_another_anchor_changes_the_map_and_never_the_density(case, data):
    before = posterior(case, data.draw(SEEDS, "seed"))
    after = anchored(before, data.draw(numbers(before.density.n_theta, 1), "anchor"))
    shapes = [[np.shape(a) for a in jax.tree.leaves(p.data)] for p in (before, after)]
    assert shapes[0] == shapes[1]
    assert jax.tree.structure(before.data) == jax.tree.structure(after.data)
    check(after, data)


@pytest.mark.parametrize(
    "case",
    [CROSSED[3], CROSSED[5], KNOWN[1], BINOMIAL[7], ORDERED[0], STUDENT_EFFECTS[1], LATENT[0]],
    ids=str,
)
@given(data=st.data())
@few
def test_a_map_frozen_at_one_theta_is_the_same_density(case, data):
    rows = posterior(case, data.draw(SEEDS, "seed"), "noncentered")  # the sums alone are not enough
    frozen = {"coordinates": "transport", "refinements": FROZEN}
    before = replace(rows, density=replace(rows.density, **frozen), plan=replace(rows.plan, **frozen))
    check(anchored(before, data.draw(numbers(before.density.n_theta, 1), "anchor")), data)


BORDERS = [*CROSSED[:6], KNOWN[3], TWO_GAUSSIAN[3], SHRUNK[1], BINOMIAL[8], LATENT[1]]


@pytest.mark.parametrize("case", rest_slow(BORDERS, [*CROSSED[2:6], KNOWN[3], BINOMIAL[8]]), ids=str)
@given(data=st.data())
@few
def test_pairs_of_levels_that_meet_are_the_same_density_as_dense_products(case, data):
    """Small tables have dense borders; here they are sparse, or only the factor of two levels is dense."""
    seed, least = data.draw(SEEDS, "seed"), data.draw(st.sampled_from([0, 2]), "dense up to")
    with patch.multiple(layout, ALWAYS_DENSE=least, DENSE_IS_FASTER=0):
        p = posterior(case, seed)
    assert [f.dense for f in p.structure.border] == [f.levels <= least for f in p.structure.border]
    assert len(p.data.pattern.cell) >= len(p.data.pattern.level) > 0
    check(p, data)


def test_effects_that_do_not_sum_to_zero_are_refused():
    model = specification(Case("y ~ 0 + (1 | gr(g, zero_sum=True))"))
    values = {"sd_g": [1.0], "sigma": 1.0, "r_g": [[1.0], [2.0], [-1.0], [0.0]]}
    with pytest.raises(ModelError, match=r"sum to \[2\.\]"):
        log_joint(model, values)
