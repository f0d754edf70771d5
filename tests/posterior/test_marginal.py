"""Given theta the effects of gaussian rows are normal: marginal and conditional against dense algebra."""

import numpy as np
import pytest
from cases import (
    BINOMIAL,
    GAUSSIAN,
    TWO_SCALES,
    gradient,
    is_normal,
    joint,
    marginal,
    natural,
    posterior,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from scipy.special import expit

from shoal.posterior.density import log_joint, zero_sum_basis

SEEDS = st.integers(0, 2**16)
few = settings(max_examples=5, deadline=None, derandomize=True)


def numbers(size, most):
    return arrays(float, size, elements=st.floats(-most, most, width=32))


class Dense:
    """Prior and rows of all effects w = (normal coefficients, group effects) as plain matrices.

    The linear predictor is ``base + a @ w``; w is normal with mean `mean` and precision `precision`.
    """

    def __init__(self, p, values):
        design, priors = p.model.design, p.model.priors
        names = list(design.columns)
        normal = [i for i, c in enumerate(names) if is_normal(p.model, c)]
        others = [i for i in range(len(names)) if i not in normal]
        known = np.array([values[names[i]] for i in others])
        self.base = design.offset + design.x[:, others] @ known
        transform = np.eye(len(normal))
        center = np.array([priors[names[i]].prior.mu for i in normal])
        if "Intercept" in names and priors["Intercept"].centered:
            averages = np.average(design.x, axis=0, weights=design.rows.weight * design.rows.trials)
            row = [names[i] for i in normal].index("Intercept")
            transform[row] = averages[normal]
            center[row] -= averages[others] @ known
        spread = np.array([priors[names[i]].prior.sigma for i in normal])
        blocks = [transform.T @ np.diag(spread**-2.0) @ transform]
        means = [np.linalg.solve(transform, center)]
        columns = [design.x[:, normal]]
        if design.group:
            g = design.group
            sd = np.array([values[f"sd_{g.name}"][k] for k in range(len(g.effects))])
            covariance = values[f"cor_{g.name}"] * np.outer(sd, sd)
            basis = zero_sum_basis(len(g.labels)) if g.zero_sum else np.eye(len(g.labels))
            indicator = np.eye(len(g.labels))[g.index] @ basis.T
            columns.append((indicator[:, :, None] * g.z[:, None, :]).reshape(len(g.z), -1))
            blocks.append(np.kron(np.eye(len(basis)), np.linalg.inv(covariance)))
            means.append(np.zeros(len(blocks[1])))
        split = len(blocks[0])
        self.a, self.mean = np.concatenate(columns, 1), np.concatenate(means)
        self.precision = np.zeros((len(self.mean),) * 2)
        self.precision[:split, :split] = blocks[0]
        if design.group:
            self.precision[split:, split:] = blocks[1]

    def given_rows(self, p, values):
        """Mean and precision of w given gaussian rows."""
        rows = p.model.design.rows
        weight = rows.weight / (rows.se**2 + values.get("sigma", 0.0) ** 2)
        precision = self.precision + self.a.T @ (weight[:, None] * self.a)
        right = self.precision @ self.mean + self.a.T @ (weight * (rows.y - self.base))
        return np.linalg.solve(precision, right), precision

    def binomial_derivatives(self, p, w):
        """Gradient and negative Hessian of the log density of w with binomial rows."""
        rows = p.model.design.rows
        probability = expit(self.base + self.a @ w)
        score = rows.weight * (rows.y - rows.trials * probability)
        curvature = rows.weight * rows.trials * probability * (1 - probability)
        gradient = self.a.T @ score - self.precision @ (w - self.mean)
        return gradient, self.precision + self.a.T @ (curvature[:, None] * self.a)


@pytest.mark.parametrize("case", GAUSSIAN + TWO_SCALES, ids=str)
@given(data=st.data())
@few
def test_marginal_is_the_joint_over_the_conditional_at_any_effects(case, data):
    p = posterior(case, data.draw(SEEDS, "seed"))
    theta = data.draw(numbers(p.density.n_theta, 1.5), "theta")
    z = data.draw(numbers(p.density.n_latent, 2), "z")
    point = natural(p, theta, z)
    mean, precision = Dense(p, point.values).given_rows(p, point.values)
    conditional = 0.0
    if len(mean):
        conditional = stats.multivariate_normal(mean, np.linalg.inv(precision)).logpdf(point.effects)
    expected = log_joint(p.model, point.values) + np.linalg.slogdet(point.by_theta)[1] - conditional
    np.testing.assert_allclose(marginal(p, theta), expected, rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("case", GAUSSIAN + TWO_SCALES, ids=str)
@given(data=st.data())
@few
def test_standard_normal_z_gives_the_exact_conditional(case, data):
    p = posterior(case, data.draw(SEEDS, "seed"))
    theta = data.draw(numbers(p.density.n_theta, 1.5), "theta")
    point = natural(p, theta, np.zeros(p.density.n_latent))
    mean, precision = Dense(p, point.values).given_rows(p, point.values)
    np.testing.assert_allclose(point.effects, mean, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(point.by_z @ point.by_z.T, np.linalg.inv(precision), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("case", [GAUSSIAN[8], GAUSSIAN[14]], ids=str)
@given(data=st.data())
@few
def test_sums_and_rows_are_one_posterior_with_one_gradient(case, data):
    seed = data.draw(SEEDS, "seed")
    sums, rows = posterior(case, seed), posterior(case, seed, "transport")
    assert sums.plan.integrate and not rows.plan.integrate
    theta = data.draw(numbers(sums.density.n_theta, 1.5), "theta")
    z = data.draw(numbers(sums.density.n_latent, 2), "z")
    (one, point), (other, same) = joint(sums, theta, z), joint(rows, theta, z)
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(point.beta, same.beta, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(point.r, same.r, rtol=1e-7, atol=1e-8)
    slopes = gradient(sums, theta, z)
    np.testing.assert_allclose(slopes, gradient(rows, theta, z), rtol=1e-6, atol=1e-6 * abs(slopes).max())


@pytest.mark.parametrize("case", BINOMIAL, ids=str)
@given(data=st.data())
@few
def test_transport_is_centred_and_scaled_by_the_dense_mode_and_curvature(case, data):
    p = posterior(case, data.draw(SEEDS, "seed"))
    theta = data.draw(numbers(p.density.n_theta, 1), "theta")
    point = natural(p, theta, np.zeros(p.density.n_latent))
    slope, curvature = Dense(p, point.values).binomial_derivatives(p, point.effects)
    np.testing.assert_allclose(point.by_z @ point.by_z.T, np.linalg.inv(curvature), rtol=1e-8, atol=1e-10)
    # Newton's next step, in posterior standard deviations.
    assert np.sqrt(slope @ np.linalg.solve(curvature, slope)) < 1e-6


@pytest.mark.parametrize("case", [BINOMIAL[2], BINOMIAL[-1]], ids=str)
@given(data=st.data())
@few
def test_gradient_of_transported_rows_is_that_of_finite_differences(case, data):
    p = posterior(case, data.draw(SEEDS, "seed"))
    d, spacing = p.density.n_theta, 1e-5
    q = np.append(data.draw(numbers(d, 1), "theta"), data.draw(numbers(p.density.n_latent, 2), "z"))
    differences = [
        (joint(p, *np.split(q + h, [d]))[0] - joint(p, *np.split(q - h, [d]))[0]) / (2 * spacing)
        for h in spacing * np.eye(len(q))
    ]
    found = gradient(p, *np.split(q, [d]))
    np.testing.assert_allclose(found, differences, rtol=1e-5, atol=1e-5 * abs(found).max())


@pytest.mark.parametrize("case", [BINOMIAL[1], BINOMIAL[-1]], ids=str)
def test_laplace_marginal_is_the_joint_at_the_mode_and_near_the_integral(case):
    p = posterior(case)
    rng = np.random.default_rng(3)
    theta = rng.normal(-0.5, 0.3, p.density.n_theta)
    n = p.density.n_latent
    at_mode, _ = joint(p, theta, np.zeros(n))
    np.testing.assert_allclose(marginal(p, theta), at_mode, rtol=1e-10)
    # Importance sampling from the transport's own standard normal estimates the exact integral.
    z = rng.normal(size=(2000, n))
    log_weight = np.array([joint(p, theta, row)[0] for row in z]) + 0.5 * (z**2).sum(1) - at_mode
    weight = np.exp(log_weight)
    assert abs(np.log(weight.mean())) < 0.3
    assert weight.std() / weight.mean() < 0.7
