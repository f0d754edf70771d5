"""Compiled log densities of priors: those of SciPy, and slopes by differences."""

import numpy as np
import pytest
from scipy import integrate, stats

from shoal.priors import (
    KINDS,
    LKJ,
    R2D2,
    Beta,
    Dirichlet,
    Exponential,
    Fixed,
    Gamma,
    Gap,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    Horseshoe,
    InverseGamma,
    Laplace,
    Normal,
    PartialCorrelation,
    Shrinkage,
    Shrunk,
    StudentT,
)

REAL, POSITIVE = [-30.0, -0.2, 0.4, 1.1, 6.0], [1e-6, 0.3, 1.0, 2.5, 40.0]
SCIPY = {
    Normal(1.0, 2.0): (stats.norm(1, 2), REAL),
    Shrunk(0.0, 0.3): (stats.norm(0, 0.3), REAL),
    StudentT(3.5, -1.0, 2.0): (stats.t(3.5, -1, 2), REAL),
    Laplace(1.0, 0.7): (stats.laplace(1, 0.7), REAL),
    HalfNormal(1.5): (stats.halfnorm(scale=1.5), POSITIVE),
    HalfStudentT(1.0, 2.0): (stats.halfcauchy(scale=2), POSITIVE),
    HalfCauchy(0.4): (stats.halfcauchy(scale=0.4), POSITIVE),
    Exponential(4.0): (stats.expon(scale=0.25), POSITIVE),
    Gamma(0.7, 3.0): (stats.gamma(0.7, scale=1 / 3), POSITIVE),
    InverseGamma(0.5, 2.0): (stats.invgamma(0.5, scale=2), POSITIVE),
    Beta(0.6, 3.0): (stats.beta(0.6, 3), [1e-9, 0.3, 0.99]),
    Beta(1.0, 2.0): (stats.beta(1, 2), [1e-9, 0.3, 0.99]),
    PartialCorrelation(1.7): (stats.beta(1.7, 1.7, -1, 2), [-0.999, -0.3, 0.0, 0.8]),
}
each = pytest.mark.parametrize("prior", SCIPY, ids=str)


def called(prior, x):
    """Return log density and slope, as the engine asks for them."""
    slope = np.full(1, np.nan)
    return prior.density.compiled(float(x), np.array(prior.params), slope), slope[0]


@each
def test_densities_are_those_of_scipy(prior):
    distribution, points = SCIPY[prior]
    expected = distribution.logpdf(points)
    np.testing.assert_allclose([called(prior, x)[0] for x in points], expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(prior.log_density(points, *prior.params), expected, rtol=1e-12, atol=1e-12)


@each
def test_slopes_are_those_of_the_density(prior):
    for x in SCIPY[prior][1]:
        h = 1e-4 * (min(x, 1 - x) if prior.support == "unit" else 1 - abs(x))
        if prior.support in ("real", "positive"):
            h = 1e-3 * min(abs(x), 1.0)
        f = [called(prior, x + s * h)[0] for s in (-2, -1, 1, 2)]
        slope = (8 * (f[2] - f[1]) - (f[3] - f[0])) / (12 * h)
        np.testing.assert_allclose(called(prior, x)[1], slope, rtol=1e-6, atol=1e-15 * (1 + abs(f[0])) / h)


def test_half_student_t_of_other_degrees_of_freedom():
    prior = HalfStudentT(5.0, 0.6)
    np.testing.assert_allclose(called(prior, 0.9)[0], np.log(2) + stats.t(5, 0, 0.6).logpdf(0.9), rtol=1e-13)
    total, _ = integrate.quad(lambda x: np.exp(called(prior, x)[0]), 0, np.inf)
    assert abs(total - 1) < 1e-7


def test_the_uniform_share_has_a_density_at_the_ends():
    assert called(Beta(), 0.0) == (0.0, 0.0) and called(Beta(), 1.0) == (0.0, 0.0)
    assert called(Beta(1.0, 2.0), 0.0) == (pytest.approx(np.log(2)), -1.0)


@pytest.mark.parametrize("prior", [Fixed(2.0), Gap(0.5)], ids=str)
def test_what_has_its_density_elsewhere_adds_nothing(prior):
    assert called(prior, 2.0) == (0.0, 0.0)


def test_the_slope_of_a_double_exponential_at_its_location_is_zero():
    assert called(Laplace(1.0, 0.5), 1.0) == (pytest.approx(0.0), 0.0)


def test_every_prior_of_a_number_has_a_compiled_density():
    kinds = {*KINDS.values(), PartialCorrelation, Gap}
    without = {kind for kind in kinds if not hasattr(kind, "density")}
    assert without == {LKJ, Dirichlet, Horseshoe, R2D2}
    tested = {type(prior) for prior in SCIPY} | {Fixed, Gap}
    assert tested == kinds - without


def test_values_broadcast():
    x, sigma = np.linspace(0.1, 2, 4), np.array([[0.5], [1.0], [3.0]])
    found = Normal.log_density(x, 0.2, sigma)
    assert found.shape == (3, 4)
    np.testing.assert_allclose(found, stats.norm(0.2, sigma).logpdf(x), rtol=1e-13)
    assert Normal.log_density(0.5, 0.0, 1.0).shape == ()
    assert Gamma.log_density(np.zeros((0, 3)), 1.0, 1.0).shape == (0, 3)
    frozen = np.broadcast_to(x, (2, 4))
    np.testing.assert_array_equal(Exponential.log_density(frozen, 2.0)[1], Exponential.log_density(x, 2))


SHRINKAGE = {
    Horseshoe(0.5, 2.0, 4.0): np.array([0.3, 4.0, 0.1, 1.0, 7.0, 300.0]),
    R2D2(0.3, 4.0, 0.5): np.array([0.35, 0.2, 0.01, 3.0, 0.6]),
}


@pytest.mark.parametrize(
    "prior, common, own",
    [
        (
            Horseshoe(0.5, slab_scale=3.0, slab_nu=5.0),
            {"tau": stats.halfcauchy(scale=0.5), "slab": stats.invgamma(2.5, scale=22.5)},
            stats.halfcauchy(),
        ),
        (R2D2(0.3, 4.0, 0.7), {"r2": stats.beta(1.2, 2.8)}, stats.gamma(0.7)),
    ],
    ids=["Horseshoe", "R2D2"],
)
def test_scales_have_the_priors_of_the_papers(prior, common, own):
    """Horseshoe: Piironen and Vehtari (2017), 2.8 and 2.9; R2D2: Zhang et al. (2022)."""
    x = np.array([0.1, 0.4, 0.9])
    parts = prior.common() | {"own": prior.own()}
    assert parts.keys() == {*common, "own"}
    for name, law in (common | {"own": own}).items():
        part = parts[name]
        np.testing.assert_allclose(part.log_density(x, *part.params), law.logpdf(x), rtol=1e-12)


def scales(prior, inputs):
    outputs = np.full(len(inputs) - len(prior.common()), np.nan)
    assert prior.scales_forward.compiled(inputs, np.zeros(0), outputs) == 0.0
    return outputs


@pytest.mark.parametrize("prior", SHRINKAGE, ids=str)
def test_scales_are_those_of_the_formula(prior):
    inputs, shared = SHRINKAGE[prior], len(prior.common())
    expected = prior.scales(tuple(inputs[:shared]), inputs[shared:])
    np.testing.assert_allclose(scales(prior, inputs), expected, rtol=1e-14)


@pytest.mark.parametrize("prior", SHRINKAGE, ids=str)
def test_adjoints_of_scales_are_their_derivatives(prior):
    inputs = SHRINKAGE[prior]
    outputs = scales(prior, inputs)
    bar = np.random.default_rng(3).normal(size=len(outputs))
    found = np.full(len(inputs), 2.0)  # added to
    prior.scales_adjoint.compiled(inputs, np.zeros(0), outputs, bar, found)
    for k in range(len(inputs)):
        h = 1e-3 * inputs[k]
        f = [bar @ scales(prior, inputs + s * h * np.eye(len(inputs))[k]) for s in (-2, -1, 1, 2)]
        slope = (8 * (f[2] - f[1]) - (f[3] - f[0])) / (12 * h)
        np.testing.assert_allclose(found[k] - 2, slope, rtol=1e-6, atol=1e-12)


def test_scales_of_extreme_inputs_are_numbers():
    for prior, inputs in (
        (Horseshoe(), np.array([1e200, 1e-3, 1e100, 1e-200])),
        (Horseshoe(), np.array([1e-200, 1e3, 1e-200, 1.0])),
        (R2D2(), np.array([0.5, 0.0, 1e-300, 1.0])),
    ):
        outputs, found = scales(prior, inputs), np.zeros(len(inputs))
        prior.scales_adjoint.compiled(inputs, np.zeros(0), outputs, np.ones(len(outputs)), found)
        assert np.isfinite(outputs).all() and np.isfinite(found).all()
    assert set(type(prior) for prior in SHRINKAGE) == set(Shrinkage.__subclasses__())


def test_arguments_and_points_broadcast_against_each_other():
    """Arguments may be draws, as where a prior's own arguments are estimated."""
    x, mu, sigma = (
        np.linspace(-2, 3, 4)[:, None],
        np.linspace(-1, 1, 3),
        np.linspace(0.5, 2, 12).reshape(4, 3),
    )
    np.testing.assert_allclose(Normal.log_density(x, mu, sigma), stats.norm(mu, sigma).logpdf(x), rtol=1e-12)
