"""The density of a unit's rows with group effects integrated out, at one draw of everything else.

With v the standardised effects (d of them) of the levels inside a unit and A their columns in its rows, the
integral is

``int p(y | eta = base + A v) p(v) dv``.

Newton's method, each step as long as raises the density most, gives the mode and the Cholesky factor L of the
negative Hessian there. For gaussian rows and effects the integrand is a normal density in v, and the integral
is exact. Otherwise, with ``v = mode + L'^-1 x``:

* one effect: the trapezoidal rule in t, ``x = sinh(t)``, which converges exponentially for smooth integrands
  with tails of any weight (Trefethen and Weideman 2014, SIAM Review 56, 385-458). Its error is judged by the
  rule on every other node.
* several: importance sampling from a multivariate t with randomised quasi-random points, its relative
  standard error known from its weights (Owen 2013, Monte Carlo theory, methods and examples, chapter 9).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln, logsumexp

from shoal.families import Family
from shoal.posterior.blocks import LARGEST_UNROLLED, cholesky, solve_lower

INTEGRALS = NONE, EXACT, QUADRATURE, SAMPLING = "none", "exact", "quadrature", "importance sampling"
LENGTHS = (1.0, 8.0, 3.0, 0.3, 0.1, 0.03, 0.003)  # of Newton's steps that are tried, the first among equals
MOST_STEPS, STILL = 60, 1e-4  # of Newton's method, and the step, in sds of the effects, at which it ends
NODES = 51  # of the trapezoidal rule
FARTHEST = 4.5  # its last node in t: 45 sds away from the mode
FEW, MANY = 64, 256  # points of importance sampling: of up to four effects, and of more
SETS = 64  # independent sets of points: draws share one in so many, over which errors average out
FREEDOM = 5.0  # of the multivariate t
WORKING_SET = 400_000  # numbers of a vectorised step: what stays in the processor's cache


@dataclass(frozen=True)
class Integral:
    """Static part of the integrals of all units of one size.

    Attributes
    ----------
    families : tuple of Family
        One a response.
    levels : tuple of int
        For each factor, how many of its levels a unit has.
    effects : tuple of int
        Its effects of a level.
    student : tuple of tuple of tuple of int
        Its sets of effects that are multivariate Student-t.
    """

    families: tuple[Family, ...]
    levels: tuple[int, ...]
    effects: tuple[int, ...]
    student: tuple[tuple[tuple[int, ...], ...], ...]

    @property
    def dimension(self) -> int:
        """Effects of a unit, d."""
        return sum(count * k for count, k in zip(self.levels, self.effects, strict=True))

    @property
    def method(self) -> str:
        """One of `INTEGRALS`."""
        if not self.dimension:
            return NONE
        if all(family.linear_gaussian for family in self.families) and not any(self.student):
            return EXACT
        return QUADRATURE if self.dimension == 1 else SAMPLING

    @property
    def nodes(self) -> int:
        """Evaluations of the rows that follow the search for the mode."""
        return {NONE: 1, EXACT: 1, QUADRATURE: NODES}.get(self.method, n_points(self.dimension))


def log_integrals(
    kind: Integral, rows: Any, base: Any, phi: Any, z: Any, level: Any, lam: Any, nu: Any, sets: Any
) -> tuple[Any, Any]:
    """Return the log integrals of one unit at S draws (S,), and their errors (S,).

    Parameters
    ----------
    rows : tuple of Rows
        The unit's rows of each response; n in all.
    base : tuple of (S, n_r) arrays
        Their linear predictor without the effects that are integrated.
    phi : tuple of dicts of (S, ...) arrays
        The families' parameters.
    z, level : tuples of (n, J) and (n,) arrays
        One a factor: its columns, and the rows' levels among the unit's own.
    lam : tuple of (S, J, K) arrays
        From standardised effects to what multiplies z.
    nu : tuple of (S, number of sets) arrays
        Degrees of freedom of Student-t effects.
    sets : (SETS, P, d + 1) array
        `points`, of importance sampling.

    Returns
    -------
    tuple
        The error is the absolute one of the log integral for quadrature, the relative standard error of the
        integral for importance sampling, else 0.
    """

    def one(at: Any) -> tuple[Any, Any]:
        number, base, phi, lam, nu = at
        return _log_integral(kind, rows, base, phi, z, level, lam, nu, sets[number % SETS])

    draws = (jnp.arange(base[0].shape[0]), base, phi, lam, nu)
    size = sum(part.shape[1] for part in base) * kind.nodes
    # No batched LAPACK (`blocks.cholesky`).
    most = 1 if kind.dimension > LARGEST_UNROLLED else max(1, WORKING_SET // max(size, 1))
    count = base[0].shape[0]
    # A divisor of the number of draws: no second program for those left over.
    lanes = next(n for n in range(min(most, count), 0, -1) if count % n == 0)
    return jax.lax.map(one, draws, batch_size=lanes)


def _log_integral(
    kind: Integral, rows: Any, base: Any, phi: Any, z: Any, level: Any, lam: Any, nu: Any, points: Any
) -> tuple[Any, Any]:
    d = kind.dimension
    columns = _columns(kind, z, level, lam) if d else jnp.zeros((sum(map(len, base)), 0))

    def eta_of(v: Any) -> list[Any]:
        parts, at = [], 0
        for own in base:
            parts.append(own + columns[at : at + len(own)] @ v)
            at += len(own)
        return parts

    def log_density(v: Any) -> Any:
        likelihood = sum(
            f.log_density(r, e, p).sum()
            for f, r, e, p in zip(kind.families, rows, eta_of(v), phi, strict=True)
        )
        return likelihood + _log_prior(kind, nu, v)

    if not d:
        return log_density(jnp.zeros(0)), jnp.zeros(())

    def local(v: Any) -> tuple[Any, Any]:
        """Return the gradient at v, and the Cholesky factor of the precision."""
        each = [
            f.score_curvature(r, e, p) for f, r, e, p in zip(kind.families, rows, eta_of(v), phi, strict=True)
        ]
        score, curvature = (jnp.concatenate(part) for part in zip(*each, strict=True))
        tight = _tightness(kind, nu, v)
        precision = columns.T @ (curvature[:, None] * columns) + jnp.diag(tight)
        return columns.T @ score - tight * v, cholesky(precision)

    def newton(at: Any) -> Any:
        v, count, _ = at
        gradient, lower = local(v)
        step = solve_lower(lower, solve_lower(lower, gradient), transpose=True)
        lengths = jnp.array(LENGTHS)
        values = jax.vmap(lambda length: log_density(v + length * step))(lengths)
        best = jnp.argmax(jnp.where(jnp.isnan(values), -jnp.inf, values))
        # Downhill whatever the length: the mode, as far as rounding goes.
        step = jnp.where(values[best] > log_density(v), lengths[best] * step, 0.0)
        return v + step, count + 1, jnp.abs(step).max()

    def moving(at: Any) -> Any:
        return (at[1] < MOST_STEPS) & (at[2] > STILL)

    if kind.method == EXACT:
        gradient, lower = local(jnp.zeros(d))
        v = solve_lower(lower, solve_lower(lower, gradient), transpose=True)
        return log_density(v) + 0.5 * d * math.log(2 * math.pi) - _log_det(lower), jnp.zeros(())
    v = jax.lax.while_loop(moving, newton, (jnp.zeros(d), 0, jnp.array(jnp.inf)))[0]
    lower = local(v)[1]
    if kind.method == QUADRATURE:
        value, error = _trapezoid(lambda x: log_density(v + x[None] / lower[0, 0]))
    else:
        value, error = _sampled(lambda x: log_density(v + solve_lower(lower, x, transpose=True)), points)
    return value - _log_det(lower), error


def _columns(kind: Integral, z: Any, level: Any, lam: Any) -> Any:
    """Return the columns of all standardised effects in the rows, (n, d)."""
    parts = []
    for own, at, scale, count in zip(z, level, lam, kind.levels, strict=True):
        here = at[:, None] == jnp.arange(count)
        wide = here[:, :, None] * (own @ scale)[:, None, :]
        parts.append(wide.reshape(len(own), -1))
    return jnp.concatenate(parts, axis=1)


def _log_det(lower: Any) -> Any:
    return jnp.log(jnp.diagonal(lower)).sum()


def _by_factor(kind: Integral, v: Any) -> list[Any]:
    """Return the standardised effects of each factor, (levels, K)."""
    parts, at = [], 0
    for count, k in zip(kind.levels, kind.effects, strict=True):
        parts.append(v[at : at + count * k].reshape(count, k))
        at += count * k
    return parts


def _log_prior(kind: Integral, nu: Any, v: Any) -> Any:
    """Return the normalised log density of the standardised effects."""
    total = -0.5 * kind.dimension * math.log(2 * math.pi)
    for u, sets, freedom in zip(_by_factor(kind, v), kind.student, nu, strict=True):
        heavy = [k for effects in sets for k in effects]
        total = total - 0.5 * sum(((u[:, k] ** 2).sum() for k in range(u.shape[1]) if k not in heavy), 0.0)
        for number, effects in enumerate(sets):
            n, size = freedom[number], len(effects)
            square = (u[:, list(effects)] ** 2).sum(1)
            constant = gammaln((n + size) / 2) - gammaln(n / 2) - 0.5 * size * jnp.log(n / 2)
            total = total + (constant - 0.5 * (n + size) * jnp.log1p(square / n)).sum()
    return total


def _tightness(kind: Integral, nu: Any, v: Any) -> Any:
    """Return the prior precision at v, (d,): 1, or that of a Student-t's reweighting (`rows._tight`)."""
    parts = []
    for u, sets, freedom in zip(_by_factor(kind, v), kind.student, nu, strict=True):
        tight = jnp.ones_like(u)
        for number, effects in enumerate(sets):
            n, where = freedom[number], jnp.array(effects)
            weight = (n + len(effects)) / (n + (u[:, where] ** 2).sum(1))
            tight = tight.at[:, where].set(weight[:, None])
        parts.append(tight.ravel())
    return jnp.concatenate(parts)


def _trapezoid(log_density: Any) -> tuple[Any, Any]:
    """Return the log integral over x, and its distance from that on every other node."""
    t = jnp.linspace(-FARTHEST, FARTHEST, NODES)
    values = jax.vmap(log_density)(jnp.sinh(t)) + jnp.log(jnp.cosh(t)) + jnp.log(t[1] - t[0])
    fine, coarse = logsumexp(values), logsumexp(values[1::2]) + jnp.log(2.0)
    return fine, jnp.abs(fine - coarse)


def _sampled(log_density: Any, points: Any) -> tuple[Any, Any]:
    """Return the log integral over x, and the relative standard error of the integral."""
    x, log_proposal = points[:, :-1], points[:, -1]
    log_weights = jax.vmap(log_density)(x) - log_proposal
    value = logsumexp(log_weights) - math.log(len(points))
    weights = jnp.exp(log_weights - value)
    return value, jnp.sqrt(weights.var() / len(points))


def n_points(d: int) -> int:
    """Return how many points of importance sampling d effects take; a power of two, as Sobol points want."""
    return FEW if d <= 4 else MANY


@cache
def points(d: int) -> np.ndarray:
    """Return sets of points of a multivariate t, each with its log density, (SETS, P, d + 1).

    Scrambled Sobol points, each set independently.
    """
    from scipy.stats import chi2, norm, qmc

    count = n_points(d)
    out = np.empty((SETS, count, d + 1))
    constant = math.lgamma((FREEDOM + d) / 2) - math.lgamma(FREEDOM / 2) - d / 2 * math.log(FREEDOM * math.pi)
    for number in range(SETS):
        uniform = qmc.Sobol(d + 1, rng=np.random.default_rng([d, number])).random(count)
        x = norm.ppf(uniform[:, :d]) * np.sqrt(FREEDOM / chi2.ppf(uniform[:, d:], FREEDOM))
        out[number, :, :d] = x
        out[number, :, d] = constant - (FREEDOM + d) / 2 * np.log1p((x**2).sum(1) / FREEDOM)
    return out
