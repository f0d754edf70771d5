"""Given theta the effects are normal, or nearly: marginal and conditional against dense algebra."""

from unittest.mock import patch

import numpy as np
import pytest
from cases import (
    BINOMIAL,
    CROSSED,
    GAUSSIAN,
    INTEGRATED,
    JOINED,
    KINKED,
    KNOWN,
    LATENT,
    ORDERED,
    PREDICTED,
    SHRUNK,
    STUDENT_EFFECTS,
    TRANSPORTED,
    TWO_GAUSSIAN,
    TWO_SCALES,
    anchored,
    gradient,
    is_normal,
    joint,
    joints,
    latents_and_bases,
    marginal,
    natural,
    posterior,
    refined_gradient,
    with_effects,
)
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from scipy.linalg import block_diag
from scipy.special import expit

from posterior import curves
from posterior import density as plain
from posterior.density import log_joint
from shoal.engine import laplace
from shoal.families import get_family
from shoal.model.design import Design
from shoal.priors import Fixed, Shrunk
from sweeps import sparsely

SEEDS = st.integers(0, 2**16)
few = settings(max_examples=3, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
CONVERGED = 120  # Newton steps; of Student-t effects, whose curvature is not exact, many
# Seven sets of effects on the mean and sigma of 13 rows have several modes: which is found is no law.
# Nor is it of a density with a kink at each row, which Newton steps do not end at.
ONE_MODE = [case for case in TRANSPORTED if case is not JOINED[1] and case not in KINKED]


def numbers(size, most):
    return arrays(float, size, elements=st.floats(-most, most, width=32))


class Dense:
    """Prior and rows of all effects w, in the order of `cases.effects_of`, as plain matrices.

    The linear predictor of all rows is ``base + a @ w``; w is normal with `mean` and `precision`.
    """

    def __init__(self, p, values):
        self.model, self.values = p.model, values
        parts = [self._population(design) for design in p.model.designs]
        steps = [p.model.priors[name].prior for name in curves.normal_steps(p.model)]
        parts += [(np.array([q.mu]), np.array([[q.sigma**-2.0]])) for q in steps]
        parts += [self._group(group) for group in p.model.groups]
        sds = {f"{c.prefix}basis_{c.name}": c for c in curves.all_curves(p.model)}
        for name in latents_and_bases(p.model):
            sd = curves.scales(sds[name], values) if name in sds else np.ones(len(values[name]))
            parts.append((np.zeros(len(sd)), np.diag(sd**-2.0)))
        self.mean = np.concatenate([mean for mean, _ in parts])
        self.precision = block_diag(*[precision for _, precision in parts if len(precision)])
        self.precision = self.precision.reshape(len(self.mean), len(self.mean))
        self.base = self._predictor(p, np.zeros(len(self.mean)))
        moved = [self._predictor(p, unit) - self.base for unit in np.eye(len(self.mean))]
        self.a = np.reshape(moved, (len(self.mean), len(self.base))).T

    def _predictor(self, p, effects):
        values = with_effects(p, self.values, effects)
        return np.concatenate([plain.linear_predictor(d, values) for d in p.model.designs])

    def _population(self, design):
        priors, values = self.model.priors, self.values
        normal = [i for i, c in enumerate(design.columns) if is_normal(self.model, c)]
        others = [i for i in range(len(design.columns)) if i not in normal]
        known = np.array([values[design.columns[i]] for i in others])
        transform, center, spread = np.eye(len(normal)), np.zeros(len(normal)), np.ones(len(normal))
        for row, i in enumerate(normal):
            name, prior = design.columns[i], priors[design.columns[i]].prior
            center[row], spread[row] = prior.mu, prior.sigma
            if isinstance(prior, Shrunk):
                spread[row] = plain.slope_sd(self.model, design, name, values)
            if priors[name].centered:
                transform[row] = design.averages[normal]
                center[row] -= design.averages[others] @ known
        inside = np.diag(spread**2)
        joint, _, together = plain.joint_normal(self.model, design)
        places = [normal.index(i) for i in joint]
        inside[np.ix_(places, places)] = together
        return np.linalg.solve(transform, center), transform.T @ np.linalg.inv(inside) @ transform

    def _group(self, group):
        levels = np.eye(len(group.labels) - group.zero_sum)
        if group.root is not None:
            levels = plain.known_covariance(self.model, group)
        precision = np.linalg.inv(np.kron(levels, plain.covariance(group, self.values)))
        return np.zeros(len(precision)), precision

    def rows(self):
        """Responses that are normal, their precision, and the log density of weights and scales beside it."""
        y, w, constant = [], [], 0.0
        for design in self.model.designs:
            rows = design.rows
            variance = rows.se**2 + self.values.get(f"{design.prefix}sigma", 0.0) ** 2
            y.append(design.family.normal_response(rows))
            w.append(rows.weight / variance)
            # A normal density to the power w is one of variance / w, times this.
            constant += (
                0.5 * (1 - rows.weight) * np.log(2 * np.pi * variance) - 0.5 * np.log(rows.weight)
            ).sum()
            if design.family.name == "lognormal":
                constant -= (rows.weight * np.log(rows.y)).sum()
        return np.concatenate(y), np.concatenate(w), constant

    def given_rows(self):
        """Mean and precision of w given gaussian rows."""
        y, w, _ = self.rows()
        precision = self.precision + self.a.T @ (w[:, None] * self.a)
        right = self.precision @ self.mean + self.a.T @ (w * (y - self.base))
        return np.linalg.solve(precision, right), precision

    def log_marginal(self):
        """Log density of gaussian rows with all effects integrated."""
        y, w, constant = self.rows()
        covariance = self.a @ np.linalg.solve(self.precision, self.a.T) + np.diag(1 / w)
        return constant + stats.multivariate_normal(self.base + self.a @ self.mean, covariance).logpdf(y)

    def binomial_derivatives(self, w):
        """Gradient and negative Hessian of the log density of w with binomial rows."""
        rows = self.model.designs[0].rows
        probability = expit(self.base + self.a @ w)
        score = rows.weight * (rows.y - rows.trials * probability)
        curvature = rows.weight * rows.trials * probability * (1 - probability)
        gradient = self.a.T @ score - self.precision @ (w - self.mean)
        return gradient, self.precision + self.a.T @ (curvature[:, None] * self.a)


EXACT = INTEGRATED + TWO_SCALES


@pytest.mark.parametrize("case", sparsely(EXACT), ids=str)
@given(data=st.data())
@few
def test_marginal_is_the_joint_over_the_conditional_at_any_effects(case, data):
    steps = 0 if case in INTEGRATED else CONVERGED
    p = posterior(case, data.draw(SEEDS, "seed"))
    theta = data.draw(numbers(p.target.n_theta, 1.5), "theta")
    z = data.draw(numbers(p.target.n_effects, 2), "z")
    point = natural(p, theta, z, steps)
    mean, precision = Dense(p, point.values).given_rows()
    conditional = 0.0
    if len(mean):
        conditional = stats.multivariate_normal(mean, np.linalg.inv(precision)).logpdf(point.effects)
    expected = log_joint(p.model, point.values) + np.linalg.slogdet(point.by_theta)[1] - conditional
    np.testing.assert_allclose(marginal(p, theta), expected, rtol=1e-9, atol=1e-7)
    # Standard normal z gives the exact conditional: x = m + (F')^-1 z.
    at_mean = point.effects - point.by_z @ z
    np.testing.assert_allclose(at_mean, mean, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(point.by_z @ point.by_z.T, np.linalg.inv(precision), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    "case",
    [GAUSSIAN[8], GAUSSIAN[16], CROSSED[3], CROSSED[5], KNOWN[1], TWO_GAUSSIAN[3], SHRUNK[1]],
    ids=str,
)
@given(data=st.data())
@few
def test_marginal_is_a_multivariate_normal_of_the_rows(case, data):
    p = posterior(case, data.draw(SEEDS, "seed"))
    theta = data.draw(numbers(p.target.n_theta, 1.5), "theta")
    point = natural(p, theta, np.zeros(p.target.n_effects))
    values = plain.known(p.model, point.values)
    prior = plain.log_hyper(p.model, values)
    for name in (c for d in p.model.designs for c in d.columns if not is_normal(p.model, c)):
        own = p.model.priors[name].prior
        prior += 0.0 if isinstance(own, Fixed) else plain.log_prior(own, values[name])
    expected = prior + np.linalg.slogdet(point.by_theta)[1] + Dense(p, values).log_marginal()
    np.testing.assert_allclose(marginal(p, theta), expected, rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("case", [GAUSSIAN[8], GAUSSIAN[14], CROSSED[3], CROSSED[5], KNOWN[3]], ids=str)
@given(data=st.data())
@few
def test_sums_and_rows_are_one_posterior_with_one_gradient(case, data):
    """Gaussian rows taken as any others: Newton's method from their score and curvature."""
    seed = data.draw(SEEDS, "seed")
    sums = posterior(case, seed)
    with patch.object(Design, "exactly_gaussian", False):
        rows = posterior(case, seed)
    assert sums.target.quadratic and not rows.target.quadratic
    d = sums.target.n_theta
    theta = data.draw(numbers(d, 1.5), "theta")
    z = data.draw(numbers(sums.target.n_effects, 2), "z")
    (one, named), (other, same) = joint(sums, theta, z), joint(rows, theta, z, CONVERGED)
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(marginal(sums, theta), marginal(rows, theta), rtol=1e-9, atol=1e-8)
    for name in named:
        np.testing.assert_allclose(named[name], same[name], rtol=1e-7, atol=1e-8, err_msg=name)
    slopes = gradient(sums, theta, z)
    by_z = refined_gradient(rows, theta, z, CONVERGED)
    np.testing.assert_allclose(slopes[d:], by_z, rtol=1e-6, atol=1e-6 * abs(slopes).max())
    ends = np.concatenate([theta + 1e-5 * np.eye(d), theta - 1e-5 * np.eye(d)])
    values = joints(rows, ends, np.tile(z, (2 * d, 1)), CONVERGED)[0]
    differences = (values[:d] - values[d:]) / 2e-5
    np.testing.assert_allclose(slopes[:d], differences, rtol=1e-6, atol=1e-6 * abs(slopes).max())


@pytest.mark.parametrize("case", BINOMIAL, ids=str)
@given(data=st.data())
@few
def test_transport_is_centred_and_scaled_by_the_dense_mode_and_curvature(case, data):
    p = posterior(case, data.draw(SEEDS, "seed"))
    theta = data.draw(numbers(p.target.n_theta, 1), "theta")
    point = natural(p, theta, np.zeros(p.target.n_effects), 8)
    slope, curvature = Dense(p, point.values).binomial_derivatives(point.effects)
    np.testing.assert_allclose(point.by_z @ point.by_z.T, np.linalg.inv(curvature), rtol=1e-7, atol=1e-9)
    # Newton's next step, in posterior standard deviations.
    assert np.sqrt(slope @ np.linalg.solve(curvature, slope)) < 1e-6


@pytest.mark.parametrize("case", sparsely([*ORDERED, *STUDENT_EFFECTS, *LATENT[::2]]), ids=str)
@given(data=st.data())
@few
def test_many_newton_steps_end_at_the_mode_of_the_plain_density(case, data):
    p = posterior(case, data.draw(SEEDS, "seed"))
    theta = data.draw(numbers(p.target.n_theta, 1), "theta")
    point = natural(p, theta, np.zeros(p.target.n_effects), CONVERGED)

    def along(step):
        return log_joint(p.model, with_effects(p, point.values, point.effects + step))

    h = 1e-3  # in standard deviations; the error of a difference is its square times a third derivative
    slopes = [(along(h * d) - along(-h * d)) / (2 * h) for d in point.by_z.T]
    np.testing.assert_allclose(slopes, 0, atol=1e-4)


@pytest.mark.parametrize("case", sparsely(ONE_MODE, 1), ids=str)
def test_the_expansion_puts_the_map_at_the_mode_of_its_theta(case):
    """Without a Newton step, the map laid at theta is the refined one there."""
    p = posterior(case)
    theta = p.target.start + 0.3
    z = np.random.default_rng(0).normal(size=p.target.n_effects)
    one, other = joint(anchored(p, theta), theta, z), joint(p, theta, z, converged(case))
    # The search takes enough Newton steps to be near the mode, not all to the last digit.
    near = settled(case)
    np.testing.assert_allclose(one[0], other[0], atol=near)
    for name in one[1]:
        np.testing.assert_allclose(one[1][name], other[1][name], atol=near, err_msg=name)


@pytest.mark.parametrize("case", [BINOMIAL[1], BINOMIAL[6], BINOMIAL[7]], ids=str)
def test_laplace_marginal_is_the_joint_at_the_mode_and_near_the_integral(case):
    p = posterior(case)
    rng = np.random.default_rng(3)
    theta = rng.normal(-0.5, 0.3, p.target.n_theta)
    n = p.target.n_effects
    at_mode, _ = joint(p, theta, np.zeros(n), CONVERGED)
    np.testing.assert_allclose(marginal(p, theta), at_mode, rtol=1e-10)
    # Importance sampling from the transport's own standard normal estimates the exact integral.
    z = rng.normal(size=(2000, n))
    values = joints(p, np.tile(theta, (2000, 1)), z, CONVERGED)[0]
    weight = np.exp(values + 0.5 * (z**2).sum(1) - at_mode)
    assert abs(np.log(weight.mean())) < 0.3
    assert weight.std() / weight.mean() < 0.7


@pytest.mark.parametrize("case", sparsely(ONE_MODE, 2), ids=str)
@given(data=st.data())
@few
def test_laplace_marginal_is_found_at_the_mode_of_every_structure(case, data):
    """Wherever the expansion is: the search goes on until the density rises no more."""
    p = posterior(case, data.draw(SEEDS, "seed"))
    theta = data.draw(numbers(p.target.n_theta, 1), "theta")
    at_mode, _ = joint(p, theta, np.zeros(p.target.n_effects), converged(case))
    near = 0.1 * settled(case)
    np.testing.assert_allclose(marginal(p, theta), at_mode, atol=near)
    np.testing.assert_allclose(marginal(anchored(p, theta + 0.5), theta), at_mode, atol=near)
    astray, rng = p.given(p.model).target, np.random.default_rng(0)
    eta = rng.normal(0, 4, len(astray.problem.columns.offset))
    laplace.expand_at_predictors(astray.handle, theta, eta, astray.room().space)
    np.testing.assert_allclose(astray.marginals(theta[None]), at_mode, atol=near)


def converged(case):
    """Return the Newton steps that reach the mode: many where curvatures are expected ones."""
    return CONVERGED if settled(case) < 1e-3 else 800


def settled(case):
    """Return how far from the mode a search may end whose last step gains 1e-9.

    By an expected curvature, which is far from the observed one in 13 rows, a step may go a tenth of the way.
    """
    if case in PREDICTED + JOINED:
        return 3e-2
    concave = all(get_family(response.family).log_concave for response in case.responses)
    return 1e-4 if concave and case not in STUDENT_EFFECTS else 1e-3
