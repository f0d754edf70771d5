"""Given theta the effects are normal, or nearly: marginal and conditional against dense algebra."""

from dataclasses import replace

import numpy as np
import pytest
from cases import (
    BINOMIAL,
    CROSSED,
    GAUSSIAN,
    INTEGRATED,
    KNOWN,
    LATENT,
    ORDERED,
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
    marginal,
    natural,
    posterior,
    with_effects,
)
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from scipy.linalg import block_diag
from scipy.special import expit

from posterior import density as plain
from posterior.density import log_joint
from shoal.posterior.numbers import data_of
from shoal.priors import Fixed, Shrunk

SEEDS = st.integers(0, 2**16)
few = settings(max_examples=3, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
CONVERGED = 30  # Newton steps; of Student-t effects, whose curvature is not exact, many


def numbers(size, most):
    return arrays(float, size, elements=st.floats(-most, most, width=32))


class Dense:
    """Prior and rows of all effects w, in the order of `cases.effects_of`, as plain matrices.

    The linear predictor of all rows is ``base + a @ w``; w is normal with `mean` and `precision`.
    """

    def __init__(self, p, values):
        self.model, self.values = p.model, values
        parts = [self._population(design) for design in p.model.designs]
        parts += [self._group(group) for group in p.model.groups]
        latents = [n for n in p.model.group_effects if n.startswith("latent_")]
        parts += [(np.zeros(len(values[n])), np.eye(len(values[n]))) for n in latents]
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
        return np.linalg.solve(transform, center), transform.T @ np.diag(spread**-2.0) @ transform

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


@pytest.mark.parametrize("case", EXACT, ids=str)
@given(data=st.data())
@few
def test_marginal_is_the_joint_over_the_conditional_at_any_effects(case, data):
    steps = None if case in INTEGRATED else CONVERGED
    p = posterior(case, data.draw(SEEDS, "seed"), refinements=steps)
    theta = data.draw(numbers(p.density.n_theta, 1.5), "theta")
    z = data.draw(numbers(p.density.n_latent, 2), "z")
    point = natural(p, theta, z)
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
    theta = data.draw(numbers(p.density.n_theta, 1.5), "theta")
    point = natural(p, theta, np.zeros(p.density.n_latent))
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
    sums = posterior(case, data.draw(SEEDS, "seed"))
    assert sums.plan.integrate
    s = replace(sums.structure, responses=tuple(replace(r, live=False) for r in sums.structure.responses))
    density = replace(sums.density, structure=s, refinements=CONVERGED)
    rows = replace(sums, density=density, data=data_of(sums.model, s, False))
    theta = data.draw(numbers(sums.density.n_theta, 1.5), "theta")
    z = data.draw(numbers(sums.density.n_latent, 2), "z")
    (one, point), (other, same) = joint(sums, theta, z), joint(rows, theta, z)
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(marginal(sums, theta), marginal(rows, theta), rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(point.beta, same.beta, rtol=1e-7, atol=1e-8)
    for a, b in zip(point.r, same.r, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-8)
    slopes = gradient(sums, theta, z)
    np.testing.assert_allclose(slopes, gradient(rows, theta, z), rtol=1e-6, atol=1e-6 * abs(slopes).max())


@pytest.mark.parametrize("case", BINOMIAL, ids=str)
@given(data=st.data())
@few
def test_transport_is_centred_and_scaled_by_the_dense_mode_and_curvature(case, data):
    p = posterior(case, data.draw(SEEDS, "seed"), refinements=8)
    theta = data.draw(numbers(p.density.n_theta, 1), "theta")
    point = natural(p, theta, np.zeros(p.density.n_latent))
    slope, curvature = Dense(p, point.values).binomial_derivatives(point.effects)
    np.testing.assert_allclose(point.by_z @ point.by_z.T, np.linalg.inv(curvature), rtol=1e-7, atol=1e-9)
    # Newton's next step, in posterior standard deviations.
    assert np.sqrt(slope @ np.linalg.solve(curvature, slope)) < 1e-6


@pytest.mark.parametrize("case", [*ORDERED, *STUDENT_EFFECTS, *LATENT[::2]], ids=str)
@given(data=st.data())
@few
def test_many_newton_steps_end_at_the_mode_of_the_plain_density(case, data):
    p = posterior(case, data.draw(SEEDS, "seed"), refinements=CONVERGED)
    theta = data.draw(numbers(p.density.n_theta, 1), "theta")
    point = natural(p, theta, np.zeros(p.density.n_latent))

    def along(step):
        return log_joint(p.model, with_effects(p, point.values, point.effects + step))

    h = 1e-3  # in standard deviations; the error of a difference is its square times a third derivative
    slopes = [(along(h * d) - along(-h * d)) / (2 * h) for d in point.by_z.T]
    np.testing.assert_allclose(slopes, 0, atol=1e-4)


@pytest.mark.parametrize(
    "case", [BINOMIAL[8], BINOMIAL[9], ORDERED[0], LATENT[0], STUDENT_EFFECTS[1]], ids=str
)
def test_the_anchor_puts_the_map_at_the_mode_of_its_theta(case):
    """Without a Newton step, the map laid at theta is the refined one there."""
    p = posterior(case, refinements=0)
    theta = p.start() + 0.3
    z = np.random.default_rng(0).normal(size=p.density.n_latent)
    refined = replace(p, density=replace(p.density, refinements=CONVERGED))
    one, other = joint(anchored(p, theta), theta, z), joint(refined, theta, z)
    # The scout takes enough Newton steps to be near the mode, not all to the last digit.
    np.testing.assert_allclose(one[0], other[0], atol=0.01)
    for a, b in zip((one[1].beta, *one[1].r), (other[1].beta, *other[1].r), strict=True):
        np.testing.assert_allclose(a, b, atol=0.01)


@pytest.mark.parametrize(
    "case", [BINOMIAL[2], BINOMIAL[6], BINOMIAL[8], ORDERED[0], STUDENT_EFFECTS[1], LATENT[0]], ids=str
)
@given(data=st.data())
@few
def test_gradient_of_transported_rows_is_that_of_finite_differences(case, data):
    """With up to one Newton step, which is differentiated; of several, the last one is."""
    p = posterior(case, data.draw(SEEDS, "seed"), refinements=data.draw(st.integers(0, 1)))
    d, spacing = p.density.n_theta, 1e-5
    q = np.append(data.draw(numbers(d, 1), "theta"), data.draw(numbers(p.density.n_latent, 2), "z"))
    steps = spacing * np.eye(len(q))
    ends = np.concatenate([q + steps, q - steps])
    values = joints(p, ends[:, :d], ends[:, d:])
    differences = (values[: len(q)] - values[len(q) :]) / (2 * spacing)
    found = gradient(p, *np.split(q, [d]))
    np.testing.assert_allclose(found, differences, rtol=1e-5, atol=1e-5 * abs(found).max())


@pytest.mark.parametrize("case", [BINOMIAL[1], BINOMIAL[6], BINOMIAL[7]], ids=str)
def test_laplace_marginal_is_the_joint_at_the_mode_and_near_the_integral(case):
    p = posterior(case)
    p = replace(p, density=p.scout)
    rng = np.random.default_rng(3)
    theta = rng.normal(-0.5, 0.3, p.density.n_theta)
    n = p.density.n_latent
    at_mode, _ = joint(p, theta, np.zeros(n))
    np.testing.assert_allclose(marginal(p, theta), at_mode, rtol=1e-10)
    # Importance sampling from the transport's own standard normal estimates the exact integral.
    z = rng.normal(size=(2000, n))
    log_weight = joints(p, np.tile(theta, (2000, 1)), z) + 0.5 * (z**2).sum(1) - at_mode
    weight = np.exp(log_weight)
    assert abs(np.log(weight.mean())) < 0.3
    assert weight.std() / weight.mean() < 0.7


def test_every_transported_case_is_scouted():
    """Where effects do not integrate out, the marginal is explored with Newton steps enough for Laplace's."""
    for case in TRANSPORTED:
        p = posterior(case)
        steps = max(r.family.newton_steps for r in p.structure.responses)
        assert p.scout is not None and p.scout.refinements > steps
